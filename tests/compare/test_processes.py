"""Workers: what they answer, how they are lost, and that none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.compare import plan, worker
from benchmarks.compare.processes import Failed, Lost, Worker, environment
from gem_impls import Spec
from tests.benchmarks.planted import case as planted_case
from tests.project.markdown import ROOT

CASE = plan.case_entry(planted_case(implementation="numpy_cpu"))


@pytest.fixture
def launched() -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def launch(**options: Any) -> Worker:
        made.append(Worker([ROOT], **options))
        return made[-1]

    yield launch
    for one in made:
        one.kill()


def test_a_worker_measures(launched: Callable[..., Worker], tmp_path: Path) -> None:
    process = launched()
    assert Path(process.ask("hello")["package"]) == ROOT / "gem_impls"
    ready = process.ask("prepare", case=CASE)
    samples = process.ask("sample", case=CASE["id"], calls=ready["calls"], count=3)
    assert len(samples) == 3
    assert all(0 < sample < 0.1 for sample in samples)
    assert process.ask("memory", case=CASE)["arrays"] == "numpy"
    subject = plan.subject_entry("numpy_cpu", Spec("gem"), "float16", "cpu")
    found = process.ask("errors", subject=subject, folder=str(tmp_path))
    assert found["value"]["inputs"] == 65536
    assert found["value"]["max_ulp"] <= 0.51
    process.ask("finish", case=CASE["id"])
    with pytest.raises(Failed, match="KeyError"):
        process.ask("sample", case=CASE["id"], calls=1, count=1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"implementation": "gone"}, "lacks the implementation: unknown implementation 'gone'"),
        ({"function": "gem-2"}, "lacks the function"),
        ({"implementation": "numpy_cpu", "dtype": "bfloat16"}, "arrays lack the dtype"),
        ({"device": "cuda"}, "not available here"),
    ],
)
def test_what_a_revision_lacks_is_said_and_is_no_failure(change: dict[str, Any], reason: str) -> None:
    found = worker.answer(worker.Session(), {"do": "prepare", "case": CASE | change})
    assert found["lacks"] is True
    assert reason in found["failed"]


def test_an_error_is_a_sentence_without_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Any) -> Any:
        raise RuntimeError("cannot read /some" + "body/secret/file")

    monkeypatch.setattr(worker, "make_case", fails)
    found = worker.answer(worker.Session(), {"do": "prepare", "case": CASE})
    assert found == {"failed": "RuntimeError: cannot read <path>", "lacks": False}


class Clock:
    name = "fake"

    def __init__(self, *readings: float) -> None:
        self._readings = iter(readings)

    def now(self) -> float:
        return next(self._readings)

    def batch(self, calls: Any, count: int) -> Any:
        raise NotImplementedError


def test_time_in_the_queue_is_not_the_codes() -> None:
    waits = iter([1.0, 1.25])
    assert worker.sample(Clock(10.0, 11.0), lambda: None, lambda: next(waits)) == pytest.approx(0.75)


@pytest.mark.parametrize("end", [10.0, 9.0, float("nan")])
def test_a_clock_that_runs_backwards_gives_no_sample(end: float) -> None:
    with pytest.raises(ArithmeticError, match="ran backwards"):
        worker.sample(Clock(10.0, end), lambda: None, lambda: 0.0)


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="Linux keeps this count")
def test_the_count_of_the_queue_never_falls_and_sleep_is_not_in_it() -> None:
    before = worker.queued()
    time.sleep(0.05)
    after = worker.queued()
    assert 0 <= after - before < 0.04


def test_memory_moves_between_visits_and_does_not_grow() -> None:
    heap, sizes, places = worker.Heap(), [], set()
    for _ in range(50):
        heap.stir()
        sizes.append(sum(map(len, heap._held)))
        workspace = np.empty(1 << 14, np.uint8)
        places.add(workspace.ctypes.data % 4096)
        del workspace
    assert max(sizes) <= 16 * worker.LARGEST_PIECE
    assert len(places) > 1


def test_a_crash_is_named(launched: Callable[..., Worker]) -> None:
    process = launched()
    process.ask("hello")
    os.kill(process.pid, signal.SIGSEGV)
    with pytest.raises(Lost, match="ended by SIGSEGV"):
        process.ask("hello")


def test_silence_has_an_end(launched: Callable[..., Worker]) -> None:
    process = launched(timeout_s=60.0)
    process.ask("hello")
    os.kill(process.pid, signal.SIGSTOP)
    process._timeout_s = 0.2
    with pytest.raises(Lost, match=r"no answer within 0\.2 s"):
        process.ask("hello")


def test_a_package_that_cannot_be_imported_says_so(tmp_path: Path) -> None:
    (tmp_path / "gem_impls").mkdir()
    (tmp_path / "gem_impls" / "__init__.py").write_text("raise RuntimeError('planted')\n")
    process = Worker([tmp_path, ROOT])
    try:
        with pytest.raises((Failed, Lost), match="planted"):
            process.ask("hello")
    finally:
        process.kill()


def test_both_sides_have_an_environment_of_the_same_size(tmp_path: Path) -> None:
    sides = [environment([tmp_path / side / "site", tmp_path], 1) for side in ("base", "head")]
    assert len(str(sides[0])) == len(str(sides[1]))
    assert sides[0]["OMP_NUM_THREADS"] == "1"


def test_no_worker_outlives_its_parent() -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from benchmarks.compare.processes import Worker\n"
        f"process = Worker([Path({str(ROOT)!r})])\n"
        "process.ask('hello')\n"
        "print(process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _ends(pid)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no groups of processes")
def test_what_a_worker_started_ends_with_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import subprocess\nfrom pathlib import Path\n"
        f"Path({str(tmp_path / 'pid')!r}).write_text(str(subprocess.Popen(['sleep', '600']).pid))\n"
    )
    process = Worker([tmp_path, ROOT])
    process.ask("hello")
    pid = int((tmp_path / "pid").read_text())
    assert _alive(pid)
    process.kill()
    process.kill()
    _ends(pid)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of their parent")
def test_the_second_process_of_the_error_maps_ends_with_the_first() -> None:
    program = (
        "import os, time\n"
        "from benchmarks.error import family\n"
        "if __name__ == '__main__':\n"
        "    print(family._second_process().submit(os.getpid).result(), flush=True)\n"
        "    time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _ends(pid)


def _ends(pid: int) -> None:
    for _ in range(200):
        if not _alive(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the process went on")


def _alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody asked about does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"

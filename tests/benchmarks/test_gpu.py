"""``python -m benchmarks gpu``: phases that end in every way, what is kept, and a rehearsal."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.gpu import command, jobs, record
from benchmarks.gpu.jobs import FAILED, PASSED, STOPPED, Job, Outcome
from benchmarks.gpu.phases import PHASES, Phase, Sitting

ROOT = Path(__file__).parents[2]

# --- programs that end in every way ---------------------------------------------------------------------

WRITES = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
WAITS = "import time; time.sleep(60)"


def python(text: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", text, *arguments]


def phase(name: str, text: str, *arguments: str, **fields: Any) -> Phase:
    return Phase(name, "a test's", lambda _s, _i, target: python(text, str(target), *arguments), **fields)


def gpu(*words: str) -> int:
    return main(["gpu", *words])


def kept(path: Path) -> dict[str, dict[str, Any]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return {entry["phase"]: entry for entry in document["phases"]}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """As on a machine with a GPU, with phases of the test's own; gives the record's path."""
    monkeypatch.setattr(command, "no_gpu", lambda: None)
    monkeypatch.setattr(record, "STORE", tmp_path / "data")
    monkeypatch.setattr(command, "REHEARSALS", tmp_path / "work")
    monkeypatch.setattr(jobs, "GRACE_S", 5.0)
    monkeypatch.setattr(command, "LEAST_S", 0.0)

    def install(*phases: Phase) -> Path:
        monkeypatch.setattr(command, "PHASES", phases)
        return tmp_path / "record.json"

    return install


# --- the run --------------------------------------------------------------------------------------------


def test_each_phase_is_kept_as_it_ends_with_what_its_program_wrote(here: Callable[..., Path]) -> None:
    good, bad = phase("good", WRITES, '{"x": [1]}'), phase("bad", "raise SystemExit('no luck')")
    target = here(good, bad, phase("last", WRITES, "not JSON"))
    assert gpu("--out", str(target)) == 1
    found = kept(target)
    assert [(name, entry["status"]) for name, entry in found.items()] == [
        ("good", PASSED),
        ("bad", FAILED),
        ("last", PASSED),
    ]
    assert found["good"]["results"] == {"all": {"x": [1]}}
    assert found["bad"]["jobs"][0]["said"] == "no luck"
    assert "JSONDecodeError" in found["last"]["results"]["all"]["unreadable"]
    header = json.loads(target.read_text())[record.MARK]
    assert (header["complete"], header["rehearsal"]) == (True, False)
    assert str(target.parent) not in target.read_text()


def test_an_interruption_keeps_finished_phases_and_the_same_command_goes_on(
    here: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    counts = "import sys, pathlib; p = pathlib.Path(sys.argv[2]); p.write_text(p.read_text() + 'x')"
    (tmp_path / "runs").write_text("")
    target = here(phase("one", counts, str(tmp_path / "runs")), phase("two", "pass"))
    real = jobs.run

    def interrupted(todo: list[Job], *arguments: Any) -> list[Outcome]:
        if kept(target).keys() if target.exists() else ():
            raise KeyboardInterrupt
        return real(todo, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "run", interrupted)
        assert gpu("--out", str(target)) == 2
    assert "finished phases are kept" in capsys.readouterr().err
    assert [e["status"] for e in kept(target).values()] == [PASSED]
    assert gpu("--out", str(target)) == 0
    assert [e["status"] for e in kept(target).values()] == [PASSED, PASSED]
    assert (tmp_path / "runs").read_text() == "x", "a finished phase ran again"


def test_an_unfinished_record_is_found_and_a_finished_one_left_alone(
    here: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here(phase("one", "pass"), phase("two", WAITS, share=0.25))
    assert gpu("--budget", "4s") == 1
    (path,) = (tmp_path / "data").glob("*.json")
    assert kept(path)["two"]["status"] == STOPPED
    here(phase("one", "raise SystemExit(9)"), phase("two", "pass"))
    capsys.readouterr()
    assert gpu() == 0
    assert "going on with" in capsys.readouterr().out
    assert {name: entry["status"] for name, entry in kept(path).items()} == {"one": PASSED, "two": PASSED}
    assert gpu("--out", str(path)) == 2
    assert "not an incomplete record of this code on this machine" in capsys.readouterr().err
    assert gpu() == 1, "a new run, in which phase one fails"
    assert len(list((tmp_path / "data").glob("*.json"))) == 2


@pytest.mark.parametrize(
    "content", ["", "[]", '{"gem_impls_gpu": 3}', '{"gem_impls_gpu": {"complete": false}}']
)
def test_a_damaged_record_is_never_gone_on_with(
    here: Callable[..., Path], tmp_path: Path, content: str
) -> None:
    here(phase("one", "pass"))
    (tmp_path / "data").mkdir()
    damaged = tmp_path / "data" / "20260101T000000Z-gpu-x.json"
    damaged.write_text(content)
    assert gpu() == 0
    assert damaged.read_text() == content
    assert gpu("--out", str(damaged)) == 2
    assert damaged.read_text() == content


def test_what_is_wrong_is_not_timed(here: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Sitting] = []

    def look(sitting: Sitting, _: str, __: Path) -> list[str]:
        seen.append(sitting)
        return python("pass")

    def conform(_: Sitting, implementation: str, __: Path) -> list[str]:
        return python("raise SystemExit(1)" if implementation == "torch_naive" else "pass")

    monkeypatch.setattr(
        command, "_implementations", lambda _: ["torch_compile", "torch_naive", "triton_fused"]
    )
    target = here(
        Phase("conformance", "", conform, each=True, judges=True),
        phase("inputs", WRITES, '{"wrong": {"triton_fused": "5 ulp at x = 1"}}', judges=True),
        Phase("times", "", look),
    )
    assert gpu("--out", str(target)) == 1
    assert seen[0].wrong == ("torch_naive", "triton_fused")
    header = json.loads(target.read_text())[record.MARK]
    assert header["wrong"] == {
        "torch_naive": "it failed the phase 'conformance'",
        "triton_fused": "5 ulp at x = 1",
    }


def test_a_budget_ends_phases_and_leaves_out_the_rest(
    here: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LEAST_S", 0.5)
    target = here(phase("long", WAITS), phase("late", "pass"))
    assert gpu("--out", str(target), "--budget", "2s") == 1
    found = kept(target)
    assert found["long"]["status"] == STOPPED
    assert (found["late"]["status"], found["late"]["reason"]) == (
        "not run",
        "the budget was spent before its turn",
    )
    assert json.loads(target.read_text())[record.MARK]["complete"] is False


def test_only_runs_what_was_named_and_says_that_more_is_to_do(
    here: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    target = here(phase("one", "pass"), phase("two", "pass"))
    assert gpu("--out", str(target), "--only", "two") == 0
    assert list(kept(target)) == ["two"]
    assert "Not everything was done" in capsys.readouterr().out


def test_an_unwritable_place_is_said(here: Callable[..., Path], tmp_path: Path, capsys: Any) -> None:
    here(phase("one", "pass"))
    (tmp_path / "file").write_text("")
    assert gpu("--out", str(tmp_path / "file" / "record.json")) == 2
    assert capsys.readouterr().err.startswith("error: ")


# --- arguments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20m", 1200), ("1.5h", 5400), ("2", 120)])
def test_a_budget_is_a_time(text: str, seconds: float) -> None:
    assert command.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-1m", "20 minutes", "inf", "1e3s", "h"])
def test_what_is_no_time_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a time above 0 is needed"):
        command.seconds_of(text)
    with pytest.raises(SystemExit) as stopped:
        gpu(f"--budget={text}")
    assert stopped.value.code == 2
    assert "a time above 0 is needed, as 90s, 20m or 1.5h" in capsys.readouterr().err


def test_an_unknown_phase_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu("--only", "quick swep") == 2
    assert "unknown phase 'quick swep'" in capsys.readouterr().err


def test_without_a_gpu_it_says_what_is_missing_and_does_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu("--out", str(tmp_path / "record.json")) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("error: torch ")
    assert "is needed" in said.err or "are needed" in said.err
    assert list(tmp_path.iterdir()) == []


def test_the_plan_lists_every_phase_and_does_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "run", None)
    assert gpu("--plan", "--budget", "20m") == 0
    lines = capsys.readouterr().out.splitlines()
    for number, (one, line) in enumerate(zip(PHASES, lines, strict=False), start=1):
        assert line.split("  ")[0].strip().startswith(f"{number}. {one.name}")
    assert "at most 60 s" in lines[0]


def test_the_first_phases_fit_into_any_budget() -> None:
    assert sum(one.share for one in PHASES[:-2]) == pytest.approx(1)
    assert [one.name for one in PHASES if one.judges] == ["conformance", "every input"]
    judged = max(i for i, one in enumerate(PHASES) if one.judges)
    timed = min(i for i, one in enumerate(PHASES) if "sweep" in one.name or one.name == "performance")
    assert judged < timed


def test_the_document_shows_the_tables_of_the_code() -> None:
    """``python -m benchmarks.gpu.document docs/gpu.md`` brings it up to date."""
    from benchmarks.gpu import document

    text = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    for name in ("phases", "targets"):
        assert f"<!-- {name}: begin -->\n{document.BLOCKS[name]()}\n<!-- {name}: end -->" in text


# --- the programs of its own ----------------------------------------------------------------------------


def test_hidden_implementations_do_not_exist_for_the_program_that_is_run() -> None:
    program = [
        "-m",
        "benchmarks.gpu.without",
        "torch_naive,numpy_cpu",
        "tests.benchmarks.show_implementations",
    ]
    done = subprocess.run(
        [sys.executable, *program, "a word"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names, words = map(json.loads, done.stdout.splitlines())
    assert not {"torch_naive", "numpy_cpu"} & set(names)
    assert "torch_compile" in names
    assert words == ["a word"]


def test_an_implementation_that_is_wrong_at_one_input_in_a_million_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from benchmarks.gpu import every_input
    from gem_impls.impls.torch_naive import TorchNaiveOp

    honest = TorchNaiveOp.forward

    def wrong(self: Any, x: Any, out: Any = None) -> Any:
        y = honest(self, x, out)
        at = torch.tensor(0x3F800000, dtype=torch.int32).view(torch.float32)  # 1.0
        return torch.where(x.float() == at, torch.nan, y.float()).to(x.dtype)

    monkeypatch.setattr(every_input, "SPECS", every_input.SPECS[:1])
    words = ["--device", "cpu", "--step", "4096", "--implementation", "torch_naive", "--out"]
    assert every_input.main([*words, str(tmp_path / "right.json")]) == 0
    right = json.loads((tmp_path / "right.json").read_text())
    assert right["reference_ulp"] < 2**-20
    assert right["wrong"] == {}
    assert {(r["dtype"], r["what"], r["inputs"]) for r in right["rows"]} == {
        ("float32", "value", 2**20 - 4096),  # of 4096 bit patterns in 2^20 the exponent is that of NaN
        ("float32", "gradient", 2**20 - 4096),
        ("float16", "value", 2**16 - 2**11),
        ("float16", "gradient", 2**16 - 2**11),
        ("bfloat16", "value", 2**16 - 2**8),
        ("bfloat16", "gradient", 2**16 - 2**8),
    }
    monkeypatch.setattr(TorchNaiveOp, "forward", wrong)
    assert every_input.main([*words, str(tmp_path / "wrong.json")]) == 1
    found = json.loads((tmp_path / "wrong.json").read_text())
    assert "1 results beyond the bound, the worst inf ulp at x = 1.0" in found["wrong"]["torch_naive"]
    assert [r["max_ulp"] for r in found["rows"] if r["what"] == "value"] == ["inf"] * 3
    assert "torch_naive: gem(n=1) float32 value" in capsys.readouterr().out


@pytest.mark.slow
def test_a_rehearsal_runs_every_phase(tmp_path: Path) -> None:
    """All programs, on the CPU and at tiny sizes, through the command itself."""
    pytest.importorskip("torch", reason="torch is not installed: nothing to rehearse with")
    pytest.importorskip("triton", reason="triton is not installed: its kernels are part of the rehearsal")
    target = tmp_path / "rehearsal.json"
    line = [sys.executable, "-m", "benchmarks", "gpu", "--rehearse", "--out", str(target)]
    # pytest-benchmark does not measure in a worker of xdist, nor below one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST")}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = kept(target)
    assert list(found) == [one.name for one in PHASES]
    assert {entry["status"] for entry in found.values()} == {PASSED}
    assert "no figure in" in done.stdout
    header = json.loads(target.read_text())[record.MARK]
    assert (header["rehearsal"], header["complete"], header["wrong"]) == (True, True, {})
    for name, mark in {
        "quick sweep": "gem_impls",
        "full sweep": "gem_impls",
        "performance": "gem_impls_performance",
        "fingerprint": "kernels",
        "profile": "profiles",
        "device": "ceilings",
        "every input": "rows",
    }.items():
        assert mark in found[name]["results"]["all"], name
    for result in found["error"]["results"].values():
        assert result["gem_impls_error"]["within_bounds"] is not False
    assert str(ROOT) not in target.read_text()

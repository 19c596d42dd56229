"""Targets and verdicts, planted faults, records that are damaged or interrupted, fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.command_line import BAD_USE
from benchmarks.performance import command, plan, races
from benchmarks.performance.contestants import Contestant
from benchmarks.performance.crossover import crossover, words
from benchmarks.performance.entries import KINDS, LAYERS, PACE, Count, Entry, Failure, Race, Start
from benchmarks.performance.falls import fall
from benchmarks.performance.first_call import BUILD, FIRST, FRAMEWORK, PACKAGE
from benchmarks.performance.markdown import document
from benchmarks.performance.settings import Setting
from benchmarks.performance.study import STUDY
from benchmarks.performance.targets import TARGETS
from benchmarks.performance.verdicts import AT_LIMIT, AWAITS, MET, MISSED, NONE, REPORTED, judge
from benchmarks.record import ROOT
from benchmarks.study import Run, read
from benchmarks.study import run as study_run
from benchmarks.study.command import FAILED, MEASURED
from benchmarks.study.pieces import Piece
from benchmarks.work import Work
from tests.benchmarks import planted
from tests.benchmarks.planted import BRIEF

BY_ID = {target.id: target for target in TARGETS}


def race(numel: int = 2**10, passes: str = "forward", **samples: list[float]) -> Race:
    """A race on a CPU; ``cpp_fused`` and ``torch_naive`` are of the family."""
    family = tuple(name for name in samples if name in ("cpp_fused", "torch_compile", "torch_naive"))
    timed = {name: tuple(s) for name, s in samples.items()}
    return Race(
        purpose=PACE, subject="", function="gem(n=1)", device="cpu", dtype="float32", numel=numel,
        passes=passes, out=False, clock="wall", cache=None, bytes=8 * numel, family=family, samples=timed,
        calls=dict.fromkeys(timed, 1),
    )  # fmt: skip


# --- verdicts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "status"),
    [
        ([0.8, 0.9, 0.9, 0.9, 1.2], MET),
        ([0.9, 0.95, 1.05, 1.1, 1.2], AT_LIMIT),
        ([1.1, 1.2, 1.3, 1.4, 1.5], MISSED),
    ],
)
def test_a_ratio_is_met_at_the_limit_or_missed(own: list[float], status: str) -> None:
    found = judge(BY_ID["cpu-gelu"], [race(cpp_fused=own, gelu=[1.0] * 5)], gpu=False)
    assert found.status == status
    assert found.figures[0].spread.median == sorted(own)[2]


def test_the_worst_setting_decides_and_the_fastest_implementation_counts() -> None:
    entries = [
        race(2**10, cpp_fused=[0.5] * 5, torch_compile=[9.0] * 5, gelu=[1.0] * 5),
        race(2**12, cpp_fused=[9.0] * 5, torch_compile=[2.0] * 5, gelu=[1.0] * 5),
    ]
    found = judge(BY_ID["cpu-gelu"], entries, gpu=False)
    assert [(f.where, f.who, f.spread.median) for f in found.figures] == [
        ("2^10", "cpp_fused", 0.5),
        ("2^12", "torch_compile", 2.0),
    ]
    assert found.status == MISSED
    assert found.worst == found.figures[1]
    assert found.lacking == len(BY_ID["cpu-gelu"].settings(False)) - 2


def test_ratios_are_taken_round_by_round() -> None:
    drift = [1.0, 2.0, 4.0, 8.0, 16.0]
    found = judge(BY_ID["cpu-gelu"], [race(cpp_fused=[d / 2 for d in drift], gelu=drift)], gpu=False)
    assert (found.figures[0].spread.q1, found.figures[0].spread.q3) == (0.5, 0.5)


def test_at_least_is_the_other_way_round() -> None:
    r = race(2**20, numpy_cpu=[1.0] * 5, **{"literal NumPy formula": [19.0] * 5})
    assert judge(BY_ID["numpy-literal"], [r], gpu=False).status == MISSED
    r = race(2**20, numpy_cpu=[1.0] * 5, **{"literal NumPy formula": [21.0] * 5})
    assert judge(BY_ID["numpy-literal"], [r], gpu=False).status == MET


@pytest.mark.parametrize(("last", "status"), [(1.05, MET), (1.2, MISSED)])
def test_no_single_size_may_exceed_what_is_permitted_anywhere(last: float, status: str) -> None:
    ratios = {8: 0.9, 10: 0.9, 12: last}
    found = [race(2**e, cpp_fused=[r] * 5, gelu=[1.0] * 5) for e, r in ratios.items()]
    entries = [replace(r, device="cuda", cache="hot") for r in found]
    assert judge(BY_ID["gpu-gelu"], entries, gpu=True).status == status


@pytest.mark.parametrize("target", [t for t in TARGETS if t.device == "cuda"], ids=lambda t: t.id)
def test_without_a_card_gpu_rows_await_one_and_have_no_number(target: Any) -> None:
    entries = [race(cpp_fused=[1.0] * 5, triton_fused=[1.0] * 5, gelu=[1.0] * 5)]
    found = judge(target, entries, gpu=False)
    assert (found.status, found.figures) == (AWAITS, ())
    assert judge(target, entries, gpu=True).status == NONE


def count(**changes: Any) -> Count:
    usual = Count("cpp_fused", "cpu", "float32", 2**20, "forward+backward", 0, 0.0, 2, saves_only_input=True)
    return replace(usual, **changes)


def test_bytes() -> None:
    assert judge(BY_ID["cpu-saved"], [count()], gpu=False).status == MET
    assert judge(BY_ID["cpu-saved"], [count(extra_saved_bytes=4.0)], gpu=False).status == MISSED
    assert judge(BY_ID["cpu-peak"], [count(peak_bytes=2 * 64 * 1024)], gpu=False).status == MET
    assert judge(BY_ID["cpu-peak"], [count(peak_bytes=2 * 64 * 1024 + 1)], gpu=False).status == MISSED
    naive = count(peak_bytes=2**30, extra_saved_bytes=20.0, saves_only_input=False)
    assert judge(BY_ID["cpu-peak"], [naive], gpu=False).status == NONE, (
        "it keeps its intermediates on purpose"
    )


def start(first: float) -> Start:
    phases = {FRAMEWORK: (2.0,) * 5, PACKAGE: (0.1,) * 5, BUILD: (0.4,) * 5, FIRST: (first,) * 5}
    return Start("torch_compile", "cpu", "warm", phases)


@pytest.mark.parametrize(("first", "status"), [(0.5, MET), (0.8, MISSED)])
def test_cold_starts_are_compared_with_those_before(first: float, status: str) -> None:
    target = BY_ID["start-compile"]
    assert judge(target, [start(0.5)], gpu=False).status == REPORTED
    found = judge(target, [start(first)], gpu=False, before=[start(0.5)])
    assert found.status == status
    assert found.figures[1].spread.median == pytest.approx((0.5 + first) / 1.0)


# --- crossover and waterfall ----------------------------------------------------------------------------


def crossing(*ratios: list[float]) -> str:
    races_ = [race(2 ** (8 + i), cpp_fused=r, gelu=[1.0] * 5) for i, r in enumerate(ratios)]
    found = crossover("cpp_fused", "gelu", races_)
    assert found is not None
    return words(found)


def test_crossover() -> None:
    slow, even, fast = [2.0] * 5, [0.8, 0.9, 1.0, 1.1, 1.2], [0.5] * 5
    assert crossing(slow, fast, fast) == "from 2^9 (not at 2^8)"
    assert crossing(fast, slow, even, fast) == "from 2^11 (no difference at 2^10)"
    assert crossing(fast, fast) == "at every size, 2^8 to 2^9"
    assert crossing(fast, even, fast) == "at every size, 2^8 to 2^10 (no difference at 2^9)"
    assert crossing(slow, fast, even) == "from 2^9 (no difference at 2^10)"
    assert crossing(even, fast) == "from 2^9 (no difference at 2^8)"
    assert crossing(fast, slow) == "nowhere up to 2^9"
    assert crossing(slow, even) == "nowhere up to 2^9 (no difference at 2^9)"


def test_layers_are_differences_and_what_cannot_be_seen_is_not_counted() -> None:
    rungs = {
        "launch": [1.0] * 5,
        "device": [3.0, 4.0, 3.0, 3.0, 4.0],
        "allocation": [3.0, 3.0, 4.0, 3.0, 4.0],
    }
    f = fall(replace(race(**rungs), purpose=LAYERS, subject="cpp_fused"))
    assert [(one.name, one.added.median, one.seen) for one in f.layers] == [
        ("launch", 1.0, True),
        ("device", 2.0, True),
        ("allocation", 0.0, False),
    ]
    assert f.total.median == 3.0
    assert f.unexplained == 0.0


def test_what_noise_leaves_unexplained_is_said_even_where_it_is_negative() -> None:
    rungs = {"launch": [1.0] * 5, "device": [9.0] * 5, "allocation": [4.0] * 5}
    f = fall(replace(race(**rungs), purpose=LAYERS, subject="cpp_fused"))
    assert f.layers[2].added.median == -5.0
    assert f.unexplained == 4.0 - 9.0


# --- planted faults -------------------------------------------------------------------------------------


def raced(fault: Callable[..., Any], setting: Setting) -> tuple[Race, list[Failure]]:
    """A race of a sound implementation, one with a fault, and the ceiling."""

    def gather(_: Setting, __: int, ___: dict[str, str]) -> tuple[Work, list[Contestant]]:
        case = setting.case("planted")
        sound = Work(case, planted.Planted(planted.none()))
        faulty = Work(case, planted.Planted(fault))
        x, out = sound.sets[0].x.view, sound.sets[0].result.view
        found = [Contestant("copy_", [lambda: out.__setitem__(..., x)])]
        found += [Contestant("sound", sound.calls, sound), Contestant("planted", faulty.calls, faulty)]
        return sound, found

    return races.race(setting, BRIEF, gather)


SMALL = Setting("cpu", 12, "forward")


@pytest.mark.parametrize(
    ("fault", "changes", "reason"),
    [
        (planted.slightly_wrong(), {}, "wrong value"),
        (planted.wrong_at_the_last_element(), {}, "wrong value"),
        (planted.gives_nan(), {}, "NaN or infinite"),
        (planted.keeps_its_first_result(), {}, "wrong value"),
        (planted.writes_nothing(), {"out": True}, "stale, unwritten or wrong"),
        (planted.goes_wrong_later(after=10), {}, "wrong value"),
        (planted.runs_out_of_memory(), {}, "out of memory"),
        (planted.raises_with_a_path(), {}, "could not load <path>"),
        (planted.remembers_the_answer(), {"exponent": 22, "out": True}, "too fast to be true"),
    ],
    ids=["wrong", "last", "nan", "kept", "stale", "later", "memory", "error", "too-fast"],
)
def test_planted_faults_have_no_time_but_a_reason(
    fault: Callable[..., Any], changes: dict[str, Any], reason: str
) -> None:
    found, failures = raced(fault, replace(SMALL, **changes))
    assert "planted" not in found.samples
    assert reason in found.left_out["planted"]
    assert [f.who for f in failures] == ["planted"]
    assert {"copy_", "sound"} <= found.samples.keys()


def test_a_slow_implementation_shows_as_slow() -> None:
    found, failures = raced(planted.sleeps(2e-3), SMALL)
    assert not failures
    assert min(found.samples["planted"]) >= 2e-3 > max(found.samples["copy_"])


def test_everybody_is_timed_once_a_round() -> None:
    found, _ = raced(planted.none(), SMALL)
    assert {len(samples) for samples in found.samples.values()} == {len(found.samples["sound"])}
    assert len(found.samples["sound"]) >= 5


# --- records --------------------------------------------------------------------------------------------

ENTRIES: list[Entry] = [
    race(cpp_fused=[1.0] * 5, gelu=[1.0] * 5),
    count(),
    start(0.5),
    Failure("a piece", "who", "why"),
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(study_run, "STORE", tmp_path)
    folder = tmp_path / STUDY.name
    folder.mkdir()
    return folder


SETTINGS = {"length": "quick", "devices": ["cpu"], "whole": True}


def stored(target: Path) -> dict[str, Any]:
    run = Run(STUDY, SETTINGS, "python -m benchmarks performance", target)
    run.ends("all", ENTRIES)
    run.close()
    found: dict[str, Any] = json.loads(target.read_text())
    return found


def test_what_is_written_is_read(store: Path) -> None:
    stored(store / "r.json")
    found = read(STUDY, (store / "r.json").read_bytes())
    assert found.problems == ()
    assert list(found.entries) == ENTRIES
    assert document(found).count("\n| ") > len(TARGETS)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("races", {"samples": {"cpp_fused": [1.0], "gelu": [1.0, 2.0]}}),
        ("races", {"samples": {"cpp_fused": [0.0]}}),
        ("races", {"samples": {"cpp_fused": ["1"]}}),
        ("races", {"samples": {"cpp_fused": [True]}}),
        ("races", {"samples": {"cpp_fused": []}}),
        ("races", {"samples": [1.0]}),
        ("races", {"numel": 0}),
        ("races", {"out": "yes"}),
        ("races", {"function": None}),
        ("races", {"function": "x" * 10_000}),
        ("counts", {"peak_bytes": -1}),
        ("counts", {"extra_saved_bytes": 10**400}),
        ("starts", {"phases": {"build": [1.0, 2.0], "first call": [1.0]}}),
        ("failures", {"reason": 3}),
    ],
)
def test_a_damaged_entry_costs_that_entry(store: Path, kind: str, changes: dict[str, Any]) -> None:
    found = stored(store / "r.json")
    found[kind][0] |= changes
    seen = read(STUDY, json.dumps(found).encode())
    assert len(seen.problems) == 1
    assert seen.problems[0].startswith(f"{kind}[0] left out: ")
    assert len(seen.entries) == len(ENTRIES) - 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"gem_impls_performance": {"schema": 2}}',
        b"\xff",
        b'{"a": NaN}',
        b"[" * 10**5,
    ],
)
def test_what_is_no_record_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"not JSON|not a record|schema"):
        read(STUDY, raw)


def test_an_interrupted_run_goes_on_and_repeats_nothing(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[str] = []
    interrupted = [True]

    def piece(name: str, entry: Entry) -> Piece:
        def run() -> list[Entry]:
            if name == "second" and interrupted.pop() if interrupted else False:
                raise KeyboardInterrupt
            measured.append(name)
            return [entry]

        return Piece(name, run)

    made = [piece("first", ENTRIES[0]), piece("second", ENTRIES[1]), piece("third", ENTRIES[2])]
    monkeypatch.setattr(command, "pieces", lambda *_, **__: made)
    assert command.main(["--quick"]) == BAD_USE
    (kept,) = store.glob("*.json")
    assert read(STUDY, kept.read_bytes()).entries == (ENTRIES[0],), "what was measured is kept"
    assert command.main(["--quick"]) == MEASURED
    assert measured == ["first", "second", "third"]
    assert list(store.glob("*.json")) == [kept]
    assert read(STUDY, kept.read_bytes()).header["complete"] is True
    assert read(STUDY, kept.read_bytes()).entries == tuple(ENTRIES[:3])
    assert "goes on" in capsys.readouterr().err


def test_a_file_of_something_else_is_not_overwritten(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(store / "r.json")
    before = (store / "r.json").read_bytes()
    assert command.main(["--quick", "--only", "counts", "--out", str(store / "r.json")]) == BAD_USE
    assert "--out" in capsys.readouterr().err
    assert (store / "r.json").read_bytes() == before


# --- the command ----------------------------------------------------------------------------------------


def test_one_target_from_the_command_to_the_record(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plan, "SETTINGS", {"quick": BRIEF, "full": BRIEF})
    assert command.main(["--quick", "--only", "numpy-maximum", "numpy-literal"]) == MEASURED
    (kept,) = store.glob("*.json")
    found = read(STUDY, kept.read_bytes())
    assert found.header["whole"] is False
    assert {t.id: judge(t, found.entries, gpu=False).status for t in TARGETS}["numpy-maximum"] != NONE
    assert all(len(s) >= 5 for e in found.entries if isinstance(e, Race) for s in e.samples.values())
    said = capsys.readouterr().out
    assert "numpy-literal" in said
    assert "numpy_cpu" in said


def test_a_failed_gate_is_an_exit_code(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = Piece("a race", lambda: [Failure("a race", "planted", "wrong value: 9 ulp")])
    monkeypatch.setattr(command, "pieces", lambda *_, **__: [failed])
    assert command.main(["--quick"]) == FAILED
    assert "planted: wrong value: 9 ulp" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "cpu-copi"], "Did you mean 'cpu-copy'"),
        (["--minutes", "0"], "minutes > 0"),
        (["--minutes", "nan"], "minutes > 0"),
        (["--show", "no-such-file.json"], "--show no-such-file.json"),
        (["--before", "no-such-file.json"], "--before no-such-file.json"),
    ],
)
def test_bad_use(arguments: list[str], said: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = command.main(arguments)
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    assert code == BAD_USE
    assert said in capsys.readouterr().err
    assert not list(store.iterdir())


def test_the_list_has_every_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == MEASURED
    said = capsys.readouterr().out
    assert all(target.id in said for target in TARGETS)


def test_every_target_is_in_the_document() -> None:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert [t.id for t in TARGETS if f"--only {t.id}`" not in text] == []


# --- fresh processes ------------------------------------------------------------------------------------


def test_nothing_heavy_is_loaded_before_a_first_call_is_timed() -> None:
    code = (
        "import sys, benchmarks.performance.first_call\n"
        "print(sorted({'numpy', 'torch', 'triton', 'gem_impls'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_phases_of_a_first_call() -> None:
    from benchmarks.performance.starts import WARM, start

    found = start("numpy_cpu", "cpu", WARM, 2)
    assert [len(times) for times in found.phases.values()] == [2] * len(found.phases)
    assert list(found.phases)[:4] == [FRAMEWORK, PACKAGE, BUILD, FIRST]
    assert all(t > 0 for times in found.phases.values() for t in times)


def test_every_kind_of_entry_is_written() -> None:
    assert {type(e) for e in ENTRIES} == set(KINDS.values())
    assert all(json.loads(json.dumps(asdict(e))) for e in ENTRIES)

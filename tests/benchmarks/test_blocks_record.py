"""Known times, records that are damaged or interrupted, and the command."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the layers are torch modules")

from benchmarks.blocks import command, plan, races, readings  # noqa: E402
from benchmarks.blocks.entries import (  # noqa: E402
    EAGER,
    KINDS,
    PEER,
    TRAINING,
    Count,
    Failure,
    Race,
)
from benchmarks.blocks.markdown import document  # noqa: E402
from benchmarks.blocks.settings import Setting  # noqa: E402
from benchmarks.blocks.study import STUDY  # noqa: E402
from benchmarks.study import Run, read  # noqa: E402
from benchmarks.study.pieces import Piece  # noqa: E402

# --- what a race says -----------------------------------------------------------------------------------


def known(**samples: list[float]) -> Race:
    """A race with these times; a participant's name is its function's, up to the first ``__``."""
    whose = {name: name.partition("__")[2] or PEER for name in samples}
    functions = {"gem": "gem(n=1)"}
    named_ = {name: functions.get(name.partition("__")[0], name.partition("__")[0]) for name in samples}
    return Race(
        block="gpt2-mlp", summary="an MLP", source="a paper", device="cpu", dtype="float32", mode=EAGER,
        passes=TRAINING, shape=(4, 8), clock="wall", parameters=10, activated=16, functions=named_,
        implementations=whose, samples={k: tuple(v) for k, v in samples.items()}, alone={},
        calls=dict.fromkeys(samples, 1),
    )  # fmt: skip


DRIFT = [1.0, 2.0, 4.0, 8.0, 16.0]


def test_ratios_and_shares_are_taken_round_by_round() -> None:
    race = known(identity=[0.75 * d for d in DRIFT], relu=DRIFT, gelu=[2 * d for d in DRIFT])
    ratio, share = readings.ratio(race, "gelu", "relu"), readings.share(race, "relu")
    assert ratio is not None
    assert (ratio.q1, ratio.median, ratio.q3) == (2, 2, 2)
    assert share is not None
    assert (share.q1, share.median, share.q3) == (0.25, 0.25, 0.25)
    alone = replace(race, alone={"relu": tuple(d / 8 for d in DRIFT)})
    by_itself = readings.share_alone(alone, "relu")
    assert by_itself is not None
    assert by_itself.median == 0.125
    assert readings.share_alone(race, "relu") is None


def test_the_choice_moves_from_the_dearest_to_the_cheapest_each_in_its_fastest_code() -> None:
    race = known(
        identity=[0.1] * 21,
        relu=[0.9] * 21,
        gelu=[1.0] * 21,
        gem__torch_naive=[4.0] * 21,
        gem__cpp_fused=[0.8] * 21,
    )
    (found,) = readings.moved([race])
    assert found is not None
    assert found.seen
    assert (found.dearest, found.cheapest) == (("gelu",), ("gem(n=1)",))
    assert found.part.median == pytest.approx(0.2)
    (within,) = readings.moved_by_implementation([race])
    assert within is not None
    assert (within.dearest, within.cheapest, within.part.median) == (
        ("gem__torch_naive",),
        ("gem__cpp_fused",),
        pytest.approx(0.8),
    )
    assert readings.moved([known(identity=[1.0], relu=[1.0])]) == [None]


def test_no_difference_is_said() -> None:
    race = known(identity=[0.5] * 5, relu=[0.9, 1.0, 1.1, 1.0, 1.0], gelu=[1.1, 1.0, 0.9, 1.0, 1.0])
    record = StoredRecord([race])
    assert "moves nothing that is seen above the spread of a training step" in document(record.read())
    assert "no difference" in document(record.read())


# --- records and the command ----------------------------------------------------------------------------


@dataclass
class StoredRecord:
    """A record with these entries, through the text of a file."""

    entries: list[Any]

    def read(self, **damage: Any) -> Any:
        environment = {"machine": "a machine", "torch": "2", "python": "3"}
        header = {"schema": 1, "started": "now", "length": "quick", "busy": 0.1, "environment": environment}
        top: dict[str, Any] = {STUDY.mark: header, **{kind: [] for kind in KINDS}}
        for entry in self.entries:
            top[STUDY.kind_of(entry)].append({**asdict(entry), **damage})
        return read(STUDY, json.dumps(top).encode())


USUAL = known(identity=[1.0] * 21, relu=[1.25] * 21, gem__cpp_fused=[1.0] * 21)


def test_what_is_written_is_read() -> None:
    count = Count("gpt2-mlp", "cpu", "float32", EAGER, TRAINING, "relu", 2**20, None, None)
    record = StoredRecord([USUAL, count, Failure("gpt2-mlp", "planted: wrong")]).read()
    assert record.of(Race) == (USUAL,)
    assert record.of(Count) == (count,)
    assert record.problems == ()
    said = document(record)
    assert "moves 20 % (20 to 20) of a training step, from relu to gem(n=1)" in said
    assert "planted: wrong" in said


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ({"samples": {"relu": [1.0], "gelu": [1.0, 2.0]}}, "there are no pairs"),
        ({"samples": {"relu": []}}, "has no sample"),
        ({"samples": {"relu": [0.0]}}, "a time is not within"),
        ({"samples": {"nobody": [1.0]}}, "does not say what 'nobody' stands for"),
        ({"alone": {"relu": [1.0]}}, "there are no pairs"),
        ({"mode": "fast"}, "mode must be one of eager, compiled"),
        ({"passes": "backward"}, "passes must be one of"),
        ({"shape": [0, 8]}, "every part of shape at least 1"),
        ({"shape": []}, "every part of shape at least 1"),
        ({"functions": "relu"}, "functions must be an object"),
    ],
)
def test_a_damaged_race_is_left_out_and_said(damage: dict[str, Any], why: str) -> None:
    record = StoredRecord([USUAL]).read(**damage)
    assert record.entries == ()
    assert why in record.problems[0]


def test_bad_use_is_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--only", "gpt3"]) == 2
    assert "unknown block 'gpt3'" in capsys.readouterr().err
    damaged = tmp_path / "r.json"
    damaged.write_text("{", encoding="utf-8")
    assert command.main(["--show", str(damaged)]) == 2
    assert "it is not JSON" in capsys.readouterr().err
    if not torch.cuda.is_available():
        assert command.main(["--device", "cuda"]) == 2
        assert "torch sees no CUDA device" in capsys.readouterr().err
    assert command.main(["--list"]) == 0
    assert "gpt2-mlp" in capsys.readouterr().out


def test_an_interrupted_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def pieces(*_: Any) -> list[Piece]:
        def second() -> list[Any]:
            ran.append("second")
            if len(ran) == 2:
                raise KeyboardInterrupt
            return [Failure("second", "planted: wrong")]

        def first() -> list[Any]:
            ran.append("first")
            return [USUAL]

        return [Piece("first", first), Piece("second", second)]

    monkeypatch.setattr(plan, "pieces", pieces)
    arguments = ["--quick", "--device", "cpu", "--out", str(tmp_path / "r.json")]
    assert command.main(arguments) == 2
    assert command.main(arguments) == 1, "something failed its gate"
    assert ran == ["first", "second", "second"]
    record = read(STUDY, (tmp_path / "r.json").read_bytes())
    assert (record.header["complete"], record.of(Race)) == (True, (USUAL,))
    assert "--out" not in record.header["command"]
    assert "failed: second: planted: wrong" in capsys.readouterr().out


def test_a_run_that_cannot_begin_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(_: Setting) -> Any:
        raise MemoryError

    monkeypatch.setattr(races, "Inputs", no_memory)
    (piece, *_) = plan.pieces(["gpt2-mlp"], ["cpu"], "quick")
    assert piece.run() == [Failure(piece.name, "everybody: out of memory")]


def test_a_record_is_one_of_the_study(tmp_path: Path) -> None:
    run = Run(STUDY, {"length": "quick", "whole": True, "devices": ["cpu"]}, "x", tmp_path / "r.json")
    run.ends("all", [USUAL])
    run.close()
    assert read(STUDY, run.target.read_bytes()).of(Race) == (USUAL,)

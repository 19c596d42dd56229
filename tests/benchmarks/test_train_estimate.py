"""What a grid takes is said within seconds, from some steps or a part of one, and adds up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.models.activations import everything, named
from benchmarks.train import estimate, trial
from benchmarks.train.estimate import Estimate
from benchmarks.train.plan import Grid
from benchmarks.train.recipes import QUICK
from benchmarks.train.task import Task
from benchmarks.train.trial import Part
from tests.benchmarks.test_datasets import write_tokens


def test_the_estimate_adds_up() -> None:
    found = Estimate({"a": 2.0, "b": 0.5}, {"a": 10, "b": 40}, 1)
    assert found.seconds == pytest.approx(estimate.START_S + 40)
    two = Estimate(found.each, found.counts, 2)
    assert two.seconds == pytest.approx(estimate.START_S + 40 * estimate.WORKERS_SLOW / 2)


def test_the_estimate_scales_a_few_steps_to_all_of_them() -> None:
    asked: list[dict[str, Any]] = []

    def fake(task: dict[str, Any]) -> dict[str, Any]:
        asked.append(task)
        return {"seconds": 0.001 * task["steps"], "steps": task["steps"]}

    grid = Grid("quick", ("mlp",), everything())
    found = estimate.estimate(grid, {"mlp": len(grid.tasks())}, 2, run=fake)
    assert found.each["mlp"] == pytest.approx(0.001 * QUICK["mlp"].steps, rel=0.2)
    row = QUICK["mlp"]
    assert found.counts["mlp"] == 37 * len(row.rates) * row.seeds
    assert {t["activation"] for t in asked} == {"relu", everything()[-1].name}


def never(task: dict[str, Any]) -> dict[str, Any]:
    raise AssertionError(f"a whole step of {task['model']} takes hours")


def text_of(folder: Path) -> str:
    write_tokens(folder)
    return str(folder)


def test_a_step_of_hours_is_estimated_from_a_part_of_it(tmp_path: Path) -> None:
    """A token a millisecond: 524 s a step of half a million."""
    seen: list[Part] = []

    def fake(_: Task, part: Part) -> float:
        seen.append(part)
        return 0.001 * part.samples * part.context

    grid = Grid("full", ("gpt2-124m",), (named("relu"),), folder=text_of(tmp_path))
    said: list[str] = []
    found = estimate.estimate(grid, {"gpt2-124m": 6}, 1, never, measure=fake, said=said.append)
    assert seen == [Part(1, 128), Part(1, 1024)], "the first that takes half a second is enough"
    assert found.each["gpt2-124m"] == pytest.approx(524.288 * (2000 + 1 / 3), rel=1e-6)
    assert found.words() == "about 73 days: gpt2-124m 6 of 12 days, from a part of a step; one after another"
    assert said == ["estimating gpt2-124m: some steps on this machine"]


def test_slow_steps_are_tried_less_often(tmp_path: Path) -> None:
    """A GPU: parts of a step have a least time each, so a small part says little of the whole."""
    asked: list[int] = []

    def fake(_: Task, part: Part) -> float:
        return 0.02 + 3e-6 * part.samples * part.context

    def run(task: dict[str, Any]) -> dict[str, Any]:
        asked.append(task["steps"])
        return {"seconds": 1.6 * task["steps"], "steps": task["steps"]}

    grid = Grid("full", ("gpt2-124m",), (named("relu"),), folder=text_of(tmp_path))
    found = estimate.estimate(grid, {"gpt2-124m": 6}, 1, run, measure=fake)
    assert set(asked) == {3}, "of 1.6 s each within 6 s, after a score"
    assert found.each["gpt2-124m"] == pytest.approx(1.6 * 2000, rel=1e-3)
    assert not found.rough


def test_far_beyond_the_budget_nothing_more_is_tried() -> None:
    grid = Grid("quick", ("mlp", "gpt"), (named("relu"),))
    left = {"mlp": 1000, "gpt": 1000}
    found = estimate.estimate(grid, left, 1, never, limit=60.0, measure=lambda *_: 0.01)
    assert found.rough == {"mlp", "gpt"}
    assert found.each["mlp"] == pytest.approx(0.01 * 360 + 0.01 / 64 * 287 / 3)


@pytest.mark.parametrize("model", ["mlp", "resnet", "gpt"])
def test_a_part_of_a_step_is_like_the_step(model: str) -> None:
    (task, *_) = Grid("quick", (model,), (named("gem"),)).tasks()
    row = QUICK[model]
    found = [trial.seconds(task, part) for part in trial.parts(row)]
    assert all(0 < took < 5 for took in found)
    parts = list(trial.parts(row))
    assert parts[-1] == Part(row.batch, row.context)
    assert [p.samples * max(1, p.context) for p in parts] == sorted(
        {p.samples * max(1, p.context) for p in parts}
    )


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2.5h", 9000), ("1d", 86400)])
def test_a_budget_has_a_unit(text: str, seconds: float) -> None:
    assert estimate.budget(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "0s", "nanm", "infs", "1e99h", "10 minutes"])
def test_a_budget_that_is_none_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"--budget must be a time like 90s, 10m, 2h or 1d; got"):
        estimate.budget(text)


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (540, "9 min"), (12_600, "3.5 h"), (1_036_800, "12 days")]
)
def test_durations_are_in_words(seconds: float, words: str) -> None:
    assert estimate.duration(seconds) == words

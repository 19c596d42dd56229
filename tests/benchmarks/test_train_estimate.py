"""What a grid takes is said within seconds, from some steps or a part of one, and adds up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.models.activations import everything, named
from benchmarks.train import estimate, trial
from benchmarks.train.estimate import Estimate
from benchmarks.train.plan import Grid
from benchmarks.train.recipes import QUICK
from benchmarks.train.task import Task
from benchmarks.train.trial import Part, Trial
from tests.benchmarks.test_datasets import write_tokens

Together = Callable[[Sequence[Task]], list[Trial]]


def test_the_estimate_adds_up() -> None:
    found = Estimate({"a": 2.0, "b": 0.5}, {"a": 10, "b": 40}, 1)
    assert found.seconds == pytest.approx(estimate.START_S + 50 * estimate.HANDING_S + 40)
    two = Estimate(found.each, found.counts, 2)
    assert two.seconds == pytest.approx(estimate.START_S + 50 * estimate.HANDING_S + 40 / 2)


def trials(asked: list[Task], step: float, around: float = 0.0) -> Together:
    """Workers that take ``step`` seconds for a step."""

    def together(tasks: Sequence[Task]) -> list[Trial]:
        asked.extend(tasks)
        return [Trial(task.model, step, around) for task in tasks]

    return together


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_estimate_is_what_busy_workers_take(workers: int) -> None:
    """The part of a step, timed alone, is a tenth of that: it is not what counts."""
    asked: list[Task] = []
    grid = Grid("quick", ("mlp",), everything())
    left = {"mlp": len(grid.tasks())}
    found = estimate.estimate(
        grid, left, workers, trials(asked, 0.002, 0.1), measure=lambda _, part: 2e-4 * part.samples / 64
    )
    row = QUICK["mlp"]
    assert found.each["mlp"] == pytest.approx(0.1 + 0.002 * row.steps)
    assert found.counts["mlp"] == 37 * len(row.rates) * row.seeds
    assert [t.activation for t in asked] == ["relu", everything()[-1].name] * max(2, workers)
    assert {t.steps for t in asked} == {estimate.STEPS}


def test_slow_and_quick_workers_count_by_their_mean() -> None:
    def together(tasks: Sequence[Task]) -> list[Trial]:
        return [Trial(task.model, step, 0.0) for task, step in zip(tasks, (0.1, 0.3, 0.1, 0.3), strict=True)]

    grid = Grid("quick", ("gpt",), everything())
    found = estimate.estimate(grid, {"gpt": 10}, 2, together, measure=lambda *_: 0.1)
    assert found.each["gpt"] == pytest.approx(0.2 * QUICK["gpt"].steps)


def test_where_no_trial_ends_the_part_of_a_step_stays() -> None:
    grid = Grid("quick", ("mlp", "gpt"), (named("relu"),))
    left = {"mlp": 10, "gpt": 10}

    def together(tasks: Sequence[Task]) -> list[Trial]:
        return [Trial("mlp", 0.5, 0.0) for task in tasks if task.model == "mlp"]

    found = estimate.estimate(grid, left, 2, together, measure=lambda *_: 0.01)
    assert found.rough == {"gpt"}
    assert found.each["mlp"] == 0.5 * QUICK["mlp"].steps
    row = QUICK["gpt"]
    alone = 0.01 * row.steps + 0.01 / row.batch * row.scored * trial.FORWARD
    assert found.each["gpt"] == pytest.approx(alone * estimate.WORKERS_SLOW)


def never(tasks: Sequence[Task]) -> list[Trial]:
    raise AssertionError(f"a whole step of {tasks[0].model} takes hours")


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
    asked: list[Task] = []

    def fake(_: Task, part: Part) -> float:
        return 0.02 + 3e-6 * part.samples * part.context

    grid = Grid("full", ("gpt2-124m",), (named("relu"),), folder=text_of(tmp_path))
    found = estimate.estimate(grid, {"gpt2-124m": 6}, 1, trials(asked, 1.6), measure=fake)
    assert {t.steps for t in asked} == {3}, "of 1.6 s each within 6 s, after a score"
    assert found.each["gpt2-124m"] == pytest.approx(1.6 * 2000, rel=1e-3)
    assert not found.rough


def test_far_beyond_the_budget_nothing_more_is_tried() -> None:
    grid = Grid("quick", ("mlp", "gpt"), (named("relu"),))
    left = {"mlp": 1000, "gpt": 1000}
    found = estimate.estimate(grid, left, 1, never, limit=10.0, measure=lambda *_: 0.01)
    assert found.rough == {"mlp", "gpt"}
    row = QUICK["mlp"]
    assert found.each["mlp"] == pytest.approx(0.01 * row.steps + 0.01 / row.batch * row.held_out / 3)


@pytest.mark.parametrize(("limit", "tried"), [(40.0, False), (29.0, True), (None, True)])
def test_far_within_the_budget_nothing_more_is_tried(limit: float | None, tried: bool) -> None:
    """About 12 s by parts of steps: three times that decides."""
    asked: list[Task] = []
    grid = Grid("quick", ("mlp",), (named("relu"),))
    found = estimate.estimate(grid, {"mlp": 1}, 1, trials(asked, 0.001), limit=limit, measure=lambda *_: 1e-4)
    assert bool(asked) is tried
    assert found.rough == (frozenset() if tried else {"mlp"})


def test_a_trial_is_a_training_after_a_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    (task, *_) = Grid("quick", ("mlp",), (named("gem"),), steps=4).tasks()
    ran: list[int] = []
    real = trial.tasks.run

    def run(asked: dict[str, Any]) -> dict[str, Any]:
        ran.append(asked["steps"])
        return {**real(asked), "seconds": 0.004}

    monkeypatch.setattr(trial.tasks, "run", run)
    found = Trial(**trial.timed(task.as_dict()))
    assert ran == [1, 4]
    assert (found.model, found.step) == ("mlp", 0.001)
    assert 0 < found.around < 5


@pytest.mark.parametrize("workers", [0, 2])
def test_trials_run_where_trainings_will(workers: int) -> None:
    if workers:
        pytest.importorskip(
            "distributed", reason="distributed is not installed: there are no worker processes"
        )
    tasks = Grid("quick", ("mlp",), (named("relu"), named("gem")), steps=2, seeds=1).tasks()[:4]
    broken = replace(tasks[0], digest="of other data")
    said: list[str] = []
    found = trial.together([*tasks, broken], "cpu", said.append, workers=workers)
    assert [one.model for one in found] == ["mlp"] * 4, "what cannot be tried is left out"
    assert all(0 < one.step < 5 and 0 <= one.around < 5 for one in found)


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

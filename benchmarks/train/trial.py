"""What a training takes: roughly, from parts of one of its steps, and better, from a few steps on a worker.

A step of GPT-2 is half a million tokens, hours on one core. So a part of a step is timed, a few samples
first, then more, until one takes long enough to be scaled: that is known in seconds, however large the model.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.engine import Store, spread
from benchmarks.train import task as tasks
from benchmarks.train.recipes import Recipe, recipe_of
from benchmarks.train.task import Task

ENOUGH_S: Final = 0.5
"""Seconds of a part that is scaled to a step."""

GROWTH: Final = 4
"""How many times as large the next part is, where one takes less."""

SHORT: Final = 128
"""Symbols of the sequences of the first part."""

FORWARD: Final = 1 / 3
"""Share of a step that a score takes for each sample: it has no backward pass."""


@dataclass(frozen=True)
class Part:
    """A part of a step: ``samples`` of its batch, each of ``context`` symbols (0 where there are none)."""

    samples: int
    context: int


@dataclass(frozen=True)
class Rough:
    """Seconds of a step, and of a score of the validation part."""

    step: float
    score: float


@dataclass(frozen=True)
class Trial:
    """What a few steps took: seconds of each, and of all ``around`` them (weights, data, scores)."""

    model: str
    step: float
    around: float


def timed(task: dict[str, Any]) -> dict[str, Any]:
    """What a worker does for a trial: train once, after a step that loads and compiles what is needed."""
    tasks.run({**task, "steps": 1})
    start = time.perf_counter()
    ran = tasks.run(task)
    around = time.perf_counter() - start - ran["seconds"]
    return {"model": ran["model"], "step": ran["seconds"] / ran["steps"], "around": max(0.0, around)}


def together(
    trials: Sequence[Task],
    device: str,
    said: Callable[[str], None],
    *,
    workers: int | None = None,
    address: str | None = None,
) -> list[Trial]:
    """What each of ``trials`` takes where it will be trained, all workers busy; those that failed left out.

    Raises:
        NoCluster: there is nothing to train on.
    """
    numbered = {f"trial-{number:06d}": task.as_dict() for number, task in enumerate(trials)}
    with tempfile.TemporaryDirectory(prefix="gem-impls-") as folder:
        results = Store(Path(folder))
        outcome = spread(timed, numbered, results, workers=workers, address=address, device=device, said=said)
        return [Trial(**found) for _, found in results.results(outcome.done)]


def parts(recipe: Recipe) -> Iterator[Part]:
    """From the least part of a step to the whole of it. Batch norm needs two samples."""
    samples = min(recipe.batch, 1 if recipe.context else 2)
    if recipe.context > SHORT:
        yield Part(samples, SHORT)
    while samples < recipe.batch:
        yield Part(samples, recipe.context)
        samples *= GROWTH
    yield Part(recipe.batch, recipe.context)


def seconds(task: Task, part: Part) -> float:
    """Of ``part``, the second time, unless the first is long enough."""
    from benchmarks.train import loop

    recipe = replace(recipe_of(task.length, task.model), batch=part.samples, context=part.context)
    with loop.deterministic():
        network, objective = tasks.made(task, recipe)

        def once() -> float:
            return loop.train(network, objective, recipe, task.rate, 1, task.device).seconds

        first = once()
        return first if first >= ENOUGH_S else once()


def rough(task: Task, measure: Callable[[Task, Part], float] = seconds) -> Rough:
    """What a step of ``task`` takes, and a score."""
    recipe = recipe_of(task.length, task.model)
    *less, whole = parts(recipe)
    for part in less:
        if (took := measure(task, part)) >= ENOUGH_S:
            return _scaled(recipe, part, took)
    return _scaled(recipe, whole, measure(task, whole))


def _scaled(recipe: Recipe, part: Part, took: float) -> Rough:
    sample = took / part.samples * (recipe.context / part.context if part.context else 1)
    return Rough(sample * recipe.batch, sample * FORWARD * (recipe.held_out or recipe.scored))

"""The grid of a run: which trainings there are to do, and what is kept of them.

Everybody is trained with every seed at every rate. Which rate counts is chosen afterwards, for each seed by
its own validation part: see :mod:`benchmarks.train.statistics`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.datasets import DataError, Split
from benchmarks.models.activations import Activation
from benchmarks.train import data
from benchmarks.train.entries import ACCURACY, LOSS, Failure, Setting, Training
from benchmarks.train.recipes import CLASSIFY, PUBLISHED, Recipe, recipe_of
from benchmarks.train.study import STUDY
from benchmarks.train.task import HE, Task


@dataclass(frozen=True)
class Grid:
    """What was asked for.

    Attributes:
        length: ``"quick"`` or ``"full"``.
        models: names of recipes.
        activations: everybody who is trained.
        device: ``"cpu"`` or ``"cuda"``.
        seeds: how many; None: each recipe's.
        init: :data:`~benchmarks.train.task.HE` or :data:`~benchmarks.train.task.OWN`.
        steps: instead of the recipes'; None: theirs.
        folder: of the user's own data.
    """

    length: str
    models: tuple[str, ...]
    activations: tuple[Activation, ...]
    device: str = "cpu"
    seeds: int | None = None
    init: str = HE
    steps: int | None = None
    folder: str | None = None

    @functools.cached_property
    def _sources(self) -> str:
        return STUDY.sources()

    def recipe(self, model: str) -> Recipe:
        """The row of ``model``."""
        return recipe_of(self.length, model)

    def seeds_of(self, model: str) -> tuple[int, ...]:
        """What it is trained with."""
        return tuple(range(self.seeds or self.recipe(model).seeds))

    def check_data(self) -> None:
        """Load all data once.

        Raises:
            DataError: data are missing, wrong, or fewer than a model needs.
            ImportError: a package that data ship in is not installed.
        """
        for model in self.models:
            recipe = self.recipe(model)
            found = data.load(recipe.dataset, self.folder)
            if isinstance(found, Split):
                fewest, have, what = recipe.held_out + 1, len(found.train_y), "training samples"
            else:
                have, what = (
                    min(len(found.train), len(found.val), len(found.test)),
                    "symbols in its least part",
                )
                fewest = recipe.context + 2
            if have < fewest:
                raise DataError(f"{model}: {found.name} has {have:,} {what}; at least {fewest:,} are needed")

    def tasks(self) -> list[Task]:
        """Every training."""
        return [
            self._task(model, activation.name, rate, seed)
            for model in self.models
            for activation in self.activations
            for rate in self.recipe(model).rates
            for seed in self.seeds_of(model)
        ]

    def _task(self, model: str, activation: str, rate: float, seed: int) -> Task:
        return Task(
            model=model,
            length=self.length,
            activation=activation,
            rate=rate,
            seed=seed,
            device=self.device,
            init=self.init,
            steps=self.steps,
            folder=self.folder if data.DATASETS[self.recipe(model).dataset].files else None,
            digest=data.digest(self.recipe(model).dataset, self.folder),
            sources=self._sources,
        )


def setting_of(grid: Grid, model: str) -> Setting:
    """What a record says of how ``model`` is trained."""
    from benchmarks.models.blocks import count_parameters
    from benchmarks.models.networks import on_meta

    recipe = grid.recipe(model)
    found = data.load(recipe.dataset, grid.folder)
    classes = isinstance(found, Split)
    network = on_meta(lambda: recipe.module(grid.activations[0].module, found))
    drawn = "weights normal" + (
        f", gain {'sqrt(2) for everybody (He)' if grid.init == HE else 'of each activation'}"
        if recipe.objective == CLASSIFY
        else ", as in GPT-2"
    )
    if isinstance(found, Split):
        sizes = len(found.train_y) - recipe.held_out, recipe.held_out, len(found.test_y)
    else:
        sizes = len(found.train), len(found.val), len(found.test)
    return Setting(
        model=model,
        title=recipe.title,
        group=recipe.group,
        about=recipe.about,
        recipe=model in PUBLISHED,
        dataset=found.name,
        source=found.source,
        digest=data.digest(recipe.dataset, grid.folder),
        train=sizes[0],
        val=sizes[1],
        test=sizes[2],
        metric=ACCURACY if classes else LOSS,
        guess=found.guess,
        unigram=None if isinstance(found, Split) else found.unigram,
        parameters=count_parameters(network),
        steps=grid.steps or recipe.steps,
        batch=recipe.batch,
        context=recipe.context or None,
        optimizer=recipe.optimizer_words(),
        schedule=recipe.schedule_words(),
        init=drawn,
        rates=recipe.rates,
        seeds=grid.seeds_of(model),
        activations=tuple(activation.name for activation in grid.activations),
    )


def failure(task: Task, reason: str) -> Failure:
    """What is kept of a training that could not be done."""
    return Failure(task.model, task.activation, task.rate, task.seed, reason[:500])


def training(result: Mapping[str, Any]) -> Training:
    """The result of a task, as the store has it."""
    fields: dict[str, Any] = {**result, **{key: tuple(result[key]) for key in ("curve_steps", "curve")}}
    return Training(**fields)

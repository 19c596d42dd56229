"""The grid of a run: which trainings there are to do, stage by stage, and what is kept of them.

Two stages: a search that trains everybody at every rate and scores on validation data; then the final
trainings, at the rate that the search chose for each, with other seeds.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.datasets import DataError, Split
from benchmarks.models.activations import Activation
from benchmarks.train import data
from benchmarks.train.entries import ACCURACY, FINAL, LOSS, SEARCH, Failure, Setting, Training
from benchmarks.train.recipes import CLASSIFY, PUBLISHED, Recipe, recipe_of
from benchmarks.train.statistics import choose
from benchmarks.train.study import STUDY
from benchmarks.train.task import HE, Task

FIRST_SEARCH_SEED = 1000
"""Seeds of the search begin here, those of the final trainings at 0."""


@dataclass(frozen=True)
class Grid:
    """What was asked for.

    Attributes:
        length: ``"quick"`` or ``"full"``.
        models: names of recipes.
        activations: everybody who is trained.
        device: ``"cpu"`` or ``"cuda"``.
        seeds: of the final trainings; None: each recipe's.
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
        """Of its final trainings."""
        return tuple(range(self.seeds or self.recipe(model).seeds))

    def search_seeds_of(self, model: str) -> tuple[int, ...]:
        """Of its search."""
        return tuple(range(FIRST_SEARCH_SEED, FIRST_SEARCH_SEED + self.recipe(model).search_seeds))

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

    def search(self) -> list[Task]:
        """The trainings that choose a rate."""
        return [
            self._task(model, activation.name, SEARCH, rate, seed)
            for model in self.models
            for activation in self.activations
            for rate in self.recipe(model).rates
            for seed in self.search_seeds_of(model)
        ]

    def final(self, searched: Iterable[Training]) -> list[Task]:
        """The trainings at the chosen rates; nobody whose search gave nothing has any."""
        rates = self._chosen(list(searched))
        return [
            self._task(model, activation.name, FINAL, rates[model, activation.name], seed)
            for model in self.models
            for activation in self.activations
            if (model, activation.name) in rates
            for seed in self.seeds_of(model)
        ]

    def count(self, model: str) -> int:
        """How many trainings ``model`` has in all."""
        recipe = self.recipe(model)
        each = len(recipe.rates) * recipe.search_seeds + len(self.seeds_of(model))
        return len(self.activations) * each

    def _task(self, model: str, activation: str, phase: str, rate: float, seed: int) -> Task:
        return Task(
            model=model,
            length=self.length,
            activation=activation,
            phase=phase,
            rate=rate,
            seed=seed,
            device=self.device,
            init=self.init,
            steps=self.steps,
            folder=self.folder if data.DATASETS[self.recipe(model).dataset].files else None,
            digest=data.digest(self.recipe(model).dataset, self.folder),
            sources=self._sources,
        )

    def _chosen(self, searched: Sequence[Training]) -> dict[tuple[str, str], float]:
        found = {}
        for model in self.models:
            setting = setting_of(self, model)
            for name in (activation.name for activation in self.activations):
                own = [t for t in searched if (t.model, t.activation) == (model, name)]
                if own:
                    found[model, name] = choose(setting, own).rate
        return found


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
        search_seeds=grid.search_seeds_of(model),
        seeds=grid.seeds_of(model),
        activations=tuple(activation.name for activation in grid.activations),
    )


def failure(task: Task, reason: str) -> Failure:
    """What is kept of a training that could not be done."""
    return Failure(task.model, task.activation, task.phase, task.rate, task.seed, reason[:500])


def training(result: Mapping[str, Any]) -> Training:
    """The result of a task, as the store has it."""
    fields: dict[str, Any] = {**result, **{key: tuple(result[key]) for key in ("curve_steps", "curve")}}
    return Training(**fields)

"""One training as a pure function: a :class:`Task` in, a :class:`~benchmarks.train.entries.Training` out.

Both are JSON. The result depends on the task, the code and the machine's arithmetic alone: weights, batches
and the validation part are drawn from the seed, one thread computes, and only deterministic algorithms do.
Nothing of the process is changed afterwards.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.datasets import DataError
from benchmarks.engine.store import key_of
from benchmarks.models.activations import named
from benchmarks.train import data
from benchmarks.train.entries import Training
from benchmarks.train.recipes import Recipe, recipe_of

if TYPE_CHECKING:
    from torch import nn

    from benchmarks.train.objectives import Objective

CURVE: Final = 40
"""Points of a stored training curve, at most."""

HE, OWN = "he", "own"
"""Gains of the initialisation: sqrt(2) for everybody, or each activation's own."""


@dataclass(frozen=True)
class Task:
    """One training.

    Attributes:
        model: a recipe's name, ``length`` of which kind: ``"quick"`` or ``"full"``.
        activation: by its name.
        rate: the learning rate at its highest.
        seed: of weights, batches and the validation part.
        device: ``"cpu"`` or ``"cuda"``.
        init: :data:`HE` or :data:`OWN`.
        steps: instead of the recipe's; None: the recipe's.
        folder: of the user's own data, or None.
        digest: of the data, so that a stored result is not taken for that of other data.
        sources: hash of the code, likewise.
    """

    model: str
    length: str
    activation: str
    rate: float
    seed: int
    device: str
    init: str = HE
    steps: int | None = None
    folder: str | None = None
    digest: str = ""
    sources: str = ""

    @property
    def key(self) -> str:
        """Names all that the result depends on; where the data lie is not part of it."""
        return key_of({name: value for name, value in asdict(self).items() if name != "folder"})

    def as_dict(self) -> dict[str, Any]:
        """As JSON, with a ``name`` for readers."""
        name = f"{self.model}, {self.activation}, rate {self.rate:g}, seed {self.seed}"
        return {**asdict(self), "name": name}


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Train once; takes :meth:`Task.as_dict`, gives a :class:`Training` as a dict.

    Raises:
        DataError: the data are not there on this machine, or are others than the task is for.
    """
    asked = Task(**{name: value for name, value in task.items() if name != "name"})
    recipe = recipe_of(asked.length, asked.model)
    if asked.digest and data.digest(recipe.dataset, asked.folder) != asked.digest:
        raise DataError(f"{recipe.dataset}: the data on this machine are not those of the run")
    from benchmarks.train import loop

    with loop.deterministic():
        return asdict(_train(asked))


def made(task: Task, recipe: Recipe) -> tuple[nn.Module, Objective]:
    """What ``task`` trains, with the sizes of ``recipe``: its network with fresh weights, and its data."""
    from benchmarks.models.blocks import seeded
    from benchmarks.train.gains import own_gain
    from benchmarks.train.objectives import OBJECTIVES

    if task.device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when torch first uses the card
    found = data.held_out(recipe.dataset, task.folder, recipe.held_out, task.seed)
    activation = named(task.activation)
    gain = own_gain(activation) if task.init == OWN else None
    network = seeded(lambda: recipe.module(activation.module, found, gain), task.seed).to(task.device)
    return network, OBJECTIVES[recipe.objective](recipe, found, task.seed, task.device)


def _train(task: Task) -> Training:
    from benchmarks.train import loop
    from benchmarks.train.objectives import TEST, VAL

    recipe = recipe_of(task.length, task.model)
    network, objective = made(task, recipe)
    steps = task.steps or recipe.steps
    ran = loop.train(network, objective, recipe, task.rate, steps, task.device)
    diverged_at = ran.diverged_at
    scores: dict[str, float] = {}
    if diverged_at is None:
        scores = loop.scores(network, objective, recipe, task.device, (VAL, TEST))
        diverged_at = None if scores else steps
    curve_steps, curve = loop.curve(ran.losses, CURVE)
    return Training(
        model=task.model,
        activation=task.activation,
        rate=task.rate,
        seed=task.seed,
        steps=len(ran.losses),
        diverged_at=diverged_at,
        train_loss=loop.tail(ran.losses),
        val_loss=scores.get("val_loss"),
        val_score=scores.get("val_score"),
        test_loss=scores.get("test_loss"),
        test_score=scores.get("test_score"),
        curve_steps=curve_steps,
        curve=curve,
        seconds=round(ran.seconds, 4),
        implementation=loop.implementation(network, task.device),
        machine=loop.machine(task.device),
    )

"""Train one network with every seed, counting units on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from benchmarks.datasets import Split
from benchmarks.dead.entries import Training
from benchmarks.dead.network import Perceptrons, census, correct, losses, perceptrons
from benchmarks.dead.scenarios import BATCH, DEPTH, FAINT_BELOW, SCENARIOS, WIDTH
from benchmarks.models.activations import Activation
from benchmarks.models.deep import generator

ORDERS: Final = 3
"""Stream of random numbers that decides the order of samples."""

OPTIMIZERS: Final[dict[str, Callable[..., torch.optim.Optimizer]]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
}
"""Name -> optimizer with torch's defaults, of a learning rate. Both work element by element: networks of
different seeds do not meet in them."""

COUNTED: Final = ("dead", "flat", "faint", "correct", "loss")


@dataclass(frozen=True)
class Data:
    """A :class:`~benchmarks.datasets.Split` as tensors."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: int

    @classmethod
    def of(cls, split: Split) -> Data:
        """The same numbers."""
        return cls(
            torch.tensor(split.train_x),
            torch.tensor(split.train_y),
            torch.tensor(split.test_x),
            torch.tensor(split.test_y),
            split.classes,
        )


def train(
    scenario: str, activation: Activation, data: Data, seeds: tuple[int, ...], steps: Sequence[int]
) -> Training:
    """Train for ``steps[-1]`` steps, counting after each number of them in ``steps``, 0 for before the first.

    A seed whose loss was not finite counts as diverged from that step on, whatever it does later.
    """
    how = SCENARIOS[scenario]
    sizes = (data.train_x.shape[1], *[WIDTH] * DEPTH, data.classes)
    networks = perceptrons(seeds, sizes, activation.module(), how.gain, how.bias)
    optimizer = OPTIMIZERS[how.optimizer](networks.parameters, lr=how.learning_rate)
    record = _Record(seeds)
    batches = _batches(seeds, len(data.train_y))
    for step in range(steps[-1] + 1):
        if step in steps:
            record.count(step, networks, data)
        if step == steps[-1]:
            break
        rows = next(batches)
        each = losses(networks.logits(data.train_x[rows])[0], data.train_y[rows]).mean(dim=1)
        record.saw(step + 1, each.tolist())
        optimizer.zero_grad()
        torch.autograd.backward(each.sum())
        optimizer.step()
    return Training(
        scenario=scenario,
        activation=activation.name,
        optimizer=how.optimizer,
        learning_rate=how.learning_rate,
        gain=how.gain,
        bias=how.bias,
        depth=DEPTH,
        width=WIDTH,
        batch=BATCH,
        samples=len(data.train_y),
        tests=len(data.test_y),
        units=DEPTH * WIDTH,
        faint_below=FAINT_BELOW,
        seeds=seeds,
        steps=tuple(steps),
        diverged_at=tuple(record.diverged_at),
        **record.columns,
    )


class _Record:
    """What was counted, seeds x steps."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self.diverged_at: list[int | None] = [None] * len(seeds)
        self._rows: dict[str, list[list[Any]]] = {name: [[] for _ in seeds] for name in COUNTED}

    @property
    def columns(self) -> dict[str, Any]:
        """As fields of :class:`Training`."""
        return {name: tuple(map(tuple, rows)) for name, rows in self._rows.items()}

    def saw(self, step: int, loss: Sequence[float]) -> None:
        """Remember who had a loss that is not finite."""
        for index, value in enumerate(loss):
            if not math.isfinite(value) and self.diverged_at[index] is None:
                self.diverged_at[index] = step

    def count(self, step: int, networks: Perceptrons, data: Data) -> None:
        """Count units of those who have not diverged."""
        found = census(networks, data.train_x, data.train_y, FAINT_BELOW)
        self.saw(step, found.loss)
        values = {**vars(found), "correct": correct(networks, data.test_x, data.test_y)}
        values["loss"] = [float(f"{loss:.5g}") for loss in found.loss]
        for name, rows in self._rows.items():
            for index, row in enumerate(rows):
                row.append(None if self.diverged_at[index] is not None else values[name][index])


def _batches(seeds: Sequence[int], samples: int) -> Iterator[Tensor]:
    """Rows of each step, ``(seeds, batch)``: each sample once an epoch, but for what makes no whole batch."""
    generators = [generator(seed, ORDERS) for seed in seeds]
    while True:
        orders = torch.stack([torch.randperm(samples, generator=g) for g in generators])
        yield from torch.split(orders[:, : samples - samples % BATCH], BATCH, dim=1)

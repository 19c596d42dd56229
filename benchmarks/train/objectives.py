"""What is learned: batches in an order that the seed alone decides, their loss, and the score of a part.

Batches are drawn by NumPy's generator from the seed: the same for every activation, device and process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.datasets import Split, Text
from benchmarks.train.recipes import CLASSIFY, MASKED, NEXT, Recipe

BATCHES, MASKS = 1, 2
"""What a seed's generators are for: none shares its numbers with another."""

VAL, TEST = "val", "test"

HIDDEN_SHARE: Final = 0.15
"""Of the symbols that BERT has to guess; eight in ten of them are hidden, one is replaced, one is left."""

SHIFT: Final = 4
"""Pixels that an augmented picture is shifted by, at most."""


class Objective(Protocol):
    """What a training needs to know of its data."""

    def batch(self) -> tuple[Tensor, Tensor]:
        """The next batch: inputs and what is to be said of them."""

    def loss(self, network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """The mean cross-entropy in nats."""

    def score(self, network: nn.Module, part: str) -> tuple[float, float]:
        """(loss, score in the metric) on ``"val"`` or ``"test"``; NaN or infinite where the network is."""


class Classify:
    """Classes of samples. An epoch is a permutation; a batch may reach into the next one."""

    def __init__(self, recipe: Recipe, data: Split, seed: int, device: str) -> None:
        self._size, self._augment = recipe.batch, recipe.augment
        self._shape = data.shape if recipe.network != "MLP" else (data.train_x.shape[1],)
        self._generator = np.random.default_rng([BATCHES, seed])
        self._parts = {
            part: (self._pictures(x, device), torch.from_numpy(y).to(device))
            for part, x, y in (
                ("train", data.train_x, data.train_y),
                (VAL, data.val_x, data.val_y),
                (TEST, data.test_x, data.test_y),
            )
        }
        self._rows = _shuffled(self._generator, len(data.train_y), recipe.batch)

    def batch(self) -> tuple[Tensor, Tensor]:
        x, y = self._parts["train"]
        rows = torch.from_numpy(next(self._rows)).to(x.device)
        picked = x[rows]
        return (self._moved(picked) if self._augment else picked), y[rows]

    def loss(self, network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(network(x).float(), y)

    @torch.no_grad()
    def score(self, network: nn.Module, part: str) -> tuple[float, float]:
        """Mean cross-entropy, and the share of samples whose class is the most probable one."""
        total, right = 0.0, 0
        x, y = self._parts[part]
        for start in range(0, len(y), 1024):
            found, wanted = network(x[start : start + 1024]).float(), y[start : start + 1024]
            total += float(functional.cross_entropy(found, wanted, reduction="sum"))
            right += int((found.argmax(1) == wanted).sum())
        return total / len(y), right / len(y)

    def _pictures(self, x: Any, device: str) -> Tensor:
        return torch.from_numpy(x).to(device).reshape(len(x), *self._shape)

    def _moved(self, x: Tensor) -> Tensor:
        """Each picture shifted by up to :data:`SHIFT` pixels, 0 coming in; half of them mirrored."""
        count, (height, width) = len(x), x.shape[2:]
        padded = functional.pad(x, (SHIFT,) * 4)
        down, right = self._generator.integers(0, 2 * SHIFT + 1, (2, count, 1))
        rows, columns = down + np.arange(height), right + np.arange(width)
        mirrored = self._generator.random(count) < 0.5
        columns[mirrored] = columns[mirrored][:, ::-1]
        each = torch.arange(count, device=x.device)[:, None, None]
        i, j = (torch.from_numpy(a).to(x.device) for a in (rows[:, :, None], columns[:, None, :]))
        return padded.permute(0, 2, 3, 1)[each, i, j].permute(0, 3, 1, 2).contiguous()


class Next:
    """The next symbol of a text, from windows at random places."""

    def __init__(self, recipe: Recipe, data: Text, seed: int, device: str) -> None:
        self._recipe, self._data, self._device = recipe, data, device
        self._generator = np.random.default_rng([BATCHES, seed])

    def batch(self) -> tuple[Tensor, Tensor]:
        last = len(self._data.train) - self._recipe.context
        return self._windows(self._data.train, self._generator.integers(0, last, self._recipe.batch))

    def loss(self, network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(network(x).float().flatten(0, 1), y.flatten())

    @torch.no_grad()
    def score(self, network: nn.Module, part: str) -> tuple[float, float]:
        """Mean cross-entropy over windows spread evenly over the part; it is the score too."""
        symbols = getattr(self._data, part)
        context = self._recipe.context
        count = max(1, min(self._recipe.scored, (len(symbols) - 1) // context))
        starts = np.linspace(0, len(symbols) - 1 - context, count).astype(np.int64)
        chunk = self._recipe.micro or self._recipe.batch
        total = 0.0
        for first in range(0, count, chunk):
            own = starts[first : first + chunk]
            total += len(own) * float(self.loss(network, *self._scored(symbols, own)))
        return total / count, total / count

    def _scored(self, symbols: Any, starts: Any) -> tuple[Tensor, Tensor]:
        return self._windows(symbols, starts)

    def _windows(self, symbols: Any, starts: Any) -> tuple[Tensor, Tensor]:
        places = starts[:, None] + np.arange(self._recipe.context + 1)
        found = torch.from_numpy(symbols[places].astype(np.int64)).to(self._device)
        return found[:, :-1], found[:, 1:]


IGNORED: Final = -100
"""What cross_entropy leaves out: symbols that are not to be guessed."""


class Masked(Next):
    """Hidden symbols of a text, as BERT is trained: see :data:`HIDDEN_SHARE`."""

    def batch(self) -> tuple[Tensor, Tensor]:
        x, _ = super().batch()
        return self._hidden(x, self._generator)

    def _scored(self, symbols: Any, starts: Any) -> tuple[Tensor, Tensor]:
        """The same symbols are hidden whatever was trained: drawn by the first place alone."""
        x, _ = self._windows(symbols, starts)
        return self._hidden(x, np.random.default_rng([MASKS, int(starts[0])]))

    def _hidden(self, x: Tensor, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        shape, vocabulary = tuple(x.shape), self._data.vocabulary
        guessed, how = generator.random(shape) < HIDDEN_SHARE, generator.random(shape)
        guessed[:, 0] |= ~guessed.any(axis=1)  # a sequence with nothing to guess would have no loss
        replaced = np.where(how < 0.8, vocabulary, generator.integers(0, vocabulary, shape))
        take = torch.from_numpy(guessed & (how < 0.9)).to(x.device)
        shown = torch.where(take, torch.from_numpy(replaced).to(x.device), x)
        return shown, x.masked_fill(~torch.from_numpy(guessed).to(x.device), IGNORED)


OBJECTIVES: Final[dict[str, Callable[[Recipe, Any, int, str], Objective]]] = {
    CLASSIFY: Classify,
    NEXT: Next,
    MASKED: Masked,
}
"""Name in a recipe -> class."""


def _shuffled(generator: np.random.Generator, samples: int, size: int) -> Iterator[Any]:
    """Rows of ``size`` samples without end: one permutation after another."""
    rows = np.empty(0, np.int64)
    while True:
        while len(rows) < size:
            rows = np.concatenate([rows, generator.permutation(samples)])
        yield rows[:size]
        rows = rows[size:]

"""What a data set is here: samples with classes (:class:`Split`), or one long text (:class:`Text`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def _no_samples() -> Floats:
    return np.empty((0, 0), np.float32)


def _no_classes() -> Integers:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Split:
    """Samples with classes, in parts that do not overlap.

    Attributes:
        name: what the set is called.
        source: where it came from.
        classes: how many; ``y`` is 0 … classes − 1.
        shape: of one sample, of which a row of ``x`` is the flat form: (64,), (3, 32, 32).
        train_x: float32, (samples, features); ``test_x`` and ``val_x`` likewise.
        train_y: int64, (samples,); ``test_y`` and ``val_y`` likewise.
        val_x: held out of training to choose by; empty until :meth:`hold_out`.
    """

    name: str
    source: str
    classes: int
    shape: tuple[int, ...]
    train_x: Floats
    train_y: Integers
    test_x: Floats
    test_y: Integers
    val_x: Floats = field(default_factory=_no_samples)
    val_y: Integers = field(default_factory=_no_classes)

    def hold_out(self, count: int, seed: int) -> Split:
        """The same with ``count`` training samples, drawn by ``seed``, set aside as the validation part.

        Raises:
            ValueError: ``count`` is not in 1 … samples − 1, or some are held out already.
        """
        if len(self.val_y):
            raise ValueError(f"{self.name}: {len(self.val_y)} samples are held out already")
        samples = len(self.train_y)
        if not 1 <= count < samples:
            raise ValueError(f"{self.name}: count must be in 1 … {samples - 1}, of its samples; got {count}")
        order = np.random.default_rng(seed).permutation(samples)
        out, kept = np.sort(order[:count]), np.sort(order[count:])
        return replace(
            self,
            train_x=self.train_x[kept],
            train_y=self.train_y[kept],
            val_x=self.train_x[out],
            val_y=self.train_y[out],
        )

    @property
    def guess(self) -> float:
        """The accuracy of a guess that knows nothing: one class for everybody, 1 / classes."""
        return 1 / self.classes

    @property
    def digest(self) -> str:
        """A short hash of samples, classes and shape; validation samples were among those to train on."""
        sizes = (self.classes, *self.shape)
        return _digest(sizes, self.train_x, self.train_y, self.test_x, self.test_y)


CHUNK: Final = 1 << 24
"""Symbols counted at once: a text may be larger than memory."""


@dataclass(frozen=True, eq=False)
class Text:
    """One long text as symbols: ``train``, ``val`` and ``test`` follow one another in it.

    Attributes:
        name: what the text is called.
        source: where it came from.
        vocabulary: how many symbols there are; each is in 0 … vocabulary − 1.
        train: integers, (symbols,); ``val`` and ``test`` likewise.
    """

    name: str
    source: str
    vocabulary: int
    train: NDArray[Any]
    val: NDArray[Any]
    test: NDArray[Any]

    @property
    def guess(self) -> float:
        """The loss of a guess that knows nothing, in nats a symbol: ln(vocabulary)."""
        return float(np.log(self.vocabulary))

    @property
    def unigram(self) -> float:
        """The loss on ``test`` of a guess that knows how frequent each symbol is in ``train``, in nats.

        Frequencies are counted with one occurrence of every symbol added.
        """
        counts = np.ones(self.vocabulary)
        for first in range(0, len(self.train), CHUNK):
            counts += np.bincount(self.train[first : first + CHUNK], minlength=self.vocabulary)
        return float(-np.log(counts / counts.sum())[self.test].mean())

    @property
    def digest(self) -> str:
        """A short hash of the three parts and the vocabulary, which decides the size of a model."""
        return _digest((self.vocabulary,), self.train, self.val, self.test)


def _digest(sizes: tuple[int, ...], *arrays: NDArray[Any]) -> str:
    found = hashlib.sha256(f"{sizes}\0".encode())
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}\0".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()[:16]

"""Sets that ship inside scikit-learn: real measurements, small, read from the user's own installation.

The part to test on is fixed: drawn once, with each class in proportion, by :data:`SPLIT_SEED`. What is
held out to choose by (:meth:`~benchmarks.datasets.sets.Split.hold_out`) is drawn anew for each training seed.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np

from benchmarks.datasets.sets import Floats, Integers, Split

SPLIT_SEED: Final = 20260
"""Draws the test part of every bundled set."""

TEST_SHARE: Final = 0.2


@functools.cache
def digits() -> Split:
    """Handwritten digits: 1437 to train on and 360 to test on, of 8 × 8 grey levels, ten classes.

    Grey levels 0 … 16 are shifted and scaled, all pixels alike, to mean 0 and variance 1 over the training
    part.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    x, y = _bundled("load_digits")
    train, test = _parts(y)
    mean, scale = x[train].mean(), x[train].std()
    return _split("digits", 10, (1, 8, 8), (x - mean) / scale, y, train, test)


@functools.cache
def breast_cancer() -> Split:
    """Wisconsin breast cancer: 455 to train on and 114 to test on, 30 measurements, two classes.

    Each measurement is shifted and scaled to mean 0 and variance 1 over the training part.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    x, y = _bundled("load_breast_cancer")
    train, test = _parts(y)
    mean, scale = x[train].mean(axis=0), x[train].std(axis=0)
    return _split("breast cancer", 2, (30,), (x - mean) / scale, y, train, test)


def _bundled(loader: str) -> tuple[Any, Integers]:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            "this data set comes inside scikit-learn, which is not installed: pip install 'gem-impls[bench]'"
        ) from error
    x, y = getattr(datasets, loader)(return_X_y=True)
    return np.asarray(x, np.float64), np.asarray(y, np.int64)


def _parts(y: Integers) -> tuple[Integers, Integers]:
    """Rows to train on and rows to test on: of each class, :data:`TEST_SHARE` to test, rounded together."""
    generator = np.random.default_rng(SPLIT_SEED)
    order = generator.permutation(len(y))
    classes = np.unique(y)
    # Ranks within a class, spread evenly over 0 … 1: the lowest overall hold the classes in proportion.
    rank = np.empty(len(y))
    for one in classes:
        rows = order[y[order] == one]
        rank[rows] = (np.arange(len(rows)) + generator.random()) / len(rows)
    chosen = np.argsort(rank, kind="stable")[: round(TEST_SHARE * len(y) + 0.5)]
    test = np.sort(chosen)
    return np.setdiff1d(np.arange(len(y)), test), test


def _split(
    name: str, classes: int, shape: tuple[int, ...], x: Any, y: Integers, train: Integers, test: Integers
) -> Split:
    scaled: Floats = x.astype(np.float32)
    return Split(
        name=name,
        source="scikit-learn",
        classes=classes,
        shape=shape,
        train_x=scaled[train],
        train_y=y[train],
        test_x=scaled[test],
        test_y=y[test],
    )

"""The data of a recipe, loaded once a process."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import datasets
from benchmarks.datasets import DataError, Split, Text


@dataclass(frozen=True)
class Dataset:
    """What loads a data set; ``files`` says what a folder must have, "" where it ships with a package."""

    load: Callable[..., Split | Text]
    files: str = ""


DATASETS: Final[Mapping[str, Dataset]] = {
    "digits": Dataset(datasets.digits),
    "breast cancer": Dataset(datasets.breast_cancer),
    "characters": Dataset(datasets.characters),
    "mnist": Dataset(datasets.mnist, "MNIST's four idx files, plain or .gz"),
    "cifar10": Dataset(datasets.cifar10, "CIFAR-10's binary version: data_batch_1.bin … test_batch.bin"),
    "cifar100": Dataset(datasets.cifar100, "CIFAR-100's binary version: train.bin, test.bin"),
    "tokens": Dataset(datasets.tokens, "train.bin and val.bin of uint16 tokens, and optionally meta.json"),
}
"""Name -> row."""


def load(name: str, folder: str | None) -> Split | Text:
    """The data set ``name``, from ``folder`` where it is the user's own.

    Raises:
        DataError: it needs a folder and got none, or the folder is not what it needs.
        ImportError: the package that it ships in is not installed.
    """
    row = DATASETS[name]
    if not row.files:
        return row.load()
    if folder is None:
        raise DataError(f"--data DIR is needed: a folder with {row.files}")
    return _read(name, str(Path(folder).resolve()))


@functools.lru_cache(maxsize=1)
def _read(name: str, folder: str) -> Split | Text:
    return DATASETS[name].load(Path(folder))


@functools.lru_cache(maxsize=4)
def digest(name: str, folder: str | None) -> str:
    """The hash of the data set."""
    return load(name, folder).digest


def held_out(name: str, folder: str | None, count: int, seed: int) -> Split | Text:
    """The same with ``count`` samples set aside, drawn by ``seed``; a text has such a part already.

    It is a copy (600 MB of CIFAR) and takes far less time than a training, so none is kept.
    """
    found = load(name, folder)
    return found.hold_out(count, seed) if isinstance(found, Split) else found

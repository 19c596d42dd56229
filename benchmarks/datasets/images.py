"""MNIST (idx files) and CIFAR-10/100 (the binary version) from a folder. No pickle is read: it runs code.

Sizes are not fixed to the published 60,000 and 50,000 samples: stand-ins and subsets are of use. Magic
numbers, shapes, whole records and classes are checked.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets.files import DataError, content, find, folder
from benchmarks.datasets.sets import Floats, Integers, Split

Bytes = NDArray[np.uint8]

IDX_BYTES: Final = 0x08
"""The third byte of an idx file whose items are unsigned bytes."""

MNIST_SIDE: Final = 28
CIFAR_SHAPE: Final = (3, 32, 32)

MNIST_FILES: Final = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)
CIFAR10_TRAIN: Final = tuple(f"data_batch_{number}.bin" for number in range(1, 6))


def mnist(path: Path) -> Split:
    """MNIST's four idx files, each plain or ``.gz``: 28 × 28 grey levels, ten classes.

    Some copies are called ``train-images.idx3-ubyte``, with a dot: these are read, too.

    Raises:
        DataError: the folder or a file is missing, or a file is not what its name says.
    """
    where = folder(path, "MNIST", [f"{name}[.gz]" for name in MNIST_FILES])
    found = [find(where, "MNIST", _called(name)) for name in MNIST_FILES]
    train_x, train_y = _idx_pair(found[0], found[1])
    test_x, test_y = _idx_pair(found[2], found[3])
    return _split("MNIST", 10, (1, MNIST_SIDE, MNIST_SIDE), (train_x, train_y), (test_x, test_y))


def _called(name: str) -> tuple[str, ...]:
    """The names under which a file of MNIST is found."""
    dotted = name.replace("-idx", ".idx")
    return name, f"{name}.gz", dotted, f"{dotted}.gz"


def cifar10(path: Path) -> Split:
    """CIFAR-10, binary version: records of a class byte and 3072 colour bytes.

    Raises:
        DataError: the folder or a file is missing, or a file is not what its name says.
    """
    where = folder(path, "CIFAR-10 (binary version)", [*CIFAR10_TRAIN, "test_batch.bin"])
    what = "CIFAR-10 (binary version)"
    train = [_cifar(find(where, what, (name,)), 1, 10) for name in CIFAR10_TRAIN]
    test = _cifar(find(where, what, ("test_batch.bin",)), 1, 10)
    return _split("CIFAR-10", 10, CIFAR_SHAPE, _joined(train), test)


def cifar100(path: Path) -> Split:
    """CIFAR-100, binary version: records of a coarse and a fine class byte and 3072 colour bytes.

    Raises:
        DataError: the folder or a file is missing, or a file is not what its name says.
    """
    what = "CIFAR-100 (binary version)"
    where = folder(path, what, ["train.bin", "test.bin"])
    train = _cifar(find(where, what, ("train.bin",)), 2, 100)
    test = _cifar(find(where, what, ("test.bin",)), 2, 100)
    return _split("CIFAR-100", 100, CIFAR_SHAPE, train, test)


def _idx_pair(images: Path, labels: Path) -> tuple[Bytes, Integers]:
    x = _idx(images, 3)
    if x.shape[1:] != (MNIST_SIDE, MNIST_SIDE):
        raise DataError(f"{images}: its images are {x.shape[1]} × {x.shape[2]}; 28 × 28 are expected")
    y = _idx(labels, 1)
    if len(x) != len(y):
        raise DataError(f"{labels}: it has {len(y)} classes for the {len(x)} images of {images.name}")
    _check_classes(labels, y, 10)
    return x.reshape(len(x), -1), y.astype(np.int64)


def _idx(path: Path, dimensions: int) -> Bytes:
    raw = content(path)
    magic = bytes((0, 0, IDX_BYTES, dimensions))
    if raw[:4] != magic:
        raise DataError(
            f"{path}: it begins with {raw[:4].hex() or 'nothing'}; an idx file of unsigned bytes in "
            f"{dimensions} dimensions begins with {magic.hex()}"
        )
    head = 4 + 4 * dimensions
    if len(raw) < head:
        raise DataError(f"{path}: it has {len(raw)} bytes, fewer than the {head} of its header")
    shape = struct.unpack(f">{dimensions}I", raw[4:head])
    expected = head + math.prod(shape)
    if len(raw) != expected or shape[0] == 0:
        sizes = " × ".join(map(str, shape))
        raise DataError(
            f"{path}: it has {len(raw):,} bytes; its header says {sizes} items, {expected:,} bytes"
            + ("" if shape[0] else ", and at least one is needed")
        )
    return np.frombuffer(raw, np.uint8, offset=head).reshape(shape)


def _cifar(path: Path, label_bytes: int, classes: int) -> tuple[Bytes, Integers]:
    raw = content(path)
    record = label_bytes + math.prod(CIFAR_SHAPE)
    if not raw or len(raw) % record:
        raise DataError(
            f"{path}: it has {len(raw):,} bytes, which is not a whole number of records of {record:,} "
            f"({label_bytes} class, {math.prod(CIFAR_SHAPE):,} colour): it is not the binary version, or is "
            "cut short"
        )
    rows = np.frombuffer(raw, np.uint8).reshape(-1, record)
    y = rows[:, label_bytes - 1]
    _check_classes(path, y, classes)
    return rows[:, label_bytes:], y.astype(np.int64)


def _check_classes(path: Path, y: NDArray[Any], classes: int) -> None:
    if y.max() >= classes:
        row = int(np.argmax(y >= classes))
        raise DataError(
            f"{path}: sample {row} is of class {y[row]}; the classes are 0 … {classes - 1}: the file is of "
            "another data set"
        )


def _joined(parts: Sequence[tuple[Bytes, Integers]]) -> tuple[Bytes, Integers]:
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def _split(
    name: str,
    classes: int,
    shape: tuple[int, int, int],
    train: tuple[Bytes, Integers],
    test: tuple[Bytes, Integers],
) -> Split:
    """Colours to mean 0 and variance 1 over the training part, each channel for itself."""
    channels = train[0].reshape(len(train[0]), shape[0], -1)
    mean = channels.mean(axis=(0, 2), dtype=np.float64)
    scale = np.maximum(channels.std(axis=(0, 2), dtype=np.float64), 1e-3)  # 1e-3: an image of one colour

    def scaled(x: Bytes) -> Floats:
        wide = x.reshape(len(x), shape[0], -1).astype(np.float32)
        wide -= mean[None, :, None].astype(np.float32)
        wide /= scale[None, :, None].astype(np.float32)
        return wide.reshape(len(x), -1)

    return Split(
        name, "the user's files", classes, shape, scaled(train[0]), train[1], scaled(test[0]), test[1]
    )

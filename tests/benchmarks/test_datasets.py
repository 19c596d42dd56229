"""Data sets: what ships with packages is what it was, and folders are checked before anything is trained."""

from __future__ import annotations

import gzip
import json
import math
import struct
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from benchmarks import datasets
from benchmarks.datasets import DataError, Split, bundled
from benchmarks.datasets.topics import SYMBOLS

# --- inside packages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "peer", "train", "test", "classes"),
    [
        (datasets.digits, load_digits, 1437, 360, 10),
        (datasets.breast_cancer, load_breast_cancer, 455, 114, 2),
    ],
)
def test_a_bundled_set_is_scikit_learns_cut_in_two(
    load: Callable[[], Split], peer: Any, train: int, test: int, classes: int
) -> None:
    found = load()
    assert (found.train_x.shape[0], found.test_x.shape[0], found.classes) == (train, test, classes)
    assert found.train_x.dtype == np.float32
    assert found.train_y.dtype == np.int64
    assert found.train_x.shape[1] == math.prod(found.shape)
    x, y = peer(return_X_y=True)
    ours = np.concatenate([found.train_x, found.test_x]).astype(np.float64)
    labels = np.concatenate([found.train_y, found.test_y])
    # Scaling keeps least and most apart: in units of these, each row of ours is one of theirs, and once.
    axis = None if classes == 10 else 0
    rows, theirs = ((v - v.min(axis)) / (v.max(axis) - v.min(axis)) for v in (ours, x))
    nearest = np.array([np.abs(theirs - row).max(axis=1).argmin() for row in rows])
    assert np.allclose(rows, theirs[nearest], atol=1e-5)
    assert len(set(nearest.tolist())) == len(x)
    assert np.array_equal(labels, y[nearest])


def test_each_class_has_its_share_of_the_test_part() -> None:
    found = datasets.digits()
    share = np.bincount(found.test_y, minlength=10) / np.bincount(
        np.concatenate([found.train_y, found.test_y]), minlength=10
    )
    assert (abs(share - 0.2) < 0.006).all()


def test_scaling_is_decided_by_the_training_part() -> None:
    found = datasets.digits()
    assert abs(float(found.train_x.mean())) < 1e-5
    assert abs(float(found.train_x.std()) - 1) < 1e-5
    grey = np.unique(np.concatenate([found.train_x, found.test_x]))
    assert len(grey) == 17  # 0 … 16, evenly spaced
    assert np.allclose(np.diff(grey), np.diff(grey)[0], atol=1e-5)


def test_what_is_held_out_is_in_neither_part_and_depends_on_the_seed() -> None:
    whole = datasets.digits()
    one, same, other = whole.hold_out(287, 3), whole.hold_out(287, 3), whole.hold_out(287, 4)
    assert (len(one.train_y), len(one.val_y)) == (1150, 287)
    assert np.array_equal(one.val_x, same.val_x)
    assert not np.array_equal(one.val_x, other.val_x)
    rows = Counter(map(bytes, whole.train_x))
    assert Counter([*map(bytes, one.train_x), *map(bytes, one.val_x)]) == rows
    assert np.array_equal(one.test_x, whole.test_x)


@pytest.mark.parametrize("count", [0, -1, 1437])
def test_holding_out_too_many_or_none_is_an_error(count: int) -> None:
    with pytest.raises(ValueError, match=r"count must be in 1 … 1436, of its samples; got"):
        datasets.digits().hold_out(count, 0)
    with pytest.raises(ValueError, match="287 samples are held out already"):
        datasets.digits().hold_out(287, 0).hold_out(1, 0)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"comes inside scikit-learn.*pip install 'gem-impls\[bench\]'"):
        bundled.digits.__wrapped__()


def test_the_text_is_pythons_own_character_by_character() -> None:
    from pydoc_data.topics import topics

    found = datasets.characters()
    symbols = np.concatenate([found.train, found.val, found.test])
    name = min(topics)
    expected = f"{name}\n{topics[name]}"[:2000]
    decoded = "".join(SYMBOLS[s] if s < 96 else "?" for s in symbols[: len(expected)])
    assert decoded == "".join(c if c in SYMBOLS else "?" for c in expected)
    assert symbols.max() < found.vocabulary == 97
    assert found.guess == pytest.approx(math.log(97))


def test_the_unigram_loss_is_the_cross_entropy_of_frequencies() -> None:
    found = datasets.characters()
    counts = Counter(found.train.tolist())
    total = len(found.train) + found.vocabulary
    expected = -sum(math.log((counts[s] + 1) / total) for s in found.test.tolist()) / len(found.test)
    assert found.unigram == pytest.approx(expected, rel=1e-9)
    assert found.unigram < found.guess


def test_a_python_without_the_text_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match=r"has no pydoc_data.topics.*standard library"):
        datasets.characters.__wrapped__()


# --- MNIST ----------------------------------------------------------------------------------------------


def idx(array: Any) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_mnist(folder: Path, train: int = 40, test: int = 10) -> tuple[Any, Any]:
    """A stand-in of the same format; gives the training images and classes."""
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(0)
    kept = None
    for part, count in (("train", train), ("t10k", test)):
        x = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        y = (np.arange(count) % 10).astype(np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(x))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(y)))
        kept = kept or (x, y)
    assert kept is not None
    return kept


def test_mnist_is_read_plain_and_packed(tmp_path: Path) -> None:
    x, y = write_mnist(tmp_path / "mnist")
    found = datasets.mnist(tmp_path / "mnist")
    assert np.array_equal(found.train_y, y)
    assert (len(found.test_y), found.shape, found.classes) == (10, (1, 28, 28), 10)
    wide = x.reshape(40, -1).astype(np.float64)
    assert np.allclose(found.train_x, (wide - wide.mean()) / wide.std(), atol=1e-4)


@pytest.mark.parametrize("packed", [False, True])
def test_mnist_is_read_by_the_names_with_a_dot(tmp_path: Path, packed: bool) -> None:
    write_mnist(tmp_path)
    usual = datasets.mnist(tmp_path)
    for path in list(tmp_path.iterdir()):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        dotted = path.name.removesuffix(".gz").replace("-idx", ".idx") + (".gz" if packed else "")
        (tmp_path / dotted).write_bytes(gzip.compress(raw) if packed else raw)
        path.unlink()
    assert datasets.mnist(tmp_path).digest == usual.digest


def broken_mnist(folder: Path, how: str) -> str:
    """Break a stand-in; gives what the error must say."""
    write_mnist(folder)
    images, labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte.gz"
    raw = images.read_bytes()
    if how == "missing":
        images.unlink()
        return r"needs the file train-images-idx3-ubyte or train-images-idx3-ubyte.gz.*it has t10k-images"
    if how == "magic":
        images.write_bytes(b"\x00\x00\x0d\x03" + raw[4:])
        return "begins with 00000d03; an idx file of unsigned bytes in 3 dimensions begins with 00000803"
    if how == "cut":
        images.write_bytes(raw[:-1])
        return r"has 31,375 bytes; its header says 40 × 28 × 28 items, 31,376 bytes"
    if how == "empty":
        images.write_bytes(b"")
        return "begins with nothing"
    if how == "other size":
        images.write_bytes(idx(np.zeros((40, 32, 32), np.uint8)))
        return "its images are 32 × 32; 28 × 28 are expected"
    if how == "classes":
        labels.write_bytes(gzip.compress(idx(np.array([0, 12] * 20, np.uint8))))
        return "sample 1 is of class 12; the classes are 0 … 9"
    if how == "counts":
        labels.write_bytes(gzip.compress(idx(np.zeros(39, np.uint8))))
        return "39 classes for the 40 images"
    labels.write_bytes(labels.read_bytes()[:-9])
    return "it cannot be read"


@pytest.mark.parametrize(
    "how", ["missing", "magic", "cut", "empty", "other size", "classes", "counts", "packed and cut"]
)
def test_broken_mnist_is_named(tmp_path: Path, how: str) -> None:
    expected = broken_mnist(tmp_path / "mnist", how)
    with pytest.raises(DataError, match=expected):
        datasets.mnist(tmp_path / "mnist")


# --- CIFAR ----------------------------------------------------------------------------------------------


def write_cifar10(folder: Path, each: int = 20) -> None:
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(1)
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        rows = generator.integers(0, 256, (each, 3073), dtype=np.uint8)
        rows[:, 0] = np.arange(each) % 10
        (folder / name).write_bytes(rows.tobytes())


def write_cifar100(folder: Path, train: int = 200, test: int = 100) -> None:
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(2)
    for name, count in (("train.bin", train), ("test.bin", test)):
        rows = generator.integers(0, 256, (count, 3074), dtype=np.uint8)
        rows[:, 0], rows[:, 1] = np.arange(count) % 20, np.arange(count) % 100
        (folder / name).write_bytes(rows.tobytes())


def test_cifar_10_is_five_files_scaled_by_channel(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "c")
    found = datasets.cifar10(tmp_path / "c")
    assert (len(found.train_y), len(found.test_y), found.shape) == (100, 20, (3, 32, 32))
    channels = found.train_x.reshape(100, 3, -1)
    assert np.allclose(channels.mean(axis=(0, 2)), 0, atol=1e-4)
    assert np.allclose(channels.std(axis=(0, 2)), 1, atol=1e-4)
    raw = np.frombuffer((tmp_path / "c" / "data_batch_2.bin").read_bytes(), np.uint8).reshape(-1, 3073)
    assert np.array_equal(np.argsort(found.train_x[23, :1024]), np.argsort(raw[3, 1:1025].astype(np.float32)))


def test_cifar_100_takes_the_fine_class(tmp_path: Path) -> None:
    write_cifar100(tmp_path / "c")
    found = datasets.cifar100(tmp_path / "c")
    assert found.train_y.tolist() == [i % 100 for i in range(200)]
    assert found.classes == 100


@pytest.mark.parametrize(
    ("load", "content", "expected"),
    [
        (datasets.cifar10, b"\x00" * 3072, r"3,072 bytes, which is not a whole number of records of 3,073"),
        (datasets.cifar10, b"", "0 bytes, which is not a whole number of records"),
        (datasets.cifar10, b"\x0b" + b"\x00" * 3072, "sample 0 is of class 11; the classes are 0 … 9"),
        (datasets.cifar10, b"\x80\x04}q\x00(X\x05", "it is not the binary version, or is cut short"),
    ],
)
def test_broken_cifar_is_named(
    tmp_path: Path, load: Callable[[Path], Split], content: bytes, expected: str
) -> None:
    write_cifar10(tmp_path / "c")
    (tmp_path / "c" / "data_batch_3.bin").write_bytes(content)
    with pytest.raises(DataError, match=rf"data_batch_3.bin: .*{expected}"):
        load(tmp_path / "c")


def test_the_python_version_of_cifar_is_not_unpickled(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x04.")
    with pytest.raises(
        DataError, match=r"binary version\) needs the file data_batch_1.bin there; it has data_batch_1"
    ):
        datasets.cifar10(tmp_path)


# --- tokens ---------------------------------------------------------------------------------------------


def write_tokens(folder: Path, count: int = 4000, vocabulary: int | None = 300) -> Any:
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(3)
    train = generator.integers(0, vocabulary or 50257, count).astype("<u2")
    (folder / "train.bin").write_bytes(train.tobytes())
    (folder / "val.bin").write_bytes(train[: count // 2].tobytes())
    if vocabulary is not None:
        (folder / "meta.json").write_text(json.dumps({"vocab_size": vocabulary}), encoding="utf-8")
    return train


def test_tokens_are_read_with_their_vocabulary(tmp_path: Path) -> None:
    train = write_tokens(tmp_path / "t")
    found = datasets.tokens(tmp_path / "t")
    assert np.array_equal(found.train, train)
    assert np.array_equal(np.concatenate([found.val, found.test]), train[:2000])
    assert found.vocabulary == 300


def test_without_meta_the_vocabulary_is_gpt_2s(tmp_path: Path) -> None:
    write_tokens(tmp_path / "t", vocabulary=None)
    assert datasets.tokens(tmp_path / "t").vocabulary == 50257


def test_the_same_tokens_of_another_vocabulary_are_other_data(tmp_path: Path) -> None:
    write_tokens(tmp_path / "t", vocabulary=100)
    usual = datasets.tokens(tmp_path / "t").digest
    assert datasets.tokens(tmp_path / "t").digest == usual
    (tmp_path / "t" / "meta.json").write_text('{"vocab_size": 5000}', encoding="utf-8")
    assert datasets.tokens(tmp_path / "t").digest != usual


@pytest.mark.parametrize("changes", [{"classes": 20}, {"shape": (64,)}])
def test_the_same_samples_of_other_classes_or_shape_are_other_data(changes: dict[str, Any]) -> None:
    found = datasets.digits()
    assert replace(found, **changes).digest != found.digest == replace(found).digest


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("train.bin", b"\x01\x00\x02", "3 bytes; uint16 tokens take 2 each"),
        ("val.bin", b"", "0 bytes"),
        ("val.bin", b"\x00\x00\x2c\x01", "token 1 is 300; they must be below 300"),
        ("meta.json", b"{}", "vocab_size must be an integer in 2 … 65536; got None"),
        ("meta.json", b'{"vocab_size": true}', "got True"),
        ("meta.json", b'{"vocab_size": 70000}', "got 70000"),
        ("meta.json", b"[", "it is not JSON"),
        ("meta.json", b"[" * 100_000, "it is nested too deeply"),
    ],
)
def test_broken_tokens_are_named(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    write_tokens(tmp_path / "t")
    (tmp_path / "t" / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: .*{expected}"):
        datasets.tokens(tmp_path / "t")


# --- any folder -----------------------------------------------------------------------------------------

LOADERS = [datasets.mnist, datasets.cifar10, datasets.cifar100, datasets.tokens]


@pytest.mark.parametrize("load", LOADERS)
def test_a_missing_folder_and_a_file_in_its_place_are_said(
    tmp_path: Path, load: Callable[[Path], Any]
) -> None:
    with pytest.raises(DataError, match=r"nowhere: there is no such folder; .* needs a folder with "):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(DataError, match=r"file: it is a file; .* needs a folder with "):
        load(tmp_path / "file")


@pytest.mark.parametrize("load", LOADERS)
def test_an_empty_folder_is_said(tmp_path: Path, load: Callable[[Path], Any]) -> None:
    with pytest.raises(DataError, match=r"needs the file .* there; it has no file"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("write", "wrong"),
    [(write_mnist, datasets.cifar10), (write_cifar10, datasets.tokens), (write_cifar100, datasets.tokens)],
)
def test_a_folder_of_another_kind_is_said(
    tmp_path: Path, write: Callable[[Path], Any], wrong: Callable[[Path], Any]
) -> None:
    write(tmp_path / "d")
    with pytest.raises(DataError, match=r"needs the file"):
        wrong(tmp_path / "d")

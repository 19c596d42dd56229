"""The cache: by content, whole, and rebuilt with a word where it is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.error import cache, sweep
from benchmarks.error.cache import Arrays, Cache, Unwritable
from benchmarks.error.sweep import Job
from gem_impls import Spec


class Counted:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Arrays:
        self.calls += 1
        return {"a": np.arange(1000.0), "b": np.array([np.nan, np.inf])}


def test_computed_once_for_one_key(tmp_path: Path) -> None:
    said: list[str] = []
    compute = Counted()
    for _ in range(2):
        found = Cache(tmp_path, said.append).remember(("key", 1), compute)
        assert found["a"].tolist() == list(range(1000))
        assert np.isnan(found["b"][0])
    assert (compute.calls, said) == (1, [])
    Cache(tmp_path, said.append).remember(("key", 2), compute)
    assert compute.calls == 2


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "foreign"])
def test_a_damaged_entry_is_rebuilt_with_a_word(tmp_path: Path, damage: str) -> None:
    said: list[str] = []
    compute = Counted()
    Cache(tmp_path, said.append).remember("key", compute)
    (entry,) = tmp_path.iterdir()
    content = bytearray(entry.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[len(content) // 3] ^= 0x10
    else:
        content = bytearray() if damage == "emptied" else bytearray(b"something else")
    entry.write_bytes(bytes(content))
    found = Cache(tmp_path, said.append).remember("key", compute)
    assert found["a"].tolist() == list(range(1000))
    assert compute.calls == 2
    assert len(said) == 1
    assert "damaged" in said[0]
    Cache(tmp_path, said.append).remember("key", compute)
    assert compute.calls == 2  # it was mended


def test_a_failed_computation_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> Arrays:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Cache(tmp_path, print).remember("key", fail)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(Unwritable, match=r"file/cache cannot be written to .*name another with --cache"):
        cache.require_writable(blocked / "cache", "--cache")


def test_the_default_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.default_folder() == tmp_path / "gem-impls" / "error"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.default_folder() == Path.home() / ".cache" / "gem-impls" / "error"


def test_truths_by_fractions_are_kept_by_what_they_depend_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = Cache(tmp_path, print)

    def entries(job: Job) -> int:
        sweep._truths(job, 1, job.magnitudes(), store)
        return len(list(tmp_path.iterdir()))

    job = Job(Spec("gem"), "float64", "value", "stratified", 200)
    assert [entries(job), entries(job)] == [1, 1]
    # e-gem with eps = 1 is the same function
    assert entries(Job(Spec("e-gem", 1, 1.0), "float64", "value", "stratified", 200)) == 1
    assert entries(Job(Spec("gem", 2), "float64", "value", "stratified", 200)) == 2
    assert entries(Job(Spec("gem"), "float64", "gradient", "stratified", 200)) == 3
    assert entries(Job(Spec("gem"), "float64", "value", "stratified", 300)) == 4
    monkeypatch.setattr(sweep, "truth_sources", lambda: "another version of the oracle")
    assert entries(job) == 5

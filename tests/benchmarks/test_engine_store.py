"""A store of results: whole, once, and nothing damaged is taken for a result."""

from __future__ import annotations

import errno
import hashlib
import json
import threading
from pathlib import Path

import pytest

from benchmarks.engine import Store, key_of

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


def names(store: Store) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir())


def test_a_key_says_what_a_task_is_and_not_how_it_is_written() -> None:
    assert key_of({"a": 1, "b": [0.1, None]}) == key_of({"b": [0.1, None], "a": 1})
    text = '{"a":1,"b":[0.1,null]}'
    assert key_of({"a": 1, "b": [0.1, None]}) == hashlib.sha256(text.encode()).hexdigest()[:32]
    assert len({key_of(task) for task in ({"a": 1}, {"a": 2}, {"b": 1}, {"a": "1"}, {"a": 1.5})}) == 5


@pytest.mark.parametrize("task", [{"a": float("nan")}, {"a": float("inf")}, {"a": object()}])
def test_what_is_not_json_has_no_key(task: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        key_of(task)


def test_a_result_comes_back_as_it_was_put(store: Store) -> None:
    result = {
        "loss": 0.1 + 0.2,
        "curve": [1e-300, 5e-324, 2**60],
        "text": "é\n\u2028",
        "none": None,
        "in": {"a": True},
    }
    assert not store.has(KEY)
    with pytest.raises(KeyError):
        store.get(KEY)
    assert store.put(KEY, result)
    assert store.has(KEY)
    assert store.get(KEY) == Store(store.folder).get(KEY) == result
    assert names(store) == [f"{KEY}.json"]
    assert (store.folder / f"{KEY}.json").stat().st_mode & 0o777 == 0o644


def test_a_file_is_what_the_schema_says(store: Store) -> None:
    store.put(KEY, {"b": 1, "a": 0.5})
    found = json.loads((store.folder / f"{KEY}.json").read_text(encoding="utf-8"))
    assert found == {
        "key": KEY,
        "sum": hashlib.sha256(b'{"a":0.5,"b":1}').hexdigest(),
        "result": {"a": 0.5, "b": 1},
    }


def test_results_come_in_the_order_that_was_asked_for(store: Store) -> None:
    store.put(KEY, {"x": 1})
    store.put(OTHER, {"x": 2})
    assert list(store.results([OTHER, "missing-key", KEY])) == [(OTHER, {"x": 2}), (KEY, {"x": 1})]


def test_the_first_result_stays(store: Store) -> None:
    assert store.put(KEY, {"x": 1})
    assert not store.put(KEY, {"x": 2})
    assert store.get(KEY) == {"x": 1}
    assert names(store) == [f"{KEY}.json"]


def test_of_many_writers_at_once_exactly_one_is_first(store: Store) -> None:
    writers = 8
    together = threading.Barrier(writers)
    first: list[int] = []

    def write(number: int) -> None:
        mine = Store(store.folder)
        together.wait()
        if mine.put(KEY, {"writer": number, "filler": "x" * 100_000}):
            first.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(first) == 1
    assert store.get(KEY)["writer"] == first[0]
    assert names(store) == [f"{KEY}.json"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"0.25", b"0.26"),
        lambda content: content.replace(KEY.encode(), OTHER.encode()),
        lambda content: b"\xff" + content,
        lambda content: b"[" * 100_000,
        lambda content: b"[]",
        lambda content: b"null",
        lambda content: b'{"key": 1}',
        lambda content: content.replace(b'{"x":0.25}', b"[0.25]"),
        lambda content: content.replace(b"0.25", b"NaN"),
    ],
    ids=["empty", "cut", "altered", "of another", "bytes", "deep", "list", "null", "bare", "no dict", "NaN"],
)  # fmt: skip
def test_a_damaged_file_is_set_aside_and_its_task_done_again(store: Store, damage: object) -> None:
    store.put(KEY, {"x": 0.25})
    path = store.folder / f"{KEY}.json"
    for number in (1, 2):
        path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
        assert not store.has(KEY)
        assert store.set_aside[-1] == f"{KEY}.damaged-{number}"
        assert store.put(KEY, {"x": 0.25})
        assert store.get(KEY) == {"x": 0.25}
    assert names(store) == [f"{KEY}.damaged-1", f"{KEY}.damaged-2", f"{KEY}.json"]


def test_what_is_not_json_is_refused_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        store.put(KEY, {"loss": float("nan")})
    assert names(store) == []


def test_what_cannot_be_written_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.put(KEY, {"x": 1})
    assert names(store) == []
    assert not store.has(KEY)


def test_a_file_system_without_links_will_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    assert store.put(KEY, {"x": 1})
    assert not store.put(KEY, {"x": 2})
    assert store.get(KEY) == {"x": 1}
    assert names(store) == [f"{KEY}.json"]


@pytest.mark.parametrize(
    "key", ["", "short", "../../../../etc/passwd", "a/b/c/d/e/f", "A" * 32, ".hidden-key", "k" * 129]
)
def test_what_is_no_key_is_refused(store: Store, key: str) -> None:
    for use in (store.has, store.get, lambda key: store.put(key, {})):
        with pytest.raises(ValueError, match="a key has 8 to 128"):
            use(key)


def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Store(tmp_path / "file")

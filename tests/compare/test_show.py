"""The record as people read it; foreign text stays text."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmarks.compare import show, store
from tests.compare.test_store import EVENTS, FINISHED, REVISION, header, timed

HOSTILE = "\x1b[31m<script>alert(1)</script> | @everyone `x` [a](javascript:b)\n![i](https://e.x/y) \u202e"


def hostile() -> dict[str, Any]:
    first = {"header": {**EVENTS[0]["header"], "head": {**REVISION, "subject": HOSTILE, "label": HOSTILE}}}
    lost = {**EVENTS[4], "reason": HOSTILE}
    return store.assemble([first, *EVENTS[1:4], lost, *EVENTS[5:], FINISHED])


def test_text_has_every_verdict_what_matters_first() -> None:
    lines = show.text(store.assemble([*EVENTS, FINISHED])).splitlines()
    table = [line for line in lines if re.match(r"slower|more memory|could not measure", line)]
    assert [line.split("  ")[0] for line in table] == ["slower", "more memory", "could not measure"]
    assert "1.500 [1.5" in table[0] or "1.500 [1.4" in table[0]
    assert any("bytes at the peak, beyond inputs and outputs: 0, now 4096" in line for line in lines)
    assert "1 slower, 1 more memory, 1 could not measure." in lines


def test_no_control_character_reaches_the_terminal() -> None:
    assert all(c.isprintable() or c == "\n" for c in show.text(hostile()))


def test_no_control_character_of_an_implementations_file_name_reaches_the_terminal() -> None:
    row = {**timed("x"), "id": f"gem-{HOSTILE}-1024"}
    for failed in (True, False):
        lost = {"failed": row["id"], "side": "head", "reason": "none", "lacks": failed}
        text = show.text(store.assemble([header(row), lost, FINISHED]))
        assert "gem-?[31m<script>" in text
        assert all(c.isprintable() or c == "\n" for c in text)


def test_what_only_one_side_has_is_apart() -> None:
    lost = {**EVENTS[4], "lacks": True, "reason": "no such thing"}
    record = store.assemble([*EVENTS[:4], lost, *EVENTS[5:], FINISHED])
    compared, single = show.text(record).split("Only one side has these:")
    assert "lost" not in compared
    assert re.search(r"gone +time +lost\n    head: no such thing\n", single)
    assert "1 slower, 1 more memory, 1 gone." in single
    assert "1 that only one side has" in show.markdown(record)
    assert "lost" in show.markdown(record).split("1 that only one side has")[1]


def test_nothing_in_a_comment_is_markup_of_somebody_else() -> None:
    text = show.markdown(hostile())
    assert "<script" not in text
    assert "\x1b" not in text
    assert not re.search(r"(?<!\\)\]\(", text), "a link"
    assert "@everyone" not in text
    assert "https://e.x" not in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 5, "a cell broke out of its column"


def test_a_comment_folds_away_what_stayed_the_same() -> None:
    same = [{**event, "head": event["base"]} if "round" in event else event for event in EVENTS]
    text = show.markdown(store.assemble([*same, FINISHED]))
    folded = text[text.index("<details>") :]
    assert "time of slow" in folded
    assert "memory of bytes" not in folded
    assert text.startswith("### 1 more memory, 1 could not measure, 1 same\n")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"head": {**REVISION, "dirty": True, "uncommitted": ["a.py"]}}, "head is the working tree.*a.py"),
        ({"base": {**REVISION, "broken": "it does not build"}}, "base cannot be measured: it does not build"),
        ({"benchmarks": {"commit": None, "dirty": True}}, "uncommitted changes. They are in neither side"),
    ],
)
def test_what_a_reader_must_know_is_said(changes: dict[str, Any], sentence: str) -> None:
    record = store.assemble([{"header": {**EVENTS[0]["header"], **changes}}, *EVENTS[1:]])
    assert re.search(sentence, show.text(record))
    assert "The run was interrupted" in show.text(record)


@pytest.mark.parametrize(
    ("time", "text"), [(2.0, "2 s"), (1.5e-3, "1.5 ms"), (1.234e-5, "12.3 us"), (5e-8, "50 ns"), (None, "-")]
)
def test_times_have_units(time: float | None, text: str) -> None:
    assert show.seconds(time) == text

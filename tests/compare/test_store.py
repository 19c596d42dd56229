"""What is kept, whatever happens: the journal, the record, and reading either again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare import store

REVISION = {
    "asked": "main",
    "commit": "0" * 40,
    "subject": "<script>alert(1)</script>",
    "time": "2026-01-01T00:00:00Z",
    "dirty": False,
    "uncommitted": [],
    "label": "0000000000",
    "broken": None,
}


def header(*rows: dict[str, Any]) -> dict[str, Any]:
    return {
        "header": {
            "schema": store.SCHEMA,
            "command": "python -m benchmarks compare main",
            "started": "2026-01-01T00:00:00+00:00",
            "base": REVISION,
            "head": REVISION,
            "benchmarks": {"commit": "0" * 40, "dirty": False},
            "environment": {"machine": "a machine"},
            "device": "cpu",
            "clock": "wall",
            "threads": 1,
            "seed": 1,
            "budget_s": 60.0,
            "effect": 0.05,
            "confidence": 0.99,
            "power": 0.95,
            "rows": list(rows),
        }
    }


def timed(name: str) -> dict[str, Any]:
    return {"id": name, "case": {"id": name}, "wanted": ["time"]}


def a_round(name: str, factor: float) -> dict[str, Any]:
    base = [[[1.0e-5, 1.1e-5], [1.01e-5, 1.2e-5]], [[1.02e-5, 1.0e-5], [1.01e-5, 1.5e-5]]]
    head = [[[s * factor for s in visit] for visit in process] for process in base]
    return {"round": name, "calls": 100, "base": base, "head": head}


EVENTS = [
    header(timed("slow"), timed("lost"), {"id": "bytes", "case": {"id": "bytes"}, "wanted": ["memory"]}),
    *(a_round("slow", 1.5) for _ in range(3)),
    {
        "failed": "lost",
        "side": "head",
        "reason": "the measuring process was ended by SIGSEGV",
        "lacks": False,
    },
    *(
        {
            "counted": "bytes",
            "what": "memory",
            "side": side,
            "figures": {"arrays": "torch", "peak_bytes": peak, "allocated_bytes": 0, "saved_bytes": None},
        }
        for side, peak in (("base", 0), ("head", 4096))
    ),
]
FINISHED = {"finished": "2026-01-01T00:05:00+00:00", "complete": True}


def verdicts(record: dict[str, Any]) -> dict[str, str]:
    return {row["id"]: row["verdict"] for row in record["verdicts"]}


def filled(path: Path, *events: dict[str, Any]) -> store.Journal:
    journal = store.Journal(path, say=lambda sentence: pytest.fail(sentence))
    for event in events:
        journal.append(event)
    return journal


def test_events_add_up_to_a_judged_record() -> None:
    record = store.assemble([*EVENTS, FINISHED])
    assert record[store.KEY]["complete"] is True
    assert verdicts(record) == {"slow": "slower", "lost": "could not measure", "bytes": "more memory"}


def test_a_journal_becomes_a_record_and_both_read_the_same(tmp_path: Path) -> None:
    journal = filled(tmp_path / "compare-x.json", *EVENTS, FINISHED)
    from_journal = store.assemble(store.read(journal.path))
    journal.close(from_journal)
    assert not journal.path.exists()
    text = journal.record.read_text()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON")) == from_journal
    assert store.assemble(store.read(journal.record)) == from_journal


def test_what_an_interruption_left_is_judged(tmp_path: Path) -> None:
    journal = filled(tmp_path / "compare-x.json", *EVENTS)
    with journal.path.open("a") as file:
        file.write('{"round": "slow", "calls": 10')  # cut short
    record = store.assemble(store.read(journal.path))
    assert record[store.KEY]["complete"] is False
    assert record[store.KEY]["finished"] is None
    assert verdicts(record)["slow"] == "slower"


def test_the_effect_can_be_another_when_it_is_judged_again() -> None:
    assert verdicts(store.assemble(EVENTS, effect=0.6))["slow"] != "slower"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", "{}"),
        ("x.json", "[]"),
        ("x.json", "not json"),
        ("x.json", ""),
        ("x.jsonl", ""),
        ("x.jsonl", '{"header": 1}\n'),
        ("x.jsonl", "not json\n" + json.dumps(EVENTS[0])),
        ("x.jsonl", json.dumps(EVENTS[0]) + "\n" + json.dumps({"round": "unheard of"}) + "\n"),
        (
            "x.jsonl",
            json.dumps(EVENTS[0]) + "\n" + json.dumps({**a_round("slow", 1), "base": [[["x"]]]}) + "\n",
        ),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(store.Unreadable, match="is no record or journal"):
        store.read(tmp_path / name)


def test_another_schema_is_named(tmp_path: Path) -> None:
    other = json.loads(json.dumps(EVENTS[0]))
    other["header"]["schema"] = 7
    (tmp_path / "x.jsonl").write_text(json.dumps(other) + "\n")
    with pytest.raises(store.Unreadable, match="has schema 7; this version reads 1"):
        store.read(tmp_path / "x.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_costs_the_file_and_not_the_figures(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "compare-x.jsonl").symlink_to("/dev/full")
    journal = store.Journal(tmp_path / "compare-x.json", said.append)
    for event in [*EVENTS, FINISHED]:
        journal.append(event)
    assert said == ["compare-x.jsonl cannot be written any more (No space left on device); measuring goes on"]
    assert verdicts(store.assemble(journal.events))["slow"] == "slower"


def test_a_name_is_never_taken_twice(tmp_path: Path) -> None:
    """Two runs in one second, or a clock that was set back."""
    names = []
    for _ in range(3):
        names.append(store.new_name(tmp_path))
        names[-1].with_suffix(".jsonl").touch()
    assert len(set(names)) == 3

"""The journal and the record of a comparison.

Everything that is learnt is an *event*: one line of JSON, appended and flushed to a journal as it happens.
The record is the events put in order, so what an interruption leaves behind can be judged like any other run
(``compare --from``). A place that can no longer be written to costs the file and not the figures: events are
kept in memory, too, and the verdicts are printed all the same.

The record, schema 1, ``compare-TIME.json``::

    {"gem_impls_compare": {
       "schema": 1, "command": str, "started": ISO 8601, "finished": ISO 8601 | null,
       "complete": bool,                  # false: interrupted; what was not reached says so
       "stopped": str | null,             # why no more could be measured; absent from older records
       "base": REVISION, "head": REVISION,
       "benchmarks": {"commit": str | null, "dirty": bool | null},
       "environment": {...},              # as a sweep's record has it
       "device": str, "clock": str, "threads": int, "seed": int, "budget_s": number, "effect": number,
       "confidence": number, "power": number},
     "verdicts": [{"id": str, "what": "time" | "memory" | "error", "verdict": str, "ratio": number | null,
                   "low": number | null, "high": number | null, "detectable": number | null,
                   "base": ..., "head": ..., "reason": str | null}],
     "not_here": [[id, reason]],          # neither revision has it on this machine
     "rows": [{"id": str, "case": {...}, "wanted": [what, ...],
               "failed": {"base": null | {"reason": str, "lacks": bool}, "head": ...},
               "memory": {"base": null | {figure: number | null}, "head": ...},
               "error": {"base": null | {"value": {...}, "gradient": {...}}, "head": ...},
               "rounds": [{"calls": int, "head": ...,
                           "base": [[[seconds per call, ...] per visit] per process]}]}]}
    REVISION = {"asked": str, "commit": str, "subject": str, "time": str, "dirty": bool,
                "uncommitted": [str], "label": str, "broken": null | str}

Everything under ``"verdicts"`` follows from ``"rows"``; of a case that is new or gone, the side that has it
has its figures there. Subjects and file names are foreign text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.compare import judge
from benchmarks.error.cache import write_whole
from benchmarks.record import STORE, dumps

SCHEMA: Final = 1
KEY: Final = "gem_impls_compare"

SIDES: Final = ("base", "head")

Event = dict[str, Any]
Record = dict[str, Any]


class Unreadable(ValueError):
    """A file is neither a journal nor a record of a comparison."""


def new_name(folder: Path = STORE) -> Path:
    """A name for a record that is not taken, in ``folder``."""
    stem = f"compare-{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}"
    path, number = folder / f"{stem}.json", 1
    while path.exists() or path.with_suffix(".jsonl").exists():
        number += 1
        path = folder / f"{stem}-{number}.json"
    return path


class Journal:
    """The events of a run, in memory and, as long as that can be written, in a file.

    Args:
        record: the record to be; the journal lies beside it until then.
        say: told, in a sentence, when the file cannot be written any more.

    Attributes:
        path: the file of lines.
        events: all of them.
        broken: why the file is no longer written, or None.
    """

    def __init__(self, record: Path, say: Callable[[str], None]) -> None:
        self.record, self.path = record, record.with_suffix(".jsonl")
        self.events: list[Event] = []
        self.broken: str | None = None
        self._say = say

    def append(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)
        if self.broken:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(dumps(event) + "\n")
        except OSError as error:
            self.broken = error.strerror or str(error)
            self._say(f"{self.path.name} cannot be written any more ({self.broken}); measuring goes on")

    def close(self, record: Record) -> None:
        """Write the record, whole or not at all; the journal has then served.

        Raises:
            OSError: it cannot be written; the journal stays.
        """
        self.record.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.record, text_of(record).encode())
        self.path.unlink(missing_ok=True)


def text_of(record: Record) -> str:
    """JSON, with a line for each verdict and row."""
    parts = []
    for key, value in record.items():
        if isinstance(value, list):
            text = "[\n" + ",\n".join(map(dumps, value)) + "\n]" if value else "[]"
        else:
            text = dumps(value)
        parts.append(f"{dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def read(path: Path) -> list[Event]:
    """The events of a journal, or those that a record was made of. A last line cut short is left out.

    Raises:
        Unreadable: it is neither, or of another schema.
        OSError: it cannot be read.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        events = _events_of(json.loads(text)) if path.suffix == ".json" else _lines(text)
        header = events[0]["header"]
        if header["schema"] != SCHEMA:
            raise Unreadable(f"{path.name} has schema {header['schema']!r}; this version reads {SCHEMA}")
        assemble(events)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"{path.name} is no record or journal of a comparison, or is damaged") from None
    return events


def _lines(text: str) -> list[Event]:
    lines = text.splitlines()
    events: list[Event] = []
    for number, line in enumerate(lines):
        try:
            events.append(json.loads(line))
        except ValueError:
            if number + 1 < len(lines):
                raise
    return events


def _events_of(record: Record) -> list[Event]:
    header = {**record[KEY]}
    finished = {key: header.pop(key, None) for key in ("finished", "complete", "stopped")}
    events: list[Event] = [{"header": {**header, "rows": [_row(r) for r in record["rows"]]}}]
    for row in record["rows"]:
        for side in SIDES:
            events += (
                [{"failed": row["id"], "side": side, **row["failed"][side]}] if row["failed"][side] else []
            )
            for what in ("memory", "error"):
                if row[what][side] is not None:
                    events.append(
                        {"counted": row["id"], "what": what, "side": side, "figures": row[what][side]}
                    )
        events += [{"round": row["id"], **samples} for samples in row["rounds"]]
    return [*events, finished]


def _row(row: Record) -> Record:
    return {"id": row["id"], "case": row["case"], "wanted": row["wanted"]}


def header_rows(timed: Iterable[Any], counted: Iterable[Any], subjects: Iterable[Any]) -> list[Record]:
    """A plan as the header of a journal has it."""
    wanted = ((timed, ["time", "memory"]), (counted, ["memory"]), (subjects, ["error"]))
    return [{"id": case["id"], "case": case, "wanted": what} for cases, what in wanted for case in cases]


def assemble(events: Iterable[Event], effect: float | None = None) -> Record:
    """The record that events add up to, judged.

    Args:
        events: in their order; the first is the header.
        effect: the smallest change of a time that is called one; by default the header's.
    """
    first, *others = events
    header = dict(first["header"])
    rows = {
        row["id"]: {
            **row,
            "failed": dict.fromkeys(SIDES),
            "memory": dict.fromkeys(SIDES),
            "error": dict.fromkeys(SIDES),
            "rounds": [],
        }
        for row in header.pop("rows")
    }
    end = {"finished": None, "complete": False, "stopped": None}
    for event in others:
        if "failed" in event:
            why = {"reason": event["reason"], "lacks": event["lacks"]}
            failed = rows[event["failed"]]["failed"]
            failed[event["side"]] = failed[event["side"]] or why
        elif "counted" in event:
            rows[event["counted"]][event["what"]][event["side"]] = event["figures"]
        elif "round" in event:
            samples = {name: event[name] for name in ("calls", *SIDES)}
            rows[event["round"]]["rounds"].append(samples)
        else:
            end = {key: event.get(key) for key in end}
    if effect is not None:
        header["effect"] = effect
    record: Record = {
        KEY: {**header, **end},
        "rows": list(rows.values()),
    }
    judged = judge.judge(record, header["effect"])
    return {
        KEY: record[KEY],
        "verdicts": [asdict(verdict) for verdict in judged.verdicts],
        "not_here": [list(pair) for pair in judged.not_here],
        "rows": record["rows"],
    }

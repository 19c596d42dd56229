"""What is known of the commits themselves: subject, date, place in the history, state of the package.

Beside asv's results of a machine lies ``commits.csv``, written by ``make history``: one line a commit, so
that a results folder that was copied elsewhere still says what its commits were. ``ancestors`` (how many
commits lead to it) orders commits whatever their clocks said; ``package`` is git's hash of the folder
``gem_impls``: where two commits have the same, what differs between them is not the project.

``notes.toml``, written by hand, explains commits: a table ``[commits]`` of hashes and sentences.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reports.fields import Bad, clean, mapping, shown

FILE = "commits.csv"
NOTES = "notes.toml"
COLUMNS = ("commit", "ancestors", "date", "package", "subject")
MOST_SAID = 5
"""Damaged lines of a file that are named; the others are counted."""

EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Commit:
    """A commit of the project; ``ancestors`` is None and texts are empty where nobody wrote them down."""

    hash: str
    date: datetime
    ancestors: int | None = None
    package: str = ""
    subject: str = ""

    @property
    def short(self) -> str:
        """As people write it."""
        return self.hash[:8]

    @property
    def anchor(self) -> str:
        """Its place on the history page; whoever knows the hash knows the address."""
        return f"commit-{re.sub(r'[^0-9A-Za-z]', '', self.hash)[:64]}"


def read_commits(raw: bytes, say: Callable[[str], None]) -> dict[str, Commit]:
    """The commits of one ``commits.csv``, by hash; a damaged line is said and left out. Raises Bad."""
    try:
        text = raw.decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        heads = rows.fieldnames
    except UnicodeDecodeError as error:
        raise Bad(f"it is not UTF-8 text (byte {error.start})") from None
    except csv.Error as error:
        raise Bad(f"it is not CSV: {error}") from None
    if not heads:
        raise Bad("it lists no commit")
    if missing := [name for name in COLUMNS if name not in heads]:
        raise Bad(f"it lacks the column {missing[0]}")
    found: dict[str, Commit] = {}
    damaged: list[str] = []
    try:
        for row in rows:
            try:
                commit = _commit(row)
                found[commit.hash] = commit
            except Bad as error:
                damaged.append(f"line {rows.line_num} left out: {error}")
    except csv.Error as error:
        damaged.append(f"left out from line {rows.line_num + 1} on: it is not CSV: {error}")
    for text in damaged[:MOST_SAID]:
        say(text)
    if len(damaged) > MOST_SAID:
        say(f"and {len(damaged) - MOST_SAID} more of its lines left out")
    return found


def _commit(row: Mapping[str, str | None]) -> Commit:
    name = row["commit"] or ""
    if not re.fullmatch(r"[0-9a-f]{40,64}", name):
        raise Bad(f"commit must be a hash of 40 hexadecimal digits; got {shown(name)}")
    ancestors = row["ancestors"] or ""
    if not re.fullmatch(r"[0-9]{1,9}", ancestors):
        raise Bad(f"ancestors of {name[:8]} must be a count; got {shown(ancestors)}")
    try:
        date = datetime.fromisoformat(row["date"] or "").astimezone(UTC)
    except (ValueError, OverflowError):
        raise Bad(f"date of {name[:8]} must be an ISO 8601 time; got {shown(row['date'])}") from None
    return Commit(name, date, int(ancestors), clean(row["package"] or ""), clean(row["subject"] or ""))


def read_notes(raw: bytes) -> dict[str, str]:
    """What people wrote, by the beginning of a commit's hash: ``7f3a2c1 = "why"`` in a table. Raises Bad."""
    try:
        top = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Bad(f"it is not UTF-8 text (byte {error.start})") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Bad(f"it is not TOML: {error}") from None
    notes = mapping(top.get("commits"), "commits")
    for name, text in notes.items():
        if not re.fullmatch(r"[0-9a-f]{7,64}", name):
            raise Bad(f"commits must be named by 7 or more hexadecimal digits; got {shown(name)}")
        if not isinstance(text, str) or not clean(text):
            raise Bad(f"the note on {name} must be a text; got {shown(text)}")
    return {name: clean(text) for name, text in notes.items()}


def in_order(measured: Mapping[str, datetime], known: Mapping[str, Commit]) -> tuple[Commit, ...]:
    """The measured commits, oldest first: by ancestry where it is known, else by date.

    A commit whose ancestry nobody wrote down stands by its date among the others.
    """
    commits = [known.get(name, Commit(name, date)) for name, date in measured.items()]
    latest, effective = EARLIEST, {}
    for commit in sorted((c for c in commits if c.ancestors is not None), key=lambda c: c.ancestors or 0):
        latest = max(latest, commit.date)  # a clock that went back does not put a child before its parent
        effective[commit.hash] = latest
    return tuple(
        sorted(commits, key=lambda c: (effective.get(c.hash, c.date), c.ancestors or 0, c.date, c.hash))
    )


def clock_went_back(commits: Iterable[Commit]) -> list[Commit]:
    """Commits that are dated before one that leads to them."""
    latest, found = EARLIEST, []
    for commit in commits:
        if commit.date < latest:
            found.append(commit)
        latest = max(latest, commit.date)
    return found

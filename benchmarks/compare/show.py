"""A record as text for the terminal, and as Markdown for a pull request.

Commit subjects, file names and reasons are foreign text: control characters never reach a terminal, and
nothing in them is markup in a comment.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.compare import judge
from benchmarks.compare.store import KEY, SIDES

Record = Mapping[str, Any]
Row = Mapping[str, Any]

BAD: Final = (judge.SLOWER, judge.LESS_EXACT, judge.MORE_MEMORY, judge.UNMEASURED)
NOTABLE: Final = (*BAD, judge.AMBIGUOUS, judge.FASTER, judge.MORE_EXACT, judge.LESS_MEMORY)
"""Verdicts that are shown first, in this order; the rest is ``same``."""

APART: Final = tuple(judge.ONE_SIDED.values())
"""Verdicts of what one side only has: shown after all that was compared."""

MOST_REASONS: Final = 200
"""Characters of a reason in a table."""


def plain(text: str) -> str:
    """Foreign text on one line, without characters that a terminal would act upon."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(text).split()))


def escaped(text: str) -> str:
    """Foreign text in Markdown: no HTML, no markup, no mention, no link, no cell boundary."""
    safe = html.escape(plain(text), quote=False)
    safe = re.sub(r"([\\`*_{}\[\]()#+!|~>-])", r"\\\1", safe)
    return safe.replace("@", "@&#8203;").replace("://", ":&#8203;//")


def seconds(time: float | None) -> str:
    """``12.3 us``."""
    if time is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if time >= size:
            return f"{time / size:.3g} {unit}"
    return f"{time * 1e9:.3g} ns"


def ratio(row: Row) -> str:
    """``1.021 [0.990, 1.053]``, head / base with its interval."""
    if row["ratio"] is None:
        return "-"
    return f"{row['ratio']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def least(row: Row) -> str:
    """The smallest slowdown that the row finds: ``8 %``."""
    return "-" if row["detectable"] is None else f"{100 * (row['detectable'] - 1):.0f} %"


def ordered(rows: Sequence[Row]) -> list[Row]:
    """What matters first."""
    rank = {word: number for number, word in enumerate((*NOTABLE, judge.SAME, *APART))}
    return sorted(rows, key=lambda row: rank[row["verdict"]])


def compared(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """(what both sides have, what only one has), each with what matters first."""
    both = [row for row in rows if row["verdict"] not in APART]
    return ordered(both), ordered([row for row in rows if row["verdict"] in APART])


def counts(record: Record) -> str:
    """``2 slower, 1 ambiguous, 21 same``."""
    found = Counter(row["verdict"] for row in record["verdicts"])
    words = [word for word in (*NOTABLE, judge.SAME, *APART) if found[word]]
    return ", ".join(f"{found[word]} {word}" for word in words) or "nothing was compared"


def notes(record: Record) -> list[str]:
    """Sentences about the run itself, that a reader must know to trust the table."""
    header = record[KEY]
    said = []
    if header.get("stopped"):
        said.append(f"The run ended early: {header['stopped']}. These are the verdicts on what there is.")
    elif not header["complete"]:
        said.append("The run was interrupted: these are the verdicts on what was measured until then.")
    for side in SIDES:
        revision = header[side]
        if revision["broken"]:
            said.append(f"{side} cannot be measured: {revision['broken']}.")
        if revision["dirty"]:
            files = revision["uncommitted"]
            more = f" and {len(files) - 5} more" if len(files) > 5 else ""
            said.append(
                f"{side} is the working tree, with uncommitted changes: {', '.join(files[:5])}{more}."
            )
    if header["benchmarks"]["dirty"] and not any(header[side]["dirty"] for side in SIDES):
        said.append(
            "The working tree has uncommitted changes. They are in neither side; the benchmarks come from it."
        )
    if record["not_here"]:
        reasons = Counter(reason for _, reason in record["not_here"])
        told = "; ".join(f"{count} ({reason})" for reason, count in reasons.most_common(4))
        said.append(f"Left out, since neither side has them here: {told}.")
    return said


# --- text -----------------------------------------------------------------------------------------------

COLUMNS: Final = ("verdict", "what", "case", "base", "head", "head / base", "finds")


def _cells(row: Row) -> tuple[str, ...]:
    if row["what"] == "time":
        figures = (seconds(row["base"]), seconds(row["head"]), ratio(row), least(row))
    else:
        figures = ("", "", "", "")
    return tuple(map(plain, (row["verdict"], row["what"], row["id"], *figures)))


def _columns(heads: Sequence[str], rows: Sequence[tuple[Sequence[str], str | None]]) -> list[str]:
    """Lines of cells below each other, each row's reason below it."""
    widths = [max(map(len, column)) for column in zip(heads, *(cells for cells, _ in rows), strict=True)]
    lines = []
    for cells, reason in [(heads, None), *rows]:
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
        lines += [f"    {plain(reason)}"] if reason else []
    return lines


def text(record: Record) -> str:
    """The verdicts as a table for the terminal."""
    header = record[KEY]
    lines = [f"{side}: {plain(header[side]['label'])}  {plain(header[side]['subject'])}" for side in SIDES]
    both, single = compared(record["verdicts"])
    lines += ["", *_columns(COLUMNS, [(_cells(row), row["reason"]) for row in both])]
    if single:
        lines += ["", "Only one side has these:"]
        lines += _columns(COLUMNS[:3], [(_cells(row)[:3], row["reason"]) for row in single])
    lines += ["", f"{counts(record)}."]
    if any(row["ratio"] is not None for row in record["verdicts"]):
        lines.append(
            f"Intervals: {100 * header['confidence']:g} %. finds: the smallest slowdown that the row would "
            f"have shown with {100 * header['power']:g} % probability."
        )
    return "\n".join([*lines, *map(plain, notes(record))])


# --- Markdown -------------------------------------------------------------------------------------------


def markdown(record: Record) -> str:
    """The verdicts as a comment on a pull request: what changed, and the rest folded away."""
    header = record[KEY]
    both, single = compared(record["verdicts"])
    changed = [row for row in both if row["verdict"] != judge.SAME]
    same = [row for row in both if row["verdict"] == judge.SAME]
    lines = [f"### {escaped(counts(record))}", ""]
    for side in SIDES:
        revision = header[side]
        lines.append(f"- {side}: {escaped(revision['label'])}, {escaped(revision['subject'])}")
    lines += ["", *_table(changed), *(f"> {escaped(note)}\n" for note in notes(record))]
    for rows, summary in ((single, "that only one side has"), (same, "the same")):
        if rows:
            lines += ["<details><summary>", f"{len(rows)} {summary}", "</summary>", "", *_table(rows)]
            lines += ["</details>", ""]
    where = header["environment"]["machine"]
    lines.append(
        f"{escaped(where)}, {header['threads']} thread{'s' if header['threads'] != 1 else ''} a process, "
        f"{100 * header['confidence']:g} % intervals; *finds*: the smallest slowdown that the row would have "
        f"shown with {100 * header['power']:g} % probability."
    )
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    lines = ["| verdict | case | head / base | finds |", "|---|---|---|---|"]
    for row in rows:
        told = ratio(row) if row["what"] == "time" and row["ratio"] is not None else (row["reason"] or "")
        short = told if len(told) <= MOST_REASONS else told[: MOST_REASONS - 3] + "..."
        lines.append(
            f"| {row['verdict']} | {row['what']} of {escaped(row['id'])} | {escaped(short)} | {least(row)} |"
        )
    return [*lines, ""]

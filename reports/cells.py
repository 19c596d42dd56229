"""A table as data: cells that say what was measured or why not, rows, columns, footnotes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reports import statistic
from reports.statistic import Spread


@dataclass(frozen=True)
class Cell:
    """One cell: what it says, its spread or remark below, and a word that the style sheet knows.

    ``value`` is the number to sort by where the text does not begin with it.
    """

    text: str
    small: str = ""
    tone: str = ""
    span: int = 1
    value: float | None = None


@dataclass(frozen=True)
class Row:
    """Row headers (an empty one continues the header above it), then cells; where the first one leads."""

    heads: tuple[str, ...]
    cells: tuple[Cell, ...]
    link: str = ""


@dataclass(frozen=True)
class Column:
    """A column header below its group's header; ``text`` where its cells are words and not figures."""

    label: str
    group: str = ""
    text: bool = False


@dataclass(frozen=True)
class Table:
    """A table with its caption; ``heads`` label the row headers, which are sentences where it is wordy."""

    id: str
    caption: str
    heads: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    wordy: bool = False

    @property
    def spans(self) -> list[int]:
        """For each row, how many rows its first header spans; 0 where the one above reaches here."""
        starts = [i for i, row in enumerate(self.rows) if row.heads[0]]
        ends = [*starts[1:], len(self.rows)]
        reach = dict(zip(starts, ends, strict=True))
        return [reach[i] - i if i in reach else 0 for i in range(len(self.rows))]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """(group, columns it spans), in order; empty where no column has a group."""
        out: list[tuple[str, int]] = []
        for column in self.columns:
            if out and out[-1][0] == column.group:
                out[-1] = (column.group, out[-1][1] + 1)
            else:
                out.append((column.group, 1))
        return out if any(name for name, _ in out) else []


def missing(reason: str) -> Cell:
    """A cell for what was not measured. The reason is part of it: no number stands in for one."""
    return Cell("not measured", reason, "missing")


def ratio_cell(s: Spread | None) -> Cell:
    """A ratio to a partner; a difference inside the spread is said to be none."""
    if s is None:
        return missing("not timed against it")
    median, quartiles = statistic.plain(s)
    if s.verdict == "no difference":
        return Cell("no difference", f"{median} ({quartiles})", "same", value=s.median)
    if s.verdict == "too few rounds":
        return Cell(f"{median} ×", "too few rounds", "same")
    return Cell(f"{median} ×", quartiles, s.verdict)


def percent_cell(s: Spread | None) -> Cell:
    """A fraction of the ceiling."""
    return Cell(*statistic.percent(s)) if s else missing("no ceiling timed beside it")


def time_cell(s: Spread) -> Cell:
    """Seconds per call with quartiles."""
    return Cell(*statistic.seconds(s), value=s.median)


def with_footnotes(table: Table) -> Table:
    """Long reasons move below the table, once each; a cell keeps a number that refers to them."""
    notes: list[str] = []

    def short(cell: Cell) -> Cell:
        if cell.tone != "missing" or cell.span > 1:
            return cell
        if cell.small not in notes:
            notes.append(cell.small)
        return Cell(cell.text, f"note {notes.index(cell.small) + 1}", "missing")

    rows = tuple(replace(row, cells=tuple(map(short, row.cells))) for row in table.rows)
    return replace(table, rows=rows, notes=tuple(notes))

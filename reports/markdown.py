"""The answer as Markdown, for a README: the same sentence and table as on the page."""

from __future__ import annotations

import re

from reports import tables
from reports.cells import Cell, Table
from reports.error.headline import error_lines
from reports.error.labs import Lab
from reports.headline import headline
from reports.sections import Machine


def answer(machine: Machine, lab: Lab | None = None) -> str:
    """The headline, its remark and the large-size table of the machine's first view; four lines on errors.

    ``lab`` holds the error maps of the same environment, where there are any.

    Raises:
        ValueError: its record has no GEM case to answer with.
    """
    view = next((v for v in machine.views if v.dtypes), None)
    said = headline(view, machine.name, lab) if view else None
    if view is None or said is None:
        raise ValueError(f"the newest record of {machine.name} measured no GEM case")
    dtype = view.dtypes[0]
    _, large = view.ends(dtype) or (0, 0)
    shown = tables.answer(view, dtype, large, view.main_modes(dtype), "Large")
    sentence = "".join(f"**{plain(p.text)}**" if p.strong else plain(p.text) for p in said.answer)
    measured = f"Measured {tables.moment(machine.record.started)}, {machine.record.sweep} sweep."
    remark = " ".join(filter(None, [said.remark, tables.unsteady(machine.record), measured]))
    parts = [sentence, plain(remark), table(shown), *([errors(lab)] if lab else [])]
    return "\n\n".join(parts) + "\n"


def errors(lab: Lab) -> str:
    """The error maps in four lines."""
    return "\n".join(f"- {plain(line)}" for line in error_lines(lab))


def table(t: Table) -> str:
    """The table with its groups folded into the column names, and its notes below."""
    names = [f"{c.label} ({c.group})" if c.group else c.label for c in t.columns]
    lines = [[*t.heads, *names], ["---"] * len(t.heads) + ["---:"] * len(names)]
    above = ""
    for row in t.rows:
        above = row.heads[0] or above
        cells = [_cell(c) for c in row.cells]
        lines.append([above, *row.heads[1:], *cells, *[""] * (len(names) - len(cells))])
    rows = [f"| {' | '.join(plain(text) for text in line)} |" for line in lines]
    notes = [f"{i}. {plain(note)}" for i, note in enumerate(t.notes, start=1)]
    return "\n".join(rows) + ("\n\n" + "\n".join(notes) if notes else "")


def _cell(c: Cell) -> str:
    return f"{c.text} ({c.small})" if c.small and "(" not in c.small else f"{c.text} {c.small}".strip()


def plain(text: str) -> str:
    """``text`` with everything escaped that Markdown or HTML would take for markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|&~$])", r"\\\1", text)

"""The answer about one machine: a sentence and a table for each of its views."""

from __future__ import annotations

from typing import Any

from reports import tables
from reports.headline import headline
from reports.here import Here, large_and_small
from reports.sections import Block, Content, file_of


def answer(here: Here) -> Content:
    """The first view answers at two sizes; the others are a click away."""
    lab = here.site.lab_of(here.machine.environment)
    blocks: list[Block] = []
    for view in here.machine.views:
        if not view.dtypes:
            continue
        dtype = view.dtypes[0]
        modes = view.main_modes(dtype)
        found = [
            tables.answer(view, dtype, n, modes, what)
            for n, what in zip(large_and_small(view), ("Large", "Small"), strict=False)
            if modes
        ]
        said = headline(view, here.machine.name, lab)
        shown = () if blocks else tuple(found)
        folded = tuple(found) if blocks else ()
        blocks.append(Block(view.title, (), shown, folded, {"headline": said}))
    return Content(tuple(blocks), _more(here))


def _more(here: Here) -> dict[str, Any]:
    record = here.machine.record
    return {
        "record": record,
        "started": tables.moment(record.started),
        "unsteady": tables.unsteady(record),
        "maps": next((lab.page for lab in _labs(here)), ""),
        "page": file_of("latency", here.machine.word),
    }


def _labs(here: Here) -> list[Any]:
    """The error maps to point at: of this environment or, from the first machine, else of another."""
    own = here.site.lab_of(here.machine.environment)
    return [own] if own else list(here.site.labs[:1]) if here.machine.first else []

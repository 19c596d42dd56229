"""Pages that are one machine's: what their sections draw on, and sections with a block for each view."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reports.cells import Table
from reports.figures import drawings
from reports.sections import Block, Content, Machine, Place, Site
from reports.views import View


@dataclass(frozen=True)
class Here:
    """A machine, and the site that it is part of."""

    site: Site
    machine: Machine


def each_machine(site: Site) -> tuple[Place[Here], ...]:
    """One page for each machine with a sweep; its sections draw on :class:`Here`."""
    return tuple(Place(Here(site, m), m.environment) for m in site.machines)


def per_view(
    here: Here,
    section: str,
    made: Callable[[View], Iterable[Table | None]],
    *,
    open_first: bool = False,
) -> Content | None:
    """The figures of a section, and its tables (all folded, or all but the first): a block a view."""
    blocks = []
    for view in here.machine.views:
        if not view.dtypes:
            continue
        drawn = tuple(drawings(section, view, here.site.palette))
        found = tuple(table for table in made(view) if table is not None and table.rows)
        if drawn or found:
            shown = int(open_first)
            blocks.append(Block(view.title, drawn, found[:shown], found[shown:]))
    return Content(tuple(blocks)) if blocks else None


def large_and_small(view: View) -> list[int]:
    """The sizes that tables are about."""
    ends = view.ends(view.dtypes[0])
    return sorted(set(ends), reverse=True) if ends else []

"""The page of memory, one a machine: bytes kept for backward, and the peak during a call."""

from __future__ import annotations

from reports import tables
from reports.here import Here, large_and_small, per_view
from reports.sections import Content, Section


def _memory(h: Here) -> Content | None:
    return per_view(
        h,
        "memory",
        lambda v: [tables.memory_table(v, v.dtypes[0], n) for n in large_and_small(v)],
        open_first=True,
    )


MEMORY_SECTIONS: tuple[Section[Here], ...] = (
    Section(
        "memory",
        "How much memory it takes",
        "Counted allocations: bytes that forward keeps for backward, the input included, and the peak during "
        "a call beyond its inputs and outputs.",
        _memory,
    ),
)
"""In order. A new section is a function above and a row here."""

"""The page of times, one a machine: what a call costs, beside what, and what could not be timed."""

from __future__ import annotations

from collections.abc import Iterable

from reports import tables
from reports.answer import answer
from reports.cells import Table
from reports.here import Here, per_view
from reports.sections import Content, Section
from reports.views import View


def _cost(h: Here) -> Content | None:
    def folded(view: View) -> Iterable[Table | None]:
        usual = view.dtypes[0]
        for mode in view.modes(usual):
            if mode not in view.main_modes(usual):
                yield tables.answer(view, usual, view.sizes(usual, mode)[-1], [mode], mode.label)
        for dtype in view.dtypes[1:]:
            if ends := view.ends(dtype):
                yield tables.answer(view, dtype, ends[1], view.main_modes(dtype), dtype)
        yield tables.others(view)

    return per_view(h, "cost", folded)


def _speed(h: Here) -> Content | None:
    return per_view(h, "speed", lambda v: [tables.times(v, v.dtypes[0], m) for m in v.modes(v.dtypes[0])])


def _ceiling(h: Here) -> Content | None:
    return per_view(h, "ceiling", lambda _: [])


def _peers(h: Here) -> Content | None:
    return per_view(
        h,
        "peers",
        lambda v: [tables.peers(v, v.dtypes[0], n) for n in v.peer_sizes(v.dtypes[0])],
        open_first=True,
    )


def environment(h: Here) -> Content:
    """Where and with what the record at hand was made."""
    return Content(more={"rows": tables.environment(h.machine.record)})


def not_measured(h: Here) -> Content:
    """What the record at hand has no figure for, and why."""
    return Content(more={"absences": tables.absences(h.machine.record.not_measured)})


LATENCY_SECTIONS: tuple[Section[Here], ...] = (
    Section("answer", "What it costs", "", answer, "answer.html"),
    Section(
        "cost",
        "Cost beside ReLU and GELU",
        "Every implementation and variant at the large size. Case and peer took turns within each round.",
        _cost,
    ),
    Section(
        "speed",
        "Time of one call",
        "Small arrays show what a call costs, large ones what moving the data costs.",
        _speed,
    ),
    Section(
        "ceiling",
        "How close to a copy",
        "An elementwise function reads and writes each element once, so a copy of the same bytes, timed in "
        "the same rounds, is the ceiling: forward moves 2 tensors, backward 3, both together 5.",
        _ceiling,
    ),
    Section("peers", "What people use today", "The same measurements of PyTorch's own activations.", _peers),
    Section("environment", "Environment", "", environment, "environment.html"),
    Section("not-measured", "Not measured", "", not_measured, "not-measured.html"),
)
"""In order. A new section is a function above and a row here."""

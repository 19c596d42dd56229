"""The page on what was measured and how."""

from __future__ import annotations

from reports.curves import curves
from reports.sections import Block, Content, Section, Site


def _method(_: Site) -> Content:
    return Content()


def _functions(_: Site) -> Content:
    return Content((Block("", curves()),))


METHOD_SECTIONS: tuple[Section[Site], ...] = (
    Section("method", "How it was measured", "", _method, "method.html"),
    Section(
        "functions",
        "The functions",
        "f(x) = s(x) · x · x²ⁿ / (ε + x²ⁿ), with s(x) = 1 for x\u00a0>\u00a00 and a fixed slope, "
        "0 in GEM and E-GEM, for x\u00a0<\u00a00. Drawn from the exact reference.",
        _functions,
    ),
)
"""In order. A new section is a function above and a row here."""

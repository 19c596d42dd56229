"""What was found, in words: for tables on paper and on pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.flow.depths import Range, Reach
from benchmarks.flow.entries import EXPLODED, NOT_FINITE, VANISHED, WITHIN

ARRIVES: Final = "arrives"

VERBS: Final = {WITHIN: ARRIVES, VANISHED: "vanishes", EXPLODED: "explodes", NOT_FINITE: "overflows"}
"""Fate -> what a signal of that fate does."""


def reached(r: Reach) -> tuple[str, str]:
    """What most seeds do and after how many layers, and the spread: ``("vanishes after 9", "9–12")``.

    Where most arrive, the second part says how many do not.
    """
    if r.median is None:
        return ARRIVES, f"not in {r.lost} of {r.seeds} seeds" if r.lost else ""
    verb = VERBS[r.fate] if r.fate != WITHIN else "is lost"
    spread = span(r.layers)
    some = f", {r.seeds - r.lost} of {r.seeds} seeds arrive" if r.lost < r.seeds else ""
    return f"{verb} after {r.median:g}", f"{spread}{some}"


def span(layers: Sequence[int]) -> str:
    """The least and the greatest: ``9–12``, or ``9`` where they are one."""
    return f"{layers[0]}–{layers[-1]}" if layers[0] != layers[-1] else f"{layers[0]}"


def times(r: Range | None) -> tuple[str, str]:
    """A factor with its range over seeds: ``("1.02 ×", "0.99–1.05")``."""
    if r is None:
        return "none", "no seed has one"
    less = f", {r.missing} without" if r.missing else ""
    return f"{short(r.median)} ×", f"{short(r.low)}–{short(r.high)}{less}"


def short(value: float) -> str:
    """Three significant digits, with an exponent where there are many zeros."""
    return f"{value:.1e}" if value and not 1e-3 <= value < 1e4 else f"{value:.3g}"

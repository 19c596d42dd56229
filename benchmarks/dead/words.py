"""What was found, in words: for tables on paper and on pages."""

from __future__ import annotations

from benchmarks.dead.entries import Training
from benchmarks.dead.scenarios import SCENARIOS
from benchmarks.dead.shares import Share


def title(scenario: str) -> str:
    """What people call the scenario; its name where this version has no such one."""
    known = SCENARIOS.get(scenario)
    return known.title if known else scenario


def short(scenario: str) -> str:
    """The same in a few words."""
    known = SCENARIOS.get(scenario)
    return known.short if known else scenario


def percent(value: float) -> str:
    """``12 %``; ``0 %`` and ``100 %`` only where nothing, or everything, is meant."""
    if 0 < value < 0.01:
        return "< 1 %"
    if 0.99 < value < 1:
        return "> 99 %"
    return f"{100 * value:.0f} %"


def told(s: Share, t: Training) -> tuple[str, str]:
    """The median share, the range of seeds that did not diverge, and how many did."""
    if s.low is None or s.high is None:
        return "diverged", f"all {s.seeds} seeds, {steps(t)}"
    low, high = percent(s.low), percent(s.high)
    spread = low if low == high else f"{low.removesuffix(' %')}–{high}"
    if s.median is None:
        return "diverged", f"{s.diverged} of {s.seeds} seeds, the others {spread}"
    lost = f"{s.diverged} of {s.seeds} seeds diverged" if s.diverged else ""
    return percent(s.median), ", ".join(filter(None, ("" if low == high else spread, lost)))


def steps(t: Training) -> str:
    """When seeds diverged: ``at step 5–20``."""
    at = sorted(step for step in t.diverged_at if step is not None)
    return f"at step {at[0]}–{at[-1]}" if at[0] != at[-1] else f"at step {at[0]}"

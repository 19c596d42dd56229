"""The answer in one sentence, computed from the newest record."""

from __future__ import annotations

from dataclasses import dataclass

from reports import statistic
from reports.records import Error, Measurement
from reports.statistic import Spread
from reports.tables import by_speed, errors
from reports.views import Mode, View, against


@dataclass(frozen=True)
class Part:
    """A piece of the sentence; what carries the answer stands out."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Headline:
    """The answer, and a line on how to take it."""

    answer: tuple[Part, ...]
    remark: str


def headline(view: View, machine: str) -> Headline | None:
    """What the first variant costs in its fastest implementation, at the large size of ``view``.

    None where the view holds no standard GEM case.
    """
    dtype = next(iter(view.dtypes), None)
    ends = view.ends(dtype) if dtype else None
    if dtype is None or ends is None:
        return None
    small, large = ends
    mode, *further = view.main_modes(dtype)
    function = _variant(view, dtype, mode, large)
    forward = _fastest(view, function, mode, large, dtype)
    if forward is None:
        return None
    parts = [
        Part(f"On {machine}, {dtype}, {statistic.size(large)} elements: "),
        Part(f"{function.upper()} (n = 1) {mode.passes} takes "),
        *_costs(forward),
        Part(" in its fastest implementation here, "),
        Part(forward.case.implementation, strong=True),
    ]
    training = _fastest(view, function, further[0], large, dtype) if further else None
    if training:
        parts += [Part("; forward and backward together take "), *_costs(training)]
        if training.case.implementation != forward.case.implementation:
            parts.append(Part(f" ({training.case.implementation})"))
    parts += [Part(". "), *_exactness(view, function, forward.case.implementation, dtype)]
    remark = f"{view.clock.capitalize()} clock. Ratios are medians over paired rounds, quartiles in brackets"
    tiny = _fastest(view, function, mode, small, dtype)
    if tiny and small != large:
        said = "".join(p.text for p in _costs(tiny))
        remark += (
            f". At {statistic.size(small)} elements {mode.passes} takes {said} ({tiny.case.implementation})"
        )
    return Headline(tuple(parts), remark + ".")


def _variant(view: View, dtype: str, mode: Mode, numel: int) -> str:
    """The first variant of the family that was measured at that size."""
    for function in view.functions:
        if _fastest(view, function, mode, numel, dtype):
            return function
    return view.functions[0]


def _fastest(view: View, function: str, mode: Mode, numel: int, dtype: str) -> Measurement | None:
    found = (view.find(i, function, mode, numel, dtype) for i in by_speed(view, dtype, numel, mode))
    return next((m for m in found if m), None)


def _costs(m: Measurement) -> list[Part]:
    parts: list[Part] = []
    for name, label in (("relu", "ReLU"), ("gelu", "GELU")):
        if s := against(m, name):
            parts += [Part(" and ")] if parts else []
            parts += _cost(s, f"that of {label}" if parts else f"the time of {label}")
    if parts:
        return parts
    median, quartiles = statistic.seconds(statistic.spread(m.samples))
    return [Part(median, strong=True), Part(f" ({quartiles}; not timed against ReLU or GELU)")]


def _cost(s: Spread, label: str) -> list[Part]:
    median, quartiles = statistic.plain(s)
    if s.verdict == "no difference":
        return [Part(label, strong=True), Part(f" within the spread ({quartiles})")]
    remark = quartiles if s.verdict in ("slower", "faster") else "too few rounds for a spread"
    return [Part(f"{median} × {label}", strong=True), Part(f" ({remark})")]


def _exactness(view: View, function: str, implementation: str, dtype: str) -> list[Part]:
    value, gradient = errors(view, implementation, function, dtype)
    if not isinstance(value, Error):
        return [Part(f"Its error was not measured: {value}.")]
    parts = [Part("It is at most "), Part(f"{statistic.rounded_up(value.max_ulp, 2)} ulp", strong=True)]
    parts.append(Part(" from the exact value"))
    if isinstance(gradient, Error):
        parts += [
            Part(", its gradient "),
            Part(f"{statistic.rounded_up(gradient.max_ulp, 2)} ulp", strong=True),
        ]
    return [*parts, Part(".")]

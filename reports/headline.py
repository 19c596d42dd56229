"""The answer in one sentence, computed from the newest record."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reports import statistic
from reports.error.labs import Lab
from reports.error.records import Map
from reports.records import Case, Error, Measurement
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


def headline(view: View, machine: str, lab: Lab | None = None) -> Headline | None:
    """What the first variant costs in its fastest implementation, at the large size of ``view``.

    Its error is that of the error maps of ``lab`` where they have it, else that of the sweep's own inputs.
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
    parts += [Part(". "), *_exactness(view, lab, forward.case, dtype)]
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


def _exactness(view: View, lab: Lab | None, case: Case, dtype: str) -> list[Part]:
    if lab and (maps := _maps(lab, case, dtype)):
        value, gradient = (max((m.largest for m in maps if m.what == w), default=None) for w in WHATS)
        if value is not None:
            inputs = sum(m.inputs for m in maps)
            return _at_most(value, gradient, f" whatever the input ({inputs:,} results judged)")
    found, gradient_found = errors(view, case.implementation, case.function, dtype)
    if not isinstance(found, Error):
        return [Part(f"Its error was not measured: {found}.")]
    slope = gradient_found.max_ulp if isinstance(gradient_found, Error) else None
    return _at_most(found.max_ulp, slope, " on the inputs timed")


WHATS = ("value", "gradient")


def _maps(lab: Lab, case: Case, dtype: str) -> list[Map]:
    """Those of the case's implementation and function, on its device."""
    wanted = (case.implementation, case.device, dtype)
    return [
        m
        for s in lab.family
        if (s.record.implementation, s.record.device, s.dtype) == wanted
        for m in s.maps
        if (m.function.name, m.function.n) == (case.function, case.n)
        and m.function.eps == case.eps
        and m.function.negative_slope == case.negative_slope
    ]


def _at_most(value: float, gradient: float | None, where: str) -> list[Part]:
    parts = [Part("It is at most "), Part(_ulp(value), strong=True), Part(" from the exact value")]
    if gradient is not None:
        parts += [Part(", its gradient "), Part(_ulp(gradient), strong=True)]
    return [*parts, Part(f"{where}.")]


def _ulp(error: float) -> str:
    return f"{statistic.rounded_up(error, 2)} ulp" if math.isfinite(error) else "infinitely far"

"""From tallies to the entries of a record; see ``SCHEMA`` in :mod:`benchmarks.error.record`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from benchmarks.error.grid import described
from benchmarks.error.points import pattern_of
from benchmarks.error.subjects import Subject
from benchmarks.error.sweep import Job, Sides, rules_of
from benchmarks.error.tally import Point, Rules, Tally, binade_row, brief, curve_row, worse


def map_entry(subject: Subject, job: Job, sides: Sides) -> dict[str, Any]:
    """The entry of ``"maps"``."""
    rules = {sign: rules_of(subject, job, sign) for sign in (1, -1)}
    tallies = (sides.positive, sides.negative)
    wrong = sides.wrong_specials or []
    judged = sum(t.judged for t in tallies)
    inputs = sum(t.inputs for t in tallies) + sides.specials
    entry = {
        **described(job.function),
        "dtype": job.dtype,
        "what": job.what,
        "points": job.points,
        "inputs": inputs,
        "correctly_rounded": sum(t.correct for t in tallies) + sides.specials - len(wrong),
        "bound_ulp": rules[1].bound,
        "judged": judged,
        **_largest("", worse(sides.positive.worst, sides.negative.worst)),
        "mean_ulp": brief(sum(t.sum_ulp for t in tallies) / judged) if judged else None,
        **_largest("_anywhere", worse(sides.positive.worst_anywhere, sides.negative.worst_anywhere)),
        "special_wrong": len(wrong),
        "first_special_wrong": wrong[0].as_dict() if wrong else None,
    }
    asked = {
        "beyond": rules[1].bound is not None,
        "nonfinite": True,
        "wrong_sign": any(r.sign for r in rules.values()),
        "not_monotone": any(r.monotone for r in rules.values()),
        "above_identity": rules[1].below_identity,
        "above_steepest": rules[1].largest is not None,
    }
    for name, applies in asked.items():
        entry[name] = sum(t.counts[name] for t in tallies) if applies else None
        entry[f"first_{name}"] = _first(t.first.get(name) for t in tallies)
    both_sided = job.slope != 0
    entry["right"] = {
        "positive": _right(rules[1], sides.positive),
        "negative": _right(rules[-1], sides.negative) if both_sided else None,
    }
    entry["binades"] = {
        "positive": binade_row(rules[1], sides.positive),
        "negative": binade_row(rules[-1], sides.negative) if both_sided else None,
    }
    return entry


def curve_entries(subject: Subject, job: Job, sides: Sides) -> list[dict[str, Any]]:
    """The entries of ``"curves"``: one for each side that has one."""
    return [
        {**described(job.function), "dtype": job.dtype, "what": job.what, **curve_row(rules, tally)}
        for sign, tally in ((1, sides.positive), (-1, sides.negative))
        if (rules := rules_of(subject, job, sign)).curve
    ]


def product_entry(subject: Subject, job: Job, sides: Sides) -> dict[str, Any]:
    """The entry of ``"products"``."""
    tallies = (sides.positive, sides.negative)
    worst = worse(sides.positive.worst, sides.negative.worst)
    return {
        **described(job.function),
        "dtype": job.dtype,
        "grad_output": job.grad_output.hex(),
        "inputs": sum(t.inputs for t in tallies),
        "correctly_rounded": sum(t.correct for t in tallies),
        **_largest("", worst),
        "beyond": sum(t.counts["beyond"] for t in tallies),
        "nonfinite": sum(t.counts["nonfinite"] for t in tallies),
        "first_nonfinite": _first(t.first.get("nonfinite") for t in tallies),
        "bound_ulp": rules_of(subject, job, 1).bound,
    }


def _largest(suffix: str, worst: Point | None) -> dict[str, Any]:
    return {
        f"max_ulp{suffix}": None if worst is None else worst.as_dict()["ulp"],
        f"worst{suffix}": worst and worst.as_dict(),
    }


def _first(points: Iterable[Point | None]) -> dict[str, Any] | None:
    """The one nearest to 0; of two as near, the positive one."""
    found = [point for point in points if point is not None]
    return min(found, key=lambda point: abs(point.x)).as_dict() if found else None


def _right(rules: Rules, tally: Tally) -> list[float | str] | None:
    """The interval around the junction in which results are right, its ends excluded; None: there is none."""
    low, high = max(tally.wrong_below, 0.0), tally.wrong_above
    enclosed = math.isfinite(high) and tally.wrong_below >= 0
    if enclosed and pattern_of(high, rules.dtype) - pattern_of(low, rules.dtype) <= 1:
        return None
    return [low, high if math.isfinite(high) else "inf"]

"""Counting: what is counted, and that blocks add up."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.error import figures, points
from benchmarks.error.family import Half, truth
from benchmarks.error.tally import Point, Rules, Tally, binade_row, count, curve_row

RULES = Rules(
    dtype="float16",
    negative=False,
    odd=True,
    bound=0.51,
    domain=(0.0, math.inf),
    floor=0.0,
    sign=1,
    monotone=1,
    below_identity=True,
    largest=None,
    junction=1.0,
    curve=True,
)
PATTERNS = points.every("float16")
X = points.numbers(PATTERNS, "float16").astype(np.float64)
TRUTH = truth(Half(1, 1.0, 1.0, "value"), X, "float16")


def tallied(computed: Any, rules: Rules = RULES) -> Tally:
    return count(rules, PATTERNS, np.asarray(computed, np.float64), TRUTH)


def changed(index: int, value: float) -> Any:
    computed = TRUTH.rounded.copy()
    computed[index] = value
    return computed


def test_correctly_rounded_results_have_no_fault() -> None:
    tally = tallied(TRUTH.rounded)
    assert tally.inputs == tally.correct == tally.judged == PATTERNS.size
    assert not any(tally.counts.values())
    assert tally.first == {}
    assert tally.worst is not None
    assert tally.worst.ulp <= 0.5
    assert (tally.wrong_below, tally.wrong_above) == (-1.0, math.inf)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (math.nan, "nonfinite"),
        (math.inf, "nonfinite"),
        (-1.0, "wrong_sign"),
        (1e-3, "not_monotone"),
        (60000.0, "above_identity"),
        (60000.0, "beyond"),
    ],
)
def test_one_fault_is_counted_once_and_located(value: float, fault: str) -> None:
    index = 20_000
    tally = tallied(changed(index, value))
    assert tally.correct == PATTERNS.size - 1
    assert tally.counts[fault] == 1
    # a result that is too large makes the next one fall
    at = index + 1 if fault == "not_monotone" and value > X[index] else index
    assert tally.first[fault].x == X[at]


def test_a_fall_across_blocks_is_counted() -> None:
    computed, at = changed(20_000, 0.0), 20_000
    cut = count(RULES, PATTERNS[:at], computed[:at], TRUTH[:at])
    cut.merge(count(RULES, PATTERNS[at:], computed[at:], TRUTH[at:], cut.last))
    assert cut.counts["not_monotone"] == 1
    assert cut.first["not_monotone"].x == X[at]


def test_the_gradient_s_limit_is_watched() -> None:
    rules = replace(RULES, odd=False, monotone=0, below_identity=False, largest=1.125)
    assert tallied(changed(15_000, 1.126), rules).counts["above_steepest"] > 0
    with_limit = tallied(np.minimum(TRUTH.rounded, 1.125), rules)
    assert with_limit.counts["above_steepest"] == 0


@pytest.mark.parametrize("size", [1, 37, 4096, 31_743])
def test_blocks_add_up(size: int, rng: np.random.Generator) -> None:
    computed = TRUTH.rounded * (1 + 1e-3 * rng.standard_normal(TRUTH.rounded.size))
    computed[[5, 17_000]] = math.nan, math.inf
    used = slice(0, 200) if size == 1 else slice(None)
    whole = count(RULES, PATTERNS[used], computed[used], TRUTH[used])
    sum_of_parts = Tally()
    for start in range(0, PATTERNS[used].size, size):
        block = slice(start, min(start + size, PATTERNS[used].size))
        sum_of_parts.merge(count(RULES, PATTERNS[block], computed[block], TRUTH[block], sum_of_parts.last))
    assert sum_of_parts.sum_ulp == pytest.approx(whole.sum_ulp)
    for tally in (whole, sum_of_parts):
        tally.sum_ulp = 0.0
        tally.curve = {k: (c, m, round(s, 9)) for k, (c, m, s) in tally.curve.items()}
    assert sum_of_parts.as_dict() == whole.as_dict()


def test_a_tally_survives_being_written_down(rng: np.random.Generator) -> None:
    tally = tallied(TRUTH.rounded * (1 + 1e-3 * rng.standard_normal(TRUTH.rounded.size)))
    again = Tally.of(json.loads(json.dumps(tally.as_dict(), allow_nan=False)))
    assert again == tally


def test_binades_are_those_of_a_plain_loop(rng: np.random.Generator) -> None:
    computed = TRUTH.rounded * (1 + 1e-3 * rng.standard_normal(TRUTH.rounded.size))
    row = binade_row(RULES, tallied(computed))
    errors = TRUTH.errors(computed)
    assert (row["first"], row["step"], len(row["max_ulp"])) == (-24, 1, 24 + 16)
    for i, found in enumerate(row["max_ulp"]):
        inside = (2.0 ** (row["first"] + i) <= X) & (2.0 ** (row["first"] + i + 1) > X)
        if i:  # the first entry has 0 as well
            assert found == pytest.approx(errors[inside].max(), rel=1e-3, abs=1e-5)


def test_curves_cover_the_junction_s_neighbourhood() -> None:
    row = curve_row(RULES, tallied(TRUTH.rounded))
    assert row["x"][0] == 2.0**-6
    assert row["x"][-1] == pytest.approx(2.0**6, rel=0.05)
    assert len(row["x"]) == len(row["max_ulp"]) == len(row["mean_ulp"]) == 12 * 32
    assert max(row["max_ulp"]) <= 0.5
    assert all(mean <= largest for mean, largest in zip(row["mean_ulp"], row["max_ulp"], strict=True))


def test_the_interval_of_right_results_ends_at_the_first_wrong_one_each_way() -> None:
    computed = np.where((X < 0.01) | (X > 40), 3.0, TRUTH.rounded)
    found = figures._right(RULES, tallied(computed))
    assert found is not None
    low, high = (float(end) for end in found)
    assert low == X[X < 0.01].max()
    assert high == X[X > 40].min()
    assert figures._right(RULES, tallied(np.full(X.size, 3e4))) is None
    assert figures._right(RULES, tallied(TRUTH.rounded)) == [0.0, "inf"]


def test_only_the_domain_is_judged() -> None:
    rules = replace(RULES, domain=(0.5, 2.0), floor=0.25)
    tally = tallied(np.zeros(X.size), rules)
    inside = (X >= 0.5) & (X <= 2) & (TRUTH.rounded >= 0.25)
    assert tally.judged == tally.counts["beyond"] == inside.sum()
    assert tally.first["beyond"].x == X[inside][0]
    assert tally.worst_anywhere is not None


def test_points_are_exact_on_paper() -> None:
    point = Point(0.1, math.nan, -math.inf, math.inf)
    stored = json.loads(json.dumps(point.as_dict()))
    assert stored == {"x": "0x1.999999999999ap-4", "got": "nan", "rounded": "-inf", "ulp": "inf"}
    assert Point.of(stored).x == 0.1

"""The statistics against simulated processes whose true change is known, and the exact verdicts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmarks.compare import judge, sitting

VISITS, PER_VISIT = 18, 4


def simulated(
    rng: np.random.Generator, change: float, between: float, within: float, count: int, spikes: float = 0.0
) -> list[dict[str, Any]]:
    """Rounds of processes: ``between`` and ``within`` are relative standard deviations of times.

    ``spikes`` is the share of samples that another program makes up to ten times as long.
    """
    rounds = []
    for _ in range(count):
        drift = rng.normal(0, 0.2)  # of the machine, the same for all four
        found = {}
        for side, shift in (("base", 0.0), ("head", math.log(change))):
            processes = []
            for _ in range(2):
                logs = drift + shift + rng.normal(0, between)
                samples = np.exp(logs + np.abs(rng.normal(0, within, (VISITS, PER_VISIT))))
                hit = rng.random(samples.shape) < spikes
                samples = np.where(hit, samples * rng.uniform(1, 10, samples.shape), samples)
                processes.append((1e-5 * samples).tolist())
            found[side] = processes
        rounds.append(found)
    return rounds


@pytest.mark.parametrize("between", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("count", [3, 8])
def test_identical_sides_rarely_differ(rng: np.random.Generator, between: float, count: int) -> None:
    verdicts = [judge.time("x", simulated(rng, 1.0, between, 0.05, count, 0.2)).verdict for _ in range(400)]
    false = sum(verdict in (judge.SLOWER, judge.FASTER) for verdict in verdicts)
    assert false <= 0.01 * 400 + 3 * math.sqrt(0.01 * 400)


def as_a_sitting_stops(rng: np.random.Generator, change: float, between: float, most: int) -> str:
    """The verdict on a row after as many rounds as a sitting gives it: the last look is not the only one."""
    rounds: list[dict[str, Any]] = []
    logs = rng.normal([[0.0], [math.log(change)]], between, (most, 2, 2))
    for base, head in np.exp(logs):
        rounds.append({"base": [[[t]] for t in base], "head": [[[t]] for t in head]})
        enough = len(rounds) >= sitting.FIRST_ROUNDS
        if enough and judge.interval(rounds).half_width <= math.log1p(judge.EFFECT):
            break
    return judge.time("x", rounds).verdict


@pytest.mark.parametrize("between", [0.02, 0.05])
def test_stopping_once_a_row_is_settled_gives_no_more_false_alarms(
    rng: np.random.Generator, between: float
) -> None:
    verdicts = [as_a_sitting_stops(rng, 1.0, between, 6) for _ in range(1500)]
    assert np.mean([v in (judge.SLOWER, judge.FASTER) for v in verdicts]) <= 0.015


@pytest.mark.parametrize(("between", "most"), [(0.02, 3), (0.03, 4), (0.05, 10)])
def test_ten_per_cent_are_found_as_a_sitting_stops(
    rng: np.random.Generator, between: float, most: int
) -> None:
    verdicts = [as_a_sitting_stops(rng, 1.1, between, most) for _ in range(300)]
    assert np.mean([v == judge.SLOWER for v in verdicts]) >= 0.95


@pytest.mark.parametrize("change", [1.1, 1 / 1.1])
def test_ten_per_cent_is_found_where_the_row_says_that_it_finds_it(
    rng: np.random.Generator, change: float
) -> None:
    found = [judge.time("x", simulated(rng, change, 0.015, 0.05, 4, 0.2)) for _ in range(300)]
    able = [v for v in found if v.detectable is not None and v.detectable <= 1.1]
    assert len(able) > 200
    wanted = judge.SLOWER if change > 1 else judge.FASTER
    assert np.mean([v.verdict == wanted for v in able]) >= 0.95


def test_the_interval_covers_as_often_as_it_says(rng: np.random.Generator) -> None:
    found = [judge.interval(simulated(rng, 1.03, 0.02, 0.02, 3)) for _ in range(1500)]
    covered = np.mean([abs(i.change - math.log(1.03)) <= i.half_width for i in found])
    # two-sided binomial test, SciPy's: the coverage is compatible with 99 %
    assert stats.binomtest(round(covered * 1500), 1500, judge.CONFIDENCE).pvalue > 1e-3


def test_the_interval_is_the_classical_one() -> None:
    """Against SciPy's own t interval, for processes whose times are given exactly."""
    logs = np.array(
        [[[0.01, -0.02], [0.05, 0.03]], [[0.0, 0.03], [0.02, 0.06]], [[0.01, 0.01], [0.07, 0.01]]]
    )
    rounds = [
        {side: [[[math.exp(v)]] for v in r[i]] for i, side in enumerate(("base", "head"))} for r in logs
    ]
    found = judge.interval(rounds)
    changes = logs[:, 1].mean(axis=1) - logs[:, 0].mean(axis=1)
    nulls = (logs[:, :, 0] - logs[:, :, 1]).ravel()
    error = math.sqrt(np.mean(nulls**2) / 2 / 3)
    low, high = stats.t.interval(0.99, 6, loc=changes.mean(), scale=error)
    assert found.change - found.half_width == pytest.approx(low)
    assert found.change + found.half_width == pytest.approx(high)


def test_processes_that_differ_widen_the_interval_however_many_samples_there_are(
    rng: np.random.Generator,
) -> None:
    narrow = judge.interval(simulated(rng, 1.0, 0.0, 0.02, 6)).half_width
    wide = judge.interval(simulated(rng, 1.0, 0.05, 0.02, 6)).half_width
    assert wide > 5 * narrow


def test_a_wide_interval_is_ambiguous_and_not_the_same(rng: np.random.Generator) -> None:
    assert judge.time("x", simulated(rng, 1.0, 0.3, 0.02, 3)).verdict == judge.AMBIGUOUS


def test_a_certain_change_below_the_smallest_that_counts_is_the_same(rng: np.random.Generator) -> None:
    verdict = judge.time("x", simulated(rng, 1.03, 0.001, 0.01, 4))
    assert verdict.low is not None
    assert verdict.low > 1
    assert verdict.verdict == judge.SAME
    assert judge.time("x", simulated(rng, 1.03, 0.001, 0.01, 4), effect=0.02).verdict == judge.SLOWER


def test_the_times_that_are_printed_have_the_ratio_that_is_printed(rng: np.random.Generator) -> None:
    for _ in range(20):
        found = judge.time("x", simulated(rng, 1.1, 0.05, 0.3, 4, 0.5))
        assert found.head / found.base == pytest.approx(found.ratio, rel=1e-9)


def test_no_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="rounds must not be empty"):
        judge.interval([])


BYTES = {"arrays": "torch", "peak_bytes": 0, "allocated_bytes": 8192, "saved_bytes": 4096}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, judge.SAME),
        ({"peak_bytes": 1}, judge.MORE_MEMORY),
        ({"allocated_bytes": 12288}, judge.MORE_MEMORY),
        ({"saved_bytes": 8192}, judge.MORE_MEMORY),
        ({"saved_bytes": 8192, "allocated_bytes": 0}, judge.MORE_MEMORY),
        ({"saved_bytes": 0}, judge.LESS_MEMORY),
        ({"saved_bytes": None}, judge.SAME),
    ],
)
def test_bytes_are_judged_exactly(changed: dict[str, Any], verdict: str) -> None:
    assert judge.memory("x", BYTES, BYTES | changed).verdict == verdict


def test_pythons_own_objects_are_no_memory_of_a_numpy_call() -> None:
    base = BYTES | {"arrays": "numpy", "peak_bytes": 10_000}
    assert judge.memory("x", base, base | {"peak_bytes": 11_024}).verdict == judge.SAME
    assert judge.memory("x", base, base | {"peak_bytes": 11_025}).verdict == judge.MORE_MEMORY


EXACT = {
    "max_ulp": 2.5,
    "mean_ulp": 0.21,
    "max_ulp_anywhere": 2.5,
    "not_rounded": 7,
    "not_finite": 0,
    "special_wrong": 0,
}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, judge.SAME),
        ({"max_ulp": 2.5000001}, judge.LESS_EXACT),
        ({"mean_ulp": 0.2100001}, judge.LESS_EXACT),
        ({"not_rounded": 8, "max_ulp": 1.0}, judge.LESS_EXACT),
        ({"special_wrong": 1}, judge.LESS_EXACT),
        ({"max_ulp_anywhere": "inf"}, judge.LESS_EXACT),
        ({"max_ulp": 0.5, "not_rounded": 0}, judge.MORE_EXACT),
    ],
)
@pytest.mark.parametrize("what", ["value", "gradient"])
def test_errors_are_judged_exactly(changed: dict[str, Any], verdict: str, what: str) -> None:
    base = {"value": EXACT, "gradient": EXACT}
    found = judge.error("x", base, base | {what: EXACT | changed})
    assert found.verdict == verdict
    assert (found.reason or "").startswith(what if changed else "")


def row(**changes: Any) -> dict[str, Any]:
    both = {"base": None, "head": None}
    return {
        "id": "x",
        "wanted": ["memory"],
        "failed": both,
        "memory": both,
        "error": both,
        "rounds": [],
    } | changes


LACKS, BROKE = {"reason": "no such thing", "lacks": True}, {"reason": "it broke", "lacks": False}


@pytest.mark.parametrize(
    ("base", "head", "outcome"),
    [
        (LACKS, LACKS, []),
        (LACKS, None, [(judge.NEW, "base: no such thing")]),
        (None, LACKS, [(judge.GONE, "head: no such thing")]),
        (None, BROKE, [(judge.UNMEASURED, "head: it broke")]),
        (LACKS, BROKE, [(judge.UNMEASURED, "base: no such thing; head: it broke")]),
        (None, None, [(judge.UNMEASURED, "the run ended before it came to this")]),
    ],
)
def test_what_could_not_be_measured_says_why(base: Any, head: Any, outcome: list[tuple[str, str]]) -> None:
    judged = judge.judge({"rows": [row(failed={"base": base, "head": head})]})
    assert [(v.verdict, v.reason) for v in judged.verdicts] == outcome
    assert bool(judged.not_here) == (not outcome)


@pytest.mark.parametrize(
    ("what", "figures", "told"),
    [
        (
            "memory",
            BYTES,
            "head: bytes at the peak, beyond inputs and outputs 0, bytes allocated in all 8192",
        ),
        ("error", {"value": EXACT}, "head: value: the largest error in ulp 2.5, the mean error in ulp 0.21"),
    ],
)
def test_what_is_new_has_its_figures(what: str, figures: Any, told: str) -> None:
    entry = row(
        wanted=[what], failed={"base": LACKS, "head": None}, **{what: {"base": None, "head": figures}}
    )
    (verdict,) = judge.judge({"rows": [entry]}).verdicts
    assert (verdict.verdict, verdict.base, verdict.head) == (judge.NEW, None, figures)
    assert verdict.reason is not None
    assert verdict.reason.startswith(told)
    assert verdict.reason.endswith("; base: no such thing")

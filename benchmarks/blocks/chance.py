"""Whether times of the same rounds differ by more than chance: tests, and what they could not have seen.

Everything is compared within rounds, on logarithms: a machine that slows down slows down everybody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from benchmarks.train.statistics import holm, paired_t

LEVEL: Final = 0.05
"""How often something is seen, in all races together, where nothing is."""

FEWEST_ROUNDS: Final = 5
"""Below which nothing is seen, and nothing can be said of what hides."""


def all_alike(times: Sequence[Sequence[float]]) -> float:
    """How often times would differ within rounds as much as these if everybody took the same time.

    Two are compared by the paired t test. Three and more by Friedman's test: a permutation test within rounds
    whose statistic is how far apart the mean ranks are, in SciPy with the limit of its distribution. It asks
    for no choice of two ends beforehand, it needs no seed, and a round in which the machine was elsewhere
    counts as one round, however long it took.
    """
    rounds = len(times[0])
    if rounds < FEWEST_ROUNDS:
        return 1.0
    if len(times) == 2:
        return paired_t(log_ratios(*times))
    if all(len({of[i] for of in times}) == 1 for i in range(rounds)):
        return 1.0  # all tied: no rank to test
    return float(_scipy_stats().friedmanchisquare(*times).pvalue)


def standing(ps: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which stand when all are taken together: Holm's method."""
    return holm(ps, level)


def log_ratios(times: Sequence[float], partner: Sequence[float]) -> list[float]:
    """Ln of one time over the other, round by round."""
    return [math.log(a / b) for a, b in zip(times, partner, strict=True)]


def less(times: Sequence[float], partner: Sequence[float]) -> float:
    """One-sided p: small where it is less than the partner's time.

    A paired t test: a slow race may have five rounds, where no test on ranks can reach what Holm's method
    asks of one in thirty.
    """
    gains = [-ratio for ratio in log_ratios(times, partner)]
    p = paired_t(gains)
    return p / 2 if sum(gains) > 0 else 1 - p / 2


def hidden(times: Sequence[Sequence[float]]) -> float | None:
    """A part of the dearest's time so large that no two of ``times`` differ by more, with 95 % confidence.

    Paired t intervals of all pairs on logarithms, by Bonferroni; the end that is farthest from 0. None with
    too few rounds.
    """
    rounds, pairs = len(times[0]), math.comb(len(times), 2)
    if rounds < FEWEST_ROUNDS:
        return None
    logs = np.log(np.asarray(times, np.float64))
    reach = float(_scipy_stats().t.isf(LEVEL / 2 / pairs, rounds - 1)) / math.sqrt(rounds)
    differences = (logs[i] - logs[j] for j in range(len(logs)) for i in range(j))
    most = max(abs(float(d.mean())) + reach * float(d.std(ddof=1)) for d in differences)
    return 1 - math.exp(-most)


def _scipy_stats() -> Any:
    try:
        from scipy import stats
    except ImportError as error:
        raise ImportError(
            "what a choice moves is tested with scipy: pip install 'gem-impls[bench]'"
        ) from error
    return stats

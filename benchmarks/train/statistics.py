"""Trainings -> what can be said: chosen rates, means with intervals, paired differences, probabilities.

A learning rate is chosen for each seed by that seed's own validation part, as somebody would who trains once:
of the trainings at all rates, the one with the least validation loss counts, with its score on the test part.
So the luck of choosing differs from seed to seed, and is in the spread.

Scores are compared *paired*: the same seed gives every activation the same weights, batches and validation
part, so the difference within a seed is free of what these have in common.

A training that diverged has no score and is never dropped: it enters with the score of a guess that knows
nothing (:attr:`~benchmarks.train.entries.Setting.guess`). So does one that ended worse than that guess. A
diverged training therefore ranks worst, level with others that learned nothing.

Intervals are 95 % *expanded percentile bootstrap* intervals of the mean over seeds. With few seeds the plain
percentile interval is too narrow (with five it holds the mean in about 83 of 100 cases); the expanded one
takes its percentiles further out, as far as Student's t is wider than the normal (Hesterberg 2015, *The
American Statistician* 69:371). They tell of seeds: other weights, batches, validation parts, and rates chosen
by these. They do not tell of other data.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from benchmarks.train.entries import ACCURACY, Setting, Training

LEVEL: Final = 0.95
FEWEST_PAIRS: Final = 3
"""Seeds in common below which no difference is judged."""

EXACT_UP_TO: Final = 6
"""Seeds up to which every resample is counted; beyond, :data:`DRAWS` are drawn."""

DRAWS: Final = 20_000

BETTER, WORSE, SAME, TOO_FEW = "better", "worse", "no difference", "too few seeds"


@dataclass(frozen=True)
class Interval:
    """A mean and the interval that holds it with 95 % confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """One activation in one model.

    Attributes:
        scores: seed -> score; a training that diverged has that of the guess. A seed of which a training is
            missing has none: its choice would not be that of the others.
        rates: seed -> the learning rate that was chosen.
        edges: how many seeds chose the lowest or the highest rate; a better one may lie beyond.
        diverged: how many of the chosen trainings diverged, at whatever rate.
        as_guess: how many enter with the score of the guess: those that diverged, and those that ended worse.
        interval: of the mean score.
        seconds: median of a training.
        lost: how many seeds of the setting have no score.
    """

    activation: str
    scores: dict[int, float]
    rates: Mapping[int, float]
    edges: int
    diverged: int
    as_guess: int
    interval: Interval
    seconds: float
    lost: int = 0

    def chosen(self) -> list[tuple[float, int]]:
        """(rate, how many seeds chose it), ascending."""
        return sorted(Counter(self.rates.values()).items())


@dataclass(frozen=True)
class Comparison:
    """One activation against another in one model, seed by seed; positive differences are in its favour.

    Attributes:
        difference: mean of the paired differences, oriented so that > 0 is better, with its interval.
        probability: share of seeds in which it was better, ties counted half, with Wilson's 95 % interval.
        pairs: seeds in common.
        verdict: :data:`BETTER` or :data:`WORSE` where the interval excludes 0 and the mean difference is at
            least the smallest that the metric can show; :data:`SAME`; :data:`TOO_FEW`.
        p: two-sided, of a paired t test (which takes the differences for normal).
        holds: whether the verdict still stands when all comparisons that it was made with are taken together,
            those with the same rival or all pairs of some activations (Holm's method at 5 %).
    """

    activation: str
    rival: str
    difference: Interval
    probability: Interval
    pairs: int
    verdict: str
    p: float
    holds: bool = False


# --- one model ------------------------------------------------------------------------------------------


def summaries(setting: Setting, trainings: Iterable[Training]) -> tuple[Summary, ...]:
    """Everybody who has a seed trained at every rate in this model, best mean first."""
    own: dict[str, dict[int, list[Training]]] = {}
    for t in trainings:
        if t.model == setting.model and t.seed in setting.seeds and t.rate in setting.rates:
            own.setdefault(t.activation, {}).setdefault(t.seed, []).append(t)
    found = [_summary(setting, activation, by_seed) for activation, by_seed in own.items()]
    return tuple(
        sorted(filter(None, found), key=lambda s: (-oriented(setting, s.interval.mean), s.activation))
    )


def _summary(setting: Setting, activation: str, by_seed: Mapping[int, list[Training]]) -> Summary | None:
    whole = set(setting.rates)
    chosen = {seed: choose(rows) for seed, rows in sorted(by_seed.items()) if {t.rate for t in rows} == whole}
    if not chosen:
        return None
    scores = {seed: score(setting, t) for seed, t in chosen.items()}
    ends = (setting.rates[0], setting.rates[-1]) if len(setting.rates) > 1 else ()
    return Summary(
        activation=activation,
        scores=scores,
        rates={seed: t.rate for seed, t in chosen.items()},
        edges=sum(t.rate in ends for t in chosen.values()),
        diverged=sum(t.diverged_at is not None for t in chosen.values()),
        as_guess=sum(_as_guess(setting, t) for t in chosen.values()),
        interval=interval(list(scores.values())),
        seconds=float(np.median([t.seconds for rows in by_seed.values() for t in rows])),
        lost=len(setting.seeds) - len(chosen),
    )


def score(setting: Setting, training: Training) -> float:
    """The test score of a chosen training as it enters: never worse than a guess that knows nothing."""
    return setting.guess if _as_guess(setting, training) else float(training.test_score or 0.0)


def oriented(setting: Setting, value: float) -> float:
    """The score, or a difference of two, so that more is better."""
    return value if setting.metric == ACCURACY else 0.0 - value  # no −0


def _as_guess(setting: Setting, training: Training) -> bool:
    found = training.test_score
    return found is None or oriented(setting, found) < oriented(setting, setting.guess)


def choose(trainings: Iterable[Training]) -> Training:
    """Of one seed's trainings that with the least validation loss; one that diverged only if all did.

    The loss, also where accuracies are compared: of a few hundred samples these are too coarse to choose by.

    Raises:
        ValueError: there is no training to choose from.
    """
    rows = sorted(trainings, key=lambda t: t.rate)
    if not rows:
        raise ValueError("there is no training to choose a learning rate by")
    return min(rows, key=lambda t: math.inf if t.val_loss is None else t.val_loss)


# --- pairs ----------------------------------------------------------------------------------------------


def comparisons(setting: Setting, found: Sequence[Summary], rival: str) -> tuple[Comparison, ...]:
    """Everybody against ``rival``, in the order of ``found``, with what holds of all taken together.

    Empty where ``rival`` was not trained.
    """
    against = next((s for s in found if s.activation == rival), None)
    if against is None:
        return ()
    return tuple(together([compare(setting, s, against) for s in found if s is not against]))


def together(found: Sequence[Comparison]) -> list[Comparison]:
    """The same, each saying whether it stands when all of them are taken together (Holm's method at 5 %)."""
    standing = holm([c.p if c.verdict != TOO_FEW else 1.0 for c in found])
    return [
        replace(c, holds=stands and c.verdict in (BETTER, WORSE))
        for c, stands in zip(found, standing, strict=True)
    ]


def compare(setting: Setting, one: Summary, other: Summary, averaged: int = 1) -> Comparison:
    """``one`` against ``other``, over the seeds that both have.

    Each may be the mean of ``averaged`` activations: so much finer is what the metric can show of them.
    """
    common = sorted(one.scores.keys() & other.scores.keys())
    differences = [oriented(setting, one.scores[s] - other.scores[s]) for s in common]
    if not common:
        nothing = Interval(0.0, -math.inf, math.inf)
        return Comparison(one.activation, other.activation, nothing, Interval(0.5, 0, 1), 0, TOO_FEW, 1.0)
    difference = interval(differences)
    wins = sum(1.0 if d > 0 else 0.5 if d == 0 else 0.0 for d in differences)
    return Comparison(
        activation=one.activation,
        rival=other.activation,
        difference=difference,
        probability=wilson(wins, len(common)),
        pairs=len(common),
        verdict=_verdict(setting, difference, len(common), averaged),
        p=paired_t(differences),
    )


def _verdict(setting: Setting, difference: Interval, pairs: int, averaged: int) -> str:
    if pairs < FEWEST_PAIRS:
        return TOO_FEW
    smallest = 1 / setting.test / averaged if setting.metric == ACCURACY else 0.0
    if difference.low <= 0 <= difference.high or abs(difference.mean) < smallest * (1 - 1e-9):
        return SAME
    return BETTER if difference.mean > 0 else WORSE


def by_chance(count: int) -> float:
    """How many of ``count`` comparisons say that there is a difference where there is none, on average."""
    return count * (1 - LEVEL)


# --- numbers --------------------------------------------------------------------------------------------


def interval(values: Sequence[float]) -> Interval:
    """The mean with its expanded percentile bootstrap interval; of a single value, the whole line.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("values must have at least one number; got none")
    sample = np.asarray(values, np.float64)
    if len(sample) == 1:
        return Interval(float(sample[0]), -math.inf, math.inf)
    tail = expanded_tail(len(sample))
    low, high = np.quantile(np.sort(sample)[_resamples(len(sample))].mean(axis=1), [tail, 1 - tail])
    return Interval(float(sample.mean()), float(low), float(high))


@functools.cache
def expanded_tail(count: int) -> float:
    """The share of resamples beyond each end: Phi(−t sqrt(count / (count − 1))), t of count − 1 freedoms."""
    stats = _scipy_stats()
    t = stats.t.ppf((1 + LEVEL) / 2, count - 1)
    return float(stats.norm.cdf(-t * math.sqrt(count / (count - 1))))


@functools.cache
def _resamples(count: int) -> Any:
    """Rows of ``count`` indices: every resample for small counts, else :data:`DRAWS` with a fixed seed."""
    if count <= EXACT_UP_TO:
        return np.array(list(itertools.product(range(count), repeat=count)))
    return np.random.default_rng(count).integers(0, count, (DRAWS, count))


def wilson(wins: float, count: int) -> Interval:
    """A share with Wilson's interval: (p + z²/2n ± z sqrt(p(1 − p)/n + z²/4n²)) / (1 + z²/n)."""
    z = 1.959963984540054
    share = wins / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return Interval(share, max(0.0, centre - reach), min(1.0, centre + reach))


def paired_t(differences: Sequence[float]) -> float:
    """Two-sided p of the mean difference being 0; 1 where all are 0, or there is but one.

    Where all are the same and not 0, which a score that counts samples can give, t is infinite and says
    nothing: then that of the sign test, 2^(1 − count).
    """
    sample = np.asarray(differences, np.float64)
    if len(sample) < 2 or not sample.any():
        return 1.0
    spread = float(sample.std(ddof=1))
    if spread <= 1e-12 * float(np.abs(sample).max()):
        return float(2.0 ** (1 - len(sample)))
    t = float(sample.mean()) / (spread / math.sqrt(len(sample)))
    return float(2 * _scipy_stats().t.sf(abs(t), len(sample) - 1))


def holm(ps: Sequence[float], level: float = 1 - LEVEL) -> list[bool]:
    """Which of several tests stand together at ``level``: Holm's step-down method."""
    stands = [False] * len(ps)
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        if ps[index] > level / (len(ps) - rank):
            break
        stands[index] = True
    return stands


def _scipy_stats() -> Any:
    try:
        from scipy import stats
    except ImportError as error:
        raise ImportError("intervals need scipy: pip install 'gem-impls[bench]'") from error
    return stats

"""Trainings -> what can be said: chosen rates, means with intervals, paired differences, probabilities.

Scores are compared *paired*: the same seed gives every activation the same weights, batches and validation
part, so the difference within a seed is free of what these have in common.

A training that diverged has no score and is never dropped: it enters with the score of a guess that knows
nothing (:attr:`~benchmarks.train.entries.Setting.guess`). So does one that ended worse than that guess. A
diverged training therefore ranks worst, level with others that learned nothing.

Intervals are 95 % *expanded percentile bootstrap* intervals of the mean over seeds. With few seeds the plain
percentile interval is too narrow (with five it holds the mean in about 83 of 100 cases); the expanded one
takes its percentiles further out, as far as Student's t is wider than the normal (Hesterberg 2015, *The
American Statistician* 69:371). They tell of seeds: other weights, batches and validation parts. They do not
tell of other data, nor of the luck in choosing a learning rate, which all seeds of an activation share.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from benchmarks.train.entries import ACCURACY, FINAL, SEARCH, Setting, Training

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
class Rate:
    """The learning rate that the search chose for one activation.

    Attributes:
        rate: the one with the best mean validation score; of equal ones that with the least validation loss.
        edge: ``"lowest"`` or ``"highest"`` where it lies at an end of what was searched (a better one may lie
            beyond), else "".
        tied: how many rates had that score, itself included.
        diverged: how many trainings of the search diverged.
    """

    rate: float
    edge: str
    tied: int
    diverged: int


@dataclass(frozen=True)
class Summary:
    """One activation in one model.

    Attributes:
        scores: seed -> score; a training that diverged has that of the guess.
        diverged: how many of the final trainings diverged.
        as_guess: how many enter with the score of the guess: those that diverged, and those that ended worse.
        interval: of the mean score.
        chosen: the learning rate; None where the search is not in the record.
        seconds: median of a training.
    """

    activation: str
    scores: dict[int, float]
    diverged: int
    as_guess: int
    interval: Interval
    chosen: Rate | None
    seconds: float


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
        holds: whether the verdict still stands when all comparisons with the same rival are taken together
            (Holm's method at 5 %).
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
    """Everybody who has a final training in this model, best mean first."""
    seeds = {SEARCH: set(setting.search_seeds), FINAL: set(setting.seeds)}
    own = [t for t in trainings if t.model == setting.model and t.seed in seeds[t.phase]]
    found = []
    for activation in dict.fromkeys(t.activation for t in own if t.phase == FINAL):
        final = sorted((t for t in own if t.phase == FINAL and t.activation == activation), key=_seed)
        scores = {t.seed: score(setting, t) for t in final}
        searched = [t for t in own if t.phase == SEARCH and t.activation == activation]
        found.append(
            Summary(
                activation=activation,
                scores=scores,
                diverged=sum(t.diverged_at is not None for t in final),
                as_guess=sum(_as_guess(setting, t) for t in final),
                interval=interval(list(scores.values())),
                chosen=choose(setting, searched) if searched else None,
                seconds=float(np.median([t.seconds for t in final])),
            )
        )
    return tuple(sorted(found, key=lambda s: (-oriented(setting, s.interval.mean), s.activation)))


def score(setting: Setting, training: Training) -> float:
    """The test score of a final training as it enters: never worse than a guess that knows nothing."""
    return setting.guess if _as_guess(setting, training) else float(training.test_score or 0.0)


def oriented(setting: Setting, value: float) -> float:
    """The score, or a difference of two, so that more is better."""
    return value if setting.metric == ACCURACY else 0.0 - value  # no −0


def _as_guess(setting: Setting, training: Training) -> bool:
    found = training.test_score
    return found is None or oriented(setting, found) < oriented(setting, setting.guess)


def _seed(training: Training) -> int:
    return training.seed


def choose(setting: Setting, searched: Iterable[Training]) -> Rate:
    """The best rate of one activation's search.

    Raises:
        ValueError: there is no training to choose by.
    """
    rows = list(searched)
    if not rows:
        raise ValueError(f"{setting.model}: there is no search to choose a learning rate by")
    worst_loss = math.inf
    table: dict[float, tuple[float, float]] = {}
    for rate in sorted({t.rate for t in rows}):
        own = [t for t in rows if t.rate == rate]
        scores = [oriented(setting, setting.guess if t.val_score is None else t.val_score) for t in own]
        losses = [worst_loss if t.val_loss is None else t.val_loss for t in own]
        floor = oriented(setting, setting.guess)
        table[rate] = float(np.mean([max(s, floor) for s in scores])), float(np.mean(losses))
    best = max(score for score, _ in table.values())
    equal = [rate for rate, (score, _) in table.items() if score == best]
    rate = min(equal, key=lambda r: (table[r][1], r))
    edges = {max(setting.rates): "highest", min(setting.rates): "lowest"} if len(setting.rates) > 1 else {}
    return Rate(rate, edges.get(rate, ""), len(equal), sum(t.diverged_at is not None for t in rows))


# --- pairs ----------------------------------------------------------------------------------------------


def comparisons(setting: Setting, found: Sequence[Summary], rival: str) -> tuple[Comparison, ...]:
    """Everybody against ``rival``, in the order of ``found``, with what holds of all taken together.

    Empty where ``rival`` was not trained.
    """
    against = next((s for s in found if s.activation == rival), None)
    if against is None:
        return ()
    made = [compare(setting, s, against) for s in found if s is not against]
    standing = holm([c.p if c.verdict != TOO_FEW else 1.0 for c in made])
    return tuple(
        replace(c, holds=stands and c.verdict in (BETTER, WORSE))
        for c, stands in zip(made, standing, strict=True)
    )


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

"""Where a series changed its level, how noisy it is, and the smallest change that it could show.

Times are judged on logarithms (a step is a ratio) by ``ruptures``' exact segmentation, PELT with the squared
cost; docs/history.md has the trial that chose it. Its penalty, the gate, comes from the row itself: what the
row has left beside its levels is shuffled :data:`SHUFFLES` times, and the gate is as high as the best
accidental step in all but :data:`FALSE_ALARMS` of these shuffles. So a row with outliers or few commits asks
for more than a quiet one. A step needs two commits on either side; the newest commit alone is judged by the
range in which one more commit of its level is expected, and is called unconfirmed.

Counted figures (bytes, ulp, ppm) come out the same every time: each difference beyond a tolerance is a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import ruptures
from numpy.typing import NDArray
from scipy import stats

FALSE_ALARMS = 0.01
"""Share of rows without any change in which a step may be found, over the whole row."""

SHUFFLES = 999
LONGEST_RUN = 12
"""Commits up to which accidental pairs of steps are searched for; longer ones gain less."""

MOST_ROUNDS = 4
"""Rounds in which steps that were found make way for smaller ones."""

SEED = 20260421
"""The same series gives the same steps."""

FEWEST = 8
"""Commits below which noise and change cannot be told apart."""

LEAST_COMMITS = 2
"""Commits on either side of a step between two levels."""

NEAR = 3
"""Commits that noise may put between a change and the step that it makes."""

LEAST_CHANGE = 0.02
"""A smaller change of a time is none, however certain: the same code moves that much between two builds."""

MARGIN = float(stats.norm.ppf(0.9))
"""Standard errors beyond the gate at which a change is called detectable: found, and at the right commit,
four times in five (tests/reports/test_report_steps.py)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """The level changed at the point of index ``at``; ``before`` and ``after`` are the levels around it."""

    at: int
    before: float
    after: float
    confirmed: bool = True

    @property
    def worse(self) -> bool:
        """All that is followed is better when lower."""
        return self.after > self.before

    @property
    def change(self) -> float:
        """``after`` as a multiple of ``before``; infinite where that was 0."""
        return self.after / self.before if self.before else math.inf


@dataclass(frozen=True)
class Judgement:
    """What can be said of one series; ``levels`` has one value a point.

    ``noise`` is the relative standard deviation about the levels, ``detectable`` the smallest relative change
    that would be found between two halves of the row, ``detectable_newest`` the same in its newest commit;
    None where there are too few commits to say. ``exact``: counted, so that any change shows.
    """

    steps: tuple[Step, ...]
    levels: tuple[float, ...]
    noise: float | None = None
    detectable: float | None = None
    detectable_newest: float | None = None
    exact: bool = False


Judge = Callable[[Sequence[float], Sequence[bool]], Judgement]


def judge(values: Sequence[float], kind: str, possible: Sequence[bool] = ()) -> Judgement:
    """The steps of a series, oldest value first. ``kind`` is a key of :data:`KINDS`; others are exact.

    ``possible`` says at which commits the project can have changed, where that is known: a timed step that
    noise put beside such a commit is moved there, if it passes the gate there, too.
    """
    judged = KINDS.get(kind, counted(0.0))
    return judged(values, possible or [True] * len(values))


# --- timed ----------------------------------------------------------------------------------------------


def timed(values: Sequence[float], possible: Sequence[bool]) -> Judgement:
    """Steps of positive, noisy figures."""
    if len(values) < FEWEST or min(values) <= 0:
        return Judgement((), tuple(values))
    logs = np.log(np.asarray(values, dtype=np.float64))
    gate, ends = _segments(logs)
    ends = _without_newest(logs, _moved(logs, _without_small(logs, ends), gate, possible))
    fitted = _fitted(logs, ends)
    noise = _noise(logs, ends)
    steps = [Step(end, math.exp(fitted[end - 1]), math.exp(fitted[end])) for end in ends[:-1]]
    newest = _newest(logs, ends)
    if newest:
        steps.append(newest)
        fitted[-1] = logs[-1]
    return Judgement(
        steps=tuple(steps),
        levels=tuple(float(v) for v in np.exp(fitted)),
        noise=math.expm1(noise),
        detectable=_detectable(gate, noise, len(logs)),
        detectable_newest=_detectable_newest(logs, ends),
    )


def _segments(logs: Floats) -> tuple[float, list[int]]:
    """The gate, and the ends of the segments that pass it.

    The gate's scale is the noise between neighbours, which steps hardly touch: were it what the fit leaves, a
    wrong step would lower the gate that it has to pass. Only its shape comes from a first, generous fit.
    """
    scale = _between_neighbours(logs)
    rough = _fit(logs, 2 * math.log(len(logs)) * scale)
    shape = _accidental(_residuals(logs, rough))
    ends: list[int] = []
    for _ in range(MOST_ROUNDS):
        found = _fit(logs, scale * shape)
        if len(found) <= len(ends):
            break
        ends = found
        # A large step is no noise: without it, smaller ones are seen.
        within = np.delete(np.diff(logs), [end - 1 for end in ends[:-1]])
        scale = float((within**2).mean() / 2)
    return scale * shape, ends


def _fit(logs: Floats, gate: float) -> list[int]:
    detector = ruptures.KernelCPD(kernel="linear", min_size=LEAST_COMMITS).fit(logs.reshape(-1, 1))
    return [int(end) for end in detector.predict(pen=max(gate, 1e-12))]


def _between_neighbours(logs: Floats) -> Any:
    """Variance, from differences of neighbours; along the last axis."""
    return (np.diff(logs, axis=-1) ** 2).mean(axis=-1) / 2


def _accidental(residuals: Floats) -> float:
    """What steps gain by accident, in variances: exceeded in a few shuffles only.

    Per step: the drop in squared error of the best single step, or half of that of the best pair around a
    short run of commits.
    """
    n = len(residuals)
    shuffled = np.random.default_rng(SEED).permuted(np.tile(residuals, (SHUFFLES, 1)), axis=1)
    shuffled -= shuffled.mean(axis=1, keepdims=True)
    sums = np.concatenate([np.zeros((SHUFFLES, 1)), np.cumsum(shuffled, axis=1)], axis=1)
    ends = np.arange(LEAST_COMMITS, n - LEAST_COMMITS + 1)
    best = (sums[:, ends] ** 2 * n / (ends * (n - ends))).max(axis=1)
    for run in range(LEAST_COMMITS, min(LONGEST_RUN, n // 2) + 1):
        inside = sums[:, run:] - sums[:, :-run]
        best = np.maximum(best, (inside**2).max(axis=1) * n / (run * (n - run)) / 2)
    noise = _between_neighbours(shuffled)
    gains = np.divide(best, noise, out=np.zeros_like(best), where=noise > 0)
    return float(np.quantile(gains, 1 - FALSE_ALARMS, method="higher"))


def _without_small(logs: Floats, ends: Sequence[int]) -> list[int]:
    """Segments whose levels differ by less than :data:`LEAST_CHANGE` become one, the closest first."""
    kept = list(ends)
    while len(kept) > 1:
        fitted = _fitted(logs, kept)
        jumps = [abs(fitted[end] - fitted[end - 1]) for end in kept[:-1]]
        smallest = int(np.argmin(jumps))
        if jumps[smallest] >= math.log1p(LEAST_CHANGE):
            break
        del kept[smallest]
    return kept


def _moved(logs: Floats, ends: Sequence[int], gate: float, possible: Sequence[bool]) -> list[int]:
    """Each step at the best near commit where the project can have changed, if there is one that passes."""
    borders = [0, *ends]
    for i in range(1, len(borders) - 1):
        if possible[borders[i]]:
            continue
        left, right = borders[i - 1] + LEAST_COMMITS, borders[i + 1] - LEAST_COMMITS
        near = range(max(left, borders[i] - NEAR), min(right, borders[i] + NEAR) + 1)
        gains = {at: _gain(logs[borders[i - 1] : borders[i + 1]], at - borders[i - 1]) for at in near}
        passing = [at for at in near if possible[at] and gains[at] >= gate]
        borders[i] = max(passing, key=gains.__getitem__, default=borders[i])
    return borders[1:]


def _gain(logs: Floats, at: int) -> float:
    """The drop in squared error by a step there."""
    difference = float(logs[at:].mean() - logs[:at].mean())
    return difference**2 * at * (len(logs) - at) / len(logs)


def _without_newest(logs: Floats, ends: list[int]) -> list[int]:
    """Without a step to the last two commits that only the newest one made."""
    if len(ends) < 2 or ends[-2] != len(logs) - 2:
        return ends
    earlier = [*ends[:-2], len(logs) - 1]
    limit = _limit_of_newest(logs[:-1], earlier)
    start = ends[-3] if len(ends) > 2 else 0
    off = abs(float(logs[-2] - logs[start:-2].mean()))
    return [*ends[:-2], len(logs)] if limit is not None and off < limit else ends


def _newest(logs: Floats, ends: Sequence[int]) -> Step | None:
    """The newest commit, where it left its level: beyond the expected range and beyond all seen before."""
    start = ends[-2] if len(ends) > 1 else 0
    level = logs[start:-1]
    off = float(logs[-1] - level.mean())
    limit = _limit_of_newest(logs, ends)
    if limit is None or abs(off) < max(limit, math.log1p(LEAST_CHANGE)):
        return None
    return Step(len(logs) - 1, math.exp(level.mean()), math.exp(logs[-1]), confirmed=False)


def _limit_of_newest(logs: Floats, ends: Sequence[int]) -> float | None:
    """How far from its level one more commit may be by accident; None where its level is too new."""
    start = ends[-2] if len(ends) > 1 else 0
    count = len(logs) - 1 - start
    if count < LEAST_COMMITS:
        return None
    earlier = [end for end in ends if end < len(logs)] + [len(logs) - 1]
    residuals = _residuals(logs[:-1], earlier)
    freedom = len(residuals) - len(earlier)
    if freedom < 2:
        return None
    spread = math.sqrt(float(residuals @ residuals) / len(residuals)) * math.sqrt(1 + 1 / count)
    within = float(stats.t.ppf(1 - FALSE_ALARMS / 2, freedom)) * spread
    return max(within, float(np.abs(residuals).max()))


def _fitted(logs: Floats, ends: Sequence[int]) -> Floats:
    fitted = np.empty_like(logs)
    for start, end in zip([0, *ends], ends, strict=False):
        fitted[start:end] = logs[start:end].mean()
    return fitted


def _residuals(logs: Floats, ends: Sequence[int]) -> Floats:
    """What is left beside the levels, widened by what fitting these took from it."""
    n = len(logs)
    left: Floats = (logs - _fitted(logs, ends)) * math.sqrt(n / max(n - len(ends), 1))
    return left


def _noise(logs: Floats, ends: Sequence[int]) -> float:
    residuals = _residuals(logs, ends)
    return math.sqrt(float(residuals @ residuals) / len(residuals))


def _detectable(gate: float, noise: float, n: int) -> float:
    margin = MARGIN * noise
    return max(math.expm1((math.sqrt(gate) + margin) * 2 / math.sqrt(n)), LEAST_CHANGE)


def _detectable_newest(logs: Floats, ends: Sequence[int]) -> float | None:
    limit = _limit_of_newest(logs, ends)
    if limit is None:
        return None
    margin = MARGIN * _noise(logs, ends)
    return max(math.expm1(limit + margin), LEAST_CHANGE)


# --- counted --------------------------------------------------------------------------------------------


def counted(tolerance: float) -> Judge:
    """A judge of figures in which any difference of more than ``tolerance``, in their unit, is a step."""

    def judged(values: Sequence[float], _: Sequence[bool]) -> Judgement:
        steps: list[Step] = []
        levels: list[float] = []
        for index, value in enumerate(values):
            if levels and abs(value - levels[-1]) <= max(tolerance, 1e-9 * abs(levels[-1])):
                levels.append(levels[-1])
                continue
            if levels:
                steps.append(Step(index, levels[-1], value))
            levels.append(value)
        return Judgement(tuple(steps), tuple(levels), exact=True)

    return judged


PYTHONS_OWN = 4096.0
"""Bytes: what Python's own objects may add to a peak; a hidden copy of the benchmark's input has 2^22."""

KINDS: Mapping[str, Judge] = {
    "seconds": timed,
    "peak bytes": counted(PYTHONS_OWN),
}
"""What a series is -> how it is judged; others are counted without a tolerance."""

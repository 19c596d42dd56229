"""The training ablation as claims draw on it: one model with everybody trained in it, pairs, and words.

The statistics are those of :mod:`benchmarks.train.statistics`; here is only who is compared with whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.train.entries import ACCURACY, Setting, Training
from benchmarks.train.statistics import (
    BETTER,
    TOO_FEW,
    WORSE,
    Comparison,
    Summary,
    compare,
    summaries,
    together,
)
from benchmarks.train.words import difference_words, signed
from gem_impls import Spec
from reports.worth.evidence import Evidence
from reports.worth.verdicts import number

POINT: Final = 0.01
"""Accuracy that is called as good as another's lies less than this below it."""

SHARE: Final = 0.01
"""Loss that is called as good lies above the other's by less than this share of it."""


@dataclass(frozen=True)
class Ablation:
    """One model of the record and everybody who was trained in it, best mean first."""

    setting: Setting
    found: tuple[Summary, ...]

    def of(self, activation: Spec | str) -> Summary | None:
        """That activation's results; None where it was not trained."""
        return next((s for s in self.found if s.activation == str(activation)), None)

    def pair(self, one: Spec | str, other: Spec | str) -> Comparison | None:
        """``one`` against ``other``, seed by seed; None where one of them was not trained."""
        a, b = self.of(one), self.of(other)
        return compare(self.setting, a, b) if a and b and a is not b else None

    def pairs(self, wanted: Iterable[tuple[Spec | str, Spec | str]]) -> list[Comparison]:
        """Those of ``wanted`` that were trained, with what holds of all of them taken together."""
        return together([c for one, other in wanted if (c := self.pair(one, other))])

    def as_good(self, c: Comparison, margin: float | None = None) -> bool:
        """Whether the interval excludes that it is worse by ``margin``, by default that of :meth:`margin`."""
        return c.verdict != TOO_FEW and c.difference.low > -(margin or self.margin(c.rival))

    def margin(self, rival: str) -> float:
        """The difference from ``rival`` below which one is called as good."""
        against = self.of(rival)
        return POINT if self.setting.metric == ACCURACY or not against else SHARE * against.interval.mean

    # --- words --------------------------------------------------------------------------------------

    def difference(self, c: Comparison) -> str:
        """``+0.10 points (−0.20 to +0.40)``, positive where better."""
        return difference_words(self.setting, c)

    def most(self, c: Comparison) -> str:
        """The largest difference in its favour that is not excluded."""
        unit = "points" if self.setting.metric == ACCURACY else "nats"
        return f"{signed(self.setting, c.difference.high)} {unit}"


def ablations(e: Evidence, *groups: str) -> list[Ablation]:
    """The models of the ablation: those of ``groups``, all where none is named.

    Raises:
        ImportError: SciPy is not installed, which intervals need.
    """
    if "ablations" not in e.derived:
        e.derived["ablations"] = _made(e.of("train", Setting), e.of("train", Training))
    return [a for a in e.derived["ablations"] if a.setting.group in groups or not groups]


def recipe(e: Evidence, model: str) -> Ablation | None:
    """The published setting of that name on its own data; None where it was not run to its end here."""
    for record in e.recipes:
        settings = [s for s in record.of(Setting) if s.recipe and s.model == model]
        if made := _made(settings, record.of(Training)):
            return made[0]
    return None


def _made(settings: Iterable[Setting], trainings: Sequence[Training]) -> list[Ablation]:
    by_model = {s.model: s for s in settings}
    made = [Ablation(s, summaries(s, trainings)) for s in by_model.values()]
    return [a for a in made if a.found]


def holding(found: Iterable[Comparison], verdict: str) -> int:
    """How many are of that verdict, and stand together."""
    return sum(c.holds and c.verdict == verdict for c in found)


def too_few(found: Iterable[Comparison]) -> bool:
    """Whether any has too few seeds to be judged."""
    return any(c.verdict == TOO_FEW for c in found)


def tally(found: Sequence[Comparison]) -> str:
    """``2 better, 1 worse, 3 undecided`` of comparisons taken together, and what could not be compared."""
    judged = [c for c in found if c.verdict != TOO_FEW]
    lacking = f"{len(found) - len(judged)} of {len(found)} have too few seeds to compare"
    if not judged:
        return "too few seeds to compare"
    better, worse = holding(judged, BETTER), holding(judged, WORSE)
    said = f"{better} {BETTER}, {worse} {WORSE}, {len(judged) - better - worse} undecided"
    if not better and not worse:
        said = f"none of {len(judged)} differences stands"
    return said if len(judged) == len(found) else f"{said}; {lacking}"


def short(activation: Spec | str) -> str:
    """What a sentence calls an activation."""
    if not isinstance(activation, Spec):
        return {"relu": "ReLU", "leaky_relu": "LeakyReLU", "gelu": "GELU", "silu": "SiLU"}.get(
            activation, activation
        )
    plain = f"{activation.variant} N = {activation.n}"
    default = Spec(activation.variant, activation.n)
    return plain if activation.eps == default.eps else f"{plain}, ε = {number(activation.eps)}"

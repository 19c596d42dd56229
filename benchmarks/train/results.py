"""A record's trainings, model by model, with everything that the command and the pages say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.models.activations import PEERS
from benchmarks.train.entries import Setting, Training
from benchmarks.train.statistics import Comparison, Summary, comparisons, summaries

RIVALS: Final = ("gelu", "relu")
"""Peers that everybody is compared with."""


@dataclass(frozen=True)
class Result:
    """One model.

    Attributes:
        setting: how it was trained.
        summaries: everybody, best mean first.
        against: rival -> everybody else compared with it, in the order of ``summaries``.
    """

    setting: Setting
    summaries: tuple[Summary, ...]
    against: Mapping[str, tuple[Comparison, ...]]

    def summary(self, activation: str) -> Summary | None:
        """That of one activation."""
        return next((s for s in self.summaries if s.activation == activation), None)

    def comparison(self, activation: str, rival: str) -> Comparison | None:
        """One activation against one rival."""
        return next((c for c in self.against.get(rival, ()) if c.activation == activation), None)

    def family(self, rival: str) -> tuple[Comparison, ...]:
        """The members of the family against ``rival``."""
        return tuple(c for c in self.against.get(rival, ()) if c.activation not in PEERS)


def results(settings: Iterable[Setting], trainings: Iterable[Training]) -> tuple[Result, ...]:
    """Every model that somebody was trained in, in the order of the record."""
    rows = list(trainings)
    found = []
    for setting in {s.model: s for s in settings}.values():
        made = summaries(setting, rows)
        if made:
            against = {rival: comparisons(setting, made, rival) for rival in RIVALS}
            found.append(Result(setting, made, {rival: c for rival, c in against.items() if c}))
    return tuple(found)

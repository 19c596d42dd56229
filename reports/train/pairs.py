"""Every pair of the usual activations: how often one was better than the other, seed by seed."""

from __future__ import annotations

import itertools
from typing import Final

from benchmarks.models.activations import PEERS
from benchmarks.train.effects import spec_of
from benchmarks.train.entries import Setting
from benchmarks.train.statistics import BETTER, TOO_FEW, WORSE, Comparison, Summary, compare, together
from gem_impls import VARIANTS, Spec
from reports.cells import Cell, Column, Row, Table
from reports.svg import word
from reports.train.load import Trained
from reports.train.marks import label
from reports.train.tables import TONES

USUAL: Final = (*PEERS, *(str(Spec(variant, n)) for variant in VARIANTS for n in (1, 2, 3)))
"""Peers, and the family at its default parameters: who is compared pair by pair."""

Pairs = dict[tuple[str, str], Comparison]


def usual(trained: Trained) -> tuple[Summary, ...]:
    """Those of :data:`USUAL` that were trained, best mean first."""
    return tuple(s for s in trained.result.summaries if s.activation in USUAL)


def compared(setting: Setting, found: tuple[Summary, ...]) -> Pairs:
    """(better by its mean, other) -> comparison, with what holds of all pairs taken together."""
    made = together([compare(setting, one, other) for one, other in itertools.combinations(found, 2)])
    return {(c.activation, c.rival): c for c in made}


def table(trained: Trained) -> Table | None:
    """The share of seeds in which the row's activation was better than the column's; None without a pair."""
    found = usual(trained)
    if len(found) < 2:
        return None
    pairs = compared(trained.setting, found)
    names = [s.activation for s in found]
    rows = [Row((_short(one),), tuple(_cell(pairs, one, other) for other in names)) for one in names]
    held = sum(c.holds for c in pairs.values())
    judged = sum(c.verdict != TOO_FEW for c in pairs.values())
    standing = f"{held} of {judged} pairs differ (coloured)" if held else f"none of {judged} pairs differs"
    caption = (
        f"{trained.setting.title}: share of seeds in which the row was better than the column, 95 % "
        f"interval; {standing}, all taken together"
    )
    columns = tuple(Column(_short(name), "better than") for name in names)
    return Table(f"pairs-{word(trained.setting.model)}", caption, ("Activation",), columns, tuple(rows))


def _short(activation: str) -> str:
    """``e-gem 2``: all parameters but n are the defaults."""
    spec = spec_of(activation)
    return f"{spec.variant} {spec.n}" if spec else label(activation)


def _cell(pairs: Pairs, one: str, other: str) -> Cell:
    if one == other:
        return Cell("itself", tone="missing")
    found = pairs.get((one, other))
    wins = found or pairs[other, one]
    share, low, high = wins.probability.mean, wins.probability.low, wins.probability.high
    if found is None:
        share, low, high = 1 - share, 1 - high, 1 - low
    if not wins.pairs:
        return Cell("no seed", "in common", "missing")
    better = (wins.difference.mean > 0) == (found is not None)
    tone = TONES[BETTER if better else WORSE] if wins.holds else ""
    return Cell(f"{100 * share:.0f} %", f"{100 * low:.0f}–{100 * high:.0f}", tone, value=share)

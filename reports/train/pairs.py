"""Every pair of the usual activations: how often one was better than the other, seed by seed."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

from benchmarks.models.activations import GRID_N, PEERS
from benchmarks.train.effects import spec_of
from benchmarks.train.entries import Setting
from benchmarks.train.statistics import (
    BETTER,
    TOO_FEW,
    WORSE,
    Comparison,
    Interval,
    Summary,
    compare,
    together,
)
from gem_impls import VARIANTS, Spec
from reports.cells import Cell, Column, Row, Table
from reports.svg import word
from reports.train.load import Trained
from reports.train.marks import label
from reports.train.tables import TONES

USUAL: Final = (*PEERS, *(str(Spec(variant, n)) for variant in VARIANTS for n in GRID_N))
"""Peers, and the family at its default parameters: who is compared pair by pair."""

Pairs = dict[tuple[str, str], Comparison]


def usual(trained: Trained) -> tuple[Summary, ...]:
    """Those of :data:`USUAL` that were trained, best mean first."""
    return tuple(s for s in trained.result.summaries if s.activation in USUAL)


def compared(setting: Setting, found: tuple[Summary, ...]) -> Pairs:
    """(one, other) -> comparison, both ways, with what holds of all pairs taken together."""
    made = together([compare(setting, one, other) for one, other in itertools.combinations(found, 2)])
    return {(c.activation, c.rival): c for way in made for c in (way, _mirrored(way))}


def _mirrored(c: Comparison) -> Comparison:
    """The same pair from the other side."""
    d, p = c.difference, c.probability
    return replace(
        c,
        activation=c.rival,
        rival=c.activation,
        difference=Interval(-d.mean, -d.high, -d.low),
        probability=Interval(1 - p.mean, 1 - p.high, 1 - p.low),
        verdict={BETTER: WORSE, WORSE: BETTER}.get(c.verdict, c.verdict),
    )


def table(trained: Trained) -> Table | None:
    """The share of seeds in which the row's activation was better than the column's; None without a pair."""
    found = usual(trained)
    if len(found) < 2:
        return None
    pairs = compared(trained.setting, found)
    names = [s.activation for s in found]
    rows = [Row((_short(one),), tuple(_cell(pairs, one, other) for other in names)) for one in names]
    held = sum(c.holds for c in pairs.values()) // 2
    judged = sum(c.verdict != TOO_FEW for c in pairs.values()) // 2
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
    c = pairs[one, other]
    if not c.pairs:
        return Cell("no seed", "in common", "missing")
    p = c.probability
    tone = TONES[c.verdict] if c.holds else ""
    return Cell(f"{100 * p.mean:.0f} %", f"{100 * p.low:.0f}–{100 * p.high:.0f}", tone, value=p.mean)

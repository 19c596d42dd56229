"""Results in words: the same in the command's summary and on the pages."""

from __future__ import annotations

import math
from typing import Final

from benchmarks.train.entries import ACCURACY, Setting
from benchmarks.train.results import Result
from benchmarks.train.statistics import BETTER, SAME, TOO_FEW, WORSE, Comparison, Interval, Summary, by_chance

RIVAL_NAMES: Final = {"gelu": "GELU", "relu": "ReLU"}


LONG: Final = 1e4
"""Losses from here on are written with an exponent."""


def number(setting: Setting, value: float) -> str:
    """A score, or half of an interval: per cent to a tenth, or nats to three places."""
    if not math.isfinite(value):
        return "?"
    if setting.metric == ACCURACY:
        return f"{100 * value:.1f}"
    return f"{value:.3f}" if abs(value) < LONG else f"{value:.3g}"


def unit(setting: Setting) -> str:
    """Of scores."""
    return "%" if setting.metric == ACCURACY else "nats"


def score_words(setting: Setting, interval: Interval) -> str:
    """``97.2 % (96.8–97.6)``."""
    low, high = number(setting, interval.low), number(setting, interval.high)
    return f"{number(setting, interval.mean)} {unit(setting)} ({low}–{high})"


def signed(setting: Setting, value: float) -> str:
    """A difference with its sign: points of per cent to two places, or nats to three."""
    if not math.isfinite(value):
        return "?"
    if setting.metric == ACCURACY:
        text = f"{100 * value:+.2f}"
    else:
        text = f"{value:+.3f}" if abs(value) < LONG else f"{value:+.3g}"
    return text.replace("-", "−")


def difference_words(setting: Setting, comparison: Comparison) -> str:
    """``+0.31 points (+0.05 to +0.60)``: more is better, also of a loss."""
    d = comparison.difference
    name = "points" if setting.metric == ACCURACY else "nats"
    return f"{signed(setting, d.mean)} {name} ({signed(setting, d.low)} to {signed(setting, d.high)})"


def verdict_words(comparison: Comparison) -> str:
    """The verdict, and whether it holds among all comparisons."""
    if comparison.verdict in (SAME, TOO_FEW):
        return comparison.verdict
    return comparison.verdict + (", holds among all" if comparison.holds else "")


def rate_words(summary: Summary) -> str:
    """The chosen rates with the number of seeds: ``0.04 × 3, 0.08 × 2``; ``0.04`` where all chose it."""
    chosen = summary.chosen()
    if len(chosen) == 1:
        return f"{chosen[0][0]:g}"
    return ", ".join(f"{rate:g} × {count}" for rate, count in chosen)


def against_words(result: Result, rival: str) -> str:
    """One sentence: how the family did against ``rival`` in this model, and what of it is chance."""
    found = result.family(rival)
    name = RIVAL_NAMES.get(rival, rival)
    if not found:
        return f"No member of the family was compared with {name}."
    count = {word: [c for c in found if c.verdict == word] for word in (BETTER, WORSE, SAME, TOO_FEW)}
    said = [f"{len(count[word])} {word}" for word in (BETTER, WORSE) if count[word]]
    for verdict, one, several in ((SAME, "shows", "show"), (TOO_FEW, "has", "have")):
        if count[verdict]:
            said.append(f"{len(count[verdict])} {one if len(count[verdict]) == 1 else several} {verdict}")
    judged = len(found) - len(count[TOO_FEW])
    tail = ""
    if judged:
        holding = sum(c.holds for c in found)
        tail = (
            f" Of {judged} such comparison{'s' if judged > 1 else ''} about {by_chance(judged):.1f} would "
            f"differ by chance alone; {holding or 'none'} of the differences "
            f"hold{'s' if holding == 1 else ''} when all are taken together."
        )
    members = f"{len(found)} member{'s' if len(found) > 1 else ''}"
    return f"Against {name}, of {members} of the family: {', '.join(said)}.{tail}"

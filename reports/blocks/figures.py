"""The figure of the page on real layers: a step with each activation, as a multiple of GELU's and ReLU's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.ticker import FuncFormatter, MaxNLocator

from benchmarks.blocks import readings
from benchmarks.blocks.entries import IDENTITY, PEER, Race
from reports import statistic, svg
from reports.blocks.tables import function_label, implementation_label, setting_label, shape_label, spread
from reports.figures import Palette, short
from reports.numbers import Data
from reports.statistic import Spread
from reports.svg import PAPER, SOFT, Drawing, canvas, drawing, word

PARTNERS = ("relu", "gelu")

WIDEST = 3.0
"""Ratios beyond it are drawn at the edge; the table has the number."""

Line = tuple[str, dict[str, Spread]]
"""A participant, and its ratio to each partner that has a time."""


def ratios(race: Race, palette: Palette) -> Iterator[Drawing]:
    """Everybody's time over ReLU's and over GELU's, with quartiles; none where there is nobody to compare."""
    lines: list[Line] = []
    for who in race.samples:
        found = {p: r for p in PARTNERS if who != p and (r := readings.ratio(race, who, p))}
        if found:
            lines.append((who, {p: spread(r) for p, r in found.items()}))
    if len(lines) >= 2:
        yield _dots(race, lines, palette)


def _dots(race: Race, lines: Sequence[Line], palette: Palette) -> Drawing:
    with canvas(height=1.15 + 0.235 * len(lines)) as figure:
        axes = figure.add_subplot()
        for y, (who, found) in enumerate(reversed(lines)):
            colour, marker = _look(race, who, palette)
            for partner, face in (("relu", colour), ("gelu", PAPER)):
                if partner in found:
                    s = found[partner]
                    axes.plot([_shown(s.q1), _shown(s.q3)], [y, y], color=colour, linewidth=1.2)
                    x = _shown(s.median)
                    axes.plot([x], [y], marker, color=colour, markerfacecolor=face, markersize=6)
        axes.axvline(1, color=SOFT, linewidth=1)
        axes.set_yticks(range(len(lines)), [_label(race, who) for who, _ in reversed(lines)])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(-0.6, len(lines) - 0.4)
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, 0.95), max(high, 1.05))
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda r, _: f"{r:g}"))
        axes.grid(axis="x")
        figure.supxlabel("time as a multiple of the peer's: filled ÷ ReLU, hollow ÷ GELU", fontsize=9.5)
        said = [
            f"{_named(race, who)} ÷ {partner} {statistic.plain(s)[0]}"
            for who, found in lines
            for partner, s in found.items()
        ]
        what = setting_label(race)
        return drawing(
            figure,
            id=word(f"ratios-{race.block}-{race.passes}-{race.mode}-{race.dtype}-{race.device}"),
            title=f"{what}: {race.block}",
            caption=f"The whole layer, {race.summary}: {race.parameters:,} parameters, input "
            f"{shape_label(race)}, {race.dtype}, {race.device}. Left of the line at 1 is faster than the "
            "peer. Bars are quartiles of the paired rounds."
            + (f" Beyond {WIDEST:g} at the edge." if _beyond(lines) else ""),
            alt=f"Dot plot of ratios. {'; '.join(said)}.",
            data=Data.of(
                ("function", "implementation", "partner", "ratio_median", "ratio_q1", "ratio_q3"),
                (
                    (race.functions[who], race.implementations[who], partner, s.median, s.q1, s.q3)
                    for who, found in lines
                    for partner, s in found.items()
                ),
            ),
        )


def _look(race: Race, who: str, palette: Palette) -> tuple[str, str]:
    if not readings.of_family(race, who):
        return svg.PEER, "o"
    return palette.of(race.implementations[who])


def _named(race: Race, who: str) -> str:
    parts = (function_label(race.functions[who]), implementation_label(race, who))
    return " ".join(part for part in parts if part)


def _label(race: Race, who: str) -> str:
    function = short(function_label(race.functions[who]))
    if race.functions[who] == IDENTITY or race.implementations[who] == PEER:
        return function
    return f"{function} · {short(implementation_label(race, who).partition(',')[0])}"


def _shown(ratio: float) -> float:
    return min(ratio, WIDEST)


def _beyond(lines: Sequence[Line]) -> bool:
    return any(s.q3 > WIDEST for _, found in lines for s in found.values())

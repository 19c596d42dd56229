"""The tables of the performance page: each a function of the record's entries."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.performance import verdicts
from benchmarks.performance.crossover import RIVALS, crossover, curves, words
from benchmarks.performance.entries import LAYERS, PACE, Entry, Race, Start
from benchmarks.performance.falls import Fall, Layer
from benchmarks.performance.first_call import PHASES
from benchmarks.performance.settings import USER
from benchmarks.performance.targets import RATIO
from benchmarks.performance.verdicts import AT_LIMIT, AWAITS, MET, MISSED, NONE, REPORTED, Verdict
from benchmarks.performance.words import measured
from reports import statistic
from reports.cells import Cell, Column, Row, Table, time_cell
from reports.powers import superscript
from reports.statistic import Spread

TONES = {MET: "faster", MISSED: "slower", AT_LIMIT: "same", REPORTED: "", AWAITS: "missing", NONE: "missing"}
"""Verdict -> a word that the style sheet knows."""


def spread(s: verdicts.Spread) -> Spread:
    """The same as the report's own."""
    return Spread(s.median, s.q1, s.q3, s.count)


# --- targets --------------------------------------------------------------------------------------------


def targets(found: Sequence[Verdict]) -> Table:
    """Every target: its goal and verdict, what was measured, and the name that its command goes by."""
    rows = []
    for v in found:
        shown = "" if v.status in (AWAITS, NONE) else superscript(measured(v))
        cells = (
            Cell(v.status, v.target.goal, TONES[v.status]),
            Cell(shown, tone="text"),
            Cell(v.target.id, tone="text"),
        )
        rows.append(Row((superscript(f"{v.target.where}: {v.target.case}"),), cells))
    heads = ("Verdict and goal", "Measured: median (quartiles)", "Name")
    return Table("target-table", "Targets", ("Case",), tuple(map(Column, heads)), tuple(rows), wordy=True)


def by_setting(v: Verdict) -> Table | None:
    """One target at each of its settings; None where there is but one."""
    if len(v.figures) < 2 or v.target.quantity != RATIO:
        return None
    rows = []
    for f in v.figures:
        median, quartiles = statistic.plain(spread(f.spread))
        tone = {MET: "faster", MISSED: "slower"}.get(f.status, "same")
        rows.append(
            Row((superscript(f.where),), (Cell(f.who, tone="text"), Cell(f"{median} ×", quartiles, tone)))
        )
    columns = (Column("Numerator"), Column("Ratio"))
    caption = superscript(f"{v.target.where}: {v.target.case}, {v.target.goal}")
    return Table(f"target-{v.target.id}", caption, ("Elements",), columns, tuple(rows))


# --- where the time goes ----------------------------------------------------------------------------------


def layers(found: Sequence[Fall]) -> Table | None:
    """Implementation × layer: what each adds, at each size."""
    sizes = sorted({f.race.numel for f in found})
    names = list(dict.fromkeys(f.race.subject for f in found))
    rows: list[Row] = []
    for name in names:
        own = {f.race.numel: f for f in found if f.race.subject == name}
        rungs = list(dict.fromkeys(layer.name for f in own.values() for layer in f.layers))
        for index, rung in enumerate(rungs):
            cells = tuple(_layer(own.get(n), rung) for n in sizes)
            rows.append(Row((name if index == 0 else "", rung), cells))
        rows.append(Row(("", "unexplained"), tuple(_unexplained(own.get(n)) for n in sizes)))
        rows.append(Row(("", "in all"), tuple(_total(own.get(n)) for n in sizes)))
    columns = tuple(Column(statistic.size(n), "Elements") for n in sizes)
    caption = "What each layer adds: median and quartiles of the differences, round by round"
    heads = ("Implementation", "Layer")
    return Table("layer-table", caption, heads, columns, tuple(rows)) if rows else None


ABSENT = Cell("not measured", tone="missing")


def _layer(f: Fall | None, rung: str) -> Cell:
    layer = next((one for one in f.layers if one.name == rung), None) if f else None
    if layer is None:
        return ABSENT
    if not layer.seen:
        return Cell("no difference", _signed(layer), "same")
    return time_cell(spread(layer.added))


def _signed(layer: Layer) -> str:
    return f"{signed(layer.added.q1)} to {signed(layer.added.q3)}"


def signed(seconds: float) -> str:
    """``−1.23 µs``."""
    size = abs(seconds)
    factor, unit = next((row for row in statistic.UNITS if size >= row[0]), statistic.UNITS[-1])
    return f"{'−' if seconds < 0 else ''}{size / factor:.3g} {unit}"


def _unexplained(f: Fall | None) -> Cell:
    return Cell(signed(f.unexplained), f"{100 * f.unexplained / f.total.median:.0f} %") if f else ABSENT


def _total(f: Fall | None) -> Cell:
    return time_cell(spread(f.total)) if f else ABSENT


# --- crossover ------------------------------------------------------------------------------------------


def crossings(entries: Sequence[Entry], device: str) -> Table | None:
    """The smallest size from which each implementation beats eager torch, and gelu."""
    rows: list[Row] = []
    for passes, races in curves(entries, device).items():
        family = sorted({name for r in races for name in r.family})
        users = [USER] if any(USER in r.samples for r in races) else []
        for index, who in enumerate([*family, *users]):
            cells = []
            for rival in RIVALS:
                c = crossover(who, rival, races)
                cells.append(Cell(superscript(words(c)) if c else "", tone="text"))
            rows.append(Row((passes if index == 0 else "", who), tuple(cells)))
    columns = (Column("faster than eager torch (torch_naive)"), Column("faster than gelu"))
    caption = "Smallest size from which it is faster, there and at every larger size measured"
    return (
        Table("crossover-table", caption, ("Pass", "Implementation"), columns, tuple(rows)) if rows else None
    )


# --- cold start -----------------------------------------------------------------------------------------


def starts(entries: Sequence[Entry], device: str) -> Table | None:
    """First calls in fresh processes, phase by phase."""
    found = [e for e in entries if isinstance(e, Start) and e.device == device]
    if not found:
        return None
    rows: list[Row] = []
    last = ""
    for start in found:
        cells = [
            time_cell(spread(verdicts.spread(start.phases[phase])))
            if phase in start.phases
            else Cell("none", tone="missing")
            for phase in PHASES
        ]
        ours = verdicts.total(start, [p for p in verdicts.OURS if p in start.phases])
        cells.append(time_cell(spread(verdicts.spread(ours))))
        rows.append(
            Row((start.implementation if start.implementation != last else "", start.caches), tuple(cells))
        )
        last = start.implementation
    count = max(len(times) for start in found for times in start.phases.values())
    columns = tuple(map(Column, (*PHASES, "until the first result, beside importing the framework")))
    caption = f"First calls in {count} fresh processes each: median and quartiles"
    return Table("start-table", caption, ("Implementation", "Disk caches"), columns, tuple(rows))


def devices(entries: Sequence[Entry]) -> list[str]:
    """The devices that anything was raced on, the CPU first."""
    found = {e.device for e in entries if isinstance(e, Race) and e.purpose in (PACE, LAYERS)}
    return sorted(found | {e.device for e in entries if isinstance(e, Start)})

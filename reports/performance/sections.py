"""The page of performance, one an environment: targets, where the time goes, crossover, cold start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from benchmarks.performance.entries import Entry, Failure, Race
from benchmarks.performance.falls import falls
from benchmarks.performance.targets import TARGETS
from benchmarks.performance.verdicts import AT_LIMIT, AWAITS, MET, MISSED, Verdict, judge
from reports.cells import Cell, Column, Row, Table
from reports.figures import Palette
from reports.kinds import PERFORMANCE
from reports.performance import tables
from reports.performance.figures import against_gelu, waterfalls
from reports.sections import Block, Content, Place, Section, Site
from reports.study_load import StudyStored, command, shown
from reports.tables import moment


@dataclass(frozen=True)
class Bench:
    """What a section draws on: the record that is shown of an environment, and the one before it."""

    site: Site
    record: StudyStored
    before: StudyStored | None

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.record.entries

    @property
    def devices(self) -> list[str]:
        return tables.devices(self.entries)

    @property
    def palette(self) -> Palette:
        """The site's colours, and new ones for who is on no other page."""
        known = self.site.palette.names
        raced = {name for e in self.entries if isinstance(e, Race) for name in e.family}
        return Palette((*known, *sorted(raced - set(known))))

    @cached_property
    def verdicts(self) -> list[Verdict]:
        gpu = self.record.environment.gpu is not None
        before = self.before.entries if self.before else ()
        return [judge(target, self.entries, gpu=gpu, before=before) for target in TARGETS]


def each_bench(site: Site) -> tuple[Place[Bench], ...]:
    """One page an environment, of its worthiest record: complete, whole, full, newest."""
    return tuple(
        Place(Bench(site, found.record, found.before), found.record.environment)
        for found in shown(site.inputs.loaded.of(PERFORMANCE))
    )


# --- sections -------------------------------------------------------------------------------------------


def _targets(b: Bench) -> Content:
    folded = tuple(t for v in b.verdicts if (t := tables.by_setting(v)))
    failed = _failures(b.entries)
    more = {
        "counts": _counts(b.verdicts),
        "record": b.record,
        "started": moment(b.record.started),
        "busy": b.record.disturbed,
        "command": command("performance", b.record),
    }
    shown = (tables.targets(b.verdicts), *([failed] if failed else []))
    return Content((Block("", (), shown, folded),), more)


def _counts(verdicts: Iterable[Verdict]) -> list[tuple[int, str]]:
    said = [v.status for v in verdicts]
    return [(said.count(word), word) for word in (MET, AT_LIMIT, MISSED, AWAITS) if word in said]


def _failures(entries: Iterable[Entry]) -> Table | None:
    rows = [
        Row((e.piece,), (Cell(e.who, tone="text"), Cell(e.reason, tone="text")))
        for e in entries
        if isinstance(e, Failure)
    ]
    columns = (Column("Who"), Column("Why it has no figure"))
    return Table("failures", "Failed", ("What",), columns, tuple(rows), wordy=True) if rows else None


def _layers(b: Bench) -> Content | None:
    blocks = []
    for device in b.devices:
        found = falls(b.entries, device)
        table = tables.layers(found)
        if table:
            blocks.append(Block(device, tuple(waterfalls(found, device)), (table,)))
    return Content(tuple(blocks)) if blocks else None


def _crossover(b: Bench) -> Content | None:
    blocks = []
    for device in b.devices:
        table = tables.crossings(b.entries, device)
        if table:
            drawn = tuple(against_gelu(b.entries, device, b.palette))
            blocks.append(Block(device, drawn, (table,)))
    return Content(tuple(blocks)) if blocks else None


def _starts(b: Bench) -> Content | None:
    found = [Block(d, (), (t,)) for d in b.devices if (t := tables.starts(b.entries, d))]
    return Content(tuple(found)) if found else None


PERFORMANCE_SECTIONS: tuple[Section[Bench], ...] = (
    Section("targets", "Targets", "", _targets, "performance-targets.html"),
    Section(
        "layers",
        "Where the time goes",
        "Nested entry points of each implementation, from the bare kernel to forward+backward in training, "
        "raced against one another: each does what the one before it does and one thing more, and the "
        "difference is what that thing costs. A difference whose quartiles reach 0 is reported as no "
        "difference. Unexplained is the whole less the layers that could be seen.",
        _layers,
    ),
    Section(
        "crossover",
        "From which size it pays",
        "Faster means that 1 lies above the upper quartile of the pairwise ratios, at that size and at every "
        "larger one measured.",
        _crossover,
    ),
    Section(
        "starts",
        "Cold start",
        "Seconds until the first result in a fresh process, phase by phase. Warm: compiled code is on disk "
        "from an earlier process; cold: the folders for it are empty.",
        _starts,
    ),
)
"""In order. A new section is a function above and a row here."""

"""The page of the history: did the last change make it worse, what changed when, what would be noticed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import sha256

from reports import tables
from reports.cells import Cell, Column, Row, Table, missing
from reports.history.changes import Case, Change, Judged
from reports.history.figures import WORDS, amount, medians, multiple, trend
from reports.history.log import Commit
from reports.sections import Block, Content, Section, Site
from reports.svg import word

MOST_CHANGES = 200
"""Rows of the list of changes; the figures show all."""

MOST_UNMEASURED = 20
"""Commits without a figure that the answer names; the list of commits has the others."""

TONES = {"worse": "slower", "unconfirmed": "slower", "better": "faster", "machine": "same"}

FEED = "feed.xml"


def _verdict(site: Site) -> Content:
    """The page's answer, one paragraph a machine; there even where nothing was measured."""
    found = site.judged
    said = [_said(found, machine) for machine in found.machines]
    unmeasured = found.unmeasured[-MOST_UNMEASURED:]
    more = {"unmeasured": unmeasured, "before": len(found.unmeasured) - len(unmeasured)}
    return Content(more={"machines": said, "feed": FEED, **more})


def _said(found: Judged, machine: str) -> Mapping[str, object]:
    order = found.order(machine)
    newest = order[-1]
    here = [c for c in found.by_commit.get(newest.hash, ()) if c.case.series.machine == machine]
    cases = [c for c in found.of(machine) if c.newest.commit == newest.hash]
    return {
        "machine": machine,
        "count": len(order) + found.older[machine],
        "judged": len(order),
        "newest": newest,
        "cases": len(cases),
        "worse": [c for c in here if c.kind in ("worse", "unconfirmed")],
        "lost": [lost for lost in found.lost if lost.case.series.machine == machine],
        "figures": word(machine),
    }


def _changes(site: Site) -> Content | None:
    """Every step, the newest first; what is not the project's apart."""
    found = site.judged
    own = [c for c in found.changes if not c.excuse]
    others = [c for c in found.changes if c.excuse and not c.case.is_peer]
    peers = [c for c in found.changes if c.case.is_peer]
    lists = [
        {"rows": [_row(c, site) for c in some[:MOST_CHANGES]], "count": len(some), "title": title}
        for some, title in (
            (own, ""),
            (others, "Steps that are not the project's"),
            (peers, "Steps of PyTorch's own functions"),
        )
        if some
    ]
    return Content(more={"lists": lists, "several": len(found.machines) > 1}) if lists else None


def _row(c: Change, site: Site) -> Mapping[str, object]:
    unit = c.case.series.unit
    return {
        "change": c,
        "machine": c.case.series.machine,
        "multiple": multiple(c.step),
        "sort": 1e9 if not c.step.before else c.step.change,
        "from": amount(c.step.before, unit),
        "to": amount(c.step.after, unit),
        "what": c.excuse or WORDS[c.kind],
        "tone": TONES[c.kind],
        "note": site.inputs.history.note(c.commit.hash),
    }


def _times(site: Site) -> Content | None:
    """A figure for each timed case."""
    return _figures(site, lambda c: c.series.unit == "seconds")


def _counted(site: Site) -> Content | None:
    """A figure for each counted case that ever changed."""
    return _figures(site, lambda c: c.series.unit != "seconds" and bool(c.judgement.steps))


def _figures(site: Site, wanted: Callable[[Case], bool]) -> Content | None:
    found = site.judged
    groups: dict[tuple[str, str, str], list[Case]] = defaultdict(list)
    for case in found.cases:
        if wanted(case) and len(case.series.points) > 1:
            groups[case.series.machine, case.title, case.series.environment].append(case)
    blocks = []
    for (machine, title, environment), cases in groups.items():
        order = found.order(machine)
        drawn = tuple(trend(c, found.by_case.get(c.id, ()), order) for c in cases)
        steps = {c.id: [_row(change, site) for change in found.by_case.get(c.id, ())] for c in cases}
        heading = f"{title} ({machine}, {environment})"
        name, data = _file(cases[0]), medians(cases, order)
        blocks.append(Block(heading, drawn, more={"steps": steps}, name=name, data=data))
    return Content(tuple(blocks)) if blocks else None


def _file(case: Case) -> str:
    """What the numbers of the case and its neighbours are called: the same as long as they are the same."""
    s = case.series
    return f"{word(s.benchmark)}-{sha256(f'{s.machine} {s.environment}'.encode()).hexdigest()[:8]}"


def _detectable(site: Site) -> Content | None:
    """What each row would notice."""
    found = site.judged
    made = [
        _detection(machine, [c for c in found.of(machine) if not c.is_peer]) for machine in found.machines
    ]
    return Content((Block("", (), (), tuple(t for t in made if t.rows)),)) if made else None


def _detection(machine: str, cases: Iterable[Case]) -> Table:
    columns = ("Commits", "Newest", "Noise", "Smallest step noticed", "in the newest commit", "Failed at")
    return Table(
        id=f"detectable-{word(machine)}",
        caption=f"{machine}: the smallest change that each row can show",
        heads=("Case",),
        columns=tuple(Column(label) for label in columns),
        rows=tuple(_noticed(case) for case in cases),
        wordy=True,
    )


def _noticed(case: Case) -> Row:
    j = case.judgement
    failed = len(case.series.failed)
    if j.exact:
        limits = (Cell("counted", value=0.0), Cell("any", value=0.0), Cell("any", value=0.0))
    else:
        limits = (_percent(j.noise), _percent(j.detectable), _percent(j.detectable_newest))
    return Row(
        (case.name,),
        (
            Cell(str(len(case.series.points))),
            Cell(amount(case.newest.value, case.series.unit), value=case.newest.value),
            *limits,
            Cell(f"{failed} commits" if failed > 1 else "1 commit" if failed else "", value=float(failed)),
        ),
    )


def _percent(share: float | None) -> Cell:
    return missing("too few commits") if share is None else Cell(f"{100 * share:.2g} %", value=share)


def _commits(site: Site) -> Content | None:
    """Every commit that was tried and is not too old, the newest first, with its steps."""
    found = site.judged
    unmeasured = {c.hash for c in found.unmeasured}
    listed = [_entry(c, found, site, unmeasured) for c in reversed(found.listed)]
    unlisted = len(site.inputs.history.log) - len(listed)
    return Content(more={"listed": listed, "unlisted": unlisted}) if listed else None


def _entry(commit: Commit, found: Judged, site: Site, unmeasured: Collection[str]) -> Mapping[str, object]:
    own = [c for c in found.by_commit.get(commit.hash, ()) if not c.case.is_peer]
    return {
        "commit": commit,
        "date": tables.moment(commit.date),
        "note": site.inputs.history.note(commit.hash),
        "rows": [_row(c, site) for c in own],
        "unmeasured": commit.hash in unmeasured,
    }


HISTORY_SECTIONS: tuple[Section[Site], ...] = (
    Section("verdict", "Did the last change make it worse?", "", _verdict, "history-verdict.html"),
    Section(
        "changes",
        "What changed, and when",
        "Everything followed is better when lower. A step of a time is named where chance alone would "
        "put one into one row of a hundred, by the row's own noise; a change of a counted figure always.",
        _changes,
        "history-changes.html",
    ),
    Section(
        "times",
        "Time of one call",
        "Dots are a commit's medians, the line is their level, the band two standard deviations of the noise "
        "about it. Dashed lines are steps, with the commit.",
        _times,
        "history-figures.html",
    ),
    Section(
        "counted",
        "Memory and error",
        "Counted, not timed: every difference is a change. Only cases that ever changed are drawn.",
        _counted,
        "history-figures.html",
    ),
    Section(
        "detectable",
        "What would be noticed",
        "From each row's own noise: the smallest lasting change that is found four times in five, in the "
        "middle of the row and in its newest commit.",
        _detectable,
    ),
    Section("commits", "Commits", "", _commits, "history-commits.html"),
)
"""In order. A new section is a function above and a row here."""

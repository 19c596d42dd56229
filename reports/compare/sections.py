"""The page that compares two commits: the newest pairs as tables, and any pair where scripts are on."""

from __future__ import annotations

from collections.abc import Sequence

from reports import statistic
from reports.cells import Cell, Column, Row, Table
from reports.compare.pairs import TIME, UNCHANGED, WORSE, Difference, Track, as_json, differences, tracks
from reports.compare.records import VERDICTS, Comparison, Verdict
from reports.figures import short_seconds
from reports.history.log import Commit
from reports.history.results import Point
from reports.kinds import COMPARISONS
from reports.sections import Block, Content, Section, Site, file_of
from reports.svg import word
from reports.tables import moment

MOST_COMPARISONS = 5
PAIRS = 5
"""Neighbouring commits that are compared without a script."""

MOST_ROWS = 250
TONES = {"slower": "slower", "more": "slower", "faster": "faster", "less": "faster"}


def _in_turns(site: Site) -> Content | None:
    """What ``python -m benchmarks compare`` found, the newest open, those before folded."""
    found = site.inputs.loaded.of(COMPARISONS)[:MOST_COMPARISONS]
    if not found:
        return None
    newest, *before = found
    block = Block("", (), _verdicts(newest), tuple(t for c in before for t in _verdicts(c)))
    return Content((block,), {"newest": newest, "started": moment(newest.started)})


def _verdicts(c: Comparison) -> tuple[Table, ...]:
    order = list(VERDICTS)
    listed = sorted(c.verdicts, key=lambda v: (order.index(v.verdict), v.id))
    caption = f"{c.head.short} against {c.base.short}, {c.environment.machine}, {moment(c.started)}"
    if len(listed) > MOST_ROWS:
        caption += f", the first {MOST_ROWS} of {len(listed)} verdicts"
    interval = f"{100 * c.confidence:g} % interval"
    columns = (
        Column("quantity", text=True),
        Column("verdict", text=True),
        Column("ratio"),
        Column(interval),
        Column("smallest change found"),
        Column("", text=True),
    )
    rows = tuple(_verdict_row(v) for v in listed[:MOST_ROWS])
    table = Table(f"in-turns-{c.source.download}", caption, ("Case",), columns, rows, wordy=True)
    return (table,) if rows else ()


def _verdict_row(v: Verdict) -> Row:
    def number(value: float | None, text: str) -> Cell:
        return Cell("") if value is None else Cell(text.format(value), value=value)

    interval = Cell("") if v.low is None or v.high is None else Cell(f"{v.low:.3f}–{v.high:.3f}", value=v.low)
    smallest = None if v.detectable is None else 100 * (v.detectable - 1)
    cells = (
        Cell(v.what, "", "verdict"),
        Cell(v.verdict, "", f"{VERDICTS[v.verdict]} verdict"),
        number(v.ratio, "{:.3f} ×"),
        interval,
        number(smallest, "{:.1f} %"),
        Cell(v.reason, "", "text"),
    )
    return Row((v.id,), cells)


def _newest(site: Site) -> Content:
    found = tracks(site.judged)
    blocks = [_block(t) for t in found if len(t.commits) > 1]
    single = [_where(t) for t in found if len(t.commits) == 1]
    return Content(tuple(blocks), {"single": single, "history": file_of("history")})


def _any(site: Site) -> Content | None:
    found = [t for t in tracks(site.judged) if len(t.commits) > 1]
    return Content(more={"json": as_json(found), "history": file_of("history")}) if found else None


def _where(track: Track) -> str:
    return ", ".join(filter(None, [track.machine, track.environment]))


def _block(track: Track) -> Block:
    """What differs in the newest pair; folded: what does not, and what differs in the pairs before."""
    newest_first = track.commits[::-1]
    (base, head), *before = list(zip(newest_first[1:], newest_first, strict=False))[:PAIRS]
    found = differences(track, base, head)
    changed = [d for d in found if d.verdict not in UNCHANGED]
    same = [d for d in found if d.verdict in UNCHANGED]
    worse = sum(d.verdict in WORSE for d in changed)
    shown = [_table(track, base, head, changed, "differs")] if changed else []
    folded = [_table(track, base, head, same, "no difference")] if same else []
    for earlier, later in before:
        differs = [d for d in differences(track, earlier, later) if d.verdict not in UNCHANGED]
        if differs:
            folded.append(_table(track, earlier, later, differs, "differs"))
    pair = {"base": base, "head": head, "worse": worse, "better": len(changed) - worse, "same": len(same)}
    return Block(_where(track), (), tuple(shown), tuple(folded), {"pair": pair})


def _table(track: Track, base: Commit, head: Commit, found: Sequence[Difference], what: str) -> Table:
    name = word(f"{track.machine} {track.environment}")
    subject = f" ({head.subject})" if head.subject else ""
    caption = f"{head.short} against {base.short}{subject}: {what}"
    if len(found) > MOST_ROWS:
        caption += f", the first {MOST_ROWS} of {len(found)} cases"
    return Table(
        id=f"pair-{name}-{base.short}-{head.short}-{what.replace(' ', '-')}",
        caption=caption,
        heads=("Case",),
        columns=(Column(base.short), Column(head.short), Column("ratio"), Column("verdict", text=True)),
        rows=tuple(_row(d) for d in found[:MOST_ROWS]),
        wordy=True,
    )


def _row(d: Difference) -> Row:
    ratio = Cell("", "", "same") if d.ratio is None else Cell(f"{d.ratio:.3g} ×", value=d.ratio)
    figures = (_cell(d.base, d.case.series.unit), _cell(d.head, d.case.series.unit))
    verdict = Cell(d.verdict, "", f"{TONES.get(d.verdict, 'same')} verdict")
    return Row((d.case.name,), (*figures, ratio, verdict))


def _cell(p: Point, unit: str) -> Cell:
    if unit != TIME:
        return Cell(f"{p.value:g} {unit}".strip(), value=p.value)
    if p.value <= 0:
        return Cell(short_seconds(p.value), value=p.value)
    return Cell(*statistic.seconds(statistic.Spread(p.value, p.q1, p.q3, 4)), value=p.value)


COMPARE_SECTIONS: tuple[Section[Site], ...] = (
    Section("in-turns", "Measured in turns", "", _in_turns, "compare-in-turns.html"),
    Section(
        "newest",
        "The newest commit against the one before",
        "From asv's stored results, which were taken one commit after the other. A time counts as different "
        "where the quartiles of the two do not meet and the medians are further apart than 2 % and than "
        "four deviations of what neighbouring commits of that case are; what is counted, bytes and ulp, "
        "where it differs at all. The judge is python -m benchmarks compare, which measures both in turns.",
        _newest,
        "compare.html",
    ),
    Section("any", "Any two commits", "", _any, "compare-any.html"),
)
"""In order. A new section is a function above and a row here."""

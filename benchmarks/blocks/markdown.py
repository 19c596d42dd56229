"""A record as Markdown: what the choice of activation moves, and a table for each race."""

from __future__ import annotations

from benchmarks.blocks.entries import Count, Failure, Race
from benchmarks.blocks.readings import Reading, moved, moved_by_implementation, ratio, seconds, share
from benchmarks.blocks.words import moves, percent_parts, setting_of
from benchmarks.study import StudyRecord
from benchmarks.study.markdown import plain, table

PARTNERS = ("relu", "gelu")


def document(record: StudyRecord) -> str:
    """All of it, with where and when it was measured."""
    where, header = record.header["environment"], record.header
    head = (
        f"Measured {header['started']} on {where['machine']}; torch {where['torch']}, Python "
        f"{where['python']}; {header['length']} run, load {header['busy']} a processor when it began."
    )
    parts = [plain(head)]
    counts = {_key(c): c for c in record.of(Count)}
    races = record.of(Race)
    for race, found, within in zip(races, moved(races), moved_by_implementation(races), strict=True):
        said = moves(race, found, within)
        parts += [f"### {plain(setting_of(race))}", plain(said), _table(race, counts)]
    failures = [[f.piece, f.reason] for f in record.of(Failure)]
    if failures:
        parts += ["### Failed", table(["what", "why it has no figure"], failures)]
    return "\n\n".join(parts) + "\n"


def _table(race: Race, counts: dict[tuple[str, ...], Count]) -> str:
    rows = []
    for who in race.samples:
        s, c = seconds(race, who), counts.get(_key(race, who))
        ratios = (_ratio(race, who, partner) for partner in PARTNERS)
        bytes_ = (_mebibytes(c.peak_bytes if c else None), _mebibytes(c.saved_bytes if c else None))
        time = f"{s.median * 1e3:.3g} ({s.q1 * 1e3:.3g}–{s.q3 * 1e3:.3g})"
        rows.append([who, time, *ratios, _share(share(race, who)), *bytes_])
    heads = ["activation", "ms", *(f"÷ {p}" for p in PARTNERS), "share", "peak, MiB", "saved, MiB"]
    return table(heads, rows)


def _key(entry: Race | Count, who: str = "") -> tuple[str, ...]:
    name = entry.who if isinstance(entry, Count) else who
    return entry.block, entry.device, entry.dtype, entry.mode, entry.passes, name


def _ratio(race: Race, who: str, partner: str) -> str:
    r = None if who == partner else ratio(race, who, partner)
    if r is None:
        return ""
    return (
        f"{r.median:.3g} ({r.q1:.3g}–{r.q3:.3g})" if r.seen(1) else f"no difference ({r.q1:.3g}–{r.q3:.3g})"
    )


def _share(r: Reading | None) -> str:
    if r is None or r.median == 0:
        return ""
    text, quartiles = percent_parts(r)
    return f"{text} ({quartiles})" if r.q1 > 0 else f"not seen ({quartiles} %)"


def _mebibytes(count: int | None) -> str:
    return "" if count is None else f"{count / 2**20:.3g}"

"""What the tables of the error page tell. One template draws them, as all tables."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from gem_impls.spec import VARIANTS
from reports.cells import Cell, Column, Row, Table, missing, with_footnotes
from reports.error.figures import PLANE_SIZE, PLANES, plane_points
from reports.error.heat import percentage
from reports.error.labs import DTYPES, Lab, Sheet
from reports.error.levels import BEYOND_BOUND, level, limits_of
from reports.error.records import Function, Interval, Map, Worst
from reports.figures import short_seconds
from reports.powers import power
from reports.statistic import rounded_up, size
from reports.views import View

NOT_MEASURED = "not part of this run"
MOST_ROWS = 100


# --- the summary ----------------------------------------------------------------------------------------


def summary(lab: Lab) -> Table | None:
    """Implementation × dtype × (max ulp, % correctly rounded), value and gradient; and what is broken."""
    rows = []
    for dtype in lab.dtypes:
        for index, sheet in enumerate(lab.in_dtype(lab.family, dtype)):
            rows.append(Row((dtype if index == 0 else "", sheet.name), _cells_of(sheet.maps)))
    return _summary_table("summary", f"Largest errors on {lab.name}", ("dtype", "Implementation"), rows)


def peer_summary(lab: Lab, dtypes: Sequence[str]) -> Table | None:
    """The same of the activations that people use today: a row each."""
    rows = []
    for dtype in dtypes:
        for sheet in lab.in_dtype(lab.peers, dtype):
            names = dict.fromkeys(m.function.name for m in sheet.maps)
            for index, name in enumerate(names):
                maps = [m for m in sheet.maps if m.function.name == name]
                rows.append(Row((dtype if index == 0 else "", name), _cells_of(maps)))
    caption = f"PyTorch's own activations on {lab.name}, the same way against 50-digit results"
    return _summary_table(f"peers-{len(dtypes)}", caption, ("dtype", "Function"), rows)


def second_summary(lab: Lab) -> Table | None:
    """Second derivatives: double backward through autograd."""
    rows = []
    for dtype in lab.dtypes:
        for sheet in lab.in_dtype(lab.seconds, dtype):
            cells = (*_error_cells(sheet.maps), _broken_cell(sheet.maps))
            rows.append(Row((dtype, sheet.name), cells))
    columns = (*_error_columns("Second derivative"), Column("NaN or ∞"))
    caption = f"Second derivatives on {lab.name}, in ulp of the sum of their terms' magnitudes"
    return Table("error-seconds", caption, ("dtype", "Through"), columns, tuple(rows)) if rows else None


def _summary_table(name: str, caption: str, heads: tuple[str, ...], rows: Sequence[Row]) -> Table | None:
    columns = (*_error_columns("Value"), *_error_columns("Gradient"), Column("NaN or ∞", "Finite inputs"))
    table = Table(f"error-{name}", caption, heads, columns, tuple(rows))
    return with_footnotes(table) if rows else None


def _error_columns(group: str) -> tuple[Column, ...]:
    return Column("max ulp", group), Column("correctly rounded", group)


def _cells_of(maps: Sequence[Map]) -> tuple[Cell, ...]:
    value = [m for m in maps if m.what == "value"]
    gradient = [m for m in maps if m.what == "gradient"]
    return (*_error_cells(value), *_error_cells(gradient), _broken_cell(maps))


def _error_cells(maps: Sequence[Map]) -> tuple[Cell, Cell]:
    if not maps:
        return missing(NOT_MEASURED), missing(NOT_MEASURED)
    judged = [m.max_ulp for m in maps if m.max_ulp is not None]
    anywhere = max(m.largest for m in maps)
    first = max(judged) if judged else anywhere
    remark = f"{ulp_short(anywhere)} anywhere" if ulp_short(anywhere) != ulp_short(first) else ""
    inputs = sum(m.inputs for m in maps)
    how = "all" if all(m.exhaustive for m in maps) else "of"
    share = percentage(sum(m.correctly_rounded for m in maps), inputs)
    return Cell(ulp_short(first), remark), Cell(share, f"{how} {inputs:,}")


def _broken_cell(maps: Sequence[Map]) -> Cell:
    broken = sum(m.nonfinite for m in maps)
    if not broken:
        return Cell("none")
    first = min((m.first_nonfinite for m in maps if m.first_nonfinite), key=lambda p: abs(p.x), default=None)
    return Cell(f"{broken:,}", f"from |x| = {number(abs(first.x))}" if first else "", "wrong")


def ulp_short(error: float | None) -> str:
    """An error for a table. Never below the error: 0.50003 is not correct rounding."""
    if error is None:
        return "none judged"
    if math.isinf(error):
        return "∞"
    return rounded_up(error, 4 if 0.5 < error < 0.51 else 3)


# --- the heat maps as a table ---------------------------------------------------------------------------


def maps_table(sheets: Sequence[Sheet], dtype: str, name: str) -> Table | None:
    """What the heat maps of a dtype show, in words: by function and implementation."""
    functions = list(dict.fromkeys(m.function for s in sheets for m in s.maps))
    order = {f: i for i, f in enumerate(functions)}
    columns: list[Column] = []
    cells: dict[Function, list[Cell]] = {f: [] for f in functions}
    for sheet in sheets:
        for what in sheet.whats:
            columns.append(Column(what.replace("_", " "), sheet.name))
            found = {m.function: m for m in sheet.of(what)}
            for f in functions:
                cells[f].append(_map_cell(found[f]) if f in found else missing(NOT_MEASURED))
    rows = tuple(Row((f.label,), tuple(cells[f])) for f in sorted(functions, key=order.__getitem__))
    rest = f" (the first {MOST_ROWS} of {len(rows)})" if len(rows) > MOST_ROWS else ""
    caption = f"As a table, {dtype}: largest error of any input, and where it is beyond the bound{rest}"
    table = Table(f"error-maps-{name}", caption, ("Function",), tuple(columns), rows[:MOST_ROWS])
    return with_footnotes(table) if rows else None


def _map_cell(m: Map) -> Cell:
    within = limits_of(m)
    beyond = []
    for sign, row in (("−", m.negative), ("", m.positive)):
        wrong = [
            row.first + i * row.step
            for i, e in enumerate(row.max_ulp)
            if e is not None and level(e, within) >= BEYOND_BOUND
        ] if row else []  # fmt: skip
        if wrong and row:
            beyond.append(f"{sign}{power(2, min(wrong))} … {sign}{power(2, max(wrong) + row.step)}")
    return Cell(ulp_short(m.largest), "; ".join(beyond), "wrong" if beyond else "")


# --- worst inputs ---------------------------------------------------------------------------------------


def worst(lab: Lab, dtype: str) -> Table | None:
    """The worst input of each implementation in ``dtype``: of the value, the gradient, and further."""
    found = []
    for sheet in lab.in_dtype((*lab.family, *lab.seconds), dtype):
        for what in sheet.whats:
            rows = [w for w in sheet.worst if w.what == what]
            if rows:
                found.append((sheet.name, max(rows, key=lambda w: w.point.ulp)))
    return _worst_table(
        f"worst-{dtype}", f"The worst input of each implementation, {dtype}", "Implementation", found
    )


def all_worst(lab: Lab) -> Iterable[Table | None]:
    """All that the records list, a table an implementation; the peers last."""
    names = dict.fromkeys(s.name for s in (*lab.family, *lab.seconds, *lab.peers))
    for index, name in enumerate(names):
        sheets = [s for dtype in DTYPES for s in lab.sheets if (s.name, s.dtype) == (name, dtype)]
        found = [(s.dtype, w) for s in sheets for w in s.worst]
        yield _worst_table(f"worst-all-{index}", f"Worst inputs of {name}", "dtype", found[:MOST_ROWS])


def _worst_table(name: str, caption: str, head: str, found: Sequence[tuple[str, Worst]]) -> Table | None:
    """Two rows an input: the numbers, and the command that shows them."""
    rows = []
    last = ""
    labels = ("of the", "ulp", "function", "x", "result", "correctly rounded")
    for group, w in found:
        cells = (
            Cell(w.what.replace("_", " ")),
            Cell(ulp_short(w.point.ulp)),
            Cell(w.function.label),
            _exact(w.point.x),
            _exact(w.point.got),
            _exact(w.point.rounded),
        )
        rows.append(Row((group if group != last else "",), cells))
        rows.append(Row(("",), (Cell(w.reproducer, "", "paste", span=len(labels)),)))
        last = group
    table = Table(f"error-{name}", caption, (head,), tuple(map(Column, labels)), tuple(rows))
    return table if rows else None


def _exact(x: float) -> Cell:
    """The number to read, and below it the number itself."""
    if not math.isfinite(x):
        return Cell({"inf": "∞", "-inf": "−∞"}.get(str(x), "NaN"))
    digits = x.hex()
    mantissa, _, exponent = digits.partition("p")
    return Cell(f"{x:.6g}", f"{mantissa.rstrip('0').rstrip('.')}p{exponent}" if x else "")


# --- valid domains --------------------------------------------------------------------------------------


def domains(lab: Lab) -> Table | None:
    """Where half of the bits are right: implementations beside each other, a few functions."""
    sheets = lab.family
    names = list(dict.fromkeys(s.name for s in sheets))
    functions = _telling(sheets)
    rows = []
    for f, sign in functions:
        for index, name in enumerate(names):
            cells = []
            for dtype in lab.dtypes:
                of = [s for s in sheets if (s.name, s.dtype) == (name, dtype)]
                maps = [m for s in of for m in s.maps if m.function == f]
                cells.append(_domain_cell(maps, sign))
            usual = "" if f.name == "gem" else ", default"
            label = f"{f.name}, n = {f.n}{usual}" + ("" if sign > 0 else ", x < 0")
            rows.append(Row((label if index == 0 else "", name), tuple(cells)))
    rows += _peer_domains(lab)
    columns = tuple(Column(d, "|x|, value and gradient") for d in lab.dtypes)
    caption = f"Where at least half of the bits are right, on {lab.name}"
    heads = ("Function", "Implementation")
    return Table("error-domains", caption, heads, columns, tuple(rows)) if rows else None


def _peer_domains(lab: Lab) -> Iterable[Row]:
    for name in ("gelu", "silu", "mish"):
        cells = []
        for dtype in lab.dtypes:
            of = [s for s in lab.peers if s.dtype == dtype]
            maps = [m for s in of for m in s.maps if m.function.name == name]
            both = [_domain_cell(maps, sign).text for sign in (1, -1)] if maps else []
            cells.append(Cell(*_two_sided(*both)) if both else Cell("not measured", "", "same"))
        if any(c.tone != "same" for c in cells):
            yield Row((name, lab.peers[0].name), tuple(cells))


def _two_sided(positive: str, negative: str) -> tuple[str, str]:
    if positive == negative:
        return positive, ""
    return positive, f"x < 0: {negative}"


def _telling(sheets: Sequence[Sheet]) -> list[tuple[Function, int]]:
    """(function, sign of x): gem of every n, and the default of the other variants on their own side."""
    found = list(dict.fromkeys(m.function for s in sheets for m in s.maps))
    out = [(f, 1) for f in found if f.name == "gem"]
    for name, row in VARIANTS.items():
        for f in found:
            usual = (f.n, f.eps, f.negative_slope) == (1, row.eps.default, row.negative_slope.default)
            if f.name == name != "gem" and usual:
                out.append((f, -1 if f.negative_slope else 1))
    return out or [(f, 1) for f in found[:3]]


def _domain_cell(maps: Sequence[Map], sign: int) -> Cell:
    """The intersection over what was measured."""
    if not maps:
        return Cell("not measured", "", "same")
    found: list[Interval | None] = [m.right_positive if sign > 0 else m.right_negative for m in maps]
    if any(f is None for f in found):
        return Cell("nowhere", "", "wrong")
    low, high = max(f[0] for f in found if f), min(f[1] for f in found if f)
    if low == 0 and math.isinf(high):
        return Cell("everywhere")
    if low == 0:
        return Cell(f"< {number(high)}", "", "wrong")
    return Cell(f"> {number(low)}" if math.isinf(high) else f"{number(low)} … {number(high)}", "", "wrong")


def number(x: float) -> str:
    """Three digits, and an exponent without padding: ``1.91e+4``."""
    return re.sub(r"e([+-])0+", r"e\1", f"{x:.3g}")


# --- the plane, in words --------------------------------------------------------------------------------


def plane_table(lab: Lab, views: Sequence[View]) -> Table | None:
    """What the planes show, with those that have no point in them and why."""
    rows = []
    for dtype in lab.dtypes:
        first = True
        found = {p.what: {(q.name, q.peer): q for q in plane_points(lab, views, dtype, p)} for p in PLANES}
        for key in dict.fromkeys(k for points in found.values() for k in points):
            cells: list[Cell] = []
            for p in PLANES:
                q = found[p.what].get(key)
                if q is None:
                    cells += [missing(NOT_MEASURED)] * 2
                    continue
                timed = Cell(short_seconds(q.seconds), value=q.seconds) if q.timed else missing(q.reason)
                cells += [timed, Cell(ulp_short(q.anywhere))]
            rows.append(Row((dtype if first else "", key[0]), tuple(cells)))
            first = False
    columns = tuple(
        Column(label, f"{p.mode.label}: {p.what}") for p in PLANES for label in ("time", "max ulp, any input")
    )
    caption = f"The plane as a table: {size(PLANE_SIZE)} elements, wall clock, on {lab.name}"
    table = Table("error-plane", caption, ("dtype", "Implementation"), columns, tuple(rows))
    return with_footnotes(table) if rows else None


def without_latency(lab: Lab, views: Sequence[View]) -> list[tuple[str, str]]:
    """(names with their dtypes, reason) of all that have errors but no point in a plane of values."""
    found: dict[str, dict[str, list[str]]] = {}
    for dtype in lab.dtypes:
        for p in plane_points(lab, views, dtype, PLANES[0]):
            if not p.timed:
                found.setdefault(p.reason, {}).setdefault(p.name, []).append(dtype)
    return [
        ("; ".join(f"{name} ({', '.join(dtypes)})" for name, dtypes in names.items()), reason)
        for reason, names in found.items()
    ]


# --- the rest of the laboratory's findings --------------------------------------------------------------


def shape(lab: Lab) -> Table | None:
    """Properties that rounding may break, counted over all maps."""
    rows = []
    for dtype in lab.dtypes:
        for index, sheet in enumerate(lab.in_dtype(lab.family, dtype)):
            values = [m for m in sheet.maps if m.what == "value"]
            gradient = [m for m in sheet.maps if m.what == "gradient"]
            cells = (
                _count([m.not_monotone for m in values]),
                _count([m.wrong_sign for m in sheet.maps]),
                _count([m.special_wrong for m in sheet.maps]),
                _count([m.beyond for m in values]),
                _count([m.beyond for m in gradient]),
                _count([p.nonfinite for p in sheet.products]),
                _count([c.different for c in sheet.consistency]),
            )
            rows.append(Row((dtype if index == 0 else "", sheet.name), cells))
    columns = (
        Column("falls where f rises"),
        Column("wrong sign"),
        Column("NaN, ±∞ in"),
        Column("value", "Beyond its own bound"),
        Column("gradient", "Beyond its own bound"),
        Column("extreme grad_output"),
        Column("bits that change"),
    )
    caption = f"What rounding may break, counted on {lab.name}"
    table = Table("error-shape", caption, ("dtype", "Implementation"), columns, tuple(rows))
    return with_footnotes(table) if rows else None


def _count(counts: Sequence[int | None]) -> Cell:
    known = [c for c in counts if c is not None]
    if not known:
        return missing(NOT_MEASURED)
    return Cell(f"{sum(known):,}", "", "wrong") if sum(known) else Cell("none")

"""Every case, and every error map, as one CSV each: what to open in a spreadsheet or a data frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reports.error.records import ErrorRecord, Map, Point
from reports.numbers import Field, harmless
from reports.records import Case, Error, Measurement, NotMeasured, Record
from reports.statistic import Spread
from reports.views import CEILINGS, against, of_ceiling, time


@dataclass(frozen=True)
class Line:
    """One case: measured, or not."""

    record: Record
    case: Case
    measured: Measurement | None
    absent: NotMeasured | None


def _of_measured(read: Callable[[Measurement], Field]) -> Callable[[Line], Field]:
    return lambda line: read(line.measured) if line.measured else None


def _spread(name: str, read: Callable[[Measurement], Spread | None]) -> list[Column]:
    """In six digits; the samples that it is of are in the record."""

    def part(attribute: str) -> Callable[[Measurement], Field]:
        def rounded(m: Measurement) -> Field:
            found = read(m)
            return float(f"{getattr(found, attribute):.6g}") if found else None

        return rounded

    return [(f"{name}_{a}", _of_measured(part(a))) for a in ("median", "q1", "q3")]


def _ratio(partner: str) -> list[Column]:
    def verdict(m: Measurement) -> Field:
        found = against(m, partner)
        return found.verdict if found else None

    name = f"over_{partner}"
    return [*_spread(name, lambda m: against(m, partner)), (f"{name}_verdict", _of_measured(verdict))]


def _error(name: str, read: Callable[[Measurement], Error | None]) -> list[Column]:
    def part(attribute: str) -> Callable[[Measurement], Field]:
        return lambda m: getattr(read(m), attribute, None)

    return [(f"{name}_{a}", _of_measured(part(a))) for a in ("max_ulp", "mean_ulp", "worst_x")]


Column = tuple[str, Callable[[Line], Field]]

COLUMNS: tuple[Column, ...] = (
    ("record", lambda line: line.record.source.download),
    ("machine", lambda line: line.record.environment.machine),
    ("started", lambda line: line.record.started.isoformat()),
    ("commit", lambda line: line.record.environment.commit),
    ("sweep", lambda line: line.record.sweep),
    ("status", lambda line: line.absent.status if line.absent else "measured"),
    ("reason", lambda line: line.absent.reason if line.absent else None),
    ("kind", lambda line: line.case.kind),
    ("function", lambda line: line.case.function),
    ("implementation", lambda line: line.case.implementation),
    ("n", lambda line: line.case.n),
    ("eps", lambda line: line.case.eps),
    ("negative_slope", lambda line: line.case.negative_slope),
    ("shape", lambda line: "x".join(map(str, line.case.shape))),
    ("numel", lambda line: line.case.numel),
    ("dtype", lambda line: line.case.dtype),
    ("device", lambda line: line.case.device),
    ("layout", lambda line: line.case.layout),
    ("conditions", lambda line: line.case.conditions),
    ("pass", lambda line: line.case.passes),
    ("out", lambda line: line.case.out),
    ("clock", _of_measured(lambda m: m.clock)),
    ("cache", _of_measured(lambda m: m.cache)),
    ("rounds", _of_measured(lambda m: len(m.samples))),
    *_spread("seconds", time),
    ("bytes", _of_measured(lambda m: m.bytes)),
    ("gigabytes_per_second", _of_measured(lambda m: m.bytes / time(m).median / 1e9 if m.bytes else None)),
    ("ceiling", _of_measured(lambda m: CEILINGS[m.case.passes])),
    *_spread("ceiling_fraction", of_ceiling),
    *_ratio("relu"),
    *_ratio("gelu"),
    ("peak_bytes", _of_measured(lambda m: m.memory.peak_bytes)),
    ("saved_bytes_per_element", _of_measured(lambda m: m.memory.saved_bytes_per_element)),
    *_error("value", lambda m: m.value_error),
    *_error("gradient", lambda m: m.gradient_error),
)
"""Column name -> what it holds. An empty field is a quantity that was not measured."""


def as_csv(records: Iterable[Record]) -> str:
    """One line a case under a header; empty where a quantity was not measured."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name for name, _ in COLUMNS)
    for line in _lines(records):
        writer.writerow(harmless(read(line)) for _, read in COLUMNS)
    return out.getvalue()


def _lines(records: Iterable[Record]) -> Iterable[Line]:
    for record in records:
        yield from (Line(record, m.case, m, None) for m in record.measurements)
        yield from (Line(record, n.case, None, n) for n in record.not_measured)


# --- error maps -----------------------------------------------------------------------------------------

MapColumn = tuple[str, Callable[[ErrorRecord, Map], Field]]


def _plain(name: str) -> MapColumn:
    return name, lambda _, m: getattr(m, name)


def _place(name: str, read: Callable[[Map], Point | None]) -> MapColumn:
    def x(_: ErrorRecord, m: Map) -> Field:
        point = read(m)
        return point.x if point else None

    return name, x


MAP_COLUMNS: tuple[MapColumn, ...] = (
    ("record", lambda r, _: r.source.download),
    ("machine", lambda r, _: r.environment.machine),
    ("started", lambda r, _: r.started.isoformat()),
    ("commit", lambda r, _: r.environment.commit),
    ("kind", lambda r, _: r.kind),
    ("implementation", lambda r, _: r.implementation),
    ("device", lambda r, _: r.device),
    ("function", lambda _, m: m.function.name),
    ("n", lambda _, m: m.function.n),
    ("eps", lambda _, m: m.function.eps),
    ("negative_slope", lambda _, m: m.function.negative_slope),
    *map(_plain, ("dtype", "what", "exhaustive", "inputs", "correctly_rounded", "bound_ulp", "max_ulp")),
    *map(_plain, ("mean_ulp", "max_ulp_anywhere")),
    _place("worst_x_anywhere", lambda m: m.worst_anywhere),
    *map(_plain, ("beyond", "nonfinite")),
    _place("first_nonfinite_x", lambda m: m.first_nonfinite),
    *map(_plain, ("special_wrong", "wrong_sign", "not_monotone")),
)
"""Column name -> what it holds. An empty field is a quantity that does not apply."""


def maps_as_csv(records: Iterable[ErrorRecord]) -> str:
    """One line a map under a header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name for name, _ in MAP_COLUMNS)
    for record in records:
        for m in record.maps:
            writer.writerow(harmless(read(record, m)) for _, read in MAP_COLUMNS)
    return out.getvalue()

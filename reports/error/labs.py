"""Error records as comparable sets: a lab is one environment, a sheet one implementation in one dtype."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gem_impls.spec import VARIANTS
from reports.error.records import Consistency, Curve, ErrorRecord, Function, Map, Product, Worst
from reports.records import Environment

DTYPES = ("float32", "float16", "bfloat16", "float64")
"""In the order of the page."""

FIRST_PEERS = ("relu", "leaky_relu", "gelu", "gelu_tanh", "silu", "mish")


@dataclass(frozen=True)
class Sheet:
    """What one record says about one dtype of one implementation (or of the peers)."""

    record: ErrorRecord
    dtype: str
    name: str
    """What the reader calls the implementation: with its device where the lab has it on two."""

    @property
    def kind(self) -> str:
        return self.record.kind

    @cached_property
    def maps(self) -> tuple[Map, ...]:
        """In the order of the family: variant, n, eps, negative slope; peers as everywhere on the site."""
        return tuple(sorted((m for m in self.record.maps if m.dtype == self.dtype), key=_order))

    @cached_property
    def whats(self) -> tuple[str, ...]:
        """What was measured, value first."""
        return tuple(dict.fromkeys(m.what for m in self.maps))

    def of(self, what: str) -> tuple[Map, ...]:
        return tuple(m for m in self.maps if m.what == what)

    @property
    def curves(self) -> tuple[Curve, ...]:
        return tuple(c for c in self.record.curves if c.dtype == self.dtype)

    @property
    def worst(self) -> tuple[Worst, ...]:
        return tuple(w for w in self.record.worst if w.dtype == self.dtype)

    @property
    def products(self) -> tuple[Product, ...]:
        return tuple(p for p in self.record.products if p.dtype == self.dtype)

    @property
    def consistency(self) -> tuple[Consistency, ...]:
        return tuple(c for c in self.record.consistency if c.dtype == self.dtype)


@dataclass(frozen=True)
class Lab:
    """All error records of one environment, newest first."""

    records: tuple[ErrorRecord, ...]

    @property
    def environment(self) -> Environment:
        return self.records[0].environment

    @property
    def name(self) -> str:
        """What the reader calls the machine."""
        return self.environment.machine

    @property
    def page(self) -> str:
        """Its page: the same name as long as the environment stays the same."""
        return f"error-{self.environment.word}.html"

    @cached_property
    def sheets(self) -> tuple[Sheet, ...]:
        """One for each implementation, device and dtype: of the newest code measured, the fullest record."""
        found: dict[tuple[str, str, str], list[ErrorRecord]] = {}
        for record in self.records:
            for dtype in dict.fromkeys(m.dtype for m in record.maps):
                found.setdefault((record.implementation, record.device, dtype), []).append(record)
        devices = Counter(name for name, _ in {key[:2] for key in found})
        return tuple(
            Sheet(_chosen(records, dtype), dtype, name if devices[name] == 1 else f"{name}, {device}")
            for (name, device, dtype), records in sorted(found.items(), key=lambda item: item[0])
        )

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Those of the family, or else all."""
        found = {s.dtype for s in self.family} or {s.dtype for s in self.sheets}
        return tuple(d for d in DTYPES if d in found)

    @cached_property
    def family(self) -> tuple[Sheet, ...]:
        """The implementations of the family."""
        return tuple(s for s in self.sheets if s.kind == "gem")

    @cached_property
    def peers(self) -> tuple[Sheet, ...]:
        return tuple(s for s in self.sheets if s.kind == "peer")

    @cached_property
    def seconds(self) -> tuple[Sheet, ...]:
        """Second derivatives."""
        return tuple(s for s in self.sheets if s.kind == "second_derivative")

    def in_dtype(self, sheets: Sequence[Sheet], dtype: str) -> list[Sheet]:
        """Those in ``dtype``: the most exact first."""
        found = [s for s in sheets if s.dtype == dtype]
        return sorted(found, key=lambda s: (max((m.largest for m in s.maps), default=0.0), s.name))


def _chosen(records: Sequence[ErrorRecord], dtype: str) -> ErrorRecord:
    """``records`` are newest first. A part of the grid does not displace the whole of the same code."""
    same = [r for r in records if r.sources == records[0].sources]
    return max(same, key=lambda r: (sum(m.dtype == dtype for m in r.maps), r.complete))


def labs_of(newest_first: Iterable[ErrorRecord], environments: Iterable[Environment]) -> tuple[Lab, ...]:
    """Records by environment: those of ``environments`` in that order, then the others, the newest first."""
    found: dict[object, list[ErrorRecord]] = {}
    for record in newest_first:
        if record.maps:
            found.setdefault(record.environment.key, []).append(record)
    keys = list(dict.fromkeys(e.key for e in environments))
    order = [key for key in keys if key in found] + [key for key in found if key not in keys]
    return tuple(Lab(tuple(found[key])) for key in order)


def _order(m: Map) -> tuple[int, int, str, int, float, float]:
    f: Function = m.function
    names = [*VARIANTS, *FIRST_PEERS]
    place = names.index(f.name) if f.name in names else len(names)
    what = ("value", "gradient", "second_derivative").index(m.what)
    return what, place, f.name, f.n or 0, f.eps or 0.0, f.negative_slope or 0.0

"""One record seen as comparable sets: a device, a clock, a cache state. Nothing is compared across them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from gem_impls.spec import VARIANTS
from reports.records import Case, Measurement, NotMeasured, Record
from reports.statistic import Spread, ceiling_fraction, ratio, spread

CEILINGS = {"forward": "copy_", "forward+backward": "copy_+add", "backward": "add"}
"""Pass -> the partner that moves the same bytes and computes nothing."""

PASSES = tuple(CEILINGS)
NOT_IN_SWEEP = "not part of this sweep"

Place = tuple[str, str, "Mode", int, str]
"""(implementation, function, mode, numel, dtype): where a standard case sits in the tables."""


@dataclass(frozen=True)
class Mode:
    """A pass, and whether the caller supplies the memory for the result: each is a case of its own."""

    passes: str
    out: bool

    @property
    def label(self) -> str:
        """``Forward, out=``."""
        return self.passes.capitalize().replace("+", " + ") + (", out=" if self.out else "")

    @property
    def id(self) -> str:
        """A word for ids on the page."""
        return self.passes.replace("+", "-") + ("-out" if self.out else "")


@dataclass(frozen=True)
class View:
    """The cases of one record on one device, timed by one clock, with the cache in one state."""

    device: str
    clock: str
    cache: str | None
    measurements: tuple[Measurement, ...]
    not_measured: tuple[NotMeasured, ...]

    @property
    def id(self) -> str:
        """A word for ids on the page; all three come from closed lists."""
        return "-".join(filter(None, (self.device, self.clock, self.cache)))

    @property
    def title(self) -> str:
        """``GPU, device clock, cold cache``."""
        device = {"cpu": "CPU", "cuda": "GPU"}[self.device]
        cache = f", {self.cache} cache" if self.cache else ""
        return f"{device}, {self.clock} clock{cache}"

    @cached_property
    def dtypes(self) -> tuple[str, ...]:
        """float32 first where it is there, then by number of cases."""
        counts = Counter(m.case.dtype for m in self.measurements if m.case.kind == "gem")
        return tuple(sorted(counts, key=lambda d: (d != "float32", -counts[d], d)))

    @cached_property
    def implementations(self) -> tuple[str, ...]:
        """Every implementation that was measured or has a reason why not, by name."""
        cases = [m.case for m in self.measurements] + [n.case for n in self.not_measured]
        return tuple(sorted({c.implementation for c in cases if c.kind == "gem"}))

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """The variants that occur, in the order of the family."""
        cases = [m.case for m in self.measurements] + [n.case for n in self.not_measured]
        order = list(VARIANTS)
        found = {c.function for c in cases if c.kind == "gem"}
        return tuple(sorted(found, key=lambda f: (order.index(f) if f in order else len(order), f)))

    @cached_property
    def peers(self) -> tuple[tuple[str, str], ...]:
        """(implementation, function) of every peer that was measured, ReLU and GELU first."""
        first = {"relu": 0, "gelu": 1}
        found = {(m.case.implementation, m.case.function) for m in self.measurements if m.case.kind == "peer"}
        return tuple(sorted(found, key=lambda p: (first.get(p[1], 2), p[1], p[0])))

    def modes(self, dtype: str) -> tuple[Mode, ...]:
        """The modes of the standard GEM cases of ``dtype``, in a fixed order."""
        found = {mode_of(m.case) for m in self._standard(dtype)}
        return tuple(sorted(found, key=lambda m: (PASSES.index(m.passes), m.out)))

    def main_modes(self, dtype: str) -> tuple[Mode, ...]:
        """What the answer is about: forward and forward + backward, each in the mode with the most sizes.

        Where both have as many, ``out=``: it times the function, not the allocator.
        """
        chosen = []
        for passes in ("forward", "forward+backward"):
            found = [m for m in self.modes(dtype) if m.passes == passes]
            if found:
                chosen.append(max(found, key=lambda m: (len(self.sizes(dtype, m)), m.out)))
        return tuple(chosen) or self.modes(dtype)

    def sizes(self, dtype: str, mode: Mode) -> tuple[int, ...]:
        """The sizes at which standard GEM cases of ``dtype`` were measured in ``mode``, ascending."""
        return tuple(sorted({m.case.numel for m in self._standard(dtype) if mode_of(m.case) == mode}))

    def ends(self, dtype: str) -> tuple[int, int] | None:
        """(small, large): the extreme sizes among those with at least half as many cases as the fullest."""
        counts = Counter(m.case.numel for m in self._standard(dtype))
        usual = [n for n, count in counts.items() if 2 * count >= max(counts.values())]
        return (min(usual), max(usual)) if usual else None

    def peer_sizes(self, dtype: str) -> tuple[int, ...]:
        """The largest and the smallest size at which the most peers were measured in a main mode."""
        modes = self.main_modes(dtype)
        found = {
            (m.case.numel, m.case.function)
            for m in self.measurements
            if _is(m.case, "peer", dtype) and standard(m.case) and mode_of(m.case) in modes
        }
        counts = Counter(numel for numel, _ in found)
        fullest = [n for n, count in counts.items() if count == max(counts.values())]
        return tuple(sorted({max(fullest), min(fullest)}, reverse=True)) if fullest else ()

    def _standard(self, dtype: str) -> list[Measurement]:
        return [m for m in self.measurements if _is(m.case, "gem", dtype) and standard(m.case)]

    @cached_property
    def _index(self) -> dict[Place, Measurement]:
        return {_place(m.case): m for m in self.measurements if standard(m.case)}

    @cached_property
    def _reasons(self) -> dict[Place, str]:
        return {_place(n.case): n.reason for n in self.not_measured if standard(n.case)}

    def find(
        self, implementation: str, function: str, mode: Mode, numel: int, dtype: str
    ) -> Measurement | None:
        """The standard case (see :func:`standard`) at that place, if it was measured."""
        return self._index.get((implementation, function, mode, numel, dtype))

    def why_not(self, implementation: str, function: str, mode: Mode, numel: int, dtype: str) -> str:
        """Why that standard case has no time: its own reason, or the one its whole mode shares."""
        place = (implementation, function, mode, numel, dtype)
        if place in self._reasons:
            return self._reasons[place]
        shared = {r for p, r in self._reasons.items() if (p[0], p[2]) == (implementation, mode)}
        measured = any((p[0], p[2]) == (implementation, mode) for p in self._index)
        return shared.pop() if len(shared) == 1 and not measured else NOT_IN_SWEEP

    def wholly_missing(self, implementation: str) -> str | None:
        """The reason(s) where nothing of ``implementation`` was measured in this view; else None."""
        if any(m.case.implementation == implementation for m in self.measurements):
            return None
        reasons = {n.reason for n in self.not_measured if n.case.implementation == implementation}
        return "; ".join(sorted(reasons)) or NOT_IN_SWEEP


def views(record: Record) -> tuple[View, ...]:
    """The views of a record: GPU before CPU, wall clock before device clock."""
    keys = {(m.case.device, m.clock, m.cache) for m in record.measurements}
    return tuple(
        View(
            device=device,
            clock=clock,
            cache=cache,
            measurements=tuple(
                m for m in record.measurements if (m.case.device, m.clock, m.cache) == (device, clock, cache)
            ),
            not_measured=tuple(n for n in record.not_measured if n.case.device == device),
        )
        for device, clock, cache in sorted(
            keys, key=lambda k: (k[0] == "cpu", k[0], k[1] != "wall", k[2] or "")
        )
    )


def standard(case: Case) -> bool:
    """Whether a case belongs in the main tables: flat, contiguous, usual conditions, default n and eps."""
    flat = len(case.shape) == 1 and case.layout == "contiguous" and not case.conditions
    return flat and (case.kind == "peer" or default_parameters(case))


def default_parameters(case: Case) -> bool:
    """Whether a GEM case has n = 1 and its variant's own eps and negative_slope."""
    row = VARIANTS.get(case.function)
    if case.n != 1 or row is None:
        return case.n == 1
    return case.eps in (None, row.eps.default) and case.negative_slope in (None, row.negative_slope.default)


def mode_of(case: Case) -> Mode:
    """The mode that a case is in."""
    return Mode(case.passes, case.out)


def _is(case: Case, kind: str, dtype: str) -> bool:
    return case.kind == kind and case.dtype == dtype


def _place(case: Case) -> Place:
    return (case.implementation, case.function, mode_of(case), case.numel, case.dtype)


def time(m: Measurement) -> Spread:
    """Seconds per call."""
    return spread(m.samples)


def against(m: Measurement, partner: str) -> Spread | None:
    """Time as a multiple of a partner's, round by round; None where it was not timed against it."""
    found = m.partners.get(partner)
    return ratio(m.samples, found.samples) if found else None


def of_ceiling(m: Measurement) -> Spread | None:
    """Bytes per second as a fraction of what a copy (or copy and add) reached in the same rounds."""
    found = m.partners.get(CEILINGS[m.case.passes])
    if found is None or found.bytes is None or m.bytes is None:
        return None
    return ceiling_fraction(m.samples, m.bytes, found.samples, found.bytes)

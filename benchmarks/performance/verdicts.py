"""What measurements say about targets: pure functions of entries; the command and the report share them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.performance.entries import PACE, Count, Entry, Race, Start
from benchmarks.performance.first_call import BUILD, FIRST, PACKAGE
from benchmarks.performance.settings import Setting
from benchmarks.performance.targets import BEST, PEAK, RATIO, SAVED, START, Target

MET, AT_LIMIT, MISSED = "met", "at the limit", "missed"
REPORTED, AWAITS, NONE = "reported", "awaits hardware", "not measured"

OURS: Final = (PACKAGE, BUILD, FIRST)
"""The phases of a cold start that are this project's: importing torch is not."""


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    q1: float
    q3: float
    count: int


@dataclass(frozen=True)
class Figure:
    """One measured figure of a target: where, whose, and how it stands to the limit."""

    where: str
    who: str
    spread: Spread
    status: str
    numel: int = 0


@dataclass(frozen=True)
class Verdict:
    """What is known of a target.

    Attributes:
        status: one of the words above: the worst of its figures.
        figures: all of them, in the order of the settings.
        lacking: how many figures that the target asks for are not there.
    """

    target: Target
    status: str
    figures: tuple[Figure, ...] = ()
    lacking: int = 0

    @property
    def worst(self) -> Figure | None:
        """The figure that is furthest on the wrong side."""
        sign = -1 if self.target.least else 1
        return max(self.figures, key=lambda f: sign * f.spread.median, default=None)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles, interpolated linearly."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0], 1)
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, q1, q3, len(values))


def pairwise(race: Race, numerator: str, denominator: str) -> Spread:
    """The ratio of two that took part, round by round."""
    pairs = zip(race.samples[numerator], race.samples[denominator], strict=True)
    return spread([a / b for a, b in pairs])


def best(race: Race) -> str | None:
    """The implementation of the family with the least median time; None where there is none."""
    timed = [name for name in race.family if name in race.samples]
    return min(timed, key=lambda name: statistics.median(race.samples[name]), default=None)


# --- one target -----------------------------------------------------------------------------------------


def judge(target: Target, entries: Iterable[Entry], *, gpu: bool, before: Iterable[Entry] = ()) -> Verdict:
    """The verdict on ``target``.

    Args:
        target: which.
        entries: everything that was measured.
        gpu: whether the machine has a card.
        before: what an earlier record measured, for targets that compare with it.
    """
    entries = list(entries)
    found = tuple(JUDGES[target.quantity](target, entries, list(before)))
    wanted = len(target.settings(False)) if target.quantity == RATIO else min(len(found), 1)
    if not found:
        return Verdict(target, AWAITS if target.device == "cuda" and not gpu else NONE)
    return Verdict(target, _together(target, found), found, max(0, wanted - len(found)))


def _together(target: Target, found: Sequence[Figure]) -> str:
    if target.anywhere is not None:
        middle = statistics.median(f.spread.median for f in found)
        over = any(f.spread.q1 > target.anywhere for f in found)
        return MISSED if over or middle > target.limit else MET
    order = (REPORTED, MET, AT_LIMIT, MISSED)
    return max((f.status for f in found), key=order.index)


def status(value: Spread, limit: float, *, least: bool) -> str:
    """Met, missed, or at the limit: where the limit lies between the quartiles and the median misses it."""
    good = value.median >= limit if least else value.median <= limit
    within = value.q3 >= limit if least else value.q1 <= limit
    return MET if good else AT_LIMIT if within else MISSED


def _ratios(target: Target, entries: list[Entry], _: list[Entry]) -> Iterator[Figure]:
    races = [e for e in entries if isinstance(e, Race) and e.purpose == PACE]
    wanted = dict.fromkeys((*target.settings(False), *target.settings(True)))
    for setting in wanted:
        race = next((r for r in races if matches(r, setting)), None)
        if race is None:
            continue
        who = best(race) if target.numerator == BEST else target.numerator
        if who is None or who not in race.samples or target.denominator not in race.samples:
            continue
        value = pairwise(race, who, target.denominator)
        where = _where(setting)
        yield Figure(where, who, value, status(value, target.limit, least=target.least), race.numel)


def matches(race: Race, setting: Setting) -> bool:
    """Whether ``race`` was run at ``setting``."""
    clock, _, cache = setting.clock.partition("-")
    return (
        race.function == str(setting.spec)
        and (race.device, race.dtype, race.numel) == (setting.device, setting.dtype, setting.numel)
        and (race.passes, race.out, race.clock) == (setting.direction, setting.out, clock)
        and (not cache or race.cache == cache)
    )


def _where(setting: Setting) -> str:
    parts = [f"2^{setting.exponent}"]
    if setting.clock == "device-cold":
        parts += [setting.dtype, str(setting.spec)]
    return " ".join(parts)


def _saved(target: Target, entries: list[Entry], _: list[Entry]) -> Iterator[Figure]:
    for c in _counts(target, entries):
        if c.extra_saved_bytes is not None:
            yield _exact(target, c.implementation, "", c.extra_saved_bytes, target.limit)


def _peaks(target: Target, entries: list[Entry], _: list[Entry]) -> Iterator[Figure]:
    for c in _counts(target, entries):
        if c.peak_bytes is not None:
            yield _exact(target, c.implementation, c.passes, c.peak_bytes, target.limit * c.threads)


def _counts(target: Target, entries: list[Entry]) -> Iterator[Count]:
    for e in entries:
        if isinstance(e, Count) and e.device == target.device and e.saves_only_input:
            yield e


def _exact(target: Target, who: str, where: str, value: float, limit: float) -> Figure:
    exact = Spread(value, value, value, 1)
    return Figure(where, who, exact, status(exact, limit, least=target.least))


def _starts(target: Target, entries: list[Entry], before: list[Entry]) -> Iterator[Figure]:
    def ours(found: list[Entry]) -> Spread | None:
        warm = [e for e in found if isinstance(e, Start) and e.caches == "warm"]
        own = [e for e in warm if (e.implementation, e.device) == (target.numerator, target.device)]
        return next((spread(total(e, OURS)) for e in own if e.phases.keys() >= set(OURS)), None)

    now, then = ours(entries), ours(before)
    if now is not None:
        yield Figure("seconds", target.numerator, now, REPORTED)
    if now is not None and then is not None:
        by = Spread(now.median / then.median, now.q1 / then.q3, now.q3 / then.q1, now.count)
        yield Figure("× before", target.numerator, by, status(by, target.limit, least=False))


def total(start: Start, phases: Iterable[str]) -> list[float]:
    """Seconds of those phases together, one a process."""
    return [sum(of) for of in zip(*(start.phases[p] for p in phases), strict=True)]


JUDGES: Final[Mapping[str, Callable[[Target, list[Entry], list[Entry]], Iterator[Figure]]]] = {
    RATIO: _ratios,
    SAVED: _saved,
    PEAK: _peaks,
    START: _starts,
}
"""What a target is about -> its figures."""

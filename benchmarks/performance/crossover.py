"""From which size an implementation is faster than another, and how sure that is; pure functions of races."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.performance.entries import PACE, Entry, Race
from benchmarks.performance.settings import GEM
from benchmarks.performance.verdicts import Spread, pairwise

EAGER, GELU = "torch_naive", "gelu"
RIVALS: Final = (EAGER, GELU)

FASTER, SLOWER, EVEN = "faster", "slower", "no difference"


@dataclass(frozen=True)
class Crossover:
    """Where ``who`` begins to beat ``rival``.

    Attributes:
        sizes: numbers of elements, ascending.
        ratios: who / rival at each of them.
        start: the smallest size at which it is faster (1 lies above the upper quartile of the pairwise
            ratios) and beyond which it is nowhere slower. None where there is none.
        uncertain: sizes at which no difference was seen: those above ``start``, and those below, as far as
            they reach down from it (from the largest size, where ``start`` is None).
    """

    who: str
    rival: str
    sizes: tuple[int, ...]
    ratios: tuple[Spread, ...]
    start: int | None
    uncertain: tuple[int, ...]

    @property
    def everywhere(self) -> bool:
        """Whether it is faster from the smallest size that was measured."""
        return self.start == self.sizes[0]


def verdict(s: Spread) -> str:
    """Faster or slower only where 1 lies outside the quartiles."""
    return FASTER if s.q3 < 1 else SLOWER if s.q1 > 1 else EVEN


def crossover(who: str, rival: str, races: Iterable[Race]) -> Crossover | None:
    """Where ``who`` crosses ``rival``; None where they never met."""
    met = sorted((r for r in races if {who, rival} <= r.samples.keys()), key=lambda r: r.numel)
    if not met or who == rival:
        return None
    ratios = [pairwise(r, who, rival) for r in met]
    sizes = tuple(r.numel for r in met)
    said = [(n, verdict(s)) for n, s in zip(sizes, ratios, strict=True)]
    never_slower = _after_the_last(said, SLOWER)
    start = next((n for n, verdict in never_slower if verdict == FASTER), None)
    even = tuple(n for n, verdict in never_slower if verdict == EVEN)
    return Crossover(who, rival, sizes, tuple(ratios), start, even)


def _after_the_last(said: Sequence[tuple[int, str]], what: str) -> Sequence[tuple[int, str]]:
    last = max((i for i, (_, verdict) in enumerate(said) if verdict == what), default=-1)
    return said[last + 1 :]


def curves(entries: Iterable[Entry], device: str) -> dict[str, list[Race]]:
    """Pass -> the races that crossovers are read from: gem (n = 1), float32, new results, wall clock."""
    found: dict[str, list[Race]] = {}
    for race in (e for e in entries if isinstance(e, Race) and e.purpose == PACE):
        usual = (race.dtype, race.out, race.clock) == ("float32", False, "wall")
        if usual and (race.device, race.function) == (device, str(GEM)):
            found.setdefault(race.passes, []).append(race)
    return {passes: sorted(races, key=lambda r: r.numel) for passes, races in found.items()}


def words(c: Crossover) -> str:
    """``from 2^14 (2^13: no difference)``, or plainly that it is nowhere."""
    unsure = f" (no difference at {', '.join(map(power, c.uncertain))})" if c.uncertain else ""
    if c.everywhere:
        return f"at every size, {power(c.sizes[0])} to {power(c.sizes[-1])}{unsure}"
    if c.start is None:
        return f"nowhere up to {power(c.sizes[-1])}{unsure}"
    below = [n for n in c.sizes if n < c.start]
    return f"from {power(c.start)}{unsure or f' (not at {power(below[-1])})'}"


def power(numel: int) -> str:
    """``2^20``, or the number where it is no power of two."""
    return f"2^{numel.bit_length() - 1}" if numel & (numel - 1) == 0 else f"{numel:,}"

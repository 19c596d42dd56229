"""What calls and layers cost, as claims and cards draw on it: evidence -> readings, words, findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.axes import BOTH, FORWARD
from benchmarks.blocks import words
from benchmarks.blocks.chance import less, standing
from benchmarks.blocks.entries import EAGER, IDENTITY, TRAINING
from benchmarks.blocks.entries import Race as BlockRace
from benchmarks.blocks.readings import Reading, activations, crossed, fastest, moved, reading
from benchmarks.performance.crossover import curves
from benchmarks.performance.entries import Race
from benchmarks.performance.verdicts import Spread, best, pairwise
from gem_impls import Spec
from reports import statistic
from reports.performance.tables import spread
from reports.worth.evidence import Evidence
from reports.worth.verdicts import Finding, listed, settled

GEM: Final = str(Spec("gem"))
PEERS: Final = {"relu": "ReLU", "gelu": "GELU"}
DEVICES: Final = ("cuda", "cpu")
"""Whose figures are taken first."""


# --- a call by itself -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """The fastest implementation of gem (N = 1) against a peer at one size.

    ``less`` and ``more``: one-sided p of taking less, and more, time; see :mod:`benchmarks.blocks.chance`.
    """

    device: str
    passes: str
    numel: int
    who: str
    against: Spread
    less: float
    more: float

    @property
    def faster(self) -> bool:
        return self.against.q3 < 1

    @property
    def slower(self) -> bool:
        return self.against.q1 > 1


def calls(e: Evidence, peer: str) -> list[Call]:
    """At every size that was raced, by device and pass; of the first device that has any."""
    entries = e.of("performance", Race)
    for device in DEVICES:
        found = [
            Call(
                device,
                passes,
                race.numel,
                who,
                pairwise(race, who, peer),
                *less_and_more(race.samples[who], race.samples[peer]),
            )
            for passes, races in curves(entries, device).items()
            if passes in (FORWARD, BOTH)
            for race in races
            if (who := best(race)) and peer in race.samples
        ]
        if found:
            return found
    return []


def less_and_more(times: Sequence[float], partner: Sequence[float]) -> tuple[float, float]:
    """One-sided p of taking less time than the partner, and of taking more."""
    return less(times, partner), less(partner, times)


def stands(several: Sequence[tuple[float, float]]) -> list[tuple[bool, bool]]:
    """For each (p of less, p of more) whether either stands, all of both taken together."""
    found = iter(standing([p for pair in several for p in pair]))
    return [(next(found), next(found)) for _ in several]


def cheap_call(e: Evidence) -> Finding | None:
    """Less time than GELU at some size, more at none, forward and with backward, all taken together."""
    found = calls(e, "gelu")
    if not found:
        return None
    stand = stands([(c.less, c.more) for c in found])
    said = []
    for passes in dict.fromkeys(c.passes for c in found):
        own = [c for c in found if c.passes == passes]
        least, most = (pick(own, key=lambda c: c.against.median) for pick in (min, max))
        fast, slow = (
            sum(held[side] for c, held in zip(found, stand, strict=True) if c.passes == passes)
            for side in (0, 1)
        )
        said.append(
            f"{passes}: {_short(least.against)} to {_short(most.against)} × the time of GELU, faster at "
            f"{fast} of {len(own)} sizes, slower at {slow}"
        )
    whole = {c.passes for c in found} == {FORWARD, BOTH}
    measured = f"gem (N = 1), float32, {found[0].device}, fastest implementation. {'; '.join(said)}."
    return settled(measured, [whole, any(a for a, _ in stand), not any(b for _, b in stand)])


def _short(s: Spread) -> str:
    return statistic.plain(spread(s))[0]


# --- in layers ------------------------------------------------------------------------------------------


def training_races(e: Evidence, blocks: Sequence[str] = ()) -> list[BlockRace]:
    """Training steps of eager float32 blocks; of the first device that has any."""
    found = [
        r
        for r in e.of("blocks", BlockRace)
        if (r.passes, r.mode, r.dtype) == (TRAINING, EAGER, "float32") and (r.block in blocks or not blocks)
    ]
    for device in DEVICES:
        if own := [r for r in found if r.device == device]:
            return own
    return []


def pair(race: BlockRace, function: str, peer: str) -> tuple[list[float], list[float]] | None:
    """Seconds of the step with each, in the code that other rounds find fastest; None where one has none."""
    options = activations(race)
    if function not in options or peer not in options:
        return None
    found = crossed(race, {name: options[name] for name in (function, peer)})
    return found[function], found[peer]


def against(race: BlockRace, function: str, peer: str) -> Reading | None:
    """The step with ``function`` in its fastest implementation over that with ``peer``, round by round."""
    both = pair(race, function, peer)
    return _over(*both) if both else None


def _over(times: Sequence[float], partner: Sequence[float]) -> Reading:
    return reading([a / b for a, b in zip(times, partner, strict=True)])


def ratio_words(r: Reading, seen: bool | None = None) -> str:
    """``1.04 (1.02–1.06)``, or that there is no difference: by its quartiles, where no test says so."""
    median, quartiles = statistic.plain(statistic.Spread(r.median, r.q1, r.q3, r.rounds))
    seen = r.seen(1) if seen is None else seen
    return f"{median} ({quartiles})" if seen else f"no difference ({quartiles})"


def fastest_words(race: BlockRace, function: str) -> str:
    """Which implementation computes it in the least median time of the step; "" where none has a time."""
    who = fastest(race).get(function)
    return race.implementations[who] if who else ""


def moved_words(e: Evidence, race: BlockRace) -> str:
    """``12 % (10 to 13)`` of the step, or that nothing is seen: as on the page of layers."""
    races = e.of("blocks", BlockRace)
    if "moved" not in e.derived:
        e.derived["moved"] = moved(races)
    found = e.derived["moved"][next(i for i, r in enumerate(races) if r is race)]
    return words.moved_words(found)


def _against_gelu(e: Evidence) -> Iterator[tuple[BlockRace, list[float], list[float]]]:
    for race in training_races(e):
        if (both := pair(race, GEM, "gelu")) and IDENTITY in race.samples:
            yield race, *both


def cheap_layer(e: Evidence) -> Finding | None:
    """A training step with gem is shorter than with GELU in some block, longer in none, taken together."""
    found = list(_against_gelu(e))
    if not found:
        return None
    stand = stands([less_and_more(gem, gelu) for _, gem, gelu in found])
    said = [
        f"{race.block} {ratio_words(_over(gem, gelu), any(held))}"
        for (race, gem, gelu), held in zip(found, stand, strict=True)
    ]
    measured = (
        f"gem (N = 1) ÷ GELU, training step, eager, float32, {found[0][0].device}: {listed(said, most=8)}."
    )
    return settled(measured, [any(a for a, _ in stand), not any(b for _, b in stand)])


HARDLY: Final = 0.99
"""A step that takes at least this part of another's time is not the shorter one, for practical purposes."""


def not_faster_network(e: Evidence) -> Finding | None:
    """In some block the activations by themselves are faster than GELU's, and the step is excluded to be.

    Both tests of a block must pass, so the larger p is its p.
    """
    said, ps = [], []
    for race, gem, gelu in _against_gelu(e):
        who = fastest(race)[GEM]
        if who not in race.alone or "gelu" not in race.alone:
            continue
        own, peer = race.alone[who], race.alone["gelu"]
        alone, step = less(own, peer), less([HARDLY * t for t in gelu], gem)
        both = _over(own, peer), _over(gem, gelu)
        said.append(f"{race.block}: by themselves {_plain(both[0])}, step {_plain(both[1])}")
        ps.append(max(alone, step))
    if not said:
        return None
    return settled(f"gem (N = 1) ÷ GELU, training step. {'; '.join(said)}.", [any(standing(ps))])


def _plain(r: Reading) -> str:
    """``1.04 (1.02–1.06)``."""
    return ratio_words(r, seen=True)

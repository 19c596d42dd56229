"""What calls and layers cost, as claims and cards draw on it: evidence -> readings, words, findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.axes import BOTH, FORWARD
from benchmarks.blocks.entries import EAGER, IDENTITY, TRAINING
from benchmarks.blocks.entries import Race as BlockRace
from benchmarks.blocks.readings import Reading, fastest, moved, ratio, reading
from benchmarks.blocks.words import percent
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
    """The fastest implementation of gem (N = 1) against a peer at one size."""

    device: str
    passes: str
    numel: int
    who: str
    against: Spread

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
            Call(device, passes, race.numel, who, pairwise(race, who, peer))
            for passes, races in curves(entries, device).items()
            if passes in (FORWARD, BOTH)
            for race in races
            if (who := best(race)) and peer in race.samples
        ]
        if found:
            return found
    return []


def cheap_call(e: Evidence) -> Finding | None:
    """Faster than GELU at some size, slower at none, forward and with backward."""
    found = calls(e, "gelu")
    if not found:
        return None
    said = []
    for passes in dict.fromkeys(c.passes for c in found):
        own = [c for c in found if c.passes == passes]
        least, most = (pick(own, key=lambda c: c.against.median) for pick in (min, max))
        fast, slow = sum(c.faster for c in own), sum(c.slower for c in own)
        said.append(
            f"{passes}: {_short(least.against)} to {_short(most.against)} × the time of GELU, faster at "
            f"{fast} of {len(own)} sizes, slower at {slow}"
        )
    whole = {c.passes for c in found} == {FORWARD, BOTH}
    words = f"gem (N = 1), float32, {found[0].device}, fastest implementation. {'; '.join(said)}."
    return settled(words, [whole, any(c.faster for c in found), not any(c.slower for c in found)])


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


def against(race: BlockRace, function: str, peer: str) -> Reading | None:
    """The step with ``function`` in its fastest implementation over that with ``peer``, round by round."""
    who = fastest(race).get(function)
    return ratio(race, who, peer) if who else None


def ratio_words(r: Reading) -> str:
    """``1.04 (1.02–1.06)``, or that there is no difference."""
    median, quartiles = statistic.plain(statistic.Spread(r.median, r.q1, r.q3, r.rounds))
    return f"{median} ({quartiles})" if r.seen(1) else f"no difference ({quartiles})"


def fastest_words(race: BlockRace, function: str) -> str:
    """Which implementation computes it in the least median time of the step; "" where none has a time."""
    who = fastest(race).get(function)
    return race.implementations[who] if who else ""


def moved_words(race: BlockRace) -> str:
    """``12 % (10 to 13)`` of the step, or that nothing is seen."""
    found = moved(race)
    if found is None:
        return "not measured"
    return percent(found.part) if found.part.seen(0) else "nothing seen"


def _against_gelu(e: Evidence) -> Iterator[tuple[BlockRace, Reading]]:
    for race in training_races(e):
        if (r := against(race, GEM, "gelu")) and IDENTITY in race.samples:
            yield race, r


def cheap_layer(e: Evidence) -> Finding | None:
    """A training step with gem is shorter than with GELU in some block, longer in none."""
    found = list(_against_gelu(e))
    if not found:
        return None
    said = [f"{race.block} {ratio_words(r)}" for race, r in found]
    shorter = [r.q3 < 1 for _, r in found]
    longer = [r.q1 > 1 for _, r in found]
    words = (
        f"gem (N = 1) ÷ GELU, training step, eager, float32, {found[0][0].device}: {listed(said, most=8)}."
    )
    return settled(words, [any(shorter), not any(longer)])


def not_faster_network(e: Evidence) -> Finding | None:
    """In some block the activations by themselves are faster than GELU's, and the step is not."""
    said, seen = [], []
    for race, whole in _against_gelu(e):
        who = fastest(race)[GEM]
        if who not in race.alone or "gelu" not in race.alone:
            continue
        pairs = zip(race.alone[who], race.alone["gelu"], strict=True)
        alone = reading([a / b for a, b in pairs])
        said.append(f"{race.block}: by themselves {ratio_words(alone)}, step {ratio_words(whole)}")
        seen.append(alone.q3 < 1 and whole.q3 >= 1)
    if not said:
        return None
    return settled(f"gem (N = 1) ÷ GELU, training step. {'; '.join(said)}.", [any(seen)])

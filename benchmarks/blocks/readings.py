"""What a race says, derived from its raw samples: ratios, the activation's share, what the choice moves.

Everything is taken round by round and then summed up as median and quartiles; a difference whose quartiles
lie on both sides of none is no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.blocks.entries import IDENTITY, PEER, Race
from benchmarks.measure import quartiles


@dataclass(frozen=True)
class Reading:
    """Median and quartiles of a quantity over rounds."""

    median: float
    q1: float
    q3: float
    rounds: int

    def seen(self, none: float) -> bool:
        """Whether ``none``, the value that would mean no difference, lies outside the quartiles."""
        return not self.q1 <= none <= self.q3


def reading(values: Sequence[float]) -> Reading:
    """Of one value a round."""
    q1, median, q3 = quartiles(values)
    return Reading(median, q1, q3, len(values))


def seconds(race: Race, who: str) -> Reading:
    """Seconds a step."""
    return reading(race.samples[who])


def ratio(race: Race, who: str, partner: str) -> Reading | None:
    """Time of ``who`` over that of ``partner``; None where either has no time."""
    if who not in race.samples or partner not in race.samples:
        return None
    pairs = zip(race.samples[who], race.samples[partner], strict=True)
    return reading([a / b for a, b in pairs])


def share(race: Race, who: str) -> Reading | None:
    """The part of a step that is gone without the activation: 1 − (step with identity) / step.

    No activation takes less than no time: a lower quartile at or below 0 says that rounds differ more than
    it costs, and that its share is not seen.
    """
    if who not in race.samples or IDENTITY not in race.samples:
        return None
    pairs = zip(race.samples[who], race.samples[IDENTITY], strict=True)
    return reading([1 - without / whole for whole, without in pairs])


def share_alone(race: Race, who: str) -> Reading | None:
    """The time of the activations by themselves over that of the step, from the same rounds.

    Another measure of the same: by themselves they find caches in another state, and in a GPU's queue their
    launch does not overlap with other work.
    """
    if who not in race.samples or who not in race.alone:
        return None
    pairs = zip(race.samples[who], race.alone[who], strict=True)
    return reading([alone / whole for whole, alone in pairs])


# --- one for each function --------------------------------------------------------------------------------


def fastest(race: Race) -> dict[str, str]:
    """Function -> the participant that computes it in the least median time, in the order of the record."""
    best: dict[str, str] = {}
    for who in race.samples:
        function = race.functions[who]
        if function not in best or seconds(race, who).median < seconds(race, best[function]).median:
            best[function] = who
    return best


def of_family(race: Race, who: str) -> bool:
    """Whether ``who`` computes a function of the family."""
    return race.implementations[who] != PEER


def first_of_family(race: Race) -> str | None:
    """The first function of the family in a race: gem with n = 1, wherever that has a time."""
    return next((race.functions[who] for who in race.samples if of_family(race, who)), None)


@dataclass(frozen=True)
class Moved:
    """What a choice moves: the participants at its two ends, and what lies between them.

    Attributes:
        cheapest, dearest: participants with the least and the largest median time.
        part: (dearest − cheapest) / dearest, round by round: the part of the dearer step that is saved.
    """

    cheapest: str
    dearest: str
    part: Reading


def moved(race: Race) -> Moved | None:
    """What the choice of activation moves: between functions, each in its fastest implementation."""
    return between(race, [who for function, who in fastest(race).items() if function != IDENTITY])


def moved_by_implementation(race: Race, function: str) -> Moved | None:
    """What the choice of implementation moves for one function."""
    return between(race, [who for who in race.samples if race.functions[who] == function])


def between(race: Race, several: Sequence[str]) -> Moved | None:
    """The dearest and the cheapest of ``several`` participants; None where there are fewer than two.

    The two ends are chosen by their medians: among many that do not differ, some of what lies between them is
    chance, which the quartiles show.
    """
    if len(several) < 2:
        return None
    ordered = sorted(several, key=lambda who: seconds(race, who).median)
    cheapest, dearest = ordered[0], ordered[-1]
    pairs = zip(race.samples[dearest], race.samples[cheapest], strict=True)
    return Moved(cheapest, dearest, reading([1 - low / high for high, low in pairs]))

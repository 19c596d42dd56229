"""What a race says, derived from its raw samples: ratios, the activation's share, what the choice moves.

Everything is taken round by round and then summed up as median and quartiles; a ratio whose quartiles lie on
both sides of 1 is no difference. What a choice among several moves is another question, because its two ends
are found in the same numbers: whether anything moved is tested (:mod:`benchmarks.blocks.chance`), and by how
much is read in rounds that did not choose the ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.blocks.chance import all_alike, hidden, standing
from benchmarks.blocks.entries import IDENTITY, PEER, WRITTEN_OUT, Race
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
    return race.implementations[who] not in (PEER, WRITTEN_OUT)


def first_of_family(race: Race) -> str | None:
    """The first function of the family in a race: gem with n = 1, wherever that has a time."""
    return next((race.functions[who] for who in race.samples if of_family(race, who)), None)


# --- what a choice moves ----------------------------------------------------------------------------------

CROSSED: Final = 0.045
"""Level of tests between options of several codes: where codes are alike, the halves of the rounds that
choose them are not quite independent, and at 0.05 up to 5.4 of 100 runs see a difference among equals."""

Options = Mapping[str, Sequence[str]]
"""What there is to choose from: a name, and the participants that stand for it."""


@dataclass(frozen=True)
class Moved:
    """What a choice moves of a step.

    Attributes:
        p: how often as much would be seen if all options took the same time.
        seen: whether it stands, taken together with the same choice in the other races, and the ends that one
            half of the rounds finds are apart in the other.
        cheapest, dearest: the options found at the two ends; two names where the halves of the rounds differ.
        part: (dearest − cheapest) / dearest, round by round, in rounds that did not choose the ends.
        hidden: a part so large that more would have been seen: what "nothing seen" cannot exclude; None with
            too few rounds to say.
    """

    p: float
    seen: bool
    cheapest: tuple[str, ...]
    dearest: tuple[str, ...]
    part: Reading
    hidden: float | None


def moved(races: Sequence[Race]) -> list[Moved | None]:
    """What the choice of activation moves in each race: between functions, each in its fastest code."""
    return judged(races, [activations(race) for race in races])


def moved_by_implementation(races: Sequence[Race]) -> list[Moved | None]:
    """What the choice of implementation moves in each race, for the first function of the family."""
    return judged(races, [codes(race) for race in races])


def activations(race: Race) -> Options:
    """Function -> the participants that compute it; without the one that is no activation."""
    found: dict[str, list[str]] = {}
    for who in race.samples:
        if race.functions[who] != IDENTITY:
            found.setdefault(race.functions[who], []).append(who)
    return found


def codes(race: Race) -> Options:
    """Each participant that computes the first function of the family."""
    first = first_of_family(race)
    return {who: [who] for who in race.samples if first and race.functions[who] == first}


def judged(races: Sequence[Race], options: Sequence[Options]) -> list[Moved | None]:
    """The same choice in several races, taken together; None where there are fewer than two options."""
    times = [crossed(race, own) if len(own) > 1 else {} for race, own in zip(races, options, strict=True)]
    ps = [all_alike(list(own.values())) if own else None for own in times]
    stand = iter(standing([p for p in ps if p is not None], CROSSED))
    return [
        _moved(race, own, of, p, next(stand)) if p is not None else None
        for race, own, of, p in zip(races, options, times, ps, strict=True)
    ]


def _moved(race: Race, options: Options, times: Mapping[str, Sequence[float]], p: float, seen: bool) -> Moved:
    parts: dict[int, float] = {}
    cheapest, dearest = [], []
    for measured, choosing in halves(_rounds(race)):
        at = {name: min(_medians(race, own, choosing).values()) for name, own in options.items()}
        low, high = min(at, key=at.__getitem__), max(at, key=at.__getitem__)
        cheapest.append(low)
        dearest.append(high)
        parts |= {i: 1 - times[low][i] / times[high][i] for i in measured}
    part = reading([parts[i] for i in sorted(parts)])
    most = hidden(list(times.values()))
    ends = tuple(dict.fromkeys(cheapest)), tuple(dict.fromkeys(dearest))
    return Moved(p, seen and part.q1 > 0, *ends, part, most)


def crossed(race: Race, options: Options) -> dict[str, list[float]]:
    """Seconds of each option, one a round, in the code that the *other* half of the rounds finds fastest.

    The least of several medians is too low by chance; what other rounds chose is not.
    """
    found = {name: [0.0] * _rounds(race) for name in options}
    for measured, choosing in halves(_rounds(race)):
        for name, own in options.items():
            at = _medians(race, own, choosing)
            who = min(at, key=at.__getitem__)
            for i in measured:
                found[name][i] = race.samples[who][i]
    return found


def halves(rounds: int) -> list[tuple[list[int], list[int]]]:
    """(rounds to measure, rounds to choose by), every other one, both ways; a single round does both."""
    if rounds < 2:
        return [([0], [0])]
    even, odd = list(range(0, rounds, 2)), list(range(1, rounds, 2))
    return [(even, odd), (odd, even)]


def _medians(race: Race, several: Sequence[str], rounds: Sequence[int]) -> dict[str, float]:
    return {who: reading([race.samples[who][i] for i in rounds]).median for who in several}


def _rounds(race: Race) -> int:
    return len(next(iter(race.samples.values())))

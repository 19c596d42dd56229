"""One race: gate, warm-up, calibration, rounds in which everybody is timed once, gate again, plausibility.

A ratio of any two is taken round by round, so a machine that drifts drifts under both. Whoever fails the
gate, before or after, or is faster than its bytes can move, has no time in the record, but a reason.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from benchmarks import gate
from benchmarks.gate import NotMeasured
from benchmarks.measure import (
    Racer,
    Settings,
    cache_bytes,
    check_plausible,
    clock_of,
    reasons,
    rounds,
    sets_of,
)
from benchmarks.partners import ceiling_of
from benchmarks.performance.contestants import Contestant, gather
from benchmarks.performance.entries import PACE, Failure, Race
from benchmarks.performance.settings import Setting

SETTINGS: Final = {
    "quick": Settings(sample_s=1e-3, budget_s=0.6, min_rounds=11, max_rounds=21, warm_s=2e-3),
    "full": Settings(sample_s=2e-3, budget_s=2.0, min_rounds=15, max_rounds=41, warm_s=20e-3),
}
"""Length of a run -> how long a race lasts."""

Outcome = tuple[Race, list[Failure]]
"""What was timed, and what should have been and was not."""

Gather = Callable[[Setting, int, dict[str, str]], tuple[Any, list[Contestant]]]


def race(setting: Setting, length: Settings, gather: Gather = gather) -> Outcome:
    """Time everybody at ``setting``.

    Args:
        setting: what.
        length: how long, see :data:`SETTINGS`.
        gather: says who takes part.

    Raises:
        NotMeasured: not even the arrays could be made.
    """
    left_out: dict[str, str] = {}
    failures: list[Failure] = []
    case = setting.case("")
    with reasons():
        shared, found = gather(setting, sets_of(case), left_out)
        clock = clock_of(shared)

    def drop(who: str, reason: NotMeasured) -> None:
        left_out[who] = str(reason)
        failures.append(Failure(setting.name, who, str(reason)))

    found = _that_pass(found, 1, drop)
    racers = {}
    for one in found:
        try:
            with reasons():
                racers[one.name] = Racer(clock, one.calls, length)
        except NotMeasured as reason:
            drop(one.name, reason)
    samples = run(racers, length)
    found = _that_pass([one for one in found if one.name in racers], 2, drop)
    found = _that_can_be_true(found, samples, setting, drop)
    kept = [one.name for one in found]
    return (
        Race(
            purpose=PACE,
            subject="",
            function=str(setting.spec),
            device=setting.device,
            dtype=setting.dtype,
            numel=setting.numel,
            passes=setting.direction,
            out=setting.out,
            clock=clock.name,
            cache=cache_of(setting),
            bytes=case.bytes,
            family=tuple(one.name for one in found if one.family),
            samples={name: tuple(samples[name]) for name in kept},
            calls={name: racers[name].calls for name in kept},
            left_out=left_out,
        ),
        failures,
    )


def run(racers: Mapping[str, Racer], length: Settings) -> dict[str, list[float]]:
    """Seconds per call of everybody, one a round; the order is drawn anew for every round."""
    samples: dict[str, list[float]] = {name: [] for name in racers}
    if not racers:
        return samples
    order, draw = list(racers), random.Random(0)
    a_round = sum(racer.estimate * racer.calls for racer in racers.values())
    for _ in range(rounds(length, a_round)):
        draw.shuffle(order)
        for name in order:
            samples[name].append(racers[name].sample())
    return samples


def cache_of(setting: Setting) -> str | None:
    """Which second-level cache a GPU's figures are for."""
    if setting.device == "cpu":
        return None
    return "cold" if setting.clock == "device-cold" else "hot"


# --- who is left out, and why ---------------------------------------------------------------------------

Drop = Callable[[str, NotMeasured], None]


def _that_pass(found: Iterable[Contestant], draw: int, drop: Drop) -> list[Contestant]:
    return _that(lambda one: gate.check(one.work, draw) if one.work else None, found, drop)


def _that_can_be_true(
    found: Iterable[Contestant], samples: Mapping[str, Sequence[float]], setting: Setting, drop: Drop
) -> list[Contestant]:
    copied = samples.get(ceiling_of(setting.direction))
    if copied is None:
        return list(found)
    caches = cache_bytes(setting.device)

    def check(one: Contestant) -> None:
        if one.work:
            check_plausible(one.work.case, samples[one.name], copied, caches)

    return _that(check, found, drop)


def _that(check: Callable[[Contestant], None], found: Iterable[Contestant], drop: Drop) -> list[Contestant]:
    kept = []
    for one in found:
        try:
            with reasons():
                check(one)
            kept.append(one)
        except NotMeasured as reason:
            drop(one.name, reason)
    return kept

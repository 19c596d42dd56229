"""One race: gate, warm-up, calibration, rounds in which everybody is timed once, gate again, bytes.

Warm-up, calibration and the order of rounds are those of :mod:`benchmarks.performance.races`: a ratio of any
two is taken round by round, so a machine that drifts drifts under both. Whoever fails the gate, before or
after, or is faster than its bytes can move, has no time, but a reason.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from benchmarks.axes import ITEMSIZE
from benchmarks.blocks.counts import count
from benchmarks.blocks.entries import EAGER, IDENTITY, Count, Failure, Race
from benchmarks.blocks.participants import Inputs, Participant
from benchmarks.blocks.settings import Candidate, Setting, candidates
from benchmarks.clocks import Wall
from benchmarks.gate import NotMeasured
from benchmarks.measure import FASTER_THAN_ANY_CACHE, Racer, Settings, reasons
from benchmarks.models.blocks import count_parameters
from benchmarks.peers import TORCH
from benchmarks.performance import races

SETTINGS: Final = {
    "quick": Settings(sample_s=4e-3, budget_s=3.0, min_rounds=21, max_rounds=31, warm_s=2e-3),
    "full": Settings(sample_s=10e-3, budget_s=10.0, min_rounds=21, max_rounds=41, warm_s=20e-3),
}
"""Length of a run -> how long a race lasts. In fewer rounds than 21 a tenth of a step could hide."""

Outcome = tuple[Race, list[Count], list[Failure]]
"""What was timed, what was counted, and what should have been and was not."""

ALONE: Final = "alone: "
"""Before a participant's name among the racers: its activations by themselves."""


def race(setting: Setting, length: Settings, lineup: Callable[..., list[Candidate]] = candidates) -> Outcome:
    """Time everybody at ``setting``.

    Args:
        setting: what.
        length: how long, see :data:`SETTINGS`.
        lineup: says who takes part.

    Raises:
        NotMeasured: not even the inputs could be made.
    """
    left_out: dict[str, str] = {}
    failures: list[Failure] = []

    def drop(who: str, reason: NotMeasured) -> None:
        left_out[who] = str(reason)
        failures.append(Failure(setting.name, f"{who}: {reason}"))

    with reasons():
        inputs = Inputs(setting)
        called = lineup(setting, left_out)
    found = _that(lambda c: _entered(c, setting, inputs), called, drop)
    racers = _racers(found, setting, length, drop)
    samples = races.run(racers, length)
    inputs.refill(1)
    found = [one for one in found if one.name in samples]
    found = _that(lambda one: _checked(one, setting, samples[one.name]), found, drop)
    counts = [count(one, setting, inputs) for one in found]
    names = [one.name for one in found]
    return (
        Race(
            block=setting.block,
            summary=setting.row.summary,
            source=setting.row.source,
            device=setting.device,
            dtype=setting.dtype,
            mode=setting.mode,
            passes=setting.passes,
            shape=setting.shape,
            clock=Wall.name,
            parameters=count_parameters(found[0].block) if found else 0,
            activated=max((one.activated for one in found), default=1),
            functions={one.name: one.candidate.activation.name for one in found},
            implementations={one.name: one.candidate.implementation for one in found},
            samples={name: tuple(samples[name]) for name in names},
            alone={name: tuple(samples[ALONE + name]) for name in names if ALONE + name in samples},
            calls={name: racers[name].calls for name in names},
            left_out=left_out,
        ),
        counts,
        failures,
    )


Drop = Callable[[str, NotMeasured], None]


T = TypeVar("T", Candidate, Participant)


def _that(do: Callable[[T], Participant], given: Sequence[T], drop: Drop) -> list[Participant]:
    kept = []
    for one in given:
        try:
            with reasons():
                kept.append(do(one))
        except NotMeasured as reason:
            drop(one.name, reason)
    return kept


def _entered(candidate: Candidate, setting: Setting, inputs: Inputs) -> Participant:
    """Ready, and right."""
    one = Participant(candidate, setting, inputs)
    one.check()
    return one


def _checked(one: Participant, setting: Setting, samples: Sequence[float]) -> Participant:
    """Right after its timing, too, on other numbers; and in a time that can be."""
    one.check()
    check_plausible(one, setting, samples)
    return one


def check_plausible(one: Participant, setting: Setting, samples: Sequence[float]) -> None:
    """Raise NotMeasured where a step took less time than moving its bytes, from any cache, can.

    Every parameter is read, and every activation reads its input and writes its output.
    """
    moved = (count_parameters(one.block) + 2 * one.activated) * ITEMSIZE[setting.dtype]
    shortest = statistics.median(samples)
    fastest = FASTER_THAN_ANY_CACHE[setting.device] * (os.cpu_count() or 1 if setting.device == "cpu" else 1)
    if shortest <= 0 or moved / shortest > fastest:
        raise NotMeasured(
            f"too fast to be true: {moved} bytes in {shortest:.3g} s is more than any cache delivers"
        )


def _racers(found: Sequence[Participant], setting: Setting, length: Settings, drop: Drop) -> dict[str, Racer]:
    """Everybody's step and, in eager mode, activations alone: one cannot be taken out of a compiled block."""
    clock = Wall(lambda: TORCH.synchronize(setting.device))
    racers: dict[str, Racer] = {}
    for one in found:
        calls = {one.name: one.step}
        if setting.mode == EAGER and one.candidate.activation.function != IDENTITY:
            calls[ALONE + one.name] = one.alone
        try:
            with reasons():
                racers.update({name: Racer(clock, [call], length) for name, call in calls.items()})
        except NotMeasured as reason:
            drop(one.name, reason)
    return racers

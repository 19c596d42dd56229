"""The measurement of one case: gate, warm-up, calibration, interleaved rounds, gate again, plausibility.

A ratio comes from pairs: in every round each partner is timed once and then the case, all in one process,
so that a drifting machine drifts under all of them alike.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import math
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import accuracy, gate, inputs, memory
from benchmarks.cases import Case
from benchmarks.clocks import Clock, Device, Wall
from benchmarks.gate import NotMeasured
from benchmarks.partners import ceiling_of, partners
from benchmarks.work import Call, Work
from gem_impls import Implementation

SCHEMA: Final = 1


@dataclass(frozen=True)
class Settings:
    """How long to measure one case. A sample is one reading of the clock over many calls.

    Attributes:
        sample_s: a sample lasts at least so long, in seconds.
        budget_s: all rounds together take about so long,
        min_rounds: but there are at least so many,
        max_rounds: and at most so many. Where even ``min_rounds`` would take four budgets, there are
            fewer, but never less than :data:`FEWEST_ROUNDS`.
        warm_s: each participant is called for at least so long before anything is timed.
    """

    sample_s: float
    budget_s: float
    min_rounds: int
    max_rounds: int
    warm_s: float


SETTINGS: Final = {
    "quick": Settings(sample_s=1.5e-3, budget_s=0.25, min_rounds=9, max_rounds=25, warm_s=3e-3),
    "full": Settings(sample_s=2e-3, budget_s=1.0, min_rounds=11, max_rounds=51, warm_s=20e-3),
}
"""Sweep -> settings."""


# --- racing ---------------------------------------------------------------------------------------------


class Racer:
    """One participant of a race, warmed up and calibrated.

    Attributes:
        calls: how many calls a sample makes.
        estimate: about how many seconds one takes.
        run: makes the calls of one sample.
    """

    def __init__(self, clock: Clock, calls: Sequence[Call], settings: Settings) -> None:
        self._clock = clock
        _warm_up(calls, settings.warm_s)
        self.calls, self.estimate = self._calibrate(calls, settings.sample_s)
        self.run = clock.batch(calls, self.calls)

    def sample(self) -> float:
        """Seconds per call, from one sample."""
        return self._seconds(self.run) / self.calls

    def _seconds(self, run: Call) -> float:
        with _no_collection():
            start = self._clock.now()
            run()
            return self._clock.now() - start

    def _calibrate(self, calls: Sequence[Call], sample_s: float) -> tuple[int, float]:
        """How many calls last ``sample_s``, and about how long one takes: doubling, then in proportion."""
        count = len(calls)
        while True:
            run = self._clock.batch(calls, count)
            took = self._seconds(run)
            if took >= sample_s:  # or the machine was elsewhere: only what happens three times counts
                took = min(took, self._seconds(run), self._seconds(run))
            if took >= sample_s:
                return count, took / count
            if took >= sample_s / 4:
                return math.ceil(count * sample_s / took * 1.1), took / count
            count *= 2


class Race:
    """A case and its partners, timed in turn.

    Args:
        clock: read at both ends of every sample.
        case: the callables of the case, one a set of arrays.
        others: partner name -> its callables.
        settings: how long.

    Attributes:
        rounds: how many rounds the budget allows.
        samples: partner name -> seconds per call, one a round.
    """

    def __init__(
        self, clock: Clock, case: Sequence[Call], others: dict[str, Sequence[Call]], settings: Settings
    ) -> None:
        self.clock = clock
        self.case = Racer(clock, case, settings)
        self.partners = {name: Racer(clock, calls, settings) for name, calls in others.items()}
        a_round = sum(racer.estimate * racer.calls for racer in (self.case, *self.partners.values()))
        self.rounds = rounds(settings, a_round)
        self.samples: dict[str, list[float]] = {name: [] for name in self.partners}
        self._orders = itertools.cycle(itertools.permutations(self.partners))

    def run_partners(self) -> None:
        """The partners' part of one round, in an order that changes: nobody always follows the same one."""
        for name in next(self._orders):
            self.samples[name].append(self.partners[name].sample())


FEWEST_ROUNDS: Final = 5
"""What quartiles need to mean anything."""


def rounds(settings: Settings, a_round: float) -> int:
    """How many rounds of ``a_round`` seconds to run."""
    wanted = min(max(int(settings.budget_s / a_round), settings.min_rounds), settings.max_rounds)
    affordable = int(4 * settings.budget_s / a_round)
    return max(min(wanted, affordable), FEWEST_ROUNDS)


Sampler = Callable[[Race], list[float]]


def sample_all(race: Race) -> list[float]:
    """All rounds: the partners' samples go to ``race.samples``, the case's are returned."""
    own = []
    for _ in range(race.rounds):
        race.run_partners()
        own.append(race.case.sample())
    return own


# --- what samples say -----------------------------------------------------------------------------------


def ratio(case: Sequence[float], partner: Sequence[float]) -> dict[str, Any]:
    """Median and quartiles of the ratios case / partner, pair by pair, and the verdict.

    Slower or faster only where 1 lies outside the interquartile range; else no difference was seen.

    Raises:
        ValueError: the two do not have the same number of samples, or have none.
    """
    pairs = [a / b for a, b in zip(case, partner, strict=True)]
    if not pairs:
        raise ValueError("no samples to compare")
    q1, median, q3 = quartiles(pairs)
    verdict = "slower" if q1 > 1 else "faster" if q3 < 1 else "no difference"
    return {"median": median, "q1": q1, "q3": q3, "verdict": verdict}


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile, interpolated linearly between the sorted values."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return q1, median, q3


FASTER_THAN_THE_CEILING: Final = 0.8
"""With data larger than the caches, a case that takes less than this part of the ceiling's *shortest* time
is measured wrongly. Below 1 because ceilings vary, and a fused store was seen to beat ``copy_`` by 5 %."""

FASTER_THAN_ANY_CACHE: Final = {"cpu": 1e12, "cuda": 5e13}
"""Bytes per second that no first-level cache delivers: of one core of a CPU, of a whole GPU."""


def check_plausible(case: Case, own: Sequence[float], ceiling: Sequence[float], caches: int) -> None:
    """Raise NotMeasured where the case is faster than moving its bytes can be.

    Args:
        case: what was timed.
        own: its samples, seconds per call.
        ceiling: the ceiling's samples, in the same rounds.
        caches: bytes that the device's caches hold.
    """
    typical, shortest = statistics.median(own), min(own)
    if shortest <= 0:
        raise NotMeasured(f"implausible time: a sample of {shortest:.3g} s")
    part = typical / min(ceiling)
    if case.bytes > caches and part < FASTER_THAN_THE_CEILING:
        raise NotMeasured(
            f"too fast to be true: it takes {part:.3g} of the time of {ceiling_of(case.direction)}, which "
            f"moves the same {case.bytes} bytes and does nothing else, and no cache here holds them"
        )
    fastest = FASTER_THAN_ANY_CACHE[case.device] * (1 if case.device == "cuda" else os.cpu_count() or 1)
    if case.bytes / typical > fastest:
        raise NotMeasured(
            f"too fast to be true: {case.bytes / typical:.3g} bytes/s, more than any cache delivers"
        )


def cache_bytes(device: str) -> int:
    """Bytes that all caches of the device hold together; 0 where the system does not say."""
    if device == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(0).L2_cache_size)
    return sum({str(shared): size for shared, size in _cpu_caches()}.values())


def _cpu_caches() -> Iterator[tuple[tuple[str, str], int]]:
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    for index in sorted(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cache/index*")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            size = (index / "size").read_text().strip()
            shared = (index / "shared_cpu_list").read_text().strip()
            yield (shared, index.name), int(size[:-1]) * units[size[-1]]


# --- one case -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measurement:
    """What is known of a case afterwards: raw samples, and the record's ``extra_info``."""

    samples: list[float]
    extra_info: dict[str, Any]


def measure(
    case: Case,
    settings: Settings,
    sampler: Sampler = sample_all,
    implementation: Implementation | None = None,
) -> Measurement:
    """Gate, time, gate again, count memory, check plausibility; all of one case.

    Args:
        case: what to measure.
        settings: how long, see :data:`SETTINGS`.
        sampler: runs the rounds of a race; another harness may bring its own loop.
        implementation: whose code; by default the one that the case names.

    Raises:
        NotMeasured: the case has no time, and why: a wrong result, out of memory, an error, or a figure
            that cannot be true.
    """
    with reasons(), case.under_its_conditions():
        work = Work(case, implementation, sets=sets_of(case))
        gate.check(work, draw=1)
        others = partners(work)
        race = Race(clock_of(work), work.calls, {name: p.calls for name, p in others.items()}, settings)
        own = sampler(race)
        gate.check(work, draw=2)
        counted = memory.measure(work)
        check_plausible(case, own, race.samples[ceiling_of(case.direction)], cache_bytes(case.device))
        return Measurement(
            own,
            {
                "schema": SCHEMA,
                "case": case.as_dict(),
                "clock": race.clock.name,
                "cache": _cache(case),
                "calls_per_sample": race.case.calls,
                "bytes": case.bytes,
                "partners": {
                    name: {"samples": race.samples[name], "bytes": p.bytes} for name, p in others.items()
                },
                "ratios": {name: ratio(own, samples) for name, samples in race.samples.items()},
                "memory": counted,
                "error": accuracy.errors(case, work.implementation),
                "inputs": {"distribution": inputs.DISTRIBUTION, "seed": inputs.SEED},
            },
        )


@contextlib.contextmanager
def reasons() -> Iterator[None]:
    """Turn any error into NotMeasured with a sentence that fits a record: one line, no paths."""
    try:
        yield
    except NotMeasured:
        raise
    except Exception as error:
        text = re.sub(r"(?:[A-Za-z]:)?(?:[/\\][\w.+-]+){2,}", "<path>", " ".join(str(error).split()))[:300]
        what = "out of memory" if _is_out_of_memory(error) else type(error).__name__
        raise NotMeasured(f"{what}: {text}" if text else what) from error


def _is_out_of_memory(error: Exception) -> bool:
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or "not enough memory" in str(error) or "can't allocate memory" in str(error)


def clock_of(work: Work) -> Clock:
    """The clock that the case asks for."""
    return Wall(work.synchronize) if work.case.clock == "wall" else Device()


def _cache(case: Case) -> str | None:
    if case.device == "cpu":
        return None
    return "cold" if case.clock == "device-cold" else "hot"


def sets_of(case: Case) -> int:
    """How many sets of arrays: for a cold cache, enough to overflow it four times between two uses."""
    if _cache(case) != "cold":
        return 1
    return max(2, math.ceil(4 * cache_bytes(case.device) / case.bytes))


def _warm_up(calls: Sequence[Call], warm_s: float) -> None:
    end = time.perf_counter() + warm_s
    while True:
        for call in calls:
            call()
        if time.perf_counter() >= end:
            return


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

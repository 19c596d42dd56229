"""The measuring process: the package of one revision, commands in, figures out, a line of JSON each.

Started by :mod:`benchmarks.compare.processes` with the revision's package first on the path. It answers on a
pipe of its own; what anything else prints goes to standard error. It ends when its parent does.

A command is ``{"do": NAME, ...}``, an answer ``{"figures": ...}`` or ``{"failed": SENTENCE, "lacks": BOOL}``;
``lacks`` is true where the revision or the machine has no such case, and false where something went wrong.
"""

from __future__ import annotations

import functools
import gc
import json
import math
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from benchmarks.lifetime import die_with_parent

if TYPE_CHECKING:
    from benchmarks.cases import Case
    from benchmarks.clocks import Clock
    from benchmarks.work import Work

Message = dict[str, Any]

SAMPLE_S: Final = 1e-3
"""A sample lasts about so long: above what clocks and loops cost, below a scheduler's turn."""

WARM_S: Final = 10e-3
"""Each case is called for at least so long before it is calibrated."""


LEAST_PIECE, LARGEST_PIECE = 600, 1 << 15
"""Bytes: more than what Python serves from arenas of its own, less than what gets pages of its own."""


class Lacking(Exception):
    """This revision, or this machine, has no such case; the message says why."""


# --- timed cases ----------------------------------------------------------------------------------------


class Heap:
    """Memory of random sizes that comes and goes, so that a call's own memory lies elsewhere at each visit.

    Where a workspace lies in the heap is decided by whatever was allocated before it, down to the length of
    the source: a wrapper that does nothing was seen to change a time by 7 % either way, in every process
    alike. Only where it lies by chance is that noise, which the interval knows about, and not a change.
    """

    def __init__(self) -> None:
        self._random = random.Random()
        self._held = [bytearray() for _ in range(16)]

    def stir(self) -> None:
        """Let go of a few pieces and take others."""
        for _ in range(4):
            size = self._random.randrange(LEAST_PIECE, LARGEST_PIECE)
            self._held[self._random.randrange(len(self._held))] = bytearray(size)


class Timed:
    """A case that passed the gate, ready to be sampled."""

    def __init__(self, case: Case, heap: Heap) -> None:
        from benchmarks import gate, measure
        from benchmarks.work import Work

        self.heap = heap
        self.work: Work = Work(case, sets=measure.sets_of(case))
        gate.check(self.work, draw=1)
        self.clock: Clock = measure.clock_of(self.work)
        settings = measure.Settings(sample_s=SAMPLE_S, budget_s=0, min_rounds=1, max_rounds=1, warm_s=WARM_S)
        racer = measure.Racer(self.clock, self.work.calls, settings)
        self.calls, self.estimate = racer.calls, racer.estimate
        self.queued = queued if case.device == "cpu" else never_queued

    def samples(self, calls: int, count: int) -> list[float]:
        """Seconds per call, ``count`` times over ``calls`` calls; one call before them is not timed."""
        run = self.clock.batch(self.work.calls, calls)
        self.heap.stir()
        self.work.calls[0]()
        gc.disable()
        try:
            return [sample(self.clock, run, self.queued) / calls for _ in range(count)]
        finally:
            gc.enable()


def sample(clock: Clock, run: Callable[[], Any], queued: Callable[[], float]) -> float:
    """Seconds that ``run`` takes by the clock, less those that it was kept from a processor.

    What other programs take is no part of the code's time. Sleeping, and waiting for a lock or a disk, is.

    Raises:
        ArithmeticError: the clock stood still or ran backwards meanwhile.
    """
    start = clock.now()
    kept_waiting = queued()
    run()
    kept_waiting = queued() - kept_waiting
    took = clock.now() - start - kept_waiting
    if not (math.isfinite(took) and took > 0):
        raise ArithmeticError(f"the clock {clock.name} ran backwards: a sample took {took!r} s")
    return took


def queued() -> float:
    """Seconds that this thread was ready to run, but waited for a processor; 0 where nobody counts."""
    try:
        return int(os.pread(_queue_file(), 96, 0).split()[1]) * 1e-9
    except (OSError, IndexError, ValueError):
        return 0.0


def never_queued() -> float:
    """As :func:`queued`, where the work goes on meanwhile: on a GPU."""
    return 0.0


@functools.cache
def _queue_file() -> int:
    """Linux's count for the thread that measures; opened once, since opening takes longer than reading."""
    try:
        return os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except OSError:
        return -1


class Session:
    """What this process holds: the cases that it made ready."""

    def __init__(self) -> None:
        self._timed: dict[str, Timed] = {}
        self._heap = Heap()

    def hello(self) -> Message:
        """Import the revision's package; from where it came."""
        import gem_impls

        return {"package": str(Path(gem_impls.__file__).parent)}

    def prepare(self, case: Message) -> Message:
        """Build, check and calibrate a case; how many calls make a sample, and how long one takes."""
        timed = self._timed[case["id"]] = Timed(make_case(case), self._heap)
        return {"calls": timed.calls, "estimate": timed.estimate}

    def sample(self, case: str, calls: int, count: int) -> list[float]:
        """Seconds per call of a prepared case, ``count`` samples."""
        return self._timed[case].samples(calls, count)

    def finish(self, case: str) -> None:
        """Check a prepared case again on other inputs, and let go of it.

        Raises:
            NotMeasured: its results have become wrong; its times mean nothing.
        """
        from benchmarks import gate

        gate.check(self._timed.pop(case).work, draw=2)
        gc.collect()

    def memory(self, case: Message) -> Message:
        """Bytes that one call of the case allocates and keeps; see :mod:`benchmarks.compare.counts`."""
        from benchmarks.compare import counts

        return counts.memory(make_case(case))

    def errors(self, subject: Message, folder: str) -> Message:
        """How wrong an implementation is over fixed inputs; see :mod:`benchmarks.compare.counts`."""
        from benchmarks.compare import counts

        chosen = implementation(subject["implementation"], subject["device"])
        make_spec(subject)
        if subject["dtype"] not in chosen.dtypes:
            raise Lacking(f"its arrays lack the dtype {subject['dtype']}")
        return counts.errors(chosen, subject, Path(folder))


# --- what a revision has --------------------------------------------------------------------------------


def make_case(wanted: Message) -> Case:
    """The case of a plan's entry.

    Raises:
        Lacking: there is none in this revision, or on this machine.
    """
    from benchmarks import cases

    chosen = implementation(wanted["implementation"], wanted["device"])
    case = cases.Case(
        function=wanted["function"],
        spec=make_spec(wanted),
        implementation=wanted["implementation"],
        shape=tuple(wanted["shape"]),
        dtype=wanted["dtype"],
        device=wanted["device"],
        layout=wanted["layout"],
        direction=wanted["pass"],
        out=wanted["out"],
        clock=wanted["clock"],
    )
    no_case = (reason for applies, reason in cases.NO_CASE if applies(case, chosen))
    not_here = (why(case, chosen) for why in cases.NOT_HERE)
    if reason := next((r for r in (*no_case, *not_here) if r), None):
        raise Lacking(reason)
    return case


def make_spec(wanted: Message) -> Any:
    """The function of a plan's entry.

    Raises:
        Lacking: this revision does not know it.
    """
    import gem_impls

    try:
        return gem_impls.Spec(wanted["function"], wanted["n"])
    except (TypeError, ValueError) as error:
        raise Lacking(f"this revision lacks the function: {error}") from error


def implementation(name: str, device: str) -> Any:
    """The implementation of that name.

    Raises:
        Lacking: this revision does not know it, or it cannot serve the device here.
    """
    import gem_impls

    try:
        found = gem_impls.get(name)
    except ValueError as error:
        raise Lacking(f"this revision lacks the implementation: {error}") from error
    if (why := found.unavailable(device)) is not None:
        raise Lacking(f"not available here: {why}")
    return found


# --- commands in, answers out ---------------------------------------------------------------------------

COMMANDS: Final = ("hello", "prepare", "sample", "finish", "memory", "errors")
"""The methods of :class:`Session` that can be asked for."""


def answer(session: Session, command: Message) -> Message:
    """Do what a command says; an error becomes a sentence without paths."""
    from benchmarks.gate import NotMeasured
    from benchmarks.measure import reasons

    name = command.pop("do")
    assert name in COMMANDS, f"no such command: {name!r}"
    try:
        with reasons():
            try:
                return {"figures": getattr(session, name)(**command)}
            except Lacking as reason:
                return {"failed": str(reason), "lacks": True}
    except NotMeasured as failure:
        return {"failed": str(failure), "lacks": False}


def serve(commands: TextIO, answers: TextIO) -> None:
    """Answer each line until there are no more."""
    session = Session()
    for line in commands:
        answers.write(json.dumps(answer(session, json.loads(line))) + "\n")
        answers.flush()


def main(argv: Sequence[str]) -> None:
    """Serve the parent on standard input and output; what else writes there goes to standard error.

    Args:
        argv: the parent's process id.
    """
    die_with_parent(int(argv[0]))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main(sys.argv[1:])

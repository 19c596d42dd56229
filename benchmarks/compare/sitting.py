"""Who measures what, and when: rounds of four fresh processes that take turns, until the budget is spent.

A *round* launches two processes a side. In several passes, in an order drawn anew each time, every row is
*visited*: each of the four takes a few samples, in an order drawn anew, so that whatever the machine does
meanwhile, it does to all. The first rounds measure every row. Later ones measure only rows whose interval is
still wide, each for a time in proportion to its width, and the sitting ends early when there are none.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.compare import judge
from benchmarks.compare.processes import TIMEOUT_S, Failed, Lost, Worker
from benchmarks.compare.store import SIDES, Journal

FIRST_ROUNDS: Final = 3
"""Rounds that measure every row, whatever the budget: fewer give no interval worth printing."""

MOST_ROUNDS: Final = 64
PASSES: Final = 3
"""Times that a round comes to each row."""

LEAST_VISITS: Final = 2
"""Visits of each pass, at least."""

VISIT_S: Final = 4e-3
"""A visit takes samples for about so long,"""
VISIT_SAMPLES: Final = 4
"""but not more than these."""

DIGITS: Final = 5
"""Significant digits of a stored sample; clocks have fewer."""

Entry = dict[str, Any]


class Broken(Exception):
    """A revision cannot be measured, or no longer; the message says why. What was measured stands."""


@dataclass(frozen=True)
class Settings:
    """How a sitting is to go.

    Attributes:
        budget_s: it takes about so long, but for the first rounds, which are measured in any case.
        seed: of the orders.
        threads: of each process.
        effect: the smallest change that matters: rows whose interval is that narrow are settled.
        timeout_s: a process that does not answer for so long is lost.
    """

    budget_s: float
    seed: int
    threads: int = 1
    effect: float = judge.EFFECT
    timeout_s: float = TIMEOUT_S


@dataclass
class Slot:
    """A place for a process of one side; another takes it when that is lost."""

    side: str
    worker: Worker


class Sitting:
    """The measurement of a plan.

    Args:
        rows: what to measure, as :func:`benchmarks.compare.store.header_rows` has it.
        paths: side -> folders for its imports, its package first.
        scratch: a folder for what processes share.
        settings: how long, in which order.
        journal: told everything.
        say: told, in a sentence, how far it has come.
    """

    def __init__(
        self,
        rows: Sequence[Entry],
        paths: Mapping[str, Sequence[Path]],
        scratch: Path,
        settings: Settings,
        journal: Journal,
        say: Callable[[str], None],
    ) -> None:
        self._cases = {row["id"]: row["case"] for row in rows}
        self._wanted = {row["id"]: row["wanted"] for row in rows}
        self._paths, self._scratch, self._settings = paths, scratch, settings
        self._journal, self._say = journal, say
        self._random = random.Random(settings.seed)
        self._failed: set[str] = set()
        self._rounds: dict[str, list[Entry]] = {name: [] for name in self._cases}

    def run(self) -> None:
        """Count once, then measure round after round.

        Raises:
            Broken: a revision's package cannot be imported, or a process no longer be started.
        """
        end = time.monotonic() + self._settings.budget_s
        overhead = 0.0
        for number in range(MOST_ROUNDS):
            chosen = self._chosen(number)
            if number and not chosen:
                return
            left = end - time.monotonic()
            if number >= FIRST_ROUNDS and left < 1.5 * overhead:
                return
            seconds = share(left, overhead, FIRST_ROUNDS - number)
            begun = time.monotonic()
            sampled = self._round(number, chosen, seconds)
            overhead = max(time.monotonic() - begun - sampled, 0.0)

    # --- one round --------------------------------------------------------------------------------------

    def _round(self, number: int, chosen: Sequence[str], seconds: float) -> float:
        """Launch, count if it is the first, sample, check; how many seconds it sampled."""
        with ExitStack() as stack:
            order = self._random.sample([*SIDES, *SIDES], 2 * len(SIDES))
            slots = [Slot(side, self._launch(side, stack)) for side in order]
            for slot in slots:
                self._greet(slot)
            if number == 0:
                self._count(slots, stack)
            prepared = self._prepare(slots, [name for name in chosen if name not in self._failed], stack)
            self._say(f"round {number + 1}: {len(prepared)} cases by {len(slots)} processes, {seconds:.0f} s")
            begun = time.monotonic()
            samples = self._sample(slots, prepared, seconds, stack)
            sampled = time.monotonic() - begun
            for name in list(prepared):
                if self._still_right(slots, name, prepared, stack):
                    self._keep(slots, name, prepared[name]["calls"], samples[name])
                del prepared[name]
        return sampled

    def _launch(self, side: str, stack: ExitStack) -> Worker:
        try:
            worker = Worker(self._paths[side], self._settings.threads, self._settings.timeout_s)
            stack.callback(worker.kill)
            worker.tell("hello")
        except (OSError, Lost) as error:
            why = getattr(error, "strerror", None) or error
            raise Broken(f"{side}: its measuring process cannot be started: {why}") from error
        return worker

    def _greet(self, slot: Slot) -> None:
        try:
            package = Path(slot.worker.hear()["package"])
        except (Failed, Lost) as error:
            raise Broken(f"{slot.side}: its package cannot be imported: {error}") from error
        if package.parent.resolve() != self._paths[slot.side][0].resolve():
            raise Broken(f"{slot.side}: another gem_impls is imported in its place, one that comes first")

    def _relaunch(self, slot: Slot, stack: ExitStack) -> None:
        slot.worker.kill()
        slot.worker = self._launch(slot.side, stack)
        self._greet(slot)

    # --- what is counted --------------------------------------------------------------------------------

    def _count(self, slots: Sequence[Slot], stack: ExitStack) -> None:
        """Memory and errors, by one process a side, both at once."""
        pair = [next(slot for slot in slots if slot.side == side) for side in SIDES]
        rows = [name for name, wanted in self._wanted.items() if set(wanted) & {"memory", "error"}]
        self._say(f"memory and errors of {len(rows)} cases")
        for name in rows:
            what = "error" if "error" in self._wanted[name] else "memory"
            asked: dict[str, Any] = {
                "memory": {"do": "memory", "case": self._cases[name]},
                "error": {"do": "errors", "subject": self._cases[name], "folder": str(self._scratch)},
            }[what]
            found = self._ask_all(pair, name, stack, **asked)
            for slot, figures in zip(pair, found, strict=True):
                if figures is not None:
                    self._journal.append(
                        {"counted": name, "what": what, "side": slot.side, "figures": figures}
                    )

    # --- what is timed ----------------------------------------------------------------------------------

    def _prepare(self, slots: Sequence[Slot], names: Sequence[str], stack: ExitStack) -> dict[str, Entry]:
        """The rows that all processes can time: how many calls make a sample, how many samples a visit."""
        ready: dict[str, Entry] = {}
        for name in names:
            found = self._ask_all(slots, name, stack, "prepare", case=self._cases[name], again=ready)
            if all(found):
                calls = max(f["calls"] for f in found)
                sample_s = max(calls * min(f["estimate"] for f in found), 1e-9)
                count = min(max(round(VISIT_S / sample_s), 1), VISIT_SAMPLES)
                ready[name] = {"calls": calls, "count": count}
        return ready

    def _sample(
        self, slots: Sequence[Slot], prepared: dict[str, Entry], seconds: float, stack: ExitStack
    ) -> dict[str, list[list[list[float]]]]:
        """Row -> samples of each slot, one list a visit."""
        found: dict[str, list[list[list[float]]]] = {name: [[] for _ in slots] for name in prepared}
        weights = self._weights(list(prepared))
        for _ in range(PASSES):
            for name in self._random.sample(list(prepared), len(prepared)):
                end = time.monotonic() + seconds * weights[name] / PASSES
                visits = 0
                while name not in self._failed and (visits < LEAST_VISITS or time.monotonic() < end):
                    self._visit(slots, name, prepared, found, stack)
                    visits += 1
        return found

    def _visit(
        self,
        slots: Sequence[Slot],
        name: str,
        prepared: dict[str, Entry],
        found: dict[str, list[list[list[float]]]],
        stack: ExitStack,
    ) -> None:
        """A few samples by each process, one after the other; all of them or none are kept."""
        order = self._random.sample(range(len(slots)), len(slots))
        taken: dict[int, list[float]] = {}
        for index in order:
            (samples,) = self._ask_all(
                [slots[index]], name, stack, "sample", **prepared[name], again=prepared
            )
            if samples is None:
                return
            taken[index] = [float(f"{s:.{DIGITS}g}") for s in samples]
        for index, samples in taken.items():
            found[name][index].append(samples)

    def _still_right(
        self, slots: Sequence[Slot], name: str, prepared: dict[str, Entry], stack: ExitStack
    ) -> bool:
        return name not in self._failed and all(self._ask_all(slots, name, stack, "finish", again=prepared))

    def _keep(self, slots: Sequence[Slot], name: str, calls: int, samples: list[list[list[float]]]) -> None:
        own = {
            side: [taken for slot, taken in zip(slots, samples, strict=True) if slot.side == side]
            for side in SIDES
        }
        found: Entry = {"calls": calls, **own}
        self._rounds[name].append(found)
        self._journal.append({"round": name, **found})

    # --- where the time goes ----------------------------------------------------------------------------

    def _chosen(self, number: int) -> list[str]:
        """The rows of a round: all at first, later those that are not settled."""
        timed = [n for n, wanted in self._wanted.items() if "time" in wanted and n not in self._failed]
        if number < FIRST_ROUNDS:
            return timed
        return [name for name in timed if self._width(name) > math.log1p(self._settings.effect)]

    def _width(self, name: str) -> float:
        return judge.interval(self._rounds[name]).half_width

    def _weights(self, names: Sequence[str]) -> dict[str, float]:
        """Shares of a round's time, which add up to 1: even at first, then in proportion to the width."""
        known = all(len(self._rounds[name]) >= FIRST_ROUNDS for name in names)
        widths = {name: self._width(name) if known else 1.0 for name in names}
        total = sum(widths.values()) or 1.0
        return {name: width / total for name, width in widths.items()}

    # --- asking -----------------------------------------------------------------------------------------

    def _ask_all(
        self,
        slots: Sequence[Slot],
        name: str,
        stack: ExitStack,
        do: str,
        again: Mapping[str, Entry] | None = None,
        **arguments: Any,
    ) -> list[Any]:
        """Ask several processes at once about one row; None for each that cannot answer, and the row is out.

        A process that is lost is replaced, and made ready for the rows in ``again`` that are still in.
        """
        if do in ("sample", "finish"):
            arguments = {"case": name, **arguments}
        found: list[Any] = [None] * len(slots)
        told: list[int] = []
        for index, slot in enumerate(slots):
            try:
                slot.worker.tell(do, **arguments)
                told.append(index)
            except Lost as lost:
                self._out(slot, name, str(lost), lacks=False)
                self._replace(slot, stack, again)
        for index in told:
            slot = slots[index]
            try:
                figures = slot.worker.hear()
                found[index] = True if figures is None else figures
            except Failed as failed:
                self._out(slot, name, str(failed), failed.lacks)
            except Lost as lost:
                self._out(slot, name, str(lost), lacks=False)
                self._replace(slot, stack, again)
        return found

    def _out(self, slot: Slot, name: str, reason: str, lacks: bool) -> None:
        self._failed.add(name)
        self._journal.append({"failed": name, "side": slot.side, "reason": reason, "lacks": lacks})
        if not lacks:
            self._say(f"{name}: {slot.side}: {reason}")

    def _replace(self, slot: Slot, stack: ExitStack, again: Mapping[str, Entry] | None) -> None:
        self._relaunch(slot, stack)
        for name in again or ():
            if name not in self._failed:
                self._ask_all([slot], name, stack, "prepare", case=self._cases[name])


def share(left: float, overhead: float, needed: int) -> float:
    """Seconds of sampling in the next round.

    Args:
        left: of the budget.
        overhead: seconds that the last round spent on anything but sampling; 0 before the first.
        needed: rounds that are still to come in any case.

    As long as a round must launch its processes, sampling for about as long again is no waste, and more
    rounds are worth more than longer ones: times differ more between processes than within one.
    """
    even = left / max(needed, 1)
    if overhead == 0:
        return max(0.3 * even, 0.0)
    return max(min(overhead, even - overhead if needed > 0 else left - overhead), 0.0)

"""What the figures say: one verdict a case and quantity. A pure function of what was measured.

Times. In each *round* four fresh processes, two a side, take turns. A process's time is the lower quartile,
over its visits, of the shortest sample of a visit, in logarithms: contention only ever adds. The two
processes of one side run the same code, so their difference is what this row shows where nothing changed:
its own false alarms. The variance of a process, v, is half the mean square of these differences, over 2
differences a round (2k degrees of freedom in k rounds); the change is the mean over rounds of head less base,
and its standard error sqrt(v / k). The interval is Student's, from SciPy. A row's gate is thus its own noise,
between processes as well as within them.

Bytes and errors are the same every time: any rise counts, down to the last ulp and, but for NumPy
(:data:`NOISE_BYTES`), the last byte.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

SLOWER: Final = "slower"
FASTER: Final = "faster"
SAME: Final = "same"
AMBIGUOUS: Final = "ambiguous"
LESS_EXACT: Final = "less exact"
MORE_EXACT: Final = "more exact"
MORE_MEMORY: Final = "more memory"
LESS_MEMORY: Final = "less memory"
UNMEASURED: Final = "could not measure"
NEW: Final = "new"
GONE: Final = "gone"

ONE_SIDED: Final = {"base": NEW, "head": GONE}
"""The side that lacks a case -> what is said of it, where the other side has it and nothing went wrong."""

CONFIDENCE: Final = 0.99
"""Of the interval of a ratio."""

EFFECT: Final = 0.05
"""The smallest change of a time that is called one."""

HIDDEN: Final = 2.0
"""*Same* is said where no change of so many times the smallest one can hide in the interval."""

POWER: Final = 0.95
"""How surely a row finds the smallest change that it is said to detect."""

NOISE_BYTES: Final = {"numpy": 1024, "torch": 0}
"""Peak bytes that are no difference: NumPy's counter sees Python's own small objects."""

Samples = Sequence[Sequence[float]]
"""Seconds per call: one list a visit."""

Round = Mapping[str, Sequence[Samples]]
"""``"base"`` and ``"head"`` -> the samples of each of its processes."""

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What is said of one quantity of one case.

    Attributes:
        id: of the case, or of the subject of an error map.
        what: ``"time"``, ``"memory"`` or ``"error"``.
        verdict: one of the words above.
        ratio: head / base of the time.
        low: lower end of the ratio's interval,
        high: and its upper end.
        detectable: the smallest slowdown that this row would have found with probability :data:`POWER`, as a
            ratio above 1.
        base: of a time, seconds per call, such that base times ratio is head; else the figures,
        head: likewise.
        reason: a sentence: what changed, why nothing could be measured, or who lacks it.
    """

    id: str
    what: str
    verdict: str
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    detectable: float | None = None
    base: Any = None
    head: Any = None
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As the record has it."""
        return dict(vars(self))


# --- times ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """The change of a row's time, as a natural logarithm, and how sure it is."""

    change: float
    half_width: float
    error: float
    freedom: int


def typical(samples: Samples) -> float:
    """The time of a process, as a natural logarithm of seconds per call."""
    return float(np.quantile([math.log(min(visit)) for visit in samples], 0.25))


def interval(rounds: Sequence[Round], confidence: float = CONFIDENCE) -> Interval:
    """The change from base to head over all rounds of a row.

    Raises:
        ValueError: there are no rounds.
    """
    from scipy import stats

    if not rounds:
        raise ValueError("rounds must not be empty")
    times = {side: np.array([[typical(s) for s in r[side]] for r in rounds]) for side in ("base", "head")}
    nulls = np.concatenate([side[:, 0] - side[:, 1] for side in times.values()])
    changes = times["head"].mean(axis=1) - times["base"].mean(axis=1)
    variance = float(np.mean(nulls**2)) / 2
    error = math.sqrt(variance / len(rounds))
    quantile = float(stats.t.ppf((1 + confidence) / 2, nulls.size))
    return Interval(float(changes.mean()), quantile * error, error, nulls.size)


def detectable(found: Interval, effect: float, power: float = POWER) -> float:
    """The smallest ratio above 1 that is called slower with probability ``power``."""
    from scipy import stats

    gate = max(math.log1p(effect), found.half_width)
    return math.exp(gate + float(stats.t.ppf(power, found.freedom)) * found.error)


def time(name: str, rounds: Sequence[Round], effect: float = EFFECT) -> Verdict:
    """The verdict on a row's time."""
    found = interval(rounds)
    low, high = found.change - found.half_width, found.change + found.half_width
    least, hidden = math.log1p(effect), math.log1p(HIDDEN * effect)
    if low > 0 and found.change >= least:
        verdict = SLOWER
    elif high < 0 and found.change <= -least:
        verdict = FASTER
    else:
        verdict = SAME if -hidden < low and high < hidden else AMBIGUOUS
    seconds = {
        side: math.exp(float(np.mean([typical(s) for r in rounds for s in r[side]])))
        for side in ("base", "head")
    }
    return Verdict(
        name,
        "time",
        verdict,
        ratio=math.exp(found.change),
        low=math.exp(low),
        high=math.exp(high),
        detectable=detectable(found, effect),
        base=seconds["base"],
        head=seconds["head"],
    )


# --- bytes and errors -----------------------------------------------------------------------------------

BYTES: Final = {
    "peak_bytes": "bytes at the peak, beyond inputs and outputs",
    "allocated_bytes": "bytes allocated in all",
    "saved_bytes": "bytes saved for backward",
}
"""Figure -> what it counts."""

ERRORS: Final = {
    "max_ulp": "the largest error in ulp",
    "mean_ulp": "the mean error in ulp",
    "max_ulp_anywhere": "the largest error in ulp, outside the declared domain too",
    "not_rounded": "results that are not correctly rounded",
    "not_finite": "results that are NaN or infinite and should not be",
    "special_wrong": "wrong results at NaN and infinities",
}
"""Likewise."""


def memory(name: str, base: Figures, head: Figures) -> Verdict:
    """The verdict on the bytes of a case."""
    changes = _changes(BYTES, base, head, max(NOISE_BYTES[side["arrays"]] for side in (base, head)))
    return Verdict(name, "memory", _word(changes, MORE_MEMORY, LESS_MEMORY), **_told(changes, base, head))


def error(name: str, base: Mapping[str, Figures], head: Mapping[str, Figures]) -> Verdict:
    """The verdict on the errors of value and gradient."""
    changes = []
    for what in base:
        changes += [(d, f"{what}: {s}") for d, s in _changes(ERRORS, base[what], head[what], 0)]
    return Verdict(name, "error", _word(changes, LESS_EXACT, MORE_EXACT), **_told(changes, base, head))


Changes = list[tuple[float, str]]
"""(head less base, a sentence): of each figure that changed."""


def _changes(figures: Mapping[str, str], base: Figures, head: Figures, noise: float) -> Changes:
    found: Changes = []
    for figure, meaning in figures.items():
        before, after = _number(base.get(figure)), _number(head.get(figure))
        if before is None or after is None or before == after or abs(after - before) <= noise:
            continue
        found.append((after - before, f"{meaning}: {before:.6g}, now {after:.6g}"))
    return found


def _number(figure: Any) -> float | None:
    return None if figure is None else float(figure)


def _word(changes: Changes, worse: str, better: str) -> str:
    """Any rise is worse, whatever else fell."""
    if any(change > 0 for change, _ in changes):
        return worse
    return better if changes else SAME


def _told(changes: Changes, base: Any, head: Any) -> dict[str, Any]:
    return {"base": base, "head": head, "reason": "; ".join(sentence for _, sentence in changes) or None}


# --- everything -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """Verdicts, and what this machine cannot measure of either revision: (id, reason)."""

    verdicts: tuple[Verdict, ...]
    not_here: tuple[tuple[str, str], ...]


def judge(record: Mapping[str, Any], effect: float = EFFECT) -> Judged:
    """Every verdict on a record; see the schema in :mod:`benchmarks.compare.store`."""
    verdicts: list[Verdict] = []
    not_here: dict[str, str] = {}
    for entry in record["rows"]:
        name, failed = entry["id"], entry["failed"]
        if _absent(failed):
            not_here[name] = failed["head"]["reason"]
            continue
        only = _only_side(failed)
        for what in entry["wanted"]:
            if only is not None:
                verdicts.append(_one_sided(entry, what, only))
            elif reason := _why_not(entry, what):
                verdicts.append(Verdict(name, what, UNMEASURED, reason=reason))
            else:
                verdicts.append(JUDGES[what](entry, effect))
    return Judged(tuple(verdicts), tuple(not_here.items()))


def _absent(failed: Mapping[str, Any]) -> bool:
    """Whether neither revision has the case here: nothing to compare, and nothing wrong."""
    return all(failed[side] is not None and failed[side]["lacks"] for side in ("base", "head"))


def _only_side(failed: Mapping[str, Any]) -> str | None:
    """The one side that has the case, where the other merely lacks it."""
    for lacking, other in (("base", "head"), ("head", "base")):
        if failed[lacking] is not None and failed[lacking]["lacks"] and failed[other] is None:
            return other
    return None


def _one_sided(entry: Mapping[str, Any], what: str, only: str) -> Verdict:
    """What is said of a case that one side has: not compared, but its figures are told where it has any."""
    lacking = "head" if only == "base" else "base"
    figures = None if what == "time" else entry[what][only]
    told = f"{lacking}: {entry['failed'][lacking]['reason']}"
    if figures is not None:
        told = f"{only}: {FIGURES[what](figures)}; {told}"
    return Verdict(entry["id"], what, ONE_SIDED[lacking], reason=told, **{only: figures})


def _listed(meanings: Mapping[str, str], figures: Figures) -> str:
    numbers = {meaning: _number(figures.get(figure)) for figure, meaning in meanings.items()}
    return ", ".join(f"{meaning} {n:.6g}" for meaning, n in numbers.items() if n is not None)


FIGURES: Final[dict[str, Callable[[Any], str]]] = {
    "memory": lambda figures: _listed(BYTES, figures),
    "error": lambda figures: "; ".join(f"{what}: {_listed(ERRORS, f)}" for what, f in figures.items()),
}
"""What is counted -> its figures in words."""


def _why_not(entry: Mapping[str, Any], what: str) -> str | None:
    if what != "time" and None not in entry[what].values():
        return None  # what was counted stands, whatever went wrong afterwards
    reasons = [f"{side}: {why['reason']}" for side, why in entry["failed"].items() if why is not None]
    if reasons:
        return "; ".join(reasons)
    missing = not entry["rounds"] if what == "time" else any(f is None for f in entry[what].values())
    return "the run ended before it came to this" if missing else None


JUDGES: Final[dict[str, Callable[[Mapping[str, Any], float], Verdict]]] = {
    "time": lambda entry, effect: time(entry["id"], entry["rounds"], effect),
    "memory": lambda entry, _: memory(entry["id"], **entry["memory"]),
    "error": lambda entry, _: error(entry["id"], **entry["error"]),
}
"""What is judged -> how."""

"""Which library finds a 10 % step in 30 noisy commits, and which cries wolf?

    .venv/bin/python -m docs.trials.change_points            # 400 series of each kind: minutes
    .venv/bin/python -m docs.trials.change_points --series 50

Each detector gets the same series: log-normal noise of 5 %, without a step, then with one at a random commit
(the fourth to the third from the end). *Found*: a step of the right direction within two commits of the true
one. *Alarm*: any step in a series without one. Besides plain noise: heavy tails (Student's t, 3 degrees of
freedom), one outlier of 30 %, and a drifting machine (autocorrelation 0.5), each with 5 % of plain noise's
standard deviation. Detectors whose package is not installed are left out and named; Apache Otava and
changeforest want an environment of their own: ``pip install apache-otava changeforest ruptures asv``.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Found = list[tuple[int, bool]]
"""(index of the first commit after the step, whether it is a rise)"""

COMMITS, NOISE, STEP, NEAR = 30, 0.05, 1.10, 2


def plain(rng: np.random.Generator) -> Floats:
    return rng.normal(0, NOISE, COMMITS)


def heavy(rng: np.random.Generator) -> Floats:
    return rng.standard_t(3, COMMITS) * NOISE / math.sqrt(3)


def outlier(rng: np.random.Generator) -> Floats:
    logs = plain(rng)
    logs[rng.integers(COMMITS)] += 0.3
    return logs


def drift(rng: np.random.Generator) -> Floats:
    logs = plain(rng)
    for i in range(1, COMMITS):
        logs[i] = 0.5 * logs[i - 1] + math.sqrt(0.75) * logs[i]
    return logs


KINDS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "plain": plain,
    "heavy tails": heavy,
    "an outlier": outlier,
    "drift": drift,
}


# --- detectors: values -> steps ---------------------------------------------------------------------------


def directed(values: Floats, ends: Sequence[int]) -> Found:
    """Starts of segments with the direction of the change, given where segments end."""
    borders = [0, *[e for e in ends if e < len(values)], len(values)]
    levels = [float(np.log(values[a:b]).mean()) for a, b in itertools.pairwise(borders)]
    return [(borders[i], levels[i] > levels[i - 1]) for i in range(1, len(levels))]


def asv_steps(values: Floats) -> Found:
    """What asv detects itself, as its pages mark steps."""
    detect = importlib.import_module("asv.step_detect").detect_steps
    return directed(values, [int(right) for _, right, *_ in detect(list(values))])


def asv_regressions(values: Floats) -> Found:
    """The regressions that asv lists, at its default of 5 %."""
    module = importlib.import_module("asv.step_detect")
    _, _, found = module.detect_regressions(module.detect_steps(list(values)), threshold=0.05)
    return [(int(before) + 1, True) for _, before, *_ in found or []]


def neighbours(logs: Floats) -> float:
    return float((np.diff(logs) ** 2).mean() / 2)


def ruptures_bic(cost: str) -> Callable[[Floats], Found]:
    """PELT on logarithms, standardised, with a penalty of 2 log n variances (BIC)."""

    def detect(values: Floats) -> Found:
        ruptures = importlib.import_module("ruptures")
        logs = np.log(values)
        signal = (logs - logs.mean()) / math.sqrt(neighbours(logs))
        ends = ruptures.Pelt(model=cost, min_size=2, jump=1).fit(signal).predict(2 * math.log(len(logs)))
        return directed(values, ends)

    return detect


def ruptures_rbf(values: Floats) -> Found:
    """Kernel change points, radial kernel, penalty log n."""
    ruptures = importlib.import_module("ruptures")
    logs = np.log(values)
    detector = ruptures.KernelCPD(kernel="rbf", min_size=2).fit(logs.reshape(-1, 1))
    return directed(values, detector.predict(pen=math.log(len(logs))))


def this_project(values: Floats) -> Found:
    """The exact segmentation of ruptures, gate by reports/history/steps.py: 1 % alarms in shuffles."""
    steps = importlib.import_module("reports.history.steps")
    return [(s.at, s.worse) for s in steps.judge(list(values), "seconds").steps if s.confirmed]


def otava(p_value: float) -> Callable[[Floats], Found]:
    """Apache Otava: E-divisive in windows, Student's t-test."""

    def detect(values: Floats) -> Found:
        module = importlib.import_module("otava.analysis")
        points, _ = module.compute_change_points(list(values), window_len=30, max_pvalue=p_value)
        return directed(values, sorted(int(point.index) for point in points))

    return detect


def change_forest(values: Floats) -> Found:
    """Random forests, with changeforest's own permutation test."""
    module = importlib.import_module("changeforest")
    control = module.Control(minimal_relative_segment_length=2 / len(values))
    result = module.changeforest(np.log(values).reshape(-1, 1), "random_forest", "bs", control)
    return directed(values, result.split_points())


DETECTORS: dict[str, Callable[[Floats], Found]] = {
    "asv, steps": asv_steps,
    "asv, regressions": asv_regressions,
    "ruptures, squared cost, BIC": ruptures_bic("l2"),
    "ruptures, absolute cost, BIC": ruptures_bic("l1"),
    "ruptures, radial kernel": ruptures_rbf,
    "ruptures, gate of the row (reports/history/steps.py)": this_project,
    "Apache Otava, p < 0.001": otava(0.001),
    "Apache Otava, p < 0.0001": otava(0.0001),
    "changeforest": change_forest,
}


def found(steps: Found, at: int) -> bool:
    return any(rise and abs(index - at) <= NEAR for index, rise in steps)


def trial(detect: Callable[[Floats], Found], count: int) -> str:
    """Found with plain noise, then alarms by kind, in per cent; and milliseconds a series."""
    rng = np.random.default_rng(30)
    hits, alarms = 0, dict.fromkeys(KINDS, 0)
    start = time.perf_counter()
    for _ in range(count):
        for name, noise in KINDS.items():
            values = np.exp(noise(rng))
            alarms[name] += bool(detect(values))
            if name == "plain":
                at = int(rng.integers(3, COMMITS - 2))
                values[at:] *= STEP
                hits += found(detect(values), at)
    spent = 1000 * (time.perf_counter() - start) / count / (len(KINDS) + 1)
    shares = [hits, *alarms.values()]
    return " | ".join([*(f"{100 * share / count:.1f} %" for share in shares), f"{spent:.1f} ms"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=400, help="of each kind (default: 400)")
    count = parser.parse_args().series
    print("| detector | found | " + " | ".join(f"alarms, {kind}" for kind in KINDS) + " | time |")
    print("|---|" + "---:|" * (len(KINDS) + 2))
    for name, detect in DETECTORS.items():
        try:
            print(f"| {name} | {trial(detect, count)} |", flush=True)
        except ImportError as error:
            print(f"| {name} | not installed: {error.name} |", flush=True)


if __name__ == "__main__":
    main()

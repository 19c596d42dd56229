"""A history with known steps: machines, cases and commits as a test wants them."""

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b"]
COLUMNS += ["stats_q_25", "stats_q_75"]
START = datetime(2026, 3, 1, tzinfo=UTC)
TIME, ULP, SAVED = "asv_cpu.Latency.time_call", "asv_cpu.Error.track_value_ulp", "asv_cpu.Saved.track_saved"
GEM, PEERS = "gem n=1, torch_compile", ("relu, torch", "gelu, torch")
SUBJECTS = (GEM, *PEERS)

Figures = Callable[[int, str], float | None]
"""(number of the commit, subject) -> figure; None: it failed there."""


def commit(index: int) -> str:
    """The hash of the commit of that number."""
    return hashlib.sha1(f"history {index}".encode(), usedforsecurity=False).hexdigest()


def steady(index: int, subject: str) -> float:
    """A time of 10 µs with 2 % of noise."""
    seed = int(hashlib.sha256(f"{index} {subject}".encode()).hexdigest()[:8], 16)
    return 1e-5 * float(np.exp(np.random.default_rng(seed).normal(0, 0.02)))


def stepped(at: int, factor: float, *subjects: str) -> Figures:
    """Steady, but ``factor`` times as slow from a commit on, in these subjects (none named: GEM's)."""

    def figure(index: int, subject: str) -> float:
        late = index >= at and subject in (subjects or (GEM,))
        return steady(index, subject) * (factor if late else 1)

    return figure


def store(
    folder: Path,
    figures: Mapping[str, Figures],
    commits: int = 24,
    machine: str = "bench",
    subject: str = "Change number {index}",
    packages: Sequence[str] | None = None,
) -> Path:
    """Write asv's results of the benchmarks named in ``figures``."""
    folder.mkdir(exist_ok=True)
    axes = {TIME: [list(SUBJECTS), ["1024"], ["forward"]], ULP: [[GEM], ["float32"]], SAVED: [list(SUBJECTS)]}
    names = {TIME: ["function", "elements", "pass"], ULP: ["function", "dtype"], SAVED: ["function"]}
    units = {TIME: "seconds", ULP: "ulp", SAVED: "bytes/element"}
    described = {
        name: {
            "param_names": names[name],
            "params": axes[name],
            "unit": units[name],
            "version": "1",
            "pretty_name": f"CPU: {units[name]}",
        }
        for name in axes
    }
    (folder / "benchmarks.json").write_text(json.dumps(described | {"version": 2}))
    place = folder / machine
    place.mkdir(exist_ok=True)
    (place / "machine.json").write_text(json.dumps({"machine": machine, "version": 1}))
    with (place / "commits.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["commit", "ancestors", "date", "package", "subject"])
        for index in range(commits):
            package = packages[index] if packages else f"package {index}"
            date = (START + timedelta(hours=index)).isoformat()
            lines.writerow([commit(index), index, date, package, subject.format(index=index)])
    for index in range(commits):
        results = {
            name: [[figure(index, s) for s in axes[name][0]], axes[name], "1", 1, 0.5]
            for name, figure in figures.items()
        }
        content = {
            "commit_hash": commit(index),
            "env_name": "env",
            "date": int((START + timedelta(hours=index)).timestamp() * 1000),
            "params": {"machine": machine},
            "python": "3.11",
            "requirements": {"torch": "2.13.0"},
            "env_vars": {},
            "result_columns": COLUMNS,
            "results": results,
            "durations": {},
            "version": 2,
        }
        (place / f"{commit(index)[:8]}-env.json").write_text(json.dumps(content))
    return folder

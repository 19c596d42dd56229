"""Makes asv results of any size: its format version 2, nothing of it taken from asv or from benchmarks/."""

import csv
import hashlib
import io
import json
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b"]
COLUMNS += ["stats_q_25", "stats_q_75", "number", "repeat", "samples", "profile"]
FUNCTIONS = ["torch_compile gem-n1", "torch_naive gem-n1", "numpy_cpu gem-n1", "triton_fused gem-n1"]
FUNCTIONS += ["cpp_fused gem-n1", "torch relu", "torch gelu", "torch silu"]
PASSES = ["forward", "backward", "forward+backward"]
START = datetime(2026, 1, 1, tzinfo=UTC)


def commit(index: int) -> str:
    """The hash of the commit of that number."""
    return hashlib.sha1(f"commit {index}".encode(), usedforsecurity=False).hexdigest()


def sizes(cases: int) -> list[str]:
    """As many sizes as give at least that many cases of time, memory and error together."""
    return [str(2**e) for e in range(10, 10 + math.ceil((cases - 24) / 24))]


def benchmarks(cases: int) -> dict[str, dict[str, object]]:
    """The three benchmarks, as ``benchmarks.json`` describes them."""
    return {
        "asv_cpu.Latency.time_call": {
            "param_names": ["function", "elements", "pass"],
            "params": [FUNCTIONS, sizes(cases), PASSES],
            "unit": "seconds",
            "version": "1",
            "pretty_name": "CPU: seconds per call",
        },
        "asv_cpu.Saved.track_saved": {
            "param_names": ["function"],
            "params": [FUNCTIONS],
            "unit": "bytes per element",
            "version": "1",
            "pretty_name": "CPU: bytes saved for backward",
        },
        "asv_cpu.Memory.track_peak": {
            "param_names": ["function", "pass"],
            "params": [FUNCTIONS, PASSES[:2]],
            "unit": "bytes",
            "version": "1",
            "pretty_name": "CPU: peak bytes",
        },
    }


def history(
    folder: Path,
    commits: int,
    cases: int = 48,
    machine: str = "bench",
    subject: str = "Make forward {index} a little better",
) -> Path:
    """Store that many commits on one machine; the first function gets slower at two thirds, by half."""
    described = benchmarks(cases)
    _write(folder / "benchmarks.json", described | {"version": 2})
    _write(folder / machine / "machine.json", {"machine": machine, "version": 1})
    draw = random.Random(machine)
    log = io.StringIO()
    lines = csv.writer(log)
    lines.writerow(["commit", "ancestors", "date", "package", "subject"])
    for index in range(commits):
        date = START + timedelta(days=index)
        lines.writerow([commit(index), index, date.isoformat(), "", subject.format(index=index)])
        results = {
            name: _row(draw, b["params"], name, late=3 * index >= 2 * commits)
            for name, b in described.items()
        }
        _write(
            folder / machine / f"{commit(index)[:8]}-virtualenv-py3.11.json",
            {
                "commit_hash": commit(index),
                "env_name": "virtualenv-py3.11",
                "date": int(date.timestamp() * 1000),
                "params": {"machine": machine, "os": "Linux"},
                "python": "3.11",
                "requirements": {"torch": "2.13.0"},
                "env_vars": {},
                "result_columns": COLUMNS,
                "results": results,
                "durations": {},
                "version": 2,
            },
        )
    (folder / machine / "commits.csv").write_text(log.getvalue(), encoding="utf-8")
    return folder


def published(folder: Path, to: Path) -> Path:
    """What ``asv publish`` makes of :func:`history`, as far as it is read: an index, a graph a benchmark."""
    described = json.loads((folder / "benchmarks.json").read_text())
    del described["version"]
    (machine,) = (path.parent for path in folder.glob("*/machine.json"))
    found = [json.loads(path.read_text()) for path in sorted(machine.glob("*-virtualenv-py3.11.json"))]
    found.sort(key=lambda r: r["date"])
    state = {"machine": machine.name, "python": "3.11", "torch": "2.13.0", "branch": "main"}
    place = to / "graphs" / "/".join(sorted(f"{key}-{value}" for key, value in state.items()))
    place.mkdir(parents=True)
    (to / "graphs" / "summary").mkdir()
    for name, b in described.items():
        graph = [[index, r["results"][name][0]] for index, r in enumerate(found)]
        _write(place / f"{name}.json", graph)
        _write(to / "graphs" / "summary" / f"{name}.json", [[index, row[0]] for index, row in graph])
        b |= {"name": name, "type": name.rpartition(".")[2].partition("_")[0], "code": "", "timeout": 60}
    described["asv_gpu.Latency.time_call"] = described["asv_cpu.Latency.time_call"]  # which nothing ran
    index = {
        "project": "gem-impls",
        "project_url": "#",
        "show_commit_url": "#",
        "hash_length": 8,
        "revision_to_hash": {str(i): r["commit_hash"] for i, r in enumerate(found)},
        "revision_to_date": {str(i): r["date"] for i, r in enumerate(found)},
        "params": {key: [value] for key, value in state.items()},
        "graph_param_list": [state],
        "benchmarks": described,
        "machines": {machine.name: {"machine": machine.name}},
        "tags": {},
        "pages": [],
    }
    _write(to / "index.json", index)
    _write(to / "regressions.json", {"regressions": []})
    return to


def _row(draw: random.Random, params: object, name: str, *, late: bool) -> list[object]:
    assert isinstance(params, list)
    size = math.prod(map(len, params))
    if ".time_" not in name:
        return [[float(4 * (i % 3)) for i in range(size)], params, "1", 1, 1.0]
    times = [1e-5 * (1 + i) * math.exp(draw.gauss(0, 0.02)) for i in range(size)]
    if late:  # the first function comes first in the product
        first = size // len(params[0])
        times[:first] = [1.5 * t for t in times[:first]]
    low, high = ([float(f"{f * t:.5g}") for t in times] for f in (0.99, 1.01))  # asv rounds these
    return [times, params, "1", 1, 1.0, low, high, low, high, [5] * size, [10] * size]


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")

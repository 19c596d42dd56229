"""Makes stored sweeps out of a few numbers: the schema's version 1, nothing of it taken from benchmarks/."""

import json
import math
import random
from pathlib import Path
from typing import Any

VARIANTS = {"gem": (1.0, 0.0), "e-gem": (1e-4, 0.0), "se-gem": (1e-4, 0.01)}
PEERS = ("relu", "leaky_relu", "gelu", "gelu_tanh", "silu", "mish", "softplus")
TENSORS = {"forward": 2, "backward": 3, "forward+backward": 5}
CEILING = {"forward": "copy_", "backward": "add", "forward+backward": "copy_+add"}

# implementation -> (seconds a call costs, factor over the ceiling, max ulp of value and gradient)
COSTS = {
    "torch_compile": (18e-6, 1.06, 2.94, 3.41),
    "torch_naive": (22e-6, 4.8, 3.02, 5.13),
    "numpy_cpu": (9e-6, 1.9, 2.71, 3.52),
    "torch": (3e-6, 1.0, 0.0, 0.0),
}
PEER_FACTOR = {
    "relu": 0.98,
    "leaky_relu": 1.0,
    "gelu": 1.31,
    "gelu_tanh": 1.45,
    "silu": 1.22,
    "mish": 2.4,
    "softplus": 1.9,
}


def case(**changes: Any) -> dict[str, Any]:
    """One case; ``shape`` follows ``numel`` unless given."""
    made = {
        "id": "some-id",
        "kind": "gem",
        "function": "gem",
        "implementation": "torch_compile",
        "n": 1,
        "eps": 1.0,
        "negative_slope": 0.0,
        "numel": 2**20,
        "dtype": "float32",
        "device": "cpu",
        "layout": "contiguous",
        "pass": "forward",
        "out": True,
    } | changes
    made.setdefault("shape", [made["numel"]])
    return made


def peer(function: str, **changes: Any) -> dict[str, Any]:
    """A peer's case."""
    base = {"kind": "peer", "implementation": "torch", "function": function}
    return case(**base, n=None, eps=None, negative_slope=None, **changes)


def entry(
    of: dict[str, Any],
    samples: list[float],
    partners: dict[str, list[float]] | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """One entry of ``benchmarks`` as pytest-benchmark stores it."""
    size = {"float64": 8, "float32": 4}.get(of["dtype"], 2)
    moved = {"copy_": 2, "add": 3, "copy_+add": 5}
    info = {
        "schema": 1,
        "case": of,
        "clock": "wall",
        "cache": None,
        "calls_per_sample": 1,
        "bytes": TENSORS[of["pass"]] * size * of["numel"],
        "partners": {
            name: {"samples": list(s), "bytes": moved[name] * size * of["numel"] if name in moved else None}
            for name, s in (partners or {}).items()
        },
        "ratios": {},
        "memory": {"peak_bytes": 0, "saved_bytes_per_element": 0.0, "reason": None},
        "error": {
            "value": {"max_ulp": 2.94, "mean_ulp": 0.41, "worst_x": 0.7310585, "points": 100000},
            "gradient": {"max_ulp": 3.41, "mean_ulp": 0.52, "worst_x": 1.25, "points": 100000},
            "reason": None,
        },
        "inputs": {"distribution": "standard normal", "seed": 0},
    } | extra
    return {"name": of["id"], "stats": {"data": list(samples), "rounds": len(samples)}, "extra_info": info}


def sweep(
    benchmarks: list[dict[str, Any]],
    not_measured: list[dict[str, Any]] | None = None,
    environment: dict[str, Any] | None = None,
    **ours: Any,
) -> dict[str, Any]:
    """A whole stored file."""
    return {
        "machine_info": {"node": "never-shown"},
        "commit_info": {"id": "0" * 40},
        "benchmarks": benchmarks,
        "datetime": "2026-11-20T10:00:00+00:00",
        "version": "5.3.1",
        "gem_impls": {
            "schema": 1,
            "sweep": "quick",
            "complete": True,
            "started": "2026-11-20T10:00:00+00:00",
            "finished": "2026-11-20T10:02:40+00:00",
            "environment": {
                "cpu": "Example CPU 9000",
                "gpu": None,
                "threads": 2,
                "cores": 2,
                "clock_mhz": 2500.0,
                "driver": None,
                "os": "Linux 6.1",
                "python": "3.11.9",
                "torch": "2.13.0+cpu",
                "triton": "3.7.1",
                "numpy": "2.3.0",
                "commit": "f" * 40,
                "dirty": False,
                "time": "2026-11-20T10:00:00+00:00",
                "machine": "Example CPU, 2 threads",
            }
            | (environment or {}),
            "not_measured": not_measured or [],
        }
        | ours,
    }


def skipped(of: dict[str, Any], reason: str, status: str = "skipped") -> dict[str, Any]:
    """One entry of ``not_measured``."""
    return {"case": of, "status": status, "reason": reason}


def write(folder: Path, content: Any, name: str = "0001_sweep.json") -> Path:
    """Store ``content`` as JSON."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def journal(folder: Path, of: dict[str, Any], name: str = "0002_sweep.jsonl") -> Path:
    """Store a sweep as the journal that an interruption leaves behind."""
    ours = of["gem_impls"]
    header = of | {"gem_impls": ours | {"complete": False, "finished": None, "not_measured": []}}
    del header["benchmarks"]
    lines = [{"header": header}]
    lines += [{"benchmark": b} for b in of["benchmarks"]]
    lines += [{"not_measured": n} for n in ours["not_measured"]]
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def realistic(
    device: str = "cpu",
    clock: str = "wall",
    cache: str | None = None,
    speed: float = 1.0,
    seed: int = 0,
    **top: Any,
) -> dict[str, Any]:
    """3 variants × 3 implementations and 7 peers, 5 sizes, 3 modes, two dtypes, with what was skipped."""
    draw = random.Random(seed)
    benchmarks: list[dict[str, Any]] = []
    modes = (("forward", True), ("forward+backward", False), ("backward", True))
    settings = [("float32", 2**e) for e in (10, 14, 16, 20, 22)] + [("bfloat16", 2**20)]
    for dtype, numel in settings:
        for passes, out in modes:
            place = {"dtype": dtype, "numel": numel, "device": device, "pass": passes, "out": out}
            timing = {"clock": clock, "cache": cache}
            for name in COSTS:
                if (name, dtype) == ("numpy_cpu", "bfloat16"):
                    continue
                functions = PEERS if name == "torch" else tuple(VARIANTS)
                for function in functions:
                    made = peer(function, **place)
                    if name != "torch":
                        eps, slope = VARIANTS[function]
                        made = case(
                            function=function, implementation=name, eps=eps, negative_slope=slope, **place
                        )
                    benchmarks.append(_timed(draw, made, speed) | {})
                    benchmarks[-1]["extra_info"] |= timing
    for implementation in ("torch_compile", "torch_naive", "numpy_cpu"):
        for changes in ({"n": 2}, {"n": 3}, {"numel": 4096 * 3072, "shape": [4096, 3072]}):
            benchmarks.append(
                _timed(draw, case(implementation=implementation, device=device, **changes), speed)
            )
            benchmarks[-1]["extra_info"] |= {"clock": clock, "cache": cache}
    absent = [
        skipped(
            case(implementation="triton_fused", function=f, device=device, numel=n, **{"pass": p}),
            "triton_fused needs a CUDA device for timing; Triton's interpreter checks results only",
        )
        for f in VARIANTS
        for n in (2**10, 2**20)
        for p in TENSORS
    ]
    absent.append(
        skipped(
            case(implementation="torch_naive", n=3, device=device),
            "the gate was red: NaN at x = 7e12",
            "failed",
        )
    )
    return sweep(benchmarks, absent, **top)


def _timed(draw: random.Random, of: dict[str, Any], speed: float) -> dict[str, Any]:
    size = {"float32": 4}.get(of["dtype"], 2)
    moved = TENSORS[of["pass"]] * size * of["numel"]
    call, factor, value_ulp, gradient_ulp = COSTS[of["implementation"]]
    factor *= PEER_FACTOR.get(of["function"], 1.0)
    steps = {"forward": 1.0, "backward": 1.2, "forward+backward": 3.0}[of["pass"]]

    def rounds(overhead: float, times: float) -> list[float]:
        exact = (steps * overhead + times * moved / 14e9) / speed
        return [exact * math.exp(draw.gauss(0, 0.03)) for _ in range(15)]

    partners = {
        CEILING[of["pass"]]: rounds(2e-6, 1.0),
        "relu": rounds(3e-6, PEER_FACTOR["relu"]),
        "gelu": rounds(3e-6, PEER_FACTOR["gelu"]),
    }
    made = entry(of, rounds(call, factor), partners)
    naive = of["implementation"] == "torch_naive"
    scale = 1.0 if size == 4 else 0.17
    made["extra_info"]["error"] = {
        "value": {"max_ulp": value_ulp * scale, "mean_ulp": 0.3, "worst_x": 0.7310585, "points": 131072},
        "gradient": {"max_ulp": gradient_ulp * scale, "mean_ulp": 0.4, "worst_x": -1.25, "points": 131072},
        "reason": None,
    }
    if of["kind"] == "peer":
        made["extra_info"]["error"] = {"value": None, "gradient": None, "reason": "peers are not judged"}
    made["extra_info"]["memory"] = {
        "peak_bytes": 3 * size * of["numel"]
        if naive
        else (65536 if of["implementation"] == "numpy_cpu" else 0),
        "saved_bytes_per_element": 4.0 * size
        if naive
        else (None if of["implementation"] == "numpy_cpu" else 0.0),
        "reason": "NumPy has no autograd: nothing is saved" if of["implementation"] == "numpy_cpu" else None,
    }
    return made

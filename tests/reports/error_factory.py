"""Makes error records out of a few numbers: the schema's version 1, nothing of it taken from benchmarks/."""

import math
from typing import Any

from tests.reports import factory

EXPONENTS = {
    "float16": (-24, 40, 1),
    "bfloat16": (-133, 261, 1),
    "float32": (-149, 277, 1),
    "float64": (-1080, 263, 8),
}
DEATH = {"float16": 5, "bfloat16": 42, "float32": 42, "float64": 341}

# implementation -> what its errors are: plain, near-exact, or infinite from the binade of DEATH on
BEHAVIOUR = {"torch_compile": 3.0, "triton_fused": 0.5001, "torch_naive": math.inf}

Entry = dict[str, Any]


def point(x: float = 1.5, got: float = 1.0, ulp: float = 3.0) -> Entry:
    """A POINT of the schema."""
    return {"x": x.hex(), "got": got.hex(), "rounded": (1.25).hex(), "ulp": number(ulp)}


def number(ulp: float) -> float | str:
    return ulp if math.isfinite(ulp) else "inf"


def function(
    name: str = "gem", n: int | None = 1, eps: float | None = 1.0, slope: float | None = 0.0
) -> Entry:
    return {"function": name, "n": n, "eps": eps, "negative_slope": slope}


def peer(name: str) -> Entry:
    return function(name, None, None, None)


def error_map(
    of: Entry, dtype: str = "float32", what: str = "value", ulp: float = 3.0, **changes: Any
) -> Entry:
    """A map whose errors are 0.4 but for ``ulp`` around 1, or from DEATH on where it is infinite."""
    first, length, step = EXPONENTS[dtype]
    exponents = [first + i * step for i in range(length)]
    dies = math.isinf(ulp)
    row = [number(ulp) if (e >= DEATH[dtype] if dies else abs(e) < 2 * step) else 0.4 for e in exponents]
    binades = {"first": first, "step": step, "max_ulp": row}
    judged = 2.5 if dies else ulp
    worst = point(2.0 ** DEATH[dtype] if dies else 1.5, math.inf if dies else 1.0, ulp)
    both = bool(of["negative_slope"]) or of["n"] is None
    right = [0.0, 2.0 ** DEATH[dtype] if dies else "inf"]
    return {
        **of,
        "dtype": dtype,
        "what": what,
        "points": "all" if dtype in ("float16", "bfloat16") else "stratified",
        "inputs": 65536,
        "correctly_rounded": 60000,
        "bound_ulp": 4,
        "judged": 60000,
        "max_ulp": judged,
        "worst": point(ulp=judged),
        "mean_ulp": 0.25,
        "max_ulp_anywhere": number(ulp),
        "worst_anywhere": worst,
        "beyond": 0,
        "first_beyond": None,
        "nonfinite": 1234 if dies else 0,
        "first_nonfinite": worst if dies else None,
        "special_wrong": 0,
        "first_special_wrong": None,
        "wrong_sign": 0,
        "not_monotone": 0 if what == "value" else None,
        "above_identity": 0,
        "above_steepest": None,
        "right": {"positive": right, "negative": right if both else None},
        "binades": {"positive": binades, "negative": binades if both else None},
    } | changes


def curve(
    of: Entry, dtype: str = "float32", what: str = "value", ulp: float = 3.0, side: str = "positive"
) -> Entry:
    """64 bins around 1."""
    xs = [2.0 ** (i / 8 - 4) for i in range(64)]
    row = [0.4 if x < 1 else number(ulp) for x in xs]
    return {**of, "dtype": dtype, "what": what, "side": side, "x": xs, "max_ulp": row, "mean_ulp": row}


def worst(of: Entry, dtype: str = "float32", what: str = "value", ulp: float = 3.0, line: str = "") -> Entry:
    command = f"python -m benchmarks error --dtype {dtype} --what {what} --at=-0x1.8p+0"
    return {**of, "dtype": dtype, "what": what, **point(-1.5, 1.0, ulp), "reproducer": line or command}


def record(
    implementation: str = "torch_compile",
    maps: list[Entry] | None = None,
    environment: dict[str, Any] | None = None,
    parts: dict[str, list[Entry]] | None = None,
    **header: Any,
) -> Entry:
    """A whole stored file; ``parts`` are its further lists."""
    return {
        "gem_impls_error": {
            "schema": 1,
            "implementation": implementation,
            "kind": "gem",
            "device": "cpu",
            "started": "2026-11-20T11:00:00+00:00",
            "finished": "2026-11-20T11:01:00+00:00",
            "complete": True,
            "command": "python -m benchmarks error --out /home/somebody/secret.json",
            "environment": factory.sweep([], environment=environment)["gem_impls"]["environment"],
            "sources": "0123456789abcdef",
            "seconds": {"float32": 1.0},
            "within_bounds": True,
            "complaints": [],
            "not_measured": [],
        }
        | header,
        "summary": [],
        "maps": [error_map(function())] if maps is None else maps,
        "curves": [],
        "worst_inputs": [],
        "products": [],
        "consistency": [],
    } | (parts or {})


FAMILY = [
    *(function("gem", n) for n in (1, 2, 3, 4)),
    *(function("e-gem", n, eps) for n in (1, 2, 3, 4) for eps in (1e-6, 1e-4, 1.0)),
    *(function("se-gem", n, eps, s) for n in (1, 2, 3, 4) for eps in (1e-6, 1e-4, 1.0) for s in (-0.1, 0.01)),
]

DTYPES = tuple(EXPONENTS)
WHATS = ("value", "gradient")


def realistic(implementation: str, **header: Any) -> Entry:
    """Every variant in four dtypes, with curves, worst inputs and comparisons."""
    ulp = BEHAVIOUR[implementation]
    places = [(dtype, what) for dtype in DTYPES for what in WHATS]
    se_gem = function("se-gem", 1, 1e-4, 0.01)
    product = {"grad_output": (1e30).hex(), "inputs": 100, "correctly_rounded": 90, "max_ulp": 2.0,
               "worst": None, "beyond": 0, "nonfinite": 0, "bound_ulp": 5}  # fmt: skip
    check = {"check": "out=", "elements": 100, "different": 0, "first": None}
    parts = {
        "curves": [curve(function(), d, w, ulp) for d, w in places]
        + [curve(se_gem, d, w, ulp, side) for d, w in places for side in ("positive", "negative")],
        "worst_inputs": [worst(f, d, w, ulp) for d, w in places for f in (function(), se_gem)],
        "products": [{**function(), "dtype": d, **product} for d in DTYPES],
        "consistency": [{**function(), "dtype": d, "what": w, **check} for d, w in places],
    }
    maps = [error_map(f, d, w, ulp) for d, w in places for f in FAMILY]
    return record(implementation, maps, parts=parts, **header)


def peers(**header: Any) -> Entry:
    """PyTorch's own activations."""
    names = ("relu", "gelu", "silu", "mish")
    maps = [
        error_map(peer(name), d, w, 17.0, beyond=None, bound_ulp=None)
        for d in DTYPES for w in WHATS for name in names
    ]  # fmt: skip
    parts = {"worst_inputs": [worst(peer("gelu"), ulp=17.0)]}
    return record("torch", maps, parts=parts, kind="peer", within_bounds=None, **header)


def second_derivatives(**header: Any) -> Entry:
    """Double backward through autograd."""
    maps = [error_map(f, d, "second_derivative", 5.0) for d in DTYPES for f in FAMILY[:4]]
    return record("torch_autograd", maps, kind="second_derivative", **header)


def everything(folder: Any, environment: dict[str, Any] | None = None) -> None:
    """Store a record of each kind."""
    made = [realistic(i, environment=environment) for i in BEHAVIOUR]
    for index, content in enumerate(
        [*made, peers(environment=environment), second_derivatives(environment=environment)]
    ):
        factory.write(folder, content, f"error/{index}.json")

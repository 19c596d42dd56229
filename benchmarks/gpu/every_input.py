"""Every float32 and every 16-bit number through every implementation, judged where the results are.

``python -m benchmarks.gpu.every_input --device cuda --out FILE``. What makes 2^32 inputs a matter of seconds
is that the exact results are worked out on the device as well: the printed formula, in float64, where nothing
of a float32 input over- or underflows for n <= 3, and whose few roundings are nothing to a float32. That
reference is itself held to :mod:`gem_impls.oracle` first.

Exit code 1, and the implementation named under ``"wrong"``, where a result is beyond the stated bound, NaN or
infinite at a finite input, or wrong at NaN or an infinity.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import gem_impls
from benchmarks import accuracy
from benchmarks.axes import ITEMSIZE
from gem_impls import Implementation, Spec, oracle
from gem_impls.interface import EVERYWHERE

if TYPE_CHECKING:
    from torch import Tensor

SPECS: Final = tuple(Spec(variant, n) for n in (1, 2, 3) for variant in gem_impls.VARIANTS)

CHUNK: Final = 2**25
"""Inputs computed at once: some GB of float64 beside them."""

REFERENCE_ULP: Final = 2.0**-20
"""How far the reference may be from the oracle, in ulp of float32."""

INTEGERS: Final = {"float32": "int32", "float16": "int16", "bfloat16": "int16"}
"""dtype -> the integer type of the same size."""


# --- inputs and what is right ---------------------------------------------------------------------------


def inputs(dtype: str, device: str, step: int = 1) -> Iterator[Tensor]:
    """Every ``step``-th bit pattern of ``dtype``, NaNs and infinities included; all 16-bit ones."""
    import torch

    integer, floating = getattr(torch, INTEGERS[dtype]), getattr(torch, dtype)
    half = 2 ** (8 * ITEMSIZE[dtype] - 1)
    step = step if half > 2**15 else 1
    for start in range(-half, half, CHUNK * step):
        bits = torch.arange(start, min(start + CHUNK * step, half), step, dtype=torch.int64, device=device)
        yield bits.to(integer).view(floating)


def exact(spec: Spec, x: Tensor, what: str) -> Tensor:
    """The printed formula in float64, at finite ``x``."""
    import torch

    assert spec.n <= 3, "|x|^(2n) would overflow in float64"
    x = x.double()
    p = x * x
    for _ in range(spec.n - 1):
        p = p * (x * x)
    side = torch.where(x > 0, torch.ones_like(x), spec.negative_slope)  # of two numbers: float32
    g = p / (p + spec.eps)
    if what == "value":
        return side * x * g
    return side * g * (1 + 2 * spec.n * (spec.eps / (p + spec.eps)))


def check_reference(device: str) -> float:
    """The largest distance of :func:`exact` from the oracle, in ulp of float32.

    Raises:
        ArithmeticError: it is too large for a reference.
    """
    import torch

    rng, worst = np.random.default_rng(0), 0.0
    magnitudes = np.ldexp(1 + rng.random(4096), rng.integers(-126, 127, 4096))
    points = np.concatenate([magnitudes, -magnitudes, rng.standard_normal(4096)]).astype(np.float32)
    x = torch.from_numpy(points).to(device)
    for spec in SPECS:
        for what in ("value", "gradient"):
            right = oracle.reference(spec, points, what)
            units = ulp(torch.from_numpy(right), "float32").numpy()
            apart = np.abs(exact(spec, x, what).cpu().numpy() - right) / units
            worst = max(worst, float(apart.max()))
    if not worst <= REFERENCE_ULP:
        raise ArithmeticError(
            f"the reference is {worst:.3g} ulp from the oracle; {REFERENCE_ULP:.3g} permitted"
        )
    return worst


def ulp(right: Tensor, dtype: str) -> Tensor:
    """One unit in the last place of ``dtype`` at each (finite, float64) result."""
    import torch

    fmt = oracle.format_of(dtype)
    exponent = torch.frexp(right)[1] - fmt.precision
    least = int(math.log2(fmt.smallest_subnormal))
    return torch.ldexp(torch.ones_like(right), exponent.clamp(min=least))


# --- judging --------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What is known of the results of one function, dtype and quantity."""

    inputs: int = 0
    judged: int = 0
    not_nearest: int = 0
    beyond: int = 0
    max_ulp: float = 0.0
    worst_x: float | None = None
    special_wrong: int = 0

    def add(self, x: Tensor, got: Tensor, right: Tensor, dtype: str, limits: Limits) -> None:
        """Count the results of a chunk of finite inputs."""
        import torch

        self.inputs += x.numel()
        inside = (x.abs() >= limits.low) & (x.abs() <= limits.high)
        wide = got.double()
        errors = (wide - right).abs() / ulp(right, dtype)
        tiny = right.abs() < limits.floor
        errors = torch.where(tiny & (wide.abs() <= 2 * limits.floor), 0.0, errors)
        errors = torch.where(torch.isfinite(wide), errors, math.inf)
        errors = torch.where(inside, errors, 0.0)
        self.judged += int((inside & ~tiny).sum())
        self.not_nearest += int(((got != right.to(got.dtype)) & inside).sum())
        self.beyond += int((errors > limits.bound).sum())
        largest, at = errors.max(0)
        if float(largest) > self.max_ulp:
            self.max_ulp, self.worst_x = float(largest), float(x[at])

    def wrong(self) -> str | None:
        """Why the results are not right, or None."""
        if self.beyond:
            worst = f"{self.max_ulp:.4g} ulp at x = {self.worst_x!r}"
            return f"{self.beyond} results beyond the bound, the worst {worst}"
        if self.special_wrong:
            return f"{self.special_wrong} results at NaN or an infinity are wrong"
        return None


@dataclass(frozen=True)
class Limits:
    """How far a result may be off, in ulp, and where that is asked."""

    bound: float
    floor: float
    low: float
    high: float


def sweep(implementation: Implementation, spec: Spec, dtype: str, device: str, step: int) -> dict[str, Tally]:
    """Both quantities at every input."""
    op = implementation.build(spec)
    found = {"value": Tally(), "gradient": Tally()}
    limits = {
        what: Limits(
            accuracy.bound(implementation, spec, dtype, what),
            accuracy.floor(dtype),
            *implementation.domain(spec, dtype, what),
        )
        for what in found
    }
    import torch

    for x in inputs(dtype, device, step):
        finite = torch.isfinite(x)
        results = {"value": op.forward(x), "gradient": op.backward(torch.ones_like(x), x)}
        for what, got in results.items():
            at = x[finite]
            found[what].add(at, got[finite], exact(spec, at, what), dtype, limits[what])
            if (limits[what].low, limits[what].high) == EVERYWHERE:
                found[what].special_wrong += _special_wrong(spec, what, x[~finite], got[~finite])
    return found


def _special_wrong(spec: Spec, what: str, x: Tensor, got: Tensor) -> int:
    import torch

    below = -math.inf * spec.negative_slope if spec.negative_slope else 0.0
    if what == "gradient":
        right = torch.where(x > 0, torch.ones_like(x, dtype=torch.float64), spec.negative_slope)
    else:
        right = torch.where(x > 0, torch.full_like(x, math.inf, dtype=torch.float64), below)
    as_it_should = torch.where(torch.isnan(x), torch.isnan(got), got == right.to(got.dtype))
    return int((~as_it_should).sum())


# --- the program ----------------------------------------------------------------------------------------


def rows(names: Sequence[str], device: str, step: int) -> Iterator[dict[str, Any]]:
    """One row for each implementation of these, function, dtype and quantity."""
    for name in names:
        implementation = gem_impls.get(name)
        if implementation.arrays != "torch" or implementation.unavailable(device) is not None:
            continue
        for spec in SPECS:
            for dtype in INTEGERS:
                for what, tally in sweep(implementation, spec, dtype, device, step).items():
                    yield {
                        "implementation": name,
                        "function": str(spec),
                        "dtype": dtype,
                        "what": what,
                        **vars(tally),
                        "bound_ulp": accuracy.bound(implementation, spec, dtype, what),
                        "wrong": tally.wrong(),
                    }


def main(argv: list[str]) -> int:
    """Write everything to ``--out``; 1 where an implementation is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.every_input", description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--step", type=int, default=1, help="take every so many float32 inputs")
    parser.add_argument("--implementation", nargs="+", default=gem_impls.implementations(), metavar="NAME")
    arguments = parser.parse_args(argv)
    found: dict[str, Any] = {"reference_ulp": check_reference(arguments.device), "step": arguments.step}
    found["rows"] = []
    found["wrong"] = {}
    for row in rows(arguments.implementation, arguments.device, arguments.step):
        found["rows"].append({**row, "max_ulp": row["max_ulp"] if math.isfinite(row["max_ulp"]) else "inf"})
        if row["wrong"] and row["implementation"] not in found["wrong"]:
            reason = f"{row['function']} {row['dtype']} {row['what']}: {row['wrong']}"
            found["wrong"][row["implementation"]] = reason
            print(f"{row['implementation']}: {reason}", flush=True)
        arguments.out.write_text(json.dumps(found, allow_nan=False), encoding="utf-8")
    print(f"{len(found['rows'])} rows, {sum(row['inputs'] for row in found['rows']):,} results")
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What would 1 ulp cost on a CPU? The forward kernel of torch_compile against two more exact ones.

    .venv/bin/python -m docs.trials.cpu_exactness

Each row: the ratio of times to the plain float32 kernel, the median of interleaved pairs with its quartiles,
and the largest error seen in ulp. e-gem, n = 1, into memory that exists, torch's default number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.measure import quartiles
from gem_impls import Spec, oracle
from gem_impls.carried import carry
from gem_impls.impls import numpy_cpu, torch_compile

SPEC = Spec("e-gem")
C = carry(SPEC, "float32")
EPS_LOW = C.split("eps", "float32")[1]
SIZES = (2**10, 2**16, 2**20, 2**22, 2**24, 2**26)


def plain(x: torch.Tensor, out: torch.Tensor, numbers: torch.Tensor) -> None:
    out.copy_(torch_compile.value(x, (), numbers[:6].unbind()))


def float64(x: torch.Tensor, out: torch.Tensor, numbers: torch.Tensor) -> None:
    out.copy_(torch_compile.value(x.double(), (), numbers[:6].double().unbind()))


def halves(a: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    shifted = a * 4097.0
    high = shifted - (shifted - a)
    return high, a - high


def double_words(x: torch.Tensor, out: torch.Tensor, numbers: torch.Tensor) -> None:
    """As triton_fused computes, with products split by hand: Inductor offers no fused multiply-add."""
    scale, eps, clamp, _, _, _, eps_low = numbers.unbind()
    t = x.abs().clamp(max=clamp) * scale
    t_high, t_low = halves(t)
    p = t * t
    p_low = ((t_high * t_high - p) + 2 * t_high * t_low) + t_low * t_low
    d = p + eps
    part = d - p
    d_low = ((p - (d - part)) + (eps - part)) + (p_low + eps_low)
    reciprocal = 1 / d
    g = p * reciprocal
    (g_high, g_rest), (d_high, d_rest) = halves(g), halves(d)
    remainder = (((p - g_high * d_high) - g_high * d_rest) - g_rest * d_high) - g_rest * d_rest
    g_low = (remainder + (p_low - g * d_low)) * reciprocal
    sided = x.clamp(min=0)
    s_high, s_rest = halves(sided)
    y = sided * g
    y_low = ((s_high * g_high - y) + s_high * g_rest + s_rest * g_high) + s_rest * g_rest
    out.copy_(torch.where(x.abs() >= clamp, sided, y + (y_low + sided * g_low)))


def race(calls: dict[str, Callable[[], Any]], rounds: int = 21) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    start = time.perf_counter()
    next(iter(calls.values()))()
    repeat = max(1, int(2e-3 / (time.perf_counter() - start)))
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeat):
                call()
            samples[name].append((time.perf_counter() - start) / repeat)
    return samples


def numpy_in(arithmetic: str, x: Any, out: Any) -> Callable[[], Any]:
    kernels = numpy_cpu.kernels(SPEC, arithmetic)
    return lambda: kernels.forward(x, out)


def worst(out: torch.Tensor, x: torch.Tensor) -> float:
    exact = oracle.reference(SPEC, x.numpy())
    errors = oracle.reference_ulp_errors(out.numpy(), exact, "float32")
    return float(errors[np.abs(exact) >= 2.0**-118].max())


def main() -> None:
    compiled = {f.__name__: torch.compile(f, dynamic=True) for f in (plain, float64, double_words)}
    numbers = torch.tensor([*C.numbers, EPS_LOW])
    print(f"{'elements':>9}  {'kernel':14} {'ratio':>6}  {'quartiles':13}  max ulp")
    for n in SIZES:
        x = torch.from_numpy(np.random.default_rng(0).standard_normal(n, np.float32))
        out = torch.empty_like(x)
        calls = {name: lambda f=f: f(x, out, numbers) for name, f in compiled.items()}
        groups = {"plain": calls}
        if n <= 2**22:
            arithmetics = {"plain": "float32", "numpy_cpu, float64": "float64"}
            a, o = x.numpy(), out.numpy()
            groups["numpy"] = {name: numpy_in(which, a, o) for name, which in arithmetics.items()}
        for group in groups.values():
            samples = race(group)
            for name, call in list(group.items())[1:]:
                call()
                pairs = [a / b for a, b in zip(samples[name], samples["plain"], strict=True)]
                q1, median, q3 = quartiles(pairs)
                print(f"{n:9}  {name:18} {median:6.2f}  {q1:5.2f}–{q3:5.2f}  {worst(out, x):.2f}")


if __name__ == "__main__":
    with torch.no_grad():
        main()

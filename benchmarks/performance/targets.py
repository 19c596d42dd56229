"""What is promised: one row a target. A target names races, counts or starts, and the figure it must reach.

The figure of a ratio is the median of the pairwise ratios, numerator / denominator, at each of its settings;
:mod:`benchmarks.performance.verdicts` says how figure and limit make a verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.axes import BACKWARD, BOTH, FORWARD
from benchmarks.partners import ceiling_of
from benchmarks.performance.settings import LITERAL, MAXIMUM, USER, Setting, curve
from gem_impls import VARIANTS, Spec

BEST: Final = "best"
"""The fastest implementation of the family at each setting, by its median."""

RATIO, SAVED, PEAK, START = "ratio", "saved", "peak", "start"
"""What a target is about."""

KIB: Final = 1024


@dataclass(frozen=True)
class Target:
    """One row.

    Attributes:
        id: what ``--only`` selects by.
        device: ``"cpu"`` or ``"cuda"``.
        where: where it holds, in words.
        case: what is compared, in words.
        quantity: :data:`RATIO`, :data:`SAVED`, :data:`PEAK` or :data:`START`.
        limit: the figure to reach.
        settings: quick or not -> the races that it needs (ratios only).
        numerator: :data:`BEST`, or the name of a contestant; for starts, the implementation.
        denominator: the name of a contestant.
        least: whether the figure must be at least the limit, rather than at most.
        anywhere: where given, what no single setting may exceed; ``limit`` is then for their median.
        ours: whether the row was added to the issue's table by this project.
    """

    id: str
    device: str
    where: str
    case: str
    quantity: str
    limit: float
    settings: Callable[[bool], tuple[Setting, ...]] = lambda _: ()
    numerator: str = BEST
    denominator: str = ""
    least: bool = False
    anywhere: float | None = None
    ours: bool = False

    @property
    def command(self) -> str:
        """What measures it."""
        return f"python -m benchmarks performance --only {self.id}"

    @property
    def goal(self) -> str:
        """The limit in words."""
        sign, unit = "≥" if self.least else "≤", UNITS[self.quantity]
        amount = f"{self.limit:g}"
        if self.quantity == PEAK:
            amount, unit = (f"{self.limit / KIB:g}", "KiB a thread") if self.limit else ("0", "B")
        text = f"{sign} {amount}{f' {unit}' if unit else ''}"
        return text + (f", nowhere above {self.anywhere:g}" if self.anywhere else "")


UNITS: Final = {RATIO: "", SAVED: "B an element beyond the input", PEAK: "B", START: "× before"}


def _at(
    device: str, direction: str, *exponents: int, out: bool = False
) -> Callable[[bool], tuple[Setting, ...]]:
    return lambda _: tuple(Setting(device, e, direction, out) for e in exponents)


def _curve(device: str, direction: str, least: int, most: int) -> Callable[[bool], tuple[Setting, ...]]:
    return lambda quick: curve(device, direction, quick=quick, least=least, most=most)


def _bandwidth(direction: str) -> Callable[[bool], tuple[Setting, ...]]:
    """Every variant, n <= 3, three dtypes, 2^26 and 2^28 elements, cold cache; quick: the first of each."""

    def settings(quick: bool) -> tuple[Setting, ...]:
        specs = [Spec(variant, n) for variant in VARIANTS for n in (1, 2, 3)]
        dtypes, exponents = ["float32", "bfloat16", "float16"], [26, 28]
        if quick:
            specs, dtypes, exponents = specs[:1], dtypes[:1], exponents[:1]
        return tuple(
            Setting("cuda", e, direction, out=True, dtype=dtype, spec=spec, clock="device-cold")
            for e in exponents
            for dtype in dtypes
            for spec in specs
        )

    return settings


_GPU, _CPU = "GPU, ≥ 2^26 elements, cold cache, out=", "CPU, 2^24, float32, out="
_ALL_GPU, _ALL_CPU = "GPU, any size 2^8 … 2^28, wall", "CPU, any size 2^8 … 2^26, float32, wall"
_BOTH = "forward+backward as in training"

TARGETS: Final[tuple[Target, ...]] = (
    Target("gpu-forward", "cuda", _GPU,
           "best ÷ copy_, forward; float16, bfloat16, float32; every variant, n ≤ 3",
           RATIO, 1.03, _bandwidth(FORWARD), denominator=ceiling_of(FORWARD)),
    Target("gpu-backward", "cuda", _GPU, "best ÷ torch.add(out=), backward; likewise",
           RATIO, 1.03, _bandwidth(BACKWARD), denominator=ceiling_of(BACKWARD)),
    Target("gpu-gelu", "cuda", _ALL_GPU, "best ÷ F.gelu, forward",
           RATIO, 1.0, _curve("cuda", FORWARD, 8, 28), denominator="gelu", anywhere=1.1),
    Target("gpu-training", "cuda", "GPU, from 2^18, wall", f"best ÷ F.gelu, {_BOTH}",
           RATIO, 1.0, _curve("cuda", BOTH, 18, 28), denominator="gelu"),
    Target("gpu-training-small", "cuda", "GPU, below 2^18, wall", f"best ÷ F.gelu, {_BOTH}",
           RATIO, 1.5, _curve("cuda", BOTH, 8, 17), denominator="gelu"),
    Target("gpu-host", "cuda", "GPU, host time at 2^10, no grad", "triton_fused ÷ F.gelu",
           RATIO, 1.5, _at("cuda", FORWARD, 10), numerator="triton_fused", denominator="gelu"),
    Target("cpu-copy", "cpu", _CPU, "best ÷ copy_, forward",
           RATIO, 1.05, _at("cpu", FORWARD, 24, out=True), denominator=ceiling_of(FORWARD)),
    Target("cpu-add", "cpu", _CPU, "best ÷ torch.add(out=), backward",
           RATIO, 1.05, _at("cpu", BACKWARD, 24, out=True), denominator=ceiling_of(BACKWARD)),
    Target("cpu-relu", "cpu", "CPU, 2^16 … 2^20, float32", "best ÷ F.relu, forward",
           RATIO, 1.5, _curve("cpu", FORWARD, 16, 20), denominator="relu"),
    Target("cpu-gelu", "cpu", _ALL_CPU, "best ÷ F.gelu, forward",
           RATIO, 1.0, _curve("cpu", FORWARD, 8, 26), denominator="gelu"),
    Target("cpu-training", "cpu", "CPU, from 2^14, float32, wall", f"best ÷ F.gelu, {_BOTH}",
           RATIO, 1.0, _curve("cpu", BOTH, 14, 26), denominator="gelu"),
    Target("cpu-training-small", "cpu", "CPU, below 2^14, float32, wall", f"best ÷ F.gelu, {_BOTH}",
           RATIO, 1.5, _curve("cpu", BOTH, 8, 13), denominator="gelu"),
    Target("user-gelu", "cpu", _ALL_CPU, "gem_impls.gem(x) ÷ F.gelu(x), forward",
           RATIO, 1.0, _curve("cpu", FORWARD, 8, 26), USER, "gelu", ours=True),
    Target("user-training", "cpu", "CPU, from 2^14, float32, wall", f"gem_impls.gem(x) ÷ F.gelu(x), {_BOTH}",
           RATIO, 1.0, _curve("cpu", BOTH, 14, 26), USER, "gelu", ours=True),
    Target("user-training-small", "cpu", "CPU, below 2^14, float32, wall",
           f"gem_impls.gem(x) ÷ F.gelu(x), {_BOTH}",
           RATIO, 1.5, _curve("cpu", BOTH, 8, 13), USER, "gelu", ours=True),
    Target("numpy-maximum", "cpu", "CPU, 2^20, float32, out=", "numpy_cpu ÷ np.maximum(x, 0, out=)",
           RATIO, 2.5, _at("cpu", FORWARD, 20, out=True), "numpy_cpu", MAXIMUM),
    Target("numpy-literal", "cpu", "CPU, 2^20, float32", "literal NumPy formula ÷ numpy_cpu",
           RATIO, 20, _at("cpu", FORWARD, 20), LITERAL, "numpy_cpu", least=True),
    Target("cpu-saved", "cpu", "memory, CPU", "saved for backward, all but naive", SAVED, 0),
    Target("gpu-saved", "cuda", "memory, GPU", "saved for backward, all but naive", SAVED, 0),
    Target("cpu-peak", "cpu", "memory, CPU", "peak beyond inputs and outputs, all but naive", PEAK, 64 * KIB),
    Target("gpu-peak", "cuda", "memory, GPU", "peak beyond inputs and outputs, all but naive", PEAK, 0),
    Target("start-compile", "cpu", "cold start, fresh process, warm disk cache", "torch_compile: first call",
           START, 1.2, numerator="torch_compile"),
    Target("start-compile-gpu", "cuda", "cold start, fresh process, warm disk cache",
           "torch_compile: first call", START, 1.2, numerator="torch_compile"),
    Target("start-triton", "cuda", "cold start, fresh process, warm disk cache", "triton_fused: first call",
           START, 1.2, numerator="triton_fused"),
)  # fmt: skip
"""The targets of the issue that asked for speed, and those that this project added."""

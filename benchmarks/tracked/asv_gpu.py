"""History on NVIDIA GPUs: ``asv run -b '^asv_gpu' --launch-method spawn``.

A module of its own, so that machines without a GPU pay nothing for it, and with ``spawn`` because a CUDA
context does not survive a fork. Every process sets CUDA up again, so there are few rows.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks import asv_view as view

if TYPE_CHECKING:
    from benchmarks.cases import Case

make_case: Final = partial(view.make_case, device="cuda")

BASICS: Final = view.basics("cuda")
FAMILY: Final = view.family("cuda")
PASSES: Final = ("forward", "forward+backward")


class LatencyWall(view.Latency):
    """What a caller waits; float32. At 2^10 elements that is the host's work."""

    params = (BASICS, (2**10, 2**26), PASSES)
    param_names = ("function", "elements", "pass")

    def case(self, function: str, elements: int, direction: str) -> Case:
        return make_case(function, elements, direction)

    @view.pretty("GPU: seconds per call, wall clock")
    def time_call(self, *_: object) -> None:
        self.run()


class LatencyDevice(view.Latency):
    """What the GPU works, host excluded, nothing of the data in its caches; 2^26 elements."""

    params = (BASICS, ("float32", "bfloat16"), ("forward", "backward"))
    param_names = ("function", "dtype", "pass")

    def case(self, function: str, dtype: str, direction: str) -> Case:
        return make_case(function, 2**26, direction, dtype=dtype, clock="device-cold")

    @view.pretty("GPU: seconds per call of 2^26 elements, device clock, cold cache")
    def time_call(self, *_: object) -> None:
        self.run()


class Memory(view.Memory):
    """Counted bytes, float32, 2^20 elements."""

    params = (BASICS, ("forward", "backward", "forward+backward"))
    param_names = ("function", "pass")
    unit = "bytes"

    def case(self, function: str, direction: str) -> Case:
        return make_case(function, 2**20, direction)

    def setup_cache(self) -> view.Outcomes:
        return self.count()

    @view.pretty("GPU: peak bytes beyond inputs and outputs, 2^20 elements")
    def track_peak(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "peak")


class Saved(view.Memory):
    """Counted bytes kept for backward, float32."""

    params = (BASICS,)
    param_names = ("function",)
    unit = "bytes/element"

    def case(self, function: str) -> Case:
        return make_case(function, 2**16, "forward+backward")

    def setup_cache(self) -> view.Outcomes:
        return self.count()

    @view.pretty("GPU: bytes saved for backward, per element")
    def track_saved(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "saved")


class Error(view.Error):
    """Exactness of every function in every implementation."""

    params = (FAMILY, view.DTYPES)
    param_names = ("function", "dtype")

    def case(self, function: str, dtype: str) -> Case:
        return make_case(function, 1, dtype=dtype)

    def setup_cache(self) -> view.Outcomes:
        return self.count()

    @view.pretty("GPU: largest error of the value", unit="ulp")
    def track_value_ulp(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "value ulp")

    @view.pretty("GPU: largest error of the gradient", unit="ulp")
    def track_gradient_ulp(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "gradient ulp")

    @view.pretty("GPU: values not correctly rounded", unit="ppm")
    def track_value_ppm(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "value ppm")

    @view.pretty("GPU: gradients not correctly rounded", unit="ppm")
    def track_gradient_ppm(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "gradient ppm")

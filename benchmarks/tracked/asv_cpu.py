"""History on CPUs, for asv's fork server: ``asv run -b '^asv_cpu' --launch-method forkserver``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks import asv_view as view

if TYPE_CHECKING:
    from benchmarks.cases import Case

view.preload()
make_case: Final = partial(view.make_case, device="cpu")

BASICS: Final = view.basics("cpu")
FAMILY: Final = view.family("cpu")
OTHERS: Final = view.others("cpu")
PASSES: Final = ("forward", "forward+backward")


class Latency(view.Latency):
    """Against size: n = 1 in every implementation, and two peers; float32."""

    params = (BASICS, (2**10, 2**20), PASSES)
    param_names = ("function", "elements", "pass")

    def case(self, function: str, elements: int, direction: str) -> Case:
        return make_case(function, elements, direction)

    @view.pretty("CPU: seconds per call, by size")
    def time_call(self, *_: object) -> None:
        self.run()


class LatencyOfFamily(view.Latency):
    """The other functions of the family, as in training, at one size; float32."""

    rounds = 1  # one process: two commits in five minutes
    params = (OTHERS,)
    param_names = ("function",)

    def case(self, function: str) -> Case:
        return make_case(function, 2**20, "forward+backward")

    @view.pretty("CPU: seconds per call, forward+backward, 2^20 elements, other functions of the family")
    def time_call(self, *_: object) -> None:
        self.run()


class LatencyOfBfloat16(view.Latency):
    """A 16-bit type, as in training, at one size."""

    rounds = 1  # one process: two commits in five minutes
    params = (BASICS,)
    param_names = ("function",)

    def case(self, function: str) -> Case:
        return make_case(function, 2**20, "forward+backward", dtype="bfloat16")

    @view.pretty("CPU: seconds per call, forward+backward, 2^20 elements, bfloat16")
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

    @view.pretty("CPU: peak bytes beyond inputs and outputs, 2^20 elements")
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

    @view.pretty("CPU: bytes saved for backward, per element")
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

    @view.pretty("CPU: largest error of the value", unit="ulp")
    def track_value_ulp(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "value ulp")

    @view.pretty("CPU: largest error of the gradient", unit="ulp")
    def track_gradient_ulp(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "gradient ulp")

    @view.pretty("CPU: values not correctly rounded", unit="ppm")
    def track_value_ppm(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "value ppm")

    @view.pretty("CPU: gradients not correctly rounded", unit="ppm")
    def track_gradient_ppm(self, found: view.Outcomes, *params: str) -> float:
        return self.figure(found, params, "gradient ppm")

"""History of the functions' shape, as implementations compute it: ``asv run -b '^asv_shape'``.

Deterministic. The closed forms are the same at every commit (``python -m benchmarks shape`` holds them to the
definition), so a step here is an implementation that began to compute another function: one that the error of
single results, in ulp at sampled points, might not show, as it adds up over many points.
"""

from __future__ import annotations

from typing import Final

from benchmarks import asv_view as view

FUNCTIONS: Final = ("gem n=1", "se-gem n=3")
"""The least arithmetic and the most."""

IMPLEMENTATIONS: Final = tuple(view.implementations("cpu"))

Row = dict[str, float]
Found = dict[tuple[str, str], Row | str]
"""Function and implementation -> its figures; or why there are none."""


def figures() -> Found:
    """Every combination that serves here. What a commit lacks is skipped."""
    found: Found = {}
    for function in FUNCTIONS:
        for implementation in IMPLEMENTATIONS:
            try:
                from benchmarks.shape.computed import computed
                from gem_impls import Spec, get

                variant, _, n = function.partition(" n=")
                found[function, implementation] = computed(get(implementation), Spec(variant, int(n)))
            except (ImportError, ValueError, LookupError, RuntimeError) as error:
                found[function, implementation] = f"{type(error).__name__}: {error}"
    return found


class Shape:
    """What the outputs of one implementation, in float64, add up to."""

    version = "1"
    timeout = 120.0
    params = (FUNCTIONS, IMPLEMENTATIONS)
    param_names = ("function", "implementation")

    def setup_cache(self) -> Found:
        """Everything, once."""
        return figures()

    def setup(self, found: Found, *params: str) -> None:
        """Skip what does not serve here."""
        if isinstance(why := found[params[0], params[1]], str):
            raise NotImplementedError(why)

    def _figure(self, found: Found, params: tuple[str, ...], name: str) -> float:
        row = found[params[0], params[1]]
        assert not isinstance(row, str)
        return view.finite(row[name])

    @view.pretty("CPU: shape, L2 distance to ReLU within 8 scales", unit="scale^1.5")
    def track_shape_distance(self, found: Found, *params: str) -> float:
        return self._figure(found, params, "distance")

    @view.pretty("CPU: shape, steepest slope", unit="slope")
    def track_shape_steepest(self, found: Found, *params: str) -> float:
        return self._figure(found, params, "steepest")

    @view.pretty("CPU: shape, gain that keeps the variance of a normal input", unit="gain")
    def track_shape_gain(self, found: Found, *params: str) -> float:
        return self._figure(found, params, "gain")

    @view.pretty("CPU: shape, gain that keeps the variance of gradients", unit="gain")
    def track_shape_gradient_gain(self, found: Found, *params: str) -> float:
        return self._figure(found, params, "gradient gain")

    @view.pretty("CPU: shape, difference of order 2n + 1 at 0 over its limit", unit="ratio")
    def track_shape_junction(self, found: Found, *params: str) -> float:
        return self._figure(found, params, "junction")

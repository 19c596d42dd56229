"""History of the functions' shape, as implementations compute it: ``asv run -b '^asv_shape'``.

Deterministic. The closed forms are the same at every commit (``python -m benchmarks shape`` holds them to the
definition), so a step here is an implementation that began to compute another function: one that the error of
single results, in ulp at sampled points, might not show, as it adds up over many points. Two functions are
followed by their figures (:class:`Shape`), the whole family by its largest error (:class:`Family`).
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


# --- every variant, every order -----------------------------------------------------------------------------

FAMILY: Final = tuple(
    (variant, n, eps)
    for variant, several in (("gem", (None,)), ("e-gem", (1e-4, 1e-2, 10.0)), ("se-gem", (None,)))
    for n in (1, 2, 3)
    for eps in several
)
"""Variant, n, and eps (None: its own)."""

QUANTITIES: Final = (
    "L1 distance",
    "distance",
    "largest distance",
    "junction",
    "steepest",
    "curvature",
    "mean",
    "variance",
    "gain",
    "gradient gain",
)
"""Keys of :data:`benchmarks.shape.computed.FIGURES`."""

Errors = dict[str, Row | str]
"""Implementation -> its largest error in each quantity; or why there is none."""


def errors() -> Errors:
    """Of everybody, over the whole family. One function that fails fails its implementation."""
    found: Errors = {}
    for implementation in IMPLEMENTATIONS:
        try:
            from benchmarks.shape.computed import apart
            from gem_impls import Spec, get

            specs = [Spec(v, n) if eps is None else Spec(v, n, eps) for v, n, eps in FAMILY]
            rows = [apart(get(implementation), spec) for spec in specs]
            # A NaN is the largest: max would keep it only where it comes first.
            found[implementation] = {
                name: max((row[name] for row in rows), key=lambda e: (e != e, e)) for name in QUANTITIES
            }
        except (ImportError, ValueError, LookupError, RuntimeError) as error:
            found[implementation] = f"{type(error).__name__}: {error}"
    return found


class Family:
    """How far the whole family's shape is from its definition, the worst of all variants, n and eps.

    A combination costs asv a process, so functions are not parameters: what rises says which quantity of
    which implementation, and ``python -m benchmarks shape`` says which function.
    """

    version = "1"
    timeout = 120.0
    params = (QUANTITIES, IMPLEMENTATIONS)
    param_names = ("quantity", "implementation")

    def setup_cache(self) -> Errors:
        """Everything, once."""
        return errors()

    def setup(self, found: Errors, *params: str) -> None:
        """Skip what does not serve here."""
        if isinstance(why := found[params[1]], str):
            raise NotImplementedError(why)

    @view.pretty("CPU: shape of every variant and n, largest relative error", unit="relative")
    def track_shape_error(self, found: Errors, *params: str) -> float:
        """Of one quantity; NaN where a result was none."""
        row = found[params[1]]
        assert not isinstance(row, str)
        return view.finite(row[params[0]])

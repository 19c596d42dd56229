"""gem, egem and segem on NumPy arrays and torch tensors: array in, array out; tensors differentiably."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from gem_impls.choice import resolve
from gem_impls.spec import Spec


def gem(x: Any, n: int = 1, *, implementation: str | None = None) -> Any:
    """``x^(2n+1) / (1 + x^(2n))`` for x > 0, else 0.

    Args:
        x: NumPy array or torch tensor, any shape; float16, bfloat16 (torch), float32 or float64.
        n: integer >= 1; the function has 2n continuous derivatives.
        implementation: a name from :func:`gem_impls.implementations`; by default the one in
            :data:`gem_impls.choice.DEFAULTS` for the kind of array and its device.

    Returns:
        An array of the shape, dtype and device of ``x``. A torch result is differentiable, twice.

    Raises:
        TypeError: ``x`` is not such an array, or has another dtype; ``n`` is not an integer.
        ValueError: ``n`` < 1 or beyond the dtype's reach; unknown implementation.
        Unavailable: the implementation cannot serve here.

    NaN gives NaN; ``gem(inf) = inf``, ``gem(-inf) = 0``; the derivative at 0 is 0.
    Source: arXiv 2604.21677.
    """
    return apply(_spec("gem", n), x, implementation)


def egem(x: Any, n: int = 1, eps: float = 1e-4, *, implementation: str | None = None) -> Any:
    """``x^(2n+1) / (eps + x^(2n))`` for x > 0, else 0; tends to ReLU as eps -> 0.

    ``eps`` is finite and > 0, in the units of ``x^(2n)``. Everything else as for :func:`gem`.
    """
    return apply(_spec("e-gem", n, eps), x, implementation)


def segem(
    x: Any,
    n: int = 1,
    eps: float = 1e-4,
    negative_slope: float = 0.01,
    *,
    implementation: str | None = None,
) -> Any:
    """``s * x^(2n+1) / (eps + x^(2n))``, s = 1 for x > 0 and ``negative_slope`` for x < 0.

    ``negative_slope`` is finite: the derivative tends to it for x -> -inf and is 0 only at x = 0.
    Everything else as for :func:`egem`; ``segem(-inf) = negative_slope * -inf`` (0 for slope 0).
    """
    return apply(_spec("se-gem", n, eps, negative_slope), x, implementation)


def apply(spec: Spec, x: Any, implementation: str | None = None) -> Any:
    """The function ``spec`` describes, at ``x``: what :func:`gem`, :func:`egem` and :func:`segem` call."""
    if _is_tensor(x):
        return _torch_autograd().apply_to_tensor(spec, x, implementation)
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"x must be a NumPy array or a torch tensor; got {type(x).__name__}: try numpy.asarray(x)"
        )
    return resolve(spec, "numpy", "cpu", implementation).forward(x)


def _spec(*parameters: Any) -> Spec:
    """``Spec(*parameters)``, remembered: making one takes longer than a call on a thousand elements."""
    if _tracing():
        return Spec(*parameters)
    key = (*parameters, *map(type, parameters))  # True is no 1, though it equals it
    try:
        known = _SPECS.get(key)
    except TypeError:  # not hashable, so no parameter either: Spec says which
        return Spec(*parameters)
    if known is None:
        known = Spec(*parameters)
        if len(_SPECS) < MANY:
            _SPECS[key] = known
    return known


MANY = 1024
"""Functions remembered: more than anybody uses, unless eps is drawn anew at each call."""

_SPECS: dict[tuple[Any, ...], Spec] = {}


def _torch_autograd() -> Any:
    # Looked up first, because an import statement takes longer than the call it is for.
    known: Any = None if _tracing() else sys.modules.get("gem_impls.torch_autograd")
    if known is None:
        from gem_impls import torch_autograd as known
    return known


def _tracing() -> bool:
    """Whether torch.compile is reading this: it would guard on what is not remembered or loaded yet."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_compiling()


def _is_tensor(x: Any) -> bool:
    # Whoever has a tensor has imported torch; nobody else should pay for importing it.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)

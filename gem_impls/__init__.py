"""The GEM family of activation functions (arXiv 2604.21677), in interchangeable implementations.

    >>> import numpy as np, gem_impls
    >>> gem_impls.gem(np.array([-1.0, 0.5, 2.0]))
    array([0. , 0.1, 1.6])

Importing this package loads NumPy and nothing else; torch and triton are loaded when first needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gem_impls.errors import Unavailable
from gem_impls.functional import egem, gem, segem
from gem_impls.initialisation import calculate_gain
from gem_impls.interface import Implementation, Op
from gem_impls.registry import get, implementations
from gem_impls.spec import VARIANTS, Spec

if TYPE_CHECKING:
    from gem_impls import nn as nn

__version__ = "0.1.0"

__all__ = [
    "VARIANTS",
    "Implementation",
    "Op",
    "Spec",
    "Unavailable",
    "calculate_gain",
    "egem",
    "gem",
    "get",
    "implementations",
    "nn",
    "segem",
]


def __getattr__(name: str) -> Any:
    """``gem_impls.nn``, imported at first use because it needs torch."""
    if name == "nn":
        import importlib

        return importlib.import_module("gem_impls.nn")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

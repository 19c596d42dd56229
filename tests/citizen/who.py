"""Who is tested: the torch implementations of the registry, on every device they serve, in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gem_impls import Implementation, Spec
from gem_impls.functional import apply
from tests.conformance.cases import Subject, subjects

SPEC = Spec("se-gem", 1, 1e-2, 0.25)


def takes_tensors(impl: Implementation) -> bool:
    return impl.arrays == "torch"


def is_composite(impl: Implementation) -> bool:
    return getattr(impl, "composite", False)


EVERY = pytest.mark.parametrize(
    "subject", subjects([SPEC], ["float32"], where=takes_tensors, why_not="takes NumPy arrays")
)
WITH_OPERATORS = pytest.mark.parametrize(
    "subject",
    subjects(
        [SPEC],
        ["float32"],
        where=lambda impl: takes_tensors(impl) and not is_composite(impl),
        why_not="takes NumPy arrays, or is torch operations throughout and needs no operators of its own",
    ),
)


def function(subject: Subject) -> Callable[[Any], Any]:
    """The differentiable function, as :func:`gem_impls.gem` and its sisters call it."""
    return lambda x: apply(subject.spec, x, subject.impl.name)


def randn(subject: Subject, *shape: int, seed: int = 0) -> Any:
    import torch

    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(subject.device)

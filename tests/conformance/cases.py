"""Who is tested, and on which functions: implementations × devices × dtypes × specs, from the registry."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gem_impls import VARIANTS, Implementation, Op, Spec, get, implementations
from gem_impls.interface import EVERYWHERE

ORDERS = (1, 2, 3)
SPECS: tuple[Spec, ...] = tuple(
    spec
    for n in ORDERS
    for spec in (
        *(Spec(variant, n) for variant in VARIANTS),
        *(Spec("e-gem", n, eps) for eps in (1e-2, 1e-6, 10.0, 2.0**-100, 2.0**100)),
        Spec("se-gem", n, 1e-2, -0.5),  # a negative slope below 0: the function is not monotone
        Spec("se-gem", n, 10.0, 1.5),  # above 1: the value overflows before x does
        Spec("se-gem", n, 2.0**-100, 0.25),
        Spec("se-gem", n, 1.0, 1.0),  # odd
    )
)
"""Every variant at every order, from the published eps to the extreme, with slopes of each kind."""

FEW_SPECS: tuple[Spec, ...] = (Spec("gem", 1), Spec("se-gem", 1, 1e-4, 0.01))
"""For properties that depend on the arrays rather than on the function. One n: kernels are compiled per n."""

LITERAL = (
    "literal arithmetic: valid inside the domain it declares, which tests/conformance/test_domain.py tests"
)


@dataclass(frozen=True)
class Subject:
    """One implementation of one function, on one device, in one dtype; in and out in NumPy arrays."""

    impl: Implementation
    spec: Spec
    dtype: str
    device: str = "cpu"

    def __str__(self) -> str:
        # tests/conftest.py reads n and dtype from it: what shares a compiled kernel shares a worker.
        return f"{self.impl.name}-{self.spec}-{self.dtype}-{self.device}"

    @functools.cached_property
    def op(self) -> Op:
        return self.impl.build(self.spec)

    def array(self, a: Any) -> Any:
        """An array of the implementation, of this dtype, on this device, with the numbers of ``a``."""
        return self.impl.from_numpy(np.asarray(a), self.dtype, self.device)

    def numbers(self, t: Any) -> np.ndarray:
        return self.impl.to_numpy(t)

    def value(self, x: Any) -> np.ndarray:
        return self.numbers(self.op.forward(self.array(x)))

    def gradient(self, x: Any) -> np.ndarray:
        t = self.array(x)
        return self.numbers(self.op.backward(self.array(np.ones(t.shape)), t))

    def compute(self, what: str, x: Any) -> np.ndarray:
        return {"value": self.value, "gradient": self.gradient}[what](x)

    def is_literal(self, what: str) -> bool:
        """Whether it is exact only in a domain, as the formula taken literally is."""
        return self.impl.domain(self.spec, self.dtype, what) != EVERYWHERE


def everywhere(impl: Implementation) -> bool:
    """Whether an implementation promises its accuracy for every finite input."""
    return all(impl.domain(Spec("gem"), dtype, "value") == EVERYWHERE for dtype in impl.dtypes)


def subjects(
    specs: Iterable[Spec] = SPECS,
    dtypes: Iterable[str] | None = None,
    where: Callable[[Implementation], bool] = lambda impl: True,
    why_not: str = "",
) -> list[Any]:
    """Parameters for tests: a :class:`Subject` each; one skipped parameter where a device cannot be served.

    Implementations for which ``where`` is false are one skip with the reason ``why_not``.
    """
    specs, parameters = tuple(specs), []
    for name in implementations():
        impl = get(name)
        if not impl.devices:
            parameters.append(_skipped(name, impl.unavailable() or f"{name} serves no device"))
        elif not where(impl):
            parameters.append(_skipped(name, f"{name}: {why_not}"))
            continue
        for device in impl.devices:
            if (why := impl.unavailable(device)) is not None:
                parameters.append(_skipped(f"{name}-{device}", why))
                continue
            for dtype in impl.dtypes if dtypes is None else [d for d in dtypes if d in impl.dtypes]:
                parameters += [_parameter(Subject(impl, spec, dtype, device)) for spec in specs]
    return parameters


def _parameter(subject: Subject) -> Any:
    marks = [pytest.mark.gpu] if subject.device == "cuda" else []
    return pytest.param(subject, marks=marks, id=str(subject))


def _skipped(name: str, reason: str) -> Any:
    return pytest.param(None, marks=pytest.mark.skip(reason=reason), id=name)

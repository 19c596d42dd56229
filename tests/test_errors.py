"""gem_impls.errors: the nearest name is suggested, and all allowed ones are listed."""

from __future__ import annotations

import pytest

from gem_impls import Unavailable
from gem_impls.errors import unknown_name

NAMES = ["numpy_cpu", "torch_compile", "torch_naive", "triton_fused"]


@pytest.mark.parametrize(
    ("came", "nearest"),
    [
        ("triton_fuse", "triton_fused"),
        ("triton-fused", "triton_fused"),
        ("TRITON_FUSED", "triton_fused"),
        ("torch_comple", "torch_compile"),
        ("numpy", "numpy_cpu"),
    ],
)
def test_nearest(came: str, nearest: str) -> None:
    message = unknown_name("implementation", came, NAMES)
    assert message.startswith(f"unknown implementation {came!r}; one of {', '.join(NAMES)}.")
    assert message.endswith(f"Did you mean {nearest!r}?")


@pytest.mark.parametrize("came", ["", "xyz", 3, None, ("gem",)])
def test_nothing_near(came: object) -> None:
    message = unknown_name("implementation", came, NAMES)
    assert repr(came) in message
    assert all(name in message for name in NAMES)
    assert "Did you mean" not in message


def test_order_of_names_does_not_depend_on_the_caller() -> None:
    assert unknown_name("x", "y", NAMES) == unknown_name("x", "y", reversed(NAMES))


def test_unavailable_can_be_caught_as_a_runtime_error() -> None:
    assert issubclass(Unavailable, RuntimeError)

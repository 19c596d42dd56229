"""Bad input: one clear exception of a standard kind, naming the argument, what came and what is allowed.

And before any work: nothing that was handed over has been written to.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gem_impls import Spec
from tests.conformance.arrays import kind
from tests.conformance.cases import FEW_SPECS, Subject, subjects

SUBJECTS = subjects(FEW_SPECS[:1])
FLOAT32 = subjects(FEW_SPECS[:1], ["float32"])


@dataclass(frozen=True)
class Arrays:
    """Arrays of the implementation under test, right and wrong."""

    subject: Subject

    def good(self, *shape: int) -> Any:
        return self.subject.array(np.ones(shape))

    def of(self, dtype: str) -> Any:
        """An array that the library knows and the implementation does not."""
        if self.subject.impl.arrays == "numpy":
            return np.ones(3).astype(dtype)
        import torch

        return torch.ones(3).to(getattr(torch, dtype))

    def other_float(self, *shape: int) -> Any:
        other = next(d for d in self.subject.impl.dtypes if d != self.subject.dtype)
        return self.subject.impl.from_numpy(np.ones(shape), other, self.subject.device)

    def foreign(self) -> Any:
        """An array of another library."""
        if self.subject.impl.arrays == "torch":
            return np.ones(3, dtype=np.float32)
        torch = sys.modules.get("torch")
        return torch.ones(3) if torch else memoryview(b"123")

    def repeated(self) -> Any:
        """Three elements in one place: no place for three results."""
        return kind(self.subject.impl.arrays).expand(self.good(1), (3,))


Bad = Callable[[Arrays], Any]

NOT_ARRAYS: list[tuple[str, Bad]] = [
    ("list", lambda a: [1.0, 2.0, 3.0]),
    ("float", lambda a: 1.0),
    ("None", lambda a: None),
    ("str", lambda a: "1.0"),
    ("foreign", lambda a: a.foreign()),
]
WRONG_DTYPES = {
    "numpy": ("int64", "bool", "complex64", "object", "str", "longdouble", "datetime64[s]", ">f4", ">f8"),
    "torch": ("int64", "bool", "complex64", "uint8", "float8_e4m3fn"),
}
WRONG_OUTS: list[tuple[str, Bad, tuple[type[Exception], ...], str]] = [
    ("shape", lambda a: a.good(4), (ValueError,), "(4,)"),
    ("dimensions", lambda a: a.good(3, 1), (ValueError,), "(3, 1)"),
    ("broadcastable", lambda a: a.good(1), (ValueError,), "(1,)"),
    ("dtype", lambda a: a.other_float(3), (ValueError,), "dtype"),
    ("repeated", lambda a: a.repeated(), (ValueError,), "out"),
    ("list", lambda a: [0.0, 0.0, 0.0], (TypeError,), "list"),
    ("foreign", lambda a: a.foreign(), (TypeError,), "out"),
]


def refused(call: Callable[[], Any], exceptions: tuple[type[Exception], ...], *named: str) -> None:
    with pytest.raises(exceptions) as caught:
        call()
    assert type(caught.value) in exceptions, "a subclass nobody documents"
    for part in named:
        assert part in str(caught.value), str(caught.value)


@pytest.mark.parametrize(("name", "bad"), NOT_ARRAYS)
@pytest.mark.parametrize("subject", FLOAT32)
def test_x_must_be_an_array_of_the_implementation(subject: Subject, name: str, bad: Bad) -> None:
    arrays = Arrays(subject)
    x = bad(arrays)
    came = type(x).__name__
    refused(lambda: subject.op.forward(x), (TypeError,), "x must be", came)
    refused(lambda: subject.op.backward(arrays.good(3), x), (TypeError,), "x must be", came)
    if x is not None:
        refused(lambda: subject.op.backward(x, arrays.good(3)), (TypeError,), "grad_output must be", came)


@pytest.mark.parametrize("subject", FLOAT32)
def test_dtypes_it_does_not_have(subject: Subject, subtests: pytest.Subtests) -> None:
    arrays = Arrays(subject)
    for dtype in WRONG_DTYPES[subject.impl.arrays]:
        with subtests.test(dtype=dtype):
            x = arrays.of(dtype)
            allowed = (subject.dtype, str(x.dtype).removeprefix("torch."))
            refused(lambda x=x: subject.op.forward(x), (TypeError,), "x must have", *allowed)
            refused(
                lambda x=x: subject.op.backward(x, arrays.good(3)),
                (TypeError, ValueError),
                "grad_output must",
            )


@pytest.mark.parametrize(
    ("name", "bad", "exceptions", "came"), WRONG_OUTS, ids=lambda v: v if isinstance(v, str) else ""
)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_out(
    subject: Subject, name: str, bad: Bad, exceptions: tuple[type[Exception], ...], came: str
) -> None:
    arrays = Arrays(subject)
    x = arrays.good(3)
    out = bad(arrays)
    before = repr(out)
    refused(lambda: subject.op.forward(x, out=out), exceptions, "out", came)
    refused(lambda: subject.op.backward(arrays.good(3), x, out=out), exceptions, "out", came)
    assert repr(out) == before


@pytest.mark.parametrize(
    "subject",
    subjects(
        FEW_SPECS[:1],
        ["float32"],
        where=lambda impl: impl.arrays == "numpy",
        why_not="torch has no such arrays",
    ),
)
def test_out_that_is_read_only(subject: Subject) -> None:
    out = np.zeros(3, dtype=np.float32)
    out.setflags(write=False)
    x = np.ones(3, dtype=np.float32)
    refused(lambda: subject.op.forward(x, out=out), (ValueError,), "out", "read-only")
    refused(lambda: subject.op.backward(x, x, out=out), (ValueError,), "out", "read-only")


@pytest.mark.parametrize(
    "subject",
    subjects(
        FEW_SPECS[:1], ["float32"], where=lambda impl: impl.arrays == "torch", why_not="has one device only"
    ),
)
def test_other_devices(subject: Subject) -> None:
    """out or grad_output elsewhere than x; the meta device is elsewhere on every machine."""
    x, elsewhere = Arrays(subject).good(3), Arrays(subject).good(3).to("meta")
    refused(lambda: subject.op.forward(x, out=elsewhere), (ValueError,), "out", "meta", "device")
    refused(lambda: subject.op.backward(elsewhere, x), (ValueError,), "grad_output", "meta", "device")


@pytest.mark.parametrize(
    "subject",
    subjects(
        FEW_SPECS[:1], ["float32"], where=lambda impl: impl.arrays == "torch", why_not="has no such layouts"
    ),
)
def test_sparse_tensors(subject: Subject) -> None:
    x = Arrays(subject).good(3)
    refused(lambda: subject.op.forward(x.to_sparse()), (TypeError,), "x must", "sparse")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_grad_output_must_fit_x(subject: Subject) -> None:
    arrays = Arrays(subject)
    x = arrays.good(3)
    for wrong in (arrays.good(4), arrays.good(1), arrays.good(), arrays.good(3, 1)):
        refused(
            lambda wrong=wrong: subject.op.backward(wrong, x),
            (ValueError,),
            "grad_output must have the shape of x",
            "(3,)",
            str(tuple(wrong.shape)),
        )
    refused(lambda: subject.op.backward(arrays.other_float(3), x), (ValueError,), "grad_output", "dtype")


UNCARRIED = [
    # spec, argument, what is named
    (Spec("e-gem", 1, 1e-60), "eps", "1e-60"),
    (Spec("e-gem", 1, 1e60), "eps", "1e+60"),
    (Spec("se-gem", 1, 1.0, 1e60), "negative_slope", "1e+60"),
    (Spec("se-gem", 1, 1.0, -1e-60), "negative_slope", "-1e-60"),
    (Spec("gem", 1000), "n", "1000"),
]


@pytest.mark.parametrize(("spec", "argument", "came"), UNCARRIED, ids=str)
@pytest.mark.parametrize("subject", subjects(FEW_SPECS[:1], ["float16", "bfloat16", "float32"]))
def test_parameters_beyond_the_arithmetic(subject: Subject, spec: Spec, argument: str, came: str) -> None:
    """A valid Spec, which float64 mostly has; float32 arithmetic cannot carry it, and says so."""
    op = subject.impl.build(spec)
    x = Arrays(subject).good(3)
    named = (f"{argument} must", came, subject.dtype)
    refused(lambda: op.forward(x), (ValueError,), *named)
    refused(lambda: op.backward(x, x), (ValueError,), *named)
    # an empty array computes nothing, and says the same
    refused(lambda: op.forward(Arrays(subject).good(0)), (ValueError,), *named)


@pytest.mark.parametrize("subject", subjects(FEW_SPECS[:1], ["float64"]))
def test_parameters_that_only_float64_carries(subject: Subject) -> None:
    for spec in (Spec("e-gem", 1, 1e-60), Spec("e-gem", 1, 1e60), Spec("se-gem", 1, 1.0, 1e60)):
        y = subject.numbers(subject.impl.build(spec).forward(subject.array([1.0, -1.0])))
        assert np.isfinite(y).all()
    refused(
        lambda: subject.impl.build(Spec("e-gem", 1, 5e-324)).forward(subject.array([1.0])),
        (ValueError,),
        "eps",
    )

"""What is measured, on one interface: implementations of the family, torch's activations, and f''.

A subject takes exact numbers and gives exact numbers; what lies between is its own code, called the way its
users call it.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

import gem_impls
from benchmarks import accuracy, peers
from benchmarks.error import bounds
from benchmarks.error.grid import Function
from gem_impls import Implementation, Spec
from gem_impls.errors import unknown_name
from gem_impls.interface import EVERYWHERE

SECOND_DERIVATIVE: Final = "torch_autograd"
"""The subject that is :func:`gem_impls.torch_autograd.second_derivative`."""


class Subject(ABC):
    """Something with results that have errors.

    Attributes:
        name: what ``--implementation`` calls it.
        kind: ``"gem"``, ``"peer"`` or ``"second_derivative"``.
        implementation: its arrays, and for kind ``"gem"`` its operations.
        device: where it runs.
        whats: what it computes: ``"value"``, ``"gradient"``, ``"second_derivative"``.
    """

    kind: ClassVar[str]
    whats: ClassVar[tuple[str, ...]] = ("value", "gradient")

    def __init__(self, name: str, implementation: Implementation, device: str) -> None:
        self.name, self.implementation, self.device = name, implementation, device

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes that it has."""
        return self.implementation.dtypes

    @abstractmethod
    def evaluate(
        self, function: Function, dtype: str, what: str, x: NDArray[Any], grad_output: float = 1.0
    ) -> NDArray[np.float64]:
        """Its results at ``x``, numbers that ``dtype`` has; gradients are multiplied with grad_output."""

    def refuses(self, function: Function, dtype: str) -> str | None:
        """Why it cannot compute the function for the dtype at all, or None."""
        try:
            self.evaluate(function, dtype, self.whats[0], np.ones(1, np.float32))
        except ValueError as error:
            return str(error)
        return None

    def bound(self, function: Function, dtype: str, what: str) -> float | None:
        """The largest permitted error in ulp; None where none is stated."""
        assert isinstance(function, Spec), "peers override this"
        return bounds.bound(self.implementation, function, dtype, what)

    def domain(self, function: Function, dtype: str, what: str) -> tuple[float, float]:
        """Smallest and largest ``|x|`` for which it answers."""
        if not isinstance(function, Spec) or what == "second_derivative":
            return EVERYWHERE
        return self.implementation.domain(function, dtype, "value" if what == "value" else "gradient")

    def array(self, x: NDArray[Any], dtype: str) -> Any:
        """``x`` as an array of its own."""
        return self.implementation.from_numpy(x, dtype, self.device)

    def numbers(self, array: Any) -> NDArray[np.float64]:
        """The numbers of an array of its own."""
        self.implementation.synchronize(self.device)
        with np.errstate(invalid="ignore"):  # a signalling NaN warns when it is widened
            return np.asarray(self.implementation.to_numpy(array), np.float64)

    def _called(
        self, op: Any, dtype: str, what: str, x: NDArray[Any], grad_output: float
    ) -> NDArray[np.float64]:
        own = self.array(x, dtype)
        if what == "value":
            return self.numbers(op.forward(own))
        factors = self.array(np.full(x.shape, grad_output, np.float64), dtype)
        return self.numbers(op.backward(factors, own))


class Family(Subject):
    """An implementation of the family."""

    kind = "gem"

    def evaluate(
        self, function: Function, dtype: str, what: str, x: NDArray[Any], grad_output: float = 1.0
    ) -> NDArray[np.float64]:
        assert isinstance(function, Spec), "a function of the family"
        return self._called(self.implementation.build(function), dtype, what, x, grad_output)


class Peers(Subject):
    """torch's own activations; ``function`` is the name of one."""

    kind = "peer"

    def evaluate(
        self, function: Function, dtype: str, what: str, x: NDArray[Any], grad_output: float = 1.0
    ) -> NDArray[np.float64]:
        return self._called(peers.TORCH.build(function), dtype, what, x, grad_output)

    def bound(self, function: Function, dtype: str, what: str) -> float | None:
        return None


class SecondDerivative(Subject):
    """What double backward multiplies with: eager torch, the same for every torch implementation."""

    kind = "second_derivative"
    whats = ("second_derivative",)

    def evaluate(
        self, function: Function, dtype: str, what: str, x: NDArray[Any], grad_output: float = 1.0
    ) -> NDArray[np.float64]:
        from gem_impls.torch_autograd import second_derivative

        assert isinstance(function, Spec), "a function of the family"
        return self.numbers(second_derivative(function, self.array(x, dtype)))


# --- by name --------------------------------------------------------------------------------------------


def names() -> tuple[str, ...]:
    """Everything that can be measured: implementations, then the peers, then the second derivative."""
    return (*gem_impls.implementations(), peers.TORCH.name, SECOND_DERIVATIVE)


def find(name: str, device: str | None = None) -> Subject | str:
    """The subject of that name, or a sentence: why it cannot be measured here.

    ``device`` is by default ``"cuda"`` where the subject can serve it, else ``"cpu"``.

    Raises:
        ValueError: there is no such subject.
    """
    if name not in names():
        raise ValueError(unknown_name("implementation", name, names()))
    allow_interpreter(device)
    kind = {peers.TORCH.name: Peers, SECOND_DERIVATIVE: SecondDerivative}.get(name, Family)
    implementation = gem_impls.get(name) if kind is Family else peers.TORCH
    if device is None:
        device = "cuda" if implementation.unavailable("cuda") is None else "cpu"
    if (why := implementation.unavailable(device)) is not None:
        return why
    return kind(name, implementation, device)


def allow_interpreter(device: str | None) -> None:
    """Let Triton's interpreter serve where there is no GPU: results are judged here, speed is not.

    Triton reads the variable once, when it is first imported; one that is set already is left alone.
    """
    if device == "cuda" or "triton" in sys.modules or "TRITON_INTERPRET" in os.environ:
        return
    try:
        import torch
    except ImportError:
        return
    if not torch.cuda.is_available():
        os.environ["TRITON_INTERPRET"] = "1"


# --- the code that is measured --------------------------------------------------------------------------


def sources(subject: Subject) -> str:
    """A hash of the code that figures depend on: the package, this laboratory, and the subject's own."""
    files = [str(file) for file in sorted(Path(gem_impls.__file__).parent.rglob("*.py"))]
    files += [str(file) for file in sorted(Path(__file__).parent.glob("*.py"))]
    files += [str(module.__file__) for module in (accuracy, peers)]
    own = inspect.getsourcefile(type(subject.implementation))
    return hash_of((*files, *([own] if own else [])))


@functools.cache
def hash_of(files: tuple[str, ...]) -> str:
    """A short hash of what is in the files; where they lie does not enter."""
    digest = hashlib.sha256()
    for file in map(Path, files):
        digest.update(f"{file.parent.name}/{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]

"""The one interface: what an implementation is, and what it builds.

Arrays are the implementation's own: NumPy arrays for one, torch tensors for another. Callers that must
serve them all go through :meth:`Implementation.from_numpy` and :meth:`Implementation.to_numpy`.

No method that an implementation must supply has a body here: a misspelt override is an error when the
class is instantiated, never a silent default.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from gem_impls.spec import Spec

Array = Any
"""An array of the implementation at hand."""


class Op(ABC):
    """One function of the family, built: compiled, tuned, ready to be called on arrays.

    Shapes: any, 0-d and empty included. ``x`` is never written to, unless it is also ``out``. The result
    has the shape, dtype and device of ``x``, and its memory layout where that is dense.
    """

    spec: Spec

    @abstractmethod
    def forward(self, x: Array, out: Array | None = None) -> Array:
        """``f(x)``, elementwise; written to ``out`` (which may be ``x`` itself) where it is given.

        Raises:
            TypeError: ``x`` or ``out`` is not an array of this implementation, or has a dtype it lacks.
            ValueError: ``out`` differs from ``x`` in shape, dtype or device; or eps, n or
                negative_slope cannot be carried in the arithmetic of ``x``'s dtype.
        """

    @abstractmethod
    def backward(self, grad_output: Array, x: Array, out: Array | None = None) -> Array:
        """``grad_output * f'(x)``, elementwise; written to ``out`` where it is given.

        ``grad_output`` has the shape, dtype and device of ``x``, in any layout. Raises as
        :meth:`forward` does.
        """


class Implementation(ABC):
    """A way to compute the family. One file of ``gem_impls/impls/`` defines one, as ``IMPLEMENTATION``.

    Making an instance is cheap and always works; :meth:`unavailable` says whether it can serve here.
    """

    name: ClassVar[str]
    """What it is asked for by: the name of its file."""
    summary: ClassVar[str]
    """One line for tables: how it computes."""
    dtypes: ClassVar[tuple[str, ...]]
    """The names of :data:`gem_impls.oracle.FORMATS` that its arrays have."""
    devices: ClassVar[tuple[str, ...]]
    """The device types that it can serve where they exist: ``"cpu"``, ``"cuda"``."""
    arrays: ClassVar[str]
    """``"numpy"`` or ``"torch"``: the kind of array it takes."""
    saves_only_input: ClassVar[bool]
    """Whether ``x`` is all that is kept for backward."""

    @abstractmethod
    def unavailable(self, device: str = "cpu") -> str | None:
        """None where it can serve ``device``; else a sentence: why not, and what would make it so."""

    @abstractmethod
    def build(self, spec: Spec) -> Op:
        """The operation for ``spec``. Cheap to repeat: equal specs share what was compiled.

        Raises:
            TypeError: ``spec`` is not a :class:`~gem_impls.spec.Spec`.
            Unavailable: it can serve no device here.
        """

    @abstractmethod
    def from_numpy(self, a: Any, dtype: str, device: str = "cpu") -> Array:
        """A fresh array with the numbers of ``a`` (a float NumPy array), rounded once to ``dtype``.

        A ``bfloat16`` array can be had from any float array, since NumPy has no such type.
        """

    @abstractmethod
    def to_numpy(self, t: Array) -> Any:
        """A NumPy array with exactly the numbers of ``t``; 16-bit types widen to float32."""

    @abstractmethod
    def domain(self, spec: Spec, dtype: str, what: str) -> tuple[float, float]:
        """Smallest and largest ``|x|`` (x = 0 aside) inside which the error bounds hold.

        ``what`` is ``"value"`` or ``"gradient"``. :data:`EVERYWHERE` for an implementation without
        overflow or early underflow of its own.
        """

    @abstractmethod
    def synchronize(self, device: str) -> None:
        """Return when all work queued on ``device`` is done: what a wall clock calls at both ends."""


EVERYWHERE: tuple[float, float] = (0.0, float("inf"))

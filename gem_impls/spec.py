"""Which function of the family: the variants, and the parameters of one of them.

Every variant is the same form, for ``n`` a positive integer and ``eps > 0``::

    g(x) = x^(2n) / (eps + x^(2n))          the gate
    f(x) = s(x) * x * g(x)                  s(x) = 1 for x > 0, negative_slope for x < 0; f(0) = 0

so a variant is one row of constraints in :data:`VARIANTS`, and nothing else in the project knows a
variant by name. Source: arXiv 2604.21677. That ``eps`` is added to ``x^(2n)`` (and is not a length),
and that the negative branch of ``se-gem`` is ``negative_slope`` times the same rational form, are
readings chosen here; the public text leaves both open.
"""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gem_impls.errors import unknown_name


@dataclass(frozen=True)
class Parameter:
    """One real parameter of a variant: its value unless given, and whether it may be given."""

    default: float
    fixed: bool = False


@dataclass(frozen=True)
class Variant:
    """One row of the family: what of (eps, negative_slope) is free, and what each is by default."""

    eps: Parameter
    negative_slope: Parameter
    summary: str


VARIANTS: MappingProxyType[str, Variant] = MappingProxyType(
    {
        "gem": Variant(
            eps=Parameter(1.0, fixed=True),
            negative_slope=Parameter(0.0, fixed=True),
            summary="C^(2n)-smooth log-logistic gate",
        ),
        "e-gem": Variant(
            eps=Parameter(1e-4),
            negative_slope=Parameter(0.0, fixed=True),
            summary="eps tunes it towards ReLU",
        ),
        "se-gem": Variant(
            eps=Parameter(1e-4),
            negative_slope=Parameter(0.01),
            summary="no dead neurons: a small slope for x < 0",
        ),
    }
)
"""Variant name -> its row of constraints."""


@dataclass(frozen=True, repr=False)
class Spec:
    """One function of the family: hashable, comparable, validated, and printable.

    Args:
        variant: a key of :data:`VARIANTS`.
        n: order of the gate, an integer >= 1. The function has 2n continuous derivatives.
        eps: scale of the gate, finite and > 0; in the units of ``x^(2n)``. By default the variant's.
        negative_slope: slope for x -> -inf, finite. By default the variant's.

    After construction ``eps`` and ``negative_slope`` are floats, never None.

    Raises:
        TypeError: ``n`` is not an integer (a bool is not one), or ``eps`` / ``negative_slope`` is not
            a real number.
        ValueError: unknown variant; ``n`` < 1; ``eps`` not finite and > 0; ``negative_slope`` not
            finite; a parameter that the variant fixes came with another value.
    """

    variant: str
    n: int = 1
    eps: float = None  # type: ignore[assignment]  # None only until __post_init__ fills it
    negative_slope: float = None  # type: ignore[assignment]  # likewise

    def __post_init__(self) -> None:
        if not isinstance(self.variant, str):
            raise TypeError(f"variant must be a string, one of {', '.join(VARIANTS)}; got {self.variant!r}")
        if self.variant not in VARIANTS:
            raise ValueError(unknown_name("variant", self.variant, VARIANTS))
        row = VARIANTS[self.variant]
        object.__setattr__(self, "n", _positive_integer("n", self.n))
        for name, parameter in (("eps", row.eps), ("negative_slope", row.negative_slope)):
            given = getattr(self, name)
            value = parameter.default if given is None else _finite(name, given)
            if parameter.fixed and value != parameter.default:
                raise ValueError(
                    f"{name} is fixed at {parameter.default:g} for {self.variant!r}; got {given!r}. "
                    f"Variants that leave it free: {', '.join(_leaving_free(name))}"
                )
            object.__setattr__(self, name, value)
        if self.eps <= 0:
            raise ValueError(f"eps must be a finite number > 0; got {self.eps!r}")
        key = f"{self.variant} {self.n} {self.eps.hex()} {self.negative_slope.hex()}"
        self.__dict__["key"] = key  # made once; not a field, which equality and asdict would see

    if TYPE_CHECKING:

        @property
        def key(self) -> str:
            """The whole of it in one string, exactly; :meth:`from_key` reads it back."""

    @property
    def parameters(self) -> tuple[int, float, float]:
        """``n, eps, negative_slope``: all that the function depends on."""
        return self.n, self.eps, self.negative_slope

    @classmethod
    def from_key(cls, key: str) -> Spec:
        """The Spec whose :attr:`key` is ``key``."""
        variant, n, eps, negative_slope = key.split(" ")
        return cls(variant, int(n), float.fromhex(eps), float.fromhex(negative_slope))

    def __str__(self) -> str:
        """``se-gem(n=1, eps=0.0001, negative_slope=0.01)``: only what the variant leaves free."""
        row = VARIANTS[self.variant]
        free = [f"n={self.n}"]
        free += [] if row.eps.fixed else [f"eps={self.eps!r}"]
        free += [] if row.negative_slope.fixed else [f"negative_slope={self.negative_slope!r}"]
        return f"{self.variant}({', '.join(free)})"

    def __repr__(self) -> str:
        """An expression that evaluates to an equal Spec."""
        return f"Spec({self.variant!r}, n={self.n}, eps={self.eps!r}, negative_slope={self.negative_slope!r})"


def check_spec(spec: Any) -> Spec:
    """``spec`` itself. Raises TypeError where it is not a :class:`Spec`."""
    if not isinstance(spec, Spec):
        raise TypeError(f"spec must be a gem_impls.Spec; got {spec!r} ({type(spec).__name__})")
    return spec


def _leaving_free(name: str) -> list[str]:
    return [variant for variant, row in VARIANTS.items() if not getattr(row, name).fixed]


def _positive_integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer >= 1; got {value!r} ({type(value).__name__})")
    if value < 1:
        raise ValueError(f"{name} must be an integer >= 1; got {value!r}")
    return int(value)


def _finite(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a finite real number; got {value!r} ({type(value).__name__})")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite; got {value!r}")
    return number

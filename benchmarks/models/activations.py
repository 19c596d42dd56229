"""Activations as networks take them: a function of the family or a peer, by one name each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gem_impls import Spec
from gem_impls.errors import unknown_name
from gem_impls.spec import VARIANTS

if TYPE_CHECKING:
    import torch

GRID_N: Final = (1, 2, 3)
GRID_EPS: Final = (1e-6, 1e-4, 1e-2, 1.0, 10.0)
"""The n and eps that studies go through; se-gem keeps its default negative_slope."""

MODULES: Final[dict[str, str]] = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "gelu": "GELU",
    "gelu_tanh": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "softplus": "Softplus",
    "identity": "Identity",
}
"""Peer -> its class in ``torch.nn``. ``identity`` is what is left without one."""

ARGUMENTS: Final[dict[str, dict[str, str]]] = {"gelu_tanh": {"approximate": "tanh"}}
"""Peer -> what its class is made with, where that is not torch's default."""

PEERS: Final = ("relu", "leaky_relu", "gelu", "silu")
"""What the grids of studies hold beside the family, in the order of tables; the others must be named."""


@dataclass(frozen=True)
class Activation:
    """One activation that a network can be built with.

    Attributes:
        function: a :class:`~gem_impls.Spec`, or the name of a peer, a key of :data:`MODULES`.

    Raises:
        ValueError: there is no such peer.
    """

    function: Spec | str

    def __post_init__(self) -> None:
        if not isinstance(self.function, Spec) and self.function not in MODULES:
            raise ValueError(unknown_name("activation", str(self.function), MODULES))

    @property
    def name(self) -> str:
        """What records call it: ``e-gem(n=1, eps=0.0001)``, or the peer's name; :func:`named` reads it."""
        return str(self.function)

    @property
    def spec(self) -> Spec | None:
        """Which function of the family; None for a peer."""
        return self.function if isinstance(self.function, Spec) else None

    def module(self, implementation: str | None = None) -> torch.nn.Module:
        """A fresh module. ``implementation`` is for the family: by default what serves unnamed calls.

        Raises:
            ValueError: an implementation was named for a peer, or is unknown.
        """
        import torch

        from gem_impls import nn

        if isinstance(self.function, Spec):
            return nn.Activation(self.function, implementation)
        if implementation is not None:
            raise ValueError(f"implementation must be None for {self.function}; got {implementation!r}")
        made: torch.nn.Module = getattr(torch.nn, MODULES[self.function])(**ARGUMENTS.get(self.function, {}))
        return made


def named(name: str) -> Activation:
    """The activation that is called ``name``: the inverse of :attr:`Activation.name`.

    Parameters may be left out, as in ``gem`` or ``e-gem(n=2)``.

    Raises:
        ValueError: there is none; the message names what is allowed.
    """
    word, bracket, inside = name.strip().partition("(")
    if word in MODULES:
        if bracket:
            raise ValueError(f"activation {word} takes no parameters; got {name!r}")
        return Activation(word)
    if word not in VARIANTS:
        raise ValueError(unknown_name("activation", word, (*VARIANTS, *MODULES)))
    if bracket and not inside.endswith(")"):
        raise ValueError(f"activation must be like e-gem(n=1, eps=0.0001); got {name!r}")
    given: dict[str, float] = {}
    for part in filter(None, map(str.strip, inside.removesuffix(")").split(","))):
        key, _, value = map(str.strip, part.partition("="))
        if key not in ("n", "eps", "negative_slope") or key in given:
            raise ValueError(f"activation {name!r}: parameters are n, eps and negative_slope; got {part!r}")
        given[key] = _number(name, key, value)
    n = given.pop("n", 1)
    if not float(n).is_integer():
        raise ValueError(f"activation {name!r}: n must be an integer >= 1; got {n!r}")
    return Activation(Spec(word, int(n), **given))


def _number(name: str, key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"activation {name!r}: {key} must be a number; got {value!r}") from None


def family(ns: tuple[int, ...] = GRID_N, eps: tuple[float, ...] = GRID_EPS) -> tuple[Activation, ...]:
    """The family over a grid: gem for each n, the variants that leave eps free for each n and eps."""
    return tuple(
        Activation(Spec(variant, n) if row.eps.fixed else Spec(variant, n, e))
        for variant, row in VARIANTS.items()
        for n in ns
        for e in ((1.0,) if row.eps.fixed else eps)
    )


def peers() -> tuple[Activation, ...]:
    """Those of :data:`PEERS`."""
    return tuple(map(Activation, PEERS))


def everything() -> tuple[Activation, ...]:
    """Peers first, then the family over the whole grid."""
    return peers() + family()

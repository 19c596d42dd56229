"""The family as torch modules: GEM, EGEM and SEGEM.

Modules hold no tensors: their ``state_dict`` is empty, and moving one between devices changes nothing but
which implementation serves an unnamed call. Parameters are fixed numbers, not learned.
"""

from __future__ import annotations

try:
    import torch
except ImportError as error:
    raise ImportError("gem_impls.nn needs torch: pip install 'gem-impls[torch]'") from error

from gem_impls.choice import chosen
from gem_impls.registry import get
from gem_impls.spec import Spec
from gem_impls.torch_autograd import apply_to_tensor


class Activation(torch.nn.Module):
    """The function that ``spec`` describes, elementwise, on tensors of any shape.

    Args:
        spec: which function.
        implementation: a name from :func:`gem_impls.implementations`; by default the one that
            :data:`gem_impls.choice.DEFAULTS` has for the device of the input.

    Raises:
        ValueError: unknown implementation. (One that cannot serve raises when it is called.)
    """

    def __init__(self, spec: Spec, implementation: str | None = None) -> None:
        super().__init__()
        if implementation is not None:
            get(implementation)
        self.spec = spec
        self.implementation = implementation

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return apply_to_tensor(self.spec, input, self.implementation)

    def chosen(self, device: str = "cpu") -> str:
        """The name of the implementation that serves inputs on ``device``."""
        return chosen("torch", device, self.implementation)

    def extra_repr(self) -> str:
        """What the module's repr shows between its brackets."""
        named = f", implementation={self.implementation!r}" if self.implementation else ""
        return str(self.spec).partition("(")[2].removesuffix(")") + named


class GEM(Activation):
    """``x^(2n+1) / (1 + x^(2n))`` for x > 0, else 0. See :func:`gem_impls.gem`."""

    def __init__(self, n: int = 1, *, implementation: str | None = None) -> None:
        super().__init__(Spec("gem", n), implementation)


class EGEM(Activation):
    """``x^(2n+1) / (eps + x^(2n))`` for x > 0, else 0. See :func:`gem_impls.egem`."""

    def __init__(self, n: int = 1, eps: float = 1e-4, *, implementation: str | None = None) -> None:
        super().__init__(Spec("e-gem", n, eps), implementation)


class SEGEM(Activation):
    """``s * x^(2n+1) / (eps + x^(2n))``, s = 1 or ``negative_slope``. See :func:`gem_impls.segem`."""

    def __init__(
        self,
        n: int = 1,
        eps: float = 1e-4,
        negative_slope: float = 0.01,
        *,
        implementation: str | None = None,
    ) -> None:
        super().__init__(Spec("se-gem", n, eps, negative_slope), implementation)

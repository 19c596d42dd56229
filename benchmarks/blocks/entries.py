"""What is kept of a measurement: raw samples and counts, with what they depend on. Nothing derived.

Whoever takes part is called by a name such as ``gem(n=1) by cpp_fused`` or ``gelu``; what the name stands for
is in :attr:`Race.functions` and :attr:`Race.implementations`. Times are seconds per step, of the whole block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

FORWARD: Final = "forward"
"""The block in evaluation mode, without autograd: y from x."""

TRAINING: Final = "training step"
"""The block in training mode: y from x, then the gradients of all parameters and of x from a fixed gradient
of y, then one update of plain SGD."""

PASSES: Final = (FORWARD, TRAINING)

EAGER, COMPILED = "eager", "compiled"
MODES: Final = (EAGER, COMPILED)
"""The block as it is, or through ``torch.compile``."""

IDENTITY: Final = "identity"
"""The participant that has no activation at all."""

INLINED: Final = "inlined"
"""As an implementation: none was named, and torch.compile takes the formula into its own kernels."""

PEER: Final = "torch"
"""As an implementation: torch's own, of a function that is not of the family."""

WRITTEN_OUT: Final = "torch.where"
"""As an implementation: ReLU as ``torch.where(x > 0, x, 0)``, in compiled blocks, where the compiler makes
other code of it than of torch's own ReLU."""


@dataclass(frozen=True)
class Race:
    """One block in one setting: everybody was timed once in each round, in an order that changes.

    Attributes:
        block: a key of :data:`benchmarks.models.blocks.BLOCKS`; ``summary`` and ``source`` are from its row.
        mode: one of :data:`MODES`.
        passes: one of :data:`PASSES`.
        shape: of the block's input.
        clock: ``"wall"``: what a caller waits, the device synchronised at both ends.
        parameters: how many numbers the block learns.
        activated: elements that activations are applied to in one forward pass.
        functions: participant -> the activation, as :attr:`benchmarks.models.activations.Activation.name`.
        implementations: participant -> whose code: a name of :func:`gem_impls.implementations`,
            :data:`INLINED`, :data:`PEER`, :data:`WRITTEN_OUT`.
        samples: participant -> seconds per step, one a round.
        alone: participant -> seconds that its activations take by themselves, on the inputs that they get
            in this block, one in each of the same rounds; empty for compiled blocks.
        calls: participant -> how many steps one sample made.
        left_out: participant -> why it has no time.
    """

    block: str
    summary: str
    source: str
    device: str
    dtype: str
    mode: str
    passes: str
    shape: tuple[int, ...]
    clock: str
    parameters: int
    activated: int
    functions: Mapping[str, str]
    implementations: Mapping[str, str]
    samples: Mapping[str, tuple[float, ...]]
    alone: Mapping[str, tuple[float, ...]]
    calls: Mapping[str, int]
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Count:
    """Bytes of one participant in one setting, counted; see :mod:`benchmarks.memory`.

    Attributes:
        peak_bytes: most bytes allocated at any time of a step, beyond the input, the parameters and what the
            block had before: results and gradients are among them. None where they could not be counted.
        saved_bytes: kept from the forward pass until the backward pass, each piece of memory once, without
            the block's input and parameters; None for a pass that keeps nothing.
        reason: why a count is missing.
    """

    block: str
    device: str
    dtype: str
    mode: str
    passes: str
    who: str
    peak_bytes: int | None
    saved_bytes: int | None
    reason: str | None = None


@dataclass(frozen=True)
class Failure:
    """What should have been measured and was not: a wrong result, an impossible figure, an error."""

    piece: str
    reason: str


Entry = Race | Count | Failure

KINDS: Final[dict[str, type]] = {"races": Race, "counts": Count, "failures": Failure}
"""Key in the record -> class of its entries."""

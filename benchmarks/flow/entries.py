"""What is kept of a network at initialisation: sizes of signals and gradients, by seed and layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WITHIN, VANISHED, EXPLODED, NOT_FINITE = "within", "vanished", "exploded", "not finite"

FATES: Final = (WITHIN, VANISHED, EXPLODED, NOT_FINITE)
"""What became of a signal: it stayed within [1/limit, limit], fell below, rose above, or overflowed."""

BySeed = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Flow:
    """One network at initialisation, once for every seed. Input and output gradient are standard normal.

    Signal 0 is the input, signal l what layer l gives. ``forward`` is the root mean square of signal l over
    the batch and the units; ``backward`` that of the gradient with respect to signal l - 1: what has passed
    the layers from the last one back to l; ``weights`` the Frobenius norm of the gradient with respect to the
    weights of layer l. Each is seeds x layers; None where it was infinite or NaN.

    Attributes:
        network: a key of :data:`benchmarks.models.deep.NETWORKS`.
        norm: a key of :data:`benchmarks.models.deep.NORMS`.
        init: a key of :data:`benchmarks.flow.plan.INITS`.
        gain: factor of the weights that read what an activation gives.
        activation: its name, see :mod:`benchmarks.models.activations`.
        depth: layers, of one activation each.
        width: units of a layer.
        batch: inputs.
        limit: a signal dies where its root mean square leaves [1/limit, limit].
        layers: the numbers of the layers that are kept, ascending, the first and the last among them.
        forward_fate: one of :data:`FATES` a seed, over all layers, those not kept included.
        forward_left: the first layer whose signal left the interval; None where none did.
        backward_left: the layer at which the gradient, on its way back, left first.
    """

    network: str
    norm: str
    init: str
    gain: float
    activation: str
    depth: int
    width: int
    batch: int
    dtype: str
    limit: float
    seeds: tuple[int, ...]
    layers: tuple[int, ...]
    forward: BySeed
    backward: BySeed
    weights: BySeed
    forward_fate: tuple[str, ...]
    forward_left: tuple[int | None, ...]
    backward_fate: tuple[str, ...]
    backward_left: tuple[int | None, ...]


@dataclass(frozen=True)
class Failure:
    """What should have been measured and was not, and why."""

    piece: str
    reason: str


Entry = Flow | Failure

KINDS: Final[dict[str, type[Entry]]] = {"flows": Flow, "failures": Failure}
"""Key in the record -> class of its entries."""

"""Deep networks at initialisation, all seeds at once: plain and residual, with and without normalisation.

Every tensor has the seeds as its first dimension: signals are ``(seeds, batch, width)``, weights ``(seeds,
width, width)``, and a layer is one batched product. A seed draws its own numbers, whoever it stands beside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]

NORM_EPS: Final = 1e-5
"""What normalisation adds to a variance: torch's default."""


def _batch_norm(z: Tensor) -> Tensor:
    """Each unit over the batch, as in training; no learned scale, as at initialisation."""
    variance, mean = torch.var_mean(z, dim=1, correction=0, keepdim=True)
    return (z - mean) * (variance + NORM_EPS).rsqrt()


def _layer_norm(z: Tensor) -> Tensor:
    """Each sample over the units."""
    return torch.nn.functional.layer_norm(z, z.shape[-1:], eps=NORM_EPS)


NORMS: Final[dict[str, Function]] = {"none": lambda z: z, "batch": _batch_norm, "layer": _layer_norm}
"""Name -> normalisation, without learned scale and shift."""


def _plain(x: Tensor, weights: Sequence[Tensor], f: Function, norm: Function) -> Tensor:
    return f(norm(x @ weights[0]))


def _residual(x: Tensor, weights: Sequence[Tensor], f: Function, norm: Function) -> Tensor:
    return x + f(norm(x) @ weights[0]) @ weights[1]


@dataclass(frozen=True)
class Network:
    """How a layer computes.

    Attributes:
        formula: for people.
        layer: (signal, weights of the layer, activation, normalisation) -> next signal.
        activated: for each matrix of a layer, whether it reads what an activation gave (that of the layer
            before, for a plain network: its first layer reads the input).
    """

    formula: str
    layer: Callable[[Tensor, Sequence[Tensor], Function, Function], Tensor]
    activated: tuple[bool, ...]


NETWORKS: Final[dict[str, Network]] = {
    "plain": Network("act(norm(W x))", _plain, (True,)),
    "residual": Network("x + W2 act(W1 norm(x))", _residual, (False, True)),
}
"""Name -> network. Norm is left out, after the product in a plain layer and before it in a residual one."""


def generator(seed: int, stream: int) -> torch.Generator:
    """A source of random numbers that ``seed`` and ``stream`` decide together.

    torch's generator on CPUs looks at 32 bits of a seed alone; NumPy's SeedSequence mixes both into them.

    Args:
        seed: an integer >= 0.
        stream: likewise; what the numbers are for. Another one gives other numbers for the same seed.
    """
    state = np.random.SeedSequence((seed, stream)).generate_state(1)
    return torch.Generator().manual_seed(int(state[0]))


def normals(seeds: Sequence[int], *shape: int, stream: int = 0) -> Tensor:
    """Standard normal float32 numbers ``(seeds, *shape)``; a row is decided by its seed and the stream."""
    out = torch.empty(len(seeds), *shape)
    for row, seed in zip(out, seeds, strict=True):
        row.normal_(generator=generator(seed, stream))
    return out


def weights(matrices: Tensor, network: Network, depth: int, gain: float, otherwise: float) -> list[Tensor]:
    """The weights of ``depth`` layers, in order: standard normal ``matrices`` times gain / sqrt(fan in).

    Args:
        matrices: ``(seeds, at least depth x matrices of a layer, fan in, fan out)``.
        network: whose.
        depth: layers.
        gain: of what reads an activation's values.
        otherwise: the gain of the rest: the first layer, and what reads a sum or what normalisation gave.
    """
    each = len(network.activated)
    scale = 1 / math.sqrt(matrices.shape[-2])
    reads = [network.activated[i % each] and i > 0 for i in range(depth * each)]
    return [matrices[:, i] * (scale * (gain if reading else otherwise)) for i, reading in enumerate(reads)]


def signals(
    x: Tensor, parameters: Sequence[Tensor], network: Network, f: Function, norm: Function
) -> list[Tensor]:
    """The input and what each layer gives, ``(seeds, batch, width)`` each."""
    each = len(network.activated)
    found = [x]
    for start in range(0, len(parameters), each):
        found.append(network.layer(found[-1], parameters[start : start + each], f, norm))
    return found


SPAN, STEPS = 13.0, 400_000


def preserving_gain(f: Function) -> float:
    """``1 / sqrt(E f(z)^2)`` for standard normal z: what keeps signals' mean square from layer to layer.

    By the trapezoidal rule on [-13, 13] in float64, in steps of 6.5e-5: exact to some 1e-9 across the kink of
    a ReLU, and to rounding where f is smooth.

    Raises:
        ValueError: f is 0 everywhere, or not finite somewhere.
    """
    z = torch.linspace(-SPAN, SPAN, STEPS + 1, dtype=torch.float64)
    density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    with torch.no_grad():
        square = float(torch.trapezoid(f(z).square() * density, z))
    if not 0 < square < math.inf:
        raise ValueError(f"the mean square of the activation must be finite and > 0; got {square}")
    return 1 / math.sqrt(square)

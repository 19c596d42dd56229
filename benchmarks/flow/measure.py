"""One network at initialisation: forward, backward, and how large everything was."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from benchmarks.flow.entries import EXPLODED, NOT_FINITE, VANISHED, WITHIN, Flow
from benchmarks.flow.setups import BATCH, DEEPEST, DTYPE, INITS, LIMIT, Setup
from benchmarks.models.activations import Activation
from benchmarks.models.deep import NETWORKS, NORMS, normals, preserving_gain, signals, weights
from gem_impls import calculate_gain

KEPT = 8
"""Parts into which the kept layers divide a network."""

INPUTS, OUTPUTS, MATRICES = range(3)
"""Streams of random numbers: of the inputs, of the gradients at the output, of the weights."""


def flow(setup: Setup, activation: Activation, depth: int, seeds: tuple[int, ...]) -> Flow:
    """Measure one network with one activation, for every seed.

    The gradient is that of ``(c * output).sum()`` for standard normal c: what is measured is the network and
    not a loss. Signals and gradients are float32, as people train; their sizes are summed in float64.

    Raises:
        ValueError: the activation has no gain that preserves the mean square, and the setup asks for it.
    """
    network, f = NETWORKS[setup.network], activation.module()
    gain, otherwise = gains(setup.init, activation)
    x, c = _ends(seeds, setup.width)
    drawn = _matrices(seeds, setup.width, len(network.activated))
    parameters = [w.requires_grad_() for w in weights(drawn, network, depth, gain, otherwise)]
    found = signals(x.clone().requires_grad_(), parameters, network, f, NORMS[setup.norm])
    gradients = torch.autograd.grad(found[-1], [*found[:-1], *parameters], c)
    forward = _sizes(found[1:], mean=True)
    backward = _sizes(gradients[:depth], mean=True)
    each = len(network.activated)
    matrices = [gradients[depth + i * each : depth + (i + 1) * each] for i in range(depth)]
    squares = [_sizes(parts, mean=False) for parts in matrices]
    layers = kept(depth)
    ends = [_end(row, range(1, depth + 1)) for row in forward]
    back = [_end(row[::-1], range(depth, 0, -1)) for row in backward]
    return Flow(
        network=setup.network,
        norm=setup.norm,
        init=setup.init,
        gain=gain,
        activation=activation.name,
        depth=depth,
        width=setup.width,
        batch=BATCH,
        dtype=DTYPE,
        limit=LIMIT,
        seeds=seeds,
        layers=layers,
        forward=tuple(_row(row, layers) for row in forward),
        backward=tuple(_row(row, layers) for row in backward),
        weights=tuple(
            _row([math.hypot(*by_layer[s]) for by_layer in squares], layers) for s in range(len(seeds))
        ),
        forward_fate=tuple(fate for fate, _ in ends),
        forward_left=tuple(layer for _, layer in ends),
        backward_fate=tuple(fate for fate, _ in back),
        backward_left=tuple(layer for _, layer in back),
    )


@functools.cache
def gains(init: str, activation: Activation) -> tuple[float, float]:
    """The gain of weights that read the activation, and of the others."""
    chosen, spec = INITS[init], activation.spec
    if chosen.gain is not None:
        return chosen.gain, chosen.otherwise
    return calculate_gain(spec) if spec else preserving_gain(activation.module()), chosen.otherwise


def kept(depth: int) -> tuple[int, ...]:
    """The layers whose sizes are kept: the first, and every eighth part of the way to the last."""
    return tuple(sorted({1, *(math.ceil(depth * part / KEPT) for part in range(1, KEPT + 1))}))


@functools.lru_cache(maxsize=1)
def _ends(seeds: tuple[int, ...], width: int) -> tuple[Tensor, Tensor]:
    return normals(seeds, BATCH, width, stream=INPUTS), normals(seeds, BATCH, width, stream=OUTPUTS)


@functools.lru_cache(maxsize=2)
def _matrices(seeds: tuple[int, ...], width: int, each: int) -> Tensor:
    """For the deepest network: those of a shallower one are the first of them, whichever is asked for."""
    return normals(seeds, DEEPEST * each, width, width, stream=MATRICES)


def _sizes(tensors: Sequence[Tensor], *, mean: bool) -> list[list[float]]:
    """Seeds x tensors: root of the sum (or mean) of squares, which float64 holds where float32 would not."""
    norms = [torch.linalg.vector_norm(t.detach(), dim=(1, 2), dtype=torch.float64) for t in tensors]
    stacked = torch.stack(norms, dim=1)
    count = tensors[0][0].numel()
    rows: list[list[float]] = (stacked / math.sqrt(count) if mean else stacked).tolist()
    return rows


def _end(sizes: Sequence[float], layers: Iterable[int]) -> tuple[str, int | None]:
    """What became of a signal of these sizes on its way through ``layers``, and where."""
    for size, layer in zip(sizes, layers, strict=True):
        if not math.isfinite(size):
            return NOT_FINITE, layer
        if size > LIMIT:
            return EXPLODED, layer
        if size < 1 / LIMIT:
            return VANISHED, layer
    return WITHIN, None


def _row(sizes: Sequence[float], layers: Iterable[int]) -> tuple[float | None, ...]:
    """What is kept of one seed: three digits, and None for what is not finite."""
    chosen = [sizes[layer - 1] for layer in layers]
    return tuple(float(f"{size:.3g}") if math.isfinite(size) else None for size in chosen)

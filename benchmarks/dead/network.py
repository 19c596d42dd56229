"""A perceptron for every seed at once, and the count of its dead units."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.models.deep import Function, normals

FIRST_STREAM = 16
"""Stream of random numbers of the first layer's weights; each further layer has the next one."""


@dataclass(frozen=True)
class Perceptrons:
    """Hidden layers and a linear layer to the classes; one network for each seed, computed together.

    ``weights[l]`` is ``(seeds, fan in, fan out)``, ``biases[l]`` ``(seeds, 1, fan out)``; the last of each
    are those of the linear layer.
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    activation: Function

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """Everything that is trained."""
        return (*self.weights, *self.biases)

    def logits(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """``(seeds, samples, classes)``, and what went into each activation: ``(seeds, samples, width)``."""
        inputs = []
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs.append(x @ weight + bias)
            x = self.activation(inputs[-1])
        return x @ self.weights[-1] + self.biases[-1], inputs


def perceptrons(
    seeds: Sequence[int], sizes: Sequence[int], activation: Function, gain: float, bias: float
) -> Perceptrons:
    """Networks as they begin.

    Args:
        seeds: one network each; a seed's weights are the same whatever the other arguments but ``sizes``.
        sizes: features, units of each hidden layer, classes.
        activation: of the hidden layers.
        gain: weights are normal, of standard deviation gain / sqrt(fan in); the linear layer's gain is 1.
        bias: of hidden units; that of the linear layer is 0.
    """
    weights, biases = [], []
    layers = list(itertools.pairwise(sizes))
    for index, (fan_in, fan_out) in enumerate(layers):
        last = index == len(layers) - 1
        drawn = normals(seeds, fan_in, fan_out, stream=FIRST_STREAM + index)
        weights.append(drawn * ((1.0 if last else gain) / math.sqrt(fan_in)))
        biases.append(torch.full((len(seeds), 1, fan_out), 0.0 if last else bias))
    return Perceptrons(
        tuple(w.requires_grad_() for w in weights), tuple(b.requires_grad_() for b in biases), activation
    )


def losses(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of each sample, in nats: ``(seeds, samples)``. ``y`` is like that, or ``(samples,)``."""
    seeds, samples, classes = logits.shape
    flat = torch.nn.functional.cross_entropy(
        logits.reshape(-1, classes), y.expand(seeds, samples).reshape(-1), reduction="none"
    )
    return flat.view(seeds, samples)


@dataclass(frozen=True)
class Census:
    """Hidden units of each seed by what became of them, see :class:`benchmarks.dead.entries.Training`."""

    dead: list[int]
    flat: list[int]
    faint: list[int]
    loss: list[float]


def census(networks: Perceptrons, x: Tensor, y: Tensor, faint_below: float) -> Census:
    """Count the units of every network over the whole of ``x``, ``(samples, features)``."""
    logits, inputs = networks.logits(x)
    each = losses(logits, y)
    gradients = torch.autograd.grad(each.sum(), inputs)
    slopes = [_slope(networks.activation, z.detach()) for z in inputs]
    return Census(
        dead=_units((g == 0).all(dim=1) for g in gradients),
        flat=_units((s == 0).all(dim=1) for s in slopes),
        faint=_units((s.abs() < faint_below).all(dim=1) for s in slopes),
        loss=each.detach().double().mean(dim=1).tolist(),
    )


def correct(networks: Perceptrons, x: Tensor, y: Tensor) -> list[int]:
    """For each network, how many samples of ``x`` it puts in their class."""
    with torch.no_grad():
        found: list[int] = (networks.logits(x)[0].argmax(dim=2) == y).sum(dim=1).tolist()
    return found


def _slope(activation: Function, z: Tensor) -> Tensor:
    z = z.requires_grad_()
    (slope,) = torch.autograd.grad(activation(z).sum(), z)
    return slope


def _units(masks: Iterable[Tensor]) -> list[int]:
    """Over layers of ``(seeds, width)``: the units of each seed for which the mask holds."""
    found: list[int] = torch.stack([mask.sum(dim=1) for mask in masks]).sum(dim=0).tolist()
    return found

"""What is kept of a training: how many units are dead at which step, by seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Counts = tuple[tuple[int | None, ...], ...]
Numbers = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Training:
    """One network trained once for every seed, with its hidden units counted at some steps.

    ``dead``, ``flat`` and ``faint`` count hidden units, of ``units`` in all; ``correct`` counts samples of
    the test set, of ``tests``; ``loss`` is the mean cross-entropy over the training set, in nats. Each is
    seeds x steps; None from the step on at which the loss was no longer finite.

    A unit is *dead* where the gradient of the loss with respect to its incoming weights and its bias is
    exactly 0 for every sample of the training set. It is *flat* where the derivative of its own activation is
    exactly 0 at every sample, and *faint* where that is below ``faint_below`` in size.

    Attributes:
        scenario: a key of :data:`benchmarks.dead.scenarios.SCENARIOS`.
        activation: its name, see :mod:`benchmarks.models.activations`.
        optimizer: ``"sgd"`` or ``"adam"``.
        learning_rate: the same at every step.
        gain: of the initial weights: standard deviation gain / sqrt(fan in).
        bias: initial value of every hidden bias.
        depth: hidden layers.
        width: units of one.
        batch: samples of a step.
        samples: those of the training set.
        seeds: of the weights and of the order of the samples.
        steps: when units were counted; 0 is before the first step.
        diverged_at: the step whose loss was infinite or NaN; None where there was none.
    """

    scenario: str
    activation: str
    optimizer: str
    learning_rate: float
    gain: float
    bias: float
    depth: int
    width: int
    batch: int
    samples: int
    tests: int
    units: int
    faint_below: float
    seeds: tuple[int, ...]
    steps: tuple[int, ...]
    dead: Counts
    flat: Counts
    faint: Counts
    correct: Counts
    loss: Numbers
    diverged_at: tuple[int | None, ...]


@dataclass(frozen=True)
class Failure:
    """What should have been measured and was not, and why."""

    piece: str
    reason: str


Entry = Training | Failure

KINDS: Final[dict[str, type[Entry]]] = {"trainings": Training, "failures": Failure}
"""Key in the record -> class of its entries."""

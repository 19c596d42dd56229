"""What is kept of the ablation: how each model was trained, and every single training. Nothing derived.

Scores, intervals and chosen learning rates follow from these: see :mod:`benchmarks.train.statistics`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ACCURACY: Final = "accuracy"
"""Share of samples whose class is the most probable one: higher is better, 0 … 1."""

LOSS: Final = "loss"
"""Mean cross-entropy of the right symbol, in nats: lower is better."""

SMALL, CNN, TRANSFORMER = "small", "cnn", "transformer"
"""What kind of model: a plain MLP, convolutions, attention."""


@dataclass(frozen=True)
class Setting:
    """A model with the data and the settings that everybody was trained with.

    Attributes:
        model: its name, as on the command line.
        title: its name in words.
        group: :data:`SMALL`, :data:`CNN` or :data:`TRANSFORMER`.
        about: what it is, and what is small about it.
        recipe: True for a published setting, which needs the user's own data.
        dataset: what it is trained on, and ``source`` where that is from.
        digest: a short hash of the data.
        train: samples, or symbols of a text, to train on; ``val`` and ``test`` likewise. What is held out to
            choose by is not counted in ``train``.
        metric: :data:`ACCURACY` or :data:`LOSS`.
        guess: the score of a guess that knows nothing: 1 / classes, or ln(vocabulary).
        unigram: the loss of a guess that knows how frequent each symbol is; None where there are classes.
        parameters: how many numbers are learned.
        steps: of the optimiser; ``batch`` samples or sequences each, of ``context`` symbols (None: no text).
        optimizer: its name and numbers.
        schedule: how the learning rate goes over the steps.
        init: how weights are drawn.
        rates: the learning rates that everybody was tried with, ascending.
        seeds: each has its weights, its batches and its validation part, the same for every activation and
            rate.
        activations: everybody who was to be trained.
    """

    model: str
    title: str
    group: str
    about: str
    recipe: bool
    dataset: str
    source: str
    digest: str
    train: int
    val: int
    test: int
    metric: str
    guess: float
    unigram: float | None
    parameters: int
    steps: int
    batch: int
    context: int | None
    optimizer: str
    schedule: str
    init: str
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    activations: tuple[str, ...]


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        model: the ``model`` of its :class:`Setting`.
        activation: as :attr:`benchmarks.models.activations.Activation.name`.
        rate: the learning rate at its highest.
        seed: of weights, batches and the validation part.
        steps: that were done.
        diverged_at: the first step, counted from 1, whose loss was NaN or infinite; ``steps`` where the
            losses of all steps were finite and the trained model's were not. None: it did not diverge. A
            training that diverged has no scores.
        train_loss: mean over the last tenth of the steps, in nats.
        val_loss: on the validation part after the last step; ``test_loss`` likewise.
        val_score: in the metric of the setting; ``test_score`` likewise. Nothing is chosen by the test part.
        curve_steps: ends of equal runs of steps, over which ``curve`` has the mean training loss. Runs with a
            loss that is not finite are left out.
        seconds: of training, without set-up and scoring.
        implementation: what served the activation: a name of :func:`gem_impls.implementations`, or ``torch``.
        machine: the processor or card that computed.
    """

    model: str
    activation: str
    rate: float
    seed: int
    steps: int
    diverged_at: int | None
    train_loss: float | None
    val_loss: float | None
    val_score: float | None
    test_loss: float | None
    test_score: float | None
    curve_steps: tuple[int, ...]
    curve: tuple[float, ...]
    seconds: float
    implementation: str
    machine: str


@dataclass(frozen=True)
class Failure:
    """A training that should have been and was not: a lost worker, no memory. No score stands in for it."""

    model: str
    activation: str
    rate: float
    seed: int
    reason: str


MOST_SEEDS: Final = 200
"""Seeds that a record may have."""

LARGEST: Final = 1e39
"""Losses are of float32: none is beyond this."""


def check(entry: object) -> None:
    """Raise ValueError for an entry that cannot be, though its types are right."""
    if isinstance(entry, Setting):
        _check_setting(entry)
    elif isinstance(entry, Training):
        _check_training(entry)


def _check_setting(entry: Setting) -> None:
    if entry.metric not in (ACCURACY, LOSS):
        raise ValueError(f"metric must be {ACCURACY} or {LOSS}; got {entry.metric!r}")
    if entry.group not in (SMALL, CNN, TRANSFORMER):
        raise ValueError(f"group must be {SMALL}, {CNN} or {TRANSFORMER}; got {entry.group!r}")
    if entry.unigram is not None and not 0 <= entry.unigram <= 100:
        raise ValueError(f"unigram cannot be {entry.unigram:g}")
    if not 0 < entry.guess <= (1 if entry.metric == ACCURACY else 100):
        raise ValueError(f"guess cannot be {entry.guess:g}")
    if min(entry.test, entry.train, entry.steps, entry.batch) < 1:
        raise ValueError("test, train, steps and batch must be at least 1")
    if list(entry.rates) != sorted(set(entry.rates)) or not entry.rates or entry.rates[0] <= 0:
        raise ValueError("rates must be > 0 and ascending")
    if len(set(entry.seeds)) < len(entry.seeds):
        raise ValueError("seeds must differ from one another")
    if len(entry.seeds) > MOST_SEEDS:
        raise ValueError(f"there are {len(entry.seeds)} seeds; at most {MOST_SEEDS} are read")


def _check_training(entry: Training) -> None:
    if entry.rate <= 0 or entry.steps < 1 or entry.seconds < 0:
        raise ValueError("rate must be > 0, steps at least 1, seconds at least 0")
    if len(entry.curve) != len(entry.curve_steps):
        raise ValueError("curve and curve_steps have different lengths")
    wanted = (entry.val_score, entry.val_loss, entry.test_score, entry.test_loss)
    if any(score is not None and abs(score) > LARGEST for score in wanted):
        raise ValueError("a score is beyond float32")
    if entry.diverged_at is None and any(score is None for score in wanted):
        raise ValueError("it did not diverge, and has no score")
    if entry.diverged_at is not None and any(score is not None for score in wanted):
        raise ValueError("it diverged, and has a score")

"""Made-up settings and trainings for tests of what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmarks.train.entries import ACCURACY, LOSS, SMALL, TRANSFORMER, Setting, Training

RATES = (0.01, 0.1, 1.0)


def setting(model: str = "mlp", *, metric: str = ACCURACY, seeds: int = 5, test: int = 1000) -> Setting:
    accuracy = metric == ACCURACY
    return Setting(
        model=model,
        title=f"{model} title",
        group=SMALL if accuracy else TRANSFORMER,
        about=f"about {model}",
        recipe=False,
        dataset="digits",
        source="scikit-learn",
        digest="0123456789abcdef",
        train=1150,
        val=287,
        test=test,
        metric=metric,
        guess=0.1 if accuracy else 4.5,
        unigram=None if accuracy else 3.2,
        parameters=1234,
        steps=100,
        batch=64,
        context=None if accuracy else 32,
        optimizer="SGD",
        schedule="a cosine to a tenth",
        init="weights normal",
        rates=RATES,
        seeds=tuple(range(seeds)),
        activations=(),
    )


def final(
    activation: str, seed: int, score: float | None, *, of: Setting | None = None, at: int = 7
) -> Training:
    """A training at the middle rate; a ``score`` of None diverged ``at`` that step."""
    of = of or setting()
    return Training(
        model=of.model,
        activation=activation,
        rate=RATES[1],
        seed=seed,
        steps=of.steps if score is not None else at,
        diverged_at=at if score is None else None,
        train_loss=0.1,
        val_loss=None if score is None else (0.2 if of.metric == ACCURACY else score),
        val_score=score,
        test_loss=None if score is None else (0.2 if of.metric == ACCURACY else score),
        test_score=score,
        curve_steps=(50, 100),
        curve=(1.0, 0.1),
        seconds=0.5,
        implementation="torch",
        machine="a processor",
    )


def finals(activation: str, scores: Sequence[float | None], *, of: Setting | None = None) -> list[Training]:
    """Seeds 0, 1, ... at every rate; the middle one is chosen, with that score, unless all diverged."""
    return [t for seed, score in enumerate(scores) for t in at_every_rate(activation, seed, score, of=of)]


def at_every_rate(
    activation: str, seed: int, score: float | None, *, of: Setting | None = None
) -> list[Training]:
    """One seed; at the other rates it did worse on the validation part, and better on the test part."""
    middle = final(activation, seed, score, of=of)
    if score is None:
        return [replace(middle, rate=rate) for rate in RATES]
    assert middle.val_loss is not None
    lucky = 1.0 if (of or setting()).metric == ACCURACY else 0.001
    other = replace(middle, val_loss=middle.val_loss + 1, test_score=lucky, test_loss=0.001)
    return [middle if rate == RATES[1] else replace(other, rate=rate) for rate in RATES]


def searched(
    activation: str, losses: Mapping[float, Sequence[float | None]], *, of: Setting | None = None
) -> list[Training]:
    """Rate -> validation loss for each seed; None diverged. The test score tells the rate."""
    return [
        replace(
            final(activation, seed, None if loss is None else 0.5 + rate / 10, of=of),
            rate=rate,
            val_loss=loss,
        )
        for rate, found in losses.items()
        for seed, loss in enumerate(found)
    ]


__all__ = ["LOSS", "RATES", "at_every_rate", "final", "finals", "searched", "setting"]

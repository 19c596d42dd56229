"""Made-up settings and trainings for tests of what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.train.entries import ACCURACY, FINAL, LOSS, SEARCH, SMALL, TRANSFORMER, Setting, Training

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
        search_seeds=(1000, 1001),
        seeds=tuple(range(seeds)),
        activations=(),
    )


def final(
    activation: str, seed: int, score: float | None, *, of: Setting | None = None, at: int = 7
) -> Training:
    """A reported training; a ``score`` of None diverged ``at`` that step."""
    of = of or setting()
    return Training(
        model=of.model,
        activation=activation,
        phase=FINAL,
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
    return [final(activation, seed, score, of=of) for seed, score in enumerate(scores)]


def searched(
    activation: str, scores: dict[float, Sequence[float | None]], *, of: Setting | None = None
) -> list[Training]:
    """A search: rate -> validation score for each search seed."""
    return [
        replace(
            final(activation, seed, score, of=of),
            phase=SEARCH,
            rate=rate,
            test_loss=None,
            test_score=None,
        )
        for rate, found in scores.items()
        for seed, score in zip((1000, 1001), found, strict=False)
    ]


__all__ = ["LOSS", "RATES", "final", "finals", "searched", "setting"]

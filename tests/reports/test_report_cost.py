"""Claims about time, in records whose truth is known: equals support none of them in over 5 of 100 runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the tests are SciPy's")

from benchmarks.blocks.entries import Race as BlockRace
from benchmarks.performance.entries import Race
from reports.worth.claims import CLAIMS
from reports.worth.evidence import Evidence
from reports.worth.verdicts import NOT_SEEN, SUPPORTED
from tests.reports import worth_factory as made
from tests.reports.worth_factory import evidence

BY_ID = {claim.id: claim for claim in CLAIMS}
BLOCKS = ("gpt2-mlp", "gated-mlp", "resnet56-block", "bert-small-block")
RUNS = 300


def noisy(draw: np.random.Generator, seconds: float, rounds: int) -> tuple[float, ...]:
    """About so long: 3 % of noise, and a sample in thirty twice as long."""
    noise = np.exp(0.03 * draw.standard_normal(rounds)) * np.where(draw.random(rounds) < 1 / 30, 2, 1)
    return tuple((seconds * noise).tolist())


def layers(
    draw: np.random.Generator, gem: float = 1.0, alone: float = 1.0, rounds: int = 21, codes: int = 3
) -> Evidence:
    """Four blocks; gem takes ``gem`` of GELU's step in each of its codes, and ``alone`` of it by itself."""
    races: list[BlockRace] = []
    for name in BLOCKS:
        race = made.block(name, 1.0, alone=(1.0, 1.0))
        ours = [f"gem(n=1) by {i}" for i in range(codes)]
        cost = {"identity": 0.9, "gelu": 1.0, **dict.fromkeys(ours, gem)}
        by_itself = {"gelu": 0.1, **dict.fromkeys(ours, 0.1 * alone)}
        races.append(
            replace(
                race,
                functions={who: who.partition(" ")[0] for who in cost},
                implementations={who: who.rpartition(" ")[2] if who in ours else "torch" for who in cost},
                samples={who: noisy(draw, t, rounds) for who, t in cost.items()},
                alone={who: noisy(draw, t, rounds) for who, t in by_itself.items()},
            )
        )
    return evidence(blocks=races)


def calls(draw: np.random.Generator, gem: float = 1.0) -> Evidence:
    """Twelve sizes, the largest with five rounds."""
    races: list[Race] = [
        replace(
            race, samples={who: noisy(draw, t, 5 if race.numel > 2**18 else 41) for who, t in cost.items()}
        )
        for race in made.calls(gem, sizes=range(8, 20))
        for cost in [{"cpp_fused": gem, "gelu": 1.0}]
    ]
    return evidence(performance=races)


@pytest.mark.parametrize(
    ("claim", "of"),
    [("cheap-layer", layers), ("not-faster", layers), ("cheap-call", calls)],
)
def test_equals_support_no_claim(claim: str, of: Callable[[np.random.Generator], Evidence]) -> None:
    draw = np.random.default_rng(1)
    judge = BY_ID[claim].judge
    found = [judge(of(draw)) for _ in range(RUNS)]
    assert sum(one is not None and one.verdict == SUPPORTED for one in found) <= 0.05 * RUNS


def test_a_tenth_less_is_seen() -> None:
    draw = np.random.default_rng(2)
    for claim, found in (("cheap-layer", layers(draw, gem=0.9)), ("cheap-call", calls(draw, gem=0.9))):
        assert BY_ID[claim].finding(found).verdict == SUPPORTED


def test_one_slow_place_among_many_is_seen_too() -> None:
    draw = np.random.default_rng(3)
    races = list(layers(draw, gem=0.9).of("blocks", BlockRace))
    slow = layers(draw, gem=1.2).of("blocks", BlockRace)[0]
    assert BY_ID["cheap-layer"].finding(evidence(blocks=[*races[1:], slow])).verdict == NOT_SEEN


def test_a_step_of_which_little_is_known_is_not_said_to_be_no_faster() -> None:
    """The activations by themselves are twice as fast; whether the step is, five rounds do not tell."""
    draw = np.random.default_rng(4)
    assert BY_ID["not-faster"].finding(layers(draw, gem=1.02, alone=0.5, rounds=41)).verdict == SUPPORTED
    assert BY_ID["not-faster"].finding(layers(draw, gem=0.95, alone=0.5, rounds=41)).verdict == NOT_SEEN
    assert BY_ID["not-faster"].finding(layers(draw, gem=1.0, alone=0.5, rounds=5)).verdict == NOT_SEEN


def test_the_card_says_what_the_page_of_layers_says() -> None:
    from benchmarks.blocks.readings import moved
    from benchmarks.blocks.words import moved_words
    from reports.worth import cost

    found = layers(np.random.default_rng(5), gem=0.8)
    races = found.of("blocks", BlockRace)
    assert [cost.moved_words(found, race) for race in races] == [moved_words(one) for one in moved(races)]
    assert all("%" in cost.moved_words(found, race) for race in races)

"""The advice and the cards: what they say of few seeds, lost trainings, a leader that chance has chosen."""

from dataclasses import replace

import numpy as np

from gem_impls import Spec
from reports.worth import advice
from reports.worth.ablation import ablations
from reports.worth.cards import cards
from reports.worth.choosing import choosing
from reports.worth.evidence import Evidence
from tests.reports import worth_factory as made
from tests.reports.worth_factory import evidence

EPS = tuple(Spec("e-gem", 1, value) for value in (1e-6, 1e-4, 1e-2, 1.0, 10.0))


def trained(seeds: tuple[int, ...] = made.SEEDS) -> Evidence:
    s = made.setting("mlp", seeds=seeds)
    return evidence(train=[s, *made.trainings(s, lambda _: 0.0)])


def test_two_seeds_are_called_too_few_and_never_level() -> None:
    text = choosing(trained(made.SEEDS[:2]))
    assert text.count("oo few seeds") >= 5
    for claimed in (
        "differences stands",
        "Not told apart",
        "no difference",
        "does not tell",
        "Worse than no other",
    ):
        assert claimed not in text


def test_with_five_seeds_it_says_what_does_not_stand() -> None:
    text = choosing(trained())
    assert "too few seeds" not in text
    assert "none of 6 differences stands" in text


def test_of_equals_somebody_is_called_worse_in_one_run_of_twenty() -> None:
    """Whoever has the best mean has it by luck; comparing all with that one alone would say so too often."""
    generator = np.random.default_rng(11)
    s = made.setting("mlp", activations=tuple(map(str, EPS)), test=100_000)
    base = made.trainings(s, lambda _: 0.0)
    runs = 300
    accused = 0
    for _ in range(runs):
        drawn = {(str(e), seed): generator.normal(0.9, 0.01) for e in EPS for seed in s.seeds}
        rows = [replace(t, test_score=drawn[t.activation, t.seed]) for t in base]
        (a,) = ablations(evidence(train=[s, *rows]))
        accused += bool(advice._behind(a, EPS))
    assert accused / runs <= 0.075, "5 %, and what 300 runs may add by chance"


def test_who_is_far_behind_is_found() -> None:
    s = made.setting("mlp", activations=tuple(map(str, EPS)))
    rows = made.trainings(s, lambda name: -0.1 if name == str(EPS[4]) else 0.0)
    (a,) = ablations(evidence(train=[s, *rows]))
    assert advice._behind(a, EPS) == [EPS[4]]


def test_seeds_that_lost_a_training_are_said_and_left_out() -> None:
    s = made.setting("mlp")
    rows = made.trainings(s, lambda _: 0.0)
    lost = [
        t
        for t in rows
        if not (t.activation == str(Spec("e-gem")) and t.seed in s.seeds[:2] and t.rate == 0.01)
    ]
    (card,) = (c for c in cards(evidence(train=[s, *lost])) if c.id == "small")
    (sure,) = dict(card.answers)["How sure"]
    assert "2 seeds of the grid have lost a training and are left out." in "".join(part.text for part in sure)
    (a,) = ablations(evidence(train=[s, *lost]))
    pair = a.pair(Spec("e-gem"), "relu")
    assert pair is not None
    assert pair.pairs == 3


def test_the_command_named_is_that_of_the_record() -> None:
    e = trained()
    assert e.command("train") == "python -m benchmarks train --quick"
    full = Evidence(e.environment, {"train": replace(e.records["train"], length="full")})
    assert full.command("train") == "python -m benchmarks train"
    assert e.command("shape") == "python -m benchmarks shape"

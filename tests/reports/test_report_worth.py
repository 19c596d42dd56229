"""Every claim reaches every verdict it can, from records made for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.train.entries import ACCURACY
from benchmarks.train.statistics import BETTER
from gem_impls import Spec
from reports.worth.ablation import ablations
from reports.worth.cards import cards
from reports.worth.claims import CLAIMS
from reports.worth.evidence import Evidence, gathered
from reports.worth.gradients import drift
from reports.worth.verdicts import NEEDS_DATA, NOT_SEEN, NOT_YET, SUPPORTED, Claim
from tests.reports import worth_factory as made
from tests.reports.worth_factory import evidence

BY_ID = {claim.id: claim for claim in CLAIMS}
PUBLISHED = {
    "cifar10": "cifar10-resnet56",
    "cifar100": "cifar100-resnet56",
    "mnist": "mnist-mlp",
    "gpt2": "gpt2-124m",
    "bert-small": "bert-small",
}
"""Claim -> the recipe that decides it."""


def n_of(name: str) -> int:
    found = re.search(r"n=(\d)", name)
    return int(found[1]) if found else 0


def trained(better: Callable[[str], float], **changes: object) -> Evidence:
    return evidence(train=made.ablation(better, **changes))


def flows(own: float, relu: float = 1.3) -> Evidence:
    members = [made.flow(str(Spec(v)), own) for v in ("gem", "e-gem", "se-gem")]
    return evidence(flow=[made.flow("relu", relu), *members])


def died(se_gem: float, relu: float, diverged: int = 0) -> Evidence:
    return evidence(dead=[made.dead(str(Spec("se-gem")), se_gem, diverged=diverged), made.dead("relu", relu)])


def higher_orders(by: float, groups: str = "") -> Callable[[str], float]:
    return lambda name: by if n_of(name) > 1 else 0.0


SCENARIOS: dict[str, Callable[[], tuple[Evidence, list[Evidence]]]] = {
    "like-relu": lambda: (
        trained(lambda _: 0.0),
        [
            trained(lambda name: -0.03 if name == str(Spec("gem")) else 0.0),  # one of nine comparisons fails
            trained(lambda name: 0.05 if name == "relu" else 0.0),
        ],
    ),
    "gradient-flow": lambda: (flows(own=1.001), [flows(own=1.3), flows(own=1.8), flows(own=0.5, relu=1.001)]),
    "no-dead": lambda: (
        died(0.0, 0.4),
        [died(0.01, 0.4), died(0.0, 0.0), died(0.01, 0.4, diverged=4)],
    ),
    "order-trades": lambda: (
        evidence(shape=made.quantities()),
        [evidence(shape=made.quantities(farther=False))],
    ),
    "approaches-relu": lambda: (
        evidence(shape=made.quantities()),
        [
            evidence(shape=made.quantities(disturbed=1e-9)),
            evidence(shape=[replace(q, measured=1.0) for q in made.quantities()]),
        ],
    ),
    "smooth-junction": lambda: (
        evidence(shape=made.junctions()),
        [
            evidence(shape=made.junctions(disturbed=1e-6)),
            evidence(shape=made.junctions(sides=("right",))),
        ],
    ),
    "first-order": lambda: (
        trained(higher_orders(-0.02)),
        [trained(higher_orders(0.0)), trained(higher_orders(+0.02))],
    ),
    "second-order": lambda: (
        trained(higher_orders(+0.02)),
        [trained(higher_orders(0.0)), trained(higher_orders(-0.02))],
    ),
    "cheap-call": lambda: (
        evidence(performance=made.calls(gem=0.5)),
        [evidence(performance=made.calls(gem=1.0)), evidence(performance=made.calls(gem=2.0))],
    ),
    "cheap-layer": lambda: (
        evidence(blocks=[made.block("gpt2-mlp", 0.8), made.block("gated-mlp", 1.0)]),
        [
            evidence(blocks=[made.block("gpt2-mlp", 1.0)]),
            evidence(blocks=[made.block("gpt2-mlp", 0.8), made.block("gated-mlp", 1.3)]),
        ],
    ),
    "hierarchy": lambda: (
        trained(higher_orders(0.0)),
        [
            trained(higher_orders(+0.02)),
            # Nothing is seen, but a gain of a point is not excluded either.
            trained(lambda name: 0.0095 if n_of(name) > 1 else 0.0),
        ],
    ),
    "live-neurons": lambda: (
        trained(lambda name: 0.02 if name.startswith("se-gem") else 0.0),
        [trained(lambda _: 0.0), trained(lambda name: -0.02 if name.startswith("se-gem") else 0.0)],
    ),
    "not-faster": lambda: (
        evidence(blocks=[made.block("gpt2-mlp", 1.0, alone=(0.05, 0.1))]),
        [
            evidence(blocks=[made.block("gpt2-mlp", 0.8, alone=(0.05, 0.1))]),
            evidence(blocks=[made.block("gpt2-mlp", 1.0, alone=(0.1, 0.1))]),
        ],
    ),
}
"""Claim -> evidence that supports it, and evidence that does not."""


def test_every_claim_is_tried() -> None:
    assert SCENARIOS.keys() | PUBLISHED.keys() == BY_ID.keys()
    assert len(BY_ID) == len(CLAIMS)


# --- verdicts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_claim_is_supported_by_records_that_meet_its_rule(name: str) -> None:
    assert BY_ID[name].finding(SCENARIOS[name]()[0]).verdict == SUPPORTED


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_claim_is_not_seen_in_records_that_do_not(name: str) -> None:
    _, several = SCENARIOS[name]()
    assert [BY_ID[name].finding(e).verdict for e in several] == [NOT_SEEN] * len(several)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_without_records_nothing_is_claimed(claim: Claim) -> None:
    expected = NEEDS_DATA if claim.id in PUBLISHED else NOT_YET
    assert claim.finding(Evidence()).verdict == expected


@pytest.mark.parametrize(("flaw", "word"), [("complete", "interrupted"), ("whole", "Only a part")])
@pytest.mark.parametrize("name", SCENARIOS)
def test_an_interrupted_or_partial_run_decides_nothing(name: str, flaw: str, word: str) -> None:
    for found in (SCENARIOS[name]()[0], SCENARIOS[name]()[1][0]):
        broken = {study: replace(record, **{flaw: False}) for study, record in found.records.items()}
        finding = BY_ID[name].finding(replace(found, records=broken))
        assert finding.verdict == NOT_YET
        assert word in finding.measured


def test_flow_is_judged_where_weights_are_equal() -> None:
    """With its own gain gem is steadier than ReLU with another: that compares two gains."""
    own = [
        made.flow("relu", 1.3, init="own", gain=1.4),
        made.flow(str(Spec("gem")), 1.001, init="own", gain=2.0),
    ]
    judge = BY_ID["gradient-flow"]
    assert judge.finding(evidence(flow=own)).verdict == NOT_YET
    equal = [made.flow("relu", 1.001), made.flow(str(Spec("gem")), 1.001)]
    found = judge.finding(evidence(flow=[*equal, *own]))
    assert found.verdict == NOT_SEEN
    assert "1 comparison:" in found.measured
    assert "their weights differ" in found.measured
    assert "weights differ" not in judge.finding(evidence(flow=equal)).measured


def test_two_seeds_are_too_few_to_judge() -> None:
    for name in ("like-relu", "first-order", "second-order", "hierarchy", "live-neurons"):
        finding = BY_ID[name].finding(trained(lambda _: 0.0, seeds=made.SEEDS[:2]))
        assert finding.verdict == NOT_YET
        assert "Too few seeds" in finding.measured


def test_a_divergence_counts_against_whoever_diverged() -> None:
    gem = str(Spec("gem"))
    s = made.setting("mlp")
    calm, lost = ([s, *made.trainings(s, lambda _: 0.0, diverged=who)] for who in ((), (gem,)))
    judge = BY_ID["like-relu"]
    assert judge.finding(evidence(train=calm)).verdict == SUPPORTED
    finding = judge.finding(evidence(train=lost))
    assert finding.verdict == NOT_SEEN
    assert "gem −85.00 points" in finding.measured, "it enters as a guess: 10 % instead of 95 %"


def test_a_card_says_perhaps_where_a_difference_does_not_stand() -> None:
    """Of the two comparisons of a card, Holm asks p <= 0.025 of the first."""
    e_gem = str(Spec("e-gem"))
    noise = np.array([0.001, -0.002, 0.003, -0.001, -0.001])
    s = made.setting("mlp", activations=("relu", "gelu", e_gem))
    said = []
    for p in (0.6, 0.04, 0.001):
        shift = stats.t.isf(p / 2, 4) * noise.std(ddof=1) / np.sqrt(5)
        runs = [
            replace(
                t, test_score=0.9 + (shift + noise[s.seeds.index(t.seed)] if t.activation == e_gem else 0.0)
            )
            for t in made.trainings(s, lambda _: 0.0)
        ]
        (card,) = (c for c in cards(evidence(train=[s, *runs])) if c.id == "small")
        strong = [part.text for line in dict(card.answers)["What it changed"] for part in line if part.strong]
        said.append(strong)
    assert said == [
        ["no difference to ReLU", "no difference to GELU"],
        ["perhaps better than ReLU", "perhaps better than GELU"],
        ["better than ReLU", "better than GELU"],
    ]


# --- many comparisons -------------------------------------------------------------------------------------


def pairs_of(p_values: dict[str, float]):
    """Each against ReLU, made so that a paired t test gives just that p."""
    s = made.setting("mlp", activations=("relu", *p_values))
    noise = np.array([0.001, -0.002, 0.003, -0.001, -0.001])
    means = {
        who: stats.t.isf(p / 2, 4) * noise.std(ddof=1) / np.sqrt(5) - noise.mean()
        for who, p in p_values.items()
    }
    runs = [
        replace(
            t,
            test_score=0.9
            + (means[t.activation] + noise[s.seeds.index(t.seed)] if t.activation in means else 0),
        )
        for t in made.trainings(s, lambda _: 0.0)
    ]
    (a,) = ablations(evidence(train=[s, *runs]))
    return a.pairs((who, "relu") for who in p_values)


@pytest.mark.parametrize(
    ("p_values", "stand"),
    [
        ({"a": 0.03}, [True]),
        ({"a": 0.03, "b": 0.035}, [False, False]),  # each alone would be called better
        ({"a": 0.035, "b": 0.001}, [True, True]),
        ({"a": 0.02, "b": 0.02, "c": 0.02}, [False, False, False]),
        ({"a": 0.01, "b": 0.02, "c": 0.04}, [True, True, True]),
    ],
)
def test_comparisons_are_taken_together(p_values: dict[str, float], stand: list[bool]) -> None:
    """Holm: the i-th smallest of m stands up to 5 % / (m - i + 1), as long as those before it stand."""
    found = pairs_of(p_values)
    assert [c.p for c in found] == pytest.approx(list(p_values.values()), rel=1e-6)
    assert {c.verdict for c in found} == {BETTER}
    assert [c.holds for c in found] == stand


def test_one_lucky_order_among_many_does_not_sell_the_hierarchy() -> None:
    lucky = {str(Spec("se-gem", 3, 1e-2)): 0.0004}
    s = made.setting("mlp")
    runs = made.trainings(s, lambda name: lucky.get(name, 0.0))
    (a,) = ablations(evidence(train=[s, *runs]))
    alone = a.pair(Spec("se-gem", 3, 1e-2), Spec("se-gem", 1, 1e-2))
    assert alone is not None
    assert alone.p < 0.05
    assert BY_ID["hierarchy"].finding(evidence(train=[s, *runs])).verdict == SUPPORTED


# --- the real data sets -----------------------------------------------------------------------------------


SIZES = {
    "cifar10-resnet56": (45_000, 5_000, 10_000),
    "cifar100-resnet56": (45_000, 5_000, 10_000),
    "mnist-mlp": (55_000, 5_000, 10_000),
    "gpt2-124m": (100_000_000, 50_000, 50_000),
    "bert-small": (100_000_000, 50_000, 50_000),
}
"""Recipe -> what there is to train on, to choose by and to test on."""


def recipe_record(
    model: str, better: Callable[[str], float], sizes: tuple[int, int, int] = (0, 0, 0), **header: object
):
    train, val, test = sizes if any(sizes) else SIZES[model]
    group = {"gpt2-124m": "transformer", "bert-small": "transformer", "mnist-mlp": "small"}.get(model, "cnn")
    metric = {} if group == "transformer" else {"metric": ACCURACY}
    s = made.setting(model, recipe=True, group=group, train=train, val=val, test=test, **metric)
    return made.stored("train", [s, *made.trainings(s, better)], header=header, length="full")


LIKED = {
    "cifar10": lambda name: 0.01 if name == str(Spec("se-gem")) else 0.0,
    "cifar100": lambda name: {str(Spec("e-gem")): 0.02, str(Spec("gem")): 0.01}.get(name, 0.0),
    "mnist": lambda _: 0.0,
    "gpt2": lambda name: 0.02 if name == str(Spec("gem", 2)) else 0.0,
    "bert-small": lambda name: 0.02 if name == str(Spec("e-gem", 1, 10.0)) else 0.0,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_result_is_decided_by_its_own_data_alone(name: str) -> None:
    claim, model = BY_ID[name], PUBLISHED[name]
    ours = made.stored("train", made.ablation(LIKED[name]))
    assert claim.finding(gathered({"train": [ours]})[0]).verdict == NEEDS_DATA, "digits are not CIFAR"
    real = recipe_record(model, LIKED[name])
    (found,) = gathered({"train": [ours, real]})
    assert found.records["train"] is ours, "a recipe does not displace the ablation"
    assert claim.finding(found).verdict == SUPPORTED
    other = recipe_record(
        model, lambda who: -LIKED[name](who) if name != "mnist" else -0.005 * (who[:2] == "e-")
    )
    assert claim.finding(gathered({"train": [ours, other]})[0]).verdict == NOT_SEEN
    shortened = recipe_record(model, LIKED[name], steps=10)
    assert claim.finding(gathered({"train": [ours, shortened]})[0]).verdict == NEEDS_DATA
    partial = replace(real, complete=False)
    assert claim.finding(gathered({"train": [ours, partial]})[0]).verdict == NEEDS_DATA


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("part", [0, 2], ids=["train", "test"])
def test_data_of_another_size_are_not_the_published_ones(name: str, part: int) -> None:
    claim, model = BY_ID[name], PUBLISHED[name]
    sizes = list(SIZES[model])
    sizes[part] -= 1
    stand_in = recipe_record(model, LIKED[name], sizes=(sizes[0], sizes[1], sizes[2]))
    found = claim.finding(gathered({"train": [stand_in]})[0])
    assert found.verdict == NEEDS_DATA
    assert "A run on other data decides nothing: it had " in found.measured
    newer, real = replace(stand_in, started=made.STARTED.replace(day=28)), recipe_record(model, LIKED[name])
    assert claim.finding(gathered({"train": [newer, real]})[0]).verdict == SUPPORTED


# --- evidence ---------------------------------------------------------------------------------------------


def test_records_of_two_machines_are_never_mixed() -> None:
    shape = made.stored("shape", made.quantities(), machine="A")
    blocks = made.stored("blocks", [made.block("gpt2-mlp", 1.0)], machine="A")
    train = made.stored("train", made.ablation(), machine="B", day=25)
    calls = made.stored("performance", made.calls(1.0), machine="C")
    found = gathered({"shape": [shape], "blocks": [blocks], "train": [train], "performance": [calls]})
    assert [(e.machine, set(e.records)) for e in found] == [
        ("B", {"shape", "train"}),
        ("A", {"shape", "blocks"}),
    ], "what is exact serves both; calls alone make no page beside others"
    (alone,) = gathered({"performance": [calls]})
    assert (alone.machine, set(alone.records)) == ("C", {"performance"})
    assert gathered({}) == (Evidence(),)


def test_what_goes_beside_other_studies_does_not_bring_a_machine_to_the_front() -> None:
    five = {"shape": [], "blocks": [], "flow": [], "dead": [], "train": []}
    ours = {name: made.stored(name, [], machine="ours", day=25) for name in five}
    theirs = {name: made.stored(name, [], machine="theirs", day=24) for name in (*five, "performance")}
    both = {name: [r[name] for r in (theirs, ours) if name in r] for name in theirs}
    assert [e.machine for e in gathered(both)] == ["ours", "theirs"], "as many studies: the newer one"
    both["performance"] = [made.stored("performance", [], machine="theirs", day=27)]
    both["shape"] = [made.stored("shape", [], machine="theirs", day=28)]
    assert [e.machine for e in gathered(both)] == ["ours", "theirs"], "newer by these alone: not newer"
    fewer = {**both, "flow": both["flow"][:1]}
    assert [e.machine for e in gathered(fewer)] == ["theirs", "ours"]


def test_of_several_records_the_whole_full_newest_is_taken() -> None:
    runs = [
        made.stored("train", [], day=20, length="full"),
        made.stored("train", [], day=22),
        made.stored("train", [], day=23, length="full", complete=False),
    ]
    assert gathered({"train": runs})[0].records["train"] is runs[0]


# --- gradients --------------------------------------------------------------------------------------------


def test_drift_is_the_logarithm_a_layer_until_the_gradient_left() -> None:
    within = made.flow("relu", 1.1, depth=64)
    assert drift(within, 0) == pytest.approx(np.log(1.1))
    gone = made.flow("gem(n=1)", 0.5, depth=64)
    assert drift(gone, 0) == pytest.approx(np.log(2), rel=0.05), "1e-6 after 20 layers"

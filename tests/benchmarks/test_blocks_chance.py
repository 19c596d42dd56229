"""What a choice moves, in races whose truth is known: nothing where all is alike, and a tenth where it is."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the tests are SciPy's")

from benchmarks.blocks import chance, readings
from benchmarks.blocks.entries import EAGER, FORWARD, INLINED, PEER, TRAINING, WRITTEN_OUT, Race
from benchmarks.blocks.words import moved_words, nothing

ROUNDS = 21
CODES = ("cpp_fused", "torch_compile", "torch_naive")
FUNCTIONS = {"identity": (PEER,), "relu": (PEER,), "gelu": (PEER,), "silu": (PEER,)}
FAMILY = dict.fromkeys(("gem(n=1)", "e-gem(n=1, eps=0.0001)"), CODES)


def simulated(
    draw: np.random.Generator,
    cost: Mapping[str, float] | None = None,
    rounds: int = ROUNDS,
    codes: Mapping[str, Sequence[str]] = FUNCTIONS | FAMILY,
) -> Race:
    """A race whose participants take 1, or ``cost`` by function, but for a drift that all share and noise.
    Two codes of the family are alike, the third is slower.

    The noise is as machines make it: 3 % of the time, and a sample in thirty twice as long.
    """
    members = {f"{f} by {code}": (f, code) for f, several in codes.items() for code in several}
    drift = np.exp(0.1 * draw.standard_normal(rounds))
    samples = {}
    for who, (function, code) in members.items():
        noise = np.exp(0.03 * draw.standard_normal(rounds)) * np.where(draw.random(rounds) < 1 / 30, 2, 1)
        seconds = 1e-2 * (cost or {}).get(function, 1.0) * (1.3 if code == "torch_naive" else 1.0)
        samples[who] = tuple((seconds * drift * noise).tolist())
    return Race(
        block="gpt2-mlp", summary="an MLP", source="a paper", device="cpu", dtype="float32", mode=EAGER,
        passes=TRAINING, shape=(4, 8), clock="wall", parameters=10, activated=16,
        functions={who: f for who, (f, _) in members.items()},
        implementations={who: code for who, (_, code) in members.items()},
        samples=samples, alone={}, calls=dict.fromkeys(members, 1),
    )  # fmt: skip


# --- nothing, where all is alike ------------------------------------------------------------------------


def test_among_equals_nothing_is_seen_in_95_of_100_runs_of_all_races_together() -> None:
    draw = np.random.default_rng(1)
    runs = [readings.moved([simulated(draw) for _ in range(4)]) for _ in range(800)]
    wrong = sum(any(found is not None and found.seen for found in run) for run in runs)
    assert wrong <= 0.05 * len(runs)


def test_the_ends_are_not_flattered_by_the_choice() -> None:
    """Among equals the ends are nothing apart, on average; by medians of the same rounds it is over 2 %."""
    draw = np.random.default_rng(2)
    parts, flattered = [], []
    for _ in range(150):
        race = simulated(draw)
        (found,) = readings.moved([race])
        assert found is not None
        parts.append(found.part.median)
        medians = [statistics.median(race.samples[who]) for who in race.samples]
        flattered.append(1 - min(medians) / max(medians))
    assert abs(statistics.mean(parts)) < 0.003
    assert statistics.mean(flattered) > 0.02


@pytest.mark.parametrize("function", ["silu", "gem(n=1)"])
def test_a_tenth_is_found_and_its_size_is_right(function: str) -> None:
    draw = np.random.default_rng(3)
    found = [readings.moved([simulated(draw, {function: 1 / 0.9})])[0] for _ in range(100)]
    there = [one for one in found if one is not None]
    assert sum(one.seen for one in there) >= 98
    assert sum(one.dearest == (function,) for one in there) >= 95
    assert statistics.mean(one.part.median for one in there) == pytest.approx(0.1, abs=0.005)


def test_what_could_hide_covers_the_truth() -> None:
    draw = np.random.default_rng(4)
    found = [readings.moved([simulated(draw, {"relu": 0.98})])[0] for _ in range(100)]
    assert sum(one is not None and one.hidden is not None and one.hidden >= 0.02 for one in found) >= 95


def test_ends_that_the_other_half_of_the_rounds_contradicts_are_not_seen() -> None:
    """silu is always a little dearer than relu, which stands; the ends change places every other round."""
    codes = dict.fromkeys(("relu", "silu", "gelu", "mish"), (PEER,))
    race = simulated(np.random.default_rng(8), rounds=60, codes=codes)
    ends = (1.1, 0.9) * 30, (0.9, 1.1) * 30
    fixed = {"relu": (1.0,) * 60, "silu": (1.001,) * 60, "gelu": ends[0], "mish": ends[1]}
    race = Race(**vars(race) | {"samples": {f"{name} by {PEER}": of for name, of in fixed.items()}})
    assert chance.all_alike(list(fixed.values())) < 0.01
    (found,) = readings.moved([race])
    assert found is not None
    assert found.part.median < 0
    assert not found.seen


# --- which code -----------------------------------------------------------------------------------------


def test_times_are_those_of_the_code_that_the_other_rounds_find_fastest() -> None:
    race = simulated(np.random.default_rng(5), rounds=4, codes={"gem(n=1)": ("a", "b"), "relu": (PEER,)})
    times = {"gem(n=1) by a": (1.0, 9.0, 1.0, 9.0), "gem(n=1) by b": (2.0, 3.0, 2.0, 3.0)}
    race = Race(**vars(race) | {"samples": {**race.samples, **times}})
    # Odd rounds find b fastest, which is then measured in even ones; and the other way round.
    assert readings.crossed(race, readings.activations(race))["gem(n=1)"] == [2.0, 9.0, 2.0, 9.0]


def test_relu_written_out_is_relu_in_another_code() -> None:
    codes = {"relu": (PEER, WRITTEN_OUT), "gem(n=1)": (INLINED,)}
    race = simulated(np.random.default_rng(6), codes=codes)
    slow = {"relu by torch": tuple(2 * t for t in race.samples["relu by torch"])}
    race = Race(**vars(race) | {"samples": {**race.samples, **slow}})
    (found,) = readings.moved([race])
    assert found is not None
    assert not found.seen, "torch's ReLU is twice as slow, but the choice of ReLU is not"
    assert readings.first_of_family(race) == "gem(n=1)"


# --- words and edges ------------------------------------------------------------------------------------


def test_what_is_not_seen_says_what_could_hide() -> None:
    (found,) = readings.moved([simulated(np.random.default_rng(7))])
    assert found is not None
    assert found.hidden is not None
    said, more = nothing(found)
    percent = float(more.split()[2])
    assert said == "nothing seen"
    assert 100 * found.hidden <= percent <= 100 * found.hidden + 1
    assert moved_words(found) == f"nothing seen ({more})"
    (few,) = readings.moved([simulated(np.random.default_rng(7), {"relu": 0.5}, rounds=2)])
    assert moved_words(few) == "nothing seen (too few rounds to say what could hide)"
    assert moved_words(None) == "not measured"


def test_times_that_are_all_the_same_are_alike() -> None:
    assert chance.all_alike([(1.0,) * 9] * 3) == 1
    assert chance.all_alike([(1.0,) * 9] * 2) == 1
    assert chance.all_alike([(1.0,) * 9, (1.0,) * 9, (2.0,) * 9]) < 1e-3


def test_less_is_one_sided() -> None:
    short, long = (1.0, 1.1, 0.9, 1.0, 1.05, 0.95), (1.3, 1.42, 1.18, 1.31, 1.33, 1.25)
    assert chance.less(short, long) < 1e-4
    assert chance.less(long, short) > 1 - 1e-4
    assert chance.less(short, short) == 0.5


def test_races_are_taken_together() -> None:
    """One at 3 % stands by itself, and beside another of which nothing is seen it does not."""
    assert chance.standing([0.03]) == [True]
    assert chance.standing([0.03, 0.6]) == [False, False]


def test_no_choice_among_fewer_than_two() -> None:
    race = simulated(np.random.default_rng(8), codes={"identity": (PEER,), "relu": (PEER,)})
    forward = Race(**vars(race) | {"passes": FORWARD, "samples": {}})
    assert readings.moved([race, forward]) == [None, None]
    assert readings.moved_by_implementation([race, forward]) == [None, None]

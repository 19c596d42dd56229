"""Dead units: the count against brute force, training against torch's own modules, divergence, the record."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import datasets
from benchmarks.datasets import digits
from benchmarks.dead import command, plan
from benchmarks.dead import train as training
from benchmarks.dead.entries import Training
from benchmarks.dead.network import Perceptrons, census, correct, losses, perceptrons
from benchmarks.dead.plan import LENGTHS, Length
from benchmarks.dead.scenarios import BATCH, DEPTH, HE, SCENARIOS, WIDTH, Scenario
from benchmarks.dead.shares import Paired, against, share
from benchmarks.dead.study import STUDY
from benchmarks.dead.train import ORDERS, Data, train
from benchmarks.dead.words import percent, told
from benchmarks.models.activations import Activation, named
from benchmarks.models.deep import generator
from benchmarks.study import read
from benchmarks.study.pieces import one_thread

STEPS = (0, 1, 3)


@pytest.fixture(autouse=True)
def as_the_command_does() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def data() -> Data:
    return Data.of(digits())


# --- counting --------------------------------------------------------------------------------------------


def brute_force(networks: Perceptrons, x: torch.Tensor, y: torch.Tensor) -> int:
    """Units of the first network whose incoming weights and bias have gradient 0 for every sample alone."""
    alive = [torch.zeros(w.shape[-1], dtype=torch.bool) for w in networks.weights[:-1]]
    for sample in range(len(y)):
        loss = losses(networks.logits(x[sample : sample + 1])[0], y[sample : sample + 1]).sum()
        gradients = torch.autograd.grad(loss, networks.parameters)
        for layer, mask in enumerate(alive):
            weight, bias = gradients[layer][0], gradients[len(networks.weights) + layer][0]
            mask |= (weight != 0).any(dim=0) | (bias != 0).any(dim=0)
    return int(sum((~mask).sum() for mask in alive))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "gelu", "silu", "gem", "se-gem", "e-gem(n=2, eps=1)"])
def test_the_census_is_what_going_through_all_samples_finds(name: str) -> None:
    x = torch.randn(24, 6, generator=torch.Generator().manual_seed(1))
    y = torch.arange(24) % 3
    networks = perceptrons((0,), (6, 20, 20, 3), named(name).module(), 2.0, -1.5)
    found = census(networks, x, y, 1e-6)
    assert found.dead == [brute_force(networks, x, y)]
    if name in ("relu", "gem"):
        assert found.dead[0] > 0, "the case is one in which units die"


def planted(activation: str, bias: float, outgoing: float) -> Perceptrons:
    """Four hidden units on one feature: the second has that bias, the third those outgoing weights."""
    networks = perceptrons((0,), (1, 4, 2), named(activation).module(), 1.0, 0.0)
    with torch.no_grad():
        networks.weights[0].fill_(1.0)
        networks.weights[1].copy_(torch.tensor([[[1.0, -1.0]]]).expand(1, 4, 2))
        networks.biases[0][0, 0, 1] = bias
        networks.weights[1][0, 2] = outgoing
    return networks


def counted(networks: Perceptrons) -> tuple[list[int], list[int], list[int]]:
    x = torch.tensor([[-1.0], [0.5], [2.0]])
    found = census(networks, x, torch.tensor([0, 1, 0]), 1e-6)
    return found.dead, found.flat, found.faint


@pytest.mark.parametrize(
    ("activation", "dead", "flat", "faint"),
    [
        ("relu", 2, 1, 1),
        ("leaky_relu", 1, 0, 0),
        ("gelu", 2, 1, 1),
        ("gem", 2, 1, 1),
        ("se-gem(n=1, eps=1, negative_slope=1e-7)", 1, 0, 1),
    ],
)
def test_a_unit_beyond_its_threshold_is_flat_and_one_that_nobody_reads_is_dead(
    activation: str, dead: int, flat: int, faint: int
) -> None:
    assert counted(planted(activation, -1000.0, 0.0)) == ([dead], [flat], [faint])
    assert counted(planted(activation, 0.0, 1.0)) == ([0], [0], [0])


def test_units_are_counted_by_seed() -> None:
    networks = perceptrons((0, 1), (6, 10, 3), torch.relu, HE, 0.0)
    with torch.no_grad():
        networks.biases[0][1, 0, :7] = -1e6
    x = torch.randn(50, 6, generator=torch.Generator().manual_seed(2))
    found = census(networks, x, torch.zeros(50, dtype=torch.int64), 1e-6)
    assert found.flat == [0, 7]


# --- training --------------------------------------------------------------------------------------------


def by_modules(seed: int, activation: str, how: Scenario, data: Data, steps: int) -> tuple[float, int]:
    """Loss over the training set and right test samples after some steps, with torch's own modules."""
    begun = perceptrons((seed,), (64, *[WIDTH] * DEPTH, 10), torch.relu, how.gain, how.bias)
    layers: list[torch.nn.Module] = []
    for weight, bias in zip(begun.weights, begun.biases, strict=True):
        linear = torch.nn.Linear(*weight.shape[1:])
        linear.weight.data, linear.bias.data = weight[0].detach().T.clone(), bias[0, 0].detach().clone()
        layers += [linear, named(activation).module()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizers: dict[str, Callable[..., Any]] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    optimizer = optimizers[how.optimizer](network.parameters(), lr=how.learning_rate)
    order = torch.randperm(len(data.train_y), generator=generator(seed, ORDERS))
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        loss = torch.nn.functional.cross_entropy(network(data.train_x[rows]), data.train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(network(data.train_x), data.train_y)
        right = int((network(data.test_x).argmax(dim=1) == data.test_y).sum())
    return float(loss), right


@pytest.mark.parametrize("scenario", ["usual", "adam-high-rate", "negative-bias"])
def test_all_seeds_at_once_are_each_seed_with_torchs_modules(scenario: str, data: Data) -> None:
    found = train(scenario, named("gelu"), data, (5, 0), STEPS)
    for row, seed in enumerate((5, 0)):
        loss, right = by_modules(seed, "gelu", SCENARIOS[scenario], data, STEPS[-1])
        assert found.loss[row][-1] == pytest.approx(loss, rel=1e-3)
        assert found.correct[row][-1] == pytest.approx(right, abs=2)


def test_the_same_seeds_give_the_same_numbers(data: Data) -> None:
    first, again = (train("high-rate", named("gem"), data, (0, 1), STEPS) for _ in range(2))
    assert first == again
    assert first.loss[0] != first.loss[1]


def test_weights_do_not_depend_on_the_scenario_but_for_their_size() -> None:
    small, large = (perceptrons((3,), (8, 4, 2), torch.relu, gain, 0.0) for gain in (1.0, 4.0))
    assert torch.equal(small.weights[0] * 4, large.weights[0])
    assert torch.equal(small.weights[1], large.weights[1]), "the linear layer has a gain of its own"


def test_layers_have_weights_of_their_own() -> None:
    networks = perceptrons((0, 1), (8, 8, 8, 8), torch.relu, 1.0, 0.0)
    assert len(torch.unique(torch.stack(networks.weights))) == 3 * 2 * 64


def test_an_epoch_has_every_sample_at_most_once() -> None:
    batches = training._batches((0, 1), 3 * BATCH + 5)
    rows = torch.cat([next(batches) for _ in range(3)], dim=1)
    assert rows.shape == (2, 3 * BATCH)
    assert all(len(torch.unique(row)) == 3 * BATCH for row in rows)
    assert not torch.equal(rows[0], rows[1])


def test_divergence_is_kept_with_its_step(monkeypatch: pytest.MonkeyPatch, data: Data) -> None:
    monkeypatch.setitem(SCENARIOS, "wild", Scenario("wild", "wild", learning_rate=1e18))
    steps = (0, 1, 2, 4)
    found = train("wild", named("leaky_relu"), data, (0, 1), steps)
    for row, at in enumerate(found.diverged_at):
        assert at is not None
        assert 1 <= at <= 4
        for step, dead, loss in zip(steps, found.dead[row], found.loss[row], strict=True):
            assert (dead is None) == (loss is None) == (step >= at)
    assert problems(json.loads(json.dumps(asdict(found)))) == ()
    lost = share(found, "dead")
    assert (lost.median, lost.diverged) == (None, 2)
    assert told(lost, found)[0] == "diverged"


def test_correct_counts_samples() -> None:
    x, y = torch.tensor([[1.0], [-1.0], [2.0]]), torch.tensor([0, 1, 1])
    networks = Perceptrons((torch.tensor([[[1.0, -1.0]]]),), (torch.zeros(1, 1, 2),), torch.relu)
    assert correct(networks, x, y) == [2]


# --- what follows ----------------------------------------------------------------------------------------


def made(dead: Sequence[int | None], right: Sequence[int | None] | None = None, **changes: Any) -> Training:
    """A training of one check for each seed; None: it had diverged."""
    right = right or [None if d is None else 90 for d in dead]
    usual = Training(
        scenario="usual",
        activation="relu",
        optimizer="sgd",
        learning_rate=0.1,
        gain=HE,
        bias=0.0,
        depth=2,
        width=50,
        batch=8,
        samples=200,
        tests=100,
        units=100,
        faint_below=1e-6,
        seeds=tuple(range(len(dead))),
        steps=(4,),
        dead=tuple((d,) for d in dead),
        flat=tuple((d,) for d in dead),
        faint=tuple((d,) for d in dead),
        correct=tuple((r,) for r in right),
        loss=tuple((None if d is None else 0.5,) for d in dead),
        diverged_at=tuple(3 if d is None else None for d in dead),
    )
    return replace(usual, **changes)


def test_who_diverged_is_the_worst_and_never_left_out() -> None:
    t = made([10, None, 0, 30, 20])
    assert share(t, "dead").median == 0.2
    assert told(share(t, "dead"), t) == ("20 %", "0–30 %, 1 of 5 seeds diverged")
    right = made([0] * 5, [90, 80, 70, 60, 50])
    assert share(right, "correct").median == 0.7
    fewer = made([0, 0, 0, None, None], [90, 80, 70, None, None])
    assert share(fewer, "correct").median == 0.7
    most = made([10, None, None, None, 20])
    assert told(share(most, "dead"), most) == ("diverged", "3 of 5 seeds, the others 10–20 %")
    none = made([None] * 3)
    assert told(share(none, "dead"), none) == ("diverged", "all 3 seeds, at step 3")


def test_shares_are_said_without_rounding_to_nothing() -> None:
    assert [percent(x) for x in (0, 0.001, 0.5, 0.999, 1)] == ["0 %", "< 1 %", "50 %", "> 99 %", "100 %"]


def test_two_are_compared_seed_by_seed() -> None:
    few, many = made([1, 2, 3]), made([4, 3, None])
    assert against(few, many, "dead") == Paired(3, 0, 0)
    assert against(few, many, "dead").verdict == "better"
    assert against(many, few, "dead").verdict == "worse"
    assert against(few, made([0, 5, 5]), "dead").verdict == "no difference"
    assert against(few, few, "dead") == Paired(0, 0, 3)
    assert against(made([0, 0], [80, 90]), made([0, 0], [70, 80]), "correct").verdict == "better"
    assert against(made([None]), made([None]), "correct") == Paired(0, 0, 1)


# --- the record and the command --------------------------------------------------------------------------


def problems(entry: dict[str, Any]) -> tuple[str, ...]:
    return read(STUDY, json.dumps({STUDY.mark: {"schema": 1}, "trainings": [entry]}).encode()).problems


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"units": 99}, "units depth x width"),
        ({"seeds": [1, 1]}, "different ones"),
        ({"steps": [-1]}, "ascend from 0"),
        ({"steps": [4, 5]}, "dead must be seeds x steps"),
        ({"dead": [[101], [0]]}, "from 0 to 100"),
        ({"correct": [[-1], [0]]}, "from 0 to 100"),
        ({"loss": [[None], [0.5]]}, "until the loss is not finite"),
        ({"diverged_at": [4, None]}, "until the loss is not finite"),
        ({"diverged_at": [None]}, "one a seed"),
        ({"activation": 5}, "activation must be a string"),
    ],
)
def test_an_entry_that_cannot_be_is_left_out(changes: dict[str, Any], why: str) -> None:
    good = json.loads(json.dumps(asdict(made([1, 2]))))
    assert problems(good) == ()
    (problem,) = problems({**good, **changes})
    assert why in problem


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LENGTHS, "quick", Length(2, (0, 2), tuple(map(named, ("relu", "se-gem")))))


def test_the_command_goes_on_where_it_was_interrupted(
    short: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    assert command.main(["--quick", "--out", str(whole)]) == 0

    def interrupted(scenario: str, activation: Activation, *rest: Any) -> Training:
        if activation.name != "relu":
            raise KeyboardInterrupt
        return train(scenario, activation, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train", interrupted)
        assert command.main(["--quick", "--out", str(parts)]) == 2
    header = json.loads(parts.read_text())[STUDY.mark]
    assert header["done"] == [f"relu, {scenario}" for scenario in SCENARIOS]
    assert command.main(["--quick", "--out", str(parts)]) == 0
    found, expected = (read(STUDY, path.read_bytes()) for path in (parts, whole))
    assert found.entries == expected.entries
    assert len(found.entries) == 2 * len(SCENARIOS)
    assert (found.problems, found.header["complete"]) == ((), True)
    capsys.readouterr()
    assert command.main(["--show", str(parts)]) == 0
    assert capsys.readouterr().out.count("### ") == len(SCENARIOS)


def test_without_the_data_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> None:
        raise ImportError("scikit-learn is not installed: pip install 'gem-impls[bench]'")

    monkeypatch.setattr(datasets, "digits", absent)
    assert command.main(["--quick", "--out", str(tmp_path / "r.json")]) == 2
    assert "gem-impls[bench]" in capsys.readouterr().err
    assert not (tmp_path / "r.json").exists()


def test_every_scenario_differs_from_the_usual_one_in_one_way() -> None:
    fields = ("gain", "bias", "optimizer", "learning_rate")
    usual = SCENARIOS["usual"]
    for name, scenario in SCENARIOS.items():
        differing = {f for f in fields if getattr(scenario, f) != getattr(usual, f)}
        assert differing in (
            [set()] if name == "usual" else [{"gain"}, {"bias"}, {"learning_rate"}, {*fields[2:]}]
        )
    assert math.isclose(usual.gain, math.sqrt(2))
    assert all(len(length.steps) > 1 and length.seeds >= 5 for length in plan.LENGTHS.values())


def test_the_data_are_not_touched(data: Data) -> None:
    before = digits().train_x.copy()
    train("usual", named("relu"), data, (0,), (0, 1))
    assert np.array_equal(digits().train_x, before)

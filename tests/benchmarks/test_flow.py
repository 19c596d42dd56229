"""Signals and gradients in deep networks: against torch's modules, closed forms and planted activations."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gem_impls
from benchmarks.flow import command, measure
from benchmarks.flow.depths import BACKWARD, FORWARD, factor, over_seeds, reach, setups, unevenness
from benchmarks.flow.entries import EXPLODED, NOT_FINITE, VANISHED, WITHIN, Failure, Flow
from benchmarks.flow.measure import flow, kept
from benchmarks.flow.plan import LENGTHS, Length
from benchmarks.flow.setups import BATCH, SETUPS, WIDTH, Setup
from benchmarks.flow.study import STUDY
from benchmarks.flow.words import reached, times
from benchmarks.models.activations import Activation, everything, named
from benchmarks.models.deep import NETWORKS, NORMS, normals, preserving_gain, signals, weights
from benchmarks.study import read
from benchmarks.study.pieces import one_thread

HE = Setup("plain", "none", "he")


@pytest.fixture(autouse=True)
def as_the_command_does() -> Iterator[None]:
    with one_thread():
        yield


@dataclass(frozen=True)
class Planted:
    """An activation that is whatever is asked for."""

    name: str
    function: Callable[[torch.Tensor], torch.Tensor]
    spec: None = None

    def module(self) -> Callable[[torch.Tensor], torch.Tensor]:
        return self.function


def planted(factor: float) -> Any:
    return Planted("planted", lambda x: x * factor)


# --- the networks, against torch's own modules -------------------------------------------------------------

MODULES = {
    "none": torch.nn.Identity,
    "batch": lambda: torch.nn.BatchNorm1d(WIDTH, affine=False),
    "layer": lambda: torch.nn.LayerNorm(WIDTH, elementwise_affine=False),
}


def layer_of_modules(kind: str, norm: str, matrices: list[torch.Tensor]) -> torch.nn.Module:
    """A layer of torch's modules, with the given weights."""
    linears = []
    for matrix in matrices:
        linear = torch.nn.Linear(WIDTH, WIDTH, bias=False)
        linear.weight.data = matrix.T.clone()
        linears.append(linear)
    act, normalise = torch.nn.GELU(), MODULES[norm]()
    if kind == "plain":
        return torch.nn.Sequential(linears[0], normalise, act)

    class Residual(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Sequential(normalise, linears[0], act, linears[1])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.inner(x)

    return Residual()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", NETWORKS)
def test_sizes_are_those_of_torchs_modules(kind: str, norm: str) -> None:
    depth, seeds = 5, (3, 0)
    found = flow(Setup(kind, norm, "he"), Activation("gelu"), depth, seeds)
    each = len(NETWORKS[kind].activated)
    for row, seed in enumerate(seeds):
        drawn = measure._matrices((seed,), WIDTH, each)[0]
        scale = math.sqrt(2) / math.sqrt(WIDTH)
        layers = [
            layer_of_modules(kind, norm, [drawn[i * each + j] * scale for j in range(each)])
            for i in range(depth)
        ]
        x, c = (t[0] for t in measure._ends((seed,), WIDTH))
        stream = [x.clone().requires_grad_()]
        for layer in layers:
            stream.append(layer(stream[-1]))
            stream[-1].retain_grad()
        (stream[-1] * c).sum().backward()
        for index, number in enumerate(found.layers):
            rms = [
                float(t.detach().square().mean().sqrt()) for t in (stream[number], stream[number - 1].grad)
            ]
            parameters = list(layers[number - 1].parameters())
            squares = sum(float(p.grad.square().sum()) for p in parameters if p.grad is not None)
            assert found.forward[row][index] == pytest.approx(rms[0], rel=6e-3)  # three digits are kept
            assert found.backward[row][index] == pytest.approx(rms[1], rel=6e-3)
            assert found.weights[row][index] == pytest.approx(math.sqrt(squares), rel=6e-3)


def test_a_linear_network_is_a_product_of_matrices() -> None:
    depth = 6
    found = flow(Setup("plain", "none", "own"), Activation("identity"), depth, (7,))
    assert found.gain == pytest.approx(1, rel=1e-9)
    matrices = measure._matrices((7,), WIDTH, 1)[0].double().numpy() / math.sqrt(WIDTH)
    x, c = (t[0].double().numpy() for t in measure._ends((7,), WIDTH))
    product = np.linalg.multi_dot([x, *matrices[:depth]])
    back = np.linalg.multi_dot([c, *(m.T for m in matrices[:depth][::-1])])
    assert found.forward[0][-1] == pytest.approx(math.sqrt((product**2).mean()), rel=6e-3)
    assert found.backward[0][0] == pytest.approx(math.sqrt((back**2).mean()), rel=6e-3)


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        (Setup("plain", "none", "he"), 1.0),
        (Setup("residual", "none", "own"), math.sqrt(1 + 1)),
        (Setup("residual", "none", "he"), math.sqrt(1 + 2)),
        # Yang et al., A Mean Field Theory of Batch Normalization (arXiv 1902.08129): squares by pi / (pi - 1)
        (Setup("plain", "batch", "he"), math.sqrt(math.pi / (math.pi - 1))),
    ],
    ids=lambda value: value.name if isinstance(value, Setup) else None,
)
def test_a_layer_of_relu_changes_the_gradient_by_the_factor_of_theory(setup: Setup, expected: float) -> None:
    found = flow(setup, Activation("relu"), 24, (0, 1, 2))
    factors = [factor(found, seed) for seed in range(3)]
    assert factors == [pytest.approx(expected, rel=0.03)] * 3


def test_a_shallower_network_begins_like_a_deeper_one() -> None:
    shallow, deep = (flow(HE, Activation("silu"), depth, (0, 1)) for depth in (4, 8))
    kept_by_both = [layer for layer in deep.layers if layer in shallow.layers]
    for row in range(2):
        signals_ = [dict(zip(f.layers, f.forward[row], strict=True)) for f in (shallow, deep)]
        assert [signals_[0][layer] for layer in kept_by_both] == [
            signals_[1][layer] for layer in kept_by_both
        ]


@pytest.mark.parametrize("setup", SETUPS, ids=lambda s: s.name)
def test_the_same_seed_gives_the_same_numbers_whoever_stands_beside_it(setup: Setup) -> None:
    several = flow(setup, named("gem"), 6, (0, 1, 2))
    assert several == flow(setup, named("gem"), 6, (0, 1, 2))
    alone = flow(setup, named("gem"), 6, (2,))
    assert [pytest.approx(size, rel=2e-2) for size in alone.backward[0]] == list(several.backward[2])
    assert several.backward[0] != several.backward[1]


def test_wider_networks_are_measured_as_such() -> None:
    wide = Setup("plain", "none", "own", 2 * WIDTH)
    found = flow(wide, Activation("relu"), 3, (0,))
    assert found.width == 2 * WIDTH
    assert setups([found, flow(replace(wide, width=WIDTH), Activation("relu"), 3, (0,))])[0] == wide
    assert found.forward[0][0] == pytest.approx(math.sqrt(0.5), rel=0.05)  # half of a normal input's square
    assert wide.name.endswith(f"{2 * WIDTH} units")


def test_streams_and_seeds_are_different_numbers() -> None:
    drawn = torch.cat([normals((0, 1), 50, stream=s) for s in range(3)])
    assert len(torch.unique(drawn)) == 300
    assert torch.equal(normals((4, 9), 8)[1], normals((9,), 8)[0])


def test_gains_go_to_what_reads_an_activation() -> None:
    ones = torch.ones(1, 4, 16, 16)
    plain = weights(ones, NETWORKS["plain"], 3, 8.0, 1.0)
    assert [float(w[0, 0, 0]) for w in plain] == [0.25, 2.0, 2.0]
    residual = weights(ones, NETWORKS["residual"], 2, 8.0, 1.0)
    assert [float(w[0, 0, 0]) for w in residual] == [0.25, 2.0, 0.25, 2.0]


def test_normalised_signals_have_unit_size() -> None:
    x = normals((0, 1), BATCH, WIDTH) * 7 + 3
    for norm, dim in (("batch", 1), ("layer", 2)):
        normalised = NORMS[norm](x)
        assert normalised.mean(dim=dim).abs().max() < 1e-5
        assert (normalised.square().mean(dim=dim) - 1).abs().max() < 1e-3


def test_signals_of_a_residual_network_without_branches_stay() -> None:
    x = normals((0,), 3, 4)
    zeros = [torch.zeros(1, 4, 4)] * 4
    found = signals(x, zeros, NETWORKS["residual"], torch.relu, NORMS["none"])
    assert len(found) == 3
    assert all(torch.equal(signal, x) for signal in found)


# --- gains -----------------------------------------------------------------------------------------------


def test_the_gain_of_piecewise_linear_functions() -> None:
    assert preserving_gain(torch.nn.Identity()) == pytest.approx(1, rel=1e-9)
    assert preserving_gain(torch.nn.ReLU()) == pytest.approx(math.sqrt(2), rel=1e-9)
    leaky = math.sqrt(2 / (1 + 0.01**2))
    assert preserving_gain(torch.nn.LeakyReLU(0.01)) == pytest.approx(leaky, rel=1e-9)


@pytest.mark.parametrize("activation", [a for a in everything() if a.spec], ids=lambda a: a.name)
def test_the_gain_of_the_family_is_the_packages_own(activation: Activation) -> None:
    assert activation.spec is not None
    expected = gem_impls.calculate_gain(activation.spec)
    assert preserving_gain(activation.module()) == pytest.approx(expected, rel=1e-8)
    assert measure.gains("own", activation)[0] == expected


def test_what_has_no_gain_is_said() -> None:
    with pytest.raises(ValueError, match="finite and > 0; got 0"):
        preserving_gain(torch.zeros_like)


# --- fates -----------------------------------------------------------------------------------------------


def test_a_signal_that_vanishes_does_so_where_its_factor_says() -> None:
    """Each layer multiplies by 0.01 √2, give or take: 1e-6 is passed by the fourth."""
    found = flow(HE, planted(0.01), 12, (0, 1))
    assert found.forward_fate == found.backward_fate == (VANISHED, VANISHED)
    assert found.forward_left == (4, 4)
    assert found.backward_left == (9, 9)
    assert reach(found, FORWARD).layers == reach(found, BACKWARD).layers == (4, 4)
    for seed in range(2):
        assert factor(found, seed) == pytest.approx(0.01 * math.sqrt(2), rel=0.15)


def test_a_signal_that_explodes_and_one_that_overflows() -> None:
    exploded = flow(HE, planted(100.0), 8, (0,))
    assert (exploded.forward_fate, exploded.forward_left) == ((EXPLODED,), (3,))
    assert (exploded.backward_fate, exploded.backward_left) == ((EXPLODED,), (6,))
    overflowed = flow(HE, planted(1e39), 8, (0,))
    assert (overflowed.forward_fate, overflowed.forward_left) == ((NOT_FINITE,), (1,))
    assert (overflowed.backward_fate, overflowed.backward_left) == ((NOT_FINITE,), (8,))
    assert set(overflowed.forward[0]) == set(overflowed.backward[0]) == {None}
    assert factor(overflowed, 0) is None
    assert unevenness(overflowed, 0) is None


def test_overflow_on_the_way_is_kept_as_such() -> None:
    found = flow(HE, planted(1e10), 8, (0,))
    assert (found.forward_fate, found.forward_left) == ((EXPLODED,), (1,))
    by_layer = dict(zip(found.layers, found.forward[0], strict=True))
    assert [by_layer[layer] is None for layer in range(1, 9)] == [False] * 3 + [True] * 5  # 1e40 > float32


def test_sizes_of_what_is_tiny_are_not_lost() -> None:
    """Squares of 1e-30 are 0 in float32, and their sum is not in float64."""
    found = flow(HE, planted(1e-30), 1, (0,))
    (size,) = found.forward[0]
    assert size == pytest.approx(1.4e-30, rel=0.1)


def test_an_orthogonal_network_keeps_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    square = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(0)))[0]
    drawn = (square * math.sqrt(WIDTH)).expand(1, 32, WIDTH, WIDTH)
    monkeypatch.setattr(measure, "_matrices", lambda seeds, width, each: drawn)
    found = flow(Setup("plain", "none", "own"), Activation("identity"), 32, (0,))
    assert found.forward_fate == found.backward_fate == (WITHIN,)
    assert factor(found, 0) == pytest.approx(1, abs=1e-3)
    assert unevenness(found, 0) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 7, 8, 16, 31, 128])
def test_kept_layers_reach_from_end_to_end(depth: int) -> None:
    layers = kept(depth)
    assert layers[0] == 1
    assert layers[-1] == depth
    assert list(layers) == sorted(set(layers))
    assert len(layers) == depth if depth <= 8 else len(layers) == 9


# --- what follows ----------------------------------------------------------------------------------------


def made(**changes: Any) -> Flow:
    """A network of 4 layers whose gradient grows by 3 a layer on its way back, for three seeds."""
    sizes = tuple((81.0 * s, 27.0 * s, 9.0 * s, 3.0 * s) for s in (1, 2, 4))
    usual = Flow(
        network="plain",
        norm="none",
        init="he",
        gain=1.4,
        activation="gem(n=1)",
        depth=4,
        width=64,
        batch=128,
        dtype="float32",
        limit=1e6,
        seeds=(0, 1, 2),
        layers=(1, 2, 3, 4),
        forward=sizes,
        backward=sizes,
        weights=sizes,
        forward_fate=(WITHIN,) * 3,
        forward_left=(None,) * 3,
        backward_fate=(WITHIN,) * 3,
        backward_left=(None,) * 3,
    )
    return replace(usual, **changes)


def test_reach_counts_seeds_that_arrive_as_more() -> None:
    assert reached(reach(made(), BACKWARD)) == ("arrives", "")
    one = made(backward_fate=(WITHIN, WITHIN, EXPLODED), backward_left=(None, None, 3))
    assert reached(reach(one, BACKWARD)) == ("arrives", "not in 1 of 3 seeds")
    two = made(backward_fate=(VANISHED, WITHIN, VANISHED), backward_left=(4, None, 2))
    assert reached(reach(two, BACKWARD)) == ("vanishes after 3", "1–3, 1 of 3 seeds arrive")
    every = made(forward_fate=(NOT_FINITE,) * 3, forward_left=(2, 4, 3))
    assert reached(reach(every, FORWARD)) == ("overflows after 3", "2–4")


def test_of_equally_many_fates_the_order_decides_and_not_their_hashes() -> None:
    for fates, common in (
        ((NOT_FINITE, EXPLODED, WITHIN), EXPLODED),
        ((EXPLODED, VANISHED, NOT_FINITE), VANISHED),
        ((WITHIN, NOT_FINITE), NOT_FINITE),
    ):
        for order in itertools.permutations(fates):
            one = made(backward_fate=order, backward_left=(3,) * len(order))
            assert reach(one, BACKWARD).fate == common


def test_factors_are_between_what_is_there() -> None:
    found = over_seeds([factor(made(), s) for s in range(3)])
    assert found is not None
    assert found.median == pytest.approx(3)
    dying = made(backward=((0.0, 0.0, 9.0, 3.0), (None, 27.0, 9.0, 3.0), (0.0, 0.0, 0.0, 0.0)))
    factors = [factor(dying, s) for s in range(3)]
    assert factors == [pytest.approx(3), pytest.approx(3), None]
    assert times(over_seeds(factors)) == ("3 ×", "3–3, 1 without")
    assert times(over_seeds([None])) == ("none", "no seed has one")
    assert unevenness(made(), 0) == pytest.approx(27)
    assert unevenness(made(weights=((1.0, 0.0, 1.0, 1.0),) * 3), 0) is None


# --- the record and the command --------------------------------------------------------------------------


def problems(entry: dict[str, Any]) -> tuple[str, ...]:
    return read(STUDY, json.dumps({STUDY.mark: {"schema": 1}, "flows": [entry]}).encode()).problems


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"limit": 1.0}, "limit above 1"),
        ({"norm": "a-b"}, "norm must be a word"),
        ({"depth": 0}, "at least 1"),
        ({"seeds": [0, 0, 1]}, "different ones"),
        ({"layers": [1, 2, 4, 3]}, "ascend from 1 to 4"),
        ({"layers": [0, 1, 2, 4]}, "ascend from 1 to 4"),
        ({"layers": [1, 2, 3, 5]}, "ascend from 1 to 4"),
        ({"backward": [[1.0, 1.0, 1.0, 1.0]]}, "backward must be seeds x layers"),
        ({"weights": [[-1.0, 1.0, 1.0, 1.0]] * 3}, "at least 0"),
        ({"forward_fate": ["fine"] * 3}, "forward_fate must be one of"),
        ({"backward_left": [None, None, 3]}, "only there"),
        ({"backward_fate": [VANISHED] * 3, "backward_left": [9, 9, 9]}, "must be a layer"),
        ({"gain": "<b>"}, "gain must be a number"),
    ],
)
def test_an_entry_that_cannot_be_is_left_out(changes: dict[str, Any], why: str) -> None:
    good = json.loads(json.dumps(asdict(made())))
    assert problems(good) == ()
    (problem,) = problems({**good, **changes})
    assert why in problem


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LENGTHS, "quick", Length((2, 3), 2, SETUPS, tuple(map(named, ("relu", "gem")))))


def test_the_command_goes_on_where_it_was_interrupted(
    short: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    assert command.main(["--quick", "--out", str(whole)]) == 0

    def interrupted(*arguments: Any) -> Flow:
        if arguments[1].name != "relu":
            raise KeyboardInterrupt
        return flow(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(measure, "flow", interrupted)
        assert command.main(["--quick", "--out", str(parts)]) == 2
    header = json.loads(parts.read_text())[STUDY.mark]
    assert (header["done"], header["complete"]) == (["relu"], False)
    assert command.main(["--quick", "--out", str(parts)]) == 0
    found, expected = (read(STUDY, path.read_bytes()) for path in (parts, whole))
    assert found.entries == expected.entries
    assert len(found.entries) == 2 * 2 * len(SETUPS)
    assert (found.problems, found.header["complete"]) == ((), True)
    capsys.readouterr()
    assert command.main(["--show", str(parts)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("### ") == len(SETUPS)
    assert shown.count("| gem(n=1) |") == len(SETUPS)
    assert command.main(["--quick", "--out", str(parts)]) == 2, "a complete record is not written over"


def test_what_cannot_be_measured_is_said_and_bad_use_is_refused(
    short: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "r.json"
    arguments = ["--quick", "--only", "gem(n=100000)", "relu", "--out", str(target)]
    assert command.main(arguments) == 1
    record = read(STUDY, target.read_bytes())
    (failure,) = record.of(Failure)
    assert failure.piece == "gem(n=100000)"
    assert record.header["whole"] is False
    assert len(record.of(Flow)) == 2 * len(SETUPS)
    assert command.main(["--quick", "--only", "tanh"]) == 2
    assert "tanh" in capsys.readouterr().err
    (tmp_path / "x.json").write_text("[]")
    assert command.main(["--show", str(tmp_path / "x.json")]) == 2
    assert "not a record of flow" in capsys.readouterr().err

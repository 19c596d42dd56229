"""One training: the same numbers twice, the same start for everybody, divergence said, recipes that run."""

from __future__ import annotations

import json
import math
import weakref
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.models import networks
from benchmarks.models.activations import named
from benchmarks.models.blocks import count_parameters, seeded
from benchmarks.study import read
from benchmarks.train import data, loop, recipes
from benchmarks.train.entries import Training, check
from benchmarks.train.gains import own_gain
from benchmarks.train.objectives import HIDDEN_SHARE, IGNORED, OBJECTIVES, Classify, Masked, Next
from benchmarks.train.plan import Grid, setting_of, training
from benchmarks.train.recipes import FULL, PUBLISHED, QUICK, Recipe
from benchmarks.train.study import STUDY
from benchmarks.train.task import OWN, Task, run
from tests.benchmarks.test_datasets import write_cifar10, write_cifar100, write_mnist, write_tokens


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    data.digest.cache_clear()


def task(model: str = "mlp", activation: str = "gelu", **changes: Any) -> Task:
    given = {"rate": 0.05, "seed": 0, "device": "cpu", "steps": 12}
    return Task(model=model, length="quick", activation=activation, **{**given, **changes})


def trained(asked: Task) -> Training:
    return training(json.loads(json.dumps(run(asked.as_dict()))))


def test_data_of_one_training_are_not_kept_for_the_next() -> None:
    kept = [weakref.ref(data.held_out("digits", None, 287, seed)) for seed in range(3)]
    assert [ref() for ref in kept] == [None] * 3


# --- the same numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", QUICK)
@pytest.mark.parametrize("activation", ["gelu", "e-gem(n=2, eps=0.01)"])
def test_the_same_task_gives_the_same_numbers_twice(model: str, activation: str) -> None:
    torch.manual_seed(5)
    one = trained(task(model, activation, steps=4))
    torch.manual_seed(6)
    np.random.seed(6)  # noqa: NPY002  # what must not matter
    other = trained(task(model, activation, steps=4))
    assert replace(one, seconds=0.0) == replace(other, seconds=0.0)
    assert trained(task(model, activation, steps=4, seed=1)).curve != one.curve


def test_a_training_leaves_the_process_as_it_was() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    trained(task())
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1


def test_two_names_of_one_function_train_alike() -> None:
    one, other = trained(task(activation="gem(n=2)")), trained(task(activation="e-gem(n=2, eps=1.0)"))
    assert (one.curve, one.test_loss) == (other.curve, other.test_loss)


@pytest.mark.parametrize("model", QUICK)
def test_everybody_starts_from_the_same_weights_and_sees_the_same_batches(model: str) -> None:
    recipe = QUICK[model]
    found = data.held_out(recipe.dataset, None, recipe.held_out, 3)
    several = [
        seeded(lambda name=name: recipe.module(named(name).module, found), 3).state_dict()
        for name in ("relu", "silu", "se-gem(n=3, eps=10.0)")
    ]
    for key, value in several[0].items():
        assert all(torch.equal(value, own[key]) for own in several[1:])
    one, other = (OBJECTIVES[recipe.objective](recipe, found, 3, "cpu") for _ in range(2))
    for _ in range(3):
        assert all(torch.equal(a, b) for a, b in zip(one.batch(), other.batch(), strict=True))


def test_the_key_is_of_everything_but_the_folder() -> None:
    base = task()
    changed = {
        "model": "gpt",
        "length": "full",
        "activation": "relu",
        "rate": 0.1,
        "seed": 9,
    }
    changed |= {"device": "cuda", "init": OWN, "steps": 3, "digest": "x", "sources": "y"}
    assert set(changed) | {"folder"} == set(asdict(base))
    keys = {replace(base, **{name: value}).key for name, value in changed.items()}
    assert len(keys | {base.key}) == len(changed) + 1
    assert replace(base, folder="/elsewhere").key == base.key


def test_other_data_than_the_runs_are_refused() -> None:
    assert trained(task(digest=data.digest("digits", None), steps=1)).steps == 1
    with pytest.raises(data.DataError, match="not those of the run"):
        run(task(digest="0" * 16).as_dict())


# --- learning -------------------------------------------------------------------------------------------


def test_the_small_gpt_learns_more_than_frequencies() -> None:
    found = trained(task("gpt", "gelu", rate=0.012, steps=60))
    text = data.load("characters", None)
    assert found.test_loss is not None
    assert found.test_loss == found.test_score
    assert found.test_loss < text.unigram - 0.2  # type: ignore[union-attr]


@pytest.mark.parametrize(("model", "least"), [("mlp", 0.93), ("resnet", 0.85)])
def test_digits_are_learned(model: str, least: float) -> None:
    found = trained(task(model, "se-gem", rate=0.1, steps=60))
    assert found.test_score is not None
    assert found.test_score > least
    assert found.curve[0] > found.curve[-1]


@pytest.mark.parametrize("init", ["he", "own"])
def test_an_own_gain_scales_the_weights(init: str) -> None:
    found = data.held_out("digits", None, 287, 0)
    activation = named("e-gem(n=3, eps=10.0)")
    gain = own_gain(activation) if init == OWN else None
    network = seeded(lambda: QUICK["mlp"].module(activation.module, found, gain), 0)
    expected = (gain or math.sqrt(2)) / math.sqrt(64)
    assert float(network.body[2].weight.detach().std()) == pytest.approx(expected, rel=0.05)  # type: ignore[index, union-attr]


def test_gains_of_peers_are_known_constants() -> None:
    assert own_gain(named("relu")) == pytest.approx(math.sqrt(2), abs=1e-4)
    assert own_gain(named("leaky_relu")) == pytest.approx(math.sqrt(2 / (1 + 0.01**2)), abs=1e-4)
    x = np.random.default_rng(0).normal(size=2_000_000)
    silu = x / (1 + np.exp(-x))
    assert own_gain(named("silu")) == pytest.approx(1 / math.sqrt((silu**2).mean()), rel=3e-3)


# --- divergence -----------------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_ends_the_training_at_its_step() -> None:
    found = trained(task(activation="gem", rate=1e30))
    assert found.diverged_at is not None
    assert found.diverged_at == found.steps < 12
    assert (found.val_loss, found.val_score, found.test_loss, found.test_score) == (None,) * 4
    check(found)
    assert all(map(math.isfinite, found.curve))


def test_weights_that_are_not_finite_after_the_last_step_are_a_divergence_too() -> None:
    found = trained(task(activation="gem", rate=1e30, steps=1))
    assert (found.diverged_at, found.steps) == (1, 1)


def test_a_divergence_survives_the_record() -> None:
    entry = trained(task(activation="gem", rate=1e30))
    raw = json.dumps({STUDY.mark: {"schema": STUDY.schema}, "trainings": [asdict(entry)]}, allow_nan=False)
    assert read(STUDY, raw.encode()).of(Training) == (entry,)


# --- the loop -------------------------------------------------------------------------------------------


def test_the_rate_rises_falls_as_a_cosine_and_ends_near_a_tenth() -> None:
    recipe = replace(QUICK["gpt"], warmup=10)
    found = [loop.share(recipe, step, 110) for step in range(110)]
    assert found[:10] == pytest.approx([(i + 1) / 11 for i in range(10)])
    assert found[10] == 1
    assert found[60] == pytest.approx(0.1 + 0.9 / 2)
    assert 0.1 < found[-1] < 0.101


def test_the_rate_drops_at_half_and_three_quarters() -> None:
    found = [loop.share(PUBLISHED["cifar10-resnet56"], step, 8) for step in range(8)]
    assert found == [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]


def test_a_batch_in_parts_has_the_gradient_of_the_whole() -> None:
    recipe = replace(QUICK["gpt"], batch=6, context=8)
    found = data.load("characters", None)
    gradients = []
    for micro in (None, 4):
        network = seeded(lambda: recipe.module(nn.GELU, found), 0)
        own = replace(recipe, micro=micro)
        loss = loop._gradients(network, Next(own, found, 0, "cpu"), own, "cpu")  # type: ignore[arg-type]
        gradients.append((loss, [p.grad for p in network.parameters()]))
    assert gradients[0][0] == pytest.approx(gradients[1][0], rel=1e-6)
    for one, other in zip(gradients[0][1], gradients[1][1], strict=True):
        assert one is not None
        assert other is not None
        assert torch.allclose(one, other, atol=1e-6)


def test_a_curve_is_means_over_equal_runs() -> None:
    losses = [float(i) for i in range(10)]
    assert loop.curve(losses, 4) == ((3, 6, 9, 10), (1.0, 4.0, 7.0, 9.0))
    assert loop.curve([1.0, math.nan], 40) == ((1,), (1.0,))
    assert loop.tail(losses) == 9.0
    assert loop.tail([1.0, math.inf]) is None


def test_only_matrices_decay() -> None:
    optimizer = loop._optimizer(nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), QUICK["gpt"], 0.1)
    decays = {p.ndim: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decays == {2: 0.1, 1: 0.0}


# --- objectives -----------------------------------------------------------------------------------------


def test_an_epoch_has_every_sample_once() -> None:
    found = data.held_out("digits", None, 287, 0)
    objective = Classify(replace(QUICK["mlp"], batch=50), found, 0, "cpu")  # type: ignore[arg-type]
    rows = torch.cat([objective.batch()[0] for _ in range(23)])  # 1150 = 23 × 50
    assert len(rows) == len(found.train_y)  # type: ignore[union-attr]
    assert sorted(map(bytes, rows.numpy())) == sorted(map(bytes, found.train_x))  # type: ignore[union-attr]


def test_the_next_symbol_is_the_target() -> None:
    found = data.load("characters", None)
    objective = Next(QUICK["gpt"], found, 0, "cpu")  # type: ignore[arg-type]
    x, y = objective.batch()
    assert x.shape == y.shape == (16, 32)
    assert torch.equal(x[:, 1:], y[:, :-1])


def test_a_model_of_frequencies_scores_the_unigram_loss() -> None:
    text = data.load("characters", None)
    counts = np.bincount(text.train, minlength=text.vocabulary) + 1.0  # type: ignore[union-attr]
    logits = torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))

    class Frequencies(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return logits.expand(*x.shape, -1)

    everything = replace(QUICK["gpt"], scored=10**9)
    loss, score = Next(everything, text, 0, "cpu").score(Frequencies(), "test")  # type: ignore[arg-type]
    assert loss == score == pytest.approx(text.unigram, abs=0.002)  # type: ignore[union-attr]


def test_bert_hides_some_symbols_and_asks_for_them_alone(tmp_path: Path) -> None:
    write_tokens(tmp_path / "t", 40_000)
    text = data.load("tokens", str(tmp_path / "t"))
    recipe = replace(PUBLISHED["bert-small"], batch=64, context=128)
    objective = Masked(recipe, text, 0, "cpu")  # type: ignore[arg-type]
    plain, _ = Next(recipe, text, 0, "cpu").batch()  # type: ignore[arg-type]
    x, y = objective.batch()
    asked = y != IGNORED
    assert torch.equal(x[~asked], plain[~asked])
    assert torch.equal(y[asked], plain[asked])
    assert float(asked.float().mean()) == pytest.approx(HIDDEN_SHARE, abs=0.015)
    assert float((x[asked] == text.vocabulary).float().mean()) == pytest.approx(0.8, abs=0.04)  # type: ignore[union-attr]
    assert float((x[asked] == y[asked]).float().mean()) == pytest.approx(0.1, abs=0.03)
    first = objective.score(nn.Embedding(301, 300), "test")
    assert first[0] > 0


def test_augmented_pictures_are_shifted_and_mirrored_ones(tmp_path: Path) -> None:
    write_cifar10(tmp_path / "c", 12)
    found = data.load("cifar10", str(tmp_path / "c")).hold_out(10, 0)  # type: ignore[union-attr]
    recipe = replace(PUBLISHED["cifar10-resnet56"], batch=30)
    moved, _ = Classify(recipe, found, 0, "cpu").batch()
    still, _ = Classify(replace(recipe, augment=False), found, 0, "cpu").batch()
    assert moved.shape == still.shape
    padded = nn.functional.pad(still, (4,) * 4)
    mirrored = 0
    for one, source in zip(moved, padded, strict=True):
        places = [(i, j) for i in range(9) for j in range(9)]
        plain = any(torch.equal(one, source[:, i : i + 32, j : j + 32]) for i, j in places)
        flipped = any(torch.equal(one, source[:, i : i + 32, j : j + 32].flip(2)) for i, j in places)
        assert plain or flipped
        mirrored += flipped
    assert 5 <= mirrored <= 25


# --- networks and recipes -------------------------------------------------------------------------------


STAGES = [18 * 9 * c * c - (9 * c * c // 2 if c > 16 else 0) + 18 * 2 * c for c in (16, 32, 64)]
RESNET56 = 3 * 9 * 16 + 2 * 16 + sum(STAGES) + 64 * 10 + 10
"""18 convolutions a stage, the first of a later one with half the inputs; 0.85 M in He et al. 2016."""


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (lambda: networks.ResNet(nn.ReLU, 3, 10), RESNET56),
        (lambda: networks.GPT(nn.GELU, 50257), 124_439_808),  # GPT-2 124M, biases and both embeddings
        (lambda: networks.MLP(nn.ReLU, 64, 10), 64 * 64 + 64 + 64 * 64 + 64 + 640 + 10),
    ],
)
def test_networks_have_the_published_number_of_parameters(
    make: Callable[[], nn.Module], parameters: int
) -> None:
    assert count_parameters(networks.on_meta(make)) == parameters


def test_bert_small_has_the_published_size() -> None:
    """28.8 M with 30,522 tokens: Turc et al. 2019, table 1, whose count has a pooler and 512 places more."""
    found = count_parameters(networks.on_meta(lambda: networks.BERT(nn.GELU, 30522)))
    assert 28.0e6 < found < 29.2e6


def test_the_gpt_sees_no_later_symbol() -> None:
    network = seeded(lambda: networks.GPT(nn.GELU, 20, 8, 16, 2, 2), 0)
    x = torch.arange(8)[None]
    changed = x.clone()
    changed[0, 5:] = 19
    one, other = network(x), network(changed)
    assert torch.allclose(one[0, :5], other[0, :5], atol=1e-6)
    assert not torch.allclose(one[0, 5:], other[0, 5:], atol=1e-3)


def test_a_narrow_transformer_has_the_pre_activations_of_gpt_2() -> None:
    spreads = []
    for width in (32, 256):
        network = seeded(lambda width=width: networks.GPT(nn.GELU, 50, 64, width, 2, 1), 0)
        layer = network.layers[0]  # type: ignore[index, union-attr]
        seen: list[torch.Tensor] = []
        layer.mlp.up.register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(out))
        network(torch.randint(50, (8, 64), generator=torch.Generator().manual_seed(0)))
        spreads.append(float(seen[0].detach().std()))
    assert spreads == pytest.approx([0.02 * math.sqrt(768)] * 2, rel=0.1)


STAND_INS: dict[str, tuple[Callable[[Path], Any], dict[str, Any]]] = {
    "mnist-mlp": (write_mnist, {"held_out": 10, "batch": 8}),
    "cifar10-resnet56": (write_cifar10, {"held_out": 10, "batch": 4}),
    "cifar100-resnet56": (write_cifar100, {"held_out": 10, "batch": 4}),
    "gpt2-124m": (
        write_tokens,
        {
            "sizes": {"width": 768, "heads": 12, "layers": 1},
            "batch": 2,
            "micro": 1,
            "context": 64,
            "scored": 2,
        },
    ),
    "bert-small": (write_tokens, {"batch": 4, "micro": 2, "scored": 4}),
}
"""Recipe -> what writes data of the same shape, and what of the recipe is made small to save time."""


@pytest.mark.parametrize("model", PUBLISHED)
def test_a_published_setting_runs_on_data_of_its_shape(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, small = STAND_INS[model]
    write(tmp_path / "d")
    monkeypatch.setitem(recipes.PUBLISHED, model, replace(PUBLISHED[model], **small))
    folder = str(tmp_path / "d")
    grid = Grid("full", (model,), (named("se-gem"),), seeds=1, steps=2, folder=folder)
    grid.check_data()
    s = setting_of(grid, model)
    check(s)
    assert s.recipe
    found = trained(grid.tasks()[0])
    assert found.steps == 2
    assert found.diverged_at is None
    assert found.test_score is not None
    if s.unigram is None:
        assert 0 <= found.test_score <= 1
    else:
        assert abs(found.test_score - s.guess) < 1.5  # untrained: about ln(vocabulary)


@pytest.mark.parametrize("model", [m for m, r in PUBLISHED.items() if r.held_out])
def test_too_few_samples_to_hold_out_are_said_before_training(model: str, tmp_path: Path) -> None:
    STAND_INS[model][0](tmp_path / "d")
    grid = Grid("full", (model,), (named("relu"),), folder=str(tmp_path / "d"))
    with pytest.raises(data.DataError, match=r"training samples; at least 5,001 are needed"):
        grid.check_data()


def test_a_text_shorter_than_a_sequence_is_said_before_training(tmp_path: Path) -> None:
    write_tokens(tmp_path / "d", 400)
    grid = Grid("full", ("gpt2-124m",), (named("relu"),), folder=str(tmp_path / "d"))
    with pytest.raises(data.DataError, match=r"100 symbols in its least part; at least 1,026 are needed"):
        grid.check_data()


@pytest.mark.parametrize("row", [*QUICK.values(), *FULL.values(), *PUBLISHED.values()], ids=lambda r: r.title)
def test_recipes_are_what_a_record_can_hold(row: Recipe) -> None:
    assert list(row.rates) == sorted(set(row.rates))
    assert row.dataset in data.DATASETS
    assert row.objective in OBJECTIVES
    assert row.seeds >= 5 or row.title == "GPT-2 124M"
    assert not row.warmup or row.warmup < row.steps

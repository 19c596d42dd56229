"""The record of any study: kept whole, gone on with, and read with distrust; and activations by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.models.activations import MODULES, Activation, everything, named, peers
from benchmarks.study import Run, Study, folder_of, read
from benchmarks.study import run as study_run
from gem_impls import Spec


@dataclass(frozen=True)
class Seen:
    """One of everything that an entry may hold."""

    name: str
    steps: int
    loss: float
    better: bool
    diverged_at: int | None
    curve: tuple[float, ...]
    by_seed: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Failed:
    reason: str


def positive(entry: Any) -> None:
    if isinstance(entry, Seen) and entry.steps < 1:
        raise ValueError("steps must be at least 1")


STUDY = Study("trial", {"seen": Seen, "failures": Failed}, "nothing", ("study",), check=positive)
ONE = Seen("gem(n=1)", 3, 0.5, True, None, (1.0, 0.5), {"0": (1.0,), "1": ()})
COMMAND = "python -m benchmarks trial"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(study_run, "STORE", tmp_path)
    return tmp_path


def begun(**settings: Any) -> Run:
    return Run(STUDY, {"length": "quick", "seed": 0, **settings}, COMMAND, None)


def test_what_is_written_is_read() -> None:
    run = begun()
    run.ends("all", [ONE, Failed("why")])
    run.close()
    found = read(STUDY, run.target.read_bytes())
    assert found.entries == (ONE, Failed("why"))
    assert found.of(Failed) == (Failed("why"),)
    assert found.problems == ()
    assert found.header["complete"] is True
    assert found.header["seed"] == 0
    assert run.target.parent == folder_of(STUDY)
    assert run.target.stem.endswith("-quick")


def test_an_interrupted_run_goes_on_and_no_other_does() -> None:
    first = begun()
    first.ends("one", [ONE])
    assert begun(seed=1).target != first.target
    assert Run(STUDY, {"length": "quick", "seed": 0}, COMMAND + " more", None).target != first.target
    again = begun()
    assert again.target == first.target
    assert again.done == {"one"}
    again.ends("two", [Failed("why")])
    again.close()
    assert read(STUDY, again.target.read_bytes()).entries == (ONE, Failed("why"))
    assert begun().target != first.target, "a record that is complete is left alone"


def test_changed_code_begins_a_new_record(monkeypatch: pytest.MonkeyPatch) -> None:
    first = begun()
    first.ends("one", [ONE])
    monkeypatch.setattr(Study, "sources", lambda _: "of other code")
    assert begun().target != first.target


def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("{}")
    with pytest.raises(ValueError, match=r"kept\.json exists and is not an incomplete record .* --out"):
        Run(STUDY, {}, COMMAND, kept)
    assert kept.read_text() == "{}"


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"steps": 1.5},
        {"loss": True},
        {"loss": 10**400},
        {"name": None},
        {"better": 1},
        {"diverged_at": "3"},
        {"curve": [1.0, "2"]},
        {"by_seed": {"0": 1.0}},
        {"by_seed": []},
    ],
)
def test_a_damaged_entry_costs_that_entry(changes: dict[str, Any]) -> None:
    run = begun()
    run.ends("all", [ONE, ONE, Failed("why")])
    document = json.loads(run.target.read_text())
    document["seen"][0] |= changes
    found = read(STUDY, json.dumps(document).encode())
    assert found.entries == (ONE, Failed("why"))
    (problem,) = found.problems
    assert problem.startswith("seen[0] left out: ")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "no key gem_impls_trial"),
        (b'{"gem_impls_trial": {"schema": 2}}', "its schema is 2; this version reads schema 1"),
        (b'{"gem_impls_trial": {"schema": NaN}}', "NaN is not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_record_is_said(raw: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(STUDY, raw)


# --- activations ----------------------------------------------------------------------------------------


def test_names_are_read_back() -> None:
    assert len({a.name for a in everything()}) == len(everything()) == 37
    assert [named(a.name) for a in everything()] == list(everything())
    assert named("e-gem") == Activation(Spec("e-gem"))
    assert named("se-gem(n=2)") == Activation(Spec("se-gem", 2))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("swish", "unknown activation 'swish'; one of e-gem, "),
        ("gem(n=1", "must be like"),
        ("gem(m=1)", r"parameters are n, eps and negative_slope; got 'm=1'"),
        ("gem(n=x)", "n must be a number; got 'x'"),
        ("gem(n=1.5)", "n must be an integer >= 1; got 1.5"),
        ("gem(eps=2)", "eps is fixed at 1"),
        ("e-gem(n=1, n=2)", "got 'n=2'"),
        ("relu(n=1)", "relu takes no parameters"),
    ],
)
def test_a_wrong_name_says_what_is_allowed(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        named(name)


def test_the_grid_holds_the_peers_that_it_held() -> None:
    """More activations can be named; a grid of trainings does not grow by that."""
    assert [a.name for a in peers()] == ["relu", "leaky_relu", "gelu", "silu"]
    assert [a.name for a in everything()[:5]] == ["relu", "leaky_relu", "gelu", "silu", "gem(n=1)"]


def test_modules_are_torchs_own_and_the_familys() -> None:
    import torch

    for peer, cls in MODULES.items():
        assert type(Activation(peer).module()) is getattr(torch.nn, cls)
    x = torch.linspace(-3, 3, 7)
    tanh = torch.nn.functional.gelu(x, approximate="tanh")
    assert torch.equal(Activation("gelu_tanh").module()(x), tanh)
    assert not torch.equal(Activation("gelu").module()(x), tanh)
    module = named("se-gem(n=2, eps=0.5, negative_slope=0.25)").module("torch_naive")
    assert torch.allclose(module(torch.tensor([-1.0, 1.0])), torch.tensor([-0.25, 1.0]) * (1 / 1.5))
    with pytest.raises(ValueError, match=r"implementation must be None for gelu; got 'torch_naive'"):
        Activation("gelu").module("torch_naive")

"""The record of a GPU run is read as the records that it holds; a rehearsal is not read at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports.load import load
from tests.reports import factory
from tests.reports.factory import case, entry, sweep, write


def gpu_run(results: dict[str, Any], **header: Any) -> dict[str, Any]:
    phases = [
        {"phase": phase, "what": "…", "status": "passed", "jobs": [], "results": found}
        for phase, found in results.items()
    ]
    made = {"schema": 1, "rehearsal": False, "complete": True, **header}
    return {"gem_impls_gpu": made, "phases": phases}


def one_sweep() -> dict[str, Any]:
    samples = [1.0e-3, 1.1e-3, 1.2e-3, 1.3e-3]
    return sweep([entry(case(), samples, {"relu": samples, "copy_": samples})])


def problems(data: Path) -> list[str]:
    return [problem.text for problem in load([data]).problems]


def test_a_sweep_inside_is_a_sweep(data: Path) -> None:
    content = {"quick sweep": {"all": one_sweep()}, "device": {"all": {"properties": {}}}, "gpu tests": {}}
    write(data, gpu_run(content))
    loaded = load([data])
    assert loaded.problems == ()
    (record,) = loaded.records
    assert len(record.measurements) == 1
    assert record.source.shown == "data/0001_sweep.json, quick sweep"
    assert json.loads(record.source.raw) == json.loads(json.dumps(one_sweep()))


def test_records_of_other_kinds_inside_are_read_by_their_readers(data: Path) -> None:
    damaged = {"gem_impls_error": {"schema": 99}}
    write(data, gpu_run({"error": {"torch_compile": damaged}, "full sweep": {"all": one_sweep()}}))
    loaded = load([data])
    assert len(loaded.records) == 1
    (problem,) = loaded.problems
    assert problem.shown == "data/0001_sweep.json, error of torch_compile"
    assert "schema is 99" in problem.text


def test_a_rehearsal_is_never_shown(data: Path) -> None:
    write(data, gpu_run({"quick sweep": {"all": one_sweep()}}, rehearsal=True))
    assert load([data]).records == ()
    assert problems(data) == ["left out: it is a rehearsal on a CPU: nothing in it is a figure"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"gem_impls_gpu": 7}, "gem_impls_gpu must hold an object"),
        ({"gem_impls_gpu": {"schema": 2, "rehearsal": False}}, "its schema is 2"),
        ({"gem_impls_gpu": {"schema": 1}}, "rehearsal must be true or false"),
        ({"gem_impls_gpu": {"schema": 1, "rehearsal": False}, "phases": {}}, "phases must be a list"),
        (
            {"gem_impls_gpu": {"schema": 1, "rehearsal": False}, "phases": [3]},
            "phases[0] must hold an object",
        ),
    ],
)
def test_a_damaged_one_is_named_and_left_out(data: Path, content: dict[str, Any], says: str) -> None:
    write(data / "gpu", content)
    write(data, factory.realistic())
    assert len(load([data]).records) == 1
    assert any(says in text for text in problems(data))


def test_a_sweep_that_only_mentions_the_key_is_what_it_is(data: Path) -> None:
    made = one_sweep()
    made["gem_impls"]["sweep"] = '"gem_impls_gpu"'
    write(data, made)
    assert len(load([data]).records) == 1

"""Which cases are compared."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.compare import plan
from gem_impls import VARIANTS
from gem_impls.oracle import FORMATS
from tests.project.markdown import ROOT

NAMES = plan.implementations_in(ROOT / "gem_impls")


def test_names_come_from_files() -> None:
    assert {"numpy_cpu", "torch_compile", "torch_naive", "triton_fused"} <= set(NAMES)


def test_every_implementation_that_performs_here_has_every_row() -> None:
    made = plan.make(plan.USUAL, [*NAMES, "gone_since"], "cpu")
    for name in ("numpy_cpu", "torch_compile", "torch_naive", "gone_since"):
        assert sum(entry["implementation"] == name for entry in made.timed) == len(plan.ROWS)
        assert sum(entry["implementation"] == name for entry in made.counted) == len(plan.COUNTED_ROWS)
        assert sum(entry["implementation"] == name for entry in made.subjects) == len(plan.ERRORS)
    assert not any(entry["implementation"].startswith("triton") for entry in made.timed)
    ids = [entry["id"] for entries in (made.timed, made.counted, made.subjects) for entry in entries]
    assert len(ids) == len(set(ids))


def test_errors_are_of_every_function_in_every_dtype_and_bytes_of_every_variant() -> None:
    made = plan.make(plan.USUAL, ["numpy_cpu"], "cpu")
    asked = {(entry["function"], entry["n"], entry["dtype"]) for entry in made.subjects}
    assert asked == set(itertools.product(VARIANTS, (1, 2, 3), FORMATS))
    assert {entry["function"] for entry in made.counted} == set(VARIANTS)


@pytest.mark.parametrize("selection", ["quick", "full"])
def test_a_sweep_gives_its_cases_of_the_family(selection: str) -> None:
    made = plan.make(selection, NAMES, "cpu", "numpy_cpu and not error")
    assert len(made.timed) > 10
    assert all(entry["kind"] == "gem" and entry["implementation"] == "numpy_cpu" for entry in made.timed)


@pytest.mark.parametrize(
    ("keyword", "timed", "subjects"),
    [
        ("numpy_cpu and 1024", True, False),
        ("NUMPY_CPU and forward+backward", True, False),
        ("error", False, True),
        ("not (error or torch)", True, False),
    ],
)
def test_k_selects(keyword: str, timed: bool, subjects: bool) -> None:
    made = plan.make(plan.USUAL, NAMES, "cpu", keyword)
    assert bool(made.timed) == timed
    assert bool(made.subjects) == subjects


@pytest.mark.parametrize(
    ("keyword", "message"),
    [("no_such", "-k 'no_such' selects none of"), ("and and", "-k takes names"), ("(", "-k takes names")],
)
def test_what_selects_nothing_is_refused(keyword: str, message: str) -> None:
    with pytest.raises(plan.NothingSelected, match=message):
        plan.make(plan.USUAL, NAMES, "cpu", keyword)

"""What is measured beside values and gradients: f'', products, consistency; and of what, and how closely."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gem_impls
from benchmarks.error import consistency, plan, progress, subjects, sweep
from benchmarks.error.cache import Cache
from benchmarks.error.grid import Grid, defaults
from benchmarks.error.sweep import Job
from gem_impls import Spec
from tests.error import planted


@pytest.fixture
def run(tmp_path: Path) -> Any:
    with ThreadPoolExecutor(2) as threads:
        yield lambda subject, job: sweep.run(subject, job, Cache(tmp_path, print), threads)


def subject(name: str) -> subjects.Subject:
    found = subjects.find(name, "cpu")
    assert not isinstance(found, str), found
    return found


def test_the_grid_is_the_stated_one() -> None:
    specs = Grid().specs()
    assert len(specs) == 4 + 4 * 5 + 4 * 5 * 3
    assert defaults(specs) == (Spec("gem"), Spec("e-gem"), Spec("se-gem"))
    only = Grid(variants=("e-gem",), n=(3,), eps=(1.0,)).specs()
    assert defaults(only) == only == (Spec("e-gem", 3, 1.0),)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("spec", [Spec("gem", 3), Spec("se-gem", 1, 1e-6, -0.1)], ids=str)
def test_the_second_derivative_is_within_its_bound(run: Any, dtype: str, spec: Spec) -> None:
    autograd = subject("torch_autograd")
    points = "all" if dtype in ("float16", "bfloat16") else "stratified"
    job = Job(spec, dtype, "second_derivative", points, 3000)
    sides = run(autograd, job)
    bound = autograd.bound(spec, dtype, "second_derivative")
    assert bound is not None
    for tally in (sides.positive, sides.negative):
        assert tally.counts["beyond"] == tally.counts["nonfinite"] == 0
        assert tally.worst is None or tally.worst.ulp <= bound  # none is judged where the slope is 0
    assert sides.wrong_specials == []


def test_a_wrong_second_derivative_is_caught(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    autograd = subject("torch_autograd")
    evaluate = type(autograd).evaluate
    monkeypatch.setattr(
        type(autograd), "evaluate", lambda self, *given: evaluate(self, *given) * (1 + 2.0**-18)
    )
    sides = run(autograd, Job(Spec("gem"), "float32", "second_derivative", "stratified", 3000))
    assert sides.positive.counts["beyond"] > 100


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_products_with_extreme_factors(run: Any, dtype: str) -> None:
    numpy_cpu = subject("numpy_cpu")
    for grad_output in plan.grad_outputs(dtype):
        points = "all" if dtype == "float16" else "stratified"
        job = Job(Spec("se-gem"), dtype, "gradient", points, 400, grad_output=grad_output)
        sides = run(numpy_cpu, job)
        for tally in (sides.positive, sides.negative):
            assert tally.counts["beyond"] == tally.counts["nonfinite"] == tally.counts["wrong_sign"] == 0


def test_the_literal_gradient_fails_with_extreme_factors(run: Any) -> None:
    job = Job(Spec("gem"), "float16", "gradient", "all", grad_output=65504.0)
    assert run(subject("torch_naive"), job).positive.counts["nonfinite"] > 1000


def test_the_literal_formula_dies_where_it_says(run: Any) -> None:
    sides = run(subject("torch_naive"), Job(Spec("gem"), "float16", "value", "all"))
    assert 40 < sides.positive.wrong_above < 40.5  # x^3 overflows from 40.3
    assert sides.positive.counts["nonfinite"] > 0
    assert sides.positive.counts["beyond"] == 0  # not inside the domain that it declares
    everywhere = run(subject("numpy_cpu"), Job(Spec("gem"), "float16", "value", "all"))
    assert everywhere.positive.wrong_above == np.inf


@pytest.mark.parametrize("name", ["numpy_cpu", "torch_naive"])
def test_bits_do_not_depend_on_how_they_are_asked_for(name: str) -> None:
    for what in ("value", "gradient"):
        entries = consistency.check(subject(name), Spec("se-gem"), "float32", what)
        assert {entry["check"]: entry["different"] for entry in entries if entry["different"]} == {}
        checks = {entry["check"] for entry in entries}
        assert ("in place" in checks) == (what == "value")
        assert ("autograd" in checks) == ("threads" in checks) == (name == "torch_naive")


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ("lengths", lambda x, y: y + (x.size % 8 == 1)),
        ("offsets", lambda x, y: np.where(np.arange(x.size).reshape(x.shape) % 8 == 7, 0, y)),
        ("strided", lambda x, y: y if x.flags.c_contiguous else y / 2),
        ("transposed", lambda x, y: y if x.ndim == 1 else y / 2),
        ("order", lambda x, y: np.where(np.roll(x, 1) > x, 0, y)),
    ],
)
def test_each_dependence_is_found(check: str, fault: Any) -> None:
    wrong = subjects.Family("p", planted.Planted("p", fault), "cpu")
    entries = consistency.check(wrong, Spec("gem"), "float32", "value")
    found = {entry["check"]: entry["different"] for entry in entries}
    assert found[check] > 0
    assert found["repeated"] == 0


def test_exhaustive_means_all_inputs() -> None:
    numpy_cpu = subject("numpy_cpu")
    pieces = list(plan.pieces(numpy_cpu, ("float32",), Grid(("gem",), (1,)), exhaustive=True))
    job = pieces[0].job
    assert (job.points, len(job.magnitudes())) == ("all", 0x7F800000)
    few = list(plan.pieces(numpy_cpu, ("float32",), Grid(("gem",), (1,))))
    assert 2 * len(few[0].job.magnitudes()) >= plan.POINTS


def test_a_float64_run_has_its_hundred_thousand_points() -> None:
    numpy_cpu = subject("numpy_cpu")
    maps = [p.job for p in plan.pieces(numpy_cpu, ("float64",), Grid()) if p.kind == "map"]
    close = [job for job in maps if job.curve and job.what == "value"]
    assert [str(job.function) for job in close] == [str(spec) for spec in defaults(Grid().specs())]
    # of a one-sided function, the half that is all zeros does not count
    assert all(len(job.magnitudes()) * (1 if job.slope == 0 else 2) >= 1e5 for job in close)


def test_every_piece_has_its_own_name() -> None:
    for name in ("numpy_cpu", "torch", "torch_autograd"):
        pieces = list(plan.pieces(subject(name), subject(name).dtypes, Grid()))
        assert len({piece.name for piece in pieces}) == len(pieces)


def test_the_cuda_device_is_refused_with_a_reason_where_there_is_none() -> None:
    found = subjects.find("numpy_cpu", "cuda")
    assert isinstance(found, str)
    assert "CPU" in found
    with pytest.raises(ValueError, match="unknown implementation 'numpy'"):
        subjects.find("numpy")


def test_time_left_is_scaled_by_what_was_done() -> None:
    now = 0.0
    written: list[str] = []
    shown = progress.Progress(100.0, written.append, terminal=False, clock=lambda: now)
    shown.skip(20)
    shown.starts("piece")
    assert shown.line() == " 20 %: piece"
    now = 30.0
    shown.advance(40)
    assert shown.line() == " 60 %, about 30 s left: piece"
    now = 60.0
    shown.advance(40)
    shown.close()
    assert written[-1].startswith("100 %, about 0 s left")
    assert progress.duration(3725) == "1 h 02 min"
    assert progress.duration(65) == "1 min 05 s"


def test_importing_does_no_work() -> None:
    # asv imports every module below benchmarks/, in every process.
    import subprocess
    import sys

    code = "import pkgutil, importlib, sys, benchmarks.error as e\n"
    code += (
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(e.__path__, 'benchmarks.error.')]\n"
    )
    code += "import benchmarks.__main__\n"
    code += "print({'torch', 'triton', 'mpmath'} & set(sys.modules))"
    root = Path(gem_impls.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "set()"

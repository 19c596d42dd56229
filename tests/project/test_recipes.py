"""The recipes of CONTRIBUTING.md, applied as written to a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.markdown import ROOT, blocks, recipe

pytest.importorskip("torch", reason="the example of an implementation is in torch")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy to change: the package, the benchmarks and the tests."""
    for folder in ("gem_impls", "benchmarks", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(project: Path, *arguments: str) -> str:
    """Python, in the copy and on the copy."""
    # pytest-benchmark does not measure in a worker of xdist, nor below one.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST")}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def pytest_in(project: Path, *arguments: str) -> str:
    return run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments)


def cases(project: Path, sweep: str) -> list[str]:
    """The ids of a sweep's cases."""
    code = f"from benchmarks.cases import generate\nfor p in generate({sweep!r}): print(p.case.id)"
    return run(project, "-c", code).split()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name}: the recipe no longer says where"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_recipe_is_tried_here() -> None:
    marked = [b.recipe for b in blocks("CONTRIBUTING.md", "python")]
    assert marked == [
        "gem_impls/impls/torch_eager.py",
        "a row of VARIANTS in gem_impls/spec.py",
        "a value of the axis shape in benchmarks/axes.py",
        "a row of AXES in benchmarks/axes.py",
        "what it needs in benchmarks/axes.py",
    ]


def test_an_implementation_is_one_file(project: Path) -> None:
    assert "torch_eager" not in "".join(cases(project, "quick"))
    path = "gem_impls/impls/torch_eager.py"
    (project / path).write_text(recipe(path), encoding="utf-8")

    assert "torch_eager" in run(project, "-c", "import gem_impls; print(gem_impls.implementations())")
    conformance = pytest_in(
        project, "tests/conformance/test_accuracy.py", "-k", "torch_eager-gem and (float32 or bfloat16)"
    )
    assert int(re.search(r"(\d+) passed", conformance)[1]) >= 8
    assert "gem-n1-torch_eager-1024-float32-cpu-forward-out" in cases(project, "quick")
    followed = run(project, "-c", "from benchmarks import asv_view; print(asv_view.basics('cpu'))")
    assert "gem n=1, torch_eager" in followed


def test_a_variant_is_one_row(project: Path) -> None:
    row = recipe("a row of VARIANTS in gem_impls/spec.py")
    end_of_the_table = '    }\n)\n"""Variant name'
    edit(project / "gem_impls/spec.py", end_of_the_table, row + end_of_the_table)

    shown = run(project, "-c", "import gem_impls; print(gem_impls.Spec('s-gem', n=2))")
    assert shown.strip() == "s-gem(n=2, negative_slope=0.1)"
    assert "s-gem-n1-numpy_cpu-1024-float32-cpu-forward-out" in cases(project, "quick")
    followed = run(project, "-c", "from benchmarks import asv_view; print(asv_view.others('cpu'))")
    assert "s-gem n=1, numpy_cpu" in followed
    conformance = pytest_in(
        project, "tests/conformance/test_accuracy.py", "-k", "numpy_cpu-s-gem and float32"
    )
    assert int(re.search(r"(\d+) passed", conformance)[1]) >= 3


def test_a_value_of_a_dimension_is_one_entry(project: Path) -> None:
    axes = project / "benchmarks/axes.py"
    line = recipe("a value of the axis shape in benchmarks/axes.py")
    (old,) = re.findall(r"^        full=\(\*powers.*\n", axes.read_text(encoding="utf-8"), re.MULTILINE)
    assert line.startswith(old.rstrip()[:-2]), "the recipe shows the line as it is, and one entry more"
    edit(axes, old, line)

    found = cases(project, "full")
    assert "gem-n1-torch_compile-4096x2048-float32-cpu-forward-out" in found
    assert not [case for case in cases(project, "quick") if "4096x2048" in case]


def test_a_dimension_is_one_row(project: Path) -> None:
    axes = project / "benchmarks/axes.py"
    row = recipe("a row of AXES in benchmarks/axes.py")
    edit(axes, ')\n"""The dimensions, in', row + ')\n"""The dimensions, in')
    needed = "import contextlib\nfrom collections.abc import Iterator\n\n" + recipe(
        "what it needs in benchmarks/axes.py"
    )
    edit(axes, "AXES: Final[tuple[Axis, ...]] = (", needed + "\n\nAXES: Final[tuple[Axis, ...]] = (")

    assert "gem-n1-torch_compile-1024-float32-cpu-forward-out-threads1" in cases(project, "full")
    assert not [case for case in cases(project, "quick") if "threads" in case]
    record = project / "record.json"
    pytest_in(
        project,
        *("benchmarks", "--benchmark-only", "--sweep", "full", f"--benchmark-json={record}"),
        *("-k", "gelu-torch-1024-float32-cpu-forward-out-threads1"),
    )
    (entry,) = json.loads(record.read_text(encoding="utf-8"))["benchmarks"]
    assert entry["extra_info"]["case"]["conditions"] == "threads=1"

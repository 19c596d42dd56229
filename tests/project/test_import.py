"""Importing the package is cheap, and works without torch and triton."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import gem_impls
from tests.project.markdown import ROOT

# Put first in a fresh interpreter: torch and triton then cannot be imported, as if they were not installed.
WITHOUT_TORCH = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "triton"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


def fresh(code: str) -> str:
    """What ``code`` prints in a fresh interpreter, with warnings as errors."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_import_loads_no_framework() -> None:
    code = """
        import sys
        import gem_impls
        gem_impls.implementations()
        heavy = {"torch", "triton", "matplotlib", "pytest", "asv"}
        print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
    """
    assert fresh(code).strip() == "[]"


def test_numpy_calls_load_no_framework() -> None:
    code = """
        import sys
        import numpy as np, gem_impls
        gem_impls.gem(np.ones(3))
        gem_impls.get("numpy_cpu").build(gem_impls.Spec("se-gem")).forward(np.ones(3, "float32"))
        print("torch" in sys.modules, "triton" in sys.modules)
    """
    assert fresh(code).split() == ["False", "False"]


def test_without_torch_the_torch_implementations_say_so() -> None:
    code = """
        import numpy as np, gem_impls
        print(gem_impls.gem(np.array([0.5])).tolist())
        for name in gem_impls.implementations():
            print(name, "|", gem_impls.get(name).unavailable())
    """
    first, *rest = fresh(WITHOUT_TORCH + textwrap.dedent(code)).splitlines()
    assert first == "[0.1]"
    said = dict(line.split(" | ") for line in rest)
    assert said.pop("numpy_cpu") == "None"
    assert {"torch_naive", "torch_compile", "triton_fused"} <= set(said)
    for name, why in said.items():
        assert "torch" in why, name


def test_without_torch_a_named_implementation_refuses() -> None:
    code = """
        import gem_impls
        try:
            gem_impls.get("torch_compile").build(gem_impls.Spec("gem"))
        except gem_impls.Unavailable as error:
            print(error)
        try:
            gem_impls.nn
        except ImportError as error:
            print(error)
    """
    refusal, missing = fresh(WITHOUT_TORCH + textwrap.dedent(code)).splitlines()
    assert "torch_compile" in refusal
    assert "needs torch" in missing


def test_eager_calls_load_no_compiler() -> None:
    """Dynamo and what it brings take seconds to import; whoever does not compile does without."""
    pytest.importorskip("torch", reason="torch is not installed")
    if (why := gem_impls.get("cpp_fused").unavailable()) is not None:
        pytest.skip(why)
    code = """
        import sys
        import torch
        import gem_impls
        x = torch.ones(3, requires_grad=True)
        gem_impls.gem(x, implementation="cpp_fused").sum().backward()
        gem_impls.gem(x, implementation="torch_naive").sum().backward()
        print(sorted({"torch._dynamo", "torch._inductor", "sympy", "triton"} & set(sys.modules)))
    """
    assert fresh(code).strip() == "[]"


def test_what_is_constant_when_traced_is_marked_as_torch_marks_it() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from gem_impls.torch_arrays import constant_when_traced

    def ours() -> None: ...

    def theirs() -> None: ...

    constant_when_traced(ours)
    torch.compiler.assume_constant_result(theirs)
    assert vars(ours) == vars(theirs) != {}

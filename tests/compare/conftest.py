"""A small repository of this project's own code, with a branch for each fault."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.project.markdown import ROOT

NUMPY = "gem_impls/impls/numpy_cpu.py"

SLOW = """

import time as _time

_forward_of = NumpyOp.forward


def _slow_forward(self, x, out=None):
    start = _time.thread_time()
    y = _forward_of(self, x, out)
    end = start + 1.5 * (_time.thread_time() - start)
    while _time.thread_time() < end:
        pass
    return y


NumpyOp.forward = _slow_forward
"""

INEXACT = """

_forward_of = NumpyOp.forward


def _inexact_forward(self, x, out=None):
    y = _forward_of(self, x, out)
    np.copyto(y, np.nextafter(y, y.dtype.type(np.inf)), where=(x >= 1) & (x < 2))
    return y


NumpyOp.forward = _inexact_forward
"""

NARROW = """

_forward_of = NumpyOp.forward


def _narrow_forward(self, x, out=None):
    y = _forward_of(self, x, out)
    if self.spec.variant == "se-gem" and y.dtype != np.float32:
        np.copyto(y, np.nextafter(y, y.dtype.type(np.inf)), where=(x >= 1) & (x < 2))
    return y


NumpyOp.forward = _narrow_forward
"""

COPYING = """

_backward_of = NumpyOp.backward


def _copying_backward(self, grad_output, x, out=None):
    x.copy()
    return _backward_of(self, grad_output, x, out)


NumpyOp.backward = _copying_backward
"""

CRASHING = """

import ctypes as _ctypes

NumpyOp.backward = lambda self, grad_output, x, out=None: _ctypes.string_at(0)
"""

APPENDED = {
    "slow": SLOW,
    "inexact": INEXACT,
    "narrow": NARROW,
    "copying": COPYING,
    "crashing": CRASHING,
}
"""Branch -> what is planted at the end of numpy_cpu."""

SUBJECT = "<script>alert(1)</script> | @everyone [x](javascript:y)"


def git(repository: Path, *arguments: str, date: str = "2026-01-02T00:00:00Z") -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *arguments],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
    )
    return done.stdout.strip()


def plant(repository: Path, branch: str, file: str, text: str, subject: str | None = None) -> None:
    """A branch of one commit on ``base``; its date lies before that of ``base``: clocks go backwards."""
    git(repository, "checkout", "--quiet", "-b", branch, "base")
    (repository / file).write_text(text, encoding="utf-8")
    git(repository, "commit", "--quiet", "--all", "-m", subject or branch, date="2025-01-01T00:00:00Z")
    git(repository, "checkout", "--quiet", "base")


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository; ``base`` is checked out. Tests that change its files take :func:`repository`."""
    made = tmp_path_factory.mktemp("planted") / "project"
    made.mkdir()
    for name in ("gem_impls", "benchmarks"):
        shutil.copytree(ROOT / name, made / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, made / name)
    (made / ".gitignore").write_text("__pycache__/\n*.egg-info/\nbuild/\nreports/\n")
    git(made, "init", "--quiet", "--initial-branch=base")
    git(made, "add", "--all")
    git(made, "commit", "--quiet", "-m", "base")
    source = (made / NUMPY).read_text(encoding="utf-8")
    for branch, fault in APPENDED.items():
        plant(made, branch, NUMPY, source + fault, SUBJECT if branch == "inexact" else None)
    project = (made / "pyproject.toml").read_text(encoding="utf-8")
    plant(made, "unbuildable", "pyproject.toml", project.replace("setuptools.build_meta", "no_such_builder"))
    plant(
        made,
        "unimportable",
        "gem_impls/__init__.py",
        "raise RuntimeError('planted')\n__version__ = '0.0.0'\n",
    )
    git(made, "checkout", "--quiet", "-b", "lacking", "base")
    git(made, "rm", "--quiet", NUMPY)
    git(made, "commit", "--quiet", "-m", "lacking")
    git(made, "checkout", "--quiet", "base")
    return made


@pytest.fixture
def repository(planted: Path, tmp_path: Path) -> Path:
    """A copy of the planted repository, to be changed."""
    return Path(shutil.copytree(planted, tmp_path / "project"))

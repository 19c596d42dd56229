"""The files of the project: what they must agree on, and what none may carry."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import gem_impls
from tests.project.markdown import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1].isalnum()
)

# Character classes keep this file from matching itself.
FORBIDDEN = {
    "a path of somebody's machine": (
        r"(?<![\w.$}{/-])/(?:[w]ork|[r]oot|[h]ome|[U]sers|[t]mp)/(?!some(?:body|one)\b)[\w.]"
    ),
    "a package registry's host": r"[p]ypi\.org|[p]ythonhosted\.org|[n]pmjs\.org|[d]ownload\.pytorch",
    "a tool's own folder": r"(?<!\w)\.[l]ibrary\b",
}


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no list of the project's files")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_carries(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in _tracked():
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {m.group()}" for m in pattern.finditer(text)]
    assert not found


@pytest.mark.parametrize(
    "line",
    ["open('/ho" + "me/me/x.json')", "see /wo" + "rk/notes", "cd /tm" + "p/x", "/ro" + "ot/.cache"],
)
def test_the_path_pattern_matches(line: str) -> None:
    assert re.search(FORBIDDEN["a path of somebody's machine"], line)


@pytest.mark.parametrize("path", [p for p in _tracked() if p.suffix == ".py"], ids=lambda p: p.name)
def test_python_files_parse_and_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    ast.parse(text)
    assert text.count("\n") <= 500, "one idea a file"


def test_the_version_is_read_from_the_package() -> None:
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "gem_impls.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", gem_impls.__version__)
    # setuptools reads it without importing only where it is a plain literal.
    tree = ast.parse((ROOT / "gem_impls" / "__init__.py").read_text(encoding="utf-8"))
    assigned = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__version__" for t in node.targets)
        and isinstance(node.value, ast.Constant)
    ]
    assert assigned == [gem_impls.__version__]


def test_numpy_is_the_only_hard_dependency() -> None:
    names = [re.match(r"[\w-]+", d)[0] for d in PYPROJECT["project"]["dependencies"]]
    assert names == ["numpy"]


def test_every_extra_is_constrained() -> None:
    wanted = {
        re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")
        for extra in PYPROJECT["project"]["optional-dependencies"].values()
        for requirement in extra
    }
    pinned = {name.lower().replace("_", "-") for name in CONSTRAINTS}
    assert wanted - pinned == {"gem-impls"}


@pytest.mark.parametrize("package", ["torch", "numpy"])
def test_ci_runs_what_asv_measures_with(package: str) -> None:
    config = (ROOT / "asv.conf.json").read_text(encoding="utf-8")
    assert f'"{package}": ["{CONSTRAINTS[package]}"]' in config


def test_every_exemption_of_the_linter_has_its_reason() -> None:
    """In pyproject.toml, a line inside an ignore list ends in a comment."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lint = text[text.index("[tool.ruff.lint]") : text.index("[tool.mypy]")]
    rules = re.findall(r'^    "[A-Z]+\d*",(.*)$', lint, re.MULTILINE)
    assert len(rules) > 20
    assert all(re.match(r"\s+# \S", comment) for comment in rules)

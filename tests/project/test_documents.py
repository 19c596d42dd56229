"""What the documents say is run: code blocks, commands, links."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
import shlex
import subprocess

import pytest

import gem_impls
from tests.project.markdown import ROOT, Block, blocks

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = sorted(p.relative_to(ROOT).as_posix() for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def _targets() -> set[str]:
    (names,) = [re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)]
    return {name for line in names for name in line.split()}


def _commands() -> list[tuple[str, str]]:
    """(document, command) for each line of every sh block, comments stripped."""
    lines = ((d, line) for d in DOCUMENTS for block in blocks(d, "sh") for line in block.code.splitlines())
    split = ((document, shlex.split(line, comments=True)) for document, line in lines)
    return [(document, shlex.join(words)) for document, words in split if words]


@pytest.mark.parametrize("block", blocks("README.md", "python"), ids=str)
def test_readme_block_runs(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    if block.code.startswith(">>>"):
        parsed = doctest.DocTestParser().get_doctest(block.code, {}, str(block), block.file, block.line)
        result = doctest.DocTestRunner().run(parsed)
        assert result.attempted > 0
        assert result.failed == 0, capsys.readouterr().out
    else:
        exec(compile(block.code, str(block), "exec"), {"__name__": "readme"})  # noqa: S102 -- our own file


def test_readme_has_code_to_run() -> None:
    assert len(blocks("README.md", "python")) >= 3


def _modules() -> list[str]:
    found = pkgutil.walk_packages(gem_impls.__path__, "gem_impls.")
    return ["gem_impls", *(m.name for m in found)]


@pytest.mark.parametrize("name", _modules())
def test_docstring_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert error.name in ("torch", "triton")  # noqa: PT017 -- nothing else may be missing
        pytest.skip(f"{name} needs {error.name}, which is not installed")
    result = doctest.testmod(module)
    assert result.failed == 0, capsys.readouterr().out


def test_the_package_shows_an_example() -> None:
    assert doctest.testmod(gem_impls).attempted > 0


def test_the_first_two_commands_are_report_and_test() -> None:
    first = blocks("README.md", "sh")[0].code.splitlines()
    assert [shlex.split(line, comments=True) for line in first] == [["make", "report"], ["make", "test"]]


@pytest.mark.parametrize(("document", "command"), _commands(), ids=lambda v: str(v)[:60])
def test_commands_name_what_exists(document: str, command: str) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        for target in (w for w in words[1:] if "=" not in w):
            assert target in _targets(), f"{document}: make {target}"
    elif words[0] == ".venv/bin/python" and words[1] == "-m":
        ours = importlib.util.find_spec(words[2]) is not None
        assert ours or words[2] in {"pytest", "asv", "ruff", "mypy"}, f"{document}: {command}"
        for path in (w for w in words[3:] if "/" in w and not w.startswith("-")):
            assert (ROOT / path).exists(), f"{document}: {path}"
    elif words[0] == "bash":
        assert (ROOT / words[1]).is_file(), f"{document}: {command}"
    else:
        assert words[0] in {".venv/bin/python", "pip", "git", "apt"}, f"{document}: {command}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_to_files_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("https://"):
            assert (ROOT / document).parent.joinpath(target).exists(), f"{document}: {target}"


def test_every_target_is_in_make_help() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^ *make (\S+)", shown, re.MULTILINE))
    assert {"report", "test", "lint", "history", "publish", "help", "clean"} <= listed
    assert _targets() - listed == {"compiler"}, "only steps on the way to other targets stay unlisted"


def test_changelog_names_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[({re.escape(gem_impls.__version__)}|Unreleased)\]", changelog, re.MULTILINE)

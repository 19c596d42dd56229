"""An exported revision, built as its users build it: a wheel, installed into a folder of its own.

Without a network: the build runs with the tools that are installed here, and nothing is resolved. What an
implementation compiles at first use goes where it always goes, under a name that says what it was made from.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 300.0
"""Seconds that a build may take."""

PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


class Unbuildable(Exception):
    """A revision does not build; the message is the reason, in one line."""


def install(source: Path, wheels: Path, target: Path) -> None:
    """Build the project in ``source`` and install it into ``target``, dependencies left out.

    Raises:
        Unbuildable: there is nothing to build, or it fails.
    """
    if importlib.util.find_spec("setuptools") is None:
        raise Unbuildable("setuptools is not installed here: pip install 'setuptools>=77'")
    if not (source / "pyproject.toml").is_file():
        raise Unbuildable("it has no pyproject.toml")
    _run("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(wheels), str(source))
    found = sorted(wheels.glob("*.whl"))
    if len(found) != 1:
        raise Unbuildable(f"building it gave {len(found)} wheels; one is needed")
    _run("install", "--no-deps", "--no-index", "--no-compile", "--target", str(target), str(found[0]))
    if not (target / "gem_impls").is_dir():
        raise Unbuildable("its wheel has no package gem_impls")


def _run(*arguments: str) -> None:
    try:
        done = subprocess.run(
            [*PIP, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unbuildable(f"pip {arguments[0]} took more than {TIMEOUT_S:g} s") from None
    if done.returncode:
        raise Unbuildable(f"pip {arguments[0]} failed: {last_error(done.stderr or done.stdout)}")


def last_error(text: str) -> str:
    """The line of a build's output that says what went wrong, without paths."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.match(r"(\w+\.)*\w*(Error|Exception|Exit)\b", line.lstrip("Ee: "))
    ]
    line = (telling or lines or ["it said nothing"])[-1]
    return re.sub(r"(?:[A-Za-z]:)?(?:[/\\][\w.+-]+){2,}", "<path>", line)[:300]

"""An exported revision, built as its users build it: a wheel, installed into a folder of its own.

Without a network: the build runs with the tools that are installed here, and nothing is resolved. What an
implementation compiles at first use goes where it always goes, under a name that says what it was made from.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.compare.processes import end_group

TIMEOUT_S: Final = 300.0
"""Seconds that a build may take."""

POLL_S: Final = 0.1
"""Seconds between two questions whether the build is still wanted."""

PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


class Unbuildable(Exception):
    """A revision does not build; the message is the reason, in one line."""


class Cancelled(Exception):
    """Nobody wants the build any more."""


def install(source: Path, wheels: Path, target: Path, unwanted: Callable[[], bool] = lambda: False) -> None:
    """Build the project in ``source`` and install it into ``target``, dependencies left out.

    Args:
        source: the project.
        wheels: a folder for its wheel.
        target: where it is installed.
        unwanted: asked now and then; when it is true, the build is given up.

    Raises:
        Unbuildable: there is nothing to build, or it fails.
        Cancelled: it was given up.
    """
    if importlib.util.find_spec("setuptools") is None:
        raise Unbuildable("setuptools is not installed here: pip install 'setuptools>=77'")
    if not (source / "pyproject.toml").is_file():
        raise Unbuildable("it has no pyproject.toml")
    wheel = ("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(wheels), str(source))
    _run(unwanted, *wheel)
    found = sorted(wheels.glob("*.whl"))
    if len(found) != 1:
        raise Unbuildable(f"building it gave {len(found)} wheels; one is needed")
    install = ("install", "--no-deps", "--no-index", "--no-compile", "--target", str(target), str(found[0]))
    _run(unwanted, *install)
    if not (target / "gem_impls").is_dir():
        raise Unbuildable("its wheel has no package gem_impls")


def _run(unwanted: Callable[[], bool], *arguments: str) -> None:
    with subprocess.Popen(
        [*PIP, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is the parent's business
    ) as process:
        end = time.monotonic() + TIMEOUT_S
        while (said := _said(process)) is None:
            if unwanted():
                end_group(process)
                raise Cancelled
            if time.monotonic() > end:
                end_group(process)
                raise Unbuildable(f"pip {arguments[0]} took more than {TIMEOUT_S:g} s")
    if process.returncode:
        raise Unbuildable(f"pip {arguments[0]} failed: {last_error(said)}")


def _said(process: subprocess.Popen[str]) -> str | None:
    """What it printed, once it has ended."""
    try:
        out, errors = process.communicate(timeout=POLL_S)
    except subprocess.TimeoutExpired:
        return None
    return errors or out


def last_error(text: str) -> str:
    """The line of a build's output that says what went wrong, without paths."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.match(r"(\w+\.)*\w*(Error|Exception|Exit)\b", line.lstrip("Ee: "))
    ]
    line = (telling or lines or ["it said nothing"])[-1]
    return re.sub(r"(?:[A-Za-z]:)?(?:[/\\][\w.+-]+){2,}", "<path>", line)[:300]

"""A repository with commits that ``make history`` takes for the project."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks import asv_history, asv_machine
from tests.project.history import Commit


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository whose results folder is beside it; asv_history takes it for the project."""
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    monkeypatch.setattr(asv_history, "ROOT", root)
    monkeypatch.setattr(asv_history, "RESULTS", tmp_path / "asv")
    monkeypatch.setattr(asv_history, "UNFINISHED", tmp_path / "unfinished")
    monkeypatch.setattr(asv_machine, "register", lambda _: "bench")
    return root


@pytest.fixture
def commit(repository: Path) -> Commit:
    """Make a commit with this subject, and this text as the package; returns its hash."""
    dates = iter(range(100, 1000))

    def made(subject: str, package: str = "", date: str = "") -> str:
        folder = repository / "gem_impls"
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text(package)
        moment = date or f"2026-01-02T03:04:05+00:00 {next(dates)}".split(" ")[0]
        who = {f"GIT_{role}_{part}": "a" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        when = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
        git = ["git", "-C", str(repository)]
        subprocess.run([*git, "add", "-A"], check=True)
        message = ["commit", "-q", "--allow-empty", "-m", subject]
        subprocess.run([*git, *message], check=True, env={**os.environ, **who, **when})
        return subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()

    return made

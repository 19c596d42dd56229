"""The workflows for forks: thin, pinned, and able to do no more than they need."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.project.markdown import ROOT

yaml = pytest.importorskip("yaml", reason="workflows are read where PyYAML is installed; asv brings it")

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = {name for line in re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE) for name in line.split()}

MAY_WRITE = {("comment.yml", "pull-requests"), ("publish.yml", "pages"), ("publish.yml", "id-token")}
"""Each permission to write, and the workflow that needs it."""

AROUND = {"mkdir", "cat", "gh", "test", "number=$(tr"}
"""Commands beside make that carry files to and from GitHub, and are of no use anywhere else."""


@pytest.fixture(params=WORKFLOWS, ids=lambda p: p.name)
def path(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture
def workflow(path: Path) -> dict[Any, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_is_one_for_each_purpose() -> None:
    assert {p.name for p in WORKFLOWS} == {"ci.yml", "compare.yml", "comment.yml", "publish.yml"}


def test_each_step_is_a_target_that_runs_locally_too(workflow: dict[Any, Any]) -> None:
    for step in steps(workflow):
        for line in step.get("run", "").splitlines():
            words = line.split()
            if words[0] == "make":
                assert words[1] in TARGETS, line
            elif words[0] == "bash":
                assert (ROOT / words[1]).is_file(), line
            else:
                assert words[0] in AROUND, line


def test_actions_are_pinned_to_a_commit_and_say_which_version_that_is(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_one_version_of_an_action_everywhere() -> None:
    used = {a for p in WORKFLOWS for a in re.findall(r"uses: (.*)", p.read_text(encoding="utf-8"))}
    assert len({a.partition("@")[0] for a in used}) == len(used)


def test_nothing_may_write_but_what_must(path: Path, workflow: dict[Any, Any]) -> None:
    assert "permissions" in workflow, "without it a workflow may do what the repository's default says"
    granted = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
    assert all(isinstance(grant, dict) for grant in granted)
    writes = {(path.name, name) for grant in granted for name, level in grant.items() if level == "write"}
    assert writes == {entry for entry in MAY_WRITE if entry[0] == path.name}


def test_what_may_write_runs_nothing_of_a_pull_request(path: Path, workflow: dict[Any, Any]) -> None:
    triggers = workflow[True]  # YAML 1.1 reads `on` as true
    assert "pull_request_target" not in triggers
    if "pull_request" in triggers:
        assert not [entry for entry in MAY_WRITE if entry[0] == path.name]
    if "workflow_run" in triggers:
        assert not [step for step in steps(workflow) if "checkout" in step.get("uses", "")]


def test_no_text_of_an_event_reaches_a_shell(workflow: dict[Any, Any]) -> None:
    """It comes as a variable of the environment, which no shell reads as a command."""
    assert not [step for step in steps(workflow) if "${{" in step.get("run", "")]


def test_checkouts_keep_no_credentials_and_every_job_ends(workflow: dict[Any, Any]) -> None:
    for step in steps(workflow):
        if "actions/checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


def test_make_understands_what_compare_passes() -> None:
    command = ["make", "-n", "compare", "BASE=0123abc", "BUDGET=15m", "ARGS=--markdown build/compare/x.md"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "benchmarks compare 0123abc  --budget 15m --markdown build/compare/x.md" in shown

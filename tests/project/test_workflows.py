"""The workflows for forks: thin, pinned, and able to do no more than they need."""

from __future__ import annotations

import json
import os
import re
import shutil
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

AROUND = {"mkdir", "cat", "gh", "test", "echo", "number=$(tr", "found=$(gh", "ours='.[]"}
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


# --- the comment ------------------------------------------------------------------------------------------

GH = """#!/usr/bin/env bash
echo "$*" >> calls
case "$*" in
  *pulls/7*) echo "$HEAD";;
  *issues/7/comments*) cat comments;;
  *body.md*) cp body.md posted;;
esac
"""
"""Stands for GitHub's command: writes down how it was called, knows one pull request and its comments."""


def commented(
    tmp_path: Path, comments: str, table: str | None, head: str = "abc"
) -> tuple[int, list[str], str]:
    """The exit code of the step that comments, gh's calls that write, and what was written."""
    workflow = yaml.safe_load((FOLDER / "comment.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["comment"]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    (tmp_path / "comments").write_text(comments)
    (tmp_path / "compare").mkdir()
    (tmp_path / "compare" / "number").write_text("7\n")
    if table is not None:
        (tmp_path / "compare" / "compare.md").write_text(table)
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "GH_REPO": "o/r",
        "MEASURED": "abc",
        "HEAD": head,
        "URL": "the run's page",
        "MARK": job["env"]["MARK"],
    }
    command = ["bash", "-e", "-c", job["steps"][-1]["run"]]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    calls = (tmp_path / "calls").read_text().splitlines()
    posted = tmp_path / "posted"
    return run.returncode, [c for c in calls if "body.md" in c], posted.read_text() if posted.exists() else ""


def test_the_first_comment_is_a_new_one_with_a_mark(tmp_path: Path) -> None:
    code, written, text = commented(tmp_path, "", "A table.\n")
    assert (code, written) == (0, ["pr comment 7 --body-file body.md"])
    assert text == "<!-- gem-impls compare -->\nA table.\n"


def test_later_ones_replace_ours_and_no_other(tmp_path: Path) -> None:
    code, written, _ = commented(tmp_path, "41\n52\n", "A table.\n")  # what the filter lets through
    assert (code, written) == (0, ["api -X PATCH repos/o/r/issues/comments/41 -F body=@body.md"])
    assert "--edit-last" not in (FOLDER / "comment.yml").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("jq") is None, reason="the filter is jq's")
def test_ours_is_the_bots_with_the_mark(tmp_path: Path) -> None:
    text = (FOLDER / "comment.yml").read_text(encoding="utf-8")
    (ours,) = re.findall(r"ours='(.*)'", text)
    (mark,) = re.findall(r"MARK: (.*)", text)
    bot = "github-actions[bot]"
    said = [(1, bot, "Something else"), (2, "person", f"{mark} copied"), (3, bot, f"{mark}\nA table.")]
    comments = json.dumps([{"id": i, "user": {"login": who}, "body": body} for i, who, body in said])
    run = subprocess.run(
        ["jq", ours],
        input=comments,
        env={**os.environ, "MARK": mark},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["3"]


@pytest.mark.parametrize("table", [None, ""])
def test_a_missing_table_is_said(tmp_path: Path, table: str | None) -> None:
    code, written, text = commented(tmp_path, "", table)
    assert (code, len(written)) == (0, 1)
    assert "ended before it wrote a table: the run's page" in text


def test_nothing_is_said_of_a_commit_that_is_no_longer_the_newest(tmp_path: Path) -> None:
    code, written, _ = commented(tmp_path, "", "A table.\n", head="def")
    assert (code, written) == (1, [])


def test_a_cancelled_comparison_is_not_commented() -> None:
    text = (FOLDER / "comment.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["jobs"]["comment"]["if"].endswith("conclusion != 'cancelled' }}")


def test_make_understands_what_compare_passes() -> None:
    command = ["make", "-n", "compare", "BASE=0123abc", "BUDGET=15m", "ARGS=--markdown build/compare/x.md"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "benchmarks compare 0123abc  --budget 15m --markdown build/compare/x.md" in shown

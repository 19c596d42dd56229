"""The name of a machine stands for one machine, and a working tree that is broken is a sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("asv", reason="history is tested where asv is installed")

from benchmarks import asv_machine
from tests.project.history import stored
from tests.project.markdown import ROOT

HERE = {
    "machine": "bench-2-threads",
    "os": "Linux",
    "arch": "x86_64",
    "cpu": "Bench",
    "num_cpu": "2",
    "ram": "24 GiB",
    "gpu": "none",
}


def known_as(results: Path, **change: str) -> str:
    """The name that a machine gets, which is then stored under it."""
    description = HERE | change
    name, _ = asv_machine.named(description, results)
    (results / name).mkdir(parents=True, exist_ok=True)
    (results / name / "machine.json").write_text(json.dumps({**description, "machine": name, "version": 1}))
    return name


def test_a_new_machine_has_its_memory_in_its_name(tmp_path: Path) -> None:
    assert known_as(tmp_path) == "bench-2-threads-24-gib"
    assert known_as(tmp_path) == "bench-2-threads-24-gib", "the same machine again"


def test_a_machine_that_is_stored_keeps_its_name_and_others_never_get_it(tmp_path: Path) -> None:
    stored_as = tmp_path / "bench-2-threads"
    stored_as.mkdir()
    (stored_as / "machine.json").write_text(json.dumps({**HERE, "version": 1}))
    assert known_as(tmp_path) == "bench-2-threads"
    assert known_as(tmp_path, ram="32 GiB") == "bench-2-threads-32-gib"
    other = known_as(tmp_path, arch="aarch64")
    assert other == "bench-2-threads-24-gib"
    third = known_as(tmp_path, os="Darwin")
    assert re.fullmatch(r"bench-2-threads-24-gib-[0-9a-f]{8}", third)
    names = [known_as(tmp_path, **c) for c in ({}, {"ram": "32 GiB"}, {"arch": "aarch64"}, {"os": "Darwin"})]
    assert names == ["bench-2-threads", "bench-2-threads-32-gib", other, third]


@pytest.mark.parametrize("content", ["", "[]", "{}", None])
def test_results_of_nobody_knows_which_machine_are_not_joined(tmp_path: Path, content: str | None) -> None:
    stored(tmp_path / "bench-2-threads", "a" * 40)
    if content is not None:
        (tmp_path / "bench-2-threads" / "machine.json").write_text(content)
    assert known_as(tmp_path) == "bench-2-threads-24-gib"


def test_another_machine_of_the_name_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from asv.machine import MachineCollection

    saved: dict[str, dict[str, str]] = {}
    monkeypatch.setattr(MachineCollection, "save", lambda name, found: saved.update({name: found}))
    monkeypatch.setattr(asv_machine, "describe", lambda: dict(HERE))
    (tmp_path / "bench-2-threads").mkdir()
    (tmp_path / "bench-2-threads" / "machine.json").write_text(json.dumps(HERE | {"ram": "32 GiB"}))
    assert asv_machine.register(tmp_path) == "bench-2-threads-24-gib"
    assert "bench-2-threads is another machine (ram 32 GiB, here 24 GiB)" in capsys.readouterr().err
    assert saved == {"bench-2-threads-24-gib": HERE | {"machine": "bench-2-threads-24-gib"}}


@pytest.mark.parametrize("module", ["asv_history", "asv_machine"])
def test_a_package_that_cannot_be_imported_is_a_sentence(tmp_path: Path, module: str) -> None:
    package = tmp_path / "gem_impls"
    package.mkdir()
    (package / "__init__.py").write_text("1 +")
    code = (
        f"import sys; sys.path.insert(0, sys.argv.pop()); from benchmarks import {module} as module\n"
        "sys.exit(module.main())"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode in (1, 2)
    assert "the working tree's gem_impls cannot be imported (SyntaxError" in run.stderr
    assert "Traceback" not in run.stderr

"""``make worth``: a study that fails costs neither the others nor the page, and is named in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.project.markdown import ROOT

STUDIES = ("blocks", "flow", "dead", "train", "shape")

FAKE = """\
#!/bin/bash
echo "$*" >> {log}
case "$*" in {ends} esac
"""
"""A Python that writes down what it was to run; ``ends``: pattern) exit code;;"""


def worth(folder: Path, ends: str, *given: str, stop: str = "") -> tuple[int, list[str], str]:
    """Exit code, what was run, and what was said on stderr; SIGINT to all of it once ``stop`` runs."""
    python, log, stamp = folder / "python", folder / "log", folder / "stamp"
    python.write_text(FAKE.format(log=log, ends=ends))
    compiler = folder / "compiler"
    compiler.write_text("#!/bin/bash\ncat > /dev/null\n")
    for program in (python, compiler):
        program.chmod(0o755)
    stamp.touch()
    made = subprocess.Popen(
        ["make", "worth", f"PY={python}", f"STAMP={stamp}", f"CXX={compiler}", *given],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in ("BUDGET", "MAKEFLAGS")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    if stop:
        end = time.monotonic() + 30
        while stop not in (log.read_text() if log.exists() else "") and time.monotonic() < end:
            time.sleep(0.02)
        os.killpg(made.pid, signal.SIGINT)
    said = made.communicate(timeout=60)[1]
    ran = [line.removeprefix("-m ") for line in log.read_text().splitlines() if line.startswith("-m ")]
    return made.returncode, [line for line in ran if line.startswith(("benchmarks", "reports"))], said


def test_all_studies_and_the_page(tmp_path: Path) -> None:
    code, ran, said = worth(tmp_path, "")
    assert (code, said) == (0, "")
    assert ran == [
        *(f"benchmarks {study} --quick" for study in STUDIES[:4]), "benchmarks shape", "reports build",
    ]  # fmt: skip


@pytest.mark.parametrize("failing", STUDIES)
def test_a_study_that_fails_costs_neither_the_others_nor_the_page(tmp_path: Path, failing: str) -> None:
    code, ran, said = worth(tmp_path, f'*"benchmarks {failing}"*) exit 2;;')
    assert code != 0
    assert [line.split()[1] for line in ran] == [*STUDIES, "build"]
    assert f"make worth: the page is built, but these did not pass: {failing} (exit code 2)" in said


def test_a_page_that_cannot_be_built_is_not_said_to_be_built(tmp_path: Path) -> None:
    code, _, said = worth(tmp_path, '*"benchmarks flow"*) exit 1;; *"reports build"*) exit 2;;')
    assert code != 0
    assert "make worth: the page is not built, and these did not pass: flow (exit code 1)" in said


def test_a_budget_is_for_the_trainings(tmp_path: Path) -> None:
    ran = worth(tmp_path, "", "BUDGET=2d", "LENGTH=full")[1]
    assert [line for line in ran if "budget" in line] == ["benchmarks train --budget 2d"]
    (tmp_path / "log").unlink()
    ran = worth(tmp_path, "", "OVER_BUDGET=1")[1]
    assert [line for line in ran if "budget" in line] == ["benchmarks train --quick --over-budget"]


def test_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    waits = """*"benchmarks flow"*) trap 'exit 2' INT; for i in {1..100}; do sleep 0.1; done;;"""
    code, ran, _ = worth(tmp_path, waits, stop="benchmarks flow")
    assert code != 0
    assert [line.split()[1] for line in ran] == ["blocks", "flow"]

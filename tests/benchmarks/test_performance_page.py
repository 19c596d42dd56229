"""A record on the page: every target is there, and nothing in a file is markup."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.performance.entries import LAYERS, Failure
from benchmarks.performance.study import STUDY
from benchmarks.performance.targets import TARGETS
from benchmarks.record import ROOT
from benchmarks.study import Run
from tests.benchmarks.test_performance import SETTINGS, count, race, start

HOSTILE = "<script>alert(1)</script>"


def test_the_page_shows_every_target_and_escapes_names(tmp_path: Path) -> None:
    run = Run(STUDY, SETTINGS, "python -m benchmarks performance", tmp_path / "data" / "r.json")
    curve = [race(2**e, cpp_fused=[0.5] * 5, torch_naive=[3.0] * 5, gelu=[1.0] * 5) for e in (8, 10, 12)]
    rungs = {"launch": [1.0] * 5, HOSTILE: [2.0] * 5, "allocation": [1.5] * 5}
    ladder = replace(race(**rungs), purpose=LAYERS, subject=HOSTILE)
    run.ends("all", [*curve, ladder, count(), start(0.5), Failure(HOSTILE, HOSTILE, HOSTILE)])
    run.close()
    command = [sys.executable, "-m", "reports", "build"]
    command += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    pages = sorted((tmp_path / "out").glob("performance*.html"))
    assert pages, done.stderr
    for page in pages:  # the environment's own, and the one that leads to it
        assert HOSTILE not in page.read_text(encoding="utf-8")
    text = pages[0].read_text(encoding="utf-8")
    assert [t.id for t in TARGETS if t.id not in text] == []
    assert text.count("awaits hardware") >= sum(t.device == "cuda" for t in TARGETS)
    assert "at every size, 2<sup>8</sup> to 2<sup>12</sup>" in text

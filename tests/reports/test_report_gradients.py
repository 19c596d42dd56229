"""The page of gradients: from records to sentences, tables and figures, whatever the records say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import benchmarks.dead.study
import benchmarks.flow.study
from benchmarks.dead.entries import Failure as DeadFailure
from benchmarks.dead.entries import Training
from benchmarks.dead.scenarios import HE
from benchmarks.flow.entries import EXPLODED, NOT_FINITE, VANISHED, WITHIN, Flow
from benchmarks.flow.entries import Failure as FlowFailure
from benchmarks.flow.measure import kept
from benchmarks.flow.setups import WIDTH
from benchmarks.study import Run, Study
from reports.flow.heat import LEVELS, level, median
from reports.flow.lines import label, parts
from reports.flow.tables import arrivals
from tests.reports.browser import CHROMIUM, Browser
from tests.reports.conftest import Build
from tests.reports.markup import Page, faults, page_of, unpacked

FLOW, DEAD = benchmarks.flow.study.STUDY, benchmarks.dead.study.STUDY
HOSTILE = "<script>alert(1)</script>"
SEEDS = (0, 1, 2, 3, 4)


def flow(activation: str, factor: float = 1.0, depth: int = 16, **changes: Any) -> Flow:
    """A network in which each layer multiplies the gradient by ``factor`` on its way back."""
    layers = kept(depth)
    sizes = tuple(tuple(factor ** (depth - layer + 1) * (1 + s / 50) for layer in layers) for s in SEEDS)
    passed = next((k for k in range(1, depth + 1) if not 1e-6 <= factor**k <= 1e6), None)
    fate = WITHIN if passed is None else VANISHED if factor < 1 else EXPLODED
    usual = Flow(
        network="plain",
        norm="none",
        init="he",
        gain=HE,
        activation=activation,
        depth=depth,
        width=WIDTH,
        batch=64,
        dtype="float32",
        limit=1e6,
        seeds=SEEDS,
        layers=layers,
        forward=sizes,
        backward=sizes,
        weights=sizes,
        forward_fate=(WITHIN,) * 5,
        forward_left=(None,) * 5,
        backward_fate=(fate,) * 5,
        backward_left=(None if passed is None else depth - passed + 1,) * 5,
    )
    return replace(usual, **changes)


def training(
    activation: str, dead: Iterable[int | None] = (0,) * 5, scenario: str = "high-rate", **changes: Any
) -> Training:
    """Units die by the tenth step; None: that seed had diverged before."""
    ends = tuple(dead)
    counts = tuple((0, d) for d in ends)
    usual = Training(
        scenario=scenario,
        activation=activation,
        optimizer="sgd",
        learning_rate=1.0,
        gain=HE,
        bias=0.0,
        depth=2,
        width=50,
        batch=128,
        samples=1437,
        tests=360,
        units=100,
        faint_below=1e-6,
        seeds=SEEDS,
        steps=(0, 10),
        dead=counts,
        flat=counts,
        faint=counts,
        correct=tuple((36, None if d is None else 300) for d in ends),
        loss=tuple((2.3, None if d is None else 0.5) for d in ends),
        diverged_at=tuple(7 if d is None else None for d in ends),
    )
    return replace(usual, **changes)


def store(folder: Path, study: Study, entries: Iterable[Any], **header: Any) -> None:
    """A complete record of the study, as a run writes it."""
    settings = {"length": "quick", "whole": True, "seeds": 5}
    target = folder / f"{study.name}-{len(list(folder.iterdir()))}.json"
    run = Run(study, settings, f"python -m benchmarks {study.name} --quick", target)
    run.ends("all", list(entries))
    run.close()
    document = json.loads(target.read_text())
    document[study.mark] |= header
    target.write_text(json.dumps(document))


FLOWS = (
    flow("relu"),
    flow("gelu", 0.9),
    flow("gem(n=1)", 0.1),
    flow("e-gem(n=1, eps=0.0001)", 1.2),
    flow("se-gem(n=1, eps=0.0001, negative_slope=0.01)", 40.0),
)
TRAININGS = (
    training("relu", (10, 20, 30, 40, 50)),
    training("se-gem(n=1, eps=0.0001, negative_slope=0.01)", (0, 0, 0, 0, 0)),
    training("gem(n=1)", (11, 21, 31, 41, 51)),
    training("e-gem(n=1, eps=0.0001)", (0, 30, None, None, None)),
)


def table(text: str, name: str) -> list[list[str]]:
    """The rows of a table, as what a reader sees in their cells."""
    found = re.search(rf'<caption id="{name}">.*?</table>', text, re.DOTALL)
    assert found is not None
    body = found[0][found[0].index("<tbody>") :]
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]
        for row in body.split("</tr>")[:-1]
    ]


def test_the_page_says_what_was_measured(data: Path, build: Build) -> None:
    store(data, FLOW, FLOWS)
    store(data, DEAD, TRAININGS)
    files = build()
    text = page_of(files, "gradients")
    assert faults(text, set(files)) == []
    page = Page(text).text
    assert (
        "Through 16 layers (plain, no norm, He), the gradient arrives with 1 of 3 functions of the family "
        "and 2 of 2 peers." in page
    )
    assert (
        "fewer dead units than with ReLU in every seed: gem n=1 in 0, e-gem n=1 ε=0.0001 in 0, "
        "se-gem n=1 ε=0.0001 in 1; more test samples right: in 0, 0, 0." in page
    )
    assert table(text, "flow-arrivals") == [
        ["plain, no norm, He", "16", "2 of 2", "0 of 1", "1 of 1", "0 of 1"]
    ]
    reach = {row[0]: row[-1] for row in table(text, "flow-reach-backward")}
    assert reach == {
        "relu": "arrives",
        "gelu": "arrives",
        "gem": "vanishes after 7 7",
        "e-gem": "arrives",
        "se-gem": "explodes after 4 4",
    }
    factors = {row[0]: row[-1].split(" ×")[0] for row in table(text, "flow-factor")}
    assert factors == {"relu": "1", "gelu": "0.9", "gem": "0.1", "e-gem": "1.2", "se-gem": "40"}


def test_dead_units_are_shown_with_those_who_diverged(data: Path, build: Build) -> None:
    store(data, DEAD, TRAININGS)
    text = page_of(build(), "gradients")
    shares = {row[0]: row[-1] for row in table(text, "dead-summary")}
    assert shares == {
        "relu": "30 % 10–50 %",
        "se-gem": "0 %",
        "gem": "31 % 11–51 %",
        "e-gem": "diverged 3 of 5 seeds, the others 0–30 %",
    }
    beside = {row[0]: row[-6:] for row in table(text, "dead-against-relu")}
    assert beside == {
        "se-gem": ["1", "0", "0", "0", "1", "0"],
        "gem": ["0", "0", "1", "0", "1", "0"],
        "e-gem": ["0", "1", "0", "0", "1", "0"],
    }
    assert "Diverged, of 5 seeds: e-gem n=1 ε=0.0001 3." in Page(text).text
    assert "Through depth" not in text, "no record of it"


def test_a_line_ends_where_half_of_the_seeds_diverged(data: Path, build: Build) -> None:
    store(data, DEAD, TRAININGS)
    files = unpacked(build())
    (numbers,) = (name for name in files if re.search(r"data/.*/dead-share-high-rate\.csv", name))
    rows = [line.split(",") for line in files[numbers].decode().splitlines() if line.startswith('"e-gem')]
    assert [row[-5:] for row in rows] == [["0.0", "0.0", "0.0", "0", "5"], ["", "0.0", "0.3", "3", "5"]]


def test_without_records_there_is_no_page(build: Build) -> None:
    assert not [name for name in build() if name.startswith("gradients")]


def test_failures_are_listed_with_their_reason(data: Path, build: Build) -> None:
    store(data, FLOW, [FLOWS[0], FlowFailure("gem(n=9)", "out of reach")])
    store(data, DEAD, [TRAININGS[0], DeadFailure("gem(n=8), usual", "no compiler")])
    text = page_of(build(), "gradients")
    found = [row[:2] for row in table(text, "gradients-failures")]
    assert found == [["gem(n=9)", "out of reach"], ["gem(n=8), usual", "no compiler"]]


def test_nothing_in_a_record_is_markup_and_nothing_breaks_the_page(data: Path, build: Build) -> None:
    odd = {"network": "torus", "norm": "none", "init": "unknown"}
    never = ((None,) * len(kept(16)),) * 5
    lost: dict[str, Any] = {"backward_fate": (NOT_FINITE,) * 5, "backward_left": (16,) * 5}
    entries = [
        *(flow(HOSTILE, depth=d, **odd) for d in (1, 2, 16)),
        *(flow("gem(n=x)", depth=d, **odd) for d in (1, 2, 16)),
        *(flow("relu", depth=d, **odd) for d in (1, 2, 16)),
        flow("gem(n=1)", backward=never, forward=never, weights=never, **lost),
        flow("e-gem(eps=-1)"),
        flow("relu", network=HOSTILE),
        FlowFailure(HOSTILE, HOSTILE),
    ]
    store(data, FLOW, entries)
    none = [training(HOSTILE, (None,) * 5, HOSTILE), training("relu", (None,) * 5, HOSTILE)]
    store(data, DEAD, [*none, training("relu", scenario="x" * 300), DeadFailure(HOSTILE, HOSTILE)])
    files = build()
    for name in [n for n in files if n.endswith(".html")]:
        assert HOSTILE.encode() not in files[name], name
        assert faults(files[name].decode(), set(files)) == [], name
    assert "diverged" in Page(page_of(files, "gradients")).text


def test_environments_never_meet(data: Path, build: Build) -> None:
    store(data, FLOW, FLOWS)
    here = json.loads(next(data.iterdir()).read_text())[FLOW.mark]["environment"]
    store(data, FLOW, FLOWS[:1], environment={**here, "machine": "another", "cpu": "another"})
    files = build()
    pages = [files[n].decode() for n in files if re.fullmatch(r"gradients-.*\.html", n)]
    counts = {"with 1 of 3 functions of the family and 2 of 2 peers", "arrives with 1 of 1 peers"}
    assert len(pages) == 2
    assert [sum(one in Page(page).text for one in counts) for page in pages] == [1, 1]


def test_a_run_that_is_not_complete_says_so(data: Path, build: Build) -> None:
    store(data, FLOW, FLOWS, complete=False)
    text = Page(page_of(build(), "gradients")).text
    assert re.search(r"python -m benchmarks (flow|dead) --quick: .*quick run, not complete", text)


@pytest.mark.parametrize(
    ("size", "colour"),
    [
        (0.0, "--h4"),
        (1e-6, "--h4"),
        (1e-3, "--h2"),
        (1.0, "--h0"),
        (10.5, "--h5"),
        (1e7, "--h6"),
        (None, "--h7"),
    ],
)
def test_levels_of_the_heat_map(size: float | None, colour: str) -> None:
    assert LEVELS[level(size)][1] == colour


def test_the_median_is_over_all_seeds() -> None:
    found = flow("relu", backward=tuple((s,) * len(kept(16)) for s in (1.0, 2.0, 3.0, None, None)))
    assert median(found, 0) == 3.0
    found = flow("relu", backward=tuple((s,) * len(kept(16)) for s in (1.0, 2.0, None, None, None)))
    assert median(found, 0) is None


def test_arrivals_are_of_the_deepest_networks_of_a_setup() -> None:
    rows = arrivals([flow("relu", 0.5, depth=8), flow("relu", 0.5, depth=64)]).rows
    assert [cell.text for cell in rows[0].cells[:2]] == ["64", "0 of 1"]


def test_names_are_short_where_they_can_be() -> None:
    assert label("se-gem(n=2, eps=10.0, negative_slope=0.01)") == "se-gem n=2 ε=10"
    assert parts("se-gem(n=2, eps=10.0, negative_slope=0.2)") == ("se-gem", "n=2 ε=10 λ=0.2")
    assert parts("relu") == ("relu", "")
    assert parts("gem(n=none)") == ("gem(n=none)", "")
    assert len(label("y" * 99)) < 40


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on the path")
def test_it_fits_and_is_quiet_in_a_browser(data: Path, build: Build, tmp_path: Path) -> None:
    from reports.__main__ import write
    from tests.reports.test_report_browser import CONTRAST

    store(data, FLOW, [*FLOWS, *(replace(f, network="residual") for f in FLOWS)])
    store(data, DEAD, TRAININGS)
    page = next(write(build(), tmp_path / "site").parent.glob("gradients-*.html"))
    with Browser(tmp_path / "profile") as browser:
        for width in (390, 1280):
            for scheme in ("light", "dark"):
                browser.open(page, width, scheme)
                assert browser.complaints() == []
                assert browser.requests() == [page.resolve().as_uri()]
                browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                assert browser.evaluate("document.documentElement.scrollWidth") <= width
                contrast, where = browser.evaluate(CONTRAST)
                assert 4.5 <= contrast < 99, where

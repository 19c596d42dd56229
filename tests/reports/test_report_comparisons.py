"""What ``python -m benchmarks compare`` stored, on the page."""

import json
import math
import re

import pytest

from reports.kinds import COMPARISONS
from reports.load import load
from tests.compare.test_store import EVENTS
from tests.reports import factory
from tests.reports.factory import write
from tests.reports.markup import Page, faults
from tests.reports.test_report_page import HOSTILE


def revision(commit, subject="Make it better", dirty=False):
    return {"asked": "HEAD", "commit": commit * 40, "subject": subject, "time": "2026-11-20T10:00:00+00:00",
            "dirty": dirty, "uncommitted": [], "label": commit, "broken": None}  # fmt: skip


def verdict(name, what="time", said="same", ratio=1.0, **changes):
    made = {"id": name, "what": what, "verdict": said, "ratio": ratio, "low": None, "high": None,
            "detectable": None, "base": 1e-5, "head": 1e-5, "reason": None}  # fmt: skip
    if ratio is not None:
        made |= {"low": ratio - 0.01, "high": ratio + 0.01, "detectable": 1.034}
    return made | changes


def record(verdicts, subject="Make it better", **header):
    environment = factory.sweep([])["gem_impls"]["environment"]
    made = {"schema": 1, "command": "compare", "started": "2026-11-21T10:00:00+00:00", "finished": None,
            "complete": True, "base": revision("a"), "head": revision("b", subject), "device": "cpu",
            "environment": environment, "confidence": 0.99}  # fmt: skip
    return {"gem_impls_compare": made | header, "verdicts": verdicts, "rows": [], "not_here": []}


VERDICTS = [
    verdict("torch_compile forward", ratio=1.001),
    verdict("numpy_cpu forward", said="slower", ratio=1.104),
    verdict("numpy_cpu", "error", "less exact", None, reason="value: 3 ulp, was 2"),
    verdict("triton_fused forward", said="could not measure", ratio=None, reason="base: it does not build"),
]


def test_verdicts_are_shown_the_gravest_first(data, build):
    write(data, record(VERDICTS))
    files = build()
    assert faults(files["compare.html"].decode(), set(files)) == []
    text = Page(files["compare.html"].decode()).text
    assert "bbbbbbbb (Make it better) against aaaaaaaa (Make it better)" in text
    assert "Of 4 verdicts, 2 are worse, 0 better, 1 the same or ambiguous, and 1 could not be had." in text
    assert "1.104 × 1.094–1.114 3.4 %" in text
    places = [text.index(said) for said in ("1.104 ×", "3 ulp, was 2", "it does not build", "1.001 ×")]
    assert places == sorted(places)
    assert any(re.fullmatch(r"data/compare-\w{12}\.json\.xz", name) for name in files)


def test_the_newest_comparison_is_open_and_an_interrupted_one_says_so(data, build):
    write(data, record(VERDICTS[:1]), "old.json")
    newer = record(VERDICTS[1:], complete=False, started="2026-11-22T10:00:00+00:00")
    write(data, newer, "new.json")
    page = build()["compare.html"].decode()
    assert "The run was interrupted" in page
    before, after = page.split("<details>", 1)
    assert "numpy_cpu forward" in before
    assert "torch_compile forward" in after


def test_what_only_one_side_has_is_neither_worse_nor_missing(data, build):
    said = [verdict("a", said="new", ratio=None, reason="base: none"), verdict("b", said="gone", ratio=None)]
    write(data, record([*VERDICTS, *said]))
    text = Page(build()["compare.html"].decode()).text
    assert "Of 6 verdicts, 2 are worse, 0 better, 1 the same or ambiguous, and 1 could not be had." in text
    assert "2 are of cases that only one of the two has: new or gone." in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_subjects_and_reasons_stay_text(data, build, hostile):
    write(data, record([verdict(hostile, reason=hostile)], subject=hostile))
    files = build()
    assert faults(files["compare.html"].decode(), set(files)) == []
    assert " ".join(hostile.split())[:200] in Page(files["compare.html"].decode()).text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "its schema is 2"),
        ({"started": None}, "started"),
        ({"base": None}, "base"),
        ({"confidence": 1.0}, "confidence"),
        ({"environment": []}, "environment"),
    ],
)
def test_a_damaged_header_costs_the_file_and_is_named(data, change, said):
    write(data, record(VERDICTS, **change))
    loaded = load([data])
    assert loaded.of(COMPARISONS) == ()
    (problem,) = loaded.problems
    assert said in problem.text


@pytest.mark.parametrize(
    "damage", [{"verdict": "fine"}, {"what": "taste"}, {"ratio": -1.0}, {"low": "x"}, {"id": ""}]
)
def test_a_damaged_verdict_costs_that_verdict(data, damage):
    write(data, record([VERDICTS[0], verdict("other") | damage]))
    loaded = load([data])
    (one,) = loaded.of(COMPARISONS)
    assert [v.id for v in one.verdicts] == ["torch_compile forward"]
    assert "one verdict left out" in loaded.problems[0].text


def test_a_journal_of_an_interrupted_comparison_is_called_that(data):
    (data / "compare-x.jsonl").write_text("\n".join(json.dumps(event) for event in EVENTS), encoding="utf-8")
    loaded = load([data])
    assert loaded.records == ()
    (problem,) = loaded.problems
    assert problem.text == (
        "left out: it is the journal of an interrupted comparison; compare --from judges it"
    )


def test_a_ratio_that_is_no_number_is_refused(data):
    content = record([verdict("a")])
    content["verdicts"][0]["ratio"] = math.inf
    write(data, content)
    assert load([data]).of(COMPARISONS)[0].verdicts == ()

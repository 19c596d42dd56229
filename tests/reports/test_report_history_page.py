"""From a history with known steps to the page, the feed and the badges."""

import csv
import html
import io
import json
import re
import time
import uuid
from xml.etree import ElementTree as ET

import pytest

from reports.badges import badge
from reports.history import changes
from reports.history.changes import judged
from reports.history.figures import multiple
from reports.history.results import load_history
from reports.history.steps import Step
from reports.powers import RAISED
from tests.reports import asv_factory
from tests.reports.history_factory import (
    GEM,
    PEERS,
    SAVED,
    SUBJECTS,
    TIME,
    ULP,
    commit,
    steady,
    stepped,
    store,
)
from tests.reports.markup import Page, faults, unpacked

ATOM = "{http://www.w3.org/2005/Atom}"


def parsed(written):
    """What the site itself wrote, as XML."""
    return ET.fromstring(written)  # noqa: S314


def kinds(folder):
    """(case, number of the commit, what is made of it) of every step."""
    numbers = {commit(i): i for i in range(100)}
    found = judged(load_history(folder)).changes
    return {(c.case.subject, numbers[c.commit.hash], c.kind) for c in found}


# --- what a step is put down to -----------------------------------------------------------------------------


def test_a_regression_and_an_improvement(tmp_path):
    assert kinds(store(tmp_path / "asv", {TIME: stepped(12, 1.3)})) == {(GEM, 12, "worse")}
    assert kinds(store(tmp_path / "asv", {TIME: stepped(12, 0.7)})) == {(GEM, 12, "better")}


def test_nothing_changed(tmp_path):
    assert kinds(store(tmp_path / "asv", {TIME: steady})) == set()


def test_the_newest_commit_alone_is_not_certain(tmp_path):
    assert kinds(store(tmp_path / "asv", {TIME: stepped(23, 1.5)})) == {(GEM, 23, "unconfirmed")}


def test_a_step_without_a_change_of_the_package_is_not_the_projects(tmp_path):
    packages = ["one"] * 6 + ["two"] * 18
    folder = store(tmp_path / "asv", {TIME: stepped(12, 1.3)}, packages=packages)
    assert kinds(folder) == {(GEM, 12, "machine")}
    (change,) = judged(load_history(folder)).changes
    assert change.excuse == f"the package is the same as at {commit(11)[:8]}"


def test_a_step_that_pytorchs_own_functions_took_too_is_the_machines(tmp_path):
    folder = store(tmp_path / "asv", {TIME: stepped(12, 1.3, *SUBJECTS)})
    assert kinds(folder) == {(s, 12, "machine") for s in SUBJECTS}
    own = next(c for c in judged(load_history(folder)).changes if c.case.subject == GEM)
    assert re.fullmatch(r"PyTorch's own functions moved too, by 1\.[23]\d ×", own.excuse)


def test_a_regression_is_not_excused_by_a_small_movement_of_the_peers(tmp_path):
    def figure(index, subject):
        late = index >= 12
        return steady(index, subject) * ((1.5 if subject == GEM else 1.1) if late else 1)

    assert (GEM, 12, "worse") in kinds(store(tmp_path / "asv", {TIME: figure}))


def test_a_peer_that_moved_alone_excuses_nothing_and_is_no_regression(tmp_path):
    found = kinds(store(tmp_path / "asv", {TIME: stepped(12, 1.3, PEERS[0])}))
    assert found == {(PEERS[0], 12, "machine")}


def test_a_counted_figure_is_exact_and_peers_excuse_nothing(tmp_path):
    folder = store(
        tmp_path / "asv",
        {
            TIME: stepped(12, 1.3, *SUBJECTS),
            ULP: lambda index, _: 2.5 if index < 12 else 2.500001,
            SAVED: lambda index, subject: 4.0 if index != 20 or subject != GEM else 8.0,
        },
    )
    assert {(s, at, k) for s, at, k in kinds(folder) if k != "machine"} == {
        (GEM, 12, "worse"),
        (GEM, 20, "worse"),
        (GEM, 21, "better"),
    }


def test_a_case_that_fails_since_a_commit_is_lost(tmp_path):
    folder = store(tmp_path / "asv", {SAVED: lambda i, s: None if i > 20 and s == GEM else 4.0})
    (lost,) = judged(load_history(folder)).lost
    assert (lost.case.subject, lost.commit.hash) == (GEM, commit(23))
    healed = store(tmp_path / "asv", {SAVED: lambda i, s: None if i == 20 and s == GEM else 4.0})
    assert judged(load_history(healed)).lost == ()


# --- the page -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    return store(
        tmp_path / "asv", {TIME: stepped(12, 1.3), ULP: lambda index, _: 2.5 if index < 23 else 2.6}, 24
    )


def test_the_page_is_sound_and_answers(folder, build):
    files = build(asv=folder)
    text = files["history.html"].decode()
    assert faults(text, set(files)) == []
    page = Page(text).text
    assert f"1 case worse at {commit(23)[:8]} “Change number 23”, the newest commit measured on bench" in page
    assert "24 commits in all" in page


def test_links_lead_from_a_step_to_its_commit_and_back(folder, build):
    text = build(asv=folder)["history.html"].decode()
    anchor = f"commit-{commit(12)}"
    (figure,) = re.findall(rf'<figure id="(case-\w+)">(?:(?!</figure>).)*#{anchor}', text, re.DOTALL)
    entry = re.search(rf'<li id="{anchor}">.*?</li>\s*</ul>', text, re.DOTALL)
    assert entry is not None
    assert f'href="#{figure}"' in entry[0]
    assert f'<a href="#{anchor}"><text' in text, "the mark in the figure itself leads there, too"


def test_every_figure_has_its_numbers_a_click_away(folder, build):
    files = unpacked(build(asv=folder))
    text = files["history.html"].decode()
    figures = re.findall(r'<figure id="case-\w+">.*?</figure>', text, re.DOTALL)
    assert len(figures) == 4
    for figure in figures:
        (name,) = re.findall(r'href="(data/history/[^"]+)\.csv\.gz"', figure)
        assert f'href="{name}.json.gz"' in figure
        first, *rows = csv.reader(io.StringIO(files[f"{name}.csv"].decode()))
        (title,) = re.findall(r"<strong>(.*?)\.</strong>", figure)
        spelt = re.sub(r"<sup>(.*?)</sup>", lambda power: power[1].translate(RAISED), html.unescape(title))
        (column,) = [i for i, head in enumerate(first) if head.rpartition(" (")[0] == spelt]
        assert [row[0] for row in rows] == [commit(i) for i in range(24)]
        assert all(float(row[column]) >= 0 for row in rows)
        twin = json.loads(files[f"{name}.json"])
        assert (twin["columns"], len(twin["rows"])) == (first, len(rows))


def test_figures_that_are_missing_are_empty_and_null(folder, build):
    (result,) = (folder / "bench").glob(f"{commit(5)[:8]}-*.json")
    stored = json.loads(result.read_text())
    stored["results"]["asv_cpu.Latency.time_call"][0][0] = None
    result.write_text(json.dumps(stored))
    files = unpacked(build(asv=folder))
    (name,) = (n for n in files if re.fullmatch(r"data/history/asv_cpu-Latency-time_call-.*\.csv", n))
    rows = list(csv.reader(io.StringIO(files[name].decode())))
    twin = json.loads(files[name.removesuffix("csv") + "json"])["rows"]
    assert rows[6][1:].count("") == twin[5][1:].count(None) == 1
    assert all("" not in row for row in (*rows[1:6], *rows[7:]))


def test_a_ratio_near_one_is_a_difference_and_infinity_is_named():
    said = {
        (1.0, 1.0005): "+0.05 %",
        (1.0, 0.9995): "−0.05 %",
        (2.0, 3.0): "1.5 ×",
        (1.0, 0.99): "0.99 ×",
        (0.0, 3.0): "from 0",
        (3.0, 0.0): "to 0",
        (1e30, 2.0): "from ∞",
        (2.0, 1e30): "to ∞",
    }
    assert {levels: multiple(Step(1, *levels)) for levels in said} == said


def test_a_step_states_the_figures_and_the_subject(folder, build):
    page = Page(build(asv=folder)["history.html"].decode()).text
    assert re.search(
        r"1\.(2[6-9]|3[0-4]?)\d* ×, (9\.\d\d|10\.\d) µs to 1[23]\.\d µs: worse; “Change number 12”", page
    )
    assert "2.5 ulp to 2.6 ulp" in page


def test_what_each_row_can_show_is_on_the_page(folder, build):
    text = build(asv=folder)["history.html"].decode()
    (section,) = re.findall(r'<section id="detectable".*?</section>', text, re.DOTALL)
    numbers = re.findall(r'<td data-value="[\d.e-]+">([\d.]+) %</td>', section)
    noise, lasting, newest = map(float, numbers)
    assert 1 < noise < 4
    assert noise < lasting < newest < 20
    assert "any" in section, "what is counted shows any change"


def test_a_note_stands_beside_its_commit_and_step(folder, build):
    (folder / "notes.toml").write_text(f'[commits]\n{commit(12)[:9]} = "A slower <b>root</b>."\n')
    text = build(asv=folder)["history.html"].decode()
    assert text.count("A slower &lt;b&gt;root&lt;/b&gt;.") == 2
    assert "<b>root" not in text


def test_a_hostile_subject_is_text_everywhere(tmp_path, build):
    hostile = "<script>alert({index})</script> ]]> & \"'"
    folder = store(tmp_path / "asv", {TIME: stepped(12, 1.3)}, subject=hostile)
    (folder / "bench" / "x.json").write_text('{"version": 2, "commit_hash": "<script>alert(7)</script>"}')
    files = build(asv=folder)
    for name in [n for n in files if n.endswith(".html")]:
        assert faults(files[name].decode(), set(files)) == [], name
        assert b"<script>alert" not in files[name]
    entry = parsed(files["feed.xml"]).find(f"{ATOM}entry/{ATOM}summary")
    assert "<script>alert(12)</script>" in entry.text
    assert b"<script>" not in files["feed.xml"]


def test_machines_stand_side_by_side_and_never_meet(tmp_path, build):
    """A colleague's results are a folder that was copied here."""
    store(tmp_path / "theirs", {TIME: stepped(12, 1.4)}, machine="theirs")
    folder = store(tmp_path / "asv", {TIME: steady}, machine="ours")
    (tmp_path / "theirs" / "theirs").rename(folder / "theirs")
    files = build(asv=folder)
    page = Page(files["history.html"].decode()).text
    assert f"the newest commit measured on ours: {len(SUBJECTS)} cases judged" in page
    assert f"the newest commit measured on theirs: {len(SUBJECTS)} cases judged" in page
    rows = json.loads(files["data/history/steps.json"])["rows"]
    assert {row[0] for row in rows} == {"theirs"}


def test_a_commit_that_could_not_be_measured_is_said(tmp_path, build):
    folder = store(tmp_path / "asv", {TIME: lambda i, s: None if i == 5 else steady(i, s)})
    page = Page(build(asv=folder)["history.html"].decode()).text
    assert f"cannot be imported): {commit(5)[:8]} ." in page
    assert "could not be measured" in page


def test_ten_thousand_commits_are_built_in_time_and_the_page_stays_small(tmp_path, build):
    figures = {TIME: stepped(9900, 1.2), ULP: lambda i, _: 0.5 + (i > 9950)}
    folder = store(tmp_path / "asv", figures, commits=10_000)
    begun = time.process_time()
    files = build(asv=folder)
    assert time.process_time() - begun < 60, "seconds of one processor"
    assert len(files["history.html"]) < 1_000_000
    page = Page(files["history.html"].decode()).text
    assert "10000 commits in all, of which the newest 1000 are judged and shown" in page
    assert "And 9000 older commits" in page
    assert faults(files["history.html"].decode(), set(files)) == []
    at = {row[4] for row in json.loads(files["data/history/steps.json"])["rows"]}
    assert {commit(9900), commit(9951)} <= at


@pytest.mark.slow
def test_two_thousand_commits_of_many_rows_are_built_in_time(tmp_path, build):
    folder = asv_factory.history(tmp_path / "asv", 2000, 48)
    begun = time.process_time()
    build(asv=folder)
    assert time.process_time() - begun < 25, "seconds of one processor"


def test_each_machine_has_its_own_newest_commits(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "MOST_COMMITS", 10)
    folder = store(tmp_path / "asv", {TIME: steady}, machine="ours", commits=12)
    store(folder, {TIME: stepped(20, 2.0)}, machine="theirs", commits=30)
    found = judged(load_history(folder))
    assert found.older == {"ours": 2, "theirs": 20}
    assert [c.hash for c in found.order("ours")] == [commit(i) for i in range(2, 12)]
    assert [c.hash for c in found.order("theirs")] == [commit(i) for i in range(20, 30)]
    assert found.changes == (), "the step is older than what is judged"
    assert [c.hash for c in found.listed] == [commit(i) for i in (*range(2, 12), *range(20, 30))]


def test_many_commits_without_a_figure_are_counted(tmp_path, build):
    folder = store(tmp_path / "asv", {TIME: lambda i, s: None if i > 1 else steady(i, s)}, commits=30)
    page = Page(build(asv=folder)["history.html"].decode()).text
    assert commit(29)[:8] in page
    assert "and 8 before." in page


def test_without_a_history_the_page_says_how_to_begin(build):
    files = build()
    assert "No commit has been measured with asv yet" in Page(files["history.html"].decode()).text
    assert "feed.xml" not in files
    assert not any(name.startswith("badges/") for name in files)


def test_one_commit_is_a_history_without_figures(tmp_path, build):
    files = build(asv=store(tmp_path / "asv", {TIME: steady}, commits=1))
    assert faults(files["history.html"].decode(), set(files)) == []
    assert "1 commit in all" in Page(files["history.html"].decode()).text


def test_the_same_results_give_the_same_bytes(folder, build):
    assert build(asv=folder) == build(asv=folder)


# --- the feed -----------------------------------------------------------------------------------------------


def entries(files):
    return parsed(files["feed.xml"]).findall(f"{ATOM}entry")


def test_the_feed_is_what_rfc_4287_asks_for(folder, build):
    files = build(asv=folder)
    feed = parsed(files["feed.xml"])
    assert feed.tag == f"{ATOM}feed"
    for element in (feed, *entries(files)):
        for name in ("id", "title", "updated"):
            assert len(element.findall(ATOM + name)) == 1
        assert uuid.UUID(element.find(f"{ATOM}id").text)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", element.find(f"{ATOM}updated").text)
    assert feed.find(f"{ATOM}author/{ATOM}name").text
    assert [link.get("rel") for link in feed.findall(f"{ATOM}link")] == ["self", "alternate"]


def test_the_feed_has_regressions_only_and_leads_to_the_page(folder, build):
    files = build(asv=folder)
    text = files["history.html"].decode()
    titles = [e.find(f"{ATOM}title").text for e in entries(files)]
    assert len(titles) == 2
    assert titles[0].startswith(f"1.04 × at {commit(23)[:8]}: {GEM} · float32")
    for entry in entries(files):
        page, _, place = entry.find(f"{ATOM}link").get("href").partition("#")
        assert page == "history.html"
        assert f'id="{place}"' in text


def test_an_entry_keeps_its_id_as_the_history_grows(tmp_path, build):
    def ids(commits):
        files = build(asv=store(tmp_path / f"asv{commits}", {TIME: stepped(12, 1.3)}, commits))
        return [e.find(f"{ATOM}id").text for e in entries(files)]

    assert ids(20) == ids(30)
    assert len(ids(20)) == 1


def test_nothing_in_the_feed_is_absolute(folder, build):
    hrefs = re.findall(rb'href="([^"]*)"', build(asv=folder)["feed.xml"])
    assert hrefs
    assert not [h for h in hrefs if h.startswith((b"/", b"http", b"file"))]


# --- badges -------------------------------------------------------------------------------------------------


def said(files, name):
    return parsed(files[f"badges/{name}.svg"]).get("aria-label")


def test_badges(folder, build):
    files = build(asv=folder)
    assert said(files, "regressions") == "newest commit: 1 regression"
    assert said(files, "history") == "history: 24 commits"
    assert said(files, "exactness") == "float32 error: at most 2.60 ulp (torch_compile)"


def test_a_badge_without_regressions(tmp_path, build):
    files = build(asv=store(tmp_path / "asv", {TIME: stepped(12, 1.3)}))
    assert said(files, "regressions") == "newest commit: no regression"
    assert "badges/exactness.svg" not in files, "nothing is claimed that was not measured"


def test_a_badge_is_small_sound_and_self_contained():
    svg = badge("<a & 'b'>", 'x "y"', "#000000")
    assert parsed(svg).get("aria-label") == "<a & 'b'>: x \"y\""
    assert len(svg) < 1000
    assert "href" not in svg

"""The site as a whole: its pages, their names and links, and what it does with stores of any size."""

import io
import json
import re
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.asv_pages import asv_files
from reports.build import site
from reports.history.results import load_history
from reports.load import load
from reports.pages import PAGES
from reports.sections import Inputs
from tests.reports import asv_factory, error_factory, factory, worth_factory
from tests.reports.factory import case, entry, sweep, write
from tests.reports.markup import Page, faults, page_of
from tests.reports.test_report_page import HOSTILE

GPU = {"gpu": "Example GPU", "machine": "Example GPU", "driver": "570"}


def later(content, day):
    """``content``, begun on that day of November."""
    content["gem_impls"]["started"] = f"2026-11-{day:02}T10:00:00+00:00"
    return content


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A site with everything in it: two machines, error maps, a history."""
    folder = tmp_path_factory.mktemp("store")
    write(folder / "data", factory.realistic())
    write(folder / "data", later(factory.realistic(device="cuda", environment=GPU), 19), "gpu.json")
    error_factory.everything(folder / "data")
    worth_factory.every_study(folder / "data")
    asv = asv_factory.history(folder / "asv", 12)
    asv_factory.history(asv, 9, machine="another")
    now = datetime(2026, 11, 24, tzinfo=UTC)
    return site(Inputs(load([folder / "data"]), load_history(asv), now, "0123456789ab", nested=True))


def pages(files):
    return {name: Page(raw.decode()) for name, raw in files.items() if name.endswith(".html")}


# --- pages and links --------------------------------------------------------------------------------------


def test_every_page_is_sound(whole):
    for name, raw in whole.items():
        if name.endswith(".html"):
            assert faults(raw.decode(), {*whole, "asv/index.html"}) == [], name


def test_every_question_has_its_page_and_every_page_the_whole_menu(whole):
    titles = [p.title for p in PAGES]
    for name, raw in whole.items():
        if not name.endswith(".html") or b'http-equiv="refresh"' in raw:
            continue
        menu = raw.decode().split('<nav aria-label="Pages">')[1].split("</nav>")[0]
        assert re.findall(r">([\w ?]+)</a>", menu) == [*titles, "asv"], name
        current = re.findall(r'<a href="([^"]+)" aria-current="page"', menu)
        assert current == [name], "the menu leads to this machine's own page"
        assert "Built 2026-11-24 00:00 UTC by commit <code>0123456789ab</code>" in raw.decode()


def test_anchors_lead_somewhere_on_other_pages_too(whole):
    ids = {name: set(page.ids) for name, page in pages(whole).items()}
    checked = 0
    for name, page in pages(whole).items():
        for link in page.attributes("a"):
            target, _, anchor = (link.get("href") or "").partition("#")
            if anchor and target:
                assert anchor in ids[target], (name, link)
                checked += 1
    assert checked > 10


def test_names_of_pages_do_not_depend_on_what_else_was_measured(data, build):
    write(data, factory.realistic())
    alone = build()
    write(data, later(sweep([entry(case(device="cuda"), [1e-3] * 5)], environment=GPU), 22), "gpu.json")
    both = build()
    assert set(alone) <= set(both)
    names = [n for n in alone if re.match(r"(figures|data)/latency-", n)]
    assert len(names) > 10
    assert all(alone[n] == both[n] for n in names)
    assert "Example GPU" in Page(page_of(both, "latency")).text, "the short name leads to the newest"


def test_a_machine_in_the_menu_of_machines_leads_to_the_same_question(whole):
    for kind in ("latency", "memory"):
        own = [n for n in whole if n.startswith(f"{kind}-")]
        assert len(own) == 2
        for name in own:
            raw = whole[name].decode()
            machines = raw.split('<nav aria-label="Machines">')[1].split("</nav>")[0]
            assert set(re.findall(r'href="([^"]+)"', machines)) == set(own)


def test_the_overview_is_small_and_answers(whole):
    assert len(whole["index.html"]) < 500_000
    text = Page(whole["index.html"].decode()).text
    assert "takes 1.09 × the time of ReLU" in text
    assert "What changed lately" in text
    assert "Did the last change make it worse?" in text


# --- machines ---------------------------------------------------------------------------------------------


def test_machines_stand_side_by_side_with_their_own_ratios(data, build):
    for name, seconds, ratio in (("One", 1e-3, 2.0), ("Two", 1e-6, 4.0)):
        base = [seconds / ratio] * 5
        made = sweep([entry(case(), [seconds] * 5, {"relu": base, "gelu": base, "copy_": base})],
                     environment={"machine": name})  # fmt: skip
        write(data, made, f"{name}.json")
    text = build()["machines.html"].decode()
    rows = [
        Page(f"<table>{r}</table>").text for r in re.findall(r"<tr class=\"leads\">.*?</tr>", text, re.DOTALL)
    ]
    one, two = (next(r for r in rows if r.startswith(f"{n} CPU, wall clock")) for n in ("One", "Two"))
    assert "1.00 ms" in one
    assert "2.00 ×" in one
    assert "1.00 µs" in two
    assert "4.00 ×" in two
    assert "4.00 ×" not in one


def test_a_machine_without_a_timed_case_is_named(data, build):
    write(data, factory.realistic())
    write(data, later(sweep([], environment={"machine": "Idle"}), 10), "idle.json")
    assert "Without a timed case of the family: Idle." in Page(build()["machines.html"].decode()).text


# --- two commits ------------------------------------------------------------------------------------------


def stored_pair(text):
    _, _, after = text.partition('<script type="application/json" id="choose-pair-data">')
    return json.loads(after.partition("</script>")[0])


def test_a_planted_step_is_found_between_its_neighbours_only(tmp_path, build):
    step = 12  # of 18 commits: the factory makes the first function slower from two thirds on
    for commits, slower in ((step + 1, True), (step, False)):
        folder = asv_factory.history(tmp_path / str(commits), 18)
        for index in range(commits, 18):
            (folder / "bench" / f"{asv_factory.commit(index)[:8]}-virtualenv-py3.11.json").unlink()
        text = Page(build(asv=folder)["compare.html"].decode()).text
        newest, before = (asv_factory.commit(commits - i)[:8] for i in (1, 2))
        assert f"{newest} (Make forward {commits - 1} a little better) against {before}" in text
        assert ("3 got worse, 0 better" in text) == slower
        assert ("0 got worse, 0 better" in text) == (not slower)


def test_the_script_has_every_figure_of_every_commit(tmp_path, build):
    folder = asv_factory.history(tmp_path / "asv", 9)
    (track,) = stored_pair(build(asv=folder)["compare.html"].decode())
    assert [c[0] for c in track["commits"]] == [asv_factory.commit(i) for i in range(9)]
    assert track["machine"] == "bench"
    result = json.loads(
        (folder / "bench" / f"{asv_factory.commit(4)[:8]}-virtualenv-py3.11.json").read_text()
    )
    times = result["results"]["asv_cpu.Latency.time_call"][0]
    found = sorted(figures[4][0] for _, unit, _, figures in track["cases"] if unit == "seconds")
    assert found == pytest.approx(sorted(1e9 * t for t in times), rel=1e-3)


def test_one_commit_is_no_pair_and_none_says_what_to_run(tmp_path, build):
    text = Page(build()["compare.html"].decode()).text
    assert "make history" in text
    text = Page(build(asv=asv_factory.history(tmp_path / "asv", 1))["compare.html"].decode()).text
    assert "one commit so far" in text


@pytest.mark.parametrize("subject", HOSTILE)
def test_hostile_subjects_and_machines_stay_text(tmp_path, build, subject):
    machine = subject.replace("/", "_")[:60].strip() or "m"
    quoted = subject.replace("{", "{{").replace("}", "}}")
    folder = asv_factory.history(tmp_path / "asv", 9, machine=machine, subject=quoted)
    files = build(asv=folder)
    for name, raw in files.items():
        if name.endswith(".html"):
            assert faults(raw.decode(), set(files)) == [], name
    text = files["compare.html"].decode()
    (track,) = stored_pair(text)
    assert track["commits"][0][1] == " ".join(subject.split())[:499] + "…" * (len(subject) > 500)
    assert " ".join(subject.split())[:100] in Page(text).text
    assert "<" not in text.split('id="choose-pair-data">')[1].split("</script>")[0]


# --- the store --------------------------------------------------------------------------------------------


def test_asv_s_files_are_offered_as_they_are(tmp_path, build):
    folder = asv_factory.history(tmp_path / "asv", 3)
    with tarfile.open(fileobj=io.BytesIO(build(asv=folder)["data/asv-results.tar.xz"])) as packed:
        held = {m.name: packed.extractfile(m).read() for m in packed.getmembers()}
    stored = {
        f"asv/{p.relative_to(folder).as_posix()}": p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    assert held == stored


def test_ten_thousand_records_make_a_small_site_quickly(data, build):
    first = json.dumps(sweep([entry(case(numel=n), [1e-3] * 4) for n in (2**10, 2**20)], sweep="SWEEP"))
    for index in range(10_000):
        stamp = f"2026-{1 + index // 840:02}-{1 + index // 30 % 28:02}T{index % 24:02}:00:00+00:00"
        text = first.replace("SWEEP", f"number {index}").replace("2026-11-20T10:00:00+00:00", stamp)
        (data / f"{index:05}.json").write_text(text)
    begun = time.perf_counter()
    files = build()
    assert time.perf_counter() - begun < 60
    assert sum(map(len, files.values())) < 1_000_000
    text = Page(files["data.html"].decode()).text
    assert "And 9800 older records" in text


def test_environments_beyond_the_most_have_no_pages_and_the_newest_do(data, build):
    for index in range(30):
        made = sweep([entry(case(), [1e-3] * 4)], environment={"machine": f"Machine {index}"})
        write(data, later(made, 1 + index % 28), f"{index}.json")
    files = build()
    assert sum(n.startswith("latency-") for n in files) == 24
    assert any(n.startswith("latency-machine-27-") for n in files)


@pytest.mark.slow
def test_two_hundred_commits_of_two_hundred_cases_fit_beside_every_record_of_the_project(
    data, build, tmp_path
):
    for record in (Path(__file__).parents[2] / "reports" / "data").glob("*.json"):
        (data / record.name).write_bytes(record.read_bytes())
    folder = asv_factory.history(tmp_path / "asv", 200, 200)
    published = asv_factory.published(folder, tmp_path / "published")
    begun = time.process_time()
    files = build(asv=folder) | asv_files(published, ())
    # Alone it takes below 30 s; two test workers on two threads of one core double a processor's seconds.
    assert time.process_time() - begun < 75, "seconds of one processor"
    assert sum(map(len, files.values())) <= 10_000_000
    assert len(files["index.html"]) <= 500_000
    (track,) = stored_pair(files["compare.html"].decode())
    assert len(track["commits"]) == 200
    assert len(track["cases"]) >= 200

"""asv's pages within the site: what they say is better, where they lead, what they ask of other servers."""

import functools
import http.server
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reports import asv_pages
from reports.__main__ import main
from reports.history.log import Commit
from tests.reports import asv_factory
from tests.reports.browser import CHROMIUM, Browser

ROOT = Path(__file__).parents[2]


@pytest.fixture
def published(tmp_path):
    return asv_factory.published(asv_factory.history(tmp_path / "asv", 9, 48), tmp_path / "published")


def index_of(files):
    return json.loads(files["asv/index.json"])


def test_lower_is_better_in_every_benchmark_and_what_nothing_ran_is_left_out(published):
    benchmarks = index_of(asv_pages.asv_files(published, ()))["benchmarks"]
    assert set(benchmarks) == set(asv_factory.benchmarks(48))
    assert all(b["less_is_better"] is True for b in benchmarks.values())


def test_figures_are_asv_s_in_five_digits(published):
    files = asv_pages.asv_files(published, ())
    (name,) = (n for n in files if n.endswith("track_peak.json") and "summary" not in n)
    assert json.loads(files[name]) == json.loads((published / name.removeprefix("asv/")).read_text())
    (name,) = (n for n in files if n.endswith("time_call.json") and "summary" not in n)
    theirs = json.loads((published / name.removeprefix("asv/")).read_text())
    for (revision, values), (before, exact) in zip(json.loads(files[name]), theirs, strict=True):
        assert revision == before
        assert values == pytest.approx(exact, rel=5e-5)


def test_commits_have_their_subjects_and_lead_to_our_history(published):
    subject = "</script><script>alert(1)</script>"
    commit = Commit(asv_factory.commit(0), asv_factory.START, 0, "", subject)
    files = asv_pages.asv_files(published, [commit])
    assert json.loads(files["asv/commits.json"]) == {commit.hash: subject}
    assert index_of(files)["show_commit_url"] + commit.hash == f"../history.html#{commit.anchor}"


def test_made_again_from_themselves_they_are_the_same(published, tmp_path):
    first = asv_pages.asv_files(published, ())
    for name, raw in first.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    assert asv_pages.asv_files(tmp_path / "site" / "asv", ()) == first


def test_nothing_in_them_names_another_server_to_load_from(published):
    files = asv_pages.asv_files(published, ())
    for name, raw in files.items():
        if name.endswith((".html", ".css")):
            assert not re.search(rb"(?:src|href)=.?(?:https?:)?//|url\(.?(?:https?:)?//", raw), name
    assert any(name.startswith("asv/LICENSE") for name in files), "its licence goes with it"


@pytest.mark.parametrize("damaged", ["index.json", "graph"])
def test_what_asv_did_not_write_is_refused_by_name_and_the_site_stays(published, tmp_path, capsys, damaged):
    place = published / damaged if damaged != "graph" else next((published / "graphs").rglob("*call.json"))
    place.write_text('{"benchmarks": ')
    out = tmp_path / "site"
    (tmp_path / "data").mkdir()
    given = ["--data", str(tmp_path / "data"), "--asv", str(tmp_path / "asv"), "--out", str(out)]
    assert main(["build", *given, "--nested", str(published)]) == 2
    assert f"reports: {place} is not " in capsys.readouterr().err
    assert not out.exists()


def test_without_the_front_end_the_error_says_what_to_install(published, monkeypatch):
    monkeypatch.setattr(asv_pages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"need asv-tachyon: pip install 'gem-impls\[report\]'"):
        asv_pages.asv_files(published, ())


def test_a_front_end_with_another_start_page_is_refused(published, monkeypatch):
    monkeypatch.setattr(asv_pages, "ROOT", "<div id=another></div>")
    version = importlib.metadata.version("asv-tachyon")
    with pytest.raises(ValueError, match=f"asv-tachyon {version} has another start page"):
        asv_pages.asv_files(published, ())


# --- in a browser -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of the project's own history, with what ``asv publish`` makes of it."""
    folder = tmp_path_factory.mktemp("own")
    results = folder / "asv"
    shutil.copytree(ROOT / "reports" / "data" / "asv", results)
    settings = json.dumps(
        {
            "version": 1,
            "project": "gem-impls",
            "repo": str(ROOT),
            "branches": ["HEAD"],
            "results_dir": str(results),
            "html_dir": str(folder / "published"),
            "benchmark_dir": str(ROOT / "benchmarks" / "tracked"),
        }
    )
    (folder / "asv.conf.json").write_text(settings)
    command = [sys.executable, "-m", "asv", "publish", "--config", str(folder / "asv.conf.json")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if "Unknown commits" in done.stderr or "shallow" in done.stderr:
        pytest.skip("the history of the project is not in this clone: asv publishes nothing")
    assert done.returncode == 0, done.stderr
    (folder / "data").mkdir()
    given = ["--data", str(folder / "data"), "--asv", str(results), "--out", str(folder / "site")]
    assert main(["build", *given, "--nested", str(folder / "published")]) == 0
    return folder / "site"


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served, on this machine alone."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    handler = functools.partial(quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no Chromium is on the path")
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.mark.chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_served_they_load_clean_and_leave_the_site_never(browser, address, width, scheme):
    browser.open(f"{address}asv/index.html", width, scheme)
    browser.wait_for("document.body.innerText.includes('asv_cpu.Latency.time_call')")
    browser.wait_until_quiet()
    browser.evaluate("window.scrollTo(0, document.body.scrollHeight)")  # figures load as they come into view
    browser.wait_until_quiet()
    assert browser.evaluate("document.querySelectorAll('canvas, svg').length") > 0
    assert browser.complaints() == []
    assert {request.removeprefix(address).split("/")[0] for request in browser.requests()} == {"asv"}


@pytest.mark.chromium
def test_from_a_disk_they_say_how_to_be_seen_and_lead_to_the_page_that_can(browser, site):
    browser.open(site / "asv" / "index.html", 1280, "light")
    text = browser.evaluate("document.body.innerText")
    assert "python -m http.server" in text
    browser.evaluate("document.querySelector('main a').click()")
    browser.wait_for("document.title.startsWith('History')")

from datetime import UTC, datetime

import pytest

from reports.__main__ import write as write_site
from reports.build import site
from reports.history import load_history
from reports.load import load
from reports.sections import Inputs
from tests.reports import error_factory, factory
from tests.reports.browser import CHROMIUM, Browser
from tests.reports.factory import write

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on the path"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    cpu = {"machine": "A machine with <a rather> long name, 2 threads"}
    write(folder / "data", factory.realistic(environment=cpu))
    write(folder / "data", factory.realistic(device="cuda", environment={"gpu": "Example GPU"}), "gpu.json")
    error_factory.everything(folder / "data", environment=cpu)
    inputs = Inputs(load([folder / "data"]), load_history(None), datetime(2026, 11, 23, tzinfo=UTC))
    return write_site(site(inputs), folder / "site")


@pytest.mark.parametrize("name", ["index.html", "error.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_loads_clean_and_fits(browser, page, name, scheme, width):
    page = page.with_name(name)
    browser.open(page, width, scheme)
    assert browser.complaints() == []
    assert browser.requests() == [page.resolve().as_uri()]
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    paper = {"light": "rgb(253, 253, 251)", "dark": "rgb(21, 23, 26)"}[scheme]
    assert browser.evaluate("getComputedStyle(document.documentElement).backgroundColor") == paper


def test_figures_are_drawn_in_the_theme_and_fit_a_phone(browser, page):
    strokes = {}
    for scheme in ("light", "dark"):
        browser.open(page, 390, scheme)
        strokes[scheme] = browser.evaluate(
            "getComputedStyle(document.querySelector('svg.figure')).getPropertyValue('--s1')"
        )
        smallest = browser.evaluate(
            "Math.min(...[...document.querySelectorAll('svg.figure text')]"
            ".map(t => t.getBoundingClientRect().height))"
        )
        assert smallest >= 8, "text that a phone cannot show"
    assert strokes["light"] != strokes["dark"]


def test_the_keyboard_reaches_the_skip_link_first_and_wide_tables(browser, page):
    browser.open(page, 390, "light")
    browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(60):
        browser.press("Tab", 9)
        reached.add(
            browser.evaluate("document.activeElement.getAttribute('role') || document.activeElement.tagName")
        )
    assert {"region", "A", "SUMMARY"} <= reached


def test_a_script_in_the_page_would_not_run(browser, page, tmp_path):
    scripted = tmp_path / "scripted.html"
    scripted.write_text(page.read_text().replace("</main>", "<script>document.title = 'ran'</script></main>"))
    browser.open(scripted, 1280, "light")
    assert browser.evaluate("document.title") != "ran"
    assert any("Content Security Policy" in said for said in browser.complaints())


def test_heat_maps_follow_the_theme_and_a_command_is_selected_whole(browser, page):
    page = page.with_name("error.html")
    strokes = {}
    for scheme in ("light", "dark"):
        browser.open(page, 390, scheme)
        strokes[scheme] = browser.evaluate(
            "getComputedStyle(document.querySelector('svg.heat path[d*=h]')).stroke"
        )
        smallest = browser.evaluate(
            "Math.min(...[...document.querySelectorAll('svg.heat text')]"
            ".map(t => t.getBoundingClientRect().height).filter(h => h))"
        )
        assert smallest >= 8, "text that a phone cannot show"
    assert strokes["light"] != strokes["dark"]
    assert browser.evaluate("getComputedStyle(document.querySelector('td.paste code')).userSelect") == "all"
    wide = (
        "Math.max(...[...document.querySelectorAll('td.paste code')]"
        ".map(c => c.getBoundingClientRect().width))"
    )
    assert browser.evaluate(wide) < 390, "a command that a phone cannot show whole"

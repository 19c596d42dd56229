from datetime import UTC, datetime

import pytest

from reports.__main__ import write as write_site
from reports.build import site
from reports.history.results import load_history
from reports.load import load
from reports.pages import PAGES
from reports.sections import Inputs
from tests.reports import asv_factory, error_factory, factory, worth_factory
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
    """The start page of a site with everything in it."""
    folder = tmp_path_factory.mktemp("site")
    cpu = {"machine": "A machine with <a rather> long name, 2 threads"}
    write(folder / "data", factory.realistic(environment=cpu))
    write(folder / "data", factory.realistic(device="cuda", environment={"gpu": "Example GPU"}), "gpu.json")
    error_factory.everything(folder / "data", environment=cpu)
    worth_factory.every_study(folder / "data")
    asv_factory.history(folder / "asv", 12)
    loaded, history = load([folder / "data"]), load_history(folder / "asv")
    return write_site(site(Inputs(loaded, history, datetime(2026, 11, 23, tzinfo=UTC))), folder / "site")


def of_kind(page, kind):
    """The page of that kind about the machine with most to show."""
    found = sorted(page.parent.glob(f"{kind}-*.html"), key=lambda p: p.stat().st_size)
    return found[-1] if found else page.with_name(f"{kind}.html")


@pytest.mark.parametrize("name", [p.name for p in PAGES])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_loads_clean_and_fits(browser, page, name, scheme, width):
    page = of_kind(page, name)
    browser.open(page, width, scheme)
    assert browser.complaints() == []
    assert browser.requests() == [page.resolve().as_uri()]
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    paper = {"light": "rgb(253, 253, 251)", "dark": "rgb(21, 23, 26)"}[scheme]
    assert browser.evaluate("getComputedStyle(document.documentElement).backgroundColor") == paper


# What text is drawn in, over what, wherever on a page: the lowest contrast, and where.
CONTRAST = """
(() => {
  const parts = c => c.match(/[\\d.]+/g).map(Number);
  const luminance = c => parts(c).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if ((parts(c)[3] ?? 1) > 0.99) return c;
    }
  };
  let worst = [99, ""];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length || /^(script|style|title|desc)$/i.test(e.tagName)) continue;
    const style = getComputedStyle(e);
    const ink = e.closest("svg") ? style.fill : style.color;
    if (!ink.startsWith("rgb")) continue;
    const [a, b] = [luminance(ink), luminance(behind(e))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < worst[0]) worst = [contrast, e.outerHTML.slice(0, 120)];
  }
  return worst;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [p.name for p in PAGES])
def test_all_text_has_the_contrast_of_wcag_aa(browser, page, name, scheme):
    browser.open(of_kind(page, name), 1280, scheme)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    contrast, where = browser.evaluate(CONTRAST)
    assert 4.5 <= contrast < 99, where


def test_the_short_name_of_a_page_leads_to_the_machine_measured_last(browser, page):
    browser.open(page.with_name("latency.html"), 1280, "light")
    browser.wait_for("document.readyState === 'complete' && !!document.querySelector('main table')")
    name = browser.evaluate("location.pathname.split('/').pop()")
    assert (page.parent / name) in page.parent.glob("latency-*.html")
    assert "Time of one call" in browser.evaluate("document.body.innerText")


# --- what the scripts add ---------------------------------------------------------------------------------

TABLE = "section#speed table"


def focus_and_press(browser, selector):
    browser.evaluate(f"document.querySelector({selector!r}).focus()")
    browser.press("Enter", 13, "\r")


def test_a_table_is_sorted_by_keyboard_both_ways_and_nothing_is_lost(browser, page):
    browser.open(of_kind(page, "latency"), 1280, "light")
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    rows = f"[...document.querySelectorAll({TABLE!r})][0].tBodies[0].rows"
    count = browser.evaluate(f"{rows}.length")
    times = f"[...{rows}].map(r => Number(r.lastElementChild.dataset.value))"
    before = browser.evaluate(times)
    button = f"{TABLE} thead tr:last-child th:last-child button"
    for order, direction in ((sorted(before), "ascending"), (sorted(before)[::-1], "descending")):
        focus_and_press(browser, button)
        assert browser.evaluate(times) == order
        aria = f"document.querySelector({button!r}).parentElement.getAttribute('aria-sort')"
        assert browser.evaluate(aria) == direction
    assert browser.evaluate(f"{rows}.length") == count
    names = browser.evaluate(f"[...{rows}].map(r => r.cells[0].textContent)")
    assert all(names), "a row that moves keeps the header that it shared"
    assert browser.complaints() == []


def test_what_was_not_measured_is_sorted_last_both_ways(browser, page):
    browser.open(page, 1280, "light")
    rows = "[...document.querySelector('main table').tBodies[0].rows]"
    head = "main table thead tr:last-child th"
    for direction in ("ascending", "descending"):
        focus_and_press(browser, f"{head} button")
        assert browser.evaluate(f"document.querySelector({head!r}).getAttribute('aria-sort')") == direction
        assert "not measured" in browser.evaluate(f"{rows}.at(-1).textContent")


def test_a_table_is_filtered_by_words(browser, page):
    browser.open(of_kind(page, "latency"), 1280, "light")
    script = (
        "(() => {{ const input = document.querySelector('.filter input'); input.value = {!r};"
        "input.dispatchEvent(new Event('input'));"
        "const table = input.closest('label').nextElementSibling.querySelector('table');"
        "return [...table.tBodies[0].rows].filter(r => !r.hidden).map(r => r.textContent); }})()"
    )
    every = browser.evaluate(script.format(""))
    some = browser.evaluate(script.format("NUMPY se-gem"))
    assert 0 < len(some) < len(every)
    assert all("numpy" in row and "se-gem" in row for row in some)
    assert f"{len(some)} of {len(every)}" in browser.evaluate("document.querySelector('.filter').textContent")


def test_any_two_commits_are_compared_and_have_an_address(browser, page):
    place = page.with_name("compare.html")
    browser.open(place, 1280, "light")
    rows = "[...document.querySelectorAll('#choose-pair tbody tr')].map(r => r.textContent)"
    newest = browser.evaluate(rows)
    assert len(newest) == 48
    change = (
        "(() => { const [base, head] = document.querySelectorAll('#choose-pair .pair select');"
        "base.value = 2; base.dispatchEvent(new Event('change')); return location.hash; })()"
    )
    address = browser.evaluate(change)
    assert address == f"#{asv_factory.commit(2)[:12]}..{asv_factory.commit(11)[:12]}"
    chosen = browser.evaluate(rows)
    slower = [row for row in chosen if "slower" in row]
    assert len(slower) >= 3
    assert all("torch_compile" in row for row in slower[:3]), "the planted step, and it comes first"
    assert not any("slower" in row for row in newest if "torch_compile" in row)
    browser.open(page, 1280, "light")
    browser.open(place, 1280, "light", fragment=address)
    assert browser.evaluate(rows) == chosen
    assert browser.complaints() == []


def test_with_scripts_off_everything_is_there_and_nothing_is_dead(browser, page):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        for kind in ("index", "latency", "compare"):
            place = of_kind(page, kind)
            browser.open(place, 1280, "light")
            assert browser.complaints() == []
            assert browser.requests() == [place.resolve().as_uri()]
            assert browser.evaluate("document.querySelectorAll('button, input, select').length") == 0
            assert browser.evaluate("document.querySelectorAll('main table tbody tr').length") > 5
        assert "Choosing a pair needs scripts" in browser.evaluate("document.body.innerText")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


# --- the rest ---------------------------------------------------------------------------------------------


def test_figures_are_drawn_in_the_theme_and_fit_a_phone(browser, page):
    strokes = {}
    page = of_kind(page, "latency")
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
    browser.open(of_kind(page, "latency"), 390, "light")
    browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(120):
        browser.press("Tab", 9)
        reached.add(
            browser.evaluate("document.activeElement.getAttribute('role') || document.activeElement.tagName")
        )
    assert {"region", "A", "SUMMARY", "BUTTON"} <= reached


def test_a_script_in_the_page_would_not_run(browser, page, tmp_path):
    scripted = tmp_path / "scripted.html"
    scripted.write_text(page.read_text().replace("</main>", "<script>document.title = 'ran'</script></main>"))
    browser.open(scripted, 1280, "light")
    assert browser.evaluate("document.title") != "ran"
    assert any("Content Security Policy" in said for said in browser.complaints())


def test_heat_maps_follow_the_theme_and_a_command_is_selected_whole(browser, page):
    page = of_kind(page, "error")
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

"""The page about the shape of the family, from whole records, parts of them and hostile ones."""

import math
from dataclasses import replace

import pytest

from benchmarks.shape import closed
from benchmarks.shape.entries import Curve, Junction, Moments, Quantity
from benchmarks.shape.exact import exact
from gem_impls import Spec
from gem_impls.initialisation import normal_moments
from reports.__main__ import write as write_site
from reports.shape import tables as shape_tables
from reports.shape.figures import closed_form
from tests.reports import shape_factory
from tests.reports.browser import CHROMIUM, Browser
from tests.reports.markup import Page, faults, unpacked

HOSTILE = "<script>alert(1)</script>"
SECTIONS = ("shape", "curves", "distance", "junction", "slopes", "initialisation")


@pytest.fixture(scope="module")
def everything():
    return shape_factory.entries()


def made(build, data, found, **header):
    shape_factory.write(data, found, **header)
    return build()


def test_the_page_is_whole(build, data, everything):
    files = made(build, data, everything)
    text = files["shape.html"].decode()
    assert faults(text, set(files)) == []
    page = Page(text)
    assert [i for i in page.ids if i in SECTIONS] == list(SECTIONS)
    # Gains to four digits: relu, e-gem and gem, from the closed form and torch's convention.
    assert "1.414 for relu, 1.414 for e-gem(n=1, eps=0.0001), 2.069 for gem(n=1)" in page.text
    assert "2026-11-24 03:00 UTC. Deterministic" in page.text
    growth = normal_moments(Spec("gem")).growth
    assert (
        f"grows by a factor of 1 for relu, 1.002 for e-gem(n=1, eps=0.0001), {growth**10:.4g} for gem"
        in page.text
    )
    drawn = {i for i in page.ids if i.startswith("shape-") and i.count("-") == 2}
    assert {f"shape-{d}-{f}" for d in ("value", "slope", "curvature") for f in ("eps", "order")} <= drawn
    assert {"shape-distance-l1", "shape-distance-l2", "shape-distance-sup"} <= drawn
    assert {"shape-gain", "shape-growth"} <= set(page.ids)
    assert 'aria-current="page">Shape<' in text


def test_numbers_behind_the_figures_are_offered(build, data, everything):
    files = made(build, data, everything)
    lines = unpacked(files)["data/shape/shape-distance-l2.csv"].decode().splitlines()
    assert lines[0] == "n,eps,reach,measured,closed_form"
    n, eps, _, measured, right = lines[-1].split(",")
    assert (n, float(eps)) == ("1", 10.0)
    assert float(measured) == pytest.approx(float(right), rel=1e-15)
    assert float(right) == pytest.approx(math.sqrt(math.pi / 4 * 10**1.5), rel=1e-12)


def test_without_a_record_there_is_no_page(build):
    assert "shape.html" not in build()


@pytest.mark.parametrize("cls", [Quantity, Junction, Moments, Curve])
def test_a_part_of_a_record_is_a_part_of_the_page(build, data, everything, cls):
    files = made(build, data, [e for e in everything if isinstance(e, cls)])
    assert faults(files["shape.html"].decode(), set(files)) == []


def test_an_empty_record_has_a_page_that_says_when(build, data):
    files = made(build, data, [], complete=False, length="quick")
    text = files["shape.html"].decode()
    assert faults(text, set(files)) == []
    assert "quick run, not complete" in Page(text).text


def test_failures_are_shown(build, data, everything):
    files = made(build, data, [*everything, shape_factory.failure("it differs by 2e-12")])
    assert "it differs by 2e-12" in Page(files["shape.html"].decode()).text


def test_names_in_a_file_are_not_markup(build, data, everything):
    changed = [replace(e, function=HOSTILE) for e in everything] + [shape_factory.failure(HOSTILE)]
    files = made(build, data, [*everything, *changed])
    text = files["shape.html"].decode()
    assert HOSTILE not in text
    assert faults(text, set(files)) == []
    assert "&lt;script&gt;" in text


EXTREME = (
    Quantity("e-gem(n=1, eps=5e-324)", 1, 5e-324, 0.0, "distance L2", None, None, 1e-300, 1e-300, 0.0),
    Quantity("e-gem(n=9, eps=1e308)", 9, 1e308, 0.0, "distance L2", None, 3.0, 0.0, 0.0, 0.0),
    Quantity("e-gem(n=9, eps=1e300)", 9, 1e300, 0.0, "distance Linf", 1e300, None, 1e300, -1.0, 1e308),
    Quantity("e-gem(n=9, eps=1)", 9, 1.0, 0.0, "distance Linf", 1e300, None, 1e-300, -1.0, 1e308),
    Quantity("gem(n=999999999)", 999999999, 1.0, 0.0, "distance L1", None, 1e308, 1e308, 0.0, -1.0),
    Quantity("gem(n=999999999)", 999999999, 2.0, 0.0, "distance L1", None, None, 1e308, 0.0, -1.0),
    Moments("gem(n=1)", 1e-300, -1e-200, 1e-300, 1e300, 1e300, {}, None),
    Moments("gem(n=1)", 1e300, 1.0, 2.0, 5e-324, -1e300, {}, None),
    Moments("gem(n=1)", 2.0, 0.0, 1.0, 1.0, 0.0, {}, None),
    Moments("relu", 1.0, 0.0, 5e-324, 1e308, 1.0, {}, None),
    Junction("gem(n=1)", 1, 1.0, 0.0, "left", 0.0, 1e308, (0.0, 1e308, 1e308, 0.0), (0.0,) * 4, 0.0),
    Curve("a", 1, 1.0, (0.0,), (1e308,), (-1e308,), (0.0,)),
    Curve("b", 1, 2.0, (0.0,), (0.0,), (0.0,), (0.0,)),
    Curve("c", 1, 3.0, (2.0, -5.0), (0.0, 1.0), (0.0, 1.0), (1e308, -1e308)),
)


def test_impossible_numbers_do_not_stop_the_report(build, data, everything):
    """What the types and the reader let through, whatever wrote it."""
    for found in (EXTREME, [*everything, *EXTREME]):
        files = made(build, data, found)
        assert faults(files["shape.html"].decode(), set(files)) == []


def test_the_worthiest_record_is_shown_whatever_its_machine(build, data, everything):
    other = {**shape_factory.environment(), "machine": "Another machine"}
    shape_factory.write(data, [], "late.json", started="2026-11-25T00:00:00+00:00", complete=False)
    shape_factory.write(data, [], "quick.json", started="2026-11-26T00:00:00+00:00", length="quick")
    shape_factory.write(data, everything, "full.json", environment=other)
    text = Page(build()["shape.html"].decode()).text
    assert "2026-11-24 03:00 UTC" in text
    assert "2.069 for gem(n=1)" in text


# --- parts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize("eps", [1e-6, 0.3, 10.0])
def test_the_drawn_line_is_the_closed_form(n, eps):
    f = exact(Spec("e-gem", n, eps))
    assert closed_form(None, n, eps, None) == pytest.approx(float(closed.sup(f)), rel=1e-14)
    assert closed_form(2, n, eps, None) == pytest.approx(float(closed.norm(f, 2, None)), rel=1e-13)
    reach = 10.0 if closed.diverges(n, 1) else None
    assert closed_form(1, n, eps, reach) == pytest.approx(float(closed.norm(f, 1, reach)), rel=1e-13)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (2.0693721, "2.069"), (9.2103e-6, "9.21·10⁻⁶"), (1.2e12, "1.2·10¹²"), (1457.1, "1457")],
)
def test_figures_are_written_as_people_do(value, text):
    assert shape_tables.figure(value) == text


def test_the_gradient_factor_is_one_where_both_gains_are_the_same():
    assert shape_tables.gradient_factor(shape_factory.RELU[0]) == pytest.approx(1, rel=1e-12)
    assert shape_tables.gradient_factor(shape_factory.moments(Spec("gem", 3), 1.0)) > 1.5


# --- in a browser ---------------------------------------------------------------------------------------


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on the path")
def test_it_fits_and_is_quiet_in_a_browser(build, data, everything, tmp_path):
    from tests.reports.test_report_browser import CONTRAST

    page = write_site(made(build, data, everything), tmp_path / "site").with_name("shape.html")
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

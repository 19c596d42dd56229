"""The page *Should you use it?*: it takes whatever is stored, and fits a phone."""

from __future__ import annotations

import re

import pytest

from benchmarks.train import statistics
from gem_impls import Spec
from reports.pages import PAGES
from reports.worth.cards import cards
from reports.worth.choosing import choosing
from reports.worth.claims import CLAIMS
from reports.worth.verdicts import NOT_YET
from tests.reports import worth_factory as made
from tests.reports.browser import CHROMIUM, Browser
from tests.reports.markup import Page, faults, page_of
from tests.reports.test_report_browser import CONTRAST
from tests.reports.test_report_worth import BY_ID, PUBLISHED, SCENARIOS
from tests.reports.worth_factory import evidence

HOSTILE = '</dd></table><script>alert("x")</script>'


def test_it_is_second_in_the_menu() -> None:
    assert [(p.name, p.title) for p in PAGES][1] == ("worth", "Should you use it?")


def test_the_page_without_any_record_says_so(build) -> None:
    files = build()
    text = Page(page_of(files, "worth")).text
    assert text.count("Not measured yet.") >= 6
    assert f"{len(PUBLISHED)} need the real data set and {len(SCENARIOS)} are not measured yet" in text
    assert faults(page_of(files, "worth"), set(files)) == []


def test_the_page_weighs_what_is_there(data, build) -> None:
    made.every_study(data)
    files = build()
    page = page_of(files, "worth")
    assert faults(page, set(files)) == []
    text = Page(page).text
    for claim in CLAIMS:
        assert f'id="claim-{claim.id}"' in page
        assert claim.command in text
    assert "no difference to GELU" in text
    assert "5 seeds, 1,000 samples of toys, 5,000 parameters" in text
    assert "Missing: CIFAR-10 and CIFAR-100 with ResNet-56." in text
    assert text.index("Like a CNN") < text.index("Like a transformer") < text.index("Claims and doubts")


@pytest.mark.parametrize("study", made.STUDIES)
def test_the_page_works_with_any_record_missing(data, build, study: str) -> None:
    made.every_study(data)
    for path in data.glob(f"{study}-*.json"):
        path.unlink()
    files = build()
    assert faults(page_of(files, "worth"), set(files)) == []
    assert "Should you use it?" in Page(page_of(files, "worth")).text


def test_machines_have_pages_of_their_own(data, build) -> None:
    made.every_study(data)
    made.put(data, "train", made.ablation(models=["mlp"]), machine="Another CPU")
    files = build()
    own = [name for name in files if re.match(r"worth-.+\.html", name)]
    assert len(own) == 2
    texts = [Page(files[name].decode()).text for name in own]
    assert sorted(", on Another CPU." in text for text in texts) == [False, True]
    assert all("never mixed" in text for text in texts)


def test_nothing_in_a_record_is_markup(data, build) -> None:
    s = made.setting("mlp", title=HOSTILE, dataset=HOSTILE, about=HOSTILE, source=HOSTILE)
    made.put(data, "train", [s, *made.trainings(s, lambda _: 0.0)], machine=HOSTILE)
    relu, gem = made.block(HOSTILE, 1.0), made.block("gpt2-mlp", 1.0)
    made.put(data, "blocks", [relu, gem], machine=HOSTILE)
    made.put(data, "dead", [made.dead(str(Spec("se-gem")), 0.3, scenario=HOSTILE)], machine=HOSTILE)
    files = build()
    page = page_of(files, "worth")
    assert faults(page, set(files)) == []
    assert HOSTILE not in page
    assert "alert" in Page(page).text, "it is shown as text"


def test_damage_in_a_record_leaves_the_page(data, build) -> None:
    path = made.put(data, "train", made.ablation(models=["mlp"], activations=("relu", "gelu")))
    text = path.read_text()
    for broken in (text[: len(text) // 2], text.replace('"seed": 10', '"seed": "ten"'), "{}", "[]"):
        path.write_text(broken)
        files = build()
        assert faults(page_of(files, "worth"), set(files)) == []


def test_without_scipy_it_says_what_is_missing(monkeypatch) -> None:
    def absent() -> None:
        raise ImportError("intervals need scipy: pip install 'gem-impls[bench]'")

    monkeypatch.setattr(statistics, "_scipy_stats", absent)
    statistics.expanded_tail.cache_clear()
    found = evidence(train=made.ablation(models=["mlp"]))
    for name in ("like-relu", "hierarchy", "mnist"):
        assert BY_ID[name].finding(found).verdict == NOT_YET
    assert "Measured, but intervals need scipy" in choosing(found)
    assert any("scipy" in p.text for line in dict(cards(found)[2].answers)["What it changed"] for p in line)


# --- as a browser shows it --------------------------------------------------------------------------------


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on the path")
def test_the_answer_is_one_screen_and_fits_a_phone(data, build, tmp_path) -> None:
    made.every_study(data)
    blocks = ("gpt2-mlp", "gated-mlp", "bert-small-block", "resnet56-block")
    made.put(data, "blocks", [made.block(name, 1.2) for name in blocks], day=25)
    for name, content in build().items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (page,) = (tmp_path / "site").glob("worth-*.html")
    with Browser(tmp_path / "profile") as browser:
        for scheme in ("light", "dark"):
            browser.open(page, 1280, scheme)
            assert browser.complaints() == []
            assert browser.requests() == [page.resolve().as_uri()]
            bottom = "document.querySelector('.cards').getBoundingClientRect().bottom"
            assert 300 < browser.evaluate(bottom) <= 900
            browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert browser.evaluate(CONTRAST)[0] >= 4.5
            browser.open(page, 390, scheme)
            browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert browser.evaluate("document.documentElement.scrollWidth") <= 390
            cells = "[...document.querySelectorAll('.claims td')].map(c => c.getBoundingClientRect().right)"
            assert browser.evaluate(f"Math.max(...{cells})") <= 390, "no sideways scrolling to read a claim"

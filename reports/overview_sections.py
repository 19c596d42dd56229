"""The page that a reader starts on: the answer, what changed lately, and where to read on."""

from __future__ import annotations

from reports.answer import answer
from reports.here import Here
from reports.history.figures import WORDS, multiple
from reports.sections import Content, Section, Site, file_of

MOST_CHANGES = 6
TONES = {"worse": "slower", "unconfirmed": "slower", "better": "faster"}


def _answer(site: Site) -> Content:
    """About the machine measured last."""
    return answer(Here(site, site.first)) if site.first else Content(more={"record": None})


def _lately(site: Site) -> Content | None:
    """The newest steps that are the project's own, and where the history stands."""
    found = site.judged
    if not found.cases:
        return None
    own = [c for c in found.changes if not c.excuse]
    rows = [
        {"change": c, "multiple": multiple(c.step), "what": WORDS[c.kind], "tone": TONES[c.kind]}
        for c in own[:MOST_CHANGES]
    ]
    more = {
        "rows": rows,
        "further": len(own) - len(rows),
        "commits": len(found.history.commits),
        "newest": next(c for c in reversed(found.history.log) if c.hash in found.history.commits),
        "machines": found.machines,
        "history": file_of("history"),
        "compare": file_of("compare"),
    }
    return Content(more=more)


def _pages(_: Site) -> Content:
    return Content()  # the menu itself, which the page has anyway


OVERVIEW_SECTIONS: tuple[Section[Site], ...] = (
    Section("answer", "What it costs", "", _answer, "answer.html"),
    Section("lately", "What changed lately", "", _lately, "lately.html"),
    Section("pages", "Where to read on", "", _pages, "pages.html"),
)
"""In order. A new section is a function above and a row here."""

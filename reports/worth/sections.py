"""The page that weighs it all, one an environment: cards, claims with verdicts, the records behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reports.headline import Part
from reports.sections import Content, Section, file_of
from reports.tables import moment
from reports.worth.cards import cards
from reports.worth.claims import CLAIMS
from reports.worth.evidence import STUDIES, Evidence, Sitting
from reports.worth.verdicts import NEEDS_DATA, NOT_SEEN, NOT_YET, SUPPORTED, TONES, WORDS, Finding, counted

BEHIND: Final[Mapping[str, str]] = {
    "blocks": "Layers",
    "train": "Training",
    "flow": "Gradients",
    "dead": "Gradients",
    "shape": "Shape",
    "performance": "Performance",
}
"""Study -> what the menu calls the page that shows its record."""


def _answer(s: Sitting) -> Content:
    return Content(
        more={
            "headline": _headline(s),
            "cards": cards(s.evidence),
            "legend": _legend(s.evidence),
            "behind": [BEHIND[study] for study in s.evidence.records],
        }
    )


def _findings(s: Sitting) -> list[Finding]:
    """One a claim, in their order."""
    derived = s.evidence.derived
    if "findings" not in derived:
        derived["findings"] = [claim.finding(s.evidence) for claim in CLAIMS]
    found: list[Finding] = derived["findings"]
    return found


def _headline(s: Sitting) -> list[Part]:
    """The count of verdicts."""
    e = s.evidence
    said = [finding.verdict for finding in _findings(s)]
    parts = [Part(f"Of {len(said)} claims and doubts, ")]
    words = [(word, said.count(word)) for word in (SUPPORTED, NOT_SEEN, NEEDS_DATA, NOT_YET) if word in said]
    for index, (word, count) in enumerate(words):
        plain = word.replace("needs", "need") if count != 1 else word
        verb = "" if word == NEEDS_DATA else "is " if count == 1 else "are "
        parts.append(Part(", " if 0 < index < len(words) - 1 else " and " if index else ""))
        parts.append(Part(f"{count} {verb}{plain}", strong=True))
    return [*parts, Part(f", on {e.machine}." if e.environment else ".")]


def _legend(e: Evidence) -> str:
    dates = [moment(record.started) for record in e.records.values()]
    measured = f"Measured {min(dates)} to {max(dates)}. " if dates else "Nothing has been measured yet. "
    return (
        f"{measured}Times: medians of paired rounds with quartiles. Training: means of paired differences "
        "over seeds, positive where better, with 95 % bootstrap intervals over seeds and the share of "
        "seeds in which it was better; perhaps: the interval excludes 0, but not once both comparisons are "
        "taken together (Holm, 5 %). They tell of other seeds, not of other data."
    )


def _claims(s: Sitting) -> Content:
    rows = [
        {
            "claim": claim,
            "finding": finding,
            "tone": TONES[finding.verdict],
            "command": claim.measured_by(s.evidence),
        }
        for claim, finding in zip(CLAIMS, _findings(s), strict=True)
    ]
    return Content(more={"rows": rows, "words": WORDS})


def _records(s: Sitting) -> Content:
    e = s.evidence
    listed: list[dict[str, Any]] = []
    for study, about in STUDIES.items():
        record = e.records.get(study)
        said = f"not measured here: python -m benchmarks {study}"
        if record:
            whole = ("" if record.whole else ", a part of it") + ("" if record.complete else ", interrupted")
            said = f"{record.length} run{whole}, {moment(record.started)}"
            said += f", on {record.environment.machine}" if record.environment != e.environment else ""
        listed.append({"study": about, "source": record.source if record else None, "said": said})
    for record in e.recipes:
        said = f"on its own data, {moment(record.started)}"
        listed.append({"study": "a published setting", "source": record.source, "said": said})
    pages = [
        {
            "page": file_of("worth", o.environment.word),
            "text": f"{o.machine} ({counted(len(o.records), 'study')})",
        }
        for o in s.others
        if o.environment
    ]
    return Content(more={"listed": listed, "pages": pages})


WORTH_SECTIONS: tuple[Section[Sitting], ...] = (
    Section("worth", "Should you use it?", "", _answer, "worth.html"),
    Section(
        "claims",
        "Claims and doubts",
        "What the paper and its commentary say, and what this suite saw. Verdicts are about this "
        "project's records: small networks, small data, this machine.",
        _claims,
        "worth-claims.html",
    ),
    Section("behind", "The records behind it", "", _records, "worth-records.html"),
)
"""In order. A new section is a function above and a row here."""

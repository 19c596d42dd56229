"""The generated part of docs/choosing.md: questions, each answered from the records, between two marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from reports.markdown import plain
from reports.tables import moment
from reports.worth.advice import eps, gain, implementation, order, variant
from reports.worth.evidence import STUDIES, Evidence
from reports.worth.verdicts import listed

BEGIN, END = "<!-- begin: choosing -->", "<!-- end: choosing -->"
"""What the generated part stands between."""

REFRESH: Final = "python -m reports choosing --write docs/choosing.md"


@dataclass(frozen=True)
class Question:
    """One question: who answers it, in paragraphs of Markdown, and from which studies."""

    title: str
    answer: Callable[[Evidence], Iterator[str]]
    studies: tuple[str, ...]


QUESTIONS: Final = (
    Question("Which variant", variant, ("train", "dead")),
    Question("Which N", order, ("train",)),
    Question("Which ε", eps, ("train",)),
    Question("Which initialisation gain", gain, ("shape",)),
    Question("Which implementation", implementation, ("performance", "blocks")),
)
"""In the order of the document."""


def choosing(e: Evidence) -> str:
    """Where the figures are from, then each question with its answer."""
    parts = [f"<!-- Written by `{REFRESH}`. -->", _sources(e)]
    for question in QUESTIONS:
        lacking = [f"`{e.command(study)}`" for study in question.studies if study not in e.records]
        parts += [f"## {question.title}", *_answered(question, e)]
        parts += [f"Not measured yet: {listed(lacking)}."] if lacking else []
    return "\n\n".join(parts) + "\n"


def _answered(question: Question, e: Evidence) -> list[str]:
    try:
        return list(question.answer(e))
    except ImportError as error:  # SciPy, which only machines that measure ablations need
        return [f"Measured, but {plain(str(error))}."]


def replaced(document: str, generated: str) -> str:
    """The document with what is between its marks replaced.

    Raises:
        ValueError: it has not each mark once, in order.
    """
    if document.count(BEGIN) != 1 or document.count(END) != 1 or document.index(BEGIN) > document.index(END):
        raise ValueError(f"the document must hold {BEGIN} and then {END}, each once")
    head, _, rest = document.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{generated}\n{END}{tail}"


def _sources(e: Evidence) -> str:
    lines = []
    for study, about in STUDIES.items():
        if record := e.records.get(study):
            run = f"{record.length} run on {plain(record.environment.machine)}, {moment(record.started)}"
            broken = "" if record.complete else ", interrupted"
            name = record.source.shown.replace("`", "'")
            lines.append(f"- {about}: `{e.command(study)}`, {run}{broken}, record `{name}`")
    return "\n".join(lines) or "Nothing has been measured yet."

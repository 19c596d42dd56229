"""A record as Markdown: what became of units and of the network, in every scenario."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.dead.entries import Failure, Training
from benchmarks.dead.shares import scenarios, share
from benchmarks.dead.words import title, told
from benchmarks.study import StudyRecord
from benchmarks.study.markdown import plain, table

COLUMNS = {
    "dead": "dead",
    "flat": "slope 0 on all data",
    "faint": "slope nearly 0 on all data",
    "correct": "right on the test set",
}


def document(record: StudyRecord) -> str:
    """All of it, with where it was measured."""
    trainings = record.of(Training)
    where = record.header.get("environment") or {}
    parts = [
        plain(
            f"Measured {record.header.get('started')} on {where.get('machine')}; torch {where.get('torch')}. "
            "Shares of the hidden units at the end: median over seeds and range."
        )
    ]
    for scenario in scenarios(trainings):
        found = [t for t in trainings if t.scenario == scenario]
        one = found[0]
        parts.append(
            f"### {plain(title(scenario))}: {one.steps[-1]} steps, {one.units} hidden units, "
            f"{len(one.seeds)} seeds"
        )
        heads = ("activation", "dead before training", *(f"{name} after" for name in COLUMNS.values()))
        parts.append(table(heads, [_row(t) for t in found]))
    failures = record.of(Failure)
    if failures:
        parts += ["### Failed", table(("piece", "reason"), [(f.piece, f.reason) for f in failures])]
    return "\n\n".join(parts) + "\n"


def _row(t: Training) -> Sequence[str]:
    cells = [told(share(t, "dead", 0), t), *(told(share(t, what), t) for what in COLUMNS)]
    return (t.activation, *(f"{text} ({spread})" if spread else text for text, spread in cells))

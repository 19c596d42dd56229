"""The tables of dead units: what became of units and networks in each scenario, and beside ReLU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from benchmarks.dead.entries import Training
from benchmarks.dead.shares import Paired, activations, against, find, scenarios, share
from benchmarks.dead.words import short, title, told
from gem_impls import Spec
from gem_impls.spec import VARIANTS
from reports.cells import Cell, Column, Row, Table, missing
from reports.flow.lines import label, parts
from reports.svg import word

RIVAL: Final = "relu"

HEADS: Final = ("Activation", "Parameters")

VERDICTS: Final = ("better", "no difference", "worse")

BESIDE: Final = {
    "dead": ("dead units", ("fewer", "no difference", "more")),
    "correct": ("right on the test set", ("more", "no difference", "fewer")),
}
"""What is compared -> the head of its columns, and what :data:`VERDICTS` are called there."""

SHOWN: Final = {
    "dead": "dead",
    "flat": "slope 0 on all data",
    "faint": "slope below {faint:g} on all data",
    "correct": "right on the test set",
}
"""What is counted -> the head of its column."""


def summaries(trainings: Sequence[Training]) -> tuple[Table, ...]:
    """Activation × scenario: dead units at the end; and in how many scenarios that differs from ReLU."""
    columns = scenarios(trainings)
    names = activations(trainings)
    heads = tuple(Column(short(s)) for s in columns)
    caption = "Dead hidden units at the end: median over seeds, and range"
    rows = _rows(names, lambda name: tuple(_dead(find(trainings, s, name)) for s in columns))
    dead = Table("dead-summary", caption, HEADS, heads, rows)
    others = [name for name in names if name != RIVAL]
    if len(others) == len(names):
        return (dead,)
    heads = tuple(Column(word_, group) for group, words in BESIDE.values() for word_ in words)
    caption = f"Seed by seed against ReLU: in how many of {len(columns)} ways to train"
    rows = _rows(others, lambda name: tuple(_tallies(trainings, columns, name)))
    return (dead, Table("dead-against-relu", caption, HEADS, heads, rows))


def _rows(names: Sequence[str], fill: Callable[[str], tuple[Cell, ...]]) -> tuple[Row, ...]:
    """A row an activation, the variant said once."""
    rows, last = [], ""
    for name in names:
        variant, parameters = parts(name)
        rows.append(Row((variant if variant != last else "", parameters), fill(name)))
        last = variant
    return tuple(rows)


def _verdicts(trainings: Sequence[Training], columns: Sequence[str], name: str, what: str) -> list[str]:
    """Beside ReLU, in every scenario that both were trained in."""
    pairs = [(find(trainings, s, name), find(trainings, s, RIVAL)) for s in columns]
    return [against(t, rival, what).verdict for t, rival in pairs if t and rival]


def _tallies(trainings: Sequence[Training], columns: Sequence[str], name: str) -> Iterator[Cell]:
    for what in BESIDE:
        found = _verdicts(trainings, columns, name, what)
        yield from (Cell(f"{found.count(verdict)}") for verdict in VERDICTS)


def _dead(t: Training | None) -> Cell:
    return _share(t, "dead", -1) if t else missing("not trained")


def scenario(trainings: Sequence[Training], name: str) -> Table:
    """Everything that was counted in one scenario."""
    rows = []
    found = [t for t in trainings if t.scenario == name]
    rival = find(found, name, RIVAL)
    for t in found:
        cells = [_share(t, "dead", 0), *(_share(t, what, -1) for what in SHOWN)]
        cells += [_beside(t, rival, what) for what in ("dead", "correct")] if rival else []
        rows.append(Row((label(t.activation),), tuple(cells)))
    faint = found[0].faint_below
    heads = [
        Column("dead", "before"),
        *(Column(head.format(faint=faint), "after") for head in SHOWN.values()),
    ]
    heads += [Column("dead units", "seed by seed against ReLU"), Column("right", "seed by seed against ReLU")]
    caption = f"{title(name)}: shares of hidden units, and of test samples; {found[0].steps[-1]} steps"
    columns = tuple(heads if rival else heads[:-2])
    return Table(f"dead-in-{word(name)}", caption, ("Activation",), columns, tuple(rows))


def _share(t: Training, what: str, index: int) -> Cell:
    found = share(t, what, index)
    text, small = told(found, t)
    worst = 2.0 if what != "correct" else -1.0
    return Cell(text, small, "wrong" if found.median is None else "", value=_or(found.median, worst))


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _beside(t: Training, rival: Training, what: str) -> Cell:
    if t is rival:
        return Cell("", tone="missing")
    found = against(t, rival, what)
    return Cell(found.verdict, _counts(found), "same" if found.verdict == "no difference" else "")


def _counts(p: Paired) -> str:
    seeds = p.better + p.worse + p.same
    return f"better in {p.better}, worse in {p.worse} of {seeds}"


def answer(trainings: Sequence[Training]) -> str:
    """For each variant at its defaults: in how many scenarios every seed has fewer dead units than ReLU's."""
    columns = scenarios(trainings)
    found = {str(Spec(variant)): label(str(Spec(variant))) for variant in VARIANTS}
    verdicts = {name: _verdicts(trainings, columns, name, "dead") for name in found}
    said = [f"{found[name]} in {v.count('better')}" for name, v in verdicts.items() if v]
    if not said:
        return ""
    right = [
        f"{_verdicts(trainings, columns, name, 'correct').count('better')}"
        for name, v in verdicts.items()
        if v
    ]
    return (
        f"Trained in {len(columns)} ways, fewer dead units than with ReLU in every seed: {', '.join(said)}; "
        f"more test samples right: in {', '.join(right)}."
    )

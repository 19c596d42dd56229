"""The tables of gradients at initialisation: how many arrive, who dies where, and what a layer does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.flow.depths import (
    BACKWARD,
    FORWARD,
    deepest,
    factor,
    of_setup,
    over_seeds,
    reach,
    setups,
    unevenness,
)
from benchmarks.flow.entries import Flow
from benchmarks.flow.words import reached, times
from gem_impls.spec import VARIANTS
from reports.cells import Cell, Column, Row, Table, missing
from reports.flow.lines import parts

PEERS: Final = "peers"


def group(activation: str) -> str:
    """The variant, or ``peers``."""
    variant = parts(activation)[0]
    return variant if variant in VARIANTS else PEERS


def arrivals(flows: Sequence[Flow]) -> Table:
    """Setup × variant: of how many activations the median seed's gradient arrives at the first layer."""
    names = [PEERS, *VARIANTS]
    rows = []
    for setup in setups(flows):
        found = deepest(of_setup(flows, setup))
        cells = []
        for name in names:
            own = [f for f in found if group(f.activation) == name]
            there = sum(reach(f, BACKWARD).median is None for f in own)
            cells.append(Cell(f"{there} of {len(own)}", value=there / len(own)) if own else missing("none"))
        rows.append(Row((setup.name,), (Cell(f"{found[0].depth}"), *cells)))
    columns = (Column("layers"), *(Column(name) for name in names))
    caption = "Activations whose gradient arrives at the first layer in most seeds"
    return Table("flow-arrivals", caption, ("Network",), columns, tuple(rows))


Fill = Callable[[Flow], Cell]


def reaches(flows: Sequence[Flow], way: str) -> Table:
    """Activation × setup: after how many layers signals (or gradients) die, if they do."""

    def cell(f: Flow) -> Cell:
        found = reach(f, way)
        text, small = reached(found)
        value = f.depth + 1 if found.median is None else found.median
        return Cell(text, small, "" if found.median is None else "same", value=value)

    caption = {
        BACKWARD: "The gradient, from the last layer back: layers passed until it dies, median and range",
        FORWARD: "The signal, from the first layer on: layers passed until it dies, median and range",
    }[way]
    return _by_setup(flows, f"flow-reach-{way}", caption, cell)


def factors(flows: Sequence[Flow]) -> Table:
    """Activation × setup: by what factor a layer changes the gradient."""
    caption = "Factor by which a layer changes the gradient on its way back: median and range over seeds"
    return _by_setup(flows, "flow-factor", caption, lambda f: _times(f, factor))


def evenness(flows: Sequence[Flow]) -> Table:
    """Activation × setup: how unequal layers are to an optimizer."""
    caption = "Gradients of weights: largest over smallest norm among layers, median and range over seeds"
    return _by_setup(flows, "flow-evenness", caption, lambda f: _times(f, unevenness))


def _times(f: Flow, quantity: Callable[[Flow, int], float | None]) -> Cell:
    found = over_seeds([quantity(f, index) for index in range(len(f.seeds))])
    text, small = times(found)
    return Cell(text, small, value=found.median) if found else Cell(text, small, "missing")


def _by_setup(flows: Sequence[Flow], name: str, caption: str, fill: Fill) -> Table:
    """A row an activation, a column a setup, at the greatest depth of each."""
    columns = setups(flows)
    found = {s: {f.activation: f for f in deepest(of_setup(flows, s))} for s in columns}
    rows, last = [], ""
    for activation in dict.fromkeys(f.activation for f in flows):
        variant, parameters = parts(activation)
        cells = tuple(
            fill(found[s][activation]) if activation in found[s] else missing("not measured") for s in columns
        )
        rows.append(Row((variant if variant != last else "", parameters), cells))
        last = variant
    depth = max(f.depth for f in flows)
    heads = tuple(Column(s.name.partition(", ")[2], f"{s.network}, {depth} layers") for s in columns)
    return Table(name, caption, ("Activation", "Parameters"), heads, tuple(rows))


def answer(flows: Sequence[Flow]) -> str:
    """How many gradients arrive through the deepest networks of the first setup."""
    plain = next(iter(setups(flows)), None)
    if plain is None:
        return ""
    found = deepest(of_setup(flows, plain))
    counts = []
    for name in ("the family", PEERS):
        own = [f for f in found if (group(f.activation) == PEERS) == (name == PEERS)]
        there = sum(reach(f, BACKWARD).median is None for f in own)
        counts += [f"{there} of {len(own)} {'functions of ' if name != PEERS else ''}{name}"] if own else []
    return (
        f"Through {found[0].depth} layers ({plain.name}), the gradient arrives with {' and '.join(counts)}."
    )

"""A record as Markdown: for every setup, how far signals and gradients got."""

from __future__ import annotations

from collections.abc import Sequence

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
from benchmarks.flow.entries import Failure, Flow
from benchmarks.flow.words import reached, times
from benchmarks.study import StudyRecord
from benchmarks.study.markdown import plain, table

HEADS = (
    "activation",
    "gain",
    "signal",
    "gradient",
    "gradient, factor a layer",
    "gradients of weights, largest ÷ smallest",
)


def document(record: StudyRecord) -> str:
    """All of it, with where it was measured."""
    flows = record.of(Flow)
    where = record.header.get("environment") or {}
    parts = [
        plain(
            f"Measured {record.header.get('started')} on {where.get('machine')}; torch {where.get('torch')}. "
            "A signal starts with root mean square 1 and dies where that leaves [1/limit, limit]; the "
            "gradient likewise, from the last layer back."
        )
    ]
    for setup in setups(flows):
        found = deepest(of_setup(flows, setup))
        one = found[0]
        title = (
            f"### {plain(setup.name)}: {one.depth} layers of {one.width}, {len(one.seeds)} seeds, "
            f"limit {one.limit:g}"
        )
        parts += [title, table(HEADS, [_row(f) for f in found])]
    failures = record.of(Failure)
    if failures:
        parts += ["### Failed", table(("piece", "reason"), [(f.piece, f.reason) for f in failures])]
    return "\n\n".join(parts) + "\n"


def _row(f: Flow) -> Sequence[str]:
    each = range(len(f.seeds))
    return (
        f.activation,
        f"{f.gain:.4g}",
        _with_spread(*reached(reach(f, FORWARD))),
        _with_spread(*reached(reach(f, BACKWARD))),
        _with_spread(*times(over_seeds([factor(f, s) for s in each]))),
        _with_spread(*times(over_seeds([unevenness(f, s) for s in each]))),
    )


def _with_spread(text: str, spread: str) -> str:
    return f"{text} ({spread})" if spread else text

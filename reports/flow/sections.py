"""The page of gradients, one an environment: through depth before training, and dead units during it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from benchmarks.dead import entries as dead_entries
from benchmarks.dead.entries import Training
from benchmarks.dead.shares import scenarios
from benchmarks.dead.words import title
from benchmarks.flow import entries as flow_entries
from benchmarks.flow.depths import BACKWARD, FORWARD, setups
from benchmarks.flow.entries import Flow
from benchmarks.flow.setups import LIMIT
from reports.cells import Cell, Column, Row, Table
from reports.dead import tables as dead_tables
from reports.dead.figures import figures as dead_figures
from reports.flow import tables as flow_tables
from reports.flow.figures import figures as flow_figures
from reports.flow.lines import power_of_ten
from reports.kinds import DEAD, FLOW
from reports.sections import Block, Content, Place, Section, Site
from reports.study_load import StudyStored, command, shown
from reports.tables import moment

OPEN: Final = 4
"""Setups whose figures are not folded away: the rest is one click further."""


@dataclass(frozen=True)
class Gradients:
    """What a section draws on: the records that are shown of one environment."""

    flow: StudyStored | None
    dead: StudyStored | None

    @property
    def flows(self) -> tuple[Flow, ...]:
        return self.flow.of(Flow) if self.flow else ()

    @property
    def trainings(self) -> tuple[Training, ...]:
        return self.dead.of(Training) if self.dead else ()


def each_gradients(site: Site) -> tuple[Place[Gradients], ...]:
    """One page an environment, of its worthiest records."""
    flows, deads = (
        {found.record.environment.key: found.record for found in shown(site.inputs.loaded.of(kind))}
        for kind in (FLOW, DEAD)
    )
    environments = {key: r.environment for records in (flows, deads) for key, r in records.items()}
    return tuple(
        Place(Gradients(flows.get(key), deads.get(key)), environment)
        for key, environment in environments.items()
    )


# --- sections -------------------------------------------------------------------------------------------


def _summary(g: Gradients) -> Content | None:
    if not g.flows and not g.trainings:
        return None
    failed = _failures(g)
    tables = (
        *([flow_tables.arrivals(g.flows)] if g.flows else []),
        *(dead_tables.summaries(g.trainings) if g.trainings else []),
        *([failed] if failed else []),
    )
    said = (flow_tables.answer(g.flows), dead_tables.answer(g.trainings))
    more = {"headline": " ".join(filter(None, said)), "remark": _remark(g)}
    return Content((Block("", (), tables),), more)


def _remark(g: Gradients) -> str:
    records = {"flow": g.flow, "dead": g.dead}
    return " ".join(_measured(name, record) for name, record in records.items() if record)


def _measured(name: str, record: StudyStored) -> str:
    about = [record.environment.machine, f"measured {moment(record.started)}", f"{record.length} run"]
    about += [] if record.complete else ["not complete"]
    about += [] if record.whole else ["of a part only"]
    return f"{command(name, record)}: {', '.join(about)}."


def _failures(g: Gradients) -> Table | None:
    found: list[flow_entries.Failure | dead_entries.Failure] = []
    found += g.flow.of(flow_entries.Failure) if g.flow else ()
    found += g.dead.of(dead_entries.Failure) if g.dead else ()
    rows = tuple(Row((f.piece,), (Cell(f.reason, tone="text"),)) for f in found)
    columns = (Column("Why it has no figure", text=True),)
    return Table("gradients-failures", "Failed", ("What",), columns, rows, wordy=True) if rows else None


def _depth(g: Gradients) -> Content | None:
    if not g.flows:
        return None
    found = setups(g.flows)
    blocks = [
        Block(s.name, flow_figures(g.flows, s), more={"fold": index >= OPEN}) for index, s in enumerate(found)
    ]
    return Content(tuple(blocks))


def _reach(g: Gradients) -> Content | None:
    if not g.flows:
        return None
    shown_, folded = (
        flow_tables.reaches(g.flows, BACKWARD),
        (
            flow_tables.reaches(g.flows, FORWARD),
            flow_tables.factors(g.flows),
            flow_tables.evenness(g.flows),
        ),
    )
    return Content((Block("", (), (shown_,), folded),))


def _dead(g: Gradients) -> Content | None:
    blocks = [
        Block(title(s), dead_figures(g.trainings, s), (), (dead_tables.scenario(g.trainings, s),))
        for s in scenarios(g.trainings)
    ]
    return Content(tuple(blocks)) if blocks else None


FLOW_INTRO: Final = (
    "Networks as they are before training. Inputs are standard normal, and so is the gradient at the output: "
    "no loss stands between. A signal is what a layer gives; its size is the root mean square over the batch "
    "and the units. A plain layer is act(norm(W x)), a residual one x + W2 act(W1 norm(x)); weights are "
    "normal with standard deviation gain / √(fan in). He: gain √2, as people do. Own gain: 1 / √(E f(z)²), "
    "for standard normal z, for weights that read an activation, and 1 for others. Values are float32, sums "
    "of squares float64. By chance a signal's size wanders, the more the deeper and the narrower a network "
    "is: ReLU passes any size on alike, and most other functions, the family among them, do not."
)

DECADES: Final = round(math.log10(LIMIT))

REACH_INTRO: Final = (
    "A signal, or a gradient, dies at the first layer on its way after which its size is not within "
    f"{power_of_ten(-DECADES)} to {power_of_ten(DECADES)} times what it began with: it vanishes, explodes, "
    "or overflows to what is not finite. A gradient begins at the last layer: where the signal died before "
    "it got there, it may be gone after one. The median is over all seeds, one that arrives "
    "counting as more than any that does not. The networks are the deepest that were measured."
)

DEAD_INTRO: Final = (
    "A small perceptron learns scikit-learn's digits. A hidden unit is dead where the gradient of the loss "
    "with respect to its incoming weights and its bias is exactly 0 for every sample of the training set; "
    "that includes units that feed only dead ones. The tables also count units whose own activation has "
    "slope 0, or nearly 0, on all data. A seed whose loss was not finite has diverged; it counts as worse "
    "than any that has not. Against ReLU means seed by seed from the same weights, and better or worse in "
    "every seed: with 5 seeds, equals would look so once in 16 comparisons."
)

GRADIENTS_SECTIONS: tuple[Section[Gradients], ...] = (
    Section("gradients", "Gradients", "", _summary, "gradients.html"),
    Section("depth", "Through depth, before training", FLOW_INTRO, _depth),
    Section("reach", "Where signals die", REACH_INTRO, _reach),
    Section("dead", "Dead neurons, in training", DEAD_INTRO, _dead),
)
"""In order. A new section is a function above and a row here."""

"""The page on real layers, one an environment: what the choice of activation moves, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from benchmarks.blocks import readings
from benchmarks.blocks.entries import COMPILED, EAGER, FORWARD, TRAINING, Count, Failure, Race
from benchmarks.blocks.words import nothing, percent_parts
from reports.blocks import tables
from reports.blocks.figures import ratios
from reports.figures import Palette
from reports.kinds import BLOCKS
from reports.sections import Block, Content, Place, Section, Site
from reports.study_load import StudyStored, command, shown
from reports.tables import moment

ORDER = ((TRAINING, EAGER), (TRAINING, COMPILED), (FORWARD, EAGER), (FORWARD, COMPILED))
"""The races of a layer, as the page has them: the first is shown, the others folded."""


@dataclass(frozen=True)
class Layers:
    """What a section draws on: the record that is shown of an environment."""

    site: Site
    record: StudyStored

    @cached_property
    def races(self) -> tuple[Race, ...]:
        return self.record.of(Race)

    @property
    def palette(self) -> Palette:
        """The site's colours, and new ones for who is on no other page."""
        known = self.site.palette.names
        here = {name for r in self.races for name in r.implementations.values()}
        return Palette((*known, *sorted(here - set(known))))


def each_layers(site: Site) -> tuple[Place[Layers], ...]:
    """One page an environment, of its worthiest record."""
    found = shown(site.inputs.loaded.of(BLOCKS))
    return tuple(Place(Layers(site, one.record), one.record.environment) for one in found)


# --- sections -------------------------------------------------------------------------------------------


def _answer(layers: Layers) -> Content | None:
    table = tables.choices(layers.races)
    failed = tables.failures(layers.record.of(Failure))
    if table is None and failed is None:
        return None
    more = {
        "headline": _headline(layers.races),
        "machine": layers.record.environment.machine,
        "started": moment(layers.record.started),
        "quick": layers.record.length == "quick",
        "complete": layers.record.complete,
        "busy": layers.record.disturbed,
        "command": command("blocks", layers.record),
    }
    found = tuple(t for t in (table, failed) if t)
    return Content((Block("", (), found),), more)


def _headline(races: Sequence[Race]) -> list[tuple[str, str]]:
    """(layer, what the choice moves of its eager training step)."""
    said = []
    for race, found in zip(races, readings.moved(races), strict=True):
        if found and (race.passes, race.mode) == (TRAINING, EAGER):
            text, more = percent_parts(found.part) if found.seen else nothing(found)
            more += f"; {tables.ends_label(found)}" if found.seen else ""
            said.append((tables.layer_label(race), f"{text} ({more})"))
    return said


def _layers(layers: Layers) -> Content | None:
    counts = tables.counts_of(layers.record.of(Count))
    blocks = []
    for key in dict.fromkeys((r.block, r.dtype, r.device) for r in layers.races):
        here = [r for r in layers.races if (r.block, r.dtype, r.device) == key]
        here.sort(key=lambda r: ORDER.index((r.passes, r.mode)))
        training = [r for r in here if r.passes == TRAINING]
        drawings = tuple(d for r in training for d in ratios(r, layers.palette))
        found = [tables.race_table(r, counts) for r in here]
        title = f"{tables.layer_label(here[0])}: {here[0].summary}"
        blocks.append(Block(title, drawings, tuple(found[:1]), tuple(found[1:])))
    return Content(tuple(blocks)) if blocks else None


LAYERS_SECTIONS: tuple[Section[Layers], ...] = (
    Section("choice", "Layers", "", _answer, "layers-answer.html"),
    Section(
        "layers",
        "Layer by layer",
        "A training step is the forward pass, the gradients of all parameters and of the input from a fixed "
        "gradient of the output, and one update of plain SGD; forward is the layer in evaluation mode, "
        "without autograd. Share is the part of a step that is gone with no activation in the activation's "
        "place, timed in the same rounds: 1 − (step without) ÷ step. By itself is the time of the "
        "activations alone, on the inputs that they get in this layer, over that of the step. Peak is beyond "
        "input and parameters and includes gradients; saved is kept for backward, without input and "
        "parameters.",
        _layers,
    ),
)
"""In order. A new section is a function above and a row here."""

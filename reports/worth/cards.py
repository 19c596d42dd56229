"""The three cards: for each kind of network what it costs, what it changed, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.axes import BOTH
from benchmarks.train.entries import CNN, SMALL, TRANSFORMER, Setting
from benchmarks.train.statistics import SAME, TOO_FEW, Comparison
from gem_impls import Spec
from reports import statistic
from reports.headline import Part
from reports.performance.tables import spread
from reports.worth.ablation import Ablation, ablations, short
from reports.worth.cost import GEM, PEERS, against, calls, moved_words, ratio_words, training_races
from reports.worth.evidence import Evidence
from reports.worth.training import other_data
from reports.worth.verdicts import counted, listed

Line = tuple[Part, ...]

NOTHING: Final[tuple[Line, ...]] = ((Part("Not measured yet."),),)


@dataclass(frozen=True)
class Kind:
    """One kind of network.

    Attributes:
        group: in the ablation.
        blocks: those of its layers that are measured; none: calls by themselves stand for them.
        published: the member of the family that results are published for. It is fixed here, before anything
            is measured, so that the card does not pick a winner.
        lacking: what would make it surer.
    """

    group: str
    title: str
    blocks: tuple[str, ...]
    published: Spec
    lacking: str


KINDS: Final = (
    Kind(CNN, "Like a CNN", ("resnet56-block",), Spec("se-gem"), "CIFAR-10 and CIFAR-100 with ResNet-56"),
    Kind(
        TRANSFORMER,
        "Like a transformer",
        ("gpt2-mlp", "gated-mlp", "bert-small-block"),
        Spec("gem", 2),
        "a large text with GPT-2 124M and BERT-small",
    ),
    Kind(SMALL, "Small", (), Spec("e-gem"), "MNIST"),
)


@dataclass(frozen=True)
class Card:
    """A title, what it is about, and (question, lines of the answer) pairs."""

    id: str
    title: str
    about: str
    answers: tuple[tuple[str, tuple[Line, ...]], ...]


def cards(e: Evidence) -> tuple[Card, ...]:
    """One a kind, each word of it from the records."""
    return tuple(_card(e, kind) for kind in KINDS)


def _card(e: Evidence, kind: Kind) -> Card:
    found, why = _ablations(e, kind)
    about = f"Time with gem N = 1; training with {short(kind.published)}, as published."
    answers = (
        ("What it costs", _cost(e, kind) or NOTHING),
        ("What it changed", _changed(found, kind) or why),
        ("How sure", _sure(e, found, kind)),
    )
    return Card(kind.group, kind.title, about, answers)


def _ablations(e: Evidence, kind: Kind) -> tuple[list[Ablation], tuple[Line, ...]]:
    """The models of that kind, or why there are none."""
    try:
        return ablations(e, kind.group), NOTHING
    except ImportError as error:  # SciPy
        return [], ((Part(f"Measured, but {error}."),),)


# --- costs ----------------------------------------------------------------------------------------------


def _cost(e: Evidence, kind: Kind) -> tuple[Line, ...]:
    return tuple(_layers(e, kind) if kind.blocks else _calls(e))


def _layers(e: Evidence, kind: Kind) -> Iterator[Line]:
    races = training_races(e, kind.blocks)
    if races:
        where = f"{races[0].dtype}, {races[0].device}"
        yield (Part(f"What the choice of activation moves of a training step, eager, {where}:"),)
    for race in races:
        ratios = {label: against(race, GEM, peer) for peer, label in PEERS.items()}
        words = [f"÷ {label} {ratio_words(r)}" for label, r in ratios.items() if r]
        said = f"; gem {', '.join(words)}." if words else "."
        yield Part(f"{race.block}: "), Part(moved_words(e, race), strong=True), Part(said)


def _calls(e: Evidence) -> Iterator[Line]:
    """At the smallest size, where a call's fixed cost counts: a small model is many such calls."""
    own = {label: [c for c in calls(e, peer) if c.passes == BOTH] for peer, label in PEERS.items()}
    least = {label: min(found, key=lambda c: c.numel) for label, found in own.items() if found}
    parts: list[Part] = []
    for label, call in least.items():
        size = statistic.size(call.numel)
        parts.append(Part(" and " if parts else f"A call on {size} elements, forward and backward, takes "))
        median, quartiles = statistic.plain(spread(call.against))
        seen = call.faster or call.slower
        parts.append(Part(f"{median} × {label}" if seen else f"the time of {label}", strong=True))
        parts.append(Part(f" ({quartiles})"))
    for call in list(least.values())[:1]:
        yield *parts, Part(f" with {call.who}, float32, {call.device}.")


# --- what it changed ------------------------------------------------------------------------------------


def _changed(found: Sequence[Ablation], kind: Kind) -> tuple[Line, ...]:
    several = [(a, a.pairs((kind.published, peer) for peer in PEERS)) for a in found]
    return tuple((Part(f"{a.setting.title}: "), *_compared(a, made)) for a, made in several if made)


def _compared(a: Ablation, made: Sequence[Comparison]) -> Iterator[Part]:
    """Better or worse only where that stands when both are taken together; else, at most, perhaps."""
    for index, c in enumerate(made):
        yield Part("; " if index else "")
        if c.verdict == TOO_FEW:
            yield Part(f"against {PEERS[c.rival]} too few seeds")
            continue
        yield Part(_verdict(c), strong=True)
        p = c.probability
        share = f"{100 * p.mean:.0f} % of seeds ({100 * p.low:.0f} to {100 * p.high:.0f})"
        yield Part(f", {a.difference(c)}, better in {share}")
    yield Part(".")


def _verdict(c: Comparison) -> str:
    rival = PEERS[c.rival]
    if c.verdict == SAME:
        return f"{SAME} to {rival}"
    return f"{c.verdict} than {rival}" if c.holds else f"perhaps {c.verdict} than {rival}"


# --- how sure -------------------------------------------------------------------------------------------


def _sure(e: Evidence, found: Sequence[Ablation], kind: Kind) -> tuple[Line, ...]:
    said = [_size(a.setting) for a in found]
    if said and e.records["train"].length == "quick":
        said.append("Quick run.")
    lost = sum(s.lost for a in found for s in a.found)
    if lost:
        said.append(f"{counted(lost, 'seed')} of the grid have lost a training and are left out.")
    diverged = sum(s.diverged for a in found for s in a.found)
    if diverged:
        said.append(f"{counted(diverged, 'training')} of the grid diverged and count as a guess.")
    settings = (setting for record in e.recipes for setting in record.of(Setting))
    done = sorted({s.model for s in settings if not other_data(s)})
    said.append(f"Published settings run here: {listed(done)}." if done else f"Missing: {kind.lacking}.")
    return ((Part(" ".join(said)),),)


def _size(s: Setting) -> str:
    what = "symbols" if s.context else "samples"
    return (
        f"{counted(len(s.seeds), 'seed')}, {s.train:,} {what} of {s.dataset}, {s.parameters:,} parameters, "
        f"{counted(s.steps, 'step')}, {counted(len(s.rates), 'learning rate')} tried for everybody."
    )

"""The training page, one an environment: did small models train better, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.train.entries import ACCURACY, LOSS, SMALL, Setting
from benchmarks.train.results import RIVALS
from benchmarks.train.words import against_words, number, unit
from reports.kinds import TRAIN
from reports.sections import Block, Content, Place, Section, Site
from reports.study_load import StudyStored
from reports.tables import moment
from reports.train import pairs, tables
from reports.train.figures import figures
from reports.train.load import Ablation, Trained, ablations


@dataclass(frozen=True)
class Course:
    """What a section draws on: one environment's models."""

    site: Site
    ablation: Ablation

    @property
    def models(self) -> tuple[Trained, ...]:
        return self.ablation.models


def each_training(site: Site) -> tuple[Place[Course], ...]:
    """One page an environment."""
    return tuple(Place(Course(site, a), a.environment) for a in ablations(site.inputs.loaded.of(TRAIN)))


# --- sections -------------------------------------------------------------------------------------------


def _overview(c: Course) -> Content:
    more = {
        "verdicts": [
            (
                m.setting.title,
                tables.anchor(m),
                [against_words(m.result, r) for r in RIVALS if r in m.result.against],
            )
            for m in c.models
        ],
        "records": [
            {
                "titles": [m.setting.title for m in c.models if m.record is record],
                "started": moment(record.started),
                "length": record.length,
                "complete": record.complete,
                "whole": record.whole,
                "command": str(record.header.get("command", ""))[:300],
            }
            for record in _records(c)
        ],
    }
    return Content((Block("", (), (tables.overview(c.models),)),), more)


def _records(c: Course) -> list[StudyStored]:
    """The records that the models are from, each once."""
    return list({id(m.record): m.record for m in c.models}.values())


def _models(c: Course) -> Content:
    blocks = []
    for m in c.models:
        failed = tables.failures(m)
        shown = (tables.scores(m), *([failed] if failed else []))
        folded = (*([each] if (each := pairs.table(m)) else []), tables.search(m))
        blocks.append(Block(m.setting.title, tuple(figures(m)), shown, folded, {"about": _about(m.setting)}))
    return Content(tuple(blocks))


def _changes(c: Course) -> Content | None:
    found = [t for m in c.models if (t := tables.changes(m))]
    return Content((Block("", (), tuple(found)),)) if found else None


def _about(s: Setting) -> list[str]:
    """What a reader needs to know of a model before its figures."""
    sized = f"{s.train:,} to train on, {s.val:,} to choose by, {s.test:,} to test on"
    known = (
        f", {number(s, s.unigram)} {unit(s)} of one that knows how frequent each symbol is"
        if s.unigram
        else ""
    )
    length = f"{s.steps:,} steps of {s.batch} " + (f"sequences of {s.context}" if s.context else "samples")
    data = (
        f"Data: {s.dataset} ({s.source}, {s.digest}): {sized}. A guess that knows nothing scores "
        f"{number(s, s.guess)} {unit(s)}{known}."
    )
    rates = ", ".join(f"{rate:g}" for rate in s.rates)
    trained = (
        f"{s.parameters:,} parameters; {length}; {s.optimizer}; {s.schedule}; {s.init}; learning rates "
        f"{rates}, each with {len(s.seeds)} seeds; each seed chooses its own by its validation part."
    )
    return [s.about, data, trained]


def _method(c: Course) -> Content:
    kinds = {m.setting.metric for m in c.models}
    edges = [(m.setting.title, _edges(m)) for m in c.models]
    more = {
        "accuracy": ACCURACY in kinds,
        "loss": LOSS in kinds,
        "edges": edges,
        "small": any(m.setting.group == SMALL for m in c.models),
        "diverged": [
            (m.setting.title, sum(s.diverged for s in m.result.summaries), _finals(m)) for m in c.models
        ],
        "identical": [m.setting.title for m in c.models if _identical(m)],
    }
    return Content((), more)


def _edges(m: Trained) -> tuple[int, int]:
    """(choices of a rate, those of the lowest or the highest)."""
    return _finals(m), sum(s.edges for s in m.result.summaries)


def _finals(m: Trained) -> int:
    return sum(len(s.scores) for s in m.result.summaries)


def _identical(m: Trained) -> bool:
    """Whether gem and e-gem at eps = 1, one function under two names, have the same scores in every seed."""
    pairs = [
        (one, other)
        for n in (1, 2, 3)
        if (one := m.result.summary(f"gem(n={n})")) and (other := m.result.summary(f"e-gem(n={n}, eps=1.0)"))
    ]
    return bool(pairs) and all(one.scores == other.scores for one, other in pairs)


TRAIN_SECTIONS: tuple[Section[Course], ...] = (
    Section("training", "Training", "", _overview, "train-overview.html"),
    Section(
        "models",
        "Model by model",
        "",
        _models,
        "train-models.html",
    ),
    Section(
        "changes",
        "What N, ε and the negative slope do",
        "One pair of activations says little with a few seeds. Here each change is averaged, seed by seed, "
        "over all pairs of the grid that differ in nothing else; positive is better.",
        _changes,
    ),
    Section("how", "How to read this", "", _method, "train-method.html"),
)
"""In order. A new section is a function above and a row here."""

"""The records that claims are judged by: those of one environment, at most one a study, never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

from benchmarks.train.entries import Setting
from reports import kinds
from reports.loaded import Loaded
from reports.records import Environment
from reports.sections import Place, Site
from reports.study_load import StudyStored, command, shown

E = TypeVar("E")

STUDIES: Final[Mapping[str, str]] = {
    "blocks": "what layers cost",
    "train": "the training ablation",
    "flow": "gradients at initialisation",
    "dead": "dead neurons in training",
    "shape": "the shape of the family",
    "performance": "the time of a call",
}
"""Study -> what its record is about, in the order in which they are listed."""

KIND_OF: Final = {kind.name: kind for kind in kinds.STUDIES if kind.name in STUDIES}
"""Study -> the kind of its records."""

ANYWHERE: Final = "shape"
"""Exact arithmetic, the same on every machine: its record serves every environment."""

BESIDE: Final = frozenset({ANYWHERE, "performance"})
"""Studies that make an environment neither worth a page nor the first where another has more."""


@dataclass(frozen=True)
class Evidence:
    """What was measured in one environment.

    Attributes:
        environment: which; None where nothing but :data:`ANYWHERE` was measured.
        records: study -> the record that is shown.
        recipes: complete runs of published settings, which need data of one's own, worthiest first.
    """

    environment: Environment | None = None
    records: Mapping[str, StudyStored] = field(default_factory=dict)
    recipes: tuple[StudyStored, ...] = ()

    def of(self, study: str, cls: type[E]) -> tuple[E, ...]:
        """The entries of one class in the study's record; none where there is no record."""
        record = self.records.get(study)
        return record.of(cls) if record else ()

    @cached_property
    def derived(self) -> dict[str, Any]:
        """What was computed from the records and is needed again, by name."""
        return {}

    def command(self, study: str) -> str:
        """What measures a study as long as the record does."""
        return command(study, self.records.get(study))

    @property
    def machine(self) -> str:
        """What the reader calls the environment."""
        return self.environment.machine if self.environment else "any machine"


def gathered(stored: Mapping[str, Iterable[StudyStored]]) -> tuple[Evidence, ...]:
    """One :class:`Evidence` an environment, that with most studies first, of several that measured last.

    ``stored`` holds all records by study. There is always at least one evidence, if an empty one.
    """
    found: dict[object, dict[str, StudyStored]] = {}
    published: dict[object, list[StudyStored]] = {}
    environments: dict[object, Environment] = {}
    for study in STUDIES:
        every = list(stored.get(study, ()))
        environments |= {record.environment.key: record.environment for record in every}
        for each in shown(record for record in every if not _of_recipe(record)):
            found.setdefault(each.record.environment.key, {})[study] = each.record
        for record in sorted(filter(_of_recipe, every), key=lambda r: r.worth, reverse=True):
            own = [record] if record.complete and not record.header.get("steps") else []
            published.setdefault(record.environment.key, []).extend(own)
    exact = next((each.record for each in shown(stored.get(ANYWHERE, ()))), None)
    made = [
        Evidence(
            environments[key],
            {**({ANYWHERE: exact} if exact else {}), **found.get(key, {})},
            tuple(published.get(key, ())),
        )
        for key in dict.fromkeys((*found, *published))
    ]
    most = any(_of_its_own(e) for e in made)
    kept = [e for e in made if _of_its_own(e) or (not most and e.records.keys() != {ANYWHERE})]
    kept.sort(key=_weight, reverse=True)
    return tuple(kept) or (Evidence(None, {ANYWHERE: exact} if exact else {}),)


def _of_recipe(record: StudyStored) -> bool:
    return any(setting.recipe for setting in record.of(Setting))


def _of_its_own(e: Evidence) -> bool:
    """Whether it has more than what goes beside other studies."""
    return not e.records.keys() <= BESIDE or bool(e.recipes)


def _weight(e: Evidence) -> tuple[int, Any]:
    """How many studies it has, and when the last began; those of :data:`BESIDE` count if it has no other."""
    own = [record for study, record in e.records.items() if study not in BESIDE]
    return len(own), max(record.started for record in (*own, *e.recipes) or e.records.values())


def evidence_of(loaded: Loaded) -> tuple[Evidence, ...]:
    """What was stored."""
    return gathered({name: loaded.of(kind) for name, kind in KIND_OF.items()})


@dataclass(frozen=True)
class Sitting:
    """What a section of the page draws on: one environment's evidence, and that of the others."""

    site: Site
    evidence: Evidence
    others: tuple[Evidence, ...]


def each_sitting(site: Site) -> tuple[Place[Sitting], ...]:
    """One page an environment; one without an environment where nothing was measured."""
    every = evidence_of(site.inputs.loaded)
    return tuple(
        Place(Sitting(site, one, tuple(e for e in every if e is not one)), one.environment) for one in every
    )

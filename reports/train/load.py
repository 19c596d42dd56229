"""The ablation of one environment: each model from the worthiest record that has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from benchmarks.train.effects import Effect, effects
from benchmarks.train.entries import Failure, Setting, Training
from benchmarks.train.results import Result, results
from reports.records import Environment
from reports.study_load import StudyStored


@dataclass(frozen=True)
class Trained:
    """One model as it is shown: what came of it, and the record that it is from."""

    result: Result
    record: StudyStored

    @property
    def setting(self) -> Setting:
        return self.result.setting

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """What n, eps and the negative slope do."""
        return effects(self.setting, self.result.summaries)

    @property
    def trainings(self) -> tuple[Training, ...]:
        """Every training of this model."""
        return tuple(t for t in self.record.of(Training) if t.model == self.setting.model)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What could not be trained of this model."""
        return tuple(f for f in self.record.of(Failure) if f.model == self.setting.model)


@dataclass(frozen=True)
class Ablation:
    """All models of one environment, in the order of their records."""

    environment: Environment
    models: tuple[Trained, ...]


def ablations(records: Iterable[StudyStored]) -> tuple[Ablation, ...]:
    """One an environment, that with the newest record first. Environments without a result are left out."""
    found: dict[object, list[StudyStored]] = {}
    for record in records:
        found.setdefault(record.environment.key, []).append(record)
    newest_first = sorted(found.values(), key=lambda own: max(r.started for r in own), reverse=True)
    made = [Ablation(own[0].environment, tuple(_models(own))) for own in newest_first]
    return tuple(ablation for ablation in made if ablation.models)


def _models(records: list[StudyStored]) -> Iterator[Trained]:
    """Each model once: of the record that is whole, full and new, before others."""
    seen: set[str] = set()
    for record in sorted(records, key=lambda r: r.worth, reverse=True):
        for result in results(record.of(Setting), record.of(Training)):
            if result.setting.model not in seen:
                seen.add(result.setting.model)
                yield Trained(result, record)

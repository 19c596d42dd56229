"""The ablation as a study: what its record holds."""

from __future__ import annotations

from typing import Final

from benchmarks.study import Study
from benchmarks.train.entries import Failure, Setting, Training, check

STUDY: Final = Study(
    name="train",
    kinds={"settings": Setting, "trainings": Training, "failures": Failure},
    summary="whether small models train better",
    folders=("models", "datasets", "train"),
    schema=2,  # 1 chose one rate for all seeds of an activation, by other seeds
    check=check,
)

"""Records of the studies as they might come out, made to order: what claims are judged by in tests."""

from __future__ import annotations

import json
import math
import random
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import benchmarks.blocks.study
import benchmarks.dead.study
import benchmarks.flow.study
import benchmarks.performance.study
import benchmarks.shape.study
import benchmarks.train.study
from benchmarks.axes import BOTH, FORWARD
from benchmarks.blocks.entries import EAGER, PEER, TRAINING
from benchmarks.blocks.entries import Race as BlockRace
from benchmarks.dead.entries import Training as DeadTraining
from benchmarks.flow.entries import VANISHED, WITHIN, Flow
from benchmarks.models.activations import GRID_EPS, GRID_N, everything
from benchmarks.performance.entries import PACE, Race
from benchmarks.shape.entries import L1, L2, STEEPEST, SUP, Junction, Moments, Quantity
from benchmarks.study import Study
from benchmarks.train.entries import ACCURACY, CNN, LOSS, SMALL, TRANSFORMER, Setting, Training
from gem_impls import Spec
from reports.records import Environment, Source
from reports.study_load import StudyStored
from reports.worth.evidence import Evidence

STUDIES: Mapping[str, Study] = {
    study.name: study
    for study in (
        benchmarks.blocks.study.STUDY,
        benchmarks.dead.study.STUDY,
        benchmarks.flow.study.STUDY,
        benchmarks.performance.study.STUDY,
        benchmarks.shape.study.STUDY,
        benchmarks.train.study.STUDY,
    )
}
STARTED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)

# --- records --------------------------------------------------------------------------------------------


def environment(machine: str = "Example CPU, 2 threads") -> Environment:
    """A machine of that name."""
    facts: dict[str, Any] = dict.fromkeys(("gpu", "clock_mhz", "driver", "triton", "commit", "dirty"))
    return Environment(
        machine=machine, cpu="Example CPU", threads=2, cores=2, os="Linux", python="3.11.7", torch="2.13.0",
        numpy="2.4.6", **facts,
    )  # fmt: skip


def stored(
    study: str,
    entries: Iterable[Any],
    *,
    complete: bool = True,
    machine: str = "Example CPU, 2 threads",
    header: Mapping[str, Any] | None = None,
    day: int = 24,
    length: str = "quick",
) -> StudyStored:
    """The record of a study, as it is once it was read."""
    return StudyStored(
        source=Source(f"data/{study}.json", b"{}", study),
        started=STARTED.replace(day=day),
        environment=environment(machine),
        complete=complete,
        whole=True,
        length=length,
        busy=0.1,
        header=header or {},
        entries=tuple(entries),
    )


def evidence(*, complete: bool = True, **studies: Iterable[Any]) -> Evidence:
    """One record a study, of one machine."""
    records = {name: stored(name, entries, complete=complete) for name, entries in studies.items()}
    return Evidence(environment(), records)


def document(
    study: str, entries: Iterable[Any], machine: str = "Example CPU, 2 threads", day: int = 24
) -> dict[str, Any]:
    """The same as a file has it."""
    row = STUDIES[study]
    header = {
        "schema": row.schema, "complete": True, "started": STARTED.replace(day=day).isoformat(),
        "finished": None, "environment": asdict(environment(machine)), "sources": "0" * 16,
        "busy": 0.1, "done": [], "command": f"python -m benchmarks {study}", "length": "quick",
    }  # fmt: skip
    out: dict[str, Any] = {row.mark: header, **{kind: [] for kind in row.kinds}}
    for entry in entries:
        out[row.kind_of(entry)].append(asdict(entry))
    return out


def put(folder: Path, study: str, entries: Iterable[Any], **changes: Any) -> Path:
    """A file of it in ``folder``; ``changes`` as :func:`document` takes them."""
    path = folder / f"{study}-{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps(document(study, entries, **changes)))
    return path


# --- training -------------------------------------------------------------------------------------------

SEEDS = (10, 11, 12, 13, 14)
NOISE = (0.0, 0.002, -0.001, 0.001, -0.002)
"""What seeds have in common: it is gone in a paired difference."""

OWN = 0.0002
"""What they have not: up to so much either way."""

GROUPS = {"mlp": SMALL, "resnet": CNN, "gpt": TRANSFORMER}

Better = Callable[[str], float]
"""Activation -> by how much it is better than the others: accuracy, or minus loss."""


def setting(model: str, seeds: tuple[int, ...] = SEEDS, **changes: Any) -> Setting:
    """One model of the ablation."""
    group = changes.pop("group", GROUPS.get(model, SMALL))
    loss = group == TRANSFORMER
    usual: dict[str, Any] = {
        "model": model, "title": f"{model} on toys", "group": group, "about": "small", "recipe": False,
        "dataset": "toys", "source": "a shop", "digest": "0", "train": 1000, "val": 100, "test": 500,
        "metric": LOSS if loss else ACCURACY, "guess": 4.0 if loss else 0.1, "unigram": 3.0 if loss else None,
        "parameters": 5000, "steps": 100, "batch": 32, "context": 32 if loss else None, "optimizer": "SGD",
        "schedule": "constant", "init": "He", "rates": (0.01, 0.1), "seeds": seeds,
        "activations": tuple(a.name for a in everything()),
    }  # fmt: skip
    return Setting(**usual | changes)


def trainings(
    s: Setting, better: Better, names: Iterable[str] | None = None, diverged: Iterable[str] = ()
) -> list[Training]:
    """Every training of a model; those of ``diverged`` have no score. Every seed chooses the highest rate."""
    lost = set(diverged)
    return [
        replace(made, rate=rate, val_loss=made.val_loss and made.val_loss + s.rates[-1] - rate)
        for name in names or s.activations
        for seed in s.seeds
        for made in [_training(s, name, seed, better(name), name in lost)]
        for rate in s.rates
    ]


def _training(s: Setting, name: str, seed: int, better: float, diverged: bool) -> Training:
    own = zlib.crc32(f"{name} {seed}".encode()) / 2**32
    noise = NOISE[s.seeds.index(seed) % 5] + OWN * (2 * own - 1)
    score = 0.95 + better + noise if s.metric == ACCURACY else 2.0 - better + noise
    return Training(
        model=s.model, activation=name, rate=0.1, seed=seed, steps=s.steps,
        diverged_at=3 if diverged else None, train_loss=0.1, val_loss=None if diverged else 0.2,
        val_score=None if diverged else score, test_loss=None if diverged else 0.2,
        test_score=None if diverged else score, curve_steps=(50, 100), curve=(1.0, 0.5), seconds=1.0,
        implementation="cpp_fused", machine="Example CPU",
    )  # fmt: skip


def ablation(better: Better = lambda _: 0.0, models: Iterable[str] = GROUPS, **changes: Any) -> list[Any]:
    """The whole study: every model with everybody trained in it."""
    made = [setting(model, **changes) for model in models]
    return [*made, *(t for s in made for t in trainings(s, better))]


# --- flow and dead --------------------------------------------------------------------------------------


def flow(activation: str, per_layer: float, depth: int = 64, init: str = "he", gain: float = 1.0) -> Flow:
    """A plain network whose gradient changes by about ``per_layer`` a layer, not quite alike in all seeds."""
    limit, layers = 1e6, (1, depth)
    sizes, fates, left = [], [], []
    for index in range(len(SEEDS)):
        factor = per_layer * (1 + 0.001 * index)
        end = factor**depth
        within = 1 / limit <= end <= limit
        fates.append(WITHIN if within else VANISHED)
        passed = math.ceil(math.log(limit) / abs(math.log(factor)))
        left.append(None if within else depth - passed + 1)
        sizes.append((end, factor))
    same = tuple((1.0, 1.0) for _ in SEEDS)
    return Flow(
        network="plain", norm="none", init=init, gain=gain, activation=activation, depth=depth, width=64,
        batch=128, dtype="float32", limit=limit, seeds=SEEDS, layers=layers, forward=same,
        backward=tuple(sizes), weights=same, forward_fate=(WITHIN,) * 5, forward_left=(None,) * 5,
        backward_fate=tuple(fates), backward_left=tuple(left),
    )  # fmt: skip


def dead(activation: str, share: float, scenario: str = "usual", diverged: int = 0) -> DeadTraining:
    """A training at whose end that share of units is dead, in every seed that did not diverge."""
    units = 192
    count = round(share * units)
    rows = tuple((0, None) if i < diverged else (0, count) for i in range(len(SEEDS)))
    losses = tuple((2.0, None) if i < diverged else (2.0, 0.5) for i in range(len(SEEDS)))
    return DeadTraining(
        scenario=scenario, activation=activation, optimizer="sgd", learning_rate=0.1, gain=1.4, bias=0.0,
        depth=3, width=64, batch=128, samples=1000, tests=300, units=units, faint_below=1e-6, seeds=SEEDS,
        steps=(0, 100), dead=rows, flat=rows, faint=rows, correct=rows, loss=losses,
        diverged_at=tuple(5 if i < diverged else None for i in range(len(SEEDS))),
    )  # fmt: skip


# --- shape ----------------------------------------------------------------------------------------------


def quantities(disturbed: float = 0.0, farther: bool = True) -> list[Quantity]:
    """Distances of e-gem and its steepest slope; ``farther``: at 1e-4 a higher N is farther from ReLU."""
    made = []
    for n in GRID_N:
        for eps in GRID_EPS:
            power = n if farther else 4 - n
            sup = eps ** (1 / (2 * power)) / 2
            figures = {L1: 2 * sup, L2: 3 * sup, SUP: sup, STEEPEST: (2 * n + 1) ** 2 / (8 * n)}
            for name, closed in figures.items():
                made.append(
                    Quantity(
                        function=str(Spec("e-gem", n, eps)), n=n, eps=eps, negative_slope=0.0, name=name,
                        at=None, reach=10.0 if (name, n) == (L1, 1) else None, measured=closed,
                        closed=closed, discrepancy=disturbed,
                    )
                )  # fmt: skip
    return made


def junctions(disturbed: float = 0.0, sides: tuple[str, ...] = ("right", "left")) -> list[Junction]:
    """Differences at 0 as predicted, but for ``disturbed``."""
    return [
        Junction(
            function=str(Spec("gem", n)), n=n, eps=1.0, negative_slope=0.0, side=side, step=1e-9, scale=1.0,
            differences=(0.0,) * (2 * n + 2), closed=(0.0,) * (2 * n + 2), discrepancy=disturbed,
        )
        for n in GRID_N
        for side in sides
    ]  # fmt: skip


def moments(function: str, second: float, growth: float = 1.5) -> Moments:
    """Moments of a function under a standard normal input."""
    return Moments(
        function=function, std=1.0, mean=0.3, second=second, slope_second=0.5, growth=growth, closed={},
        discrepancy=None,
    )  # fmt: skip


# --- times ----------------------------------------------------------------------------------------------

ROUNDS = tuple(1 + 0.001 * i for i in range(-10, 11))
"""Everybody has the same ones, in an order of their own: equals differ in no sum of logarithms."""


def _timed(**seconds: float) -> dict[str, tuple[float, ...]]:
    """21 rounds each, around what is given."""
    orders = {who: random.Random(who).sample(ROUNDS, len(ROUNDS)) for who in seconds}
    return {who: tuple(t * r for r in orders[who]) for who, t in seconds.items()}


def calls(gem: float, peer: float = 1.0, sizes: Iterable[int] = (8, 20)) -> list[Race]:
    """gem by cpp_fused against ReLU and GELU at powers of two."""
    return [
        Race(
            purpose=PACE, subject="", function=str(Spec("gem")), device="cpu", dtype="float32", numel=2**e,
            passes=passes, out=False, clock="wall", cache=None, bytes=8 * 2**e, family=("cpp_fused",),
            samples=_timed(cpp_fused=gem, relu=peer / 2, gelu=peer), calls={},
        )
        for e in sizes
        for passes in (FORWARD, BOTH)
    ]  # fmt: skip


def block(name: str, gem: float, gelu: float = 1.0, alone: tuple[float, float] | None = None) -> BlockRace:
    """A training step of one block; ``alone``: seconds of the activations by themselves, gem and gelu."""
    members = {"gem(n=1) by cpp_fused": gem, "relu": 0.97, "gelu": gelu, "identity": 0.9}
    by_itself = {"gem(n=1) by cpp_fused": alone[0], "gelu": alone[1]} if alone else {}
    return BlockRace(
        block=name, summary="a layer", source="a paper", device="cpu", dtype="float32", mode=EAGER,
        passes=TRAINING, shape=(128, 768),
        clock="wall", parameters=1000, activated=128 * 3072,
        functions={who: who.partition(" ")[0] for who in members},
        implementations={who: "cpp_fused" if " by " in who else PEER for who in members},
        samples=_timed(**members), alone=_timed(**by_itself), calls=dict.fromkeys(members, 3),
    )  # fmt: skip


# --- all of it ------------------------------------------------------------------------------------------


def every_study(folder: Path) -> None:
    """A record of every study, of one machine."""
    few = ("relu", "gelu", *(str(Spec(v, n)) for v in ("gem", "e-gem", "se-gem") for n in (1, 2)))
    put(folder, "train", ablation(activations=few))
    put(folder, "shape", [*quantities(), *junctions(), moments("relu", 0.5)])
    put(
        folder,
        "blocks",
        [block(name, 1.0, alone=(0.05, 0.1)) for name in ("gpt2-mlp", "resnet56-block")],
    )
    put(folder, "flow", [flow(name, 1.01) for name in ("relu", str(Spec("gem")))])
    put(folder, "dead", [dead("relu", 0.5), dead(str(Spec("se-gem")), 0.0)])
    put(folder, "performance", calls(0.5))

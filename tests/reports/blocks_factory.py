"""Records of real layers as they might come out, made to order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks.blocks.entries import COMPILED, EAGER, FORWARD, INLINED, PEER, TRAINING, Count, Race
from benchmarks.blocks.study import STUDY
from benchmarks.study import Run

GEM, SEGEM = "gem(n=1)", "se-gem(n=2, eps=0.0001, negative_slope=0.01)"

PARTICIPANTS = {
    "identity": ("identity", PEER, 3.0),
    "relu": ("relu", PEER, 3.2),
    "gelu": ("gelu", PEER, 4.0),
    "gem by cpp_fused": (GEM, "cpp_fused", 3.2),
    "gem by torch_naive": (GEM, "torch_naive", 12.8),
    "se-gem by cpp_fused": (SEGEM, "cpp_fused", 3.6),
}
"""Participant -> function, implementation, time. The times drift alike in every round."""

DRIFT = 5 * (1e-3, 2e-3, 1e-3, 4e-3, 1e-3)


def race(**changes: object) -> Race:
    usual = Race(
        block="gpt2-mlp", summary="the MLP of GPT-2 124M", source="GPT-2", device="cpu", dtype="float32",
        mode=EAGER, passes=TRAINING, shape=(256, 768), clock="wall", parameters=4_722_432,
        activated=786_432,
        functions={who: f for who, (f, _, _) in PARTICIPANTS.items()},
        implementations={who: i for who, (_, i, _) in PARTICIPANTS.items()},
        samples={who: tuple(t * d for d in DRIFT) for who, (_, _, t) in PARTICIPANTS.items()},
        alone={"gelu": tuple(0.5 * d for d in DRIFT)},
        calls=dict.fromkeys(PARTICIPANTS, 1),
        left_out={"numpy_cpu": "it takes NumPy arrays"},
    )  # fmt: skip
    return replace(usual, **changes)  # type: ignore[arg-type]


def count(who: str) -> Count:
    return Count("gpt2-mlp", "cpu", "float32", EAGER, TRAINING, who, 20 * 2**20, 3 * 2**20)


def stored(data: Path, *entries: object) -> None:
    settings = {"length": "quick", "whole": True, "devices": ["cpu"]}
    run = Run(STUDY, settings, "python -m benchmarks blocks --quick", data / "blocks.json")
    run.ends("all", entries)
    run.close()


def everything() -> Iterable[object]:
    """Two layers, eager and compiled, both passes, with bytes."""
    who = "gem by cpp_fused"
    inlined = {**race().implementations, who: INLINED}
    for block in ("gpt2-mlp", "resnet56-block"):
        yield from (race(block=block), race(block=block, passes=FORWARD, alone={}))
        yield race(block=block, mode=COMPILED, alone={}, implementations=inlined)
        yield from (replace(count(name), block=block) for name in PARTICIPANTS)

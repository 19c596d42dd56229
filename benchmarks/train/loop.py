"""Training as such: steps of an optimiser until the last one or the first loss that is not finite."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from benchmarks.record import cpu_name
from benchmarks.train.objectives import Objective
from benchmarks.train.recipes import COSINE, SGD, Recipe

LEAST: Final = 0.1
"""What a cosine ends at, as a share of the highest rate."""


@dataclass(frozen=True)
class Ran:
    """What came of the steps.

    Attributes:
        losses: of each step; the last one is not finite where it diverged.
        diverged_at: the first step, counted from 1, whose loss is NaN or infinite.
        seconds: that it took.
    """

    losses: list[float]
    diverged_at: int | None
    seconds: float


def train(
    network: nn.Module, objective: Objective, recipe: Recipe, rate: float, steps: int, device: str
) -> Ran:
    """Train ``network`` in place."""
    optimizer = _optimizer(network, recipe, rate)
    network.train()
    losses: list[float] = []
    start = time.perf_counter()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * share(recipe, step, steps)
        optimizer.zero_grad(set_to_none=True)
        losses.append(_gradients(network, objective, recipe, device))
        if not math.isfinite(losses[-1]):
            return Ran(losses, step + 1, time.perf_counter() - start)
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimizer.step()
    return Ran(losses, None, time.perf_counter() - start)


def share(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of ``step`` (from 0) as a share of the highest one."""
    warmup = min(recipe.warmup, steps // 2)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    along = (step - warmup) / max(1, steps - warmup)
    if recipe.schedule == COSINE:
        return LEAST + (1 - LEAST) * 0.5 * (1 + math.cos(math.pi * along))
    return 1.0 if along < 0.5 else 0.1 if along < 0.75 else 0.01


def _gradients(network: nn.Module, objective: Objective, recipe: Recipe, device: str) -> float:
    """Fill in the gradients of one batch, in parts that fit into memory; its loss."""
    x, y = objective.batch()
    size = recipe.micro or len(x)
    total = 0.0
    for first in range(0, len(x), size):
        part_x, part_y = x[first : first + size], y[first : first + size]
        with _precision(recipe, device):
            loss = objective.loss(network, part_x, part_y) * (len(part_x) / len(x))
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total


def scores(
    network: nn.Module, objective: Objective, recipe: Recipe, device: str, parts: Sequence[str]
) -> dict[str, float]:
    """Losses and scores of ``parts``, by the names of their fields; nothing where one is not finite."""
    network.eval()
    found: dict[str, float] = {}
    for part in parts:
        with _precision(recipe, device):
            found[f"{part}_loss"], found[f"{part}_score"] = objective.score(network, part)
    return found if all(map(math.isfinite, found.values())) else {}


def tail(losses: Sequence[float]) -> float | None:
    """The mean loss of the last tenth of the steps; None where it is not finite."""
    last = losses[-max(1, len(losses) // 10) :]
    mean = sum(last) / len(last)
    return mean if math.isfinite(mean) else None


def curve(losses: Sequence[float], points: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The ends of at most ``points`` equal runs of steps, and the mean loss of each; finite ones alone."""
    size = math.ceil(len(losses) / points)
    runs = [losses[first : first + size] for first in range(0, len(losses), size)]
    means = [(index * size + len(run), sum(run) / len(run)) for index, run in enumerate(runs)]
    kept = [(end, float(f"{mean:.6g}")) for end, mean in means if math.isfinite(mean)]
    return tuple(end for end, _ in kept), tuple(mean for _, mean in kept)


def implementation(network: nn.Module, device: str) -> str:
    """Who serves the network's activation on ``device``: an implementation of the family, or ``torch``."""
    from gem_impls.nn import Activation

    ours = next((m for m in network.modules() if isinstance(m, Activation)), None)
    return ours.chosen(device) if ours is not None else "torch"


def machine(device: str) -> str:
    """The name of the processor or card."""
    return torch.cuda.get_device_name(0) if device == "cuda" else cpu_name()


def _optimizer(network: nn.Module, recipe: Recipe, rate: float) -> torch.optim.Optimizer:
    """Weight decay is for matrices: not for biases and the numbers of norms."""
    matrices = [p for p in network.parameters() if p.ndim >= 2]
    vectors = [p for p in network.parameters() if p.ndim < 2]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": recipe.decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == SGD:
        return torch.optim.SGD(groups, lr=rate, momentum=0.9, fused=True)
    return torch.optim.AdamW(groups, lr=rate, betas=recipe.betas, fused=True)


def _precision(recipe: Recipe, device: str) -> Any:
    if device == "cuda" and recipe.precision == "bfloat16":
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


@contextmanager
def deterministic() -> Iterator[None]:
    """One thread, deterministic algorithms, no reduced precision by stealth; all as it was afterwards."""
    settings: Any = torch.utils.deterministic
    threads, before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill, tf32 = settings.fill_uninitialized_memory, torch.backends.cudnn.allow_tf32
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    settings.fill_uninitialized_memory = False  # it costs time, and nothing here reads what was not written
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
        settings.fill_uninitialized_memory = fill
        torch.backends.cudnn.allow_tf32 = tf32

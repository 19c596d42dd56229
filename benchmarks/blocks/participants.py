"""Who takes part in a race, ready to run: a block of its own with its activations, and what is timed."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.blocks.entries import COMPILED, WRITTEN_OUT
from benchmarks.blocks.settings import Candidate, Setting
from benchmarks.blocks.truth import Truth, block_of, drawn
from benchmarks.clocks import Call
from benchmarks.gate import NotMeasured


class Inputs:
    """What everybody in a race works on: the block's input, and the gradient of its output.

    Attributes:
        x: the input; a leaf that wants a gradient in a training step.
        grad_output: as large as the output, which is as large as the input.
        truth: what the block should give for them.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.x = drawn(setting, setting.shape, 0).requires_grad_(setting.training)
        self.grad_output = drawn(setting, setting.shape, 1)
        self.refill(0)

    def refill(self, draw: int) -> None:
        """Other numbers in the same memory."""
        with torch.no_grad():
            self.x.copy_(drawn(self._setting, self._setting.shape, 2 * draw))
            self.grad_output.copy_(drawn(self._setting, self._setting.shape, 2 * draw + 1))
        self.truth = Truth(self._setting, self.x, self.grad_output)


class Participant:
    """A candidate with a block, and what is timed.

    Attributes:
        name: in the record.
        candidate: which activation, by whom.
        block: the module; every participant has parameters of its own, with the same values.
        run: the block as it is called, compiled where the setting says so.
        step: one step, returning y, or (y, dx).
        alone: the block's activations by themselves, on the inputs that they get in it; the same passes.
        activated: elements that they are applied to.
    """

    def __init__(self, candidate: Candidate, setting: Setting, inputs: Inputs) -> None:
        self.candidate, self.name = candidate, candidate.name
        self._inputs = inputs
        activations: list[nn.Module] = []
        self.block = block_of(setting, functools.partial(_noted, candidate, activations))
        self.run = compiled(self.block) if setting.mode == COMPILED else self.block
        self.step = _step(setting, self.run, self.block, inputs)
        taken = _inputs_of(activations, self.block, inputs.x)
        self.activated = sum(z.numel() for z in taken)
        self.alone = _alone(setting, activations, taken)

    def check(self) -> None:
        """Run the very callable that is timed, once, and hold its results to the reference.

        Raises:
            NotMeasured: a result is wrong, or the step wrote to its input.
        """
        before = self._inputs.x.detach().clone()
        returned = self.step()
        results = returned if isinstance(returned, tuple) else (returned,)
        if not torch.equal(before, self._inputs.x.detach()):
            raise NotMeasured("the step wrote to its input")
        self._inputs.truth.judge(self.candidate, results, self.activated)


def _noted(candidate: Candidate, made: list[nn.Module]) -> nn.Module:
    written_out = candidate.implementation == WRITTEN_OUT
    made.append(WrittenOut() if written_out else candidate.activation.module(candidate.named))
    return made[-1]


class WrittenOut(nn.Module):
    """ReLU by :data:`~benchmarks.blocks.entries.WRITTEN_OUT`."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.0)


def compiled(block: nn.Module) -> Callable[[Tensor], Tensor]:
    """``block`` through ``torch.compile``, as one graph, for the shapes that it meets first.

    Dynamo keeps what it compiled with the code object, tries one after the other at every call, and gives up
    after eight. Each block is therefore called by code of its own.
    """

    def call(x: Tensor) -> Tensor:
        return block(x)  # type: ignore[no-any-return]

    own = types.FunctionType(
        call.__code__.replace(), call.__globals__, call.__name__, call.__defaults__, call.__closure__
    )
    return torch.compile(own, dynamic=False, fullgraph=True)


# --- what is timed ----------------------------------------------------------------------------------------


def _step(setting: Setting, run: Callable[[Tensor], Tensor], block: nn.Module, inputs: Inputs) -> Call:
    if not setting.training:
        return functools.partial(_forward, run, inputs.x)
    # A rate of 0 does all the work of another, and every step computes the same.
    optimizer = torch.optim.SGD(block.parameters(), lr=0.0)
    return functools.partial(_train, run, optimizer, inputs.x, inputs.grad_output)


def _forward(run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.no_grad():
        return run(x)


def _train(
    run: Callable[[Tensor], Tensor], optimizer: torch.optim.Optimizer, x: Tensor, grad_output: Tensor
) -> tuple[Tensor, Tensor]:
    """Forward, backward to the parameters and the input, update; gradients are gone afterwards."""
    y = run(x)
    y.backward(grad_output)  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad()
    dx, x.grad = x.grad, None
    assert dx is not None
    return y.detach(), dx


def _inputs_of(activations: list[nn.Module], block: nn.Module, x: Tensor) -> list[Tensor]:
    """What each activation gets when the block is given ``x``."""
    taken: dict[nn.Module, Tensor] = {}
    handles = [
        a.register_forward_pre_hook(lambda module, given: taken.update({module: given[0].detach().clone()}))
        for a in activations
    ]
    with torch.no_grad():
        block(x)
    for handle in handles:
        handle.remove()
    return [taken[a] for a in activations]


def _alone(setting: Setting, activations: list[nn.Module], taken: list[Tensor]) -> Call:
    if not setting.training:
        return functools.partial(_all_forward, list(zip(activations, taken, strict=True)))
    leaves = [z.requires_grad_() for z in taken]
    gradients = [drawn(setting, tuple(z.shape), 1) for z in taken]
    return functools.partial(_all_trained, list(zip(activations, leaves, gradients, strict=True)))


def _all_forward(pairs: list[tuple[nn.Module, Tensor]]) -> list[Any]:
    with torch.no_grad():
        return [activation(z) for activation, z in pairs]


def _all_trained(triples: list[tuple[nn.Module, Tensor, Tensor]]) -> list[Any]:
    return [torch.autograd.grad(activation(z), z, g) for activation, z, g in triples]

"""Activation checkpointing: the same gradients, from fewer bytes kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.citizen.who import EVERY, WITH_OPERATORS, function, randn
from tests.conformance.cases import Subject

torch = pytest.importorskip("torch", reason="torch is not installed")


def chain(subject: Subject) -> Callable[[Any], Any]:
    """Four applications: without checkpointing each keeps its own input."""
    f = function(subject)
    return lambda x: f(f(f(f(x))))


def saved_bytes(run: Callable[[], Any]) -> tuple[Any, int]:
    """What ``run`` returns, and the bytes of the distinct tensors that autograd keeps for it."""
    kept = {}

    def keep(t: Any) -> Any:
        kept[t.data_ptr()] = t
        return t

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        result = run()
    return result, sum(t.nbytes for t in kept.values())


@EVERY
@pytest.mark.parametrize("reentrant", [False, True])
def test_the_same_gradient_from_fewer_bytes(subject: Subject, reentrant: bool) -> None:
    from torch.utils.checkpoint import checkpoint

    f = chain(subject)
    x = randn(subject, 4096).requires_grad_()
    y, all_kept = saved_bytes(lambda: f(x))
    (expected,) = torch.autograd.grad(y.sum(), x)
    z, kept = saved_bytes(lambda: checkpoint(f, x, use_reentrant=reentrant))
    z.sum().backward()
    torch.testing.assert_close(x.grad, expected, rtol=0, atol=0)
    assert kept <= x.nbytes < 4 * x.nbytes <= all_kept


@WITH_OPERATORS
def test_selective(subject: Subject) -> None:
    """A policy can name the operator: what it says must be saved is not computed again."""
    from torch.utils.checkpoint import (
        CheckpointPolicy,
        checkpoint,
        create_selective_checkpoint_contexts,
    )

    from gem_impls.torch_operators import operators

    f = function(subject)
    forward, asked = operators(subject.impl.name).forward, []

    def policy(ctx: Any, operator: Any, *_: Any, **__: Any) -> CheckpointPolicy:
        asked.append((operator, ctx.is_recompute))
        return CheckpointPolicy.MUST_SAVE if operator is forward else CheckpointPolicy.PREFER_RECOMPUTE

    x = randn(subject, 64).requires_grad_()
    y = checkpoint(
        lambda x: f(x).sin(),
        x,
        use_reentrant=False,
        context_fn=lambda: create_selective_checkpoint_contexts(policy),
    )
    (dx,) = torch.autograd.grad(y.sum(), x)
    (expected,) = torch.autograd.grad(f(x).sin().sum(), x)
    torch.testing.assert_close(dx, expected)
    assert (forward, False) in asked

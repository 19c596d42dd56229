"""What only a card has: graphs, streams, and more than one device."""

from __future__ import annotations

import pytest

from tests.citizen.who import EVERY, function, randn
from tests.conformance.cases import Subject

torch = pytest.importorskip("torch", reason="torch is not installed")

pytestmark = pytest.mark.gpu


def on_card(subject: Subject) -> None:
    if subject.device != "cuda":
        pytest.skip(f"about CUDA devices; this is {subject.impl.name} on the {subject.device}")


@EVERY
def test_a_cuda_graph_replays(subject: Subject) -> None:
    """Forward and backward, captured once, compute again on new numbers in the same memory."""
    on_card(subject)
    f = function(subject)
    x = randn(subject, 1000).requires_grad_()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # compiled and tuned before the capture, as torch asks
        for _ in range(3):
            torch.autograd.grad(f(x).sum(), x)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = f(x)
        (dx,) = torch.autograd.grad(y.sum(), x)
    for seed in (1, 2):
        with torch.no_grad():
            x.copy_(randn(subject, 1000, seed=seed))
        graph.replay()
        torch.cuda.synchronize()
        fresh = x.detach().clone().requires_grad_()
        torch.testing.assert_close(y.detach(), f(fresh).detach())
        torch.testing.assert_close(dx, torch.autograd.grad(f(fresh).sum(), fresh)[0])


@EVERY
def test_work_goes_to_the_current_stream(subject: Subject) -> None:
    """On a stream of its own, after a wait that would show a kernel on another stream to be early."""
    on_card(subject)
    f = function(subject)
    source = randn(subject, 2**20)
    expected = f(source)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        x = torch.zeros_like(source)
        torch.cuda._sleep(10**8)
        x.copy_(source)
        y = f(x)
    stream.synchronize()
    torch.testing.assert_close(y, expected)


@EVERY
def test_a_device_that_is_not_current(subject: Subject) -> None:
    on_card(subject)
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    f = function(subject)
    x = randn(subject, 1000).to("cuda:1").requires_grad_()
    expected = f(x.detach().to("cuda:0"))
    y = f(x)
    y.sum().backward()
    assert y.device == x.grad.device == torch.device("cuda:1")
    assert torch.cuda.current_device() == 0
    torch.testing.assert_close(y.to("cuda:0"), expected)


@EVERY
def test_cudagraphs_of_torch_compile(subject: Subject) -> None:
    """mode="reduce-overhead" around a model with the function in it."""
    on_card(subject)
    torch.compiler.reset()
    f = function(subject)
    compiled = torch.compile(lambda x: f(x * 2) + 1, mode="reduce-overhead", fullgraph=True)
    x = randn(subject, 1000)
    for _ in range(4):
        torch.testing.assert_close(compiled(x).clone(), f(x * 2) + 1)

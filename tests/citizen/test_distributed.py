"""DDP, FSDP2 and tensor parallelism: two processes over gloo compute what one does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gem_impls.functional import apply

torch = pytest.importorskip("torch", reason="torch is not installed")
if not torch.distributed.is_available():
    pytest.skip("this torch was built without torch.distributed", allow_module_level=True)

from tests.citizen import ranks  # noqa: E402 -- it needs torch.distributed

ROOT = Path(__file__).parents[2]
SECONDS = 240
"""For both processes to end, all scenarios together, on a machine that is busy with other things."""

IMPLEMENTATIONS = ranks.served()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Any]:
    """What the two processes stored for an implementation and a scenario."""
    folder = tmp_path_factory.mktemp("ranks")
    for name in IMPLEMENTATIONS:  # what is compiled once is compiled here, not by both at once
        apply(ranks.SPEC, ranks.make_input(5).requires_grad_(), name).sum().backward()
    deadline = time.monotonic() + SECONDS
    running = [start(rank, folder) for rank in range(ranks.RANKS)]
    try:
        outputs = [p.communicate(timeout=max(1, deadline - time.monotonic()))[0] for p in running]
    finally:
        for process in running:
            process.kill()
    assert [p.returncode for p in running] == [0] * ranks.RANKS, "\n".join(outputs)

    def read(implementation: str, scenario: str) -> Any:
        for rank in range(ranks.RANKS):
            found = torch.load(folder / f"{implementation}-{scenario}-{rank}.pt")
            assert not isinstance(found, str), f"rank {rank}:\n{found}"
        return found

    return read


def start(rank: int, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.citizen.ranks", str(rank), str(folder)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


pytestmark = pytest.mark.parametrize("implementation", IMPLEMENTATIONS)


def in_one_process(implementation: str, x: Any, grad_output: Any) -> list[Any]:
    """Value, gradient and second derivative, each times ``grad_output`` but the first."""
    x = x.clone().requires_grad_()
    y = apply(ranks.SPEC, x, implementation)
    (dx,) = torch.autograd.grad(y, x, grad_output, create_graph=True)
    (ddx,) = torch.autograd.grad(dx, x, grad_output)
    return [t.detach() for t in (y, dx, ddx)]


@pytest.mark.parametrize("scenario", ["data_parallel", "fully_sharded", "tensor_parallel"])
def test_gradients_of_a_model(results: Any, implementation: str, scenario: str) -> None:
    model = ranks.make_model(implementation)
    y = model(ranks.BATCH)
    ranks.loss(y).backward()
    found = results(implementation, scenario)
    torch.testing.assert_close(found["gradients"], ranks.gradients(model))
    if "value" in found:
        torch.testing.assert_close(found["value"], [y.detach()])


def test_every_sharding_is_kept(results: Any, implementation: str) -> None:
    x = ranks.make_input(7, 4)
    expected = in_one_process(implementation, x, x.cos())
    found = results(implementation, "dtensor")
    assert len(found) == 3
    for placement, tensors in found.items():
        torch.testing.assert_close(tensors, expected, msg=lambda m, p=placement: f"{p}: {m}")


def test_a_partial_sum_is_reduced_first(results: Any, implementation: str) -> None:
    x = 3 * ranks.make_input(5, 4)  # rank 0 holds it once, rank 1 twice
    value, gradient, _ = in_one_process(implementation, x, torch.ones_like(x))
    found = results(implementation, "partial_sum")
    torch.testing.assert_close(found, {"value": [value], "gradient": [gradient]})
    apart = apply(ranks.SPEC, x / 3, implementation) + apply(ranks.SPEC, 2 * x / 3, implementation)
    assert not torch.allclose(value, apart), "the inputs must tell a sum of values from the value of the sum"


def test_compiled(results: Any, implementation: str) -> None:
    x = ranks.make_input(6, 4)
    value, gradient, _ = in_one_process(implementation, x, torch.ones_like(x))
    found = results(implementation, "compiled_dtensor")
    torch.testing.assert_close(found, {"value": [2 * value], "gradient": [2 * gradient]})

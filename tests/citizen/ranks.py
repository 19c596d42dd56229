"""What each of two processes does; run as ``python -m tests.citizen.ranks RANK FOLDER``.

Every scenario returns tensors that are whole again (gathered, reduced); rank 0 writes them to FOLDER for the
test to compare with what one process computes. A scenario that raises is stored as its traceback.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed._functional_collectives import AsyncCollectiveTensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

from gem_impls import Spec, get, implementations
from gem_impls.functional import apply
from gem_impls.nn import SEGEM

RANKS = 2
TIMEOUT = timedelta(seconds=200)
SPEC = Spec("se-gem", 1, 1e-2, 0.25)

Results = dict[str, list[Tensor]]


def served() -> list[str]:
    """The torch implementations that serve CPU tensors here."""
    return [
        name
        for name in implementations()
        if get(name).arrays == "torch" and get(name).unavailable("cpu") is None
    ]


def make_model(implementation: str) -> nn.Sequential:
    torch.manual_seed(0)
    activation = SEGEM(SPEC.n, SPEC.eps, SPEC.negative_slope, implementation=implementation)
    return nn.Sequential(nn.Linear(6, 8), activation, nn.Linear(8, 4))


def make_input(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


BATCH = make_input(10, 6)


def loss(y: Tensor) -> Tensor:
    """A mean over the batch: that of all is the mean of those of equal parts."""
    return y.square().mean()


def my_part(t: Tensor) -> Tensor:
    return t.chunk(RANKS)[dist.get_rank()]


def gradients(model: nn.Module) -> list[Tensor]:
    return [whole(p.grad) for p in model.parameters()]


def whole(t: Any) -> Tensor:
    t = t.full_tensor() if isinstance(t, DTensor) else t
    return (t.wait() if isinstance(t, AsyncCollectiveTensor) else t).detach()


# --- scenarios ------------------------------------------------------------------------------------------


def data_parallel(implementation: str, _: DeviceMesh) -> Results:
    """DDP: a replica each, half of the batch each, gradients averaged."""
    model = DistributedDataParallel(make_model(implementation))
    loss(model(my_part(BATCH))).backward()
    return {"gradients": gradients(model.module)}


def fully_sharded(implementation: str, mesh: DeviceMesh) -> Results:
    """FSDP2: parameters sharded layer by layer."""
    model = make_model(implementation)
    for layer in (model[0], model[2], model):
        fully_shard(layer, mesh=mesh)
    loss(model(my_part(BATCH))).backward()
    return {"gradients": gradients(model)}


def tensor_parallel(implementation: str, mesh: DeviceMesh) -> Results:
    """Between a column-wise and a row-wise layer the activation sees a DTensor sharded by features."""
    seen = []
    model = make_model(implementation)
    model[1].register_forward_hook(lambda _, inputs, y: seen.append((inputs[0], y)))
    plan = {"0": ColwiseParallel(use_local_output=False), "2": RowwiseParallel()}
    parallelize_module(model, mesh, plan)
    y = model(BATCH)
    loss(y).backward()
    ((hidden, activated),) = seen
    assert hidden.placements == activated.placements == (Shard(1),)
    assert activated.to_local().shape == (10, 4)
    return {"gradients": gradients(model), "value": [whole(y)]}


def dtensor(implementation: str, mesh: DeviceMesh) -> Results:
    """Every sharding is kept, forward, backward and second order; 7 rows shard unevenly."""
    a, grad_output = make_input(7, 4), make_input(7, 4).cos()
    results: Results = {}
    for placement in (Shard(0), Shard(1), Replicate()):
        x = distribute_tensor(a, mesh, [placement]).requires_grad_()
        y = apply(SPEC, x, implementation)
        assert y.placements == (placement,), y.placements
        g = distribute_tensor(grad_output, mesh, [placement])
        (dx,) = torch.autograd.grad(y, x, g, create_graph=True)
        assert dx.placements == (placement,), dx.placements
        (ddx,) = torch.autograd.grad(dx, x, g)
        results[str(placement)] = [whole(y), whole(dx), whole(ddx)]
    return results


def partial_sum(implementation: str, mesh: DeviceMesh) -> Results:
    """A partial sum is summed before the function is applied: f(a) + f(b) is not f(a + b)."""
    x = DTensor.from_local(make_input(5, 4) * (dist.get_rank() + 1), mesh, [Partial()]).requires_grad_()
    y = apply(SPEC, x, implementation)
    assert not y.placements[0].is_partial(), y.placements
    (dx,) = torch.autograd.grad(y.sum(), x)
    return {"value": [whole(y)], "gradient": [whole(dx)]}


def compiled_dtensor(implementation: str, mesh: DeviceMesh) -> Results:
    """torch.compile around it, without a graph break."""
    torch.compiler.reset()
    f = torch.compile(lambda t: 2 * apply(SPEC, t, implementation), backend="aot_eager", fullgraph=True)
    x = distribute_tensor(make_input(6, 4), mesh, [Shard(0)]).requires_grad_()
    y = f(x)
    assert y.placements == (Shard(0),), y.placements
    (dx,) = torch.autograd.grad(y.sum(), x)
    return {"value": [whole(y)], "gradient": [whole(dx)]}


SCENARIOS: dict[str, Callable[[str, DeviceMesh], Results]] = {
    f.__name__: f
    for f in (data_parallel, fully_sharded, tensor_parallel, dtensor, partial_sum, compiled_dtensor)
}


def main(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), RANKS)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=RANKS, timeout=TIMEOUT)
    mesh = init_device_mesh("cpu", (RANKS,))
    for implementation in served():
        for name, scenario in SCENARIOS.items():
            try:
                results: Any = scenario(implementation, mesh)
            except Exception:
                results = traceback.format_exc()
            dist.barrier()
            torch.save(results, folder / f"{implementation}-{name}-{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))

"""Ways around the microseconds that a small call costs on a CPU, one beside the other.

    .venv/bin/python -m docs.trials.cpu_small_sizes

A row: microseconds of one call of gem (n = 1), forward into memory that exists, float32, and the median of
the pairwise ratios to torch's own gelu at the same size, with quartiles. All candidates of a size take turns
in one process. Each result is held to the oracle first; what is not installed is skipped with the reason.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import gem_impls
from benchmarks.clocks import Wall
from benchmarks.measure import Racer, Settings, ratio
from benchmarks.performance.races import run
from gem_impls import Spec, oracle
from gem_impls.carried import carry
from gem_impls.impls import torch_compile

SPEC = Spec("gem")
NUMBERS = carry(SPEC, "float32").numbers
SIZES = (2**8, 2**10, 2**12, 2**14, 2**16, 2**18, 2**20)
LENGTH = Settings(sample_s=1e-3, budget_s=1.0, min_rounds=11, max_rounds=31, warm_s=5e-3)
PERMITTED_ULP = 2 * SPEC.n + 2.0

Into = Callable[[torch.Tensor, torch.Tensor], Callable[[], Any]]
"""(x, out) -> a call that writes f(x) to out."""


def formula(x: torch.Tensor) -> torch.Tensor:
    return torch_compile.value(x, (), NUMBERS)


def into(x: torch.Tensor, out: torch.Tensor) -> None:
    out.copy_(formula(x))


# --- candidates -----------------------------------------------------------------------------------------


def implementation(name: str) -> Into:
    op = gem_impls.get(name).build(SPEC)
    return lambda x, out: functools.partial(op.forward, x, out)


def on_arrays(name: str) -> Into:
    """An implementation on NumPy arrays, over the memory of the tensors."""
    op = gem_impls.get(name).build(SPEC)
    return lambda x, out: functools.partial(op.forward, x.numpy(), out.numpy())


def compiled() -> Into:
    call = torch.compile(into, dynamic=True, fullgraph=True)
    return lambda x, out: functools.partial(call, x, out)


def without_guards() -> Into:
    """What torch.compile's backend returns, called without the guards before it."""
    from torch._inductor.compile_fx import compile_fx

    kept: list[Any] = []

    def backend(graph: Any, examples: Any) -> Any:
        kept.append(compile_fx(graph, examples))
        return kept[-1]

    def bind(x: torch.Tensor, out: torch.Tensor) -> Callable[[], Any]:
        torch._dynamo.reset()
        kept.clear()
        torch.compile(into, backend=backend, dynamic=False, fullgraph=True)(x, out)
        return functools.partial(kept[0], x, out)

    return bind


def ahead_of_time() -> Into:
    """AOTInductor: a package on disk, with dynamic sizes; its results are new tensors."""
    folder = tempfile.mkdtemp(prefix="gem-impls-trial-")

    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return formula(x)

    size = torch.export.Dim("size", min=2, max=2**30)
    exported = torch.export.export(Module(), (torch.randn(1024),), dynamic_shapes={"x": {0: size}})
    package = torch._inductor.aoti_compile_and_package(
        exported,
        package_path=os.path.join(folder, "gem.pt2"),  # noqa: PTH118  # torch wants a string
    )
    call = torch._inductor.aoti_load_package(package)
    return lambda x, _: functools.partial(call, x)


def numba_vectorized(target: str) -> Into:
    import numba

    scale, eps, clamp, *_ = (np.float32(c) for c in NUMBERS)
    zero = np.float32(0)

    @numba.vectorize(["float32(float32)"], target=target, fastmath=False)  # type: ignore[misc]  # untyped
    def gem(x: Any) -> Any:
        t = min(abs(x), clamp) * scale
        p = t * t
        return max(x, zero) * (p / (p + eps)) if x == x else x

    return lambda x, out: functools.partial(gem, x.numpy(), out.numpy())


def numba_from_tensors() -> Into:
    """The same, with what it costs to see tensors as arrays in each call."""
    bind = numba_vectorized("cpu")
    gem = bind(torch.zeros(2), torch.zeros(2)).func  # type: ignore[attr-defined]  # a partial

    def call(x: torch.Tensor, out: torch.Tensor) -> None:
        gem(x.numpy(), out.numpy())

    return lambda x, out: functools.partial(call, x, out)


def peer() -> Into:
    return lambda x, out: functools.partial(torch._C._nn.gelu, x, out=out)


def copy() -> Into:
    return lambda x, out: functools.partial(torch.Tensor.copy_, out, x)


CANDIDATES: dict[str, tuple[str, Callable[[], Into]]] = {
    "gelu": ("", peer),
    "copy_": ("", copy),
    "torch.compile": ("", compiled),
    "torch_compile": ("", functools.partial(implementation, "torch_compile")),
    "Inductor without guards": ("", without_guards),
    "AOTInductor": ("", ahead_of_time),
    "numba, one thread": ("numba", functools.partial(numba_vectorized, "cpu")),
    "numba, one thread, from tensors": ("numba", numba_from_tensors),
    "numba, threads": ("numba", functools.partial(numba_vectorized, "parallel")),
    "cpp_fused": ("", functools.partial(implementation, "cpp_fused")),
    "numpy_cpu": ("", functools.partial(on_arrays, "numpy_cpu")),
    "torch_naive": ("", functools.partial(implementation, "torch_naive")),
}
"""Name -> (package that it needs, how to make it)."""


def available() -> Iterator[tuple[str, Into]]:
    for name, (package, make) in CANDIDATES.items():
        if package and importlib.util.find_spec(package) is None:
            print(f"{name}: skipped, {package} is not installed")
        elif name in gem_impls.implementations() and (why := gem_impls.get(name).unavailable("cpu")):
            print(f"{name}: skipped, {why}")
        else:
            try:
                yield name, make()
            except Exception as error:  # not to be had is a result, too
                print(f"{name}: skipped, it could not be made: {type(error).__name__}: {str(error)[:200]}")


# --- correctness ----------------------------------------------------------------------------------------


def worst(call: Callable[[], Any], x: torch.Tensor, out: torch.Tensor) -> float:
    """The largest error in ulp over the first elements."""
    out.fill_(float("nan"))
    given = call()
    computed = given if isinstance(given, torch.Tensor) else out
    exact = oracle.exact_array(SPEC, x[:256].numpy())
    return float(oracle.ulp_errors(computed[:256].numpy(), exact, "float32").max())


def main() -> None:
    candidates = list(available())
    clock = Wall(lambda: None)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    with torch.no_grad():
        for size in SIZES:
            x = torch.randn(size, generator=torch.Generator().manual_seed(0))
            out = torch.empty_like(x)
            racers: dict[str, Racer] = {}
            for name, bind in candidates:
                call = bind(x, out)
                if name not in ("gelu", "copy_") and (error := worst(call, x, out)) > PERMITTED_ULP:
                    print(f"{name}: wrong by {error:.3g} ulp: not timed")
                    continue
                racers[name] = Racer(clock, [call], LENGTH)
            samples = run(racers, LENGTH)
            print(f"\n{size} elements")
            for name, own in samples.items():
                r = ratio(own, samples["gelu"])
                print(
                    f"  {name:<32} {statistics.median(own) * 1e6:9.2f} µs"
                    f"  {r['median']:7.2f} x gelu ({r['q1']:.2f}–{r['q3']:.2f})"
                )


if __name__ == "__main__":
    main()

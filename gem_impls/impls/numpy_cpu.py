"""NumPy, block by block: every intermediate stays in the cache, none has the size of the input.

``numpy.nditer`` hands out runs of at most :data:`BLOCK` elements: of the arrays themselves where they are
dense, through a buffer of that size where strides or a 16-bit type call for one. The arithmetic on a run
uses ``out=`` throughout, in a few workspaces of that size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gem_impls.carried import ARITHMETIC, Carried, carry_once, squarings
from gem_impls.errors import unknown_name
from gem_impls.interface import EVERYWHERE, Implementation, Op
from gem_impls.spec import Spec, check_spec

BLOCK = 16384
"""Elements a run: with three float32 workspaces, inputs and output, 384 KiB: inside a second-level cache.
Smaller runs lose more to the calls than they gain."""

Floats = NDArray[np.floating[Any]]
Kernel = Callable[..., None]


class NumpyOp(Op):
    """One function of the family on NumPy arrays."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def forward(self, x: Any, out: Any = None) -> Any:
        _check_array("x", x)
        return _run(_forward, self.spec, (x,), _output(out, x))

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        _check_array("x", x)
        _check_array("grad_output", grad_output)
        _check_like("grad_output", grad_output, x)
        return _run(_backward, self.spec, (x, grad_output), _output(out, x))


class NumpyCpu(Implementation):
    """NumPy arrays on the CPU, one thread."""

    name = "numpy_cpu"
    summary = "NumPy ufuncs over cache-sized blocks, one thread"
    dtypes = ("float16", "float32", "float64")
    devices = ("cpu",)
    arrays = "numpy"
    saves_only_input = True

    def unavailable(self, device: str = "cpu") -> str | None:
        return None if device == "cpu" else f"NumPy arrays live on the CPU; device {device!r} needs torch"

    def build(self, spec: Spec) -> NumpyOp:
        return NumpyOp(check_spec(spec))

    def from_numpy(self, a: Any, dtype: str, device: str = "cpu") -> Any:
        if dtype not in self.dtypes:
            raise ValueError(unknown_name(f"dtype for {self.name}", dtype, self.dtypes))
        if why := self.unavailable(device):
            raise ValueError(f"device must be 'cpu'; got {device!r}: {why}")
        with np.errstate(all="ignore"):
            return np.array(a, dtype=dtype)

    def to_numpy(self, t: Any) -> Any:
        return t.astype(np.float32) if t.dtype == np.float16 else t.copy()

    def domain(self, spec: Spec, dtype: str, what: str) -> tuple[float, float]:
        return EVERYWHERE

    def synchronize(self, device: str) -> None:
        """NumPy queues nothing."""


IMPLEMENTATION = NumpyCpu()


def _run(kernel: Kernel, spec: Spec, inputs: tuple[Any, ...], out: Any) -> Any:
    """``kernel`` on every block of ``inputs`` and ``out``, in arithmetic wide enough for their dtype."""
    constants = carry_once(spec, out.dtype.name)
    wide = np.dtype(ARITHMETIC[out.dtype.name])
    workspace = np.empty((WORKSPACES[kernel], min(BLOCK, max(out.size, 1))), dtype=wide)
    read, write = ["readonly", "overlap_assume_elementwise"], ["writeonly", "overlap_assume_elementwise"]
    iterator: Any = np.nditer(  # type: ignore[call-overload]  # NumPy's stubs want literal flags
        (*inputs, out),
        flags=["external_loop", "buffered", "zerosize_ok", "copy_if_overlap"],
        op_flags=[read] * len(inputs) + [write],
        op_dtypes=[wide] * (len(inputs) + 1),
        casting="same_kind",
        order="K",
        buffersize=BLOCK,
    )
    with np.errstate(all="ignore"), iterator:
        for *block_in, block_out in iterator:
            work = workspace[:, : block_out.size]
            kernel(constants, *block_in, block_out, *work)
    return out


def _forward(c: Carried, x: Floats, out: Floats, a: Floats, b: Floats) -> None:
    _gate_power(c, x, a, b)
    np.add(a, c.eps, out=b)
    np.divide(a, b, out=a)
    _sided(c.negative_slope, x, b)
    np.multiply(a, b, out=out)


def _backward(
    c: Carried, x: Floats, grad_output: Floats, out: Floats, a: Floats, b: Floats, spare: Floats
) -> None:
    _gate_power(c, x, a, b)
    np.add(a, c.eps, out=b)
    np.divide(a, b, out=a)  # g
    np.divide(c.eps, b, out=b)  # h = 1 - g
    np.multiply(b, 2 * c.n, out=b)
    np.add(b, 1, out=b)
    np.multiply(a, b, out=a)
    _side(c.negative_slope, x, b, spare)
    np.multiply(a, b, out=a)
    np.multiply(grad_output, a, out=out)


WORKSPACES: dict[Kernel, int] = {_forward: 2, _backward: 3}
"""Arrays of a block's size that each kernel works in."""


def _gate_power(c: Carried, x: Floats, a: Floats, b: Floats) -> None:
    """``a = (min(|x|, clamp) * scale)^(2n)``; ``b`` is scratch."""
    np.absolute(x, out=a)
    np.minimum(a, c.clamp, out=a)
    if c.scale != 1:
        np.multiply(a, c.scale, out=a)
    np.multiply(a, a, out=a)
    if c.n > 1:
        np.copyto(b, a)
    for once_more in squarings(c.n):
        np.multiply(a, a, out=a)
        if once_more:
            np.multiply(a, b, out=a)


def _sided(negative_slope: float, x: Floats, out: Floats) -> None:
    """``x`` for x > 0, ``negative_slope * x`` below, 0 at -inf where the slope is 0. NaN stays."""
    if negative_slope == 0:
        np.maximum(x, 0, out=out)
    else:
        np.multiply(x, negative_slope, out=out)
        choose = np.maximum if negative_slope <= 1 else np.minimum
        choose(x, out, out=out)


def _side(negative_slope: float, x: Floats, out: Floats, spare: Floats) -> None:
    """1 for x > 0, ``negative_slope`` elsewhere. By arithmetic, exact here: masked assignment is slow."""
    np.greater(x, 0, out=out)  # 1 or 0
    if negative_slope:
        np.multiply(out, -negative_slope, out=spare)
        np.add(spare, negative_slope, out=spare)  # 0 or negative_slope
        np.add(out, spare, out=out)


def _check_array(name: str, a: Any) -> None:
    if not isinstance(a, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array; got {type(a).__name__}: try numpy.asarray")
    if a.dtype.name not in NumpyCpu.dtypes or not a.dtype.isnative:
        raise TypeError(
            f"{name} must have one of the dtypes {', '.join(NumpyCpu.dtypes)}, in native byte order; "
            f"got {a.dtype.str!r} ({a.dtype.name})"
        )


def _check_like(name: str, a: Any, x: Any) -> None:
    if a.shape != x.shape:
        raise ValueError(f"{name} must have the shape of x, {x.shape}; got {a.shape}")
    if a.dtype != x.dtype:
        raise ValueError(f"{name} must have the dtype of x, {x.dtype.name}; got {a.dtype.name}")


def _output(out: Any, x: Any) -> Any:
    if out is None:
        return np.empty_like(x, subok=False)
    _check_array("out", out)
    _check_like("out", out, x)
    if not out.flags.writeable:
        raise ValueError("out must be writeable; got a read-only array")
    return out

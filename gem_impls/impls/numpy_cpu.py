"""NumPy ufuncs, as few and as cheap as the accuracy allows, over blocks that stay in the cache.

Three kernels, fed by :mod:`gem_impls.numpy_blocks`. With ``t`` the scaled and clamped x of
:mod:`gem_impls.carried` and ``s`` the slope of x's side, 1 or negative_slope::

    value, short form    s * (x / (1 + eps/p))           p = x^(2n); where it overflows eps/p is 0: exact
    value, anywhere      (s*x) * (p / d)                 p = t^(2n), d = p + eps
    gradient             p/d * (1 + 2n*eps/d) * s        likewise

The short form needs neither clamp nor scale nor workspace: :func:`_short_form_suffices` says where.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gem_impls.carried import ARITHMETIC, carry_once, squarings
from gem_impls.errors import unknown_name
from gem_impls.interface import EVERYWHERE, Implementation, Op
from gem_impls.numpy_blocks import Floats, run
from gem_impls.oracle import FORMATS
from gem_impls.spec import Spec, check_spec


class NumpyOp(Op):
    """One function of the family on NumPy arrays."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def forward(self, x: Any, out: Any = None) -> Any:
        _check_array("x", x)
        out = _output(out, x)
        kernels(self.spec, NAMES[out.dtype]).forward(x, out)
        return out

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        _check_array("x", x)
        _check_array("grad_output", grad_output)
        _check_like("grad_output", grad_output, x)
        out = _output(out, x)
        kernels(self.spec, NAMES[out.dtype]).backward(grad_output, x, out)
        return out


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

NAMES: dict[Any, str] = {np.dtype(name): name for name in NumpyCpu.dtypes}
"""dtypes -> their names; asking a dtype for its name costs more than a pass over a small array."""


LIFT = 40
"""Binades by which powers of x are raised unless eps is from 1 on and needs no scaling: they are then normal
numbers wherever the gate is not 0, and the smallest gradients lose nothing to them."""

MAX_LIFTED_N = 8
"""Up to this n there surely is room for it above."""


class Kernels:
    """The kernels of ``spec`` for arrays of one dtype, with their constants as NumPy scalars.

    Attributes:
        dtype: of the arithmetic.
        short: whether the short form of the value suffices.
    """

    def __init__(self, spec: Spec, dtype: str) -> None:
        c, arithmetic = carry_once(spec, dtype), ARITHMETIC[dtype]
        if (c.scale != 1 or c.eps < 1) and c.n <= MAX_LIFTED_N:
            c = c.lifted(LIFT)
        self.dtype = np.dtype(arithmetic)
        self.short = _short_form_suffices(spec, arithmetic)
        number = self.dtype.type
        self._zero, self._one, self._infinity = number(0), number(1), number(math.inf)
        self._powers = squarings(2 * c.n)
        self._lowest, self._clamp = number(-c.clamp if c.negative_slope else 0), number(c.clamp)
        self._scale, self._scaled = number(c.scale), c.scale != 1
        self._unscaled_eps = number(spec.eps)
        self._eps, self._order = number(c.eps), number(2 * c.n)
        self._order_eps = None if c.n & (c.n - 1) else number(2 * c.n * c.eps)  # None where it is not exact
        self._slope = number(c.negative_slope)
        self._slopes = sorted((self._slope, self._one))
        self._choose = np.maximum if c.negative_slope <= 1 else np.minimum
        self._away = [number(factor) for factor in _away_from_0(spec, arithmetic)]

    def forward(self, x: Any, out: Any) -> None:
        """``f(x)`` into ``out``."""
        if self.short:
            run(self._short_value, (x,), out, self.dtype, needs_spare=bool(self._slope))
        else:
            run(self._value, (x,), out, self.dtype, needs_spare=True)

    def backward(self, grad_output: Any, x: Any, out: Any) -> None:
        """``grad_output * f'(x)`` into ``out``."""
        run(self._gradient, (x, grad_output), out, self.dtype, needs_spare=True)

    def _short_value(self, inputs: Sequence[Floats], out: Floats, work: Floats, spare: Floats) -> None:
        (x,) = inputs
        self._raise(x, work)
        np.divide(self._unscaled_eps, work, out=work)
        np.add(work, self._one, out=work)
        np.divide(x, work, out=out)
        self._sided(out, spare, out)

    def _value(self, inputs: Sequence[Floats], out: Floats, work: Floats, spare: Floats) -> None:
        (x,) = inputs
        self._gate_parts(x, work, spare)
        np.divide(work, spare, out=work)
        self._sided(x, spare, spare)
        np.multiply(work, spare, out=out)

    def _gradient(self, inputs: Sequence[Floats], out: Floats, work: Floats, spare: Floats) -> None:
        x, grad_output = inputs
        self._gate_parts(x, work, spare)
        np.divide(work, spare, out=work)
        self._order_times_rest(spare)
        np.add(spare, self._one, out=spare)
        np.multiply(work, spare, out=work)
        if self._slope:
            np.multiply(x, self._away[0], out=spare)  # masked assignment is slow
            for factor in self._away[1:]:
                np.multiply(spare, factor, out=spare)
            spare.clip(*self._slopes, out=spare)
            np.multiply(work, spare, out=work)
        np.multiply(work, grad_output, out=out)

    def _order_times_rest(self, total: Floats) -> None:
        """``total = 2n*eps/total``, which is ``2n * (1 - g)`` without cancellation."""
        if self._order_eps is None:
            np.divide(self._eps, total, out=total)
            np.multiply(total, self._order, out=total)
        else:
            np.divide(self._order_eps, total, out=total)

    def _gate_parts(self, x: Floats, power: Floats, total: Floats) -> None:
        """``power = t^(2n)``, ``total = power + eps``. For negative_slope = 0 the power is 0 below 0."""
        x.clip(self._lowest, self._clamp, out=total)
        if self._scaled:
            np.multiply(total, self._scale, out=total)
        self._raise(total, power)
        np.add(power, self._eps, out=total)

    def _raise(self, base: Floats, power: Floats) -> None:
        """``power = base^(2n)``: squared as often as it takes, times the base in between."""
        source = base
        for once_more in self._powers:
            np.square(source, out=power)
            if once_more:
                np.multiply(power, base, out=power)
            source = power

    def _sided(self, y: Floats, spare: Floats, out: Floats) -> None:
        """``y`` where it is above 0, ``negative_slope * y`` below, 0 at -inf where the slope is 0."""
        if self._slope:
            np.multiply(y, self._slope, out=spare)
            self._choose(y, spare, out=out)
        else:
            y.clip(self._zero, self._infinity, out=out)  # with a scalar np.maximum is slower


kernels = functools.lru_cache(maxsize=1024)(Kernels)
"""``kernels(spec, dtype)``: :class:`Kernels`, remembered."""


def _short_form_suffices(spec: Spec, arithmetic: str) -> bool:
    """Whether the short form is as exact as the other: up to n = 3, and while nothing is lost below.

    In units of f's subnormals: where ``eps/p`` overflows, f must be at most 1/2; where p is subnormal, f
    may be off by at most 1/16 for it. A slope above 1 in size would magnify that.
    """
    fmt = FORMATS[arithmetic]
    log_eps, order = math.log2(spec.eps), 2 * spec.n
    overflows_below = (log_eps + fmt.min_exponent - 2) / order  # log2 |x|
    subnormal_below = fmt.min_exponent / order
    return (
        spec.n <= 3
        and overflows_below <= 2 - fmt.precision
        and subnormal_below <= log_eps - 3
        and abs(spec.negative_slope) <= 1
    )


def _away_from_0(spec: Spec, arithmetic: str) -> list[float]:
    """Factors that take every x whose gradient is not 0 beyond both 1 and negative_slope.

    A clip between the two then leaves the slope of x's side: so the first factor is negative where
    negative_slope is the larger. One is enough unless eps is tiny or the slope huge: for n = 1 the smallest x
    that has a gradient is about ``sqrt(2^(min_exponent - precision) * eps / 3 / negative_slope)``.
    """
    fmt = FORMATS[arithmetic]
    factor = math.ldexp(1.0, -fmt.min_exponent)
    log_slope = max(0.0, math.log2(abs(spec.negative_slope) or 1.0))
    enough = math.log2(spec.eps) >= fmt.min_exponent + fmt.precision + 4 + 3 * log_slope
    return [math.copysign(factor, 1 - spec.negative_slope), *([] if enough else [factor, factor])]


def _check_array(name: str, a: Any) -> None:
    if not isinstance(a, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array; got {type(a).__name__}: try numpy.asarray")
    if a.dtype not in NAMES:  # which has them in native byte order
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

"""Which implementation serves an unnamed call: :data:`DEFAULTS` and :data:`TRACED`, and nothing else.

A named implementation serves or raises; it is never replaced by another.
"""

from __future__ import annotations

import functools

from gem_impls.errors import Unavailable
from gem_impls.interface import Op
from gem_impls.registry import get
from gem_impls.spec import Spec, check_spec

DEFAULTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("numpy", "cpu"): ("numpy_cpu",),
    ("torch", "cpu"): ("cpp_fused", "torch_compile"),
    ("torch", "cuda"): ("triton_fused",),
}
"""(kind of array, device type) -> the implementation of an unnamed call: the first that is available here."""

TRACED = "torch_compile"
"""The implementation of an unnamed call that torch.compile or torch.export traces, on every device: the
formula itself, which fuses with its neighbours as no kernel of its own can. Of one on a meta tensor, too."""


def chosen(arrays: str, device: str, implementation: str | None = None) -> str:
    """The name of the implementation that serves such arrays there: the named one, or the default.

    Raises:
        Unavailable: there is no default for that kind of array and device.
    """
    return _default(arrays, device) if implementation is None else implementation


@functools.cache
def _default(arrays: str, device: str) -> str:
    if (arrays, device) not in DEFAULTS:
        served = ", ".join(f"{kind} on {where}" for kind, where in DEFAULTS)
        raise Unavailable(
            f"no default implementation for {arrays} arrays on {device!r}; there is for {served}"
        )
    names = DEFAULTS[arrays, device]
    available = (name for name in names if get(name).unavailable(device) is None)
    return next(available, names[0])  # who calls that one is told why it cannot serve


@functools.lru_cache(maxsize=1024)
def resolve(spec: Spec, arrays: str, device: str, implementation: str | None) -> Op:
    """The built operation for such arrays. Raises as :func:`gem_impls.gem` does, before any work."""
    check_spec(spec)
    impl = get(chosen(arrays, device, implementation))
    if (why := impl.unavailable(device)) is not None:
        raise Unavailable(f"implementation {impl.name!r} is not available on {device!r}: {why}")
    if impl.arrays != arrays:
        raise TypeError(f"implementation {impl.name!r} takes {impl.arrays} arrays; x is a {arrays} array")
    return impl.build(spec)

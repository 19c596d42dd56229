"""What is measured: axes x functions x implementations and peers, minus what makes no case.

Three tables decide, each a row of (predicate, reason):

- :data:`NO_CASE`: combinations that mean nothing anywhere (channels-last of a vector). They do not exist.
- :data:`LEFT_OUT`: what a sweep leaves out, so that it ends in time; the quick one says what that is.
- :data:`NOT_HERE`: what this machine cannot measure. They are yielded with the reason, never dropped.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import gem_impls
from benchmarks import peers
from benchmarks.axes import (
    AXES,
    BACKWARD,
    BOTH,
    FORWARD,
    GPT2_MLP,
    ITEMSIZE,
    RESNET56_MAPS,
    SWEEPS,
    Axis,
    N,
    Shape,
    numel,
    powers,
)
from gem_impls import VARIANTS, Implementation, Spec


@dataclass(frozen=True)
class Case:
    """One thing to measure: which function, whose code, on what, which way, by which clock.

    ``function`` is a variant of the family or the name of a peer; ``spec`` is None for a peer. ``direction``
    is ``"forward"`` (no grad), ``"forward+backward"`` (autograd, as in training) or ``"backward"`` alone.
    ``out``: the result goes to memory that the caller supplies. ``clock`` is ``"wall"``, ``"device-hot"``
    or ``"device-cold"``.
    """

    function: str
    spec: Spec | None
    implementation: str
    shape: Shape
    dtype: str
    device: str
    layout: str
    direction: str
    out: bool
    clock: str
    conditions: tuple[tuple[str, Any], ...] = ()
    """(name, value) of every axis that is none of the fields above; see :class:`benchmarks.axes.Axis`."""

    @functools.cached_property
    def id(self) -> str:
        """Readable and unique: what pytest's ``-k`` selects by."""
        parts = [self.function, *_parameters(self.spec), self.implementation]
        parts += [axis.label(value) for axis, value in self._point()]
        return "-".join(part for part in parts if part)

    def _point(self) -> Iterator[tuple[Axis, Any]]:
        """Every axis with this case's value; one that it was not generated along has its usual value."""
        conditions = dict(self.conditions)
        for axis in AXES:
            if axis.around is None:
                yield axis, getattr(self, axis.name)
            else:
                yield axis, conditions.get(axis.name, axis.quick[0])

    def _unusual_conditions(self) -> str:
        """``threads=1, …``: every condition that has not its usual value."""
        conditions = ((axis, value) for axis, value in self._point() if axis.around is not None)
        return ", ".join(f"{axis.name}={value}" for axis, value in conditions if value != axis.quick[0])

    @contextlib.contextmanager
    def under_its_conditions(self) -> Iterator[None]:
        """Everything that is measured of a case happens within."""
        with contextlib.ExitStack() as stack:
            for axis, value in self._point():
                if axis.around is not None:
                    stack.enter_context(axis.around(value))
            yield

    @property
    def kind(self) -> str:
        """``"gem"`` for a function of the family, ``"peer"`` for one of torch's."""
        return "gem" if self.spec else "peer"

    @property
    def numel(self) -> int:
        """Elements of the input."""
        return numel(self.shape)

    @property
    def tensor_bytes(self) -> int:
        """Bytes of one tensor: input, output, or gradient."""
        return self.numel * ITEMSIZE[self.dtype]

    @property
    def tensors_moved(self) -> int:
        """Tensors that one call must move to or from memory, by declaration."""
        return TENSORS_MOVED[self.direction]

    @property
    def bytes(self) -> int:
        """Declared bytes moved by one call."""
        return self.tensors_moved * self.tensor_bytes

    def as_dict(self) -> dict[str, Any]:
        """The case as the record's schema has it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "function": self.function,
            "implementation": self.implementation,
            "n": self.spec.n if self.spec else None,
            "eps": self.spec.eps if self.spec else None,
            "negative_slope": self.spec.negative_slope if self.spec else None,
            "shape": list(self.shape),
            "numel": self.numel,
            "dtype": self.dtype,
            "device": self.device,
            "layout": self.layout,
            "pass": self.direction,
            "out": self.out,
            "conditions": self._unusual_conditions() or None,
        }


TENSORS_MOVED: Final = {FORWARD: 2, BACKWARD: 3, BOTH: 5}
"""pass -> tensors read and written by one call that keeps nothing but the input for backward."""


@dataclass(frozen=True)
class Planned:
    """A case, and why it is not measured here (None: it is)."""

    case: Case
    reason: str | None


# --- the tables -----------------------------------------------------------------------------------------

BASIC_PEERS: Final = ("relu", "gelu")
"""The peers that every dimension is measured with: the cheapest, and the one that networks use."""

FEW: Final[tuple[Shape, ...]] = powers(10, 20, 24)
"""A small size, a middle one, and one beyond most caches."""

Rule = tuple[Callable[[Case, Implementation], bool], str]

NO_CASE: Final[tuple[Rule, ...]] = (
    (lambda c, i: bool(i.dtypes) and c.dtype not in i.dtypes, "the implementation's arrays lack the dtype"),
    (
        lambda c, i: bool(i.devices) and c.device not in i.devices,
        "the implementation does not serve the device",
    ),
    (
        lambda c, _: c.layout == "channels_last" and len(c.shape) != 4,
        "channels-last is a layout of 4 dimensions",
    ),
    (lambda c, _: c.layout == "transposed" and len(c.shape) != 2, "transposed is measured with 2 dimensions"),
    (lambda c, _: c.layout == "strided" and c.shape != (2**20,), "gaps in memory are measured at one size"),
    (lambda c, _: c.out and c.direction == BOTH, "autograd allocates its results"),
    (lambda c, _: c.clock != "wall" and c.device == "cpu", "the device clock reads a GPU's events"),
    (lambda c, _: c.clock == "device-cold" and c.bytes < 2**21, "too little data to rotate out of a cache"),
    (lambda c, _: c.clock == "device-hot" and c.bytes > 2**25, "the data exceed any second-level cache"),
    (
        lambda c, _: c.out and c.direction == BACKWARD and _lacks_backward_out(c),
        "torch has no such backward with out=",
    ),
)

LEFT_OUT: Final[dict[str, tuple[Rule, ...]]] = {
    "quick": (
        (lambda c, _: c.device == "cpu" and c.numel > 2**22, "CPUs stop at 2^22 elements"),
        (lambda c, _: c.dtype != "float32" and c.numel != 2**20, "16-bit types have 2^20 elements only"),
        (
            lambda c, _: c.dtype != "float32" and not _is_basic(c),
            "16-bit types have gem (n = 1), relu and gelu only",
        ),
        (lambda c, _: _order(c) > 1 and c.numel != 2**20, "n > 1 has 2^20 elements only"),
        (
            lambda c, _: c.spec is None and not _is_basic(c) and c.numel != 2**20,
            "peers other than relu and gelu have 2^20 elements only",
        ),
        (lambda c, _: c.direction == BACKWARD and not c.out, "backward alone comes with out= only"),
        (
            lambda c, _: c.direction == FORWARD and not c.out and c.numel not in (2**10, 2**20),
            "forward without out= has 2^10 and 2^20 elements only",
        ),
        (lambda c, _: c.clock != "wall" and not c.out, "the device clock reads cases with out= only"),
    ),
    "full": (
        (lambda c, _: c.device == "cpu" and c.numel > 2**26, "CPUs stop at 2^26 elements"),
        (
            lambda c, _: c.dtype != "float32" and not _is_basic(c),
            "other dtypes than float32 have gem (n = 1), relu and gelu only",
        ),
        (
            lambda c, _: c.layout != "contiguous" and (c.dtype != "float32" or not _is_basic(c)),
            "other layouts than contiguous have gem (n = 1), relu and gelu in float32 only",
        ),
        (
            lambda c, _: not _is_basic(c) and (_order(c) > 1 or c.spec is None) and c.shape not in FEW,
            "n > 1, and peers other than relu and gelu, have three sizes only",
        ),
        (
            lambda c, _: not c.out and c.direction != BOTH and c.shape not in FEW,
            "forward and backward without out= have three sizes only",
        ),
        (
            lambda c, _: c.dtype != "float32" and c.shape not in (*FEW, GPT2_MLP, RESNET56_MAPS),
            "other dtypes than float32 have three sizes and the real shapes only",
        ),
        (
            lambda c, _: c.clock != "wall" and not c.out and c.shape not in FEW,
            "the device clock reads cases without out= at three sizes only",
        ),
    ),
}

NotHere = Callable[[Case, Implementation], str | None]


def _interpreted(case: Case, implementation: Implementation) -> str | None:
    if not implementation.name.startswith("triton"):
        return None
    if case.device == "cpu" or os.environ.get("TRITON_INTERPRET", "0") == "1":
        return (
            "Triton's interpreter checks results, it does not perform: "
            "timing needs a GPU, and TRITON_INTERPRET unset"
        )
    return None


def _unavailable(case: Case, implementation: Implementation) -> str | None:
    return implementation.unavailable(case.device)


def _too_large(case: Case, implementation: Implementation) -> str | None:
    if implementation.unavailable(case.device) is not None:
        return None
    need, have = 12 * case.tensor_bytes, _memory(case.device)
    if have is not None and need > have:
        return f"needs up to {need / 2**30:.3g} GiB of memory; this device has {have / 2**30:.3g} GiB"
    return None


NOT_HERE: Final[tuple[NotHere, ...]] = (_interpreted, _unavailable, _too_large)
"""Each gives the reason why a case cannot be measured on this machine, or None."""


# --- the generator --------------------------------------------------------------------------------------


def specs(sweep: str) -> tuple[Spec, ...]:
    """The functions of the family in a sweep: every variant with each order, and one order more in quick."""
    chosen = [Spec(variant, n) for variant in VARIANTS for n in N[sweep]]
    if sweep == "quick":
        chosen.append(Spec(next(iter(VARIANTS)), max(N["quick"]) + 1))
    return tuple(chosen)


def generate(sweep: str = "quick") -> Iterator[Planned]:
    """Every case of the ``"quick"`` or ``"full"`` sweep, each with the reason why not, where there is one.

    Raises:
        ValueError: there is no such sweep.
    """
    for case, implementation in _candidates(sweep):
        if _first(LEFT_OUT[sweep], case, implementation):
            continue
        reasons = (why(case, implementation) for why in NOT_HERE)
        yield Planned(case, next((reason for reason in reasons if reason), None))


def left_out_of_quick() -> list[str]:
    """What the quick sweep leaves to the full one, in sentences."""
    sentences = []
    for axis in AXES:
        missing = [axis.label(value) or str(value) for value in axis.full if value not in axis.quick]
        sentences += [f"no {axis.name} {', '.join(missing)}"] if missing else []
    few = set(specs("quick"))
    sentences.append("no " + ", ".join(str(spec) for spec in specs("full") if spec not in few))
    return sentences + [reason for _, reason in LEFT_OUT["quick"]]


def implementation_of(case: Case) -> Implementation:
    """The implementation that a case names: from the registry, or the peers."""
    return peers.TORCH if case.kind == "peer" else gem_impls.get(case.implementation)


def _candidates(sweep: str) -> Iterator[tuple[Case, Implementation]]:
    if sweep not in SWEEPS:
        raise ValueError(f"sweep must be one of {', '.join(SWEEPS)}; got {sweep!r}")
    functions: list[tuple[str, Spec | None, Implementation]]
    functions = [(name, None, peers.TORCH) for name in peers.PEERS]
    for name in gem_impls.implementations():
        functions += [(spec.variant, spec, gem_impls.get(name)) for spec in specs(sweep)]
    for values in itertools.product(*(axis.values(sweep) for axis in AXES)):
        along = list(zip(AXES, values, strict=True))
        point = {axis.name: value for axis, value in along if axis.around is None}
        conditions = tuple((axis.name, value) for axis, value in along if axis.around is not None)
        for function, spec, implementation in functions:
            case = Case(
                function=function,
                spec=spec,
                implementation=implementation.name,
                conditions=conditions,
                **point,
            )
            if not _first(NO_CASE, case, implementation):
                yield case, implementation


def _first(rules: tuple[Rule, ...], case: Case, implementation: Implementation) -> str | None:
    return next((reason for applies, reason in rules if applies(case, implementation)), None)


def _is_basic(case: Case) -> bool:
    """Whether the function is one that every dimension is measured with."""
    if case.spec is None:
        return case.function in BASIC_PEERS
    return case.spec == Spec(next(iter(VARIANTS)))


def _lacks_backward_out(case: Case) -> bool:
    return case.kind == "peer" and peers.PEERS[case.function].backward_out is None


def _order(case: Case) -> int:
    return case.spec.n if case.spec else 0


def _parameters(spec: Spec | None) -> list[str]:
    """``n``, and what else differs from the variant's defaults."""
    if spec is None:
        return []
    usual = Spec(spec.variant, spec.n)
    parts = [f"n{spec.n}"]
    parts += [f"eps{spec.eps!r}"] if spec.eps != usual.eps else []
    parts += [f"slope{spec.negative_slope!r}"] if spec.negative_slope != usual.negative_slope else []
    return parts


@functools.cache
def _memory(device: str) -> int | None:
    """Bytes of memory that the device has; None where the system does not say."""
    if device == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(0).total_memory)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


assert all(axis.around or axis.name in {field.name for field in fields(Case)} for axis in AXES), (
    "every axis fills a field of Case, or says what holds around a measurement"
)

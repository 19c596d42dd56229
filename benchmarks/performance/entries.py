"""What is kept of a measurement: raw samples and counts, with what they depend on. Nothing derived.

Each class is one kind of entry of the record; :data:`KINDS` names them. Times are seconds per call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PACE: Final = "pace"
"""A race of everybody who computes the same thing."""

LAYERS: Final = "layers"
"""A race of nested entry points of one implementation: each does what the one before it does, and more."""


@dataclass(frozen=True)
class Race:
    """One race: everybody was timed once in each round, on the same inputs, in an order that changes.

    Attributes:
        purpose: :data:`PACE` or :data:`LAYERS`.
        subject: whose layers these are; "" for a race of pace.
        function: the function of the family, as ``str(Spec)``.
        passes: ``"forward"``, ``"backward"`` or ``"forward+backward"``.
        out: whether results went to memory that was there.
        clock: ``"wall"`` or ``"device"``.
        cache: ``"hot"`` or ``"cold"`` on a GPU, else None.
        bytes: declared bytes that one call moves.
        family: who of the names in ``samples`` is an implementation that takes torch tensors.
        samples: name -> seconds per call, one a round; in the order of nesting for layers.
        calls: name -> how many calls one sample made.
        left_out: name -> why it has no time.
    """

    purpose: str
    subject: str
    function: str
    device: str
    dtype: str
    numel: int
    passes: str
    out: bool
    clock: str
    cache: str | None
    bytes: int
    family: tuple[str, ...]
    samples: Mapping[str, tuple[float, ...]]
    calls: Mapping[str, int]
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Count:
    """Bytes of one implementation and pass, counted; see :mod:`benchmarks.memory`.

    ``extra_saved_bytes`` is what is kept for backward beyond the input itself, per element; None where
    the pass saves nothing. ``threads`` is how many threads could hold scratch memory at once.
    """

    implementation: str
    device: str
    dtype: str
    numel: int
    passes: str
    peak_bytes: int | None
    extra_saved_bytes: float | None
    threads: int
    saves_only_input: bool
    reason: str | None = None


@dataclass(frozen=True)
class Start:
    """First calls in fresh processes: phase -> seconds, one a process. ``caches`` is "warm" or "cold"."""

    implementation: str
    device: str
    caches: str
    phases: Mapping[str, tuple[float, ...]]
    reason: str | None = None


@dataclass(frozen=True)
class Failure:
    """What should have been measured and was not: a wrong result, an impossible figure, an error."""

    piece: str
    who: str
    reason: str


Entry = Race | Count | Start | Failure

KINDS: Final[dict[str, type[Entry]]] = {"races": Race, "counts": Count, "starts": Start, "failures": Failure}
"""Key in the record -> class of its entries."""

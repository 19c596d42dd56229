"""A prediction, not a measurement: whether a kernel would be held up by memory or by arithmetic.

For one thread's instructions, as counted in the machine code, the time that one of a processor's four parts
needs at least is the largest of: one cycle an instruction (it issues one a cycle), and for each kind of unit
the cycles that a warp of 32 occupies it. Against it stands the time in which the memory delivers the bytes.
Neither latency nor the start and end of a kernel is in it. The numbers are the vendor's published ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from benchmarks.axes import ITEMSIZE
from benchmarks.cases import TENSORS_MOVED


@dataclass(frozen=True)
class Device:
    """What the prediction takes of a device.

    Attributes:
        processors: streaming multiprocessors, each of four parts.
        clock_hz: what it runs at under load, assumed.
        bytes_per_s: of the memory, at best.
    """

    name: str
    processors: int
    clock_hz: float
    bytes_per_s: float


H100: Final = Device("H100 SXM", processors=132, clock_hz=1.7e9, bytes_per_s=3.35e12)

PARTS: Final = 4
WARP: Final = 32

CYCLES: Final = {"fp32": 1, "fp64": 2, "alu": 2, "multiply": 2, "special": 8}
"""Kind of instruction -> cycles that a warp of it occupies its unit (compute capability 9.0: 32, 16, 16, 16
and 4 lanes in each part)."""


@dataclass(frozen=True)
class Bound:
    """Times of one element, in picoseconds, of the whole device.

    Attributes:
        memory: what its bytes need.
        arithmetic: what its instructions need.
        unit: the unit that needs longest: a key of :data:`CYCLES`, or ``"issue"``.
    """

    memory: float
    arithmetic: float
    unit: str

    @property
    def limited_by(self) -> str:
        """``"memory"`` or ``"arithmetic"``."""
        return "memory" if self.memory >= self.arithmetic else "arithmetic"

    @property
    def load(self) -> float:
        """Arithmetic in units of memory's time: above 1 it would hold the kernel up."""
        return self.arithmetic / self.memory


def predict(row: dict[str, Any], device: Device = H100) -> Bound | None:
    """What limits the kernel of a row of the table; None where its machine code was not read."""
    if row["sass"] is None:
        return None
    cycles = {kind: row["sass"].get(kind, 0) * each for kind, each in CYCLES.items()}
    cycles["issue"] = sum(row["sass"].values())
    unit = max(cycles, key=lambda kind: cycles[kind])
    elements = row["elements_per_thread"] * WARP
    parts = device.processors * PARTS * device.clock_hz
    moved = TENSORS_MOVED[row["direction"]] * ITEMSIZE[row["dtype"]]
    return Bound(1e12 * moved / device.bytes_per_s, 1e12 * cycles[unit] / elements / parts, unit)

"""Bytes: what each implementation allocates at its peak beyond inputs and outputs, and keeps for backward."""

from __future__ import annotations

from typing import Final

from benchmarks import gate, memory
from benchmarks.axes import BACKWARD, BOTH, FORWARD, ITEMSIZE
from benchmarks.gate import NotMeasured
from benchmarks.measure import reasons
from benchmarks.performance.contestants import available
from benchmarks.performance.entries import Count
from benchmarks.performance.settings import Setting
from benchmarks.record import cores
from benchmarks.work import Work

EXPONENT: Final = 20
"""Counts are deterministic and grow with the size, or do not: one size that is not small tells."""

PASSES: Final = (FORWARD, BACKWARD, BOTH)


def subjects(device: str) -> list[str]:
    """The implementations that can be counted on ``device``."""
    return available(Setting(device, EXPONENT, FORWARD))


def count(implementation: str, setting: Setting) -> Count:
    """The bytes of one implementation and pass.

    Raises:
        NotMeasured: they cannot be counted: a wrong result, an error, or fewer bytes than results take.
    """
    with reasons():
        work = Work(setting.case(implementation))
        gate.check(work, draw=1)
        found = memory.measure(work)
        saved = found["saved_bytes_per_element"]
        extra = None if saved is None else saved - ITEMSIZE[setting.dtype]
        if extra is not None and extra < 0:
            raise NotMeasured(f"implausible memory: {saved} bytes an element kept, less than the input takes")
        return Count(
            implementation=implementation,
            device=setting.device,
            dtype=setting.dtype,
            numel=setting.numel,
            passes=setting.direction,
            peak_bytes=found["peak_bytes"],
            extra_saved_bytes=extra,
            threads=_threads(),
            saves_only_input=work.implementation.saves_only_input,
            reason=found["reason"],
        )


def _threads() -> int:
    """How many threads could hold scratch memory at once: torch's, or the processors there are."""
    import torch

    return max(int(torch.get_num_threads()), cores())

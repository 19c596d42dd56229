"""What every kind of record is read with: its environment, and its entries one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from reports.fields import Bad, Fields, Json
from reports.records import Environment

Say = Callable[[str], None]
T = TypeVar("T")

DEVICES = ("cpu", "cuda")


def each(
    entries: Iterable[Json], name: str, read: Callable[[Fields, Say], T], say: Say, what: str = "case"
) -> list[T]:
    """Those of ``entries`` that can be read; the others are said."""
    out: list[T] = []
    for index, entry in enumerate(entries):
        try:
            out.append(read(Fields(entry, f"{name}[{index}]"), say))
        except Bad as error:
            say(f"one {what} left out: {error}")
    return out


def environment(e: Fields) -> Environment:
    """Where and with what a record was made. Raises Bad."""
    cpu, gpu = e.optional_text("cpu"), e.optional_text("gpu")
    return Environment(
        machine=e.optional_text("machine") or gpu or cpu or "unnamed machine",
        cpu=cpu,
        gpu=gpu,
        threads=e.optional_integer("threads", 1),
        cores=e.optional_integer("cores", 1),
        clock_mhz=e.optional_number("clock_mhz"),
        driver=e.optional_text("driver"),
        os=e.optional_text("os"),
        python=e.optional_text("python"),
        torch=e.optional_text("torch"),
        triton=e.optional_text("triton"),
        numpy=e.optional_text("numpy"),
        commit=e.optional_text("commit"),
        dirty=e.optional_flag("dirty"),
    )

"""What a stored sweep is, once checked. :mod:`reports.load` makes these; everything else reads them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """A stored file: the name to show, its bytes, and what they are called on the site."""

    shown: str
    raw: bytes
    kind: str

    @cached_property
    def download(self) -> str:
        suffix = next((s for s in (".jsonl", ".csv", ".toml") if self.shown.endswith(s)), ".json")
        return f"{self.kind}-{hashlib.sha256(self.raw).hexdigest()[:12]}{suffix}"

    @property
    def packed(self) -> str:
        """The file of the site that holds it: compressed, or the records would be most of the site."""
        return f"{self.download}.xz"


@dataclass(frozen=True)
class Problem:
    """Something in a stored file that could not be used: which file, and what is wrong with it."""

    shown: str
    text: str


@dataclass(frozen=True)
class Case:
    """What was (or was not) measured. Two cases with equal fields are the same case."""

    kind: str
    function: str
    implementation: str
    n: int | None
    eps: float | None
    negative_slope: float | None
    shape: tuple[int, ...]
    numel: int
    dtype: str
    device: str
    layout: str
    passes: str
    out: bool
    conditions: str = ""  # what held around the measurement, where it is not the usual


@dataclass(frozen=True)
class Partner:
    """What a case was timed against, in the same rounds. Seconds per call; bytes of one call."""

    samples: tuple[float, ...]
    bytes: int | None


@dataclass(frozen=True)
class Memory:
    """Peak bytes beyond inputs and outputs; bytes kept for backward, per element; or why not known."""

    peak_bytes: int | None
    saved_bytes_per_element: float | None
    reason: str | None


@dataclass(frozen=True)
class Error:
    """Distance from the exact result, in ulp of the result's dtype, over ``points`` inputs."""

    max_ulp: float
    mean_ulp: float | None
    worst_x: float | None
    points: int | None


@dataclass(frozen=True)
class Measurement:
    """One case that was timed: raw seconds per call, its partners' too, and what was counted."""

    case: Case
    clock: str
    cache: str | None
    calls_per_sample: int | None
    bytes: int | None
    samples: tuple[float, ...]
    partners: Mapping[str, Partner]
    memory: Memory
    value_error: Error | None
    gradient_error: Error | None
    error_reason: str | None
    distribution: str | None
    seed: int | None


@dataclass(frozen=True)
class NotMeasured:
    """One case without a time, and the reason."""

    case: Case
    status: str
    reason: str


@dataclass(frozen=True)
class Environment:
    """Where and with what a sweep ran. Two sweeps are comparable when :attr:`key` is equal."""

    machine: str
    cpu: str | None
    gpu: str | None
    threads: int | None
    cores: int | None
    clock_mhz: float | None
    driver: str | None
    os: str | None
    python: str | None
    torch: str | None
    triton: str | None
    numpy: str | None
    commit: str | None
    dirty: bool | None

    @property
    def key(self) -> tuple[str | int | None, ...]:
        """All that makes two figures incomparable. Not the clock rate, which wanders within a run."""
        hardware = (self.machine, self.cpu, self.gpu, self.threads, self.cores)
        return (*hardware, self.driver, self.os, self.python, self.torch, self.triton, self.numpy)

    @property
    def word(self) -> str:
        """It as part of a file name: some of the machine's name, and a hash of :attr:`key`."""
        readable = re.sub(r"[^a-z0-9]+", "-", self.machine.lower())[:24].strip("-")
        digest = hashlib.sha256(repr(self.key).encode()).hexdigest()[:8]
        return f"{readable}-{digest}".lstrip("-")


@dataclass(frozen=True)
class Record:
    """One sweep: a stored file that passed every check but those listed in the problems."""

    source: Source
    sweep: str
    complete: bool
    started: datetime
    finished: datetime | None
    environment: Environment
    measurements: tuple[Measurement, ...]
    not_measured: tuple[NotMeasured, ...]
    refused: int = 0
    """Cases that are in the file and could not be read."""


def describe(case: Case) -> str:
    """The case in one line: ``torch_compile gem(n=1, eps=1) forward, 65536 float32, cpu``."""
    parameters = [
        f"{name}={value:g}"
        for name, value in (("n", case.n), ("eps", case.eps), ("negative_slope", case.negative_slope))
        if value is not None
    ]
    function = f"{case.function}({', '.join(parameters)})" if parameters else case.function
    shape = "×".join(map(str, case.shape)) if len(case.shape) != 1 else str(case.numel)
    passes = f"{case.passes}, out=" if case.out else case.passes
    layout = "" if case.layout == "contiguous" else f"{case.layout} "
    under = f", {case.conditions}" if case.conditions else ""
    return f"{case.implementation} {function} {passes}, {shape} {layout}{case.dtype}, {case.device}{under}"

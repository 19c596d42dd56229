"""What the asv modules share: which functions they follow, and a case made ready for asv's own loop.

asv takes the benchmarks from the working tree and the package from the commit that it measures. So:

- Parameters come from the working tree's files alone. asv finds a combination by its position in them, and
  must find the same one whatever the commit at hand offers.
- The modules of this folder that use the package are imported late. What a commit lacks (an implementation,
  a variant, a name that this folder needs) is skipped, as is what a machine cannot run; what is wrong fails.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

if TYPE_CHECKING:
    from benchmarks.cases import Case

F = TypeVar("F", bound=Callable[..., Any])

PACKAGE: Final = Path(__file__).resolve().parent.parent / "gem_impls"

SAMPLE: Final = Path(__file__).resolve().parent / "error" / "sample.json"

PEERS: Final = ("relu", "gelu")
"""Followed beside the family: where these move too, the machine changed and not the project."""

DTYPES: Final = ("float16", "bfloat16", "float32", "float64")
"""Those that errors are followed in."""

NEVER_ON: Final = {"cpu": ("triton", "torch_jiterator"), "cuda": ("numpy", "cpp")}
"""device -> how the names of implementations begin that never perform on it; asv pays for a skip, too."""


# --- what is followed -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A function in one implementation. Its text is the parameter that asv shows."""

    function: str
    n: int | None
    implementation: str

    def __str__(self) -> str:
        order = "" if self.n is None else f" n={self.n}"
        return f"{self.function}{order}, {self.implementation}"


def variants() -> list[str]:
    """The names in the working tree's ``gem_impls.spec.VARIANTS``, read and not imported."""
    for node in ast.parse((PACKAGE / "spec.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "VARIANTS" and node.value:
            table = next(part for part in ast.walk(node.value) if isinstance(part, ast.Dict))
            return [ast.literal_eval(key) for key in table.keys if key]
    raise LookupError("gem_impls/spec.py has no table VARIANTS")


def implementations(device: str) -> list[str]:
    """The working tree's implementations that may perform on ``device``."""
    names = sorted(path.stem for path in (PACKAGE / "impls").glob("[!_]*.py"))
    return [name for name in names if not name.startswith(NEVER_ON[device])]


def basics(device: str) -> list[str]:
    """The first variant with n = 1 in every implementation, and the peers."""
    first = [Subject(variants()[0], 1, name) for name in implementations(device)]
    return [str(s) for s in (*first, *(Subject(peer, None, "torch") for peer in PEERS))]


def others(device: str) -> list[str]:
    """The first variant with n = 2 and every other variant, in every implementation."""
    first, *rest = variants()
    functions = [(first, 2), *((variant, 1) for variant in rest)]
    return [str(Subject(*function, name)) for function in functions for name in implementations(device)]


def family(device: str) -> list[str]:
    """:func:`basics` and :func:`others`, peers left out."""
    return [text for text in basics(device) + others(device) if not text.endswith(", torch")]


def parsed(text: str) -> Subject:
    """The Subject whose text it is."""
    function, implementation = text.split(", ")
    name, _, order = function.partition(" n=")
    return Subject(name, int(order) if order else None, implementation)


# --- cases ----------------------------------------------------------------------------------------------


def make_case(
    subject: str,
    elements: int,
    direction: str = "forward",
    *,
    device: str,
    dtype: str = "float32",
    clock: str = "wall",
) -> Case:
    """The case of the sweep that these parameters name. Passes alone write to the caller's memory.

    Raises:
        NotImplementedError: this commit has no such case, or this machine cannot run it; asv then shows
            "n/a" and not a failure.
    """
    s = parsed(subject)
    try:
        from benchmarks import cases
        from gem_impls import Spec, get

        spec = None if s.n is None else Spec(s.function, s.n)
        if spec:
            get(s.implementation)
    except (ImportError, ValueError) as error:
        raise NotImplementedError(f"this commit lacks it: {error}") from error
    case = cases.Case(
        function=s.function,
        spec=spec,
        implementation=s.implementation,
        shape=(elements,),
        dtype=dtype,
        device=device,
        layout="contiguous",
        direction=direction,
        out=direction != "forward+backward",
        clock=clock,
    )
    implementation = cases.implementation_of(case)
    no_case = (reason for applies, reason in cases.NO_CASE if applies(case, implementation))
    not_here = (why(case, implementation) for why in cases.NOT_HERE)
    reason = next((r for r in (*no_case, *not_here) if r), None)
    if reason:
        raise NotImplementedError(reason)
    return case


class Ready:
    """A case that passed the gate, warmed up; ``run`` makes enough calls to be timed as one sample.

    ``timer`` reads the case's clock, slowed down so that one ``run`` takes as long as one call.
    """

    def __init__(self, case: Case) -> None:
        from benchmarks import gate, measure
        from benchmarks.clocks import BatchTimer
        from benchmarks.work import Work

        self.work = Work(case, sets=measure.sets_of(case))
        gate.check(self.work, draw=1)
        clock = measure.clock_of(self.work)
        racer = measure.Racer(clock, self.work.calls, measure.SETTINGS["full"])
        self.run = racer.run
        self.timer = BatchTimer()
        self.timer.use(clock, racer.calls)
        self.samples = 0

    def sampled(self, last: int) -> None:
        """Count a sample; after the last one the case must pass the gate again."""
        from benchmarks import gate

        self.samples += 1
        if self.samples == last:
            gate.check(self.work, draw=2)


@functools.lru_cache(maxsize=1)
def ready(case: Case) -> Ready:
    """Made once a process: asv calls ``setup`` before every sample."""
    return Ready(case)


def finite(figure: float | None) -> float:
    """A figure as asv can keep it: NaN where there is none, and no infinity, which hangs its publishing."""
    return math.nan if figure is None else max(min(figure, 1e30), -1e30)


def preload() -> None:
    """Import, but do not run, what every measuring process needs: asv's fork server then has it once."""
    with contextlib.suppress(ImportError):  # where it is missing, each case says so
        importlib.import_module("torch._inductor.compile_fx")


def pretty(name: str, unit: str | None = None) -> Callable[[F], F]:
    """Decorate a benchmark with the name that asv's pages show, and a unit other than its class's."""

    def decorate(function: F) -> F:
        function.pretty_name = name  # type: ignore[attr-defined]  # asv reads it there
        if unit is not None:
            function.unit = unit  # type: ignore[attr-defined]  # likewise
        return function

    return decorate


@dataclass(frozen=True)
class Outcome:
    """What came of counting one case: figures, or why there are none."""

    figures: dict[str, float | None]
    skipped: str | None = None
    failed: str | None = None


Outcomes = dict[tuple[Any, ...], Outcome]
"""Combination of parameters -> what came of it."""


# --- kinds of benchmark ---------------------------------------------------------------------------------
# Abstract, so that asv takes none of them by itself: asv_cpu and asv_gpu say which cases each is about.


class Benchmark(ABC):
    """One kind of figure about some cases."""

    version: ClassVar[str] = "1"
    """Of the way it is measured. A new one starts a new series; the default would be a hash of one method."""
    timeout: ClassVar[float] = 120.0

    @abstractmethod
    def case(self, *params: Any) -> Case:
        """The case that the parameters name; NotImplementedError where there is none here."""


class Latency(Benchmark):
    """Seconds per call: seven samples in each of two processes, of a millisecond or more each."""

    number: ClassVar[int] = 1  # Ready.run makes many calls already
    repeat: ClassVar[int] = 7
    rounds: ClassVar[int] = 2  # processes: times differ more between them than within one
    warmup_time: ClassVar[float] = 0.0  # Ready is warm
    made: Ready | None = None

    def setup(self, *params: Any) -> None:
        """Called by asv before every sample."""
        self.made = ready(self.case(*params))
        self.run, self.timer = self.made.run, self.made.timer

    def teardown(self, *params: Any) -> None:
        """Called by asv after every sample, and after a skip."""
        if self.made:
            self.made.sampled(last=self.repeat)


class Counted(Benchmark):
    """Figures that are the same every time: all combinations are counted in one process, by asv's cache.

    A subclass returns :meth:`count` from its own ``setup_cache``; asv tells caches apart by where they are.
    """

    params: ClassVar[tuple[Sequence[Any], ...]]

    @abstractmethod
    def figures(self, case: Case) -> dict[str, float | None]:
        """Name -> figure of one case."""

    def count(self) -> Outcomes:
        """Every combination of the parameters, measured."""
        return {combination: self._outcome(combination) for combination in itertools.product(*self.params)}

    def _outcome(self, combination: tuple[Any, ...]) -> Outcome:
        try:
            return Outcome(self.figures(self.case(*combination)))
        except NotImplementedError as skip:
            return Outcome({}, skipped=str(skip))
        except Exception as error:  # one wrong case must not cost the others their figures
            return Outcome({}, failed=f"{type(error).__name__}: {error}")

    def setup(self, found: Outcomes, *params: Any) -> None:
        """Skip what was skipped."""
        if (reason := found[params].skipped) is not None:
            raise NotImplementedError(reason)

    def figure(self, found: Outcomes, params: tuple[Any, ...], name: str) -> float:
        """The figure of that name; fails where counting it did."""
        if (reason := found[params].failed) is not None:
            raise RuntimeError(reason)
        return finite(found[params].figures[name])


class Memory(Counted):
    """Bytes, by the counters of :mod:`benchmarks.memory`."""

    def figures(self, case: Case) -> dict[str, float | None]:
        """``peak``: bytes beyond inputs and outputs; ``saved``: bytes kept for backward, per element of x."""
        from benchmarks import gate, memory
        from benchmarks.work import Work

        work = Work(case)
        gate.check(work, draw=1)
        return {"peak": memory.measure(work)["peak_bytes"], "saved": memory.saved_bytes(work) / case.numel}


class Error(Counted):
    """Distance from the exact: over all 16-bit inputs, or a sample that has each known worst."""

    # Figures over different samples are different series, not a regression.
    version: ClassVar[str] = "2 " + hashlib.sha256(SAMPLE.read_bytes()).hexdigest()[:16]

    def figures(self, case: Case) -> dict[str, float | None]:
        """Of both quantities: the largest error in ulp, and the ppm of results not correctly rounded."""
        from benchmarks.cases import implementation_of
        from benchmarks.error.sample import sampled

        if case.spec is None:
            raise NotImplementedError("peers have no committed sample")
        found: dict[str, float | None] = {}
        for what in ("value", "gradient"):
            errors = sampled(implementation_of(case), case.spec, case.dtype, what, case.device)
            found |= {f"{what} ulp": errors.max_ulp, f"{what} ppm": errors.ppm_wrong}
        return found

"""Which cases are compared: plain data, since a worker may have a revision that knows less.

The names of implementations come from both revisions' files: one that a change removes is still asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from benchmarks import cases
from benchmarks.axes import BACKWARD, BOTH, FORWARD, SWEEPS, Shape, powers
from benchmarks.cases import Case
from gem_impls import VARIANTS, Spec
from gem_impls.oracle import FORMATS

USUAL: Final = "usual"
SELECTIONS: Final = (USUAL, *SWEEPS)
"""Which cases ``-k`` chooses from: the few below, or all of a sweep."""

SIZES: Final = powers(10, 16, 20)
"""A small size, where the call itself is what costs; a middle one; one beyond the inner caches."""

Row = tuple[Spec, Shape, str, bool]

ROWS: Final[tuple[Row, ...]] = (
    *((Spec("gem"), shape, FORWARD, True) for shape in SIZES),
    *((Spec("gem"), shape, BOTH, False) for shape in SIZES),
)
"""(function, shape, pass, out): the usual cases of every implementation, in float32."""

COUNTED_ROWS: Final[tuple[Row, ...]] = tuple(
    (Spec(variant), SIZES[-1], BACKWARD, True) for variant in VARIANTS
)
"""Likewise, but only their memory is counted: with ``out=``, any copy shows, however short its life."""

ORDERS: Final = (1, 2, 3)
"""n of the functions whose errors are measured."""

ERRORS: Final = tuple((Spec(variant, n), dtype) for variant in VARIANTS for n in ORDERS for dtype in FORMATS)
"""(function, dtype): whose errors are measured, of every implementation. A map takes a tenth of a second once
its kernel is compiled, so there is no reason to leave one out."""

NEVER_ON: Final = {"cpu": ("triton", "torch_jiterator"), "cuda": ("numpy", "cpp")}
"""device -> how the names of implementations begin that never perform on it."""

Entry = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        timed: entries of cases whose time and memory are compared.
        counted: of cases whose memory alone is.
        subjects: of what errors are compared.
    """

    timed: tuple[Entry, ...]
    counted: tuple[Entry, ...]
    subjects: tuple[Entry, ...]


class NothingSelected(ValueError):
    """The selection leaves no case."""


def make(selection: str, implementations: Iterable[str], device: str, keyword: str = "") -> Plan:
    """The plan of a selection.

    Args:
        selection: one of :data:`SELECTIONS`.
        implementations: names, of either revision.
        device: ``"cpu"`` or ``"cuda"``.
        keyword: an expression as pytest's ``-k`` has them, over the entries' ids; "" selects all.

    Raises:
        NothingSelected: no case is left, or the expression is none.
    """
    names = sorted(name for name in set(implementations) if not name.startswith(NEVER_ON[device]))
    chosen = matcher(keyword)
    usual = selection == USUAL
    timed = _rows(ROWS, names, device) if usual else _swept(selection, names, device)
    counted = _rows(COUNTED_ROWS, names, device) if usual else []
    subjects = [subject_entry(name, spec, dtype, device) for name in names for spec, dtype in ERRORS]
    every = (list(map(case_entry, timed)), list(map(case_entry, counted)), subjects)
    plan = Plan(*(tuple(entry for entry in entries if chosen(entry["id"])) for entries in every))
    if not (plan.timed or plan.counted or plan.subjects):
        some = ", ".join(entry["id"] for entry in every[0][:3])
        raise NothingSelected(f"-k {keyword!r} selects none of {sum(map(len, every))} cases ({some}, ...)")
    return plan


def implementations_in(package: Path) -> list[str]:
    """The names of the implementations in a package's folder, nothing imported."""
    return sorted(path.stem for path in (package / "impls").glob("[!_]*.py"))


def implementations_among(files: Iterable[str]) -> list[str]:
    """Likewise, of a repository's files, named as git names them."""
    paths = map(PurePosixPath, files)
    return sorted(p.stem for p in paths if p.match("gem_impls/impls/[!_]*.py") and len(p.parts) == 3)


def case_entry(case: Case) -> Entry:
    """A case as a worker takes it, and as the record has it."""
    return {**case.as_dict(), "clock": case.clock}


def subject_entry(implementation: str, spec: Spec, dtype: str, device: str) -> Entry:
    """The subject of an error map as a worker takes it, and as the record has it."""
    return {
        "id": f"error-{spec.variant}-n{spec.n}-{implementation}-{dtype}-{device}",
        "implementation": implementation,
        "function": spec.variant,
        "n": spec.n,
        "dtype": dtype,
        "device": device,
    }


def matcher(keyword: str) -> Callable[[str], bool]:
    """Whether an id matches an expression such as ``numpy_cpu and not backward``.

    Raises:
        NothingSelected: it is no such expression.
    """
    if not keyword.strip():
        return lambda _: True
    from _pytest.mark.expression import Expression

    try:
        expression = Expression.compile(keyword)
    except SyntaxError as error:
        raise NothingSelected(f"-k takes names with and, or, not; got {keyword!r}: {error}") from None
    return lambda text: bool(expression.evaluate(lambda name, /, **_: name.lower() in text.lower()))


def _rows(rows: Iterable[Row], names: Iterable[str], device: str) -> list[Case]:
    return [
        Case(spec.variant, spec, name, shape, "float32", device, "contiguous", direction, out, "wall")
        for name in names
        for spec, shape, direction, out in rows
    ]


def _swept(sweep: str, names: list[str], device: str) -> list[Case]:
    """The sweep's cases of the family without unusual conditions, which a worker does not set up."""
    planned = (p.case for p in cases.generate(sweep) if p.case.spec and p.case.device == device)
    return [case for case in planned if case.implementation in names and not case.as_dict()["conditions"]]

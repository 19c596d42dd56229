"""What a run consists of: a piece a function, each giving all that is asked of it."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from benchmarks.models.activations import Activation, family, named, peers
from benchmarks.peers import PEERS
from benchmarks.shape import curves
from benchmarks.shape.entries import DISCREPANCY, Failure, Junction, Moments, Quantity
from benchmarks.shape.moments import STDS, family_member, moments, peer
from benchmarks.shape.quantities import junctions, quantities
from benchmarks.shape.study import check
from benchmarks.study.pieces import Piece
from gem_impls.errors import unknown_name
from gem_impls.spec import Spec

Entry = Any
"""An entry of :mod:`benchmarks.shape.entries`."""

QUICK_EPS: Final = (1e-4, 1.0)

DRAWN: Final = (
    *(Spec("e-gem", 1, eps) for eps in (1e-4, 1e-2, 1.0, 10.0)),
    Spec("e-gem", 2, 1.0),
    Spec("e-gem", 3, 1.0),
)
"""Whose curves are kept, in runs that compute them."""


def functions(*, quick: bool) -> tuple[Activation, ...]:
    """What a run is about: peers, and the family over n and eps."""
    return (*peers(), *(family(eps=QUICK_EPS) if quick else family()))


def chosen(only: Sequence[str]) -> tuple[Activation, ...]:
    """The functions of these names, once each: any of the family, and peers.

    Raises:
        ValueError: there is no such function, or it is a peer whose exact value is not known here.
    """
    found = dict.fromkeys(map(named, only))
    for activation in found:
        if activation.spec is None and activation.name not in PEERS:
            raise ValueError(unknown_name("activation", activation.name, PEERS))
    return tuple(found)


def pieces(wanted: Iterable[Activation], *, quick: bool) -> list[Piece]:
    """A piece a function."""
    return [Piece(a.name, functools.partial(_judged, a, quick)) for a in wanted]


def varies(activation: Activation) -> bool:
    """Whether its moments are taken at every standard deviation: peers, gem, and e-gem with n = 1."""
    spec = activation.spec
    return spec is None or spec.variant == "gem" or (spec.variant == "e-gem" and spec.n == 1)


def _judged(activation: Activation, quick: bool) -> list[Entry]:
    """All entries of a function; one that disagrees with its closed form is a failure instead."""
    return [_gate(activation.name, entry) for entry in _entries(activation, quick)]


def _entries(activation: Activation, quick: bool) -> Iterable[Entry]:
    spec = activation.spec
    subject = family_member(spec) if spec else peer(activation.name)
    stds = STDS if varies(activation) and not quick else STDS[:1]
    yield from (moments(subject, std) for std in stds)
    if spec:
        yield from quantities(spec)
        yield from junctions(spec)
        if spec in DRAWN:
            yield curves.curve(spec)


def _gate(piece: str, entry: Entry) -> Entry:
    """The entry, or the failure that it is: too far from its closed form, or beyond float64."""
    if not isinstance(entry, (Quantity, Junction, Moments)):
        return entry
    if not all(map(math.isfinite, _numbers(entry))):
        return Failure(piece, _what(entry), "it is beyond float64")
    try:
        check(entry)
    except ValueError as error:  # as moments of a function that is 0 to rounding
        return Failure(piece, _what(entry), str(error))
    if entry.discrepancy is None or entry.discrepancy <= DISCREPANCY:
        return entry
    return Failure(
        piece,
        _what(entry),
        f"found numerically and in closed form, it differs by {entry.discrepancy:.3g}; "
        f"at most {DISCREPANCY:g} is allowed",
    )


def _numbers(entry: Quantity | Junction | Moments) -> Iterator[float]:
    for value in vars(entry).values():
        several = (
            value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
        )
        yield from (v for v in several if isinstance(v, float))


def _what(entry: Quantity | Junction | Moments) -> str:
    if isinstance(entry, Quantity):
        return entry.name
    return f"junction, {entry.side}" if isinstance(entry, Junction) else f"moments at std {entry.std:g}"

"""The text of a record -> checked entries. Nothing in a file is trusted: each entry is read whole or said."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from benchmarks.performance.entries import KINDS, Entry, Failure, Race, Start
from benchmarks.performance.record import MARK, SCHEMA

SHORTEST, LONGEST = 1e-12, 1e6
"""Seconds that a clock could have shown."""

LONGEST_TEXT: Final = 2000
MOST_NAMES: Final = 200


@dataclass(frozen=True)
class Performance:
    """A record: its header as it is, the entries that could be read, and what is wrong with the others."""

    header: Mapping[str, Any]
    entries: tuple[Entry, ...]
    problems: tuple[str, ...]


def read(raw: bytes) -> Performance:
    """Read a record.

    Raises:
        ValueError: it is not one that this version can read.
    """
    try:
        top = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    header = top.get(MARK) if isinstance(top, dict) else None
    if not isinstance(header, dict):
        raise ValueError(f"it is not a record of performance (no key {MARK})")
    if header.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {_shown(header.get('schema'))}; this version reads schema {SCHEMA}")
    entries: list[Entry] = []
    problems: list[str] = []
    for kind, cls in KINDS.items():
        listed = top.get(kind)
        for index, value in enumerate(listed if isinstance(listed, list) else []):
            try:
                entries.append(_entry(cls, value))
            except ValueError as error:
                problems.append(f"{kind}[{index}] left out: {error}")
    return Performance(header, tuple(entries), tuple(problems))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _entry(cls: type[Entry], value: Any) -> Entry:
    if not isinstance(value, dict):
        raise ValueError(f"it must be an object; got {_shown(value)}")
    hints = typing.get_type_hints(cls)
    made: Any = cls(**{f.name: _field(f.name, hints[f.name], value.get(f.name)) for f in fields(cls)})
    _check(made)
    return typing.cast("Entry", made)


def _check(entry: Entry) -> None:
    """What the types of the fields do not say."""
    if isinstance(entry, Race):
        if len({len(s) for s in entry.samples.values()}) > 1:
            raise ValueError("its participants have different numbers of rounds: there are no pairs")
        if entry.numel < 1 or entry.bytes < 1:
            raise ValueError("numel and bytes must be at least 1")
    if isinstance(entry, (Race, Start)):
        timed = entry.samples if isinstance(entry, Race) else entry.phases
        if any(not SHORTEST <= t <= LONGEST for s in timed.values() for t in s):
            raise ValueError(f"a time is not within {SHORTEST:g} … {LONGEST:g} s")
        if any(not s for s in timed.values()):
            raise ValueError("somebody has no sample")
    if isinstance(entry, Start) and len({len(s) for s in entry.phases.values()}) > 1:
        raise ValueError("its phases have different numbers of processes")
    if not isinstance(entry, (Race, Start, Failure)):
        counted = (entry.peak_bytes, entry.extra_saved_bytes)
        if any(count is not None and count < 0 for count in counted):
            raise ValueError("bytes must be at least 0")


def _field(name: str, hint: Any, value: Any) -> Any:
    """``value`` as the type of field ``name`` wants it."""
    if isinstance(hint, types.UnionType):
        return None if value is None else _field(name, typing.get_args(hint)[0], value)
    origin = typing.get_origin(hint)
    if origin is tuple:
        inner = typing.get_args(hint)[0]
        if not isinstance(value, list):
            raise ValueError(f"{name} must be a list; got {_shown(value)}")
        return tuple(_field(name, inner, item) for item in value)
    if origin is not None:  # the only other one is Mapping[str, ...]
        inner = typing.get_args(hint)[1]
        if not isinstance(value, dict) or len(value) > MOST_NAMES:
            raise ValueError(f"{name} must be an object of at most {MOST_NAMES} names; got {_shown(value)}")
        return {_text(name, key): _field(name, inner, item) for key, item in value.items()}
    return SCALARS[hint](name, value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise ValueError(f"{name} must be a string of at most {LONGEST_TEXT} characters; got {_shown(value)}")
    return "".join(c if c.isprintable() else " " for c in value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false; got {_shown(value)}")
    return value


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError(f"{name} must be an integer; got {_shown(value)}")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number; got {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number; got {_shown(value)}")
    return number


SCALARS: Final[dict[Any, Any]] = {str: _text, bool: _flag, int: _integer, float: _number}
"""Type of a field -> how a value of it is read."""


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"

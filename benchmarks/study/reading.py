"""The text of a record -> checked entries. Nothing in a file is trusted: each entry is read whole or said."""

from __future__ import annotations

import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

from benchmarks.study.row import Study

LONGEST_TEXT: Final = 2000
MOST_NAMES: Final = 200

E = TypeVar("E")


@dataclass(frozen=True)
class StudyRecord:
    """A record: its header as it is, the entries that could be read, and what is wrong with the others."""

    header: Mapping[str, Any]
    entries: tuple[Any, ...]
    problems: tuple[str, ...]

    def of(self, cls: type[E]) -> tuple[E, ...]:
        """The entries of one class, in their order."""
        return tuple(entry for entry in self.entries if isinstance(entry, cls))


def read(study: Study, raw: bytes) -> StudyRecord:
    """Read a record of ``study``.

    Raises:
        ValueError: it is not one that this version can read.
    """
    try:
        top = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    header = top.get(study.mark) if isinstance(top, dict) else None
    if not isinstance(header, dict):
        raise ValueError(f"it is not a record of {study.name} (no key {study.mark})")
    if header.get("schema") != study.schema:
        raise ValueError(
            f"its schema is {_shown(header.get('schema'))}; this version reads schema {study.schema}"
        )
    entries: list[Any] = []
    problems: list[str] = []
    for kind, cls in study.kinds.items():
        listed = top.get(kind)
        for index, value in enumerate(listed if isinstance(listed, list) else []):
            try:
                entries.append(_entry(study, cls, value))
            except ValueError as error:
                problems.append(f"{kind}[{index}] left out: {error}")
    return StudyRecord(header, tuple(entries), tuple(problems))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _entry(study: Study, cls: type, value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"it must be an object; got {_shown(value)}")
    made = cls(**{name: _field(name, hint, value.get(name)) for name, hint in _hints(cls)})
    study.check(made)
    return made


@functools.cache
def _hints(cls: type) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(cls)
    return tuple((f.name, hints[f.name]) for f in fields(cls))


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

"""Typed access to JSON of unknown origin: each getter returns what was promised or raises :class:`Bad`."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Json = Any

LONGEST_TEXT = 500
"""Characters kept of any string: a name or a reason, not a document."""

SHORTEST, LONGEST = 1e-12, 1e6
"""Seconds: a picosecond to eleven days. What lies outside is damage, and overflows a ratio."""


class Bad(ValueError):
    """A stored field is not what the schema says; the message names the field and what came."""


def parse(raw: bytes) -> Json:
    """The JSON in ``raw``. Raises Bad for anything else: empty, truncated, not UTF-8, nested too deep."""
    if not raw.strip():
        raise Bad("it is empty")
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Bad(f"it is not UTF-8 text (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise Bad(
            f"it is not JSON, or was cut off: {error.msg}, line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise Bad("it is nested too deeply to be a record") from None
    except ValueError:  # an integer of thousands of digits
        raise Bad("it holds a number too long to read") from None


def clean(text: str) -> str:
    """``text`` on one line, without control and direction-changing characters and lone surrogates."""
    kept = (" " if c in "\n\r\t" else c for c in text if c in "\n\r\t" or unicodedata.category(c)[0] != "C")
    out = " ".join("".join(kept).split())
    return out if len(out) <= LONGEST_TEXT else out[: LONGEST_TEXT - 1] + "…"


def mapping(value: Json, where: str) -> Mapping[str, Json]:
    """``value``, which must be a JSON object. Raises Bad."""
    if not isinstance(value, dict):
        raise Bad(f"{where or 'the file'} must hold an object; got {shown(value)}")
    return value


def sequence(value: Json, where: str) -> Sequence[Json]:
    """``value``, which must be a JSON list. Raises Bad."""
    if not isinstance(value, list):
        raise Bad(f"{where} must be a list; got {shown(value)}")
    return value


class Fields:
    """One JSON object, with the path that leads to it for messages."""

    def __init__(self, value: Json, where: str) -> None:
        self._value = mapping(value, where)
        self._where = where

    def at(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name

    def raw(self, name: str) -> Json:
        return self._value.get(name)

    def names(self) -> list[str]:
        return list(self._value)

    def object(self, name: str) -> Fields:
        return Fields(self.raw(name), self.at(name))

    def objects(self, name: str) -> list[Json]:
        return list(sequence(self.raw(name), self.at(name)))

    def text(self, name: str, allowed: Sequence[str] = ()) -> str:
        value = self.raw(name)
        if not isinstance(value, str) or not clean(value):
            raise Bad(f"{self.at(name)} must be a non-empty string; got {shown(value)}")
        if allowed and value not in allowed:
            raise Bad(f"{self.at(name)} must be one of {', '.join(allowed)}; got {shown(value)}")
        return clean(value)

    def optional_text(self, name: str, allowed: Sequence[str] = ()) -> str | None:
        return None if self.raw(name) is None else self.text(name, allowed)

    def flag(self, name: str) -> bool:
        value = self.raw(name)
        if not isinstance(value, bool):
            raise Bad(f"{self.at(name)} must be true or false; got {shown(value)}")
        return value

    def optional_flag(self, name: str) -> bool | None:
        return None if self.raw(name) is None else self.flag(name)

    def integer(self, name: str, least: int = 0) -> int:
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**63:
            raise Bad(f"{self.at(name)} must be an integer >= {least}; got {shown(value)}")
        return value

    def optional_integer(self, name: str, least: int = 0) -> int | None:
        return None if self.raw(name) is None else self.integer(name, least)

    def number(self, name: str) -> float:
        return _finite(self.raw(name), self.at(name))

    def optional_number(self, name: str, least: float = -math.inf) -> float | None:
        if self.raw(name) is None:
            return None
        value = self.number(name)
        if value < least:
            raise Bad(f"{self.at(name)} must be at least {least:g}; got {value!r}")
        return value

    def ulp(self, name: str) -> float:
        """An error: a number >= 0, or the string "inf"."""
        return ulp(self.raw(name), self.at(name))

    def optional_ulp(self, name: str) -> float | None:
        return None if self.raw(name) is None else self.ulp(name)

    def exact(self, name: str) -> float:
        """A float written in hexadecimal, or "nan", "inf", "-inf"."""
        value = self.raw(name)
        try:
            if not isinstance(value, str) or len(value) > 40:
                raise ValueError
            return float.fromhex(value)
        except (ValueError, OverflowError):
            raise Bad(f"{self.at(name)} must be a hexadecimal float; got {shown(value)}") from None

    def durations(self, name: str) -> tuple[float, ...]:
        """One or more seconds that a clock could have shown."""
        values = tuple(_finite(v, self.at(name)) for v in self.objects(name))
        if not values or not SHORTEST <= min(values) <= max(values) <= LONGEST:
            raise Bad(f"{self.at(name)} must hold one or more seconds, each in {SHORTEST:g}…{LONGEST:g}")
        return values

    def time(self, name: str) -> datetime:
        value = self.raw(name)
        try:
            if not isinstance(value, str):
                raise ValueError
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise Bad(f"{self.at(name)} must be an ISO 8601 time; got {shown(value)}") from None


def ulp(value: Json, where: str) -> float:
    """``value`` as an error in ulp. Raises Bad."""
    if value == "inf":
        return math.inf
    number = _finite(value, where)
    if number < 0:
        raise Bad(f"{where} must be at least 0; got {shown(value)}")
    return number


def _finite(value: Json, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Bad(f"{where} must be a number; got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Bad(f"{where} must be a finite number; got {shown(value)}")
    return number


def shown(value: Json) -> str:
    """What came, short enough for a message."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None:
        return "nothing"
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a very long number"
    return clean(text if len(text) <= 60 else text[:59] + "…")

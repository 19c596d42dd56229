"""The numbers behind a figure, as CSV for a spreadsheet and as JSON for a program."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Field = str | float | int | bool | None


@dataclass(frozen=True)
class Data:
    """Named columns (with their unit: ``seconds``, ``max_ulp``) and a row a point; None: not measured."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Field, ...], ...]

    @classmethod
    def of(cls, columns: Iterable[str], rows: Iterable[Iterable[Field]]) -> Data:
        """From any iterables."""
        return cls(tuple(columns), tuple(tuple(row) for row in rows))


def data_csv(data: Data) -> str:
    """A header and a line a row; empty where nothing was measured, ``inf`` for infinity."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(data.columns)
    for row in data.rows:
        writer.writerow(harmless(field) for field in row)
    return out.getvalue()


def data_json(data: Data, words: Mapping[str, str]) -> str:
    """An object with ``words`` (title, caption), the columns and the rows; infinity is the text ``inf``."""
    rows = [[_json(field) for field in row] for row in data.rows]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    head = json.dumps({**words, "columns": data.columns}, ensure_ascii=False)
    return f'{head[:-1]}, "rows": [\n{lines}\n]}}\n'


def harmless(field: Field) -> Field:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    return f"'{field}" if isinstance(field, str) and field.startswith(("=", "+", "-", "@")) else field


def _json(field: Field) -> Field:
    return str(field) if isinstance(field, float) and not math.isfinite(field) else field

"""Tables of Markdown, with what a file says kept from being markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what stands in cells is escaped."""
    lines = [heads, ["---"] * len(heads), *([plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: str) -> str:
    """``text`` with what Markdown would take for markup escaped."""
    return re.sub(r"([\\*_\[\]<>#|~$`])", r"\\\1", text)

"""Code blocks of the project's Markdown files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(
    r"(?:^<!-- recipe: (?P<recipe>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and what a recipe's marker above it says."""

    file: str
    language: str
    recipe: str | None
    code: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def blocks(file: str, language: str) -> list[Block]:
    """The blocks of one language, in order."""
    text = (ROOT / file).read_text(encoding="utf-8")
    found = [
        Block(file, m["language"], m["recipe"], m["code"], text.count("\n", 0, m.start("code")) + 1)
        for m in _BLOCK.finditer(text)
    ]
    return [b for b in found if b.language == language]


def recipe(marker: str) -> str:
    """The text of CONTRIBUTING.md's block under ``<!-- recipe: marker -->``."""
    (found,) = [b for b in blocks("CONTRIBUTING.md", "python") if b.recipe == marker]
    return found.code

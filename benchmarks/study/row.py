"""A study as one row: what it is called, what it keeps, and which code its figures depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gem_impls


def nothing(entry: Any) -> None:
    """No more is asked of an entry than what the types of its fields say."""


@dataclass(frozen=True)
class Study:
    """One study.

    Attributes:
        name: what it is called on the command line and in names of files.
        kinds: key in the record -> frozen dataclass of its entries. Fields are str, int, float, bool, one of
            these or None, tuples of them, or mappings from strings to any of that: what JSON can hold.
        summary: what it finds out, in a few words.
        folders: packages within benchmarks that its figures depend on, besides the modules at the top.
        schema: changes whenever what is kept changes.
        check: raises ValueError for an entry that cannot be, though its types are right.
    """

    name: str
    kinds: Mapping[str, type]
    summary: str
    folders: tuple[str, ...]
    schema: int = 1
    check: Callable[[Any], None] = nothing

    @property
    def mark(self) -> str:
        """The key at the top of a record that says whose it is."""
        return f"gem_impls_{self.name}"

    def kind_of(self, entry: Any) -> str:
        """The record's key for such an entry."""
        return next(key for key, cls in self.kinds.items() if isinstance(entry, cls))

    def sources(self) -> str:
        """A short hash of the code that figures depend on: the package, and how it is measured."""
        package, ours = Path(gem_impls.__file__).parent, Path(__file__).parent.parent
        files = [p for p in sorted(package.rglob("*")) if p.suffix in (".py", ".cpp", ".cu", ".h")]
        files += sorted(ours.glob("*.py"))
        files += [p for folder in self.folders for p in sorted((ours / folder).rglob("*.py"))]
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file.parent.name}/{file.name}\0".encode() + file.read_bytes())
        return digest.hexdigest()[:16]

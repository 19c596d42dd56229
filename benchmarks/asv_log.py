"""What asv's results do not say of their commits: ``commits.csv`` beside them, from git.

The results can then be read, ordered and explained wherever they are copied to, with or without the
repository. ``ancestors`` counts the commits that lead to one, which orders them whatever clocks said;
``package`` is git's hash of ``gem_impls``, so that two commits with the same package are known to be.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Final

FILE: Final = "commits.csv"
PACKAGE: Final = "gem_impls"


@dataclass(frozen=True)
class Commit:
    """One line of the file; ``date`` is the committer's, in ISO 8601."""

    commit: str
    ancestors: int
    date: str
    package: str
    subject: str

    @property
    def hash(self) -> str:
        """Its full name."""
        return self.commit


def git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in the repository; the caller looks at the exit code. Messages may be in any encoding."""
    return subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def is_commit(root: Path, name: str) -> bool:
    """Whether the repository has it."""
    return git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").returncode == 0


def results(folder: Path) -> Iterator[dict[str, Any]]:
    """The stored results of one machine; what cannot be read is left to the report, which names it."""
    for path in sorted(folder.glob("*-*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and isinstance(content.get("commit_hash"), str):
            yield content


def measured(folder: Path) -> list[str]:
    """Commits with a stored result, be it a failure."""
    return sorted({content["commit_hash"] for content in results(folder)})


def failed(folder: Path) -> list[str]:
    """Commits without any figure: every row failed, or (NaN, in asv's files) was skipped."""
    found: dict[str, bool] = {}
    for content in results(folder):
        rows = content.get("results", {}).values()
        values = [row[0] for row in rows if isinstance(row, list) and row]
        flat = [v for value in values for v in (value if isinstance(value, list) else [value])]
        name = content["commit_hash"]
        found[name] = found.get(name, True) and all(v is None or v != v for v in flat)
    return sorted(name for name, nothing in found.items() if nothing)


def write(root: Path, folder: Path) -> list[Commit]:
    """Bring ``commits.csv`` up to date with the results of a machine, and return what it says.

    Lines of commits that this repository does not have stay as they are; what is no line of it is named.
    """
    known = {c.commit: c for c in read(folder / FILE, print)}
    for name in measured(folder):
        if found := describe(root, name):
            known[name] = found
    ordered = sorted(known.values(), key=lambda c: (c.ancestors, c.date, c.commit))
    if ordered:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(f.name for f in fields(Commit))
        writer.writerows(astuple(c) for c in ordered)
        replace(folder / FILE, out.getvalue())
    return ordered


def read(path: Path, say: Callable[[str], object] = lambda _: None) -> list[Commit]:
    """What the file says; what is damaged in it is left out, and said: git has most of it again."""
    try:
        rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        say(f"{path.name} cannot be read: {error}")
        return []
    found = []
    try:
        for r in rows:
            try:
                made = Commit(r["commit"], int(r["ancestors"]), r["date"], r["package"], r["subject"])
                found.append(made)
            except (ValueError, KeyError, TypeError):
                say(f"{path.name}, line {rows.line_num}, is damaged and left out")
    except csv.Error as error:
        say(f"{path.name}, from line {rows.line_num + 1} on, is no CSV ({error}) and left out")
    return found


def describe(root: Path, name: str) -> Commit | None:
    """A commit as git knows it; None where it does not."""
    shown = git(root, "show", "--no-patch", "--format=%H%n%cI%n%s", name, "--")
    if shown.returncode:
        return None
    full, date, subject = shown.stdout.split("\n")[:3]
    ancestors = int(git(root, "rev-list", "--count", full, "--").stdout) - 1
    package = git(root, "rev-parse", "--verify", "--quiet", f"{full}:{PACKAGE}").stdout.strip()
    return Commit(full, ancestors, date, package, subject)


def replace(path: Path, text: str) -> None:
    """Write all of a file or nothing: a full disk leaves the old one as it was."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

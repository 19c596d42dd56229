"""What BASE and HEAD name: a commit, or the working tree as it is; each written out into a folder.

Git is asked, never guessed at: a name that git cannot resolve is refused before anything is built.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WORKING_TREE: Final = "."
"""What names the working tree on the command line."""


class UnknownRevision(ValueError):
    """A name is no commit of this repository; the message says which."""


@dataclass(frozen=True)
class Revision:
    """One side of a comparison.

    Attributes:
        asked: what the user called it.
        commit: the full hash; of the working tree, that of the commit below it.
        subject: of the commit. Foreign text: escape it wherever it is shown.
        time: of the commit, ISO 8601 as git has it. Never relied on: clocks go backwards.
        uncommitted: files that differ from the commit; only ever in the working tree.
    """

    asked: str
    commit: str
    subject: str
    time: str
    uncommitted: tuple[str, ...] = ()

    @property
    def is_tree(self) -> bool:
        """Whether it is the working tree."""
        return self.asked == WORKING_TREE

    @property
    def label(self) -> str:
        """``1234abcd``, or ``1234abcd + 3 uncommitted files``."""
        short = self.commit[:10]
        if not self.is_tree:
            return short
        count = len(self.uncommitted)
        return f"{short} + {count} uncommitted file{'s' if count != 1 else ''}"

    def as_dict(self) -> dict[str, Any]:
        """As the record has it."""
        return {
            "asked": self.asked,
            "commit": self.commit,
            "subject": self.subject,
            "time": self.time,
            "dirty": bool(self.uncommitted),
            "uncommitted": list(self.uncommitted),
        }


def resolve(name: str, repository: Path) -> Revision:
    """The revision that ``name`` means: a commit, branch or tag, or :data:`WORKING_TREE`.

    Raises:
        UnknownRevision: git knows no such commit, or the folder is no git repository.
    """
    tree = name == WORKING_TREE
    # --end-of-options: a name that begins with a dash is a name, too
    commit = _git(
        repository,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{'HEAD' if tree else name}^{{commit}}",
    )
    if commit is None:
        if _git(repository, "rev-parse", "--git-dir") is None:
            raise UnknownRevision(
                f"{repository.name} is no git repository: there are no revisions to compare"
            )
        raise UnknownRevision(
            f"revision must be a commit, branch or tag of this repository, or '.' for the working tree; "
            f"got {name!r} (a shallow clone lacks older commits: git fetch --unshallow)"
        )
    described = _git(repository, "show", "-s", "--format=%cI%n%s", commit) or "\n"
    time, _, subject = described.partition("\n")
    return Revision(name, commit, subject, time, uncommitted(repository) if tree else ())


def uncommitted(repository: Path) -> tuple[str, ...]:
    """The files that differ from the commit that is checked out, untracked ones included."""
    listed = _git(repository, "status", "--porcelain", "--untracked-files=all", "-z", "--no-renames") or ""
    return tuple(sorted(line[3:] for line in listed.split("\0") if line))


def files_in(revision: Revision, repository: Path) -> list[str]:
    """The names of a revision's files, nothing written out; of the working tree, those of its commit."""
    listed = _git(repository, "ls-tree", "-r", "-z", "--name-only", "--full-tree", revision.commit) or ""
    return [name for name in listed.split("\0") if name]


def export(revision: Revision, repository: Path, folder: Path) -> None:
    """Write the files of a revision into ``folder``, which is made.

    Raises:
        OSError: git failed, the folder cannot be written, or a link leads out of it.
    """
    folder.mkdir(parents=True)
    if revision.is_tree:
        _copy_tree(repository, folder)
        return
    done = subprocess.run(
        ["git", "archive", "--format=tar", revision.commit], cwd=repository, capture_output=True, check=False
    )
    if done.returncode:
        raise OSError(f"git archive failed: {done.stderr.decode(errors='replace').strip()}")
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise OSError(f"{error.tarinfo.name!r} leads out of the folder of its files") from error


def _copy_tree(repository: Path, folder: Path) -> None:
    listed = _git(repository, "ls-files", "--cached", "--others", "--exclude-standard", "-z") or ""
    for name in filter(None, listed.split("\0")):
        source, target = repository / name, folder / name
        if source.is_file():  # one that was deleted is listed, too
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _git(repository: Path, *arguments: str) -> str | None:
    """What git prints, less the last line end; None where it fails or does not exist."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=repository, capture_output=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").removesuffix("\n")

"""What names mean, and what is written out of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.compare.revisions import UnknownRevision, export, resolve, uncommitted
from tests.compare.conftest import SUBJECT, git


@pytest.mark.parametrize("name", ["no-such-branch", "--all", "", "HEAD:gem_impls", "0123456"])
def test_an_unknown_revision_is_named(planted: Path, name: str) -> None:
    with pytest.raises(UnknownRevision, match="must be a commit, branch or tag") as refused:
        resolve(name, planted)
    assert repr(name) in str(refused.value)


def test_a_folder_without_git_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UnknownRevision, match="no git repository"):
        resolve("HEAD", tmp_path)


def test_a_commit_whose_clock_ran_backwards_is_a_commit(planted: Path) -> None:
    base, later = resolve("base", planted), resolve("inexact", planted)
    assert later.time < base.time
    assert later.subject == SUBJECT
    assert later.as_dict()["dirty"] is False


def test_the_working_tree_is_exported_as_it_is(repository: Path, tmp_path: Path) -> None:
    (repository / "README.md").unlink()
    (repository / "gem_impls" / "spec.py").write_text("changed\n")
    (repository / "new file.py").write_text("new\n")
    (repository / "build").mkdir()
    (repository / "build" / "ignored").write_text("")
    tree = resolve(".", repository)
    assert tree.uncommitted == ("README.md", "gem_impls/spec.py", "new file.py")
    assert tree.label.endswith("+ 3 uncommitted files")
    export(tree, repository, tmp_path / "out")
    assert not (tmp_path / "out" / "README.md").exists()
    assert (tmp_path / "out" / "gem_impls" / "spec.py").read_text() == "changed\n"
    assert (tmp_path / "out" / "new file.py").exists()
    assert not (tmp_path / "out" / "build").exists()


def test_a_commit_is_exported_as_it_was(repository: Path, tmp_path: Path) -> None:
    (repository / "gem_impls" / "spec.py").write_text("changed\n")
    export(resolve("inexact", repository), repository, tmp_path / "out")
    kept = git(repository, "show", "inexact:gem_impls/impls/numpy_cpu.py")
    assert (tmp_path / "out" / "gem_impls" / "impls" / "numpy_cpu.py").read_text().strip() == kept
    assert (tmp_path / "out" / "gem_impls" / "spec.py").read_text() != "changed\n"


def test_a_clean_tree_has_nothing_uncommitted(planted: Path) -> None:
    assert uncommitted(planted) == ()
    assert resolve(".", planted).as_dict()["dirty"] is False


def test_a_link_out_of_the_folder_is_not_followed(repository: Path, tmp_path: Path) -> None:
    (repository / "outside").symlink_to("/etc/passwd")
    git(repository, "add", "outside")
    git(repository, "commit", "--quiet", "-m", "linked")
    with pytest.raises(OSError, match="'outside' leads out of the folder"):
        export(resolve("HEAD", repository), repository, tmp_path / "out")

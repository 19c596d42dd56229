"""What ``python -m reports build`` leaves on the disk, whatever goes wrong, and its exit codes."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from reports import __main__ as command
from tests.reports import asv_factory, factory
from tests.reports.factory import case, entry, sweep, write

ROOT = Path(__file__).parents[2]
SMALL = sweep([entry(case(), [1e-3] * 5)])


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def built(data, tmp_path):
    """A site, and the arguments that built it."""
    write(data, SMALL)
    (tmp_path / "asv").mkdir()
    out = tmp_path / "site"
    arguments = ["build", "--data", str(data), "--asv", str(tmp_path / "asv"), "--out", str(out)]
    assert command.main(arguments) == 0
    return out, arguments


# --- asv's pages ------------------------------------------------------------------------------------------


def test_asv_s_pages_are_put_in_linked_and_kept(built, tmp_path):
    out, arguments = built
    assert 'href="asv/index.html"' not in (out / "index.html").read_text()
    published = asv_factory.published(asv_factory.history(tmp_path / "asv", 9), tmp_path / "published")
    kept = []
    for further in (["--nested", str(published)], []):  # a plain build keeps what is there
        assert command.main([*arguments, *further]) == 0
        kept.append(contents(out / "asv"))
        assert 'href="asv/index.html"' in (out / "index.html").read_text()
    assert kept[0] == kept[1]
    assert any(name.endswith("asv_cpu.Latency.time_call.json") for name in kept[0])


def test_a_folder_without_asv_s_pages_is_refused(built, tmp_path, capsys):
    out, arguments = built
    before = contents(out)
    assert command.main([*arguments, "--nested", str(tmp_path)]) == 2
    assert f"{tmp_path} holds no index.json" in capsys.readouterr().err
    assert contents(out) == before


# --- exit codes -------------------------------------------------------------------------------------------


def refused(**header):
    """A sweep whose every case is damaged."""
    made = sweep([entry(case(), [1e-3] * 5)], **header)
    made["benchmarks"][0]["extra_info"]["schema"] = 99
    return made


def test_a_sweep_of_which_no_case_can_be_read_is_an_error_and_still_a_page(built, data, capsys):
    out, arguments = built
    write(data, refused(), "newest.json")
    newest = refused()
    newest["gem_impls"]["started"] = "2026-11-29T10:00:00+00:00"
    write(data, newest, "newest.json")
    assert command.main(arguments) == 1
    said = capsys.readouterr().err
    assert "schema is 99; this report reads schema 1" in said
    assert "nothing of the newest sweep could be used" in said
    assert "schema is 99" in (out / "data.html").read_text()


def test_an_old_sweep_that_cannot_be_read_is_named_and_no_error(built, data, capsys):
    _, arguments = built
    old = refused()
    old["gem_impls"]["started"] = "2026-11-01T10:00:00+00:00"
    write(data, old, "old.json")
    assert command.main(arguments) == 0
    assert "schema is 99" in capsys.readouterr().err


def test_a_store_of_another_schema_is_an_error(data, tmp_path, capsys):
    content = sweep([entry(case(), [1e-3] * 5)], schema=2)
    write(data, content)
    assert command.main(["build", "--data", str(data), "--out", str(tmp_path / "site")]) == 1
    assert "its schema is 2; this report reads schema 1" in capsys.readouterr().err


# --- nothing is lost --------------------------------------------------------------------------------------


FULL = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.argv = ["reports", *sys.argv[1:]]
runpy.run_module("reports", run_name="__main__")
"""


def test_a_full_disk_leaves_the_site_as_it_was(built, tmp_path):
    out, arguments = built
    before, around = contents(out), sorted(p.name for p in tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", FULL, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert contents(out) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == around, "scraps are left"


def test_a_site_that_cannot_take_its_place_leaves_the_old_one(built, tmp_path, monkeypatch, capsys):
    out, arguments = built
    before = contents(out)
    move = Path.rename

    def fails_once(self, target):
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return move(self, target)

    monkeypatch.setattr(Path, "rename", fails_once)
    assert command.main(arguments) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert contents(out) == before


@contextlib.contextmanager
def as_somebody_else():
    """As a user for whom permissions hold: for root they do not."""
    nobody = 65534
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_folder_is_said_and_left_alone(built, data, capsys):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        place = Path(name)
        shutil.copytree(data, place / "data")
        (place / "locked").mkdir(mode=0o555)
        place.chmod(0o755)
        named = ["--data", place / "data", "--asv", place / "data", "--out", place / "locked" / "site"]
        with as_somebody_else():
            assert command.main(["build", *map(str, named)]) == 2
        assert "Permission denied" in capsys.readouterr().err
        assert list((place / "locked").iterdir()) == []


# --- the same everywhere ----------------------------------------------------------------------------------


def test_a_copy_of_the_programs_and_of_the_store_gives_the_same_bytes(tmp_path):
    sites = []
    for index, name in enumerate(("here", "some/where else")):
        place = tmp_path / name
        for folder in ("gem_impls", "benchmarks", "reports"):
            shutil.copytree(
                ROOT / folder, place / folder, ignore=shutil.ignore_patterns("data", "html", "__pycache__")
            )
        store = place / "reports" / "data"
        if index == 0:
            write(store, factory.realistic())
            write(store, SMALL | {"datetime": "2026-11-21T10:00:00+00:00"}, "again.json")
            asv_factory.history(store / "asv", 9)
        else:
            shutil.copytree(tmp_path / "here" / "reports" / "data", store)
        environment = os.environ | {
            "SOURCE_DATE_EPOCH": "0",
            "PYTHONHASHSEED": str(index),
            "GIT_DIR": "/nowhere",
        }
        done = subprocess.run(
            [sys.executable, "-m", "reports", "build"],
            cwd=place, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        sites.append(contents(place / "reports" / "html"))
    assert len(sites[0]) > 40
    assert sites[0] == sites[1]

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reports import __main__ as command
from tests.reports import factory
from tests.reports.factory import write

ROOT = Path(__file__).parents[2]


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "reports", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_ends_with_the_path_of_the_page(data, tmp_path):
    write(data, factory.realistic())
    (data / "broken.json").write_bytes(b"{")
    done = run("build", "--data", data, "--out", tmp_path / "site", SOURCE_DATE_EPOCH="0")
    assert done.returncode == 0
    page = Path(done.stdout.splitlines()[-1])
    assert page == tmp_path / "site" / "index.html"
    assert "1970-01-01 00:00 UTC" in page.read_text()
    assert "reports: data/broken.json: left out: it is not JSON" in done.stderr


def test_several_folders_and_asv(data, tmp_path, capsys):
    other = tmp_path / "other"
    write(data, factory.realistic())
    write(other, factory.realistic(environment={"cpu": "Other"}))
    (tmp_path / "asv").mkdir()
    out = tmp_path / "site"
    named = ["--data", str(data), "--data", str(other), "--asv", str(tmp_path / "asv"), "--out", str(out)]
    assert command.main(["build", *named]) == 0
    assert capsys.readouterr().out == f"{out / 'index.html'}\n"
    assert len(list(out.glob("latency-*.html"))) == 2


def test_the_answer_in_markdown_is_the_page_s(data, capsys):
    write(data, factory.realistic(environment={"machine": "A <b>machine</b> | *x*"}))
    assert command.main(["answer", "--data", str(data)]) == 0
    sentence, remark, table = capsys.readouterr().out.strip().split("\n\n")[:3]
    assert sentence.startswith(
        r"On A \<b\>machine\</b\> \| \*x\*, float32, 2²² elements: GEM (n = 1) forward takes **"
    )
    assert "2026-11-20 10:00 UTC, quick sweep" in remark
    lines = table.splitlines()
    assert len({line.replace(r"\|", "").count("|") for line in lines}) == 1, "every row has every column"
    assert len(lines) == 2 + 3 * 3 + 1
    assert lines[2].startswith(r"| torch\_compile | gem | 1.09 × (1.06–1.11) |")


@pytest.mark.parametrize("content", [None, {"gem_impls": 1}, factory.sweep([])])
def test_there_is_no_answer_without_a_measurement(data, capsys, content):
    if content:
        write(data, content)
    assert command.main(["answer", "--data", str(data)]) == 2
    assert capsys.readouterr().out == ""


def test_nothing_to_report_is_said_and_still_a_page(data, tmp_path, capsys):
    assert command.main(["build", "--data", str(data), "--out", str(tmp_path / "site")]) == 0
    assert "make report" in capsys.readouterr().err
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.parametrize("option", ["--data", "--asv"])
def test_a_folder_that_is_not_there_is_named(tmp_path, capsys, option):
    assert command.main(["build", option, str(tmp_path / "none"), "--out", str(tmp_path / "site")]) == 2
    assert f"{tmp_path / 'none'} is not a folder" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("arguments", [[], ["biuld"], ["build", "--sata", "x"]])
def test_a_mistyped_command_is_refused(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(arguments)
    assert "usage: python -m reports" in capsys.readouterr().err


def test_a_rebuild_replaces_the_site_whole(data, tmp_path):
    out = tmp_path / "site"
    (data / "asv").mkdir()
    arguments = ["build", "--data", str(data), "--asv", str(data / "asv"), "--out", str(out)]
    path = write(data, factory.realistic())
    assert command.main(arguments) == 0
    assert (out / "data" / "measurements.csv.gz").is_file()
    path.unlink()
    assert command.main(arguments) == 0
    assert not (out / "data" / "measurements.csv.gz").exists()
    assert not list(out.glob("latency*"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "site"]


def test_a_folder_that_is_not_a_report_is_left_alone(data, tmp_path, capsys):
    precious = tmp_path / "home" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")
    assert command.main(["build", "--data", str(data), "--out", str(precious.parent)]) == 2
    assert "is not a report" in capsys.readouterr().err
    assert precious.read_text() == "years of work"
    assert command.main(["build", "--data", str(data), "--out", str(precious)]) == 2
    assert precious.read_text() == "years of work"


def test_an_unwritable_place_is_an_error_and_not_a_crash(data, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert command.main(["build", "--data", str(data), "--out", str(tmp_path / "file" / "site")]) == 2
    assert "reports: " in capsys.readouterr().err

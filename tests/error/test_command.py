"""The command: exit codes, bad input, what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.error import command, record, sample, subjects
from gem_impls.registry import implementations

QUICK = ["--variant", "gem", "--n", "1", "--points", "1000"]


def run(tmp_path: Path, *options: str) -> int:
    return main(["error", *options, "--cache", str(tmp_path / "cache")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--implementation", "numpy_gpu"], "unknown implementation 'numpy_gpu'.*Did you mean 'numpy_cpu'"),
        (["--dtype", "float8"], "unknown dtype 'float8'.*bfloat16"),
        (
            ["--implementation", "numpy_cpu", "--dtype", "bfloat16"],
            "numpy_cpu has no bfloat16: it has float16",
        ),
        (["--variant", "gen"], "unknown variant 'gen'.*Did you mean"),
        (["--n"], "the grid is empty: no values for n"),
        (["--variant", "e-gem", "--eps"], "the grid is empty: no values for eps"),
        (["--n", "0"], "n must be an integer >= 1; got 0"),
        (["--eps", "-1"], "eps must be a finite number > 0; got -1"),
        (["--n", "1.5"], "argument --n: an integer is needed; got '1.5'"),
        (["--points", "10"], "--points must be at least 1000; got 10"),
        (["--implementation", "numpy_cpu", "--device", "cuda"], "numpy_cpu is not measured: .*CPU"),
        (["--device", "tpu"], "invalid choice: 'tpu'"),
        (["--at", "0x1p0"], "--at needs one --implementation"),
    ],
)
def test_bad_input_is_named_before_anything_is_measured(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = run(tmp_path, *options)
    except SystemExit as stop:  # argparse's own way
        code = int(str(stop.code))
    assert code == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("error: ")
    assert pytest.RaisesExc(ValueError, match=message).matches(ValueError(said))
    assert not (tmp_path / "cache" / "runs").exists()


@pytest.mark.parametrize("option", ["--cache", "--out"])
def test_an_unwritable_place_is_named(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    places = {
        "--cache": str(tmp_path / "cache"),
        "--out": str(tmp_path / "r.json"),
        option: str(blocked / "x"),
    }
    line = ["error", "--implementation", "numpy_cpu", *QUICK]
    assert main([*line, *(word for pair in places.items() for word in pair)]) == 2
    assert f"name another with {option}" in capsys.readouterr().err


def test_a_dtype_is_left_out_of_those_that_lack_it_unless_they_were_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subjects, "names", lambda: ("numpy_cpu", "torch_naive"))
    out = tmp_path / "record.json"
    assert run(tmp_path, "--dtype", "bfloat16", *QUICK, "--out", str(out)) == 0
    assert "numpy_cpu has no bfloat16" in capsys.readouterr().err
    assert json.loads(out.read_text())["gem_impls_error"]["implementation"] == "torch_naive"


def test_a_record_for_each_implementation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subjects, "names", lambda: ("numpy_cpu", "torch"))
    assert run(tmp_path, "--dtype", "float16", *QUICK, "--out", str(tmp_path / "e.json")) == 0
    written = sorted(path.name for path in tmp_path.glob("*.json"))
    assert written == ["e-numpy_cpu.json", "e-torch.json"]
    said = capsys.readouterr()
    assert "left: " in said.err or "%: " in said.err
    assert "correctly rounded" in said.out


def test_what_is_in_a_record(tmp_path: Path) -> None:
    out = tmp_path / "record.json"
    options = ["--variant", "se-gem", "--n", "1", "--eps", "1e-4", "--negative-slope", "0.01", "-0.1"]
    line = ["--implementation", "numpy_cpu", "--points", "1000"]
    assert run(tmp_path, *line, *options, "--out", str(out)) == 0
    text = out.read_text()
    found: dict[str, Any] = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    header = found["gem_impls_error"]
    assert header["schema"] == record.SCHEMA
    assert header["command"].startswith("python -m benchmarks error --implementation numpy_cpu")
    assert header["environment"]["numpy"]
    assert header["seconds"].keys() == {"float16", "float32", "float64"}
    assert len(found["maps"]) == 2 * 3 * 2  # slopes, dtypes, value and gradient
    assert {row["dtype"] for row in found["summary"]} == {"float16", "float32", "float64"}
    for entry in found["maps"]:
        assert entry["beyond"] == entry["nonfinite"] == entry["wrong_sign"] == entry["special_wrong"] == 0
        assert entry["right"] == {"positive": [0.0, "inf"], "negative": [0.0, "inf"]}
        assert entry["not_monotone"] is None if entry["what"] == "gradient" else entry["not_monotone"] >= 0
        assert entry["worst"]["ulp"] == entry["max_ulp"]
    sixteen = [entry for entry in found["maps"] if entry["dtype"] == "float16"]
    assert all(entry["inputs"] == 65536 and entry["points"] == "all" for entry in sixteen)
    assert {(c["negative_slope"], c["side"]) for c in found["curves"]} == {
        (0.01, "positive"),
        (0.01, "negative"),
    }
    assert len(found["products"]) == 6 * 3
    assert all(entry["beyond"] == entry["nonfinite"] == 0 for entry in found["products"])
    checks = {entry["check"] for entry in found["consistency"]}
    assert checks >= {"out=", "in place", "lengths", "offsets", "order", "strided", "transposed", "repeated"}
    assert all(entry["different"] == 0 for entry in found["consistency"])


def test_a_reproducer_shows_the_worst_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "record.json"
    run(tmp_path, "--implementation", "numpy_cpu", "--dtype", "float32", *QUICK, "--out", str(out))
    worst = json.loads(out.read_text())["worst_inputs"][0]
    capsys.readouterr()
    words = worst["reproducer"].split()
    assert words[:3] == ["python", "-m", "benchmarks"]
    assert main(words[3:]) == 0
    said = capsys.readouterr().out
    assert worst["x"] in said
    assert worst["got"] in said
    assert worst["rounded"] in said
    assert f"{worst['ulp']:.6g} ulp" in said


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--implementation", "torch", "--peer", "gelu", "--at=inf"], "correctly rounded  inf"),
        (["--implementation", "torch_autograd", "--what", "second_derivative", "--at=0x1p0"], "error"),
    ],
)
def test_one_input_of_other_subjects(
    options: list[str], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["error", "--dtype", "float32", *options]) == 0
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at=0x1.00001p0", "--dtype", "float16"], "--at must be a number that float16 has"),
        (["--at=0x1p0", "--dtype", "bfloat16"], "unknown dtype for numpy_cpu 'bfloat16'"),
        (["--at=0x1p0", "--dtype", "float16", "--what", "second_derivative"], "unknown --what for numpy_cpu"),
    ],
)
def test_one_input_that_cannot_be_shown(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["error", "--implementation", "numpy_cpu", *options]) == 2
    assert message in capsys.readouterr().err


def test_what_cannot_be_measured_is_said_and_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--implementation", "numpy_cpu", "--dtype", "float16", "float64", "--variant", "e-gem"]
    out = tmp_path / "record.json"
    line = [*options, "--n", "1", "--eps", "1e-50", "--points", "1000", "--out", str(out)]
    assert run(tmp_path, *line) == 2  # float32 arithmetic cannot carry 1e-50, float64 can
    assert "could not be measured: ValueError: eps must lie between" in capsys.readouterr().out
    found = json.loads(out.read_text())
    assert {entry["dtype"] for entry in found["maps"]} == {"float64"}
    assert found["gem_impls_error"]["not_measured"]


def test_worst_inputs_are_kept_on_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    monkeypatch.setattr(sample, "FILE", file)
    keep = sample.keep
    monkeypatch.setattr(command.sample, "keep", lambda found: keep(found, file))
    out = tmp_path / "record.json"
    line = ["--implementation", "numpy_cpu", "--dtype", "float32", *QUICK, "--out", str(out)]
    assert run(tmp_path, *line, "--keep-worst") == 0
    stored = json.loads(file.read_text())
    for entry in json.loads(out.read_text())["worst_inputs"]:
        assert entry["x"] in stored["float32"]


def test_all_implementations_are_known_to_it() -> None:
    assert set(subjects.names()) == {*implementations(), "torch", "torch_autograd"}


def test_the_table_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "error" in capsys.readouterr().out
    assert main(["eror"]) == 2
    assert "unknown command 'eror'" in capsys.readouterr().err
    assert main([]) == 2

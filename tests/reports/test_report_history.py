import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.figures import Palette
from reports.history import load_history
from reports.trends import trends

COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b"]
COLUMNS += ["stats_q_25", "stats_q_75", "stats_number", "stats_repeat", "samples", "profile"]
AXES = [["'torch_compile'", "'numpy_cpu'"], ["1024", "65536"]]
TIME, ULP = "asv_cpu.Forward.time_call", "asv_cpu.Error.track_ulp"


def row(values, q25=None, q75=None, params=AXES, version="1"):
    """A row as asv writes it: trailing empty columns are left off."""
    return [values, params, version, 1, 0.5, None, None, q25, q75]


def result(commit, day, results, machine="bench", python="3.11", requirements=None):
    return {
        "commit_hash": commit,
        "env_name": "existing-py_home_someone_bin_python",
        "date": int(datetime(2026, 11, day, tzinfo=UTC).timestamp() * 1000),
        "params": {"machine": machine, "os": "Linux"},
        "python": python,
        "requirements": requirements or {},
        "env_vars": {},
        "result_columns": COLUMNS,
        "results": results,
        "durations": {},
        "version": 2,
    }


def write(folder: Path, *results):
    folder.mkdir(exist_ok=True)
    benchmarks = {
        TIME: {"param_names": ["implementation", "numel"], "params": AXES, "unit": "seconds", "version": "1"},
        ULP: {"param_names": [], "params": [], "unit": "ulp", "version": "1"},
        "version": 2,
    }
    (folder / "benchmarks.json").write_text(json.dumps(benchmarks))
    for index, one in enumerate(results):
        machine = folder / one["params"]["machine"]
        machine.mkdir(exist_ok=True)
        (machine / "machine.json").write_text('{"machine": "bench", "version": 1}')
        (machine / f"{one['commit_hash'][:8]}-env{index}.json").write_text(json.dumps(one))
    return folder


@pytest.fixture
def two_commits(tmp_path):
    newer = {TIME: row([2e-5, 4e-4, 3e-5, 6e-4], [1e-5, 3e-4, 2e-5, 5e-4], [3e-5, 5e-4, 4e-5, 7e-4])}
    older = {TIME: row([1e-5, 3e-4, float("nan"), None]), ULP: row([2.5], params=[])}
    return write(tmp_path / "asv", result("b" * 40, 2, newer), result("a" * 40, 1, older))


def test_series_are_read_by_date_with_quartiles(two_commits):
    history = load_history(two_commits)
    assert history.problems == ()
    assert history.commits == ("a" * 40, "b" * 40)
    series = {s.parameters: s for s in history.series if s.benchmark == TIME}
    compiled = series[("implementation", "torch_compile"), ("numel", "65536")]
    assert [(p.value, p.q1, p.q3) for p in compiled.points] == [(3e-4, 3e-4, 3e-4), (4e-4, 3e-4, 5e-4)]
    assert compiled.unit == "seconds"
    # NaN and null are no figures
    assert len(series[("implementation", "numpy_cpu"), ("numel", "1024")].points) == 1


def test_a_machines_path_is_not_shown(tmp_path):
    folder = write(
        tmp_path / "asv", result("a" * 40, 1, {ULP: row([1.0], params=[])}, python="/home/someone/py")
    )
    assert load_history(folder).series[0].environment == ""


def test_machines_and_environments_are_never_joined(tmp_path):
    results = {ULP: row([1.0], params=[])}
    folder = write(
        tmp_path / "asv",
        result("a" * 40, 1, results),
        result("b" * 40, 2, results, machine="other"),
        result("c" * 40, 3, results, python="3.12"),
        result("d" * 40, 4, results, requirements={"torch": "2.13.0"}),
    )
    assert [len(s.points) for s in load_history(folder).series] == [1, 1, 1, 1]


def test_versions_of_a_benchmark_are_never_joined(tmp_path):
    folder = write(
        tmp_path / "asv",
        result("a" * 40, 1, {ULP: row([1.0], params=[], version="0")}),
        result("b" * 40, 2, {ULP: row([2.0], params=[])}),
    )
    history = load_history(folder)
    assert [p.value for s in history.series for p in s.points] == [2.0]
    assert "another version" in history.problems[0].text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 1}',
        json.dumps(result("c" * 40, 3, {}) | {"results": []}).encode(),
        json.dumps(result("c" * 40, 3, {}) | {"date": 1e400}).encode(),
        json.dumps(result("c" * 40, 3, {}) | {"date": 1e30}).encode(),
        json.dumps(result("c" * 40, 3, {}) | {"commit_hash": None}).encode(),
        json.dumps(result("c" * 40, 3, {}) | {"params": {}}).encode(),
        json.dumps(result("c" * 40, 3, {}) | {"requirements": [1]}).encode(),
        json.dumps(result("c" * 40, 3, {ULP: 7})).encode(),
        json.dumps(result("c" * 40, 3, {ULP: row("fast", params=[])})).encode(),
        json.dumps(result("c" * 40, 3, {ULP: row([1, 2], params=[])})).encode(),
        json.dumps(result("c" * 40, 3, {ULP: row([1], params=[["a"] * 1000] * 4)})).encode(),
    ],
)
def test_a_damaged_result_is_named_and_the_rest_is_read(two_commits, content):
    (two_commits / "bench" / "broken.json").write_bytes(content)
    history = load_history(two_commits)
    assert [p.shown for p in history.problems] == ["asv/bench/broken.json"]
    assert history.commits == ("a" * 40, "b" * 40)


def test_without_a_list_of_benchmarks_results_still_show(two_commits):
    (two_commits / "benchmarks.json").write_text("{")
    history = load_history(two_commits)
    assert len(history.problems) == 1
    assert {dict(s.parameters).get("parameter 1") for s in history.series} >= {"torch_compile", "numpy_cpu"}


def test_no_folder_is_an_empty_history(tmp_path):
    assert load_history(tmp_path / "none").series == ()
    assert load_history(None).series == ()


def test_a_figure_needs_two_commits(two_commits):
    drawn = list(trends(load_history(two_commits), Palette(("numpy_cpu", "torch_compile"))))
    assert [d.title for d in drawn] == [TIME]
    # one set of the other parameters, the largest, and a line an implementation
    assert "numel = 65536" in drawn[0].caption
    assert "torch_compile 400 µs" in drawn[0].alt


def test_history_is_on_the_page(two_commits, build):
    page = build(asv=two_commits)["index.html"].decode()
    assert TIME in page
    assert "bbbbbb" in page

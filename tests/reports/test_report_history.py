import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.history.changes import judged
from reports.history.results import load_history

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


# --- failures, renames, duplicates ------------------------------------------------------------------------


def test_what_failed_is_not_what_was_not_offered(tmp_path):
    older = {TIME: row([1e-5, 3e-4, 1e-5, 1e-5])}
    newer = {TIME: row([2e-5, None, float("nan"), 1e-5])}
    history = load_history(write(tmp_path / "asv", result("a" * 40, 1, older), result("b" * 40, 2, newer)))
    failed = {tuple(v for _, v in s.parameters): s.failed for s in history.series}
    assert failed == {
        ("torch_compile", "1024"): (),
        ("torch_compile", "65536"): ("b" * 40,),
        ("numpy_cpu", "1024"): (),
        ("numpy_cpu", "65536"): (),
    }


def test_a_commit_that_does_not_build_is_in_the_log_without_figures(tmp_path):
    nothing = {TIME: [None, AXES, "1", 1, 0.1]}
    fine = {TIME: row([1e-5, 3e-4, 1e-5, 1e-5])}
    history = load_history(write(tmp_path / "asv", result("a" * 40, 1, fine), result("b" * 40, 2, nothing)))
    assert [c.hash for c in history.log] == ["a" * 40, "b" * 40]
    assert history.commits == ("a" * 40,)
    assert all(s.failed == ("b" * 40,) for s in history.series)
    assert judged(history).unmeasured == (history.log[1],)


def test_a_renamed_benchmark_is_shown_under_its_old_name_and_said_once(tmp_path):
    old = "asv_cpu.Backward.time_call"
    folder = write(
        tmp_path / "asv",
        *(result(letter * 40, day, {old: row([1.0], params=[])}) for day, letter in enumerate("abc", 1)),
    )
    history = load_history(folder)
    (series,) = history.series
    assert (series.benchmark, series.unit, len(series.points)) == (old, "seconds", 3)
    (problem,) = history.problems
    assert problem.shown == old
    assert problem.text.startswith("benchmarks.json does not list it: renamed or removed")


def test_a_missing_machine_file_is_said(two_commits):
    (two_commits / "bench" / "machine.json").unlink()
    history = load_history(two_commits)
    assert len(history.commits) == 2
    (problem,) = history.problems
    assert problem.shown == "asv/bench"
    assert problem.text.startswith("machine.json is missing")


def test_duplicates_the_later_one_stands(two_commits):
    again = result("b" * 40, 2, {TIME: [*row([9.0, 9.0, 9.0, 9.0])[:3], 99, 0.5]})
    (two_commits / "bench" / "a-copy.json").write_text(json.dumps(again))
    history = load_history(two_commits)
    newest = [s.points[-1].value for s in history.series if s.benchmark == TIME]
    assert newest == [9.0, 9.0, 9.0, 9.0]
    (problem,) = history.problems
    assert "measured twice" in problem.text
    assert problem.text.endswith("; the later figures stand")


def test_of_duplicates_without_a_later_one_the_file_that_stands_is_named(two_commits):
    again = result("b" * 40, 2, {TIME: row([9.0, 9.0, 9.0, 9.0])})
    (two_commits / "bench" / "z-copy.json").write_text(json.dumps(again))
    history = load_history(two_commits)
    assert [s.points[-1].value for s in history.series if s.benchmark == TIME] == [9.0, 9.0, 9.0, 9.0]
    (problem,) = history.problems
    assert problem.shown == "asv/bench/z-copy.json"
    assert problem.text.endswith("; where they do not say which is later, the figures of this file stand")


def test_a_plain_copy_changes_nothing(two_commits):
    before = load_history(two_commits)
    (stored,) = (two_commits / "bench").glob("bbbb*.json")
    (two_commits / "bench" / "a-copy.json").write_bytes(stored.read_bytes())
    after = load_history(two_commits)
    assert after.series == before.series
    assert after.problems == ()


def test_another_schema_is_named(two_commits):
    (two_commits / "bench" / "new.json").write_text('{"version": 3, "commit_hash": "c"}')
    (problem,) = load_history(two_commits).problems
    assert problem.text == "left out: its asv format is 3; this report reads 2"


# --- the log of commits -----------------------------------------------------------------------------------

HEAD = "commit,ancestors,date,package,subject\n"


def logged(folder, *lines):
    (folder / "bench" / "commits.csv").write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return load_history(folder)


def test_commits_have_subjects(two_commits):
    history = logged(two_commits, f'{"a" * 40},4,2026-11-01T00:00:00+00:00,p1,"A, with ""quotes"""')
    assert [(c.subject, c.package) for c in history.log] == [('A, with "quotes"', "p1"), ("", "")]


def test_a_clock_that_went_back_does_not_change_the_order(two_commits):
    history = logged(
        two_commits,
        f"{'a' * 40},8,2026-11-01T00:00:00Z,p,the child",
        f"{'b' * 40},7,2026-11-02T00:00:00Z,p,the parent",
    )
    assert [c.subject for c in history.log] == ["the parent", "the child"]
    assert [p.commit[0] for p in history.series[-1].points] == ["b", "a"]
    (problem,) = history.problems
    assert problem.shown == "aaaaaaaa"
    assert "dated before a commit that leads to it" in problem.text


def test_a_commit_that_nobody_described_stands_by_its_date(two_commits):
    (two_commits / "bench" / "c.json").write_text(
        json.dumps(result("c" * 40, 3, {TIME: row([1.0, 1.0, 1.0, 1.0])}))
    )
    history = logged(
        two_commits, f"{'a' * 40},8,2026-11-01T00:00:00Z,p,x", f"{'c' * 40},9,2026-11-03T00:00:00Z,p,y"
    )
    assert [c.hash[0] for c in history.log] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "lists no commit"),
        (b"\xff\xfe", "not UTF-8"),
        (b"commit,date\nx,y\n", "lacks the column ancestors"),
        (f"{HEAD}HEAD,1,2026-11-01,p,s\n".encode(), "commit must be a hash"),
        (f"{HEAD}{'a' * 40},-1,2026-11-01,p,s\n".encode(), "ancestors of aaaaaaaa must be a count"),
        (f"{HEAD}{'a' * 40},1,yesterday,p,s\n".encode(), "must be an ISO 8601 time"),
        (f"{HEAD}{'a' * 40},1\n".encode(), "must be an ISO 8601 time"),
        (f'{HEAD}{"a" * 40},1,2026-11-01,p,"s\n'.encode(), "not CSV"),
    ],
)
def test_a_damaged_log_is_named_and_the_figures_stay(two_commits, content, why):
    (two_commits / "bench" / "commits.csv").write_bytes(content)
    history = load_history(two_commits)
    assert [p.shown for p in history.problems] == ["asv/bench/commits.csv"]
    assert why in history.problems[0].text
    assert history.commits == ("a" * 40, "b" * 40)


def test_a_damaged_line_is_named_and_the_others_count(two_commits):
    good = [f"{letter * 40},4,2026-11-01T00:00:00Z,p,{letter}" for letter in "ab"]
    history = logged(two_commits, good[0], f"{'c' * 40},many,2026-11-01,p,c", good[1], 'x,"unclosed')
    assert [c.subject for c in history.log] == ["a", "b"]
    said = [p.text for p in history.problems]
    assert said[0] == "line 3 left out: ancestors of cccccccc must be a count; got 'many'"
    assert said[1].startswith("left out from line 5 on: it is not CSV")


def test_many_damaged_lines_are_counted(two_commits):
    history = logged(two_commits, *["x,1,2026-11-01,p,s"] * 50)
    assert len(history.problems) == 6
    assert history.problems[-1].text == "and 45 more of its lines left out"


def test_notes_are_read(two_commits):
    (two_commits / "notes.toml").write_text('[commits]\nbbbbbbb = "Because of <this>."\n')
    history = load_history(two_commits)
    assert history.note("b" * 40) == "Because of <this>."
    assert history.note("a" * 40) == ""


@pytest.mark.parametrize(
    "content", ["[commits", "commits = 3", "[commits]\nHEAD = 'x'", "[commits]\naaaaaaa = 7", "\x00"]
)
def test_damaged_notes_are_named(two_commits, content):
    (two_commits / "notes.toml").write_text(content)
    history = load_history(two_commits)
    assert [p.shown for p in history.problems] == ["asv/notes.toml"]
    assert len(history.commits) == 2

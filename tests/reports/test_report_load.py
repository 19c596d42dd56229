import json
from pathlib import Path

import pytest

from reports.load import load
from reports.loaded import Loaded
from tests.reports import factory
from tests.reports.factory import case, entry, skipped, sweep, write

SAMPLES = [1.0e-3, 1.1e-3, 1.2e-3, 1.3e-3]


def one(**changes):
    return sweep([entry(case(**changes), SAMPLES, {"relu": SAMPLES, "copy_": SAMPLES})])


def told(loaded: Loaded) -> str:
    return "\n".join(f"{p.shown}: {p.text}" for p in loaded.problems)


def test_a_whole_record_is_read_without_a_word(data):
    write(data, factory.realistic())
    loaded = load([data])
    assert told(loaded) == ""
    record = loaded.records[0]
    assert (len(record.measurements), len(record.not_measured)) == (288, 19)
    assert record.environment.machine == "Example CPU, 2 threads"


def test_files_are_found_in_any_depth_and_named_without_the_path_above(data):
    write(data / "local" / "deep", one())
    loaded = load([data])
    assert [r.source.shown for r in loaded.records] == ["data/local/deep/0001_sweep.json"]


DAMAGED = {
    "empty": (b"", "empty"),
    "blank": (b" \n", "empty"),
    "truncated": (json.dumps(one()).encode()[:-40], "cut off"),
    "not json": (b"PK\x03\x04\x00", "not JSON"),
    "not utf-8": (b'{"a": "\xff"}', "UTF-8"),
    "a list": (b"[1, 2]", "must hold an object; got a list"),
    "a number": (b"7", "must hold an object; got 7"),
    "null": (b"null", "must hold an object; got nothing"),
    "NaN": (b"NaN", "must hold an object"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "endless number": (b'{"gem_impls": ' + b"9" * 5000 + b"}", "too long"),
    "foreign": (b'{"name": "package", "version": "1"}', "not a record of this suite"),
    "other benchmarks": (b'{"benchmarks": [], "machine_info": {}}', "without this suite's keys"),
    "asv result": (b'{"commit_hash": "a", "result_columns": [], "results": {}}', "--asv"),
    "other schema": (
        json.dumps(one() | {"gem_impls": {"schema": 2, "not_measured": []}}).encode(),
        "schema is 2",
    ),
    "keys of no object": (json.dumps(one() | {"gem_impls": [1]}).encode(), "gem_impls must hold an object"),
    "no cases": (json.dumps(one() | {"benchmarks": {"a": 1}}).encode(), "benchmarks must be a list"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_named_and_left_out_and_the_rest_is_read(data, kind):
    content, said = DAMAGED[kind]
    (data / "broken.json").write_bytes(content)
    write(data, one(), "good.json")
    loaded = load([data])
    assert [r.source.shown for r in loaded.records] == ["data/good.json"]
    assert [p.shown for p in loaded.problems] == ["data/broken.json"]
    assert said in loaded.problems[0].text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("started", "yesterday"),
        ("started", 7),
        ("started", None),
        ("complete", "yes"),
        ("sweep", {"a": 1}),
        ("environment", []),
        ("environment", {"threads": "two"}),
        ("environment", {"threads": True}),
        ("environment", {"machine": ["x"]}),
        ("environment", {"clock_mhz": 1e999}),
        ("not_measured", None),
    ],
)
def test_a_header_of_the_wrong_type_costs_the_file(data, field, value):
    content = one()
    content["gem_impls"][field] = value
    write(data, content)
    loaded = load([data])
    assert loaded.records == ()
    assert field in told(loaded)


CASES = [
    ("n", 0),
    ("n", 1.5),
    ("n", True),
    ("n", 10**40),
    ("eps", "small"),
    ("eps", float("nan")),
    ("eps", float("inf")),
    ("shape", "big"),
    ("shape", [-1]),
    ("shape", [2, None]),
    ("shape", [[2]]),
    ("numel", 0),
    ("numel", 7),
    ("dtype", "float128"),
    ("dtype", "<b>"),
    ("device", "abacus"),
    ("pass", "sideways"),
    ("out", None),
    ("kind", "peers"),
    ("function", ""),
    ("implementation", None),
    ("implementation", {"a": "b"}),
    ("layout", 3),
]


@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_case_of_the_wrong_type_costs_that_case_only(data, field, value):
    content = one()
    spoilt = json.loads(json.dumps(content["benchmarks"][0]))
    spoilt["extra_info"]["case"][field] = value
    content["benchmarks"].append(spoilt)
    write(data, content)
    loaded = load([data])
    assert len(loaded.records[0].measurements) == 1
    assert f"benchmarks[1].extra_info.case.{field}" in told(loaded)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("stats", "data"), []),
        (("stats", "data"), [0.0, 1.0]),
        (("stats", "data"), [-1.0]),
        (("stats", "data"), [float("nan")]),
        (("stats", "data"), [1e300]),
        (("stats", "data"), ["1"]),
        (("stats", "data"), None),
        (("extra_info", "clock"), "sundial"),
        (("extra_info", "cache"), "lukewarm"),
        (("extra_info", "bytes"), -1),
        (("extra_info", "schema"), 9),
        (("extra_info", "partners"), []),
        (("extra_info", "memory"), {"peak_bytes": -1}),
        (("extra_info", "memory"), {"peak_bytes": 1.5}),
        (("extra_info", "error"), {"value": {"max_ulp": -1}}),
        (("extra_info", "error"), {"value": "small"}),
        (("extra_info",), None),
    ],
)
def test_a_measurement_of_the_wrong_type_costs_that_case_only(data, where, value):
    content = one()
    spoilt = json.loads(json.dumps(content["benchmarks"][0]))
    target = spoilt
    for key in where[:-1]:
        target = target[key]
    target[where[-1]] = value
    content["benchmarks"].append(spoilt)
    write(data, content)
    loaded = load([data])
    assert len(loaded.records[0].measurements) == 1
    assert "benchmarks[1]" in told(loaded)


def test_a_partner_without_a_pair_for_each_round_is_left_out(data):
    write(data, sweep([entry(case(), SAMPLES, {"relu": SAMPLES[:3], "gelu": SAMPLES})]))
    loaded = load([data])
    assert set(loaded.records[0].measurements[0].partners) == {"gelu"}
    assert "3 rounds" in told(loaded)


def test_a_case_that_is_there_twice_is_said(data):
    doubled = [entry(case(), SAMPLES), entry(case(), [2.0] * 4)]
    write(data, sweep(doubled))
    loaded = load([data])
    assert [m.samples for m in loaded.records[0].measurements] == [(2.0,) * 4]
    assert "twice" in told(loaded)


def test_an_infinite_error_is_stored_as_null_and_has_its_reason(data):
    error = {"value": {"max_ulp": None}, "gradient": None, "reason": "infinite at x = 41"}
    write(data, sweep([entry(case(), SAMPLES, error=error)]))
    m = load([data]).records[0].measurements[0]
    assert (m.value_error, m.gradient_error, m.error_reason) == (None, None, "infinite at x = 41")


def test_a_skipped_case_needs_a_reason(data):
    write(
        data, sweep([], [skipped(case(), ""), skipped(case(), "no GPU here"), skipped(case(), "x", "bored")])
    )
    loaded = load([data])
    assert [n.reason for n in loaded.records[0].not_measured] == ["no GPU here"]
    assert len(loaded.problems) == 2


def test_names_lose_what_would_garble_a_page_and_are_cut(data):
    name = "a\u202eb\x00c\ud800\n" + "d" * 2000
    write(data, one(implementation=name))
    shown = load([data]).records[0].measurements[0].case.implementation
    assert shown.startswith("abc d")
    assert len(shown) == 500
    shown.encode()


def test_a_journal_of_an_interrupted_sweep_is_read(data):
    content = sweep(
        [entry(case(), SAMPLES), entry(case(function="e-gem"), SAMPLES)], [skipped(case(n=2), "no")]
    )
    factory.journal(data, content)
    loaded = load([data])
    record = loaded.records[0]
    assert (record.complete, len(record.measurements), len(record.not_measured)) == (False, 2, 1)
    assert told(loaded) == ""


def test_the_torn_last_line_of_a_journal_is_dropped_and_said(data):
    path = factory.journal(data, sweep([entry(case(), SAMPLES), entry(case(n=2), SAMPLES)]))
    path.write_bytes(path.read_bytes()[:-30])
    loaded = load([data])
    assert len(loaded.records[0].measurements) == 1
    assert "last line was cut off" in told(loaded)


def test_a_damaged_middle_line_of_a_journal_costs_that_line(data):
    path = factory.journal(data, sweep([entry(case(n=n), SAMPLES) for n in (1, 2, 3)]))
    lines = path.read_text().splitlines()
    lines[2] = "{{{"
    path.write_text("\n".join([*lines, '{"neither": 1}', '"text"', ""]))
    loaded = load([data])
    assert [m.case.n for m in loaded.records[0].measurements] == [1, 3]
    assert "line 3" in told(loaded)
    assert len(loaded.problems) == 3


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b'{"header": 3}\n', b"[]\n", b"\xff\n"])
def test_a_journal_without_a_header_is_left_out(data, content):
    (data / "a.jsonl").write_bytes(content)
    loaded = load([data])
    assert loaded.records == ()
    assert "left out" in told(loaded)


def test_a_copy_of_a_record_is_counted_once(data):
    write(data, one(), "a.json")
    write(data, one(), "b.json")
    loaded = load([data])
    assert len(loaded.records) == 1
    assert "copy" in told(loaded)


def test_the_same_folder_named_twice_is_read_once(data):
    write(data, one())
    loaded = load([data, data / "..", data])
    assert len(loaded.records) == 1
    assert told(loaded) == ""


def test_what_asv_stored_is_left_to_its_own_reader(data):
    write(data / "asv" / "machine", {"version": 2, "result_columns": [], "commit_hash": "a"}, "abc.json")
    write(data, one())
    assert load([data], apart=data / "asv").problems == ()
    assert "--asv" in told(load([data]))


def test_an_unreadable_file_is_named(data, monkeypatch):
    path = write(data, one(), "locked.json")
    write(data, one(n=2), "open.json")
    read = Path.read_bytes

    def refuse(self: Path) -> bytes:
        if self.name == path.name:
            raise PermissionError(13, "Permission denied")
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    loaded = load([data])
    assert [r.source.shown for r in loaded.records] == ["data/open.json"]
    assert "locked.json: it could not be read: Permission denied" in told(loaded)

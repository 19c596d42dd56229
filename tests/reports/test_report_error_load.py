import json
import math

import pytest

from reports.error.labs import labs_of
from reports.kinds import ERRORS
from reports.load import MOST_SAID, load
from tests.reports import error_factory, factory
from tests.reports.error_factory import curve, error_map, function, point, record, worst
from tests.reports.factory import write


def changed(content, path, value):
    """``content`` with the entry at ``path`` (dotted) replaced, or removed where ``value`` is ``...``."""
    made = json.loads(json.dumps(content))
    *way, last = path.split(".")
    at = made
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if value is ...:
        del at[last]
    else:
        at[int(last) if isinstance(at, list) else last] = value
    return made


def test_a_record_of_the_laboratory_is_told_from_a_sweep(data):
    write(data, factory.realistic(), "sweep.json")
    write(data, record(), "error/a.json")
    loaded = load([data])
    assert (len(loaded.records), len(loaded.of(ERRORS)), loaded.problems) == (1, 1, ())


def test_infinite_errors_and_exact_inputs_are_read(data):
    write(data, record(maps=[error_map(function(), ulp=math.inf)]))
    (one,) = load([data]).of(ERRORS)
    (m,) = one.maps
    assert m.largest == math.inf
    assert m.max_ulp == 2.5
    assert m.first_nonfinite is not None
    assert m.first_nonfinite.x == 2.0**42
    assert m.right_positive == (0.0, 2.0**42)
    assert m.positive.max_ulp[-1] == math.inf


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("gem_impls_error.schema", 2),
        ("gem_impls_error.kind", "guess"),
        ("gem_impls_error.device", "tpu"),
        ("gem_impls_error.implementation", ""),
        ("gem_impls_error.started", "yesterday"),
        ("gem_impls_error.environment", None),
        ("gem_impls_error.complaints", [1]),
        ("gem_impls_error", []),
        ("maps", None),
        ("curves", ...),
    ],
)
def test_a_damaged_header_costs_the_file_and_is_named(data, path, value):
    write(data, changed(record(), path, value), "bad.json")
    write(data, record("triton_fused"), "good.json")
    loaded = load([data])
    assert [e.implementation for e in loaded.of(ERRORS)] == ["triton_fused"]
    (problem,) = loaded.problems
    assert problem.shown == "data/bad.json"
    assert problem.text.startswith("left out: ")
    assert path.split(".")[-1] in problem.text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("maps.0.dtype", "float8"),
        ("maps.0.what", "integral"),
        ("maps.0.inputs", 0),
        ("maps.0.correctly_rounded", 65537),
        ("maps.0.nonfinite", 1e3),
        ("maps.0.max_ulp", -1),
        ("maps.0.max_ulp_anywhere", "Infinity"),
        ("maps.0.worst_anywhere.x", "1.5 apples"),
        ("maps.0.worst_anywhere.x", "0x1p" + "9" * 50),
        ("maps.0.right.positive", [2.0, 1.0]),
        ("maps.0.right.positive", [1.0]),
        ("maps.0.binades.positive", None),
        ("maps.0.binades.positive.first", 10**6),
        ("maps.0.binades.positive.step", 0),
        ("maps.0.binades.positive.max_ulp", []),
        ("maps.0.binades.positive.max_ulp", [0.5] * 5000),
        ("maps.0.binades.positive.max_ulp.3", "nan"),
        ("maps.0", "a string"),
    ],
)
def test_a_damaged_map_costs_that_map(data, path, value):
    both = [error_map(function()), error_map(function(n=2))]
    write(data, changed(record(maps=both), path, value))
    loaded = load([data])
    assert [m.function.n for m in loaded.of(ERRORS)[0].maps] == [2]
    (problem,) = loaded.problems
    assert problem.text.startswith("one map left out: maps[0]")


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("curves", curve(function()) | {"x": [0.0] * 64}),
        ("curves", curve(function()) | {"x": [1.0]}),
        ("curves", curve(function()) | {"side": "up"}),
        ("worst_inputs", worst(function()) | {"ulp": None}),
        ("products", {**function(), "dtype": "float32"}),
        ("consistency", {**function(), "dtype": "float32", "what": "value", "check": ""}),
    ],
)
def test_other_damage_costs_one_entry(data, name, made):
    write(data, record(parts={name: [made]}))
    loaded = load([data])
    assert len(loaded.of(ERRORS)) == 1
    assert getattr(loaded.of(ERRORS)[0], name.split("_")[0]) == ()
    assert len(loaded.problems) == 1
    assert f"left out: {name}[0]" in loaded.problems[0].text


@pytest.mark.parametrize(
    "line",
    [
        "rm -rf ~",
        "python -m benchmarks error --at=0x1p+0; rm -rf ~",
        "python -m benchmarks error $(id)",
        "python -m benchmarks error --at=`id`",
        "python -m benchmarks error --at=1 && id",
        "python -m benchmarks error --at=1 > /etc/passwd",
        "python -m benchmarks error --at=1 | sh",
        "python -m benchmarks error '",
        "python -m benchmarks error ../x",
        "python -m benchmarks.gate --at=1",
    ],
)
def test_nothing_but_our_own_command_is_offered_to_paste(data, line):
    write(data, record(parts={"worst_inputs": [worst(function(), line=line), worst(function())]}))
    loaded = load([data])
    assert [w.reproducer for w in loaded.of(ERRORS)[0].worst] == [worst(function())["reproducer"]]
    assert "not a plain command" in loaded.problems[0].text


def test_many_damaged_entries_are_counted_and_not_all_listed(data):
    write(data, record(maps=[{"no": "map"}] * 1000))
    problems = load([data]).problems
    assert len(problems) == MOST_SAID + 1
    assert problems[-1].text == f"and {1000 - MOST_SAID} more of its entries left out"


def test_a_truncated_record_is_named(data):
    path = write(data, record())
    path.write_bytes(path.read_bytes()[:500])
    (problem,) = load([data]).problems
    assert "cut off" in problem.text


# --- which record is shown --------------------------------------------------------------------------------


def only_lab(data):
    (lab,) = labs_of(load([data]).of(ERRORS), [])
    return lab


def at(hour):
    return f"2026-11-20T{hour:02}:00:00+00:00"


def test_the_newest_record_of_an_implementation_counts(data):
    write(data, record(maps=[error_map(function(), ulp=2.0)], started=at(1)), "a.json")
    write(data, record(maps=[error_map(function(), ulp=3.0)], started=at(2), sources="other"), "b.json")
    (sheet,) = only_lab(data).sheets
    assert sheet.maps[0].largest == 3.0


def test_a_part_of_the_grid_does_not_displace_the_whole_of_the_same_code(data):
    whole = [error_map(function(n=n), d) for n in (1, 2) for d in ("float16", "float32")]
    write(data, record(maps=whole, started=at(1)), "a.json")
    write(data, record(maps=whole[:1], started=at(2)), "b.json")
    assert [(s.dtype, len(s.maps)) for s in only_lab(data).sheets] == [("float16", 2), ("float32", 2)]
    write(data, record(maps=whole[:1], started=at(3), sources="changed"), "c.json")
    assert [(s.dtype, len(s.maps)) for s in only_lab(data).sheets] == [("float16", 1), ("float32", 2)]


def test_one_implementation_on_two_devices_is_two_sheets(data):
    write(data, record("triton_fused", device="cpu"), "a.json")
    write(data, record("triton_fused", device="cuda"), "b.json")
    assert [s.name for s in only_lab(data).sheets] == ["triton_fused, cpu", "triton_fused, cuda"]


@pytest.mark.parametrize("field", ["cpu", "gpu", "torch", "numpy", "python", "driver", "os"])
def test_environments_are_never_mixed(data, field):
    write(data, record(), "a.json")
    write(data, record("elsewhere", environment={field: "other"}), "b.json")
    labs = labs_of(load([data]).of(ERRORS), [])
    assert sorted([s.name for s in lab.sheets] for lab in labs) == [["elsewhere"], ["torch_compile"]]
    assert len({lab.page for lab in labs}) == 2


def test_points_keep_every_bit(data):
    tiny = point(5e-324, -math.inf, 7.0)
    write(data, record(maps=[error_map(function(), worst_anywhere=tiny)]))
    worst_point = load([data]).of(ERRORS)[0].maps[0].worst_anywhere
    assert worst_point is not None
    assert (worst_point.x, worst_point.got, worst_point.rounded) == (5e-324, -math.inf, 1.25)


def test_the_factory_s_records_are_sound(data):
    error_factory.everything(data)
    loaded = load([data])
    assert loaded.problems == ()
    assert len(loaded.of(ERRORS)) == 5

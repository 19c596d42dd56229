"""The asv view: what asv would find, and that each kind of benchmark gives a figure, skips, or fails."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asv_runner", reason="the asv view is tested where asv is installed")
pytest.importorskip("torch", reason="peers and most implementations need torch")

import gem_impls
from benchmarks import asv_machine, asv_view, cases
from benchmarks.gate import NotMeasured
from benchmarks.tracked import asv_cpu, asv_gpu
from tests.benchmarks import planted
from tests.project.markdown import ROOT


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    """What asv discovers, by name; in a fresh interpreter, as asv does it."""
    code = (
        "import json, sys; from asv_runner._aux import update_sys_path;"
        "from asv_runner.discovery import disc_benchmarks;"
        "root = sys.argv[1]; update_sys_path(root); rows = []\n"
        "for b in disc_benchmarks(root):\n"
        "    rows.append({k: v for k, v in vars(b).items() if isinstance(v, (str, int, float, list))})\n"
        "import torch\n"
        "print(json.dumps({'rows': rows, 'inductor': 'torch._inductor.compile_fx' in sys.modules,"
        "'cuda': torch.cuda.is_initialized(),"
        "'folders': sorted({m.split('.')[1] for m in sys.modules if m.startswith('benchmarks.')"
        " and hasattr(sys.modules[m], '__path__')})}, default=str))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "benchmarks" / "tracked")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout.splitlines()[-1])
    assert answer["inductor"], "imported before forking, or each process would"
    assert not answer["cuda"], "a CUDA context does not survive the fork"
    # Beside an old commit's package, whatever else is imported may fail, and every benchmark with it.
    assert answer["folders"] == [], "only what is tracked, and the modules at the top, are imported"
    return {row["name"]: row for row in answer["rows"]}


def test_asvs_own_module_of_that_name_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Where Python is reached through a link, asv's folder, with a ``benchmarks.py``, is on the path."""
    (tmp_path / "benchmarks.py").write_text("from . import runner")
    code = (
        "import sys; sys.path[0] = sys.argv[1]; from asv_runner._aux import update_sys_path\n"
        "update_sys_path(sys.argv[2]); import tracked.asv_cpu, benchmarks; print(benchmarks.__file__)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(ROOT / "benchmarks" / "tracked")]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(ROOT / "benchmarks" / "__init__.py")


UNITS = {
    "time_call": "seconds",
    "track_peak": "bytes",
    "track_saved": "bytes/element",
    "track_value_ulp": "ulp",
    "track_gradient_ulp": "ulp",
    "track_value_ppm": "ppm",
    "track_gradient_ppm": "ppm",
}


CODE_UNITS = {"track_instructions": "instructions", "track_registers": "registers", "track_spilled": "bytes"}

SHAPE_UNITS = {
    "track_shape_distance": "scale^1.5",
    "track_shape_steepest": "slope",
    "track_shape_gain": "gain",
    "track_shape_gradient_gain": "gain",
    "track_shape_junction": "ratio",
    "track_shape_error": "relative",
}


def test_what_asv_finds(found: dict[str, dict[str, Any]]) -> None:
    for module in ("asv_cpu", "asv_gpu"):
        kinds = {name.rpartition(".")[2] for name in found if name.startswith(f"{module}.")}
        assert kinds == set(UNITS)
    assert {name.rpartition(".")[2] for name in found if name.startswith("asv_code.")} == set(CODE_UNITS)
    assert {name.rpartition(".")[2] for name in found if name.startswith("asv_shape.")} == set(SHAPE_UNITS)
    assert {name.partition(".")[0] for name in found} == {"asv_code", "asv_cpu", "asv_gpu", "asv_shape"}


def test_the_stored_list_is_what_asv_finds(found: dict[str, dict[str, Any]]) -> None:
    """Else a first `asv check` of somebody's changes the checkout."""
    stored = json.loads((ROOT / "reports" / "data" / "asv" / "benchmarks.json").read_text(encoding="utf-8"))
    assert {name: row["version"] for name, row in stored.items() if name != "version"} == {
        name: row["version"] for name, row in found.items()
    }


def test_series_are_named_and_versioned(found: dict[str, dict[str, Any]]) -> None:
    for name, row in found.items():
        assert row["unit"] == (UNITS | CODE_UNITS | SHAPE_UNITS)[name.rpartition(".")[2]]
        assert row["version"].partition(" ")[0].isdigit(), "explicit: asv's own is a hash of one method"
        assert row["pretty_name"][:4] == ("CPU:" if name.startswith(("asv_cpu", "asv_shape")) else "GPU:")
        assert len(row["param_names"]) == len(row["params"])
        assert all(len(set(values)) == len(values) for values in row["params"])
    assert len({row["pretty_name"] for row in found.values()}) == len(found)


def test_everything_in_the_package_is_followed() -> None:
    """Implementations and variants are read from the working tree's files; they are those of the registry."""
    assert tuple(asv_view.variants()) == tuple(gem_impls.VARIANTS)
    for device in ("cpu", "cuda"):
        named = {asv_view.parsed(text).implementation for text in asv_view.family(device)}
        serving = {name for name in gem_impls.implementations() if device in gem_impls.get(name).devices}
        # On CPUs triton has its interpreter, which says nothing about speed.
        assert named == serving - ({"triton_fused"} if device == "cpu" else set())


@pytest.mark.parametrize("text", [*asv_view.family("cpu"), *asv_view.basics("cuda")])
def test_a_subject_is_its_text(text: str) -> None:
    assert str(asv_view.parsed(text)) == text


# --- one combination, in asv's order of calls -------------------------------------------------------------


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    """asv measures every combination in a process of its own."""
    asv_view.ready.cache_clear()


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Put an implementation with a fault where numpy_cpu is."""

    def put(fault: Callable[..., Any]) -> None:
        implementation = planted.Planted(fault)
        original = gem_impls.get
        monkeypatch.setattr(
            gem_impls, "get", lambda name: implementation if name == "numpy_cpu" else original(name)
        )

    return put


def times(benchmark: asv_cpu.Latency, *params: Any, samples: int | None = None) -> list[float]:
    """What asv would read: it sets up before every sample, and tears down after it."""
    taken = []
    for _ in range(samples or benchmark.repeat):
        benchmark.setup(*params)
        start = benchmark.timer()
        benchmark.time_call(*params)
        taken.append(benchmark.timer() - start)
        benchmark.teardown(*params)
    return taken


NUMPY = "gem n=1, numpy_cpu"


@pytest.mark.parametrize("function", asv_cpu.BASICS)
@pytest.mark.parametrize("direction", asv_cpu.PASSES)
def test_latency(function: str, direction: str) -> None:
    assert all(1e-8 < seconds < 1 for seconds in times(asv_cpu.Latency(), function, 2**10, direction))


def test_latency_is_of_one_call_and_a_sample_lasts_a_millisecond(plant: Any) -> None:
    calls = 0

    def sleeps(f: Callable[..., Any], x: Any, out: Any) -> Any:
        nonlocal calls
        calls += 1
        time.sleep(2e-4)
        return f(x, out)

    plant(sleeps)
    benchmark = asv_cpu.Latency()
    times(benchmark, NUMPY, 2**10, "forward", samples=1)
    calls = 0
    (seconds,) = times(benchmark, NUMPY, 2**10, "forward", samples=1)
    assert calls > 1
    assert calls * 2e-4 >= 1e-3
    assert 2e-4 < seconds < 1e-3 * calls


def test_a_wrong_case_has_no_time(plant: Any) -> None:
    plant(planted.slightly_wrong())
    with pytest.raises(NotMeasured, match="wrong value"):
        asv_cpu.Latency().setup(NUMPY, 2**10, "forward")


def test_a_case_that_turns_wrong_while_timed_has_no_time(plant: Any) -> None:
    plant(planted.keeps_its_first_result())
    # Its first result is a check's: it passes that one, and is caught by the check after the last sample.
    benchmark = asv_cpu.Latency()
    taken = []
    with pytest.raises(NotMeasured):
        taken += times(benchmark, NUMPY, 2**10, "forward", samples=benchmark.repeat)
    assert taken == []
    assert benchmark.made is not None
    assert benchmark.made.samples == benchmark.repeat


@pytest.mark.parametrize(
    ("params", "why"),
    [
        (("gem n=1, no_such", 2**10, "forward"), "this commit lacks it: unknown implementation 'no_such'"),
        (("no-such n=1, numpy_cpu", 2**10, "forward"), "this commit lacks it: unknown variant 'no-such'"),
        (("gem n=1, numpy_cpu", 2**62, "forward"), "GiB of memory"),
    ],
)
def test_what_a_commit_or_machine_lacks_is_skipped(params: tuple[Any, ...], why: str) -> None:
    benchmark = asv_cpu.Latency()
    with pytest.raises(NotImplementedError, match=re.escape(why)):
        benchmark.setup(*params)
    benchmark.teardown(*params)  # asv calls it after a skip, too


def test_an_older_interface_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(gem_impls, "get")
    with pytest.raises(NotImplementedError, match="this commit lacks it: cannot import name 'get'"):
        asv_cpu.Latency().setup(NUMPY, 2**10, "forward")


def test_an_error_of_ours_is_no_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "Case", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        asv_cpu.Latency().setup(NUMPY, 2**10, "forward")


@pytest.mark.parametrize("rows", [asv_gpu.LatencyWall(), asv_gpu.LatencyDevice()])
def test_gpu_rows_are_skipped_without_a_gpu(rows: asv_view.Latency) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(NotImplementedError, match="no CUDA device"):
        rows.setup(*(values[0] for values in rows.params))  # type: ignore[attr-defined]


# --- what is counted ----------------------------------------------------------------------------------------


def few(kind: type[Any], monkeypatch: pytest.MonkeyPatch, *functions: str) -> Any:
    """A benchmark of ``kind`` about these functions only."""
    monkeypatch.setattr(kind, "params", (functions, *kind.params[1:]))
    return kind()


def figures(benchmark: Any) -> dict[tuple[str, ...], list[float]]:
    """Every figure, as asv would get it: through the cache, then setup, then the benchmark."""
    cache = benchmark.setup_cache()
    methods = [getattr(benchmark, name) for name in dir(benchmark) if name.startswith("track_")]
    found: dict[tuple[str, ...], list[float]] = {}
    for params in itertools.product(*benchmark.params):
        try:
            benchmark.setup(cache, *params)
        except NotImplementedError:
            continue
        found[params] = [method(cache, *params) for method in methods]
    return found


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    found = figures(few(asv_cpu.Memory, monkeypatch, "relu, torch", "gem n=1, torch_naive"))
    assert found["relu, torch", "forward"] == [0.0]
    assert found["gem n=1, torch_naive", "backward"][0] > 4 * 2**20
    assert len(found) == 6


def test_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    found = figures(few(asv_cpu.Saved, monkeypatch, "relu, torch", NUMPY, "gem n=1, torch_naive"))
    assert found["relu, torch",] == [4.0]
    assert found[NUMPY,] == [4.0]
    assert found["gem n=1, torch_naive",][0] > 8


def test_error_is_within_the_bounds_and_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    found = figures(few(asv_cpu.Error, monkeypatch, NUMPY, "se-gem n=1, torch_naive"))
    gradient_ppm, gradient, value_ppm, value = found[NUMPY, "float32"]
    assert 0.5 < value <= 4
    assert 0.5 < gradient <= 5
    assert 0 < value_ppm < 3e5
    assert 0 < gradient_ppm < 3e5
    assert found[NUMPY, "float16"][3] <= 0.51
    assert (NUMPY, "bfloat16") not in found, "NumPy has no such type: skipped"
    assert ("se-gem n=1, torch_naive", "bfloat16") in found


def test_one_wrong_case_does_not_cost_the_others_their_figures(
    plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(planted.gives_nan())
    benchmark = few(asv_cpu.Memory, monkeypatch, NUMPY, "relu, torch")
    cache = benchmark.setup_cache()
    benchmark.setup(cache, NUMPY, "forward")
    with pytest.raises(RuntimeError, match="NotMeasured: 1 of 1048576 values are NaN"):
        benchmark.track_peak(cache, NUMPY, "forward")
    benchmark.setup(cache, "relu, torch", "forward")
    assert benchmark.track_peak(cache, "relu, torch", "forward") == 0


def test_the_cache_survives_pickling() -> None:
    outcomes = {("a", 1): asv_view.Outcome({"peak": 3.0}), ("b", 2): asv_view.Outcome({}, skipped="why")}
    assert pickle.loads(pickle.dumps(outcomes)) == outcomes  # noqa: S301 -- our own bytes


@pytest.mark.parametrize(
    ("figure", "kept"), [(None, math.nan), (2.5, 2.5), (math.inf, 1e30), (-math.inf, -1e30), (0, 0)]
)
def test_asv_gets_no_infinity(figure: float | None, kept: float) -> None:
    assert asv_view.finite(figure) == pytest.approx(kept, nan_ok=True)


# --- machine and configuration ------------------------------------------------------------------------------


def test_the_machine_is_not_named_by_its_host() -> None:
    description = asv_machine.describe()
    assert re.fullmatch(r"[a-z0-9-]+", description["machine"])
    assert platform.node() not in description.values()
    assert platform.release() not in "".join(description.values())
    assert {"machine", "os", "arch", "cpu", "num_cpu", "ram"} <= set(description)


def test_the_configuration_has_only_keys_that_asv_knows() -> None:
    """asv ignores others in silence."""
    from asv.config import Config

    text = (ROOT / "asv.conf.json").read_text(encoding="utf-8")
    given = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert set(given) - {"version", "build_cache_size"} <= set(vars(Config()))


def test_every_benchmark_has_exactly_one_threshold(found: dict[str, dict[str, Any]]) -> None:
    text = (ROOT / "asv.conf.json").read_text(encoding="utf-8")
    thresholds = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))["regressions_thresholds"]
    for name in found:
        assert sum(bool(re.search(pattern, name)) for pattern in thresholds) == 1, name

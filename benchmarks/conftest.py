"""``pytest benchmarks --benchmark-only``: options, selection, progress, and the record on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cases, record
from benchmarks.axes import SWEEPS
from benchmarks.cases import Case, Planned
from benchmarks.load import BUSY, load
from benchmarks.progress import Progress

MARKERS = {
    "cpu": "runs on the CPU",
    "gpu": "runs on an NVIDIA GPU",
    "gem": "a function of the family",
    "peer": "an activation of torch.nn.functional",
    "forward": "forward alone, no grad",
    "backward": "backward alone",
    "forward_backward": "forward and backward through autograd, as in training",
}
"""What ``-m`` selects by; names, sizes and dtypes are in the ids, for ``-k``."""


SWEEP = pytest.StashKey[record.Sweep]()
PROGRESS = pytest.StashKey[Progress]()
PLANNED = pytest.StashKey[dict[str, Planned]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--sweep``."""
    group = parser.getgroup("gem-impls")
    group.addoption("--sweep", choices=SWEEPS, default="quick", help="how much to measure (default: quick)")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register markers, plan the cases, and take over the writing of the record."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    if config.option.benchmark_columns is None:
        config.option.benchmark_columns = ["median", "iqr", "min", "rounds"]
    # The record is written by us, whole or not at all, and even if nothing could be measured.
    target: Path | None = config.option.benchmark_json
    config.option.benchmark_json = None
    config.stash[SWEEP] = record.Sweep(config.getoption("--sweep"), target)
    config.stash[PLANNED] = {p.case.id: p for p in cases.generate(config.getoption("--sweep"))}


# --- selection ------------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every case of the sweep is a test, its id the case's, its marks what ``-m`` asks for."""
    if "planned" in metafunc.fixturenames:
        everything = metafunc.config.stash[PLANNED]
        metafunc.parametrize(
            "case_id",
            [pytest.param(case_id, id=case_id, marks=_marks(p.case)) for case_id, p in everything.items()],
        )


def _marks(case: Case) -> list[pytest.MarkDecorator]:
    names = ("gpu" if case.device == "cuda" else "cpu", case.kind, case.direction.replace("+", "_"))
    return [getattr(pytest.mark, name) for name in names]


@pytest.fixture
def planned(case_id: str, request: pytest.FixtureRequest) -> Planned:
    """The case of a test, and why it cannot be measured here, if so."""
    return request.config.stash[PLANNED][case_id]


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> record.Sweep:
    """The sweep that is running."""
    return request.config.stash[SWEEP]


# --- progress -------------------------------------------------------------------------------------------


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say how busy the machine is, and start counting."""
    config = session.config
    if config.option.collectonly:
        return
    run = [i for i in session.items if (p := _planned(i)) and not p.reason]
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.verbose > 0:  # then pytest names every case itself
        return
    reporter._show_progress_info = False  # pytest's percentages count skips, and would break our line up
    _warn_if_busy(reporter)
    progress = Progress(len(run), lambda text: reporter.write(text, flush=True), reporter.isatty)
    config.stash[PROGRESS] = progress
    config.pluginmanager.register(ProgressLine(progress, config.stash[PLANNED]))


class ProgressLine:
    """Tells a :class:`Progress` when a case starts and ends; hooks that run while nothing is captured."""

    def __init__(self, progress: Progress, planned: dict[str, Planned]) -> None:
        self.progress, self._planned = progress, planned

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which case comes next."""
        if case := self._running(nodeid):
            self.progress.starts(case.id)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Count it."""
        if self._running(nodeid):
            self.progress.ends()

    def _running(self, nodeid: str) -> Case | None:
        planned = self._planned.get(nodeid.partition("[")[2][:-1])
        return planned.case if planned and not planned.reason else None


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any, config: pytest.Config) -> tuple[str, str, str] | None:
    """Our own line says how far it is; pytest's letters would break it up."""
    if PROGRESS in config.stash and report.when == "call" and report.passed:
        return "passed", "", "PASSED"
    if PROGRESS in config.stash and report.skipped:
        return "skipped", "", "SKIPPED"
    return None


def _planned(item: pytest.Item) -> Planned | None:
    callspec = getattr(item, "callspec", None)
    return item.config.stash[PLANNED].get(callspec.params.get("case_id")) if callspec else None


def _warn_if_busy(reporter: Any) -> None:
    found = load()
    if found > BUSY:
        reporter.write_line(
            f"Note: the machine is busy (load {found} a processor): expect wide ranges, and slow "
            "multi-threaded operators."
        )


# --- the record -----------------------------------------------------------------------------------------


def pytest_benchmark_generate_machine_info() -> dict[str, Any]:
    """The machine without its host name."""
    return record.machine_info()


def pytest_benchmark_generate_commit_info() -> dict[str, Any]:
    """The commit without folder names."""
    return record.commit()


@pytest.hookimpl(wrapper=True)
def pytest_benchmark_generate_json(benchmarks: list[Any]) -> Iterator[None]:
    """Drop what an interruption left half measured: it lacks our fields, and perhaps all samples."""
    for benchmark in benchmarks:
        if "case" not in benchmark.extra_info:
            benchmark.fixture.has_error = True
    return (yield)


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add our key."""
    output_json["gem_impls"] = config.stash[SWEEP].summary()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Iterator[None]:
    """Write the record: complete, or, after an interruption, what there is."""
    config = session.config
    if PROGRESS in config.stash:
        config.stash[PROGRESS].close()
    benchmarking = getattr(config, "_benchmarksession", None)
    sweep = config.stash[SWEEP]
    if benchmarking is not None and not benchmarking.disabled and sweep.touched:
        sweep.complete = not session.shouldstop and not session.shouldfail and exitstatus in (0, 1)
        sweep.finished = record.now() if sweep.complete else None
        sweep.close(_record(config, benchmarking.benchmarks))
    return (yield)


def _record(config: pytest.Config, benchmarks: list[Any]) -> dict[str, Any]:
    output = config.hook.pytest_benchmark_generate_json(
        config=config,
        benchmarks=benchmarks,
        include_data=True,
        machine_info=record.machine_info(),
        commit_info=record.commit(),
    )
    config.hook.pytest_benchmark_update_json(config=config, benchmarks=benchmarks, output_json=output)
    return output  # type: ignore[no-any-return]  # hooks are untyped


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was left out, and where the record is."""
    sweep = config.stash[SWEEP]
    if not sweep.touched:
        return
    terminalreporter.section(f"{sweep.size} sweep")
    if sweep.size == "quick":
        terminalreporter.write_line("The quick sweep leaves this to --sweep full:")
        for sentence in cases.left_out_of_quick():
            terminalreporter.write_line(f"  {sentence}")
    if not sweep.complete:
        terminalreporter.write_line("The sweep was interrupted; what it measured was kept.")
    terminalreporter.write_line(f"Record: {_shown(sweep.target)}")


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)

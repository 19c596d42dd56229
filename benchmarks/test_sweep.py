"""The pytest view of the sweep: one test a case; pytest-benchmark times it, its partners in between.

``--benchmark-only`` runs it; ``--sweep full`` runs more; ``-k`` selects by parts of ids, ``-m`` by marker.
"""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from benchmarks.cases import Case, Planned
from benchmarks.clocks import BatchTimer
from benchmarks.gate import NotMeasured
from benchmarks.measure import SETTINGS, Race, measure
from benchmarks.record import Sweep

TIMER = BatchTimer()
"""One timer for all cases: pytest-benchmark takes it from a mark, before the case's clock exists."""


@pytest.mark.benchmark(timer=TIMER, disable_gc=True)
@pytest.mark.filterwarnings("ignore:Benchmark fixture was not used:Warning")  # a case that fails has no time
def test_case(case_id: str, planned: Planned, sweep: Sweep, benchmark: Any) -> None:
    """Measure one case, or say why not."""
    case = planned.case
    if planned.reason:
        _leave_out(sweep, benchmark, case, "skipped", planned.reason)
        pytest.skip(planned.reason)

    def rounds(race: Race) -> list[float]:
        TIMER.use(race.clock, race.case.calls)
        benchmark.pedantic(race.case.run, setup=race.run_partners, rounds=race.rounds)
        return list(benchmark.stats.stats.data) if benchmark.enabled else [race.case.sample()]

    benchmark.group = f"{case.direction}, {case.dtype}, {'x'.join(map(str, case.shape))}, {case.device}"
    measurement, failure = None, ""
    try:
        measurement = measure(case, SETTINGS[sweep.size], rounds)
    except NotMeasured as reason:
        failure = str(reason)
        traceback.print_exception(reason.__cause__ or reason)  # pytest shows it below the failure
    if measurement is None:  # out here, where nothing holds on to the arrays of the case
        _leave_out(sweep, benchmark, case, "failed", failure)
        pytest.fail(f"{case_id}: {failure}", pytrace=False)
    benchmark.extra_info.update(measurement.extra_info)
    if benchmark.enabled:
        sweep.measured(benchmark.stats.as_dict())


def _leave_out(sweep: Sweep, benchmark: Any, case: Case, status: str, reason: str) -> None:
    """Record why, and see that the case has no time: neither in the table nor in the record."""
    benchmark.has_error = True
    if benchmark.stats:
        benchmark.stats.stats.data.clear()
    if benchmark.enabled:
        sweep.left_out(case, status, reason)

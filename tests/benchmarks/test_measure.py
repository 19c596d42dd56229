from __future__ import annotations

import itertools
from typing import Any

import pytest

from benchmarks import gate, measure, partners
from benchmarks.clocks import BatchTimer, Wall
from benchmarks.gate import NotMeasured
from benchmarks.measure import Race, Racer, Settings, quartiles, ratio
from benchmarks.work import Work
from tests.benchmarks import planted
from tests.benchmarks.planted import BRIEF, FakeClock, Planted, Timed, case

EXACT = Settings(sample_s=0.5, budget_s=1e9, min_rounds=5, max_rounds=5, warm_s=0)
"""With calls of a second or more: one call a sample, five rounds."""

BEFORE = [1.0] * 4
"""The calls before the first round: one to warm up, three to calibrate."""


# --- known samples, replayed ----------------------------------------------------------------------------


def test_known_samples_come_back() -> None:
    clock = FakeClock()
    own, other = [2.0, 4.0, 6.0, 8.0, 10.0], [1.0, 1.0, 2.0, 8.0, 20.0]
    race = Race(clock, [Timed(clock, BEFORE + own)], {"copy_": [Timed(clock, BEFORE + other)]}, EXACT)
    assert race.rounds == 5
    assert measure.sample_all(race) == own
    assert race.samples == {"copy_": other}
    # pairs: 2, 4, 3, 1, 0.5
    assert ratio(own, other) == {"median": 2.0, "q1": 1.0, "q3": 3.0, "verdict": "no difference"}


def test_a_drifting_machine_does_not_change_the_ratio() -> None:
    clock = FakeClock()
    drift = [1.0, 2.0, 4.0, 8.0, 16.0]
    race = Race(
        clock,
        [Timed(clock, BEFORE + [3 * d for d in drift])],
        {"relu": [Timed(clock, BEFORE + drift)]},
        EXACT,
    )
    own = measure.sample_all(race)
    assert ratio(own, race.samples["relu"]) == {"median": 3.0, "q1": 3.0, "q3": 3.0, "verdict": "slower"}


@pytest.mark.parametrize(
    ("pairs", "verdict"),
    [
        ([1.01, 1.02, 1.03, 1.04, 1.05], "slower"),
        ([0.95, 0.96, 0.97, 0.98, 0.99], "faster"),
        ([0.90, 0.99, 1.02, 1.03, 1.10], "no difference"),
        ([1.0, 1.0, 1.0, 1.0, 1.0], "no difference"),
        ([1.0, 1.0, 1.2, 1.3, 1.4], "no difference"),
    ],
)
def test_verdicts(pairs: list[float], verdict: str) -> None:
    assert ratio(pairs, [1.0] * 5)["verdict"] == verdict


def test_quartiles_interpolate() -> None:
    assert quartiles([4.0, 1.0, 3.0, 2.0]) == (1.75, 2.5, 3.25)
    assert quartiles([7.0]) == (7.0, 7.0, 7.0)


@pytest.mark.parametrize(("own", "other"), [([], []), ([1.0], [1.0, 2.0])])
def test_ratios_need_pairs(own: list[float], other: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no samples|zip"):
        ratio(own, other)


def test_calibration_makes_a_sample_last_long_enough() -> None:
    clock = FakeClock()
    racer = Racer(clock, [Timed(clock, [1e-5])], Settings(1e-3, 1.0, 5, 25, warm_s=0))
    assert 100 <= racer.calls <= 115
    assert racer.sample() == pytest.approx(1e-5)


def test_a_machine_that_was_elsewhere_does_not_spoil_the_calibration() -> None:
    clock = FakeClock()
    racer = Racer(clock, [Timed(clock, [1e-5, 8e-3, 1e-5])], Settings(1e-3, 1.0, 5, 25, warm_s=0))
    assert racer.calls >= 100, "the second call took 8 ms, once"


def test_slow_calls_are_one_a_sample() -> None:
    clock = FakeClock()
    assert Racer(clock, [Timed(clock, [2.0])], EXACT).calls == 1


def test_every_set_of_arrays_is_used_in_a_sample() -> None:
    clock = FakeClock()
    sets = [Timed(clock, [1.0]) for _ in range(4)]
    racer = Racer(clock, sets, EXACT)
    before = [s.calls for s in sets]
    assert racer.calls == 4
    racer.sample()
    assert [s.calls - b for s, b in zip(sets, before, strict=True)] == [1, 1, 1, 1]


def test_partners_change_places() -> None:
    clock = FakeClock()
    order: list[str] = []

    class Noted(Timed):
        def __init__(self, name: str) -> None:
            super().__init__(clock, [1.0])
            self.name = name

        def __call__(self) -> None:
            order.append(self.name)
            super().__call__()

    race = Race(clock, [Noted("case")], {name: [Noted(name)] for name in "abc"}, EXACT)
    order.clear()
    for _ in range(6):
        race.run_partners()
        race.case.sample()
    rounds = ["".join(name[0] for name in order[i : i + 4]) for i in range(0, 24, 4)]
    assert sorted(rounds) == sorted("".join(p) + "c" for p in itertools.permutations("abc"))
    assert all(len(samples) == 6 for samples in race.samples.values())


@pytest.mark.parametrize(
    ("a_round", "rounds"), [(0.001, 25), (0.05, 20), (0.2, 9), (0.5, 8), (2.0, 5), (100.0, 5)]
)
def test_slow_cases_get_fewer_rounds(a_round: float, rounds: int) -> None:
    settings = Settings(sample_s=1e-3, budget_s=1.0, min_rounds=9, max_rounds=25, warm_s=0)
    assert measure.rounds(settings, a_round) == rounds


def test_batch_timer_divides_by_the_calls() -> None:
    clock, timer = FakeClock(), BatchTimer()
    timer.use(clock, 50)
    start = timer()
    clock.time += 10.0
    assert timer() - start == pytest.approx(0.2)


def test_the_wall_clock_waits_for_the_device() -> None:
    order: list[str] = []
    clock = Wall(lambda: order.append("synchronized"))
    run = clock.batch([lambda: order.append("call")], 3)
    clock.now()
    run()
    clock.now()
    assert order == ["synchronized", "call", "call", "call", "synchronized"]


# --- whole cases, with faults planted -------------------------------------------------------------------


def measured(fault: Any, **changes: Any) -> measure.Measurement:
    return measure.measure(case(**changes), BRIEF, implementation=Planted(fault))


def test_a_right_implementation_is_measured() -> None:
    found = measured(planted.none(), shape=(65536,))
    info = found.extra_info
    assert 5 <= len(found.samples) <= 7
    assert all(s > 0 for s in found.samples)
    assert set(info["partners"]) == set(info["ratios"]) == {"copy_", "relu", "gelu"}
    assert all(len(p["samples"]) == len(found.samples) for p in info["partners"].values())
    assert info["bytes"] == info["partners"]["copy_"]["bytes"] == 2 * 4 * 65536
    assert info["clock"] == "wall"
    assert info["cache"] is None
    assert info["inputs"] == {"distribution": "standard normal", "seed": 0}
    assert info["error"]["value"]["max_ulp"] <= 4


@pytest.mark.parametrize(
    ("direction", "out", "ceiling", "tensors"),
    [
        ("forward", True, "copy_", 2),
        ("backward", True, "add", 3),
        ("forward+backward", False, "copy_+add", 5),
    ],
)
def test_each_pass_has_its_ceiling(direction: str, out: bool, ceiling: str, tensors: int) -> None:
    info = measured(planted.none(), direction=direction, out=out).extra_info
    assert next(iter(info["partners"])) == ceiling == partners.ceiling_of(direction)
    assert info["partners"][ceiling]["bytes"] == tensors * 4 * 4096


def test_a_slow_implementation_is_found_slower() -> None:
    info = measured(planted.sleeps(0.005)).extra_info
    for name in ("copy_", "relu"):  # torch's gelu uses all cores at any size, and waits for busy ones
        assert info["ratios"][name]["verdict"] == "slower"
        assert info["ratios"][name]["q1"] > 5


@pytest.mark.parametrize(
    ("fault", "changes", "reason"),
    [
        (planted.slightly_wrong(), {}, "^wrong value"),
        (planted.gives_nan(), {}, "NaN or infinite"),
        (planted.writes_nothing(), {"out": True}, "stale, unwritten or wrong"),
        (planted.keeps_its_first_result(), {}, "^wrong value"),
        (planted.goes_wrong_later(after=10), {}, "^wrong value"),
        (planted.runs_out_of_memory(), {}, "^out of memory: unable to allocate 9.00 TiB$"),
        (planted.raises_with_a_path(), {}, "^RuntimeError: could not load <path> for this device$"),
        (planted.remembers_the_answer(), {"shape": (2**22,), "out": True}, "too fast to be true"),
        (planted.recycles_its_result(), {"shape": (2**18,)}, "implausible memory.*not new memory"),
    ],
    ids=lambda value: getattr(value, "__qualname__", "").split(".")[0] or None,
)
def test_faults_leave_a_reason_and_no_time(fault: Any, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotMeasured, match=reason):
        measured(fault, **changes)


def test_what_goes_wrong_while_it_is_timed_is_caught_afterwards() -> None:
    draws: list[int] = []
    check = gate.check

    def noted(work: Work, draw: int) -> None:
        draws.append(draw)
        check(work, draw)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "check", noted)
        with pytest.raises(NotMeasured):
            measured(planted.goes_wrong_later(after=10))
    assert draws == [1, 2], "the first check passed, the second did not"


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory: you tried")]
)
def test_out_of_memory_is_called_that(error: Exception) -> None:
    with pytest.raises(NotMeasured, match=r"^out of memory"), measure.reasons():
        raise error


def test_reasons_fit_on_a_line() -> None:
    with pytest.raises(NotMeasured) as caught, measure.reasons():
        raise ValueError("line\n" * 1000)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


# --- plausibility ---------------------------------------------------------------------------------------


def test_faster_than_the_ceiling_is_implausible_beyond_the_caches_only() -> None:
    large = case(shape=(2**22,))  # 32 MiB moved
    own, ceiling = [1e-3] * 5, [2e-3] * 5
    measure.check_plausible(large, own, ceiling, caches=2**26)
    with pytest.raises(NotMeasured, match=r"too fast to be true: it takes 0.5 of the time of copy_"):
        measure.check_plausible(large, own, ceiling, caches=2**20)


def test_the_ceilings_own_noise_is_allowed_for() -> None:
    # a ceiling that was disturbed four times out of five proves nothing
    measure.check_plausible(case(shape=(2**22,)), [1e-3] * 5, [9e-3, 9e-3, 1e-3, 9e-3, 9e-3], caches=0)


def test_a_little_faster_than_the_ceiling_is_plausible() -> None:
    measure.check_plausible(case(shape=(2**22,)), [0.95e-3] * 5, [1e-3] * 5, caches=0)


def test_faster_than_any_cache_is_implausible_at_any_size() -> None:
    with pytest.raises(NotMeasured, match="more than any cache delivers"):
        measure.check_plausible(case(shape=(2**22,)), [1e-7] * 5, [1e-7] * 5, caches=2**40)


def test_no_time_at_all_is_implausible() -> None:
    with pytest.raises(NotMeasured, match="implausible time"):
        measure.check_plausible(case(), [1e-6, 0.0], [1e-6, 1e-6], caches=2**40)


def test_caches_are_found_or_assumed_absent() -> None:
    assert measure.cache_bytes("cpu") >= 0

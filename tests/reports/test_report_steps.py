"""Change points, against series whose steps are known because they were put there."""

import math

import numpy as np
import pytest

from reports.history.steps import FEWEST, Judgement, judge

COMMITS, NOISE = 30, 0.05


def noisy(seed: int, count: int = COMMITS, noise: float = NOISE) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(0, noise, count))


def times(values) -> Judgement:
    return judge([float(v) for v in values], "seconds")


def test_a_step_is_found_where_it_was_put():
    values = noisy(1)
    values[12:] *= 1.3
    (step,) = times(values).steps
    assert step.at == 12
    assert step.worse
    assert step.confirmed
    assert step.change == pytest.approx(1.3, abs=0.08)


def test_several_steps_up_and_down():
    values = noisy(2, 60)
    values[20:40] *= 1.4
    values[40:] *= 0.7
    assert [(s.at, s.worse) for s in times(values).steps] == [(20, True), (40, False)]


def test_a_large_step_does_not_hide_a_small_one():
    values = noisy(3, 60, 0.02)
    values[20:] *= 8
    values[40:] *= 1.15
    assert [s.at for s in times(values).steps] == [20, 40]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_the_unit_does_not_matter(scale):
    values = noisy(4)
    values[15:] *= 1.3
    judged = times(values * scale)
    assert [s.at for s in judged.steps] == [15]
    assert judged.noise == pytest.approx(times(values).noise)


def heavy_tails(rng):
    return rng.standard_t(3, COMMITS) * NOISE / math.sqrt(3)


def an_outlier(rng):
    logs = rng.normal(0, NOISE, COMMITS)
    logs[rng.integers(COMMITS)] += 0.3
    return logs


@pytest.mark.parametrize("noise", [lambda rng: rng.normal(0, NOISE, COMMITS), heavy_tails])
def test_false_alarms_are_as_rare_as_promised(noise):
    """1 % of rows in the whole of their history, and 1 % at the newest commit; 300 rows, 5 sigma."""
    rng = np.random.default_rng(5)
    judged = [times(np.exp(noise(rng))) for _ in range(300)]
    confirmed = sum(any(s.confirmed for s in j.steps) for j in judged)
    newest = sum(any(not s.confirmed for s in j.steps) for j in judged)
    assert confirmed <= 12
    assert newest <= 12


def test_an_outlier_is_no_step():
    rng = np.random.default_rng(6)
    found = [times(np.exp(an_outlier(rng))) for _ in range(100)]
    assert sum(any(s.confirmed for s in j.steps) for j in found) <= 6


def test_the_smallest_detectable_change_is_found_four_times_in_five():
    hits = newest = 0
    for seed in range(200):
        values = noisy(seed)
        judged = times(values)
        assert judged.detectable is not None
        stepped, last = values.copy(), values.copy()
        stepped[COMMITS // 2 :] *= 1 + judged.detectable
        hits += any(abs(s.at - COMMITS // 2) <= 2 and s.worse for s in times(stepped).steps)
        last[-1] *= 1 + (judged.detectable_newest or math.inf)
        newest += any(s.at == COMMITS - 1 for s in times(last).steps)
    assert hits >= 0.7 * 200
    assert newest >= 0.7 * 200


def test_a_noisier_row_asks_for_more():
    quiet, loud = times(noisy(7, noise=0.01)), times(noisy(7, noise=0.1))
    assert quiet.detectable < 0.05 < 0.1 < loud.detectable
    assert quiet.noise == pytest.approx(0.01, rel=0.5)


def test_the_newest_commit_alone_is_unconfirmed_and_then_confirmed():
    values = noisy(8, 24, 0.02)
    values[-1] *= 1.5
    (step,) = times(values).steps
    assert (step.at, step.confirmed, step.worse) == (23, False, True)
    assert step.before == pytest.approx(1, abs=0.05)
    longer = np.concatenate([values, [1.5, 1.48]])
    (step,) = times(longer).steps
    assert (step.at, step.confirmed) == (23, True)


def test_a_small_change_is_none_however_certain():
    values = noisy(9, noise=1e-4)
    values[15:] *= 1.01
    assert times(values).steps == ()


def test_a_constant_series_has_no_step_and_no_noise():
    judged = times([1e-3] * 20)
    assert judged.steps == ()
    assert judged.noise == 0


def test_an_exact_step_in_a_constant_series():
    assert [s.at for s in times([1.0] * 10 + [2.0] * 10).steps] == [10]


@pytest.mark.parametrize("count", [1, 2, FEWEST - 1])
def test_too_few_commits_give_no_verdict(count):
    judged = times([1.0, 2.0, 4.0, 1.0, 9.0, 1.0, 3.0][:count])
    assert judged.steps == ()
    assert judged.noise is None
    assert judged.detectable is None
    assert len(judged.levels) == count


@pytest.mark.parametrize("count", range(FEWEST, FEWEST + 6))
def test_few_commits_are_judged(count):
    values = [1.0, 1.001] * count
    assert times(values[:count]).steps == ()
    half = count // 2
    assert [s.at for s in times([*values[:half], *(3 * v for v in values[: count - half])]).steps] == [half]


def test_zero_and_negative_times_are_not_judged():
    assert times([0.0] * 20).steps == ()
    assert times([1.0] * 19 + [-1.0]).steps == ()


def test_the_same_series_gives_the_same_judgement():
    values = noisy(10)
    assert times(values) == times(values.copy())


def test_a_step_moves_to_the_commit_that_changed_the_package():
    values = noisy(11, noise=0.04)
    values[14:] *= 1.3
    values[14] /= 1.28  # noise hides the first commit of the new level
    (late,) = times(values).steps
    assert late.at == 15
    possible = [i in (0, 14) for i in range(COMMITS)]
    (moved,) = judge([float(v) for v in values], "seconds", possible).steps
    assert moved.at == 14


def test_a_step_far_from_any_change_of_the_package_stays():
    values = noisy(12)
    values[15:] *= 1.4
    possible = [i in (0, 5) for i in range(COMMITS)]
    assert [s.at for s in judge([float(v) for v in values], "seconds", possible).steps] == [15]


# --- counted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["ulp", "ppm", "bytes/element", "bytes"])
def test_a_counted_figure_changes_where_it_differs(unit):
    judged = judge([2.5, 2.5, 2.6, 2.6, 2.5], unit)
    assert [(s.at, s.before, s.after) for s in judged.steps] == [(2, 2.5, 2.6), (4, 2.6, 2.5)]
    assert judged.exact
    assert judge([2.5, 2.5 * (1 + 1e-12)], unit).steps == ()


def test_peaks_may_differ_by_what_python_needs():
    assert judge([4e6, 4e6 + 900, 4e6 - 200], "peak bytes").steps == ()
    (step,) = judge([0.0, 4194304.0], "peak bytes").steps
    assert step.worse
    assert step.change == math.inf


def test_creeping_within_the_tolerance_is_seen_at_last():
    assert len(judge([1000.0 * i for i in range(10)], "peak bytes").steps) == 1

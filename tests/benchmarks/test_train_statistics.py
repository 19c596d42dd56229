"""What is said of trainings: against closed forms, against SciPy, and by simulation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.train import statistics
from benchmarks.train.effects import effects
from benchmarks.train.entries import ACCURACY, LOSS, Setting, Training, check
from benchmarks.train.results import results
from benchmarks.train.statistics import (
    BETTER,
    SAME,
    TOO_FEW,
    WORSE,
    compare,
    comparisons,
    interval,
    summaries,
)
from benchmarks.train.words import against_words, difference_words, rate_words, score_words, verdict_words
from tests.benchmarks.train_rows import at_every_rate, final, finals, searched, setting

# --- intervals ------------------------------------------------------------------------------------------


def test_with_few_seeds_every_resample_is_counted() -> None:
    values = [0.91, 0.95, 0.97]
    means = sorted(sum(s) / 3 for s in itertools.product(values, repeat=3))
    tail = stats.norm.cdf(-stats.t.ppf(0.975, 2) * math.sqrt(3 / 2))
    found = interval(values)
    assert found.mean == pytest.approx(sum(values) / 3)
    assert found.low == pytest.approx(np.quantile(means, tail))
    assert found.high == pytest.approx(np.quantile(means, 1 - tail))


@pytest.mark.parametrize(("count", "least"), [(5, 0.92), (10, 0.92)])
def test_the_interval_holds_the_mean_about_as_often_as_it_says(count: int, least: float) -> None:
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(600):
        found = interval(list(generator.normal(3, 1, count)))
        hits += found.low <= 3 <= found.high
    assert least <= hits / 600 <= 0.985


def test_the_plain_percentile_interval_would_be_too_narrow() -> None:
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(600):
        sample = generator.normal(3, 1, 5)
        low, high = np.quantile(sample[statistics._resamples(5)].mean(axis=1), [0.025, 0.975])
        hits += low <= 3 <= high
    assert hits / 600 < 0.88


def test_one_seed_leaves_everything_open_and_none_is_an_error() -> None:
    assert (interval([0.5]).low, interval([0.5]).high) == (-math.inf, math.inf)
    with pytest.raises(ValueError, match="at least one number"):
        interval([])


def test_intervals_are_the_same_every_time() -> None:
    values = list(np.random.default_rng(3).normal(size=12))
    assert interval(values) == interval(values)


@pytest.mark.parametrize(("wins", "count"), [(0, 5), (3, 5), (5, 5), (7, 10)])
def test_shares_have_wilsons_interval(wins: int, count: int) -> None:
    peer = stats.binomtest(wins, count).proportion_ci(method="wilson")
    found = statistics.wilson(wins, count)
    assert (found.mean, found.low, found.high) == pytest.approx(
        (wins / count, peer.low, peer.high), abs=1e-12
    )


def test_p_is_that_of_the_paired_t_test() -> None:
    a, b = np.random.default_rng(4).normal(size=(2, 8))
    assert statistics.paired_t(list(a - b)) == pytest.approx(stats.ttest_rel(a, b).pvalue)


def test_p_of_equal_differences_is_that_of_the_sign_test() -> None:
    assert statistics.paired_t([0.0, 0.0, 0.0]) == 1
    assert statistics.paired_t([0.25] * 5) == stats.binomtest(5, 5).pvalue == 2 / 32
    assert statistics.paired_t([0.3]) == 1


def test_holm_stops_at_the_first_that_fails() -> None:
    # 0.01 <= 0.05/4, 0.015 <= 0.05/3, 0.03 > 0.05/2: the last stays out although 0.04 < 0.05
    assert statistics.holm([0.03, 0.01, 0.04, 0.015]) == [False, True, False, True]
    assert statistics.holm([]) == []


# --- scores ---------------------------------------------------------------------------------------------


def test_a_training_that_diverged_enters_with_the_score_of_a_guess() -> None:
    s = setting()
    (found,) = summaries(s, finals("relu", [0.9, None, 0.9, 0.05, 0.9]))
    assert found.scores == {0: 0.9, 1: 0.1, 2: 0.9, 3: 0.1, 4: 0.9}
    assert (found.diverged, found.as_guess) == (1, 2)
    assert found.interval.mean == pytest.approx((3 * 0.9 + 2 * 0.1) / 5)


def test_a_loss_that_diverged_ranks_worst() -> None:
    s = setting("gpt", metric=LOSS)
    rows = finals("a", [2.0] * 5, of=s) + finals("b", [None] * 5, of=s) + finals("c", [9.0] * 5, of=s)
    found = summaries(s, rows)
    assert [x.activation for x in found] == ["a", "b", "c"]
    assert found[1].interval.mean == found[2].interval.mean == s.guess
    against = compare(s, found[0], found[1])
    assert (against.verdict, against.probability.mean) == (BETTER, 1)


def test_seeds_that_the_setting_does_not_have_are_left_out() -> None:
    found = summaries(setting(seeds=2), finals("relu", [0.9, 0.8, 0.1, 0.1]))
    assert found[0].scores == {0: 0.9, 1: 0.8}


# --- the rate -------------------------------------------------------------------------------------------


def test_each_seed_chooses_the_rate_of_its_least_validation_loss() -> None:
    s = setting(seeds=2)
    rows = searched("relu", {0.01: [0.5, 0.3], 0.1: [0.4, 0.4], 1.0: [0.45, None]})
    (found,) = summaries(s, rows)
    assert found.rates == {0: 0.1, 1: 0.01}
    assert found.scores == {0: 0.5 + 0.1 / 10, 1: 0.5 + 0.01 / 10}
    assert (found.edges, found.diverged, found.as_guess, found.lost) == (1, 0, 0, 0)
    assert rate_words(found) == "0.01 × 1, 0.1 × 1"


def test_a_better_test_score_chooses_nothing() -> None:
    rows = finals("relu", [0.9, 0.8, 0.85, 0.9, 0.9])  # at the other rates each has a test score of 1
    (found,) = summaries(setting(), rows)
    assert list(found.scores.values()) == [0.9, 0.8, 0.85, 0.9, 0.9]
    assert (rate_words(found), found.edges) == ("0.1", 0)


def test_a_seed_that_diverged_at_every_rate_did_and_at_some_did_not() -> None:
    s = setting(seeds=2)
    rows = searched("x", {0.01: [None, None], 0.1: [None, 2.0], 1.0: [None, None]})
    (found,) = summaries(s, rows)
    assert (found.diverged, found.rates, found.edges) == (1, {0: 0.01, 1: 0.1}, 1)


def test_a_seed_with_a_lost_training_has_no_score_and_is_counted_as_lost() -> None:
    rows = finals("relu", [0.9, 0.8, 0.85, 0.9, 0.9])
    (found,) = summaries(setting(), [t for t in rows if (t.seed, t.rate) != (1, 0.01)])
    assert (sorted(found.scores), found.lost) == ([0, 2, 3, 4], 1)
    assert summaries(setting(), [t for t in rows if t.rate != 0.01]) == ()


def test_rates_and_seeds_that_the_setting_does_not_have_are_left_out() -> None:
    rows = finals("relu", [0.9, 0.8, 0.1])
    stray = replace(rows[0], rate=7.0, val_loss=0.0, test_score=1.0)
    (found,) = summaries(setting(seeds=2), [*rows, stray])
    assert found.scores == {0: 0.9, 1: 0.8}


def test_the_luck_of_choosing_is_in_the_interval() -> None:
    """Two equals whose rates are chosen on noise: a choice for all seeds would tell them apart often."""
    generator = np.random.default_rng(7)
    s = setting(test=100_000)
    told_apart = 0
    for _ in range(200):
        rows = []
        for name in ("a", "b"):
            for seed in range(5):
                val = generator.normal(0.2, 0.01, 3)
                own = generator.normal(0.0, 0.001)
                for rate, loss, better in zip((0.01, 0.1, 1.0), val, (0.0, 0.01, 0.02), strict=True):
                    made = final(name, seed, 0.9 + better + own)
                    rows.append(replace(made, rate=rate, val_loss=float(loss)))
        one, other = summaries(s, rows)
        told_apart += compare(s, one, other).verdict != SAME
    assert told_apart <= 200 * 0.1


def test_no_training_is_an_error() -> None:
    with pytest.raises(ValueError, match="no training to choose a learning rate by"):
        statistics.choose([])


# --- pairs ----------------------------------------------------------------------------------------------


def pair(a: list[float | None], b: list[float | None], s: Setting | None = None) -> statistics.Comparison:
    s = s or setting()
    found = {x.activation: x for x in summaries(s, finals("a", a, of=s) + finals("b", b, of=s))}
    return compare(s, found["a"], found["b"])


@pytest.mark.parametrize("metric", [ACCURACY, LOSS])
def test_more_accuracy_and_less_loss_are_better(metric: str) -> None:
    s = setting("m", metric=metric)
    high, low = [0.91, 0.93, 0.92, 0.95, 0.94], [0.81, 0.84, 0.82, 0.84, 0.84]
    found, mirrored = pair(high, low, s), pair(low, high, s)
    assert found.verdict == (BETTER if metric == ACCURACY else WORSE)
    assert {found.verdict, mirrored.verdict} == {BETTER, WORSE}
    assert found.difference.mean == pytest.approx(-mirrored.difference.mean)
    assert found.difference.low == pytest.approx(-mirrored.difference.high)
    assert found.probability.mean == 1 - mirrored.probability.mean


def test_pairs_see_what_unpaired_intervals_hide() -> None:
    base = [0.70, 0.80, 0.90, 0.75, 0.85]
    found = pair([x + 0.02 + 0.001 * i for i, x in enumerate(base)], base)
    assert found.verdict == BETTER
    assert interval(base).high > 0.82  # the intervals of the two overlap widely


def test_an_interval_with_0_is_no_difference() -> None:
    found = pair([0.90, 0.92, 0.91, 0.93, 0.90], [0.91, 0.91, 0.92, 0.92, 0.91])
    assert found.verdict == SAME
    assert verdict_words(found) == "no difference"


def test_less_than_one_test_sample_is_no_difference() -> None:
    s = setting(test=100)
    assert pair([0.905] * 5, [0.9] * 5, s).verdict == SAME
    assert pair([0.915] * 5, [0.9] * 5, s).verdict == BETTER


def test_the_same_scores_are_no_difference_and_half_a_chance() -> None:
    found = pair([0.9, 0.8, 0.95, 0.9, 0.9], [0.9, 0.8, 0.95, 0.9, 0.9])
    assert (found.verdict, found.p, found.probability.mean) == (SAME, 1, 0.5)


def test_two_seeds_are_too_few() -> None:
    assert pair([0.9, 0.9], [0.1, 0.1]).verdict == TOO_FEW


def test_seeds_without_a_partner_do_not_count() -> None:
    s = setting()
    rows = finals("a", [0.9, 0.9, 0.9, 0.9, 0.9])
    rows += [t for i in (1, 3, 4) for t in at_every_rate("b", i, 0.8)]
    found = {x.activation: x for x in summaries(s, rows)}
    assert compare(s, found["a"], found["b"]).pairs == 3
    apart = {x.activation: x for x in summaries(s, at_every_rate("a", 0, 0.9) + at_every_rate("b", 1, 0.8))}
    assert compare(s, apart["a"], apart["b"]).verdict == TOO_FEW


def test_differences_of_pure_chance_do_not_hold_together() -> None:
    generator = np.random.default_rng(5)
    s = setting(test=100_000)
    false = holding = 0
    for _ in range(20):
        rows = [t for i in range(30) for t in finals(f"a{i}", list(generator.normal(0.9, 0.01, 5)))]
        rows += finals("gelu", list(generator.normal(0.9, 0.01, 5)))
        found = comparisons(s, summaries(s, rows), "gelu")
        false += sum(c.verdict != SAME for c in found)
        holding += any(c.holds for c in found)
    assert 0 < false <= 20 * 30 * 0.15  # some differ by chance, as they must
    assert holding <= 4  # but seldom does any hold among all


def test_a_large_difference_holds_among_many() -> None:
    s = setting()
    rows = [t for i in range(10) for t in finals(f"a{i}", [0.90, 0.91, 0.92, 0.93, 0.94])]
    rows += finals("gelu", [0.90, 0.91, 0.92, 0.93, 0.94]) + finals("bad", [0.50, 0.511, 0.52, 0.53, 0.542])
    held = {c.activation: c.holds for c in comparisons(s, summaries(s, rows), "gelu")}
    assert held.pop("bad")
    assert not any(held.values())


def test_without_the_rival_there_is_nothing_to_compare() -> None:
    assert comparisons(setting(), summaries(setting(), finals("a", [0.9] * 5)), "gelu") == ()


# --- effects --------------------------------------------------------------------------------------------


def test_an_effect_is_the_mean_over_pairs_that_differ_in_one_parameter_alone() -> None:
    s = setting(test=360)  # one sample of it is more than the least effect, a quarter of one is not
    rows = []
    for variant, slope in (("e-gem", ""), ("se-gem", ", negative_slope=0.01")):
        for n in (1, 2):
            for eps in ("0.0001", "1.0"):
                gain = 0.02 * (n == 2) - 0.05 * (eps == "1.0") + 0.001 * (variant == "se-gem")
                name = f"{variant}(n={n}, eps={eps}{slope})"
                rows += finals(name, [0.8 + gain + 0.01 * i for i in range(5)])
    rows += finals("gelu", [0.5] * 5) + finals("no such thing", [0.5] * 5)
    found = {e.change: e for e in effects(s, summaries(s, rows))}
    assert set(found) == {"n = 2 instead of 1", "eps = 1 instead of 0.0001", "se-gem instead of e-gem"}
    expected = {"n": (0.02, 4, BETTER), "eps": (-0.05, 4, WORSE), "variant": (0.001, 4, BETTER)}
    for effect in found.values():
        size, pairs, verdict = expected[effect.parameter]
        assert effect.found.difference.mean == pytest.approx(size)
        assert (effect.pairs, effect.found.verdict) == (pairs, verdict)


# --- words ----------------------------------------------------------------------------------------------


def test_the_sentence_counts_better_worse_level_and_chance() -> None:
    s = setting()
    level = [0.90, 0.91, 0.92, 0.93, 0.94]
    rows = finals("gelu", level) + finals("silu", [0.2] * 5)
    rows += finals("gem(n=1)", [x - 0.1 - 0.001 * i for i, x in enumerate(level)])
    rows += finals("e-gem(n=1, eps=1.0)", [0.91, 0.90, 0.93, 0.92, 0.94])
    (found,) = results([s], rows)
    assert against_words(found, "gelu") == (
        "Against GELU, of 2 members of the family: 1 worse, 1 shows no difference. Of 2 such comparisons "
        "about 0.1 would differ by chance alone; 1 of the differences holds when all are taken together."
    )
    assert against_words(found, "relu") == "No member of the family was compared with ReLU."
    assert score_words(s, found.summaries[0].interval).startswith("92.0 % (")
    c = found.comparison("gem(n=1)", "gelu")
    assert c is not None
    assert difference_words(s, c).startswith("−10.20 points (−10.")


# --- entries that cannot be -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: replace(setting(), metric="speed"), "metric must be"),
        (lambda: replace(setting(), group="?"), "group must be"),
        (lambda: replace(setting(), guess=1.5), "guess cannot be"),
        (lambda: replace(setting(), unigram=1e300), "unigram cannot be"),
        (lambda: replace(setting(), steps=0), "at least 1"),
        (lambda: replace(setting(), rates=(0.1, 0.01)), "ascending"),
        (lambda: replace(setting(), rates=()), "ascending"),
        (lambda: replace(setting(), seeds=(0, 0)), "seeds must differ"),
        (lambda: replace(setting(), seeds=tuple(range(500))), "at most 200"),
        (lambda: replace(final("a", 0, 0.5), rate=0.0), "rate must be"),
        (lambda: replace(final("a", 0, 0.5), curve=(1.0,)), "different lengths"),
        (lambda: replace(final("a", 0, 0.5), test_score=None), "has no score"),
        (lambda: replace(final("a", 0, None), test_score=0.5), "has a score"),
        (lambda: replace(final("a", 0, 0.5), test_score=1e300), "beyond float32"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(change: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(change())


def test_entries_that_can_be_are_not_refused() -> None:
    entries: list[Setting | Training] = [
        setting(),
        setting("g", metric=LOSS),
        final("a", 0, 0.5),
        final("a", 0, None),
    ]
    for entry in entries:
        check(entry)

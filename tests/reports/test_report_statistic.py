import pytest

from reports import statistic
from reports.statistic import Spread, ceiling_fraction, ratio, rounded_up, spread


def test_quartiles_interpolate_linearly():
    # positions 0.25 * 4 = 1 and 3 of the sorted samples, counted from 0
    assert spread([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(3.0, 2.0, 4.0, 5)
    # positions 0.75, 1.5, 2.25
    assert spread([1.0, 2.0, 4.0, 8.0]) == Spread(3.0, 1.75, 5.0, 4)


def test_one_sample_is_its_own_spread_and_gives_no_verdict():
    assert spread([2.0]) == Spread(2.0, 2.0, 2.0, 1)
    assert spread([2.0]).verdict == "too few rounds"


def test_a_ratio_is_the_median_of_pairwise_ratios_not_the_ratio_of_medians():
    case, partner = [2.0, 3.0, 10.0, 4.0, 6.0], [1.0, 3.0, 2.0, 4.0, 1.0]
    # pairwise 2, 1, 5, 1, 6: median 2; the medians' ratio would be 4 / 2 = 2 by chance, so shift one
    assert ratio(case, partner) == Spread(2.0, 1.0, 5.0, 5)
    assert ratio([10.0, 2.0, 30.0, 4.0], [10.0, 1.0, 30.0, 1.0]).median == 1.5


def test_pairs_need_equal_rounds():
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([0.9, 0.95, 1.05, 1.1], "no difference"),
        ([1.0, 1.0, 1.0, 1.0], "no difference"),
        ([1.01, 1.02, 1.03, 1.04], "slower"),
        ([0.5, 0.6, 0.7, 0.8], "faster"),
        ([0.5, 0.6, 0.7], "too few rounds"),
    ],
)
def test_a_difference_inside_the_quartiles_is_none(ratios, verdict):
    assert spread(ratios).verdict == verdict


def test_the_fraction_of_the_ceiling_weighs_bytes():
    # 20 bytes in 4 s against 10 bytes in 1 s: half the rate
    assert ceiling_fraction([4.0], 20, [1.0], 10).median == 0.5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.941, "2.95"),
        (2.9, "2.90"),
        (0.5, "0.500"),
        (0.0, "0"),
        (3.0, "3.00"),
        (9.999, "10.0"),
        (123.2, "124"),
    ],
)
def test_at_most_is_never_below(value, text):
    assert rounded_up(value) == text


@pytest.mark.parametrize("value", [5e-324, 1e-9, 1.7e308, 123456789.0])
def test_at_most_survives_any_float(value):
    assert float(rounded_up(value)) >= value


@pytest.mark.parametrize(
    ("s", "text"),
    [
        (Spread(1.324, 1.28, 1.36, 9), ("1.32", "1.28–1.36")),
        (Spread(1.3244, 1.3240, 1.3248, 9), ("1.32", "1.32–1.32")),
        (Spread(1.3, 0.8, 2.0, 9), ("1.3", "0.8–2.0")),
        (Spread(12.0, 8.0, 16.0, 9), ("12", "8–16")),
        (Spread(1234.0, 1200.0, 1300.0, 9), ("1,234", "1,200–1,300")),
    ],
)
def test_no_more_digits_than_the_spread_supports(s, text):
    assert statistic.plain(s) == text


@pytest.mark.parametrize(
    ("median", "text"),
    [(2.5, "2.50 s"), (2.5e-3, "2.50 ms"), (2.5e-6, "2.50 µs"), (2.5e-9, "2.50 ns"), (2.5e-11, "0.0250 ns")],
)
def test_seconds_have_a_unit_that_fits(median, text):
    assert statistic.seconds(Spread(median, median, median, 9))[0] == text


def test_sizes_and_bytes():
    assert (statistic.size(2**20), statistic.size(3072), statistic.size(8)) == ("2²⁰", "3,072", "8")
    assert (statistic.count_bytes(0), statistic.count_bytes(65536)) == ("0 B", "64 KiB")

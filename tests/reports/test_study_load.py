"""Which record of an environment is shown, and which one before it may be of the same host."""

from dataclasses import replace

import pytest

from reports.study_load import shown
from tests.reports.worth_factory import stored


def at(clock, day, **changes):
    record = stored("flow", (), day=day, **changes)
    return replace(record, environment=replace(record.environment, clock_mhz=clock))


@pytest.mark.parametrize(
    ("clock", "comparable"), [(2600.0, True), (2400.0, True), (None, True), (2100.0, False), (3100.0, False)]
)
def test_seconds_of_another_host_are_not_compared(clock, comparable):
    newest, earlier = at(2600.0, 28), at(clock, 24)
    (found,) = shown([earlier, newest])
    assert found.record is newest
    assert found.before is (earlier if comparable else None)


def test_the_newest_one_of_the_same_host_is_compared():
    records = [at(2600.0, 28), at(2100.0, 27), at(2600.0, 26), at(2600.0, 25)]
    (found,) = shown(records)
    assert found.before is records[2]


def test_a_lesser_record_is_neither_shown_nor_compared():
    full, quick, broken = at(None, 24, length="full"), at(None, 28), at(None, 25, complete=False)
    (found,) = shown([quick, broken, full])
    assert (found.record, found.before) == (full, None)

"""What the benchmarks write, the report reads: the two sides of the record's schema."""

from __future__ import annotations

import json

import pytest

from benchmarks.axes import SWEEPS
from benchmarks.cases import generate
from reports.fields import Fields
from reports.load import _case


@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_case_of_a_sweep_can_be_read(sweep: str) -> None:
    for planned in generate(sweep):
        written = json.loads(json.dumps(planned.case.as_dict()))
        read = _case(Fields(written, "case"))
        assert (read.function, read.implementation, read.shape, read.passes, read.conditions) == (
            *(written[key] for key in ("function", "implementation")),
            *(tuple(written["shape"]), written["pass"], written["conditions"] or ""),
        )

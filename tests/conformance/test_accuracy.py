"""Values and gradients against the oracle, in ulp; never NaN, infinite or of the wrong sign."""

from __future__ import annotations

import pytest

from tests.conformance import checks
from tests.conformance.cases import LITERAL, Subject, everywhere, subjects


@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize("subject", subjects(where=everywhere, why_not=LITERAL))
def test_accuracy(subject: Subject, what: str) -> None:
    checks.check_accuracy(subject, what)

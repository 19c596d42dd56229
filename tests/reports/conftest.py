from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.build import site
from reports.history.results import load_history
from reports.load import load
from reports.sections import Inputs

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

Build = Callable[..., dict[str, bytes]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def build(data: Path) -> Build:
    """The site made from what is in ``data`` (and asv's results, where named), built at a fixed time."""

    def made(asv: Path | None = None, at: datetime = NOW) -> dict[str, bytes]:
        return site(Inputs(load([data], apart=asv), load_history(asv), at))

    return made

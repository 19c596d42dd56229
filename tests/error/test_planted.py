"""Each kind of wrong implementation is caught, by the command that a user types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from gem_impls import registry
from tests.error import planted


@pytest.fixture(autouse=True)
def _forget_the_planted() -> Any:
    yield
    registry._get.cache_clear()


def measured(name: str, fault: planted.Fault, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    planted.plant(monkeypatch, name, fault)
    out = folder / "record.json"
    options = ["--dtype", "float16", "--variant", "gem", "--n", "1", "2", "--points", "1000"]
    code = main(["error", "--implementation", name, *options, "--out", str(out), "--cache", str(folder)])
    return code, json.loads(out.read_text())


def value_map(record: Any) -> Any:
    return next(m for m in record["maps"] if m["what"] == "value" and m["n"] == 1)


def test_the_right_one_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, record = measured("planted_right", planted.nothing_wrong, monkeypatch, tmp_path)
    assert (code, record["gem_impls_error"]["complaints"]) == (0, [])
    assert record["gem_impls_error"]["within_bounds"] is True
    assert value_map(record)["inputs"] == 65536


def test_last_bit_flipped_on_one_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, record = measured("planted_bit", planted.last_bit_flipped, monkeypatch, tmp_path)
    found = value_map(record)
    assert code == 1
    assert found["beyond"] == 1
    assert float.fromhex(found["first_beyond"]["x"]) == float.fromhex(found["worst"]["x"]) == 1.5
    assert "first at x = 0x1.8" in record["gem_impls_error"]["complaints"][0]


def test_flushed_subnormals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, record = measured("planted_flush", planted.flushes_subnormals, monkeypatch, tmp_path)
    found = value_map(record)
    assert code == 1
    assert found["max_ulp"] == pytest.approx(1023, abs=1)  # the largest subnormal, in units of the smallest
    assert found["beyond"] > 0
    for name in ("first_beyond", "worst"):
        assert 0 < float.fromhex(found[name]["rounded"]) < 2.0**-14
        assert float.fromhex(found[name]["got"]) == 0


def test_wrong_at_the_last_lane_of_a_block(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, record = measured("planted_lane", planted.wrong_at_the_last_lane, monkeypatch, tmp_path)
    assert code == 1
    assert value_map(record)["beyond"] > 0
    moved = {e["check"]: e["different"] for e in record["consistency"] if e["what"] == "value"}
    assert moved["offsets"] > 0
    assert moved["order"] > 0
    assert moved["repeated"] == 0  # the same call gives the same bits
    assert any("change their bits (offsets)" in c for c in record["gem_impls_error"]["complaints"])


def test_zero_for_nan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, record = measured("planted_nan", planted.zero_for_nan, monkeypatch, tmp_path)
    found = value_map(record)
    assert code == 1
    assert found["beyond"] == 0  # every finite input is right
    assert found["special_wrong"] == 2046  # every NaN of float16
    assert found["first_special_wrong"] == {"x": "nan", "got": "0x0.0p+0", "rounded": "nan", "ulp": "inf"}

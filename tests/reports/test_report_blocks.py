"""The page on real layers: its numbers are those of the record, and nothing in a file is markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.blocks.entries import COMPILED, FORWARD, INLINED, PEER, WRITTEN_OUT, Failure
from reports.__main__ import write
from reports.blocks.figures import ratios
from reports.blocks.tables import choices, counts_of, function_label, race_table
from reports.figures import Palette
from tests.reports.blocks_factory import DRIFT, GEM, PARTICIPANTS, SEGEM, count, everything, race, stored
from tests.reports.browser import CHROMIUM, Browser
from tests.reports.conftest import Build
from tests.reports.test_report_browser import CONTRAST

HOSTILE = "<script>alert(1)</script>"


def cells(table_: object, head: str, implementation: str) -> dict[str, str]:
    """Column -> what the cell of that row says, its remark after a bar."""
    rows, seen = {}, ""
    for row in table_.rows:  # type: ignore[attr-defined]
        seen = row.heads[0] or seen
        rows[seen, row.heads[1]] = row
    found = rows[head, implementation].cells
    names = [column.label for column in table_.columns]  # type: ignore[attr-defined]
    return {name: f"{c.text}|{c.small}" for name, c in zip(names, found, strict=True)}


def test_a_race_is_a_table() -> None:
    table = race_table(race(), counts_of([count(who) for who in PARTICIPANTS]))
    gelu = cells(table, "GELU", "torch")
    assert gelu["time"] == "4.0 ms|4.0–8.0"
    assert gelu["÷ ReLU"] == "1.25 ×|1.25–1.25"
    assert gelu["share"] == "25 %|25 to 25", "identity takes 3 of its 4"
    assert gelu["by itself"] == "12 %|12 to 12", "0.5 of its 4, to even"
    assert gelu["peak"] == "20 MiB|"
    assert gelu["saved"] == "3 MiB|"
    gem = cells(table, "gem, n = 1", "cpp_fused")
    assert gem["÷ GELU"] == "0.800 ×|0.800–0.800"
    assert gem["÷ ReLU"] == "no difference|1.00 (1.00–1.00)"
    assert cells(table, "no activation", "")["share"] == "|"
    assert "Left out: numpy_cpu: it takes NumPy arrays" in table.notes


def test_what_the_choice_moves() -> None:
    forward = race(passes=FORWARD, alone={})
    table = choices([race(), forward])
    assert table is not None
    found = cells(table, "gpt2-mlp", "eager")
    assert found["training step"] == "20 %|20 to 20; GELU to ReLU"
    assert found["forward"] == "20 %|20 to 20"
    assert (found["GELU"], found["gem, n = 1"]) == ("25 %|25 to 25", "6.2 %|6.2 to 6.2")
    assert found["÷ GELU"] == "0.800 ×|0.800–0.800"
    assert found["moves"] == "75 %|75 to 75"


def test_a_share_below_what_rounds_differ_by_is_not_seen() -> None:
    noisy = race(samples={**race().samples, "identity": tuple(4.1 * d for d in DRIFT)})
    assert cells(race_table(noisy, {}), "GELU", "torch")["share"].startswith("not seen|")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (SEGEM, "se-gem, n = 2"),
        ("e-gem(n=1, eps=10.0)", "e-gem, n = 1, eps = 10"),
        ("relu", "ReLU"),
        (HOSTILE, HOSTILE),
        ("gem(n=0)", "gem(n=0)"),
    ],
)
def test_functions_are_called_by_what_is_not_usual_of_them(name: str, label: str) -> None:
    assert function_label(name) == label


def page(built: dict[str, bytes]) -> str:
    names = sorted(name for name in built if name.startswith("layers"))
    assert names
    return built[names[0]].decode()


def test_the_page_says_what_the_choice_moves(data: Path, build: Build) -> None:
    stored(data, *everything())
    text = page(build())
    assert "gpt2-mlp: <strong>20 % (20 to 20; GELU to ReLU)</strong>" in text
    assert "4,722,432 parameters" in text
    assert text.count("<figure") == 4, "the training step of two layers, eager and compiled"
    assert "of the dearer step" in text.lower()
    assert "python -m benchmarks blocks --quick" in text, "the run was a quick one"


def test_without_a_difference_none_is_claimed(data: Path, build: Build) -> None:
    wobble = (1.0, 1.1, 0.9, 1.0, 1.05) * 4
    alike = {who: tuple(1e-3 * w for w in wobble[i:] + wobble[:i]) for i, who in enumerate(PARTICIPANTS)}
    stored(data, race(samples=alike, alone={}))
    assert re.search(r"gpt2-mlp: <strong>nothing seen \(up to [\d.]+ % could hide\)</strong>", page(build()))


def test_compiled_relu_is_explained_where_it_was_compiled() -> None:
    eager, compiled = choices([race()]), choices([race(mode=COMPILED, alone={})])
    assert eager is not None
    assert compiled is not None
    assert not [note for note in eager.notes if "ReLU" in note]
    assert "may be the compiler's doing" in compiled.notes[-1]
    who = f"relu by {WRITTEN_OUT}"
    usual = race()
    beside = race(
        mode=COMPILED,
        alone={},
        samples={**usual.samples, who: tuple(3.1 * d for d in DRIFT)},
        functions={**usual.functions, who: "relu"},
        implementations={**usual.implementations, who: WRITTEN_OUT},
    )
    table = choices([beside])
    assert table is not None
    assert "here ReLU is the faster of the two" in table.notes[-1]
    assert cells(table, "gpt2-mlp", "compiled")["÷ ReLU"] == "1.03 ×|1.03–1.03", "of its faster code"
    rows = race_table(beside, {})
    assert cells(rows, "ReLU", WRITTEN_OUT)["÷ ReLU"] == "0.969 ×|0.969–0.969"
    (dots,) = ratios(beside, Palette(("cpp_fused", "torch_naive")))
    assert f"ReLU {WRITTEN_OUT} ÷ relu 0.969" in dots.alt


def test_a_hostile_record_is_text(data: Path, build: Build) -> None:
    hostile = race(
        block=HOSTILE,
        summary=HOSTILE,
        dtype=HOSTILE,
        samples={HOSTILE: DRIFT, "relu": DRIFT, "other": DRIFT},
        functions={HOSTILE: HOSTILE, "relu": "relu", "other": GEM},
        implementations={HOSTILE: INLINED, "relu": PEER, "other": HOSTILE},
        alone={},
        left_out={HOSTILE: HOSTILE},
    )
    stored(data, hostile, count(HOSTILE), Failure(HOSTILE, HOSTILE))
    built = build()
    assert HOSTILE not in page(built)
    assert "&lt;script&gt;" in page(built)
    assert not any(
        HOSTILE.encode() in content for name, content in built.items() if name.endswith((".html", ".svg"))
    )


def test_a_record_with_nothing_but_failures_says_so(data: Path, build: Build) -> None:
    stored(data, Failure("gpt2-mlp, training step", "everybody: out of memory"))
    assert "everybody: out of memory" in page(build())


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is on the path")
def test_the_page_loads_clean_fits_and_can_be_read(data: Path, build: Build, tmp_path: Path) -> None:
    stored(data, *everything(), Failure("gpt2-mlp, training step", "gem by planted: wrong output"))
    write(build(), tmp_path / "site")
    page = next((tmp_path / "site").glob("layers-*.html"))
    with Browser(tmp_path / "profile") as browser:
        for width, scheme in ((390, "light"), (1280, "dark"), (1280, "light")):
            browser.open(page, width, scheme)
            browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert browser.complaints() == []
            assert browser.requests() == [page.resolve().as_uri()]
            assert browser.evaluate("document.documentElement.scrollWidth") <= width
            contrast, where = browser.evaluate(CONTRAST)
            assert 4.5 <= contrast < 99, where

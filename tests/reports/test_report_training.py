"""The training page: everything of a record is on it, chance is told from difference, nothing is markup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.models.activations import everything
from benchmarks.study import Run
from benchmarks.train.entries import LOSS, Failure, Setting, Training
from benchmarks.train.study import STUDY
from reports.kinds import TRAIN
from reports.load import load
from reports.train import pairs
from reports.train.load import ablations
from tests.benchmarks.train_rows import finals, searched, setting

Build = Callable[..., dict[str, bytes]]

HOSTILE = "<script>alert(1)</script>"

LEVEL = (0.95, 0.96, 0.97, 0.96, 0.95)


def record(
    file: Path,
    settings: Sequence[Setting],
    rows: Sequence[Any],
    *,
    length: str = "quick",
    whole: bool = True,
    cpu: str | None = None,
    started: str | None = None,
) -> Path:
    """A record as the command writes it."""
    header = {"length": length, "devices": ["cpu"], "whole": whole}
    run = Run(STUDY, header, f"python -m benchmarks train --{length}", file)
    run.ends("all", [*settings, *rows])
    run.close()
    top = json.loads(file.read_text(encoding="utf-8"))
    if cpu:
        top[STUDY.mark]["environment"]["cpu"] = cpu
    if started:
        top[STUDY.mark]["started"] = started
    file.write_text(json.dumps(top), encoding="utf-8")
    return file


def whole_grid(of: Setting) -> list[Training]:
    """Everybody at every rate; later members of the grid are a little worse."""
    rows: list[Training] = []
    for index, activation in enumerate(everything()):
        shift = 0.002 * index * (-1 if of.metric != LOSS else 1)
        base = LEVEL if of.metric != LOSS else tuple(3 - x for x in LEVEL)
        scores = [x + shift + 0.0003 * ((index * 7 + i * 3) % 5) for i, x in enumerate(base)]
        rows += finals(activation.name, scores, of=of)
    return rows


def text_of(page: bytes) -> str:
    """What a reader sees: no tags, no script, no style, single spaces."""
    text = re.sub(r"(?s)<(script|style|svg).*?</\1>", " ", page.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def page_of(files: dict[str, bytes]) -> bytes:
    (name,) = [n for n in files if re.fullmatch(r"training-[^/]+\.html", n)]
    return files[name]


def test_every_activation_of_every_model_is_on_the_page(data: Path, build: Build) -> None:
    models = [setting("mlp"), setting("gpt", metric=LOSS)]
    record(data / "r.json", models, [t for s in models for t in whole_grid(s)])
    files = build()
    page = page_of(files)
    text = text_of(page)
    for activation in everything():
        shown = activation.name.replace("negative_slope", "slope")
        assert text.count(shown) >= 2
    for model in models:
        assert f"{model.title}: {model.metric} on the test part, 5 seeds" in text
        for figure in ("means", "grid-gelu", "grid-relu", "probability", "curves"):
            assert f'id="{figure}-{model.model}"' in page.decode()
    assert "Of 33 such comparisons about 1.7 would differ by chance alone" in text
    assert b"Training" in files["index.html"]


def test_level_scores_are_no_difference_and_worse_ones_are_worse(data: Path, build: Build) -> None:
    s = setting()
    shuffled = [LEVEL[i] for i in (1, 0, 3, 2, 4)]
    rows = finals("gelu", LEVEL) + finals("relu", LEVEL) + finals("gem(n=1)", shuffled)
    rows += finals("gem(n=2)", [x - 0.2 - 0.001 * i for i, x in enumerate(LEVEL)])
    rows += finals("gem(n=3)", [x + 0.02 + 0.0004 * i for i, x in enumerate(LEVEL)])
    record(data / "r.json", [s], rows)
    text = text_of(page_of(build()))
    assert "Against GELU, of 3 members of the family: 1 better, 1 worse, 1 shows no difference." in text
    row = text[text.index("gem(n=1)") :]
    assert "no difference" in row[:200]
    assert "worse, holds among all −20.20 points" in text
    assert "better, holds among all +2.08 points" in text


def test_every_pair_has_its_probability_and_its_mirror(data: Path, build: Build) -> None:
    """Against the scores themselves: how many seeds one won, and half of those that were level."""
    scores = {
        "relu": [0.90, 0.91, 0.92, 0.93, 0.94],
        "silu": [0.91, 0.91, 0.90, 0.94, 0.95],
        "gem(n=1)": [0.951, 0.962, 0.971, 0.980, 0.993],
        "e-gem(n=1, eps=10.0)": [0.99] * 5,
    }
    record(data / "r.json", [setting()], [t for who, own in scores.items() for t in finals(who, own)])
    (found,) = ablations(load([data]).of(TRAIN))
    shown = pairs.table(found.models[0])
    assert shown is not None
    assert [row.heads[0] for row in shown.rows] == ["gem 1", "SiLU", "ReLU"], "best first; usual ones alone"
    assert [column.label for column in shown.columns] == ["gem 1", "SiLU", "ReLU"]
    order = ["gem(n=1)", "silu", "relu"]
    for row, one in zip(shown.rows, order, strict=True):
        for cell, other in zip(row.cells, order, strict=True):
            if one == other:
                assert cell.text == "itself"
                continue
            both = list(zip(scores[one], scores[other], strict=True))
            wins = sum(a > b for a, b in both) + 0.5 * sum(a == b for a, b in both)
            assert cell.text == f"{100 * wins / 5:.0f} %"
            low, high = (int(end) for end in cell.small.split("–"))
            assert low <= 100 * wins / 5 <= high
    tones = {
        (row.heads[0], column.label): cell.tone
        for row in shown.rows
        for column, cell in zip(shown.columns, row.cells, strict=True)
    }
    assert tones["gem 1", "ReLU"] == tones["gem 1", "SiLU"] == "told faster"
    assert tones["ReLU", "gem 1"] == tones["SiLU", "gem 1"] == "told slower"
    assert tones["SiLU", "ReLU"] == tones["ReLU", "SiLU"] == ""
    assert "2 of 3 pairs differ (coloured), all taken together" in shown.caption
    assert shown.id in page_of(build()).decode()


def test_of_a_loss_the_lower_one_wins_a_pair(data: Path) -> None:
    s = setting("gpt", metric=LOSS)
    rows = finals("gelu", [2.0, 2.1, 2.2, 2.1, 2.0], of=s) + finals("relu", [2.1, 2.2, 2.3, 2.0, 2.1], of=s)
    record(data / "r.json", [s], rows)
    (found,) = ablations(load([data]).of(TRAIN))
    shown = pairs.table(found.models[0])
    assert shown is not None
    assert [(row.heads[0], [cell.text for cell in row.cells]) for row in shown.rows] == [
        ("GELU", ["itself", "80 %"]),
        ("ReLU", ["20 %", "itself"]),
    ]


def test_one_alone_has_no_pairs(data: Path) -> None:
    record(data / "r.json", [setting()], finals("gelu", LEVEL))
    (found,) = ablations(load([data]).of(TRAIN))
    assert pairs.table(found.models[0]) is None


def test_divergence_is_told_and_counted(data: Path, build: Build) -> None:
    rows = finals("gelu", LEVEL) + finals("gem(n=1)", [0.9, None, 0.9, None, 0.05])
    record(data / "r.json", [setting()], rows)
    text = text_of(page_of(build()))
    assert "2 of 5 and 1 ended worse than a guess" in text
    assert "mlp title: 2 of 10." in text
    assert "2 diverged" in text  # at each rate


def test_what_could_not_be_trained_is_listed(data: Path, build: Build) -> None:
    lost = Failure("mlp", "gem(n=2)", 0.1, 3, "its worker was lost 3 times")
    record(data / "r.json", [setting()], [*finals("gelu", LEVEL), *finals("relu", LEVEL), lost])
    text = text_of(page_of(build()))
    assert "mlp title: could not be trained" in text
    assert "its worker was lost 3 times" in text


def test_an_edge_of_the_searched_rates_is_said(data: Path, build: Build) -> None:
    rows = finals("relu", LEVEL) + searched("gelu", {0.01: [0.9] * 5, 0.1: [0.5] * 5, 1.0: [0.7, *[0.2] * 4]})
    record(data / "r.json", [setting()], rows)
    text = text_of(page_of(build()))
    assert "mlp title: 4 of 10 choices fell on the lowest or the highest rate" in text
    assert "0.1 × 1, 1 × 4" in text
    assert "chosen by 4" in text


def test_the_control_is_only_claimed_where_it_holds(data: Path, build: Build) -> None:
    same = finals("gem(n=1)", LEVEL) + finals("e-gem(n=1, eps=1.0)", LEVEL)
    record(data / "r.json", [setting()], same)
    assert "one function under two names" in text_of(page_of(build()))
    other = finals("gem(n=1)", LEVEL) + finals("e-gem(n=1, eps=1.0)", [x - 0.01 for x in LEVEL])
    (data / "r.json").unlink()
    record(data / "r.json", [setting()], other)
    assert "one function under two names" not in text_of(page_of(build()))


def test_environments_are_never_mixed(data: Path, build: Build) -> None:
    record(data / "a.json", [setting("mlp")], finals("gelu", LEVEL), cpu="Processor A")
    record(data / "b.json", [setting("gpt")], finals("gelu", LEVEL, of=setting("gpt")), cpu="Processor B")
    files = build()
    pages = {n: text_of(c) for n, c in files.items() if re.fullmatch(r"training-[^/]+\.html", n)}
    assert len(pages) == 2
    assert sorted("mlp title" in text for text in pages.values()) == [False, True]
    assert sorted("gpt title" in text for text in pages.values()) == [False, True]


def test_a_model_is_shown_from_the_worthiest_record_that_has_it(data: Path) -> None:
    s = setting("mlp")
    parts = [setting("cifar10-resnet56"), s]
    rows = [t for p in parts for t in finals("gelu", [0.5] * 5, of=p)]
    record(data / "full.json", [s], finals("gelu", LEVEL), length="full", started="2026-01-01T00:00:00+00:00")
    record(data / "new.json", parts, rows, whole=False, started="2026-02-01T00:00:00+00:00")
    (found,) = ablations(load([data]).of(TRAIN))
    shown = {m.setting.model: m for m in found.models}
    assert shown["mlp"].record.length == "full"
    assert shown["cifar10-resnet56"].record.source.shown.endswith("new.json")
    assert len(found.models) == 2


def test_nothing_in_a_record_is_markup(data: Path, build: Build) -> None:
    s = replace(
        setting(), **dict.fromkeys(("title", "about", "dataset", "source", "optimizer", "init"), HOSTILE)
    )
    rows = (
        finals(HOSTILE, LEVEL, of=s)
        + finals("gelu", LEVEL, of=s)
        + finals("e-gem(n=2, eps=0.5)", LEVEL, of=s)
    )
    record(data / "r.json", [s], [*rows, Failure(s.model, HOSTILE, 0.1, 0, HOSTILE)])
    files = build()
    assert HOSTILE in text_of(page_of(files)).replace("&lt;", "<").replace("&gt;", ">")
    for name, content in files.items():
        if name.endswith((".html", ".svg")):
            assert HOSTILE not in content.decode(), name


def test_damaged_entries_cost_themselves_alone(data: Path, build: Build) -> None:
    file = record(data / "r.json", [setting()], [*finals("gelu", LEVEL), *finals("relu", LEVEL)])
    top = json.loads(file.read_text(encoding="utf-8"))
    bad = [
        {**asdict(finals("gem(n=1)", LEVEL)[0]), "test_score": 1e300},
        {**asdict(finals("gem(n=1)", LEVEL)[0]), "activation": None},
        {**asdict(finals("gem(n=1)", LEVEL)[0]), "seed": 77},
        "gem",
    ]
    top["trainings"] += bad
    top["settings"].append({**top["settings"][0], "model": "other", "rates": []})
    file.write_text(json.dumps(top), encoding="utf-8")
    files = build()
    assert "gem(n=1)" not in text_of(page_of(files))
    assert "left out" in text_of(files["data.html"])


def test_extreme_figures_leave_the_page_whole(data: Path, build: Build) -> None:
    s = replace(setting("gpt", metric=LOSS), guess=99.0)
    rows = finals("gelu", [2.0, 2.1, 2.2, 2.1, 2.0], of=s) + finals(
        "relu", [1e-30, -1e38, 2.0, 2.0, 2.0], of=s
    )
    rows += finals("gem(n=1)", [None] * 5, of=s) + finals("silu", [2.0], of=s)
    record(data / "r.json", [s], rows)
    page = page_of(build()).decode()
    assert re.findall(r".{40}\bnan\b.{20}", text_of(page.encode())) == []
    assert max(map(len, text_of(page.encode()).split())) < 120


def test_without_a_record_there_is_no_page(data: Path, build: Build) -> None:
    assert [name for name in build() if name.startswith("training")] == []
    record(data / "r.json", [setting()], [])
    assert [name for name in build() if name.startswith("training")] == []

"""The command: same numbers twice, going on after an interruption, and every bad input in one sentence."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import datasets
from benchmarks.engine import Outcome, Store, cluster
from benchmarks.models.activations import everything, named
from benchmarks.study import StudyRecord, read
from benchmarks.train import command, estimate, stages
from benchmarks.train.entries import Failure, Setting, Training
from benchmarks.train.estimate import Estimate
from benchmarks.train.plan import Grid
from benchmarks.train.recipes import FULL, PUBLISHED, QUICK
from benchmarks.train.statistics import expanded_tail
from benchmarks.train.study import STUDY
from tests.benchmarks.test_datasets import write_cifar10, write_mnist

TINY = ["--quick", "--model", "mlp", "--activation", "relu", "gelu", "gem", "--steps", "2", "--seeds", "3"]
HERE = ["--workers", "0"]
COUNT = 3 * len(QUICK["mlp"].rates) * 3
"""Trainings of :data:`TINY`: activations, rates, seeds."""


@pytest.fixture(autouse=True)
def _results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "RESULTS", tmp_path / "results")


def trained(path: Path) -> StudyRecord:
    return read(STUDY, path.read_bytes())


def timeless(record: StudyRecord) -> list[Training]:
    return [replace(t, seconds=0.0) for t in record.of(Training)]


# --- it works -------------------------------------------------------------------------------------------


def test_a_record_has_the_whole_grid_and_comes_out_the_same_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file in files:
        assert command.main([*TINY, *HERE, "--out", str(file)]) == 0
    one, two = map(trained, files)
    assert one.problems == ()
    assert timeless(one) == timeless(two)
    made = [(t.activation, t.rate, t.seed) for t in one.of(Training)]
    assert len(made) == len(set(made)) == COUNT
    (setting,) = one.of(Setting)
    assert (setting.steps, setting.seeds, setting.activations) == (2, (0, 1, 2), ("relu", "gelu", "gem(n=1)"))
    assert one.header["complete"] is True
    assert one.header["whole"] is False
    assert one.header["done"] == ["settings", "trainings"]
    out = capsys.readouterr().out
    assert "estimate: about" in out
    assert "Against GELU, of 1 member of the family: " in out
    assert not list((tmp_path / "results").rglob("*.json"))  # the record has everything

    assert command.main(["--show", str(files[0])]) == 0
    assert "| gem(n=1) |" in capsys.readouterr().out


def test_worker_processes_give_what_one_process_gives(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="distributed is not installed: there are no worker processes")
    grid = Grid("quick", ("mlp",), (named("gelu"), named("gem")), steps=3)
    tasks = {t.key: t.as_dict() for t in grid.tasks()[::10]}
    found = []
    for workers in (0, 2):
        store = Store(tmp_path / str(workers))
        outcome = stages.spread(stages.run, tasks, store, workers=workers, said=lambda _: None)
        assert outcome.failed == {}
        found.append([{**result, "seconds": 0} for _, result in store.results(tasks)])
    assert found[0] == found[1]
    assert len(found[0]) == len(tasks) == 4


def test_an_interrupted_run_goes_on_and_trains_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([*TINY, *HERE, "--out", str(tmp_path / "whole.json")]) == 0
    ran: list[str] = []
    real = stages.spread

    def counted(*arguments: Any, on_result: Any = None, stop: int | None = None, **options: Any) -> Outcome:
        def seen(key: str, result: Mapping[str, Any]) -> None:
            ran.append(key)
            if len(ran) == stop:
                raise KeyboardInterrupt

        return real(*arguments, on_result=seen, **options)

    monkeypatch.setattr(stages, "spread", lambda *a, **o: counted(*a, stop=COUNT - 5, **o))
    asked = [*TINY, *HERE, "--out", str(tmp_path / "cut.json")]
    assert command.main(asked) == 2
    assert "the same command goes on" in capsys.readouterr().err
    cut = trained(tmp_path / "cut.json")
    assert cut.header["complete"] is False
    assert len(cut.of(Training)) == 0  # they are in the store
    monkeypatch.setattr(stages, "spread", lambda *a, **o: counted(*a, **o))
    assert command.main(asked) == 0
    assert f"{COUNT - 5} of {COUNT} trainings were done before" in capsys.readouterr().err
    assert len(ran) == len(set(ran)) == COUNT
    assert timeless(trained(tmp_path / "cut.json")) == timeless(trained(tmp_path / "whole.json"))


def test_other_data_are_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(PUBLISHED["mnist-mlp"], held_out=10, batch=8, rates=(0.001,))
    monkeypatch.setitem(PUBLISHED, "mnist-mlp", small)
    for name, count in (("one", 40), ("other", 50)):
        write_mnist(tmp_path / name, train=count)
    records = tmp_path / "records"
    monkeypatch.setattr("benchmarks.study.run.STORE", records)
    usual = ["--recipe", "mnist-mlp", "--activation", "relu", "--steps", "2", "--seeds", "3", *HERE]
    with monkeypatch.context() as cut:

        def stopped(*_: Any, **__: Any) -> Outcome:
            raise KeyboardInterrupt

        cut.setattr(stages, "spread", stopped)
        assert command.main([*usual, "--data", str(tmp_path / "one")]) == 2
    (first,) = records.rglob("*.json")
    assert command.main([*usual, "--data", str(tmp_path / "other")]) == 0
    (second,) = {*records.rglob("*.json")} - {first}
    assert trained(first).header["complete"] is False
    assert [trained(path).of(Setting)[0].train for path in (first, second)] == [30, 40]
    assert trained(first).header["data"] != trained(second).header["data"]


def test_a_lost_training_is_kept_as_a_failure_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = stages.spread

    def losing(function: Any, tasks: Mapping[str, Any], store: Store, **options: Any) -> Outcome:
        lost = next(k for k, t in tasks.items() if t["activation"] == "gem(n=1)")
        done = real(function, {k: t for k, t in tasks.items() if k != lost}, store, **options)
        return replace(done, failed={lost: "its worker was lost 3 times"})

    monkeypatch.setattr(stages, "spread", losing)
    file = tmp_path / "r.json"
    assert command.main([*TINY, *HERE, "--out", str(file)]) == 1
    record = trained(file)
    assert [(f.activation, f.reason) for f in record.of(Failure)] == [
        ("gem(n=1)", "its worker was lost 3 times"),
    ]
    assert len(record.of(Training)) == COUNT - 1
    assert list((tmp_path / "results").rglob("*.json"))  # for the next attempt
    assert "not done: mlp, gem(n=1), seed 0: its worker was lost 3 times" in capsys.readouterr().out


def test_divergence_is_in_the_record_and_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(QUICK, "mlp", replace(QUICK["mlp"], rates=(1e30,)))
    file = tmp_path / "r.json"
    assert command.main([*TINY, *HERE, "--out", str(file)]) == 0
    rows = trained(file).of(Training)
    assert len(rows) == 9
    assert {t.activation for t in rows if t.diverged_at is not None} >= {"gem(n=1)"}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with torch and NumPy alone."""
    datasets.digits.cache_clear()
    for name in ("sklearn", "scipy", "distributed", "dask"):
        monkeypatch.setitem(sys.modules, name, None)
    yield
    datasets.digits.cache_clear()


@pytest.mark.usefixtures("bare")
def test_torch_and_numpy_are_enough_for_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expanded_tail.cache_clear()
    argv = ["--quick", "--model", "gpt", *TINY[3:], "--out", str(tmp_path / "r.json")]
    assert command.main(argv) == 0
    error = capsys.readouterr().err
    assert "distributed is not installed: everything runs in this process" in error
    assert "no summary here: intervals need scipy" in error
    assert trained(tmp_path / "r.json").header["complete"] is True


@pytest.mark.usefixtures("bare")
def test_what_the_digits_need_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([*TINY, "--out", str(tmp_path / "r.json")]) == 2
    assert "comes inside scikit-learn, which is not installed" in capsys.readouterr().err
    assert not (tmp_path / "r.json").exists()


# --- the budget -----------------------------------------------------------------------------------------


def test_a_grid_over_budget_is_refused_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "r.json"
    assert command.main([*TINY, *HERE, "--budget", "1s", "--out", str(file)]) == 2
    assert not file.exists()
    said = capsys.readouterr()
    assert "estimate: about" in said.out
    assert "over the budget of 1 s; nothing was begun. What fits:" in said.err
    assert "--over-budget begins all the same" in said.err
    assert command.main([*TINY, *HERE, "--budget", "1s", "--over-budget", "--out", str(file)]) == 0


def test_quick_has_a_budget_of_ten_minutes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        estimate,
        "estimate",
        lambda *_, **__: Estimate({"mlp": 3.0, "gpt": 9.0}, {"mlp": 300, "gpt": 100}, 2),
    )
    assert command.main([*TINY, *HERE]) == 2
    said = capsys.readouterr()
    assert "estimate: about 15 min: mlp 300 of 3 s, gpt 100 of 9 s; 2 at a time" in said.out
    assert "over the budget of 10 min" in said.err
    assert "--model mlp (7.8 min); fewer --activation or --seeds; --workers 4 on a machine" in said.err


def test_a_budget_counts_the_workers_of_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed", reason="distributed is not installed: there is no cluster")
    out = tmp_path / "r.json"
    with cluster.embedded(cluster.places(2, "cpu")) as address:
        with cluster.connected(address) as client:
            client.wait_for_workers(2, timeout=60)
        asked = [*TINY, "--address", address, "--out", str(out)]
        assert command.main([*asked, "--budget", "1s"]) == 2
        said = capsys.readouterr()
        assert "; 2 at a time" in said.out
        assert "over the budget of 1 s; nothing was begun" in said.err
        assert not out.exists()
        assert command.main([*asked, "--budget", "1s", "--over-budget"]) == 0
    assert trained(out).header["complete"] is True


def test_an_address_goes_without_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "r.json"
    assert command.main([*TINY, *HERE, "--address", "tcp://127.0.0.1:1", "--out", str(out)]) == 2
    assert "--workers is for processes of this machine" in capsys.readouterr().err
    assert not out.exists()


# --- bad input ------------------------------------------------------------------------------------------


def closed_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wrong_kind(tmp_path: Path) -> list[str]:
    write_cifar10(tmp_path / "cifar")
    return ["--recipe", "mnist-mlp", "--data", str(tmp_path / "cifar")]


def cut_short(tmp_path: Path) -> list[str]:
    write_mnist(tmp_path / "mnist")
    images = tmp_path / "mnist" / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-5])
    return ["--recipe", "mnist-mlp", "--data", str(tmp_path / "mnist")]


BAD: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "model": (lambda _: ["--quick", "--model", "mlpp"], "unknown model 'mlpp'"),
    "full model": (lambda _: ["--quick", "--model", "mlp-cancer"], "mlp-cancer is there without --quick"),
    "activation": (lambda _: ["--quick", "--activation", "gellu"], "unknown activation 'gellu'"),
    "parameter": (lambda _: ["--quick", "--activation", "e-gem(eps=-1)"], "eps must be a finite number > 0"),
    "no data": (
        lambda _: ["--recipe", "mnist-mlp"],
        "--data DIR is needed: a folder with MNIST's four idx files",
    ),
    "missing folder": (
        lambda p: ["--recipe", "cifar10-resnet56", "--data", str(p / "no")],
        "there is no such folder; CIFAR-10 (binary version) needs a folder with data_batch_1.bin",
    ),
    "wrong kind": (wrong_kind, "MNIST needs the file train-images-idx3-ubyte"),
    "cut short": (cut_short, "its header says 40 × 28 × 28 items"),
    "data without recipe": (lambda p: ["--quick", "--data", str(p)], "--data is for --recipe"),
    "recipe and quick": (lambda p: ["--quick", "--recipe", "mnist-mlp"], "--recipe goes without --quick"),
    "budget": (lambda _: [*TINY, "--budget", "soon"], "--budget must be a time"),
    "address": (lambda _: [*TINY, "--address", "somewhere"], "address must be tcp://HOST:PORT"),
    "unreachable": (
        lambda _: [*TINY, "--address", f"tcp://127.0.0.1:{closed_port()}"],
        "answers at tcp://127.0.0.1:",
    ),
    "no record": (lambda p: ["--show", str(p / "none.json")], "--show"),
}
"""Name -> (arguments, what the error says)."""


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_exit_code_2(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "unreachable":
        pytest.importorskip("distributed", reason="distributed is not installed: no address can be tried")
        monkeypatch.setattr("benchmarks.engine.cluster.CONNECT_S", 2.0)
    make, expected = BAD[name]
    out = tmp_path / "record.json"
    argv = make(tmp_path)
    assert command.main(argv if "--show" in argv else [*argv, "--out", str(out)]) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(error) == 1
    assert expected in error[0]
    assert not out.exists()


@pytest.mark.parametrize(
    "argv", [["--seeds", "0"], ["--seeds", "x"], ["--steps", "-1"], ["--workers", "-2"], ["--device", "tpu"]]
)
def test_numbers_that_cannot_be_are_refused_by_the_parser(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(argv)
    assert ended.value.code == 2
    assert argv[1] in capsys.readouterr().err


def test_without_a_card_cuda_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    assert command.main([*TINY, "--device", "cuda"]) == 2
    assert "--device cuda:" in capsys.readouterr().err


def test_the_list_has_every_model_recipe_and_activation(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    out = capsys.readouterr().out
    assert [name for name in (*QUICK, *FULL, *PUBLISHED) if name not in out] == []
    assert [a.name for a in everything() if a.name not in out] == []


def test_a_record_keeps_no_path_and_no_address() -> None:
    paths = ["--data", "/data/mnist", "--out=/data/x.json", "--address", "tcp://h:1", "--budget", "2h"]
    words = ["--recipe", "mnist-mlp", *paths, "--activation", "gem", "--over-budget"]
    kept = command.kept(STUDY, words, valued=command.LEFT_OUT, flags=command.LEFT_OUT_FLAGS)
    assert kept == "python -m benchmarks train --recipe mnist-mlp --activation gem"


@pytest.mark.parametrize("short", ["--dat", "--add", "--ou", "--bud"])
def test_an_option_has_its_whole_name(short: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--list", short, "/data/secret"])
    assert ended.value.code == 2
    assert f"unrecognized arguments: {short}" in capsys.readouterr().err


def test_activations_named_twice_are_trained_once() -> None:
    arguments = command._parser().parse_args(["--quick", "--activation", "gem", "gem(n=1)", "relu"])
    assert command.grid_of(arguments).activations == (named("gem"), named("relu"))


def test_a_summary_that_cannot_be_made_is_said_and_the_record_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(record: StudyRecord) -> str:
        raise ImportError("intervals need scipy: pip install 'gem-impls[bench]'")

    monkeypatch.setattr(command, "document", missing)
    assert command.main([*TINY, *HERE, "--out", str(tmp_path / "r.json")]) == 0
    assert "no summary here: intervals need scipy" in capsys.readouterr().err
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))[STUDY.mark]["complete"] is True

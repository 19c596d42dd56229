from __future__ import annotations

import dataclasses
import os

import pytest

import gem_impls
from benchmarks import axes, cases, inputs, peers, work
from benchmarks.cases import Case
from gem_impls import VARIANTS, Spec
from tests.benchmarks.planted import Planted, case, none


@pytest.mark.parametrize("sweep", axes.SWEEPS)
def test_ids_are_unique_and_selectable(sweep: str) -> None:
    ids = [planned.case.id for planned in cases.generate(sweep)]
    assert len(set(ids)) == len(ids)
    # what pytest's -k takes as one word; anything else would have to be quoted or would not parse
    assert all(
        set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.") for name in ids
    )


def test_the_quick_sweep_is_part_of_the_full_one() -> None:
    quick = {planned.case for planned in cases.generate("quick")}
    full = {planned.case for planned in cases.generate("full")}
    assert quick
    assert quick <= full


def test_every_implementation_variant_peer_and_axis_value_is_in_the_full_sweep() -> None:
    full = [planned.case for planned in cases.generate("full")]
    assert {c.implementation for c in full} == {*gem_impls.implementations(), "torch"}
    assert {c.function for c in full} == {*VARIANTS, *peers.PEERS}
    for axis in axes.AXES:
        assert {getattr(c, axis.name) for c in full} == set(axis.full), axis.name
        assert set(axis.quick) <= set(axis.full), axis.name


def test_every_implementation_and_pass_is_in_the_quick_sweep() -> None:
    quick = [planned.case for planned in cases.generate("quick")]
    assert {c.implementation for c in quick} == {*gem_impls.implementations(), "torch"}
    assert {c.function for c in quick} == {*VARIANTS, *peers.PEERS}
    assert {(c.direction, c.out) for c in quick} >= {
        ("forward", False),
        ("forward", True),
        ("forward+backward", False),
        ("backward", True),
    }


def test_a_new_value_costs_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = axes.AXES
    longer = dataclasses.replace(first, quick=(*first.quick, (12345,)), full=(*first.full, (12345,)))
    monkeypatch.setattr(cases, "AXES", (longer, *others))
    assert any(p.case.shape == (12345,) and "-12345-" in p.case.id for p in cases.generate("quick"))


def test_a_new_implementation_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = Planted(none())
    known, get = gem_impls.implementations(), gem_impls.get
    monkeypatch.setattr(gem_impls, "implementations", lambda: (*known, "planted"))
    monkeypatch.setattr(gem_impls, "get", lambda name: planted if name == "planted" else get(name))
    mine = [p for p in cases.generate("quick") if p.case.implementation == "planted"]
    theirs = [p for p in cases.generate("quick") if p.case.implementation == "numpy_cpu"]
    assert len(mine) == len(theirs) > 0
    assert all(p.reason is None for p in mine)


def test_what_cannot_run_here_is_yielded_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Planted, "unavailable", lambda self, device="cpu": "it needs a licence; buy one")
    planted, get = Planted(none()), gem_impls.get
    monkeypatch.setattr(gem_impls, "implementations", lambda: ("planted",))
    monkeypatch.setattr(gem_impls, "get", lambda name: planted if name == "planted" else get(name))
    mine = [p for p in cases.generate("quick") if p.case.implementation == "planted"]
    assert mine
    assert {p.reason for p in mine} == {"it needs a licence; buy one"}


def test_the_interpreter_is_never_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TRITON_INTERPRET", "1")
    triton = [p for p in cases.generate("quick") if p.case.implementation == "triton_fused"]
    assert {p.case.device for p in triton} == {"cpu", "cuda"}
    assert all(p.reason and "interpreter" in p.reason for p in triton)


def test_arrays_too_large_for_this_machine_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "_memory", lambda device: 2**27)
    planned = {p.case: p.reason for p in cases.generate("quick") if p.case.implementation == "numpy_cpu"}
    large = {c: reason for c, reason in planned.items() if c.numel == 2**22}
    assert large
    assert all(reason and "GiB of memory" in reason for reason in large.values())
    assert all(reason is None for c, reason in planned.items() if c.numel == 2**10)


def test_combinations_without_meaning_do_not_exist() -> None:
    full = [planned.case for planned in cases.generate("full")]
    assert not [
        c for c in full if c.implementation == "numpy_cpu" and (c.dtype == "bfloat16" or c.device == "cuda")
    ]
    assert not [c for c in full if c.layout == "channels_last" and len(c.shape) != 4]
    assert not [c for c in full if c.out and c.direction == "forward+backward"]
    assert not [c for c in full if c.clock != "wall" and c.device == "cpu"]
    assert not [c for c in full if c.function == "mish" and c.direction == "backward" and c.out]


def test_real_shapes_are_in_the_full_sweep() -> None:
    full = [planned.case for planned in cases.generate("full")]
    assert [c for c in full if c.shape[-1] == 3072 and c.layout == "transposed"]
    assert {c.layout for c in full if c.shape == (128, 16, 32, 32)} == {"contiguous", "channels_last"}


def test_what_quick_leaves_out_is_said() -> None:
    text = "\n".join(cases.left_out_of_quick())
    for word in ("float16", "float64", "channels_last", "gem(n=3)", "16-bit types", "2^22"):
        assert word in text


def test_an_unknown_sweep_is_named() -> None:
    with pytest.raises(ValueError, match="quick, full; got 'huge'"):
        list(cases.generate("huge"))


def test_parameters_other_than_the_usual_are_in_the_id() -> None:
    usual, odd = (
        case(function="se-gem", spec=Spec("se-gem")),
        case(function="se-gem", spec=Spec("se-gem", 2, 0.5, -0.1)),
    )
    assert usual.id == "se-gem-n1-planted-4096-float32-cpu-forward"
    assert odd.id == "se-gem-n2-eps0.5-slope-0.1-planted-4096-float32-cpu-forward"


@pytest.mark.parametrize(("direction", "tensors"), [("forward", 2), ("backward", 3), ("forward+backward", 5)])
def test_bytes_are_declared(direction: str, tensors: int) -> None:
    assert case(direction=direction, shape=(3, 5), dtype="float64").bytes == tensors * 15 * 8


def test_cases_are_frozen_and_hashable() -> None:
    one = case()
    assert one == case()
    assert hash(one) == hash(case())
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.dtype = "float64"  # type: ignore[misc]


def test_tables_name_the_same_passes_and_layouts() -> None:
    by_name = {axis.name: axis for axis in axes.AXES}
    assert set(by_name["direction"].full) == set(work.PASSES)
    assert set(by_name["layout"].full) == set(inputs.LAYOUTS)
    assert set(by_name["dtype"].full) == set(axes.ITEMSIZE)
    assert {field.name for field in dataclasses.fields(Case)} >= set(by_name)

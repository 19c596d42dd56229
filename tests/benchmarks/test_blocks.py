"""Planted faults, counts by hand, and who takes part."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the layers are torch modules")

from benchmarks.blocks import races  # noqa: E402
from benchmarks.blocks.counts import peak_bytes, saved_bytes  # noqa: E402
from benchmarks.blocks.entries import (  # noqa: E402
    COMPILED,
    EAGER,
    FORWARD,
    IDENTITY,
    INLINED,
    PEER,
    TRAINING,
    WRITTEN_OUT,
)
from benchmarks.blocks.participants import Inputs, Participant, WrittenOut, compiled  # noqa: E402
from benchmarks.blocks.settings import PEERS, Candidate, Setting, candidates, settings  # noqa: E402
from benchmarks.blocks.study import STUDY  # noqa: E402
from benchmarks.blocks.truth import Exact, Truth, block_of, distance, drawn, exactly  # noqa: E402
from benchmarks.gate import NotMeasured  # noqa: E402
from benchmarks.models.activations import Activation, named  # noqa: E402
from benchmarks.models.blocks import BLOCKS, BasicBlock, Block, MLPBlock  # noqa: E402
from gem_impls import Spec, oracle  # noqa: E402
from tests.benchmarks.planted import BRIEF  # noqa: E402

WIDTH, HIDDEN, TOKENS = 32, 64, 48

TINY = Block(
    functools.partial(MLPBlock, width=WIDTH, hidden=HIDDEN),
    "a small MLP",
    "chosen to be quick",
    (WIDTH,),
    {(device, length): TOKENS for device in ("cpu", "cuda") for length in ("quick", "full")},
    "tokens",
    (1, 2),
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BLOCKS, "tiny", TINY)


def setting(passes: str = TRAINING, mode: str = EAGER, **changes: Any) -> Setting:
    return replace(Setting("tiny", "cpu", "float32", mode, passes, "quick"), **changes)


def candidate(name: str, implementation: str | None = None) -> Candidate:
    activation = named(name)
    whose = implementation or (INLINED if activation.spec else PEER)
    return Candidate(f"{name} by {whose}", activation, whose, implementation)


# --- the gate -------------------------------------------------------------------------------------------


class Faulty(torch.nn.Module):
    """GEM with ``fault`` done to its value, and to what comes back through it."""

    def __init__(self, fault: Any) -> None:
        super().__init__()
        self.right, self.fault = Activation(Spec("gem")).module("torch_naive"), fault

    def forward(self, x: Any) -> Any:
        return self.fault(self.right(x), x)


@dataclass(frozen=True)
class Planted:
    """An activation that says it is gem and has a fault."""

    fault: Any
    function: Spec = Spec("gem")  # noqa: RUF009  # frozen

    @property
    def name(self) -> str:
        return str(self.function)

    @property
    def spec(self) -> Spec:
        return self.function

    def module(self, implementation: str | None = None) -> Any:
        return Faulty(self.fault)


class WrongGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Any) -> Any:
        return y.clone()

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        return grad_output * (1 + 1e-4)


def stale(kept: dict[str, Any], y: Any, x: Any) -> Any:
    return kept.setdefault("y", y.detach().clone()) + 0 * y


def written(y: Any, x: Any) -> Any:
    return y + torch.where(torch.arange(y.numel()).view(y.shape) == y.numel() - 1, torch.nan, 0.0)


FAULTS = {
    "a value wrong by 1e-4": (lambda y, x: y * (1 + 1e-4), "wrong output"),
    "a gradient wrong by 1e-4": (lambda y, x: WrongGradient.apply(y), "wrong input gradient"),
    "a NaN at the end": (written, "NaN or infinite"),
    "another function": (lambda y, x: torch.relu(x), "wrong output"),
    "half precision": (lambda y, x: y.half().float(), "wrong output"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_activation_has_no_time_but_a_reason(fault: str) -> None:
    do, why = FAULTS[fault]
    planted: Any = Planted(do)

    def lineup(s: Setting, left_out: dict[str, str]) -> list[Candidate]:
        return [candidate("relu"), Candidate("planted", planted, "torch_naive", "torch_naive")]

    race, counts, failures = races.race(setting(), BRIEF, lineup)
    assert list(race.samples) == ["relu by torch"]
    assert [c.who for c in counts] == ["relu by torch"]
    assert why in race.left_out["planted"]
    assert [f.piece for f in failures] == [setting().name]
    assert failures[0].reason.startswith("planted: ")


def test_a_result_that_is_left_over_is_found_after_the_timing() -> None:
    planted: Any = Planted(functools.partial(stale, {}))

    def lineup(s: Setting, left_out: dict[str, str]) -> list[Candidate]:
        return [candidate("relu"), Candidate("planted", planted, "torch_naive", "torch_naive")]

    race, _, _ = races.race(setting(FORWARD), BRIEF, lineup)
    assert "wrong output" in race.left_out["planted"]


def test_a_step_that_writes_to_its_input_is_refused() -> None:
    s = setting(FORWARD)
    inputs = Inputs(s)
    one = Participant(candidate("relu"), s, inputs)
    right = one.step
    one.step = lambda: (right(), inputs.x.add_(1))[0]
    with pytest.raises(NotMeasured, match="wrote to its input"):
        one.check()


@pytest.mark.parametrize("passes", [FORWARD, TRAINING])
@pytest.mark.parametrize("block", ["tiny", "resnet"])
def test_every_implementation_here_passes(block: str, passes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(TINY, make=functools.partial(BasicBlock, channels=4), features=(4, 12, 12))
    monkeypatch.setitem(BLOCKS, "resnet", row)
    s = setting(passes, block=block, length="full")
    inputs = Inputs(s)
    whole = candidates(s, {})
    assert {c.activation.function for c in whole} >= {Spec("gem", 2), Spec("se-gem", 1), "gelu", IDENTITY}
    for one in whole:
        Participant(one, s, inputs).check()


def test_the_reference_is_the_oracle() -> None:
    x = torch.tensor([-3.0, -1e-3, 0.0, 0.5, 2.0], dtype=torch.float32, requires_grad=True)
    spec = Spec("se-gem", 2, 0.5, 0.1)
    y = Exact(Activation(spec))(x)
    y.sum().backward()
    assert x.grad is not None
    for at, value, gradient in zip(x.tolist(), y.tolist(), x.grad.tolist(), strict=True):
        assert value == oracle.round_to(oracle.value(spec, at), "float32")
        assert gradient == oracle.round_to(oracle.gradient(spec, at), "float32")


@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize(
    "spec", [Spec("gem"), Spec("gem", 3), Spec("e-gem", 2, 1e-6), Spec("se-gem", 1, 10.0, 0.3)], ids=str
)
def test_the_formula_in_float64_is_the_oracle_s(spec: Spec, what: str) -> None:
    sizes = torch.logspace(-6, 6, 301, dtype=torch.float64)
    x = torch.cat([-sizes, torch.zeros(1, dtype=torch.float64), sizes])
    expected = torch.from_numpy(oracle.reference(spec, x.numpy(), what))
    # each of some ten roundings counts up to 2n times, in both
    torch.testing.assert_close(exactly(spec, x, what), expected, rtol=40 * spec.n * 2**-53, atol=0)


def test_a_wider_fault_is_permitted_to_nobody() -> None:
    """The permitted distance is of the size of rounding: far below what a float16 activation would give."""
    s = setting()
    inputs = Inputs(s)
    truth = Truth(s, inputs.x, inputs.grad_output)
    exact, floors = truth._of(named("gem"))
    permitted = truth._permitted(candidate("gem", "cpp_fused"), "output", floors[0], HIDDEN * TOKENS)
    assert 2**-24 <= floors[0] < permitted < 5e-6
    assert distance(exact[0] * (1 + 1e-5), exact[0]) == pytest.approx(1e-5)


def test_the_same_seed_gives_the_same_numbers_twice() -> None:
    s = setting()
    y = [block_of(s, named("gelu").module)(drawn(s, s.shape, 0)) for _ in range(2)]
    assert torch.equal(*y)
    assert not torch.equal(drawn(s, s.shape, 0), drawn(s, s.shape, 1))


# --- what is timed and counted --------------------------------------------------------------------------


def test_a_step_leaves_nothing_behind_and_changes_no_parameter() -> None:
    s = setting()
    inputs = Inputs(s)
    one = Participant(candidate("gelu"), s, inputs)
    before = [p.detach().clone() for p in one.block.parameters()]
    _, dx = one.step()
    assert dx.shape == inputs.x.shape
    assert inputs.x.grad is None
    assert [p.grad for p in one.block.parameters()] == [None] * 4
    for p, q in zip(one.block.parameters(), before, strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize(
    ("name", "implementation", "kept"),
    [
        ("identity", None, 1),  # the second product's input
        ("relu", None, 1),  # its result, which is that input
        ("gelu", None, 2),  # its own input, too
        ("gem", "cpp_fused", 2),
    ],
)
def test_saved_bytes_are_those_counted_by_hand(name: str, implementation: str | None, kept: int) -> None:
    s = setting()
    inputs = Inputs(s)
    one = Participant(candidate(name, implementation), s, inputs)
    assert saved_bytes(one, inputs) == kept * TOKENS * HIDDEN * 4
    assert one.activated == TOKENS * HIDDEN


def test_peak_bytes_of_a_forward_pass_are_those_counted_by_hand() -> None:
    """The hidden layer before and after the activation, or after it and the output: the larger."""
    s = setting(FORWARD)
    one = Participant(candidate("gelu"), s, Inputs(s))
    assert peak_bytes(one, s) == 2 * TOKENS * HIDDEN * 4


def test_a_peak_below_the_results_is_refused() -> None:
    s = setting(FORWARD)
    one = Participant(candidate("gelu"), s, Inputs(s))
    kept = one.step()
    one.step = lambda: kept
    with pytest.raises(NotMeasured, match="implausible memory: 0 bytes"):
        peak_bytes(one, s)


def test_a_time_that_cannot_be_is_refused() -> None:
    s = setting(FORWARD)
    one = Participant(candidate("gelu"), s, Inputs(s))
    races.check_plausible(one, s, [1e-4] * 5)
    with pytest.raises(NotMeasured, match="too fast to be true"):
        races.check_plausible(one, s, [1e-12] * 5)


def test_everybody_has_the_same_rounds_and_eager_activations_are_timed_alone() -> None:
    def lineup(s: Setting, left_out: dict[str, str]) -> list[Candidate]:
        return [candidate("identity"), candidate("relu"), candidate("gem", "cpp_fused")]

    race, counts, failures = races.race(setting(), BRIEF, lineup)
    STUDY.check(race)
    assert failures == []
    assert list(race.samples) == ["identity by torch", "relu by torch", "gem by cpp_fused"]
    assert list(race.alone) == ["relu by torch", "gem by cpp_fused"]
    assert race.functions["gem by cpp_fused"] == "gem(n=1)"
    assert [c.who for c in counts] == list(race.samples)
    assert all(c.peak_bytes and c.saved_bytes for c in counts)


def test_each_block_is_compiled_by_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(torch, "compile", lambda function, **_: given.append(function) or function)
    blocks = [block_of(setting(), named("relu").module) for _ in range(9)]
    runs = [compiled(block) for block in blocks]
    assert len({id(function.__code__) for function in given}) == 9
    x = drawn(setting(), TINY.features, 0)
    assert all(torch.equal(run(x), blocks[0](x)) for run in runs)


def test_compiled_blocks_are_right_inlined_and_with_an_operator() -> None:
    def lineup(s: Setting, left_out: dict[str, str]) -> list[Candidate]:
        return [candidate("identity"), candidate("gem"), candidate("gem", "cpp_fused")]

    race, counts, failures = races.race(setting(mode=COMPILED), BRIEF, lineup)
    assert failures == []
    assert dict(race.alone) == {}
    kept = {c.who: c.saved_bytes for c in counts}
    assert kept["gem by inlined"] is not None
    assert kept["gem by inlined"] <= 2 * TOKENS * HIDDEN * 4


# --- who takes part -------------------------------------------------------------------------------------


def test_the_plan_of_a_run() -> None:
    full = [s for name in ("gpt2-mlp", "resnet56-block") for s in settings(name, "cpu", "full")]
    assert len({s.name for s in full}) == len(full) == 2 * 2 * 2
    left_out: dict[str, str] = {}
    eager = [c.name for c in candidates(full[0], left_out)]
    assert eager[:8] == ["identity", *PEERS]
    assert set(PEERS) == {"relu", "leaky_relu", "gelu", "gelu_tanh", "silu", "mish", "softplus"}
    assert {"gem(n=1) by cpp_fused", "gem(n=2) by torch_naive"} <= set(eager)
    assert "NumPy" in left_out["numpy_cpu"]
    in_compiled = [c.name for c in candidates(replace(full[0], mode=COMPILED), {})]
    assert "gem(n=2) inlined" in in_compiled
    assert not any("torch_compile" in name for name in in_compiled)
    assert in_compiled[:9] == ["identity", *PEERS, f"relu by {WRITTEN_OUT}"]
    assert not any(WRITTEN_OUT in name for name in eager), "only the compiler needs it"
    assert not any("n=2" in c.name for s in full[4:] for c in candidates(s, {})), "N = 1 in convolutions"
    quick = list(settings("gpt2-mlp", "cpu", "quick"))
    assert [(s.mode, s.passes) for s in quick] == [
        (EAGER, TRAINING),
        (EAGER, FORWARD),
        (COMPILED, TRAINING),
    ]
    few = [c.name for c in candidates(quick[-1], {})]
    assert few[:6] == ["identity", "relu", "gelu", "gelu_tanh", "silu", f"relu by {WRITTEN_OUT}"]


def test_relu_written_out_passes_the_gate_compiled() -> None:
    who = f"relu by {WRITTEN_OUT}"

    def lineup(s: Setting, left_out: dict[str, str]) -> list[Candidate]:
        return [candidate("relu"), Candidate(who, Activation("relu"), WRITTEN_OUT, None)]

    race, _, failures = races.race(setting(mode=COMPILED), BRIEF, lineup)
    assert failures == []
    assert race.functions[who] == "relu"
    assert race.implementations[who] == WRITTEN_OUT
    x = torch.tensor([-1.0, 0.0, 2.0])
    assert WrittenOut()(x).tolist() == [0, 0, 2]

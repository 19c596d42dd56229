"""The shape study: its functions against the oracle, its closed forms against other forms of them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import mpmath
import pytest

from benchmarks.models.activations import Activation
from benchmarks.shape import closed, command, curves, numeric, plan
from benchmarks.shape.entries import DISCREPANCY, QUANTITIES, Curve, Failure, Junction, Moments, Quantity
from benchmarks.shape.exact import exact
from benchmarks.shape.moments import STDS, family_member, gains, moments, peer
from benchmarks.shape.quantities import ROWS, junctions, quantities
from benchmarks.shape.study import STUDY
from benchmarks.study import read
from gem_impls import Spec, oracle

SPECS = [
    Spec("gem"),
    Spec("gem", 3),
    Spec("e-gem", 1, 1e-6),
    Spec("e-gem", 2, 10.0),
    Spec("se-gem", 1, 1e-4, 0.3),
    Spec("se-gem", 2, 0.5, -1.5),
]

X = (1e-9, 2.0**-7, 0.3, 1.0, 2.5, 40.0)


def figures(spec: Spec) -> dict[str, Quantity]:
    return {q.name: q for q in quantities(spec)}


# --- the function ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("x", X)
def test_the_function_is_the_oracles(spec: Spec, x: float) -> None:
    f = exact(spec)
    mp = f.mp
    pairs = [
        (f.value, oracle.value),
        (f.slope, oracle.gradient),
        (f.curvature, oracle.second_derivative),
        (f.distance, lambda s, v: oracle.Fraction(v) - oracle.value(s, v)),
    ]
    for ours, theirs in pairs:
        right = theirs(spec, x)
        assert abs(ours(mp.mpf(x)) - mp.mpf(right.numerator) / right.denominator) < mp.mpf(10) ** -36 * (
            1 + x
        )
    left = oracle.value(spec, -x)
    assert abs(f.everywhere(mp.mpf(-x)) - mp.mpf(left.numerator) / left.denominator) < mp.mpf(10) ** -36 * (
        1 + x
    )


def test_nobody_elses_precision_is_changed() -> None:
    before = mpmath.mp.dps
    list(quantities(Spec("gem")))
    assert mpmath.mp.dps == before


# --- closed forms, each against another way -------------------------------------------------------------


def test_norms_known_by_elementary_integrals() -> None:
    """n = 1, eps = 1: x/(1+x^2); its square integrates to pi/4, itself up to 10 to log(101)/2."""
    f = figures(Spec("gem"))
    assert f["distance L2"].measured == pytest.approx(math.sqrt(math.pi / 4), rel=1e-15)
    assert f["distance L1"].measured == pytest.approx(math.log(101) / 2, rel=1e-15)
    assert f["distance L1"].reach == 10
    assert f["distance Linf"].measured == 0.5
    assert f["distance Linf"].at == pytest.approx(1, rel=1e-15)
    # n = 2: x/(1+x^4) integrates to pi/4.
    second = figures(Spec("gem", 2))["distance L1"]
    assert second.measured == pytest.approx(math.pi / 4, rel=1e-15)
    assert second.reach is None


def test_a_divergent_norm_is_not_given_on_the_line() -> None:
    assert closed.diverges(1, 1)
    assert not any(closed.diverges(n, p) for n, p in ((1, 2), (2, 1), (3, 1)))
    f = exact(Spec("gem"))
    with pytest.raises(NotImplementedError, match="n = p = 1 only"):
        closed.norm(f, 2, 10.0)
    grown = [numeric.norm(f, 1, reach) for reach in (1e2, 1e4, 1e6)]
    assert float(grown[1] - grown[0]) == pytest.approx(math.log(100), rel=1e-3), "it grows as a logarithm"
    assert float(grown[2] - grown[1]) == pytest.approx(math.log(100), rel=1e-3)


@pytest.mark.parametrize("slope", [0.3, -2.0])
def test_a_negative_half_adds_its_share(slope: float) -> None:
    plain, leaky = figures(Spec("e-gem", 2, 0.1)), figures(Spec("se-gem", 2, 0.1, slope))
    size = abs(slope)
    assert leaky["distance L1"].measured == pytest.approx(
        (1 + size) * plain["distance L1"].measured, rel=1e-15
    )
    assert leaky["distance L2"].measured == pytest.approx(
        math.hypot(1, size) * plain["distance L2"].measured, rel=1e-15
    )
    assert leaky["distance Linf"].measured == pytest.approx(
        max(1, size) * plain["distance Linf"].measured, rel=1e-15
    )


def test_known_extrema() -> None:
    """n = 1, eps = 1: f'' = 2x(3 - x^2)/(1 + x^2)^3 is largest at x = sqrt(2) - 1; f' is 9/8 at sqrt(3)."""
    f = figures(Spec("gem"))
    x = math.sqrt(2) - 1
    assert f["largest |curvature|"].at == pytest.approx(x, rel=1e-15)
    assert f["largest |curvature|"].measured == pytest.approx(
        2 * x * (3 - x * x) / (1 + x * x) ** 3, rel=1e-15
    )
    assert (f["steepest slope"].measured, f["steepest slope"].at) == (1.125, pytest.approx(math.sqrt(3)))
    assert f["knee"].measured == pytest.approx(3 - 1 / 3, rel=1e-15)


@pytest.mark.parametrize(("n", "steepest"), [(1, 9 / 8), (2, 25 / 16), (3, 49 / 24)])
def test_slopes_of_both_halves(n: int, steepest: float) -> None:
    rising, falling = figures(Spec("se-gem", n, 1e-2, 0.1)), figures(Spec("se-gem", n, 1e-2, -0.1))
    assert rising["steepest slope"].measured == pytest.approx(steepest, rel=1e-15)
    assert rising["greatest slope, x < 0"].measured == pytest.approx(0.1 * steepest, rel=1e-15)
    assert falling["least slope, x < 0"].measured == pytest.approx(-0.1 * steepest, rel=1e-15)
    for q in (rising["least slope, x < 0"], falling["greatest slope, x < 0"]):
        assert abs(q.measured) < 1e-30
        assert q.closed == 0
    assert "least slope, x < 0" not in figures(Spec("e-gem", n))


@pytest.mark.parametrize("spec", [*SPECS, Spec("e-gem", 12, 1e-300), Spec("se-gem", 30, 3.0, 1.0)], ids=str)
def test_everything_agrees_with_its_closed_form_far_better_than_is_asked(spec: Spec) -> None:
    found = list(quantities(spec))
    assert {q.name for q in found} >= set(QUANTITIES) - {"least slope, x < 0", "greatest slope, x < 0"}
    assert max(q.discrepancy for q in found) < 1e-25
    assert max(j.discrepancy for j in junctions(spec)) < 2e-20


def test_every_quantity_is_described() -> None:
    assert {row.name for row in ROWS} == set(QUANTITIES)


# --- the junction ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_first_derivative_that_is_not_zero(n: int) -> None:
    right, left = junctions(Spec("se-gem", n, 0.01, 0.25))
    order = 2 * n + 1
    assert (right.side, left.side) == ("right", "left")
    assert right.step > 0 > left.step
    assert right.differences[order] == pytest.approx(math.factorial(order) / 0.01, rel=1e-14)
    assert left.differences[order] == pytest.approx(0.25 * math.factorial(order) / 0.01, rel=1e-14)
    for k, difference in enumerate(right.differences[:order]):
        assert abs(difference) * right.scale ** (k - 1) <= 1.01e-20


def test_differences_see_a_kink(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ReLU in place of the function has a first derivative of 1, and is caught."""
    monkeypatch.setattr("benchmarks.shape.exact.Exact.value", lambda self, x: x)
    right = next(iter(junctions(Spec("gem"))))
    assert right.differences[1] == 1
    assert right.discrepancy >= 1
    failed = plan._gate("gem(n=1)", right)
    assert isinstance(failed, Failure)
    assert failed.who == "junction, right"


# --- a normal input -------------------------------------------------------------------------------------


def test_gains_of_peers_that_are_known() -> None:
    relu, leaky = gains(moments(peer("relu"), 1.0)), gains(moments(peer("leaky_relu"), 3.0))
    assert relu.fan_in == relu.fan_out == pytest.approx(math.sqrt(2), rel=1e-15)
    assert relu.centred == pytest.approx(1 / math.sqrt(0.5 - 0.5 / math.pi), rel=1e-15)
    assert leaky.fan_in == leaky.fan_out == pytest.approx(math.sqrt(2 / (1 + 0.01**2)), rel=1e-15)


def test_moments_of_gelu_by_stein() -> None:
    """E gelu = E phi(X) = 1 / (2 sqrt(pi)); E gelu^2 = E Phi^2 + E 2X Phi phi = 1/3 + 1 / (2 pi sqrt(3))."""
    m = moments(peer("gelu"), 1.0)
    assert m.mean == pytest.approx(1 / (2 * math.sqrt(math.pi)), rel=1e-15)
    assert m.second == pytest.approx(1 / 3 + 1 / (2 * math.pi * math.sqrt(3)), rel=1e-15)
    assert m.closed == {}
    assert m.discrepancy is None


def test_moments_of_silu_by_torch() -> None:
    """torch's own function and its autograd, summed over a fine grid."""
    torch = pytest.importorskip("torch", reason="silu is torch's")
    x = torch.linspace(-12, 12, 240_001, dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.silu(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    x, y = x.detach(), y.detach()
    weights = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi) * 1e-4
    m = moments(peer("silu"), 1.0)
    assert m.second == pytest.approx(float((y * y * weights).sum()), rel=1e-12)
    assert m.slope_second == pytest.approx(float((slope * slope * weights).sum()), rel=1e-12)
    growth = float((x * y * slope * weights).sum() / (y * y * weights).sum())
    assert m.growth == pytest.approx(growth, rel=1e-12)


@pytest.mark.parametrize("std", [0.125, 8.0])
def test_two_ways_to_the_moments_of_the_family_agree(std: float) -> None:
    for spec in (Spec("gem", 3), Spec("se-gem", 1, 1e-4, 0.3), Spec("se-gem", 2, 1.0, 1.0)):
        m = moments(family_member(spec), std)
        assert m.discrepancy is not None
        assert m.discrepancy < 1e-13


# --- points ---------------------------------------------------------------------------------------------


def test_curves_are_correctly_rounded() -> None:
    spec = Spec("e-gem", 2, 0.01)
    c = curves.curve(spec)
    assert c.x[0] < 0 < c.x[-1]
    for x, value, slope, bend in zip(c.x, c.value, c.slope, c.curvature, strict=True):
        assert oracle.ulp_distance(value, oracle.value(spec, x), "float64") <= 0.5
        assert oracle.ulp_distance(slope, oracle.gradient(spec, x), "float64") <= 0.5
        assert oracle.ulp_distance(bend, oracle.second_derivative(spec, x), "float64") <= 0.5


# --- the gate -------------------------------------------------------------------------------------------


def test_a_wrong_closed_form_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    right = closed.steepest
    monkeypatch.setattr(closed, "steepest", lambda f: right(f) * (1 + f.mp.mpf(10) ** -11))
    target = tmp_path / "r.json"
    assert command.main(["--quick", "--only", "gem(n=2)", "--out", str(target)]) == 1
    record = read(STUDY, target.read_bytes())
    (failure,) = record.of(Failure)
    assert failure.who == "steepest slope"
    assert "differs by 1e-11" in failure.reason
    assert "steepest slope" not in {q.name for q in record.of(Quantity)}


def quantity(**changes: Any) -> Quantity:
    return replace(Quantity("gem(n=1)", 1, 1.0, 0.0, "knee", None, None, 2.0, 2.0, 0.0), **changes)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (quantity(discrepancy=2 * DISCREPANCY), "differs by 2e-12"),
        (quantity(measured=math.inf), "beyond float64"),
        (quantity(discrepancy=math.nan), "beyond float64"),
        (Moments("gem(n=1)", 1.0, 0.0, 0.0, 0.0, 1.0, {}, None), "must be above 0"),
    ],
)
def test_what_cannot_be_kept_is_a_failure(entry: Any, reason: str) -> None:
    failed = plan._gate("gem(n=1)", entry)
    assert isinstance(failed, Failure)
    assert reason in failed.reason


def test_a_figure_at_the_limit_is_kept() -> None:
    assert plan._gate("gem(n=1)", quantity(discrepancy=DISCREPANCY)) == quantity(discrepancy=DISCREPANCY)


# --- the command and its record -------------------------------------------------------------------------


def test_the_grid_is_the_issues() -> None:
    specs = [a.spec for a in plan.functions(quick=False) if a.spec]
    assert {(s.variant, s.n, s.eps) for s in specs} == {
        *(("gem", n, 1.0) for n in (1, 2, 3)),
        *((v, n, e) for v in ("e-gem", "se-gem") for n in (1, 2, 3) for e in (1e-6, 1e-4, 1e-2, 1.0, 10.0)),
    }
    names = {a.name for a in plan.functions(quick=False)}
    assert {"relu", "leaky_relu", "gelu", "silu"} < names
    assert {a.name for a in plan.functions(quick=True)} < names
    assert {str(spec) for spec in plan.DRAWN} < names


def test_a_run_is_read_back_shown_and_the_same_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--only", "gem(n=1)", "se-gem(n=2, eps=0.01)", "relu", "gelu", "--quick", "--out"]
    records = []
    for name in ("a.json", "b.json"):
        assert command.main([*arguments, str(tmp_path / name)]) == 0
        records.append(json.loads((tmp_path / name).read_text()))
    for kind in STUDY.kinds:
        assert records[0][kind] == records[1][kind], "the same figures to the last bit"
    record = read(STUDY, (tmp_path / "a.json").read_bytes())
    assert record.problems == ()
    assert record.header["complete"] is True
    assert record.header["whole"] is False
    assert [m.function for m in record.of(Moments)] == [
        "gem(n=1)", "se-gem(n=2, eps=0.01, negative_slope=0.01)", "relu", "gelu",
    ]  # fmt: skip
    capsys.readouterr()
    assert command.main(["--show", str(tmp_path / "a.json")]) == 0
    shown = capsys.readouterr().out
    assert "| gem(n=1) | 2.30756\\* |" in shown
    assert "| relu | 1 | 0.398942 | 0.340845 | 1.41421 | 1.71286 | 1.41421 | 1 |" in shown


def test_standard_deviations_are_gone_through_where_they_matter() -> None:
    wide = {a.name for a in plan.functions(quick=False) if plan.varies(a)}
    assert {"relu", "silu", "gem(n=3)", "e-gem(n=1, eps=10.0)"} <= wide
    entries = list(plan._entries(Activation("relu"), quick=False))
    assert [m.std for m in entries] == list(STDS)
    assert [m.std for m in plan._entries(Activation("relu"), quick=True)] == [1.0]


def test_an_interrupted_run_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = tmp_path / "r.json"
    arguments = ["--only", "relu", "leaky_relu", "--quick", "--out", str(target)]
    judged = plan._judged
    seen: list[str] = []

    def stops_at_the_second(activation: Activation, quick: bool) -> list[Any]:
        seen.append(activation.name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return judged(activation, quick)

    monkeypatch.setattr(plan, "_judged", stops_at_the_second)
    assert command.main(arguments) == 2
    assert json.loads(target.read_text())[STUDY.mark]["done"] == ["relu"]
    assert command.main(arguments) == 0
    assert seen == ["relu", "leaky_relu", "leaky_relu"]
    assert [m.function for m in read(STUDY, target.read_bytes()).of(Moments)] == ["relu", "leaky_relu"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nope"], "unknown activation 'nope'"),
        (["--only", "identity"], "unknown activation 'identity'"),
        (["--only", "e-gem(n=0)"], "n must be an integer >= 1"),
        (["--show", "no-such-file.json"], "no-such-file.json"),
    ],
)
def test_bad_use_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_without_mpmath_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mpmath", None)
    assert command.main(["--quick"]) == 2
    assert "pip install 'gem-impls[bench]'" in capsys.readouterr().err


def damaged(kind: str, entry: Any, **changes: Any) -> bytes:
    listed = {k: [] for k in STUDY.kinds}
    listed[kind] = [{**asdict(entry), **changes}]
    return json.dumps({STUDY.mark: {"schema": 1}, **listed}).encode()


CURVE = Curve("gem(n=1)", 1, 1.0, (0.0, 1.0), (0.0, 0.5), (0.0, 1.0), (0.0, 0.5))
MOMENTS = Moments("gem(n=1)", 1.0, 0.2, 0.3, 0.3, 1.5, {}, None)


@pytest.mark.parametrize(
    ("kind", "entry", "changes", "said"),
    [
        ("quantities", quantity(), {"name": "<script>"}, "name must be one of"),
        ("quantities", quantity(), {"n": 0}, "n must be at least 1"),
        ("quantities", quantity(), {"eps": -1.0}, "eps above 0"),
        ("quantities", quantity(), {"measured": "2"}, "measured must be a number"),
        ("junctions", next(iter(junctions(Spec("gem")))), {"differences": [0.0]}, "orders 0 to 3"),
        ("junctions", next(iter(junctions(Spec("gem")))), {"side": "above"}, "side must be one of"),
        ("moments", MOMENTS, {"second": 0.01}, "second must be above"),
        ("moments", MOMENTS, {"std": 0.0}, "std and slope_second"),
        ("curves", CURVE, {"x": [0.0]}, "equally many points"),
        ("curves", CURVE, {"x": [], "value": [], "slope": [], "curvature": []}, "at least two"),
        ("curves", CURVE, {"x": [1.0, 0.0]}, "x must rise"),
        ("quantities", quantity(), {"reach": 10.0}, "reach must be"),
        ("quantities", quantity(), {"name": "distance L1"}, "reach must be"),
        ("junctions", next(iter(junctions(Spec("gem")))), {"scale": 1e300}, "scale must be"),
    ],
)
def test_a_damaged_entry_is_left_out_and_said(kind: str, entry: Any, changes: Any, said: str) -> None:
    assert read(STUDY, damaged(kind, entry)).problems == ()
    record = read(STUDY, damaged(kind, entry, **changes))
    assert record.entries == ()
    (problem,) = record.problems
    assert said in problem


def test_a_junction_entry_has_every_order() -> None:
    for j in junctions(Spec("gem", 2)):
        assert isinstance(j, Junction)
        assert len(j.differences) == len(j.closed) == 6

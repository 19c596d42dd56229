"""gem_impls.spec: what a Spec accepts, what it refuses and how it says so."""

from __future__ import annotations

import copy
import dataclasses
import fractions
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gem_impls import VARIANTS, Spec

DEFAULTS = [
    # variant, eps, negative_slope: the table of the family
    ("gem", 1.0, 0.0),
    ("e-gem", 1e-4, 0.0),
    ("se-gem", 1e-4, 0.01),
]


@pytest.mark.parametrize(("variant", "eps", "negative_slope"), DEFAULTS)
def test_defaults(variant: str, eps: float, negative_slope: float) -> None:
    spec = Spec(variant)
    assert (spec.variant, spec.n, spec.eps, spec.negative_slope) == (variant, 1, eps, negative_slope)


def test_the_variants_are_the_table() -> None:
    assert list(VARIANTS) == [variant for variant, _, _ in DEFAULTS]


REFUSED = [
    # arguments, exception, what the message must name: argument, what came, what is allowed
    ({"variant": "gem", "n": 0}, ValueError, ("n must", ">= 1", "got 0")),
    ({"variant": "gem", "n": -1}, ValueError, ("n must", ">= 1", "got -1")),
    ({"variant": "gem", "n": 1.5}, TypeError, ("n must", "integer", "1.5")),
    ({"variant": "gem", "n": 2.0}, TypeError, ("n must", "integer", "2.0")),
    ({"variant": "gem", "n": True}, TypeError, ("n must", "integer", "True")),
    ({"variant": "gem", "n": np.True_}, TypeError, ("n must", "integer", "True")),
    ({"variant": "gem", "n": "1"}, TypeError, ("n must", "integer", "'1'")),
    ({"variant": "gem", "n": None}, TypeError, ("n must", "integer", "None")),
    ({"variant": "e-gem", "eps": 0}, ValueError, ("eps must", "> 0", "got 0")),
    ({"variant": "e-gem", "eps": -0.0}, ValueError, ("eps must", "> 0", "got -0.0")),
    ({"variant": "e-gem", "eps": -1e-4}, ValueError, ("eps must", "> 0", "-0.0001")),
    ({"variant": "e-gem", "eps": float("nan")}, ValueError, ("eps must", "finite", "nan")),
    ({"variant": "e-gem", "eps": float("inf")}, ValueError, ("eps must", "finite", "inf")),
    ({"variant": "e-gem", "eps": 10**400}, ValueError, ("eps must", "finite")),
    ({"variant": "e-gem", "eps": "1e-4"}, TypeError, ("eps must", "real", "'1e-4'")),
    ({"variant": "e-gem", "eps": True}, TypeError, ("eps must", "real", "True")),
    ({"variant": "e-gem", "eps": 1 + 0j}, TypeError, ("eps must", "real", "(1+0j)")),
    ({"variant": "e-gem", "eps": [1e-4]}, TypeError, ("eps must", "real", "[0.0001]")),
    ({"variant": "se-gem", "negative_slope": float("nan")}, ValueError, ("negative_slope must", "finite")),
    ({"variant": "se-gem", "negative_slope": float("-inf")}, ValueError, ("negative_slope must", "-inf")),
    ({"variant": "se-gem", "negative_slope": "0"}, TypeError, ("negative_slope must", "real", "'0'")),
    ({"variant": "gem", "eps": 2.0}, ValueError, ("eps is fixed at 1", "got 2.0", "e-gem, se-gem")),
    (
        {"variant": "gem", "negative_slope": 0.1},
        ValueError,
        ("negative_slope is fixed at 0", "0.1", "se-gem"),
    ),
    ({"variant": "e-gem", "negative_slope": 0.1}, ValueError, ("negative_slope is fixed at 0", "se-gem")),
    ({"variant": "segem"}, ValueError, ("unknown variant 'segem'", "Did you mean 'se-gem'?")),
    ({"variant": "SE_GEM"}, ValueError, ("unknown variant 'SE_GEM'", "Did you mean 'se-gem'?")),
    ({"variant": "relu"}, ValueError, ("unknown variant 'relu'", "e-gem, gem, se-gem")),
    ({"variant": ""}, ValueError, ("unknown variant ''", "e-gem, gem, se-gem")),
    ({"variant": None}, TypeError, ("variant must", "gem, e-gem, se-gem", "None")),
    ({"variant": 3}, TypeError, ("variant must", "3")),
]


@pytest.mark.parametrize(("arguments", "exception", "named"), REFUSED, ids=lambda v: str(v)[:60])
def test_refused(arguments: dict, exception: type[Exception], named: tuple[str, ...]) -> None:
    with pytest.raises(exception) as caught:
        Spec(**arguments)
    assert type(caught.value) is exception
    for part in named:
        assert part in str(caught.value)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fixed_parameter_may_be_given_at_its_value(variant: str) -> None:
    row = VARIANTS[variant]
    assert Spec(variant, 1, row.eps.default, row.negative_slope.default) == Spec(variant)


def test_numbers_of_other_libraries_are_taken_and_become_plain() -> None:
    spec = Spec("se-gem", np.int64(2), np.float32(0.5), fractions.Fraction(1, 4))
    assert spec == Spec("se-gem", 2, 0.5, 0.25)
    assert [type(v) for v in (spec.n, spec.eps, spec.negative_slope)] == [int, float, float]


parameters = st.builds(
    dict,
    n=st.integers(1, 50),
    eps=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    negative_slope=st.floats(allow_nan=False, allow_infinity=False),
)


@given(parameters)
def test_any_valid_parameters_survive_printing_copying_and_pickling(given_parameters: dict) -> None:
    spec = Spec("se-gem", **given_parameters)
    assert dataclasses.asdict(spec) == {"variant": "se-gem", **given_parameters}
    for same in (
        eval(repr(spec)),  # noqa: S307 -- repr promises an expression
        pickle.loads(pickle.dumps(spec)),  # noqa: S301 -- our own bytes
        copy.deepcopy(spec),
        Spec.from_key(spec.key),
    ):
        assert same == spec
        assert hash(same) == hash(spec)


@given(st.floats())
def test_any_float_is_either_a_valid_eps_or_a_value_error(eps: float) -> None:
    if 0 < eps < float("inf"):
        assert Spec("e-gem", eps=eps).eps == eps
    else:
        with pytest.raises(ValueError, match="eps must"):
            Spec("e-gem", eps=eps)


def test_parameters_are_all_the_function_depends_on() -> None:
    assert Spec("gem", 2).parameters == Spec("e-gem", 2, 1.0).parameters == (2, 1.0, 0.0)
    assert Spec("se-gem").parameters == (1, 1e-4, 0.01)


def test_str_shows_what_is_free() -> None:
    assert str(Spec("gem", 2)) == "gem(n=2)"
    assert str(Spec("e-gem", 1, 1e-6)) == "e-gem(n=1, eps=1e-06)"
    assert str(Spec("se-gem")) == "se-gem(n=1, eps=0.0001, negative_slope=0.01)"


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Spec("gem").n = 2  # type: ignore[misc]  # the point of the test


def test_different_parameters_are_different_specs() -> None:
    specs = {Spec("gem"), Spec("gem", 2), Spec("e-gem", 1, 1.0), Spec("e-gem"), Spec("se-gem")}
    assert len(specs) == 5


def test_variants_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        VARIANTS["relu"] = VARIANTS["gem"]  # type: ignore[index]  # the point of the test

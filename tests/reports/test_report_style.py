import re
from pathlib import Path

import pytest

from reports import svg
from reports.error.levels import LEVELS

STYLE = (Path(svg.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))
    for part in STYLE.split("prefers-color-scheme: dark", 1)
)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    "name", ["ink", "soft", "link", "slower", "faster", "peer", *(f"s{i}" for i in range(1, 9))]
)
def test_text_has_the_contrast_of_wcag_aa(theme, name):
    assert contrast(theme[name], theme["paper"]) >= 4.5
    assert contrast(theme[name], theme["wash"]) >= 4.5, "behind what a link leads to"


def test_both_themes_define_every_colour_that_figures_use():
    used = {variable.removeprefix("--") for variable in svg.COLOURS.values()}
    assert used <= set(LIGHT)
    assert set(LIGHT) == set(DARK)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_levels_of_heat_maps_are_told_apart_by_lightness_alone(theme):
    levels = [luminance(theme[f"h{i}"]) for i in range(len(LEVELS))]
    assert levels in (sorted(levels), sorted(levels, reverse=True))
    assert abs(levels[-1] - luminance(theme["ink"])) < 0.3, "the last level stands out most"
    steps = [contrast(theme[f"h{i}"], theme[f"h{i + 1}"]) for i in range(len(LEVELS) - 1)]
    assert min(steps) >= 1.12


def test_luminance_is_wcag_s():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)

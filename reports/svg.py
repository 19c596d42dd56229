"""A matplotlib figure as SVG that follows the page's theme.

Figures are drawn in stand-in colours (:data:`COLOURS`), which become CSS variables in the SVG: one drawing
serves light and dark. Text stays text, in the page's font, and can be searched and read aloud.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree as ET  # reads only what matplotlib has just written

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from reports.numbers import Data

# Stand-in -> CSS variable. The values themselves are in static/style.css, light and dark.
INK, SOFT, RULE, PAPER, PEER = "#010203", "#010204", "#010205", "#010206", "#010207"
SERIES = tuple(f"#0102{0x20 + i:02x}" for i in range(8))
COLOURS = {
    INK: "--ink",
    SOFT: "--soft",
    RULE: "--rule",
    PAPER: "--paper",
    PEER: "--peer",
    **{stand_in: f"--s{index + 1}" for index, stand_in in enumerate(SERIES)},
}

WIDTH, HEIGHT = 4.7, 3.5
"""Inches at 96 to the inch: one column of the page, and of a phone without scaling text out of sight."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gem-impls",
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same measurements everywhere
    "font.size": 9.5,
    "text.parse_math": False,  # a name with two dollar signs is a name
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "figure.facecolor": "none",
    "figure.dpi": 96,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.7,
    "lines.markersize": 5,
}

SVG = "{http://www.w3.org/2000/svg}"
CLIP = "clip-path"
HREF = "{http://www.w3.org/1999/xlink}href"
NUMBER = re.compile(r"-?\d+\.\d+")
SMALL = 12.0
"""Coordinates up to which a path is a marker's, in pixels."""


@dataclass(frozen=True)
class Drawing:
    """A figure for the page: its SVG (no id in it is used elsewhere), its words, the numbers behind it."""

    id: str
    title: str
    caption: str
    alt: str
    svg: str
    data: Data | None = None


def word(name: str) -> str:
    """``name`` as part of an id and of a file name; a hash tells apart those that have to be changed."""
    kept = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:60].strip("-")
    return kept if kept == name else f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@contextmanager
def canvas(width: float = WIDTH, height: float = HEIGHT) -> Iterator[Figure]:
    """An empty figure in the style of the page."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # A name from a record may hold letters that the measuring font lacks; the reader's font draws them.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        yield Figure(figsize=(width, height), layout="constrained")


def drawing(
    figure: Figure,
    *,
    id: str,  # noqa: A002
    title: str,
    caption: str,
    alt: str,
    data: Data | None = None,
) -> Drawing:
    """The finished figure. Must be called inside :func:`canvas`."""
    out = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return Drawing(id, title, caption, alt, _themed(out.getvalue(), id, title, alt), data)


def _themed(raw: bytes, prefix: str, title: str, alt: str) -> str:
    root = ET.fromstring(raw)  # noqa: S314  # matplotlib's own output
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("metadata", "}style")):
                parent.remove(child)
    short = _token(prefix)
    names = {e.get("id"): f"{short}-{i}" for i, e in enumerate(root.iter()) if e.get("id")}
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
        element.tail = None
        element.text = element.text if (element.text or "").strip() else None
        if HREF in element.attrib:
            element.set("href", "#" + names[element.attrib.pop(HREF)[1:]])
        for name, value in list(element.attrib.items()):
            element.set(name, _attribute(name, value, names))
        if element.get("transform", "").startswith("rotate(-0 "):
            del element.attrib["transform"]
    # Ids that nothing refers to are dropped: half of the file.
    used = set(re.findall(r"#([\w-]+)", " ".join(v for e in root.iter() for v in e.attrib.values())))
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
    _unwrap(root)
    _clip_together(root)
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "class": "figure",
        "role": "img",
        "aria-labelledby": f"{prefix}-title {prefix}-desc",
    }
    for index, (tag, text) in enumerate((("title", title), ("desc", alt))):
        label = ET.Element(tag, id=f"{prefix}-{tag}")
        label.text = text
        root.insert(index, label)
    return ET.tostring(root, encoding="unicode")


def _unwrap(element: ET.Element) -> None:
    """Replace groups that carry nothing by what they hold, and drop what does not show."""
    children: list[ET.Element] = []
    for child in element:
        _unwrap(child)
        if child.tag == "g" and not child.attrib:
            children += list(child)
        elif (child.tag != "defs" or len(child)) and child.attrib.get("style") != "fill:none":
            children.append(child)
    element[:] = children


def _clip_together(root: ET.Element) -> None:
    """One group for neighbours that are clipped alike: matplotlib makes one for each marker."""
    children: list[ET.Element] = []
    for child in root:
        clip = child.attrib.get(CLIP)
        if clip is None and not (child.tag == "defs" and children and children[-1].get(CLIP)):
            children.append(child)
            continue
        if clip is not None and not (children and children[-1].get(CLIP) == clip):
            children.append(ET.Element("g", {CLIP: clip}))
        child.attrib.pop(CLIP, None)
        children[-1].extend(child if child.tag == "g" and not child.attrib else [child])
    root[:] = children


def _attribute(name: str, value: str, names: dict[str | None, str]) -> str:
    if name == "id":
        return names[value]
    value = re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{names[found[1]]})", value)
    if name == "d":
        return _path(value)
    if name in ("x", "y", "width", "height", "transform"):
        return _rounded(value, 2)
    if name != "style":
        return value
    value = re.sub(r"(font-family: [^;]*|stroke-linejoin: miter)(; ?|$)", "", value)  # the page's own; usual
    value = re.sub(r"([:;]) ", r"\1", value).rstrip(";")
    return re.sub(r"#[0-9a-f]{6}", lambda found: f"var({COLOURS[found[0]]})", value)


def _token(name: str) -> str:
    """What the ids within a figure begin with: short, because there are hundreds of them."""
    return f"f{hashlib.sha256(name.encode()).hexdigest()[:7]}"


def _path(value: str) -> str:
    """A path to a tenth of a pixel, or a hundredth where it is a marker, without needless space."""
    largest = max((abs(float(n)) for n in NUMBER.findall(value)), default=0.0)
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", _rounded(value, 1 if largest > SMALL else 2)).strip()


def _rounded(value: str, digits: int) -> str:
    return NUMBER.sub(
        lambda found: f"{round(float(found[0]), digits) + 0.0:.{digits}f}".rstrip("0").rstrip("."), value
    )


def renamed(drawn: Drawing, name: str) -> Drawing:
    """The drawing under another id: for a second page, or a second machine on one page."""
    svg = re.sub(rf"(?<=[\"# ]){re.escape(drawn.id)}-", f"{name}-", drawn.svg)
    return replace(drawn, id=name, svg=svg.replace(f"{_token(drawn.id)}-", f"{_token(name)}-"))


def standalone(drawn: Drawing, variables: str) -> str:
    """The drawing as a file of its own, with those of the page's colours that it uses, light and dark."""
    head = drawn.svg.index(">")
    opened = drawn.svg[:head].replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"')
    used = set(re.findall(r"var\((--[a-z0-9]+)\)", drawn.svg))
    style = re.sub(r"\s*(--[a-z0-9]+): [^;]*;", lambda found: found[0] if found[1] in used else "", variables)
    return f"{opened}><style>{style}</style>{drawn.svg[head + 1 :]}\n"

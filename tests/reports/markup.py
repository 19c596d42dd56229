"""Reads a page strictly: tags must balance, ids must be unique, links must lead somewhere."""

import base64
import gzip
import hashlib
import io
import lzma
import re
import zipfile
from collections.abc import Mapping
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "hr", "input"}
FETCHING = {"iframe", "object", "embed", "img", "audio", "video", "source", "base", "form"}


SAFE_NAME = r"(data|figures)/([\w-]+/)?[\w.+-]+|[\w-]+\.html|feed\.xml|badges/[\w-]+\.svg"
"""What a file of the site may be called, whatever its records say."""

POLICY, DATA = "Content-Security-Policy", {"type": "application/json"}


def unpacked(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The site's files with what is compressed taken out: ``data/x.csv``, ``figures/latency/x.svg``."""
    found = {}
    for name, raw in files.items():
        if name.endswith(".gz"):
            found[name.removesuffix(".gz")] = gzip.decompress(raw)
        elif name.endswith(".json.xz"):
            found[name.removesuffix(".xz")] = lzma.decompress(raw)
        elif name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(raw)) as held:
                found |= {f"{name.removesuffix('.zip')}/{n}": held.read(n) for n in held.namelist()}
        else:
            found[name] = raw
    return found


class Page(HTMLParser):
    """What a page holds; ``faults`` lists what is wrong with it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]
        self.faults += [f"id {i} twice" for i in {i for i in self.ids if self.ids.count(i) > 1}]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice: {names}")
        self.tags.append((tag, dict(attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID and "svg" not in self._open:
            self.faults.append(f"<{tag}/> outside SVG")
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing, line {self.getpos()[0]}")

    def handle_data(self, data: str) -> None:
        if "script" in self._open:
            self.scripts.append(data)
        elif not {"style", "title", "desc"} & set(self._open):
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a reader reads, on one line."""
        return " ".join(" ".join(self.words).split())

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(files: Mapping[str, bytes], name: str) -> str:
    """The page of that kind: where it is one machine's, that of the machine measured last."""
    text = files[f"{name}.html"].decode()
    leads = re.search(r'http-equiv="refresh" content="0; url=([\w-]+\.html)"', text)
    return files[leads[1]].decode() if leads else text


def faults(text: str, files: set[str]) -> list[str]:
    """Everything wrong with a page of a site that consists of ``files``."""
    page = Page(text)
    found = list(page.faults)
    found += _scripts(page)
    for tag, attributes in page.tags:
        found += _active(tag, attributes) + _links(tag, attributes, set(page.ids), files)
        found += _labels(tag, attributes, set(page.ids))
    if len(page.attributes("table")) != len(page.attributes("caption")):
        found.append("a table has no caption")
    found += [f"not one <{tag}>" for tag in ("h1", "main") if len(page.attributes(tag)) != 1]
    return found


def _scripts(page: Page) -> list[str]:
    """Any script that the page's own policy does not name by its hash, and any policy that allows more."""
    elements = page.attributes("script")
    found = [f"<script> with {a}" for a in elements if a not in ({}, DATA | {"id": a.get("id")})]
    inline = [text for a, text in zip(elements, page.scripts, strict=True) if not a]
    policy = next(a["content"] or "" for a in page.attributes("meta") if a.get("http-equiv") == POLICY)
    allowed = re.findall(r"script-src ([^;]*)", policy)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in inline]
    return found + ([] if allowed == hashes else [f"the policy allows {allowed}, the page runs {hashes}"])


def _active(tag: str, attributes: dict[str, str | None]) -> list[str]:
    found = [f"<{tag}> may fetch or run something"] if tag in FETCHING else []
    return found + [f"<{tag}> has {name}" for name in attributes if name.startswith("on")]


def _links(tag: str, attributes: dict[str, str | None], ids: set[str], files: set[str]) -> list[str]:
    targets = [attributes[name] or "" for name in ("href", "src", "xlink:href") if name in attributes]
    if tag == "link":
        targets = [t for t in targets if t != "data:,"]
    return [
        f"<{tag}> leads to {target!r}"
        for target in targets
        if (target[1:] not in ids if target.startswith("#") else target.partition("#")[0] not in files)
    ]


def _labels(tag: str, attributes: dict[str, str | None], ids: set[str]) -> list[str]:
    found = []
    if tag == "svg" or attributes.get("role") in ("img", "region"):
        names = set((attributes.get("aria-labelledby") or "").split())
        found += [] if names and names <= ids else [f"<{tag}> has no name"]
    if tag == "th" and attributes.get("scope") not in ("row", "col", "rowgroup", "colgroup"):
        found.append("<th> without scope")
    return found

"""Reads a page strictly: tags must balance, ids must be unique, links must lead somewhere."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "hr", "input"}
FETCHING = {"script", "iframe", "object", "embed", "img", "audio", "video", "source", "base", "form"}


class Page(HTMLParser):
    """What a page holds; ``faults`` lists what is wrong with it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
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
        if not {"style", "title", "desc"} & set(self._open):
            self.words.append(data)

    @property
    def text(self) -> str:
        """What a reader reads, on one line."""
        return " ".join(" ".join(self.words).split())

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def faults(text: str, files: set[str]) -> list[str]:
    """Everything wrong with a page of a site that consists of ``files``."""
    page = Page(text)
    found = list(page.faults)
    for tag, attributes in page.tags:
        found += _active(tag, attributes) + _links(tag, attributes, set(page.ids), files)
        found += _labels(tag, attributes, set(page.ids))
    if len(page.attributes("table")) != len(page.attributes("caption")):
        found.append("a table has no caption")
    found += [f"not one <{tag}>" for tag in ("h1", "main") if len(page.attributes(tag)) != 1]
    return found


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
        if (target[1:] not in ids if target.startswith("#") else target not in files)
    ]


def _labels(tag: str, attributes: dict[str, str | None], ids: set[str]) -> list[str]:
    found = []
    if tag == "svg" or attributes.get("role") in ("img", "region"):
        names = set((attributes.get("aria-labelledby") or "").split())
        found += [] if names and names <= ids else [f"<{tag}> has no name"]
    if tag == "th" and attributes.get("scope") not in ("row", "col", "rowgroup", "colgroup"):
        found.append("<th> without scope")
    return found

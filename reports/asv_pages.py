"""asv's published pages within the site: asv's data, under a front end that asks nothing of other servers.

asv's own front end loads jQuery, Flot and Bootstrap from elsewhere. asv-tachyon shows the same files with
what it brings along. It takes any ``track_`` for better when higher unless it is told otherwise, so it is
told; commits lead to our page of the history.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from reports.history.log import Commit

FOLDER: Final = "asv"
"""Where the pages are within the site."""

DATA: Final = "index.json"
"""The file that asv's published folder is known by."""

PACKAGE: Final = "asv-tachyon"
ROOT: Final = '<div id="root"></div>'
"""Where the front end draws: what stands there before is what a reader sees who cannot run it."""

HISTORY: Final = "../history.html"
UNREAD: Final = f"""<div id="root"><main style="font: 1rem/1.5 system-ui; margin: 3rem; max-width: 40rem">
<h1>asv's pages</h1>
<p>They need scripts, and load their figures over HTTP, which no browser does for pages on a disk. To see
them, serve the folder of the site: <code>python -m http.server --directory reports/html</code>.</p>
<p>The same history, from the same results, is on <a href="{HISTORY}">a page that needs neither</a>.</p>
</main></div>"""


def published(folder: Path) -> bool:
    """Whether asv's pages, or ours made from them, are there."""
    return (folder / DATA).is_file()


def asv_files(folder: Path, commits: Iterable[Commit]) -> dict[str, bytes]:
    """Every file of the nested pages, by its name within the site.

    Args:
        folder: what ``asv publish`` wrote, or an earlier result of this.
        commits: whose subjects are known.

    Raises:
        ValueError: asv-tachyon is not installed, or a file is not as asv writes it.
        OSError: a file cannot be read.
    """
    graphs = {path.relative_to(folder).as_posix(): _graph(path) for path in _below(folder / "graphs")}
    drawn = {Path(name).stem for name, graph in graphs.items() if any(map(_figure, graph))}
    files = {
        **{name: _text(graph) for name, graph in graphs.items()},
        **_front_end(),
        DATA: _text(_index(folder / DATA, drawn)),
        "commits.json": _text({commit.hash: commit.subject for commit in commits}),
        "profiles.json": _text({}),  # asked for, and an error in the console where missing; so is the next
        "regressions-ignore.json": _text([]),
    }
    regressions = folder / "regressions.json"
    if regressions.is_file():
        files["regressions.json"] = regressions.read_bytes()
    return {f"{FOLDER}/{name}": raw for name, raw in sorted(files.items())}


def _index(path: Path, drawn: Iterable[str]) -> Mapping[str, Any]:
    """The index with directions and links; benchmarks without a figure are left out."""
    try:
        index = json.loads(path.read_bytes())
        benchmarks = index["benchmarks"]
        kept = {name: {**b, "less_is_better": True} for name, b in benchmarks.items() if name in set(drawn)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not the index that asv publishes ({error!r})") from None
    links = {"project_url": "../index.html", "show_commit_url": f"{HISTORY}#commit-"}
    return {**index, "benchmarks": kept, **links}


def _graph(path: Path) -> list[Any]:
    """A graph in five digits, which is more than any is worth: a third of the size."""
    try:
        graph = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not a graph that asv publishes ({error})") from None
    if not isinstance(graph, list):
        raise ValueError(f"{path} is not a graph that asv publishes (no list)")
    return [_short(point) for point in graph]


def _figure(point: Any) -> bool:
    """Whether a point of a graph, ``[revision, values]``, holds any figure."""
    values = point[1] if isinstance(point, list) and len(point) > 1 else None
    return any(v is not None for v in values) if isinstance(values, list) else values is not None


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [_short(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _front_end() -> dict[str, bytes]:
    """asv-tachyon's files, with its licence."""
    found = importlib.util.find_spec("asv_tachyon")
    if found is None or found.origin is None:
        raise ValueError(f"asv's pages need {PACKAGE}: pip install 'gem-impls[report]'")
    static = Path(found.origin).parent / "static"
    kept = [path for path in _below(static) if path.suffix != ".woff"]  # the same fonts, for old browsers
    files = {path.relative_to(static).as_posix(): path.read_bytes() for path in kept}
    page = files["index.html"].decode()
    if page.count(ROOT) != 1:
        version = importlib.metadata.version(PACKAGE)
        raise ValueError(f"{PACKAGE} {version} has another start page than those this report knows")
    licences = [f for f in importlib.metadata.files(PACKAGE) or () if f.name == "LICENSE"]
    texts = {f"LICENSE.{PACKAGE}.txt": f.read_binary() for f in licences}
    return {**files, **texts, "index.html": page.replace(ROOT, UNREAD).encode()}


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()

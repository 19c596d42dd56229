"""A record as Markdown: for each model who did how well, and who differs from GELU and from ReLU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.study import StudyRecord
from benchmarks.train.entries import Failure, Setting, Training
from benchmarks.train.results import RIVALS, Result, results
from benchmarks.train.statistics import Comparison, Summary
from benchmarks.train.words import against_words, difference_words, rate_words, score_words, verdict_words


def document(record: StudyRecord) -> str:
    """The whole record."""
    lines = ["# Training", ""]
    header = record.header
    lines += [f"`{header.get('command', '')}`, {header.get('length', '')}, {header.get('started', '')}", ""]
    for result in results(record.of(Setting), record.of(Training)):
        lines += _model(result)
    failures = record.of(Failure)
    lines += [f"- not done: {f.model}, {f.activation}, seed {f.seed}: {f.reason}" for f in failures]
    return "\n".join(lines).rstrip() + "\n"


def _model(result: Result) -> Iterator[str]:
    setting = result.setting
    yield from (f"## {setting.title}", "", setting.about, "")
    yield (
        f"{setting.dataset} ({setting.source}): {setting.train:,} to train on, {setting.test:,} to test on; "
        f"{setting.parameters:,} parameters; {setting.steps:,} steps of {setting.batch}; "
        f"{setting.optimizer}; {len(setting.seeds)} seeds."
    )
    yield ""
    for rival in RIVALS:
        if rival in result.against:
            yield f"- {against_words(result, rival)}"
    yield ""
    heads = f"activation | {setting.metric}: mean (95 % interval) | rate | difference to"
    yield f"| {heads} {' | to '.join(RIVALS)} |"
    yield "|---" * (3 + len(RIVALS)) + "|"
    for summary in result.summaries:
        yield _row(result, summary)
    yield ""


def _row(result: Result, summary: Summary) -> str:
    cells = [summary.activation, score_words(result.setting, summary.interval), rate_words(summary)]
    cells += [_against(result, summary.activation, result.against.get(rival, ())) for rival in RIVALS]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _against(result: Result, activation: str, found: Sequence[Comparison]) -> str:
    own = next((c for c in found if c.activation == activation), None)
    return f"{difference_words(result.setting, own)}: {verdict_words(own)}" if own else ""

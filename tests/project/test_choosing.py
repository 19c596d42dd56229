"""docs/choosing.md, the command that writes it and the records it names are in step."""

from __future__ import annotations

import re
import shlex

import pytest

from benchmarks.__main__ import COMMANDS
from gem_impls import Spec
from reports import __main__ as command
from reports.load import load
from reports.worth.choosing import BEGIN, END, QUESTIONS, REFRESH, choosing, replaced
from reports.worth.evidence import evidence_of, gathered
from tests.project.markdown import ROOT
from tests.reports import worth_factory as made

DOCUMENT = ROOT / "docs" / "choosing.md"


def generated() -> str:
    text = DOCUMENT.read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0]


def evidence(**studies):
    """That of the first environment, from records as they are loaded."""
    return gathered({name: [made.stored(name, entries)] for name, entries in studies.items()})[0]


# --- the document -----------------------------------------------------------------------------------------


def test_the_document_is_what_its_command_writes_from_the_records_that_it_names(tmp_path) -> None:
    named = re.findall(r"record `data/([^`]+)`", generated())
    folder = tmp_path / "data"
    folder.mkdir()
    for name in named:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / "reports" / "data" / name).read_bytes())
    text = choosing(evidence_of(load([folder]))[0])
    assert replaced(DOCUMENT.read_text(encoding="utf-8"), text) == DOCUMENT.read_text(encoding="utf-8"), (
        f"run {REFRESH}"
    )


def test_the_document_tells_the_command_that_writes_it() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f".venv/bin/{REFRESH}" in text
    assert f"`{REFRESH}`" in generated()


def test_no_figure_stands_outside_the_marks() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    outside = text.replace(generated(), "").replace("95 % bootstrap", "").replace("method at 5 %", "")
    assert not re.search(r"\d\s?(%|×|µs|ms|nats|points)", outside)


# --- what is generated ------------------------------------------------------------------------------------


def everything():
    return evidence(
        train=made.ablation(lambda name: -0.02 if name == "relu" else 0.0),
        shape=[
            *made.quantities(),
            made.moments("relu", 0.5, growth=1.0),
            made.moments(str(Spec("gem")), 0.25),
        ],
        blocks=[made.block("gpt2-mlp", 0.8)],
        dead=[
            made.dead(str(Spec("se-gem")), 0.0),
            made.dead(str(Spec("e-gem")), 0.25),
            made.dead("relu", 0.5),
        ],
        performance=made.calls(0.5),
    )


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_figure_has_its_command_and_every_command_exists() -> None:
    found = sections(choosing(everything()))
    assert list(found) == [q.title for q in QUESTIONS]
    for title, text in found.items():
        assert re.search(r"\d", text), title
        assert text.rstrip().splitlines()[-1].startswith("Measured by `python -m benchmarks "), title
    for said in re.findall(r"`(python -m benchmarks [^`]*)`", choosing(everything())):
        assert shlex.split(said)[3] in COMMANDS


def test_without_records_every_question_says_what_would_answer_it() -> None:
    text = choosing(gathered({})[0])
    assert "Nothing has been measured yet." in text
    for question in QUESTIONS:
        own = sections(text)[question.title]
        assert all(f"`python -m benchmarks {study}`" in own for study in question.studies)
        assert "|" not in own


def test_advice_follows_the_records() -> None:
    found = sections(choosing(everything()))
    assert "**Take se-gem**" in found["Which variant"]
    assert "Not told apart in training: gem, e-gem and se-gem" in found["Which variant"]
    assert "25.0 % (usual)" in found["Which variant"]
    assert "**Take N = 1**, the default: no difference" in found["Which N"]
    assert "**e-gem: keep the default, ε = 0.0001**" in found["Which ε"]
    assert "| gem(n=1) | 2.0000 | 1.4142 | 1.5000 |" in found["Which initialisation gain"]
    assert "ReLU's √2" not in found["Which initialisation gain"], "2 is not near √2"
    assert (
        r"**Take cpp\_fused on cpu**: fastest in 4 of 4 calls and 1 of 1 training steps of layers."
        in found["Which implementation"]
    )


def test_other_records_give_other_advice() -> None:
    def better(name: str) -> float:
        return 0.02 * ("n=2" in name) - 0.03 * ("eps=0.0001" in name) - 0.04 * name.startswith("se-gem")

    found = sections(choosing(evidence(train=made.ablation(better))))
    assert "**Take gem**: the other variants are worse somewhere." in found["Which variant"]
    assert "**Try N = 2 and 3, too**" in found["Which N"]
    assert "**e-gem: take ε = 1e-6, 0.01, 1 and 10**" in found["Which ε"]
    assert "Not measured yet: `python -m benchmarks dead`." in found["Which variant"]


def test_near_gains_are_named() -> None:
    e = evidence(shape=[made.moments("relu", 0.5), made.moments(str(Spec("e-gem")), 0.4995)])
    assert "ReLU's √2 is within 2 % of it for `e-gem(n=1, eps=0.0001)`" in choosing(e)


def test_a_hostile_title_is_text_in_the_document() -> None:
    s = made.setting("mlp", title="<b>|*x*`")
    text = choosing(evidence(train=[s, *made.trainings(s, lambda _: 0.0)]))
    assert "<b>" not in text
    assert r"\<b\>\|\*x\*\`" in text


# --- the command ------------------------------------------------------------------------------------------


def test_the_command_replaces_what_is_between_the_marks(tmp_path, capsys) -> None:
    data, asv, target = tmp_path / "data", tmp_path / "asv", tmp_path / "choosing.md"
    data.mkdir()
    asv.mkdir()
    made.put(data, "shape", [made.moments("relu", 0.5)])
    target.write_text(f"# Head\n\n{BEGIN}\nold\n{END}\n\nTail\n")
    arguments = ["choosing", "--data", str(data), "--asv", str(asv)]
    assert command.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "| relu | 1.4142 | 1.4142 |" in printed
    for _ in range(2):  # twice is as once
        assert command.main([*arguments, "--write", str(target)]) == 0
        text = target.read_text()
        assert text == f"# Head\n\n{BEGIN}\n\n{printed.rstrip()}\n\n{END}\n\nTail\n"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END} {BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_document_without_its_marks_is_refused_and_kept(tmp_path, capsys, text: str) -> None:
    target = tmp_path / "choosing.md"
    target.write_text(text)
    (tmp_path / "data").mkdir()
    given = [
        "choosing",
        "--data",
        str(tmp_path / "data"),
        "--asv",
        str(tmp_path / "data"),
        "--write",
        str(target),
    ]
    assert command.main(given) == 2
    assert "must hold" in capsys.readouterr().err
    assert target.read_text() == text

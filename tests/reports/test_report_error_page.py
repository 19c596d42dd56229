import csv
import io
import math
import re
import zipfile
from datetime import UTC, datetime

import pytest

from reports import __main__ as command
from reports.error.figures import PlanePoint, front
from reports.error.levels import LEVELS, level, limits
from tests.reports import error_factory, factory
from tests.reports.error_factory import curve, error_map, function, peer, record, worst
from tests.reports.factory import case, entry, skipped, sweep, write
from tests.reports.markup import SAFE_NAME, Page, page_of, unpacked
from tests.reports.test_report_page import HOSTILE, check, table_after


@pytest.fixture
def everything(data):
    write(data, factory.realistic())
    error_factory.everything(data)
    return data


def test_the_error_page_is_sound_and_small(everything, build):
    files = build()
    check(files)
    page = Page(page_of(files, "error"))
    for section in ("Accuracy beside latency", "Where the error is", "Around the junction", "Where it works"):
        assert section in page.text
    assert len(page_of(files, "error")) < 2_000_000
    assert len(page.attributes("svg")) == len(page.attributes("figcaption")) > 30


def test_the_pages_lead_to_each_other(everything, build):
    files = build()
    (errors,) = (n for n in files if n.startswith("error-") and n.endswith(".html"))
    for name in ("index.html", errors):
        page = Page(files[name].decode())
        assert {"index.html", errors} <= {a.get("href") for a in page.attributes("a")}
    assert "Error maps" in Page(files["index.html"].decode()).text


def test_without_error_records_the_page_has_the_errors_of_the_sweep_alone(data, build):
    write(data, factory.realistic())
    text = Page(page_of(build(), "error")).text
    assert "Errors on the inputs timed" in text
    assert "How exact it is" not in text


def test_error_records_alone_make_a_page_and_say_what_is_missing(data, build):
    error_factory.everything(data)
    files = build()
    check(files)
    assert "no sweep of CPU here to time it" in Page(page_of(files, "error")).text
    assert "Nothing has been measured yet" in Page(files["index.html"].decode()).text


def test_the_summary_is_computed_from_the_maps(data, build):
    first = error_map(function(), ulp=2.0, inputs=1000, correctly_rounded=999)
    second = error_map(function(n=2), ulp=3.123, inputs=1000, correctly_rounded=1000, max_ulp_anywhere=70.0)
    slope = error_map(function(), what="gradient", ulp=math.inf, inputs=10, correctly_rounded=5, nonfinite=4)
    write(data, record(maps=[first, second, slope]))
    text = Page(table_after(page_of(build(), "error"), "Largest errors on") + "</table>").text
    assert "3.13 70.0 anywhere 99.950 % of 2,000 2.50 ∞ anywhere 50.000 % of 10" in text
    assert text.endswith("4 from |x| = 4.4e+12")


def test_shares_are_rounded_down_and_errors_up(data, build):
    almost = error_map(function(), ulp=0.50001, inputs=10**7, correctly_rounded=10**7 - 1)
    write(data, record(maps=[almost]))
    table = table_after(page_of(build(), "error"), "Largest errors on")
    assert "99.999\u00a0%" in table
    assert "0.5001" in table
    assert "100\u00a0%" not in table


def test_peers_are_in_a_table_of_their_own(everything, build):
    page = page_of(build(), "error")
    assert "gelu" not in table_after(page, "Largest errors on")
    assert "gelu" in table_after(page, "PyTorch&#39;s own activations")


def test_the_literal_formula_is_seen_to_die(everything, build):
    page = page_of(build(), "error")
    table = table_after(page, "Where at least half of the bits are right")
    row = table.split("torch_naive", 1)[1].split("</tr>", 1)[0]
    assert re.findall(r"&lt; [\d.e+]+", row) == ["&lt; 4.4e+12", "&lt; 32", "&lt; 4.4e+12", "&lt; 4.48e+102"]
    assert "everywhere" in table.split("torch_compile", 1)[1].split("</tr>", 1)[0]


def test_every_worst_input_has_its_line_to_paste(everything, build):
    page = Page(page_of(build(), "error"))
    cells = [a for a in page.attributes("td") if "paste" in (a.get("class") or "")]
    listed = sum(len(error_factory.realistic(i)["worst_inputs"]) for i in error_factory.BEHAVIOUR) + 1
    shown_twice = 2 * len(error_factory.BEHAVIOUR)
    assert len(cells) == listed + shown_twice
    assert "--at=-0x1.8p+0" in page.text


# --- heat maps --------------------------------------------------------------------------------------------


def cells(page, title):
    """level -> cells (in columns) of the heat map with that title."""
    svg = next(s for s in re.findall(r"<svg.*?</svg>", page, re.DOTALL) if f">{title}</title>" in s)
    found = {}
    for one, runs in re.findall(r'stroke: var\(--h(\d)\)" d="(M[^"]*h[^"]*)"', svg):
        found[int(one)] = found.get(int(one), 0) + sum(map(int, re.findall(r"h(\d+)", runs)))
    return found


def test_a_heat_map_shows_each_binade_at_its_level(data, build):
    errors = [0.3, 0.5, 0.505, 0.9, 1.5, 4.0, 4.1, 32.0, 32.1, "inf", None]
    row = {"first": -5, "step": 1, "max_ulp": errors}
    made = error_map(function(), "float16", binades={"positive": row, "negative": None})
    write(data, record(maps=[made]))
    found = cells(page_of(build(), "error"), "torch_compile, float16, value")
    assert found == {0: 2, 1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 1, 7: 1}


def test_merged_binades_show_the_largest_error(data, build):
    row = {"first": -149, "step": 1, "max_ulp": [0.3] * 200 + [5e9] + [0.3] * 76}
    write(data, record(maps=[error_map(function(), binades={"positive": row, "negative": None})]))
    found = cells(page_of(build(), "error"), "torch_compile, float32, value")
    assert found[6] == 1
    assert sum(found.values()) <= 72


def test_levels_follow_the_bound_of_each_n():
    assert level(5.9, limits("value", 1, "float32")) == 5
    assert level(5.9, limits("value", 2, "float32")) == 4
    assert level(4.9, limits("gradient", 1, "float32")) == 4
    assert level(4.9, limits("value", None, "float32")) == 5
    assert level(math.inf, limits("value", 1, "float64")) == len(LEVELS) - 1
    for dtype in error_factory.DTYPES:
        for n in (1, 4, 10**9):
            within = limits("gradient", n, dtype)
            assert list(within) == sorted(within)


# --- the accuracy-latency plane ---------------------------------------------------------------------------


def plane_point(name, seconds, error, peer=False):
    return PlanePoint(name, name, peer, seconds, "", error, error)


def test_the_front_holds_what_nothing_beats():
    made = [
        plane_point("slow and exact", 3.0, 0.5),
        plane_point("fast and rough", 1.0, 7.0),
        plane_point("beaten", 2.0, 7.5),
        plane_point("no faster, as rough", 1.0, 8.0),
        plane_point("between", 2.0, 3.0),
        plane_point("a peer", 0.1, 0.1, peer=True),
        plane_point("not timed", math.nan, 0.1),
    ]
    assert [p.name for p in front(made)] == ["fast and rough", "between", "slow and exact"]


def test_a_point_is_the_sweep_s_latency_and_the_maps_error(data, build):
    write(data, sweep([entry(case(), [2e-3, 3e-3, 4e-3])]), "sweep.json")
    write(
        data, record(maps=[error_map(function(), ulp=3.3), error_map(function(n=2), ulp=5.5)]), "error.json"
    )
    page = page_of(build(), "error")
    assert "torch_compile 3 ms, 5.50 ulp" in page
    row = table_after(page, "The plane as a table")
    assert "3 ms" in row
    assert "5.50" in row


def test_what_has_no_latency_says_why(data, build):
    absent = skipped(case(implementation="triton_fused"), "awaits hardware")
    other_size = entry(case(implementation="numpy_cpu", numel=2**10), [1e-3] * 5)
    write(data, sweep([entry(case(), [1e-3] * 5), other_size], [absent]), "sweep.json")
    for name in ("torch_compile", "triton_fused", "numpy_cpu"):
        write(data, record(name), f"{name}.json")
    write(data, record("torch_compile", device="cuda", started="2026-11-19T00:00:00"), "cuda.json")
    text = Page(page_of(build(), "error")).text
    assert "triton_fused (float32) : awaits hardware" in text
    assert "numpy_cpu (float32) : not part of this sweep" in text
    assert "torch_compile, cuda (float32) : no sweep of CUDA here to time it" in text


def test_latencies_of_another_environment_are_not_used(data, build):
    write(data, sweep([entry(case(), [1e-3] * 5)], environment={"torch": "2.11.0"}), "sweep.json")
    write(data, record(), "error.json")
    files = build()
    check(files)
    page = Page(page_of(files, "error"))
    assert "no sweep of CPU here to time it" in page.text
    assert not [a for a in page.attributes("svg") if "plane" in (a.get("aria-labelledby") or "")]
    assert "whatever the input" not in Page(files["index.html"].decode()).text


# --- the start page and the README ------------------------------------------------------------------------


def test_the_headline_takes_its_error_from_the_maps(data, build):
    write(data, sweep([entry(case(), [1e-3] * 5)]), "sweep.json")
    assert "It is at most 3.0 ulp from the exact value, its gradient 3.5 ulp on the inputs timed" in (
        Page(build()["index.html"].decode()).text
    )
    maps = [error_map(function(), ulp=7.15), error_map(function(), what="gradient", ulp=71.2)]
    write(data, record(maps=[*maps, error_map(function(n=2), ulp=90.0)]), "error.json")
    text = Page(build()["index.html"].decode()).text
    assert "It is at most 7.2 ulp from the exact value, its gradient 72 ulp whatever the input" in text


def test_the_answer_for_the_readme_gains_four_lines(everything, capsys):
    assert command.main(["answer", "--data", str(everything)]) == 0
    lines = capsys.readouterr().out.strip().splitlines()[-4:]
    assert all(line.startswith("- ") for line in lines)
    assert "3 implementations, 40 functions" in lines[0]
    assert lines[1].startswith(r"- 16-bit, every input: triton\_fused 0.5001")
    assert r"torch\_naive ∞" in lines[2]
    assert "torch\\_compile 3.00\u00a0/\u00a03.00" in lines[3]


def test_the_answer_takes_no_lines_from_another_environment(data, capsys):
    write(data, factory.realistic())
    error_factory.everything(data, environment={"torch": "2.11.0"})
    assert command.main(["answer", "--data", str(data)]) == 0
    assert "16-bit" not in capsys.readouterr().out


def test_two_environments_have_two_error_pages(data, build):
    write(data, record("first_one", maps=[error_map(function(), ulp=1.11)]), "a.json")
    write(data, record("other_one", environment={"cpu": "Other", "machine": "Other"}), "b.json")
    files = build()
    check(files)
    pages = [n for n in files if n.startswith("error-") and n.endswith(".html")]
    assert len(pages) == 2
    for name in pages:
        main = files[name].decode().split("<main", 1)[1]
        assert ("first_one" in main) != ("other_one" in main)


# --- what it must not do ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_strings_stay_text(data, build, name):
    strange = function(name)
    maps = [error_map(strange), error_map(function()), error_map(strange, what="gradient")]
    checks = {**function(), "dtype": "float32", "what": "value", "check": name, "elements": 1, "different": 1}
    parts = {
        "curves": [curve(strange)],
        "worst_inputs": [worst(strange), worst(strange, line=name)],
        "consistency": [checks],
    }
    reasons = {"complaints": [name], "not_measured": [{"what": name, "reason": name}], "sources": name}
    environment = dict.fromkeys(("machine", "cpu", "gpu", "os", "torch", "commit", "driver"), name)
    write(data, record(name, maps, environment, parts, **reasons), "a.json")
    write(data, record("torch", [error_map(peer(name))], environment, kind="peer"), "b.json")
    write(data, sweep([entry(case(implementation=name), [1e-3] * 5)], environment=environment), "c.json")
    files = build()
    check(files)
    for file in files:
        assert re.fullmatch(SAFE_NAME, file)
    page = Page(page_of(files, "error"))
    assert " ".join(name.split())[:200] in page.text
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "b"})


def test_extreme_numbers_do_not_break_the_page(data, build):
    extremes = [error_map(function(n=n, eps=e), ulp=u) for n, e, u in (
        (1, 5e-324, 0.0), (2**62, 1.7e308, 1.7e308), (3, 0.0, 5e-324))]  # fmt: skip
    curves = [curve(function()) | {"max_ulp": [v] * 64} for v in (0.0, 1.7e308, "inf", None)]
    for index, one in enumerate(curves):
        write(data, record(f"i{index}", extremes, parts={"curves": [one]}), f"{index}.json")
    write(
        data,
        sweep([entry(case(implementation="i0"), [1e-12] * 4), entry(case(implementation="i1"), [1e6] * 4)]),
    )
    files = build()
    check(files)
    assert not re.search(r"\bnan\b", Page(page_of(files, "error")).text)


def test_nothing_is_fetched_and_every_figure_is_a_file(everything, build):
    files = build()
    page = page_of(files, "error")
    assert not re.search(r"(?:https?:)?//[^\s\"'<>)]+", page)
    (offered,) = {a["href"] for a in Page(page).attributes("a") if (a["href"] or "").startswith("figures/")}
    with zipfile.ZipFile(io.BytesIO(files[offered])) as held:
        drawn = {name: held.read(name).decode() for name in held.namelist()}
    assert set(drawn) == {f"{i}.svg" for i in re.findall(r'<title id="([\w-]+)-title"', page)}
    for text in drawn.values():
        assert "prefers-color-scheme: dark" in text
        assert not re.search(r"(fill|stroke): ?#", text), "a colour that does not follow the theme"


def test_paths_in_the_stored_command_are_not_published_on_a_page(everything, build):
    assert "/home/somebody" not in page_of(build(), "error")


def test_the_same_records_give_the_same_bytes(data, build):
    write(data, factory.realistic())
    for name in error_factory.BEHAVIOUR:
        write(data, record(name, parts={"curves": [curve(function())]}), f"{name}.json")
    first = build()
    assert first == build()
    later = build(at=datetime(2027, 1, 2, 3, 4, tzinfo=UTC))
    changed = {n for n in first if first[n] != later[n]}
    assert changed == {n for n in first if n.endswith(".html") and b"<footer>" in first[n]}


def test_the_csv_has_every_map(everything, build):
    rows = list(csv.DictReader(io.StringIO(unpacked(build())["data/error-maps.csv"].decode())))
    assert len(rows) == 3 * 40 * 8 + 4 * 8 + 4 * 4
    naive = next(r for r in rows if (r["implementation"], r["dtype"]) == ("torch_naive", "float16"))
    assert (naive["max_ulp"], naive["max_ulp_anywhere"], naive["first_nonfinite_x"]) == ("2.5", "inf", "32.0")


def test_a_wrong_count_is_not_called_slower(everything, build):
    assert "(slower)" not in Page(page_of(build(), "error")).text

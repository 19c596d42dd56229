import csv
import io
import json
import re
from datetime import UTC, datetime

import pytest

from tests.reports import asv_factory, error_factory, factory
from tests.reports.factory import case, entry, peer, skipped, sweep, write
from tests.reports.markup import SAFE_NAME, Page, faults, page_of, unpacked

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "</style></svg></script><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "$x^2$ \\frac $",
    "&lt;b&gt; ]]> <!-- ",
    "=HYPERLINK(1)",
    "日本語 🦊 é",
    "../../etc/passwd",
    "x" * 5000,
]

SMALL = sweep([entry(case(), [1e-3] * 5)])


def ratios(numerators, denominator=1e-3):
    return [r * denominator for r in numerators], [denominator] * len(numerators)


def check(files):
    for name, content in files.items():
        if name.endswith(".html"):
            assert faults(content.decode(), set(files)) == [], name


def table_after(text: str, caption: str) -> str:
    return text.split(caption, 1)[1].split("</table>", 1)[0]


# --- what it says -----------------------------------------------------------------------------------------


def test_a_realistic_record_gives_a_sound_page(data, build):
    write(data, factory.realistic())
    files = build()
    check(files)
    for name, section in (
        ("index", "What it costs"),
        ("index", "Where to read on"),
        ("latency", "Time of one call"),
        ("latency", "How close to a copy"),
        ("latency", "Environment"),
        ("latency", "Not measured"),
        ("memory", "How much memory it takes"),
        ("error", "Errors on the inputs timed"),
        ("machines", "Machines side by side"),
        ("method", "The functions"),
        ("data", "What is stored"),
    ):
        assert section in Page(page_of(files, name)).text
    assert len(files["index.html"]) < 500_000


def test_the_sentence_and_the_table_are_computed_from_the_samples(data, build):
    slow, base = ratios([1.5, 1.62, 1.7, 1.78, 1.9])
    same, _ = ratios([0.9, 1.0, 1.0, 1.1, 1.2])
    partners = {"relu": base, "gelu": [s / 0.5 for s in slow], "copy_": [s / 1.25 for s in slow]}
    training = entry(case(**{"pass": "forward+backward", "out": False}), same, {"relu": base, "gelu": base})
    write(data, sweep([entry(case(), slow, partners), training]))
    text = Page(build()["index.html"].decode()).text
    assert "On Example CPU, 2 threads, float32, 2 20 elements" in text
    assert "1.70 × the time of ReLU (1.62–1.78)" in text
    assert "0.50 × that of GELU" in text or "0.500 × that of GELU" in text
    assert "forward and backward together take the time of ReLU within the spread (1.00–1.10)" in text
    assert "no difference" in text
    assert "80.0 %" in text
    assert "at most 3.0 ulp" in text
    assert "Wall clock" in text


def test_a_missing_figure_is_not_zero_and_has_its_reason(data, build):
    memory = {
        "peak_bytes": None,
        "saved_bytes_per_element": None,
        "reason": "the allocator cannot be counted",
    }
    error = {"value": None, "gradient": None, "reason": "infinite at x = 41"}
    write(data, sweep([entry(case(), [1e-3] * 5, {"relu": [1e-3] * 5}, memory=memory, error=error)]))
    page = build()["index.html"].decode()
    table = table_after(page, "Large: ") if "Large: " in page else page
    assert "not measured" in table
    assert "infinite at x = 41" in page
    assert "the allocator cannot be counted" in page
    assert "not timed against it" in page  # GELU was not beside it
    assert not re.search(r"<td[^>]*>0( |<)", table)


def test_skipped_and_failed_cases_are_listed_with_their_reasons(data, build):
    absent = [
        skipped(case(implementation="triton_fused", device="cuda"), "no GPU here"),
        skipped(case(implementation="triton_fused", device="cuda", n=2), "no GPU here"),
        skipped(case(implementation="torch_naive"), "the gate was red", "failed"),
    ]
    write(data, sweep([entry(case(), [1e-3] * 5)], absent))
    page = page_of(build(), "latency")
    text = Page(page).text
    assert "no GPU here triton_fused, 2 cases" in text
    assert "failed the gate was red torch_naive, 1 case" in text
    assert text.count("triton_fused gem(n=") == 2


def test_an_implementation_without_figures_keeps_its_row_and_reason(data, build):
    write(data, factory.realistic())
    table = table_after(page_of(build(), "latency"), "Large: ")
    assert "triton_fused" in table
    assert "needs a CUDA device" in table


def test_a_record_in_which_nothing_was_measured_is_shown(data, build):
    write(data, sweep([], [skipped(case(), "no compiler here")]))
    files = build()
    check(files)
    text = Page(page_of(files, "latency")).text
    assert "measured no GEM case" in text
    assert "no compiler here" in text


def test_only_peers_measured(data, build):
    write(data, sweep([entry(peer("relu"), [1e-3] * 5, {"copy_": [1e-3] * 5})]))
    check(build())


def test_an_empty_folder_gives_a_page_that_says_what_to_run(build):
    files = build()
    check(files)
    text = Page(files["index.html"].decode()).text
    assert "Nothing has been measured yet" in text
    assert "make report" in text
    kept = {"index.html", "history.html", "compare.html", "machines.html", "method.html", "data.html"}
    assert {f for f in files if f.endswith(".html")} == kept | {"worth.html"}


def test_damaged_files_are_named_on_the_page(data, build):
    write(data, SMALL)
    (data / "broken.json").write_bytes(b"{")
    text = Page(page_of(build(), "data")).text
    assert "data/broken.json left out: it is not JSON" in text


def test_an_interrupted_sweep_says_so(data, build):
    factory.journal(data, SMALL)
    files = build()
    check(files)
    assert "This sweep was interrupted" in Page(page_of(files, "latency")).text


def test_a_complete_record_is_preferred_to_a_newer_interrupted_one(data, build):
    write(data, sweep([entry(case(), [1e-3] * 5)]))
    later = sweep([entry(case(), [2e-3] * 5)])
    later["gem_impls"]["started"] = "2026-11-21T10:00:00+00:00"
    factory.journal(data, later)
    page = page_of(build(), "latency")
    assert "1.00 ms" in page
    assert "2.00 ms" not in page
    assert "2026-11-21 10:00 UTC" in page_of(build(), "data")  # listed


def test_a_busy_machine_is_told_from_a_quiet_one(data, build):
    quiet, busy = [1.0e-3, 1.1e-3, 1.0e-3, 1.1e-3], [1e-3, 2e-3, 1e-3, 4e-3]
    write(data, sweep([entry(case(n=n), quiet) for n in range(1, 6)]))
    assert "not quiet" not in Page(page_of(build(), "latency")).text
    write(data, sweep([entry(case(n=n), busy if n == 1 else quiet) for n in range(1, 6)]))
    assert "in 1 of 5 cases" in Page(page_of(build(), "latency")).text


# --- what is never joined ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cpu", "Other CPU"),
        ("gpu", "Example GPU"),
        ("threads", 1),
        ("torch", "2.11.0"),
        ("triton", None),
        ("numpy", "2.0.0"),
        ("python", "3.12.1"),
        ("driver", "555"),
        ("os", "Darwin"),
    ],
)
def test_records_of_different_environments_are_on_pages_of_their_own(data, build, field, value):
    write(data, sweep([entry(case(), [1e-3] * 5)]), "a.json")
    other = sweep([entry(case(), [7e-3] * 5), entry(case(implementation="elsewhere"), [7e-3] * 5)])
    other["gem_impls"]["environment"][field] = value
    other["gem_impls"]["started"] = "2026-11-19T10:00:00+00:00"
    write(data, other, "b.json")
    files = build()
    check(files)
    first = page_of(files, "latency")
    second = next(
        text for name, raw in files.items() if name.startswith("latency-") and (text := raw.decode()) != first
    )
    assert "1.00 ms" in first
    assert "7.00 ms" not in first
    assert "elsewhere" not in first
    assert "7.00 ms" in second
    assert "1.00 ms" not in second


def test_records_of_one_environment_share_a_page_and_the_newest_is_shown(data, build):
    write(data, sweep([entry(case(), [1e-3] * 5)]), "a.json")
    newer = sweep([entry(case(), [7e-3] * 5)], environment={"commit": "e" * 40, "clock_mhz": 1000.0})
    newer["gem_impls"]["started"] = "2026-11-22T10:00:00+02:00"
    write(data, newer, "b.json")
    files = build()
    assert len([name for name in files if name.startswith("latency-")]) == 1
    page = page_of(files, "latency")
    assert "7.00 ms" in page
    assert "1.00 ms" not in page
    assert "2026-11-22 08:00 UTC" in page


def test_devices_clocks_and_caches_are_never_in_one_table(data, build):
    made = []
    for clock, cache, seconds in (("wall", None, 1e-3), ("device", "hot", 2e-3), ("device", "cold", 3e-3)):
        made.append(entry(case(device="cuda"), [seconds] * 5, clock=clock, cache=cache))
    made.append(entry(case(device="cpu"), [4e-3] * 5))
    write(data, sweep(made))
    files = build()
    check(files)
    page = page_of(files, "latency")
    for caption, time in (
        ("GPU, wall clock: median", "1.00 ms"),
        ("GPU, device clock, hot cache: median", "2.00 ms"),
        ("GPU, device clock, cold cache: median", "3.00 ms"),
        ("CPU, wall clock: median", "4.00 ms"),
    ):
        table = table_after(page.split(caption, 1)[1], "<caption")
        assert re.findall(r"\d\.\d\d ms", table) == [time]


# --- what it must not do ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_reasons_stay_text(data, build, name):
    rounds = [1e-3, 1.1e-3, 1.2e-3, 1.3e-3, 1.4e-3]
    made = [
        entry(case(implementation=name, numel=n), rounds, {"relu": rounds, "gelu": rounds, name: rounds})
        for n in (2**10, 2**16, 2**20)
    ]
    made.append(entry(case(function=name), rounds, error={"value": None, "gradient": None, "reason": name}))
    made.append(entry(case(layout=name), rounds))
    made.append(entry(peer(name), rounds))
    content = sweep(made, [skipped(case(implementation=name), name)], environment=dict.fromkeys(
        ("machine", "cpu", "gpu", "os", "torch", "commit", "driver"), name))  # fmt: skip
    content["gem_impls"]["sweep"] = name
    write(data, content)
    files = build()
    check(files)
    page = Page(page_of(files, "latency"))
    assert " ".join(name.split())[:200] in page.text
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "b"})
    for name in files:
        assert re.fullmatch(SAFE_NAME, name)


def test_hostile_file_names_stay_text(data, build):
    write(data, SMALL, "<script>alert(1)<.json")
    (data / '"><img src=x>.json').write_bytes(b"")
    files = build()
    check(files)
    assert "<script>alert(1)<.json" in Page(page_of(files, "data")).text


def test_extreme_numbers_do_not_break_the_page(data, build):
    tiny, huge = [1e-12, 2e-12, 3e-12, 4e-12], [1e6, 9e5, 8e5, 7e5]
    error = {
        "value": {"max_ulp": 1.7e308, "mean_ulp": 5e-324, "worst_x": -1.7e308, "points": 2**62},
        "gradient": {"max_ulp": 0, "mean_ulp": 0, "worst_x": 0, "points": 1},
        "reason": None,
    }
    memory = {"peak_bytes": 2**62, "saved_bytes_per_element": 1e300, "reason": None}
    made = [
        entry(case(numel=n), s, {"relu": p, "gelu": p, "copy_": p}, error=error, memory=memory)
        for n in (1, 17, 2**62)
        for s, p in ((tiny, huge),)
    ]
    made.append(
        entry(case(function="e-gem", eps=1e-4, numel=17), huge, {"relu": tiny, "gelu": tiny, "copy_": tiny})
    )
    write(data, sweep(made))
    files = build()
    check(files)
    assert not re.search(r"\b(nan|inf)\b", Page(files["index.html"].decode()).text.lower())


def test_nothing_is_fetched_and_no_address_leaves_the_site(data, build):
    write(data, factory.realistic())
    for name, content in unpacked(build()).items():
        if name.startswith("data/"):
            continue
        text = content.decode()
        allowed = "http://www.w3.org/2000/svg" if name.endswith(".svg") else ""
        addresses = set(re.findall(r"(?:https?:)?//[^\s\"'<>)]+", text)) - {allowed}
        assert addresses == set(), name
        assert "@import" not in text
        assert not re.search(r"url\((?!#)", text)


def test_other_scripts_than_its_own_are_forbidden_by_the_page_itself(build):
    page = Page(build()["index.html"].decode())
    policy = next(
        a["content"] for a in page.attributes("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]{44}'; style-src 'unsafe-inline'; "
        r"img-src data:; base-uri 'none'; form-action 'none'",
        policy,
    )


def test_the_machines_name_on_the_network_is_not_published(data, build):
    write(data, SMALL)
    assert b"never-shown" not in build()["index.html"]


# --- what it keeps ----------------------------------------------------------------------------------------


def test_the_raw_files_are_offered_byte_for_byte(data, build):
    path = write(data, SMALL)
    files = build()
    raw = [r for n, r in unpacked(files).items() if re.fullmatch(r"data/sweep-[0-9a-f]{12}\.json", n)]
    assert raw == [path.read_bytes()]


def test_the_csv_has_every_case_and_the_page_s_figures(data, build):
    numerators, base = ratios([1.5, 1.6, 1.7, 1.8, 1.9])
    made = entry(case(implementation="=evil()"), numerators, {"relu": base, "copy_": base})
    write(data, sweep([made], [skipped(case(n=2), "no")]))
    rows = list(csv.DictReader(io.StringIO(unpacked(build())["data/measurements.csv"].decode())))
    assert len(rows) == 2
    measured, absent = rows
    assert measured["implementation"] == "'=evil()"
    assert float(measured["over_relu_median"]) == pytest.approx(1.7)
    assert float(measured["ceiling_fraction_median"]) == pytest.approx(1 / 1.7)
    assert float(measured["gigabytes_per_second"]) == pytest.approx(2 * 4 * 2**20 / 1.7e-3 / 1e9)
    assert measured["over_gelu_median"] == ""
    assert (absent["status"], absent["reason"], absent["seconds_median"]) == ("skipped", "no", "")


def test_the_same_inputs_give_the_same_bytes_but_for_the_build_time(data, build):
    write(data, factory.realistic())
    write(data, factory.realistic(speed=2.0, seed=1, environment={"cpu": "Other"}), "b.json")
    first = build()
    assert first == build()
    later = build(at=datetime(2027, 1, 2, 3, 4, tzinfo=UTC))
    forwards = {"latency.html", "memory.html", "error.html", "performance.html"}
    pages = {name for name in first if name.endswith(".html")} - forwards
    assert {name for name in first if first[name] != later[name]} == pages
    old, new = b"2026-11-23 12:00 UTC", b"2027-01-02 03:04 UTC"
    assert {name: content.replace(old, new) for name, content in first.items()} == later


def test_a_full_size_record_stays_small(data, build):
    content = factory.realistic()
    for numel in (2**8, 2**12, 2**18, 2**24, 2**26, 2**28):
        for extra in factory.realistic(seed=numel)["benchmarks"]:
            made = json.loads(json.dumps(extra))
            if made["extra_info"]["case"]["numel"] == 2**20:
                made["extra_info"]["case"] |= {"numel": numel, "shape": [numel]}
                content["benchmarks"].append(made)
    write(data, content)
    assert len(build()["index.html"]) < 2_000_000


# --- figures ----------------------------------------------------------------------------------------------


def test_every_figure_is_labelled_themed_and_offered_with_its_numbers(data, build):
    write(data, factory.realistic())
    error_factory.everything(data)
    asv_factory.history(data.parent / "asv", 12)
    files = build(asv=data.parent / "asv")
    found = unpacked(files)
    offered, drawn = set(), 0
    for name, raw in files.items():
        if name.endswith(".html"):
            page = Page(raw.decode())
            figures = page.attributes("figure")
            assert len(page.attributes("svg")) == len(page.attributes("figcaption")) == len(figures)
            drawn += len(figures)
            stem, links = name.removesuffix(".html"), {a.get("href") for a in page.attributes("a")}
            assert (f"figures/{stem}.zip" in links) == bool(figures)
            for figure in figures:
                numbers = {
                    f"data/{stem}/{figure['id']}.{end}" for end in ("csv", "json") if stem != "history"
                }
                assert {f"{n}.gz" for n in numbers} <= links, (name, figure)
                offered |= numbers | {f"figures/{stem}/{figure['id']}.svg"}
    assert drawn > 30
    assert offered <= set(found)
    assert offered >= {f for f in found if f.startswith("figures/")}
    for name in offered:
        text = found[name].decode()
        if name.endswith(".svg"):
            assert "prefers-color-scheme: dark" in text
            assert not re.search(r"(fill|stroke): #", text), "a colour that does not follow the theme"
            assert "<text" in text
        elif name.endswith(".csv"):
            first, *rows = csv.reader(io.StringIO(text))
            assert rows
            assert {len(row) for row in rows} == {len(first)}
            twin = json.loads(found[name.removesuffix("csv") + "json"])
            assert twin["columns"] == first
            assert len(twin["rows"]) == len(rows)


def test_figures_show_the_medians(data, build):
    rounds = [[1e-6 * n * f for f in (0.9, 1.0, 1.1, 1.2, 1.0)] for n in (1024, 4096, 16384)]
    write(
        data,
        sweep([entry(case(numel=n), r) for n, r in zip((1024, 4096, 16384), rounds, strict=True)]),
    )
    page = page_of(build(), "latency")
    assert "At each line&#39;s largest size: torch_compile 16.4 ms" in page or (
        "At each line's largest size: torch_compile 16.4 ms" in page
    )

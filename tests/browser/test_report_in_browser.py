# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report as people use it: it sorts, filters, opens a host, remembers ticks, prints, and keeps hostile text text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core import report, report_html
from tests.browser import sample
from tests.browser.chromium import Chromium
from tests.browser.conftest import TITLE, Show

FEW, MANY = 44, 220
"""Hosts whose pages stand in the file as they are, and hosts whose pages are packed."""
HOSTS = (
    "Array.from(document.querySelectorAll('#hosts tbody tr')).filter(r => !r.hidden).map(r => r.cells[0].textContent)"
)
BANNER = (
    "</script><script>window.hacked = 1; alert(1)</script><img src=x onerror='window.hacked = 2'>{{ 7*7 }}{% raw %}"
)


def choose(browser: Chromium, name: str, value: str) -> None:
    browser.run(
        f"(() => {{ const s = document.getElementById('{name}'); s.value = {json.dumps(value)}; "
        "s.dispatchEvent(new Event('input', {bubbles: true})); return s.value })()"
    )


def open_host(browser: Chromium, host: str) -> None:
    browser.run(f"location.hash = 'host/' + encodeURIComponent({json.dumps(host)})")
    browser.until(f"(document.querySelector('article.open h2') || {{}}).textContent === {json.dumps(host)}")


def shown(browser: Chromium) -> list[str]:
    hosts: list[str] = browser.run(HOSTS)
    return hosts


def is_quiet(browser: Chromium, path: Path) -> None:
    """No script of others ran, nothing was blocked or thrown, and nothing but the file itself was asked for."""
    assert browser.seen("Page.javascriptDialogOpening", "Runtime.exceptionThrown", "Log.entryAdded") == []
    asked = {event["request"]["url"].partition("#")[0] for event in browser.seen("Network.requestWillBeSent")}
    assert asked <= {path.as_uri(), "about:blank"}


@pytest.fixture(params=[FEW, MANY], ids=["plain", "packed"])
def fleet(request: pytest.FixtureRequest, show: Show) -> list[dict[str, Any]]:
    rows = sample.rows(request.param)
    show(rows)
    return rows


@pytest.fixture
def few(show: Show) -> list[dict[str, Any]]:
    rows = sample.rows(FEW)
    show(rows)
    return rows


def test_it_sorts_by_mouse_and_by_keyboard(browser: Chromium, show: Show) -> None:
    rows = sample.rows(FEW)
    path = show(rows)
    assert shown(browser) == [r["host"] for r in rows]
    head = "#hosts th[data-key=host]"
    browser.click(f"{head} button")
    assert browser.run(f"document.querySelector('{head}').getAttribute('aria-sort')") == "ascending"
    up = shown(browser)
    assert up[:2] == ["berlin-r1", "berlin-r5"]  # by number, so that r5 comes before r11
    browser.run(f"document.querySelector('{head} button').focus()")
    browser.key("Enter")
    assert browser.run(f"document.querySelector('{head}').getAttribute('aria-sort')") == "descending"
    assert shown(browser) == up[::-1]
    browser.click("#hosts th[data-key=result] button")
    assert browser.run("document.querySelectorAll('[aria-sort]').length") == 1
    words = browser.run("Array.from(document.querySelectorAll('#hosts tbody tr'), r => r.className).join('')")
    assert re.fullmatch("n+u+x+s*c+", words)
    is_quiet(browser, path)


def test_it_filters(browser: Chromium, few: list[dict[str, Any]]) -> None:
    def hosts(**wanted: str) -> list[str]:
        return [r["host"] for r in few if all(r[key] == value for key, value in wanted.items())]

    browser.run("document.getElementById('find').focus()")
    browser.type("UDP-TIMEOUT-LOW")
    assert shown(browser) == hosts(platform="fortinet_fortios")
    browser.click("#clear")
    assert shown(browser) == hosts()
    choose(browser, "vendor", "=Cisco")
    choose(browser, "site", "=Berlin")
    assert shown(browser) == hosts(vendor="Cisco", site="Berlin")
    browser.click("#clear")
    choose(browser, "change", "=came back")
    assert shown(browser) == hosts(change="came_back")
    said = browser.run("document.getElementById('shown').textContent")
    assert said == f"{len(hosts(change='came_back'))} of {len(few)} hosts"


def test_it_filters_by_the_result_of_an_aspect(browser: Chromium, few: list[dict[str, Any]]) -> None:
    choose(browser, "aspect", "udp_timeout")
    choose(browser, "result", "n")
    assert shown(browser) == [r["host"] for r in few if report.verdict(r, "udp_timeout") == "low"]
    browser.click("#clear")
    browser.click("button[data-set=result][data-value=x]")
    assert shown(browser) == [r["host"] for r in few if r["compliance"] == "not_reached"]
    pressed = "document.querySelector('button[data-set=result][data-value=x]').getAttribute('aria-pressed')"
    assert browser.run(pressed) == "true"
    browser.click("button[data-set=result][data-value=x]")
    assert (len(shown(browser)), browser.run(pressed)) == (len(few), "false")


def test_a_host_has_a_page_a_link_and_a_way_back(
    browser: Chromium, fleet: list[dict[str, Any]], tmp_path: Path
) -> None:
    row = next(r for r in fleet if r["platform"] == "fortinet_fortios")
    browser.click(f"#hosts a[href='#host/{row['host']}']")
    browser.until("document.querySelector('article.open')")
    text = browser.run("document.querySelector('article.open').innerText")
    for part in (
        "session_helper",
        "set protocol 17",
        f"set hostname {row['host']}",
        "config system session-ttl",
        "Taken back by",
    ):
        assert part in text
    assert browser.run("document.title") == f"{row['host']} - {TITLE}"
    assert browser.run("document.activeElement.textContent") == row["host"]
    assert browser.run("getComputedStyle(document.getElementById('fleet')).display") == "none"
    browser.click("#next")
    after = fleet[fleet.index(row) + 1]["host"]
    browser.until(f"document.querySelector('article.open h2').textContent === {json.dumps(after)}")
    assert browser.run("document.querySelectorAll('article.open').length") == 1
    browser.run("history.back()")
    browser.until(f"document.querySelector('article.open h2').textContent === {json.dumps(row['host'])}")
    browser.run("history.back()")
    browser.until("!document.querySelector('article.open')")
    assert browser.run("document.activeElement.textContent") == row["host"]
    browser.open((tmp_path / "report.html").as_uri() + f"?again#host/{after}")
    browser.until(f"(document.querySelector('article.open h2') || {{}}).textContent === {json.dumps(after)}")


def test_a_link_to_nobody_says_so(browser: Chromium, few: list[dict[str, Any]]) -> None:
    browser.run("location.hash = 'host/nobody%'")
    browser.until("document.getElementById('said').textContent === 'There is no host nobody% in this report.'")
    assert len(shown(browser)) == len(few)


def test_a_tick_stays_and_belongs_to_its_step(browser: Chromium, fleet: list[dict[str, Any]], tmp_path: Path) -> None:
    first, second = [r["host"] for r in fleet if r["platform"] == "arris_touchstone"][:2]
    ticks = "Array.from(document.querySelectorAll('article.open .steps input'), b => b.checked)"
    open_host(browser, first)
    browser.click("article.open .steps li:nth-child(2) label")
    assert browser.run("document.querySelector('article.open .ticked').textContent") == "1 of 4 done"
    browser.open((tmp_path / "report.html").as_uri() + "?again")
    open_host(browser, first)
    assert browser.run(ticks) == [False, True, False, False]
    open_host(browser, second)
    assert browser.run(ticks) == [False] * 4
    open_host(browser, first)
    browser.run("document.querySelector('article.open .steps li:nth-child(2) input').focus()")
    browser.key(" ")
    assert browser.run(ticks) == [False] * 4
    assert browser.run("Object.keys(localStorage).length") == 0


def test_the_wire_stands_beside_the_word_of_the_device(browser: Chromium, few: list[dict[str, Any]]) -> None:
    open_host(browser, next(r["host"] for r in few if report.on_the_wire(r) == "rewritten"))
    device, wire = browser.run("Array.from(document.querySelectorAll('article.open .pair > div'), d => d.innerText)")
    assert "disabled" in device
    assert "rewritten" in wire
    assert "12 of 12 REGISTER" in wire
    cells = "Array.from(document.querySelectorAll('article.open .mechanisms pre'), p => p.textContent).slice(0, 2)"
    assert browser.run(cells) == ["<sip:probe@192.168.1.20:5060>", "<sip:probe@203.0.113.9:61022>"]


def test_a_site_prints_with_its_hosts_and_no_others(browser: Chromium, fleet: list[dict[str, Any]]) -> None:
    here = [r["host"] for r in fleet if r["site"] == "Kiel"]
    choose(browser, "site", "=Kiel")
    assert browser.run("document.getElementById('print').textContent") == "Print this site"
    browser.run("window.print = () => { window.sawPrint = true }")
    browser.click("#print")
    browser.until("window.sawPrint")
    browser.colours("dark", media="print")
    seen = "Array.from(document.querySelectorAll('article')).filter(a => a.offsetHeight).map(a => a.querySelector('h2').textContent)"
    assert sorted(browser.run(seen)) == sorted(here)
    assert sorted(shown(browser)) == sorted(here)
    assert browser.run("document.getElementById('printed').innerText") == f"Site Kiel: {len(here)} hosts"
    assert browser.run("getComputedStyle(document.querySelector('.controls')).display") == "none"
    assert (
        browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    )  # also where it is dark
    browser.colours("light")
    pdf = browser.pdf()
    assert pdf.startswith(b"%PDF-")
    # the table and a page for each host that needs something; printing ends what was prepared for it
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > sum(
        r["site"] == "Kiel" and r["compliance"] != "compliant" for r in fleet
    )
    browser.until("!document.documentElement.classList.contains('sheets')")
    assert browser.run("document.querySelectorAll('.sheet').length") == 0


def hostile() -> dict[str, Any]:
    """A device that puts markup, templates, control characters and a megabyte into everything it says."""
    text = BANNER + "\x1b[31m\x00\u202egnp.exe\u2028"
    made = sample.records(1)[0]
    mechanism = sample.mechanism(text, "on", text, "x" * 1_000_000, scope=text)
    made.update(
        host="fw<b>'\"&/ %41", model=text, firmware=text, site=text, advice=[text], not_checked=[text],
        plan=[{"do": text, "undo": text}], error={"kind": "refusal", "text": text},
        findings=[{"id": "SIPALG-ACTIVE", "aspect": "sip_alg", "severity": text, "text": text + "y" * 1_000_000}],
    )  # fmt: skip
    made["aspects"]["sip_alg"].update(verdict=text, mechanisms=[mechanism])
    words = ("direction", "method", "transport", "source", "port", "name", "before", "after", "times")
    rewriting = {**dict.fromkeys(words, text), "inserted": [{"address": text, "whose": text}]}
    made["path"] = {
        **dict.fromkeys(("verdict", "leaning", "profile", "started", "finished"), text),
        "reasons": [text],
        "not_tested": [text],
        "rewritings": [rewriting],
        "keepalive": None,
        "current": True,
        "earlier": [],
    }
    return made


@pytest.mark.parametrize("more", [0, MANY], ids=["plain", "packed"])
def test_a_hostile_banner_stays_text(browser: Chromium, show: Show, more: int) -> None:
    rows = report.merge([report.row_of(hostile()), *sample.rows(more)], [])
    path = show(rows)
    host = rows[[r["error"] != "" and r["model"] != "" for r in rows].index(True)]["host"]
    assert host == "fw<b>'\"&/ %41"
    open_host(browser, host)
    text = browser.run("document.querySelector('article.open').textContent")
    assert text.count(BANNER) >= 10
    assert "{{ 7*7 }}" in text
    assert "[999600 more characters]" in text
    assert len(text) < 50_000
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2028]", text)
    inside = "document.querySelector('article.open').querySelectorAll('img, script, b, a[href^=http]').length"
    assert browser.run(inside) == 0
    assert browser.run("window.hacked === undefined")
    choose(browser, "site", browser.run("document.querySelector('#site').options[1].value"))
    is_quiet(browser, path)


def test_light_and_dark(browser: Chromium, show: Show) -> None:
    show(sample.rows(3))
    ground = "getComputedStyle(document.body).backgroundColor"
    light = browser.run(ground)
    browser.colours("dark")
    dark = browser.run(ground)
    assert light != dark
    browser.click("#theme")
    assert (browser.run(ground), browser.run("document.getElementById('theme').textContent")) == (
        light,
        "Colours: light",
    )
    browser.click("#theme")
    browser.colours("light")
    assert browser.run(ground) == dark
    browser.click("#theme")
    assert browser.run(ground) == light


def test_without_scripts_it_is_a_table_with_the_details(browser: Chromium, show: Show) -> None:
    rows = sample.rows(FEW)
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    show(rows)
    seen = browser.run("document.body.innerText")
    assert "set protocol 17" in seen
    assert "Clear filters" not in seen
    assert browser.run("Array.from(document.querySelectorAll('article')).every(a => a.offsetHeight > 0)")
    link = browser.run("document.querySelector('#hosts a').getAttribute('href')")
    assert browser.run(f"document.getElementById({json.dumps(link[1:])}) !== null")


def test_a_large_report_without_scripts_is_a_table_that_says_where_the_rest_is(browser: Chromium, show: Show) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    show(sample.rows(MANY))
    assert len(shown(browser)) == MANY + 1
    assert "pages of the hosts are in report.md" in browser.run("document.body.innerText")


def test_the_keyboard_and_the_screen_reader_find_their_way(browser: Chromium, few: list[dict[str, Any]]) -> None:
    browser.key("Tab")
    assert browser.run("document.activeElement.className") == "skip"
    assert browser.run(
        "document.activeElement.offsetHeight > 0 && document.activeElement.getBoundingClientRect().left >= 0"
    )
    tree = browser.send("Accessibility.getFullAXTree")["nodes"]
    named: dict[str, list[str]] = {}
    for node in tree:
        if not node.get("ignored"):
            named.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    for role in ("button", "combobox", "searchbox", "link", "image", "heading", "columnheader", "rowheader"):
        assert named[role], role
        assert all(named[role]), f"a {role} without a name"
    assert {"Result", "of aspect", "Vendor", "Site"} <= {name.strip() for name in named["combobox"]}
    assert any("needs a change" in name for name in named["image"])
    assert {"main", "banner", "table", "status"} <= set(named)


def test_on_a_telephone_nothing_sticks_out(browser: Chromium, few: list[dict[str, Any]]) -> None:
    browser.resize(390, 844)
    overflow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert browser.run(overflow)
    assert browser.run("document.querySelector('#hosts').offsetWidth <= document.querySelector('.wide').clientWidth")
    open_host(browser, few[0]["host"])
    assert browser.run(overflow)


def test_a_long_table_shows_its_first_rows_and_the_rest_when_asked(browser: Chromium, show: Show) -> None:
    rows = report.merge([], [f"fw{n}" for n in range(700)])
    show(rows)
    assert len(shown(browser)) == 500
    assert "700 of 700 hosts, the first 500 are listed" in browser.run("document.getElementById('shown').textContent")
    browser.run("document.getElementById('find').focus()")
    browser.type("fw699")
    assert shown(browser) == ["fw699"]
    browser.click("#clear")
    browser.click("#more")
    assert len(shown(browser)) == 700


def test_the_policy_is_obeyed(browser: Chromium, show: Show) -> None:
    """What would get past every escape still does not run: a script that is put in, and a request to elsewhere."""
    show(sample.rows(1))
    browser.run(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.hacked = 3'; document.body.append(s) })()"
    )
    browser.run(
        "(() => { const i = document.createElement('img'); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i) })()"
    )
    assert browser.run("window.hacked === undefined")
    browser.until("true")
    said = " ".join(entry["entry"]["text"] for entry in browser.seen("Log.entryAdded"))
    assert "Content Security Policy" in said
    assert report_html.POLICY.startswith("default-src 'none'")

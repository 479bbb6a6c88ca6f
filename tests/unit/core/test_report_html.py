# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report: its picture in figures, its table and pages, and what is packed when there are many."""

from __future__ import annotations

import base64
import re
import zlib
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core import report, report_html, report_picture
from tests.browser import sample
from tests.unit.core.test_report import HOSTILE, record


def page(rows: list[dict[str, Any]]) -> str:
    return "".join(report_html.to_html(rows, "title", "now"))


def unpacked(html: str) -> list[str]:
    """The pages of the hosts out of their packs."""
    packs = re.findall(r'<script type="text/plain" class="pack">([A-Za-z0-9+/=]+)</script>', html)
    return [zlib.decompress(base64.b64decode(pack)).decode("utf-8") for pack in packs]


def test_the_picture_counts_by_result_vendor_and_site() -> None:
    rows = [
        {**report.row_of(record(f"h{n}", compliance=compliance, site=site)), "vendor": vendor}
        for n, (compliance, site, vendor) in enumerate(
            [("compliant", "A", "X"), ("compliant", "A", "X"), ("noncompliant", "B", "X"), ("undetermined", "B", "Y")]
        )
    ]
    picture = report_picture.picture_of(rows)
    assert picture["percent"] == "50 %"
    assert picture["alt"] == "1 needs a change, 1 not known, 2 compliant"
    assert [(part["code"], part["start"], part["share"]) for part in picture["ring"]] == [
        ("n", 0.0, 25.0),
        ("u", 25.0, 25.0),
        ("c", 50.0, 50.0),
    ]
    bars = {
        group["key"]: [(one["value"], one["good"], one["hosts"]) for one in group["bars"]]
        for group in picture["groups"]
    }
    assert bars == {"vendor": [("X", 2, 3), ("Y", 0, 1)], "site": [("B", 0, 2), ("A", 2, 2)]}
    assert picture["lead"] == (
        "2 of 4 are fit for SIP telephony as far as it was seen. 1 needs a change, 1 could not be judged."
    )


def test_a_whole_is_only_said_of_the_whole() -> None:
    rows = [report.row_of(record(f"h{n}", compliance="compliant")) for n in range(999)] + [report.row_of(record("bad"))]
    assert report_picture.picture_of(rows)["percent"] == "99 %"
    assert report_picture.picture_of([])["percent"] == "-"
    assert report_picture.picture_of([])["lead"] == "There is no host in this report."


def test_many_sites_are_folded_the_worst_first() -> None:
    rows = [report.row_of(record(f"h{n}", site=f"s{n:02}")) for n in range(20)] + [
        report.row_of(record("more", site="s19"))
    ]
    group = report_picture.picture_of(rows)["groups"][0]
    assert group["bars"][0]["value"] == "s19"
    assert (len(group["bars"]), group["more"]) == (report_picture.MOST_BARS, 20 - report_picture.MOST_BARS)


def test_columns_are_there_for_what_is_known() -> None:
    html = page([report.row_of(record())])
    for key in ("site", "change", "wire"):
        assert f'data-key="{key}"' not in html
    html = page(sample.rows(20))
    for key in ("site", "change", "wire", "port_forwards"):
        assert html.count(f'data-key="{key}"') == 1
    heads, first = html.count('<th scope="col" data-key='), html.split("<tbody>", 1)[1].split("</tr>", 1)[0]
    assert len(re.findall(r"<t[hd]\b", first)) == heads


def test_an_aspect_of_a_later_version_has_a_column() -> None:
    new = record()
    new["aspects"]["nat_mapping"] = {"verdict": "odd", "compliance": "compliant", "mechanisms": []}
    html = page([report.row_of(new)])
    assert '<th scope="col" data-key="nat_mapping" class="less"><button type="button">Nat mapping</button></th>' in html


def test_the_page_of_a_host_says_what_changed_and_what_the_wire_says() -> None:
    row = report.row_of(sample.records(11)[8])
    row.update(
        change="came_back",
        changes=[
            {
                "change": "came_back",
                "since": "2026-01-01T00:00:00Z",
                "aspect": "sip_alg",
                "was": "disabled",
                "now": "active",
                "firmware_was": "1",
                "firmware_now": "2",
            }
        ],
    )
    html = page([row])
    assert (
        "sip_alg came back: disabled -&gt; active, firmware 1 -&gt; 2, last seen disabled 2026-01-01T00:00:00Z" in html
    )
    assert '<span class="tag">came back</span>' in html
    assert '<strong class="n w">rewritten</strong>' in html
    stale = {
        **row,
        "path": {**row["path"], "current": False, "verdict": "clean", "words": "clean", "keepalive": "50 s"},
    }
    html = page([stale])
    assert '<strong class="u w">clean</strong>' in html
    assert "it says nothing about now" in html
    assert "at most every 50 s" in html


def test_the_pages_of_many_are_packed_and_all_of_them_are_there() -> None:
    rows = sample.rows(500)
    html = page(rows)
    packs = unpacked(html)
    assert "<article" not in html
    assert [p.count("<article") for p in packs[:-1]] == [report_html.PACK] * (len(rows) // report_html.PACK)
    names = re.findall(r'<article class="host card \w" id="host/([^"]+)"', "".join(packs))
    assert names == [r["host"] for r in rows]
    assert re.findall(r'<a href="#host/[^"]+">([^<]+)</a>', html) == names
    assert "set protocol 17" in "".join(packs)


def test_a_thousand_hosts_are_below_a_megabyte_with_their_evidence() -> None:
    assert len(page(sample.rows(1_000)).encode("utf-8")) < 1_000_000


def test_what_is_packed_is_escaped_as_what_is_not() -> None:
    bad = record(HOSTILE, model=HOSTILE, advice=[HOSTILE])
    bad["aspects"]["sip_alg"]["mechanisms"][0]["evidence"] = [HOSTILE, "</script><img src=x onerror=alert(1)>"]
    html = page([report.row_of(bad), *sample.rows(400)])
    text = html + "".join(unpacked(html))
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;/script&gt;&lt;img src=x" in text
    assert html.count("<script>") == 1


@pytest.mark.parametrize("name", ["a b", "a/b", "ü%41", "x\"'<>&#?", "\ud800"])
def test_a_link_leads_to_the_page_of_its_host(name: str) -> None:
    """Also without scripts, where the browser decodes the fragment and looks for the id."""
    from html import unescape
    from urllib.parse import unquote

    html = page([report.row_of(record(name))])
    link = re.findall(r'<a href="#(host/[^"]+)"', html)[0]
    ident = re.findall(r'<article class="host card n" id="([^"]+)"', html)[0]
    assert unquote(unescape(link)) == unescape(ident)


def test_a_file_for_all_who_can_read_has_no_more_than_the_row() -> None:
    """What is cut from a row is in the record alone."""
    long = record()
    long["aspects"]["sip_alg"]["mechanisms"][0]["evidence"] = ["e" * 1_000]
    assert "e" * 401 not in page([report.row_of(long)])


def test_hosts_that_are_gone_are_named_and_bounded() -> None:
    gone = [{"host": f"old<{n}>", "compliance": "compliant", "finished": "2026-01-01T00:00:00Z"} for n in range(60)]
    html = "".join(report_html.to_html([report.row_of(record())], "title", "now", gone))
    assert "60 not in this run any more" in html
    assert "old&lt;49&gt;" in html
    assert "old&lt;50&gt;" not in html
    assert "and 10 more, in report.json" in html
    assert "not in this run" not in page([report.row_of(record())])

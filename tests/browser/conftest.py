# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser for all tests of this folder, and reports for it to open.

Without a Chromium the tests are skipped, and say so; with ``VOIP_EDGE_REQUIRE_BROWSER`` set they fail, so that the job which is
meant for them cannot pass by not running them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core import report_html
from tests.browser.chromium import Chromium, find

TITLE = "SIP readiness of the network edge"
Show = Callable[[Sequence[Any]], Path]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    program = find()
    if program is None:
        why = "there is no Chromium on PATH: the HTML report is not tested in a browser"
        pytest.fail(why) if os.environ.get("VOIP_EDGE_REQUIRE_BROWSER") else pytest.skip(why)
    with Chromium(program) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Chromium) -> Chromium:
    """The browser with a window of a usual size and nothing left of an earlier test."""
    chromium.events.clear()
    chromium.send("Emulation.setScriptExecutionDisabled", value=False)
    chromium.resize(1280, 900)
    chromium.colours("light")
    chromium.send("Page.navigate", url="about:blank")
    return chromium


@pytest.fixture
def show(browser: Chromium, tmp_path: Path) -> Show:
    """Writes the report of some rows and opens it."""

    def write_and_open(rows: Sequence[Any]) -> Path:
        path = tmp_path / "report.html"
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.writelines(report_html.to_html(rows, TITLE, "2026-11-26 02:10 UTC"))
        browser.open(path.as_uri())
        return path

    return write_and_open

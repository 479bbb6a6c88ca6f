# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reader of the pages by which small routers are configured: their controls, and what their scripts hold.

Names and values only; visible words are in the language of the page and prove nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser


@dataclass(frozen=True)
class Control:
    """A field of a form. `kind` is the type of an input in lower case, or `select`, `textarea`; `form` the action of its form.

    `value` of a select is that of the chosen option. `checked` is what the page says, which scripts may alter later.
    """

    kind: str
    name: str
    value: str = ""
    checked: bool = False
    disabled: bool = False
    form: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Control] = []
        self.forms: list[str] = []
        self.form = ""
        self.open: dict[str, str | None] | None = None
        self.option: str | None = None
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "form":
            self.form = given.get("action", "")
            self.forms.append(self.form)
        elif tag == "input" and given.get("name"):
            kind = given.get("type", "text").lower()
            value = given.get("value", "on" if kind in ("checkbox", "radio") else "")
            self.add(kind, given, value, "checked" in given)
        elif tag in ("select", "textarea") and given.get("name"):
            self.open, self.option, self.text = dict(given, _tag=tag), None, []
        elif tag == "option" and self.open is not None:
            chosen = "selected" in given
            if chosen or self.option is None:
                self.option = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = ""
        elif self.open is not None and tag == self.open["_tag"]:
            given = {key: value or "" for key, value in self.open.items()}
            self.add(tag, given, (self.option or "") if tag == "select" else "".join(self.text), False)
            self.open = None

    def handle_data(self, data: str) -> None:
        if self.open is not None:
            self.text.append(data)

    def add(self, kind: str, given: dict[str, str], value: str, checked: bool) -> None:
        self.found.append(Control(kind, given["name"], value, checked, "disabled" in given, self.form))


def controls(page: str) -> tuple[Control, ...]:
    """The controls of a page in order. What stands in scripts or comments is none."""
    return tuple(_read(page).found)


def forms(page: str) -> tuple[str, ...]:
    """The actions of the forms of a page, in order."""
    return tuple(_read(page).forms)


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


def script_var(page: str, name: str) -> str | None:
    """The value of `var NAME = "value";` (either quotes, or a number); None where it is not there, or twice with two values."""
    pattern = rf"""\bvar\s+{re.escape(name)}\s*=\s*(?:"([^"\n]*)"|'([^'\n]*)'|(-?\d+))\s*;"""
    found = {next(g for g in m.groups() if g is not None) for m in re.finditer(pattern, page)}
    return found.pop() if len(found) == 1 else None

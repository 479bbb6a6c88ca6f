# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of small routers: controls and script variables, and nothing that only looks like one."""

from __future__ import annotations

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.pages import Control, controls, forms, script_var

PAGE = """
<!-- <input type="hidden" name="commented" value="1"> -->
<script>var text = '<input name="scripted">'; var on="1"; var off = '0' ; var number=42;</script>
<form method="POST" action="/apply.cgi?id=1&amp;x=2">
<INPUT TYPE=hidden NAME=token VALUE="a&quot;b">
<input type=checkbox name=sip value="1" checked><input type="checkbox" name="spi" disabled>
<select name="nat"><option value="0">a<option value="2" selected>b</select>
<select name="first"><option value="7">a</option><option value="8">b</option></select>
<textarea name="note">two
lines</textarea>
<input type="button" value="nameless">
</form><input name="outside" value="x">
"""


def test_controls() -> None:
    where = "/apply.cgi?id=1&x=2"
    assert controls(PAGE) == (
        Control("hidden", "token", 'a"b', form=where),
        Control("checkbox", "sip", "1", checked=True, form=where),
        Control("checkbox", "spi", "on", disabled=True, form=where),
        Control("select", "nat", "2", form=where),
        Control("select", "first", "7", form=where),
        Control("textarea", "note", "two\nlines", form=where),
        Control("text", "outside", "x"),
    )
    assert forms(PAGE) == (where,)


@pytest.mark.parametrize(
    ("page", "value"),
    [
        ('var sip="1";', "1"),
        ("var  sip = '0' ;", "0"),
        ("var sip=7;", "7"),
        ('var sip="";', ""),
        ('var sip="1"; var sip="1";', "1"),
        ('var sip="1"; var sip="0";', None),
        ('var sipx="1";', None),
        ('var sip="1', None),
        ("", None),
    ],
)
def test_script_variables(page: str, value: str | None) -> None:
    assert script_var(page, "sip") == value

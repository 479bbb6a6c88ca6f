# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.core import blocks, text


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("! ...", True),
        ("...", True),
        ("<snip>", True),
        ("--- snip ---", True),
        ("[omitted]", True),
        ("! a ... b", False),
    ],
)
def test_elided(line: str, found: bool) -> None:
    assert text.elided("version 15.1\n" + line + "\nend\n") is found


def test_binary() -> None:
    assert text.looks_binary("a\x00b")
    assert text.looks_binary("\x01\x02\x05\x06abc")
    assert not text.looks_binary("banner ^C\r\n\x03\n")
    assert not text.looks_binary("")


def test_small_readers() -> None:
    assert text.hms("0:02:00") == 120
    assert text.hms("two") is None
    assert text.port_range("5060") == (5060, 5060)
    assert text.port_range("10000-20000") == (10000, 20000)
    assert text.port_range("any") is None
    assert text.first_match(r"a(b)", "xab") == "b"
    assert text.first_match(r"a(b)", "x", "none") == "none"
    assert text.unique(["a", "b", "a"]) == ("a", "b")


NESTED = """
#config-version=X
config system global
    set hostname "a b"
    set buffer "line one
    end
config line \\" two"
end
config vdom
edit root
next
end
"""


def test_blocks_read_values_over_many_lines() -> None:
    document = blocks.read(NESTED)
    assert document.sound
    table = document.root.tables["system global"]
    assert table.value("hostname") == "a b"
    assert "line one" in table.sets["buffer"]
    assert table.value("absent", "x") == "x"
    assert list(document.root.tables["vdom"].entries) == ["root"]


@pytest.mark.parametrize(
    "broken",
    [
        "config a\nedit 1\nset x y\n",
        "config a\nedit 1\nedit 2\nnext\nend\n",
        "set x y\n",
        "next\n",
        "end\n",
        "config a\nnext\nend\n",
        'config a\nset x "open\nend\n',
        "config a\nwhat is this\nend\n",
    ],
)
def test_blocks_know_that_they_are_broken(broken: str) -> None:
    assert not blocks.read(broken).sound


@given(st.text(alphabet='abc "\\\n#', max_size=200))
def test_blocks_never_raise(garbage: str) -> None:
    blocks.read("config " + garbage + "\nset " + garbage + "\nend")
    blocks.words(garbage)
    blocks.unquoted(garbage)


names = st.text(alphabet="abcdefghij-", min_size=1, max_size=8)
values = st.text(alphabet="abc 123.-", max_size=12)


@given(st.dictionaries(names, st.dictionaries(names, values, max_size=4), max_size=4))
def test_blocks_read_what_was_written(table: dict[str, dict[str, str]]) -> None:
    lines = ["config t"]
    for entry, sets in table.items():
        lines += [f'edit "{entry}"'] + [f'set {k} "{v}"' for k, v in sets.items()] + ["next"]
    document = blocks.read("\n".join([*lines, "end", ""]))
    assert document.sound
    got = {n: {k: blocks.words(v)[0] for k, v in e.sets.items()} for n, e in document.root.tables["t"].entries.items()}
    assert got == table


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("a\nb\nend\n", "a\nb"),
        ("end\r\n", ""),
        ("a\nend", "a"),
        ("a\nen", None),
        ("a", None),
        ("", None),
        (None, None),
        ("send\n", None),
    ],
)
def test_an_answer_is_whole_where_its_end_came(reply: str | None, found: str | None) -> None:
    assert text.ended(reply) == found

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree as JSON: read into the same blocks as its text, and edits made into requests, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.blocks import Block, read, render, value_of, words
from ansible_collections.voip.edge.plugins.module_utils._edge.core.documents import (
    Editor,
    Grammar,
    address,
    block_of,
    bones,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import Refusal

GRAMMAR = Grammar(
    keys={"firewall policy": "policyid", "system helper": "id", "port": "id"},
    members={"srcintf": "name", "service": "name", "mappedip": "range"},
    spaced=("udp-portrange",),
    integers=("id", "policyid", "port", "protocol"),
    objects=("sip",),
    cleared=("voip-profile",),
)
ODD = (
    "plain",
    "two words",
    'a "quoted" one',
    "back\\slash",
    "ends with \\",
    "it's",
    "",
    "two\nlines",
    '\\"',
    "ümlaut",
    "#1",
)


@pytest.mark.parametrize("text", ODD)
def test_a_value_comes_back_as_it_was(text: str) -> None:
    assert words(value_of(text)) == [text]
    block = Block(sets={"comment": value_of(text), "next": value_of("x")})
    document = read(render(Block(tables={"system x": block})))
    assert document.sound
    assert document.root.tables["system x"].sets == block.sets


def test_a_tree_comes_back_as_it_was() -> None:
    inner = Block(sets={"port": "5060"})
    entry = Block(
        sets={"name": '"a b"'}, tables={"sip": Block(sets={"status": "disable"}), "port": Block(entries={"1": inner})}
    )
    root = Block(
        tables={"vdom": Block(entries={"root": Block(tables={"voip profile": Block(entries={"default": entry})})})}
    )
    document = read(render(root))
    assert document.sound
    assert document.root == root


def test_an_object_reads_like_its_text() -> None:
    policy = {
        "policyid": 3, "q_origin_key": 3, "name": "in", "srcintf": [{"name": "wan 1", "q_origin_key": "wan 1"}],
        "service": [{"name": "SIP"}, {"name": "RTP"}], "comments": "", "srcaddr6": [], "ttl": None,
    }  # fmt: skip
    block = block_of("firewall policy", [policy], GRAMMAR)
    assert block.entries == {"3": Block(sets={"name": "in", "srcintf": '"wan 1"', "service": "SIP RTP"})}
    vip = {"name": "sip", "id": 0, "mappedip": [{"range": "192.0.2.1"}], "udp-portrange": "5060  5062-5063"}
    read_vip = block_of("firewall vip", [vip], GRAMMAR).entries["sip"].sets
    assert read_vip == {"id": "0", "mappedip": "192.0.2.1", "udp-portrange": "5060 5062-5063"}


@pytest.mark.parametrize("sip", [{"status": "enable"}, [{"status": "enable"}]])
def test_a_block_inside_may_be_wrapped_into_a_list(sip: Any) -> None:
    profile = block_of("voip profile", [{"name": "default", "q_origin_key": "default", "sip": sip}], GRAMMAR)
    assert profile.entries["default"].tables["sip"].sets == {"status": "enable"}


def test_a_table_inside_keeps_its_ids() -> None:
    block = block_of(
        "system ttl", {"default": "3600", "port": [{"id": 7, "protocol": 17}], "odd": [{"a": 1, "b": 2}]}, GRAMMAR
    )
    assert block.tables["port"].entries == {"7": Block(sets={"protocol": "17"})}
    assert list(block.tables["odd"].entries) == ["0"]


@pytest.mark.parametrize("document", ["text", None, 5, [1], [{"no": "name"}], [{"name": ["list"]}]])
def test_what_is_no_table_is_said(document: Any) -> None:
    with pytest.raises(ValueError, match="firewall vip"):
        block_of("firewall vip", document, GRAMMAR)


def test_addresses() -> None:
    assert address("firewall service custom") == "firewall.service/custom"
    assert address("voip profile") == "voip/profile"


def editor(**tables: Any) -> Editor:
    return Editor(GRAMMAR, {name.replace("_", " "): table for name, table in tables.items()}, "/cmdb", "vdom=a%20b")


def test_an_object_is_put() -> None:
    lines = ("config system settings", "set mode kernel", 'set comment "x y"', "end")
    assert editor(system_settings={}).requests(lines) == (
        'PUT /cmdb/system/settings?vdom=a%20b {"mode": "kernel", "comment": "x y"}',
    )


def test_entries_are_made_changed_deleted_and_moved() -> None:
    table: list[dict[str, Any]] = [{"policyid": 1}, {"policyid": 2}]
    lines = (
        "config firewall policy", "edit 1", "unset voip-profile", "next", "edit 7", 'set srcintf "wan 1" "wan2"', "set service SIP",
        "next", "move 7 before 1", "delete 2", "edit 7", "set service", "next", "end",
    )  # fmt: skip
    assert editor(firewall_policy=table).requests(lines) == (
        'PUT /cmdb/firewall/policy/1?vdom=a%20b {"voip-profile": ""}',
        'POST /cmdb/firewall/policy?vdom=a%20b {"policyid": 7, "srcintf": [{"name": "wan 1"}, {"name": "wan2"}], '
        '"service": [{"name": "SIP"}]}',
        "PUT /cmdb/firewall/policy/7?action=move&before=1&vdom=a%20b",
        "DELETE /cmdb/firewall/policy/2?vdom=a%20b",
        'PUT /cmdb/firewall/policy/7?vdom=a%20b {"service": []}',
    )
    assert table == [{"policyid": 1}, {"policyid": 2}]


def test_names_are_quoted_in_addresses_and_not_in_bodies() -> None:
    lines = (
        "config firewall vip",
        'edit "a/b \\"c\\" ?"',
        "set mappedip 192.0.2.1",
        "next",
        'delete "a/b \\"c\\" ?"',
        "end",
    )
    post, delete = editor(firewall_vip=[]).requests(lines)
    assert json.loads(post.split(" ", 2)[2]) == {"name": 'a/b "c" ?', "mappedip": [{"range": "192.0.2.1"}]}
    assert delete == "DELETE /cmdb/firewall/vip/a%2Fb%20%22c%22%20%3F?vdom=a%20b"


def test_a_deleted_entry_is_made_again() -> None:
    do = ("config system helper", "delete 13", "end")
    undo = ("config system helper", "edit 13", "set name sip", "set port 5060", "next", "end")
    forth, back = editor(system_helper=[{"id": 12}, {"id": 13}]).both_ways(do, undo)
    assert forth == ("DELETE /cmdb/system/helper/13?vdom=a%20b",)
    assert back == ('POST /cmdb/system/helper?vdom=a%20b {"id": 13, "name": "sip", "port": 5060}',)


def test_a_list_inside_goes_back_whole_and_its_inverse_restores_it() -> None:
    present = {"id": 1, "q_origin_key": 1, "protocol": 6, "timeout": "7200", "refresh": "both"}
    frame = ("config system ttl", "config port")
    subject = editor(system_ttl={"port": [present]})
    first = subject.both_ways(
        (*frame, "edit 2", "set protocol 17", "set timeout 180", "next", "end", "end"),
        (*frame, "delete 2", "end", "end"),
    )
    kept = {"id": 1, "protocol": 6, "timeout": "7200", "refresh": "both"}
    assert sent(first[0]) == {"port": [kept, {"id": 2, "protocol": 17, "timeout": "180"}]}
    assert sent(first[1]) == {"port": [kept]}
    second = subject.both_ways(
        (*frame, "edit 1", "set timeout 300", "next", "end", "end"),
        (*frame, "edit 1", "set timeout 7200", "next", "end", "end"),
    )
    assert sent(second[0])["port"][0] == {**kept, "timeout": "300"}
    assert sent(second[1]) == sent(first[0])


def sent(lines: tuple[str, ...]) -> Any:
    (line,) = lines
    return json.loads(line.split(" ", 2)[2])


def test_a_block_inside_keeps_the_form_it_was_read_in() -> None:
    lines = ("config voip profile", 'edit "default"', "config sip", "set status disable", "end", "next", "end")
    plain = editor(voip_profile=[{"name": "default", "sip": {"status": "enable", "rtp": "enable"}}]).requests(lines)
    assert sent(plain) == {"sip": {"status": "disable"}}
    wrapped = editor(voip_profile=[{"name": "default", "sip": [{"status": "enable", "rtp": "enable"}]}]).requests(lines)
    assert sent(wrapped) == {"sip": [{"status": "disable", "rtp": "enable"}]}


@pytest.mark.parametrize(
    "lines",
    [
        ("config system other", "set a b", "end"),
        ("config system settings", "unset mode", "end"),
        ("config system settings", "append mode x", "end"),
        ("config system settings", "set a b"),
        ("config system settings", "set a b", "next"),
        ("config firewall vip", "edit x", "set a b", "end"),
        ("config firewall vip", "purge", "end"),
        ("config system settings", "config port", "delete 5", "end", "end"),
        ("set a b",),
        ("end",),
    ],
)
def test_what_has_no_request_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(Refusal):
        editor(system_settings={}, firewall_vip=[]).requests(lines)


def test_bones_keep_names_and_what_stands_inside() -> None:
    profile = {"name": "default", "comment": "x", "sip": [{"status": "enable"}], "tags": [{"name": "a"}]}
    assert bones("voip profile", [profile], GRAMMAR) == [{"name": "default", "sip": [{"status": "enable"}]}]
    assert bones("system ttl", {"default": "3600", "port": []}, GRAMMAR) == {"port": []}

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenWrt's firewall as uci shows it: zones, redirects, and lines that take each other back."""

from __future__ import annotations

import shlex

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Forwards
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import _openwrt_uci as uci
from tests.lab.linux_uci import Uci, config

ZONE = "firewall.@zone[0]=zone\nfirewall.@zone[0].name='lan'\n"


def sections(*options: str, more: str = "") -> tuple[uci.Section, ...]:
    found = uci.parse(ZONE + "".join(f"firewall.@zone[0].{option}\n" for option in options) + more)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "uci: Entry not found\n",
        "firewall.@defaults[0]=defaults\n",
        ZONE + "-ash: uci: not found\n",
        ZONE + "firewall.@zone[0].masq='1\n",
        ZONE + "firewall.@zone[0].masq=\\'1'\n",
    ],
)
def test_what_is_no_whole_configuration_is_none(text: str) -> None:
    assert uci.parse(text) is None


def test_a_quote_in_a_value_is_read() -> None:
    section = sections("comment='it'\\''s \"a\"' 'b'")[0]
    assert section.options["comment"] == ('it\'s "a"', "b")


@pytest.mark.parametrize(
    ("options", "more", "gives"),
    [
        ((), "", True),
        (("auto_helper='0'",), "", False),
        (("auto_helper='off'",), "", False),
        (("auto_helper='maybe'",), "", True),
        (("masq='1'",), "", False),
        (("masq6='1'",), "", False),
        (("helper='ftp'",), "", False),
        (("helper='ftp' 'sip'",), "", True),
        (("helper='ftp sip'", "masq='1'", "auto_helper='0'"), "", True),
        (("enabled='0'", "helper='sip'"), "", False),
        ((), "firewall.@defaults[0]=defaults\nfirewall.@defaults[0].auto_helper='0'\n", False),
        (("auto_helper='1'",), "firewall.@defaults[0]=defaults\nfirewall.@defaults[0].auto_helper='0'\n", False),
    ],
)
def test_what_a_zone_gives(options: tuple[str, ...], more: str, gives: bool) -> None:
    found = sections(*options, more=more)
    assert uci.gives_sip(found[0], found) is gives
    state = uci.mechanisms(found, there=True, later=False)[0].state
    assert state == ("on" if gives else "off")
    off = uci.helper_off(found, ["ftp"])
    assert bool(off.do) is gives
    assert not uci.gives_sip(off.after[0], off.after)


CONFIG = """
config defaults
config zone
    option name 'lan'
    list helper 'ftp'
    list helper 'sip'
    list helper 'tftp'
config zone
    option name 'guest'
    list helper 'sip'
config zone
    option name 'wan'
    option masq '1'
config rule
    option name 'it is "mine"'
    option target 'helper'
    option set_helper 'sip'
    option src 'lan'
config redirect 'voip_edge_9'
    option name 'voip-edge-9'
    list proto 'udp'
    list proto 'tcp'
    option src_dport '9'
    option src 'wan'
    option dest_ip '192.0.2.1'
""".replace("    ", "\t")


def carried_out(box: Uci, lines: tuple[str, ...]) -> None:
    for line in lines:
        _uci, verb, argument = shlex.split(line)
        assert box.command(verb, argument) == ""


@pytest.mark.parametrize("what", ["off", "on", "forwards", "none"])
def test_lines_lead_where_they_say_and_back_again(what: str) -> None:
    box = Uci(config(CONFIG), [])
    before = box.show()
    found = uci.parse(before)
    assert found is not None
    new = uci.forward_sections(
        [(5060, 5060), (10000, 20000)], Forwards("192.0.2.9", ("203.0.113.0/24", "any")), "wan", "lan"
    )
    edit = {
        "off": uci.helper_off(found, ["ftp"]),
        "on": uci.helper_off(found, []).then(uci.helper_on(uci.helper_off(found, []).after)),
        "forwards": uci.replaced(found, new),
        "none": uci.replaced(found, []),
    }[what]
    carried_out(box, edit.do)
    after = uci.parse(box.show())
    assert after is not None
    assert {s.ref: (s.kind, dict(s.options)) for s in after} == {s.ref: (s.kind, dict(s.options)) for s in edit.after}
    carried_out(box, edit.undo)
    assert sorted(box.show().split("\n")) == sorted(before.split("\n"))


REDIRECT = "firewall.r=redirect\nfirewall.r.src='wan'\nfirewall.r.dest_ip='192.0.2.9'\n"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("firewall.r.src_dport='5060'\n", (5060, 5060, ("any",))),
        ("firewall.r.src_dport='10000-20000'\nfirewall.r.proto='udp'\n", (10000, 20000, ("any",))),
        ("firewall.r.src_dport='10000:20000'\nfirewall.r.proto='tcp' 'udp'\n", (10000, 20000, ("any",))),
        ("firewall.r.src_ip='203.0.113.0/24'\nfirewall.r.src_dport='5060'\n", (5060, 5060, ("203.0.113.0/24",))),
        ("firewall.r.src_ip='203.0.113.7'\nfirewall.r.src_dport='5060'\n", (5060, 5060, ("203.0.113.7/32",))),
        ("firewall.r.src_ip='!203.0.113.7'\nfirewall.r.src_dport='5060'\n", (5060, 5060, None)),
        ("firewall.r.src_mac='00:11:22:33:44:55'\nfirewall.r.src_dport='5060'\n", (5060, 5060, None)),
        ("", (1, 65535, ("any",))),
        ("firewall.r.proto='tcp'\nfirewall.r.src_dport='5060'\n", ()),
        ("firewall.r.enabled='0'\nfirewall.r.src_dport='5060'\n", ()),
        ("firewall.r.target='SNAT'\nfirewall.r.src_dport='5060'\n", ()),
        ("firewall.r.src_dport='sip'\n", None),
        ("firewall.r.src_dport='5060'\nfirewall.r.dest_port='sip'\n", None),
        ("firewall.r.src_dport='5060'\nfirewall.r.dest_ip='2001:db8::1'\n", None),
    ],
)
def test_what_a_redirect_forwards(options: str, found: tuple[object, ...] | None) -> None:
    forwards, whole = uci.forwards(sections(more=REDIRECT + options))
    assert whole is (found is not None)
    assert [(f.first, f.last, f.sources) for f in forwards] == ([found] if found else [])


def test_which_zones_a_forward_leads_between() -> None:
    two = "firewall.@zone[1]=zone\nfirewall.@zone[1].name='wan'\nfirewall.@zone[1].masq='1'\n"
    third = "firewall.@zone[2]=zone\nfirewall.@zone[2].name='guest'\n"
    wanted = Forwards("192.0.2.9", ("any",))
    assert uci.zones_for(sections(more=two), wanted) == ("wan", "lan", "")
    assert "voip_edge_outside_interface" in uci.zones_for(sections(), wanted)[2]
    assert (
        "there are: lan, wan, guest (voip_edge_inside_interface)"
        in uci.zones_for(sections(more=two + third), wanted)[2]
    )

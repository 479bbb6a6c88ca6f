# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of Linux's packet filter as text: the SIP helper, and forwards of UDP."""

from __future__ import annotations

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.netfilter import (
    accepts_dnat,
    dnat_forwards,
    helper_rules,
    read_iptables,
    read_nft,
)

PRE = "chain pre { # handle 1\n\t\ttype filter hook prerouting priority filter; policy accept;\n"


def nft(rules: str, more: str = "") -> str:
    return f"table ip t {{ # handle 1\n\t{more}\n\t{PRE}{rules}\n\t}}\n}}\n"


def helper(name: str, kind: str) -> str:
    return f'ct helper {name} {{ # handle 3\n\t\ttype "{kind}" protocol udp\n\t\tl3proto ip\n\t}}\n'


@pytest.mark.parametrize(
    ("rule", "objects", "gives"),
    [
        ('udp dport 5060 ct helper set "a" # handle 4', helper("a", "sip"), True),
        ('udp dport 5060 ct helper set "a" # handle 4', helper("a", "sip-1"), True),
        ('udp dport 5060 ct helper set "sip" # handle 4', helper("sip", "ftp"), False),
        ('udp dport 5060 ct helper set "gone" # handle 4', "", True),
        ('tcp dport 21 ct helper set "f" comment "ct helper set sip" # handle 4', helper("f", "ftp"), False),
        (
            'ct helper set udp dport map { 5060 : "a", 69 : "f" } # handle 4',
            helper("a", "sip") + helper("f", "tftp"),
            True,
        ),
        ('ct helper "sip" accept # handle 4', helper("a", "sip"), False),
        ("ct helper set @names # handle 4", "", True),
    ],
)
def test_a_rule_gives_what_its_object_is(rule: str, objects: str, gives: bool) -> None:
    live, idle = helper_rules(read_nft(nft(rule, objects)))
    assert (bool(live), idle) == (gives, [])


@pytest.mark.parametrize(
    "way", ["jump one", 'iifname vmap { "a" : jump one, "b" : goto other }', "udp dport 5060 goto one"]
)
def test_a_chain_counts_where_a_hook_leads_to_it(way: str) -> None:
    chains = 'chain one { # handle 7\n\t\tct helper set "x" # handle 8\n\t}\n\tchain other { # handle 9\n\t\tjump one # handle 5\n\t}'
    assert not helper_rules(read_nft(nft("accept", chains)))[0]
    live, idle = helper_rules(read_nft(nft(way, chains)))
    assert [(r.place, r.handle, r.index) for r in live] == [("ip t one", 8, 0)]
    assert idle == []


def test_a_table_of_the_other_tool_is_left_to_it() -> None:
    text = "# Warning: table ip raw is managed by iptables-nft, do not touch!\n" + nft('ct helper set "x"')
    assert helper_rules(read_nft(text)) == ([], [])
    assert dnat_forwards(read_nft(text.replace("ct helper set", "dnat to"))) == ([], True)
    assert helper_rules(read_nft(text + nft('ct helper set "x"').replace("ip t", "ip u")))[0]


def test_a_set_may_run_over_lines_and_what_is_odd_is_passed_over() -> None:
    text = nft(
        "accept",
        "set s { # handle 2\n\t\telements = { 192.0.2.1,\n\t\t\t192.0.2.2 timeout 1h }\n\t}\n\tflowtable f {\n\t\thook ingress\n\t}",
    )
    table = read_nft(text)[0]
    assert table.sets == {"s": ("192.0.2.1", "192.0.2.2")}
    assert list(table.chains) == ["pre"]


def test_a_chain_of_iptables_counts_where_a_built_in_one_leads_to_it() -> None:
    text = "*raw\n:PREROUTING ACCEPT [0:0]\n:zone - [0:0]\n-A zone -p udp -m udp --dport 5060 -j CT --helper sip\n{}COMMIT\n"
    assert helper_rules(read_iptables(text.format(""), "iptables"))[1]
    assert helper_rules(read_iptables(text.format("-A PREROUTING -i lan -j zone\n"), "ip6tables"))[0][0].family == "ip6"
    assert not helper_rules(read_iptables(text.replace("--helper sip", "--helper sippy"), "iptables"))[1]


FORWARDS = [
    ("udp dport 5060 dnat to 192.0.2.9", [(5060, 5060, "192.0.2.9", ("any",))]),
    ("udp dport { 5060, 10000-20000 } dnat ip to 192.0.2.9", [(5060, 5060, "192.0.2.9", ("any",)), (10000, 20000, "192.0.2.9", ("any",))]),
    ("ip saddr 203.0.113.0/24 udp dport 5060 dnat to 192.0.2.9:5062", [(5060, 5060, "192.0.2.9", ("203.0.113.0/24",))]),
    ("ip saddr { 203.0.113.1, 198.51.100.0/24 } th dport 5060 dnat to 192.0.2.9",
     [(5060, 5060, "192.0.2.9", ("203.0.113.1/32", "198.51.100.0/24"))]),
    ("ip saddr @gone udp dport 5060 dnat to 192.0.2.9", [(5060, 5060, "192.0.2.9", None)]),
    ("ip saddr != 203.0.113.1 udp dport 5060 dnat to 192.0.2.9", [(5060, 5060, "192.0.2.9", None)]),
    ("meta mark 7 udp dport 5060 dnat to 192.0.2.9", [(5060, 5060, "192.0.2.9", None)]),
    ("iifname \"wan\" ip daddr 203.0.113.5 udp dport 5060 counter packets 4 bytes 9 dnat to 192.0.2.9 comment \"dnat x\"",
     [(5060, 5060, "192.0.2.9", ("any",))]),
    ("dnat to 192.0.2.9", [(1, 65535, "192.0.2.9", ("any",))]),
    ("tcp dport 5060 dnat to 192.0.2.9", []),
    ("meta nfproto ipv6 udp dport 5060 dnat ip6 to [2001:db8::1]", []),
    ("ct status dnat accept", []),
    ("ct status snat,dnat accept", []),
    ("udp dport @gone dnat to 192.0.2.9", None),
    ("udp dport != 53 dnat to 192.0.2.9", None),
    ("dnat to udp dport map { 5060 : 192.0.2.1 }", None),
    ("udp dport 5060 dnat to 192.0.2.9-192.0.2.12", None),
    ("udp dport 5060 dnat to numgen inc mod 2 map { 0 : 192.0.2.1 }", None),
    ("dnat", None),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "found"), FORWARDS)
def test_what_a_rule_of_nft_forwards(rule: str, found: list[tuple[object, ...]] | None) -> None:
    forwards, whole = dnat_forwards(read_nft(nft(f"{rule} # handle 4")))
    assert whole is (found is not None)
    assert [(f.first, f.last, f.inside, f.sources) for f in forwards] == (found or [])


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("-p udp -m udp --dport 5060 -j DNAT --to-destination 192.0.2.9", [(5060, 5060, ("any",))]),
        ("-s 203.0.113.0/24 -i wan -p udp -m multiport --dports 5060,10000:20000 -j DNAT --to-destination 192.0.2.9",
         [(5060, 5060, ("203.0.113.0/24",)), (10000, 20000, ("203.0.113.0/24",))]),
        ("-p udp -m udp --dport 5060 -m comment --comment \"a b\" -j DNAT --to-destination 192.0.2.9:5060", [(5060, 5060, ("any",))]),
        ("! -s 203.0.113.0/24 -p udp -m udp --dport 5060 -j DNAT --to-destination 192.0.2.9", [(5060, 5060, None)]),
        ("-p udp -m set --match-set good src -m udp --dport 5060 -j DNAT --to-destination 192.0.2.9", [(5060, 5060, None)]),
        ("-i wan -j DNAT --to-destination 192.0.2.9", [(1, 65535, ("any",))]),
        ("-p tcp -m tcp --dport 443 -j DNAT --to-destination 192.0.2.9", []),
        ("-p udp -m udp --dport sip -j DNAT --to-destination 192.0.2.9", None),
        ("-p udp -m udp --dport 5060 -j DNAT --to-destination 192.0.2.9-192.0.2.20", None),
        ("-p udp -m udp --dport 5060 -m comment --comment \"a -j DNAT", None),
        ("-p udp -m udp --dport 5060 -j REDIRECT --to-ports 5062", []),
    ],
)  # fmt: skip
def test_what_a_rule_of_iptables_forwards(rule: str, found: list[tuple[object, ...]] | None) -> None:
    text = f"*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {rule}\nCOMMIT\n"
    forwards, whole = dnat_forwards(read_iptables(text, "iptables"))
    assert whole is (found is not None)
    assert [(f.first, f.last, f.sources) for f in forwards] == (found or [])


def test_rules_of_a_firewall_program_are_left_to_its_configuration_and_twins_have_scopes_of_their_own() -> None:
    rule = 'udp dport 5060 dnat to 192.0.2.9 comment "!fw4: a"'
    tables = read_nft(nft(f"{rule}\n\t\t{rule}"))
    assert dnat_forwards(tables, skip="!fw4: ") == ([], True)
    assert [f.scope for f in dnat_forwards(tables)[0]] == ["ip t pre 5060", "ip t pre 5060 #2"]


@pytest.mark.parametrize(
    ("policy", "rule", "through"),
    [
        ("accept", "", True),
        ("drop", "", None),
        ("drop", "ct status dnat accept", True),
        ("accept", "ip saddr 1.2.3.4 drop", None),
    ],
)
def test_what_the_filter_lets_through_is_said_only_where_it_is_plain(
    policy: str, rule: str, through: bool | None
) -> None:
    text = f"table inet f {{\n\tchain fwd {{\n\t\ttype filter hook forward priority filter; policy {policy};\n\t\t{rule}\n\t}}\n}}\n"
    assert accepts_dnat(read_nft(text)) is through
    line = f"*filter\n:FORWARD {policy.upper()} [0:0]\n-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT\nCOMMIT\n"
    assert accepts_dnat(read_iptables(line, "iptables")) is True
    assert accepts_dnat([]) is True

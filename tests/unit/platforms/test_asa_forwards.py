# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwards of an ASA: how NAT rules and access lists read, what is planned for a PBX, what is refused, what is taken away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.forwards import Forward
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Assessment, Forwards, Options, Plan
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import cisco_asa
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.cisco_asa import PLATFORM

PBX = "192.168.10.20"
NETS = ("203.0.113.0/24", "198.51.100.130/32")
WANTED = Forwards(PBX, NETS)
INTERFACES = """\
interface GigabitEthernet0/0
 nameif outside
 security-level 0
 ip address 198.51.100.2 255.255.255.248 \n!
interface GigabitEthernet0/1
 nameif inside
 security-level 100
 ip address 192.168.10.1 255.255.255.0 standby 192.168.10.2 \n!
"""
OBJECTS = f"""\
object network P
 host {PBX}
object network PUB
 host 198.51.100.3
object network LAN
 subnet 192.168.10.0 255.255.255.0
object service RTP
 service udp source range 10000 20000
object service SIP
 service udp source eq sip \nobject service WEB
 service tcp source eq https
object service TO-SIP
 service udp destination eq sip
"""
RULE = "nat (inside,outside) source static P interface service RTP RTP"
BIND = "access-group out_in in interface outside"


def text(*lines: str, interfaces: str = INTERFACES, version: str = "9.12(4)67") -> str:
    body = "".join(line + "\n" for line in lines)
    return f": Saved\n:\nASA Version {version} \n!\nhostname fw\n{interfaces}{body}Cryptochecksum:0\n: end\n"


def config(*lines: str, **more: str) -> dict[str, str]:
    return {"config": text(OBJECTS.rstrip("\n"), *lines, **more)}


def forwards(replies: dict[str, str]) -> list[Forward]:
    return cisco_asa._forwards(PLATFORM.parse(replies))


def plan(replies: dict[str, str], wanted: Forwards = WANTED) -> Plan:
    return PLATFORM.plan(PLATFORM.parse(replies), Options(state=None, forwards=wanted))


def judge(replies: dict[str, str], wanted: Forwards | None = WANTED) -> Assessment:
    return PLATFORM.judge(PLATFORM.parse(replies), replace(DEFAULT, forwards=wanted))


def lines(made: Plan) -> list[str]:
    return [line for step in made.steps for line in step.do]


# -- what a NAT rule brings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "span", "host", "first"),
    [
        ((RULE,), (10000, 20000), PBX, 10000),
        (("nat (inside,outside) after-auto source static P interface service RTP RTP",), (10000, 20000), PBX, 10000),
        (("nat (inside,outside) 3 source static P PUB service SIP SIP description for calls",), (5060, 5060), PBX, 5060),
        (("nat (inside,outside) source static P PUB",), (0, 65535), PBX, None),
        (("nat (inside,outside) source static LAN PUB",), (0, 65535), None, None),
        (("object network P", " nat (inside,outside) static interface service udp sip 5062 "), (5062, 5062), PBX, 5060),
        (("object network P", "nat (inside,outside) static PUB"), (0, 65535), PBX, None),
        (("object network P", " nat (any,outside) static 198.51.100.4"), (0, 65535), PBX, None),
        # a range that becomes another one of another size
        (("nat (inside,outside) source static P interface service SIP RTP",), (10000, 20000), None, 5060),
        # written from outside, where the destination is translated
        (
            ("nat (outside,inside) source static any any destination static interface P service TO-SIP TO-SIP",),
            (5060, 5060), PBX, 5060,
        ),
        (("nat (outside,inside) source dynamic any interface destination static PUB P",), (0, 65535), PBX, None),
        # the pre-8.3 form
        ((f"static (inside,outside) udp interface sip {PBX} 5060 netmask 255.255.255.255",), (5060, 5060), PBX, 5060),
        ((f"static (inside,outside) 198.51.100.3 {PBX} netmask 255.255.255.255",), (0, 65535), PBX, None),
        (("static (inside,outside) udp interface 5060 access-list X",), (5060, 5060), None, 5060),
    ],
)  # fmt: skip
def test_a_rule_is_read(rule: tuple[str, ...], span: tuple[int, int], host: str | None, first: int | None) -> None:
    (found,) = forwards(config(*rule))
    assert (found.first, found.last) == span
    assert (found.inside, found.inside_first) == (host, first)
    assert rule[-1].strip() in found.evidence[0]


@pytest.mark.parametrize(
    "rule",
    [
        ("nat (inside,outside) source static P interface service WEB WEB",),
        ("nat (inside,outside) source static P interface service RTP RTP inactive",),
        ("nat (inside,outside) source static P PUB unidirectional",),
        ("nat (inside,outside) source dynamic LAN interface",),
        ("nat (inside,outside) source static LAN LAN destination static PUB PUB no-proxy-arp route-lookup",),
        ("nat (inside,outside) source static any any",),
        ("object network P", " nat (inside,outside) static interface service tcp https https"),
        ("object network LAN", " nat (inside,outside) dynamic interface"),
        (f"static (inside,outside) tcp interface https {PBX} https netmask 255.255.255.255",),
        (f"static (inside,outside) {PBX} {PBX} netmask 255.255.255.255",),
        ("nat (inside) 1 0.0.0.0 0.0.0.0",),
    ],
)
def test_what_brings_no_udp_is_no_forward(rule: tuple[str, ...]) -> None:
    assert forwards(config(*rule)) == []


def test_lost_indentation_and_names_for_addresses() -> None:
    replies = config("name 192.168.10.20 pbx", "object network Q", " host pbx", "object network Q",
                     " nat (inside,outside) static interface service udp sip sip")  # fmt: skip
    replies["config"] = "\n".join(line.strip() for line in replies["config"].split("\n"))
    assert [(f.inside, f.first) for f in forwards(replies)] == [(PBX, 5060)]


def test_lines_behind_the_objects_belong_to_none() -> None:
    replies = config(
        "object network Q",
        f" host {PBX}",
        "pager lines 24",
        "service resetinbound",
        RULE.replace("static P", "static Q"),
    )
    assert forwards(replies)[0].inside == PBX


# -- who gets in -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "sources"),
    [
        (("extended permit udp any object P range 10000 20000",), ("any",)),
        (("extended permit ip any any",), ("any",)),
        (("permit udp any4 host 192.168.10.20",), ("any",)),
        (("extended permit udp 0.0.0.0 0.0.0.0 object LAN gt 9999 log",), ("any",)),
        (("extended permit udp 203.0.113.0 255.255.255.0 object P range 10000 20000 ",), ("203.0.113.0/24",)),
        (("extended permit udp object-group PROVIDER object P range 10000 20000",), NETS),
        (("extended permit udp object-group PROVIDER object-group HOSTS object-group MEDIA",), NETS),
        (("extended permit object-group CALLS object-group PROVIDER object P",), NETS),
        (("extended permit object TO-RTP host 203.0.113.9 object P log disable",), ("203.0.113.9/32",)),
        (("remark x", "extended deny ip any any", "extended permit udp any object P"), ()),
        (("extended permit udp any object P range 10000 20000 inactive",), ()),
        (("extended permit tcp any object P", "extended permit udp any object P eq sip"), ()),
        (("extended permit udp any6 object P",), ()),
        (("extended permit udp any host 198.51.100.2 range 10000 20000",), ()),  # the outside address, as before 8.3
        # what is not understood, or not all of it
        (("extended permit udp object-group NAMES object P",), None),
        (("extended permit udp any object P range 10000 10999",), None),
        (("extended permit udp any eq sip object P",), None),
        (("extended permit udp any object P time-range NIGHT",), None),
        (("extended permit udp user CORP\\boss any object P",), None),
        (("extended permit udp any object P eq nonsense",), None),
        (("extended permit udp any interface outside",), None),
        (("extended permit object-group ODD any any",), None),
        (("extended deny udp host 203.0.113.9 any", "extended permit udp any object P"), None),
        (("extended",), None),
    ],
)
def test_the_list_of_the_outside_interface_says_for_whom(
    entries: tuple[str, ...], sources: tuple[str, ...] | None
) -> None:
    groups = (
        "object-group network PROVIDER", " network-object 203.0.113.0 255.255.255.0", " network-object host 198.51.100.130",
        "object-group network HOSTS", " network-object object P", " description x",
        "object-group network NAMES", " network-object object BY-NAME",
        "object-group service MEDIA udp", " port-object range 10000 15000", " port-object range 10000 20000",
        "object-group service CALLS", " service-object tcp destination eq https", " service-object udp destination range 9000 20000",
        "object-group service ODD", " service-object udp source eq sip",
        "object network BY-NAME", " fqdn sip.example.net",
        "object service TO-RTP", " service udp destination range 10000 20000",
    )  # fmt: skip
    replies = config(*groups, *(f"access-list out_in {e}" for e in entries), RULE, BIND)
    assert [f.sources for f in forwards(replies)] == [sources]


def test_what_is_not_understood_beside_what_is_becomes_a_note() -> None:
    odd = "extended permit udp object-group NOT-THERE object P"
    replies = config(
        f"access-list out_in {odd}", "access-list out_in extended permit udp 203.0.113.0 255.255.255.0 any", RULE, BIND
    )
    assert [f.sources for f in forwards(replies)] == [("203.0.113.0/24",)]
    assert any(odd in note for note in judge(replies).not_checked)


def test_without_a_list_the_security_levels_decide() -> None:
    assert [f.sources for f in forwards(config(RULE))] == [()]
    same = INTERFACES.replace("level 100", "level 0")
    assert [f.sources for f in forwards(config(RULE, interfaces=same))] == [None]
    assert [f.sources for f in forwards(config(RULE, interfaces=INTERFACES.replace(" security-level 0\n", "")))] == [
        None
    ]


@pytest.mark.parametrize(
    "more",
    [
        ("access-group not_here in interface outside",),
        ("access-list lan_out extended permit ip any any", "access-group lan_out out interface inside"),
        (RULE.replace("source static P interface", "source static P PUB destination static LAN LAN"),),
    ],
)
def test_where_more_decides_the_sources_are_not_known(more: tuple[str, ...]) -> None:
    rule = () if "destination" in more[0] else (RULE,)
    assert [f.sources for f in forwards(config(*rule, *more))] == [None]


def test_the_global_list_comes_after_that_of_the_interface() -> None:
    everywhere = ("access-list all extended permit udp any object P", "access-group all global")
    assert [f.sources for f in forwards(config(RULE, *everywhere))] == [("any",)]
    own = ("access-list out_in extended deny ip any any", BIND)
    assert [f.sources for f in forwards(config(RULE, *own, *everywhere))] == [()]
    own = ("access-list out_in extended permit tcp any any", BIND)
    assert [f.sources for f in forwards(config(RULE, *own, *everywhere))] == [("any",)]


def test_a_text_that_is_not_whole_tells_no_sources() -> None:
    replies = {"config": config(RULE)["config"].replace("Cryptochecksum:0\n: end\n", "")}
    assert [f.sources for f in forwards(replies)] == [None]


# -- planning ----------------------------------------------------------------------------------------------------------

RULES = [
    f"nat (inside,outside) source static voip-edge-pbx interface service {name} {name}"
    for name in ("voip-edge-sip-5060", "voip-edge-rtp")
]


def test_objects_rules_entries_and_a_list_of_its_own() -> None:
    made = plan(config())
    assert made.refusal is None
    assert lines(made) == [
        "object network voip-edge-pbx",
        f"host {PBX}",
        "object service voip-edge-sip-5060",
        "service udp source eq 5060",
        "object service voip-edge-rtp",
        "service udp source range 10000 20000",
        *RULES,
        "access-list voip-edge-in extended permit udp 203.0.113.0 255.255.255.0 object voip-edge-pbx eq 5060",
        "access-list voip-edge-in extended permit udp host 198.51.100.130 object voip-edge-pbx eq 5060",
        "access-list voip-edge-in extended permit udp 203.0.113.0 255.255.255.0 object voip-edge-pbx range 10000 20000",
        "access-list voip-edge-in extended permit udp host 198.51.100.130 object voip-edge-pbx range 10000 20000",
        "access-group voip-edge-in in interface outside",
    ]
    assert {step.label for step in made.steps} == {"doc"}
    for step in made.steps:
        assert step.undo == (f"no {step.do[0]}",)


def applied(replies: dict[str, str], made: Plan) -> dict[str, str]:
    """The text after a plan, for rules and lists that come last in it; entries with a line go where they belong."""
    body = replies["config"].split("Cryptochecksum")[0].split("\n")
    for line in lines(made):
        number = line.split(" line ")[1].split()[0] if " line " in line else ""
        plain = line.replace(f" line {number}", "") if number else line
        if number:
            entries = [i for i, text_ in enumerate(body) if text_.startswith(f"access-list {line.split()[1]} ")]
            body.insert(entries[int(number) - 1], plain)
        else:
            body.insert(len(body) - 1, plain)
    return {"config": "\n".join(body) + "Cryptochecksum:0\n: end\n"}


def test_the_plan_leads_where_it_says_and_a_second_one_is_empty() -> None:
    replies = config()
    made = plan(replies)
    after = applied(replies, made)
    assert judge(after).states("port_forwards") == PLATFORM.judge(
        made.expected, replace(DEFAULT, forwards=WANTED)
    ).states("port_forwards")
    seen = judge(after).aspects["port_forwards"]
    assert (seen.verdict, seen.compliance) == ("present", "compliant")
    assert not plan(after).steps
    shown = {"config": after["config"].replace("eq 5060", "eq sip ")}
    assert not plan(shown).steps


def test_any_is_written_only_where_it_is_wanted() -> None:
    replies = config()
    made = plan(replies, replace(WANTED, sources=("any",)))
    assert "access-list voip-edge-in extended permit udp any object voip-edge-pbx eq 5060" in lines(made)
    assert "FORWARD-TOO-OPEN" in [f.id for f in judge(applied(replies, made)).findings]
    assert not [line for line in lines(plan(replies)) if " any " in line]


LIST = (
    "access-list out_in remark web",
    "access-list out_in extended permit tcp any object P eq https",
    "access-list out_in remark the rest",
    "access-list out_in extended deny ip any any log",
    BIND,
)


def test_entries_go_before_the_last_deny_and_its_remark() -> None:
    replies = config(*LIST)
    made = plan(replies)
    numbers = [line.split(" line ")[1].split()[0] for line in lines(made) if line.startswith("access-list")]
    assert numbers == ["3", "4", "5", "6"]
    assert not [line for line in lines(made) if line.startswith("access-group")]
    after = applied(replies, made)
    assert judge(after).aspects["port_forwards"].compliance == "compliant"
    assert not plan(after).steps


def test_a_list_without_a_deny_gets_its_entries_at_the_end() -> None:
    made = plan(config(*LIST[:2], BIND))
    assert [line for line in lines(made) if " line " in line] == []
    assert len([line for line in lines(made) if line.startswith("access-list out_in ")]) == 4


@pytest.mark.parametrize(
    "deny",
    [
        "extended deny udp any object P",
        "extended deny udp any any range 15000 16000",
        "extended deny ip 203.0.113.64 255.255.255.192 any",
        "extended deny ip object-group BAD-PEOPLE any",
    ],
)
def test_a_deny_that_stands_before_is_named(deny: str) -> None:
    made = plan(config(f"access-list out_in {deny}", *LIST))
    assert not made.steps
    assert f"'{deny}'" in (made.refusal or "")


@pytest.mark.parametrize(
    "deny",
    ["extended deny ip host 192.0.2.66 any", "extended deny tcp any any", "extended deny udp any host 192.168.10.99"],
)
def test_a_deny_of_other_traffic_is_not_in_the_way(deny: str) -> None:
    made = plan(config(f"access-list out_in {deny}", *LIST))
    assert " line 4 " in next(line for line in lines(made) if line.startswith("access-list"))


def test_what_is_permitted_already_is_not_permitted_again() -> None:
    made = plan(config("access-list out_in extended permit udp 203.0.113.0 255.255.255.0 any", *LIST))
    assert [line for line in lines(made) if line.startswith("access-list")] == [
        "access-list out_in line 4 extended permit udp host 198.51.100.130 object voip-edge-pbx eq 5060",
        "access-list out_in line 5 extended permit udp host 198.51.100.130 object voip-edge-pbx range 10000 20000",
    ]


def test_a_new_network_is_an_entry_more() -> None:
    replies = config()
    after = applied(replies, plan(replies, replace(WANTED, sources=NETS[:1])))
    assert lines(plan(after)) == [
        "access-list voip-edge-in extended permit udp host 198.51.100.130 object voip-edge-pbx eq 5060",
        "access-list voip-edge-in extended permit udp host 198.51.100.130 object voip-edge-pbx range 10000 20000",
    ]


def test_an_address_of_its_own() -> None:
    made = plan(config(), replace(WANTED, address="198.51.100.5"))
    assert lines(made)[2:4] == ["object network voip-edge-public", "host 198.51.100.5"]
    assert (
        "nat (inside,outside) source static voip-edge-pbx voip-edge-public service voip-edge-rtp voip-edge-rtp"
        in lines(made)
    )
    # the interface's own address is only taken by its key word
    assert lines(plan(config(), replace(WANTED, address="198.51.100.2"))) == lines(plan(config()))


def test_interfaces_are_found_or_named() -> None:
    dmz = INTERFACES.replace("nameif inside", "nameif lan").replace("nameif outside", "nameif wan")
    assert "voip_edge_outside_interface" in (plan(config(interfaces=dmz)).refusal or "")
    made = plan(config(interfaces=dmz), replace(WANTED, outside="wan"))
    assert [line for line in lines(made) if line.startswith("nat (lan,wan) ")]
    far = replace(WANTED, pbx="10.9.9.9")
    assert "voip_edge_inside_interface" in (plan(config(), far).refusal or "")
    assert "nat (inside,outside)" in " ".join(lines(plan(config(), replace(far, inside="inside"))))
    assert "voip_edge_inside_interface" in (plan(config(), replace(far, inside="dmz")).refusal or "")


@pytest.mark.parametrize("level", ["0", None])
def test_a_first_list_cuts_nothing_that_passes_by_security_levels(level: str | None) -> None:
    third = "interface GigabitEthernet0/2\n nameif partner\n" + (f" security-level {level}\n" if level else "") + "!\n"
    assert "partner" in (plan(config(interfaces=INTERFACES + third)).refusal or "")
    assert plan(config(*LIST, interfaces=INTERFACES + third)).refusal is None


@pytest.mark.parametrize(
    "foreign",
    [
        ("object network OLD", " host 192.168.10.30", " nat (inside,outside) static interface service udp sip sip"),
        (
            "object network OLD",
            " host 192.168.10.30",
            "nat (inside,outside) source static OLD interface service RTP RTP",
        ),
        ("object network OLD", " host 192.168.10.30", " nat (inside,outside) static 198.51.100.2"),
        ("object network OLD", " host 192.168.10.30", " nat (inside,any) static interface service udp 15000 15000"),
        # to the PBX, but for nobody: somebody's own
        (RULE,),
    ],
)
def test_a_foreign_rule_in_the_way_is_named(foreign: tuple[str, ...]) -> None:
    made = plan(config(*foreign))
    assert not made.steps
    assert foreign[-1].strip() in (made.refusal or "")


@pytest.mark.parametrize(
    "foreign",
    [
        ("object network OLD", " host 192.168.10.30", " nat (inside,outside) static 198.51.100.3"),
        ("object network OLD", " host 192.168.10.30", " nat (inside,outside) static interface service tcp sip sip"),
        ("object network OLD", " host 192.168.10.30", " nat (inside,dmz) static interface service udp sip sip"),
    ],
)
def test_a_foreign_rule_elsewhere_is_not_in_the_way(foreign: tuple[str, ...]) -> None:
    assert plan(config(*foreign)).refusal is None


@pytest.mark.parametrize(
    ("there", "what"),
    [
        (("object network voip-edge-pbx", " host 192.168.10.99"), "host 192.168.10.99"),
        (("object service voip-edge-rtp", " service udp source range 10000 10100"), "range 10000 10100"),
        (("object service voip-edge-rtp", " service udp destination range 10000 20000"), "destination"),
        (("object-group network voip-edge-pbx", f" network-object host {PBX}"), "voip-edge-pbx"),
        (("access-list voip-edge-in extended permit ip any any",), "voip-edge-in"),
    ],
)
def test_names_of_ours_with_other_content_are_a_refusal(there: tuple[str, ...], what: str) -> None:
    made = plan(config(*there))
    assert not made.steps
    assert what in (made.refusal or "")


def test_objects_that_are_there_are_not_made_again() -> None:
    made = plan(config("object service voip-edge-sip-5060", " description x", " service udp source eq sip "))
    assert "object service voip-edge-sip-5060" not in lines(made)
    assert "object service voip-edge-rtp" in lines(made)


def test_before_objects_it_is_explained() -> None:
    made = plan(config(version="8.2(5)"))
    assert not made.steps
    assert "upgrade" in made.unsupported["port_forwards"]
    both = PLATFORM.plan(
        PLATFORM.parse({"config": text("timeout conn 1:00:00 udp 0:01:00", version="8.2(5)")}),
        Options(state=None, timeout=DEFAULT.udp_timeout, forwards=WANTED),
    )
    assert set(both.unsupported) == {"port_forwards"}


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("Cisco PIX Firewall Version 6.3(5)", "only judged"),
        ("Cisco Firepower Threat Defense Version 7.4.2", "its manager"),
    ],
)
def test_relatives_are_refused(version: str, why: str) -> None:
    assert why in (plan({**config(), "version": version}).refusal or "")


def contexts(**texts: str) -> dict[str, str]:
    system = "".join(f"context {name}\n  config-url disk0:/{name}.cfg\n" for name in texts)
    return {
        "config": text(system, interfaces=""),
        "mode": "Security context mode: multiple",
        "contexts": " ".join(texts),
        **{f"context:{name}": body for name, body in texts.items()},
    }


def test_of_several_contexts_exactly_one_must_lead_to_the_pbx() -> None:
    here, there = text(), text(interfaces=INTERFACES.replace("192.168.10.1", "192.168.77.1"))
    made = plan(contexts(a=there, b=here))
    assert {step.scope for step in made.steps} == {"b"}
    for wrong in (contexts(a=here, b=here), contexts(a=there, b=there)):
        made = plan(wrong)
        assert not made.steps
        assert "exactly one must" in (made.refusal or "")


def test_the_same_address_in_another_context_is_another_host() -> None:
    full = text(OBJECTS.rstrip(), *(f"access-list out_in extended permit udp any host {PBX}", BIND), RULE,
                RULE.replace("RTP", "SIP"))  # fmt: skip
    assert judge(contexts(b=full)).aspects["port_forwards"].compliance == "compliant"
    other = text(interfaces=INTERFACES.replace("192.168.10.1", "192.168.77.1"))
    assert judge(contexts(a=other, b=full)).aspects["port_forwards"].compliance == "compliant"
    two = judge(contexts(a=text(), b=full)).aspects["port_forwards"]
    assert two.verdict != "present"


# -- taking away -------------------------------------------------------------------------------------------------------

GONE = Forwards("", (), present=False)


def test_ours_goes_closed_first_and_objects_last() -> None:
    replies = config()
    made = plan(applied(replies, plan(replies)), GONE)
    heads = [" ".join(line.split()[:2]) for line in lines(made)]
    assert heads == ["no access-group", *["no access-list"] * 4, *["no nat"] * 2, *["no object"] * 3]
    assert made.steps[-1].do == ("no object network voip-edge-pbx",)
    assert made.steps[-1].undo == ("object network voip-edge-pbx", f"host {PBX}")
    assert not plan(config(), GONE).steps


def test_entries_come_back_to_their_lines() -> None:
    replies = config(*LIST)
    made = plan(applied(replies, plan(replies)), GONE)
    back = [step.undo[0] for step in made.steps if step.undo[0].startswith("access-list")]
    assert [line.split(" line ")[1].split()[0] for line in back] == ["3", "3", "3", "3"]
    assert not [line for line in lines(made) if line.startswith("no access-group")]


def test_what_somebody_added_stays() -> None:
    replies = config()
    after = applied(replies, plan(replies))
    more = after["config"].replace(
        "access-group",
        "access-list voip-edge-in extended permit tcp any object P\n"
        "nat (inside,outside) source static voip-edge-pbx PUB service SIP SIP\naccess-group", 1,
    )  # fmt: skip
    made = plan({"config": more}, GONE)
    assert "no access-group voip-edge-in in interface outside" not in lines(made)
    assert not [line for line in lines(made) if "object P" in line or "PUB" in line]
    assert "no object network voip-edge-pbx" not in lines(made)
    assert "no object service voip-edge-rtp" in lines(made)


def test_a_rule_comes_back_before_the_one_that_followed_it() -> None:
    replies = config()
    after = applied(replies, plan(replies))
    more = after["config"].replace(RULES[1], RULES[1] + "\nnat (inside,outside) source static P PUB")
    back = [step.undo[0] for step in plan({"config": more}, GONE).steps if step.undo[0].startswith("nat")]
    assert [line.split()[2] for line in back] == ["1", "1"]


def test_another_pbx_is_left_alone() -> None:
    replies = config()
    after = applied(replies, plan(replies))
    assert not plan(after, replace(GONE, pbx="192.168.10.99")).steps
    assert len(plan(after, replace(GONE, pbx=PBX)).steps) == 10

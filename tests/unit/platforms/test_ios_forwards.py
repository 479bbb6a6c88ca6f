# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwards of IOS: how static lines read, what is planned for a PBX, what is refused or explained, what is taken away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.forwards import Forward
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Assessment, Forwards, Options, Plan
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import cisco_ios
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.cisco_ios import MOST_LINES, PLATFORM

PBX = "192.168.10.20"
NETS = ("203.0.113.0/24", "198.51.100.130/32")
ANYBODY = Forwards(PBX, ("any",), (5060,), (10000, 10003))
WAN = "GigabitEthernet0/0"
SIP = f"ip nat inside source static udp {PBX} 5060 interface {WAN} 5060"


def config(*rules: str, outer: tuple[str, ...] = (), inner: tuple[str, ...] = (), more: str = "") -> dict[str, str]:
    text = (
        "version 15.7\n"
        f"interface {WAN}\n ip address 198.51.100.2 255.255.255.248\n ip nat outside\n"
        + "".join(f" {line}\n" for line in outer)
        + "!\ninterface Vlan1\n ip address 192.168.10.1 255.255.255.0\n ip nat inside\n"
        + "".join(f" {line}\n" for line in inner)
        + f"!\n{more}ip nat inside source list 100 interface {WAN} overload\n"
        + "".join(f"{rule}\n" for rule in rules)
        + "end\n"
    )
    return {"config": text}


def forwards(replies: dict[str, str]) -> list[Forward]:
    return cisco_ios._forwards(PLATFORM.parse(replies))


def plan(replies: dict[str, str], wanted: Forwards = ANYBODY) -> Plan:
    return PLATFORM.plan(PLATFORM.parse(replies), Options(state=None, forwards=wanted))


def judge(replies: dict[str, str], wanted: Forwards = ANYBODY) -> Assessment:
    profile = replace(DEFAULT, sip_ports=wanted.sip_ports, rtp=wanted.rtp, forwards=wanted)
    return PLATFORM.judge(PLATFORM.parse(replies), profile)


def lines(made: Plan) -> list[str]:
    return [line for step in made.steps for line in step.do]


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "span", "host", "port", "sources"),
    [
        (SIP, (5060, 5060), PBX, 5060, ("any",)),
        (f"ip nat inside source static udp {PBX} 5060 198.51.100.3 5062 extendable", (5062, 5062), PBX, 5060, ("any",)),
        (f"ip nat inside source static udp {PBX} 5060 198.51.100.3 5060 no-alias", (5060, 5060), PBX, 5060, ("any",)),
        (f"ip nat inside source static udp {PBX} 5060 198.51.100.3 5060 no-payload", (5060, 5060), PBX, 5060, ("any",)),
        (f"ip nat inside source static {PBX} 198.51.100.3", (0, 65535), PBX, None, ("any",)),
        (f"ip nat inside source static {PBX} interface {WAN}", (0, 65535), PBX, None, ("any",)),
        # what follows decides who gets in, and is not understood
        (f"ip nat inside source static {PBX} 198.51.100.3 route-map PHONES extendable", (0, 65535), PBX, None, None),
        (f"ip nat inside source static {PBX} 198.51.100.3 route-map PHONES reversible", (0, 65535), PBX, None, None),
        (f"ip nat inside source static udp {PBX} 5060 198.51.100.3 5060 vrf BLUE", (5060, 5060), PBX, 5060, None),
        # an interface that is not the outside one, a subnet, a virtual interface
        (f"ip nat inside source static udp {PBX} 5060 interface Dialer9 5060", (5060, 5060), PBX, 5060, None),
        ("ip nat inside source static network 192.168.10.0 198.51.100.0 /24", (0, 65535), None, None, None),
        (f"ip nat source static udp {PBX} 5060 198.51.100.3 5060", (5060, 5060), PBX, 5060, None),
    ],
)
def test_a_static_line_is_read(
    line: str, span: tuple[int, int], host: str | None, port: int | None, sources: tuple[str, ...] | None
) -> None:
    (found,) = forwards(config(line))
    assert (found.first, found.last) == span
    assert (found.inside, found.inside_first, found.sources) == (host, port, sources)
    assert found.evidence == (line,)


@pytest.mark.parametrize(
    "line",
    [
        f"ip nat inside source static tcp {PBX} 443 198.51.100.3 443 extendable",
        f"ip nat inside source static esp {PBX} interface {WAN}",
        "ip nat inside source static nonsense",
    ],
)
def test_what_brings_no_udp_is_no_forward(line: str) -> None:
    assert forwards(config(line)) == []


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (("ip access-group OUTSIDE in",), ()),
        (("zone-member security OUTSIDE",), ()),
        ((), ("ip access-group LAN out",)),
        ((), ("zone-member security INSIDE",)),
    ],
)
def test_where_something_may_stop_traffic_the_sources_are_not_known(
    outer: tuple[str, ...], inner: tuple[str, ...]
) -> None:
    assert [f.sources for f in forwards(config(SIP, outer=outer, inner=inner))] == [None]


def test_lists_of_the_other_direction_stop_nothing() -> None:
    replies = config(SIP, outer=("ip access-group OUT out",), inner=("ip access-group LAN in",))
    assert [f.sources for f in forwards(replies)] == [("any",)]


def test_a_text_that_is_not_whole_tells_no_sources() -> None:
    replies = {"config": config(SIP)["config"].replace("end\n", "")}
    assert [f.sources for f in forwards(replies)] == [None]


def test_the_same_port_of_two_addresses_is_told_apart() -> None:
    other = f"ip nat inside source static udp {PBX} 5060 198.51.100.3 5060"
    seen = judge(config(SIP, other))
    assert len(seen.states("port_forwards")) == 2


# -- planning ----------------------------------------------------------------------------------------------------------


def test_a_line_a_port_and_its_inverse() -> None:
    made = plan(config())
    assert made.refusal is None
    assert not made.unsupported
    assert lines(made) == [
        SIP,
        *(f"ip nat inside source static udp {PBX} {p} interface {WAN} {p}" for p in range(10000, 10004)),
    ]
    assert [step.undo for step in made.steps] == [(f"no {line}",) for line in lines(made)]
    assert {step.label for step in made.steps} == {"src"}
    assert judge(config(*lines(made))).aspects["port_forwards"].compliance == "compliant"


def test_forwards_come_after_the_alg_and_the_timer() -> None:
    made = PLATFORM.plan(
        PLATFORM.parse(config()), Options(timeout=replace(DEFAULT.udp_timeout, minimum=600), forwards=ANYBODY)
    )
    heads = [line.split(" interface")[0] for line in lines(made)]
    assert heads[:3] == [
        "no ip nat service sip udp port 5060",
        "no ip nat service sip tcp port 5060",
        "ip nat translation udp-timeout 120",
    ]
    assert len(heads) == 8


def test_a_literal_address_is_used_where_it_is_given() -> None:
    made = plan(config(), replace(ANYBODY, address="198.51.100.5"))
    assert lines(made)[0] == f"ip nat inside source static udp {PBX} 5060 198.51.100.5 5060"


def test_only_what_is_missing_is_made() -> None:
    have = [f"ip nat inside source static udp {PBX} {p} interface {WAN} {p}" for p in (5060, 10000, 10002)]
    assert [line.split()[-1] for line in lines(plan(config(*have)))] == ["10001", "10003"]


@pytest.mark.parametrize("tail", ["", " extendable"])
def test_lines_that_are_there_are_not_made_again(tail: str) -> None:
    have = [f"ip nat inside source static udp {PBX} {p} 198.51.100.2 {p}{tail}" for p in (5060, *range(10000, 10004))]
    for outer in ((), ("ip access-group OUTSIDE in",)):
        made = plan(config(*have, outer=outer))
        assert not made.steps
        assert not made.unsupported
        assert made.refusal is None


def test_behind_an_access_list_the_lines_are_made_and_the_list_decides() -> None:
    outer = ("ip access-group OUTSIDE in",)
    made = plan(config(outer=outer))
    assert len(made.steps) == 5
    seen = judge(config(*lines(made), outer=outer))
    assert seen.aspects["port_forwards"].verdict == "undetermined"
    assert "FORWARD-TOO-OPEN" not in [f.id for f in seen.findings]


def test_everybody_is_a_finding() -> None:
    assert "FORWARD-TOO-OPEN" in [f.id for f in judge(config(*lines(plan(config())))).findings]


@pytest.mark.parametrize(
    ("last", "count"), [(10000 + MOST_LINES - 2, MOST_LINES), (10000 + MOST_LINES - 1, 0), (20000, 0)]
)
def test_there_are_no_ranges_and_no_thousands_of_lines(last: int, count: int) -> None:
    made = plan(config(), replace(ANYBODY, rtp=(10000, last)))
    assert len(made.steps) == count
    if not count:
        why = made.unsupported["port_forwards"]
        assert f"{last - 10000 + 2} lines would be needed" in why
        assert "at most 64" in why
        assert f"ip nat inside source static {PBX} <spare address>" in why
        assert "rtp_ports" in why


def test_networks_need_an_access_list_that_people_write() -> None:
    made = plan(config(), replace(ANYBODY, sources=NETS))
    assert not made.steps
    why = made.unsupported["port_forwards"]
    assert "permit udp 203.0.113.0 0.0.0.255 host 198.51.100.2 eq 5060" in why
    assert "permit udp host 198.51.100.130 host 198.51.100.2 range 10000 10003" in why
    assert "sources: any" in why
    assert "FORWARD-TOO-OPEN" in why


def test_what_cannot_be_done_leaves_the_other_aspects_alone() -> None:
    options = Options(forwards=replace(ANYBODY, sources=NETS))
    made = PLATFORM.plan(PLATFORM.parse(config()), options)
    assert lines(made) == ["no ip nat service sip udp port 5060", "no ip nat service sip tcp port 5060"]
    assert set(made.unsupported) == {"port_forwards"}


TWO = "interface Dialer1\n ip nat outside\n!\n"


def test_the_outside_interface_must_be_one() -> None:
    why = plan(config(more=TWO)).unsupported["port_forwards"]
    assert "voip_edge_outside_interface" in why
    assert WAN in why
    assert "Dialer1" in why
    none = {"config": config()["config"].replace(" ip nat outside\n", "")}
    assert "no interface has 'ip nat outside'" in plan(none).unsupported["port_forwards"]
    assert lines(plan(config(more=TWO), replace(ANYBODY, outside="dialer1")))[0].endswith(" interface Dialer1 5060")


@pytest.mark.parametrize(("name", "what"), [("Vlan1", "has no 'ip nat outside'"), ("Dialer7", "is not there")])
def test_a_wrong_outside_interface_is_explained(name: str, what: str) -> None:
    why = plan(config(), replace(ANYBODY, outside=name)).unsupported["port_forwards"]
    assert f"the interface {name} {what}" in why


def test_a_router_that_speaks_sip_keeps_its_port() -> None:
    speaks = "voice service voip\n sip\n!\ndial-peer voice 1 voip\n!\nsip-ua\n!\n"
    made = plan(config(more=speaks))
    assert made.refusal is not None
    assert "the router itself speaks SIP" in made.refusal
    assert not made.steps
    assert len(plan(config(more=speaks), replace(ANYBODY, sip_ports=(5062,))).steps) == 5
    # what is not made anyway refuses nothing
    large = plan(config(more=speaks), replace(ANYBODY, rtp=(10000, 20000)))
    assert large.refusal is None
    assert "the router itself speaks SIP" in large.unsupported["port_forwards"]


@pytest.mark.parametrize(
    "line",
    [
        f"ip nat inside source static udp 192.168.10.30 5060 interface {WAN} 5060",
        "ip nat inside source static udp 192.168.10.30 10001 198.51.100.2 10001 extendable",
        f"ip nat inside source static udp {PBX} 5061 interface {WAN} 5060",
        f"ip nat inside source static 192.168.10.30 interface {WAN}",
        "ip nat inside source static 192.168.10.30 198.51.100.2 route-map X",
        "ip nat inside source static network 192.168.11.0 198.51.100.0 /24",
        f"ip nat inside source static udp 192.168.10.30 5060 interface {WAN} 5060 vrf BLUE",
    ],
)
def test_a_foreign_line_in_the_way_is_named(line: str) -> None:
    made = plan(config(line))
    assert not made.steps
    assert line in (made.refusal or "")


@pytest.mark.parametrize(
    "line",
    [
        "ip nat inside source static 192.168.10.30 198.51.100.3",
        "ip nat inside source static udp 192.168.10.30 5060 198.51.100.3 5060",
        f"ip nat inside source static tcp 192.168.10.30 5060 interface {WAN} 5060",
        f"ip nat inside source static udp 192.168.10.30 161 interface {WAN} 161",
        "ip nat inside source static udp 192.168.10.30 5060 interface Dialer1 5060",
        "ip nat inside source static network 192.168.11.0 203.0.113.0 /24",
    ],
)
def test_a_foreign_line_elsewhere_is_not_in_the_way(line: str) -> None:
    assert len(plan(config(line, more=TWO), replace(ANYBODY, outside=WAN)).steps) == 5


def test_an_address_that_is_not_written_may_be_any() -> None:
    replies = {"config": config("ip nat inside source static 192.168.10.30 198.51.100.3")["config"]}
    replies["config"] = replies["config"].replace("ip address 198.51.100.2 255.255.255.248", "ip address dhcp")
    assert "192.168.10.30" in (plan(replies).refusal or "")


def test_nothing_is_sent_where_the_text_is_not_whole() -> None:
    assert "not read whole" in (plan({"config": config()["config"].replace("end\n", "")}).refusal or "")


# -- taking away -------------------------------------------------------------------------------------------------------

GONE = Forwards(PBX, (), (5060,), (10000, 10003), present=False)


def test_exactly_our_lines_are_taken_away() -> None:
    ours = [SIP, f"ip nat inside source static udp {PBX} 10002 interface {WAN} 10002"]
    foreign = [
        f"ip nat inside source static udp {PBX} 10001 interface {WAN} 10000",
        f"ip nat inside source static udp {PBX} 10003 198.51.100.3 10003 extendable",
        f"ip nat inside source static udp {PBX} 10003 interface {WAN} 10003 vrf BLUE",
        f"ip nat inside source static udp {PBX} 161 interface {WAN} 161",
        f"ip nat inside source static udp 192.168.10.30 10001 interface {WAN} 10001",
        f"ip nat inside source static tcp {PBX} 5060 interface {WAN} 5060",
    ]
    made = plan(config(*ours, *foreign), GONE)
    assert lines(made) == [f"no {line}" for line in reversed(ours)]
    assert [step.undo for step in made.steps] == [(line,) for line in reversed(ours)]


def test_the_line_is_removed_as_it_is_shown() -> None:
    shown = f"ip nat inside source static udp {PBX} 5060 198.51.100.3 5060 extendable"
    made = plan(config(shown), replace(GONE, address="198.51.100.3"))
    assert lines(made) == [f"no {shown}"]
    assert made.steps[0].undo == (shown,)


def test_without_a_pbx_nothing_is_known_as_ours() -> None:
    why = plan(config(SIP), replace(GONE, pbx="")).unsupported["port_forwards"]
    assert "voip_edge_pbx" in why
    assert SIP in why
    for made in (plan(config(), replace(GONE, pbx="")), plan(config(SIP), replace(GONE, pbx="192.168.10.99"))):
        assert not made.steps
        assert not made.unsupported
        assert made.refusal is None


def test_which_outside_is_meant_must_be_said_there_too() -> None:
    assert "voip_edge_outside_interface" in plan(config(SIP, more=TWO), GONE).unsupported["port_forwards"]

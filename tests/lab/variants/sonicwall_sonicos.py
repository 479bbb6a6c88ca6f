# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SonicWalls as data: what differs from the factory configuration, and how each box wants to be talked to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Edit = tuple[str, str, Any]


@dataclass(frozen=True)
class SonicVariant:
    """A SonicWall.

    ``auth``: the methods ticked (``basic``, ``digest-sha256``, ``digest-md5``, ``chap``, ``tfa``; ``totp`` asks for a
    code). ``session``: how later requests are known: ``address``, ``cookie`` or ``bearer``. ``voip``, ``udp``: laid over
    the factory values; ``rules``: over the access rule of that name. ``edits``: requests (method, path, body) made
    before; ``pending``: the same, left uncommitted by another administrator. ``nothing``: the body that says that
    nothing is pending. ``flags``: ``gen5``, ``gen6``, ``api_off``, ``policy_mode``, ``no_rules_api``, ``no_cli_status``, ``numbers``
    (integer codes), ``foreign_lock``, ``foreign_session``, ``explicit_mode`` (not in configuration mode after the
    log-in), ``read_only`` (not admitted), ``read_only_api`` (reads only), ``password_update``, ``auto_commit``,
    ``minutes`` (the global UDP value counts minutes), ``restart``, ``keyless`` (``/voip`` has no ``enable``),
    ``singular`` (one entry under a singular key), ``no_json`` (406 on newer paths), ``auto_last`` (a rule with automatic
    priority goes to the end of its pair of zones), ``auto_shown`` (made by hand, an entry shows ``auto`` and not its place),
    ``no_export`` (the configuration is not given to this account).
    ``interfaces``: further ones (name, zone, address; ``dhcp`` for an address that is not shown).
    """

    name: str
    doc: str
    model: str = "TZ 370"
    firmware: str = "SonicOS 7.0.1-5151"
    auth: tuple[str, ...] = ("basic",)
    qop: tuple[str, ...] = ("auth",)
    session: str = "address"
    voip: dict[str, Any] = field(default_factory=dict)
    udp: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    pending: tuple[Edit, ...] = ()
    nothing: str = ""
    limits: dict[str, int] = field(default_factory=dict)
    interfaces: tuple[tuple[str, str, str], ...] = ()
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=dict)


ON: dict[str, Any] = {"sip": {"enable": True}}
OFF: dict[str, Any] = {"consistent_nat": True, "sip": {"enable": False}}


def timers(seconds: int) -> dict[str, dict[str, Any]]:
    return {name: {"udp": {"timeout": seconds}} for name in ("LAN to WAN", "DMZ to WAN")}


FOREIGN = (
    (
        "POST",
        "/address-objects/ipv4",
        {"address_objects": [{"ipv4": {"name": "Old PBX", "zone": "LAN", "host": {"ip": "192.168.10.9"}}}]},
    ),
    (
        "POST",
        "/access-rules/ipv4",
        {
            "access_rules": [
                {
                    "ipv4": {
                        "name": "Old PBX in",
                        "from": "WAN",
                        "to": "LAN",
                        "action": "allow",
                        "service": {"name": "SIP UDP"},
                        "destination": {"address": {"name": "X1 IP"}},
                    }
                }
            ]
        },
    ),
    (
        "POST",
        "/nat-policies/ipv4",
        {
            "nat_policies": [
                {
                    "ipv4": {
                        "name": "Old PBX nat",
                        "inbound": "X1",
                        "destination": {"name": "X1 IP"},
                        "translated_destination": {"name": "Old PBX"},
                        "service": {"name": "SIP UDP"},
                    }
                }
            ]
        },
    ),
)


def post(path: str, entry: dict[str, Any]) -> Edit:
    """A request that makes one entry."""
    key = {"service": "service_objects", "address": "address_objects", "access": "access_rules", "nat": "nat_policies"}
    name = "address_groups" if path.startswith("/address-groups") else key[path[1:].split("-", maxsplit=1)[0]]
    return ("POST", path, {name: [{"ipv4": entry} if path.endswith("/ipv4") else entry]})


def rule_in(name: str, action: str, service: dict[str, Any], source: str = "") -> Edit:
    """A rule WAN to LAN about the public address; `source` is a group."""
    who = {"group": source} if source else {"any": True}
    return post(
        "/access-rules/ipv4",
        {
            "name": name,
            "from": "WAN",
            "to": "LAN",
            "action": action,
            "service": service,
            "source": {"address": who, "port": {"any": True}},
            "destination": {"address": {"name": "X1 IP"}},
        },
    )


# Somebody's own forward of SIP to the very PBX, for the provider's networks alone.
GOOD_FORWARD: tuple[Edit, ...] = (
    post("/address-objects/ipv4", {"name": "PBX", "zone": "LAN", "host": {"ip": "192.168.10.20"}}),
    post(
        "/address-objects/ipv4",
        {"name": "Provider A", "zone": "WAN", "network": {"subnet": "203.0.113.0", "mask": "255.255.255.0"}},
    ),
    post(
        "/address-objects/ipv4",
        {"name": "Provider B", "zone": "WAN", "range": {"begin": "198.51.100.128", "end": "198.51.100.255"}},
    ),
    post(
        "/address-groups/ipv4",
        {"name": "Provider", "address_object": {"ipv4": [{"name": "Provider A"}, {"name": "Provider B"}]}},
    ),
    rule_in("PBX in", "allow", {"name": "SIP UDP"}, "Provider"),
    post(
        "/nat-policies/ipv4",
        {
            "name": "PBX nat",
            "inbound": "X1",
            "destination": {"name": "X1 IP"},
            "translated_destination": {"name": "PBX"},
            "service": {"name": "SIP UDP"},
        },
    ),
)
GUEST_EDIT = (
    (
        "POST",
        "/address-objects/ipv4",
        {"address_objects": [{"ipv4": {"name": "Half done", "zone": "LAN", "host": {"ip": "192.168.10.77"}}}]},
    ),
)
SIP_RULE = {
    "name": "Phones out",
    "from": "LAN",
    "to": "WAN",
    "action": "allow",
    "service": {"name": "SIP UDP"},
    "sip": True,
}
BASED: tuple[Edit, ...] = (("POST", "/access-rules/ipv4", {"access_rules": [{"ipv4": SIP_RULE}]}),)
TZ270: dict[str, Any] = {"model": "TZ 270", "firmware": "SonicOS 7.1.1-7058"}
GEN6: dict[str, Any] = {"model": "TZ 300", "firmware": "SonicOS Enhanced 6.5.4.10-95n"}

_ALL = (
    SonicVariant("factory", "transformations on, consistent NAT off, UDP 30 s everywhere", voip=ON),
    SonicVariant(
        "already-right",
        "transformations off, consistent NAT on, UDP 180 s; nothing pending is said as {}",
        voip=OFF,
        udp={"default_connection_timeout": 180},
        rules=timers(180),
        nothing="{}",
    ),
    SonicVariant(
        "rule-based",
        "transformations by access rule, one rule has them on; nothing pending is an envelope",
        voip={"sip": {"enable": True, "access_rule_based": True}},
        edits=BASED,
        nothing="status",
    ),
    SonicVariant("rule-based-idle", "armed by rule, but no rule has it on", voip={"sip": {"access_rule_based": True}}),
    SonicVariant(
        "udp-120-rules-30",
        "the global UDP value is 120, the rules still drop after 30 s",
        voip=OFF,
        udp={"default_connection_timeout": 120},
    ),
    SonicVariant(
        "timers-differ",
        "UDP 180 s on one way out, 30 s on the other",
        voip=OFF,
        udp={"default_connection_timeout": 180},
        rules={"LAN to WAN": {"udp": {"timeout": 180}}},
    ),
    SonicVariant(
        "unit-conflict",
        "the global reading is 30 and the rules read 1800: the global value counts minutes here",
        voip=OFF,
        rules=timers(1800),
        flags=frozenset({"minutes"}),
    ),
    SonicVariant(
        "sip-null",
        "the SIP block is null: never configured",
        voip={"sip": None, "consistent_nat": True},
        rules=timers(180),
    ),
    SonicVariant(
        "auto-lan-wan",
        "the rule LAN to WAN is marked as made by the box",
        voip=ON,
        rules={"LAN to WAN": {"auto_rule": True}},
    ),
    SonicVariant("gen6-65", "6.5 with the API switched off: E_DISABLED", voip=ON, flags=frozenset({"api_off"}), **GEN6),
    SonicVariant(
        "gen5",
        "5.9: no API at all",
        model="NSA 240",
        firmware="SonicOS Enhanced 5.9.1.13-5o",
        flags=frozenset({"gen5"}),
    ),
    SonicVariant(
        "gen6-406",
        "6.5 with the API on: CHAP and Basic, a cookie, no JSON for VoIP and rules",
        auth=("basic", "chap"),
        session="cookie",
        voip=ON,
        flags=frozenset({"gen6", "no_json", "singular"}),
        **GEN6,
    ),
    SonicVariant(
        "gen6-keyless",
        "6.5 whose /voip has no enable: a filled SIP block is on",
        session="cookie",
        voip=ON,
        flags=frozenset({"gen6", "keyless", "singular"}),
        **GEN6,
    ),
    SonicVariant(
        "digest-only",
        "a TZ 270: Digest with auth-int alone, then a bearer token; integer codes",
        auth=("digest-sha256",),
        qop=("auth-int",),
        session="bearer",
        voip=ON,
        flags=frozenset({"numbers", "no_cli_status"}),
        **TZ270,
    ),
    SonicVariant("digest-auth", "Digest SHA-256 and MD5, qop auth", auth=("digest-sha256", "digest-md5"), voip=ON),
    SonicVariant("digest-md5", "Digest MD5 alone", auth=("digest-md5",), qop=("auth", "auth-int"), voip=ON),
    SonicVariant("chap-only", "CHAP alone, then a cookie", auth=("chap",), session="cookie", voip=ON),
    SonicVariant("bearer", "name and password at /tfa, then a bearer token", auth=("tfa",), session="bearer", voip=ON),
    SonicVariant(
        "totp",
        "asks for a one-time code, then a bearer token",
        auth=("basic", "tfa", "totp"),
        session="bearer",
        voip=ON,
    ),
    SonicVariant("foreign-pending", "another administrator's edit is pending", voip=ON, pending=GUEST_EDIT),
    SonicVariant(
        "foreign-lock", "another administrator is in configuration mode", voip=ON, flags=frozenset({"foreign_lock"})
    ),
    SonicVariant(
        "foreign-session",
        "another API session is open: no log-in without override",
        voip=ON,
        flags=frozenset({"foreign_session"}),
    ),
    SonicVariant(
        "explicit-mode",
        "not in configuration mode after the log-in, though nobody else is",
        voip=ON,
        flags=frozenset({"explicit_mode"}),
    ),
    SonicVariant("read-only-admin", "a read-only account: the API does not admit it", flags=frozenset({"read_only"})),
    SonicVariant(
        "read-only-api", "an account that may read and not write", voip=ON, flags=frozenset({"read_only_api"})
    ),
    SonicVariant("auto-commit", "every write is live at once", voip=ON, flags=frozenset({"auto_commit"})),
    SonicVariant(
        "policy-mode", "Policy mode: no access rules", model="NSsp 13700", voip=ON, flags=frozenset({"policy_mode"})
    ),
    SonicVariant("foreign-rule-5060", "somebody's own forward of SIP to an old PBX", voip=ON, edits=FOREIGN),
    SonicVariant(
        "full-table",
        "no room for another access rule or NAT policy",
        voip=ON,
        limits={"access_rules": 6, "nat_policies": 1},
    ),
    SonicVariant(
        "password-update", "the password must be changed before anything else", flags=frozenset({"password_update"})
    ),
    SonicVariant(
        "tz270-no-rules-api",
        "a TZ 270 that has no access rules in its API; integer codes",
        voip=ON,
        flags=frozenset({"no_rules_api", "numbers"}),
        **TZ270,
    ),
    SonicVariant(
        "foreign-forward-pbx",
        "somebody's own forward of SIP to the PBX, from the provider's networks alone",
        voip=ON,
        edits=GOOD_FORWARD,
    ),
    SonicVariant(
        "foreign-deny",
        "somebody denies SIP from outside in a rule of its own",
        voip=ON,
        edits=(rule_in("No SIP", "deny", {"name": "SIP UDP"}),),
    ),
    SonicVariant(
        "foreign-deny-broad",
        "somebody discards all that comes to the public address",
        voip=ON,
        edits=(rule_in("Stealth", "discard", {"any": True}),),
    ),
    SonicVariant(
        "foreign-allow",
        "a rule of somebody lets everybody in on SIP, though no NAT policy leads anywhere",
        voip=ON,
        edits=(rule_in("SIP in", "allow", {"group": "VOIP"}),),
    ),
    SonicVariant(
        "dmz", "a third interface in the DMZ, 192.168.20.1", voip=ON, interfaces=(("X2", "DMZ", "192.168.20.1"),)
    ),
    SonicVariant("two-wans", "two interfaces in the zone WAN", voip=ON, interfaces=(("X2", "WAN", "203.0.113.2"),)),
    SonicVariant(
        "dhcp-wan",
        "the interface in the zone WAN has its address by DHCP",
        voip=ON,
        interfaces=(("X1", "WAN", "dhcp"),),
    ),
    SonicVariant(
        "auto-last", "a rule with automatic priority goes behind all others", voip=ON, flags=frozenset({"auto_last"})
    ),
    SonicVariant(
        "auto-shown",
        "what is made by hand shows automatic priority and not its place",
        voip=ON,
        flags=frozenset({"auto_shown"}),
    ),
    SonicVariant(
        "no-export",
        "the configuration is exported for the built-in account alone",
        voip=ON,
        flags=frozenset({"no_export"}),
    ),
    SonicVariant("restart", "a commit asks for a restart", voip=ON, flags=frozenset({"restart"})),
)

VARIANTS: dict[str, SonicVariant] = {variant.name: variant for variant in _ALL}

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each FortiOS version knows: its tables, keys and defaults."""

from __future__ import annotations

from .forti_tree import Key, Schema

Version = tuple[int, int, int]
ON_OFF = ("enable", "disable")


def switch(default: str) -> Key:
    return Key(default, choices=ON_OFF)


def number(default: str | None, low: int, high: int) -> Key:
    return Key(default, span=(low, high))


def _settings(v: Version, flags: frozenset[str]) -> Schema:
    keys = {"opmode": Key("nat", choices=("nat", "transparent")), "central-nat": switch("disable")}
    if v >= (5, 6, 0):
        keys["ngfw-mode"] = Key("profile-based", choices=("profile-based", "policy-based"))
    if (5, 6, 0) <= v < (6, 2, 0):
        keys["inspection-mode"] = Key("proxy", choices=("proxy", "flow"))
    keys["sip-helper" if v < (6, 2, 0) else "sip-expectation"] = switch("enable" if v < (6, 2, 0) else "disable")
    keys["sip-nat-trace"] = switch("enable")
    keys["sip-tcp-port"] = number("5060", 0, 65535)
    keys["sip-udp-port"] = number("5060", 0, 65535)
    if v >= (6, 0, 0):
        keys["sip-ssl-port"] = number("5061", 0, 65535)
    keys["sccp-port"] = number("2000", 0, 65535)
    if v >= (5, 2, 0):
        keys["default-voip-alg-mode"] = Key("proxy-based", choices=("proxy-based", "kernel-helper-based"))
    return Schema("system settings", keys)


def _voip(v: Version, flags: frozenset[str]) -> Schema:
    sip = {"status": switch("enable"), "rtp": switch("enable"), "nat-trace": switch("enable")}
    sip.update({"no-sdp-fixup": switch("disable"), "contact-fixup": switch("enable")})
    sip["malformed-request-line"] = Key("pass", choices=("discard", "pass", "respond"))
    sip["malformed-header-via"] = Key("pass", choices=("discard", "pass", "respond"))
    subs = {"sip": Schema("sip", sip), "sccp": Schema("sccp", {"status": switch("enable")})}
    keys = {"comment": Key("", quoted=True)}
    if v >= (7, 4, 0):
        keys["feature-set"] = Key("voipd", choices=("ips", "voipd"))
        subs["msrp"] = Schema("msrp", {"status": switch("enable")})
    elif v >= (7, 0, 0):
        keys["feature-set"] = Key("proxy", choices=("flow", "proxy"))
    return Schema("voip profile", keys, subs, table=True)


def _policy(v: Version, flags: frozenset[str]) -> Schema:
    keys = {
        "name": Key(quoted=True),
        "uuid": Key(),
        "srcintf": Key(quoted=True),
        "dstintf": Key(quoted=True),
        "action": Key("deny", choices=("accept", "deny")),
        "srcaddr": Key(quoted=True),
        "dstaddr": Key(quoted=True),
        "status": switch("enable"),
        "schedule": Key(quoted=True),
        "service": Key(quoted=True),
        "utm-status": switch("disable"),
    }
    if v >= (6, 2, 0):
        keys["inspection-mode"] = Key("flow", choices=("flow", "proxy"))
    if "no_voip" not in flags:
        keys["voip-profile"] = Key("", quoted=True, refers_to="voip profile")
    if v >= (7, 4, 0):
        keys["ips-voip-filter"] = Key("", quoted=True, refers_to="voip profile")
    keys.update({"session-ttl": Key(""), "nat": switch("disable"), "comments": Key("", quoted=True)})
    required = ("srcintf", "dstintf", "srcaddr", "dstaddr", "schedule", "service")
    return Schema("firewall policy", keys, table=True, numbered=True, required=required, key_name="policyid")


def _service(v: Version, flags: frozenset[str]) -> Schema:
    helpers = "auto disable ftp tftp ras h323 tns mms sip pptp rtsp dns-udp dns-tcp pmap rsh dcerpc mgcp"
    proto = "TCP/UDP/UDP-Lite/SCTP" if v >= (7, 6, 0) else "TCP/UDP/SCTP"
    keys = {
        "category": Key("", quoted=True),
        "protocol": Key(proto, choices=(proto, "ICMP", "ICMP6", "IP")),
        "helper": Key("auto", choices=tuple(helpers.split(" "))),
        "tcp-portrange": Key(""),
        "udp-portrange": Key(""),
        "udp-idle-timer": number("0", 0, 86400),
        "session-ttl": number("0", 0, 2764800),
        "comment": Key("", quoted=True),
    }
    return Schema("firewall service custom", keys, table=True)


def _vip() -> Schema:
    keys = {
        "uuid": Key(),
        "type": Key("static-nat"),
        "extip": Key(),
        "mappedip": Key(quoted=True),
        "extintf": Key(quoted=True),
        "portforward": switch("disable"),
        "protocol": Key("tcp", choices=("tcp", "udp", "sctp", "icmp")),
        "extport": Key(),
        "mappedport": Key(),
        "comment": Key("", quoted=True),
    }
    return Schema("firewall vip", keys, table=True, required=("extip", "mappedip"))


def _ttl(v: Version) -> Schema:
    keys = {
        "protocol": number("0", 0, 255),
        "timeout": Key("300"),
        "start-port": number("0", 0, 65535),
        "end-port": number("0", 0, 65535),
    }
    if v >= (7, 4, 1):
        keys["refresh-direction"] = Key("both", choices=("both", "outgoing", "incoming"))
    port = Schema("port", keys, table=True, numbered=True, key_name="id")
    return Schema("system session-ttl", {"default": Key("3600")}, {"port": port}, always=False)


def _global(v: Version) -> Schema:
    keys = {
        "admin-lockout-duration": number("60", 1, 2147483647),
        "admin-lockout-threshold": number("3", 1, 10),
        "alias": Key("", quoted=True),
        "cfg-revert-timeout": number("600", 10, 4294967295),
        "cfg-save": Key("automatic", choices=("automatic", "manual", "revert")),
        "hostname": Key(quoted=True),
        "post-login-banner": switch("disable"),
        "revision-backup-on-logout": switch("disable"),
        "timezone": Key(quoted=v >= (7, 0, 0)),
        "udp-idle-timer": number("180", 1, 86400),
    }
    if v >= (6, 2, 0):
        keys["vdom-mode"] = Key("no-vdom", choices=("no-vdom", "multi-vdom", "split-vdom"))
    else:
        keys["vdom-admin"] = switch("disable")
    return Schema("system global", keys, scope="global")


def schemas(v: Version, flags: frozenset[str]) -> dict[str, Schema]:
    """Every table this firmware has, in the order of a whole ``show``: device-wide first, then per VDOM."""

    def table(path: str, scope: str, numbered: bool = False, /, **keys: Key) -> Schema:
        named = {key.replace("_", "-"): spec for key, spec in keys.items()}
        return Schema(path, named, table=True, numbered=numbered, scope=scope)

    interface = table(
        "system interface",
        "global",
        vdom=Key(quoted=True),
        ip=Key(),
        allowaccess=Key(),
        type=Key(),
        alias=Key(quoted=True),
    )
    helper = table("system session-helper", "global", True, name=Key(), protocol=Key(), port=Key())
    modes = ("standalone", "a-a", "a-p")
    cluster = {
        "mode": Key("standalone", choices=modes),
        "group-name": Key("", quoted=True),
        "priority": number("128", 0, 255),
    }
    console = {"output": Key("more", choices=("standard", "more")), "baudrate": Key("9600")}
    known = [
        _global(v),
        interface,
        table("system admin", "global", accprofile=Key(quoted=True), vdom=Key(quoted=True), password=Key()),
        table("system snmp community", "global", True, name=Key(quoted=True), status=switch("enable")),
        helper,
        Schema("system console", console, scope="global"),
        Schema("system ha", cluster, scope="global"),
    ]
    if "vdoms" in flags:
        known.append(table("system vdom-property", "global", description=Key(quoted=True)))
    known += [_settings(v, flags), _ttl(v), table("firewall address", "vdom", subnet=Key(), type=Key("ipmask"))]
    known.append(_service(v, flags))
    if "no_voip" not in flags:
        known.append(_voip(v, flags))
    known += [table("vpn ipsec phase1-interface", "vdom", interface=Key(quoted=True), psksecret=Key()), _vip()]
    known.append(_policy(v, flags))
    return {schema.name: schema for schema in known}

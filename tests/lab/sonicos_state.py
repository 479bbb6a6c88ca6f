# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SonicWall's configuration as data: factory state, defaults of what a PUT leaves out, and the shapes of the lists."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]
SERIAL = "18B169AF5555"

SIP_DEFAULT: Config = {
    "enable": False,
    "access_rule_based": False,
    "tcp": True,
    "transforms_in_service_object": {"name": "SIP UDP"},
    "non_sip_packets": True,
    "b2bua_support": True,
    "signaling_timeout": 1800,
    "media_timeout": 120,
    "signaling_port": {},
    "endpoint_registration_anomaly_tracking": False,
    "registration_tracking_interval": 300,
    "failed_registration_threshold": 5,
    "endpoint_block_interval": 3600,
}
H323_DEFAULT: Config = {
    "enable": False,
    "access_rule_based": False,
    "only_gatekeeper_calls": False,
    "inactivity_timeout": 300,
    "gatekeeper_ip": "0.0.0.0",
}
UDP_DEFAULT: Config = {
    "default_connection_timeout": 30,
    "flood": {"protection": False, "attack_threshold": 1000, "block_timeout": 2, "protected_dest_list": {"any": True}},
}
SPANS = {
    "signaling_timeout": (30, 100000),
    "media_timeout": (30, 3600),
    "registration_tracking_interval": (10, 86400),
    "failed_registration_threshold": (1, 100),
    "endpoint_block_interval": (10, 86400),
    "default_connection_timeout": (1, 86400),
    "attack_threshold": (50, 1000000),
}
CHOICES = {"any", "name", "group", "original", "all", "none", "always_on", "auto", "end", "manual", "value", "preserve"}
"""Keys of objects that hold one of several forms: such an object is taken as a whole, nothing is filled in."""

RULE_DEFAULT: Config = {
    "from": "",
    "to": "",
    "action": "deny",
    "source": {"address": {"any": True}, "port": {"any": True}},
    "service": {"any": True},
    "destination": {"address": {"any": True}},
    "schedule": {"always_on": True},
    "users": {"included": {"all": True}, "excluded": {"none": True}},
    "uuid": "",
    "name": "",
    "comment": "",
    "enable": True,
    "auto_rule": False,
    "reflexive": False,
    "max_connections": 100,
    "logging": True,
    "sip": False,
    "h323": False,
    "management": False,
    "packet_monitoring": False,
    "priority": {"auto": True},
    "tcp": {"timeout": 15, "urgent": True},
    "udp": {"timeout": 30},
    "fragments": True,
    "botnet_filter": False,
    "dpi": True,
    "geo_ip_filter": {"enable": False, "global": False},
    "quality_of_service": {"class_of_service": {}, "dscp": {"preserve": True}},
}
NAT_DEFAULT: Config = {
    "inbound": "any",
    "outbound": "any",
    "source": {"any": True},
    "translated_source": {"original": True},
    "destination": {"any": True},
    "translated_destination": {"original": True},
    "service": {"any": True},
    "translated_service": {"original": True},
    "uuid": "",
    "name": "",
    "enable": True,
    "priority": {"auto": True},
    "comment": "",
    "dns_doctoring": False,
    "reflexive": False,
    "nat_method": "sticky-ip",
    "source_port_remap": True,
}
ADDRESS_DEFAULT: Config = {"name": "", "uuid": "", "zone": ""}
ADDRESS_GROUP_DEFAULT: Config = {"name": "", "uuid": "", "address_object": {"ipv4": []}, "address_group": {"ipv4": []}}
SERVICE_DEFAULT: Config = {"name": "", "uuid": ""}
SERVICE_GROUP_DEFAULT: Config = {"name": "", "uuid": "", "service_object": [], "service_group": []}


@dataclass(frozen=True)
class Kind:
    """A list of the API: where it is, its key and that of one entry, the wrapper of an entry, what may be done to it.

    ``forms``: keys of which an entry has exactly one.
    """

    path: str
    key: str
    single: str
    default: Mapping[str, Any]
    wrap: str = ""
    patch: bool = True
    by_name: bool = True
    forms: tuple[str, ...] = ()
    limit: int = 1000

    def show(self, entry: Config) -> Config:
        shown = {key: value for key, value in entry.items() if not key.startswith("_")}
        return {self.wrap: shown} if self.wrap else shown


KINDS = {
    kind.path: kind
    for kind in (
        Kind(
            "/address-objects/ipv4",
            "address_objects",
            "address_object",
            ADDRESS_DEFAULT,
            "ipv4",
            forms=("host", "range", "network"),
        ),
        Kind("/address-groups/ipv4", "address_groups", "address_group", ADDRESS_GROUP_DEFAULT, "ipv4"),
        Kind(
            "/service-objects",
            "service_objects",
            "service_object",
            SERVICE_DEFAULT,
            forms=("tcp", "udp", "icmp", "gre", "esp"),
        ),
        Kind("/service-groups", "service_groups", "service_group", SERVICE_GROUP_DEFAULT),
        Kind("/access-rules/ipv4", "access_rules", "access_rule", RULE_DEFAULT, "ipv4", patch=False, by_name=False),
        Kind("/nat-policies/ipv4", "nat_policies", "nat_policy", NAT_DEFAULT, "ipv4", by_name=False),
    )
}


def uuid_of(number: int) -> str:
    """Ids count up and carry the serial number, so that two boxes of a test never share one."""
    return f"{number:08x}-0000-0000-0700-{SERIAL.lower()}"


def _host(name: str, zone: str, ip: str) -> Config:
    return {"name": name, "zone": zone, "host": {"ip": ip}}


def _net(name: str, zone: str, subnet: str) -> Config:
    return {"name": name, "zone": zone, "network": {"subnet": subnet, "mask": "255.255.255.0"}}


def _service(name: str, protocol: str, begin: int, end: int) -> Config:
    return {"name": name, protocol: {"begin": begin, "end": end}}


ADDRESSES = (
    _host("X0 IP", "LAN", "192.168.10.1"),
    _net("X0 Subnet", "LAN", "192.168.10.0"),
    _host("X1 IP", "WAN", "198.51.100.2"),
    _net("X1 Subnet", "WAN", "198.51.100.0"),
    _host("Office Printer", "LAN", "192.168.10.50"),
)
ADDRESS_GROUPS = (
    {"name": "LAN Subnets", "address_object": {"ipv4": [{"name": "X0 Subnet"}]}},
    {"name": "WAN Interface IP", "address_object": {"ipv4": [{"name": "X1 IP"}]}},
)
SERVICES = (
    _service("HTTP", "tcp", 80, 80),
    _service("HTTPS", "tcp", 443, 443),
    _service("SSH", "tcp", 22, 22),
    _service("DNS (Name Service) UDP", "udp", 53, 53),
    _service("SIP", "udp", 5060, 5061),
    _service("SIP UDP", "udp", 5060, 5061),
    _service("SIP TCP", "tcp", 5060, 5061),
    _service("MGCP UDP", "udp", 2427, 2727),
)
SERVICE_GROUPS = (
    {"name": "VOIP", "service_object": [{"name": "SIP"}, {"name": "MGCP UDP"}]},
    {"name": "HTTP Management", "service_object": [{"name": "HTTP"}, {"name": "HTTPS"}]},
)
RULES = (
    {"from": "LAN", "to": "WAN", "action": "allow", "name": "LAN to WAN", "comment": "default"},
    {"from": "LAN", "to": "DMZ", "action": "allow", "name": "LAN to DMZ"},
    {"from": "DMZ", "to": "WAN", "action": "allow", "name": "DMZ to WAN"},
    {"from": "WAN", "to": "LAN", "action": "deny", "name": "WAN to LAN"},
    {"from": "WAN", "to": "DMZ", "action": "deny", "name": "WAN to DMZ"},
    {
        "from": "LAN",
        "to": "LAN",
        "action": "allow",
        "name": "LAN management",
        "service": {"group": "HTTP Management"},
        "destination": {"address": {"name": "X0 IP"}},
        "management": True,
        "auto_rule": True,
        "comment": "Auto-added management rule",
    },
)
NATS = (
    {
        "inbound": "X0",
        "outbound": "X1",
        "translated_source": {"name": "X1 IP"},
        "name": "Default NAT Policy",
        "comment": "Stack NAT Policy",
        "_read_only": True,
    },
)
ZONES = (("LAN", "trusted"), ("WAN", "untrusted"), ("DMZ", "public"), ("VPN", "encrypted"))
ADMINISTRATION: Config = {
    "firewall_name": SERIAL,
    "http_port": 80,
    "https_port": 443,
    "ssh": {"port": 22},
    "sonicos_api": {
        "enable": True,
        "cors": False,
        "digest": False,
        "md5_digest": False,
        "sha256_digest": True,
        "chap": False,
        "basic": True,
        "public_key": False,
        "session_security": True,
        "max_nonce": 10,
        "two_factor_bearer_token": False,
        "auto_commit": False,
        "max_payload": 1400,
    },
}


def overlay(base: Any, change: Any) -> Any:
    """A deep merge: objects key by key, everything else replaced."""
    if isinstance(base, dict) and isinstance(change, Mapping):
        merged = dict(base)
        for key, value in change.items():
            merged[key] = overlay(base.get(key), value)
        return merged
    return copy.deepcopy(change)


def factory() -> Config:
    """A unit as unpacked and set up with two interfaces: transformations off as the newer default has it."""
    config: Config = {
        "voip": {"consistent_nat": False, "sip": copy.deepcopy(SIP_DEFAULT), "h323": copy.deepcopy(H323_DEFAULT)},
        "udp": copy.deepcopy(UDP_DEFAULT),
        "administration": copy.deepcopy(ADMINISTRATION),
        "zones": [
            {
                "name": name,
                "uuid": uuid_of(0x100 + number),
                "security_type": kind,
                "interface_trust": kind != "untrusted",
            }
            for number, (name, kind) in enumerate(ZONES)
        ],
        "interfaces": [interface("X0", "LAN", "192.168.10.1"), interface("X1", "WAN", "198.51.100.2")],
    }
    number = 0x200
    for path, entries in (
        ("/address-objects/ipv4", ADDRESSES),
        ("/address-groups/ipv4", ADDRESS_GROUPS),
        ("/service-objects", SERVICES),
        ("/service-groups", SERVICE_GROUPS),
        ("/access-rules/ipv4", RULES),
        ("/nat-policies/ipv4", NATS),
    ):
        kind = KINDS[path]
        config[kind.key] = []
        for entry in entries:
            number += 1
            config[kind.key].append(overlay(dict(kind.default), {**entry, "uuid": uuid_of(number)}))
    renumber(config)
    return config


def interface(name: str, zone: str, ip: str) -> Config:
    """An interface; ``dhcp`` instead of its address has one that the configuration does not hold."""
    mode: Config = {"static": {"ip": ip, "netmask": "255.255.255.0"}}
    if ip == "dhcp":
        mode = {"dhcp": {"hostname": "", "renew_on_startup": False}}
    return {
        "ipv4": {
            "name": name,
            "ip_assignment": {"zone": zone, "mode": mode},
            "management": {"https": True, "ping": True, "ssh": True},
        }
    }


def interface_addresses(name: str, zone: str, ip: str) -> tuple[Config, Config]:
    """The objects that a box keeps of an interface."""
    return _host(f"{name} IP", zone, ip), _net(f"{name} Subnet", zone, ip.rsplit(".", maxsplit=1)[0] + ".0")


def renumber(config: Config) -> None:
    """Priorities count from 1: access rules per pair of zones, NAT policies all together."""
    seen: dict[tuple[str, str], int] = {}
    for rule in config["access_rules"]:
        pair = (rule["from"], rule["to"])
        seen[pair] = seen.get(pair, 0) + 1
        rule["priority"] = {"manual": {"value": seen[pair]}}
    for number, policy in enumerate(config["nat_policies"], 1):
        policy["priority"] = {"manual": number}

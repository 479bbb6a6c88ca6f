# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SonicWall's configuration in the words of its command line, as the export gives it."""

from __future__ import annotations

from .sonicos_state import SERIAL, Config

HEAD = """\
firmware-version "{firmware}"
model "{model}"
serial-number {serial}
administration
    firewall-name {serial}
    admin-password 7,PLANTED-SECRET-enable
    exit
snmp
    community PLANTED-SECRET-snmp
    exit
vpn policy site-to-site HQ
    auth-method shared-secret
    shared-secret 4,PLANTED-SECRET-psk
    exit
"""


def export(config: Config, model: str, firmware: str) -> str:
    """The whole configuration as command lines, with the planted secrets in it."""
    lines = HEAD.format(firmware=firmware, model=model, serial=SERIAL).splitlines()
    for entry in config["address_objects"]:
        lines += [f'address-object ipv4 "{entry["name"]}"', f"    uuid {entry['uuid']}", f"    zone {entry['zone']}"]
        lines += [
            f"    {form} {' '.join(entry[form].values())}" for form in ("host", "range", "network") if form in entry
        ]
        lines.append("    exit")
    for entry in config["service_objects"]:
        form = "udp" if "udp" in entry else "tcp"
        span = entry.get(form, {"begin": 0, "end": 0})
        lines.append(f'service-object "{entry["name"]}" {form.upper()} {span["begin"]} {span["end"]}')
    for entry in config["service_groups"]:
        lines.append(f'service-group "{entry["name"]}"')
        lines += [f'    service-object "{member["name"]}"' for member in entry["service_object"]]
        lines.append("    exit")
    lines += [line for rule in config["access_rules"] for line in _rule(rule)]
    lines += _voip(config["voip"])
    lines += ["udp", f"    default-connection-timeout {config['udp']['default_connection_timeout']}", "    exit"]
    return "\n".join(lines) + "\n"


def _place(place: Config) -> str:
    kind = next(iter(place), "any")
    return "any" if kind == "any" else f'{kind} "{place[kind]}"'


def _rule(rule: Config) -> list[str]:
    return [
        f"access-rule ipv4 from {rule['from']} to {rule['to']} action {rule['action']}",
        f"    uuid {rule['uuid']}",
        f'    name "{rule["name"]}"' if rule["name"] else "    no name",
        "    enable" if rule["enable"] else "    no enable",
        f"    source address {_place(rule['source']['address'])}",
        f"    service {_place(rule['service'])}",
        f"    destination address {_place(rule['destination']['address'])}",
        f"    priority manual {rule['priority']['manual']['value']}",
        f"    udp timeout {rule['udp']['timeout']}",
        f'    comment "{rule["comment"]}"' if rule["comment"] else "    no comment",
        "    exit",
    ]


def _voip(voip: Config) -> list[str]:
    lines = ["voip", "    consistent-nat" if voip["consistent_nat"] else "    no consistent-nat"]
    sip = voip["sip"]
    if not sip:
        return [*lines, "    no sip", "    exit"]
    lines += ["    sip", "        enable" if sip.get("enable", True) else "        no enable"]
    lines += [
        f"        {key.replace('_', '-')} {value}"
        for key, value in sip.items()
        if isinstance(value, int) and not isinstance(value, bool)
    ]
    return [*lines, "        exit", "    exit"]

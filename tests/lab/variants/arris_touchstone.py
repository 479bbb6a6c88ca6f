# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARRIS Touchstone gateways as data: the model, the ALG bits of each LAN, forwards, and how the operator's firmware behaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Server = dict[str, Any]


@dataclass(frozen=True)
class ArrisVariant:
    """A Touchstone.

    ``kind``: ``s`` (SNMP over HTTP), ``s2`` (the same, log-in encrypted), ``p`` (PHP pages), ``other`` (something else).
    ``algs``: the octets of each LAN's ALG bits in hex; None where the firmware has no such object. ``form``: how such a value is
    shown, ``dollar``, ``0x``, ``spaced``, ``raw``, ``decimal``. ``bridged``, ``locked``: LANs in bridge mode, or closed by the
    operator. ``level``: of the firewall, 3 is the maximum. ``firewall``, ``servers_on``: master switches (1 on, 2 off).
    ``servers``: rows of the virtual servers by number, from :func:`server`. ``muti``: another administrator.
    ``flags``: ``busy`` (can_not_login), ``no_such`` (a missing object is said in words), ``read_only`` (sets are not taken),
    ``stored_reads`` (a read shows what was applied, not what was set), ``apply_silent`` (no answer to an apply),
    ``sessions_stay``, ``stray_line`` (a stray line in the first answer to a walk), ``unfinished`` (walks lack their end).
    """

    name: str
    doc: str
    kind: str = "s"
    model: str = "DG1670A"
    firmware: str = "TS0901103AS_022814_16XX.GW_SIP"
    algs: dict[int, str] | None = field(default_factory=lambda: {200: "60F7C0"})
    form: str = "dollar"
    bridged: tuple[int, ...] = ()
    locked: tuple[int, ...] = ()
    level: str = "1"
    firewall: str = "1"
    servers_on: str = "1"
    servers: dict[int, Server] = field(default_factory=dict)
    muti: str = ""
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=dict)


def server(name: str, first: int, last: int, host: str, protocol: int = 0, status: int = 1, to: int = 0) -> Server:
    """A row of the virtual servers: columns by number."""
    octets = "".join(f"{int(part):02X}" for part in host.split("."))
    start = to or first
    row = {2: name, 3: first, 4: last, 5: protocol, 6: 1, 7: f"${octets}", 9: start, 10: start + last - first}
    return {str(column): str(value) for column, value in {**row, 11: status}.items()}


OFF = {200: "60E7C0"}
PBX = {1: server("old sip", 5060, 5060, "192.168.0.5"), 2: server("old rtp", 10000, 20000, "192.168.0.5")}

_ALL = (
    ArrisVariant("factory", "a DG1670A as it comes: every ALG on"),
    ArrisVariant("not-allowed", "the same, and nothing unproven may be sent"),
    ArrisVariant("off", "already right, as far as it can be", algs=OFF),
    ArrisVariant("two-lans", "the ALG is on in the guest LAN alone", algs={200: "60E7C0", 201: "60F7C0"}),
    ArrisVariant("two-octets", "the bits are two octets long", algs={200: "60F7"}),
    ArrisVariant("four-octets", "the bits are four octets long", algs={200: "60F7C001"}),
    ArrisVariant("one-octet", "a value too short for the bit of SIP", algs={200: "60"}),
    ArrisVariant("form-0x-on", "on, shown as 0x60F7C0", form="0x"),
    ArrisVariant("form-0x-off", "off, shown as 0x60E7C0", algs=OFF, form="0x"),
    ArrisVariant("form-spaced", "off, shown as 60 E7 C0", algs=OFF, form="spaced"),
    ArrisVariant("form-raw", "off, shown as three bytes", algs=OFF, form="raw"),
    ArrisVariant("form-decimal", "shown as a number that nobody explains", algs=OFF, form="decimal"),
    ArrisVariant("no-object", "a TG862G whose firmware has no ALG bits", model="TG862G", algs=None),
    ArrisVariant(
        "no-such-object", "the same, said in words", model="TG862G", algs=None, flags=frozenset({"no_such"})
    ),
    ArrisVariant("dg860a", "a DG860A: an ALG and no switch", model="DG860A", algs=None),
    ArrisVariant("dg860a-bits", "a DG860A that shows the bits, SIP off: it has no switch all the same", model="DG860A", algs=OFF),
    ArrisVariant("bridge", "in bridge mode", bridged=(200,)),
    ArrisVariant("dg860a-bridge", "a DG860A in bridge mode", model="DG860A", algs=None, bridged=(200,)),
    ArrisVariant("half-bridge", "the guest LAN is bridged", algs={200: "60F7C0", 201: "60F7C0"}, bridged=(201,)),
    ArrisVariant("operator-lock", "the operator closed the LAN settings", locked=(200,)),
    ArrisVariant("read-only", "sets are not taken", flags=frozenset({"read_only"})),
    ArrisVariant("max-firewall", "ALG off, and a firewall that lets no SIP out", algs=OFF, level="3"),
    ArrisVariant("max-firewall-off", "the same level, but the firewall is off", algs=OFF, level="3", firewall="2"),
    ArrisVariant("other-admin", "somebody else is logged in", muti="LAN"),
    ArrisVariant("other-admin-taken", "the same, and that was said not to matter", muti="GW_WAN"),
    ArrisVariant("busy", "lets nobody in while another session is open", flags=frozenset({"busy"})),
    ArrisVariant("encrypted", "family S2: the log-in is encrypted", kind="s2"),
    ArrisVariant("php", "family P: the operator's PHP pages", kind="p", model="TG1682"),
    ArrisVariant("not-arris", "answers everything with the page of another router", kind="other"),
    ArrisVariant("stored-reads", "a read shows what was applied", flags=frozenset({"stored_reads"})),
    ArrisVariant("apply-silent", "an apply breaks the connection", flags=frozenset({"apply_silent"})),
    ArrisVariant("sessions-stay", "an apply leaves the session alone", flags=frozenset({"sessions_stay"})),
    ArrisVariant("stray-line", "a stray line in the answer to a walk", flags=frozenset({"stray_line"})),
    ArrisVariant("unfinished", "walks come without their end", algs=OFF, flags=frozenset({"unfinished"})),
    ArrisVariant("pbx", "ALG off, no forwards yet", algs=OFF),
    ArrisVariant("pbx-there", "ALG off, somebody's own forwards lead to the PBX", algs=OFF, servers=PBX),
    ArrisVariant(
        "overlap", "ALG off, somebody's own forward of SIP to an old PBX", algs=OFF,
        servers={4: server("old pbx", 5060, 5061, "192.168.0.9", 2)},
    ),
    ArrisVariant(
        "no-overlap", "the same by TCP, and another row that is not in use", algs=OFF,
        servers={1: server("web", 5060, 5060, "192.168.0.9", 1), 2: server("idle", 5060, 5060, "192.168.0.9", 0, 2)},
    ),
    ArrisVariant("servers-off", "forwards are there, and switched off as a whole", algs=OFF, servers=PBX, servers_on="2"),
    ArrisVariant(
        "odd-server", "a forward whose host cannot be read", algs=OFF,
        servers={1: {**server("odd", 5060, 5060, "192.168.0.9"), "7": "host nine"}},
    ),
)  # fmt: skip
VARIANTS = {variant.name: variant for variant in _ALL}

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ubiquiti EdgeRouters with EdgeOS, a descendant of Vyatta: the helper is on unless `modules sip disable` stands there.

A commit unloads the kernel's modules or loads them, without a restart. The UniFi Security Gateway has the same command line, and its
controller writes over what is changed there.
Sources: vyatta-conntrack (modules/sip, timeout), of which EdgeOS is a fork: the line that disables and those of the timer stand in
users' transcripts and configurations as well, the way back (`delete`) and the kernel's own files are conclusions. The fixtures of
community.network, netmiko.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..core.text import first_match
from ..core.verdict import PORT_FORWARDS, SIP_ALG, UDP_TIMEOUT
from . import _vyatta, _vyatta_saved
from .base import Fact, Platform, Replies

FACTS = (
    Fact(
        "modules_sip", SIP_ALG, "system conntrack modules sip: absence means on", "v1.x, v2.x", "src", "yes",
        "configure; set system conntrack modules sip disable; commit; save; exit. On a UniFi gateway: in the controller",
    ),
    Fact(
        "sip_modules", SIP_ALG, "the kernel's modules nf_conntrack_sip and nf_nat_sip", "v1.x, v2.x", "inferred", "no",
        "they go with the commit; where they stay: sudo rmmod nf_nat_sip nf_conntrack_sip, and look for the script that loads them",
    ),
    Fact(
        "udp_timeout_stream", UDP_TIMEOUT, "system conntrack timeout udp stream", "v1.x, v2.x; default 180", "src", "yes",
        "configure; set system conntrack timeout udp stream SECONDS; commit; save; exit",
    ),
    Fact(
        "udp_stream", UDP_TIMEOUT, "sysctl nf_conntrack_udp_timeout_stream, the kernel's timer", "v1.x, v2.x", "inferred", "no",
        "it follows the configuration at the commit",
    ),
    Fact(
        "port_forward", PORT_FORWARDS, "port-forward rule", "v1.x, v2.x", "user", "no",
        "configure; delete port-forward rule N; commit; save; exit",
    ),
    Fact(
        "service_nat", PORT_FORWARDS, "service nat rule of type destination", "v1.x, v2.x", "recall", "no",
        "configure; delete service nat rule N; commit; save; exit",
    ),
    Fact(
        "nat_destination", PORT_FORWARDS, "nat destination rule, a form of VyOS", "none known", "recall", "no",
        "configure; delete nat destination rule N; commit; save; exit",
    ),
)  # fmt: skip

TIMEOUT = "system conntrack timeout udp stream"
SURE = _vyatta.Sureness(kernel="inferred", turn_on="inferred", forwards={"port-forward": "user"})
_RELEASE = r"^(?:[#/* ]*Version:\s*|[/* ]*Release version: )v(\d\S*)"


def recognise(reply: str) -> bool:
    return re.search(r"^HW model:", reply, re.M) is not None and "Ubiquiti" in reply and "VyOS" not in reply


def recognise_backup(text: str) -> bool:
    """Without a mark of VyOS. Where none of EdgeOS is there either, it may be VyOS as well, and somebody has to name it."""
    return _vyatta_saved.looks_like(text) and not _vyatta_saved.of_vyos(text)


def parse(replies: Replies) -> _vyatta.Vyatta:
    if "saved" in replies:
        saved = replies["saved"]
        return replace(_vyatta.from_saved(saved, first_match(_RELEASE, saved), True, TIMEOUT), sure=SURE)
    text = replies.get("version", "")
    model = first_match(r"^HW model:\s*(.+?)\s*$", text)
    box = _vyatta.parse(replies, model, first_match(r"^Version:\s*v?(\S+)", text), True, TIMEOUT)
    box = replace(box, sure=SURE)
    if model is not None and re.match(r"(?:UniFi|USG)", model):
        return replace(
            box, controlled="it is a UniFi gateway: its controller writes over what is changed here, so change it there"
        )
    return box


PLATFORM = Platform(
    name="ubiquiti_edgeos",
    title="Ubiquiti EdgeRouter (EdgeOS)",
    network_os=("ubiquiti_edgeos", "edgeos", "community.network.edgeos", "edgeos_config"),
    dialect=_vyatta.DIALECT,
    facts=FACTS,
    identify="show version",
    recognise=recognise,
    recognise_backup=recognise_backup,
    read=_vyatta.read,
    from_backup=lambda text: {"saved": text},
    parse=parse,
    assess=_vyatta.assess,
    plan=_vyatta.plan,
    enter=lambda box, scope, options: ("configure",),
    leave=lambda box, scope, options: ("commit", "exit"),
    save=lambda box, scope: ("configure", "save", "exit"),
    saved=r"\bDone\b",
    firmware=r"[12]\.",
)

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VyOS, where `system conntrack modules sip` changed its meaning: on by absence up to 1.2, on by presence from 1.3.1 on.

Builds of 1.3 before September 2021 have the old meaning. 1.3.0 and later builds of 1.3 can have either: a line that is there tells, its
absence does not. The documentation still says that all helpers are on by default, which from 1.3.1 on the code does not do; an
upgrade writes the line for what was on before.
A saved config.boot names the syntax of its part (`conntrack@3` is the first of the new meaning: the migration 2-to-3 turned it round).
Sources: vyos-1x (branches equuleus, sagitta, current; tags 1.3.1 and 1.3.8), vyatta-conntrack, the documentation of VyOS, vyos.vyos.
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
        "modules_sip", SIP_ALG, "system conntrack modules sip: on by absence up to 1.2, on by presence from 1.3.1 on", "1.1 to 1.5", "src",
        "yes",
        "configure; from 1.3.1 on delete system conntrack modules sip, up to 1.2 set ... sip disable; commit; save; exit",
    ),
    Fact(
        "sip_modules", SIP_ALG, "the kernel's modules nf_conntrack_sip and nf_nat_sip", "1.1 to 1.5", "src", "no",
        "they go with the commit; where they stay: sudo rmmod nf_nat_sip nf_conntrack_sip, and look for the script that loads them",
    ),
    Fact(
        "udp_timeout_stream", UDP_TIMEOUT, "system conntrack timeout udp stream, from 1.5 on firewall global-options timeout udp stream",
        "1.1 to 1.5; default 180", "src", "yes",
        "configure; set system conntrack timeout udp stream SECONDS (1.5: set firewall global-options timeout udp stream SECONDS); "
        "commit; save; exit",
    ),
    Fact(
        "udp_stream", UDP_TIMEOUT, "sysctl nf_conntrack_udp_timeout_stream, the kernel's timer", "1.1 to 1.5", "src", "yes",
        "it follows the configuration at the commit",
    ),
    Fact(
        "nat_destination", PORT_FORWARDS, "nat destination rule", "1.1 to 1.5", "doc", "no",
        "configure; delete nat destination rule N; commit; save; exit",
    ),
)  # fmt: skip

OLD_TIMEOUT, NEW_TIMEOUT = "system conntrack timeout udp stream", "firewall global-options timeout udp stream"


def recognise(reply: str) -> bool:
    return re.search(r"^Version:\s+VyOS\b", reply, re.M) is not None


SURE = _vyatta.Sureness(forwards={"nat destination": "doc"})
_RELEASE = r"^(?:[#/* ]*Version:\s+VyOS|[/* ]*Release version:(?: VyOS)?) (\d\S*)"


def recognise_backup(text: str) -> bool:
    """Without a mark of EdgeOS. Where none of VyOS is there either, it may be EdgeOS as well, and somebody has to name it."""
    return _vyatta_saved.looks_like(text) and (_vyatta_saved.of_vyos(text) or not _vyatta_saved.of_edgeos(text))


def is_old(version: str | None) -> bool | None:
    """Whether absence means on; None for versions of which that is not known."""
    if version is None:
        return None
    if re.match(r"1\.[12](?:\.|-|$)", version):
        return True
    if re.match(r"1\.3\.[1-8](?:\D|$)|1\.[45]\.\d", version):
        return False
    built = re.match(r"1\.([345])-\D*(\d{8})", version)
    if built is None:
        return None
    # 1.3 was turned round in September 2021, and 1.4 while it was rolling
    if built.group(1) == "3":
        return True if built.group(2) < "20210901" else None
    return False if built.group(2) >= "20211001" else None


def surely(version: str | None) -> _vyatta.Sureness:
    """When 1.4 was turned round while it was rolling is a conclusion from the date of 1.3."""
    return replace(SURE, meaning="inferred") if re.match(r"1\.4-", version or "") else SURE


def syntax(text: str) -> bool | None:
    """What a saved configuration says of the meaning: whether absence means on."""
    found = first_match(r"config-version: .*\bconntrack@(\d+)", text)
    return None if found is None else int(found) < 3


def timeout_path(version: str | None, config: str) -> str:
    """Where the timer stands. The move came in the middle of 1.5, so a rolling one without a line of either is not told."""
    for path in (NEW_TIMEOUT, OLD_TIMEOUT):
        if re.search(rf"^set {path} ", config, re.M):
            return path
    if version is None or re.match(r"1\.5-", version):
        return ""
    return NEW_TIMEOUT if re.match(r"1\.5\.", version) else OLD_TIMEOUT


def _parse_saved(text: str) -> _vyatta.Vyatta:
    version, said = first_match(_RELEASE, text), syntax(text)
    lines = _vyatta_saved.read(text).lines or ()
    path = timeout_path(version, "".join(f"set {line}\n" for line in lines))
    box = _vyatta.from_saved(text, version, is_old(version) if said is None else said, path)
    return replace(box, sure=surely(version) if said is None else SURE)


def parse(replies: Replies) -> _vyatta.Vyatta:
    if "saved" in replies:
        return _parse_saved(replies["saved"])
    text = replies.get("version", "")
    version = first_match(r"^Version:\s+VyOS (\S+)", text)
    model = first_match(r"^(?:HW|Hardware) model:\s*(.+?)\s*$", text)
    box = _vyatta.parse(replies, model, version, is_old(version), timeout_path(version, replies.get("config", "")))
    return replace(box, sure=surely(version))


PLATFORM = Platform(
    name="vyos",
    title="VyOS",
    network_os=("vyos", "vyos.vyos.vyos"),
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
    firmware=r"1\.[1-5](?!\d)",
)

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reflector is set up with: the file of its settings and the file of its key, checked before anything is opened."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass
from typing import Any

from . import bodies, frames
from .bodies import TCP, UDP, Address, Span
from .reflector_answers import Offer

CONTROL_PORT, SPARE_PORT = 29292, 29293
SIP_PORTS = (5060, 5080)
RTP_PORTS = (10000, 20000)

_KNOWN = ("addresses", "control_port", "counters", "rtp_ports", "sip_ports", "spare_port")


@dataclass(frozen=True)
class Settings:
    """Addresses of this host, its ports, and where the counters are written (nowhere if empty)."""

    addresses: tuple[str, ...]
    control_port: int = CONTROL_PORT
    spare_port: int = SPARE_PORT
    sip_ports: tuple[int, ...] = SIP_PORTS
    rtp_ports: tuple[int, int] | None = RTP_PORTS
    counters: str = ""

    @classmethod
    def read(cls, text: str) -> Settings:
        """From JSON. Raises ValueError that names the setting."""
        found = json.loads(text)
        if not isinstance(found, dict) or set(found) - set(_KNOWN):
            raise ValueError(f"the settings are an object with {', '.join(_KNOWN)}, no others")
        rtp = found.get("rtp_ports", RTP_PORTS)
        made = cls(
            tuple(_ip(address) for address in found.get("addresses") or ()),
            _port("control_port", found.get("control_port", CONTROL_PORT)),
            _port("spare_port", found.get("spare_port", SPARE_PORT)),
            tuple(_port("sip_ports", port) for port in found.get("sip_ports", SIP_PORTS)),
            (_port("rtp_ports", rtp[0]), _port("rtp_ports", rtp[1])) if rtp else None,
            str(found.get("counters") or ""),
        )
        if not 0 < len(made.addresses) <= 8 or len(made.sip_ports) > 6:
            raise ValueError("addresses: 1 to 8 are needed; sip_ports: 6 at most")
        if made.rtp_ports and made.rtp_ports[0] > made.rtp_ports[1]:
            raise ValueError("rtp_ports: the first is above the last")
        return made

    def spans(self) -> tuple[Span, ...]:
        """The ports by use and transport. The RTP range costs a socket a port, so each family has it on one address only."""
        everywhere = tuple(range(len(self.addresses)))
        singles = [(bodies.CONTROL, self.control_port), (bodies.SPARE, self.spare_port)]
        singles += [(bodies.SIP, port) for port in self.sip_ports]
        spans = [Span(use, transport, everywhere, port, port) for use, port in singles for transport in (UDP, TCP)]
        if self.rtp_ports:
            firsts = {":" in ip: index for index, ip in reversed(list(enumerate(self.addresses)))}
            spans.append(Span(bodies.RTP, UDP, tuple(sorted(firsts.values())), *self.rtp_ports))
        return tuple(spans)

    def places(self, transport: int) -> list[Address]:
        """Every address and port to open, each once."""
        found = [
            Address(self.addresses[index], port)
            for span in self.spans()
            if span.transport == transport
            for index in span.addresses
            for port in range(span.first, span.last + 1)
        ]
        return list(dict.fromkeys(found))

    def offer(self, secrets: tuple[str, ...]) -> Offer:
        return Offer(secrets, self.addresses, self.spans())


def secrets_of(text: str) -> tuple[str, ...]:
    """The keys of a key file, one a line, the newest first. Raises ValueError if there is none or one is too short.

    A second line lets the probes with the old key in until all of them have the new one.
    """
    found = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if not found or len(found) > 2:
        raise ValueError("the key file holds one key, or a new and an old one")
    for secret in found:
        frames.keys_of(secret)
    return found


def read_key(path: str) -> tuple[str, ...]:
    """The keys in a file. Raises ValueError also where everybody may read it, OSError where we may not."""
    with open(path, encoding="utf-8") as handle:
        if os.fstat(handle.fileno()).st_mode & 0o007:
            raise ValueError(f"{path} is open to everybody: take the rights of others away")
        return secrets_of(handle.read())


def _ip(value: Any) -> str:
    found = ipaddress.ip_address(str(value))
    if found.is_unspecified or found.is_multicast:
        raise ValueError(f"addresses: {found} is not one address; an answer must come from where the request went")
    return str(found)


def _port(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise ValueError(f"{name}: {value} is no port")
    return value

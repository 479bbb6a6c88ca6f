# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What telephony providers ask of the edge. A profile claims only what its source says; the rest is the default's."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import BadInput
from .model import Forwards, Wanted
from .text import port_range

KEYS = ("name", "source", "udp_timeout", "sip_ports", "rtp_ports", "networks", "notes")


@dataclass(frozen=True)
class Profile:
    """Ports are UDP; `rtp` is an inclusive range; `networks` are the provider's own, from which SIP and RTP come.

    `forwards` is not the provider's word but the site's: what its own PBX needs.
    """

    name: str
    source: str
    udp_timeout: Wanted
    sip_ports: tuple[int, ...] = (5060,)
    rtp: tuple[int, int] = (10000, 20000)
    networks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    forwards: Forwards | None = None

    def covers(self, first: int, last: int) -> bool:
        """Whether the port range first..last touches a SIP or RTP port of this profile."""
        return any(first <= p <= last for p in self.sip_ports) or (first <= self.rtp[1] and last >= self.rtp[0])


DEFAULT = Profile(
    name="default",
    source="the common request of hosted telephony: UDP 5060, RTP 10000-20000, at least 60 s, better 120 or 180 s",
    udp_timeout=Wanted(minimum=60, recommended=120),
)


def from_mapping(name: str, data: Any) -> Profile:
    """A profile out of YAML data. Raises BadInput that names the profile and the key."""
    if not isinstance(data, dict):
        raise BadInput(f"profile: '{name}' is not a mapping of {', '.join(KEYS)}")
    unknown = sorted(set(map(str, data)) - set(KEYS))
    if unknown:
        raise BadInput(f"profile: '{name}' has the unknown key '{unknown[0]}'; known: {', '.join(KEYS)}")
    return Profile(
        name=name,
        source=str(data.get("source") or "the user's inventory"),
        udp_timeout=_wanted(name, data.get("udp_timeout") or {}),
        sip_ports=tuple(_port(name, item) for item in _list(name, data, "sip_ports") or DEFAULT.sip_ports),
        rtp=_ports(name, "rtp_ports", data.get("rtp_ports") or "{}-{}".format(*DEFAULT.rtp)),
        networks=tuple(network("profile", str(item)) for item in _list(name, data, "networks")),
        notes=tuple(str(note) for note in _list(name, data, "notes")),
    )


def _wanted(name: str, data: Any) -> Wanted:
    if not isinstance(data, dict) or not set(data) <= {"minimum", "recommended", "maximum"}:
        raise BadInput(f"profile: udp_timeout of '{name}' takes minimum, recommended and maximum in seconds")
    figures = {key: _seconds(name, key, value) for key, value in data.items() if value is not None}
    minimum = figures.get("minimum", DEFAULT.udp_timeout.minimum)
    recommended = max(minimum, figures.get("recommended", max(minimum, DEFAULT.udp_timeout.recommended)))
    maximum = figures.get("maximum")
    if maximum is not None:
        if maximum < minimum:
            raise BadInput(
                f"profile: udp_timeout of '{name}' has a maximum of {maximum} s below its minimum of {minimum} s"
            )
        recommended = min(recommended, maximum)
    return Wanted(minimum, recommended, maximum)


def _seconds(name: str, key: str, value: Any) -> int:
    try:
        seconds = int(value)
    except (TypeError, ValueError):
        seconds = 0
    if not 0 < seconds <= 86400:
        raise BadInput(
            f"profile: {key} of udp_timeout of '{name}' is not a number of seconds between 1 and 86400: {value!r}"
        )
    return seconds


def _list(name: str, data: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = data.get(key) or ()
    if isinstance(value, (list, tuple)):
        return value
    raise BadInput(f"profile: {key} of '{name}' is not a list: {value!r}")


def _port(name: str, value: Any) -> int:
    first, last = _ports(name, "sip_ports", value)
    if first != last:
        raise BadInput(f"profile: sip_ports of '{name}' takes single ports, not the range {value!r}")
    return first


def _ports(name: str, key: str, value: Any) -> tuple[int, int]:
    found = port_range(str(value))
    if found is None or not 0 < found[0] <= found[1] < 65536:
        raise BadInput(f"profile: {key} of '{name}' is not a port or a range of ports: {value!r}")
    return found


def network(option: str, text: str) -> str:
    """A network in its plain form. Raises BadInput that names the option."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from None


def get_profile(name: str, known: Mapping[str, Any] | None = None) -> Profile:
    """The profile of that name, out of the given data or the default. Raises BadInput with the names there are."""
    if known and name in known:
        return from_mapping(name, known[name])
    if name == DEFAULT.name:
        return DEFAULT
    names = ", ".join(sorted({DEFAULT.name, *map(str, known or ())}))
    raise BadInput(f"profile: there is no profile '{name}'; known: {names}")

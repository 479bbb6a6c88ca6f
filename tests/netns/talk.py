# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets between the LAN and the server, and what became of them."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass

from tests.lab.netns import PHONE, SERVER, Lab, sip

Address = tuple[str, int]


@dataclass(frozen=True)
class Seen:
    """A packet at both ends; ``source`` is where it came from for the receiver."""

    sent: bytes
    got: bytes
    source: Address

    @property
    def changed(self) -> set[str]:
        """Names of the headers and SDP lines that differ."""
        return sip.changed(self.sent, self.got)


# Seconds to wait for what has to come, on a busy machine too, and for what must not come.
PATIENCE, BRIEFLY = 3.0, 0.3


def receive(end: socket.socket, wait: float = PATIENCE) -> tuple[bytes, Address] | None:
    """The next packet and its source, or None when none came within ``wait`` seconds."""
    end.settimeout(wait)
    try:
        return end.recvfrom(65535)
    except socket.timeout:
        return None


class Talk:
    """A server's socket and the phones of a test, closed with it. ``port`` is the server's."""

    def __init__(self, lab: Lab, port: int = 5060) -> None:
        self.lab = lab
        self.there: Address = (SERVER, port)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Talk:
        self.server = self._stack.enter_context(self.lab.wan.udp(self.there))
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def phone(self, port: int = 0, address: str = PHONE) -> socket.socket:
        """A UDP socket of a LAN host, from a fresh port when none is given."""
        return self._stack.enter_context(self.lab.lan.udp((address, port)))

    def out(self, phone: socket.socket, message: bytes, wait: float = PATIENCE) -> Seen | None:
        """Send a message to the server; None when it did not arrive."""
        phone.sendto(message, self.there)
        got = receive(self.server, wait)
        return None if got is None else Seen(message, *got)

    def back(self, phone: socket.socket, message: bytes, to: Address, wait: float = PATIENCE) -> Seen | None:
        """Send a message from the server to a mapped address; None when the phone did not get it."""
        self.server.sendto(message, to)
        got = receive(phone, wait)
        return None if got is None else Seen(message, *got)

    def register(self, phone: socket.socket, wait: float = PATIENCE) -> Seen | None:
        """A REGISTER of the phone, as the server saw it."""
        return self.out(phone, sip.register(phone.getsockname(), self.there), wait)

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Media of a call: RTP packets between two ends, counted at both."""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

Address = tuple[str, int]

INTERVAL = 0.02  # seconds of sound in a packet: 160 samples
SILENCE = b"\xff" * 160  # PCMU
PATIENCE = 0.3  # seconds that the last packets may take
LONGEST = 3.0  # seconds that an end waits for the first packet that shows it where to send


@dataclass
class End:
    """One end of a call: its socket, where its SDP said that media has to go, and what came in.

    ``learns``: it does not believe the SDP, and sends to where packets come from, none before the first came (as media servers do
    for phones that are known to be behind a NAT).
    """

    socket: socket.socket
    target: Address
    learns: bool = False
    sent: int = 0
    got: int = 0
    heard: Address | None = None
    source: int = field(default_factory=lambda: secrets.randbits(32))

    def send(self) -> None:
        """The next packet, when it is known where to."""
        to = self.heard if self.learns else self.target
        if to is None:
            return
        head = struct.pack("!BBHII", 0x80, 0, self.sent, self.sent * len(SILENCE), self.source)
        # A private address of the other side is no address here: lost, as a packet to it would be.
        with contextlib.suppress(OSError):
            self.socket.sendto(head + SILENCE, to)
        self.sent += 1

    def listen(self) -> None:
        """Count what came in."""
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, self.heard = self.socket.recvfrom(2048)
                self.got += len(packet) == 12 + len(SILENCE)


def exchange(ends: Sequence[End], packets: int) -> None:
    """Each end sends so many packets, one each 20 ms, as soon as it knows where to, and counts what it gets."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until and any(one.sent < packets for one in ends):
        for one in ends:
            one.listen()
            if one.sent < packets:
                one.send()
        time.sleep(INTERVAL)
    time.sleep(PATIENCE)
    for one in ends:
        one.listen()

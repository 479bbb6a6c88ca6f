# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cookies and tickets: what the reflector remembers by giving it away, signed with a secret that never leaves it."""

from __future__ import annotations

import hmac
import os
import struct

from .bodies import Address

COOKIE_SECONDS = 120

_EXPIRY = struct.Struct("!I")
_TAG_BYTES = 16


class Proofs:
    """A cookie proves that its bearer receives at an address; a ticket that a frame of a session came from an address.

    Times are seconds of the reflector's own clock. A restart makes a new secret, and all that was given away void.
    """

    def __init__(self) -> None:
        self._secret = os.urandom(32)

    def cookie(self, source: Address, now: float) -> bytes:
        """20 bytes: the second at which it ends, and its tag."""
        ends = _EXPIRY.pack(int(now) + COOKIE_SECONDS)
        return ends + self._tag(b"cookie", source.pack() + ends)

    def is_cookie(self, data: bytes, source: Address, now: float) -> bool:
        """Whether it was given to this very address and port, at most two minutes ago."""
        size = _EXPIRY.size
        if len(data) != size + _TAG_BYTES:
            return False
        ends, tag = data[:size], data[size:]
        right = hmac.compare_digest(self._tag(b"cookie", source.pack() + ends), tag)
        return right and now <= _EXPIRY.unpack(ends)[0]

    def ticket(self, source: Address, session: bytes, ends: float) -> bytes:
        """38 bytes: address, the second at which it ends, and its tag, which holds for one session."""
        plain = source.pack() + _EXPIRY.pack(int(ends))
        return plain + self._tag(b"ticket", session + plain)

    def of_ticket(self, data: bytes, session: bytes, now: float) -> Address | None:
        """The address of a ticket of this session; None if it is forged or has ended."""
        plain, tag = data[:-_TAG_BYTES], data[-_TAG_BYTES:]
        if not hmac.compare_digest(self._tag(b"ticket", session + plain), tag):
            return None
        return Address.read(plain[:18]) if now <= _EXPIRY.unpack(plain[18:])[0] else None

    def _tag(self, use: bytes, data: bytes) -> bytes:
        return hmac.digest(self._secret, use + data, "sha256")[:_TAG_BYTES]

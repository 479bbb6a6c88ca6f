# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof inside a message that must look like SIP: who made it, in which session, and which message it is.

A marker is 35 characters, ``vep`` and 20 bytes in base32 (lower case, ``a-z`` and ``2-7``; read in any case):

====== ===== =========================================================================
offset bytes field
====== ===== =========================================================================
0      8     session, as in the frames
8      1     wish: what the client wants of an INVITE's answers, ``STANDARD`` or ``HOLD``
9      3     number of the message within its session
12     8     HMAC-SHA256 over maker and the 12 bytes above, cut to 8 bytes
====== ===== =========================================================================

The first 12 bytes are the message's id, by which the reflector keeps it. The maker tells a request of the client from an
answer or a request of the reflector. Where it stands:

* in the client's requests: ``Via: ...;branch=z9hG4bK<marker>``, ``Call-ID: <marker>@...``, ``User-Agent: ... <marker>``;
* in the reflector's answers: ``To: ...;tag=<marker>``, the same id, made by the reflector;
* in the reflector's INVITE: as in the client's requests, made by the reflector.

Whatever edits a message may harm one of them; each one by itself is enough.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .frames import Keys

CLIENT, REFLECTOR = b"client", b"reflector"
# After an INVITE: 183 with SDP and then 488, which closes what an ALG opened; or 183 alone, and the client ends it by BYE.
STANDARD, HOLD = 0, 1
CHARACTERS = 35
ID_BYTES = 12

_TAG_BYTES = 8
_WRITTEN = re.compile(rb"vep([a-z2-7]{32})", re.I)
# A forger may write as many as fit a datagram; each costs a hash.
_TRIES = 8


@dataclass(frozen=True)
class Mark:
    """A marker as it was read, which anybody can write: only `authentic` proves it."""

    session: bytes
    wish: int
    number: int
    tag: bytes

    @property
    def id(self) -> bytes:
        """The 12 bytes by which the message is kept and fetched."""
        return id_of(self.session, self.number, self.wish)


def id_of(session: bytes, number: int, wish: int = STANDARD) -> bytes:
    """The id of a message. Raises OverflowError if the number is not of 0 to 16777215 or the wish not of 0 to 255."""
    return session + wish.to_bytes(1, "big") + number.to_bytes(3, "big")


def marker(keys: Keys, maker: bytes, message_id: bytes) -> str:
    """The marker of a message, with the keys of its session."""
    return "vep" + base64.b32encode(message_id + _tag(keys, maker, message_id)).decode("ascii").lower()


def marks_in(data: bytes) -> Iterator[Mark]:
    """The first different markers in these bytes, eight at most, not yet held against a key."""
    seen: set[bytes] = set()
    for found in _WRITTEN.finditer(data):
        text = found.group(1).upper()
        if text in seen:
            continue
        if len(seen) == _TRIES:
            return
        seen.add(text)
        raw = base64.b32decode(text)
        yield Mark(raw[:8], raw[8], int.from_bytes(raw[9:12], "big"), raw[12:])


def authentic(keys: Keys, maker: bytes, mark: Mark) -> bool:
    """Whether that maker made it, with these keys; the keys must be those of ``mark.session``."""
    return hmac.compare_digest(_tag(keys, maker, mark.id), mark.tag)


def find(keys: Keys, maker: bytes, session: bytes, data: bytes) -> Mark | None:
    """The first authentic marker of one session in these bytes, or None."""
    for mark in marks_in(data):
        if mark.session == session and authentic(keys, maker, mark):
            return mark
    return None


def _tag(keys: Keys, maker: bytes, message_id: bytes) -> bytes:
    return hmac.digest(keys.marker, maker + b"\0" + message_id, "sha256")[:_TAG_BYTES]

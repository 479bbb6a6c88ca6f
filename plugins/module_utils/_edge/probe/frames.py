# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The envelope in which probe client and reflector talk, the same over UDP and TCP.

A frame, all numbers big-endian:

====== ======== ==========================================================================================
offset bytes    field
====== ======== ==========================================================================================
0      4        magic ``VEP1``
4      1        type, one of the constants below
5      8        session, chosen by the reflector in OPENED; eight zero bytes in HELLO, COOKIE, OPEN and OPENED
13     12       nonce, random in a request; the answer and the packet of a POKE repeat it
25     2        size of the masked part, which is what follows less the tag
27     size     masked: 2 bytes length of the body, the body, zero bytes up to the size
27+size 16      tag: HMAC-SHA256 over all that is in front of it, cut to 16 bytes
====== ======== ==========================================================================================

The mask keeps programs away that rewrite addresses wherever they see one. It is no encryption and hides nothing worth
hiding. A request is padded by its sender so that what it causes to be sent is never longer than itself.

This package is copied as a whole to the reflector's host: nothing in it may import from outside of it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass

MAGIC = b"VEP1"
HELLO, COOKIE, OPEN, OPENED, ECHO, ECHOED, FETCH, DATA, POKE, POKED, PING = range(1, 12)
NAMES = ("", "HELLO", "COOKIE", "OPEN", "OPENED", "ECHO", "ECHOED", "FETCH", "DATA", "POKE", "POKED", "PING")
REQUESTS = (HELLO, OPEN, ECHO, FETCH, POKE)

NO_SESSION = bytes(8)
TAG_BYTES = 16
# Of a whole frame. 1200 bytes and the headers of IPv6 and UDP fit the smallest packet that IPv6 must carry (1280).
OVERHEAD = 27 + 2 + TAG_BYTES
LARGEST = 1200
# The key is guessed at leisure by whoever has caught one frame: the text must be too long for that.
KEY_CHARACTERS = 32

_HEAD = struct.Struct("!4sB8s12sH")


@dataclass(frozen=True)
class Keys:
    """What a session signs and masks with: the frames' tag, the frames' mask, the tag of markers."""

    tag: bytes
    mask: bytes
    marker: bytes


@dataclass(frozen=True)
class Frame:
    """An authentic frame: body without padding; ``size`` is what it took on the wire, and so what its answer may take."""

    type: int
    session: bytes
    nonce: bytes
    body: bytes
    size: int


@dataclass(frozen=True)
class Head:
    """What a frame says of itself before anything is proven; ``size`` is that of the whole frame."""

    type: int
    session: bytes
    nonce: bytes
    size: int


def new_nonce() -> bytes:
    return os.urandom(12)


def keys_of(secret: str, session: bytes = NO_SESSION) -> Keys:
    """The keys of a session, from the pre-shared secret. Raises ValueError if the secret is shorter than 32 characters."""
    if len(secret) < KEY_CHARACTERS:
        raise ValueError(f"the pre-shared key has fewer than {KEY_CHARACTERS} characters")
    master = hmac.digest(secret.encode("utf-8"), b"voip.edge probe 1" + session, "sha256")
    return Keys(*(hmac.digest(master, use, "sha256") for use in (b"tag", b"mask", b"marker")))


def seal(keys: Keys, kind: int, nonce: bytes, body: bytes, session: bytes = NO_SESSION, size: int = 0) -> bytes:
    """A frame of at least ``size`` bytes, longer only if the body needs it. Raises ValueError above 65535 bytes."""
    room = max(2 + len(body), size - _HEAD.size - TAG_BYTES)
    if room > 0xFFFF - _HEAD.size - TAG_BYTES:
        raise ValueError("a frame cannot be that long")
    head = _HEAD.pack(MAGIC, kind, session, nonce, room)
    plain = struct.pack("!H", len(body)) + body + bytes(room - 2 - len(body))
    signed = head + _masked(keys, kind, nonce, plain)
    return signed + hmac.digest(keys.tag, signed, "sha256")[:TAG_BYTES]


def head_of(data: bytes) -> Head | None:
    """What a frame at the beginning of these bytes says of itself; None if they do not begin with one, or not yet."""
    if len(data) < _HEAD.size or not data.startswith(MAGIC):
        return None
    kind, session, nonce, room = _HEAD.unpack_from(data)[1:]
    return Head(kind, session, nonce, _HEAD.size + room + TAG_BYTES)


def unseal(keys: Keys, data: bytes) -> Frame | None:
    """The frame that these bytes are, no more and no less; None if it is not of these keys, cut or altered."""
    head = head_of(data)
    if head is None or head.size != len(data) or head.size < OVERHEAD:
        return None
    signed, tag, head_size = data[:-TAG_BYTES], data[-TAG_BYTES:], _HEAD.size
    if not hmac.compare_digest(hmac.digest(keys.tag, signed, "sha256")[:TAG_BYTES], tag):
        return None
    plain = _masked(keys, head.type, head.nonce, signed[head_size:])
    length = int.from_bytes(plain[:2], "big")
    if length > len(plain) - 2:
        return None
    return Frame(head.type, head.session, head.nonce, plain[2:][:length], len(data))


def _masked(keys: Keys, kind: int, nonce: bytes, data: bytes) -> bytes:
    """The bytes under the counter stream of key, type and nonce; masking twice gives them back."""
    seed = keys.mask + bytes((kind,)) + nonce
    blocks = range((len(data) + 31) // 32)
    stream = b"".join(hashlib.sha256(seed + block.to_bytes(4, "big")).digest() for block in blocks)[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control channel over TCP, for sites that let no UDP to the control port out. The frames are the same."""

from __future__ import annotations

import asyncio
import socket

from . import frames
from .bodies import Address

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 5.0
"""TCP repeats what is lost, after a second at first and then after two: an answer takes that long where both were lost."""
_LONGEST_FRAME = 8192


class Stream:
    """A connection to the reflector's control port, made when it is needed, and anew where it broke.

    Questions are told apart by the nonce of their frame, so many can be under way at a time.
    """

    def __init__(self, local: str, server: Address) -> None:
        self.local, self.server = local, server
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Future[None] | None = None
        self._connecting = asyncio.Lock()
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}

    async def ask(self, frame: bytes, nonce: bytes) -> bytes | None:
        """The frame with that nonce that comes back, whoever made it; None without a connection or in time."""
        writer = await self._connected()
        if writer is None:
            return None
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[nonce] = future
        try:
            writer.write(frame)
            return await asyncio.wait_for(future, ANSWER_SECONDS)
        except (OSError, asyncio.TimeoutError):
            return None
        finally:
            del self._waiting[nonce]

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def _connected(self) -> asyncio.StreamWriter | None:
        async with self._connecting:
            if self._writer is None:
                making = asyncio.open_connection(*self.server, local_addr=(self.local, 0), family=socket.AF_INET)
                try:
                    reader, writer = await asyncio.wait_for(making, CONNECT_SECONDS)
                except (OSError, asyncio.TimeoutError):
                    return None
                self._writer, self._reading = writer, asyncio.ensure_future(self._read(reader, writer))
            return self._writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hands out frames until the connection ends, or says what is no frame."""
        data = b""
        try:
            while True:
                head = frames.head_of(data)
                if head is not None and head.size <= len(data):
                    size = head.size
                    self._hand_out(head.nonce, data[:size])
                    data = data[size:]
                    continue
                piece = b"" if head is None and len(data) >= frames.OVERHEAD else await reader.read(_LONGEST_FRAME)
                if not piece or (head is not None and head.size > _LONGEST_FRAME):
                    return
                data += piece
        except OSError:
            return
        finally:
            self._broken(writer)

    def _hand_out(self, nonce: bytes, frame: bytes) -> None:
        future = self._waiting.get(nonce)
        if future is not None and not future.done():
            future.set_result(frame)

    def _broken(self, writer: asyncio.StreamWriter) -> None:
        """Nobody waits for answers that cannot come any more; the next question connects anew."""
        writer.close()
        if self._writer is writer:
            self._writer = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the control connection ended"))

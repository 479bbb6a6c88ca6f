# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HTTPS needs at first use, made once in a process that forks, so that every fork has it."""

from __future__ import annotations

import codecs
import contextlib
import io
import ssl
from http.client import parse_headers

from .http_wire import tls_context


def warm_up() -> None:
    """Makes the usual contexts (40 ms, for the authorities), OpenSSL's tables (2 ms) and the codec of the answers (1 ms)."""
    tls_context(True, None, False)
    tls_context(False, None, False)
    _shake_own_hand()
    parse_headers(io.BytesIO(b"Server: rehearsal\r\n\r\n"))
    codecs.lookup("utf-8-sig")


def _shake_own_hand() -> None:
    """A handshake in memory. It needs no certificate, and no device is ever talked to like this."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = []
    for kind, incoming, outgoing in ((ssl.PROTOCOL_TLS_CLIENT, back, there), (ssl.PROTOCOL_TLS_SERVER, there, back)):
        context = ssl.SSLContext(kind)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.set_ciphers("aNULL:@SECLEVEL=0")
        except ssl.SSLError:
            return  # an OpenSSL that was built without them
        ends.append(context.wrap_bio(incoming, outgoing, server_side=kind == ssl.PROTOCOL_TLS_SERVER))
    for _flight in range(3):
        for end in ends:
            with contextlib.suppress(ssl.SSLError):  # it waits for the other end
                end.do_handshake()

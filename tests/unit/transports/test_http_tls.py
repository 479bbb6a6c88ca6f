# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The http transport: whose certificate it accepts, and which TLS."""

from __future__ import annotations

import re
import socket
import ssl
import warnings
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import (
    BadInput,
    DeviceTimeout,
    HostKeyRefused,
    Unreachable,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.transports import http_wire
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpSession
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.rehearsal import warm_up
from tests.unit.transports.http_server import Identity, Server, Talk, ended, make_identity, saying, session, silent

SECRET = 'pa"ss&wörd-7421'


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "router")


def _secure(server: Server, **more: Any) -> HttpSession:
    return session(server, scheme="https", **more)


def _spelled(fingerprint: str) -> list[str]:
    colons = ":".join(fingerprint[i : i + 2] for i in range(0, 64, 2))
    return [fingerprint, fingerprint.upper(), colons, colons.upper(), "SHA256:" + colons, f" sha256={colons}\n"]


def test_a_pinned_certificate_is_accepted_however_it_is_spelled(identity: Identity) -> None:
    with Server(saying(200, b"ok"), identity.context) as server:
        for pin in _spelled(identity.fingerprint):
            asking = _secure(server, tls_fingerprint=pin)
            assert asking.request("GET", "/a").text() == "ok"
            asking.close()
        asking = _secure(server, tls_fingerprint=identity.fingerprint, ca_file="/nonexistent")
        assert asking.request("GET", "/a").text() == "ok", "the pin alone decides"
        asking.close()


def test_a_wrong_fingerprint_sends_nothing(identity: Identity) -> None:
    came = []

    def handler(talk: Talk) -> None:
        came.append(talk.sock.recv(1))  # an abrupt end raises and leaves nothing either

    with Server(handler, identity.context) as server:
        asking = _secure(server, tls_fingerprint="0" * 64, verify=False)
        asking.use_basic("admin", SECRET)
        with pytest.raises(HostKeyRefused, match="Nothing was sent") as caught:
            asking.request("GET", "/a")
    assert b"".join(came) == b""
    text = str(caught.value)
    assert identity.fingerprint in text.replace(":", "").lower()
    assert "0" * 64 in text
    assert "voip_edge_tls_fingerprint" in text


def test_an_unknown_certificate_is_refused_with_its_fingerprint(identity: Identity) -> None:
    came = []

    def handler(talk: Talk) -> None:
        came.append(talk.sock.recv(1))  # an abrupt end raises and leaves nothing either

    with Server(handler, identity.context) as server, pytest.raises(HostKeyRefused) as caught:
        _secure(server).request("GET", "/a")
    text = str(caught.value)
    assert re.search(r"GET /a at .*: the certificate was not accepted: self.signed certificate", text)
    pin = re.search(r'set voip_edge_tls_fingerprint: "([0-9A-F:]+)"', text)
    assert pin is not None
    assert pin.group(1).replace(":", "").lower() == identity.fingerprint
    assert b"".join(came) == b""
    with Server(saying(200), identity.context) as server:
        assert _secure(server, tls_fingerprint=pin.group(1)).request("GET", "/a").status == 200


def test_a_certificate_that_is_shown_once_only(identity: Identity) -> None:
    with Server(lambda talk: None, identity.context) as server:
        real = identity.context.wrap_socket

        class OnlyOnce:
            def wrap_socket(self, sock: socket.socket, server_side: bool) -> ssl.SSLSocket:
                if server.connections > 1:
                    raise OSError("gone")
                return real(sock, server_side=server_side)

        server._tls = OnlyOnce()  # type: ignore[assignment]
        with pytest.raises(HostKeyRefused, match="fingerprint could not be read"):
            _secure(server).request("GET", "/a")


def test_an_authority_of_ones_own_or_none(identity: Identity, tmp_path: Path) -> None:
    with Server(saying(200, b"ok"), identity.context) as server:
        for more in ({"ca_file": identity.file}, {"ca_file": identity.file, "host": "localhost"}, {"verify": False}):
            asking = _secure(server, **more)
            assert asking.request("GET", "/a").text() == "ok"
            asking.close()
        other = make_identity(tmp_path, "other")
        with pytest.raises(HostKeyRefused, match="not accepted"):
            _secure(server, ca_file=other.file).request("GET", "/a")
        empty = tmp_path / "empty.pem"
        empty.write_text("nothing")
        for path in ("/nonexistent/ca.pem", str(empty)):
            with pytest.raises(BadInput, match=f"ca_file: {path} cannot be used"):
                _secure(server, ca_file=path).request("GET", "/a")


def test_a_certificate_of_another_name_is_refused(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(saying(200), identity.context) as server:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found)
        with pytest.raises(HostKeyRefused, match=r"(?i)hostname mismatch"):
            _secure(server, host="fw.example.com", ca_file=identity.file).request("GET", "/a")


def test_a_connection_over_tls_is_kept_and_reopened(identity: Identity) -> None:
    def handler(talk: Talk) -> None:
        for count in range(3):
            talk.request()
            talk.reply(200, f"{talk.number}.{count}".encode())

    with Server(handler, identity.context) as server:
        asking = _secure(server, tls_fingerprint=identity.fingerprint)
        assert [asking.request("GET", "/a").text() for count in range(3)] == ["1.0", "1.1", "1.2"]
        assert ended(asking)
        assert asking.request("GET", "/a").text() == "2.0"
        asking.close()


def test_old_tls_only_when_asked(identity: Identity) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.load_cert_chain(identity.file, identity.file.replace(".pem", ".key"))
    with Server(saying(200, b"old"), old) as server:
        with pytest.raises(Unreachable, match=r"TLS handshake failed .*legacy_tls: true \(voip_edge_legacy_tls\)"):
            _secure(server, tls_fingerprint=identity.fingerprint).request("GET", "/a")
        asking = _secure(server, tls_fingerprint=identity.fingerprint, legacy_tls=True)
        assert asking.request("GET", "/a").text() == "old"
        asking.close()


def _hello(answer: bytes) -> Callable[[Talk], None]:
    def handler(talk: Talk) -> None:
        talk.sock.recv(10000)
        talk.send(answer)

    return handler


@pytest.mark.parametrize(
    ("answer", "legacy", "text"),
    [
        (b"", False, "the device closed the connection.*set legacy_tls"),
        (b"", True, r"the TLS handshake failed \(the device closed the connection\)$"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False, "does not speak TLS on this port"),
        (b"\x15\x03\x01\x00\x02\x02\x28", False, "legacy_tls: true"),
        (b"\x15\x03\x01\x00\x02\x02\x28", True, r"HANDSHAKE_FAILURE\)$"),
        (b"\x15\x03\x03\x00\x02\x02\x2f", False, r"handshake failed \([A-Z0-9_]*ILLEGAL_PARAMETER\)$"),
    ],
)
def test_a_handshake_that_fails_says_why(answer: bytes, legacy: bool, text: str) -> None:
    with Server(_hello(answer)) as server, pytest.raises(Unreachable, match=text):
        _secure(server, legacy_tls=legacy).request("GET", "/a")


def test_a_handshake_that_never_ends_is_a_timeout() -> None:
    with Server(silent) as server, pytest.raises(DeviceTimeout, match=r"TLS handshake did not end within 0\.3 s"):
        _secure(server, connect_timeout=0.3).request("GET", "/a")


def test_contexts_are_made_once() -> None:
    warm_up()
    made = http_wire.tls_context.cache_info().misses
    warm_up()
    assert http_wire.tls_context.cache_info().misses == made
    assert http_wire.tls_context(True, None, False).minimum_version == ssl.TLSVersion.TLSv1_2
    assert http_wire.tls_context(True, None, False).verify_mode == ssl.CERT_REQUIRED

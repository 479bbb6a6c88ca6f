# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a reflector does what it should: its self-test, on its own host or, which proves more, from another without NAT.

``python3 -m PACKAGE.reflector_check --key FILE --address IP...`` prints JSON with ``passed`` and ``failed``, lists of
sentences, and ends with 0 if nothing failed. From elsewhere it also shows whether the reflector's own host, its container
engine or its provider changes what passes: then no probe against it can be believed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys

from . import bodies
from .bodies import UDP, Address, Opened
from .reflector_settings import CONTROL_PORT, read_key
from .reflector_visitor import NoAnswer, Visitor

RTP_SAMPLES = 8


class Findings:
    """Sentences about what was seen to be right, and about what was not."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[str] = []

    def note(self, right: bool, text: str) -> None:
        (self.passed if right else self.failed).append(text)


def check(secret: str, control: Address) -> Findings:
    """Ask one address of a reflector everything that needs no TCP. Raises OSError where there is no way to it."""
    findings = Findings()
    visitor = Visitor(secret, control)
    try:
        opened = visitor.open()
        findings.note(True, f"{control.ip}: a session was opened at port {control.port}")
        findings.note(
            opened.mapped == visitor.own,
            f"{control.ip}: sent from {visitor.own.ip} port {visitor.own.port}, seen as {opened.mapped.ip} port "
            f"{opened.mapped.port}",
        )
        findings.note(opened.arrived == control, f"{control.ip}: it arrived at {opened.arrived.ip}")
        _silence(visitor, findings)
        _ports(visitor, opened, findings)
    except (NoAnswer, ValueError) as error:
        findings.note(False, f"{control.ip}: {error}")
    finally:
        visitor.close()
    return findings


def _silence(visitor: Visitor, findings: Findings) -> None:
    """Nothing may come back to what is not proven. The answer to the ECHO behind it would come after it."""
    for request in (os.urandom(200), b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\n\r\n"):
        before = visitor.strays
        visitor.socket.sendto(request, tuple(visitor.control))
        visitor.echo()
        silent = visitor.strays == before
        findings.note(silent, f"{visitor.control.ip}: silent to {len(request)} bytes without a proof")


def _ports(visitor: Visitor, opened: Opened, findings: Findings) -> None:
    """An ECHO at each port, a few of the RTP range; OPTIONS at the SIP ports, byte for byte; a packet from the spare one."""
    ip = visitor.control.ip
    index = opened.addresses.index(ip) if ip in opened.addresses else -1
    for span in opened.spans:
        if span.transport != UDP or index not in span.addresses:
            continue
        ports = range(span.first, span.last + 1)
        for port in random.sample(ports, min(RTP_SAMPLES, len(ports))):
            place = Address(ip, port)
            findings.note(visitor.echo(place).arrived == place, f"{ip}: port {port} answers")
            if span.use == bodies.SIP:
                message_id, request, answer = visitor.options(place)
                same = visitor.fetch(message_id, bodies.RECEIVED) == request
                findings.note(same, f"{ip}: OPTIONS to port {port} arrives unchanged")
                same = visitor.fetch(message_id, bodies.SENT) == answer
                findings.note(same, f"{ip}: the answer from port {port} arrives unchanged")
            elif span.use == bodies.SPARE:
                findings.note(visitor.poke(place), f"{ip}: port {port} sends when it is asked to")


def main(arguments: list[str]) -> int:
    """The exit code: 0, 1 if something failed, 2 where key or addresses are not fit."""
    parser = argparse.ArgumentParser(
        prog="reflector_check", description="Ask a reflector whether it does what it should."
    )
    parser.add_argument("--key", required=True, help="file with the pre-shared key")
    parser.add_argument("--address", required=True, nargs="+", help="addresses of the reflector")
    parser.add_argument("--port", type=int, default=CONTROL_PORT, help="its control port")
    options = parser.parse_args(arguments)
    passed: list[str] = []
    failed: list[str] = []
    try:
        secret = read_key(options.key)[0]
        for ip in options.address:
            findings = check(secret, Address(ip, options.port))
            passed += findings.passed
            failed += findings.failed
    except (OSError, ValueError) as error:
        sys.stderr.write(f"reflector_check: {error}\n")
        return 2
    sys.stdout.write(json.dumps({"passed": passed, "failed": failed}, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

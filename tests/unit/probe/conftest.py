# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reflector and a relay in front of it, on addresses of the loopback that this run alone has."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector import Reflector
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_settings import CONTROL_PORT, Settings
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.settings import Options
from tests.lab.relay import Behaviour, Relay

SECRET = "a pre-shared key of enough characters"
RTP = (10000, 10063)
_numbers = itertools.count(1)


@dataclass
class Way:
    """What a test needs of one path: the options of a probe, the relay, and the reflector with its blocked ports."""

    options: Options
    relay: Relay
    reflector: Reflector


def _serve(stack: ExitStack, settings: Settings) -> Reflector:
    reflector = Reflector(settings, (SECRET,))
    thread = threading.Thread(target=_until_stopped, args=(reflector,), daemon=True)
    thread.start()

    def stop() -> None:
        reflector.stopping = True
        thread.join(5)
        reflector.close()

    stack.callback(stop)
    return reflector


def _until_stopped(reflector: Reflector) -> None:
    while not reflector.stopping:
        reflector.step(0.05)


@pytest.fixture(scope="session")
def net() -> Iterator[int]:
    """The second octet of a net of the loopback that no other run of tests on this machine has: its port 5060 is held meanwhile.

    Port 5060 it must be, as phones and ALGs mean that one.
    """
    reason = ""
    for octet in range(64, 192):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind((f"127.{octet}.0.1", 5060))
                tcp.bind((f"127.{octet}.0.1", 5060))
            except OSError as error:
                reason = str(error)
                continue
            yield octet
            return
    pytest.skip(f"port 5060 of the loopback cannot be had: {reason}")


@pytest.fixture
def way(net: int) -> Iterator[Callable[..., Way]]:
    """Makes a path whose NAT behaves as asked."""
    with ExitStack() as stack:

        def make(behaviour: Behaviour | None = None, blocked: tuple[int, ...] = (), **more: object) -> Way:
            # What is blocked is blocked over UDP.
            here = f"127.{net}.{1 + next(_numbers) % 255}"
            reflector = _serve(stack, Settings((f"{here}.4",), rtp_ports=RTP))
            udp = sorted({address.port for address in reflector.settings.places(17)} - set(blocked))
            tcp = sorted({address.port for address in reflector.settings.places(6)})
            relay = stack.enter_context(Relay(f"{here}.2", f"{here}.103", f"{here}.4", udp, tcp, behaviour))
            values = {"reflector_proven": True, "own_nat": False, "local": f"{here}.1", **more}
            options = Options(Address(f"{here}.2", CONTROL_PORT), SECRET, **values)  # type: ignore[arg-type]
            return Way(options, relay, reflector)

        yield make

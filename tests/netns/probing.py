# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe in the LAN and a reflector on the Internet, with the router of a lab between them."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from typing import Any

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import client
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector import Reflector
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_settings import Settings
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.verdicts import Verdict
from tests.lab.netns import SERVER, Lab
from tests.lab.netns.lab import SECOND_SERVER


@contextlib.contextmanager
def reflecting(lab: Lab) -> Iterator[tuple[Address, str]]:
    """A reflector on the Internet: the address of its control port, and its key."""
    settings, key = Settings((SERVER, SECOND_SERVER), rtp_ports=(10000, 10099)), secrets.token_hex(32)
    with lab.wan.entered():
        reflector = Reflector(settings, (key,))
    worker = threading.Thread(target=reflector.run)
    worker.start()
    try:
        yield Address(SERVER, settings.control_port), key
    finally:
        reflector.stopping = True
        worker.join()
        reflector.close()


def outcome(lab: Lab, **more: Any) -> client.Outcome:
    """What a probe in the LAN found out; ``more`` are options of a run."""
    with reflecting(lab) as (server, key), lab.lan.entered():
        return client.probe(client.Options(server, key, reflector_proven=True, own_nat=False, **more))


def probe(lab: Lab) -> Verdict:
    """The verdict of a short run."""
    return outcome(lab).verdict

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests against the simulated devices share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from ansible_collections.voip.edge.plugins.module_utils._edge import engine
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Options
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from tests.lab import Device, Lab

# A busy machine is slow, which is no finding.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

DEFAULTS: dict[str, Any] = {
    "transport": "ssh",
    "use_agent": False,
    "host_key_checking": True,
    "connect_timeout": 5.0,
    "timeout": 5.0,
    "platform": "auto",
    "profile": "default",
}


# A lab for each module: each device keeps its doors open as long as the lab lives, and select() ends at 1024 files.
@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as running:
        yield running


def params(device: Device, **more: Any) -> dict[str, Any]:
    """The options of a task for a simulated device."""
    return {
        **DEFAULTS,
        "name": device.name,
        "host": device.host,
        "port": device.port,
        "user": device.user,
        "password": device.password,
        "become_password": device.enable_secret,
        "host_key": device.host_key,
        **more,
    }


def web_params(device: Any, **more: Any) -> dict[str, Any]:
    """The options of a task for the web interface of a simulated device."""
    door = {
        "platform": device.platform,
        "transport": "https",
        "port": device.http_port,
        "use_ssl": bool(device.tls_fingerprint),
        "validate_certs": True,
        "tls_fingerprint": device.tls_fingerprint or None,
        "legacy_tls": False,
    }
    return {**params(device), **door, **more}


def audit(device: Device, **more: Any) -> engine.Outcome:
    return engine.run(target_of(params(device, **more)), None)


def change(device: Device, check: bool = False, options: Options | None = None, **more: Any) -> engine.Outcome:
    return engine.run(target_of(params(device, **more)), options or Options(), check)


def lines(device: Device) -> list[str]:
    """The writes that reached a device."""
    return [write.line for write in device.journal]

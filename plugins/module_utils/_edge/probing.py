# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the wire probe: from a task's options to a run, and from its outcome to a result."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from .core.errors import BadInput, EdgeError, Unreachable
from .probe.bodies import Address
from .probe.client import Outcome, probe, probe_hops
from .probe.control import NoReflector
from .probe.settings import EVERY_PORT, PROFILES, Options

SCHEMA = "voip.edge/probe/1"
CONTROL_PORT = 29292

SIP_PROBE: dict[str, dict[str, Any]] = {
    "reflector": {"type": "str"},
    "port": {"type": "int", "default": CONTROL_PORT},
    "key": {"type": "str", "no_log": True},
    "profile": {"type": "str", "default": "quick", "choices": sorted(PROFILES)},
    "reflector_proven": {"type": "bool", "default": False},
    "own_nat": {"type": "bool"},
    "local_address": {"type": "str"},
    "lifetime_cap": {"type": "int"},
    "every_media_port": {"type": "bool", "default": False},
    "provider": {"type": "str"},
    "provider_port": {"type": "int", "default": 5060},
    "forwarded_ports": {"type": "str"},
    "redact": {"type": "bool", "default": False},
    "progress_file": {"type": "path"},
}


def sip_probe(params: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a module: the probe's document, or a failure with `error_kind`. Changes nothing anywhere."""
    began = _now()
    try:
        options = options_of(params)
        outcome = _run(options, _progress(params.get("progress_file")))
    except EdgeError as error:
        return {"failed": True, "changed": False, "msg": str(error), "error_kind": error.kind}
    document = document_of(outcome, str(params["profile"]), began, _now())
    return {"changed": False, "probe": redacted(document, outcome) if params.get("redact") else document}


def _run(options: Options, progress: Callable[[str], None]) -> Outcome:
    try:
        return probe(options, progress) if options.secret else probe_hops(options, progress)
    except (NoReflector, OSError) as error:
        raise Unreachable(str(error)) from error
    except ValueError as error:
        raise BadInput(str(error)) from error


def options_of(params: Mapping[str, Any]) -> Options:
    """From a task's options. Raises BadInput that names the option, Unreachable for a name without an address."""
    profile = PROFILES[params["profile"]]
    cap = params.get("lifetime_cap")
    if cap is not None and not 0 <= cap <= 3600:
        raise BadInput(f"lifetime_cap: {cap} is not between 0 and 3600 seconds")
    provider, reflector, key = params.get("provider"), params.get("reflector"), params.get("key")
    if bool(reflector) != bool(key) or not (reflector or provider):
        raise BadInput("reflector and key are needed, or provider alone for what can be said without a reflector")
    return Options(
        Address(
            _resolved("reflector" if reflector else "provider", reflector or provider), _port("port", params["port"])
        ),
        key or "",
        bool(params["reflector_proven"]),
        params.get("own_nat"),
        _resolved("local_address", params["local_address"]) if params.get("local_address") else "",
        lifetime_cap=float(profile.lifetime_cap if cap is None else cap),
        media_samples=EVERY_PORT if params.get("every_media_port") else profile.media_samples,
        provider=Address(_resolved("provider", provider), _port("provider_port", params["provider_port"]))
        if provider
        else None,
        forwarded=_range(params["forwarded_ports"]) if params.get("forwarded_ports") else None,
        second_phone=profile.second_phone,
    )


def _resolved(name: str, host: Any) -> str:
    """An IPv4 address. What ALGs do to IPv6 was measured nowhere, so it is refused instead of half tested."""
    try:
        found = socket.getaddrinfo(str(host), None, 0, socket.SOCK_DGRAM)
    except OSError as error:
        raise Unreachable(f"{name}: '{host}' has no address here: {error}") from error
    for family, _kind, _protocol, _canonical, address in found:
        if family == socket.AF_INET:
            return str(address[0])
    raise BadInput(
        f"{name}: '{host}' has an IPv6 address and no IPv4 address, and the probe tests IPv4 only: give an IPv4 address, or "
        "a name that has one"
    )


def _port(name: str, value: int) -> int:
    if not 0 < value < 65536:
        raise BadInput(f"{name}: {value} is no port")
    return value


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?", text)
    first, last = (int(found.group(1)), int(found.group(2) or found.group(1))) if found else (0, 0)
    if not 1024 <= first <= last <= 65535:
        raise BadInput(f"forwarded_ports: '{text}' is no range such as 10000-20000; ports below 1024 are not tried")
    return first, last


def _progress(path: str | None) -> Callable[[str], None]:
    """Appends each line as it comes, so that somebody can watch. Raises BadInput where that cannot be written."""

    def note(text: str) -> None:
        if path:
            try:
                with open(path, "a", encoding="utf-8") as handle:
                    handle.write(f"{_now()} {text}\n")
            except OSError as error:
                raise BadInput(f"progress_file: {error}") from error

    return note


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def document_of(outcome: Outcome, profile: str, started: str, finished: str) -> dict[str, Any]:
    """What is kept of a run: the verdict with its evidence, the facts beside it, and what was not tested."""
    return {
        "schema": SCHEMA,
        "profile": profile,
        "started": started,
        "finished": finished,
        **outcome.verdict.as_dict(),
        "facts": outcome.facts,
    }


def redacted(document: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    """The same without the addresses of the site and of the server; which of them it was stays to be seen."""
    known = outcome.evidence.addresses
    names = {known.mapped: "(public address)", known.local: "(LAN address)"}
    names.update(dict.fromkeys(known.reflector, "(server)"))
    text = json.dumps(document)
    for address, name in names.items():
        if not address:
            continue
        text = re.sub(rf"(?<![\d.]){re.escape(address)}(?![\d.])", name, text)
    found: dict[str, Any] = json.loads(text)
    return found

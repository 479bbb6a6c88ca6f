# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record: the one document about one host from one run. Its keys are an interface; see docs/schema/record-1.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import EdgeError
from .model import Assessment, Step
from .verdict import overall

SCHEMA = "voip.edge/record/1"
VERSION = "0.1.0"
MODES = ("check", "apply", "backup")

_NOT_REACHED = ("unreachable", "host_key", "timeout")


def record(
    host: str,
    mode: str,
    started: str,
    finished: str,
    platform: str,
    seen: Assessment,
    plan: Sequence[Step] = (),
    done: Sequence[Step] = (),
    extra_findings: Sequence[Any] = (),
    advice: Sequence[str] = (),
) -> dict[str, Any]:
    """A record of a host that was read. Times are ISO 8601 in UTC with a final Z."""
    return {
        "schema": SCHEMA,
        "collection": VERSION,
        "host": host,
        "mode": mode,
        "started": started,
        "finished": finished,
        "platform": platform,
        "model": seen.model,
        "firmware": seen.firmware,
        "compliance": overall(seen.aspects.values()),
        "aspects": {name: a.as_dict() for name, a in seen.aspects.items()},
        "findings": [f.as_dict() for f in tuple(seen.findings) + tuple(extra_findings)],
        "plan": [s.as_dict() for s in plan],
        "done": [s.as_dict() for s in done],
        "advice": list(dict.fromkeys(tuple(seen.advice) + tuple(advice))),
        "not_checked": list(seen.not_checked),
    }


def failure(
    host: str,
    mode: str,
    started: str,
    finished: str,
    platform: str | None,
    error: EdgeError,
    opened: bool,
    done: Sequence[Step] = (),
) -> dict[str, Any]:
    """A record of a host about which nothing could be said. It replaces an older record, which is no answer for today.

    `opened` tells whether a session came about: a host that hung afterwards was reached, its state is undetermined.
    """
    return {
        "schema": SCHEMA,
        "collection": VERSION,
        "host": host,
        "mode": mode,
        "started": started,
        "finished": finished,
        "platform": platform,
        "model": None,
        "firmware": None,
        "compliance": "not_reached" if error.kind in _NOT_REACHED and not opened else "undetermined",
        "aspects": {},
        "findings": [],
        "plan": [],
        "done": [s.as_dict() for s in done],
        "advice": [],
        "not_checked": [f"everything: {error}"],
        "error": {"kind": error.kind, "text": str(error)},
    }

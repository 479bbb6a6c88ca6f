# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peplinks as data: how their API answers, and what they are instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PeplinkVariant:
    """A Peplink. ``info``: what the firmware request gives. ``sip``: the stored mode, which no request shows.

    ``flags``: ``no_api`` (older firmware), ``first_login`` (the password must be changed), ``http_401`` (a refused log-in has that
    status), ``unmarked`` (a log-in page without the marks), ``no_info`` (does not know the request), ``expired`` (ends a session at
    once, and says so with status 200).
    """

    name: str
    doc: str
    info: Any = field(default_factory=lambda: {"1": {"version": "8.1.1 build 4990", "inUse": True}})
    sip: str = "standard"
    post: int = 1
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=dict)


TWO = {"1": {"version": "8.1.0 build 4941", "inUse": False}, "2": {"version": "8.1.1 build 4990", "inUse": True}}
_ALL = (
    PeplinkVariant("balance", "Standard Mode: the ALG acts, and no request says so"),
    PeplinkVariant("compatibility", "Compatibility Mode: no request says so either", sip="compatibility"),
    PeplinkVariant("two-firmwares", "shows two versions", info=TWO),
    PeplinkVariant("other-answer", "describes its firmware in another way", info={"firmware": ["8.5.2"]}),
    PeplinkVariant("read-only", "the account may only read", post=0),
    PeplinkVariant("no-api", "firmware before 7.0", flags=frozenset({"no_api"})),
    PeplinkVariant("first-login", "the factory password must be changed first", flags=frozenset({"first_login"})),
    PeplinkVariant("no-info", "does not know the firmware request", flags=frozenset({"no_info"})),
    PeplinkVariant("expired", "ends the session at once", flags=frozenset({"expired"})),
    PeplinkVariant("unmarked", "a web administration without the marks", flags=frozenset({"unmarked"})),
)
VARIANTS = {variant.name: variant for variant in _ALL}

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session on a device that is configured by requests, with the face that a command line has.

A line is a method, a path and, for a write, a JSON document: `PUT /voip {"voip": ...}`. So plans, scripts and proofs are the
same for both kinds of device. A read may name the type that it wants instead of JSON: `GET /export text/plain`.

Some entries can only be addressed by an id that the device gives when it makes them. A line names such an entry by its name:
`DELETE /nat-policies/uuid/{name:sip}` is sent with the `uuid` of the one entry called `sip` in `GET /nat-policies`, read just
before. So a plan and its inverse are known before the entry is there, and can be kept.

A family of devices that is not talked to in JSON has lines of its own, which its door turns into requests; only their first word,
or the `send` of the door, says what is a read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable

from ..core.errors import CommandRefused, ConnectionLost, DeviceTimeout, EdgeError, Refusal
from .http import BODY_LIMIT, HttpSession, Reply


@dataclass(frozen=True)
class Door:
    """How a family of devices is entered and left, and how it says no. `base` stands before every path.

    * `log_in(session, extra)` enters, once; `extra` holds a second factor and whether a present session may be ended.
    * `log_out(session)` leaves, on every path.
    * `refusal(reply)` is the device's own word for a refused request, or None.
    * `commit` makes staged writes live; `discard` drops ours; both "" where writes are live at once.
    * `write_headers(session)` go with every write; `body_limit` bytes of an answer are taken.
    * `takes_token`: whether an API token opens it without a name and a password.
    * `locked(word)`: whether a refusal means that another administrator holds the configuration; `seize` takes it over,
      which happens only when it was asked for, and `release` gives it back.
    """

    base: str
    log_in: Callable[[HttpSession, dict[str, Any]], None]
    log_out: Callable[[HttpSession], None]
    refusal: Callable[[Reply], str | None]
    commit: str = ""
    discard: str = ""
    locked: Callable[[str], bool] = lambda word: False
    seize: str = ""
    release: str = ""
    write_headers: Callable[[HttpSession], dict[str, str]] = lambda session: {}
    body_limit: int = BODY_LIMIT
    takes_token: bool = False
    send: Callable[[HttpSession, str, bool], Reply] | None = None
    """`send(session, line, reads)` carries out a line of such a family. Raises CommandRefused, Refusal and what a request raises."""


def only_reads(*paths: str) -> Callable[[HttpSession, str, bool], Reply]:
    """The `send` of a family that is read and never written: nothing but GET requests of these paths leaves."""

    def send(session: HttpSession, line: str, reads: bool) -> Reply:
        path = line.removeprefix("GET ")
        if not reads or not line.startswith("GET ") or path not in paths:
            raise Refusal(
                f"'{line}' is not sent: of this device these pages are read and nothing else: {', '.join(paths)}"
            )
        return session.request("GET", path)

    return send


def by_status(reply: Reply) -> str | None:
    """The `refusal` of a family whose status says all."""
    return None if reply.status == 200 else f"HTTP {reply.status} {reply.excerpt()}".strip()


_NAMED = re.compile(r"^([A-Z]+ )(/[^ {}]+)/(\w+)/\{name:([^{}]+)\}(.*)$", re.DOTALL)
_ID = re.compile(r"[\w.:-]+")


def _ids(text: str, key: str, name: str) -> list[str]:
    """The ids, under that key, of the entries of that name in a list."""
    try:
        entries = list(_objects(json.loads(text)))
    except ValueError:
        return []
    found = [entry.get(key) for entry in entries if entry.get("name") == name]
    return [value for value in found if isinstance(value, str) and _ID.fullmatch(value)]


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
    for part in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from _objects(part)


class RestSession:
    """One logged-in session. `ask` reads and may be used in an audit; `write` changes and is refused unless allowed."""

    resumes = True
    """The login outlives a broken connection."""

    @property
    def stages(self) -> bool:
        """Whether what was not committed is gone when it is discarded, all of it at once."""
        return bool(self._door.discard)

    def __init__(self, session: HttpSession, door: Door, extra: dict[str, Any]) -> None:
        self._session = session
        self._door = door
        self._extra = extra
        self._inside = False
        self._staged = False
        self._seized = False
        self.may_write = False

    def greet(self) -> None:
        """Logs in."""
        self._door.log_in(self._session, self._extra)
        self._inside = True

    def adopt(self, _dialect: Any) -> None:
        """A device of requests has one way to talk."""

    def prepare(self, _secret: str | None) -> str:
        """Nothing to prepare: privileges come with the login."""
        return ""

    def ask(self, line: str) -> str:
        """The body of a read; a refusal is returned as it came, with its status in front."""
        if self._door.send is not None:
            reply = self._door.send(self._session, line, True)
        else:
            path, _sep, kind = line.split(" ", 1)[1].partition(" ")
            reply = self._session.request("GET", self._door.base + path, accept=kind or "application/json")
        said = self._door.refusal(reply)
        return reply.text() if said is None else f"{reply.status} {said}"

    def is_error(self, reply: str) -> bool:
        """Whether an answer of `ask` is a refusal."""
        return reply[:3].isdigit() and reply[3:4] == " "

    def write(self, line: str) -> str:
        """Carries out a line. Raises CommandRefused with the device's own word."""
        if not self.may_write:
            raise AssertionError(f"a write was attempted in a session that may only read: {line}")
        self._session.may_write = True
        named, line = line, self._addressed(line)
        stages = bool(self._door.commit) and line not in (self._door.commit, self._door.discard)
        try:
            reply = self._send(line)
        except (ConnectionLost, DeviceTimeout):
            self._staged = self._staged or stages  # it may have arrived
            raise
        said = self._door.refusal(reply)
        if said is not None and self._extra.get("take_over") and self._door.locked(said) and not self._seized:
            self._seized = True
            self._send(self._door.seize)
            reply = self._send(line)
            said = self._door.refusal(reply)
        if said is not None:
            raise CommandRefused(" ".join(named.split(" ", 2)[:2]), said)
        self._staged = stages
        return reply.text()

    def _addressed(self, line: str) -> str:
        """The line with the id of the entry that it names. Raises CommandRefused unless there is exactly one of that name."""
        found = _NAMED.match(line)
        if found is None:
            return line
        head, listed, key, name, tail = found.groups()
        ids = _ids(self.ask(f"GET {listed}"), key, name)
        if len(ids) != 1:
            how = "nothing there has that name" if not ids else f"{len(ids)} entries have that name"
            raise CommandRefused(" ".join(line.split(" ", 2)[:2]), f"'{name}' is not one entry of {listed}: {how}")
        return f"{head}{listed}/{key}/{ids[0]}{tail}"

    def _send(self, line: str) -> Reply:
        if self._door.send is not None:
            return self._door.send(self._session, line, False)
        method, _sep, rest = line.partition(" ")
        path, _sep, body = rest.partition(" ")
        headers = {**({"Content-Type": "application/json"} if body else {}), **self._door.write_headers(self._session)}
        return self._session.request(
            method, self._door.base + path, body=body or None, headers=headers, accept="application/json"
        )

    def leave_nested(self) -> None:
        """Drops what is staged and not committed. It is ours: with somebody else's edits pending nothing is written."""
        if self._staged and self._door.discard:
            self.write(self._door.discard)

    def close(self, polite: bool = True) -> None:
        """Logs out and hangs up, whatever happens."""
        try:
            # also after a broken connection: a session left open would keep the next administrator out
            if self._inside:
                self.leave_nested()
                if self._seized:
                    self._send(self._door.release)
                self._door.log_out(self._session)
        except EdgeError:
            self._inside = False  # it hung up, as it should
        finally:
            self._session.close()

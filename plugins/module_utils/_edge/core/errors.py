# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the collection: one base, one kind each, and a sentence that says what was asked, what came back and what to do."""

from __future__ import annotations


class EdgeError(Exception):
    """Base of all errors. `kind` is the stable word that goes into records."""

    kind = "error"


class BadInput(EdgeError):
    """An option cannot be used as given; nothing was touched."""

    kind = "bad_input"


class MissingLibrary(EdgeError):
    """A Python library is missing where the work is done; the argument is its name."""

    kind = "missing_library"

    def __init__(self, library: str, why: str = "") -> None:
        super().__init__(library if not why else f"{library}: {why}")
        self.library = library


class Unreachable(EdgeError):
    """No connection to the device came about."""

    kind = "unreachable"


class HostKeyRefused(EdgeError):
    """The device's SSH key is unknown, or not the one that is expected."""

    kind = "host_key"


class LoginRefused(EdgeError):
    """The device refused the login or the privilege."""

    kind = "login_refused"


class DeviceTimeout(EdgeError):
    """The device stopped answering before a deadline."""

    kind = "timeout"


class ConnectionLost(EdgeError):
    """The device closed the connection in the middle."""

    kind = "connection_lost"


class UnknownReply(EdgeError):
    """The device answered something that cannot be understood; it may be another platform."""

    kind = "unknown_reply"


class CommandRefused(EdgeError):
    """The device rejected one line. `line` is what was sent, `reply` its answer."""

    kind = "refused_command"

    def __init__(self, line: str, reply: str) -> None:
        super().__init__("the device refused the line '{}': {}".format(line, " / ".join(reply.split("\n"))))
        self.line = line
        self.reply = reply


class Refusal(EdgeError):
    """We refuse to change this device; nothing was written."""

    kind = "refusal"


class NotProven(EdgeError):
    """The read-back does not show what was written."""

    kind = "not_proven"

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Cisco IOS or IOS XE router with state."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .device import Device
from .ios_config import IosConfigMode
from .tree import Line, begins, parse, pipe
from .variants.cisco_ios import FORMS, IosVariant, configuration

EXEC_WRITE = re.compile(r"(write|copy|configure|clear|reload|erase|delete|debug|undebug|archive|license|test)\b")
SAVE_FAILURE = "startup-config file open failed (Device or resource busy)"


@dataclass
class Pending:
    """A rollback timer that runs: what comes back, when (minutes of the device's clock), and whose it is."""

    snapshot: Line
    expires: float
    minutes: int
    user: str


class IosDevice(Device):
    platform = "cisco_ios"

    def __init__(self, name: str, variant: IosVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None):
        super().__init__(name, variant, faults, login)
        hostname = f"{name}-branch-router-number-one"[:29] if "long_name" in variant.flags else name
        self.tree = parse(configuration(variant, hostname, self.login.privilege))
        self.saved = copy.deepcopy(self.tree)
        self.pending: Pending | None = None
        self.changed_by: str | None = None
        # (protocol, inside global, inside local, outside)
        self.translations = [
            ("udp", "198.51.100.2:5060", "192.168.10.20:5060", "192.0.2.80:5060"),
            ("udp", "198.51.100.2:1024", "192.168.10.21:5062", "192.0.2.80:5060"),
        ]
        if "no_nat" in variant.flags:
            self.translations = []
        if self.faults.has("pending_revert_timer"):
            self.pending = Pending(copy.deepcopy(self.tree), 30.0, 30, "otheradmin")

    @property
    def hostname(self) -> str:
        return self.tree.starting("hostname")[0].text.split()[1]

    @property
    def version(self) -> str:
        return "29.9(9)Z" if self.faults.has("unknown_version") else str(self.variant.version)

    def running(self) -> str:
        with self.lock:
            return "\n".join(self.tree.render()) + "\n"

    def startup(self) -> str:
        with self.lock:
            return "\n".join(self.saved.render()) + "\n"

    def _load_startup(self) -> None:
        self.tree = copy.deepcopy(self.saved)
        self.pending = None

    def change(self, what: Any) -> None:
        with self.lock:
            if callable(what):
                what(self.tree)
                return
            session = IosSession(self, "otheradmin", quiet=True)
            session.privilege = 15
            session.path = [self.tree]
            session.mode = "config"
            for line in [what] if isinstance(what, str) else what:
                answer = session.run(line)
                if "%" in answer:
                    raise ValueError(f"{line}: {answer}")

    def tick(self, minutes: float) -> None:
        with self.lock:
            super().tick(minutes)
            if self.pending is not None and self.clock >= self.pending.expires:
                self.revert()

    def revert(self) -> None:
        """Put back what was there when the timer was started."""
        assert self.pending is not None
        self.tree = self.pending.snapshot
        self.pending = None
        for session in self.sessions:
            if isinstance(session, IosSession):
                session.leave()

    def archive_path(self) -> str | None:
        block = self.tree.child("archive")
        found = block.starting("path") if block is not None else []
        return found[0].text.split()[1] if found else None

    def open(self, user: str) -> IosSession:
        return IosSession(self, user)


class IosSession(IosConfigMode):
    device: IosDevice
    more = " --More-- "
    more_erase = "\b" * 9 + " " * 8 + "\b" * 9
    wrong_command = "show privilege"

    def __init__(self, device: IosDevice, user: str, quiet: bool = False) -> None:
        super().__init__(device, user, quiet)
        self.privilege = device.login.privilege
        if device.faults.has("read_only") and not device.faults.hits("read_only", "authorization"):
            self.privilege = 1
        self.page_length = 0 if quiet else 24
        self.bad_passwords = 0

    # -- text -----------------------------------------------------------------------------------------------------

    def greeting(self) -> str:
        if self.device.faults.has("prompt_like_banner"):
            return "\n*** Maintenance window tonight #\nedge9#\nfake-router>\nAll actions are logged#\n\n"
        return "\n"

    def prompt(self) -> str:
        name = self.device.hostname
        if self.mode:
            return f"{name[:20]}({self.mode})#"
        return name + ("#" if self.privilege == 15 else ">")

    # -- commands -------------------------------------------------------------------------------------------------

    def run(self, line: str) -> str:
        if line.startswith("!"):
            return ""
        if self.mode:
            return self._config(line)
        return self._exec(expand(line))

    def exec_line(self, line: str) -> str:
        return self._exec(expand(line))

    def _exec(self, line: str) -> str:
        if EXEC_WRITE.match(line) or re.match(r"show .* clear$", line):
            self.note_write(line, "exec")
            if self.faulty("reject", line):
                return self.invalid(line)
            if self.faulty("ignore", line):
                return ""
        if line in ("exit", "logout", "quit"):
            self.closing = True
            return ""
        if line.startswith("terminal "):
            return self._terminal(line)
        if line.startswith("screen-length") and self.faulty("sdwan"):
            self.page_length = int(line.split()[-1])
            return ""
        if line == "enable" or line.startswith("enable "):
            return self._enable()
        if line == "disable":
            self.privilege = 1
            return ""
        if begins(line, "show"):
            return self._show(line)
        if self.privilege < 15:
            return self.invalid(line)
        return self._privileged(line)

    def _terminal(self, line: str) -> str:
        match = re.match(r"terminal (length|width|monitor|no monitor)\s*(\d*)$", line)
        if not match or (match.group(1) == "length" and self.faulty("sdwan")):
            return self.invalid(line, 1)
        if match.group(1) == "length":
            self.page_length = int(match.group(2) or 0)
        return ""

    def _enable(self) -> str:
        if self.privilege == 15:
            return ""
        self.bad_passwords = 0
        return self.question("Password: ", self._enable_answer, secret=True)

    def _enable_answer(self, typed: str) -> str:
        if typed == self.device.enable_secret and not self.faulty("read_only"):
            self.privilege = 15
            return ""
        self.bad_passwords += 1
        if self.bad_passwords < 3:
            return self.question("Password: ", self._enable_answer, secret=True)
        return "% Bad secrets\n"

    def _privileged(self, line: str) -> str:
        if self.faulty("read_only") and EXEC_WRITE.match(line):
            return "Command authorization failed.\n"
        if re.match(r"configure terminal", line):
            return self._configure(line)
        if line == "configure confirm":
            had, self.device.pending = self.device.pending, None
            return "" if had else "%No Rollback Confirmed Change pending"
        if line == "configure revert now":
            if self.device.pending is None:
                return "%No Rollback Confirmed Change pending"
            self.device.revert()
            return "Rollback Confirmed Change: Rolling back to the earlier configuration\n\nTotal number of passes: 1\nRollback Done\n"
        if line in ("write", "write memory"):
            return self._save()
        if line == "copy running-config startup-config":
            return self.question("Destination filename [startup-config]? ", lambda _typed: self._save())
        if line.startswith("clear ip nat translation"):
            if line.endswith("*"):
                self.device.translations = []
            return ""
        if line == "reload":
            return self.question("Proceed with reload? [confirm]", self._reload)
        return self.invalid(line)

    def _reload(self, typed: str) -> str:
        if typed.strip().lower() in ("", "y", "yes"):
            self.device.reboot()
        return ""

    def _save(self) -> str:
        if self.faulty("save_fails"):
            return "Building configuration...\n" + SAVE_FAILURE
        if not self.faulty("ignore_writes"):
            self.device.saved = copy.deepcopy(self.device.tree)
        return "Building configuration...\n[OK]"

    def _configure(self, line: str) -> str:
        if self.faulty("sdwan"):
            return self.invalid(line, 1)
        match = re.match(r"configure terminal(?: revert timer (\d+))?$", line)
        if not match:
            return self.invalid(line, 2)
        intro = ""
        if match.group(1):
            if self.device.archive_path() is None:
                return "%Please turn config archive on"
            if self.device.pending is not None:
                return "%Error: a Rollback Confirmed Change is already pending"
            minutes = int(match.group(1))
            if not 1 <= minutes <= 120:
                return self.invalid(line, 4)
            self.device.pending = Pending(
                copy.deepcopy(self.device.tree), self.device.clock + minutes, minutes, self.user
            )
            intro = (
                f"Rollback Confirmed Change: Backing up current running config to {self.device.archive_path()}-1\n\n"
            )
        self.mode, self.path = "config", [self.device.tree]
        return intro + "Enter configuration commands, one per line.  End with CNTL/Z."

    # -- show -----------------------------------------------------------------------------------------------------

    def _show(self, line: str) -> str:
        command, _sep, filter_text = (part.strip() for part in line.partition("|"))
        body = self._show_body(command)
        if body is None:
            return self.invalid(line, 1)
        if filter_text:
            return "\n".join(pipe(body.split("\n"), filter_text))
        return body

    def _show_body(self, command: str) -> str | None:
        device = self.device
        if command == "show version":
            mode = "Controller-Managed" if self.faulty("sdwan") else "Autonomous"
            form = "xe" if self.faulty("sdwan") else device.variant.form  # there is no other SD-WAN router
            text = FORMS[form].format(version=device.version, hostname=device.hostname, mode=mode)
            if device.faults.has("unknown_version"):
                text = re.sub(r"Version 1\d\.\d\d\.\d\d\w*", "Version 29.09.09", text)
            return text
        if command == "show privilege":
            return f"Current privilege level is {self.privilege}"
        if self.privilege < 15:
            return None
        if begins(command, "show running-config"):
            return self._show_running(command.split()[2:])
        if command == "show startup-config":
            text = "\n".join(device.saved.render())
            return f"Using {len(text)} out of 262136 bytes\n!\n{text}\n"
        if command == "show archive":
            return self._show_archive()
        if command == "show archive config rollback timer":
            return self._show_timer()
        if begins(command, "show ip nat translations"):
            head = "Pro Inside global         Inside local          Outside local         Outside global"
            rows = [f"{p} {g:<21} {i:<21} {o:<21} {o}" for p, g, i, o in device.translations]
            return "\n".join([head, *rows])
        return None

    def _show_running(self, rest: list[str]) -> str | None:
        device = self.device
        if rest and rest[0] == "interface":
            found = device.tree.child("interface " + " ".join(rest[1:]))
            body = "\n".join(["!", *found.render(0), "end"]) if found else "% Invalid interface"
            return f"Building configuration...\n\nCurrent configuration : {len(body)} bytes\n{body}\n"
        if rest and rest != ["all"]:
            return None
        stamp = (
            "! Last configuration change at 10:02:11 UTC Wed Nov 25 2026 by " + device.changed_by
            if device.changed_by
            else "!"
        )
        text = "\n".join(["!", stamp, "!", *device.tree.render()])
        return f"Building configuration...\n\nCurrent configuration : {len(text) + 1} bytes\n{text}\n"

    def _show_archive(self) -> str:
        path = self.device.archive_path()
        if path is None:
            return " " * ("archive_blank" in self.device.variant.flags) + "Archive feature not enabled"
        return (
            "The maximum archive configurations allowed is 5.\nThere are currently 1 archive configurations saved.\n"
            f"The next archive file will be named {path}-1\n Archive #  Name\n   1        {path}-0 <- Most Recent\n"
        )

    def _show_timer(self) -> str:
        pending = self.device.pending
        if pending is None:
            if self.device.archive_path() is None:
                return self._show_archive()
            return "%No Rollback Confirmed Change pending"
        return (
            "Time configured(UTC): 10:02:11 UTC Wed Nov 25 2026\nTimer type: absolute timer\n"
            f"Timer value: {pending.minutes} min\nUser: {pending.user}\n"
        )


def expand(line: str) -> str:
    """Write out the usual abbreviations of EXEC commands; the rest of the line is left as typed."""
    words = line.split()
    tables: list[dict[str, tuple[str, int]]] = [
        {
            "show": ("show", 2),
            "configure": ("configure", 4),
            "write": ("write", 2),
            "terminal": ("terminal", 4),
            "enable": ("enable", 2),
            "exit": ("exit", 2),
        }
    ]
    second: dict[str, dict[str, tuple[str, int]]] = {
        "show": {
            "running-config": ("running-config", 3),
            "startup-config": ("startup-config", 5),
            "version": ("version", 3),
            "privilege": ("privilege", 3),
            "archive": ("archive", 3),
        },
        "configure": {"terminal": ("terminal", 1)},
        "write": {"memory": ("memory", 1)},
        "terminal": {"length": ("length", 3), "width": ("width", 2)},
    }
    if not words:
        return ""
    words[0] = _complete(words[0], tables[0])
    if len(words) > 1:
        words[1] = _complete(words[1], second.get(words[0], {}))
    return " ".join(words)


def _complete(word: str, table: dict[str, tuple[str, int]]) -> str:
    for name, (full, least) in table.items():
        if len(word) >= least and name.startswith(word.lower()):
            return full
    return word

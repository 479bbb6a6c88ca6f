# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EdgeRouter or a VyOS router with state: the configuration that runs, the one on flash, and the kernel below."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .device import Device, Session
from .variants.vyatta import VyattaVariant

SIP = "system conntrack modules sip"
STREAM = re.compile(r"(?:system conntrack|firewall global-options) timeout udp stream (\d+)")
OPERATIONAL = {"sudo": "", "unset": "", "export": "", "terminal": ""}


class VyattaDevice(Device):
    tls = False

    def __init__(
        self, name: str, variant: VyattaVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.platform = variant.platform
        self.version = "9.9.9" if self.faults.has("unknown_version") else variant.version
        self.config = [line for line in variant.config.split("\n") if line]
        self.boot = list(self.config)
        self.modules = False
        self.stream = 180
        self.commit(self.config)
        self.modules = self.modules or "stale_module" in variant.flags

    def running(self) -> str:
        with self.lock:
            return "".join(f"set {line}\n" for line in sorted(self.config))

    def as_saved(self) -> str:
        """As the programs save it that collect configurations: what it says of itself in front, as comments."""
        banner = self.variant.banner.format(version=self.version)
        return "".join(f"# {line}\n" for line in banner.split("\n")) + self.running()

    def startup(self) -> str:
        with self.lock:
            return "".join(f"set {line}\n" for line in self.boot)

    def change(self, what: Any) -> None:
        """As another administrator, who saves: a function of the lines, or lines with ``set`` or ``delete`` before them."""
        with self.lock:
            lines = list(self.config)
            if callable(what):
                what(lines)
            else:
                for text in [what] if isinstance(what, str) else what:
                    edit(lines, text)
            self.commit(lines)
            self.boot = list(self.config)

    def asks_for_helper(self, lines: list[str]) -> bool:
        below = [line for line in lines if f"{line} ".startswith(f"{SIP} ")]
        return f"{SIP} disable" not in below if self.variant.old else bool(below)

    def commit(self, lines: list[str]) -> None:
        """The modules are taken out and the timer is set; what somebody loaded by hand stays as long as nothing changes."""
        before = self.asks_for_helper(self.config)
        wanted = self.asks_for_helper(lines)
        if wanted != before or not hasattr(self, "started"):
            self.modules = wanted or (self.modules and self.faults.has("module_stays"))
        self.started = True
        found = [int(m.group(1)) for m in map(STREAM.fullmatch, lines) if m]
        self.stream = found[-1] if found else 180
        self.config = list(lines)

    def _load_startup(self) -> None:
        self.config = list(self.boot)
        self.modules = self.asks_for_helper(self.boot)
        self.commit(self.boot)

    def open(self, user: str) -> VyattaSession:
        return VyattaSession(self, user)


def edit(lines: list[str], text: str) -> str:
    """``set`` or ``delete`` of a path; the complaint or ""."""
    verb, _sep, path = text.partition(" ")
    path = path.strip().replace("'", "")
    if verb == "delete":
        gone = [line for line in lines if f"{line} ".startswith(f"{path} ")]
        if not gone:
            return "Nothing to delete (the specified node does not exist)\n\nDelete failed"
        for line in gone:
            lines.remove(line)
        return ""
    if path in lines:
        return ""  # it says that the node is there already
    stem = re.match(STREAM.pattern.removesuffix(r"(\d+)"), path)
    if stem:
        for line in [line for line in lines if line.startswith(stem.group())]:
            lines.remove(line)
    lines.append(path)
    return ""


class VyattaSession(Session):
    device: VyattaDevice
    wrong_command = "show date"

    def __init__(self, device: VyattaDevice, user: str, quiet: bool = False) -> None:
        super().__init__(device, user, quiet)
        self.candidate: list[str] | None = None

    def greeting(self) -> str:
        if self.device.faults.has("prompt_like_banner"):
            return "\n*** Maintenance window tonight #\nother@router:/tmp#\nAll actions are logged#\n\n"
        return (
            "\nLinux ubnt 4.14.54-UBNT #1 SMP\nWelcome to EdgeOS\n"
            if self.device.variant.old
            else "\nWelcome to VyOS!\n"
        )

    def prompt(self) -> str:
        name = f"{self.user}@{self.device.variant.host}"
        return f"{name}:~$ " if self.candidate is None else f"[edit]\n{name}# "

    def run(self, line: str) -> str:
        if self.candidate is None:
            return self._operational(line)
        return self._configuration(line)

    def _operational(self, line: str) -> str:
        device = self.device
        command, _sep, rest = line.partition(";")
        end = "\nend" if rest.strip().endswith("echo end") else ""
        if line == "configure":
            if self.faulty("read_only"):
                return "\n  Invalid command: [configure]\n"
            self.note_write(line, "")
            self.candidate = list(device.config)
            return ""
        if line == "exit":
            self.closing = True
            return ""
        if line == "show version":
            return device.variant.banner.format(version=device.version)
        if command == "show configuration commands|cat":
            strict = "VyOS" in device.variant.banner
            return "\n".join(f"set {quoted(text, strict)}" for text in sorted(device.config)) + end
        if command.startswith("ls -d"):
            paths = [p for p in command.split() if p.startswith("/")]
            there = {"/sys/module"} | (
                {"/sys/module/nf_conntrack_sip", "/sys/module/nf_nat_sip"} if device.modules else set()
            )
            shown = [p if p in there else f"ls: cannot access {p}: No such file or directory" for p in paths]
            return "\n".join([*shown, f"/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream:{device.stream}"]) + end
        if line.split()[0] in ("unset", "export"):
            return ""
        if line == "show date":
            return "Thu Mar  7 10:00:00 UTC 2024"
        return f"-vbash: {line.split()[0]}: command not found" if ";" in line else f"\n  Invalid command: [{line}]\n"

    def _configuration(self, line: str) -> str:
        assert self.candidate is not None
        self.note_write(line, "edit")
        if self.faulty("reject", line):
            return "Set failed"
        if self.faulty("ignore", line) or self.faulty("ignore_writes"):
            return self._leave(line)
        if line == f"set {SIP} disable" and not self.device.variant.old:
            return f"\n  Configuration path: [{SIP} disable] is not valid\n  Set failed\n"
        if line.split()[0] in ("set", "delete"):
            return edit(self.candidate, line)
        if line == "commit":
            if self.faulty("commit_fails"):
                return "Commit failed"
            self.device.commit(self.candidate)
            return ""
        if line == "save":
            if self.faulty("save_fails"):
                return "Unable to save configuration: no space"
            self.device.boot = list(self.device.config)
            return "Saving configuration to '/config/config.boot'...\nDone"
        return self._leave(line)

    def _leave(self, line: str) -> str:
        if line == "exit" and self.candidate != self.device.config and not self.faulty("ignore_writes"):
            return "Cannot exit: configuration modified.\nUse 'exit discard' to discard the changes and exit."
        if line in ("exit", "exit discard"):
            self.candidate = None
            return "" if self.device.variant.old else "exit"
        return ""


VALUE = re.compile(r" (?:stream|address|port|protocol|name|host-name) (\S+)$| (PLANTED\S+)$")


def quoted(text: str, strict: bool) -> str:
    """VyOS shows each value in quotes, EdgeOS only what is no plain word."""
    found = VALUE.search(text)
    if found is None or not (strict or found.group(2)):
        return text
    value = found.group(1) or found.group(2)
    return f"{text.removesuffix(value)}'{value}'"

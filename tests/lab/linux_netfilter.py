# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux router with state: files, uci, packet filter, kernel. OpenWrt with firewall3 or 4, or a plain host."""

from __future__ import annotations

import copy
import fnmatch
import re
from collections.abc import Iterable
from typing import Any

from .device import Device, Session
from .linux_tables import Ruleset, Tables
from .linux_uci import Uci, config, firewall3, firewall4
from .shell import Shell
from .variants.linux_netfilter import LinuxVariant

NETFILTER = "/proc/sys/net/netfilter/"
MISSING = "No such file or directory"
WRITES = re.compile(
    r"uci (?:set|add_list|del_list|delete|commit)|/etc/init\.d/|sysctl -w|echo .* >>? |rm |sed -i|conntrack -D|modprobe"
    r"|nft (?:delete|'?add|'?insert)|nft -a list chain .* \|\| nft |ip6?tables(?:-legacy)? .*-[DI] "
)


class LinuxDevice(Device):
    platform = "linux_netfilter"
    tls = False

    def __init__(
        self, name: str, variant: LinuxVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.kernel = "9.1.0" if self.faults.has("unknown_version") else variant.kernel
        self.files = {"/etc/shadow": "root:PLANTED-SECRET-login\n", **variant.files}
        self.uci = Uci(config(variant.uci), list(variant.pending))
        self.modules = variant.modules
        self.sessions_text = list(variant.sessions)
        self.sysctl: dict[str, str] = {}
        self.nft = Ruleset()
        self.tables: dict[str, Tables] = {}
        self.start_up()
        self.modules = variant.modules
        self.firewall()
        self.nft.load(variant.nft_by_hand)

    # -- what a test looks at -------------------------------------------------------------------------------------

    def running(self) -> str:
        with self.lock:
            out = [f"{path}: {line}" for path, text in sorted(self.files.items()) for line in text.split("\n")]
            out += [f"{key}={value}" for key, value in sorted(self.sysctl.items())]
            out += self.nft.rules() + [f"{tool} {r}" for tool, tables in self.tables.items() for r in tables.rules()]
            return self.uci.show() + "".join(f"{line}\n" for line in out)

    def startup(self) -> str:
        with self.lock:
            saved = copy.copy(self.uci)
            saved.forget()
            return saved.show() + "".join(f"{path}: {text}\n" for path, text in sorted(self.files.items()))

    def change(self, what: Any) -> None:
        """As another administrator: a function of the device, or lines of the shell."""
        with self.lock:
            if callable(what):
                what(self)
            else:
                session = LinuxSession(self, "root", quiet=True)
                for line in [what] if isinstance(what, str) else what:
                    session.run(line)

    # -- what the system does -------------------------------------------------------------------------------------

    def start_up(self) -> None:
        """The kernel from its defaults and the files: sysctl, modules, rules."""
        variant = self.variant
        if variant.openwrt and any(
            "nf_conntrack_sip" in t for p, t in self.files.items() if p.startswith("/etc/modules.d/")
        ):
            self.modules = tuple(dict.fromkeys((*self.modules, "nf_conntrack_sip", "nf_nat_sip")))
        self.sysctl = {"nf_conntrack_udp_timeout": "30", "nf_conntrack_udp_timeout_stream": variant.stream}
        if variant.automatic is not None:
            self.sysctl["nf_conntrack_helper"] = variant.automatic
        early = any("nf_conntrack" in t for p, t in self.files.items() if p.startswith("/etc/modules-load.d/"))
        if early or "late_conntrack" not in variant.flags:
            for path in self._sysctl_files():
                for key, value in re.findall(r"^net\.netfilter\.(\w+)\s*=\s*(\d+)", self.files[path], re.M):
                    if key in self.sysctl:
                        self.sysctl[key] = value
        self.firewall()

    def _sysctl_files(self) -> list[str]:
        paths = [p for p in self.files if re.match(r"/(?:etc|usr/lib)/sysctl\.d/.*\.conf$", p)]
        if self.variant.openwrt:
            etc = sorted(p for p in paths if p.startswith("/etc/"))
            return etc + [p for p in ("/etc/sysctl.conf",) if p in self.files]
        return sorted(paths, key=lambda p: p.rsplit("/", 1)[1])

    def firewall(self) -> None:
        """What OpenWrt's init script does, or the units of a plain host at its start."""
        variant = self.variant
        if variant.openwrt and variant.firewall == "fw4":
            self.nft = firewall4(self.uci, self.modules, self.files.get("/etc/nftables.d/own.nft", ""))
        elif variant.openwrt:
            self.tables = {"iptables": firewall3(self.uci, self.modules), "ip6tables": Tables()}
        else:
            self.nft = Ruleset()
            self.nft.load(self.files.get("/etc/nftables.conf", "") + variant.nft)
            tool = "iptables-legacy" if "legacy" in variant.flags else "iptables"
            self.tables = {tool: Tables(self.files.get("/etc/iptables/rules.v4", ""))}

    def _load_startup(self) -> None:
        self.uci.forget()
        self.sessions_text = []
        self.start_up()

    def open(self, user: str) -> LinuxSession:
        return LinuxSession(self, user)

    def virtual(self) -> dict[str, str]:
        """Every file there is, with those that the kernel shows."""
        variant = self.variant
        modules = "".join(f"{m} 28672 0 - Live 0x0\n" for m in ("nf_conntrack", *self.modules))
        shown = {NETFILTER + key: f"{value}\n" for key, value in self.sysctl.items()}
        shown.update({"/proc/modules": modules, **variant.release})
        return {**self.files, **shown}

    def folders(self) -> set[str]:
        """Paths that are only looked for."""
        builtin = ("nf_conntrack_sip",) if "builtin" in self.variant.flags else ()
        return {"/sys/module", *self.variant.marks, *(f"/sys/module/{m}" for m in (*self.modules, *builtin))}


class LinuxSession(Session):
    device: LinuxDevice
    wrong_command = "uname -a"

    def __init__(self, device: LinuxDevice, user: str, quiet: bool = False) -> None:
        super().__init__(device, user, quiet)
        name = "-ash" if device.variant.openwrt else "-bash"
        self.root = device.variant.root
        self.login = ""  # whose shell it was before sudo
        commands: dict[str, Any] = {
            "id": lambda _w, _g: (0, "0\n" if self.root else "1000\n"),
            "uname": self._uname, "cat": self._cat, "ls": self._ls, "grep": self._grep, "head": self._head,
            "sysctl": self._sysctl, "rm": self._rm, "sed": self._sed, "conntrack": self._conntrack,
            "unset": self._quiet, "export": self._quiet, "exit": self._exit,
            "echo": lambda words, _given: (0, " ".join(words) + "\n"),
        }  # fmt: skip
        if device.variant.openwrt:
            commands.update({"uci": self._uci, "/etc/init.d/firewall": self._init})
        if not device.variant.openwrt or device.variant.firewall == "fw4":
            commands["nft"] = self._nft
        for tool in device.tables:
            commands[tool] = lambda words, _given, tool=tool: self._iptables(tool, words)
            commands[f"{tool}-save"] = lambda _w, _g, tool=tool: self._save(tool)
        for missing in device.variant.missing:
            commands.pop(missing, None)
        self.shell = Shell(commands, self._keep, name)

    def greeting(self) -> str:
        if self.device.faults.has("prompt_like_banner"):
            return "\n*** Maintenance window tonight #\nother@router:/tmp#\nAll actions are logged#\n\n"
        return "\n\n" + ("BusyBox v1.36.1 built-in shell (ash)\n\n" if self.device.variant.openwrt else "")

    def prompt(self) -> str:
        return f"{self.user}@{self.device.variant.host}:~{'#' if self.root else '$'} "

    def run(self, line: str) -> str:
        if line.endswith("sudo -s") and not self.root:
            return self.question(f"[sudo] password for {self.user}: ", self._sudo, secret=True)
        if WRITES.match(line):
            self.note_write(line, "")
            if self.faulty("reject", line) or self.faulty("read_only"):
                return f"{self.shell.name}: {line.split()[0]}: Permission denied"
            if self.faulty("ignore", line) or self.faulty("ignore_writes"):
                return ""
        return self.shell.run(line).removesuffix("\n")

    # -- commands -------------------------------------------------------------------------------------------------

    def _quiet(self, _words: list[str], _given: str) -> tuple[int, str]:
        return 0, ""

    def _uname(self, _words: list[str], _given: str) -> tuple[int, str]:
        return 0, f"Linux {self.device.kernel}\n"

    def _keep(self, path: str, text: str, more: bool = False) -> str:
        if not self.root:
            return f"{self.shell.name}: {path}: Permission denied\n"
        self.device.files[path] = (self.device.files.get(path, "") if more else "") + text
        return ""

    def _paths(self, words: Iterable[str]) -> list[str]:
        """Patterns of names as the shell expands them: one that fits nothing stays as it is."""
        out = []
        for word in words:
            fits = sorted(p for p in self.device.virtual() if fnmatch.fnmatchcase(p, word)) if "*" in word else []
            out += fits or [word]
        return out

    def _cat(self, words: list[str], _given: str) -> tuple[int, str]:
        files = self.device.virtual()
        lost = "cat: can't open '{}': {}\n" if self.device.variant.openwrt else "cat: {}: {}\n"
        lines = [files.get(w, lost.format(w, MISSING)) for w in self._paths(words)]
        return 0, "".join(lines)

    def _ls(self, words: list[str], _given: str) -> tuple[int, str]:
        there = self.device.folders()
        names = [w for w in words if not w.startswith("-")]
        return 0, "".join(f"{w}\n" if w in there else f"ls: {w}: {MISSING}\n" for w in names)

    def _head(self, words: list[str], given: str) -> tuple[int, str]:
        lines = given.split("\n")[: int(words[-1])]
        return 0, "".join(f"{line}\n" for line in lines if line)

    def _grep(self, words: list[str], given: str) -> tuple[int, str]:
        flags = "".join(w[1:] for w in words if re.fullmatch(r"-\w+", w))
        pattern, *names = [w for w in words if not re.fullmatch(r"-\w+", w)]
        if not names:
            found = [line for line in given.split("\n") if line and re.search(pattern, line)]
            if "q" in flags:
                return 0 if found else 1, ""
            return 0 if found else 1, "".join(f"{line}\n" for line in found)
        files, out = self.device.virtual(), ""
        for name in self._paths(names):
            if name not in files:
                out += f"grep: {name}: {MISSING}\n"
                continue
            for number, line in enumerate(files[name].removesuffix("\n").split("\n"), 1):
                if re.search(pattern, line):
                    head = f"{name}:" if "H" in flags or (len(names) > 1 and "h" not in flags) else ""
                    out += head + (f"{number}:" if "n" in flags else "") + f"{line}\n"
        return 0, out

    def _sysctl(self, words: list[str], _given: str) -> tuple[int, str]:
        key, _sep, value = words[-1].partition("=")
        name = key.removeprefix("net.netfilter.")
        if name not in self.device.sysctl:
            return 1, f"sysctl: cannot stat {NETFILTER}{name}: {MISSING}\n"
        if not self.root:
            return 1, f'sysctl: permission denied on key "{key}"\n'
        self.device.sysctl[name] = value
        return 0, f"{key} = {value}\n"

    def _rm(self, words: list[str], _given: str) -> tuple[int, str]:
        for word in words[1:]:
            self.device.files.pop(word, None)
        return 0, ""

    def _sed(self, words: list[str], _given: str) -> tuple[int, str]:
        """``-i`` with ``Ns/PATTERN/NEW/`` (or bars for slashes) or ``/PATTERN/d``, and a file."""
        found = re.fullmatch(r"(\d+)s([/|])(.*)\2(.*)\2", words[1])
        drop = re.fullmatch(r"/(.*)/d", words[1])
        if not (found or drop) or words[2] not in self.device.files:
            return 1, f"sed: can't read {words[2]}: {MISSING}\n"
        lines = self.device.files[words[2]].split("\n")
        if drop:
            lines = [line for line in lines if not re.search(drop.group(1), line)]
        elif found and int(found.group(1)) <= len(lines):
            at = int(found.group(1)) - 1
            lines[at] = re.sub(found.group(3), found.group(4), lines[at], count=1)
        self.device.files[words[2]] = "\n".join(lines)
        return 0, ""

    def _uci(self, words: list[str], _given: str) -> tuple[int, str]:
        uci = self.device.uci
        if words == ["show", "firewall"]:
            return 0, uci.show()
        if words == ["changes"]:
            return 0, "".join(f"{line}\n" for line in uci.changes)
        if words == ["commit", "firewall"]:
            uci.commit()
            return 0, ""
        said = uci.command(words[0], words[1])
        return 1 if said else 0, said

    def _init(self, words: list[str], _given: str) -> tuple[int, str]:
        if words != ["restart"]:
            return 1, "Syntax: /etc/init.d/firewall [command]\n"
        self.device.firewall()
        return (
            0,
            ""
            if self.device.variant.firewall == "fw4"
            else " * Flushing IPv4 filter table\n * Populating IPv4 raw table\n",
        )

    def _nft(self, words: list[str], _given: str) -> tuple[int, str]:
        if not self.root:
            return (
                1,
                "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n",
            )
        if words[-2:] == ["list", "ruleset"]:
            return 0, self.device.nft.show("-a" in words)
        if words[:3] == ["-a", "list", "chain"]:
            return 0, self.device.nft.show(True, *words[3:])
        said = self.device.nft.command(words)
        return 1 if said else 0, said

    def _save(self, tool: str) -> tuple[int, str]:
        if not self.root:
            return (
                4,
                f"{tool}-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n",
            )
        return 0, self.device.tables[tool].save(tool)

    def _iptables(self, tool: str, words: list[str]) -> tuple[int, str]:
        said = self.device.tables[tool].command(tool, words)
        return 1 if said else 0, said

    def _conntrack(self, words: list[str], _given: str) -> tuple[int, str]:
        head = "conntrack v1.4.7 (conntrack-tools): "
        if not self.root:
            return 1, head + "Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this\n"
        entries = self.device.sessions_text
        if words[:1] == ["-L"]:
            return 0, "".join(f"{e}\n" for e in entries) + f"{head}{len(entries)} flow entries have been shown.\n"
        _d, _p, protocol, _port, port = words
        gone = [e for e in entries if e.startswith(protocol) and re.search(r"dport=(\d+)", e).group(1) == port]  # type: ignore[union-attr]
        self.device.sessions_text = [e for e in entries if e not in gone]
        return 0 if gone else 1, f"{head}{len(gone)} flow entries have been deleted.\n"

    def _sudo(self, text: str) -> str:
        """One try, where sudo gives three: who asks more than once is found out."""
        if text != self.device.enable_secret:
            return "sudo: 1 incorrect password attempt"
        self.root, self.login, self.user = True, self.user, "root"
        return ""

    def _exit(self, _words: list[str], _given: str) -> tuple[int, str]:
        if self.login:
            self.root, self.user, self.login = False, self.login, ""
            return 0, "exit\n"
        self.closing = True
        return 0, ""

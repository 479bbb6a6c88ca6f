# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration mode of IOS: which lines are taken, what they change, and how the result is shown."""

from __future__ import annotations

import re
from typing import Any

from .device import Session
from .tree import Line, begins, place

# In configuration mode: the line that opens a sub-mode, and what the prompt then says.
OPENERS = (
    (r"interface \S+", "config-if"),
    (r"class-map ", "config-cmap"),
    (r"policy-map ", "config-pmap"),
    (r"zone security ", "config-sec-zone"),
    (r"zone-pair security ", "config-sec-zone-pair"),
    (r"parameter-map ", "config-profile"),
    (r"archive$", "config-archive"),
    (r"line (con|vty|aux)", "config-line"),
    (r"ip access-list extended ", "config-ext-nacl"),
    (r"route-map ", "config-route-map"),
    (r"router ", "config-router"),
    (r"voice service voip", "conf-voi-serv"),
    (r"dial-peer voice ", "config-dial-peer"),
    (r"sip-ua$", "config-sip-ua"),
)
GLOBAL = re.compile(
    r"(hostname \S+$|enable |username |logging |snmp-server |access-list |service |banner |crypto |boot |aaa |ntp |clock "
    r"|ip (route |domain|http |ssh |forward-protocol|name-server|nat |inspect |access-list |dhcp )|ipv6 |line |vlan )"
)
INSIDE = {
    "config-if": r"(ip (nat (inside|outside|enable)$|inspect \S+ (in|out)$|address|access-group)|zone-member security "
    r"|description |shutdown|duplex|speed|mtu|bandwidth|service-policy )",
    "config-cmap": r"(match |description )",
    "config-pmap": r"(class |description )",
    "config-pmap-c": r"(inspect|pass|drop)",
    "config-sec-zone": r"description ",
    "config-sec-zone-pair": r"(service-policy |description )",
    "config-profile": r"(udp |tcp |dns-timeout|max-|alert|audit-trail|application-inspect)",
    "config-archive": r"(path |maximum |write-memory|time-period|log )",
    "config-line": r"(password|login|transport|exec-timeout|length|width|privilege)",
    "config-ext-nacl": r"(\d+ )?(permit|deny|remark) ",
    "config-route-map": r"(match|set) ",
    "config-router": r"\S+",
    "conf-voi-serv": r"\S+",
    "config-dial-peer": r"\S+",
    "config-sip-ua": r"\S+",
}
SIP_LINE = re.compile(r"ip nat service sip (tcp|udp) port (\d+)$")
ALG_WORDS = {
    "all-algs",
    "dns",
    "ftp",
    "h323",
    "h225",
    "rtsp",
    "skinny",
    "pptp",
    "tftp",
    "ras",
    "rcmd",
    "sunrpc",
    "fullrange",
}
# Where a new line goes when it has no kin: IOS prints these sections afterwards.
AFTER_NAT = ("ip route", "ip access-list", "access-list", "snmp-server", "line", "end")
SINGLE = ("hostname", "ip nat translation udp-timeout", "ip nat translation timeout", "ip inspect udp idle-time")


class IosConfigMode(Session):
    """The part of a session that changes the configuration tree. ``path`` holds the tree and the open sub-modes."""

    device: Any

    def __init__(self, device: Any, user: str, quiet: bool = False) -> None:
        super().__init__(device, user, quiet)
        self.mode = ""  # "" is EXEC
        self.path: list[Line] = []

    def invalid(self, line: str, word: int = 0) -> str:
        """The error with its caret under the given word."""
        spans = [match.start() for match in re.finditer(r"\S+", line)]
        column = len(self.prompt()) + spans[min(word, len(spans) - 1)]
        return " " * column + "^\n% Invalid input detected at '^' marker.\n"

    def exec_line(self, line: str) -> str:
        """Run a command of EXEC mode, for ``do``."""
        raise NotImplementedError

    # -- configuration mode ---------------------------------------------------------------------------------------

    def leave(self) -> None:
        self.mode, self.path = "", []

    def scope(self) -> str:
        return "config" if len(self.path) < 2 else self.path[1].text

    def _config(self, line: str) -> str:
        word = line.split()[0]
        if word in ("end", "exit", "do"):
            return self._navigate(line)
        clean = " ".join(line.split())
        self.note_write(clean, self.scope())
        if self.faulty("reject", clean):
            return self.invalid(line, 1)
        if self.faulty("read_only") and not self.quiet:
            return "Command authorization failed.\n"
        if self.faulty("ignore_writes") or self.faulty("ignore", clean):
            return "" if not self._opens(clean) else self._open(clean, dry=True)
        before = self.device.tree.render()
        answer = self._apply(clean)
        if self.device.tree.render() != before:
            self.device.changed_by = self.user
        return answer

    def _navigate(self, line: str) -> str:
        words = line.split()
        if words[0] == "do":
            return self.exec_line(" ".join(words[1:]))
        if words[0] == "exit" and len(self.path) > 1:
            self.path.pop()
            self.mode = self._mode_of(self.path)
            return ""
        self.leave()
        return self._late_log()

    def _late_log(self) -> str:
        if not self.faulty("late_log"):
            return ""
        text = f"*Nov 25 10:02:11.123: %SYS-5-CONFIG_I: Configured from console by {self.user} on vty0 (127.0.0.1)"
        if self.device.faults.hits("late_log", "before"):
            return text
        self.later.append((0.03, f"\r\n{text}\r\n"))
        return ""

    def _opens(self, line: str) -> str | None:
        if self.mode in ("config-pmap", "config-pmap-c") and line.startswith("class "):
            return "config-pmap-c"
        return next((mode for pattern, mode in OPENERS if re.match(pattern, line)), None)

    def _mode_of(self, path: list[Line]) -> str:
        if len(path) == 3:
            return "config-pmap-c"
        if len(path) == 2:
            return next((mode for pattern, mode in OPENERS if re.match(pattern, path[1].text)), "config")
        return "config"

    def _open(self, line: str, dry: bool = False) -> str:
        mode = self._opens(line)
        assert mode is not None
        parent = self.path[:2] if mode == "config-pmap-c" else self.path[:1]
        node = parent[-1].child(line)
        if node is None:
            node = Line(line) if dry else place(parent[-1], line, AFTER_NAT)
        self.path = [*parent, node]
        self.mode = mode
        return ""

    def _apply(self, line: str) -> str:
        negative = line.startswith("no ")
        rest = line[3:] if negative else line
        if self._opens(rest) and not negative:
            return self._open(rest)
        if len(self.path) > 1 and re.match(INSIDE.get(self.mode, r"$."), rest):
            return self._set(self.path[-1], rest, negative)
        if self._opens(rest):
            return self._set(self.path[0], rest, negative)
        if not GLOBAL.match(rest):
            return self.invalid(line, 1 if negative else 0)
        answer = self._global(rest, negative, line)
        self.path, self.mode = self.path[:1], "config"
        return answer

    def _global(self, rest: str, negative: bool, line: str) -> str:
        if begins(rest, "ip nat service"):
            return self._nat_service(rest, negative, line)
        if begins(rest, "ip nat translation"):
            return self._nat_timer(rest, negative, line)
        if begins(rest, "ip nat inside source static"):
            return self._static(rest, negative)
        return self._set(self.path[0], rest, negative)

    def _set(self, parent: Line, rest: str, negative: bool) -> str:
        single = next((prefix for prefix in SINGLE if begins(rest, prefix)), None)
        if negative or single:
            victim = single or rest
            parent.drop(lambda item: not (item.text.strip() == rest or begins(item.text, victim)))
        if not negative and parent.child(rest) is None:
            place(parent, rest, AFTER_NAT)
        return ""

    def _nat_service(self, rest: str, negative: bool, line: str) -> str:
        """Keep IOS's display rule: default positives are never stored, negatives of defaults are."""
        root, words = self.path[0], rest.split()
        shift = 1 if negative else 0
        if len(words) < 4 or rest in ("ip nat service sip", "ip nat service sip udp", "ip nat service sip tcp"):
            return "% Incomplete command.\n"
        match = SIP_LINE.match(rest)
        if words[3] == "sip":
            if not match or not 1 <= int(match.group(2)) <= 65535:
                return self.invalid(line, 4 + shift)
            if match.group(1) == "tcp" and "rejects_tcp" in self.device.variant.flags:
                return self.invalid(line, 4 + shift)
        elif words[3] not in ALG_WORDS:
            return self.invalid(line, 3 + shift)
        default = match is None or match.group(2) == "5060"
        stored = "no " + rest if default else rest
        root.drop(lambda item: item.text.strip() != stored)
        if negative == default:
            self._insert_service(root, stored)
        return ""

    def _insert_service(self, root: Line, text: str) -> None:
        kin = [i for i, item in enumerate(root.children) if re.match(r"(no )?ip nat service ", item.text)]
        timers = [i for i, item in enumerate(root.children) if begins(item.text, "ip nat translation")]
        rules = [i for i, item in enumerate(root.children) if begins(item.text, "ip nat")]
        if kin:
            spot = next((i for i in kin if display_rank(root.children[i].text) > display_rank(text)), kin[-1] + 1)
        elif timers:
            spot = timers[-1] + 1
        elif rules:
            spot = rules[0]
        else:
            spot = next(
                (i for i, item in enumerate(root.children) if begins(item.text, "ip route")), len(root.children)
            )
        root.children.insert(spot, Line(text))

    def _nat_timer(self, rest: str, negative: bool, line: str) -> str:
        match = re.match(r"ip nat translation (\S+)( .*)?$", rest)
        if match is None:
            return "% Incomplete command.\n"
        value = (match.group(2) or "").split()
        if not negative and not value:
            return "% Incomplete command.\n"
        if value and not (value[-1] == "never" or (value[-1].isdigit() and int(value[-1]) <= 536870)):
            return self.invalid(line, len(line.split()) - 1)
        name = f"ip nat translation {match.group(1)}"
        root = self.path[0]
        if match.group(1) == "port-timeout":
            name = " ".join(rest.split()[:6])
        root.drop(lambda item: not begins(item.text, name))
        if not negative and rest != "ip nat translation udp-timeout 300":
            spot = next((i for i, item in enumerate(root.children) if re.match(r"(no )?ip nat ", item.text)), None)
            root.children.insert(len(root.children) - 1 if spot is None else spot, Line(rest))
        return ""

    def _static(self, rest: str, negative: bool) -> str:
        root = self.path[0]
        plain = _plain(rest)
        if not negative:
            if "sip_listener" in self.device.variant.flags and re.search(r"interface \S+ 5060$", rest):
                return "%Port 5060 is being used by system"
            statics = [item.text for item in root.starting("ip nat inside source static")]
            if any(_plain(text) == plain for text in statics):
                return ""
            taken = next(
                (text for text in statics if _global(text) is not None and _global(text) == _global(rest)), None
            )
            if taken is not None:
                return f"% {_global(rest)} overlaps with {taken}"
            return self._set(root, rest + _extendable(rest, statics), False)
        found = [item for item in root.children if _plain(item.text) == plain]
        if not found:
            return "%Translation not found"
        words = plain.split()
        inside = ":".join(words[6:8]) if words[5] in ("tcp", "udp") else words[5]

        def remove(typed: str) -> str:
            if typed.strip().lower() not in ("yes", "y"):
                return "%: Error: static entry in use, cannot remove"
            self.device.translations = [row for row in self.device.translations if row[2] != inside]
            root.children.remove(found[0])
            return ""

        if any(row[2] == inside for row in self.device.translations) and not rest.endswith(" forced"):
            return self.question("Static entry in use, do you want to delete child entries? [no]: ", remove)
        return remove("yes")


def _plain(text: str) -> str:
    """A static line without the words that say nothing about what it translates."""
    return re.sub(r" (extendable|no-alias|forced)\b", "", text)


def _global(text: str) -> str | None:
    """Protocol, outside place and outside port of a static line with ports: no two lines may share them."""
    found = re.match(r"ip nat inside source static (tcp|udp) \S+ \d+ (interface \S+|[\d.]+) (\d+)", text)
    return None if found is None else " ".join(found.groups())


def _extendable(text: str, others: list[str]) -> str:
    """The word that IOS adds by itself where a literal address stands in several lines."""
    found = re.match(r"ip nat inside source static (?:tcp|udp) (\S+) \d+ ([\d.]+) \d+$", text)
    if found is None:
        return ""
    return " extendable" if any(set(found.groups()) & set(other.split()) for other in others) else ""


def display_rank(text: str) -> tuple[bool, str]:
    """Negatives first, and among them TCP before UDP, as in the vendor's printed example."""
    return (not text.startswith("no "), text)

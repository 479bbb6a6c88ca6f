# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration mode of the ASA: sub-modes, inspections, timers, objects, NAT rules, access lists."""

from __future__ import annotations

import re
from typing import Any

from .device import Session
from .tree import Line, begins, place
from .variants.cisco_asa import ORDER

# In configuration mode: what opens a sub-mode (the line, the mode it is typed in, the mode it opens).
OPENERS = (
    (r"policy-map type inspect \S+ \S+$", "config", "config-pmap"),
    (r"policy-map \S+$", "config", "config-pmap"),
    (r"class-map (type inspect \S+ )?(match-a\w+ )?\S+$", "config", "config-cmap"),
    (r"object network \S+$", "config", "config-network-object"),
    (r"object service \S+$", "config", "config-service-object"),
    (r"object-group network \S+$", "config", "config-network-object-group"),
    (r"object-group service \S+( udp| tcp)?$", "config", "config-service-object-group"),
    (r"interface \S+$", "config", "config-if"),
    (r"class \S+$", "config-pmap", "config-pmap-c"),
    (r"parameters$", "config-pmap", "config-pmap-p"),
)
INSIDE = {
    "config-pmap": r"(description |match )",
    "config-pmap-c": r"(inspect \S+|set connection |description )",
    "config-pmap-p": r"\S+",
    "config-cmap": r"(match |description )",
    "config-network-object": r"(host |subnet |range |nat \(|description )",
    "config-service-object": r"(service |description )",
    "config-network-object-group": r"(network-object |group-object |description )",
    "config-service-object-group": r"(service-object |port-object |group-object |description )",
    "config-if": r"(nameif |security-level |ip address|shutdown|description )",
}
GLOBAL = re.compile(
    r"(hostname|timeout|service-policy|nat \(|access-list|access-group|route|logging|snmp-server|username|pager|terminal width"
    r"|fixup protocol|object(-group)? |policy-map |class-map |prompt|mtu|static \(|xlate|same-security|crypto|tunnel-group|banner|names)"
)
TIMER_DEFAULTS = {
    "udp": "0:02:00",
    "conn": "1:00:00",
    "half-closed": "0:10:00",
    "sip": "0:30:00",
    "sip_media": "0:02:00",
}
# Where a line is printed; an object's own NAT rule stands in a second block of it, behind the rules of section 1.
BEFORE = {
    "policy-map": ("service-policy",),
    "object": ("object-group", "access-list", "pager"),
    "object-group": ("access-list", "pager"),
    "access-list": ("pager",),
    "access-group": ("route",),
    "timeout": ("snmp-server",),
    "service-policy": ("prompt",),
}


class AsaConfigMode(Session):
    """The part of a session that changes a context's tree. ``path`` and ``modes`` run in parallel."""

    device: Any

    def __init__(self, device: Any, user: str, quiet: bool = False) -> None:
        super().__init__(device, user, quiet)
        self.context = "admin" if device.multi else ""
        self.path: list[Line] = []
        self.modes: list[str] = []

    def invalid(self, line: str, word: int = 0) -> str:
        spans = [match.start() for match in re.finditer(r"\S+", line)]
        column = len(self.prompt().strip("\r")) + spans[min(word, len(spans) - 1)]
        return " " * column + "^\nERROR: % Invalid input detected at '^' marker."

    @property
    def root(self) -> Line:
        tree: Line = self.device.trees[self.context]
        return tree

    # -- configuration mode ---------------------------------------------------------------------------------------

    def enter_config(self) -> None:
        self.path, self.modes = [self.root], ["config"]

    def _config(self, line: str) -> str:
        if line == "end":
            self.path, self.modes = [], []
            return ""
        if line in ("exit", "quit"):
            self.path.pop()
            self.modes.pop()
            return ""
        scope = [self.context, "config", *(node.text for node in self.path[1:])]
        self.note_write(line, " / ".join(part for part in scope if part))
        if self.faulty("reject", line):
            return self.invalid(line)
        if self.faulty("ignore_writes") or self.faulty("ignore", line):
            return "" if self._opens(line) is None else self._open(line, dry=True)
        before = self.root.render()
        answer = self._apply(line)
        if self.root.render() != before:
            self.device.modified_by = self.user
        return answer

    def _opens(self, line: str) -> tuple[int, str] | None:
        """If the line opens a sub-mode: how deep its parent is, and the mode."""
        for pattern, where, mode in OPENERS:
            if not re.match(pattern, line):
                continue
            if where in self.modes:
                return self.modes.index(where), mode
        return None

    def _open(self, line: str, dry: bool = False) -> str:
        found = self._opens(line)
        assert found is not None
        depth, mode = found
        parent = self.path[depth]
        node = parent.child(line)
        if line.startswith("class "):
            known = [item.text.split()[-1] for item in self.root.starting("class-map")]
            if line.split()[1] not in (*known, "class-default"):
                return f"ERROR: % class-map {line.split()[1]} not configured"
        if node is None and line.split()[0] in ("object", "object-group"):
            if not dry and line.split()[2] in [item.text.split()[2] for item in parent.children if _is_object(item)]:
                return f"ERROR: the name {line.split()[2]} is taken by an object of another type"
            node = Line(line) if dry else _put(parent, line)
        elif node is None:
            node = Line(line) if dry else place(parent, line, BEFORE.get(line.split()[0], ("service-policy", "prompt")))
        self.path = [*self.path[: depth + 1], node]
        self.modes = [*self.modes[: depth + 1], mode]
        return ""

    def _apply(self, line: str) -> str:
        negative = line.startswith("no ")
        rest = line[3:] if negative else line
        if self.context == "system" and not re.match(r"(hostname|context|interface|terminal)", rest):
            return self.invalid(line)
        mode = self.modes[-1]
        if mode != "config" and re.match(INSIDE.get(mode, "$."), rest):
            if begins(rest, "inspect"):
                return self._inspect(self.path[-1], rest, negative)
            if mode == "config-service-object" and begins(rest, "service"):
                self.path[-1].children.clear()
            return self._set(self._nat_block(rest), _with_names(rest), negative)
        opens = self._opens(rest)
        if opens is not None and negative and begins(rest, "object"):
            return self._no_object(rest)
        if opens is not None:
            return self._set(self.path[opens[0]], rest, True) if negative else self._open(rest)
        if not GLOBAL.match(rest) or (begins(rest, "fixup") and self.device.variant.form != "pix6"):
            return self.invalid(line, 1 if negative else 0)
        self.path, self.modes = self.path[:1], self.modes[:1]
        if begins(rest, "timeout"):
            return self._timeout(rest, negative, line)
        if rest.startswith("terminal width"):
            return ""
        special = {"access-list": self._entry, "access-group": self._bind, "nat": self._twice}.get(rest.split()[0])
        return self._set(self.root, rest, negative) if special is None else special(rest, negative)

    def _no_object(self, rest: str) -> str:
        found = [item for item in self.root.children if item.text.strip() == rest]
        name = rest.split()[2]
        if not found:
            return f"ERROR: object ({name}) does not exist"
        if any(name in line.split() for item in self.root.children if item not in found for line in item.render(0)):
            return f"ERROR: Removing object ({name}) not allowed, it is being used"
        self.root.drop(lambda item: item not in found)
        return ""

    def _missing(self, words: list[str]) -> str | None:
        """The first object that a line names and that is not there."""
        known = {item.text.split()[2] for item in self.root.children if _is_object(item)}
        named = [after for word, after in zip(words, words[1:]) if word in ("object", "object-group")]
        return next((name for name in named if name not in known), None)

    def _entry(self, rest: str, negative: bool) -> str:
        """An entry goes to the given line of its list, or to the end; it is removed by its whole text, without a line."""
        found = re.match(r"access-list (\S+)(?: line (\d+))? ((?:extended|remark) .+)$", _with_names(rest))
        if found is None:
            return self.invalid(rest, 2)
        name, line, body = found.groups()
        missing = self._missing(body.split())
        if missing is not None:
            return f"ERROR: specified object ({missing}) does not exist"
        text = f"access-list {name} {body}"
        entries = [i for i, item in enumerate(self.root.children) if begins(item.text, f"access-list {name}")]
        same = [i for i in entries if self.root.children[i].text.strip() == text]
        if negative:
            if not same:
                return "ERROR: Specified access-list entry does not exist"
            if len(entries) == 1 and any(item.text.split()[1] == name for item in self.root.starting("access-group")):
                return f"ERROR: Removing access-list ({name}) not allowed, it is being used"
            del self.root.children[same[0]]
            return ""
        if same:
            return "WARNING: <" + name + "> found duplicate element"
        if not entries:
            _put(self.root, text + " ")
            return ""
        at = entries[int(line) - 1] if line and int(line) <= len(entries) else entries[-1] + 1
        self.root.children.insert(at, Line(text + " "))
        return ""

    def _bind(self, rest: str, negative: bool) -> str:
        """One list an interface and direction; a list without entries cannot be bound."""
        words = rest.split()
        if negative:
            gone = self.root.drop(lambda item: item.text.strip() != rest)
            return "" if gone else "ERROR: access-group does not exist"
        if not self.root.starting(f"access-list {words[1]}"):
            return f"ERROR: access-list <{words[1]}> does not exist"
        self.root.drop(lambda item: not (begins(item.text, "access-group") and item.text.split()[2:] == words[2:]))
        _put(self.root, rest)
        return ""

    def _twice(self, rest: str, negative: bool) -> str:
        """A rule of section 1, or of section 3 with after-auto; a number puts it before the rule of that number."""
        found = re.match(r"(nat \(\S+,\S+\)(?: after-auto)?)(?: (\d+))?( source .+)$", rest)
        if found is None:
            return self.invalid(rest, 1)
        text = found.group(1) + found.group(3)
        late = "after-auto" in text
        rules = [i for i, item in enumerate(self.root.children) if re.match(r"nat \(\S+\) .*source ", item.text)]
        rules = [i for i in rules if (" after-auto " in self.root.children[i].text) == late]
        same = [i for i in rules if self.root.children[i].text.strip() == text]
        if negative:
            if not same:
                return "ERROR: NAT rule does not exist"
            del self.root.children[same[0]]
            return ""
        known = {item.text.split()[2] for item in self.root.children if _is_object(item)} | {"any", "interface"}
        named = (
            found.group(3).split(" description ")[0].replace(" route-lookup", "").replace(" no-proxy-arp", "").split()
        )
        missing = next((w for w in named if w not in known and w not in NAT_WORDS), None)
        if missing is not None:
            return f"ERROR: {missing} doesn't match an existing object or object-group"
        if same:
            return "ERROR: NAT policy already exists"
        number = int(found.group(2) or 0)
        if rules:
            self.root.children.insert(rules[number - 1] if 0 < number <= len(rules) else rules[-1] + 1, Line(text))
        else:
            _put(self.root, text)
        return ""

    def _set(self, parent: Line, rest: str, negative: bool) -> str:
        if negative or begins(rest, "hostname"):
            key = "hostname" if begins(rest, "hostname") else rest
            parent.drop(lambda item: not begins(item.text, key))
        if not negative and parent.child(rest) is None:
            place(parent, rest, BEFORE.get(rest.split()[0], ("class-map",)))
        return ""

    def _nat_block(self, rest: str) -> Line:
        """A ``nat`` line of an object is printed in a second block of that object, behind the manual rules."""
        current = self.path[-1]
        if not begins(rest, "nat"):
            return current
        same = [item for item in self.root.children if item.text == current.text]
        block = next((item for item in same if item.starting("nat")), None)
        if block is None:
            block = Line(current.text)
            spot = next(
                (i for i, item in enumerate(self.root.children) if begins(item.text, "route")), len(self.root.children)
            )
            self.root.children.insert(spot, block)
        return block

    def _inspect(self, clazz: Line, rest: str, negative: bool) -> str:
        words = rest.split()
        name = " ".join(words[1:3]) if words[1] == "h323" else words[1]
        there = [item for item in clazz.children if begins(item.text, f"inspect {name}")]
        if negative:
            exact = [item for item in there if item.text.strip() == rest]
            if not exact and there and rest == f"inspect {name}" and "full_line_only" not in self.device.variant.flags:
                exact = there
            clazz.children = [item for item in clazz.children if item not in exact]
            return ""
        if there:
            if there[0].text.strip() == rest:
                return ""
            return (
                "ERROR: Inspect configuration of this type exists, first remove\n"
                "that configuration and then add the new configuration"
            )
        rank = ORDER.index(name) if name in ORDER else len(ORDER)
        spot = len(clazz.children)
        for index, item in enumerate(clazz.children):
            other = item.text.strip()[8:]
            if other in ORDER and ORDER.index(other) > rank:
                spot = index
                break
        clazz.children.insert(spot, Line(rest + (" " if name in ("sip", "skinny") and len(words) == 2 else "") + " "))
        return ""

    def _timeout(self, rest: str, negative: bool, line: str) -> str:
        words = rest.split()
        lines = self.root.starting("timeout")
        if negative and len(words) == 1:
            for name, value in TIMER_DEFAULTS.items():
                for item in lines:
                    item.text = re.sub(rf"(?<= ){name} \S+", f"{name} {value}", item.text)
            return ""
        value = TIMER_DEFAULTS.get(words[1], "0:02:00") if negative else (words[2] if len(words) > 2 else "")
        match = re.match(r"(\d+):(\d\d?):(\d\d?)$", value)
        if value != "0" and match is None:
            return self.invalid(line, 2)
        if match:
            hours, minutes, seconds = (int(part) for part in match.groups())
            if words[1] == "udp" and hours * 3600 + minutes * 60 + seconds < 60:
                return self.invalid(line, 2)
            value = f"{hours}:{minutes:02}:{seconds:02}"
        for item in lines:
            if re.search(rf" {words[1]} \S", item.text):
                item.text = re.sub(rf"(?<= ){words[1]} \S+", f"{words[1]} {value}", item.text)
                return ""
        place(self.root, f"timeout {words[1]} {value}", ("snmp-server",))
        return ""


NAT_WORDS = ("source", "static", "dynamic", "destination", "service", "unidirectional", "inactive", "dns", "net-to-net")
PORT_NAMES = {"5060": "sip"}


def _is_object(item: Line) -> bool:
    return len(item.text.split()) > 2 and item.text.split()[0] in ("object", "object-group")


def _with_names(text: str) -> str:
    """Ports as the device shows them: those that it has a name for by their name."""
    words = text.split()
    for at, word in enumerate(words[:-1]):
        if word in ("eq", "range"):
            for place_ in (at + 1, at + 2)[: 1 + (word == "range")]:
                words[place_] = PORT_NAMES.get(words[place_], words[place_])
    return " ".join(words)


def _put(root: Line, text: str) -> Line:
    """Add a line before the section that is printed after it; NAT rules come before the blocks of objects that hold theirs."""
    node = Line(text)
    kind = text.split()[0]
    for index, item in enumerate(root.children):
        holds_nat = begins(item.text, "object network") and bool(item.starting("nat"))
        after = kind == "nat" and (holds_nat or any(begins(item.text, word) for word in ("access-group", "route")))
        if after or any(begins(item.text, word) for word in BEFORE.get(kind, ())):
            root.children.insert(index, node)
            return node
    root.children.append(node)
    return node

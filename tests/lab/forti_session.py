# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The FortiOS command line: navigation, editing with commit on ``next`` and ``end``, show, get, diagnose, execute."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .device import Reply, Session
from .forti_tree import Node, Obj, Table, bad_value, grep, make, tokens_of

if TYPE_CHECKING:
    from .fortinet_fortios import FortiDevice

BANNER = "\nThis is a private system. All activity is monitored.\n(Press 'a' to accept):"


def parse_error(token: str) -> str:
    return f"\ncommand parse error before '{token}'\nCommand fail. Return code -61"


def failed(code: int, text: str = "") -> str:
    return f"{text}\nCommand fail. Return code {code}" if text else f"\nCommand fail. Return code {code}"


@dataclass
class Frame:
    """One level of ``config`` or ``edit``. Changes are made in ``draft`` and reach ``target`` at ``next`` or ``end``."""

    kind: str  # object, table, entry
    title: str
    target: Node
    draft: Node
    entry: str = ""
    new: bool = False


class FortiSession(Session):
    device: FortiDevice
    echo_end = "\r\r\n"
    tail = "\n"
    wrong_command = "get system ha status"

    def __init__(self, device: Any, user: str, quiet: bool = False) -> None:
        super().__init__(device, user, quiet)
        # None: no VDOMs, everything in reach. With VDOMs: "top", "vdomlist", "" (global) or a VDOM's name.
        self.scope: str | None = "top" if device.multi else None
        self.limited = "vdom_admin" in device.variant.flags and not quiet
        if self.limited:
            self.scope = "cust1"
        self.frames: list[Frame] = []
        self.filter: dict[str, tuple[int, int]] = {}

    # -- text -----------------------------------------------------------------------------------------------------

    def greet(self) -> Reply:
        if self.device.table("", "system global").value("post-login-banner") == "enable":
            self.wants = "key"
            return Reply(self.crlf(BANNER))
        return Reply(self.crlf(self.greeting()) + self.prompt())

    def greeting(self) -> str:
        if self.device.faults.has("prompt_like_banner"):
            return "\nNotice #\nfw9 # \nfake (global) # \nAll sessions are logged #\n\n"
        return ""

    def key(self, char: str) -> Reply:
        if self._pages:
            return super().key(char)
        if char != "a":
            return Reply()
        self.wants = "line"
        return Reply(self.crlf("\n" + self.greeting()) + self.prompt())

    def prompt(self) -> str:
        title = ""
        if self.frames:
            title = f" ({self.frames[-1].title})"
        elif self.scope in ("vdomlist", ""):
            title = " (vdom)" if self.scope else " (global)"
        elif self.scope not in (None, "top"):
            title = f" ({self.scope})"
        role = ""
        for flag in ("Primary", "Secondary"):
            role = f"({flag})" if flag.lower() in self.device.variant.flags else role
        sign = "$" if self.limited or self.faulty("read_only") else "#"
        return f"{self.device.hostname}{role}{title} {sign} "

    # -- dispatch -------------------------------------------------------------------------------------------------

    def run(self, line: str) -> str:
        self.page_length = 24 if self.device.pager and not self.quiet else 0
        command, _sep, pipe = (part.strip() for part in line.partition("|"))
        words = tokens_of(command)
        if not words:
            return ""
        handler = {
            "config": self._config,
            "edit": self._edit,
            "set": self._set,
            "unset": self._unset,
            "delete": self._delete,
            "move": self._move,
            "next": self._next,
            "end": self._end,
            "abort": self._abort,
            "show": self._show,
            "get": self._get,
            "execute": self._execute,
            "diagnose": self._diagnose,
            "exit": self._exit,
            "quit": self._exit,
        }.get({"diag": "diagnose", "exec": "execute", "conf": "config"}.get(words[0], words[0]))
        if handler is None:
            return "Unknown action 0" if not self.frames else parse_error(words[0])
        answer = handler(words, " ".join(command.split()))
        if pipe.startswith("grep"):
            return "\n".join(grep(answer.split("\n"), pipe[4:].strip()))
        return answer

    def where(self) -> str:
        """The scope of a write, in words."""
        vdom = {None: "root", "": "global", "top": "top", "vdomlist": "vdom"}.get(self.scope, self.scope or "")
        return " / ".join([vdom, *(frame.title for frame in self.frames)])

    def _write(self, line: str) -> str | None:
        """Journal a write. Returns the refusal if a fault refuses it, "" if a fault swallows it, None to go on."""
        self.note_write(line, self.where())
        if self.faulty("reject", line):
            return parse_error(line.split()[-1])
        if self.faulty("ignore", line):
            return ""
        return None

    # -- scopes ---------------------------------------------------------------------------------------------------

    def reach(self) -> dict[str, Node]:
        scopes = self.device.scopes
        if self.scope is None:
            return {**scopes[""], **scopes["root"]}
        if self.scope in ("top", "vdomlist"):
            return {}
        return scopes[self.scope]

    def find(self, words: list[str]) -> tuple[Node | None, list[str], str]:
        """Resolve a path (words may be shortened); returns the node, what is left of the words, and the bad word."""
        tables = self.reach()
        for length in range(min(3, len(words)), 0, -1):
            wanted = words[:length]
            hits = [
                name
                for name in tables
                if len(name.split()) == length and all(full.startswith(w) for full, w in zip(name.split(), wanted))
            ]
            exact = " ".join(wanted)
            if exact in hits:
                hits = [exact]
            if len(hits) == 1:
                return tables[hits[0]], words[length:], ""
        known = {name.split()[0] for name in tables}
        bad = words[1] if len(words) > 1 and words[0] in known else (words[0] if words else "")
        return None, words, bad

    def _enter_scope(self, words: list[str]) -> str | None:
        if words[1:] == ["global"] and self.scope == "top":
            self.scope = ""
            return ""
        if words[1:] == ["vdom"] and self.scope in ("top", ""):
            self.scope = "vdomlist"
            return ""
        if self.limited and words[1:] in (["global"], ["vdom"]):
            return failed(-37)
        return None

    # -- editing --------------------------------------------------------------------------------------------------

    def _config(self, words: list[str], line: str) -> str:
        if len(words) < 2:
            return parse_error("config")
        if not self.frames and self.device.multi:
            entered = self._enter_scope(words)
            if entered is not None:
                return entered
        refusal = self._write(line)
        if self.faulty("read_only"):
            return "Unknown action 0\n" + failed(-1)
        if refusal is not None:
            return refusal
        if self.frames:
            return self._config_below(words[1])
        node, rest, bad = self.find(words[1:])
        if node is None or rest:
            return parse_error(bad or rest[0])
        self._push(node, node.schema.name.split()[-1])
        return ""

    def _config_below(self, name: str) -> str:
        draft = self.frames[-1].draft
        if not isinstance(draft, Obj) or name not in draft.subs:
            return parse_error(name)
        self._push(draft.subs[name], name)
        return ""

    def _push(self, node: Node, title: str) -> None:
        kind = "table" if isinstance(node, Table) else "object"
        # A table's own draft is the table: entries commit one by one, deletions act at once.
        self.frames.append(Frame(kind, title, node, node if kind == "table" else copy.deepcopy(node)))

    def _edit(self, words: list[str], line: str) -> str:
        if self.scope == "vdomlist" and not self.frames:
            return self._edit_vdom(words, line)
        if not self.frames or not isinstance(self.frames[-1].draft, Table) or len(words) < 2:
            return parse_error("edit")
        table, name = self.frames[-1].draft, words[1]
        if table.schema.numbered and not name.isdigit():
            return "\nvalue parse error before '" + name + "'" + failed(-61)
        if table.schema.numbered and name == "0":
            name = table.next_id()
        new = name not in table.entries
        if new:
            refusal = self._write(line)
            if refusal is not None:
                return refusal
        entry = make_entry(table) if new else copy.deepcopy(table.entries[name])
        self.frames.append(Frame("entry", name, table, entry, name, new))
        return f"new entry '{name}' added" if new else ""

    def _edit_vdom(self, words: list[str], line: str) -> str:
        name = words[1] if len(words) > 1 else ""
        if not name:
            return parse_error("edit")
        if name not in self.device.scopes:
            # What an editor of a misspelt name gets on these devices: a new, empty VDOM.
            refusal = self._write(line)
            if refusal is not None:
                return refusal
            if not self.faulty("ignore_writes"):
                self.device.scopes[name] = self.device._tables("vdom")
                self.device.committed()
        self.scope = name
        return f"current vf={name}:{self.device.vdoms.index(name) if name in self.device.vdoms else 0}"

    def _object(self) -> Obj | None:
        draft = self.frames[-1].draft if self.frames else None
        return draft if isinstance(draft, Obj) else None

    def _set(self, words: list[str], line: str) -> str:
        refusal = self._write(line)
        target = self._object()
        if target is None:
            return parse_error("set")
        if refusal is not None:
            return refusal
        key, values = (words[1] if len(words) > 1 else ""), words[2:]
        spec = target.schema.keys.get(key)
        if spec is None:
            return parse_error(key)
        if self._frozen_profile():
            return failed(-7)
        if bad_value(spec, values):
            return f"\nvalue parse error before '{values[0] if values else key}'" + failed(-61)
        if spec.refers_to and values[0] and values[0] not in self._names(spec.refers_to):
            return f"\nentry not found in datasource\n\nvalue parse error before '{values[0]}'" + failed(-3)
        if not self.faulty("ignore_writes"):
            target.assign(key, values)
        return ""

    def _frozen_profile(self) -> bool:
        """In policy-based NGFW mode the profiles cannot be edited."""
        if self.quiet or self.frames[0].target.schema.name != "voip profile":
            return False
        settings = self.reach()["system settings"]
        return (
            isinstance(settings, Obj)
            and "ngfw-mode" in settings.schema.keys
            and settings.value("ngfw-mode") == "policy-based"
        )

    def _names(self, table: str) -> list[str]:
        node = self.reach().get(table)
        return list(node.entries) if isinstance(node, Table) else []

    def _unset(self, words: list[str], line: str) -> str:
        refusal = self._write(line)
        target = self._object()
        if target is None or len(words) < 2 or words[1] not in target.schema.keys:
            return parse_error(words[1] if len(words) > 1 else "unset")
        if refusal is None and not self.faulty("ignore_writes"):
            target.values.pop(words[1], None)
        return refusal or ""

    def _delete(self, words: list[str], line: str) -> str:
        refusal = self._write(line)
        if not self.frames or not isinstance(self.frames[-1].draft, Table) or len(words) < 2:
            return parse_error("delete")
        if refusal is not None:
            return refusal
        table, name = self.frames[-1].draft, words[1]
        if name not in table.entries:
            return failed(-3, "\nentry not found in table")
        if self._in_use(table.schema.name, name):
            return failed(-23, "\nThe entry is used by other 1 entries")
        if not self.faulty("ignore_writes"):
            del table.entries[name]
            if len(self.frames) == 1:
                self.device.committed()
        return ""

    def _in_use(self, table: str, name: str) -> bool:
        policies = self.reach().get("firewall policy")
        fields = {"voip profile": ("voip-profile", "ips-voip-filter"), "firewall vip": ("dstaddr",)}
        fields["firewall service custom"] = ("service",)
        if not isinstance(policies, Table):
            return False
        return any(
            name in policy.values.get(key, []) for policy in policies.entries.values() for key in fields.get(table, ())
        )

    def _move(self, words: list[str], line: str) -> str:
        refusal = self._write(line)
        table = self.frames[-1].draft if self.frames else None
        if not isinstance(table, Table) or len(words) != 4 or words[2] not in ("before", "after"):
            return parse_error("move")
        if refusal is not None or self.faulty("ignore_writes"):
            return refusal or ""
        if words[1] not in table.entries or words[3] not in table.entries:
            return failed(-3)
        moved = table.entries.pop(words[1])
        order = list(table.entries.items())
        spot = [name for name, _entry in order].index(words[3]) + (words[2] == "after")
        order.insert(spot, (words[1], moved))
        table.entries = dict(order)
        self.device.committed()
        return ""

    # -- leaving --------------------------------------------------------------------------------------------------

    def _commit(self, word: str) -> str:
        """Commit the innermost frame into what stands around it; returns an error text or nothing."""
        frame = self.frames[-1]
        if isinstance(frame.draft, Table):
            return ""
        before = frame.target.entries.get(frame.entry) if isinstance(frame.target, Table) else frame.target
        if frame.draft == before:
            return ""
        self.note_write(word, self.where())
        missing = [key for key in frame.draft.schema.required if not frame.draft.values.get(key)]
        if missing and not self.faulty("ignore_writes"):
            return f"node_check_object fail! for {missing[0]}\n\nAttribute '{missing[0]}' MUST be set" + failed(1)
        if self.faulty("ignore_writes"):
            return ""
        if isinstance(frame.target, Table):
            frame.target.entries[frame.entry] = frame.draft
        else:
            frame.target.replace(frame.draft)
        if all(isinstance(outer.draft, Table) for outer in self.frames[:-1]):
            self.device.committed()
        return ""

    def _next(self, words: list[str], line: str) -> str:
        if not self.frames and self.device.multi and self.scope not in ("top", "", "vdomlist") and not self.limited:
            self.scope = "vdomlist"
            return ""
        if not self.frames or self.frames[-1].kind != "entry":
            return parse_error("next")
        return self._leave("next", 1)

    def _end(self, words: list[str], line: str) -> str:
        if self.frames:
            return self._leave("end", 2 if self.frames[-1].kind == "entry" else 1)
        if self.scope is None or self.limited or self.scope == "top":
            return "" if self.limited else parse_error("end")
        self.scope = "top"
        return ""

    def _leave(self, word: str, levels: int) -> str:
        error = self._commit(word)
        if error and word == "next":
            return error
        del self.frames[-levels:]
        return error

    def _abort(self, words: list[str], line: str) -> str:
        if not self.frames:
            return parse_error("abort")
        del self.frames[-(2 if self.frames[-1].kind == "entry" else 1) :]
        return ""

    def _exit(self, words: list[str], line: str) -> str:
        if self.frames:
            return parse_error(words[0])
        self.closing = True
        return ""

    # -- reading --------------------------------------------------------------------------------------------------

    def _show(self, words: list[str], line: str) -> str:
        rest = words[1:]
        full = bool(rest) and len(rest[0]) >= 4 and "full-configuration".startswith(rest[0])
        if full:
            rest = rest[1:]
        if self.frames and not rest:
            frame = self.frames[-1]
            head = f"config {frame.draft.schema.name}"
            if frame.kind != "entry":
                return "\n".join([head, *frame.draft.lines(full, 1), "end"])
            label = frame.entry if frame.draft.schema.numbered else f'"{frame.entry}"'
            return "\n".join([head, f"    edit {label}", *frame.draft.lines(full, 2), "    next", "end"])
        if not rest:
            return self._show_whole(full)
        node, more, bad = self.find(rest)
        if node is None:
            return parse_error(bad)
        head, tail = f"config {node.schema.name}", "end"
        if more and isinstance(node, Table):
            if more[0] not in node.entries:
                return failed(-3, "\nentry not found in table")
            return "\n".join([head, *node.entry_lines(more[0], full, 1), tail])
        if more:
            return parse_error(more[0])
        return "\n".join([head, *node.lines(full, 1), tail])

    def _show_whole(self, full: bool) -> str:
        only = None if self.scope in (None, "top", "vdomlist") else self.scope
        return self.device.whole(self.device.scopes, self.user, only, full).rstrip("\n")

    def _get(self, words: list[str], line: str) -> str:
        rest = words[1:]
        if rest[:2] == ["system", "status"]:
            vdom = self.scope if self.limited and self.scope else "root"
            return str(self.device.status(vdom)).rstrip("\n")
        if rest[:3] == ["system", "ha", "status"]:
            return f"HA Health Status: OK\nModel: {self.device.variant.model}\nMode: Standalone"
        node, more, bad = self.find(rest)
        if node is None or more:
            return parse_error(bad or more[0])
        return "\n".join(node.get_lines())

    # -- state and saving -----------------------------------------------------------------------------------------

    def _execute(self, words: list[str], line: str) -> str:
        refusal = self._write(line)
        if refusal is not None:
            return refusal
        if words[1:] == ["cfg", "save"]:
            if self.faulty("save_fails"):
                return failed(-1)
            if not self.faulty("ignore_writes"):
                self.device.save()
            return "config saved."
        if words[1:] in (["cfg", "reload"], ["reboot"]):
            return self.question(
                "This operation will reboot the system !\r\nDo you want to continue? (y/n)", self._reboot
            )
        return parse_error(words[1] if len(words) > 1 else "execute")

    def _reboot(self, typed: str) -> str:
        if typed.strip().lower() == "y":
            self.device.reboot()
        return ""

    def _diagnose(self, words: list[str], line: str) -> str:
        if words[1:3] != ["sys", "session"] or len(words) < 4:
            if re.search(r"\b(reset|clear|kill|restart)\b", line):
                self.note_write(line, self.where())
            return parse_error(words[-1])
        if words[3] == "filter":
            return self._session_filter(words[4:])
        hits = [item for item in self.device.sip_sessions if self._matches(item)]
        if words[3] == "list":
            return "\n".join([*(session_text(item) for item in hits), f"total session {len(hits)}"])
        if words[3] == "clear":
            refusal = self._write(line)
            if refusal is None and not self.faulty("ignore_writes"):
                self.device.sip_sessions = [item for item in self.device.sip_sessions if item not in hits]
            return refusal or ""
        return parse_error(words[3])

    def _session_filter(self, rest: list[str]) -> str:
        if not rest:
            labels = {"proto": "proto", "dport": "dest port", "sport": "source port"}
            rows = [
                f"\t{label}: {self.filter[key][0]}-{self.filter[key][1]}" if key in self.filter else f"\t{label}: any"
                for key, label in labels.items()
            ]
            return "\n".join(["session filter:", "\tvd: any", *rows])
        if rest == ["clear"]:
            self.filter = {}
            return ""
        if rest[0] in ("proto", "dport", "sport") and len(rest) > 1 and all(word.isdigit() for word in rest[1:3]):
            self.filter[rest[0]] = (int(rest[1]), int(rest[-1]))
            return ""
        return parse_error(rest[0])

    def _matches(self, item: dict[str, Any]) -> bool:
        return all(low <= int(item[key]) <= high for key, (low, high) in self.filter.items())


def make_entry(table: Table) -> Obj:
    """An empty entry of a table: the table's own schema, taken as an object's."""
    entry = Obj(table.schema)
    entry.subs = {name: make(schema) for name, schema in table.schema.subs.items()}
    return entry


def session_text(item: dict[str, Any]) -> str:
    helper = f" helper={item['helper']}" if item["helper"] else ""
    return (
        f"\nsession info: proto={item['proto']} proto_state=01 duration=1726 expire=1797 timeout=1800 flags=00000000\n"
        f"origin-shaper=\nreply-shaper=\nclass_id=0 ha_id=0{helper} vlan_cos=0/255\nstate=log may_dirty\n"
        f"hook=post dir=org act=snat {item['src']}:{item['sport']}->{item['dst']}:{item['dport']}(198.51.100.2:{item['sport']})\n"
        f"misc=0 policy_id=2 auth_info=0 chk_client_info=0 vd=0\n"
    )

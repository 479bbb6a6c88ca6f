# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of Linux's packet filter as text: which give the SIP helper to connections, and which forward UDP inwards. Pure.

The text forms are those of `nft -a list ruleset` and `iptables-save`, as nft(8), iptables-save(8) and iptables-extensions(8)
describe them. A chain counts from which a built-in hook leads to it: a definition that nothing uses does nothing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .forwards import ANY, Forward
from .text import lines_of

_HANDLE = re.compile(r" # handle (\d+)$")
_COUNTER = re.compile(r"\bcounter packets \d+ bytes \d+ ?")
_JUMP = re.compile(r"\b(?:jump|goto) ([\w.-]+)")
_SIP = re.compile(r"sip(?:-\d+)?$")
"""The kernel names its helper by `sip`, and one on another port by `sip-1` and so on."""


@dataclass(frozen=True)
class Rule:
    """One rule. `tool` is the command that shows it, `index` its place in the chain, counted from 0; `handle` is nft's number."""

    tool: str
    family: str
    table: str
    chain: str
    text: str
    index: int
    handle: int | None = None

    @property
    def place(self) -> str:
        where = f"{self.family} {self.table}" if self.tool == "nft" else f"{self.tool} {self.table}"
        return f"{where} {self.chain}"

    @property
    def plain(self) -> str:
        """The text without what counts packets, which is another at each reading."""
        return _COUNTER.sub("", self.text)


@dataclass
class Chain:
    """`base`: what the packets of a hook come from, "" for a chain that others jump to; `policy`: what happens at its end."""

    base: str = ""
    policy: str = ""
    rules: list[Rule] = field(default_factory=list)


@dataclass
class Table:
    """A table of one family. `helpers`: kinds of the helper objects by their names; `sets`: their elements."""

    tool: str
    family: str
    name: str
    helpers: dict[str, str] = field(default_factory=dict)
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)
    managed: bool = False
    """Whether it is the other tool's, which shows it whole."""

    def live(self) -> list[Chain]:
        """The chains that a hook leads to."""
        seen: list[str] = []
        waiting = [name for name, chain in self.chains.items() if chain.base]
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self.chains:
                continue
            seen.append(name)
            waiting += [target for rule in self.chains[name].rules for target in _targets(rule)]
        return [chain for name, chain in self.chains.items() if name in seen]


def _targets(rule: Rule) -> list[str]:
    if rule.tool == "nft":
        return _JUMP.findall(rule.text)
    return re.findall(r"(?:^| )-[jg] (\S+)", rule.text)


def read_nft(text: str) -> list[Table]:
    """The tables of a ruleset. What stands in a table and is neither a chain, a set nor a helper is passed over."""
    tables: list[Table] = []
    path: list[str] = []
    held, managed = "", False
    for raw in lines_of(text):
        held = f"{held} {raw.strip()}".strip()
        if held.startswith("#"):
            managed = managed or "managed by iptables-nft" in held
            held = ""
            continue
        found = _HANDLE.search(held)
        line, handle = _HANDLE.sub("", held), int(found.group(1)) if found else None
        bare = re.sub(r'"[^"]*"', '""', line)
        if bare.endswith("{") and bare.count("{") == bare.count("}") + 1 and "=" not in bare:
            path.append(line[:-1].strip())
            _open(tables, path, managed)
            managed, held = False, ""
        elif bare == "}":
            path, held = path[:-1], ""
        elif bare.count("{") <= bare.count("}"):
            _inside(tables, path, line, handle)
            held = ""
    return tables


def _open(tables: list[Table], path: list[str], managed: bool) -> None:
    words = path[-1].split()
    if len(path) == 1 and len(words) == 3 and words[0] == "table":
        tables.append(Table("nft", words[1], words[2], managed=managed))
    elif len(path) == 2 and tables and words[:1] == ["chain"]:
        tables[-1].chains[words[1]] = Chain()


def _inside(tables: list[Table], path: list[str], line: str, handle: int | None) -> None:
    """A line of a block of a table."""
    if len(path) != 2 or not tables or not line:
        return
    table, words = tables[-1], path[1].split()
    if words[:2] == ["ct", "helper"]:
        found = re.match(r'type "([^"]+)"', line)
        if found:
            table.helpers[words[2]] = found.group(1)
    elif words[0] == "set":
        found = re.match(r"elements = \{(.*)\}", line)
        if found:
            table.sets[words[1]] = tuple(e.split()[0] for e in found.group(1).split(",") if e.strip())
    elif words[0] == "chain":
        chain = table.chains[words[1]]
        found = re.match(r"type (\w+ hook \w+).*?(?:policy (\w+);)?$", line)
        if found:
            chain.base, chain.policy = found.group(1), found.group(2) or "accept"
        else:
            chain.rules.append(Rule("nft", table.family, table.name, words[1], line, len(chain.rules), handle))


def read_iptables(text: str, tool: str) -> list[Table]:
    """The tables of `iptables-save` (`tool` iptables) or `ip6tables-save`."""
    tables: list[Table] = []
    for line in lines_of(text):
        if line.startswith("*"):
            tables.append(Table(tool, "ip6" if "6" in tool else "ip", line[1:].strip()))
        elif line.startswith(":") and tables:
            name, policy = line[1:].split()[:2]
            base = "" if policy == "-" else f"{tables[-1].name} {name}"
            tables[-1].chains[name] = Chain(base, policy.lower())
        elif line.startswith("-A ") and tables:
            _word, name, *rest = line.split(" ", 2)
            chain = tables[-1].chains.setdefault(name, Chain())
            rule = Rule(tool, tables[-1].family, tables[-1].name, name, "".join(rest), len(chain.rules))
            chain.rules.append(rule)
    return tables


# ---- the SIP helper --------------------------------------------------------------------------------------------------


def gives_sip(rule: Rule, table: Table) -> bool:
    """Whether a rule gives the SIP helper to the connections that it meets."""
    if rule.tool != "nft":
        found = re.search(r"-j CT\b.*--helper \"?([\w-]+)", rule.text)
        return found is not None and _SIP.match(found.group(1)) is not None
    found = re.search(r"\bct helper set (.+)$", rule.text)
    if found is None:
        return False
    names = re.findall(r'"([^"]+)"', found.group(1).split(" comment ")[0])
    kinds = [table.helpers.get(name) for name in names]
    # a name whose object did not show is taken at its worst
    return not kinds or any(kind is None or _SIP.match(kind) is not None for kind in kinds)


def helper_rules(tables: Iterable[Table]) -> tuple[list[Rule], list[Rule]]:
    """The rules that give the SIP helper: those that packets come by, and those in chains that nothing leads to."""
    live: list[Rule] = []
    idle: list[Rule] = []
    for table in tables:
        if table.managed:
            continue
        reached = table.live()
        for chain in table.chains.values():
            rules = [rule for rule in chain.rules if gives_sip(rule, table)]
            (live if any(chain is one for one in reached) else idle).extend(rules)
    return live, idle


# ---- forwards --------------------------------------------------------------------------------------------------------


def dnat_forwards(tables: Iterable[Table], skip: str = "") -> tuple[list[Forward], bool]:
    """Forwards of UDP to hosts inside, and whether each rule that changes destinations was understood.

    Rules whose comment begins with `skip` are left out: who made them shows them better.
    """
    out: list[Forward] = []
    whole = True
    for table in tables:
        if table.managed or table.family == "ip6":
            continue
        for chain in table.live():
            for rule in chain.rules:
                if skip and re.search(rf'comment "?{re.escape(skip)}', rule.text):
                    continue
                found = _nft_dnat(rule, table) if rule.tool == "nft" else _iptables_dnat(rule)
                whole = whole and found is not None
                out += found or []
    seen: dict[str, int] = {}
    return [_counted(forward, seen) for forward in out], whole


def _counted(forward: Forward, seen: dict[str, int]) -> Forward:
    """The same with a scope of its own: rules may stand in a chain twice."""
    seen[forward.scope] = seen.get(forward.scope, 0) + 1
    count = seen[forward.scope]
    values = dict(forward.__dict__, scope=forward.scope if count == 1 else f"{forward.scope} #{count}")
    return Forward(**values)


def _made(
    rule: Rule, spans: Iterable[tuple[int, int]], target: str, sources: tuple[str, ...] | None
) -> list[Forward] | None:
    """The forwards of a rule to `address` or `address:port`; None where the target is none of these."""
    found = re.match(r"(\d+\.\d+\.\d+\.\d+)(?::(\d+)(?:-\d+)?)?$", target)
    if found is None:
        return None
    inner = int(found.group(2)) if found.group(2) else None
    return [
        Forward("dnat", f"{rule.place} {a}" + (f"-{b}" if b != a else ""), a, b, found.group(1), sources, (rule.plain,),
                inner, "src" if rule.tool == "nft" else "recall")
        for a, b in spans
    ]  # fmt: skip


def _nft_dnat(rule: Rule, table: Table) -> list[Forward] | None:
    """[] for a rule that forwards no UDP, None for one that was not understood."""
    text = re.sub(r' comment "[^"]*"|\bct status \S*dnat\b', "", rule.plain)
    found = re.search(r"\bdnat (?:ip6? )?(?:to )?(\S+)(.*)$", text)
    if found is None:
        return None if re.search(r"\bdnat\b", text) else []
    head = text[: found.start()]
    if re.search(r"\btcp dport\b|ip protocol tcp\b|l4proto tcp\b", head) and "udp" not in head:
        return []
    if " ip6 to " in f" {text} " or "meta nfproto ipv6" in head:
        return []
    port = re.search(r"\b(?:udp|th) dport (\{[^}]*\}|\S+)", head)
    spans = _spans(port.group(1), table.sets) if port else [(1, 65535)]
    if spans is None or found.group(2).strip():
        return None
    return _made(rule, spans, found.group(1), _nft_sources(head, table))


def _nft_sources(head: str, table: Table) -> tuple[str, ...] | None:
    """Who gets in; None where a rule looks at something else of a packet that is not judged here."""
    found = re.search(r"\bip saddr (\{[^}]*\}|\S+)", head)
    rest = re.sub(
        r"\bip saddr (?:\{[^}]*\}|\S+)|\b(?:udp|th) dport (?:\{[^}]*\}|\S+)|\biif(?:name)? \S+|\bcounter\b", "", head
    )
    rest = re.sub(r"\bmeta (?:nfproto ipv4|l4proto (?:\{[^}]*\}|\S+))|\bip protocol udp\b", "", rest)
    rest = re.sub(r"\bip daddr \d[\d.]*(?!\S)", "", rest)  # an address of the router's own
    if rest.strip():
        return None
    if found is None:
        return (ANY,)
    return _networks(found.group(1), table.sets)


def _elements(text: str, sets: Mapping[str, tuple[str, ...]]) -> list[str] | None:
    if text.startswith("@"):
        return list(sets[text[1:]]) if text[1:] in sets else None
    return [part.strip() for part in text.strip("{} ").split(",")]


def _networks(text: str, sets: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    found = _elements(text, sets)
    if found is None or not all(re.fullmatch(r"\d+\.\d+\.\d+\.\d+(?:/\d+)?", one) for one in found):
        return None
    return tuple(one if "/" in one else f"{one}/32" for one in found)


def _spans(text: str, sets: Mapping[str, tuple[str, ...]]) -> list[tuple[int, int]] | None:
    out = []
    for one in _elements(text, sets) or ["?"]:
        found = re.fullmatch(r"(\d+)(?:[-:](\d+))?", one)
        if found is None:
            return None
        out.append((int(found.group(1)), int(found.group(2) or found.group(1))))
    return out


_KNOWN_MATCHES = {"-s", "-i", "-p", "-m", "--dport", "--dports", "--comment", "-j", "--to-destination", "-d"}


def _iptables_dnat(rule: Rule) -> list[Forward] | None:
    """As `_nft_dnat`, for a line of the other tool."""
    if "-j DNAT" not in rule.text:
        return []
    try:
        words = shlex.split(rule.text)
    except ValueError:
        return None
    given = {w: words[i + 1] for i, w in enumerate(words[:-1]) if w.startswith("-")}
    if given.get("-p", "udp") not in ("udp", "all"):
        return []
    ports = given.get("--dports") or given.get("--dport") or "1:65535"
    spans = _spans(ports, {})
    if spans is None or "--to-destination" not in given:
        return None
    unknown = "!" in words or {w for w in words if re.match(r"--?[a-z]", w)} - _KNOWN_MATCHES
    sources = None if unknown else _networks(given["-s"], {}) if "-s" in given else (ANY,)
    return _made(rule, spans, given["--to-destination"], sources)


def accepts_dnat(tables: Iterable[Table]) -> bool | None:
    """Whether what is forwarded gets through the filter: True or False where that is plain, else None."""
    found: list[bool | None] = []
    for table in tables:
        for chain in table.chains.values():
            if table.managed or not re.search(r"filter (?:hook forward|FORWARD)$", chain.base):
                continue
            texts = " | ".join(rule.text for one in table.live() for rule in one.rules)
            open_to = re.search(r"ct status dnat accept|--ctstate DNAT -j ACCEPT", texts) is not None
            found.append(True if chain.policy == "accept" and not chain.rules else True if open_to else None)
    return True if all(found) else None

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet filter of a Linux host as the tools show it: a ruleset of nft, and the tables of iptables."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field


@dataclass
class Block:
    """A chain, a set or a helper object: its first line, and the lines in it with their handles."""

    head: str
    handle: int
    lines: list[tuple[int, str]] = field(default_factory=list)


class Ruleset:
    """Tables in order; ``load`` takes the text of a file or of a listing."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Block]] = {}
        self.numbers = 0

    def handle(self) -> int:
        self.numbers += 1
        return self.numbers

    def load(self, text: str) -> None:
        """Block heads and ends stand on lines of their own, as in a listing; a chain may also be one line."""
        table, block = "", None
        for raw in text.split("\n"):
            line = raw.strip()
            single = re.fullmatch(r"chain (\S+) \{ (.*) \}", line)
            if not line or line.startswith("#") or line == "flush ruleset":
                continue
            if single and table:
                lines = [(self.handle(), part.strip()) for part in self._statements(single.group(2))]
                self.tables[table].append(Block(f"chain {single.group(1)}", self.handle(), lines))
            elif line.startswith("table "):
                table = line.removesuffix(" {")
                self.tables.setdefault(table, [])
            elif line.endswith("{"):
                block = Block(line.removesuffix(" {"), self.handle())
                self.tables[table].append(block)
            elif line == "}":
                table, block = (table, None) if block else ("", None)
            elif block is not None:
                block.lines.append((self.handle(), line))

    @staticmethod
    def _statements(text: str) -> list[str]:
        """A chain on one line: its type with its policy is one line of a listing."""
        head = re.match(r"(type [^;]*;(?: policy \w+;)?)\s*(.*)$", text)
        parts = [head.group(1)] if head else []
        rest = head.group(2) if head else text
        return parts + [p for p in (part.strip() for part in rest.split(";")) if p]

    def chain(self, table: str, name: str) -> Block | None:
        return next((b for b in self.tables.get(table, []) if b.head == f"chain {name}"), None)

    def show(self, handles: bool, family: str = "", name: str = "", chain: str = "") -> str:
        """Everything, or one chain."""
        out = []
        for table, blocks in self.tables.items():
            if name and table != f"table {family} {name}":
                continue
            out.append(f"{table} {{" + (" # handle 1" if handles else ""))
            for number, block in enumerate(b for b in blocks if not chain or b.head == f"chain {chain}"):
                out.append(
                    ("\n" if number else "") + f"\t{block.head} {{" + (f" # handle {block.handle}" if handles else "")
                )
                for handle, line in block.lines:
                    plain = (
                        re.match(r"type |elements|flags|l3proto|hook", line) and "hook" in line
                    ) or not block.head.startswith("chain")
                    shown = handles and not plain
                    out.append(f"\t\t{line}" + (f" # handle {handle}" if shown else ""))
                out.append("\t}")
            out.append("}")
        return "".join(f"{line}\n" for line in out)

    def command(self, words: list[str]) -> str:
        """``delete rule FAMILY TABLE CHAIN handle N``, and ``add`` or ``insert rule ... [index N] RULE``; the complaint or ""."""
        text = " ".join(words)
        found = re.match(r"(delete|add|insert) rule (\S+) (\S+) (\S+) (?:(handle|index) (\d+) ?)?(.*)$", text)
        if found is None:
            return f"Error: syntax error, unexpected {words[0]}\n{text}\n^^^^\n"
        verb, family, table, name, how, number, rule = found.groups()
        block = self.chain(f"table {family} {table}", name)
        if block is None:
            return f"Error: Could not process rule: No such file or directory\n{text}\n"
        rules = [n for n, (_h, line) in enumerate(block.lines) if " hook " not in line]
        if verb == "delete":
            before = len(block.lines)
            block.lines = [(h, line) for h, line in block.lines if h != int(number)]
            return "" if len(block.lines) < before else "Error: Could not process rule: No such file or directory\n"
        if verb == "add" and how is None:
            block.lines.append((self.handle(), rule))
        elif how == "index" and int(number) < len(rules):
            block.lines.insert(rules[int(number)], (self.handle(), rule))
        else:
            return "Error: Could not process rule: No such file or directory\n"
        return ""

    def rules(self) -> list[str]:
        return [f"{t} {b.head} {line}" for t, blocks in self.tables.items() for b in blocks for _h, line in b.lines]


class Tables:
    """What one of iptables' commands knows, in the form of ``iptables-save``."""

    def __init__(self, text: str = "") -> None:
        self.chains: dict[str, dict[str, str]] = {}
        self.lines: dict[str, list[tuple[str, str]]] = {}
        table = ""
        for line in text.split("\n"):
            if line.startswith("*"):
                table = line[1:]
                self.chains[table], self.lines[table] = {}, []
            elif line.startswith(":"):
                name, policy = line[1:].split()[:2]
                self.chains[table][name] = policy
            elif line.startswith("-A "):
                _a, name, spec = line.split(" ", 2)
                self.lines[table].append((name, spec))

    def save(self, tool: str) -> str:
        out = ""
        for table, chains in self.chains.items():
            out += f"# Generated by {tool}-save v1.8.9 on Thu Mar 7 10:00:00 2024\n*{table}\n"
            out += "".join(f":{name} {policy} [0:0]\n" for name, policy in chains.items())
            out += "".join(f"-A {name} {spec}\n" for name, spec in self.lines[table])
            out += "COMMIT\n# Completed on Thu Mar 7 10:00:00 2024\n"
        return out

    def command(self, tool: str, words: list[str]) -> str:
        """``-t TABLE`` with ``-D`` or ``-C CHAIN RULE``, or ``-I CHAIN NUMBER RULE``; the complaint or ""."""
        _t, table, verb, chain, *rest = words
        lines = self.lines.setdefault(table, [])
        if verb in ("-D", "-C"):
            match = next((i for i, (c, s) in enumerate(lines) if c == chain and shlex.split(s) == rest), None)
            if match is None:
                return f"{tool}: Bad rule (does a matching rule exist in that chain?).\n"
            if verb == "-D":
                del lines[match]
            return ""
        if verb != "-I" or not rest[0].isdigit():
            return f"{tool} v1.8.9: unknown option\n"
        places = [i for i, (c, _s) in enumerate(lines) if c == chain] + [len(lines)]
        if int(rest[0]) > len(places):
            return f"{tool}: Index of insertion too big.\n"
        text = " ".join(f'"{w}"' if " " in w else w for w in rest[1:])
        lines.insert(places[int(rest[0]) - 1], (chain, text))
        return ""

    def rules(self) -> list[str]:
        return [f"{table} {chain} {spec}" for table, lines in self.lines.items() for chain, spec in lines]

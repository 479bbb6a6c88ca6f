# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of a BusyBox shell as an administrator types at a router: lists, pipes, quotes, variables, substitution, for."""

from __future__ import annotations

import re
from typing import Callable

Command = Callable[["list[str]", str], "tuple[int, str]"]
Keep = Callable[[str, str, bool], str]
"""``keep(path, text, more)`` writes a file, or with ``more`` adds to it, and answers the complaint, "" where there is none."""
"""``command(words, input)`` gives the exit status and the output."""
LONGEST = 1023
"""Characters that the line editor takes; what is typed beyond them is lost."""


class ShellError(Exception):
    """What the shell itself complains about; the line is not carried out further."""


def tokens(text: str) -> list[str]:
    """Words with their quotes still on, and the operators between them."""
    out: list[str] = []
    word, at = "", 0
    while at < len(text):
        end = _quoted_end(text, at)
        if end > at:
            word += text[at:end]
            at = end
            continue
        found = re.match(r"\|\||&&|;|\||\s+", text[at:])
        if found is None:
            word += text[at]
            at += 1
            continue
        if word:
            out.append(word)
        if found.group().strip():
            out.append(found.group())
        word = ""
        at += found.end()
    return [*out, word] if word else out


def _quoted_end(text: str, at: int) -> int:
    """Where the quotes or the substitution that begin here end; ``at`` itself where none begins."""
    if text[at] == "'":
        return _closing(text, "'", at + 1)
    if text[at] == '"':
        end = at + 1
        while end < len(text) and text[end] != '"':
            end = _quoted_end(text, end) if text.startswith("$(", end) else end + 1
        return _closing(text, '"', end)
    if text.startswith("$(", at):
        end = at + 2
        while end < len(text) and text[end] != ")":
            end = max(_quoted_end(text, end), end + 1)
        return _closing(text, ")", end)
    return at


def _closing(text: str, mark: str, at: int) -> int:
    end = text.find(mark, at)
    if end < 0:
        raise ShellError("-sh: syntax error: unterminated quoted string")
    return end + 1


class Shell:
    """``commands`` by name. Variables live as long as the shell. Without ``keep`` nothing goes into a file."""

    def __init__(self, commands: dict[str, Command], keep: Keep | None = None, name: str = "-sh") -> None:
        self.commands = commands
        self.keep = keep
        self.name = name
        self.variables: dict[str, str] = {}

    def run(self, text: str) -> str:
        try:
            return self._list(tokens(text[:LONGEST]))[1]
        except ShellError as error:
            return f"{error}\n"

    def _list(self, words: list[str]) -> tuple[int, str]:
        status, out, joint = 0, "", ";"
        while words:
            if words[0] == "for":
                part, words = self._loop(words)
                status, text = 0, part
            else:
                end = next((i for i, w in enumerate(words) if w in ("||", "&&", ";")), len(words))
                skipped = (joint == "||" and status == 0) or (joint == "&&" and status != 0)
                status, text = (status, "") if skipped else self._pipe(words[:end])
                joint = words[end] if end < len(words) else ";"
                words = words[end + 1 :]
            out += text
        return status, out

    def _loop(self, words: list[str]) -> tuple[str, list[str]]:
        """``for NAME in WORD...; do LIST; done``: its output, and the words after it."""
        try:
            do, done = words.index("do"), words.index("done")
        except ValueError:
            raise ShellError("-sh: syntax error: unexpected end of file") from None
        out = ""
        for value in [self._word(w) for w in words[3:do] if w != ";"]:
            self.variables[words[1]] = value
            body = words[do + 1 : done]
            out += self._list(body[:-1] if body[-1:] == [";"] else body)[1]
        rest = words[done + 1 :]
        return out, rest[1:] if rest[:1] == [";"] else rest

    def _pipe(self, words: list[str]) -> tuple[int, str]:
        status, text = 0, ""
        while words:
            end = words.index("|") if "|" in words else len(words)
            status, text = self._simple(words[:end], text)
            words = words[end + 1 :]
        return status, text

    def _simple(self, words: list[str], given: str) -> tuple[int, str]:
        plain = [w for w in words if not re.fullmatch(r"[12]?>/dev/null|2>&1", w)]
        at = next((n for n, word in enumerate(plain[:-1]) if word in (">", ">>")), None)
        if self.keep is not None and at is not None:
            status, text = self._simple(plain[:at], given)
            complaint = self.keep(self._word(plain[at + 1]), text, plain[at] == ">>")
            return (1, complaint) if complaint else (status, "")
        for word in plain:
            bare = re.search(r"[<>]([^<>]*)", re.sub(r"'[^']*'|\"[^\"]*\"", "", word))
            if bare:
                raise ShellError(f"-sh: can't open {bare.group(1) or 'it'}: no such file")
        found = re.fullmatch(r"(?s)([A-Za-z_]\w*)=(.*)", plain[0]) if len(plain) == 1 else None
        if found:
            self.variables[found.group(1)] = self._word(found.group(2))
            return 0, ""
        name, *rest = [self._word(w) for w in plain]
        command = self.commands.get(name)
        if command is None:
            return 127, f"{self.name}: {name}: not found\n"
        status, text = command(rest, given)
        quiet = ">/dev/null" in words or (status != 0 and "2>/dev/null" in words)
        return status, "" if quiet else text

    def _word(self, raw: str) -> str:
        """A word with its quotes taken off, variables and commands put in their places."""
        out, at = "", 0
        while at < len(raw):
            if raw[at] == "'":
                end = raw.index("'", at + 1)
                out += raw[at + 1 : end]
                at = end + 1
            elif raw[at] == '"':
                end = _quoted_end(raw, at)
                out += self._expanded(raw[at + 1 : end - 1])
                at = end
            elif raw.startswith("$(", at):
                end = _quoted_end(raw, at)
                out += self._expanded(raw[at:end])
                at = end
            else:
                end = next((i for i in range(at, len(raw)) if raw[i] in "'\"" or raw.startswith("$(", i)), len(raw))
                out += self._expanded(raw[at:end])
                at = end
        return out

    def _expanded(self, text: str) -> str:
        out = ""
        while text:
            if text.startswith("$("):
                end = _quoted_end(text, 0)
                out += self._list(tokens(text[2 : end - 1]))[1].rstrip("\n")
                text = text[end:]
                continue
            found = re.match(r"\$(?:\{(\w+)\}|(\w+))", text)
            out += self.variables.get(found.group(1) or found.group(2), "") if found else text[0]
            text = text[found.end() if found else 1 :]
        return out

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dialogue with a command line: prompt, echo, pager, errors. It waits for events, never for time, and always until a deadline."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..core.errors import CommandRefused, DeviceTimeout, EdgeError, LoginRefused

# what a line was overwritten with blanks: a pager's own line, also what of its mark came after it was answered
_ERASED = re.compile(r"^(?:[^\n\r]*\r +\r)+|\r +\r|[ \t]*\x08+ *\x08*|\x1b\[[0-9;?]*[A-Za-z]", re.M)
_TAIL = 4096
_SILENCE = 1.0
_DEEPEST = 8
_GOODBYE = 2.0
_ANY_PROMPT = r"(?P<base>[^\s()#>$]{0,64})(?:\([^()\n]*\))*(?: \([^()\n]*\))* ?(?P<mark>[>#$]) ?"
_FIRST = re.compile(r"(?:^|\n)" + _ANY_PROMPT + r"$")
_TWICE = re.compile(r"(?:^|\n)[ \t]*(?P<line>" + _ANY_PROMPT + r")\n+[ \t]*(?P=line)$")
_RETURNS = re.compile(r"\r+\n")


class Channel(Protocol):
    """What a dialogue needs of a connection."""

    def receive(self, seconds: float) -> str:
        """Whatever has come, "" after that many seconds without anything. Raises ConnectionLost at the end."""

    def send(self, text: str) -> None:
        """Raises ConnectionLost."""

    def close(self) -> None:
        """Never raises."""


@dataclass(frozen=True)
class Dialect:
    """How a family of command lines talks. Patterns are regular expressions; `setup` lines change only this session."""

    setup: tuple[str, ...] = ()
    pager: str = r"(?:<?-+ ?[Mm]ore ?-+>?)[ \t]*"
    pager_answer: str = " "
    greetings: tuple[tuple[str, str], ...] = ()
    enable: str = ""
    other_shell: bool = False
    """Whether `enable` gives the shell of another user, with a prompt of its own."""
    password_prompt: str = r"[Pp]assword: ?"
    errors: tuple[str, ...] = ()
    logout: tuple[str, ...] = ("exit",)
    nested: str = ""
    leave: str = "end"
    """While the prompt matches `nested`, a session that failed in the middle sends `leave` to get out again."""
    questions: tuple[tuple[str, str, str], ...] = ()
    """What a device asks back to a line that it was told to take: (pattern of the line, of the question, the answer)."""

    def __post_init__(self) -> None:
        """A wrong pattern shows when it is loaded, and forks find the patterns in the cache of re."""
        self.compiled()
        self.questions_to("")

    def compiled(self) -> tuple[re.Pattern[str], list[re.Pattern[str]]]:
        """The pager and the errors."""
        pager = re.compile(r"(?:^|[\r\n])[ \t]*" + self.pager + r"$")
        return pager, [re.compile(e, re.I | re.M) for e in self.errors]

    def questions_to(self, line: str) -> list[tuple[re.Pattern[str], str]]:
        """The questions that may follow a line, with their answers. Any other question is waited out until the deadline."""
        return [
            (re.compile(r"(?:^|\n)[^\n]*(?:" + asked + r")[ \t]*$"), answer)
            for pattern, asked, answer in self.questions
            if re.match(pattern, line)
        ]


class CliSession:
    """One logged-in session. `ask` reads and may be used in an audit; `write` changes and is refused unless allowed."""

    resumes = False
    stages = False
    """A broken connection ends the login."""

    def __init__(self, channel: Channel, dialect: Dialect, timeout: float, secrets: Sequence[str] = ()) -> None:
        self._channel = channel
        self._timeout = timeout
        self._secrets = tuple(s for s in secrets if s)
        self._base: str | None = None
        self.may_write = False
        self.prompt_mark = ""
        self._prompt_line = ""
        self.adopt(dialect)

    def adopt(self, dialect: Dialect) -> None:
        """Takes another dialect over once it is known to whom we talk."""
        self.dialect = dialect
        self._pager, self._errors = dialect.compiled()

    def greet(self) -> None:
        """Waits for the first prompt and learns it. Raises DeviceTimeout when none comes."""
        deadline = time.monotonic() + self._timeout
        text = ""
        while True:
            text += self._receive(deadline, "a prompt after the login", text)
            tail = _clean(text[-_TAIL:])
            for pattern, answer in self.dialect.greetings:
                if re.search(pattern + r"\s*$", tail):
                    self._channel.send(answer)
                    text = tail = ""
            if _FIRST.search(tail):
                return self._learn(tail)

    def _learn(self, text: str) -> None:
        """An empty line makes a device repeat its prompt; a banner line that only looks like one does not repeat."""
        deadline = time.monotonic() + self._timeout
        self._channel.send("\n")
        while True:
            left = deadline - time.monotonic()
            data = self._channel.receive(min(_SILENCE, left)) if left > 0 else ""
            if not data and left <= _SILENCE:
                self._receive(0.0, "a prompt that repeats", text)
            if not data:
                self._channel.send("\n")
            text = _clean(text + data)
            found = _TWICE.search(text)
            if found:
                self._base = _constant(found.group("base"))
                self.prompt_mark = found.group("mark")
                return

    def prepare(self, secret: str | None, privileged: str = "#") -> str:
        """Raises the privilege if needed and sends the session-only settings (width, pager); returns their answers."""
        if self.dialect.enable and self.prompt_mark != privileged:
            self._enable(secret, privileged)
        return "".join(self.ask(line) for line in self.dialect.setup)

    def _enable(self, secret: str | None, privileged: str) -> None:
        """One attempt with the secret; a second question for it means that it was refused."""
        prompt = _FIRST if self.dialect.other_shell else self._prompt()
        asks = re.compile(r"(?:^|\n)" + self.dialect.password_prompt + "$")
        self._channel.send(self.dialect.enable + "\n")
        deadline = time.monotonic() + self._timeout
        text, sent = "", False
        while True:
            text += self._receive(deadline, f"the answer to '{self.dialect.enable}'", "")
            cleaned = _clean(text)
            if asks.search(cleaned):
                if sent or not secret:
                    self._channel.send("\n")
                    why = "the enable secret was refused" if sent else "it asks for an enable secret and none is given"
                    raise LoginRefused(f"{why}; set ansible_become_password (option become_password)")
                self._channel.send(secret + "\n")
                text, sent = "", True
                continue
            found = list(prompt.finditer(cleaned))
            if found:
                self.prompt_mark = found[-1].group("mark")
                if self.dialect.other_shell:
                    self._base = _constant(found[-1].group("base"))
                if self.prompt_mark != privileged:
                    raise LoginRefused(
                        f"this user gets no privilege: '{self.dialect.enable}' ended at the prompt '{found[-1].group(0).strip()}'"
                    )
                return

    def ask(self, command: str) -> str:
        """Sends a command that changes nothing and returns its answer without echo and prompt, lines ending in \\n.

        Raises DeviceTimeout, ConnectionLost. An error text of the device is returned like any answer.
        """
        return self._exchange(command)

    def write(self, line: str) -> str:
        """Sends a line that may change the device, and answers what the dialect expects to be asked about it.

        Raises CommandRefused when the answer is an error of the dialect.
        """
        if not self.may_write:
            raise AssertionError(f"a write was attempted in a session that may only read: {line}")
        reply = self._exchange(line, self.dialect.questions_to(line))
        if any(e.search(reply) for e in self._errors):
            raise CommandRefused(line, self._hide(reply.strip())[:400])
        return reply

    def leave_nested(self) -> None:
        """Out of any configuration path, after a line was refused in it."""
        for _depth in range(_DEEPEST):
            if not self.dialect.nested or not re.search(self.dialect.nested, self._prompt_line):
                return
            self._exchange(self.dialect.leave)

    def is_error(self, reply: str) -> bool:
        """Whether an answer is an error text of the dialect."""
        return any(e.search(reply) for e in self._errors)

    def close(self, polite: bool = True) -> None:
        """Logs out and waits for the device to hang up (a router has few lines for logins), then closes, whatever happens."""
        try:
            if polite:
                for line in self.dialect.logout:
                    self._channel.send(line + "\n")
                end = time.monotonic() + _GOODBYE
                while time.monotonic() < end and self._channel.receive(end - time.monotonic()):
                    continue
        except EdgeError:
            self.prompt_mark = ""  # it hung up, as it should
        finally:
            self._channel.close()

    def _prompt(self) -> re.Pattern[str]:
        if not self._base:  # a bare "> "
            return re.compile(r"^[ \t]*(?P<mark>[>#$])[ \t]*$", re.M)
        base = re.escape(self._base)
        return re.compile(
            r"^[ \t]*" + base + r"[^\s#>$()]*(?:\([^()\n]*\))*(?: \([^()\n]*\))* ?(?P<mark>[>#$])[ \t]*$", re.M
        )

    def _exchange(self, command: str, questions: Sequence[tuple[re.Pattern[str], str]] = ()) -> str:
        prompt = self._prompt()
        self._channel.send(command + "\n")
        deadline = time.monotonic() + self._timeout
        text = ""
        while True:
            text += self._receive(deadline, f"the end of the answer to '{command}'", text)
            if self._pager.search(text[-200:]):
                text = self._pager.sub("\n", text)
                self._channel.send(self.dialect.pager_answer)
                deadline = time.monotonic() + self._timeout
                continue
            tail = _clean(text[-_TAIL:])
            answer = next((a for asked, a in questions if asked.search(tail)), None)
            if answer is not None:
                questions = ()  # asked again, it was not understood: then the deadline decides
                self._channel.send(answer + "\n")
                deadline = time.monotonic() + self._timeout
                continue
            if prompt.search(tail):
                answer_text = self._end(_clean(text), command, prompt)
                if answer_text is not None:
                    return answer_text

    def _end(self, whole: str, command: str, prompt: re.Pattern[str]) -> str | None:
        """The answer, once the echo has come and a prompt line stands after it; else None."""
        at = _echo_end(whole, command)
        found = None
        if at is not None:
            found = next(reversed(list(prompt.finditer(whole, at))), None)
        if found is None:
            return None
        self.prompt_mark, self._prompt_line = found.group("mark"), found.group(0).strip()
        end = found.start()
        return whole[at:end].lstrip("\n")

    def _receive(self, deadline: float, what: str, so_far: str) -> str:
        left = deadline - time.monotonic()
        data = self._channel.receive(left) if left > 0 else ""
        if not data:
            raise DeviceTimeout(f"waited {self._timeout:g} s for {what}{self._question(so_far)}")
        return data

    def _question(self, text: str) -> str:
        """What the device asks while it waits. Other text is not shown: it may be a line of its configuration with a secret."""
        last = self._hide(_clean(text[-_TAIL:])).strip().split("\n")[-1][-80:]
        return f"; it asks '{last}'" if last.endswith(("?", ":", "]", ")")) else ""

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "********")
        return text


def _constant(base: str) -> str:
    """What stays of a prompt. The folder that a shell shows in it does not: `user@host:~$`, and in a mode `user@host#`."""
    return (base.split(":")[0] if "@" in base.split(":")[0] else base).split("/")[0][:16]


def _clean(text: str) -> str:
    """Line ends as \\n; the marks that pagers and line editors leave are gone."""
    return _RETURNS.sub("\n", _ERASED.sub("", text)).replace("\r", "").replace("\x00", "")


def _echo_end(text: str, command: str) -> int | None:
    """Where the echoed command line ends, or None while it has not come whole."""
    if not command:
        return 0
    at = text.find(command)
    if at < 0:
        return None
    end = text.find("\n", at + len(command))
    return len(text) if end < 0 else end

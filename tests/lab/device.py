# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every simulated device has: accounts, a journal of writes, a transcript, faults, and a command line session.

Nothing here opens a socket. A device is state; a session turns received lines into answers. The servers carry both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple

SECRETS = (
    "PLANTED-SECRET-login",
    "PLANTED-SECRET-enable",
    "PLANTED-SECRET-ios",
    "PLANTED-SECRET-asa",
    "PLANTED-SECRET-forti",
    "PLANTED-SECRET-snmp",
    "PLANTED-SECRET-psk",
)
"""Words that stand in some configuration or log-in. None of them may ever be found in an output of the product."""

LOCKOUT_AFTER = 3


class Write(NamedTuple):
    """A line that would change something, as it reached the device; ``when`` is in seconds since the epoch."""

    line: str
    scope: str
    when: float


class Fault(NamedTuple):
    name: str
    arg: str


class Faults:
    """The faults of one device, written as ``name`` or ``name:argument``. May be changed while the device is served."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._items: list[Fault] = []
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        name, _sep, arg = text.partition(":")
        self._items.append(Fault(name.strip(), arg.strip()))

    def clear(self, name: str | None = None) -> None:
        """Remove all faults, or all of one name."""
        self._items = [item for item in self._items if name is not None and item.name != name]

    def has(self, name: str) -> bool:
        return any(item.name == name for item in self._items)

    def args(self, name: str) -> list[str]:
        return [item.arg for item in self._items if item.name == name]

    def hits(self, name: str, line: str) -> bool:
        """Is there a fault of this name whose argument begins the line? Blanks and case do not matter."""
        clean = " ".join(line.split()).lower()
        return any(arg and clean.startswith(" ".join(arg.split()).lower()) for arg in self.args(name))


@dataclass
class Login:
    """How one gets in. ``auth``: ``password`` or ``keyboard-interactive``; ``public_key`` in OpenSSH form."""

    user: str = "admin"
    password: str = "PLANTED-SECRET-login"
    enable_secret: str = "PLANTED-SECRET-enable"
    privilege: int = 15
    auth: str = "password"
    public_key: str | None = None
    banner: str | None = None
    legacy_kex: bool = False
    own_host_key: bool = False
    telnet: bool = False


@dataclass
class Reply:
    """What a session answers to one line: the text, and what happens to the connection."""

    text: str = ""
    delay: float = 0.0
    later: list[tuple[float, str]] = field(default_factory=list)
    hang: bool = False
    cut: bool = False
    close: bool = False


class Device:
    """State of one device. Subclasses hold the configuration and make sessions."""

    platform = ""
    telnet_user_prompt = "Username: "
    web_only = False  # no command line
    tls = True  # the web interface speaks TLS unless told otherwise
    lockout = False

    def __init__(self, name: str, variant: Any, faults: Iterable[str] = (), login: dict[str, Any] | None = None):
        self.name = name
        self.variant = variant
        self.faults = Faults(faults)
        merged: dict[str, Any] = {**getattr(variant, "login", {}), **(login or {})}
        self.login = Login(**merged)
        self.lock = threading.RLock()
        self.login_attempts = 0
        self.failed_logins = 0
        self.clock = 0.0  # minutes, moved by tick()
        self.sessions: list[Session] = []
        self.on_write: list[Callable[[Device, Write], None]] = []
        self._journal: list[Write] = []
        self._transcript: list[str] = []
        # Filled in by the server.
        self.host = "127.0.0.1"
        self.port = 0
        self.telnet_port = 0
        self.host_key = ""
        self.known_hosts_line = ""

    # -- what a test looks at -------------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        return self.login.user

    @property
    def password(self) -> str:
        return self.login.password

    @property
    def enable_secret(self) -> str:
        return self.login.enable_secret

    @property
    def journal(self) -> list[Write]:
        with self.lock:
            return list(self._journal)

    @property
    def writes(self) -> list[str]:
        """The lines of the journal alone."""
        return [write.line for write in self.journal]

    @property
    def transcript(self) -> list[str]:
        with self.lock:
            return list(self._transcript)

    @property
    def open_sessions(self) -> int:
        return len(self.sessions)

    def forget(self) -> None:
        """Empty journal and transcript, between two parts of a test."""
        with self.lock:
            self._journal.clear()
            self._transcript.clear()

    # -- configuration, in the subclasses -------------------------------------------------------------------------

    def running(self) -> str:
        raise NotImplementedError

    def startup(self) -> str:
        raise NotImplementedError

    def change(self, what: Any) -> None:
        """Change the running configuration as another administrator would: configuration lines, or a function."""
        raise NotImplementedError

    def _load_startup(self) -> None:
        raise NotImplementedError

    def open(self, user: str) -> Session:
        raise NotImplementedError

    def tick(self, minutes: float) -> None:
        """Let the device's clock go on; rollback timers and lock-outs may expire."""
        with self.lock:
            self.clock += minutes
            if minutes >= 1:
                self.failed_logins = 0

    def reboot(self) -> None:
        """Restart: every session is dropped, and so is what was not saved."""
        with self.lock:
            self._load_startup()
            self.failed_logins = 0
            sessions = list(self.sessions)
        for session in sessions:
            session.drop()

    # -- records --------------------------------------------------------------------------------------------------

    def note_write(self, line: str, scope: str) -> None:
        write = Write(line.strip(), scope, time.time())
        self._journal.append(write)
        for listener in self.on_write:
            listener(self, write)

    def note_line(self, line: str) -> None:
        self._transcript.append(line)

    # -- log in ---------------------------------------------------------------------------------------------------

    def check_password(self, user: str, password: str) -> bool:
        """Judge one password; counts the attempt. A locked-out account refuses the right one too."""
        with self.lock:
            self.login_attempts += 1
            locked = self.lockout and self.failed_logins >= LOCKOUT_AFTER
            good = user == self.user and password == self.password
            if locked or self.faults.has("refuse_login") or not good:
                self.failed_logins += 1
                return False
            self.failed_logins = 0
            return True


class Session:
    """One command line. The terminal calls ``greet``, then ``line`` or ``key`` as ``wants`` says.

    Subclasses implement ``run`` (one command to its answer, without echo and prompt) and ``prompt``.
    """

    echo_end = "\r\n"  # what the device sends after the echoed line
    secret_echo = ""  # what it shows for each character of a password
    eol = "\r\n"
    more = "--More-- "
    more_erase = "\r         \r"
    wrong_command = "show version"
    tail = ""  # between an answer and the prompt
    page_length = 0

    def __init__(self, device: Device, user: str, quiet: bool = False) -> None:
        self.device = device
        self.user = user
        self.quiet = quiet  # the session of "another administrator": leaves no traces
        self.wants = "line"
        self.closing = False
        self.lines_seen = 0
        self.ask: Callable[[str], str] | None = None  # handler of a question's answer
        self.ask_prompt: str | None = None
        self.later: list[tuple[float, str]] = []
        self._pages: list[str] = []
        self._dropper: Callable[[], None] | None = None

    # -- life -----------------------------------------------------------------------------------------------------

    def attach(self, dropper: Callable[[], None]) -> None:
        self._dropper = dropper
        with self.device.lock:
            self.device.sessions.append(self)

    def detach(self) -> None:
        with self.device.lock:
            if self in self.device.sessions:
                self.device.sessions.remove(self)

    def drop(self) -> None:
        if self._dropper is not None:
            self._dropper()

    # -- in the subclasses ----------------------------------------------------------------------------------------

    def prompt(self) -> str:
        raise NotImplementedError

    def run(self, line: str) -> str:
        """Answer one command: lines joined by newlines, no echo, no prompt; may set ``ask``, ``closing``, ``later``."""
        raise NotImplementedError

    def greeting(self) -> str:
        return ""

    # -- called by the terminal -----------------------------------------------------------------------------------

    def greet(self) -> Reply:
        return Reply(self.crlf(self.greeting()) + self.prompt())

    def crlf(self, text: str) -> str:
        return text.replace("\n", self.eol)

    def line(self, text: str) -> Reply:
        """Take one line and give the answer with the prompt after it."""
        with self.device.lock:
            return self._line(text)

    def key(self, char: str) -> Reply:
        """Take one key while the pager waits."""
        with self.device.lock:
            if char in " f":
                return Reply(self.more_erase + self._next_page(max(self.page_length - 1, 1)))
            if char in "\r\n":
                return Reply(self.more_erase + self._next_page(1))
            if char in "qQ\x03":
                self._pages = []
                self.wants = "line"
                return Reply(self.more_erase + self.eol + self.prompt())
            return Reply()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _line(self, text: str) -> Reply:
        secret = self.wants == "secret"
        self.lines_seen += 1
        faults = self.device.faults
        if not self.quiet:
            self.device.note_line("(secret)" if secret else text)
            if any(arg.isdigit() and int(arg) == self.lines_seen for arg in faults.args("cut")):
                return Reply(cut=True)
        command = text.strip()
        if self.ask is not None:
            return self._finish(self._answer_question(text), command="")
        if not command:
            return Reply(self.prompt())
        if not self.quiet and faults.hits("hang", command):
            return Reply(hang=True)
        body = self.run(command)
        if not self.quiet:
            body = self._spoil(command, body)
        return self._finish(body, command)

    def _answer_question(self, text: str) -> str:
        handler = self.ask
        assert handler is not None
        self.ask = None
        self.ask_prompt = None
        self.wants = "line"
        return handler(text)

    def _spoil(self, command: str, body: str) -> str:
        """Apply the faults that falsify an answer."""
        faults = self.device.faults
        if faults.hits("garble", command):
            body = self.run(self.wrong_command)
        for arg in faults.args("lie"):
            prefix, _sep, change = arg.partition("|")
            old, _sep, new = change.partition("|")
            if command.lower().startswith(prefix.strip().lower()):
                body = body.replace(old, new)
        if faults.hits("truncate", command):
            body = body[: len(body) // 2]
        return body

    def _finish(self, body: str, command: str) -> Reply:
        reply = Reply(later=self.later, close=self.closing)
        self.later = []
        for arg in self.device.faults.args("slow"):
            reply.delay += float(arg)
        if self.closing:
            reply.text = self.crlf(body)
            return reply
        lines = body.split("\n") if body else []
        if self.page_length and len(lines) >= self.page_length:
            self._pages = lines
            reply.text = self._next_page(self.page_length - 1)
            return reply
        shown = "".join(line + self.eol for line in lines)
        reply.text = shown + self._after()
        return reply

    def _after(self) -> str:
        if self.ask is not None and self.ask_prompt is not None:
            return self.ask_prompt
        return self.crlf(self.tail) + self.prompt()

    def _next_page(self, count: int) -> str:
        chunk, self._pages = self._pages[:count], self._pages[count:]
        shown = "".join(line + self.eol for line in chunk)
        if self._pages:
            self.wants = "key"
            return shown + self.more
        self.wants = "line"
        return shown + self._after()

    # -- helpers for subclasses -----------------------------------------------------------------------------------

    def question(self, prompt: str, handler: Callable[[str], str], secret: bool = False) -> str:
        """Ask something instead of giving the prompt; ``handler`` gets the answer and returns the body to print."""
        self.ask = handler
        self.ask_prompt = prompt
        self.wants = "secret" if secret else "line"
        return ""

    def note_write(self, line: str, scope: str) -> None:
        if not self.quiet:
            self.device.note_write(line, scope)

    def faulty(self, name: str, line: str | None = None) -> bool:
        """Does this fault apply to this session (and line)? Never to the session of another administrator."""
        if self.quiet:
            return False
        if line is None:
            return self.device.faults.has(name)
        return self.device.faults.hits(name, line)

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialogue with a command line, against a channel that plays a script."""

from __future__ import annotations

from typing import Callable

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import (
    CommandRefused,
    ConnectionLost,
    DeviceTimeout,
    LoginRefused,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.cli import CliSession, Dialect

IOS = Dialect(setup=("terminal length 0",), enable="enable", errors=(r"^% ?Invalid",), nested=r"\(config[^)]*\)")


class Script:
    """Answers each line by a function; without an answer it stays silent."""

    def __init__(self, greeting: str, answer: Callable[[str], str | None]) -> None:
        self.greeting = greeting
        self.answer = answer
        self.sent: list[str] = []
        self.waiting = [greeting]
        self.closed = False
        self.hangs_up = False

    def receive(self, seconds: float) -> str:
        if self.waiting:
            return self.waiting.pop(0)
        if self.hangs_up:
            raise ConnectionLost("gone")
        return ""

    def send(self, text: str) -> None:
        self.sent.append(text)
        reply = self.answer(text)
        if reply is not None:
            self.waiting.append(reply)

    def close(self) -> None:
        self.closed = True


def router(answers: dict[str, str | None], prompt: str = "r1#", greeting: str | None = None) -> Script:
    """A router that echoes, answers what it knows and repeats its prompt."""

    def answer(text: str) -> str | None:
        line = text.rstrip("\n")
        if line in answers:
            reply = answers[line]
            return None if reply is None else reply
        return f"{line}\r\n{prompt}"

    return Script(f"\r\n{prompt}" if greeting is None else greeting, answer)


def session(script: Script, dialect: Dialect = IOS, timeout: float = 0.3, secrets: tuple[str, ...] = ()) -> CliSession:
    made = CliSession(script, dialect, timeout, secrets)
    made.greet()
    return made


def test_an_answer_comes_without_echo_and_prompt() -> None:
    talk = session(router({"show x": "show x\r\none\r\n two\r\nr1#"}))
    assert talk.ask("show x") == "one\n two\n"


def test_pieces_of_any_size_make_one_answer() -> None:
    script = router({"show x": ""})
    talk = session(script)
    script.waiting = list("show x\r\none\r\nr1# ")
    assert talk.ask("show x") == "one\n"


def test_a_pager_is_answered_and_its_marks_are_gone() -> None:
    script = router({"show x": "show x\r\none\r\n --More-- ", " ": "\r          \rtwo\r\nr1#"})
    talk = session(script)
    assert talk.ask("show x") == "one\ntwo\n"
    assert " " in script.sent


def test_the_pager_of_an_asa() -> None:
    talk = session(router({"show x": "show x\r\none\r\n<--- More --->", " ": "\r              \rtwo\r\nr1#"}))
    assert talk.ask("show x") == "one\ntwo\n"


def test_a_log_line_after_the_prompt_does_not_hold_the_answer_up() -> None:
    talk = session(router({"end": "end\r\nr1#\r\n*Jun 1 %SYS-5-CONFIG_I: Configured from console\r\n"}))
    assert talk.ask("end") == ""


def test_a_banner_that_looks_like_a_prompt_is_none() -> None:
    script = router({"show x": "show x\r\none\r\nr1#"}, greeting="KEEP-OUT#")
    script.waiting.append("\r\nr1#")
    talk = session(script)
    assert talk.ask("show x") == "one\n"


def test_a_greeting_is_accepted() -> None:
    script = router({"a": "\r\nr1#"}, greeting="terms (Press 'a' to accept):")
    talk = session(script, Dialect(greetings=((r"\(Press 'a' to accept\):", "a"),)))
    assert script.sent[0] == "a"
    assert talk.prompt_mark == "#"


def test_silence_at_the_start_names_what_was_waited_for() -> None:
    with pytest.raises(DeviceTimeout, match="waited 0.3 s for a prompt after the login"):
        session(router({}, greeting=""))


def test_a_prompt_that_does_not_repeat() -> None:
    with pytest.raises(DeviceTimeout, match="a prompt that repeats"):
        session(router({"": None}))


def test_silence_in_the_middle_says_what_was_asked_and_hides_secrets() -> None:
    talk = session(router({"show x": "show x\r\nWith hunter2?"}), secrets=("hunter2", ""))
    with pytest.raises(DeviceTimeout, match=r"the answer to 'show x'; it asks 'With \*{8}\?'"):
        talk.ask("show x")


def enabling(replies: list[str]) -> Script:
    queue = list(replies)

    def answer(text: str) -> str | None:
        line = text.rstrip("\n")
        if line in ("enable", "sesame"):
            return queue.pop(0)
        return f"{line}\r\nr1>" if len(queue) == len(replies) else f"{line}\r\nr1#"

    return Script("\r\nr1>", answer)


def test_privilege_is_raised_once() -> None:
    script = enabling(["enable\r\nPassword: ", "\r\nr1#"])
    talk = session(script)
    talk.prepare("sesame")
    assert talk.prompt_mark == "#"
    assert script.sent.count("sesame\n") == 1
    assert "terminal length 0\n" in script.sent


@pytest.mark.parametrize(
    ("replies", "secret", "words"),
    [
        (["enable\r\nPassword: ", "\r\nPassword: "], "sesame", "the enable secret was refused"),
        (["enable\r\nPassword: "], None, "none is given"),
        (["enable\r\nr1>"], None, "gets no privilege"),
    ],
)
def test_privilege_refused(replies: list[str], secret: str | None, words: str) -> None:
    talk = session(enabling(replies))
    with pytest.raises(LoginRefused, match=words):
        talk.prepare(secret)


def test_writing_needs_permission() -> None:
    talk = session(router({}))
    with pytest.raises(AssertionError, match="may only read"):
        talk.write("configure terminal")


def test_a_refused_line_is_raised_with_the_answer() -> None:
    talk = session(router({"bad": "bad\r\n% Invalid input sesame\r\nr1#"}), secrets=("sesame",))
    talk.may_write = True
    assert talk.write("good") == ""
    with pytest.raises(CommandRefused, match=r"'bad': % Invalid input \*{8}"):
        talk.write("bad")
    assert talk.is_error("% Invalid input")
    assert not talk.is_error("fine")


def test_nested_modes_are_left() -> None:
    modes = iter(["r1(config-if)#", "r1(config)#", "r1#"])
    script = router({})
    talk = session(script)
    talk.may_write = True
    script.answer = lambda text: f"{text.rstrip()}\r\n{next(modes)}"
    talk.write("interface x")
    talk.leave_nested()
    assert script.sent[-2:] == ["end\n", "end\n"]
    talk.leave_nested()
    assert script.sent[-2:] == ["end\n", "end\n"]


def test_a_bare_prompt() -> None:
    talk = session(router({"show x": "show x\r\none\r\n> "}, prompt="> "), Dialect())
    assert talk.ask("show x") == "one\n"


def test_goodbye() -> None:
    script = router({"exit": None})
    talk = session(script)
    script.hangs_up = True
    talk.close()
    assert script.sent[-1] == "exit\n"
    assert script.closed
    silent = router({"exit": None})
    session(silent).close()
    assert silent.closed
    rude = router({})
    session(rude).close(polite=False)
    assert rude.sent[-1] != "exit\n"
    assert rude.closed


def test_a_device_that_sleeps_through_the_first_line_is_asked_again() -> None:
    script = router({})
    replies = iter([None, "\r\nr1#\r\nr1#"])
    script.answer = lambda _text: next(replies)
    talk = session(script, timeout=3.0)
    assert script.sent == ["\n", "\n"]
    assert talk.prompt_mark == "#"


def test_a_prompt_before_the_echo_is_not_the_end_of_the_answer() -> None:
    script = router({"show x": ""})
    talk = session(script)
    script.waiting = ["\r\n*log line\r\nr1#", "show x", "\r\none\r\n", "r1#"]
    assert talk.ask("show x") == "one\n"


def test_a_mode_that_cannot_be_left_does_not_hold_us_for_ever() -> None:
    script = router({})
    talk = session(script)
    talk.may_write = True
    script.answer = lambda text: f"{text.rstrip()}\r\nr1(config)#"
    talk.write("interface x")
    talk.leave_nested()
    assert script.sent.count("end\n") == 8


@pytest.mark.parametrize("size", [1, 2, 7])
def test_pager_and_prompt_may_arrive_in_any_pieces(size: int) -> None:
    first, second = "show x\r\none\r\n --More-- ", "\r          \rtwo\r\nr1#"
    script = router({"show x": "", " ": ""})
    talk = session(script)
    script.waiting = [first[at : at + size] for at in range(0, len(first), size)]
    answered: list[str] = []

    def answer(text: str) -> None:
        answered.append(text)
        if text == " ":
            script.waiting += [second[at : at + size] for at in range(0, len(second), size)]

    script.answer = answer
    assert talk.ask("show x") == "one\ntwo\n"
    assert answered == ["show x\n", " "]

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of events in a dialogue: late prompts, stale text, deadlines and goodbyes, on a clock that only events move."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Union

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import (
    CommandRefused,
    ConnectionLost,
    DeviceTimeout,
    LoginRefused,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.transports import cli
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.cli import CliSession, Dialect

IOS = Dialect(setup=("terminal length 0",), enable="enable", errors=(r"^% ?Invalid",), nested=r"\(config[^)]*\)")

# A text comes at once, a pair (seconds, text) later, and an exception ends the connection.
Event = Union[str, tuple[float, str], BaseException]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Peer:
    """Plays the events that belong to what was sent; what is not in the script is echoed, with the prompt after it."""

    def __init__(self, clock: Clock, prompt: str = "r1#") -> None:
        self.clock = clock
        self.prompt = prompt
        self.coming: list[Event] = [f"\r\n{prompt}"]
        self.script: dict[str, list[list[Event]]] = {}
        self.sent: list[str] = []
        self.closed = 0

    def on(self, sent: str, *events: Event) -> Peer:
        self.script.setdefault(sent, []).append(list(events))
        return self

    def receive(self, seconds: float) -> str:
        if not self.coming:
            self.clock.now += seconds
            return ""
        event = self.coming.pop(0)
        if isinstance(event, BaseException):
            raise event
        if isinstance(event, str):
            return event
        wait, text = event
        if wait > seconds:
            self.clock.now += seconds
            self.coming.insert(0, (wait - seconds, text))
            return ""
        self.clock.now += wait
        return text

    def send(self, text: str) -> None:
        self.sent.append(text)
        turns = self.script.get(text)
        if turns:
            self.coming.extend(turns.pop(0) if len(turns) > 1 else turns[0])
        else:
            self.coming.append("{}\r\n{}".format(text.rstrip("\n"), self.prompt))

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(cli, "time", made)
    return made


@pytest.fixture
def peer(clock: Clock) -> Peer:
    return Peer(clock)


def greeted(peer: Peer, dialect: Dialect = IOS, timeout: float = 5.0, secrets: Iterable[str] = ()) -> CliSession:
    made = CliSession(peer, dialect, timeout, tuple(secrets))
    made.greet()
    return made


def test_a_log_line_between_two_prompts_only_costs_one_more_line_end(clock: Clock, peer: Peer) -> None:
    peer.on("\n", "\r\n*Jun 1 %SYS-5-CONFIG_I: Configured\r\nr1#").on("\n", "\r\nr1#")
    assert greeted(peer).prompt_mark == "#"
    assert peer.sent == ["\n", "\n"]
    assert clock.now == 1.0


def test_a_prompt_that_never_repeats_ends_at_the_deadline(clock: Clock, peer: Peer) -> None:
    peer.on("\n", "\r\n%SYS-5: x\r\nr1#").on("\n")
    with pytest.raises(DeviceTimeout, match="waited 3 s for a prompt that repeats$"):
        greeted(peer, timeout=3.0)
    assert clock.now <= 3.0
    assert set(peer.sent) == {"\n"}


def test_a_device_that_only_talks_never_outlives_the_deadline(clock: Clock, peer: Peer) -> None:
    peer.coming = [(0.9, f"line {count}\r\n") for count in range(99)]
    with pytest.raises(DeviceTimeout, match="waited 5 s for a prompt after the login$"):
        greeted(peer)
    assert clock.now <= 5.0
    assert peer.sent == []


def test_banner_lines_that_look_like_prompts_are_not_learned(peer: Peer) -> None:
    peer.coming = ["\r\nAUTHORIZED>\r\n", "KEEP-OUT#", (0.5, "\r\n\r\nr1#")]
    talk = greeted(peer)
    peer.on("show x\n", "show x\r\nKEEP-OUT#\r\nr1#")
    assert talk.ask("show x") == "KEEP-OUT#\n"


def test_a_greeting_in_pieces_is_answered_once(peer: Peer) -> None:
    peer.coming = ["Terms\r\n(Press 'a'", " to accept):"]
    peer.on("a", "\r\n\r\nr1#")
    greeted(peer, Dialect(greetings=((r"\(Press 'a' to accept\):", "a"),)))
    assert peer.sent == ["a", "\n"]


@pytest.mark.parametrize(
    ("prompt", "deeper"),
    [
        ("r1#", "r1(config-if)#"),
        ("a-router-with-a-very-long-name#", "a-router-with-a-very(config)#"),
        ("fw1/pri/act#", "fw1/pri/act(config)#"),
        ("fw1/admin#", "fw1/cust1(config)#"),
        ("FGT60F # ", "FGT60F (global) # "),
        ("FGT60F $ ", "FGT60F (settings) $ "),
    ],
)
def test_prompts_of_deeper_modes_belong_to_the_same_device(clock: Clock, prompt: str, deeper: str) -> None:
    peer = Peer(clock, prompt)
    talk = greeted(peer)
    peer.prompt = deeper
    assert talk.ask("down") == ""
    assert clock.now == 0.0
    assert talk.prompt_mark == prompt.strip()[-1]


def test_the_prompt_of_another_device_ends_no_answer(peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("show x\n", "show x\r\nother#\r\n")
    with pytest.raises(DeviceTimeout, match="waited 5 s for the end of the answer to 'show x'$"):
        talk.ask("show x")


def test_what_was_left_over_is_not_taken_for_the_answer(peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("show x\n", "\r\nr1#", "\r\nold\r\nr1#show", " x\r\n", "one\r\nr1#")
    assert talk.ask("show x") == "one\n"


def test_an_empty_line_has_an_empty_answer(peer: Peer) -> None:
    talk = greeted(peer)
    assert talk.ask("") == ""


def test_line_ends_and_the_marks_of_line_editors_are_cleaned(peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("show x\n", "show x\r\n\x1b[Kone\x00\r\r\n\x1b[?25h two\r\n--\x08\x08  \x08\x08three\r\nr1#")
    assert talk.ask("show x") == "one\n two\n--three\n"


def test_a_long_answer_is_whole(peer: Peer) -> None:
    lines = [f" line {count} of a configuration" for count in range(3000)]
    text = "show run\r\n" + "\r\n".join(lines) + "\r\nr1#"
    talk = greeted(peer)
    peer.on("show run\n", *[text[at : at + 1000] for at in range(0, len(text), 1000)])
    assert talk.ask("show run").splitlines() == lines


def test_pages_each_get_a_deadline_of_their_own(clock: Clock, peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("show x\n", (4.0, "show x\r\none\r\n --More-- "))
    peer.on(" ", (4.0, "\r          \r two\r\n --More-- ")).on(" ", (4.0, "\r          \rthree\r\nr1#"))
    assert talk.ask("show x") == "one\n two\nthree\n"
    assert clock.now == 12.0
    assert peer.sent[-2:] == [" ", " "]


def test_a_trickle_does_not_move_the_deadline(clock: Clock, peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("show x\n", "show x\r\n", *[(2.0, "more\r\n")] * 9)
    with pytest.raises(DeviceTimeout, match="waited 5 s for the end of the answer to 'show x'$"):
        talk.ask("show x")
    assert clock.now == 5.0


def test_a_log_line_before_the_prompt_stays_in_the_answer(peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("end\n", "end\r\n", "%SYS-5-CONFIG_I: Configured\r\nr1#")
    assert talk.ask("end") == "%SYS-5-CONFIG_I: Configured\n"


def enabling(clock: Clock) -> Peer:
    return Peer(clock, "r1>")


def test_the_secret_is_sent_once_and_the_dialogue_goes_on_privileged(clock: Clock) -> None:
    peer = enabling(clock)
    talk = greeted(peer)
    peer.on("enable\n", "enable\r\n", (0.5, "Pass"), "word: ").on("sesame\n", "\r\n", (0.5, "r1#"))
    peer.prompt = "r1#"
    assert talk.prepare("sesame") == ""
    assert peer.sent == ["\n", "enable\n", "sesame\n", "terminal length 0\n"]
    assert talk.prompt_mark == "#"


def test_a_refused_secret_is_never_repeated(clock: Clock) -> None:
    peer = enabling(clock)
    talk = greeted(peer)
    peer.on("enable\n", "enable\r\nPassword: ").on("sesame\n", "\r\n% Access denied\r\nPassword: ")
    with pytest.raises(LoginRefused, match="the enable secret was refused; set ansible_become_password") as caught:
        talk.prepare("sesame")
    assert "sesame" not in str(caught.value)
    assert peer.sent == ["\n", "enable\n", "sesame\n", "\n"]


def test_without_a_secret_none_is_made_up(clock: Clock) -> None:
    peer = enabling(clock)
    talk = greeted(peer)
    peer.on("enable\n", "enable\r\nPassword: ")
    with pytest.raises(LoginRefused, match="asks for an enable secret and none is given"):
        talk.prepare(None)
    assert peer.sent == ["\n", "enable\n", "\n"]


def test_a_user_that_stays_unprivileged(clock: Clock) -> None:
    peer = enabling(clock)
    talk = greeted(peer)
    peer.on("enable\n", "enable\r\n% Error in authentication.\r\n\r\nr1>")
    with pytest.raises(LoginRefused, match="'enable' ended at the prompt 'r1>'"):
        talk.prepare("sesame")
    assert "sesame\n" not in peer.sent


def test_silence_after_the_secret_does_not_show_it(clock: Clock) -> None:
    peer = enabling(clock)
    talk = greeted(peer)
    peer.on("enable\n", "enable\r\nPassword: ").on("sesame\n", "sesame")
    with pytest.raises(DeviceTimeout, match="^waited 5 s for the answer to 'enable'$"):
        talk.prepare("sesame")


def test_who_is_privileged_already_is_not_raised(peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("terminal length 0\n", "terminal length 0\r\n% Invalid input\r\nr1#")
    assert talk.prepare("sesame") == "% Invalid input\n"
    assert peer.sent == ["\n", "terminal length 0\n"]


def test_the_guard_lets_nothing_through(peer: Peer) -> None:
    talk = greeted(peer)
    before = list(peer.sent)
    with pytest.raises(AssertionError, match="may only read: configure terminal"):
        talk.write("configure terminal")
    assert peer.sent == before
    talk.may_write = True
    assert talk.write("configure terminal") == ""
    assert peer.sent == [*before, "configure terminal\n"]


def test_a_refusal_is_one_line_of_bounded_length_without_secrets(peer: Peer) -> None:
    talk = greeted(peer, secrets=["sesame"])
    talk.may_write = True
    peer.on("bad\n", "bad\r\n        ^\r\n% Invalid input sesame\r\n" + "x" * 900 + "\r\nr1#")
    with pytest.raises(CommandRefused) as caught:
        talk.write("bad")
    assert "^ / % Invalid input ********" in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.line == "bad"
    assert len(caught.value.reply) == 400


def test_a_question_without_an_answer_is_named(peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("reload\n", "reload\r\nProceed? [confirm]")
    with pytest.raises(DeviceTimeout, match=re.escape("'reload'; it asks 'Proceed? [confirm]'")):
        talk.ask("reload")
    assert peer.sent == ["\n", "reload\n"]


def test_a_line_of_the_configuration_is_not_shown_when_the_answer_stops(peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("show run\n", "show run\r\nhostname r1\r\nusername admin secret 5 $1$hUnT")
    with pytest.raises(DeviceTimeout) as caught:
        talk.ask("show run")
    assert "hUnT" not in str(caught.value)


def test_a_mode_that_cannot_be_left_is_not_tried_for_ever(peer: Peer) -> None:
    talk = greeted(peer)
    peer.prompt = "r1(config)#"
    talk.ask("configure terminal")
    talk.leave_nested()
    assert peer.sent.count("end\n") == 8


def test_a_dialect_without_modes_sends_nothing_to_leave_them(peer: Peer) -> None:
    talk = greeted(peer)
    peer.prompt = "r1(config)#"
    talk.ask("configure terminal")
    talk.adopt(Dialect(errors=("unknown action",)))
    talk.leave_nested()
    assert peer.sent[-1] == "configure terminal\n"
    assert talk.is_error("Unknown action 0")
    assert not talk.is_error("% Invalid input")


def test_a_connection_that_breaks_in_an_answer(peer: Peer) -> None:
    talk = greeted(peer)
    peer.on("show x\n", "show x\r\none", ConnectionLost("the device closed the connection"))
    with pytest.raises(ConnectionLost, match="closed the connection"):
        talk.ask("show x")
    talk.close()
    assert peer.closed == 1


def test_a_goodbye_waits_for_the_device_but_not_for_ever(clock: Clock, peer: Peer) -> None:
    talk = greeted(peer, Dialect(logout=("end", "exit")))
    peer.on("end\n").on("exit\n", *[(0.3, "bye\r\n")] * 99)
    talk.close()
    assert peer.sent == ["\n", "end\n", "exit\n"]
    assert clock.now == pytest.approx(2.0)
    assert peer.closed == 1


@pytest.mark.parametrize("end", [KeyboardInterrupt(), RuntimeError("odd")])
def test_whatever_happens_the_connection_is_closed(peer: Peer, end: BaseException) -> None:
    talk = greeted(peer)
    peer.on("exit\n", end)
    with pytest.raises(type(end)):
        talk.close()
    assert peer.closed == 1


ASKS = Dialect(errors=(r"^%",), questions=((r"no static ", r"delete the children\? \[no\]:?", "yes"),))


def writer(peer: Peer) -> CliSession:
    made = greeted(peer, ASKS)
    made.may_write = True
    return made


def test_a_question_to_a_write_is_answered(peer: Peer) -> None:
    talk = writer(peer)
    peer.on("no static 5060\n", "no static 5060\r\n", "In use, delete the child", "ren? [no]: ").on(
        "yes\n", "yes\r\nr1#"
    )
    assert "In use" in talk.write("no static 5060")
    assert peer.sent[-2:] == ["no static 5060\n", "yes\n"]
    assert talk.ask("show x") == ""


def test_the_answer_may_lead_to_an_error(peer: Peer) -> None:
    talk = writer(peer)
    peer.on("no static 5060\n", "no static 5060\r\ndelete the children? [no]: ").on(
        "yes\n", "yes\r\n% still in use\r\nr1#"
    )
    with pytest.raises(CommandRefused, match="still in use"):
        talk.write("no static 5060")


@pytest.mark.parametrize("line", ["no dynamic 5060", "static no static 5060"])
def test_the_question_of_another_line_is_not_answered(peer: Peer, line: str) -> None:
    talk = writer(peer)
    peer.on(line + "\n", line + "\r\ndelete the children? [no]: ")
    with pytest.raises(DeviceTimeout, match="delete the children"):
        talk.write(line)
    assert "yes\n" not in peer.sent


def test_reading_answers_no_question_and_nothing_is_answered_twice(peer: Peer) -> None:
    talk = writer(peer)
    peer.on("no static 1\n", "no static 1\r\ndelete the children? [no]: ")
    with pytest.raises(DeviceTimeout):
        talk.ask("no static 1")
    assert "yes\n" not in peer.sent
    peer.on("yes\n", "yes\r\ndelete the children? [no]: ")
    with pytest.raises(DeviceTimeout):
        talk.write("no static 1")
    assert peer.sent.count("yes\n") == 1

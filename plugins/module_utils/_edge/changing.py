# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that is proven or undone: apply, read back, save; on failure back in reverse order, and that is proven, too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .core.errors import CommandRefused, ConnectionLost, DeviceTimeout, EdgeError, NotProven
from .core.model import Assessment, Change, ChangeFailed, Options, Step
from .core.profiles import Profile
from .platforms.base import Platform
from .transports.cli import CliSession
from .transports.rest import RestSession


def script(platform: Platform, parsed: Any, steps: Sequence[Step], options: Options, way: str) -> list[str]:
    """The lines exactly as they are sent, in order; `way` is "do" or "undo"."""
    lines: list[str] = []
    for scope, group in _scopes(steps):
        lines += platform.enter(parsed, scope, options)
        for step in group:
            lines += step.do if way == "do" else step.undo
        lines += platform.leave(parsed, scope, options)
    if way == "do":
        lines += platform.confirm(parsed, options)
    if options.save:
        lines += [line for group_lines in _saves(platform, parsed, steps) for line in group_lines]
    return lines


def differences(got: States, wanted: States) -> list[tuple[tuple[str, str], str]]:
    """Where a device does not read as it must: the mechanism, and a clause for people."""
    return [
        (key, "{} ({}) is {}, expected was {}".format(*key, got.get(key, "gone"), wanted.get(key, "that it is gone")))
        for key in dict.fromkeys((*wanted, *got))
        if got.get(key) != wanted.get(key)
    ]


def waiting(seen: Assessment) -> frozenset[tuple[str, str]]:
    """The mechanisms that do not act yet as the device is set, and will after its restart: they prove nothing and refute nothing."""
    mechanisms = (m for aspect in seen.aspects.values() for m in aspect.mechanisms)
    return frozenset((m.id, m.scope) for m in mechanisms if m.basis == "pending")


def _saves(platform: Platform, parsed: Any, steps: Sequence[Step]) -> list[tuple[str, ...]]:
    return [lines for lines in dict.fromkeys(platform.save(parsed, s.scope) for s in steps) if lines]


def _scopes(steps: Sequence[Step]) -> list[tuple[str, list[Step]]]:
    """Steps in order, neighbours of one scope together."""
    groups: list[tuple[str, list[Step]]] = []
    for step in steps:
        if groups and groups[-1][0] == step.scope:
            groups[-1][1].append(step)
        else:
            groups.append((step.scope, [step]))
    return groups


States = Mapping["tuple[str, str]", str]


@dataclass
class Job:
    """One change of one device, in the session that read it.

    `before` are the states of the mechanisms of `aspects` now, `wanted` those that the device must read afterwards.
    """

    session: CliSession | RestSession
    platform: Platform
    profile: Profile
    options: Options
    identity: str
    parsed: Any
    steps: Sequence[Step]
    aspects: tuple[str, ...]
    before: States
    wanted: States
    patient: bool = False
    """Whether a step may be on the device in part or not at all, as after a run that was cut off: refused lines are passed over."""
    late: frozenset[tuple[str, str]] = frozenset()
    """Mechanisms that wait for a restart of the device: what they read afterwards is not foreseen."""
    change: Change = field(default_factory=Change)

    def run(self) -> Assessment:
        """The state after the change. Raises ChangeFailed; `change` then says what is left."""
        self.session.may_write = True
        try:
            self._apply()
            after = self._proof()
            self._send(self.platform.confirm(self.parsed, self.options))
        except EdgeError as error:
            self._undo(error)
            raise ChangeFailed(error, self.change) from None
        self._save()
        if self.options.clear_sessions:
            self._clear()
        return after

    def clear_alone(self) -> Assessment:
        """Drops the SIP sessions and changes nothing else; the state after that."""
        self.session.may_write = True
        self._clear()
        return self._read()

    def _send(self, lines: Sequence[str]) -> list[str]:
        return [self.session.write(line) for line in lines]

    def _apply(self) -> None:
        change = self.change
        if self.patient:
            for step in self.steps:
                change.left.append(step)
                self._try(step, step.do, step.undo)
            change.done, change.left = change.left, []
            return
        for scope, group in _scopes(self.steps):
            self._send(self.platform.enter(self.parsed, scope, self.options))
            for step in group:
                change.left.append(step)  # counts as on the device from its first line on
                try:
                    self._send(step.do)
                except CommandRefused as error:
                    if not step.optional:
                        raise
                    change.left.remove(step)
                    change.skipped.append(step)
                    change.notes.append(f"{error}; this image does not know it, so there is nothing to switch off")
            self._send(self.platform.leave(self.parsed, scope, self.options))
        change.done, change.left = change.left, []

    def _read(self) -> Assessment:
        """The device once more. What it rejected as unknown counts as evidence."""
        rejected = "\n".join(line for step in self.change.skipped for line in step.do)
        replies = {**self.platform.look(self.session.ask, self.identity, self.profile), "rejected": rejected}
        return self.platform.judge(self.platform.parse(replies), self.profile, self.options.allow_unproven)

    def _proof(self) -> Assessment:
        """The state read again. Raises NotProven when it is not what was planned."""
        seen = self._read()
        got = seen.states(*self.aspects)
        wrong = differences(got, self.wanted)
        if self.change.skipped:  # what a device does not know was not switched off
            wrong = [(key, text) for key, text in wrong if got.get(key) != "not_applicable"]
        late = waiting(seen) | self.late
        self.change.notes += [
            f"{text}: that waits for a restart of the device" for key, text in wrong if key in waiting(seen)
        ]
        wrong = [(key, text) for key, text in wrong if key not in late]
        if wrong:
            raise NotProven(
                "reading again does not show the change: {}".format("; ".join(text for _key, text in wrong))
            )
        return seen

    def _undo(self, cause: EdgeError) -> None:
        """Takes back what was sent and reads again to prove it. What may remain is in `change.left`."""
        change = self.change
        sent = change.done + change.left
        change.done, change.left = [], list(sent)
        confirm = self.platform.confirm(self.parsed, self.options) if sent else ()
        if self.session.resumes or not isinstance(cause, (DeviceTimeout, ConnectionLost)):
            try:
                self.session.leave_nested()
                if self.session.stages and self._is_as_before():
                    change.undone, change.left = sent[::-1], []
                    return
                for step in sent[::-1]:
                    self._try(step, step.undo, step.do)
                if self._is_as_before():
                    change.undone, change.left = sent[::-1], []
                    self._send(confirm)
            except EdgeError as error:
                change.notes.append(f"undoing failed as well: {error}")
        if change.left and confirm:
            change.notes.append(f"the device takes the change back by itself in {self.options.revert_timer} minutes")

    def _is_as_before(self) -> bool:
        return self._read().states(*self.aspects) == self.before

    def _try(self, step: Step, lines: Sequence[str], inverse: Sequence[str]) -> None:
        """Takes one step back. A refused line is passed over: it may never have been taken. A refused frame ends the step."""
        plain = replace(self.options, revert_timer=0)
        enter, leave = (
            self.platform.enter(self.parsed, step.scope, plain),
            self.platform.leave(self.parsed, step.scope, plain),
        )
        frame = {*enter, *leave, *(line for line in lines if line in inverse)}
        for line in (*enter, *lines, *leave):
            try:
                self.session.write(line)
            except CommandRefused as error:
                self.change.notes.append(f"while undoing, {error}")
                if line in frame:
                    break
        self.session.leave_nested()

    def _save(self) -> None:
        saves = _saves(self.platform, self.parsed, self.change.done)
        self.change.unsaved = self.platform.unsaved(self.parsed)
        self.change.saved = not saves and not self.change.unsaved
        if not saves or not self.options.save:
            return
        try:
            replies = [reply for lines in saves for reply in self._send(lines)]
        except EdgeError as error:
            raise ChangeFailed(error, self.change) from None
        proofs = sum(1 for reply in replies if re.search(self.platform.saved, reply))
        self.change.saved = not self.platform.saved or proofs >= len(saves)

    def _clear(self) -> None:
        if self.platform.clear is None:
            self.change.notes.append(
                "clear_sessions: no documented way to clear only SIP on this platform; nothing was cleared"
            )
            return
        try:
            self.change.notes.append(self.platform.clear(self.session, self.parsed))
            self.change.cleared = True
        except EdgeError as error:
            self.change.notes.append(f"clear_sessions: {error}")

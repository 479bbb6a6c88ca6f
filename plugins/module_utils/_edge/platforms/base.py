# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a platform file has to say. Data first, checked when it is loaded; functions for what data cannot say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

from ..core.model import LABELS, Assessment, Options, Plan
from ..core.profiles import Profile
from ..core.verdict import ASPECTS, SIP_ALG, doubted, sip_findings
from ..transports.cli import CliSession, Dialect
from ..transports.http import Reply
from ..transports.rest import Door, RestSession

Ask = Callable[[str], str]
Replies = Mapping[str, str]

CHANGES = ("yes", "opt-in", "no")
READS = ("yes", "known", "no")


@dataclass(frozen=True)
class Sighting:
    """What a device shows of itself without a login; None for what it does not show."""

    model: str | None = None
    firmware: str | None = None


Peek = Callable[..., Optional[Reply]]
"""`peek("GET /path", **more)` is the answer to a harmless request without a login, None where none came; each is asked once.

`more` goes to the request (`headers`, `body`, `json`, `follow`); a method other than GET must be one that only reads.
"""


@dataclass(frozen=True)
class Fact:
    """A row of the support tables: one mechanism, on which firmware, how sure, and what a person does by hand.

    `changes`: "yes" the tool changes it, "opt-in" only with an option, "no" found and explained. `reads`: "yes" its value is
    read, "known" the device does not show it and the firmware is known to be so, "no" it is not seen at all.
    """

    id: str
    aspect: str
    title: str
    firmware: str
    label: str
    changes: str
    by_hand: str
    reads: str = "yes"


def _nothing(*_args: Any) -> tuple[str, ...]:
    return ()


def _no_replies(_ask: Ask, _replies: Replies, *_more: Any) -> dict[str, str]:
    return {}


def unmarked(_peek: Peek) -> Sighting | None:
    """The `sniff` of a platform of which no mark is known that shows without a login."""
    return None


@dataclass(frozen=True)
class Platform:
    """A firmware family with one way to read and change it.

    * `identify`: the harmless command whose answer `recognise` judges; `is_look_alike` names devices to reject.
    * `read(ask, identity)`: the replies by name; `before_change(ask, replies)`: what only a change needs to know.
    * `read_forwards(ask, replies, profile)`: what only inbound forwards need, where some are wanted or are there to be judged.
    * `from_backup(text)`: the same replies out of a saved configuration, where one can be read and `recognise_backup` knows it.
    * `whole(ask, replies)`: the whole configuration as text, "" where the device does not give it; kept before a change.
    * `parse`, `assess`, `plan`: pure.
    * `enter`/`leave(parsed, scope, options)`: lines around the steps of a scope; `confirm`: lines after the proof;
      `save(parsed, scope)`: lines that make it last; `saved`: a pattern that proves the saving.
    * `clear(session, parsed)`: drops only the SIP sessions, or None where the facts do not allow it.
    """

    name: str
    title: str
    network_os: tuple[str, ...]
    dialect: Dialect
    facts: tuple[Fact, ...]
    identify: str
    recognise: Callable[[str], bool]
    read: Callable[[Ask, str], dict[str, str]]
    parse: Callable[[Replies], Any]
    assess: Callable[[Any, Profile], Assessment]
    plan: Callable[[Any, Options], Plan]
    recognise_backup: Callable[[str], bool] = lambda _text: False
    from_backup: Callable[[str], dict[str, str]] = lambda _text: {}
    enter: Callable[[Any, str, Options], tuple[str, ...]] = _nothing
    leave: Callable[[Any, str, Options], tuple[str, ...]] = _nothing
    confirm: Callable[[Any, Options], tuple[str, ...]] = _nothing
    save: Callable[[Any, str], tuple[str, ...]] = _nothing
    saved: str = ""
    firmware: str = ""
    """Pattern of the versions that the facts speak of; about others nothing is claimed and nothing is sent."""
    read_forwards: Callable[[Ask, Replies, Profile], dict[str, str]] = _no_replies
    before_change: Callable[[Ask, Replies], dict[str, str]] = _no_replies
    whole: Callable[[Ask, Replies], str] = lambda _ask, replies: replies.get("config", "")
    clear: Callable[[CliSession | RestSession, Any], str] | None = None
    door: Door | None = None
    """How it is reached by HTTP or HTTPS, where it can be."""
    sniff: Callable[[Peek], Sighting | None] = unmarked
    """Whether a device is of this platform, from what it shows without a login. Only its own marks count, never doubt."""
    factory_logins: tuple[tuple[str, str], ...] = ()
    """Names and passwords that the devices are shipped with: one that works is a finding."""
    over_https: Platform | None = None
    """The same platform by its other door, where it has a command line and a door for requests."""
    unsaved: Callable[[Any], str] = lambda parsed: ""
    """Why a change cannot be made to last this way although the device asks for it; "" where nothing is needed."""
    privileged: Callable[[str], bool] = lambda identity: True

    def __post_init__(self) -> None:
        seen = set()
        for fact in self.facts:
            words = ((fact.aspect, ASPECTS), (fact.label, LABELS), (fact.changes, CHANGES), (fact.reads, READS))
            if any(word not in known for word, known in words):
                raise ValueError(f"{self.name}: the fact {fact.id} is not well formed")
            if fact.changes == "yes" and fact.label not in ("doc", "src"):
                raise ValueError(f"{self.name}: {fact.id} would be changed on a fact labelled {fact.label}")
            if fact.id in seen:
                raise ValueError(f"{self.name}: the mechanism {fact.id} is there twice")
            seen.add(fact.id)
        if self.name not in self.network_os:
            raise ValueError(f"{self.name}: the platform must answer to its own name")

    def knows(self, firmware: str | None) -> bool:
        """Whether the facts speak of this version."""
        return firmware is not None and re.match(self.firmware, firmware) is not None

    @property
    def vendor(self) -> str:
        """Who makes it, as people write it: the title begins with that."""
        return self.title.split()[0].rstrip(",")

    @property
    def has_command_line(self) -> bool:
        """Whether it can be asked who it is over SSH or telnet."""
        return self.door is None

    def strange(self, firmware: str | None) -> str:
        """What to say about a version that the facts do not speak of."""
        return f"nothing is known here about {self.title} version {firmware or '(not shown)'}"

    def look(self, ask: Ask, identity: str, profile: Profile) -> dict[str, str]:
        """Everything that is read of a device, by name."""
        replies = self.read(ask, identity)
        return {**replies, **self.read_forwards(ask, replies, profile)}

    def judge(self, parsed: Any, profile: Profile, trusted: bool = False, live: bool = True) -> Assessment:
        """The assessment; of a firmware that no fact speaks of, only what is plainly switched on is believed.

        `trusted`: the user allows what is not proven. A saved text (`live` false) may lack its version.
        """
        seen = self.assess(parsed, profile)
        if trusted or self.knows(seen.firmware) or (seen.firmware is None and not live):
            return seen
        why = self.strange(seen.firmware)
        aspects = {name: doubted(aspect, why) for name, aspect in seen.aspects.items()}
        findings = [f for f in seen.findings if f.aspect != SIP_ALG] + sip_findings(aspects[SIP_ALG])
        return replace(seen, aspects=aspects, findings=tuple(findings), not_checked=(*seen.not_checked, why))

    def by_hand(self, fact_id: str) -> str:
        """The advice of a mechanism."""
        return next(f.by_hand for f in self.facts if f.id == fact_id)

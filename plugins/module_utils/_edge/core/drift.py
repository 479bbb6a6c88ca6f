# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed on a host since an earlier run: came back, new, worse, unreachable since, fixed.

An aspect that was not determined in between, and a run that did not reach the host, say nothing: it is held against the
last real answer. A saved configuration is held against saved configurations only, a device against a device: the two do
not show the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple, Optional

from . import path
from .model import COMPLIANCE
from .records import SCHEMA
from .report import TIME, clean
from .verdict import SIP_ALG, UDP_TIMEOUT

CAME_BACK, NEW, WORSE, UNREACHABLE, FIXED, SAME = "came_back", "new", "worse", "unreachable_since", "fixed", "same"

PATH = "path"
"""Goes by the side of the names of aspects: what was seen on the wire, not on the device."""
NOT_REACHED = "not_reached"
UNDETERMINED = "undetermined"
_FINE = ("compliant",)
# `unsupported` is what is wrong and cannot be put right by us; only a run that plans a change says so.
_BAD = ("noncompliant", "unsupported")

Change = dict[str, str]
"""`change` (one of the words above), `aspect` ("" for the whole host), `was` and `now` (verdicts; `was` "" where it was not known),
`firmware_was`, `firmware_now`, and `since`: when it was last seen as it was (ISO 8601, UTC)."""


class Seen(NamedTuple):
    """An aspect in one run. `acting` are its mechanisms that act, by id and scope."""

    verdict: str
    compliance: str
    seconds: int | None = None
    acting: frozenset[tuple[str, str]] = frozenset()

    @property
    def fine(self) -> bool:
        return self.compliance in _FINE

    @property
    def bad(self) -> bool:
        return self.compliance in _BAD


@dataclass(frozen=True)
class Point:
    """What one run said about a host, as far as comparing needs it."""

    finished: str
    saved: bool
    platform: str
    firmware: str
    compliance: str
    aspects: Mapping[str, Seen]


Load = Callable[[], Optional[Point]]


class Past:
    """The points of a host, newest first, each loaded when it is looked at and only once.

    With `base`, the time of the earlier report that is compared with, the points up to it are `settled`, those
    since are `between`; without one all are settled. `steps` are (finished, loader), newest first.
    """

    def __init__(self, steps: Sequence[tuple[str, Load]], base: str = "") -> None:
        self._steps = steps
        self._loaded: dict[int, Point | None] = {}
        self._base = base

    def __bool__(self) -> bool:
        return bool(self._steps)

    def settled(self) -> Iterator[Point]:
        return self._points(lambda finished: not self._base or finished <= self._base)

    def between(self) -> Iterator[Point]:
        return self._points(lambda finished: bool(self._base) and finished > self._base)

    def all(self) -> Iterator[Point]:
        return self._points(lambda finished: True)

    def _points(self, wanted: Callable[[str], bool]) -> Iterator[Point]:
        for number, (finished, load) in enumerate(self._steps):
            if wanted(finished):
                if number not in self._loaded:
                    self._loaded[number] = load()
                point = self._loaded[number]
                if point is not None:
                    yield point


def point_of(record: Mapping[str, Any]) -> Point | None:
    """A record as a point; None for what is no record, which is no answer either."""
    try:
        good = record["schema"] == SCHEMA and record["compliance"] in COMPLIANCE and TIME.fullmatch(record["finished"])
        if not good or (record["compliance"] == "compliant" and not record["aspects"]):
            return None
        return Point(
            record["finished"],
            record["mode"] == "backup",
            clean(record["platform"]),
            clean(record["firmware"]),
            record["compliance"],
            {clean(name): _seen(aspect) for name, aspect in record["aspects"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def point_of_path(found: Mapping[str, Any] | None, record: Mapping[str, Any]) -> Point | None:
    """A record's `path` as a point, with platform and firmware of its device; None where it proves nothing about now.

    Device and wire are looked at at different times, so each has a past of its own.
    """
    try:
        if not found or not found["current"] or found["verdict"] == path.INCONCLUSIVE:
            return None
        asked, seen = found["asked"], Seen(clean(found["verdict"]), found["compliance"])
        platform, firmware = clean(record.get("platform")), clean(record.get("firmware"))
        return Point(asked, False, platform, firmware, seen.compliance, {PATH: seen}) if TIME.fullmatch(asked) else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _seen(aspect: Mapping[str, Any]) -> Seen:
    seconds = aspect.get("seconds")
    acting = frozenset(
        (str(m["id"]), str(m["scope"])) for m in aspect["mechanisms"] if m["state"] in ("on", "blocking")
    )
    compliance = aspect["compliance"]
    return Seen(
        clean(aspect["verdict"]),
        compliance if compliance in COMPLIANCE else UNDETERMINED,
        seconds if isinstance(seconds, int) else None,
        acting,
    )


def compare(now: Point | None, past: Past) -> tuple[str, list[Change]]:
    """The host's change, "" where nothing can be said, and what changed. `now` None is a host that did not answer."""
    if now is None or now.compliance == NOT_REACHED:
        return _silent(past)
    if not past:
        found = [_change(NEW, name, now, seen, None) for name, seen in now.aspects.items() if seen.bad]
        return (NEW, found) if found else ("", [])
    if next(_alike(past.all(), now), None) is None:
        return "", []
    if not now.aspects:
        found = _lost(now, past)
    else:
        each = (_aspect(name, seen, now, past) for name, seen in now.aspects.items())
        found = [change for change in each if change is not None]
    return _word(now, found, past), found


def together(
    device: tuple[str, list[Change]], wire: tuple[str, list[Change]], compliance: str
) -> tuple[str, list[Change]]:
    """One word for a host, whose compliance is given, from what `compare` says of its device and of its wire."""
    found = [*device[1], *wire[1]]
    for word in (UNREACHABLE, CAME_BACK, NEW, WORSE):
        if word in (device[0], wire[0]):
            return word, found
    if FIXED not in (device[0], wire[0]):
        return device[0], found
    if compliance == "compliant":
        return FIXED, found
    return SAME if device[0] == FIXED else device[0], found


def _silent(past: Past) -> tuple[str, list[Change]]:
    """A saved configuration is no sign of life of the device."""
    last = next((p for p in past.all() if p.compliance != NOT_REACHED and not p.saved), None)
    if last is None:
        return "", []
    change = {"change": UNREACHABLE, "aspect": "", "was": last.compliance, "now": NOT_REACHED}
    return UNREACHABLE, [{**change, "firmware_was": last.firmware, "firmware_now": "", "since": last.finished}]


def _alike(points: Iterator[Point], now: Point) -> Iterator[Point]:
    return (p for p in points if p.saved == now.saved)


def _answers(points: Iterator[Point], name: str, now: Point) -> Iterator[Point]:
    """The points that say something about an aspect."""
    for point in _alike(points, now):
        seen = point.aspects.get(name)
        if seen is not None and (seen.fine or seen.bad):
            yield point


def _aspect(name: str, seen: Seen, now: Point, past: Past) -> Change | None:
    if not seen.fine and not seen.bad:
        return _doubted(name, seen, now, past)
    base = next(_answers(past.settled(), name, now), None)
    if base is None:  # the earlier report does not know it: what came afterwards may, the oldest of it
        since = list(_answers(past.between(), name, now))
        base = since[-1] if since else None
    if base is None:
        return _change(NEW, name, now, seen, None) if seen.bad else None
    if seen.fine:
        if base.aspects[name].fine:
            return None
        last = next((p for p in _answers(past.between(), name, now) if p.aspects[name].bad), base)
        return _change(FIXED, name, now, seen, last)
    fine = next((p for p in _answers(past.between(), name, now) if p.aspects[name].fine), None)
    if fine is None and base.aspects[name].fine:
        fine = base
    if fine is None:
        return _change(WORSE, name, now, seen, base) if _is_worse(name, seen, now, base) else None
    before = (p for p in _answers(past.all(), name, now) if p.finished < fine.finished)
    again = any(p.aspects[name].bad for p in before)
    return _change(CAME_BACK if again else NEW, name, now, seen, fine)


def _doubted(name: str, seen: Seen, now: Point, past: Past) -> Change | None:
    """What was fine and is not known any more is worse. What was bad may be as it was: nothing is said."""
    last = next(_answers(past.all(), name, now), None)
    return _change(WORSE, name, now, seen, last) if last is not None and last.aspects[name].fine else None


def _lost(now: Point, past: Past) -> list[Change]:
    """Nothing could be judged any more, for example because the login was refused."""
    last = next((p for p in _alike(past.all(), now) if p.aspects), None)
    if last is None or last.compliance != "compliant":
        return []
    nothing = Seen(UNDETERMINED, UNDETERMINED)
    return [{**_change(WORSE, "", now, nothing, None), "was": last.compliance, **_firmware(now, last)}]


def _is_worse(name: str, seen: Seen, now: Point, base: Point) -> bool:
    """Both are bad. Mechanisms and timers of another platform are not comparable."""
    was = base.aspects[name]
    if now.platform != base.platform:
        return False
    if name == SIP_ALG:
        return was.acting < seen.acting
    if name == UDP_TIMEOUT and seen.verdict == was.verdict == "low":
        return seen.seconds is not None and was.seconds is not None and seen.seconds < was.seconds
    return False


def _change(change: str, name: str, now: Point, seen: Seen, then: Point | None) -> Change:
    was = then.aspects[name].verdict if then is not None else ""
    out = {"change": change, "aspect": name, "was": was, "now": seen.verdict}
    if name == UDP_TIMEOUT and then is not None:
        out.update(was=_timer(then.aspects[name]), now=_timer(seen))
    return {**out, **_firmware(now, then)}


def _timer(seen: Seen) -> str:
    return seen.verdict if seen.seconds is None else f"{seen.verdict} {seen.seconds} s"


def _firmware(now: Point, then: Point | None) -> Change:
    """Both firmwares and the time; where the router was replaced by one of another platform, the platforms, too."""
    if then is None:
        return {"firmware_was": "", "firmware_now": now.firmware, "since": ""}
    swapped = bool(then.platform and now.platform and then.platform != now.platform)
    was, is_now = ((f"{p.platform} {p.firmware}".strip() if swapped else p.firmware) for p in (then, now))
    return {"firmware_was": was, "firmware_now": is_now, "since": then.finished}


def _word(now: Point, found: Sequence[Change], past: Past) -> str:
    words = {change["change"] for change in found}
    for word in (CAME_BACK, NEW, WORSE):
        if word in words:
            return word
    if FIXED in words and now.compliance == "compliant":
        return FIXED
    known = all(
        (seen.fine or seen.bad) and next(_answers(past.all(), name, now), None) is not None
        for name, seen in now.aspects.items()
    )
    return SAME if known and now.aspects else ""


def is_regression(changes: Sequence[Change]) -> bool:
    """Whether something is bad now that was better in an earlier run. What is not known any more is another matter,
    and so is what was never looked at before."""
    return any(
        c["change"] in (CAME_BACK, NEW, WORSE) and c["was"] and not c["now"].startswith(UNDETERMINED) for c in changes
    )

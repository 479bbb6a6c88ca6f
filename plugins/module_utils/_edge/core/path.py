# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of the wire joined to that of the device. The device's own aspects stay as they were read.

What is proven on the wire can only make a host worse: a clean path is no reason to call a device compliant, and a path
that nobody looked at, or of which nothing was proven, changes nothing. A probe from before the last change says nothing
about now.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .culprit import culprits, directions
from .model import Finding
from .verdict import SIP_ALG, worst

SCHEMA = "voip.edge/probe/1"
INCONCLUSIVE, REWRITTEN, STALE, INTERCEPTED = "inconclusive", "rewritten", "rewritten_stale", "intercepted"
SIP_BLOCKED, PORT_BLOCKED, PRESENT, CLEAN = "blocked_sip_aware", "blocked_port", "present_not_rewriting", "clean"
VERDICTS = (INCONCLUSIVE, REWRITTEN, STALE, INTERCEPTED, SIP_BLOCKED, PORT_BLOCKED, PRESENT, CLEAN)
BLOCKED = (SIP_BLOCKED, PORT_BLOCKED)

MOST, IN_TEXT, LONGEST = 20, 3, 400
_ON = ("active", "cannot_disable")
_PATH = re.compile(r"(?:UDP|TCP) from port \w+ to \d+")
_STANDARD_PORT = re.compile(r"UDP from port \w+ to 5060$")
_INBOUND, _NEUTRAL = "requests that come in lost", "payload that is not SIP was lost"
_FROM_SIP_PORT, _SIP_PORT_TAKEN = "from port 5060 ", "source port 5060"
_UNDO = "take it back with the playbook voip.edge.onboard_undo"


@dataclass(frozen=True)
class Said:
    """What a path adds to a record: findings, advice, and the best that the host's compliance can still be ("": any)."""

    findings: tuple[Finding, ...] = ()
    advice: tuple[str, ...] = ()
    at_best: str = ""


@dataclass(frozen=True)
class Looks:
    """The probes of one host. `last` is the one that counts; `before` was made before the last change, `undone` after
    a change that was taken back because of it. `changes` are the times of all changes that are known, in any order."""

    last: Mapping[str, Any]
    before: Mapping[str, Any] | None = None
    undone: Mapping[str, Any] | None = None
    changes: tuple[str, ...] = ()


def join(record: Mapping[str, Any], looks: Looks) -> dict[str, Any]:
    """The record with `path`, the findings and advice that follow, and the compliance that is left.

    Raises KeyError, TypeError, ValueError or AttributeError where the last probe is not a probe's document.
    """
    changed_now = [record["finished"]] if record["mode"] == "apply" and record["done"] else []
    changed = max((*looks.changes, *changed_now), default="")
    before, undone = _earlier(looks, changed)
    path = _path(looks.last, changed, before, undone)
    if not path["current"]:
        text = f"the path since the change of {changed}: the last probe was made before it and proves nothing about now"
        return {**record, "path": path, "not_checked": [*record["not_checked"], text]}
    said = _with_changes(judge(_device(record), looks.last, _since(record, looks.last)), looks.last, before, undone)
    known = {f.id: f for f in said.findings}
    findings = [_merged(f, known.pop(f["id"])) if f["id"] in known else f for f in record["findings"]]
    return {
        **record,
        "compliance": _left(record["compliance"], said.at_best),
        "findings": [*findings, *(f.as_dict() for f in known.values())],
        "advice": list(dict.fromkeys([*record["advice"], *said.advice])),
        "path": path,
    }


def alone(looks: Looks) -> dict[str, Any]:
    """The `path` of a host without a record. Raises what `join` raises."""
    changed = max(looks.changes, default="")
    return _path(looks.last, changed, *_earlier(looks, changed))


def _path(last: Mapping[str, Any], changed: str, before: Any, undone: Any) -> dict[str, Any]:
    earlier = [
        *([] if before is None else [_moment("before", before, _texts(before["reasons"]))]),
        *([] if undone is None else [_moment("undone", undone, _why_blocked(undone))]),
    ]
    return {**_kept(last), "current": asked(last) >= changed, "compliance": _alone_makes(last), "earlier": earlier}


def _alone_makes(probe: Mapping[str, Any]) -> str:
    """What the path makes of a host of which nothing else is known."""
    if _verdict(probe) == INCONCLUSIVE:
        return "undetermined"
    return judge("", probe).at_best or "compliant"


def unreadable(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record where there is a file of a probe that is none."""
    return {**record, "not_checked": [*record["not_checked"], "the path: what was kept of its probe is not readable"]}


def asked(probe: Mapping[str, Any]) -> str:
    """When a probe began by the clock of the controller, which is the one that changes are timed by too."""
    return str(probe.get("asked") or probe["started"])


def _device(record: Mapping[str, Any]) -> str:
    return str(record["aspects"].get(SIP_ALG, {}).get("verdict", ""))


def _since(record: Mapping[str, Any], probe: Mapping[str, Any]) -> str:
    """A reservation where the device was read after the probe: somebody may have changed it by hand in between."""
    return f"; the device was read later, at {record['finished']}" if asked(probe) < record["started"] else ""


def _left(compliance: str, at_best: str) -> str:
    """A host that was not reached stays that: the wire does not answer for its device."""
    return compliance if compliance == "not_reached" or not at_best else worst((compliance, at_best))


def _merged(known: Mapping[str, Any], found: Finding) -> dict[str, Any]:
    """One finding of what the device shows and the wire proves: as bad as the wire says, with both texts."""
    return {**known, "severity": found.severity, "text": f"{found.text}; on the device: {known['text']}"}


# ---- what was seen earlier


def _earlier(looks: Looks, changed: str) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """The earlier probes that belong to the last change, or to a change and its undo; older ones are history."""
    before, undone = looks.before, looks.undone
    if before is not None and (asked(before) >= changed or _after(looks, before) > 2):
        before = None
    if undone is not None and (before is None or asked(undone) < asked(before) or _after(looks, undone) != 1):
        undone = None
    return before, undone


def _after(looks: Looks, probe: Mapping[str, Any]) -> int:
    return sum(time > asked(probe) for time in looks.changes)


def _moment(name: str, probe: Mapping[str, Any], reasons: list[str]) -> dict[str, Any]:
    kept = {"verdict": _verdict(probe), "leaning": _verdict(probe, "leaning"), "finished": str(probe["finished"])}
    return {"moment": name, **kept, "reasons": reasons}


def _why_blocked(undone: Mapping[str, Any]) -> list[str]:
    return _texts(list(blocked(undone).values()) or undone["reasons"])


def _with_changes(said: Said, last: Mapping[str, Any], before: Any, undone: Any) -> Said:
    """What the comparison with the probe before a change adds."""
    findings, advice = said.findings, said.advice
    if undone is not None:
        text = f"SIP was blocked after a change, which was taken back: {_short(_why_blocked(undone))}"
        findings = (*findings, Finding("CHANGE-BLOCKED-SIP", None, "high", text))
        advice = (
            *advice,
            "Ask the vendor of the router, or the provider of the line, why SIP is blocked there without the SIP ALG.",
        )
    elif newly_blocked(before, last):
        advice = (f"SIP was not blocked before the last change: {_UNDO}.", *advice)
    return Said(findings, advice, said.at_best)


# ---- what the last one says


def judge(device: str, probe: Mapping[str, Any], since: str = "") -> Said:
    """What the verdict of a path means beside the verdict on the device's SIP ALG ("" where that is not known).

    Everything that was found counts, not the worst alone. `since` is put behind a statement that holds only if the device
    did not change since the probe.
    """
    if _verdict(probe) == INCONCLUSIVE:
        return _inconclusive(probe)
    said = [_judge(device, probe, verdict, reasons, since) for verdict, reasons in _all(probe)]
    return Said(
        tuple(finding for one in said for finding in one.findings),
        tuple(dict.fromkeys(text for one in said for text in one.advice)),
        worst(word for one in said if (word := one.at_best)) if any(one.at_best for one in said) else "",
    )


def blocked(probe: Mapping[str, Any]) -> dict[tuple[str, bool], str]:
    """Where a probe proves that SIP does not pass, and why: by the path, and whether it is about what comes in.

    Everything that was found counts, be it beside something worse. Doubt proves nothing, and a filter that drops what is
    no SIP blocks no SIP.
    """
    if _verdict(probe) == INCONCLUSIVE:
        return {}
    reasons = [
        text for verdict, why in _all(probe) if verdict in BLOCKED for text in why if not text.startswith(_NEUTRAL)
    ]
    where: dict[tuple[str, bool], str] = {}
    for text in reasons:
        if found := _PATH.search(text):
            where.setdefault((found.group(), _INBOUND in text), text)
    return where


def newly_blocked(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    """Why SIP does not pass after a change where it passed before. Empty where either probe is missing or proves nothing.

    Raises KeyError, TypeError, ValueError or AttributeError for what is no probe's document.
    """
    if not before or not after or _verdict(before) == INCONCLUSIVE:
        return []
    known = blocked(before)
    return [text for key, text in blocked(after).items() if key not in known and _was_tested(before, key[0])]


def _was_tested(probe: Mapping[str, Any], way: str) -> bool:
    """Whether a probe tried a path at all; what it left out is no proof of anything."""
    left_out = [str(text) for text in probe["not_tested"]]
    if _FROM_SIP_PORT in way and any(text.startswith(_SIP_PORT_TAKEN) for text in left_out):
        return False
    return not any(way in text for text in left_out)


def _all(probe: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Everything that was found, worst first. Side effects of what rewrites are no second thing."""
    found = [(_verdict(one), [str(text) for text in one["reasons"]]) for one in probe.get("found") or [probe]]
    rewrites = any(verdict in (REWRITTEN, STALE) for verdict, _reasons in found)
    return [(verdict, reasons) for verdict, reasons in found if not (rewrites and verdict == PRESENT)]


def _judge(device: str, probe: Mapping[str, Any], verdict: str, why: list[str], since: str) -> Said:
    reasons = _short(why)
    if verdict == REWRITTEN:
        return _rewritten(device, probe, reasons, since)
    if verdict == STALE:
        return _stale(device, probe, reasons)
    if verdict in BLOCKED:
        return _blocked(device, verdict, why, since)
    if verdict == INTERCEPTED:
        text = f"somebody in the path answers SIP himself: {reasons}"
        todo = "Look for a SIP proxy in the router or in the provider's network: answers come from somebody who was not asked."
        return Said((Finding("SIP-INTERCEPTED", None, "high", text),), (todo,), "noncompliant")
    if verdict == PRESENT:
        return _present(device, reasons, since)
    if verdict == CLEAN and device in _ON:
        text = "the device's SIP ALG did not touch SIP on this path: it may be tied to a policy or to the provider's addresses"
        return Said((Finding("PATH-CLEAN", None, "info", text + since),))
    return Said()


def _inconclusive(probe: Mapping[str, Any]) -> Said:
    """What the messages alone would say is told as what it is, and never counts."""
    leaning = _verdict(probe, "leaning")
    hint = "" if leaning == INCONCLUSIVE else f"; the messages alone would say {leaning}, which is no proof"
    text = f"the wire proves nothing: {'; '.join(_texts(probe['reasons']))}{hint}"
    return Said((Finding("PATH-INCONCLUSIVE", None, "info", text),), ("Probe the path again.",))


def _rewritten(device: str, probe: Mapping[str, Any], reasons: str, since: str) -> Said:
    likely = culprits(probe["rewritings"])[:MOST]
    where = directions(probe["rewritings"])
    who = " and ".join(one.who for one in likely) or "the address that was put in does not tell who"
    text = f"SIP is rewritten on the wire{f' ({where})' if where else ''}, likely by {who}: {reasons}"
    if not likely:
        text = f"SIP is rewritten on the wire{f' ({where})' if where else ''}; no address was put in that tells by whom: {reasons}"
    todo = [one.todo for one in likely]
    if device in _ON:
        todo = ["Switch the SIP ALG of this router off first, clear its SIP sessions, and probe again."]
    elif not likely:
        todo = ["Probe with voip_edge_probe_provider set: the first routers then quote what they had received."]
    elif device in ("disabled", "not_applicable"):
        text = f"the device's SIP ALG is off, and yet {text}{since}"
    return Said((Finding("SIPALG-ON-PATH", None, "high", text),), tuple(todo), "noncompliant")


def _stale(device: str, probe: Mapping[str, Any], reasons: str) -> Said:
    likely = " and ".join(one.who for one in culprits(probe["rewritings"])[:MOST])
    text = f"sessions from source port 5060 are still rewritten{f', likely by {likely}' if likely else ''}; fresh ones are not: {reasons}"
    if device in _ON:
        todo = "Switch the SIP ALG of this router off first, with voip_edge_clear_sessions: true, and probe again."
    else:
        todo = (
            "Clear the router's SIP sessions: run again with voip_edge_clear_sessions: true, which cuts calls that are under way, or "
            "restart the router. Probe again; if it stays, the ALG looks at source port 5060."
        )
    return Said((Finding("SIPALG-STALE-SESSIONS", SIP_ALG, "medium", text),), (todo,), "noncompliant")


def _blocked(device: str, verdict: str, why: list[str], since: str) -> Said:
    """A port other than 5060 may be closed on purpose; that is told and not held against the host."""
    reasons = _short(why)
    if verdict == SIP_BLOCKED and all(text.startswith(_NEUTRAL) for text in why):
        return _present(device, reasons, since)
    if verdict == SIP_BLOCKED:
        text = f"SIP is dropped where other payload passes: {reasons}"
        todo = "If it began with a change, take that back; else look for a filter that knows SIP, in this router or in front of it."
        return Said((Finding("SIP-BLOCKED", None, "high", text),), (todo,), "noncompliant")
    if any(_STANDARD_PORT.search(reason) for reason in why):
        text = f"the port of SIP is closed: {reasons}"
        todo = "Nothing passes on SIP's own port. If it began with a change, take that back; else look at the firewall's rules."
        return Said((Finding("SIP-PORT-BLOCKED", None, "high", text),), (todo,), "noncompliant")
    todo = "Look whether the port that is closed is one that the phones use."
    return Said((Finding("SIP-PORT-BLOCKED", None, "low", f"a port is closed: {reasons}"),), (todo,))


def _present(device: str, reasons: str, since: str) -> Said:
    text = f"something in the path looks into SIP, and changed no message of this run: {reasons}"
    if device in _ON:
        return Said((Finding("SIPALG-PRESENT", None, "low", text),))
    todo = "Clear the router's SIP sessions or restart it, and probe again: if it stays, an ALG is on in this router or in front of it."
    return Said((Finding("SIPALG-PRESENT", None, "medium", f"{text}{since}"),), (todo,), "undetermined")


# ---- what is kept of it


def _verdict(probe: Mapping[str, Any], key: str = "verdict") -> str:
    if probe[key] not in VERDICTS:
        raise ValueError("no verdict of a probe")
    return str(probe[key])


def _short(reasons: Sequence[str]) -> str:
    """The first reasons, in a sentence; all of them are in `path`."""
    more = [f"{len(reasons) - IN_TEXT} more"] if len(reasons) > IN_TEXT else []
    return "; ".join([*map(_cut, reasons[:IN_TEXT]), *more])


def _texts(values: Sequence[Any]) -> list[str]:
    if isinstance(values, str):
        raise TypeError("one text where a list belongs")
    more = [f"[{len(values) - MOST} more]"] if len(values) > MOST else []
    return [_cut(value) for value in values[:MOST]] + more


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} [{len(text) - LONGEST} more characters]"


def _kept(probe: Mapping[str, Any]) -> dict[str, Any]:
    """What a record keeps of a probe's document: all that people read, of bounded size."""
    if probe["schema"] != SCHEMA:
        raise ValueError("another kind of document")
    keepalive = probe["facts"].get("keepalive_advice")
    return {
        "verdict": _verdict(probe),
        "leaning": _verdict(probe, "leaning"),
        "profile": _cut(probe["profile"]),
        "asked": _cut(asked(probe)),
        "started": _cut(probe["started"]),
        "finished": _cut(probe["finished"]),
        "reasons": _texts(probe["reasons"]),
        "rewritings": [_rewriting(one) for one in probe["rewritings"][:MOST]],
        "not_tested": _texts(probe["not_tested"]),
        "keepalive": keepalive if isinstance(keepalive, int) else None,
    }


def _rewriting(one: Mapping[str, Any]) -> dict[str, Any]:
    words = {key: _cut(one[key]) for key in ("direction", "method", "transport", "source", "name", "before", "after")}
    pairs = [{key: _cut(pair[key]) for key in ("address", "whose")} for pair in one["inserted"][:MOST]]
    return {**words, "port": int(one["port"]), "inserted": pairs, "times": int(one["times"])}


def words(path: Mapping[str, Any] | None) -> str:
    """A path in a few words, as a table has room for: "clean (before: rewritten)". "" where nobody looked."""
    if not path:
        return ""
    doubt = path["verdict"] == INCONCLUSIVE != path["leaning"]
    notes = [f"leaning {path['leaning']}"] if doubt else []
    if not path["current"]:
        notes.append("from before the last change")
    told = {"before": "before: {}", "undone": "a change that blocked SIP was undone"}
    notes += [told[one["moment"]].format(one["verdict"]) for one in path["earlier"]]
    return f"{path['verdict']} ({'; '.join(notes)})" if notes else str(path["verdict"])

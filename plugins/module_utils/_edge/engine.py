# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way through: open, identify, read, assess, plan, (an audit stops here), apply, read back, save. One login a host."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional, Union

from . import keeping
from .changing import Job, States, differences, script, waiting
from .core import records
from .core.errors import BadInput, ConnectionLost, DeviceTimeout, EdgeError, Refusal, UnknownReply
from .core.model import DISABLED, Aspect, Assessment, Change, Finding, Mechanism, Options, Plan, Step, aspects_of
from .core.profiles import Profile, get_profile
from .core.verdict import SIP_ALG
from .platforms.base import Peek, Platform, Sighting
from .platforms.registry import PLATFORMS
from .transports.cli import CliSession, Dialect
from .transports.http import HttpLogin, HttpSession, Reply
from .transports.rest import RestSession
from .transports.ssh import Login, connect

Connect = Callable[[Login], Any]
Say = Optional[Callable[[str], None]]
Session = Union[CliSession, RestSession]

STALE = "SIPALG-STALE-SESSIONS"
_SECONDS = re.compile(r"(\d+) s")


@dataclass(frozen=True)
class Target:
    """A device: its name in the inventory, how to log in, and its platform if that is known. Times in seconds."""

    name: str
    login: Login
    platform: Platform | None
    profile: Profile
    timeout: float = 30.0
    become_password: str | None = None
    http: HttpLogin | None = None
    """Set where the device is reached by HTTPS instead of a command line."""
    second_factor: str | None = None
    take_over: bool = False


@dataclass
class Outcome:
    """What a run on one host gave: its record, and for a change what it did."""

    record: dict[str, Any]
    before: Assessment | None = None
    after: Assessment | None = None
    plan: Plan | None = None
    change: Change | None = None
    script: Sequence[str] = ()
    undo: Sequence[str] = ()
    platform: Platform | None = None
    error: EdgeError | None = None
    opened: bool = False
    clears: bool = False
    """Whether sessions that keep an ALG which is off already are dropped, and nothing else is done."""
    wanted: States = field(default_factory=dict)
    """The states of the touched mechanisms as they must read afterwards."""
    keeper: keeping.Keeper = field(default_factory=keeping.Keeper)


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Task:
    """What a run is for: nothing but reading, a change to what `options` want, or taking a kept change back.

    `keeper` keeps what a change is about to do; `say` gets the plan, a line a step, before it is carried out.
    """

    options: Options | None = None
    check: bool = True
    undo: Mapping[str, Any] | None = None
    keeper: keeping.Keeper | None = None
    say: Say = None


def run(target: Target, options: Options | None = None, check: bool = True, dial: Connect = connect) -> Outcome:
    """Audits a device, or with `options` and without `check` changes it. Never raises an EdgeError: it is in the outcome.

    With `check` nothing is written, whatever the options say; the plan and the expected state are in the outcome.
    """
    return carry_out(target, Task(options, check), dial)


def carry_out(target: Target, task: Task, dial: Connect = connect) -> Outcome:
    """As `run`, for any task."""
    started = now()
    mode = "check" if task.check or (task.options is None and task.undo is None) else "apply"
    out = Outcome({}, platform=target.platform)
    out.keeper = task.keeper or out.keeper
    session: Session | None = None
    try:
        target = _recognised(target, task, out)
        if target.http is not None and target.platform is not None and not target.http.has_credentials:
            out.record = _record(target, mode, started, out)
            return out
        session = _open(target, dial)
        session.greet()
        out.opened = True
        _work(session, target, task, started, out)
        session.close()
    except EdgeError as error:
        out.error = error
        if session is not None:
            session.close(polite=not isinstance(error, (DeviceTimeout, ConnectionLost)))
    except BaseException:
        # a task's own timeout is raised into the middle of anything: the device's session must not outlive it
        if session is not None:
            session.close(polite=False)
        raise
    out.record = _record(target, mode, started, out)
    return out


def _recognised(target: Target, task: Task, out: Outcome) -> Target:
    """The target with its platform, where only its web interface can say which it is: by its own marks, before any login."""
    if target.http is None or target.platform is not None:
        return target
    platform, seen = recognise(target.http)
    out.platform, out.opened = platform, True
    if not target.http.has_credentials:
        if task.options is not None or task.undo is not None:
            raise BadInput(f"password: none is given for {target.http.host}, which is {platform.title}")
        why = f"everything: without a user and a password only this is seen, that it is {platform.title}"
        steps = tuple(f"{f.id}: {f.by_hand}" for f in platform.facts if f.aspect == SIP_ALG)
        out.before = Assessment(seen.model, seen.firmware, {}, advice=steps, not_checked=(why,))
    return replace(target, platform=platform)


def recognise(login: HttpLogin) -> tuple[Platform, Sighting]:
    """The one platform whose marks a web interface shows without a login. Raises UnknownReply for none or several, and Unreachable."""
    session = HttpSession(login)
    answers: dict[str, Reply | None] = {}
    posts = False

    def peek(line: str, **more: Any) -> Reply | None:
        key = f"{line} {more}"
        method, path = line.split(" ", 1)
        if method != "GET" and not posts:
            return None
        if key not in answers:
            try:
                answers[key] = session.request(method, path, reads=True, **more)
            except (UnknownReply, ConnectionLost, DeviceTimeout, Refusal):
                answers[key] = None
        return answers[key]

    try:
        found = _marked(peek)
        if not found:  # only a device that no page told apart is asked by a POST, which also only asks
            posts = True
            found = _marked(peek)
    finally:
        session.close()
    if len(found) == 1:
        return found[0]
    if all(answer is None for answer in answers.values()):
        raise DeviceTimeout(f"{login.host} port {login.port} takes connections and answers no request")
    names = " and ".join(p.title for p, _s in found)
    what = f"it shows the marks of {names}" if found else "no platform recognises its web interface"
    raise UnknownReply(f"{what}. Nothing was changed and no password was sent; set voip_edge_platform")


def _marked(peek: Peek) -> list[tuple[Platform, Sighting]]:
    seen = [(p.over_https or p, p.sniff(peek)) for p in PLATFORMS]
    return [(platform, sighting) for platform, sighting in seen if sighting is not None]


def _open(target: Target, dial: Connect) -> Session:
    if target.http is None:
        return CliSession(dial(target.login), _dialect(target.platform), target.timeout, _secrets(target))
    door = target.platform.door if target.platform is not None else None
    if door is None:
        raise BadInput("transport: https needs a platform that has such a door; set voip_edge_platform")
    extra = {"second_factor": target.second_factor, "take_over": target.take_over}
    return RestSession(HttpSession(target.http, door.body_limit), door, extra)


def judge_text(
    name: str, text: str, platform: Platform, profile: Profile, started: str | None = None
) -> dict[str, Any]:
    """The record of a saved configuration. What such a text cannot tell is in its `not_checked`."""
    seen = platform.judge(platform.parse(platform.from_backup(text)), profile, live=False)
    begun = started or now()
    advice = _advice(platform, seen, by_hand_only=False)
    return records.record(name, "backup", begun, now(), platform.name, seen, advice=advice)


def _secrets(target: Target) -> list[str]:
    login = target.login
    return [s for s in (login.password, login.private_key_passphrase, target.become_password) if s]


def _dialect(platform: Platform | None) -> Dialect:
    """While the platform is not known: any pager is answered and any greeting accepted."""
    if platform is not None:
        return platform.dialect
    return Dialect(greetings=tuple(g for p in PLATFORMS for g in p.dialect.greetings))


def _work(session: Session, target: Target, task: Task, started: str, out: Outcome) -> None:
    platform, identity = _identify(session, target.platform)
    out.platform = platform
    session.adopt(platform.dialect)
    setup = session.prepare(target.become_password) if platform.privileged(identity) else ""
    replies = {**platform.look(session.ask, identity, target.profile), "setup": setup}
    parsed = platform.parse(replies)
    options = task.options
    trusted = options is not None and options.allow_unproven
    out.before = out.after = platform.judge(parsed, target.profile, trusted)
    if task.undo is not None:
        replies.update(platform.before_change(session.ask, replies))
        _take_back(_Scene(session, target, task, started, identity, platform, replies), out)
        return
    if options is None:
        out.plan = platform.plan(parsed, Options()) if platform.knows(out.before.firmware) else None
        return
    plan = platform.plan(parsed, options)
    if plan.steps:
        replies.update(platform.before_change(session.ask, replies))
        parsed = platform.parse(replies)
        plan = platform.plan(parsed, options)
    out.plan = plan
    if plan.steps and not trusted and not platform.knows(out.before.firmware):
        raise Refusal(
            f"{target.name} is not changed: {platform.strange(out.before.firmware)}. "
            "Set allow_unproven: true to do it all the same"
        )
    if plan.refusal:
        raise Refusal(f"{target.name} is not changed: {plan.refusal}")
    if set(plan.unsupported) == set(aspects_of(options)):
        raise Refusal(f"{target.name} is not changed: {'; '.join(plan.unsupported.values())}")
    _check_labels(plan, options)
    scene = _Scene(session, target, task, started, identity, platform, replies)
    if not plan.steps:
        _clear_stale(scene, out, options)
        return
    after = platform.judge(plan.expected, target.profile, trusted)
    _change(scene, out, plan.steps, aspects_of(options), after, after.states(*aspects_of(options)), options)


@dataclass(frozen=True)
class _Scene:
    """A device that was read and may be changed."""

    session: Session
    target: Target
    task: Task
    started: str
    identity: str
    platform: Platform
    replies: Mapping[str, str]

    @property
    def over(self) -> str:
        return "https" if self.target.http is not None else "cli"


def _change(
    scene: _Scene,
    out: Outcome,
    steps: Sequence[Step],
    aspects: tuple[str, ...],
    after: Assessment,
    wanted: States,
    options: Options,
    undoes: Mapping[str, Any] | None = None,
) -> None:
    """Says what will be sent, and unless this is a check keeps it, sends it and proves it."""
    before, platform, target = out.before, scene.platform, scene.target
    if before is None:
        raise AssertionError("a change needs a reading")
    parsed = platform.parse(scene.replies)
    out.script = script(platform, parsed, steps, options, "do")
    out.undo = script(platform, parsed, steps[::-1], replace(options, revert_timer=0), "undo")
    out.after, out.wanted = after, wanted
    if scene.task.check:
        return
    if scene.task.say is not None:
        scene.task.say(f"{target.name}: {len(steps)} step(s)")
        for line in out.script:
            scene.task.say(f"{target.name}:   {line}")
    text = platform.whole(scene.session.ask, scene.replies) if out.keeper.wants_text else ""
    kept = keeping.document(
        target.name, scene.started, platform.name, scene.over, before, after, aspects, steps,
        target.profile, options.allow_unproven, undoes["started"] if undoes else None,
    )  # fmt: skip
    out.keeper.begin(kept, text)
    job = Job(
        scene.session, platform, target.profile, options, scene.identity, parsed, steps, aspects,
        before.states(*aspects), wanted, patient=undoes is not None and undoes["status"] != keeping.DONE,
        late=waiting(after),
    )  # fmt: skip
    out.change = job.change
    out.after = None
    try:
        out.after = job.run()
    finally:
        left = [*job.change.done, *job.change.left]
        whole = out.after is not None or (job.change.done and not job.change.left)
        out.keeper.end(keeping.DONE if whole else keeping.FAILED if left else keeping.NOTHING, left)


def _clear_stale(scene: _Scene, out: Outcome, options: Options) -> None:
    """Drops the sessions that were seen to keep an ALG which is off already, where that is allowed and can be done."""
    seen, platform, target = out.before, scene.platform, scene.target
    stale = seen is not None and any(f.id == STALE for f in seen.findings)
    out.clears = stale and options.clear_sessions and options.state == DISABLED and platform.clear is not None
    if not out.clears or scene.task.check:
        return
    parsed = platform.parse(scene.replies)
    job = Job(scene.session, platform, target.profile, options, scene.identity, parsed, (), (), {}, {})
    out.change = job.change
    out.after = job.clear_alone()


def _take_back(scene: _Scene, out: Outcome) -> None:
    """Undoes a kept change, if the device is still as that change left it."""
    change, target, platform = scene.task.undo, scene.target, scene.platform
    if change is None or out.before is None:
        raise AssertionError("nothing to take back")
    name, when = target.name, change["started"]
    if change["platform"] != platform.name or change["model"] != out.before.model:
        was, now_is = f"{change['platform']} {change['model']}", f"{platform.name} {out.before.model}"
        raise Refusal(f"{name} is not changed: the change of {when} was made on {was}, this is {now_is}")
    if change["over"] != scene.over:
        way = "https" if change["over"] == "https" else "ssh"
        raise Refusal(
            f"{name} is not changed: the change of {when} was made over {way}; set voip_edge_transport: {way}"
        )
    aspects = tuple(change["aspects"])
    got, before = out.before.states(*aspects), keeping.states_of(change, "before")
    moved = differences(got, keeping.states_of(change, "after")) if change["status"] == keeping.DONE else []
    moved = [(key, text) for key, text in moved if key not in waiting(out.before)]
    if moved:
        what = "; ".join(text for _key, text in moved)
        raise Refusal(f"{name} is not changed: since the change of {when} somebody else changed it: {what}")
    options = scene.task.options or Options()
    steps = keeping.inverse(change)
    out.plan = Plan(tuple(steps), None)
    _change(scene, out, steps, aspects, out.before, before, options, undoes=change)


def _identify(session: Session, given: Platform | None) -> tuple[Platform, str]:
    """The platform, and the text by which it showed itself. A wrong name in the inventory is found here, before any write."""
    heard = []
    candidates = (given,) if given else tuple(p for p in PLATFORMS if p.has_command_line)
    for command in dict.fromkeys(p.identify for p in candidates):
        reply = session.ask(command)
        heard.append("'{}': '{}'".format(command, (reply.strip().split("\n") or [""])[0][:80]))
        for platform in candidates:
            if platform.identify == command and platform.recognise(reply):
                return platform, reply
    what = f"it does not answer like {given.title}" if given else "no platform recognises it"
    raise UnknownReply(
        "{} (asked {}). Nothing was changed; check voip_edge_platform or ansible_network_os".format(
            what, ", ".join(heard)
        )
    )


def _check_labels(plan: Plan, options: Options) -> None:
    """Only documented facts write, unless the user says otherwise."""
    doubts = [step.doubt for step in plan.steps if step.doubt]
    if doubts and not options.allow_unproven:
        raise Refusal(doubts[0])


def _advice(platform: Platform, seen: Assessment, by_hand_only: bool) -> list[str]:
    """What a person does: for each mechanism that is on, and each timer out of bounds, that the tool does not change itself."""
    facts = {f.id: f for f in platform.facts}
    advice = []
    for aspect in seen.aspects.values():
        for mechanism in aspect.mechanisms:
            fact = facts.get(mechanism.id)
            if fact is not None and _due(aspect, mechanism) and not (by_hand_only and fact.changes == "yes"):
                advice.append(f"{mechanism.id} ({mechanism.scope}): {fact.by_hand}")
    return advice


def _unsupported(seen: Assessment, why: Mapping[str, str]) -> Assessment:
    """What is wrong and cannot be put right by this tool is `unsupported`."""
    aspects = {
        name: replace(aspect, compliance="unsupported")
        if name in why and aspect.compliance == "noncompliant"
        else aspect
        for name, aspect in seen.aspects.items()
    }
    return replace(seen, aspects=aspects)


def _due(aspect: Aspect, mechanism: Mechanism) -> bool:
    if aspect.name == SIP_ALG:
        return mechanism.state in ("on", "blocking")
    found = _SECONDS.fullmatch(mechanism.value)
    if aspect.wanted is None or mechanism.state != "on":
        return False
    if found is None:
        return mechanism.value == "never" and aspect.wanted.maximum is not None
    seconds = int(found.group(1))
    return seconds < aspect.wanted.minimum or seconds > (aspect.wanted.maximum or seconds)


def _record(target: Target, mode: str, started: str, out: Outcome) -> dict[str, Any]:
    name = out.platform.name if out.platform else None
    refused = isinstance(out.error, Refusal)
    if out.platform is None or out.before is None or (out.error is not None and not refused):
        error = out.error or UnknownReply("nothing was read")
        left = (out.change.left or out.change.done) if out.change else ()
        return records.failure(target.name, mode, started, now(), name, error, out.opened, left)
    seen = out.after if mode == "apply" and out.after is not None and not refused else out.before
    extra: list[Finding] = []
    advice = _advice(out.platform, seen, by_hand_only=True)
    if out.plan is not None:
        seen = _unsupported(seen, out.plan.unsupported)
        why = [text for name, text in out.plan.unsupported.items() if seen.aspects[name].compliance != "compliant"]
        said = tuple(text.partition("): ")[2] or text for text in advice)
        advice += [text for text in why if not text.endswith(said)]  # what to do is said once
        advice += [] if refused else out.plan.advice
    plan = out.plan.steps if out.plan and mode == "check" else ()
    if _is_factory_login(target, out):
        text = f"the password that {out.platform.title} is shipped with lets one in: anybody on the LAN can change the router"
        extra.append(Finding("FACTORY-PASSWORD", None, "high", text))
    if out.change is not None and out.plan is not None:
        known = any(f.id == STALE for f in seen.findings)  # a platform that sees them says it better
        if out.plan.still_needed and not out.change.cleared and not known:
            extra.append(Finding(STALE, SIP_ALG, "low", out.plan.still_needed[0]))
        if out.change.saved is False:
            extra.append(
                Finding(
                    "NOT-SAVED", None, "high", "the change is live but was not saved: it is lost at the next restart"
                )
            )
        first = 1 if out.change.cleared else 0
        advice += list(out.plan.still_needed[first:]) + out.change.notes
    record = records.record(
        target.name,
        mode,
        started,
        now(),
        out.platform.name,
        seen,
        plan,
        out.change.done if out.change else (),
        extra,
        advice,
    )
    if out.error is not None:
        record["error"] = {"kind": out.error.kind, "text": str(out.error)}
    return record


def _is_factory_login(target: Target, out: Outcome) -> bool:
    login = target.http or target.login
    known = out.platform.factory_logins if out.platform is not None else ()
    return out.opened and bool(login.password) and (login.user, login.password) in known


def rehearse() -> None:
    """Judges and records a few lines on each platform.

    What Python makes at first use, compiled patterns and answers of `isinstance` among it, every fork then has.
    """
    for platform in PLATFORMS:
        target = Target("rehearsal", Login(host="", port=0, user=""), platform, get_profile("default"))
        for text in ("", "version 15.4\ninterface A\n ip nat inside\nip nat pool\nend\n"):
            seen = platform.judge(platform.parse({"config": text, "version": text}), target.profile)
            _record(target, "check", now(), Outcome({}, before=seen, platform=platform))
        platform.knows("0")

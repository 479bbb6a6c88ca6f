# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules do: from validated options to a result. Module and action plugin both come in here, so they answer alike."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable, Optional

from . import backups, engine, keeping, reporting
from .core.alarm import fail_on_of
from .core.errors import BadInput, EdgeError, MissingLibrary
from .core.model import Assessment, ChangeFailed, Forwards, Options, aspects_of
from .core.text import looks_binary
from .core.verdict import PORT_FORWARDS, SIP_ALG, UDP_TIMEOUT
from .history import KEPT
from .options import allowed_of, options_of, profile_of, target_of
from .platforms.registry import by_name, of_backup

Progress = Optional[Callable[[str], None]]


def edge_info(params: Mapping[str, Any], check: bool = True, progress: Progress = None) -> dict[str, Any]:
    """Identify and judge; reads only. From the device, or from the saved configuration in `config`."""
    if params.get("config"):
        record = _from_file(params)
    else:
        outcome = engine.run(target_of(params), None, check=True)
        record = outcome.record
        if outcome.error is not None:
            return _failed(outcome, outcome.error)
    return {"changed": False, **_facts(record), "record": record}


def sip_alg(params: Mapping[str, Any], check: bool = False, progress: Progress = None) -> dict[str, Any]:
    """Set the SIP ALG of a device; with `check` says exactly what would be sent and how the device would read."""
    return _change(params, options_of(params, (SIP_ALG,)), check)


def udp_timeout(params: Mapping[str, Any], check: bool = False, progress: Progress = None) -> dict[str, Any]:
    """Raise the UDP timers that are too short."""
    return _change(params, options_of(params, (UDP_TIMEOUT,)), check)


def port_forwards(params: Mapping[str, Any], check: bool = False, progress: Progress = None) -> dict[str, Any]:
    """Forward the SIP and RTP ports to a PBX, or take our own forwards away."""
    return _change(params, options_of(params, (PORT_FORWARDS,)), check)


def baseline(params: Mapping[str, Any], check: bool = False, progress: Progress = None) -> dict[str, Any]:
    """Any set of aspects in one login, one plan and one save."""
    aspects = params.get("aspects") or [SIP_ALG, UDP_TIMEOUT, *([PORT_FORWARDS] if params.get("pbx") else [])]
    return _change(params, options_of(params, tuple(aspects)), check, progress if params.get("show_plan") else None)


def undo(params: Mapping[str, Any], check: bool = False, progress: Progress = None) -> dict[str, Any]:
    """Put back what our last change of a device changed, from what was kept of it."""
    target = target_of(params)
    path, kept = to_take_back(params)
    if kept is None:
        return nothing_to_take_back(params)
    options = replace(allowed_of(params), state=None, allow_unproven=kept["trusted"])
    if PORT_FORWARDS in kept["aspects"]:  # what a forward is made of must be read, whether or not there is a PBX now
        wanted = target.profile.forwards or Forwards("", (), present=False)
        seen_by = replace(target.profile, forwards=wanted, sip_ports=tuple(kept["sip_ports"]), rtp=tuple(kept["rtp"]))
        target = replace(target, profile=seen_by)
    keeper = keeping.FolderKeeper(params["report_dir"]) if params.get("report_dir") else keeping.Keeper()
    outcome = engine.carry_out(target, engine.Task(options, check, kept, keeper))
    result = _changed(target, outcome, options, check, tuple(kept["aspects"]))
    if not result.get("failed") and not result.get("unreachable"):
        result["taken_back"] = kept["started"]
        if path is not None and not check:
            keeping.mark_undone(path, kept)
    return result


def to_take_back(params: Mapping[str, Any]) -> tuple[str | None, dict[str, Any] | None]:
    """The kept change that `undo` is about, and its file; two times None where there is none. Raises BadInput."""
    if params.get("change"):
        return None, keeping.checked("change", json.dumps(params["change"]))
    if not params.get("report_dir"):
        raise BadInput("report_dir: none is given; what our changes keep lies there (set voip_edge_report_dir)")
    return keeping.latest(params["report_dir"], params.get("name") or params["host"]) or (None, None)


def nothing_to_take_back(params: Mapping[str, Any]) -> dict[str, Any]:
    name, folder = params.get("name") or params["host"], params["report_dir"]
    return {"changed": False, "msg": f"{name}: no change of it is kept in {folder}, so there is nothing to take back"}


def _change(params: Mapping[str, Any], options: Options, check: bool, say: Progress = None) -> dict[str, Any]:
    target = target_of(params)
    keeper = keeping.FolderKeeper(params["report_dir"]) if params.get("report_dir") else keeping.Keeper()
    outcome = engine.carry_out(target, engine.Task(options, check, keeper=keeper, say=say))
    return _changed(target, outcome, options, check, aspects_of(options))


def _changed(
    target: engine.Target, outcome: engine.Outcome, options: Options, check: bool, aspects: Sequence[str]
) -> dict[str, Any]:
    change, keeper = outcome.change, outcome.keeper
    backup = {"backup": keeper.path, **({} if keeper.wants_text or keeper.change is None else {"kept": keeper.change})}
    if outcome.error is not None:
        result = {**_failed(outcome, outcome.error), **backup}
        if isinstance(outcome.error, ChangeFailed):
            result["changed"] = bool(outcome.error.change.left or outcome.error.change.done)
        return result
    before, after = _lines(outcome.before, aspects), _lines(outcome.after, aspects)
    if (
        outcome.after is outcome.before and outcome.wanted
    ):  # an undo in check mode knows no more than the states to come
        after = [f"  {name} ({scope}): {state}" for (name, scope), state in outcome.wanted.items()]
    steps = outcome.plan.steps if outcome.plan else ()
    result = {
        "changed": bool(change.done or change.cleared) if change is not None else bool(steps or outcome.clears),
        "before": before,
        "after": after,
        "commands": list(outcome.script),
        "undo": list(outcome.undo),
        "saved": None if change is None else change.saved,
        "still_needed": [*outcome.plan.still_needed, *outcome.plan.advice] if outcome.plan and steps else [],
        "notes": change.notes if change is not None else [],
        "unsupported": dict(outcome.plan.unsupported) if outcome.plan else {},
        **backup,
        "diff": {
            "before_header": f"{target.name} now",
            "after_header": f"{target.name} then",
            "before": _text(before),
            "after": _text(after),
        },
        **_facts(outcome.record),
        "record": outcome.record,
    }
    if change is not None and change.saved is False and options.save:
        why = change.unsaved or "the device did not confirm that it was saved"
        result.update(failed=True, msg=f"the change is live and proven, but {why}")
    return result


def report(params: Mapping[str, Any], check: bool = False, progress: Progress = None) -> dict[str, Any]:
    """Merge the records of a folder into the report files; with `begin` only see whether that will be possible."""
    compared = _compared(params)
    if params.get("begin"):
        reporting.check_report_dir(params["report_dir"])
        return {"changed": False, "started": engine.now()}
    return _reported(reporting.write_report(params["report_dir"], params["hosts"], params.get("since"), **compared))


def _compared(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a report is compared with, what is kept, and for what it fails. Raises BadInput, before anything is touched."""
    words = fail_on_of(params.get("fail_on") or ())
    earlier, keep = params.get("earlier") or None, params.get("history_keep", KEPT)
    reporting.check_earlier(earlier, params["report_dir"])
    if keep < 1:
        raise BadInput(f"history_keep: {keep} is less than 1")
    return {"earlier": earlier, "keep": keep, "fail_on": words}


def _reported(made: dict[str, Any]) -> dict[str, Any]:
    result = {"changed": True, "summary": made["summary"], "files": made["files"], "gone": made["gone"]}
    if made["reason"]:  # only now: whoever is told to act finds the report
        result.update(failed=True, error_kind="fail_on", msg="fail_on: {}".format(made["reason"]))
    return result


def audit_backups(params: Mapping[str, Any], check: bool = False, progress: Progress = None) -> dict[str, Any]:
    """Judge a folder of saved configurations and write the report."""
    platform = by_name(params["platform"])
    profile = profile_of(params["profile"])
    if params["workers"] < 0:
        raise BadInput("workers: {} is less than 0 (0 means one for each processor)".format(params["workers"]))
    compared = _compared(params)
    reporting.check_report_dir(params["report_dir"])
    files = backups.find(params["path"])
    hosts = backups.judge_all(files, params["report_dir"], platform, profile, params["workers"], progress)
    return {"judged": len(hosts), **_reported(reporting.write_report(params["report_dir"], hosts, **compared))}


DOORS: dict[str, Callable[..., dict[str, Any]]] = {
    "edge_info": edge_info,
    "sip_alg": sip_alg,
    "udp_timeout": udp_timeout,
    "port_forwards": port_forwards,
    "baseline": baseline,
    "undo": undo,
    "report": report,
    "audit_backups": audit_backups,
}


def answer(module: str, params: Mapping[str, Any], check: bool, progress: Progress = None) -> dict[str, Any]:
    """The result of a module, errors included: `failed` or `unreachable` with one sentence in `msg`."""
    try:
        result = DOORS[module](params, check=check, progress=progress)
        if params.get("site") and "record" in result:
            result["record"]["site"] = params["site"]
        return result
    except MissingLibrary as error:
        return {"failed": True, "changed": False, "error_kind": error.kind, "library": error.library, "msg": str(error)}
    except EdgeError as error:
        return {"failed": True, "changed": False, "error_kind": error.kind, "msg": str(error)}


def keep_change(result: dict[str, Any], report_dir: str | None) -> None:
    """Puts the change that came back from another host into the report folder. The configuration did not travel. Raises BadInput."""
    change = result.pop("kept", None)
    if change and report_dir:
        result["backup"] = keeping.keep(report_dir, change)


def keep_record(result: Mapping[str, Any], report_dir: str | None) -> None:
    """Puts a host's record into the report folder. Raises BadInput when that cannot be done."""
    if report_dir and result.get("record"):
        reporting.write_record(report_dir, result["record"])


def _failed(outcome: engine.Outcome, error: EdgeError) -> dict[str, Any]:
    result: dict[str, Any] = {"changed": False, "error_kind": error.kind, "msg": str(error), "record": outcome.record}
    if isinstance(error, MissingLibrary):
        result["library"] = error.library
    # Refusals to let us in are failures: the host is there. Only a host that cannot be talked to is unreachable.
    result["unreachable" if error.kind in ("unreachable", "timeout") and not outcome.opened else "failed"] = True
    return result


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    aspects = record["aspects"]
    return {
        "platform": record["platform"],
        "model": record["model"],
        "firmware": record["firmware"],
        "compliance": record["compliance"],
        "verdict": aspects[SIP_ALG]["verdict"] if SIP_ALG in aspects else "undetermined",
    }


def _lines(seen: Assessment | None, aspects: Sequence[str]) -> list[str]:
    """The verdict of each aspect and the state of each of its mechanisms."""
    lines = []
    for name in aspects:
        aspect = seen.aspects.get(name) if seen is not None else None
        if aspect is not None:
            lines.append(f"{name}: {aspect.verdict}")
            lines += [f"  {m.id} ({m.scope}): {m.state} {m.value}".rstrip() for m in aspect.mechanisms]
    return lines


def _text(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _from_file(params: Mapping[str, Any]) -> dict[str, Any]:
    path = params["config"]
    try:
        text = backups.read_text(path)
    except OSError as error:
        raise BadInput(f"config: {path} cannot be read: {error.strerror or error}") from None
    if text is None or looks_binary(text[:4096]):
        raise BadInput(f"config: {path} is not a text file of at most {backups.LARGEST >> 20} MiB")
    platform = by_name(params["platform"]) or of_backup(text)
    if platform is None:
        raise BadInput(f"config: no platform recognises {os.path.basename(path)}; name it with the option platform")
    return engine.judge_text(
        params.get("name") or os.path.basename(path), text, platform, profile_of(params["profile"])
    )

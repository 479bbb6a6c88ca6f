# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept before a device is changed, and taken back from: `changes/<host>/<time>.json` and `.cfg` in the report folder.

The first holds the steps with their inverses and the state before; no secret is in it. The second is the configuration as
the device gave it, which has secrets. Both are readable by their owner only. The steps are on disk before the first write,
so that a run that is killed in the middle can be taken back, too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .core.errors import BadInput
from .core.model import LABELS, Assessment, Step
from .core.profiles import Profile
from .files import file_name, write_whole
from .platforms.registry import is_known

SCHEMA = "voip.edge/change/1"
PLANNED, DONE, FAILED, NOTHING, UNDONE = "planned", "done", "failed", "nothing", "undone"
"""`planned`: begun and never ended. `failed`: some steps may be on the device. `nothing`: none is."""

_OPEN = (PLANNED, DONE, FAILED)


def document(
    host: str, started: str, platform: str, over: str, seen: Assessment, wanted: Assessment,
    aspects: Sequence[str], steps: Sequence[Step], profile: Profile, trusted: bool, undoes: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A change that is about to be made. `over` is the way in (`cli` or `https`), `trusted` whether the user allowed
    what is not proven, since the states are read by that; `undoes` is the time of one that it takes back."""
    return {
        "schema": SCHEMA,
        "host": host,
        "started": started,
        "status": PLANNED,
        "undoes": undoes,
        "platform": platform,
        "over": over,
        "model": seen.model,
        "firmware": seen.firmware,
        "aspects": list(aspects),
        "trusted": trusted,
        "sip_ports": list(profile.sip_ports),
        "rtp": list(profile.rtp),
        "before": _states(seen, aspects),
        "after": _states(wanted, aspects),
        "steps": [_step(s) for s in steps],
    }


def _states(seen: Assessment, aspects: Sequence[str]) -> list[list[str]]:
    return [[*key, state] for key, state in seen.states(*aspects).items()]


def _step(step: Step) -> dict[str, Any]:
    return {"scope": step.scope, "do": list(step.do), "undo": list(step.undo), "label": step.label}


def states_of(change: Mapping[str, Any], key: str) -> dict[tuple[str, str], str]:
    """The states `before` or `after` a change, as a device's own reading gives them."""
    return {(name, scope): state for name, scope, state in change[key]}


def inverse(change: Mapping[str, Any]) -> list[Step]:
    """The steps that take a change back, last one first."""
    return [Step(tuple(s["undo"]), tuple(s["do"]), s["scope"], s["label"]) for s in reversed(change["steps"])]


class Keeper:
    """Keeps one change. This one only remembers it, for a controller that is elsewhere."""

    wants_text = False
    path: str | None = None

    def __init__(self) -> None:
        self.change: dict[str, Any] | None = None

    def begin(self, change: dict[str, Any], text: str) -> None:
        """Before the first write. Raises BadInput when it cannot be kept; then nothing is written to the device."""
        self.change = change

    def end(self, status: str, steps: Sequence[Step]) -> None:
        """Afterwards: what became of it, and the steps that are on the device."""
        if self.change is not None:
            self.change = {**self.change, "status": status, "steps": [_step(s) for s in steps]}


class FolderKeeper(Keeper):
    """Keeps it in a report folder."""

    wants_text = True

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def begin(self, change: dict[str, Any], text: str) -> None:
        super().begin(change, text)
        self.path = keep(self._folder, change, text)

    def end(self, status: str, steps: Sequence[Step]) -> None:
        super().end(status, steps)
        if self.path is not None and self.change is not None:
            _write(self.path, self.change)


def keep(folder: str, change: Mapping[str, Any], text: str = "") -> str:
    """Writes a change and the configuration before it, and returns the path of the former. Raises BadInput."""
    place = _folder_of(folder, str(change["host"]))
    stem = os.path.join(place, str(change["started"]).replace("-", "").replace(":", ""))
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        path = _free(stem)
        if text:
            write_whole(path[: -len(".json")] + ".cfg", [text], 0o600)
    except (OSError, ValueError) as error:
        raise BadInput(f"report_dir: {place} cannot be written: {getattr(error, 'strerror', None) or error}") from None
    _write(path, change)
    return path


def _free(stem: str) -> str:
    """A name that no other run takes, also where two end up in one second."""
    for number in range(1, 1000):
        path = f"{stem}.json" if number == 1 else f"{stem}-{number}.json"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue
        return path
    raise ValueError("there are a thousand changes of one second")


def _write(path: str, change: Mapping[str, Any]) -> None:
    try:
        write_whole(path, [json.dumps(change, indent=1, ensure_ascii=False) + "\n"], 0o600)
    except (OSError, ValueError) as error:
        raise BadInput(f"report_dir: {path} cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _folder_of(folder: str, host: str) -> str:
    name = file_name(host)[: -len(".json")]
    return os.path.join(os.path.expanduser(folder), "changes", name)


def latest(folder: str, host: str) -> tuple[str, dict[str, Any]] | None:
    """(path, change) of the last change of a host that is still to be taken back. Raises BadInput for a file that is none."""
    found = [(path, change) for path, change in _changes(folder, host) if _is_open(change)]
    return found[-1] if found else None


def _is_open(change: Mapping[str, Any]) -> bool:
    return change["status"] in _OPEN and change.get("undoes") is None and bool(change["steps"])


def _changes(folder: str, host: str) -> Iterator[tuple[str, dict[str, Any]]]:
    place = _folder_of(folder, host)
    try:
        names = [n[: -len(".json")] for n in os.listdir(place) if n.endswith(".json") and not n.startswith(".")]
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadInput(f"report_dir: {place} cannot be read: {error.strerror or error}") from None
    for name in sorted(names, key=lambda n: (n.split("-")[0], int(n.split("-")[1]) if n.count("-") else 1)):
        path = os.path.join(place, name + ".json")
        try:
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
        except (OSError, ValueError) as error:
            raise BadInput(f"report_dir: {path} cannot be read: {error}") from None
        if text.strip():  # an empty one was begun by a run that did not even come to write it
            yield path, checked(path, text)


def checked(path: str, text: str) -> dict[str, Any]:
    """A change out of JSON. Raises BadInput: what is sent to a device comes from here, so its form is checked."""
    try:
        change = json.loads(text)
        rows = change["before"] + change["after"]
        good = all(
            (
                change["schema"] == SCHEMA,
                all(isinstance(change[key], str) for key in ("host", "started", "status", "platform", "over")),
                is_known(change["platform"]),
                all(_is_step(s) for s in change["steps"]),
                all(len(row) == 3 and all(isinstance(word, str) for word in row) for row in rows),
                all(isinstance(a, str) for a in change["aspects"]),
                all(isinstance(p, int) for p in (*change["sip_ports"], *change["rtp"])),
                len(change["rtp"]) == 2,
                isinstance(change["trusted"], bool),
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        good = False
    if not good:
        raise BadInput(f"report_dir: {path} is not a change that this collection kept")
    return dict(change)


def _is_step(step: Any) -> bool:
    lines = [*step["do"], *step["undo"]]
    one_line = all(isinstance(line, str) and line and not set(line) & set("\r\n\0") for line in lines)
    return bool(step["do"] and step["undo"] and one_line and isinstance(step["scope"], str) and step["label"] in LABELS)


def mark_undone(path: str, change: Mapping[str, Any]) -> None:
    """Notes that a change was taken back. Raises BadInput."""
    _write(path, {**change, "status": UNDONE})

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of saved configurations: one file a host, in the layouts that Oxidized and RANCID leave behind."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable

from . import reporting
from .core import records
from .core.errors import BadInput, UnknownReply
from .core.profiles import Profile
from .core.text import looks_binary
from .engine import judge_text, now
from .platforms.base import Platform
from .platforms.registry import of_backup

# Larger texts are no router's configuration; reading them would cost the memory of the whole run.
LARGEST = 32 * 1024 * 1024
_SUFFIXES = (".cfg", ".conf", ".config", ".txt", ".backup", ".log")
_SKIPPED_DIRS = ("CVS", "RCS")
_SKIPPED_FILES = ("router.db", "routers.db", "routers.all", "routers.up", "routers.down", "README", "README.md")
_PROGRESS_SECONDS = 2.0

_job: dict[str, Any] = {}


def read_text(path: str) -> str | None:
    """A file as text; bytes that are no UTF-8 are replaced. None for one larger than LARGEST bytes. Raises OSError."""
    with open(path, "rb") as stream:
        data = stream.read(LARGEST + 1)
    return None if len(data) > LARGEST else data.decode("utf-8", "replace")


def find(folder: str) -> list[tuple[str, str]]:
    """(host, path) of each file below a folder. Raises BadInput for a folder that is missing, unreadable or empty.

    RANCID keeps GROUP/configs/HOST, Oxidized HOST or GROUP/HOST. The host is the file's name without a usual suffix;
    where two groups have the same name the group goes in front.
    """
    if not os.path.isdir(folder):
        raise BadInput(f"path: {folder} is not a folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise BadInput(f"path: the folder {folder} cannot be read")
    found = sorted(_walk(folder))
    if not found:
        raise BadInput(f"path: there is no configuration file in {folder}")
    names: dict[str, int] = {}
    for relative in found:
        names[_host(relative)] = names.get(_host(relative), 0) + 1
    out = []
    for relative in found:
        host = _host(relative)
        out.append((host if names[host] == 1 else relative.replace(os.sep, "/"), os.path.join(folder, relative)))
    return out


def _walk(folder: str) -> Iterator[str]:
    for top, folders, files in os.walk(folder):
        folders[:] = [d for d in folders if not d.startswith(".") and d not in _SKIPPED_DIRS]
        for name in files:
            if name.startswith(".") or name in _SKIPPED_FILES or name.endswith((",v", "~", ".new")):
                continue
            path = os.path.join(top, name)
            if os.path.isfile(path) or not os.path.exists(path):  # a link to nowhere is a host without an answer
                yield os.path.relpath(path, folder)


def _host(relative: str) -> str:
    name = os.path.basename(relative)
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in _SUFFIXES and stem else name


def judge_file(host: str, path: str, platform: Platform | None, profile: Profile) -> dict[str, Any]:
    """The record of one file; one that cannot be judged gives a record that says why."""
    started = now()
    try:
        text = read_text(path)
    except OSError as error:
        return _no_record(host, started, f"the file cannot be read: {error.strerror or error}")
    if text is None:
        return _no_record(host, started, f"the file is larger than {LARGEST >> 20} MiB")
    if not text.strip():
        return _no_record(host, started, "the file is empty")
    if looks_binary(text[:4096]):
        return _no_record(host, started, "the file is not a text")
    found = platform or of_backup(text)
    if found is None:
        return _no_record(host, started, "no platform recognises the text")
    if platform is not None and not platform.recognise_backup(text):
        return _no_record(host, started, f"the text does not look like {platform.title}")
    return judge_text(host, text, found, profile, started)


def _no_record(host: str, started: str, why: str) -> dict[str, Any]:
    return records.failure(host, "backup", started, now(), None, UnknownReply(why), opened=True)


def judge_all(
    files: Sequence[tuple[str, str]],
    report_dir: str,
    platform: Platform | None,
    profile: Profile,
    workers: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[str]:
    """Judges all files on all processors, each record to disk as soon as it is there. Returns the hosts.

    `progress` gets a line at the most every two seconds.
    """
    count = min(workers or os.cpu_count() or 1, max(1, len(files) // 50))
    _job.update(report_dir=report_dir, platform=platform, profile=profile)
    started = last = time.monotonic()
    for done, _host_done in enumerate(_judged(files, count), 1):
        if progress is not None and time.monotonic() - last >= _PROGRESS_SECONDS:
            last = time.monotonic()
            rate = done / (last - started)
            progress(
                f"judged {done} of {len(files)} configurations, {rate:.0f} a second, {(len(files) - done) / rate:.0f} s left"
            )
    return [host for host, _path in files]


def _judged(files: Sequence[tuple[str, str]], count: int) -> Iterable[str]:
    if count == 1:
        yield from map(_judge_one, files)
        return
    with multiprocessing.get_context("fork").Pool(count) as pool:
        yield from pool.imap_unordered(_judge_one, files, chunksize=20)


def _judge_one(item: tuple[str, str]) -> str:
    host, path = item
    reporting.write_record(_job["report_dir"], judge_file(host, path, _job["platform"], _job["profile"]))
    return host

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of ours on the controller: names for hosts, and files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from .core.errors import BadInput

_LONGEST_NAME = 200
_DRAFT = re.compile(r"\.voip-edge-[a-z0-9_]{8}\.tmp")
_DAY = 86_400.0


def cannot_write(path: str, error: Exception) -> BadInput:
    return BadInput(f"report_dir: {path} cannot be written: {getattr(error, 'strerror', None) or error}")


def file_name(host: str) -> str:
    """A host name as a file name that no other host name gets and that every file system takes.

    Where a file system takes `FW1` and `fw1` for one name, two such hosts share a file; readers go by the name inside.
    """
    # Names of files that are no UTF-8 come as halves of characters: "surrogatepass" keeps them apart.
    safe = re.sub(
        r"[^A-Za-z0-9._-]|^\.",
        lambda m: "".join(f"%{byte:02X}" for byte in m.group(0).encode("utf-8", "surrogatepass")),
        host,
    )
    if len(safe) > _LONGEST_NAME:  # a tilde stands in no other name
        digest = hashlib.sha256(host.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        safe = f"{safe[: _LONGEST_NAME - 40]}~{digest}"
    return safe + ".json"


def host_of_file(name: str) -> str:
    stem = name[: -len(".json")]
    try:
        return unquote(stem, errors="surrogatepass")
    except UnicodeDecodeError:  # somebody else's file
        return stem


def read_json(path: str) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is none that can be read."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def write_whole(path: str, pieces: Iterable[str], mode: int) -> None:
    """A file that appears whole or not at all. Raises OSError or ValueError.

    A process that is killed meanwhile leaves a draft, which nobody reads; see `remove_drafts`.
    """
    handle, draft = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".voip-edge-", suffix=".tmp")
    try:
        # Half a character is written as its escape, which is also how JSON spells it.
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.writelines(pieces)
        os.chmod(draft, mode)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def remove_drafts(folder: str, names: Iterable[str]) -> None:
    """Removes drafts of ours among `names` in a folder that are older than a day: whoever wrote them is gone."""
    for name in names:
        if _DRAFT.fullmatch(name):
            path = os.path.join(folder, name)
            try:
                if time.time() - os.stat(path).st_mtime > _DAY:
                    os.unlink(path)
            except OSError:  # another run was quicker, or it is not ours to remove
                continue

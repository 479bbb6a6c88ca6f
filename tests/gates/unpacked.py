# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the distribution for a gate: downloaded by apt and unpacked below .cache, where the machine does not have them.

Nothing is installed and nothing is started: installing a SIP proxy would leave one running on the machine. It needs no root.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from workshop import CACHE, Bench, GateFailed

PLACES = ("usr/bin", "usr/sbin")
# An administrator's programs need not be on PATH.
MORE = ":/usr/local/sbin:/usr/sbin:/sbin"


def path_with(bench: Bench, programs: Mapping[str, str]) -> str:
    """A PATH on which these programs (name: package) are, fetched if need be. Raises GateFailed with what to install where that fails."""
    own = bench.workshop.env["PATH"]
    if not _absent(programs, own + MORE):
        return own
    packages = sorted(set(programs.values()))
    root = CACHE / "unpacked" / "-".join(packages)
    path = os.pathsep.join([own, *(str(root / place) for place in PLACES)])
    if _absent(programs, path):
        _fetch(bench, packages, root)
    lost = _absent(programs, path)
    if lost:
        raise GateFailed(f"the packages do not hold {', '.join(lost)}; install {' '.join(packages)}")
    return path


def _absent(programs: Iterable[str], path: str) -> list[str]:
    return [name for name in programs if shutil.which(name, path=path) is None]


def _fetch(bench: Bench, packages: Sequence[str], root: Path) -> None:
    """Unpack the packages, and what they need and the machine does not have, below ``root``."""
    wanted = " ".join(packages)
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise GateFailed(f"not installed, and {program} to fetch it is not there: {wanted}")
    # Only a whole one gets the name that later runs look at.
    new = root.with_name(root.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    archives, lists = new / "archives", new / "lists"
    for folder in (archives, lists):
        (folder / "partial").mkdir(parents=True)
    # apt's own user may not reach this folder; without root there is no other user anyway.
    options = ["-qq", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "-o", f"Dir::Cache={new}"]
    options += ["-o", f"Dir::Cache::archives={archives}"]
    download = ["apt-get", "install", "--download-only", "--yes", "--no-install-recommends", *options]
    # With the machine's lists of packages; where there are none, or old ones, with fresh ones.
    if bench.call([*download, *packages], check=False):
        fresh = ["-o", f"Dir::State::lists={lists}"]
        bench.call(["apt-get", "update", *options, *fresh], check=False)
        if bench.call([*download, *fresh, *packages], check=False):
            raise GateFailed(f"not installed, and apt could not fetch it: {wanted}")
    for archive in sorted(archives.glob("*.deb")):
        bench.call(["dpkg-deb", "--extract", str(archive), str(new)])
        archive.unlink()
    shutil.rmtree(root, ignore_errors=True)
    new.rename(root)

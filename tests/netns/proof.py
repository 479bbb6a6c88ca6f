# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof on the wire, for people: ``python tests/lab/netns/enter.py python -m tests.netns.proof``.

A real router with the kernel's SIP ALG is audited, probed, set right over OpenSSH, audited and probed again, with the collection's
playbooks. Exit code: 0 proven, 1 not proven. With ``--check`` it only looks whether that is possible here: 0, or 3 with the reason.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tests.lab.netns import CommandFailed, Lab, capability
from tests.lab.netns.openssh import OpenSSHFailed
from tests.netns.playing import PlayFailed, Site, site_with_alg

IMPOSSIBLE = 3
NEEDED = ("namespaces", "alg", "sshd")
Result = TypeVar("Result")


class NotProven(RuntimeError):
    """Something else was seen than what had to be seen."""


def impossible() -> str:
    """What this machine lacks for it, or an empty text."""
    found = capability.check()
    return "; ".join(dict.fromkeys(found[feature] for feature in NEEDED if found[feature]))


def timed(call: Callable[[], Result], what: str, words: Callable[[Result], str]) -> Result:
    """What a call returns, with a line that says it and how long it took."""
    began = time.monotonic()
    result = call()
    print(f"  {what:10} {words(result)} ({time.monotonic() - began:.1f} s)", flush=True)
    return result


def expect(what: str, seen: object, wanted: object) -> None:
    """Raises NotProven unless both are equal."""
    if seen != wanted:
        raise NotProven(f"{what} says {seen!r} and had to say {wanted!r}")


def probed(site: Site, wanted: str) -> dict[str, Any]:
    """A probe whose verdict has to be ``wanted``. Raises NotProven."""
    seen = timed(site.proof, "probe", lambda proof: f"{proof['verdict']}: {proof['reasons'][0]}")
    expect("the probe", seen["verdict"], wanted)
    return seen


def audited(site: Site, wanted: str) -> None:
    """An audit whose verdict about the SIP ALG has to be ``wanted``. Raises NotProven."""
    expect("the audit", timed(site.audit, "audit", lambda verdict: f"the SIP ALG is {verdict}"), wanted)


def prove(folder: Path) -> None:
    """Both sides before and after. Raises NotProven, or what went wrong on the way."""
    with Lab() as lab, site_with_alg(lab, folder) as site:
        audited(site, "active")
        seen = [
            one for one in probed(site, "rewritten")["rewritings"] if (one["name"], one["direction"]) == ("via", "out")
        ]
        if not seen:
            raise NotProven("the probe names no Via that was rewritten on its way out")
        print(f"    the phone sent    {seen[0]['before']}\n    the server got    {seen[0]['after']}")
        done = timed(
            lambda: site.play("remediate", voip_edge_clear_sessions=True)["done"],
            "remediate",
            lambda steps: f"{len(steps)} changes over OpenSSH, and sessions that still have the ALG may be cleared",
        )
        for step in done:
            print(f"    {step['do']}")
        audited(site, "disabled")
        probed(site, "clean")


def main(arguments: Sequence[str]) -> int:
    """The exit code; see above."""
    if "--check" in arguments:
        why = impossible()
        print(why)
        return IMPOSSIBLE if why else 0
    with tempfile.TemporaryDirectory(prefix="voip-edge-proof-") as folder:
        try:
            prove(Path(folder))
        except (NotProven, PlayFailed, CommandFailed, OpenSSHFailed, OSError) as error:
            print(f"  {type(error).__name__}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The support matrix of the README and the pages of the platforms, out of the platform files.

``python tests/docs_from_platforms.py`` writes them, with ``--check`` it only says whether they are what it would write.
Needs the collection on the path: ``PYTHONPATH`` is a folder that holds ``ansible_collections/voip/edge``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.base import Fact, Platform
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.registry import PLATFORMS

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- support matrix: begin -->", "<!-- support matrix: end -->"
CHANGED = {"yes": "changed", "opt-in": "changed if allowed", "no": "by hand"}
SURE = {
    "doc": "documented by the vendor",
    "src": "seen in working software or captures",
    "user": "reported by users",
    "inferred": "inferred",
    "recall": "not confirmed",
    "unknown": "unknown",
}
ASPECTS = {"sip_alg": "SIP ALG", "udp_timeout": "UDP timeout", "port_forwards": "port forwards"}
LICENCE = "\n".join(
    (
        "..",
        "  Copyright (c) voip.edge contributors",
        "  GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
        "  SPDX-License-Identifier: GPL-3.0-or-later",
    )
)


def matrix() -> str:
    """The table of the README: one row a platform and mechanism."""
    lines = [
        "| platform | aspect | mechanism | firmware | read | changed | how sure |",
        "|---|---|---|---|---|---|---|",
    ]
    for platform in PLATFORMS:
        title = platform.title
        for fact in platform.facts:
            cells = [
                title,
                ASPECTS[fact.aspect],
                fact.title,
                fact.firmware,
                "yes",
                CHANGED[fact.changes],
                SURE[fact.label],
            ]
            lines.append("| " + " | ".join(cells) + " |")
            title = ""
    return "\n".join(lines)


def readme(text: str) -> str:
    head, rest = text.split(BEGIN, maxsplit=1)
    tail = rest.split(END, maxsplit=1)[1]
    return f"{head}{BEGIN}\n{matrix()}\n{END}{tail}"


def _row(fact: Fact) -> list[str]:
    cells = [
        ASPECTS[fact.aspect],
        f"``{fact.id}``",
        fact.title,
        fact.firmware,
        CHANGED[fact.changes],
        SURE[fact.label],
        fact.by_hand,
    ]
    return [f"  {'* -' if at == 0 else '  -'} {cell}" for at, cell in enumerate(cells)]


def page(platform: Platform) -> str:
    """The page of a platform."""
    label = f"ansible_collections.voip.edge.docsite.platform_{platform.name}"
    names = ", ".join(f"``{name}``" for name in platform.network_os)
    lines = [LICENCE, "", f".. _{label}:", "", platform.title, "=" * len(platform.title), ""]
    lines += [f"Known by these values of ``voip_edge_platform`` and ``ansible_network_os``: {names}.", ""]
    lines += [
        f"Recognised by its answer to ``{platform.identify}``; what it says is held against the inventory before any change.",
        "",
    ]
    lines += [
        "Everything that decides whether the device is fit for SIP:",
        "",
        ".. list-table::",
        "  :header-rows: 1",
        "",
    ]
    header = ("aspect", "mechanism", "what it is", "firmware", "this collection", "how sure", "by hand")
    lines += [f"  {'* -' if at == 0 else '  -'} {cell}" for at, cell in enumerate(header)]
    for fact in platform.facts:
        lines += _row(fact)
    return "\n".join([*lines, ""])


def copies() -> dict[Path, str]:
    """Path and content of everything that is derived."""
    path = ROOT / "README.md"
    found = {path: readme(path.read_text(encoding="utf-8"))}
    for platform in PLATFORMS:
        found[ROOT / "docs" / "docsite" / "rst" / f"platform_{platform.name}.rst"] = page(platform)
    return found


def main(arguments: list[str]) -> int:
    stale = [p for p, text in copies().items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the platform files say; run tests/docs_from_platforms.py")
        return 1 if stale else 0
    for path in stale:
        path.write_text(copies()[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation repeats of the code: written from the code, so that it cannot differ.

From the platform files: the platforms and the support matrix in the README, the tables on the platforms' pages, the list of
pages. From the modules and roles: their lists in the README. The rest of these files is written by people and left alone.

``python tests/docs_from_platforms.py`` writes them, with ``--check`` it only says whether they are what it would write.
Needs the collection on the path: ``PYTHONPATH`` is a folder that holds ``ansible_collections/voip/edge``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.voip.edge.plugins.module_utils._edge.core.report_words import ASPECTS as TITLES
from ansible_collections.voip.edge.plugins.module_utils._edge.core.report_words import SURE
from ansible_collections.voip.edge.plugins.module_utils._edge.core.verdict import ASPECTS
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.base import Fact, Platform, unmarked
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.registry import PLATFORMS

ROOT = Path(__file__).resolve().parents[1]
README = "README.md"
PAGES = "https://github.com/voip-edge/voip.edge/blob/main/docs/docsite/rst"
RST = "docs/docsite/rst"
INDEX = "docs/docsite/extra-docs.yml"
GUIDES = (
    "guide_first_audit",
    "guide_onboarding",
    "guide_report",
    "guide_nightly",
    "guide_scale",
    "guide_verdicts",
    "guide_probe",
    "guide_profiles",
    "guide_security",
    "guide_adding_a_platform",
)

CHANGED = {"yes": "yes", "opt-in": "if allowed", "no": "by hand"}
LICENCE = "\n".join(
    (
        "..",
        "  Copyright (c) voip.edge contributors",
        "  GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
        "  SPDX-License-Identifier: GPL-3.0-or-later",
    )
)
MAJORS = range(40)
MINORS = range(40)


class Markers:
    """The two lines between which a file is written by this program."""

    def __init__(self, begin: str, end: str) -> None:
        self.begin, self.end = begin, end

    def fill(self, text: str, name: str, content: str) -> str:
        """The text with new content between the markers of that name. Raises ValueError if they are not there once."""
        begin, end = self.begin.format(name), self.end.format(name)
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"the lines '{begin}' and '{end}' must be there, once each")
        head, rest = text.split(begin, maxsplit=1)
        return f"{head}{begin}\n{content}\n{end}{rest.split(end, maxsplit=1)[1]}"


MARKDOWN = Markers("<!-- {}: begin, made by tests/docs_from_platforms.py -->", "<!-- {}: end -->")
PAGE = Markers(".. {}: begin, made by tests/docs_from_platforms.py", ".. {}: end")


def versions(platform: Platform) -> str:
    """The firmware that the platform's facts speak of, in words: ``3.x to 9.x``, ``6.0, 6.2, 6.4``."""
    if not platform.firmware:
        return "any"
    spans: list[list[str]] = []
    last = -2
    for major in MAJORS:
        known = [minor for minor in MINORS if platform.knows(f"{major}.{minor}.1")]
        if len(known) == len(MINORS):
            if last == major - 1:
                spans[-1] = [spans[-1][0], f"{major}.x"]
            else:
                spans.append([f"{major}.x"])
            last = major
        else:
            spans += [[f"{major}.{minor}"] for minor in known]
    return ", ".join(" to ".join(span) for span in spans)


def _markdown(rows: Iterable[Iterable[str]]) -> str:
    """A table; the first row is its head."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], re.sub(r"[^|]+", "---", lines[0].replace("\\|", "")), *lines[1:]])


def ways(platform: Platform) -> str:
    """From where a platform can be judged."""
    found = ["SSH"] if platform.has_command_line else []
    if platform.door is not None or platform.over_https is not None:
        found.append("HTTPS")
    if platform.from_backup("text"):
        found.append("saved configuration")
    return ", ".join(found)


def recognised(platform: Platform) -> str:
    """When a platform shows itself."""
    web = platform.over_https or platform
    return "before a login, over HTTP" if web.sniff is not unmarked else "after the login"


def platforms() -> str:
    """README: each platform with its page, its names, the ways to it, and the firmware."""
    rows = [("platform", "`ansible_network_os` or `voip_edge_platform`", "recognised", "judged by", "firmware")]
    for platform in PLATFORMS:
        page = f"[{platform.title}]({PAGES}/platform_{platform.name}.rst)"
        names = ", ".join(f"`{name}`" for name in platform.network_os)
        rows.append((page, names, recognised(platform), ways(platform), versions(platform)))
    return _markdown(rows)


def matrix() -> str:
    """README: one row a platform and mechanism."""
    rows = [("platform", "aspect", "mechanism", "firmware", "read", "changed", "how sure")]
    for platform in PLATFORMS:
        title = platform.title
        for fact in platform.facts:
            words = (fact.title, fact.firmware, fact.reads, CHANGED[fact.changes], SURE[fact.label])
            rows.append((title, TITLES[fact.aspect], *words))
            title = ""
    return _markdown(rows)


def _short(path: Path) -> str:
    """The first short_description in a file. Raises ValueError if there is none."""
    found = re.search(r"^\s*short_description: (.+)$", path.read_text(encoding="utf-8"), re.M)
    if found is None:
        raise ValueError(f"{path} has no short_description")
    return found.group(1).strip()


def contents() -> str:
    """README: the modules, the filters and the roles, each with its short description."""
    modules = sorted(p for p in (ROOT / "plugins" / "modules").glob("*.py") if p.stem != "__init__")
    roles = sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
    rows = [("", "name", "what it does")]
    rows += [("module", f"`voip.edge.{path.stem}`", _short(path)) for path in modules]
    filters = sorted((ROOT / "plugins" / "filter").glob("*.py"))
    rows += [("filter", f"`voip.edge.{path.stem}`", _short(path)) for path in filters]
    rows += [("role", f"`voip.edge.{path.parents[1].name}`", _short(path)) for path in roles]
    return _markdown(rows)


def readme(text: str) -> str:
    for name, content in (("platforms", platforms()), ("support matrix", matrix()), ("contents", contents())):
        text = MARKDOWN.fill(text, name, content)
    return text


def _rst(text: str) -> str:
    """Text of which reStructuredText makes nothing else."""
    return re.sub(r"([\\*`|]|(?<=\w)_(?!\w))", r"\\\1", text)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [".. list-table::", "  :header-rows: 1", ""]
    for row in (head, *rows):
        lines += [f"  {'* -' if at == 0 else '  -'} {cell}" for at, cell in enumerate(row)]
    return [*lines, ""]


def _section(title: str, facts: list[Fact]) -> list[str]:
    head = ("mechanism", "what it is", "firmware", "read", "changed", "how sure")
    rows = [
        (
            f"``{f.id}``",
            _rst(f.title),
            _rst(f.firmware),
            f.reads,
            CHANGED[f.changes],
            f"{SURE[f.label]} (``{f.label}``)",
        )
        for f in facts
    ]
    lines = [title, "-" * len(title), "", *_table(head, rows), "By hand:", ""]
    for fact in facts:
        lines += [f"``{fact.id}``", f"  {_rst(fact.by_hand)}", ""]
    return lines


def _range_of(platform: Platform) -> tuple[str, ...]:
    """Of which versions the page speaks."""
    if platform.firmware == "":
        return ("The firmware is known by what it answers, not by its version.",)
    return (
        f"The facts below speak of firmware {versions(platform)}. Of any other version only what is switched on in plain words is",
        "believed, the rest is ``undetermined``, and nothing is changed unless ``voip_edge_allow_unproven`` is set.",
    )


def derived(platform: Platform) -> str:
    """The derived part of a platform's page."""
    names = ", ".join(f"``{name}``" for name in platform.network_os)
    asked = [p.identify for p in (platform, platform.over_https) if p is not None]
    lines = [
        "",
        f"Known by these values of ``voip_edge_platform`` and ``ansible_network_os``: {names}.",
        "",
        f"Judged by: {ways(platform)}. Recognised by its answer to ``{'`` or ``'.join(asked)}``, which is held against the inventory",
        "before any change.",
        "",
        *_range_of(platform),
        "",
        "*Read*: ``yes``; ``known``, the device does not show it and the firmware is known to be so; ``no``, it is not seen, and so never",
        f"judged. *Changed*: ``{CHANGED['yes']}``; ``{CHANGED['opt-in']}``, only with ``voip_edge_edit_policies``, ``voip_edge_strict`` or",
        f"``voip_edge_allow_unproven``; ``{CHANGED['no']}``, explained.",
        "",
    ]
    for aspect in ASPECTS:
        facts = [fact for fact in platform.facts if fact.aspect == aspect]
        if facts:
            title = TITLES[aspect]
            lines += _section(title[0].upper() + title[1:], facts)
    return "\n".join(lines)


def skeleton(platform: Platform) -> str:
    """A page that is not there yet: people add the sources."""
    label = f"ansible_collections.voip.edge.docsite.platform_{platform.name}"
    lines = [LICENCE, "", f".. _{label}:", "", platform.title, "=" * len(platform.title), ""]
    lines += [PAGE.begin.format("platform"), PAGE.end.format("platform"), ""]
    return "\n".join([*lines, "Sources", "-------", "", "None is given yet.", ""])


def index() -> str:
    """The sections of the docs site."""
    lines = ["---", "sections:"]
    for title, pages in (("Guides", GUIDES), ("Platforms", tuple(f"platform_{p.name}" for p in PLATFORMS))):
        lines += [f"  - title: {title}", "    toctree:", *(f"      - {page}" for page in pages)]
    return "\n".join([*lines, ""])


def copies() -> dict[Path, str]:
    """Path and content of every file that is derived in whole or in part."""
    path = ROOT / README
    found = {path: readme(path.read_text(encoding="utf-8")), ROOT / INDEX: index()}
    for platform in PLATFORMS:
        path = ROOT / RST / f"platform_{platform.name}.rst"
        text = path.read_text(encoding="utf-8") if path.exists() else skeleton(platform)
        found[path] = PAGE.fill(text, "platform", derived(platform))
    return found


def main(arguments: list[str]) -> int:
    """Exit code: 0, or 1 when ``--check`` finds a file that is not what the code says."""
    wanted = copies()
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the code says; run tests/docs_from_platforms.py")
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real public configurations with their right answers, read where they lie; said clearly and passed over when they are absent."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.voip.edge.plugins.module_utils._edge import engine
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import get_profile
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import registry


def _folder() -> Path | None:
    """Beside the project's root; a copy made for a gate names it in the environment."""
    named = os.environ.get("VOIP_EDGE_CORPUS")
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "corpus"
    for folder in (Path(named) if named else beside, beside):
        if (folder / "labels.yml").is_file():
            return folder
    return None


CORPUS = _folder()
LABELS: list[dict[str, Any]] = (
    yaml.safe_load((CORPUS / "labels.yml").read_text(encoding="utf-8"))["configs"] if CORPUS else []
)
OURS = {p.name for p in registry.PLATFORMS}
MINE = [label for label in LABELS if label["platform"] in OURS]
FOREIGN = [label for label in LABELS if label["platform"] not in OURS]

pytestmark = pytest.mark.skipif(
    CORPUS is None, reason="the corpus folder is not beside the project; its tests did not run"
)


def text_of(label: dict[str, Any]) -> str:
    assert CORPUS is not None
    return (CORPUS / label["file"]).read_bytes().decode("utf-8", "replace")


def verdict_of(text: str, platform: str) -> str:
    found = registry.by_name(platform)
    assert found is not None
    record = engine.judge_text("host", text, found, get_profile("default"))
    return str(record["aspects"]["sip_alg"]["verdict"])


@pytest.mark.parametrize("label", MINE, ids=lambda label: label["file"])
def test_verdict_is_the_labelled_one(label: dict[str, Any]) -> None:
    text = text_of(label)
    platform = registry.of_backup(text)
    assert platform is not None
    assert platform.name == label["platform"]
    assert verdict_of(text, platform.name) in [label["verdict"], *label.get("also_acceptable", [])]


@pytest.mark.parametrize("label", MINE, ids=lambda label: label["file"])
def test_udp_timeout_is_the_labelled_one(label: dict[str, Any]) -> None:
    text = text_of(label)
    platform = registry.of_backup(text)
    assert platform is not None
    aspect = engine.judge_text("host", text, platform, get_profile("default"))["aspects"]["udp_timeout"]
    expected = (label.get("udp_timeout") or {}).get("seconds")
    if aspect["verdict"] == "undetermined" and not (label.get("udp_timeout") or {}).get("in_file"):
        return  # a default that is not written, in a text that is not whole
    assert (aspect["seconds"] or None) == (expected or None)


@pytest.mark.parametrize("label", MINE, ids=lambda label: label["file"])
def test_forwards_are_found_where_they_are(label: dict[str, Any]) -> None:
    text = text_of(label)
    platform = registry.of_backup(text)
    assert platform is not None
    aspect = engine.judge_text("host", text, platform, get_profile("default"))["aspects"]["port_forwards"]
    if label.get("port_forwards_udp_5060_or_10000_20000"):
        assert aspect["verdict"] == "present"
    else:
        # the labels do not count what forwards a single port out of the range, and that is found all the same
        found = [m["scope"] for m in aspect["mechanisms"] if m["state"] == "on"]
        single = [scope for scope in found if re.search(r"^rule \d+ 1\d{4}$", scope)]
        assert aspect["verdict"] in ("none", "undetermined") or found == single


@pytest.mark.parametrize("label", FOREIGN, ids=lambda label: label["file"])
def test_texts_of_other_platforms_are_not_ours(label: dict[str, Any]) -> None:
    assert registry.of_backup(text_of(label)) is None


@pytest.mark.parametrize("label", FOREIGN, ids=lambda label: label["file"])
@pytest.mark.parametrize("platform", sorted(OURS))
def test_texts_of_other_platforms_are_never_called_disabled(label: dict[str, Any], platform: str) -> None:
    assert verdict_of(text_of(label), platform) != "disabled"


def cuts(label: dict[str, Any], most: int = 400) -> list[int]:
    """Every line of a short text; of a long one a spread of them, and all around the evidence."""
    count = text_of(label).count("\n") + 1
    step = max(1, count // most)
    near = {
        line + d
        for mechanism in label["mechanisms"]
        for item in mechanism.get("evidence") or []
        for line in [item.get("line", 0)]
        for d in range(-3, 4)
    }
    return sorted(set(range(0, count, step)) | {n for n in near if 0 <= n < count})


NOT_OFF = [label for label in MINE if label["verdict"] != "disabled"]


@pytest.mark.parametrize("label", NOT_OFF, ids=lambda label: label["file"])
def test_a_cut_text_never_turns_into_disabled(label: dict[str, Any]) -> None:
    lines = text_of(label).split("\n")
    for count in cuts(label):
        assert verdict_of("\n".join(lines[:count]), label["platform"]) != "disabled", f"cut after line {count}"


# The lines without which a device really is off: a rule that is not applied, a policy that is not bound, a node of the new VyOS.
SAID_SO = ("ip inspect EXT_OUT out", "inspect sip", "service-policy ", "set system conntrack modules sip", "sip")


@pytest.mark.parametrize("label", NOT_OFF, ids=lambda label: label["file"])
def test_a_text_without_one_line_never_turns_into_disabled(label: dict[str, Any]) -> None:
    lines = text_of(label).split("\n")
    for at in cuts(label):
        rest = lines[:at] + lines[at + 1 :]
        if verdict_of("\n".join(rest), label["platform"]) == "disabled":
            assert lines[at].strip().startswith(SAID_SO), f"line {at + 1}: {lines[at]}"

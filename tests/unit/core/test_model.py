# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nouns check themselves, and a failed change says what is left."""

from __future__ import annotations

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import (
    BadInput,
    CommandRefused,
    ConnectionLost,
    MissingLibrary,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import (
    Aspect,
    Change,
    ChangeFailed,
    Finding,
    Mechanism,
    Step,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import get_profile


@pytest.mark.parametrize(
    ("state", "basis", "label"),
    [("perhaps", "configured", "doc"), ("on", "guessed", "doc"), ("on", "configured", "hearsay")],
)
def test_a_mechanism_uses_the_words_that_there_are(state: str, basis: str, label: str) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        Mechanism("m", "global", state, basis, (), label)


def test_words_of_aspects_findings_and_steps() -> None:
    with pytest.raises(ValueError, match="compliance"):
        Aspect("sip_alg", "active", "fine")
    with pytest.raises(ValueError, match="severity"):
        Finding("X", None, "awful", "text")
    with pytest.raises(ValueError, match="inverse"):
        Step(("do",), ())


STEP = Step(("no x",), ("x",), scope="ctx")


def test_a_step_shows_its_scope() -> None:
    assert STEP.as_dict() == {"do": "[ctx]\nno x", "undo": "[ctx]\nx"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(), "nothing of this run is left"),
        (Change(undone=[STEP]), "undone: 1 step"),
        (Change(left=[STEP]), "take it back by hand with: x"),
        (Change(done=[STEP]), "not saved"),
        (Change(notes=["by itself"]), "by itself"),
    ],
)
def test_a_failed_change_says_what_is_left(change: Change, words: str) -> None:
    error = ChangeFailed(ConnectionLost("gone."), change)
    assert words in str(error)
    assert str(error).startswith("gone. ")
    assert error.kind == "connection_lost"


def test_a_step_on_weak_ground_says_so_and_what_to_do_instead() -> None:
    assert STEP.doubt == ""
    weak = Step(("uci a", "uci b"), ("c",), label="recall", by_hand="click there")
    assert "labelled 'recall': uci a / uci b. Set allow_unproven: true" in weak.doubt
    assert weak.doubt.endswith(". By hand: click there")
    assert Step(("a",), ("b",), label="inferred").doubt.endswith("all the same")


def test_errors_say_what_was_sent_and_what_came_back() -> None:
    error = CommandRefused("no x", "^\n% Invalid")
    assert str(error) == "the device refused the line 'no x': ^ / % Invalid"
    assert str(MissingLibrary("netmiko", "No module")) == "netmiko: No module"
    assert str(MissingLibrary("netmiko")) == "netmiko"


def test_profiles() -> None:
    profile = get_profile("default")
    assert profile.covers(5060, 5060)
    assert profile.covers(20000, 30000)
    assert not profile.covers(5061, 9999)
    with pytest.raises(BadInput, match="no profile 'nobody'; known: default"):
        get_profile("nobody")

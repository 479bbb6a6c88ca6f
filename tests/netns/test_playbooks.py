# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one end to the other: playbooks that log in to a real router over OpenSSH, and the probe that has the last word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.netns import PHONE, PUBLIC, Lab
from tests.lab.netns.lab import BEHIND_CARRIER
from tests.lab.netns.openssh import OpenSSH
from tests.netns.playing import Site, site_with_alg
from tests.netns.probing import probe

pytestmark = pytest.mark.netns("alg", "sshd")


def finding(record: dict[str, Any], name: str) -> dict[str, Any]:
    """The one finding of this name."""
    found: list[dict[str, Any]] = [one for one in record["findings"] if one["id"] == name]
    assert len(found) == 1, record["findings"]
    return found[0]


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    with site_with_alg(lab, tmp_path) as made:
        yield made


def test_an_alg_is_found_switched_off_and_gone_from_the_wire_with_playbooks_alone(site: Site) -> None:
    assert site.audit() == "active"
    before = site.proof()
    assert before["verdict"] == "rewritten"
    via = next(one for one in before["rewritings"] if (one["name"], one["direction"]) == ("via", "out"))
    assert PHONE in via["before"]
    assert PUBLIC in via["after"]
    site.play("remediate", voip_edge_clear_sessions=True)
    after = site.play("audit")
    assert (after["aspects"]["sip_alg"]["verdict"], after["compliance"]) == ("disabled", "compliant")
    assert site.file() == []
    assert site.proof()["verdict"] == "clean"


def test_old_sessions_are_left_alone_unless_that_is_allowed(site: Site) -> None:
    assert probe(site.lab).verdict == "rewritten"
    site.play("remediate")
    record = site.play("audit")
    assert record["aspects"]["sip_alg"]["verdict"] == "disabled"
    assert "SIPALG-STALE-SESSIONS" in [finding["id"] for finding in record["findings"]]
    assert probe(site.lab).verdict == "rewritten_stale"


def test_old_sessions_lead_to_the_scoped_clearing(site: Site) -> None:
    site.proof()
    site.play("remediate")
    site.proof()
    joined = site.joined()
    assert (joined["path"]["verdict"], joined["compliance"]) == ("rewritten_stale", "noncompliant")
    assert finding(joined, "SIPALG-STALE-SESSIONS")["severity"] == "medium"
    assert any("voip_edge_clear_sessions: true" in text for text in joined["advice"])


def test_onboarding_shows_the_wire_before_and_after(site: Site) -> None:
    done = site.onboard()
    assert done.returncode == 2, "old sessions keep the ALG, and clearing them was not allowed"
    assert "voip_edge_clear_sessions: true" in done.stdout
    assert site.reported()["path"]["verdict"] == "rewritten_stale"
    site.lab.router.flush()
    site.proof()
    joined = site.joined()
    assert (joined["path"]["verdict"], joined["compliance"]) == ("clean", "compliant")
    assert [(one["moment"], one["verdict"]) for one in joined["path"]["earlier"]] == [("before", "rewritten")]
    report = (site.folder / "report" / "report.html").read_text()
    assert "clean (before: rewritten)" in report


def test_a_change_that_blocks_sip_is_taken_back(site: Site) -> None:
    # A router that lets SIP through with its ALG and no other way, as some firmwares do. An entry with a helper has bit 13
    # (IPS_HELPER) of its status; `ct helper` of nft tells that of the flow which a flow belongs to.
    site.lab.router.drop("udp dport 5060 @th,64,32 { 0x52454749, 0x4f505449, 0x494e5649 } ct status & 0x2000 == 0")
    before = site.file()
    done = site.onboard()
    assert done.returncode == 2, done.stdout
    assert "the change was taken back, as SIP was blocked since" in done.stdout
    assert site.file() == before
    joined = site.reported()
    assert joined["aspects"]["sip_alg"]["verdict"] == "active"
    assert joined["path"]["verdict"] == "rewritten"
    assert finding(joined, "CHANGE-BLOCKED-SIP")["severity"] == "high"
    assert site.audit() == "active"


def test_undo_brings_the_alg_back(site: Site) -> None:
    before = site.file()
    site.play("remediate")
    assert site.file() == []
    site.play("onboard_undo")
    assert site.audit() == "active"
    assert site.file() == before
    assert probe(site.lab).verdict == "rewritten"


def test_an_alg_of_the_carrier_is_not_blamed_on_the_router(double: Lab, tmp_path: Path) -> None:
    assert double.carrier is not None
    double.carrier.alg_on()
    with OpenSSH(double.router.namespace, name="edge1") as ssh:
        site = Site(double, ssh, tmp_path)
        assert site.audit() == "disabled"
        proof, joined = site.proof(), site.joined()
    assert proof["verdict"] == "rewritten"
    assert {one["direction"] for one in proof["rewritings"]} == {"in"}
    # The address that appears is the one that the carrier gave the router.
    inserted = {pair["address"] for one in proof["rewritings"] for pair in one["inserted"]}
    assert inserted == {BEHIND_CARRIER}
    assert (joined["aspects"]["sip_alg"]["verdict"], joined["compliance"]) == ("disabled", "noncompliant")
    assert f"the NAT in front of {BEHIND_CARRIER}" in finding(joined, "SIPALG-ON-PATH")["text"]
    assert any("the provider's NAT" in text for text in joined["advice"])


def test_an_audit_changes_nothing_on_the_router(site: Site) -> None:
    def state() -> str:
        return site.ssh.run(
            site.lab.lan, "nft -a list ruleset; find /etc /root /var -newer /etc/shadow | sort; cat /etc/nftables.conf"
        )

    before = state()
    site.play("audit")
    assert state() == before


def test_a_second_run_has_nothing_to_do(site: Site) -> None:
    first = site.play("remediate")
    second = site.play("remediate")
    assert first["done"] != []
    assert second["done"] == []

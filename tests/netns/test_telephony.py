# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telephony before and after ``remediate``: phones register and call through the router, and media packets are counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.netns import PHONE, PUBLIC, Lab
from tests.netns.playing import Site, site_with_alg
from tests.netns.telephony import PACKETS, Call, Contact, Provider, Telephony

pytestmark = pytest.mark.netns("alg", "sshd", "kamailio", "sipp")


# The whole of what was sent, and nothing.
ALL, NOTHING = PACKETS, 0


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[Site]:
    """A router with its ALG on, whose NAT takes a new port for each destination."""
    with site_with_alg(lab, tmp_path, symmetric=True) as made:
        yield made


@pytest.fixture
def provider(lab: Lab, tmp_path: Path) -> Iterator[Provider]:
    with Provider(lab, tmp_path) as made:
        yield made


@pytest.fixture
def telephony(lab: Lab, provider: Provider, tmp_path: Path) -> Telephony:
    """Phones whose provider is there; the far one is registered."""
    made = Telephony(lab, tmp_path)
    made.register(made.far)
    return made


def of_phone(provider: Provider) -> set[Contact]:
    """What the registrar keeps of the phone in the LAN."""
    return {contact for contact in provider.contacts() if contact.uri.startswith("sip:phone@")}


def in_and_out(telephony: Telephony) -> list[Call]:
    """A call to the phone and a call from it."""
    return [telephony.call(telephony.far, telephony.phone), telephony.call(telephony.phone, telephony.far)]


def counted(call: Call) -> tuple[int, int, int, int]:
    """Packets: sent by the phone, of these arrived; sent by the far side, of these arrived."""
    return call.phone_sent, call.far_got, call.far_sent, call.phone_got


def show(when: str, calls: list[Call]) -> None:
    """The figures, for whoever runs the tests with -rP."""
    for way, call in zip(("to the phone", "from the phone"), calls):
        numbers = counted(call)
        print(
            f"{when} remediate, call {way}: out {numbers[1]} of {numbers[0]} packets, in {numbers[3]} of {numbers[2]}"
        )


def test_media_comes_back_after_remediate_and_not_before(site: Site, provider: Provider, telephony: Telephony) -> None:
    telephony.register(telephony.phone)
    # The ALG shows the registrar a phone with a public address, which is treated as one without NAT.
    (before,) = of_phone(provider)
    assert before.uri.startswith(f"sip:phone@{PUBLIC}:")
    assert before.received == ""
    broken = in_and_out(telephony)
    for call in broken:
        # So the media server believes the SDP, and the NAT has no such port for it.
        assert (call.to_far.address[0], call.to_far.learn) == (PUBLIC, False)
        assert counted(call) == (PACKETS, ALL, PACKETS, NOTHING)

    site.play("remediate", voip_edge_clear_sessions=True)
    assert site.audit() == "disabled"

    telephony.register(telephony.phone)
    (after,) = of_phone(provider) - {before}
    assert after.uri == f"sip:phone@{PHONE}:5060"
    assert after.received.startswith(f"sip:{PUBLIC}:")
    whole = in_and_out(telephony)
    for call in whole:
        assert (call.to_far.address[0], call.to_far.learn) == (PHONE, True)
        assert counted(call) == (PACKETS, ALL, PACKETS, ALL)
    # What the ALG registered stays with the registrar until it expires.
    assert before in of_phone(provider)
    show("before", broken)
    show("after", whole)


def test_a_nat_that_keeps_ports_hides_the_alg_from_whoever_only_listens(
    lab: Lab, provider: Provider, telephony: Telephony
) -> None:
    # That calls have media proves nothing: the same ALG, the same wrong contact, and no packet is lost.
    lab.router.alg_on()
    telephony.register(telephony.phone)
    (contact,) = of_phone(provider)
    assert (contact.uri, contact.received) == (f"sip:phone@{PUBLIC}:5060", "")
    for call in in_and_out(telephony):
        assert counted(call) == (PACKETS, ALL, PACKETS, ALL)


def test_without_an_alg_nothing_is_broken_by_the_nat_alone(lab: Lab, provider: Provider, telephony: Telephony) -> None:
    lab.router.symmetric_nat()
    telephony.register(telephony.phone)
    (contact,) = of_phone(provider)
    assert contact.uri == f"sip:phone@{PHONE}:5060"
    assert contact.received.startswith(f"sip:{PUBLIC}:")
    for call in in_and_out(telephony):
        assert counted(call) == (PACKETS, ALL, PACKETS, ALL)

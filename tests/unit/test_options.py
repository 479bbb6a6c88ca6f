# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options: what they become, and one clear sentence that names the option for each wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import BadInput
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Wanted
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import from_mapping, get_profile
from ansible_collections.voip.edge.plugins.module_utils._edge.options import options_of, profile_of, target_of
from tests.unit.conftest import DEFAULTS

TARGET: dict[str, Any] = {**DEFAULTS, "host": "192.0.2.1", "user": "u", "password": "p"}
HTTPS: dict[str, Any] = {"transport": "https", "use_ssl": True, "validate_certs": True, "legacy_tls": False}
CHANGE: dict[str, Any] = {"revert_timer": 5, "allow_unproven": False, "edit_policies": False, "save": True}


def test_defaults() -> None:
    target = target_of(TARGET)
    assert (target.name, target.login.port, target.platform) == ("192.0.2.1", 22, None)
    assert target_of({**TARGET, "transport": "telnet"}).login.port == 23
    assert "p" not in repr(target.login).replace("192.0.2.1", "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": ""}, "^host: no address"),
        ({"port": 70000}, "^port: 70000"),
        ({"timeout": 0}, "^timeout: must be more than 0"),
        ({"connect_timeout": -1}, "^connect_timeout: "),
        ({"user": None}, "^user: none is given"),
        (
            {"user": None, "api_token": "t", "platform": "fortios"},
            "^user: .* an API token is taken with transport https",
        ),
        (
            {**HTTPS, "password": None, "platform": "fortios"},
            "^password: none .* or an API token: the option api_token",
        ),
        ({**HTTPS, "password": None, "platform": "sonicwall"}, "^password: none is given for 192.0.2.1$"),
        ({**HTTPS, "api_token": "t", "platform": "sonicwall"}, "^api_token: SonicWall .* takes none"),
        ({"platform": "nortel"}, "^platform: there is no platform 'nortel'"),
        ({"profile": "nobody"}, "^profile: there is no profile 'nobody'"),
        ({"jump_host": "-oProxyCommand=x"}, "^jump_host: "),
        ({"jump_host": "a b"}, "^jump_host: "),
        ({"jump_host": "h:port"}, "^jump_host: "),
        ({"transport": "https", "api_token": "t"}, "^platform: an API token is sent to a platform that is known only"),
        ({"transport": "https", "platform": "cisco_ios"}, "^transport: https needs a platform"),
        ({"minimum": 0}, "^profile: minimum of udp_timeout"),
        ({"minimum": 200, "maximum": 100}, "maximum of 100 s below its minimum of 200 s"),
    ],
)
def test_wrong_ones_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        target_of({**TARGET, **change})


def test_a_jump_host_is_a_hop_of_openssh() -> None:
    command = target_of({**TARGET, "jump_host": "me@jump:2222"}).login.proxy_command
    assert command == "ssh -o BatchMode=yes -p 2222 -W [%h]:%p me@jump"
    assert target_of({**TARGET, "jump_host": "jump", "proxy_command": "own"}).login.proxy_command == "own"


@pytest.mark.parametrize("name", ["cisco.ios.ios", "ios", "cisco_xe", "CISCO_IOS"])
def test_names_of_other_collections(name: str) -> None:
    platform = target_of({**TARGET, "platform": name}).platform
    assert platform is not None
    assert platform.name == "cisco_ios"


def test_changes() -> None:
    sip = options_of({**TARGET, **CHANGE}, ("sip_alg",))
    assert (sip.state, sip.timeout) == ("disabled", None)
    timeout = options_of({**TARGET, **CHANGE, "minimum": 90}, ("udp_timeout",))
    assert (timeout.state, timeout.timeout) == (None, Wanted(90, 120))
    with pytest.raises(BadInput, match="^revert_timer: 121"):
        options_of({**TARGET, **CHANGE, "revert_timer": 121}, ("sip_alg",))
    with pytest.raises(BadInput, match="^aspects: none"):
        options_of({**TARGET, **CHANGE}, ())


FORWARD = {**TARGET, **CHANGE, "pbx": "192.168.10.9", "sources": ["203.0.113.0/24", "198.51.100.7", "203.0.113.0/24"]}


def test_forwards() -> None:
    wanted = options_of({**FORWARD, "outside_interface": "GigabitEthernet0/0"}, ("port_forwards",)).forwards
    assert wanted is not None
    assert wanted.sources == ("203.0.113.0/24", "198.51.100.7/32")
    assert wanted.ranges == ((5060, 5060), (10000, 20000))
    assert (wanted.outside, wanted.present) == ("GigabitEthernet0/0", True)
    other = options_of({**FORWARD, "sip_ports": [5062, 5063], "rtp_ports": "16384-16484"}, ("port_forwards",)).forwards
    assert other is not None
    assert other.ranges == ((5062, 5062), (5063, 5063), (16384, 16484))
    anyone = options_of({**FORWARD, "sources": ["any"]}, ("port_forwards",)).forwards
    assert anyone is not None
    assert anyone.sources == ("any",)
    away = options_of({**TARGET, **CHANGE, "state": "absent"}, ("port_forwards",)).forwards
    assert away is not None
    assert not away.present


def test_a_profile_may_name_the_networks() -> None:
    own = {**FORWARD, "sources": None, "profile": {"networks": ["192.0.2.0/24"]}}
    forwards = target_of(own).profile.forwards
    assert forwards is not None
    assert forwards.sources == ("192.0.2.0/24",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pbx": None}, "^pbx: none is given"),
        ({"pbx": "pbx.example"}, "^pbx: 'pbx.example' is not an IPv4 address"),
        ({"pbx": "127.0.0.1"}, "^pbx: 127.0.0.1 is not the address of a host"),
        ({"sources": []}, "^sources: profile 'default' names no networks.*'any' lets everybody in"),
        ({"sources": ["0.0.0.0/0"]}, "^sources: .* write the word 'any'"),
        ({"sources": ["any", "203.0.113.0/24"]}, "^sources: 'any' stands alone"),
        ({"sources": ["203.0.113.1/24"]}, "^sources: 203.0.113.1/24 has host bits set"),
        ({"sources": ["2001:db8::/32"]}, "^sources: .* not an IPv4 network"),
        ({"sip_ports": [70000]}, "^sip_ports: .*70000"),
        ({"rtp_ports": "20000-10000"}, "^rtp_ports: .*20000-10000"),
        ({"outside_interface": "wan1\nexit"}, "^outside_interface: (?s:.*) is not the name of an interface"),
        ({"outside_address": "wan"}, "^outside_address: 'wan' is not an IPv4 address"),
    ],
)
def test_wrong_forwards_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        options_of({**FORWARD, **change}, ("port_forwards",))


def test_profiles_of_users() -> None:
    own = profile_of(
        {
            "name": "ours",
            "udp_timeout": {"minimum": 90, "maximum": 100},
            "networks": ["192.0.2.0/24"],
            "sip_ports": [5062],
        }
    )
    assert own.udp_timeout == Wanted(90, 100, 100)
    assert own.networks == ("192.0.2.0/24",)
    assert own.covers(5062, 5062)
    assert not own.covers(5060, 5060)
    assert get_profile("ours", {"ours": {"notes": ["x"]}}).notes == ("x",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("text", "is not a mapping"),
        ({"udp_timeot": {}}, "unknown key 'udp_timeot'"),
        ({"udp_timeout": {"min": 1}}, "takes minimum, recommended and maximum"),
        ({"udp_timeout": {"minimum": "soon"}}, "is not a number of seconds"),
        ({"sip_ports": ["sip"]}, "sip_ports of 'ours' is not a port"),
        ({"rtp_ports": "20000-10000"}, "rtp_ports of 'ours' is not a port or a range"),
        ({"networks": ["192.0.2.1/24"]}, "^profile: 192.0.2.1/24 has host bits set"),
    ],
)
def test_wrong_profiles(data: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        from_mapping("ours", data)


@pytest.mark.parametrize("data", [{"sip_ports": 5060}, {"networks": 4}, {"notes": 5}])
def test_a_single_value_in_place_of_a_list(data: Any) -> None:
    with pytest.raises(BadInput, match="^profile: "):
        from_mapping("ours", data)


def test_a_range_of_sip_ports_is_refused() -> None:
    with pytest.raises(BadInput, match="sip_ports of 'ours' takes single ports"):
        from_mapping("ours", {"sip_ports": ["5060-5070"]})

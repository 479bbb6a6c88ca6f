# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated ASUS router: its shell, what a restart of the firewall does, and its web server."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any

import pytest

from ansible_collections.voip.edge.tests.lab import SECRETS, Lab, variants

NAME = "asus_asuswrt"
APP = {"User-Agent": "asusrouter-Android-DUTUtil-1.0.0.245"}


class Client:
    """A bare client that keeps its cookie; ``headers`` go with every request."""

    def __init__(self, dev: Any, headers: dict[str, str]) -> None:
        self.dev, self.headers = dev, dict(headers)

    def __call__(self, method: str, path: str, body: str | None = None) -> Any:
        """The answer as JSON, else as text."""
        link = http.client.HTTPConnection(self.dev.host, self.dev.http_port, timeout=10)
        link.request(method, path, body, self.headers)
        answer = link.getresponse()
        text = answer.read().decode()
        cookie = answer.getheader("Set-Cookie")
        if cookie:
            self.headers["Cookie"] = cookie.split(";")[0]
        link.close()
        try:
            return json.loads(text)
        except ValueError:
            return text

    def login(self, password: str | None = None) -> Any:
        pair = base64.b64encode(f"{self.dev.user}:{password or self.dev.password}".encode()).decode()
        return self("POST", "/login.cgi", f"login_authorization={pair}")


def test_the_worked_exchange_over_ssh(device: Any, dialogue: Any) -> None:
    dev = device(NAME, "factory")
    said = dialogue(
        dev, "nvram get fw_pt_sip", "lsmod | grep -E 'nf_(conntrack|nat)_sip'", "nvram set fw_pt_sip=0", "nvram commit",
        "service restart_firewall", "lsmod | grep -E 'nf_(conntrack|nat)_sip'", "iptables -S | grep 5060",
    )  # fmt: skip
    before, _sep, after = said.partition("restart_firewall")
    assert "nf_nat_sip" in before
    assert "nf_nat_sip" not in after.split("lsmod", 1)[1].split("\n", 1)[1]
    assert dev.writes == ["nvram set fw_pt_sip=0", "nvram commit", "service restart_firewall"]
    assert dev.startup() == dev.running()


def test_what_is_not_committed_is_lost(device: Any, dialogue: Any) -> None:
    dev = device(NAME, "factory")
    dialogue(dev, "nvram set fw_pt_sip=0", "service restart_firewall")
    assert dev.sip_modules == ()
    dev.reboot()
    assert dev.nvram["fw_pt_sip"] == "1"
    assert dev.sip_modules


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("echo a; echo b", "a\nb\n"),
        ("v='x y'; echo \"$v\"'$v'", "x y$v\n"),
        ("echo \"[$(nvram get fw_pt_sip)]\"", "[1]\n"),
        ("for k in fw_pt_sip ct_udp_timeout; do echo \"$k=$(nvram get $k)\"; done; echo e", "fw_pt_sip=1\nct_udp_timeout=30 180\ne\n"),
        ("cat /nothing || echo other", "can't open '/nothing': No such file or directory\nother\n"),
        ("cat /nothing && echo other", "can't open '/nothing': No such file or directory\n"),
        ("nonsense", "-sh: nonsense: not found\n"),
        ("nvram set vts_rulelist=<a>1", "-sh: can't open a: no such file\n"),
        ("echo 'open", "-sh: syntax error: unterminated quoted string\n"),
    ],
)  # fmt: skip
def test_the_shell(device: Any, dialogue: Any, line: str, said: str) -> None:
    dev = device(NAME, "factory")
    out = dialogue(dev, line)
    assert out.partition(line + "\n")[2].endswith(said + "admin@RT-AX58U:/tmp/home/root# ")
    assert dev.nvram["vts_rulelist"] == ""


def test_a_line_that_is_too_long_loses_its_end(device: Any, dialogue: Any) -> None:
    dev = device(NAME, "factory")
    dialogue(dev, "v=" + "x" * 2000, 'nvram set vts_rulelist="$v"')
    assert dev.nvram["vts_rulelist"] == "x" * 1021


def test_the_worked_exchange_over_http(lab: Lab) -> None:
    dev = lab.add(NAME, "factory", rest=True)
    app = Client(dev, APP)
    assert app("GET", "/appGet.cgi?hook=nvram_get(fw_pt_sip)") == {"error_status": "1"}
    assert "asus_token" in app.login()
    assert app("GET", "/appGet.cgi?hook=nvram_get(fw_pt_sip);nvram_get(nothing)") == {"fw_pt_sip": "1", "nothing": ""}
    wish = json.dumps({"action_mode": "apply", "rc_service": "restart_firewall", "fw_pt_sip": "0", "unknown_key": "1"})
    assert app("POST", "/applyapp.cgi", wish) == {"modify": "1", "run_service": "restart_firewall"}
    assert app("POST", "/applyapp.cgi", wish)["modify"] == "0"
    assert "unknown_key" not in dev.nvram
    assert dev.sip_modules == ()
    assert dev.startup() == dev.running()
    assert app("GET", "/Logout.asp") == {"error_status": "8"}
    assert dev.open_sessions == 0
    assert app("GET", "/appGet.cgi?hook=nvram_get(fw_pt_sip)") == {"error_status": "1"}
    assert len(dev.journal) == 2


def test_it_locks_itself(lab: Lab) -> None:
    dev = lab.add(NAME, "factory", rest=True)
    app = Client(dev, APP)
    for _time in range(5):
        assert app.login("wrong") == {"error_status": "3"}
    assert app.login()["error_status"] == "7"


def test_a_browser_is_led_to_the_login(lab: Lab) -> None:
    dev = lab.add(NAME, "factory", rest=True)
    assert "top.location.href='/Main_Login.asp'" in Client(dev, {"User-Agent": "Mozilla/5.0"})("GET", "/")


@pytest.mark.parametrize("variant", variants(NAME))
def test_every_variant_holds_secrets(device: Any, variant: str) -> None:
    assert [s for s in SECRETS if s in device(NAME, variant).running()]

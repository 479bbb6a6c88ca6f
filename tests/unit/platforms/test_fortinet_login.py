# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a FortiGate's REST API is entered and left: at most one password that is judged, whatever the version answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import LoginRefused, UnknownReply
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.fortinet_fortios import PLATFORM
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpLogin, Reply
from tests.unit.conftest import DEFAULTS

PASSWORD = "once-and-never-again"
UNAUTHORIZED = (401, "<html><title>401 Unauthorized</title></html>")
COOKIES = {"APSCOOKIE_443": '"abc"', "ccsrftoken_443": '"csrf"'}
assert PLATFORM.over_https is not None
DOOR = PLATFORM.over_https.door
assert DOOR is not None


class Device:
    """Answers each address with a status and a text or document, and gives cookies with it."""

    def __init__(self, answers: dict[str, Any], cookies: dict[str, str] | None = None) -> None:
        self.login = HttpLogin("192.0.2.1", 443, user="admin", password=PASSWORD)
        self.answers, self.given = answers, cookies or {}
        self.asked: list[str] = []
        self.headers: Any = None
        self.bears_secret = False

    def request(self, method: str, path: str, **more: Any) -> Reply:
        self.asked.append(f"{method} {path}")
        self.headers = more.get("headers")
        status, body = self.answers.get(path, (404, "<html>Not Found</html>"))
        text = body if isinstance(body, str) else json.dumps(body)
        return Reply(status, {}, text.encode(), f"{method} {path}", (PASSWORD,))

    def use_bearer(self, _token: str, _whose: str = "") -> None:
        self.bears_secret = True

    def cookies(self) -> dict[str, str]:
        return self.given if len(self.asked) else {}


def enter(device: Device) -> None:
    assert DOOR is not None
    DOOR.log_in(device, {})  # type: ignore[arg-type]


def leave(device: Device) -> None:
    assert DOOR is not None
    DOOR.log_out(device)  # type: ignore[arg-type]


API, FORM = "POST /api/v2/authentication", "POST /logincheck"


def test_by_key() -> None:
    device = Device({"/api/v2/authentication": (200, {"status_message": "LOGIN_SUCCESS", "session_key": "k"})}, COOKIES)
    enter(device)
    leave(device)
    assert device.asked == [API, "DELETE /api/v2/authentication"]


def test_by_cookies_of_the_newer_login() -> None:
    device = Device({"/api/v2/authentication": (200, {"status_message": "LOGIN_SUCCESS"})}, COOKIES)
    enter(device)
    leave(device)
    assert device.asked == [API, "POST /logout"]
    assert device.headers == {"X-CSRFTOKEN": "csrf"}


@pytest.mark.parametrize("first", [(404, ""), UNAUTHORIZED, (401, "")])
def test_an_older_version_is_entered_by_its_form(first: tuple[int, str]) -> None:
    """What has judged no password has no word for it: the form is then the one attempt."""
    device = Device({"/api/v2/authentication": first, "/logincheck": (200, '1document.location="/"')}, COOKIES)
    enter(device)
    leave(device)
    assert device.asked == [API, FORM, "POST /logout"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"/api/v2/authentication": (401, {"status_message": "LOGIN_FAILED"})}, ": LOGIN_FAILED"),
        ({"/api/v2/authentication": (401, {"status_code": -1})}, "was refused"),
        ({"/api/v2/authentication": (200, {"status_message": "LOGIN_TOKEN_REQUIRED"})}, "needs an API token"),
        ({"/api/v2/authentication": (429, "")}, "HTTP 429"),
        ({"/api/v2/authentication": (500, "")}, "HTTP 500"),
        ({"/logincheck": (200, "0")}, "one attempt was made"),
        ({"/logincheck": (429, "")}, "HTTP 429"),
        ({"/logincheck": (200, '1document.location="/logindisclaimer"')}, "a disclaimer must be accepted"),
        ({"/api/v2/authentication": (200, {"status_message": f"NO {PASSWORD}"})}, r"NO \*\*\*\*"),
    ],
)
def test_a_refusal_is_final(answers: dict[str, Any], words: str) -> None:
    device = Device(answers, COOKIES)
    with pytest.raises(LoginRefused, match=words) as error:
        enter(device)
    assert PASSWORD not in str(error.value)
    judged = [line for line in device.asked if line in (API, FORM)]
    assert judged in ([API], [API, FORM])
    assert (judged == [API]) == ("/api/v2/authentication" in answers)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({}, "this is no FortiGate"),
        ({"/api/v2/authentication": (200, "<html>Welcome</html>")}, "is not JSON: <html>Welcome"),
        ({"/api/v2/authentication": (200, {"status_message": "LOGIN_SUCCESS"})}, "neither a key nor a cookie"),
        ({"/logincheck": (200, "1")}, "gives no cookie"),
    ],
)
def test_what_is_not_understood_is_said(answers: dict[str, Any], words: str) -> None:
    with pytest.raises(UnknownReply, match=words):
        enter(Device(answers))


def refusal(method: str, path: str, status: int, body: Any) -> str | None:
    assert DOOR is not None
    text = body if isinstance(body, str) else json.dumps(body)
    return DOOR.refusal(Reply(status, {}, text.encode(), f"{method} /api/v2{path} at fw port 443"))


def test_words_of_a_refusal() -> None:
    said = {"status": "error", "error": -651, "cli_error": "value parse error\nbefore 'x'\n"}
    assert refusal("PUT", "/cmdb/system/settings", 424, said) == "HTTP 424, error -651: value parse error before 'x'"
    assert refusal("PUT", "/cmdb/system/settings", 500, [said]) == "HTTP 500, error -651: value parse error before 'x'"
    assert refusal("PUT", "/cmdb/system/settings", 200, [{"status": "success"}, said]) is not None
    assert refusal("PUT", "/cmdb/system/settings", 200, {"status": "success"}) is None
    assert refusal("GET", "/cmdb/system/settings", 200, {"results": {"status": "error"}}) is None
    for path, group in (("voip/profile", "utmgrp"), ("firewall.service/custom", "fwgrp"), ("system/global", "sysgrp")):
        assert f"needs read on {group}" in str(refusal("GET", f"/cmdb/{path}", 403, {"error": -37}))
        assert f"needs read-write on {group}" in str(refusal("PUT", f"/cmdb/{path}", 403, {"error": -37}))
    for status, words in ((429, "HTTP 429"), (401, "does not know our session")):
        with pytest.raises(LoginRefused, match=words):
            refusal("GET", "/cmdb/system/global", status, "")


def test_which_door_an_option_opens() -> None:
    base = {
        **DEFAULTS,
        "host": "192.0.2.1",
        "platform": "fortios",
        "use_ssl": True,
        "validate_certs": True,
        "legacy_tls": False,
    }
    ssh = target_of({**base, "user": "u", "password": "p"})
    assert (ssh.http, ssh.platform, ssh.login.port) == (None, PLATFORM, 22)
    https = target_of({**base, "transport": "https", "api_token": "t"})
    assert https.http is not None
    assert (https.http.token, https.http.port, https.platform) == ("t", 443, PLATFORM.over_https)

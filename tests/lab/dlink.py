# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""D-Link home routers with state: what is stored, what is live, who is logged in, and what becomes of a SIP packet."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Any, Callable

from . import dlink_pages as pages
from .device import Device
from .http_server import Door, Request, Response
from .variants.dlink import DlinkVariant

SECRET = "PLANTED-SECRET-psk"
UID = "PLANTED-SECRET-login"
NAMESPACE = "http://purenetworks.com/HNAP1/"

FACTORY: dict[str, dict[str, str]] = {
    "A": {
        "dmz_schedule": "Always", "spi_enable": "1", "udp_nat_type": "2", "tcp_nat_type": "0", "anti_spoof_check": "0",
        "dmz_enable": "0", "dmz_ipaddr": "0.0.0.0", "pptp_pass_through": "1", "ipsec_pass_through": "1", "alg_rtsp": "1", "alg_sip": "1",
    },
    "B": {
        "dos/enable": "0", "spi/enable": "0", "applications/qq/action": "", "applications/msn/action": "",
        "alg/pptp": "1", "alg/rtsp": "1", "alg/sip": "1", "alg/ipsec": "1",
        "cone/udp_cone": "port_n_addr_restrict", "cone/tcp_cone": "port_n_addr_restrict", "anti_spoof/enable": "0",
    },
    "C": {"SPIIPv4": "0", "AntiSpoof": "0", "ALGPPTP": "1", "ALGIPSec": "1", "ALGRTSP": "1", "ALGSIP": "1"},
}  # fmt: skip


def form_of(request: Request) -> dict[str, str]:
    pairs = urllib.parse.parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return dict(pairs)


def page(text: str) -> Response:
    return Response(200, text.encode(), kind="text/html")


def xml(text: str) -> Response:
    return Response(200, ('<?xml version="1.0" encoding="utf-8"?>\n' + text).encode(), kind="text/xml")


class DlinkDevice(Device):
    platform = "dlink"
    web_only = True
    tls = False

    def __init__(
        self, name: str, variant: DlinkVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        doors = {"A": CameoDoor, "B": AlphaDoor, "C": HnapDoor, "old": OldDoor, "json": OtherDoor}
        self.live = self._made(variant)
        self.stored = dict(self.live)
        self.people: dict[str, str] = {}  # who is logged in, by address or cookie
        self.door: Door = doors[variant.family](self)
        self.hang_up: Callable[[], None] = lambda: None
        if "occupied" in variant.flags:
            self.people["127.0.0.1"] = "somebody else"

    def _made(self, variant: DlinkVariant) -> dict[str, str]:
        live = dict(FACTORY.get(variant.family, {}), wlan0_psk=SECRET)
        prefix = "alg/" if variant.family == "B" else ""
        live.update({prefix + key: value for key, value in variant.settings.items()})
        if variant.family == "A":
            rows = [*variant.rows, *[pages.FREE_ROW] * 24][:24]
            live.update({f"port_forward_both_{at:02}": row for at, row in enumerate(rows)})
            rules = [*variant.virtual, *[""] * 24][:24]
            live.update({f"vs_rule_{at:02}": rule for at, rule in enumerate(rules)})
        if variant.family == "C":
            live["forwards"] = json.dumps(list(variant.rows))
        return live

    # -- what a test looks at -------------------------------------------------------------------------------------

    def running(self) -> str:
        with self.lock:
            return json.dumps(self.live, indent=1, sort_keys=True) + "\n"

    def startup(self) -> str:
        with self.lock:
            return json.dumps(self.stored, indent=1, sort_keys=True) + "\n"

    @property
    def open_sessions(self) -> int:
        """Those of family C end by themselves: no log-out is known."""
        return 0 if self.variant.family == "C" else sum(who != "somebody else" for who in self.people.values())

    @property
    def sip(self) -> str:
        """What happens to SIP over UDP 5060: ``rewritten``, ``dropped``, ``untouched``; ``?`` where nobody has read the code."""
        family = self.variant.family
        key = {"A": "alg_sip", "B": "alg/sip", "C": "ALGSIP"}.get(family, "")
        on = self.live.get(key) in ("1", "") if family == "A" else self.live.get(key) == "1"
        if on:
            return "rewritten"
        return {True: "dropped", False: "untouched", None: "?"}[self.variant.traps]

    def change(self, what: Any) -> None:
        with self.lock:
            what(self.live)
            self.stored = dict(self.live)

    def reboot(self) -> None:
        with self.lock:
            self.live = dict(self.stored)
            self.people = {key: who for key, who in self.people.items() if who == "somebody else"}

    # -- for the doors --------------------------------------------------------------------------------------------

    def has(self, flag: str) -> bool:
        return flag in self.variant.flags

    @property
    def firmware(self) -> str:
        return "99.99" if self.faults.has("unknown_version") else self.variant.firmware

    def about(self) -> Response:
        """GetDeviceSettings, for everybody."""
        actions = ["GetDeviceSettings", "GetWLanRadios"]
        if self.variant.family == "C":
            actions += ["GetFirewallSettings", "SetFirewallSettings", "GetPortForwardingSettings"]
        return soap("GetDeviceSettings", "OK", pages.about(self.variant.model, self.firmware, NAMESPACE, actions))


class DlinkDoor(Door):
    device: DlinkDevice

    def is_login(self, request: Request) -> bool:
        paths = ("/login.cgi", "/logout.cgi", "/session.cgi", "/authentication.cgi", "/authentication_logout.cgi")
        return request.path in paths

    def accepted(self, response: Response) -> bool:
        words = (b"<result>BUSY", b"<result>FAILED", b"Result>ERROR", b"Only admin account", b"LOGIN</title>")
        return response.status < 400 and not any(word in response.body for word in words)

    def enter(self, key: str, user: str, good: bool) -> bool:
        """Judge one password by the proof that was sent."""
        password = self.device.password if good else self.device.password + "-wrong"
        if not self.device.check_password(user, password):
            return False
        self.device.people[key] = user
        return True


class CameoDoor(DlinkDoor):
    """Family A. The session is the client's address."""

    server = "Embedded HTTP Server ,Firmware Version 3.13"

    def pretend(self, request: Request) -> Response:
        return page(pages.saved(form_of(request).get("html_response_message", "")))

    def handle(self, request: Request) -> Response:
        device = self.device
        if request.path == "/HNAP1/":
            return device.about()
        if request.path == "/login.cgi":
            return self._log_in(request)
        if request.path == "/logout.cgi":
            device.people.pop(request.peer, None)
            return page(pages.cameo_login(device, False))
        who = device.people.get(request.peer)
        if who is None:
            return page(pages.cameo_login(device, device.has("captcha")))
        if request.path == "/apply.cgi" and request.method == "POST":
            return self._apply(request, who)
        shown: dict[str, Callable[[DlinkDevice], str]] = {
            "/": pages.cameo_home, "/adv_dmz.asp": pages.cameo_firewall, "/adv_portforward.asp": pages.cameo_forwards,
        }  # fmt: skip
        return page(shown[request.path](device)) if request.path in shown else Response(404)

    def _log_in(self, request: Request) -> Response:
        form = form_of(request)
        failed = page(pages.cameo_failed())
        if self.device.has("captcha") and not form.get("graph_code"):
            self.device.login_attempts += 1
            return failed
        name, secret = form.get("login_name", ""), form.get("login_pass", "")
        device = self.device
        good = secret == pages.odd_base64(device.password) == form.get("log_pass")
        user = device.user if name == pages.odd_base64(device.user) else ""
        return page(pages.cameo_home(device)) if self.enter(request.peer, user, good) else failed

    def _apply(self, request: Request, who: str) -> Response:
        """A value of the page that is left out is stored empty: nobody may rely on it being kept."""
        device, form = self.device, form_of(request)
        if who == "user" or device.faults.has("read_only"):
            return page("<html><script>alert('Only admin account can change the settings.');</script></html>")
        names = [k for k in device.live if k.startswith("port_forward")]
        if form.get("html_response_return_page") == "adv_dmz.asp":
            names = list(FACTORY["A"])
        device.live.update({name: form.get(name, "") for name in names})
        device.stored = dict(device.live)
        return page(pages.saved(form.get("html_response_message", "")))


class AlphaDoor(DlinkDoor):
    """Family B. The session is the cookie ``uid``, which the device or the client makes."""

    def __init__(self, device: DlinkDevice) -> None:
        super().__init__(device)
        self.server = f"Linux, HTTP/1.1, {device.variant.model} Ver {device.variant.firmware}"
        if device.has("nameless"):
            self.server = "Linux, HTTP/1.1"
        self.challenges: dict[str, str] = {}
        self.checked: dict[str, str] | None = None

    def is_write(self, request: Request) -> bool:
        return request.path in ("/hedwig.cgi", "/pigwidgeon.cgi", "/service.cgi")

    def pretend(self, request: Request) -> Response:
        return self.said("hedwig" if request.path == "/hedwig.cgi" else "pigwidgeon", "OK")

    def said(self, root: str, result: str, node: str = "", message: str = "") -> Response:
        return xml(
            f"<{root}>\n<result>{result}</result>\n<node>{node}</node>\n<message>{message}</message>\n</{root}>\n"
        )

    def handle(self, request: Request) -> Response:
        device, path = self.device, request.path
        if path == "/":
            return page(
                "<html><head><title>D-LINK</title></head><body><script>location='bsc_internet.php'</script></body></html>"
            )
        if path == "/HNAP1/":
            return Response(404) if device.has("nameless") else device.about()
        if path == "/session.cgi" and device.has("session_cgi"):
            return self._session(request)
        if path.startswith("/authentication") and not device.has("session_cgi"):
            return self._challenge(request)
        who = device.people.get(request.cookies.get("uid", ""))
        answers = {"/getcfg.php": self._get, "/hedwig.cgi": self._check, "/pigwidgeon.cgi": self._carry_out}
        if path not in answers or request.method != "POST":
            return Response(404)
        if who is None or (who == "user" and path != "/getcfg.php") or (
            path != "/getcfg.php" and device.faults.has("read_only")
        ):  # fmt: skip
            root = {"/getcfg.php": "report", "/hedwig.cgi": "hedwig"}.get(path, "pigwidgeon")
            return self.said(root, "FAILED", "", "Not authorized")
        return answers[path](request)

    # -- log in ---------------------------------------------------------------------------------------------------

    def _challenge(self, request: Request) -> Response:
        if request.path == "/authentication_logout.cgi":
            self.device.people.pop(request.cookies.get("uid", ""), None)
            return Response(200, b'{"status": "ok"}', kind="text/html")
        if request.method == "GET":
            uid = f"{UID}{len(self.challenges)}"
            self.challenges[uid] = hashlib.sha256(uid.encode()).hexdigest()[:20]
            document = {"status": "ok", "errno": None, "uid": uid, "challenge": self.challenges[uid], "version": "0204"}
            return Response(200, json.dumps(document).encode(), kind="text/html")
        form, uid = form_of(request), request.cookies.get("uid", "")
        device, user = self.device, form.get("id", "")
        text = user + self.challenges.get(uid, "")
        right = hmac.new(device.password.encode(), text.encode(), hashlib.md5).hexdigest().upper()
        if self.enter(uid, user, uid in self.challenges and form.get("password") == right):
            return Response(200, b'{"status": "ok", "errno": null, "uid": "", "key": "00"}', kind="text/html")
        return Response(200, b'{"status": "fail", "errno": 5, "uid": "", "key": ""}', kind="text/html")

    def _session(self, request: Request) -> Response:
        form, uid, device = form_of(request), request.cookies.get("uid", request.peer), self.device
        if form.get("ACTION") == "logout":
            device.people.pop(uid, None)
            return xml("<report><RESULT>SUCCESS</RESULT><REASON></REASON></report>")
        if device.has("captcha"):
            device.login_attempts += 1
            return xml("<report><RESULT>FAIL</RESULT><REASON>ERR_CAPTCHA</REASON></report>")
        user = form.get("USER", "")
        if not self.enter(uid, user, form.get("PASSWD") == device.password):
            return xml("<report><RESULT>FAIL</RESULT><REASON>ERR_CREATE_SESSION</REASON></report>")
        group = "1" if device.has("user") else "0"
        return xml(
            f"<report><RESULT>SUCCESS</RESULT><REASON></REASON><AUTHORIZED_GROUP>{group}</AUTHORIZED_GROUP></report>"
        )

    # -- settings -------------------------------------------------------------------------------------------------

    def _get(self, request: Request) -> Response:
        service = form_of(request).get("SERVICES", "")
        if service == "ACL":
            return xml(pages.alpha_acl(self.device.live, self.device.has("no_sip")))
        if service in ("PFWD.NAT-1", "VSVR.NAT-1"):
            rows = self.device.variant.rows if service == "PFWD.NAT-1" else ()
            return xml(pages.alpha_forwards(service, rows))
        return xml(f"<postxml><module><service>{service}</service></module></postxml>")

    def _check(self, request: Request) -> Response:
        """The whole module is taken; what it lacks becomes empty."""
        device = self.device
        if device.has("busy"):
            return self.said("hedwig", "BUSY")
        if not request.headers.get("content-type", "").startswith("text/xml"):
            return self.said("hedwig", "FAILED", "", "no XML")
        try:
            acl = ET.fromstring(request.body).find("module[service='ACL']/acl")
        except ET.ParseError:
            acl = None
        if acl is None or device.has("failed"):
            return self.said("hedwig", "FAILED", "/acl/alg/sip", "Invalid value")
        self.checked = {key: acl.findtext(key) or "" for key in FACTORY["B"]}
        return self.said("hedwig", "OK")

    def _carry_out(self, request: Request) -> Response:
        device, actions = self.device, form_of(request).get("ACTIONS", "").split(",")
        if device.has("save_failed") or self.checked is None:
            return self.said("pigwidgeon", "FAILED", "", "nothing to do")
        if "SETCFG" in actions:
            device.live.update(self.checked)
        if "SAVE" in actions:
            device.stored = dict(device.live)
        self.checked = None
        return self.said("pigwidgeon", "OK")


def soap(action: str, result: str, inner: str = "") -> Response:
    return xml(
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{result}</{action}Result>{inner}</{action}Response>'
        "</soap:Body></soap:Envelope>\n"
    )


class HnapDoor(DlinkDoor):
    """Family C. Each call is signed with a key that both sides make of the password."""

    def __init__(self, device: DlinkDevice) -> None:
        super().__init__(device)
        self.keys: dict[str, tuple[str, str]] = {}  # cookie: challenge, private key
        self.last: dict[str, int] = {}

    def action(self, request: Request) -> str:
        found = re.fullmatch(rf'"{re.escape(NAMESPACE)}(\w+)"', request.headers.get("soapaction", ""))
        return found.group(1) if found and request.method == "POST" else ""

    def is_login(self, request: Request) -> bool:
        return self.action(request) == "Login"

    def is_write(self, request: Request) -> bool:
        return request.method != "GET" and self.action(request).startswith(("Set", "Reboot"))

    def pretend(self, request: Request) -> Response:
        return soap(self.action(request), "OK")

    def handle(self, request: Request) -> Response:
        if request.path == "/":
            return page("<html><script>location.href='/info/Login.html'</script></html>")
        if request.path != "/HNAP1/":
            return Response(404)
        action = self.action(request)
        if request.method == "GET" or action == "GetDeviceSettings":
            return self.device.about()
        body = self._arguments(request, action)
        if body is None:
            return Response(500)
        if action == "Login":
            return self._log_in(request, body)
        cookie = request.cookies.get("uid", "")
        if cookie not in self.device.people or not self._signed(request, action, self.keys[cookie][1]):
            return Response(401)
        if action == "GetFirewallSettings":
            return soap(action, "OK", self._firewall())
        if action == "GetPortForwardingSettings":
            return soap(action, "OK", pages.hnap_forwards(json.loads(self.device.live["forwards"])))
        if action == "SetFirewallSettings":
            return self._set(action, body)
        return soap(action, "ERROR")

    def _arguments(self, request: Request, action: str) -> dict[str, str] | None:
        try:
            found = ET.fromstring(request.body).find(f".//{{{NAMESPACE}}}{action}")
        except ET.ParseError:
            return None
        return None if found is None else {e.tag.rpartition("}")[2]: e.text or "" for e in found}

    def _signed(self, request: Request, action: str, key: str) -> bool:
        """The time has to grow."""
        mark, _sep, moment = request.headers.get("hnap_auth", "").partition(" ")
        text = f'{moment}"{NAMESPACE}{action}"'
        right = hmac.new(key.encode(), text.encode(), hashlib.md5).hexdigest().upper()
        fresh = moment.isdigit() and int(moment) > self.last.get(key, 0)
        if fresh:
            self.last[key] = int(moment)
        return fresh and hmac.compare_digest(mark, right)

    def _log_in(self, request: Request, body: dict[str, str]) -> Response:
        device = self.device
        if body.get("Action") == "request":
            cookie, challenge = f"{UID}{len(self.keys)}", hashlib.sha256(str(len(self.keys)).encode()).hexdigest()[:20]
            public = challenge[::-1]
            key = hmac.new((public + device.password).encode(), challenge.encode(), hashlib.md5).hexdigest().upper()
            self.keys[cookie] = (challenge, key)
            inner = f"<Challenge>{challenge}</Challenge><Cookie>{cookie}</Cookie><PublicKey>{public}</PublicKey>"
            return soap("Login", "OK", inner)
        cookie = request.cookies.get("uid", "")
        challenge, key = self.keys.get(cookie, ("", ""))
        proof = hmac.new(key.encode(), challenge.encode(), hashlib.md5).hexdigest().upper()
        good = body.get("LoginPassword") == proof and self._signed(request, "Login", key)
        return soap("Login", "success" if self.enter(cookie, body.get("Username", ""), good) else "failed")

    def _firewall(self) -> str:
        words = {"1": "1", "0": ""} if self.device.has("numbers") else {"1": "true", "0": "false"}
        return "".join(f"<{key}>{words[self.device.live[key]]}</{key}>" for key in FACTORY["C"])

    def _set(self, action: str, body: dict[str, str]) -> Response:
        """Anything that is not exactly ``true``, and anything left out, is stored as 0."""
        device = self.device
        if device.has("failed") or device.faults.has("read_only"):
            return soap(action, "ERROR")
        device.live.update({key: "1" if body.get(key) == "true" else "0" for key in FACTORY["C"]})
        device.stored = dict(device.live)
        return soap(action, "REBOOT" if device.has("needs_restart") else "OK")


class OldDoor(DlinkDoor):
    """Basic for every page; nothing of SIP anywhere."""

    server = "Mathopd/1.5p6"

    def pretend(self, request: Request) -> Response:
        return Response(404)

    def handle(self, request: Request) -> Response:
        if request.path == "/HNAP1/":
            return self.device.about()
        return Response(401, b"<html>401</html>", [("WWW-Authenticate", 'Basic realm="DIR-600"')], kind="text/html")


class OtherDoor(OldDoor):
    """A D-Link of which nothing more is known than its name."""

    server = "GoAhead-Webs"

    def handle(self, request: Request) -> Response:
        if request.path == "/HNAP1/":
            return self.device.about()
        return page("<html><body id='app'>D-Link</body></html>") if request.path == "/" else Response(404)

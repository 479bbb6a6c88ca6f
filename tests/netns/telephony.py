# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telephony through the router of a lab: Kamailio as a provider on the Internet, SIPp as phones, and calls between them."""

from __future__ import annotations

import contextlib
import itertools
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab.netns import PHONE, SERVER, Lab, Namespace
from tests.lab.netns.lab import SECOND_SERVER
from tests.lab.netns.telephony import command
from tests.netns.media import Address, End, exchange

SCENARIOS = Path(__file__).with_name("sip")
PACKETS = 10
WAIT_SECONDS = 20

# Every call has RTP ports of its own: the ALG drops an INVITE whose port another flow is expected on.
_rtp = itertools.count(30000, 4)


class TelephonyFailed(RuntimeError):
    """A program ended too early or a call did not come about; the text has the program's own words."""


@dataclass(frozen=True)
class Contact:
    """What a registrar keeps of a phone: the URI that it gave, and where the REGISTER came from when that is kept, too."""

    uri: str
    received: str


@dataclass(frozen=True)
class Phone:
    """A SIP phone: where it is, its address there, and its user at the provider."""

    namespace: Namespace
    address: Address
    user: str


@dataclass(frozen=True)
class Media:
    """What an SDP said when it arrived: where media has to go, and whether to wait for media and answer to its source."""

    address: Address
    learn: bool


@dataclass(frozen=True)
class Call:
    """A call that was taken and put down: the SDP as each side got it, and the packets of each side, sent and got."""

    to_phone: Media
    to_far: Media
    phone_sent: int
    phone_got: int
    far_sent: int
    far_got: int


class Provider:
    """Kamailio on the Internet, its registrar empty; it ends with the ``with`` block."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self._run = folder / "kamailio"
        self._log = folder / "kamailio.log"

    def __enter__(self) -> Provider:
        self._run.mkdir(exist_ok=True)
        line, env = command("kamailio")
        line += ["-f", str(SCENARIOS / "kamailio.cfg"), "-l", f"udp:{SERVER}:5060", "-DD", "-m", "16", "-M", "4"]
        line += ["-Y", str(self._run), "-w", str(self._run), "-P", str(self._run / "pid")]
        with self._log.open("wb") as log:
            self._process = self.lab.wan.start(line, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *details: object) -> None:
        self._end()

    def _wait(self) -> None:
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            if (self._run / "kamailio_ctl").exists():
                with contextlib.suppress(TelephonyFailed):
                    self.contacts()
                    return
            time.sleep(0.05)
        said = self._log.read_text(errors="replace").splitlines()
        wrong = [line for line in said if "ERROR" in line or "CRITICAL" in line] or said
        raise TelephonyFailed(f"kamailio did not start: {' | '.join(wrong[:3])}")

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def contacts(self) -> set[Contact]:
        """Every contact that is registered. Raises TelephonyFailed."""
        line, env = command("kamcmd")
        line += ["-s", f"unix:{self._run / 'kamailio_ctl'}", "ul.dump"]
        done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
        if done.returncode or "Domain" not in done.stdout:
            raise TelephonyFailed(f"kamcmd ul.dump: {done.stdout}{done.stderr}".strip())
        return {
            Contact(values["Address"], values["Received"].replace("[not set]", ""))
            for values in map(_values, re.split(r"\n\s*Contact: \{", done.stdout)[1:])
        }


def _values(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\s*([A-Za-z-]+): (.*?)\s*$", text, re.MULTILINE))


class Sipp:
    """A phone at work on one scenario; it has to come to its end within WAIT_SECONDS."""

    def __init__(self, phone: Phone, scenario: str, folder: Path, **keys: object) -> None:
        self.name = f"{phone.user}-{scenario}"
        self._log, self._errors = folder / f"{self.name}.log", folder / f"{self.name}.err"
        for old in (self._log, self._errors):
            old.unlink(missing_ok=True)
        line, env = command("sipp")
        line += [f"{SERVER}:5060", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-m", "1", "-nostdin"]
        line += ["-i", phone.address[0], "-p", str(phone.address[1]), "-mi", phone.address[0]]
        line += ["-timeout", f"{WAIT_SECONDS}s", "-timeout_error", "-trace_logs", "-log_file", str(self._log)]
        line += ["-trace_err", "-error_file", str(self._errors)]
        for key, value in {"user": phone.user, **keys}.items():
            line += ["-key", key, str(value)]
        # SIPp wants to know a terminal, also when it draws on none.
        env["TERM"] = "vt100"
        nothing = subprocess.DEVNULL
        self._process = phone.namespace.start(line, env=env, stdin=nothing, stdout=nothing, stderr=nothing, cwd=folder)

    def media(self) -> Media:
        """The SDP that it got, as soon as it got it. Raises TelephonyFailed."""
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            text = self._log.read_text() if self._log.exists() else ""
            found = re.search(r"media (\S+) (\d+) (\w*)\n", text)
            if found:
                return Media((found[1], int(found[2])), found[3] == "active")
            time.sleep(0.02)
        raise TelephonyFailed(f"{self.name} got no SDP; {self._said()}")

    def finish(self) -> None:
        """Wait for the end of the scenario. Raises TelephonyFailed when it took another one."""
        code = self._process.wait(WAIT_SECONDS + 5)
        if code:
            raise TelephonyFailed(f"{self.name} ended with {code}; {self._said()}")

    def stop(self) -> None:
        """End it, wherever it is."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(5)

    def _said(self) -> str:
        return self._errors.read_text(errors="replace")[-2000:] if self._errors.exists() else "it said nothing"


class Telephony:
    """A phone in the LAN and a far phone on the Internet at another address than the provider's, where media servers are, too."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.folder = folder
        self.phone = Phone(lab.lan, (PHONE, 5060), "phone")
        self.far = Phone(lab.wan, (SECOND_SERVER, 5070), "far")

    def register(self, phone: Phone) -> None:
        """Register a phone with the provider. Raises TelephonyFailed."""
        Sipp(phone, "register", self.folder).finish()

    def call(self, caller: Phone, callee: Phone) -> Call:
        """A call of two seconds, in which each side sends PACKETS packets. Raises TelephonyFailed when it does not come about."""
        ports = {phone.user: next(_rtp) for phone in (self.phone, self.far)}
        with contextlib.ExitStack() as stack:
            sides = {}
            for phone, scenario in ((callee, "callee"), (caller, "caller")):
                more = {"callee": callee.user} if phone is caller else {}
                sides[phone.user] = Sipp(phone, scenario, self.folder, rtp=ports[phone.user], **more)
                stack.callback(sides[phone.user].stop)
            seen = {user: side.media() for user, side in sides.items()}
            ends = {}
            for phone in (self.phone, self.far):
                socket = phone.namespace.udp((phone.address[0], ports[phone.user]))
                stack.callback(socket.close)
                # The phone sends where it was told to, as phones do.
                media = seen[phone.user]
                ends[phone.user] = End(socket, media.address, media.learn and phone is self.far)
            exchange(list(ends.values()), PACKETS)
            for side in sides.values():
                side.finish()
        near, far = ends["phone"], ends["far"]
        return Call(seen["phone"], seen["far"], near.sent, near.got, far.sent, far.got)

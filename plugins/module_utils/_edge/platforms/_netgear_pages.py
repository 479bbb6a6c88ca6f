# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of NETGEAR home routers say, and the complete post of the WAN Setup page. Pure; sources as in `netgear_genie`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from ..core.pages import controls, forms, script_var
from ..core.text import first_match
from .base import Sighting

ABOUT, WAN, ASP = "/currentsetting.htm", "/WAN_wan.htm", "/cgi-bin/WAN_wan.asp"
# The page for a new rule shows all rules; the list itself would store, on being read, which of its tabs was looked at last.
RULES, NEW_RULE = "/forwarding.htm", "/forwarding_add.htm"
SERVICES = ("/FW_forward_service3.htm", "/FW_forward_service2.htm")
READABLE = ("/", ABOUT, WAN, ASP, NEW_RULE, *SERVICES)

# Family A: field of the post, variable of the page that holds its value. It is sent as it was read.
DNI = {
    "spi_value": "spiEnable", "dmz_value": "dmz_value", "rspToPing_value": "rspToPing_value", "sipalg_value": "endis_sipalg",
    "igmp_value": "endis_igmp", "bt_igmp_value": "endis_bt_igmp",
    "hid_bri_lan1": "bri_lan_tag1", "hid_bri_lan2": "bri_lan_tag2", "hid_bri_lan3": "bri_lan_tag3", "hid_bri_lan4": "bri_lan_tag4",
    "hid_brig_ssid1": "brig_ssid_tag1", "hid_brig_ssid2": "brig_ssid_tag2",
    "hid_brig_guest_ssid1": "brig_guest_ssid_tag1", "hid_brig_guest_ssid2": "brig_guest_ssid_tag2",
}  # fmt: skip
DNI_COMPUTED = (
    "submit_flag",
    "dmz_ip",
    "hid_iptv_mask",
    "hid_iptv_show_tag",
    "wan_mtu",
    "NatInboundFiltering",
    "wan_preference",
)
DNI_NEEDED = (
    "spi_value", "dmz_value", "dmz_ip", "rspToPing_value", "sipalg_value", "igmp_value", "wan_mtu", "NatInboundFiltering",
    "wan_preference",
)  # fmt: skip
# What the server does not read: the visible boxes. The VPN switches, which only some regions show, are sent where they hold a value.
DNI_LEFT_OUT = {
    "dod_value", "disable_sipalg", "disable_spi", "dmz_enable", "dmzip1", "dmzip2", "dmzip3", "dmzip4", "rspToPing", "disable_igmp",
    "bt_igmp", "enable_ipsec_passthrough", "enable_pptp_passthrough", "enable_l2tp_passthrough", "bri_lan1", "bri_lan2", "bri_lan3",
    "bri_lan4", "brig_ssid1", "brig_ssid2", "brig_guest_ssid1", "brig_guest_ssid2", "Apply", "Cancel",
}  # fmt: skip

# Family B: the controls that its builder knows. Hidden ones are sent as they are.
ACOS_KNOWN = {
    "disable_spi", "dmz_enable", "dmzip1", "dmzip2", "dmzip3", "dmzip4", "rspToPing", "disable_gproxy", "bt_igmp_enable", "wan_mtu",
    "NatInboundFiltering", "disable_sip", "IPSecPassthrough", "PPTPPassthrough", "L2TPPassthrough", "enable_iptv_lan1",
    "enable_iptv_lan2", "enable_iptv_lan3", "enable_iptv_lan4", "enable_iptv_wlan1", "enable_iptv_wlan2",
}  # fmt: skip
ACOS_NEEDED = (
    "buttonHit", "buttonValue", "disable_sip", "disable_spi", "dmz_enable", "rspToPing", "disable_gproxy", "wan_mtu", "dmz_ip",
    "NatInboundFiltering", "nat_inbound_filtering", "wan_proto", "nvram_mtu", "wan_way",
)  # fmt: skip
CEILINGS = {"pppoe": 1492, "pptp": 1436, "l2tp": 1428}

# Family C: field of the post, variable, and what its values turn into; "" stands for every other value.
ASP_FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    "spi_value": ("spiEnable", {"1": "1", "": "0"}),
    "DefaultDmz_Active": ("dmz_value", {"Yes": "Yes", "": "No"}),
    "rspToPing_value": ("rspToPing_value", {"Yes": "Yes", "": "No"}),
    "firewall_value": ("nat_fitering", {"1": "1", "": "0"}),
    "ipsecalg_value": ("enable_ipsec", {"on": "on", "": "off"}),
    "pptpalg_value": ("enable_pptp", {"on": "on", "": "off"}),
    "l2tpalg_value": ("enable_l2tp", {"on": "on", "": "off"}),
    "IGMPEnable": ("old_igmp", {"Yes": "Yes", "": "No"}),
    "hid_bri_lan1": ("bri_lan_tag1", {"1": "1", "": "0"}),
    "hid_bri_lan2": ("bri_lan_tag2", {"1": "1", "": "0"}),
    "hid_bri_lan3": ("bri_lan_tag3", {"1": "1", "": "0"}),
    "hid_bri_lan4": ("bri_lan_tag4", {"1": "1", "": "0"}),
    "hid_brig_ssid1": ("brig_ssid_tag1", {"1": "1", "": "0"}),
    "hid_brig_ssid2": ("brig_ssid_tag2", {"1": "1", "": "0"}),
    "hid_brig_guest_ssid1": ("brig_guest_ssid_tag1", {"1": "1", "": "0"}),
    "hid_brig_guest_ssid2": ("brig_guest_ssid_tag2", {"1": "1", "": "0"}),
}
ASP_COMPUTED = ("submit_flag", "sipalg_value", "sipproxy_value", "dmz_ip", "hid_iptv_mask", "wan_mtu", "wan_TCPMSS")
ASP_AS_IS = ("WANCHANGED", "Active_Type_Yes", "Active_Type_No")
ASP_LEFT_OUT = (DNI_LEFT_OUT - {"bt_igmp"}) | {"igmp_value", "hid_iptv_show_tag", "NatInboundFiltering"}

# What of a post says whether the SIP ALG acts: its value when it is to be off.
SIP_OFF = {
    "A": {"sipalg_value": "1", "disable_sipalg": "disable_sipalg"},
    "B": {"disable_sip": "disable_sip"},
    "C": {"sipalg_value": "off", "sipproxy_value": "No"},
}
SIP_ON: dict[str, dict[str, str]] = {
    "A": {"sipalg_value": "0"}, "B": {}, "C": {"sipalg_value": "on", "sipproxy_value": "Yes"},
}  # fmt: skip
ACTIONS = {
    "A": re.compile(r"/?apply\.cgi\?/WAN_wan\.htm timestamp=\d+"),
    "B": re.compile(r"/?security\.cgi\?id=[0-9A-Za-z]+"),
    "C": re.compile(r"/cgi-bin/WAN_wan\.asp\?id=[0-9A-Za-z]+"),
}
MECHANISMS = {"A": "dni_sipalg", "B": "acos_sip", "C": "asp_sipalg"}
FAMILIES = {
    "D": "its pages are of the setup.cgi kind, whose fields are not known here",
    "E": "it has the newer login page (sso_login.cgi), of which only the login is known here",
}


@dataclass(frozen=True)
class Page:
    """The WAN Setup page. `fields` is its complete post, changing nothing; `problem` says why it is not to be posted.

    `family` is "" where none is proven; `action` holds a token and is good for one post.
    """

    family: str = ""
    state: str = "unknown"
    basis: str = "configured"
    evidence: str = ""
    action: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    dmz: str = ""

    def line(self, disable: bool | None = None) -> str:
        """The request for a state of the SIP ALG; None for the one that is."""
        fields = dict(self.fields)
        if disable is not None:
            fields = {k: v for k, v in fields.items() if k not in SIP_OFF[self.family]}
            fields.update((SIP_OFF if disable else SIP_ON)[self.family])
        return f"POST {ASP if self.family == 'C' else WAN} {urlencode(fields)}"


@dataclass(frozen=True)
class Rule:
    """A row of the forwarding table; ports as seen from outside, and `inside_first` where they arrive."""

    name: str
    protocol: str
    first: int
    last: int
    inside_first: int
    host: str

    @property
    def takes_udp(self) -> bool:
        return self.protocol != "TCP"


def held(text: str) -> str | None:
    """The page to which everybody is sent while somebody else is logged in, None for any other answer."""
    return first_match(r"""top\.location\.href\s*=\s*["']/?(multi_login\.html|MNU_access_multiLogin2\.htm)["']""", text)


def whole(text: str) -> bool:
    """Whether a page came to its end."""
    return "</html>" in text[-200:].lower()


def refused(text: str) -> bool:
    """Whether a read brought a refusal in place of a page."""
    return re.match(r"\d{3} ", text) is not None


def wan_page(text: str) -> Page:
    """The family and the value out of the page's own variables. Anything without the markers of one family proves nothing."""
    if refused(text) or not whole(text):
        why = text[:80] if refused(text) else "it did not come to its end"
        return Page(evidence=f"the WAN Setup page could not be read: {why}")
    actions = forms(text)
    if any("apply.cgi?/WAN_wan.htm" in a for a in actions) and script_var(text, "endis_sipalg") is not None:
        return _dni(text)
    if any(a.lstrip("/").startswith("security.cgi") for a in actions) and script_var(text, "sipenable") is not None:
        return _acos(text)
    if any(a.startswith(ASP) for a in actions) and any(c.name == "disable_sipalg" for c in controls(text)):
        return _trendchip(text)
    if "sso_login.cgi" in text:
        return Page("E", evidence=FAMILIES["E"])
    if "todo=cfg_init" in text or "setup.cgi" in text:
        return Page("D", evidence=FAMILIES["D"])
    return Page(evidence="the WAN Setup page has the markers of no family that is known here")


class Form:
    """A page while its post is put together. `faults` collects every reason against posting it."""

    def __init__(self, text: str, known: set[str], needed: Iterable[str]) -> None:
        self.text = text
        self.found = controls(text)
        self.hidden = {c.name: c.value for c in self.found if c.kind == "hidden"}
        self.names = {c.name for c in self.found}
        self.faults: list[str] = []
        strange, missing = sorted(self.names - known), sorted(set(needed) - self.names)
        if strange:
            self.faults.append(f"it has a control that is not known here: {', '.join(strange)}")
        if missing:
            self.faults.append(f"it lacks {', '.join(missing)}")

    def variable(self, *alternatives: str) -> str:
        """A variable of the page's script, under the first of its names."""
        value = next((v for v in (script_var(self.text, n) for n in alternatives) if v is not None), None)
        if value is None:
            self.faults.append(f"its variable {alternatives[0]} is missing")
        return value or ""

    def mtu(self, value: str, ceiling: int = 1500) -> str:
        if not value.isdigit() or not 616 <= int(value) <= ceiling:
            self.faults.append(f"its MTU '{value}' is not from 616 to {ceiling}, so that Apply would alter it")
        return value

    def page(self, family: str, state: str, evidence: str, fields: Mapping[str, str], **more: str) -> Page:
        action = next((a for a in forms(self.text) if ACTIONS[family].fullmatch(a)), "")
        if not action:
            self.faults.append("its form has no token")
        address = quote("/" + action.lstrip("/"), safe="/?=&")
        problem = "; ".join(self.faults)
        return Page(
            family, state, evidence=evidence, action=address, fields=tuple(fields.items()), problem=problem, **more
        )


def _mask(fields: Mapping[str, str]) -> str:
    """The LAN ports that are bridged for television, as bits."""
    return str(sum(2**n for n in range(4) if fields.get(f"hid_bri_lan{n + 1}") == "1"))


def _dni(text: str) -> Page:
    form = Form(text, {*DNI, *DNI_COMPUTED, *DNI_LEFT_OUT}, DNI_NEEDED)
    if script_var(text, "master") not in (None, "admin"):
        form.faults.append("this user is a guest, for whom Apply is switched off")
    fields = {"submit_flag": "wan"}
    fields.update({field: form.variable(name) for field, name in DNI.items() if field in form.names})
    dmz = form.variable("dmzIpAddr")
    fields["dmz_ip"] = dmz or form.variable("lanIpAddr").rpartition(".")[0] + "."
    if "hid_iptv_mask" in form.names:
        fields["hid_iptv_mask"] = _mask(fields)
    if "hid_iptv_show_tag" in form.names:
        fields["hid_iptv_show_tag"] = "1" if script_var(text, "gui_region") == "Russian" else "0"
    mtu = set(re.findall(r"cf\.wan_mtu\.value\s*=\s*['\"](\d*)['\"]", text))
    fields["wan_mtu"] = form.mtu(mtu.pop() if len(mtu) == 1 else "")
    fields["NatInboundFiltering"] = {"0": "Secured", "1": "Open"}.get(form.variable("nat_fitering"), "")
    if not fields["NatInboundFiltering"]:
        form.faults.append("its NAT filtering is neither secured nor open")
    fields["wan_preference"] = form.variable("dsl_wan_preference") or "1"
    for name in ("ipsec", "pptp", "l2tp"):  # some regions have them; the others hold no value
        value = script_var(text, f"enable_{name}")
        if f"enable_{name}_passthrough" in form.names and value in ("0", "1"):
            fields[f"enable_{name}_passthrough"] = value
    value = form.variable("endis_sipalg")
    if value == "1":
        fields["disable_sipalg"] = "disable_sipalg"
    # A key that was never written is empty: the page shows the box unticked, and the module is loaded.
    state = {"1": "off", "0": "on", "": "on"}.get(value, "unknown")
    basis, host = "configured" if value else "default", dmz if fields.get("dmz_value") == "1" else ""
    return form.page("A", state, f'endis_sipalg="{value}"', fields, basis=basis, dmz=host)


def _acos(text: str) -> Page:
    hidden = {c.name: c.value for c in controls(text) if c.kind == "hidden"}
    form = Form(text, {*ACOS_KNOWN, *hidden}, ACOS_NEEDED)
    if re.search(r"<button[^>]*\bname=[\"']?apply\b[^>]*\bdisabled", text, re.IGNORECASE) is not None:
        form.faults.append("Apply is switched off for this user")
    ceiling = CEILINGS.get(hidden.get("wan_proto", ""), 1500)
    fields = {k: v for k, v in hidden.items() if k != "buttonValue"}
    fields.update(buttonHit="apply", apply="Apply", wan_way=str(ceiling))
    fields["wan_mtu"] = form.mtu(hidden.get("nvram_mtu", ""), ceiling)
    fields["NatInboundFiltering"] = "Secured" if hidden.get("nat_inbound_filtering") == "1" else "Open"
    fields.update(_acos_boxes(form))
    value = form.variable("sipenable")
    if value != "1":
        fields["disable_sip"] = "disable_sip"
    # The page takes everything but 1 for disabled. A value that is not there says nothing about the module that does the work.
    state = {"1": "on", "0": "off"}.get(value, "unknown")
    host = hidden.get("dmz_ip", "") if "dmz_enable" in fields else ""
    return form.page("B", state, f'sipenable="{value}"', fields, dmz=host)


def _acos_boxes(form: Form) -> dict[str, str]:
    """What of the boxes a browser would send. A ticked box that the page holds fixed is not sent, and so would be lost."""
    hidden = form.hidden
    boxes = {
        "disable_spi": form.variable("spiEnable") != "1",
        "dmz_enable": form.variable("dmzEnable") == "1",
        "rspToPing": form.variable("resp2ping") == "1",
        "disable_gproxy": form.variable("gproxy_enable") != "1",
    }
    fields = {name: name for name, ticked in boxes.items() if ticked}
    if boxes["rspToPing"] and form.variable("openvpnEnable") == "enable":
        form.faults.append("'Respond to Ping' is on and fixed by the VPN service, so that Apply would switch it off")
    if "bt_igmp_enable" in form.names and form.variable("bt_igmp_enable", "bt_igmp_enabled") == "1":
        fields["bt_igmp_enable"] = "enable_bt_igmp"
        if boxes["disable_gproxy"]:
            form.faults.append("a box below the IGMP proxy is ticked and fixed, so that Apply would untick it")
    octets = hidden.get("dmz_ip", "").split(".")
    if len(octets) != 4 or not all(o.isdigit() for o in octets):
        form.faults.append("its DMZ address is none")
    fields.update({f"dmzip{n}": octet for n, octet in enumerate(octets, 1)})
    for name in ("IPSec", "PPTP", "L2TP"):
        if f"{name}Passthrough" in form.names:
            fields[f"{name}Passthrough"] = "disable" if hidden.get(f"{name.lower()}_passthrough") == "0" else "enable"
    values = {c.name: c.value for c in form.found}
    for number, place in enumerate(("lan1", "lan2", "lan3", "lan4", "wlan1", "wlan2"), 1):
        if f"enable_iptv_{place}" in values and hidden.get(f"iptv_intf_{place}") == str(number):
            fields[f"enable_iptv_{place}"] = values[f"enable_iptv_{place}"]
    return fields


def _trendchip(text: str) -> Page:
    needed = (*ASP_FIELDS, *ASP_COMPUTED, *ASP_AS_IS)
    form = Form(text, {*needed, *ASP_LEFT_OUT}, needed)
    fields = {"submit_flag": "1"}
    fields.update({field: values.get(form.variable(name), values[""]) for field, (name, values) in ASP_FIELDS.items()})
    fields.update({name: form.hidden.get(name, "") for name in ASP_AS_IS})
    last = form.variable("dmzIpAddr").rpartition(".")[2]
    fields["dmz_ip"] = f"{form.variable('lanIpAddr').rpartition('.')[0]}.{last if last not in ('N/A', '0') else ''}"
    fields["hid_iptv_mask"] = _mask(fields)
    pppoe = form.variable("wan_type") == "2"
    fields["wan_mtu"] = form.mtu(form.variable("old_mtu"), 1492 if pppoe else 1500)
    fields["wan_TCPMSS"] = str(int(fields["wan_mtu"]) - 40) if pppoe and fields["wan_mtu"].isdigit() else "0"
    ticked = any(c.name == "disable_sipalg" and c.checked for c in form.found)
    fields.update((SIP_OFF if ticked else SIP_ON)["C"])
    evidence = f"disable_sipalg is {'ticked' if ticked else 'not ticked'}"
    host = fields["dmz_ip"] if fields["DefaultDmz_Active"] == "Yes" else ""
    return form.page("C", "off" if ticked else "on", evidence, fields, dmz=host)


def about(text: str) -> Sighting | None:
    """Model and version out of the page that is shown to everybody."""
    found = dict(re.findall(r"^(Model|Firmware)=([\w.-]+)[ \t]*\r?$", text, re.MULTILINE))
    return Sighting(found["Model"], found["Firmware"]) if len(found) == 2 else None


def table_of(text: str) -> tuple[Rule, ...] | None:
    """The rows of family A; None unless the page shows as many as it says it has, all of them readable."""
    count = first_match(r"\bforward_array_num\s*=\s*['\"]?(\d+)", text)
    rows = re.findall(r"\bforwardingArray\d+\s*=\s*\"\s*([^\"]*)\"", text)
    if count is None or int(count) != len(rows):
        return None
    out = []
    for words in (row.split() for row in rows):
        if len(words) < 7 or not all(w.isdigit() for w in words[2:6]):
            return None
        name = words[0].replace("&#38;", "&").replace("&harr;", " ")
        first, last = sorted((int(words[2]), int(words[3])))
        out.append(Rule(name, words[1], first, last, min(int(words[4]), int(words[5])), words[6]))
    return tuple(out)


def taken_ports(text: str) -> tuple[tuple[int, int, str], ...]:
    """UDP ports that port triggering and UPnP use: a new rule must not meet them, and only scripts of the page check that."""
    out = []
    for row in re.findall(r"\btriggeringArray\d+\s*=\s*\"([^\"]*)\"", text):
        words = row.split()
        if len(words) > 7 and words[5] != "TCP" and words[6].isdigit() and words[7].isdigit():
            out.append((int(words[6]), int(words[7]), "port triggering"))
    for row in re.findall(r"\bupnpArray\d+\s*=\s*\"([^\"]*)\"", text):
        words = row.split(";")
        if len(words) > 4 and words[1] != "TCP" and words[3].strip().isdigit():
            out.append((int(words[3]), int(words[3]), "UPnP"))
    return tuple(out)


def services_of(text: str) -> tuple[Rule, ...] | None:
    """The rows of family B: name;protocol;outside;inside;host, each closed by @."""
    table = next((c.value for c in controls(text) if c.name == "pf_services_tbl"), None)
    if table is None:
        return None
    out = []
    for words in (row.split(";") for row in table.split("@") if row.strip()):
        spans = [first_match(r"^(\d+)(?:-\d+)?$", s.strip()) for s in words[3].split(",")] if len(words) > 3 else [None]
        outer = [re.match(r"(\d+)(?:-(\d+))?$", s.strip()) for s in words[2].split(",")] if len(words) > 3 else []
        protocol = {"17": "UDP", "6": "TCP", "-1": "TCP/UDP"}.get(words[1], words[1]) if len(words) > 3 else ""
        if protocol not in ("UDP", "TCP", "TCP/UDP") or len(spans) != len(outer) or None in spans or None in outer:
            return None
        for inner, span in zip(spans, outer):
            if span is not None and inner is not None:
                host = words[4].strip() if len(words) > 4 else ""
                out.append(Rule(words[0], protocol, int(span[1]), int(span[2] or span[1]), int(inner), host))
    return tuple(out)


def service_line(verb: str, rows: list[Rule]) -> str:
    """The request that makes or removes the rows of one name; they go to one host, with the ports they come to."""
    spans = ",".join(str(r.first) if r.first == r.last else f"{r.first}-{r.last}" for r in rows)
    return f"{verb} {RULES} {urlencode({'name': rows[0].name, 'ports': spans, 'host': rows[0].host}, safe=',')}"

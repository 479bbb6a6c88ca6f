# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages and documents of D-Link home routers, as far as they hold settings."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from typing import Any

FREE_ROW = "0//0.0.0.0/0/0/Always/Allow_All"
TITLE = "D-LINK CORPORATION, INC | WIRELESS ROUTER | "


def odd_base64(text: str) -> str:
    """As the log-in page of family A makes it: a remainder of two bytes ends in ``A``."""
    plain = base64.b64encode(text.encode("latin-1")).decode()
    return plain[:-1] + "A" if plain.endswith("=") and not plain.endswith("==") else plain


def about(model: str, firmware: str, namespace: str, actions: Iterable[str]) -> str:
    listed = "".join(f"<string>{namespace}{action}</string>" for action in actions)
    return (
        f"<Type>GatewayWithWiFi</Type><DeviceName>{model}</DeviceName><VendorName>D-Link</VendorName>"
        f"<ModelDescription>Wireless Router</ModelDescription><ModelName>{model}</ModelName>"
        f"<FirmwareVersion>{firmware}</FirmwareVersion><PresentationURL>http://dlinkrouter</PresentationURL>"
        f"<SOAPActions>{listed}</SOAPActions>"
    )


# -- family A -----------------------------------------------------------------------------------------------------


def _header(device: Any) -> str:
    variant = device.variant
    return (
        f"<table id='header_container'><tr><td>Product Page: <a href='http://support.dlink.com/'>{variant.model}</a></td>"
        f"<td align='right' nowrap>Hardware Version: {variant.hardware} &nbsp;</td>"
        f"<td align='right' nowrap>Firmware Version: {device.firmware}</td></tr></table>\n"
    )


def cameo_login(device: Any, captcha: bool) -> str:
    auth = "1" if captcha else "0"
    return (
        f'<html><head><title>{TITLE}LOGIN</title>\n<script>\nfunction check(){{\n var auth = "{auth}";\n}}\n</script></head><body>\n'
        + _header(device)
        + '<form name="form1" id="form1" action="login.cgi" method="post">\n'
        '<input type="hidden" name="html_response_page" value="login_fail.asp">\n'
        '<input type="hidden" id="login_name" name="login_name">\n<input type="hidden" id="login_pass" name="login_pass">\n'
        '<input type="hidden" id="graph_id" name="graph_id" value="7">\n'
        '<select id="login_n" name="login_n"><option value="admin">Admin</option><option value="user">User</option></select>\n'
        '<input type="password" id="log_pass" name="log_pass" value="">\n'
        '<input type="password" id="graph_code" name="graph_code" value="">\n'
        '<input type="submit" name="Login" value="Log In">\n</form></body></html>\n'
    )


def cameo_failed() -> str:
    return f"<html><head><title>{TITLE}LOGIN</title></head><body>login_fail.asp: invalid user name or password</body></html>\n"


def cameo_home(device: Any) -> str:
    return f"<html><head><title>{TITLE}HOME</title></head><body>{_header(device)}<a href='logout.cgi'>Log out</a></body></html>\n"


def saved(message: str) -> str:
    return f"<html><head><title>{TITLE}HOME</title></head><body>{html.escape(message)}</body></html>\n"


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" id="{name}" name="{name}" value="{html.escape(value)}">\n'


def _form(page_name: str) -> str:
    return (
        '<form id="form1" name="form1" method="post" action="apply.cgi">\n'
        + _hidden("html_response_page", "back.asp")
        + _hidden("html_response_message", "The setting is saved.")
        + _hidden("html_response_return_page", page_name)
        + _hidden("reboot_type", "filter")
    )


def cameo_firewall(device: Any) -> str:
    """``adv_dmz.asp``: most values are in hidden fields, the two of the filtering only in the script."""
    live = device.live
    with_sip = not device.has("no_sip")
    script = "".join(
        f'  set_checked("{live[name]}", get_by_{how}("{target}"));\n'
        for name, how, target in (
            ("udp_nat_type", "name", "udp_nat_type"), ("tcp_nat_type", "name", "tcp_nat_type"),
            ("pptp_pass_through", "id", "pptp"), ("ipsec_pass_through", "id", "ipsec"), ("alg_rtsp", "id", "rtsp"),
            *((("alg_sip", "id", "sip"),) if with_sip else ()),
        )
    )  # fmt: skip
    radios = "".join(
        f'<input type="radio" id="{name}" name="{name}" value="{value}">\n'
        for name in ("udp_nat_type", "tcp_nat_type")
        for value in "120"
    )

    def row(name: str, box: str) -> str:
        return _hidden(name, live[name]) + f'<input type="checkbox" id="{box}" name="{box}" value="1">\n'

    return (
        f"<html><head><title>{TITLE}HOME</title>\n<script>\nfunction onPageLoad(){{\n"
        + '  set_checked(get_by_id("spi_enable").value, get_by_id("spiEnable"));\n'
        + script
        + f'}}\nvar psk = "{live["wlan0_psk"]}";\n'
        + 'function send_request(){ alert("Only admin account can change the settings."); }\n</script></head><body>\n'
        + _form("adv_dmz.asp")
        + _hidden("dhcp_list", "phone/192.168.0.21/00:11:22:33:44:55")
        + _hidden("dmz_schedule", live["dmz_schedule"])
        + _header(device)
        + '<input name="button" type="button" value="Save Settings">\n<input name="button2" type=button value="Don\'t Save Settings">\n'
        + '<input type="checkbox" id="spiEnable" name="spiEnable" value="1">\n'
        + _hidden("spi_enable", live["spi_enable"])
        + radios
        + row("anti_spoof_check", "anti_spoof_check_sel")
        + row("dmz_enable", "dmz_host")
        + f'<input type=text id="dmz_ipaddr" name="dmz_ipaddr" size=16 value="{live["dmz_ipaddr"]}">\n'
        + '<input id="button22" name="button22" type=button value="<<">\n'
        + '<select id="dhcp" name="dhcp" size=1><option value="-1">Computer Name</option></select>\n'
        + row("pptp_pass_through", "pptp")
        + row("ipsec_pass_through", "ipsec")
        + row("alg_rtsp", "rtsp")
        + (row("alg_sip", "sip") if with_sip else "")
        + "</form></body></html>\n"
    )


def cameo_forwards(device: Any) -> str:
    """``adv_portforward.asp``: the virtual servers are there too, outside the form; the rows on the screen are made by a script."""
    live = device.live
    rules = "".join(_hidden(name, live[name]) for name in live if name.startswith("vs_rule_"))
    rows = "".join(_hidden(name, live[name]) for name in live if name.startswith("port_forward_both_"))
    filters = "".join(_hidden(f"inbound_filter_name_{at:02}", "") for at in range(24))
    return (
        f"<html><head><title>{TITLE}HOME</title></head><body>\n{_header(device)}{_hidden('schedule_rule_0', '')}{rules}"
        + "".join(_hidden(f"application_{at:02}", "") for at in range(24))
        + _form("adv_portforward.asp")
        + rows
        + filters
        + _hidden("dhcp_list", "phone/192.168.0.21/00:11:22:33:44:55")
        + '<input name="button" type="button" value="Save Settings">\n<input name="button2" type="button" value="x">\n'
        + "<script>document.write('<input type=text name=\"name0\">');</script>\n</form></body></html>\n"
    )


# -- family B -----------------------------------------------------------------------------------------------------


def alpha_acl(live: dict[str, str], no_sip: bool) -> str:
    def leaf(path: str) -> str:
        name = path.rpartition("/")[2]
        return f"\t\t\t<{name}>{html.escape(live[path])}</{name}>\n"

    algs = "".join(leaf(path) for path in live if path.startswith("alg/") and not (no_sip and path == "alg/sip"))
    apps = "".join(f"\t\t\t<{name}>\n{leaf(f'applications/{name}/action')}\t\t\t</{name}>\n" for name in ("qq", "msn"))
    return (
        "<postxml>\n<module>\n\t<service>ACL</service>\n\t<acl>\n"
        f"\t\t<dos>\n{leaf('dos/enable')}\t\t</dos>\n\t\t<spi>\n{leaf('spi/enable')}\t\t</spi>\n"
        f"\t\t<applications>\n{apps}\t\t</applications>\n\t\t<alg>\n{algs}\t\t</alg>\n"
        f"\t\t<cone>\n{leaf('cone/udp_cone')}{leaf('cone/tcp_cone')}\t\t</cone>\n"
        f"\t\t<anti_spoof>\n{leaf('anti_spoof/enable')}\t\t</anti_spoof>\n\t</acl>\n</module>\n</postxml>\n"
    )


def alpha_forwards(service: str, rows: Iterable[Any]) -> str:
    entries = "".join(
        f"<entry><uid>PFWD-{at}</uid><enable>1</enable><schedule></schedule><description>{name}</description>"
        f"<internal><inf>LAN-1</inf><hostid>{host}</hostid><start></start></internal><external><start></start><end></end></external>"
        f"<tport_str></tport_str><uport_str>{udp}</uport_str><protocol></protocol></entry>"
        for at, (name, host, udp) in enumerate(rows, 1)
    )
    return (
        f"<postxml><module><service>{service}</service><nat><entry><portforward><seqno>1</seqno><max>24</max>"
        f"{entries}</portforward></entry></nat></module></postxml>\n"
    )


# -- family C -----------------------------------------------------------------------------------------------------


def hnap_forwards(rows: Iterable[dict[str, str]]) -> str:
    entries = "".join(
        "<PortForwardingInfo>"
        + "".join(f"<{key}>{html.escape(value)}</{key}>" for key, value in row.items())
        + "</PortForwardingInfo>"
        for row in rows
    )
    return f"<PortForwardingList>{entries}</PortForwardingList>"

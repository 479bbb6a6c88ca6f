# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of simulated NETGEAR routers, as the back ends render them: values in scripts, hidden fields empty where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

FACTORY: dict[str, dict[str, str]] = {
    "A": {
        "wan_endis_sipalg": "0", "wan_endis_spi": "1", "wan_endis_dmz": "0", "dmz_ipaddr": "192.168.1.", "wan_endis_rspToPing": "0",
        "wan_endis_igmp": "0", "enable_bt_igmp": "0", "wan_bri_lan1": "0", "wan_bri_lan2": "0", "wan_bri_lan3": "0",
        "wan_bri_lan4": "0", "iptv_mask": "0", "wan_brig_ssid1": "0", "wan_brig_ssid2": "0", "wan_brig_guest_ssid1": "0",
        "wan_brig_guest_ssid2": "0", "wan_mtu": "1500", "wan_nat_fitering": "0", "dsl_wan_preference": "1", "wan_enable_ipsec": "1",
        "wan_enable_pptp": "1", "wan_enable_l2tp": "1", "wan_dod": "0", "port_forward_trigger": "0", "lan_ipaddr": "192.168.1.1",
        "lan_netmask": "255.255.255.0", "GUI_Region": "English", "wl_psk": "PLANTED-SECRET-psk",
    },
    "B": {
        "fw_sip_enab": "1", "fw_spi_enab": "1", "fw_dmz_enab": "0", "dmz_ipaddr": "192.168.1.0", "fw_resp_ping": "0",
        "igmp_proxy": "0", "bt_igmp": "0", "nat_inbound_filtering": "1", "wan_mtu": "1500", "wan_proto": "dhcp",
        "ipsec_passthrough": "1", "pptp_passthrough": "1", "l2tp_passthrough": "1", "iptv_lan1": "0", "iptv_lan2": "0",
        "iptv_lan3": "0", "iptv_lan4": "0", "iptv_wlan1": "0", "iptv_wlan2": "0", "openvpn": "disable",
        "wla_psk": "PLANTED-SECRET-psk",
    },
    "C": {
        "sip": "on", "siproxd": "Yes", "spi": "1", "dmz": "No", "dmz_ip": "192.168.1.", "ping": "No", "firewall": "1", "ipsec": "on",
        "pptp": "on", "l2tp": "on", "igmp": "Yes", "mtu": "1492", "mss": "1452", "bri_lan1": "0", "bri_lan2": "0", "bri_lan3": "0",
        "bri_lan4": "0", "brig_ssid1": "0", "psk": "PLANTED-SECRET-psk",
    },
    "D": {"psk": "PLANTED-SECRET-psk"},
    "E": {"psk": "PLANTED-SECRET-psk"},
}  # fmt: skip
LEGACY_LOGIN = "<html><head><title> 401 Authorization</title></head><body>401</body></html>\n"


def script(values: Mapping[str, str], quote: str = '"') -> str:
    return "<script>\n" + "".join(f"var {k}={quote}{v}{quote};\n" for k, v in values.items()) + "</script>\n"


def hidden(names: Iterable[str], **values: str) -> str:
    fields = {**dict.fromkeys(names, ""), **values}
    return "".join(
        f'<input type="hidden" name="{name}"{f" value= {chr(34)}{value}{chr(34)}" if value else ""}>\n'
        for name, value in fields.items()
    )


def boxes(*names: str, kind: str = "checkbox") -> str:
    return "".join(
        f'<input type="{kind}" name="{name}" value="{name if kind == "checkbox" else ""}">\n' for name in names
    )


def radios(name: str, *values: str) -> str:
    return "".join(f'<input type="radio" name="{name}" value="{value}">\n' for value in values)


def page(action: str, inner: str, extra: str = "", without: Iterable[str] = ()) -> str:
    text = f'<html>\n<body onLoad="loadvalue();">\n<form method="POST" action="{action}">\n{inner}{extra}</form>\n</body>\n</html>\n'
    for name in without:
        text = re.sub(rf'<input[^>]*name="{name}"[^>]*>\n', "", text)
    return text


def wan_a(config: Mapping[str, str], stamp: str, user: str, extra: str, without: Iterable[str]) -> str:
    """Nothing is `checked`, and the hidden fields are empty: scripts of the page fill both."""
    c = config
    values = {
        "dsl_wan_preference": c["dsl_wan_preference"], "master": user, "dmz_value": c["wan_endis_dmz"],
        "spiEnable": c["wan_endis_spi"], "rspToPing_value": c["wan_endis_rspToPing"], "nat_fitering": c["wan_nat_fitering"],
        "enable_ipsec": c["wan_enable_ipsec"], "gui_region": c["GUI_Region"], "endis_sipalg": c["wan_endis_sipalg"],
        "endis_igmp": c["wan_endis_igmp"], "endis_bt_igmp": c["enable_bt_igmp"],
        **{f"bri_lan_tag{n}": c[f"wan_bri_lan{n}"] for n in range(1, 5)},
        **{f"brig_ssid_tag{n}": c[f"wan_brig_ssid{n}"] for n in (1, 2)},
        **{f"brig_guest_ssid_tag{n}": c[f"wan_brig_guest_ssid{n}"] for n in (1, 2)},
    }  # fmt: skip
    load = (
        "<script>\nfunction loadvalue()\n{\n\tvar cf = document.forms[0];\n"
        f'\tvar dmzIpAddr="{c["dmz_ipaddr"]}";\n\tvar lanIpAddr="{c["lan_ipaddr"]}";\n'
        "\tif (endis_sipalg == '1' )\n\t\tcf.disable_sipalg.checked = true;\n"
        f"\tcf.wan_mtu.value = '{c['wan_mtu']}';\n"
        '\tdocument.write(\'<input type="checkbox" name="disable_igmp">\');\n}\n</script>\n'
    )
    fields = hidden(
        (
            "dod_value", "spi_value", "dmz_value", "rspToPing_value", "dmz_ip", "sipalg_value", "hid_bri_lan1", "hid_bri_lan2",
            "hid_bri_lan3", "hid_bri_lan4", "hid_brig_ssid1", "hid_brig_ssid2", "hid_iptv_mask", "hid_iptv_show_tag",
            "hid_brig_guest_ssid1", "hid_brig_guest_ssid2",
        ),
        submit_flag="wan", igmp_value="0", bt_igmp_value="0",
    )  # fmt: skip
    seen = (
        '<SELECT name="wan_preference"><option value="1">DSL</option><option value="2">Ethernet</option></SELECT>\n'
        + boxes(
            "disable_spi", "dmz_enable", "rspToPing", "bt_igmp", "disable_sipalg", "bri_lan1", "bri_lan2", "bri_lan3"
        )
        + boxes("bri_lan4", "brig_ssid1", "brig_ssid2", "brig_guest_ssid1", "brig_guest_ssid2")
        + boxes("dmzip1", "dmzip2", "dmzip3", "dmzip4", "wan_mtu", kind="text")
        + radios("NatInboundFiltering", "Secured", "Open")
        + "".join(radios(f"enable_{name}_passthrough", "1", "0") for name in ("ipsec", "pptp", "l2tp"))
    )
    action = f"/apply.cgi?/WAN_wan.htm timestamp={stamp}"
    return page(action, script(values) + load + fields + seen, extra, without)


def _rows_a(rows: Iterable[tuple[str, str, str, str]]) -> str:
    listed = list(rows)
    lines = [f"var forward_array_num={len(listed)};"]
    for n, (name, protocol, ports, host) in enumerate(listed, 1):
        first, _sep, last = ports.partition("-")
        span = f"{first} {last or first}"
        lines.append(f'var forwardingArray{n}="{name} {protocol} {span} {span} {host} 0";')
    return "<script>\n" + "\n".join(lines) + "\nvar trigger_array_num=0;\nvar upnp_array_num=0;\n</script>\n"


def new_rule_a(config: Mapping[str, str], stamp: str, rows: Iterable[tuple[str, str, str, str]], more: str) -> str:
    values = {"lan_ip": config["lan_ipaddr"], "lan_subnet": config["lan_netmask"], "endis_ntp": "1", "endis_upnp": "1"}
    names = (
        "serflag", "service_ip", "hidden_portname", "hidden_port_range", "hidden_port_int_start", "hidden_port_int_end",
        "port_start", "port_end",
    )  # fmt: skip
    inner = (
        _rows_a(rows)
        + more
        + hidden(names, submit_flag="forwarding_add_range")
        + boxes(
            "portname",
            "exter_port",
            "internal_port",
            "server_ip1",
            "server_ip2",
            "server_ip3",
            "server_ip4",
            kind="text",
        )
        + '<select NAME="srvtype"><option value="TCP/UDP" selected>x</option><option value="UDP">x</option></select>\n'
        + '<input type="checkbox" name="same_range" value="same_range" checked>\n'
        + script(values)
    )
    return page(f"/apply.cgi?/forwarding.htm timestamp={stamp}", inner)


def rules_a(config: Mapping[str, str], stamp: str, rows: Iterable[tuple[str, str, str, str]]) -> str:
    names = (
        "select_edit", "select_edit_num", "select_del", "select_del_num", "hidden_service_name", "hidden_protocol",
        "hidden_external_portstart", "hidden_external_portend", "hidden_internal_portstart", "hidden_internal_portend",
        "service_ip", "serflag", "real_select",
    )  # fmt: skip
    inner = (
        _rows_a(rows)
        + script({"lan_ip": config["lan_ipaddr"], "lan_subnet": config["lan_netmask"], "ts": stamp})
        + hidden(names, submit_flag="forwarding", hidden_same_range="1")
        + '<input type="radio" name="serv_type" checked value="pf"><input type="radio" name="serv_type" value="pt">\n'
        + '<select name="svs_gm"><option value="FTP">FTP</option><option value="HTTP">HTTP</option></select>\n'
        + boxes("SV_IP1", "SV_IP2", "SV_IP3", "SV_IP4", kind="text")
        + '<input type="button" name="Edit Service" value="x"><input type="button" name="Add Custom Service" value="x">\n'
        + '<input type="button" name="Arrange by Internal IP" value="x">\n'
    )
    return page(f"/apply.cgi?/forwarding.htm timestamp={stamp}", inner)


def wan_b(config: Mapping[str, str], token: str, extra: str, without: Iterable[str]) -> str:
    """The boxes are set by a script out of variables and hidden fields."""
    c = config
    load = (
        '<title>NETGEAR Router RBR750</title>\n<script src="script/script.js"></script>\n<script>\n<!--\nfunction loadSettings()\n{\n'
        f'\tvar openvpnEnable = "{c["openvpn"]}";\n\tvar spiEnable = "{c["fw_spi_enab"]}";\n'
        f'\tvar dmzEnable = "{c["fw_dmz_enab"]}";\n\tvar resp2ping = "{c["fw_resp_ping"]}";\n'
        f'\tvar sipenable = "{c["fw_sip_enab"]}";\n\tvar gproxy_enable = "{c["igmp_proxy"]}";\n'
        f'\tvar bt_igmp_enable = "{c["bt_igmp"]}";\n'
        '\tif (sipenable == "1")\n\t\tcf.disable_sip.checked = false;\n/*\n\tvar ipv6_enable = "0";\n*/\n}\n//-->\n</script>\n'
    )
    iptv = ("lan1", "lan2", "lan3", "lan4", "wlan1", "wlan2")
    inner = (
        load
        + hidden(("buttonHit", "buttonValue"))
        + '<button value="x" type="button" name="cancel">x</button><button value="x" type="submit" name="apply" class="b">x</button>\n'
        + boxes("disable_spi", "dmz_enable", "rspToPing", "disable_gproxy", "disable_sip")
        + '<!--\n<input type="checkbox" name="ipv6disable" value="ipv6disable">\n-->\n'
        + '<input type="checkbox" name="bt_igmp_enable" value="enable_bt_igmp">\n'
        + boxes("dmzip1", "dmzip2", "dmzip3", "dmzip4", "wan_mtu", kind="text")
        + radios("NatInboundFiltering", "Secured", "Open")
        + "".join(radios(f"{name}Passthrough", "enable", "disable") for name in ("IPSec", "PPTP", "L2TP"))
        + "".join(f'<input type="checkbox" name="enable_iptv_{n}" value="iptv_{n}">\n' for n in iptv)
        + hidden(
            (), wan_way="1500", nat_inbound_filtering=c["nat_inbound_filtering"], wan_proto=c["wan_proto"], nvram_mtu=c["wan_mtu"],
            dmz_ip=c["dmz_ipaddr"], ipsec_passthrough=c["ipsec_passthrough"], pptp_passthrough=c["pptp_passthrough"],
            l2tp_passthrough=c["l2tp_passthrough"], **{f"iptv_intf_{n}": c[f"iptv_{n}"] for n in iptv},
        )
    )  # fmt: skip
    return page(f"security.cgi?id={token}", inner, extra, without)


def services_b(token: str, rows: Iterable[tuple[str, str, str, str]]) -> str:
    kinds = {"UDP": "17", "TCP": "6", "TCP/UDP": "-1"}
    table = "".join(f"{name};{kinds[protocol]};{ports};{ports};{host}@" for name, protocol, ports, host in rows)
    inner = hidden(("buttonHit", "buttonValue", "oldService", "newIP"), action="init", pf_services_tbl=table)
    return page(f"pforward.cgi?id={token}", inner + boxes("portname", kind="text"))


def wan_c(config: Mapping[str, str], token: str) -> str:
    """The box itself is ticked by the server; the variable endis_sipalg is a leftover that always says 0."""
    c = config
    values = {
        "dmz_value": c["dmz"], "spiEnable": c["spi"], "rspToPing_value": c["ping"], "nat_fitering": c["firewall"],
        "enable_ipsec": c["ipsec"], "enable_pptp": c["pptp"], "enable_l2tp": c["l2tp"], "endis_sipalg": "0", "endis_igmp": "0",
        **{f"bri_lan_tag{n}": c[f"bri_lan{n}"] for n in range(1, 5)}, "brig_ssid_tag1": c["brig_ssid1"], "brig_ssid_tag2": "0",
        "brig_guest_ssid_tag1": "0", "brig_guest_ssid_tag2": "0", "old_mtu": c["mtu"], "old_igmp": c["igmp"], "wan_type": "2",
        "dmzIpAddr": c["dmz_ip"], "lanIpAddr": "192.168.1.1",
    }  # fmt: skip
    names = (
        "submit_flag", "dod_value", "spi_value", "rspToPing_value", "dmz_ip", "firewall_value", "sipalg_value", "sipproxy_value",
        "l2tpalg_value", "ipsecalg_value", "pptpalg_value", "hid_bri_lan1", "hid_bri_lan2", "hid_bri_lan3", "hid_bri_lan4",
        "hid_brig_ssid1", "hid_brig_ssid2", "hid_iptv_mask", "hid_iptv_show_tag", "hid_brig_guest_ssid1", "hid_brig_guest_ssid2",
    )  # fmt: skip
    checked = " checked" if c["sip"] == "off" else ""
    inner = (
        script(values)
        + hidden(names, igmp_value="0", IGMPEnable="Yes", wan_TCPMSS="0", WANCHANGED="0", DefaultDmz_Active="0")
        + hidden((), Active_Type_Yes="Yes", Active_Type_No="No")
        + "<input type='reset' name='Cancel' value='x'><input type='submit' name='Apply' value='x'>\n"
        + boxes(
            "disable_spi", "dmz_enable", "rspToPing", "disable_igmp", "bri_lan1", "bri_lan2", "bri_lan3", "bri_lan4"
        )
        + boxes("brig_ssid1", "brig_ssid2", "brig_guest_ssid1", "brig_guest_ssid2")
        + f'<input type="checkbox" name="disable_sipalg" value="isable_sipalg"{checked}>\n'
        + boxes("dmzip1", "dmzip2", "dmzip3", "dmzip4", "wan_mtu", kind="text")
        + radios("NatInboundFiltering", "Secured", "Open")
        + "".join(radios(f"enable_{name}_passthrough", "1", "0") for name in ("ipsec", "pptp", "l2tp"))
    )
    return page(f"/cgi-bin/WAN_wan.asp?id={token}", inner)


def leads_to(address: str) -> str:
    """A page that sends the browser elsewhere."""
    return f'<html><head><script>\ntop.location.href="{address}";\n</script></head><body></body></html>\n'


def question_b(token: str) -> str:
    """Whether the session of the other administrator shall end."""
    inner = '<button name="yes">x</button><button name="no">x</button><input type="hidden" name="act" value="yes">\n'
    return page(f"multi_login.cgi?id={token}", inner)


INSTEAD = {
    "password_page": '<html><body><form method="POST" action="/apply.cgi?/change_secure_password.htm timestamp=1">'
    '<input type="password" name="sysNewPasswd"></form></body></html>\n',
    "terms_page": "<html><body>simple_conditions.html</body></html>\n",
    "captcha_page": '<html><body><form method="POST" action="unauth.cgi?id=1"><img src="captcha.jpg">'
    '<input type="text" name="captcha"></form></body></html>\n',
}
SSO = (
    '<html><head><title>NETGEAR</title></head><body><form action="/sso_login.cgi?sysauth.htm timestamp=7">'
    '<input type="text" name="username"><input type="password" name="password"></form></body></html>\n'
)
SERCOMM = (
    '<html><frameset rows="*"><frame src="setup.cgi?next_file=basic_home.htm"></frameset>'
    '<a href="WAN_wan.htm&todo=cfg_init">WAN Setup</a></html>\n'
)

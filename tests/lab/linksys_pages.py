# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The old pages of a Linksys, as far as a client looks at them, and what posting them stores."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, Callable

MANAGEMENT_FIELDS = (
    "PasswdModify", "http_enable", "https_enable", "remote_mgt_https", "web_wl_filter", "remote_management", "remote_upgrade",
    "remote_ip_any", "http_wanport", "upnp_enable", "upnp_config", "upnp_internet_dis",
)  # fmt: skip


def login_page(device: Any, status: str) -> str:
    more = '<input type="text" name="captcha_code">' if "captcha" in device.variant.flags else ""
    return f"""<HTML><HEAD><script>document.title = "Router Access";</script></HEAD><body id="blocked">
<h3>{device.variant.model}<span> Wi-Fi Router</span></h3>
<form name="login" method="post" action="login.cgi" autocomplete="off">
<input type="hidden" name="submit_button" value="login" />
<input type="hidden" name="change_action" />
<input type="hidden" name="action" value="Apply" />
<input type="hidden" name="wait_time" value="19" />
<input type="hidden" name="submit_type" />
<input type="text" name="http_username" maxlength="32" value="admin" />
<input type="password" name="http_passwd" maxlength="63" />{more}
<script>var session_status = "{status}";</script></form></body></html>"""


def success() -> str:
    return "<html><head><script>var wait_time = '4';</script></head><body><form name=success></form></body></html>"


def _head(device: Any, key: str) -> str:
    closed = "1" if "closed_session" in device.variant.flags else "0"
    shown = "" if closed == "1" else key
    return f"""<HTML><HEAD><script>
var session_key = "{shown}";
var close_session = "{closed}";
function init() {{
var close_session = "{closed}";
if ( close_session == "1" )
{{
document.forms[0].action= "apply.cgi";
}}
else
{{
document.forms[0].action= "apply.cgi?session_id={shown}";
}}
}}
</script></HEAD>"""


def _top(device: Any) -> str:
    return f"""<p class="linksys-Version"><script>Capture(share.firmwarever)</script>: {device.variant.firmware}</p>
<a href="http://www.linksys.com/" target="_newtab"></a>
<p class="linksys-Name">AC1200 Wi-Fi Router<span class="linksys-ModelName">{device.variant.model}</span></p>"""


def gateway(device: Any, key: str) -> str:
    flags, stored = device.variant.flags, device.live

    def box(name: str, caption: str, call: str, field: str) -> str:
        on = ", 1" if stored[field] == "1" else ""
        return f"<script>draw_checkbox('{name}', {caption}, '1', '{call}' {on});</script>"

    alg = box("_nf_alg_sip", "mgt.sipalg", "", "nf_alg_sip")
    more = "<input type='hidden' name='nf_alg_h323' />" if "extra_field" in flags else ""
    less = "" if "less_field" in flags else '<input type="hidden" name="ctm404_enable" />'
    other = "<script>draw_checkbox('_nf_alg_h323', mgt.h323, '1', '' , 1);</script>" if "extra_box" in flags else ""
    return f"""{_head(device, key)}<BODY onload="init()">
<FORM name="gwfunc" method="post" action="apply.cgi">
<input type="hidden" name="submit_button" />
<input type="hidden" name="change_action" />
<input type="hidden" name="gui_action" />
{less}
<input type="hidden" name="nf_alg_sip" />
<input type="hidden" name="upnpEnabled" />
<input type="hidden" name="upnp_config" />
<input type="hidden" name="upnp_internet_dis" />{more}
<!--input type="hidden" name="tmsss_enabled"-->
<input type="hidden" name="wait_time" value="4" />
<input type="hidden" name="need_reboot" value="{int("need_reboot" in flags)}" />
{_top(device)}
{"<!--" + alg + "-->" if "no_module" in flags else alg}{other}
{box("_upnp_enable", "mgt.upnp", "SelUPNP(1,this.form)", "upnpEnabled")}
{box("_upnp_config", "mgt.upnpconfig", "", "upnp_config")}
{box("_upnp_internet_dis", "mgt.upnpinternetdis", "", "upnp_internet_dis")}
</FORM></BODY></HTML>"""


def management(device: Any, key: str) -> str:
    on = device.live["nf_alg_sip"] == "1"
    radio = '<input type="radio" name="nf_alg_sip" value="{}"{}>'
    alg = radio.format("1", " checked" if on else "") + radio.format("0", "" if on else " checked")
    hidden = "\n".join(f'<input type="hidden" name="{name}" value="0">' for name in MANAGEMENT_FIELDS)
    return f"""{_head(device, key)}<BODY onload="init()">
<FORM name="password" method="post" action="apply.cgi">
<input type="hidden" name="submit_button"><input type="hidden" name="gui_action"><input type="hidden" name="change_action">
{hidden}
<input type="password" name="http_passwd" value="d6nw5v1x2pc7st9m">
<input type="password" name="http_passwdConfirm" value="d6nw5v1x2pc7st9m">
{_top(device)}
{"<!--" + alg + "-->" if "no_module" in device.variant.flags else alg}
</FORM></BODY></HTML>"""


def _forwards(device: Any, key: str, other: str) -> str:
    stored = html.escape(device.live[other]).replace("&gt;", "&#62;")
    return f"""{_head(device, key)}<script>
var lan_ip = '{device.live["lan_ipaddr"]}';
var ip_prefix = '192.168.1.'.replace(/ /g,'');
function to_submit(F) {{
var forward_port1 = new Array();
var forward_port = '{stored}';
}}
</script><FORM name="portRange" method="post" action="apply.cgi">
<input type="hidden" name="submit_button"><input type="hidden" name="gui_action"></FORM></HTML>"""


def index(device: Any, key: str) -> str:
    return f"{_head(device, key)}<BODY><FORM name=status action=apply.cgi>{_top(device)}</FORM></BODY></HTML>"


Page = Callable[[Any, str], str]
PAGES: dict[tuple[str, str], Page] = {
    ("gateway", "Gateway_Function.asp"): gateway,
    ("management", "Management.asp"): management,
    ("gateway", "Forward.asp"): lambda device, key: _forwards(device, key, "forward_single"),
    ("gateway", "SingleForward.asp"): lambda device, key: _forwards(device, key, "forward_port"),
    ("", "index.asp"): index,
}


def apply(stored: dict[str, Any], form: Mapping[str, str]) -> str:
    """Stores what is posted. What a page had and a post lacks is stored as nothing, as this server does."""
    if form.get("gui_action") != "Apply":
        return success()
    names = {
        "Gwfunc": ("ctm404_enable", "nf_alg_sip", "upnpEnabled", "upnp_config", "upnp_internet_dis"),
        "Management": ("nf_alg_sip", "http_passwd", "remote_management"),
    }.get(form.get("submit_button", ""), ())
    for name in names:
        stored[name] = form.get(name, "")
    return success()

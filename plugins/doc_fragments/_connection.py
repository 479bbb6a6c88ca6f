# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private: the options by which all modules of this collection reach a device."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description:
      - Address of the device.
      - If left out, C(ansible_host) of the host is taken, else its inventory name.
    type: str
  port:
    description:
      - Port of the device's SSH, telnet or HTTPS server. If left out, C(ansible_port) is taken, else V(22), V(23) or V(443);
        with O(transport=https) C(ansible_httpapi_port) comes first.
    type: int
  user:
    description:
      - User name. If left out, C(ansible_user) is taken. Not needed with O(api_token).
    type: str
  password:
    description:
      - Password. If left out, C(ansible_password) is taken. It is sent once; a refused login is not repeated.
    type: str
  api_token:
    description:
      - The token of an API administrator, for O(transport=https) on FortiGates; no name and no password are needed then.
        It is sent as a header, never as a part of an address.
      - If left out, C(voip_edge_api_token) is taken, else the key C(access_token) of C(ansible_httpapi_session_key).
    type: str
  private_key_file:
    description:
      - Private SSH key, a file on the machine that connects. If left out, C(ansible_ssh_private_key_file) is taken.
    type: path
  private_key_passphrase:
    description:
      - Passphrase of O(private_key_file).
    type: str
  use_agent:
    description:
      - Also use keys of a running SSH agent and of C(~/.ssh). If left out, C(voip_edge_use_agent) is taken.
    type: bool
    default: false
  become_password:
    description:
      - Enable secret, for devices that have one. If left out, C(ansible_become_password) is taken.
    type: str
  platform:
    description:
      - The platform, see the support matrix in the README, or V(auto) to ask the device.
      - If left out, C(voip_edge_platform) or C(ansible_network_os) is taken; the values of the well-known collections
        (such as C(cisco.ios.ios)) are understood. The device's own word is checked against it before anything is changed.
    type: str
    default: auto
  transport:
    description:
      - How the device is reached. If left out, C(voip_edge_transport) is taken, V(https) where C(ansible_connection) is
        C(httpapi), else what the platform has. A FortiGate has both V(ssh), which is taken first, and V(https).
      - V(telnet) sends the password in clear text; it is used only when asked for.
    type: str
    choices: [ssh, telnet, https]
  use_ssl:
    description:
      - For O(transport=https), whether to use TLS at all. If left out, C(ansible_httpapi_use_ssl) is taken.
    type: bool
    default: true
  validate_certs:
    description:
      - Whether the device's certificate must be valid. If left out, C(ansible_httpapi_validate_certs) is taken.
        A device that signs its own certificate is better pinned with O(tls_fingerprint).
    type: bool
    default: true
  tls_fingerprint:
    description:
      - The SHA-256 fingerprint that the device's certificate must have, instead of a valid chain.
        If left out, C(voip_edge_tls_fingerprint) is taken.
    type: str
  ca_file:
    description:
      - A file with the certificate authorities to believe. If left out, C(voip_edge_ca_file) is taken, else the system's.
    type: path
  legacy_tls:
    description:
      - Whether to speak TLS 1.0 and old ciphers with a device that knows nothing newer.
        If left out, C(voip_edge_legacy_tls) is taken.
    type: bool
    default: false
  second_factor:
    description:
      - A one-time code, for devices that ask for one. If left out, C(voip_edge_second_factor) is taken.
    type: str
  take_over:
    description:
      - Whether another administrator's session may be ended, where the device allows only one.
        If left out, C(voip_edge_take_over) is taken.
    type: bool
    default: false
  host_key_checking:
    description:
      - Whether the device's SSH host key must be known. If left out, C(ansible_host_key_checking) is taken, else the
        setting of Ansible itself.
    type: bool
    default: true
  host_key:
    description:
      - The fingerprint that the device's host key must have, such as C(SHA256:...), instead of an entry in known_hosts.
        If left out, C(voip_edge_host_key) is taken.
    type: str
  known_hosts_file:
    description:
      - The file with the known host keys. If left out, C(voip_edge_known_hosts_file) is taken, else the user's and the
        system's own.
    type: path
  jump_host:
    description:
      - An SSH jump host as C([user@]host[:port]). The C(ssh) program makes this hop, with its own keys and known_hosts.
      - If left out, C(voip_edge_jump_host) is taken, else the jump host in C(ansible_ssh_common_args).
    type: str
  proxy_command:
    description:
      - A command whose input and output reach the device, as in OpenSSH; C(%h), C(%p) and C(%r) are filled in.
    type: str
  connect_timeout:
    description:
      - Seconds to wait for the connection and for the login. If left out, C(ansible_connect_timeout) is taken.
    type: float
    default: 10.0
  timeout:
    description:
      - Seconds to wait for the answer to one command. If left out, C(ansible_command_timeout) is taken.
    type: float
    default: 30.0
  profile:
    description:
      - The provider profile that the UDP timeout and the ports are held against, a name or a mapping with own figures.
        If left out, C(voip_edge_profile) is taken.
      - Names are V(default), those that ship with the collection (V(goto), V(nextiva), V(cytracom), V(nfon), V(siphelp),
        V(ringcentral), V(sangoma), V(8x8)), and the keys of the variable C(voip_edge_profiles).
      - The keys of a mapping are C(source), C(udp_timeout) with C(minimum), C(recommended) and C(maximum) in seconds,
        C(sip_ports), C(rtp_ports), C(networks) and C(notes).
    type: raw
    default: default
  pbx:
    description:
      - The IPv4 address of a PBX behind the router that the provider calls. Without one no forward is wanted, and those that are
        there are only shown. If left out, C(voip_edge_pbx) is taken.
    type: str
  sources:
    description:
      - The networks from which the O(pbx) is reached, such as V(203.0.113.0/24). The single word V(any) lets everybody in, which
        is a finding. If left out, C(voip_edge_sources) is taken, else the networks of the O(profile).
    type: list
    elements: str
  sip_ports:
    description:
      - The UDP ports of SIP, in place of the profile's. If left out, C(voip_edge_sip_ports) is taken.
    type: list
    elements: int
  rtp_ports:
    description:
      - The UDP ports of RTP as V(first-last), in place of the profile's. If left out, C(voip_edge_rtp_ports) is taken.
    type: str
  outside_interface:
    description:
      - The interface towards the internet, in the device's own words. If left out, C(voip_edge_outside_interface) is taken, else
        the one that the device's configuration shows; where that is not plain, the task says so.
    type: str
  inside_interface:
    description:
      - The interface or zone of the O(pbx). If left out, C(voip_edge_inside_interface) is taken, else what the device shows.
    type: str
  outside_address:
    description:
      - The public address to forward from. If left out, C(voip_edge_outside_address) is taken, else the one of the
        O(outside_interface).
    type: str
  name:
    description:
      - The name of the host in records. If left out, its inventory name.
    type: str
  site:
    description:
      - Where the host is, such as a branch or a customer. It is kept in the record, and the report is grouped, filtered
        and printed by it. If left out, C(voip_edge_site) is taken; without either the record has none.
    type: str
  report_dir:
    description:
      - A folder on the controller that receives the record of the host, C(records/<host>.json).
        If left out, C(voip_edge_report_dir) is taken; without either no record is kept.
    type: path
"""

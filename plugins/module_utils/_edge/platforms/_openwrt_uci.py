# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenWrt's firewall as `uci show firewall` gives it: which zones give the SIP helper, which redirects lead inside, and how to change both.

A zone with a list of helpers gives those; one without gives all that are there, if it does not masquerade and neither it nor the
defaults say `auto_helper` 0. Firewall3 and firewall4 agree in that.
Sources: OpenWrt's firewall3 (zones.c, defaults.c) and firewall4 (fw4.uc) for the zones' options. The lines of `uci` that set them are
known from experience alone (recall), the options of a redirect as well; that a section with a name of ours does is a conclusion.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..core.forwards import ANY, OURS, Forward
from ..core.model import Forwards, Mechanism
from ..core.text import lines_of, port_range

SIP = "sip"
SECTION = "voip_edge_"
"""What the names of our own sections begin with; they may hold no hyphen."""
_LINE = re.compile(r"^firewall\.(@?[\w-]+(?:\[\d+\])?)(?:\.(\w+))?=(.*)$")
_FALSE = ("0", "no", "off", "false", "disabled")


@dataclass(frozen=True)
class Section:
    """One section: `ref` as it is addressed, such as `@zone[0]` or a name; options with all their values."""

    ref: str
    kind: str
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def text(self, key: str, default: str = "") -> str:
        return " ".join(self.options.get(key, (default,)))

    def words(self, key: str, default: str = "") -> list[str]:
        """The values of a list, also where they stand in one value."""
        return self.text(key, default).split()

    def flag(self, key: str, default: bool) -> bool:
        """A switch; what is not one of uci's words for no counts as yes."""
        return self.text(key).lower() not in _FALSE if key in self.options else default

    def with_option(self, key: str, *values: str) -> Section:
        """The same section with another value of an option, or without it where none is given."""
        rest = {k: v for k, v in self.options.items() if k != key}
        return replace(self, options={**rest, key: values} if values else rest)


def parse(text: str) -> tuple[Section, ...] | None:
    """The sections in order; None for a text that is no firewall configuration, or that holds a line nobody understands."""
    kinds: dict[str, str] = {}
    options: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in lines_of(text):
        if not line.strip():
            continue
        found = _LINE.match(line)
        if found is None:
            return None
        ref, key, value = found.groups()
        words = _values(value)
        if words is None:
            return None
        if key is None:
            kinds[ref] = words[0] if words else ""
        elif ref in kinds:
            options.setdefault(ref, {})[key] = words
    sections = tuple(Section(ref, kind, options.get(ref, {})) for ref, kind in kinds.items())
    return sections if any(s.kind == "zone" for s in sections) else None


def _values(text: str) -> tuple[str, ...] | None:
    """The values of a line; None where its quotes do not close. Quotes inside a value are rare, and cost more to read."""
    if re.fullmatch(r"'[^']*'(?: '[^']*')*", text):
        return tuple(re.findall(r"'([^']*)'", text))
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return None


# ---- the SIP helper --------------------------------------------------------------------------------------------------


def _auto(zone: Section, sections: Iterable[Section]) -> bool:
    """Whether a zone without a list gives all helpers that there are."""
    defaults = next((s for s in sections if s.kind == "defaults"), None)
    allowed = defaults is None or defaults.flag("auto_helper", True)
    masquerades = zone.flag("masq", False) or zone.flag("masq6", False)
    return allowed and zone.flag("auto_helper", True) and not masquerades


def gives_sip(section: Section, sections: Iterable[Section]) -> bool:
    """Whether a zone, or a rule that gives a helper, gives that of SIP, provided that it is there."""
    if not section.flag("enabled", True):
        return False
    if section.kind == "rule":
        return section.text("target").upper() == "HELPER" and section.text("set_helper") == SIP
    if section.kind != "zone":
        return False
    listed = section.words("helper")
    return SIP in listed if listed else _auto(section, sections)


def helper_sections(sections: Sequence[Section]) -> list[Section]:
    """The zones, and the rules that name the SIP helper."""
    rules = [s for s in sections if s.kind == "rule" and s.text("set_helper") == SIP]
    return [s for s in sections if s.kind == "zone"] + rules


def scope(section: Section) -> str:
    return f"{section.kind} {section.text('name') or section.ref}"


def mechanisms(sections: Sequence[Section], there: bool, later: bool) -> list[Mechanism]:
    """What each zone does. `there`: the SIP helper is in the kernel; `later`: it will be after the next restart."""
    out = []
    for section in helper_sections(sections):
        gives = gives_sip(section, sections)
        seen = tuple(
            f"{k}='{section.text(k)}'" for k in ("auto_helper", "helper", "masq", "set_helper") if k in section.options
        )
        defaults = next((s for s in sections if s.kind == "defaults" and "auto_helper" in s.options), None)
        more = (f"defaults auto_helper='{defaults.text('auto_helper')}'",) if defaults else ()
        later_on = ", and starts with it" if later else ""
        why = () if there or not gives else (f"the SIP helper is not in the kernel{later_on}",)
        state = "on" if gives and (there or later) else "off"
        evidence = (*(seen or ("neither helper nor auto_helper is set",)), *more, *why)
        # the source of the zones does not speak of rules
        label = "src" if section.kind == "zone" else "inferred"
        out.append(Mechanism("zone_helper", scope(section), state, "configured", evidence, label))
    return out


@dataclass(frozen=True)
class Edit:
    """Lines of `uci` with their inverse, and the sections as they are afterwards; `label`: how sure the least sure of them is."""

    do: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    after: tuple[Section, ...] = ()
    label: str = "recall"

    def then(self, other: Edit) -> Edit:
        """Both; taken back in the other order."""
        label = "inferred" if "inferred" in (self.label, other.label) else "recall"
        return Edit(self.do + other.do, other.undo + self.undo, other.after, label)


def _swap(sections: Iterable[Section], new: Section) -> tuple[Section, ...]:
    return tuple(new if s.ref == new.ref else s for s in sections)


def _set(sections: tuple[Section, ...], section: Section, key: str, value: str) -> Edit:
    line = f"uci set firewall.{section.ref}.{key}={shlex.quote(value)}"
    if key in section.options:
        back = f"uci set firewall.{section.ref}.{key}={shlex.quote(section.text(key))}"
    else:
        back = f"uci delete firewall.{section.ref}.{key}"
    label = "recall" if section.kind in ("zone", "defaults") else "inferred"
    return Edit((line,), (back,), _swap(sections, section.with_option(key, value)), label)


def _relist(sections: tuple[Section, ...], section: Section, values: Sequence[str]) -> Edit:
    """A zone's list of helpers, written anew: so its order comes back as well."""

    def lines(to: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"uci add_list firewall.{section.ref}.helper={shlex.quote(v)}" for v in to)

    old, drop = section.words("helper"), f"uci delete firewall.{section.ref}.helper"
    do = (*((drop,) if old else ()), *lines(values))
    undo = (*((drop,) if values else ()), *lines(old))
    return Edit(do, undo, _swap(sections, section.with_option("helper", *values)))


def helper_off(sections: tuple[Section, ...], others: Sequence[str]) -> Edit:
    """Takes the SIP helper out wherever it is given and leaves `others`, the other helpers that are there, as they are."""
    edit = Edit(after=sections)
    for ref in [s.ref for s in helper_sections(sections) if gives_sip(s, sections)]:
        section = next(s for s in edit.after if s.ref == ref)
        if section.kind == "rule":
            edit = edit.then(_set(edit.after, section, "enabled", "0"))
            continue
        listed = section.words("helper")
        keep = [h for h in listed if h != SIP] if listed else list(others)
        if listed or keep:
            edit = edit.then(_relist(edit.after, section, keep))
        section = next(s for s in edit.after if s.ref == ref)
        if not keep and _auto(section, edit.after):
            edit = edit.then(_set(edit.after, section, "auto_helper", "0"))
    return edit


def helper_on(sections: tuple[Section, ...]) -> Edit:
    """Gives the SIP helper in the zones that do not masquerade and do not give it."""
    edit = Edit(after=sections)
    for section in sections:
        masquerades = section.flag("masq", False) or section.flag("masq6", False)
        if section.kind == "zone" and not masquerades and not gives_sip(section, edit.after):
            edit = edit.then(_relist(edit.after, section, [*section.words("helper"), SIP]))
    return edit


# ---- forwards --------------------------------------------------------------------------------------------------------

_PLAIN = {
    "name",
    "target",
    "enabled",
    "src",
    "dest",
    "proto",
    "src_ip",
    "src_dport",
    "dest_ip",
    "dest_port",
    "reflection",
}
_PLAIN |= {"reflection_src", "reflection_zone", "counter", "log", "log_limit", "family"}


def forwards(sections: Iterable[Section]) -> tuple[list[Forward], bool]:
    """The redirects of UDP to hosts inside, and whether all were understood."""
    out, whole = [], True
    for section in sections:
        live = section.flag("enabled", True) and section.text("target", "DNAT").upper() == "DNAT"
        if section.kind != "redirect" or not live:
            continue
        if not {"udp", "all", "any", "tcpudp", "17"} & {p.lower() for p in section.words("proto", "tcpudp")}:
            continue
        outer = (
            port_range(section.text("src_dport").replace(":", "-")) if "src_dport" in section.options else (1, 65535)
        )
        inner = port_range(section.text("dest_port").replace(":", "-")) if "dest_port" in section.options else None
        inside = section.text("dest_ip")
        readable = re.fullmatch(r"\d+\.\d+\.\d+\.\d+", inside) and (inner or "dest_port" not in section.options)
        if outer is None or not readable:
            whole = False
            continue
        ours = section.ref.startswith(SECTION)
        line = f"firewall.{section.ref}: " + " ".join(f"{k}='{section.text(k)}'" for k in section.options)
        out.append(
            Forward(
                "redirect", section.ref, outer[0], outer[1], inside, _sources(section), (line,),
                inner[0] if inner else None, "recall", ours,
            )
        )  # fmt: skip
    return out, whole


def _sources(section: Section) -> tuple[str, ...] | None:
    """Who gets in by a redirect; None where it looks at more than networks."""
    if set(section.options) - _PLAIN:
        return None
    if "src_ip" not in section.options:
        return (ANY,)
    source = section.text("src_ip")
    if not re.fullmatch(r"\d+\.\d+\.\d+\.\d+(?:/\d{1,2})?", source):
        return None
    return (source if "/" in source else f"{source}/32",)


def zones_for(sections: Sequence[Section], wanted: Forwards) -> tuple[str, str, str]:
    """The zone outside, the one inside, and "" or the sentence that says why they cannot be told."""
    zones = [s for s in sections if s.kind == "zone" and s.flag("enabled", True)]
    names = [z.text("name") for z in zones]
    outer = [z.text("name") for z in zones if z.flag("masq", False)]
    inner = [z.text("name") for z in zones if not z.flag("masq", False)]
    outside = wanted.outside or (outer[0] if len(outer) == 1 else "")
    inside = wanted.inside or (inner[0] if len(inner) == 1 else "")
    known = ", ".join(names)
    if outside not in names:
        return "", "", f"which zone is the one outside cannot be told; there are: {known} (voip_edge_outside_interface)"
    if inside not in names:
        return "", "", f"which zone the PBX is in cannot be told; there are: {known} (voip_edge_inside_interface)"
    return outside, inside, ""


def forward_sections(spans: Iterable[tuple[int, int]], wanted: Forwards, outside: str, inside: str) -> list[Section]:
    """A named section for each range of ports and each network: a redirect takes one network."""
    out = []
    for first, last in spans:
        span = f"{first}" if first == last else f"{first}-{last}"
        for number, source in enumerate(wanted.sources):
            options = {
                "name": (f"{OURS}-{span}",), "src": (outside,), "dest": (inside,), "proto": ("udp",),
                **({} if source == ANY else {"src_ip": (source,)}),
                "src_dport": (span,), "dest_ip": (wanted.pbx,), "target": ("DNAT",),
            }  # fmt: skip
            out.append(Section(f"{SECTION}{span.replace('-', '_')}_{number}", "redirect", options))
    return out


def replaced(sections: tuple[Section, ...], new: Sequence[Section]) -> Edit:
    """Our own redirects are these and no others; what is the same already is not touched."""
    old = [s for s in sections if s.kind == "redirect" and s.ref.startswith(SECTION)]
    edit = Edit(after=sections)
    for section in old:
        if section not in new:
            after = tuple(s for s in edit.after if s.ref != section.ref)
            edit = edit.then(Edit((f"uci delete firewall.{section.ref}",), _written(section), after, "inferred"))
    for section in new:
        if section not in old:
            back = (f"uci delete firewall.{section.ref}",)
            edit = edit.then(Edit(_written(section), back, (*edit.after, section), "inferred"))
    return edit


def _written(section: Section) -> tuple[str, ...]:
    head = f"uci set firewall.{section.ref}"
    lines = [f"{head}={section.kind}"]
    for key, values in section.options.items():
        if len(values) == 1:
            lines.append(f"{head}.{key}={shlex.quote(values[0])}")
        else:
            lines += [f"uci add_list firewall.{section.ref}.{key}={shlex.quote(v)}" for v in values]
    return tuple(lines)

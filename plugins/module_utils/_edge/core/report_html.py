# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML file: it opens offline, sorts, filters and prints, and works without scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from .errors import MissingLibrary
from .report import Row, on_the_wire, summary, verdict

try:
    import jinja2

    JINJA_ERROR = ""
except ImportError as _error:  # ships with ansible-core; a delegate may lack it
    jinja2 = None  # type: ignore[assignment,unused-ignore]
    JINJA_ERROR = str(_error)

WORDS = {
    "compliant": "compliant",
    "noncompliant": "needs a change",
    "undetermined": "not known",
    "unsupported": "not supported",
    "not_reached": "not reached",
}

STYLE = r"""
:root { color-scheme: light dark; --bg:#fff; --fg:#1c2430; --soft:#5b6675; --line:#d9dfe7; --card:#f5f7fa;
  --compliant:#1b7f4b; --noncompliant:#b3261e; --undetermined:#9a6700; --not_reached:#5b6675; --unsupported:#5b6675; }
@media (prefers-color-scheme: dark) { :root { --bg:#12161c; --fg:#e6eaf0; --soft:#9aa7b8; --line:#2c3541; --card:#1a2028;
  --compliant:#4cc38a; --noncompliant:#ff8f85; --undetermined:#e3b341; --not_reached:#9aa7b8; --unsupported:#9aa7b8; } }
* { box-sizing: border-box } [hidden] { display:none !important }
body { margin:0 auto; max-width:76rem; padding:1.5rem; background:var(--bg); color:var(--fg);
  overflow-wrap:anywhere; font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif }
a { color:inherit } h1 { font-size:1.6rem; margin:0 } h2 { font-size:1.15rem; margin:2rem 0 .6rem }
h3 { font-size:1rem; margin:1.1rem 0 .3rem }
.soft { color:var(--soft) } .tiles { display:flex; flex-wrap:wrap; gap:.8rem; margin:1.2rem 0 }
.tile { flex:1 1 9rem; background:var(--card); border:1px solid var(--line); border-left:.35rem solid var(--c);
  border-radius:.5rem; padding:.7rem 1rem }
.tile b { display:block; font-size:1.8rem; line-height:1.15 }
svg { display:block; width:100%; height:1.4rem; border-radius:.4rem }
table { border-collapse:collapse; width:100% } th,td { text-align:left; padding:.45rem .6rem;
  border-bottom:1px solid var(--line); vertical-align:top }
caption { text-align:left; color:var(--soft); padding:.3rem 0 } thead th { background:var(--card); white-space:nowrap }
details caption { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%) }
.step { margin:.3rem 0 .9rem } .step p { margin:.1rem 0 } td,tbody th { overflow-wrap:break-word }
th button { all:unset; cursor:pointer; font-weight:600 }
[aria-sort=ascending] button::after { content:" \2191" } [aria-sort=descending] button::after { content:" \2193" }
 th button:focus-visible, summary:focus-visible { outline:2px solid currentColor }
.word { font-weight:600; color:var(--c); white-space:nowrap } .word::before { content:attr(data-mark) " " }
details { border:1px solid var(--line); border-radius:.5rem; margin:.6rem 0; padding:.2rem 1rem; background:var(--card);
  break-inside:avoid-page }
summary { cursor:pointer; padding:.5rem 0; font-weight:600 } code, pre {
  font:13px/1.45 ui-monospace,"DejaVu Sans Mono",monospace; overflow-wrap:anywhere; white-space:pre-wrap }
.wide { overflow-x:auto }
pre { margin:.2rem 0; padding:.4rem .7rem; border-left:3px solid var(--line) }
input,select { font:inherit; padding:.35rem .6rem; border:1px solid var(--line); border-radius:.4rem; background:var(--bg);
  color:var(--fg) }
.controls { display:flex; flex-wrap:wrap; gap:.6rem; margin:.6rem 0 } ol,ul { margin:.2rem 0; padding-left:1.4rem }
.compliant{--c:var(--compliant)} .noncompliant{--c:var(--noncompliant)} .undetermined{--c:var(--undetermined)}
  .not_reached{--c:var(--not_reached)} .unsupported{--c:var(--unsupported)}
@media print { .controls { display:none } body { max-width:none; padding:0 } details { border:0; background:none } }
"""

SCRIPT = r"""
(function () {
  var body = document.querySelector("#hosts tbody"), rows = Array.prototype.slice.call(body.rows);
  var find = document.getElementById("find"), show = document.getElementById("show"), shown = document.getElementById("shown");
  var heads = document.querySelectorAll("#hosts thead th");
  document.querySelector(".controls").hidden = false;
  function detail(row) { return document.getElementById(row.querySelector("a").hash.slice(1)); }
  function filter() {
    var text = find.value.toLowerCase(), count = 0;
    rows.forEach(function (r) {
      var on = (!show.value || r.dataset.word === show.value) && r.textContent.toLowerCase().indexOf(text) >= 0;
      r.hidden = detail(r).hidden = !on;
      count += on ? 1 : 0;
    });
    shown.textContent = count + " of " + rows.length + " hosts";
  }
  find.addEventListener("input", filter); show.addEventListener("change", filter); filter();
  heads.forEach(function (th, column) {
    var up = false;
    th.firstChild.addEventListener("click", function () {
      up = !up;
      heads.forEach(function (x) { x.removeAttribute("aria-sort"); });
      th.setAttribute("aria-sort", up ? "ascending" : "descending");
      rows.sort(function (a, b) {
        var order = a.cells[column].textContent.localeCompare(b.cells[column].textContent, undefined, {numeric: true});
        return up ? order : -order;
      });
      rows.forEach(function (r) { body.appendChild(r); });
    });
  });
  function reveal() { var d = location.hash.length > 1 && document.getElementById(location.hash.slice(1)); if (d) { d.open = true; } }
  window.addEventListener("hashchange", reveal); reveal();
  window.addEventListener("beforeprint", function () { document.querySelectorAll("details").forEach(function (d) { d.open = true; }); });
})();
"""

TEMPLATE = r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{{ policy | safe }}">
<title>{{ title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<header>
<h1>{{ title }}</h1>
<p class="soft">Made {{ generated }} &middot; {{ counts.hosts }} hosts</p>
</header>
<main>
<div class="tiles">
{%- for word, n in tiles %}
<div class="tile {{ word }}"><b>{{ n }}</b>{{ words[word] }}</div>
{%- endfor %}
</div>
<svg role="img" aria-label="{% for word, n in tiles %}{{ n }} {{ words[word] }}{{ ', ' if not loop.last }}{% endfor %}"
  viewBox="0 0 1000 24" preserveAspectRatio="none">
{%- for part in parts %}
<rect x="{{ part.x }}" y="0" width="{{ part.width }}" height="24" fill="var(--{{ part.word }})"><title>{{ part.n }} {{
  words[part.word] }}</title></rect>
{%- endfor %}
</svg>
<h2>All hosts</h2>
<div class="controls" hidden>
<label>Find <input id="find" type="search" placeholder="host, platform, verdict"></label>
<label>Show <select id="show"><option value="">all</option>{% for word, n in tiles %}<option value="{{ word }}">{{
  words[word] }}</option>{% endfor %}</select></label>
<span id="shown" class="soft" role="status"></span>
</div>
<div class="wide">
<table id="hosts">
<caption>What needs action stands first. The headings sort.</caption>
<thead><tr>{% for name in ("Host", "Result", "SIP ALG", "On the wire", "UDP timeout", "Forwards", "Platform", "Firmware") %}
  <th scope="col"><button type="button">{{ name }}</button></th>{% endfor %}</tr></thead>
<tbody>
{%- for row in rows %}
<tr data-word="{{ row.compliance }}"><th scope="row"><a href="#h{{ loop.index }}">{{ row.host }}</a></th>
<td><span class="word {{ row.compliance }}" data-mark="{{ marks[row.compliance] }}">{{ words[row.compliance] }}</span></td>
<td>{{ verdict(row, "sip_alg") }}</td><td>{{ on_the_wire(row) }}</td><td>{{ timeout(row) }}</td><td>{{ verdict(row, "port_forwards") }}</td>
<td>{{ row.platform }}</td><td>{{ row.firmware }}</td></tr>
{%- endfor %}
</tbody>
</table>
</div>
<h2>Host by host</h2>
{%- for row in rows %}
<details id="h{{ loop.index }}"{% if row.compliance == "noncompliant" and loop.index <= 20 %} open{% endif %}>
<summary>{{ row.host }} &mdash; <span class="word {{ row.compliance }}" data-mark="{{ marks[row.compliance] }}">{{
  words[row.compliance] }}</span></summary>
<p class="soft">{{ row.model }} {{ row.platform }} {{ row.firmware }} {{ row.finished }}</p>
{%- if row.error %}<p><strong>{{ row.error }}</strong></p>{% endif %}
{%- if row.findings %}<h3>Findings</h3><ul>{% for f in row.findings %}<li><strong>{{ f.severity }}</strong>: {{
  f.text }} <span class="soft">{{ f.id }}</span></li>{% endfor %}</ul>{% endif %}
{%- if row.advice %}<h3>To be done by hand</h3><ol>{% for text in row.advice %}<li>{{ text }}</li>{% endfor %}</ol>{% endif %}
{%- for word, steps in (("Plan", row.plan), ("Done", row.done)) %}{% if steps %}<h3>{{ word }}</h3>{% for s in steps %}
<div class="step"><pre>{{
  s.do }}</pre><p class="soft">taken back by</p><pre>{{ s.undo }}</pre></div>{% endfor %}{% endif %}{% endfor %}
{%- for aspect in row.aspects %}{% if aspect.mechanisms %}<h3>{{ aspect.name }}: {{ aspect.verdict }}</h3>
<div class="wide"><table><caption>Where {{ aspect.name }} is decided on {{ row.host }}</caption>
<thead><tr><th scope="col">Mechanism</th><th scope="col">Where</th><th scope="col">State</th><th scope="col">Seen</th>
  </tr></thead><tbody>
{%- for m in aspect.mechanisms %}
<tr><th scope="row">{{ m.id }}</th><td>{{ m.scope }}</td><td>{{
  m.state }}{% if m.basis %} <span class="soft">({{ m.basis }}, {{ m.label }})</span>{% endif %}</td>
<td>{% for line in m.evidence %}<code>{{
  line }}</code><br>{% endfor %}</td></tr>{% endfor %}
</tbody></table></div>{% endif %}{% endfor %}
{%- if row.path %}<h3>On the wire: {{ row.path.words }}</h3>
<p class="soft">{{ row.path.finished }}, {{ row.path.profile }}{% if row.path.keepalive %}; keepalive at most every {{
  row.path.keepalive }}{% endif %}</p>
<ul>{% for text in row.path.reasons %}<li>{{ text }}</li>{% endfor %}</ul>
{%- if row.path.rewritings %}<div class="wide"><table><caption>What was changed on the way to {{ row.host }}</caption>
<thead><tr><th scope="col">Message</th><th scope="col">Sent</th><th scope="col">Arrived</th><th scope="col">Whose address</th>
  </tr></thead><tbody>
{%- for one in row.path.rewritings %}
<tr><th scope="row">{{ one.case }}</th><td><code>{{ one.before }}</code></td><td><code>{{ one.after }}</code></td><td>{{
  one.whose }}</td></tr>{% endfor %}
</tbody></table></div>{% endif %}
{%- if row.path.not_tested %}<p>Not tested: {{ row.path.not_tested | join("; ") }}</p>{% endif %}{% endif %}
{%- if row.not_checked %}<h3>Not checked</h3><ul>{% for text in row.not_checked %}<li>{{ text }}</li>{% endfor %}</ul>{% endif %}
</details>
{%- endfor %}
</main>
<script>{{ script | safe }}</script>
</body>
</html>
"""

MARKS = {
    "compliant": "\u2714",
    "noncompliant": "\u2718",
    "undetermined": "?",
    "unsupported": "\u2013",
    "not_reached": "\u2205",
}


def _timeout(row: Row) -> str:
    for aspect in row["aspects"]:
        if aspect["name"] == "udp_timeout":
            seconds = f" ({aspect['seconds']} s)" if aspect["seconds"] is not None else ""
            return f"{aspect['verdict']}{seconds}"
    return ""


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"


# The browser runs our own script and takes our own style, told by their hashes, and nothing else; nothing is fetched.
POLICY = (
    f"default-src 'none'; script-src {_hash(SCRIPT)}; style-src {_hash(STYLE)}; base-uri 'none'; form-action 'none'"
)


def to_html(rows: Sequence[Row], title: str, generated: str) -> Iterator[str]:
    """Pieces of the HTML file. Raises MissingLibrary where Jinja2 is not installed."""
    if JINJA_ERROR:
        raise MissingLibrary("jinja2", JINJA_ERROR)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    counts: dict[str, Any] = summary(rows)
    tiles = [(word, counts["compliance"][word]) for word in WORDS if word in counts["compliance"]]
    parts, x = [], 0.0
    for word, n in tiles:
        width = 1000.0 * n / max(1, counts["hosts"])
        parts.append({"word": word, "n": n, "x": round(x, 2), "width": round(width, 2)})
        x += width
    yield from environment.from_string(TEMPLATE).generate(
        rows=rows, title=title, generated=generated, counts=counts, tiles=tiles, parts=parts,
        words=WORDS, marks=MARKS, verdict=verdict, on_the_wire=on_the_wire, timeout=_timeout, policy=POLICY, style=STYLE, script=SCRIPT,
    )  # fmt: skip

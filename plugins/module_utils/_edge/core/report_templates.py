# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The templates of the HTML report: the page of the fleet, a line of its table, the page of a host. Data alone.

All of them are rendered with autoescape. What is marked as safe is our own: style, script and policy.
"""

from __future__ import annotations

FLEET = r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="{{ policy | safe }}">
<title>{{ title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<a class="skip" href="#hosts">Skip to the table of hosts</a>
<header class="top"><div class="in"><div>
<h1>{{ title }}</h1>
<p class="soft">Made {{ generated }} &middot; {{ picture.hosts }} host{{ "s" if picture.hosts != 1 }}</p>
</div><button type="button" class="button screen" id="theme" hidden>Colours</button></div></header>
<main class="in">
<p id="said" role="status"></p>
<div id="fleet">
<p class="lead">{{ picture.lead }}</p>
<div class="picture">
<section class="card" aria-labelledby="by-result"><h2 id="by-result">By result</h2>
<div class="ring">
<svg viewBox="0 0 120 120" role="img" aria-label="{{ picture.alt }}">
<circle cx="60" cy="60" r="50"/>
{% for part in picture.ring %}
<circle class="{{ part.code }}" cx="60" cy="60" r="50" pathLength="100" stroke-dasharray="{{ part.share }} {{ 100 - part.share
  }}" stroke-dashoffset="{{ 25 - part.start }}"><title>{{ part.n }} {{ part.word }}</title></circle>
{% endfor %}
<text x="60" y="64">{{ picture.percent }}</text><text class="unit" x="60" y="79">compliant</text>
</svg>
<ul class="tiles">
{% for part in picture.ring %}
<li class="{{ part.code }}"><button type="button" data-set="result" data-value="{{ part.code }}"><b>{{ part.n }}</b> <span class="{{
  part.code }} w">{{ part.word }}</span></button></li>
{% endfor %}
</ul>
</div></section>
{% if picture.changes or gone %}
<section class="card" aria-labelledby="by-change"><h2 id="by-change">Since the earlier run</h2>
<ul class="tiles">
{% for part in picture.changes %}
<li class="{{ part.code }}"><button type="button" data-set="change" data-value="={{ part.word }}"><b>{{ part.n }}</b> <span>{{
  part.word }}</span></button></li>
{% endfor %}
</ul>
{% if gone %}<details><summary>{{ gone | length }} not in this run any more</summary><ul>{% for one in gone[:most_gone] %}<li>{{ one.host
  }} <span class="soft">{{ one.compliance }} {{ one.finished }}</span></li>{% endfor %}</ul>
{% if gone | length > most_gone %}<p class="soft">and {{ gone | length - most_gone }} more, in report.json</p>{% endif %}
</details>{% endif %}
</section>
{% endif %}
{% for group in picture.groups %}
<section class="card" aria-labelledby="by-{{ group.key }}"><h2 id="by-{{ group.key }}">By {{ group.key }}</h2>
<ul class="bars">
{% for bar in group.bars %}
<li><button type="button" data-set="{{ group.key }}" data-value="={{ bar.value }}">{{ bar.value or "not known" }}</button>
<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{{ bar.alt }}">{% for part in bar.parts %}<rect class="{{
  part.code }}" x="{{ part.start }}" width="{{ part.share }}" height="10"/>{% endfor %}</svg>
<span class="soft">{{ bar.good }} of {{ bar.hosts }} fit</span></li>
{% endfor %}
</ul>
{% if group.more %}<p class="soft">and {{ group.more }} more {{ group.key }}s, in the table's filter</p>{% endif %}
</section>
{% endfor %}
</div>
<section class="card" aria-labelledby="all">
<h2 id="all">Hosts</h2>
<p class="paper" id="printed"></p>
<div class="controls screen" role="search" hidden>
<label>Find <input id="find" type="search" placeholder="host, model, finding"></label>
<label>Result <select id="result"><option value="">all</option>{% for part in picture.ring %}<option value="{{ part.code }}">{{
  part.word }}</option>{% endfor %}</select></label>
<label>of aspect <select id="aspect"><option value="">the whole host</option>{% for key, name in aspects %}<option value="{{ key
  }}">{{ name }}</option>{% endfor %}</select></label>
<label>Vendor <select id="vendor"><option value="">all</option></select></label>
{% if has.site %}<label>Site <select id="site"><option value="">all</option></select></label>{% endif %}
{% if has.change %}<label>Since the earlier run <select id="change"><option value="">all</option></select></label>{% endif %}
<button type="button" class="button" id="clear">Clear filters</button>
<button type="button" class="button" id="print">Print what is shown</button>
</div>
<p id="shown" class="soft screen" role="status" hidden></p>
{% if packed %}<noscript><p>This browser runs no scripts, so the table is all there is here. The pages of the hosts are in report.md
beside this file.</p></noscript>{% endif %}
<div class="wide">
<table id="hosts">
<caption>What needs action stands first.<span class="screen" hidden> The headings sort, a host's name opens its page.</span></caption>
<thead><tr>
{%- for key, name, less in columns %}
<th scope="col" data-key="{{ key }}"{% if less %} class="less"{% endif %}><button type="button">{{ name }}</button></th>
{%- endfor %}
</tr></thead>
<tbody>
"""

LINE = r"""<tr class="{{ code }}" data-f="{{ words }}"><th scope="row"><a href="#host/{{ row.host | urlencode }}">{{ row.host
}}</a></th>{% if has.site %}<td class="less">{{ row.site }}</td>{% endif %}<td class="{{ code }} w">{{ word }}</td>
{%- if has.change %}<td class="less">{{ change }}</td>{% endif %}

{%- for classes, text in aspects %}<td{% if classes %} class="{{ classes }}"{% endif %}>{{ text }}</td>{% endfor %}
{%- if has.wire %}<td class="{{ wire }} less">{{ row.path.words if row.path }}</td>{% endif -%}
<td class="less">{{ row.vendor }}</td><td class="less">{{ row.model or row.platform }}</td><td class="less">{{ row.firmware }}</td></tr>
"""

MIDDLE = r"""</tbody>
</table>
</div>
<p><button type="button" class="button screen" id="more" hidden>Show all</button></p>
</section>
<section class="card noted" aria-labelledby="words"><h2 id="words">What the words mean</h2>
<dl class="facts">
{% for code, word, meaning in meanings %}
<div><dt class="{{ code }} w">{{ word }}</dt><dd class="soft">{{ meaning }}</dd></div>
{% endfor %}
</dl></section>
</div>
<nav id="nav" aria-label="Pages of hosts" hidden>
<a class="button" href="#hosts">All hosts</a><span class="grow"></span>
<button type="button" class="button" id="previous">Previous</button>
<button type="button" class="button" id="next">Next</button>
<button type="button" class="button" id="print-host">Print this page</button>
</nav>
<div id="pages" data-pack="{{ pack }}">"""

HOST = r"""<article class="host card {{ code }}" id="host/{{ row.host }}" aria-labelledby="t{{ n }}">
<header><h2 id="t{{ n }}" tabindex="-1">{{ row.host }}</h2>
<span class="{{ code }} w">{{ word }}</span>{% if change %} <span class="tag">{{ change }}</span>{% endif %}

<dl class="facts">
{% for name, text in facts if text %}
<div><dt>{{ name }}</dt><dd>{{ text }}</dd></div>
{% endfor %}
</dl></header>
{% if row.error %}
<p class="note {{ code }}"><strong>What went wrong:</strong> {{ row.error }}</p>
{% endif %}
{% if changes %}
<h3>Since the earlier run</h3><ul>{% for text in changes %}<li>{{ text }}</li>{% endfor %}</ul>
{% endif %}
{% if row.aspects or row.path %}
<div class="pair">
<div><h3>The device says</h3>
{% if row.aspects %}<dl>{% for a in aspects %}<dt>{{ a.title }}</dt><dd class="{{ a.code }} w">{{ a.shown }}</dd>{% endfor %}</dl>
{% else %}<p class="soft">Nothing: it was not judged.</p>{% endif %}</div>
<div><h3>On the wire</h3>
{% if row.path %}
<p><strong class="{{ wire }} w">{{ row.path.words }}</strong> <span class="soft">{{ seen_on_wire }}, {{ row.path.profile }}</span></p>
{% if not row.path.current %}<p class="note u">The device was changed after that: it says nothing about now.</p>{% endif %}
<ul>{% for text in row.path.reasons %}<li>{{ text }}</li>{% endfor %}</ul>
{% if row.path.keepalive %}<p>Phones behind it: keepalive at most every {{ row.path.keepalive }}.</p>{% endif %}
{% if row.path.not_tested %}<p class="soft">Not tested: {{ row.path.not_tested | join("; ") }}</p>{% endif %}
{% else %}<p class="soft">Not tested. This is what the device says of itself.</p>{% endif %}
</div></div>
{% endif %}
{% if row.path and row.path.rewritings %}
<h3>What was changed on the wire</h3>
<div class="wide"><table class="mechanisms"><caption>Parts of SIP messages, as they were sent and as they arrived.</caption>
<thead><tr><th scope="col">Message</th><th scope="col">Part</th><th scope="col">Sent</th><th scope="col">Arrived</th></tr></thead><tbody>
{% for one in row.path.rewritings %}
<tr><th scope="row">{{ one.case }}</th><td>{{ one.name }} <span class="soft">{{ one.times }} times</span></td>
<td><pre>{{ one.before }}</pre></td>
<td><pre>{{ one.after }}</pre>{% if one.whose %}<span class="soft">{{ one.whose }}</span>{% endif %}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
{% if row.findings %}
<h3>Findings</h3><ul class="found">
{% for f in row.findings %}
<li><span class="tag {{ severities[f.severity] }}">{{ f.severity }}</span>{{ f.text }} <span class="id">{{ f.id }}</span></li>
{% endfor %}
</ul>
{% endif %}
{% if row.advice %}
<h3>To be done by hand <span class="soft ticked"></span></h3><ol class="steps">
{% for text in row.advice %}
<li><label><input type="checkbox"><span>{{ text }}</span></label></li>
{% endfor %}
</ol>
{% endif %}
{% for head, steps in (("Plan: what a change would send", row.plan), ("Done: what was sent", row.done)) if steps %}
<h3>{{ head }}</h3>
{% for s in steps %}
<div class="undo step"><div><p>Send</p><pre>{{ s.do }}</pre></div><div><p>Taken back by</p><pre>{{ s.undo }}</pre></div></div>
{% endfor %}
{% endfor %}
{% for a in aspects if a.mechanisms %}
<h3>Where the {{ a.title }} is decided</h3>
<div class="wide"><table class="mechanisms"><caption>{{ a.title }}: {{ a.shown }}. The lines are as the device gave them.</caption>
<thead><tr><th scope="col">Mechanism</th><th scope="col">Where</th><th scope="col">State</th><th scope="col">Seen</th></tr></thead><tbody>
{% for m in a.mechanisms %}
<tr><th scope="row">{{ m.id }}</th><td>{{ m.scope }}</td><td>{{ m.state }}{% if m.basis %} <span class="soft">({{ m.basis }}; {{
  sure[m.label] or m.label }})</span>{% endif %}</td><td>{% if m.evidence %}<pre>{{ m.evidence | join("\n") }}</pre>{% endif %}</td></tr>
{% endfor %}
</tbody></table></div>
{% endfor %}
{% if row.not_checked %}
<h3>Not checked</h3><ul>{% for text in row.not_checked %}<li>{{ text }}</li>{% endfor %}</ul>
{% endif %}
</article>
"""

PACKED = '<script type="text/plain" class="pack">{{ text | safe }}</script>\n'
"""Base64 has no character that could end the element."""

END = r"""</main>
<footer><div class="in">Made by voip.edge {{ version }}. Nothing is fetched: this file works offline. The records beside it hold
everything that was seen.</div></footer>
<script>{{ script | safe }}</script>
</body>
</html>
"""

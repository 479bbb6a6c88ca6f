# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the HTML report looks: light and dark, on a telephone, and on paper. Data alone."""

from __future__ import annotations

_LIGHT = (
    "--bg:#f6f8fa;--card:#fff;--fg:#17212e;--soft:#566373;--line:#d8dfe7;--accent:#0b5cad;--code:#f1f4f8;"
    "--c:#1a7f47;--n:#b3261e;--u:#8f5f00;--s:#6a4bb0;--x:#56616f"
)
_DARK = (
    "--bg:#0f141a;--card:#171e27;--fg:#e4eaf1;--soft:#9aa8b9;--line:#2b3643;--accent:#79b8ff;--code:#10161d;"
    "--c:#4cc38a;--n:#ff8f85;--u:#e3b341;--s:#b79bf5;--x:#9aa7b8"
)
_PAPER = (
    "--bg:#fff;--card:#fff;--fg:#000;--soft:#444;--line:#bbb;--accent:#000;--code:#fff;"
    "--c:#1a7f47;--n:#b3261e;--u:#8f5f00;--s:#6a4bb0;--x:#56616f"
)

_SCREEN = r"""
* { box-sizing:border-box }
[hidden] { display:none !important }
html { color-scheme:light dark }
html[data-theme=light] { color-scheme:light }
html[data-theme=dark] { color-scheme:dark }
body { margin:0; background:var(--bg); color:var(--fg); overflow-wrap:anywhere; font:16px/1.5
  system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif }
.in { max-width:82rem; margin:0 auto; padding:0 1.5rem }
a { color:var(--accent) }
h1 { font-size:1.55rem; line-height:1.2; margin:0 }
h2 { font-size:1.15rem; margin:0 0 .7rem }
h3 { font-size:1rem; margin:1.4rem 0 .4rem }
p { margin:.3rem 0 }
ul,ol { margin:.3rem 0; padding-left:1.3rem }
.soft { color:var(--soft) }
.skip { position:absolute; left:-99rem }
.skip:focus { position:static; display:block; padding:.6rem 1.5rem }
.hear { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); white-space:nowrap }
.c { --k:var(--c) }
.n { --k:var(--n) }
.u { --k:var(--u) }
.s { --k:var(--s) }
.x { --k:var(--x) }
.top { background:var(--card); border-bottom:1px solid var(--line); padding:1.3rem 0 }
.top .in { display:flex; gap:1rem; justify-content:space-between; align-items:flex-start }
button,input,select { font:inherit; color:inherit }
.button,input[type=search],select { background:var(--card); border:1px solid var(--line); border-radius:.45rem;
  padding:.4rem .8rem }
.button { cursor:pointer; white-space:nowrap }
.button:hover { border-color:var(--accent) }
.button:disabled { opacity:.45; cursor:default }
:focus-visible { outline:3px solid var(--accent); outline-offset:2px }
h2:focus { outline:none }
.card { background:var(--card); border:1px solid var(--line); border-radius:.7rem; padding:1.1rem 1.3rem;
  margin:1.2rem 0 }
.lead { font-size:1.1rem; margin:1.2rem 0 }
.picture { display:flex; flex-wrap:wrap; gap:1.2rem; margin:1.2rem 0 }
.picture .card { flex:1 1 22rem; margin:0; min-width:0 }
.ring { display:flex; gap:.8rem; align-items:center; flex-wrap:wrap }
.ring svg { width:7.6rem; height:7.6rem; flex:none }
.ring circle { fill:none; stroke:var(--k,var(--line)); stroke-width:15 }
.ring text { fill:var(--fg); text-anchor:middle; font-size:21px; font-weight:700 }
.ring .unit { font-size:9.5px; font-weight:400; fill:var(--soft) }
.tiles { list-style:none; padding:0; margin:0; flex:1 1 10rem }
.tiles button { all:unset; box-sizing:border-box; display:flex; gap:.6rem; width:100%; padding:.22rem .5rem;
  border-radius:.4rem; cursor:pointer; align-items:baseline }
.tiles button:hover,.bars button:hover { background:var(--code) }
.tiles button:focus-visible,.bars button:focus-visible,th button:focus-visible { outline:3px solid var(--accent) }
.tiles [aria-pressed=true],.bars [aria-pressed=true] { background:var(--code); box-shadow:inset 0 0 0 2px
  var(--k,var(--accent)) }
.tiles b { min-width:1.6rem; text-align:right; font-variant-numeric:tabular-nums }
.w { font-weight:600; color:var(--k); white-space:nowrap }
.w::before { font-weight:400 }
.c.w::before { content:"\2714\a0 "; content:"\2714\a0 " / "" }
.n.w::before { content:"\2718\a0 "; content:"\2718\a0 " / "" }
.u.w::before { content:"?\a0 "; content:"?\a0 " / "" }
.s.w::before { content:"\2013\a0 "; content:"\2013\a0 " / "" }
.x.w::before { content:"\2205\a0 "; content:"\2205\a0 " / "" }
.bars { list-style:none; padding:0; margin:0 }
.bars li { display:grid; grid-template-columns:minmax(5rem,8rem) 1fr 5.6rem; gap:.8rem; align-items:center;
  padding:.1rem 0 }
.bars button { all:unset; box-sizing:border-box; cursor:pointer; padding:.12rem .5rem; border-radius:.4rem;
  text-align:left; overflow:hidden; text-overflow:ellipsis; white-space:nowrap; max-width:100% }
.bars svg { width:100%; height:.85rem; border-radius:.3rem; display:block; background:var(--code) }
.bars rect { fill:var(--k) }
.bars .soft { font-size:.88rem; font-variant-numeric:tabular-nums; text-align:right }
.controls { display:flex; flex-wrap:wrap; gap:.7rem 1rem; align-items:end; margin:0 0 .8rem }
.controls label { display:grid; font-size:.85rem; color:var(--soft) }
.controls label>* { font-size:1rem; color:var(--fg); max-width:16rem }
.wide { overflow-x:auto }
table { border-collapse:collapse; width:100% }
th,td { text-align:left; padding:.42rem .7rem; border-bottom:1px solid var(--line); vertical-align:top;
  overflow-wrap:break-word }
caption { text-align:left; color:var(--soft); font-size:.9rem; padding:0 0 .4rem }
thead th { white-space:nowrap; font-size:.9rem }
#hosts thead th { position:sticky; top:0; background:var(--card); box-shadow:inset 0 -1px var(--line); border:0 }
#hosts tbody tr:hover { background:var(--code) }
#hosts td.n,#hosts td.u { color:var(--k) } #hosts thead button:hover { text-decoration:underline }
th button { all:unset; cursor:pointer; font-weight:600 }
#hosts { font-size:.94rem } #hosts tbody th { min-width:7rem } #hosts th,#hosts td { padding:.4rem .55rem }
[aria-sort=ascending] button::after { content:" \2191"; opacity:1 }
[aria-sort=descending] button::after { content:" \2193"; opacity:1 }
#nav { display:flex; flex-wrap:wrap; gap:.6rem; align-items:center; margin:1.2rem 0 0 }
#nav .grow { flex:1 }
.host>header { border-left:.4rem solid var(--k); padding:.1rem 0 .1rem 1rem; margin-bottom:1rem }
.host>header h2 { font-size:1.5rem; margin:0 }
.facts { display:flex; flex-wrap:wrap; gap:.3rem 2rem; margin:.7rem 0 0 }
.facts dt { font-size:.8rem; color:var(--soft) }
.facts dd { margin:0 }
.note { border-left:.3rem solid var(--k); background:var(--code); padding:.6rem 1rem; border-radius:.3rem;
  white-space:pre-line }
.pair { display:grid; grid-template-columns:repeat(auto-fit,minmax(17rem,1fr)); gap:1rem }
.pair>div { border:1px solid var(--line); border-radius:.6rem; padding:.8rem 1.1rem }
.pair h3 { margin:0 0 .4rem }
.pair dl { display:grid; grid-template-columns:auto 1fr; gap:.15rem 1rem; margin:0 }
.pair dd { margin:0 }
.found { list-style:none; padding:0 }
.found li { padding:.35rem 0; border-bottom:1px solid var(--line) }
.found li:last-child { border:0 }
.tag { display:inline-block; min-width:4.6rem; text-align:center; font-size:.8rem; font-weight:600; border:1px solid
  currentColor; border-radius:1rem; padding:0 .6rem; margin-right:.5rem; color:var(--k) }
.id { font-size:.8rem; color:var(--soft); white-space:nowrap }
.steps { list-style:none; padding:0; counter-reset:step }
.steps li { padding:.4rem 0; border-bottom:1px solid var(--line); counter-increment:step }
.steps label { display:flex; gap:.7rem; cursor:pointer }
.steps label>span::before { content:counter(step) ". "; color:var(--soft) }
.steps span { white-space:pre-line }
.steps input { width:1.15rem; height:1.15rem; margin:.2rem 0 0; flex:none; accent-color:var(--accent) }
.steps :checked+span { color:var(--soft); text-decoration:line-through }
code,pre { font:13px/1.5 ui-monospace,"Cascadia Mono","Liberation Mono","DejaVu Sans Mono",monospace;
  white-space:pre-wrap; overflow-wrap:anywhere }
pre { margin:0; background:var(--code); border-radius:.4rem; padding:.45rem .7rem }
td pre { padding:.2rem .5rem }
.undo { display:grid; grid-template-columns:repeat(auto-fit,minmax(16rem,1fr)); gap:.8rem; margin:.5rem 0 }
.undo p { font-size:.8rem; color:var(--soft); margin:0 0 .1rem }
.paper { display:none }
footer { color:var(--soft); font-size:.88rem; padding:1rem 0 2.5rem }
.js article.host { display:none }
.js article.open { display:block }
.one #fleet { display:none }
@media (max-width:46rem) {
  .in { padding:0 .9rem }
  .card { padding:.9rem }
  .top .in { flex-wrap:wrap }
  #hosts .less { display:none }
  #hosts { font-size:.88rem } #hosts th,#hosts td { padding:.4rem .3rem }
  #hosts .w { white-space:normal } #hosts tbody th { min-width:6rem }
  .bars li { grid-template-columns:6.5rem 1fr 4.8rem; gap:.4rem }
  .controls label,.controls label>* { width:100%; max-width:none }
  .mechanisms thead { display:none }
  .mechanisms tr { display:block; padding:.5rem 0; border-bottom:1px solid var(--line) }
  .mechanisms td,.mechanisms th { display:block; border:0; padding:.1rem 0 }
  th,td { padding:.4rem .45rem }
}
@media print {
  @page { margin:14mm 12mm 16mm; @bottom-right { content:counter(page) " / " counter(pages); font:9pt sans-serif } }
  body { font-size:10pt }
  .in { max-width:none; padding:0 }
  .top { border-bottom:2px solid #000; padding:0 0 .5rem }
  .button,.controls,.skip,#nav,.screen { display:none !important }
  .card { border:0; padding:0; margin:.8rem 0; border-radius:0 }
  .picture { display:block }
  .picture .card { margin:.8rem 0 }
  a { color:inherit; text-decoration:none }
  .paper { display:block }
  .wide { overflow:visible }
  #hosts thead th { position:static }
  thead { display:table-header-group }
  tr,.found li,.steps li,.step,.note,.pair>div { break-inside:avoid }
  h2,h3 { break-after:avoid }
  th,td,#hosts th,#hosts td { padding:.2rem .35rem } #hosts { font-size:8.5pt } #hosts tbody th { min-width:0 } #hosts a { font-weight:400 }
  pre,.note { border:1px solid var(--line) }
  code,pre { font-size:8.5pt }
  .steps :checked+span { text-decoration:none }
  .tag,.bars svg,.ring { print-color-adjust:exact; -webkit-print-color-adjust:exact }
  .sheets .picture,.sheets .lead,.sheets .noted { display:none }
  .sheets #fleet { display:block }
  .js.sheets article.host { display:none }
  .js.sheets article.sheet { display:block; break-before:page }
  .js.sheets article.sheet.c { break-before:auto; break-inside:avoid; margin-top:2rem }
}
"""

STYLE = (
    f":root{{{_LIGHT}}}\n@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}\n"
    f":root[data-theme=light]{{{_LIGHT}}}\n:root[data-theme=dark]{{{_DARK}}}\n"
    f"@media print{{:root,:root[data-theme]{{color-scheme:light;{_PAPER}}}}}{_SCREEN}"
)

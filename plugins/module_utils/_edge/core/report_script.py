# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the HTML report does in a browser: it sorts, filters, opens a host, remembers ticks and prints. Data alone.

The script makes no markup out of text: the pages of the hosts come ready from the template, where all text was escaped.
"""

from __future__ import annotations

SCRIPT = r"""
(function () {
  "use strict";
  var LIMIT = 500, MOST_SHEETS = 1000, KEY = "voip.edge/";
  var root = document.documentElement, table = document.getElementById("hosts"), tbody = table.tBodies[0];
  var title = document.title, heads = Array.from(table.tHead.rows[0].cells);
  function el(id) { return document.getElementById(id); }
  // A browser may refuse a file its storage: then ticks and the theme last as long as the page.
  var store = {
    get: function (key) { try { return localStorage.getItem(KEY + key); } catch (e) { return null; } },
    set: function (key, value) {
      try { if (value) { localStorage.setItem(KEY + key, value); } else { localStorage.removeItem(KEY + key); } } catch (e) { return; }
    }
  };
  root.classList.add("js");
  document.querySelectorAll(".screen").forEach(function (x) { x.hidden = false; });

  // ---- light and dark
  var themes = ["", "light", "dark"], theme = store.get("theme") || "";
  function paint() {
    if (theme) { root.dataset.theme = theme; } else { delete root.dataset.theme; }
    el("theme").textContent = "Colours: " + (theme || "automatic");
  }
  el("theme").addEventListener("click", function () {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    store.set("theme", theme);
    paint();
  });
  paint();

  // ---- the table: filters and order
  var rows = Array.from(tbody.rows).map(function (tr, n) {
    var texts = Array.from(tr.cells, function (cell) { return cell.textContent; });
    return {tr: tr, n: n, host: texts[0], texts: texts, code: tr.className,
      all: (texts.join(" ") + " " + tr.dataset.f).toLowerCase()};
  });
  var byName = new Map(rows.map(function (r) { return [r.host, r]; })), shown = rows, whole = false;
  var column = {};
  heads.forEach(function (th, at) { column[th.dataset.key] = at; });
  var filters = {vendor: el("vendor"), site: el("site"), change: el("change")};
  var find = el("find"), result = el("result"), aspect = el("aspect");
  var collator = new Intl.Collator(undefined, {numeric: true});
  function add(select, value, text) {
    var option = document.createElement("option");
    option.value = value;
    option.textContent = text;
    select.appendChild(option);
  }
  Object.keys(filters).forEach(function (key) {
    var select = filters[key], values = new Set();
    if (!select) { return; }
    rows.forEach(function (r) { values.add(r.texts[column[key]]); });
    Array.from(values).sort(collator.compare).forEach(function (v) { add(select, "=" + v, v || "not given"); });
  });
  function passes(r, words) {
    var cell = aspect.value ? r.tr.cells[column[aspect.value]] : null;
    if (cell && !cell.textContent) { return false; }
    if (result.value && (cell ? cell.classList.contains(result.value) : r.code === result.value) === false) { return false; }
    return Object.keys(filters).every(function (key) {
      return !filters[key] || !filters[key].value || "=" + r.texts[column[key]] === filters[key].value;
    }) && words.every(function (word) { return r.all.indexOf(word) >= 0; });
  }
  function narrowed() {
    return Boolean(find.value || result.value || aspect.value ||
      Object.keys(filters).some(function (key) { return filters[key] && filters[key].value; }));
  }
  function filter() {
    var words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = rows.filter(function (r) { return passes(r, words); });
    var seen = new Set(whole ? shown : shown.slice(0, LIMIT));
    rows.forEach(function (r) { r.tr.hidden = !seen.has(r); });
    el("more").hidden = seen.size === shown.length;
    el("more").textContent = "Show all " + shown.length;
    el("shown").textContent = shown.length + " of " + rows.length + " hosts" +
      (seen.size < shown.length ? ", the first " + seen.size + " are listed" : "");
    el("print").textContent = filters.site && filters.site.value ? "Print this site" : "Print what is shown";
    el("print").disabled = !shown.length;
    el("clear").disabled = !narrowed();
    document.querySelectorAll("[data-set]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(el(button.dataset.set).value === button.dataset.value));
    });
  }
  [find, result, aspect, filters.vendor, filters.site, filters.change].forEach(function (x) {
    if (x) { x.addEventListener("input", filter); }
  });
  el("clear").addEventListener("click", function () {
    document.querySelectorAll(".controls select").forEach(function (x) { x.value = ""; });
    find.value = "";
    filter();
    find.focus();
  });
  el("more").addEventListener("click", function () { whole = true; filter(); });
  document.querySelectorAll("[data-set]").forEach(function (button) {
    button.addEventListener("click", function () {
      var select = el(button.dataset.set);
      select.value = select.value === button.dataset.value ? "" : button.dataset.value;
      filter();
      table.scrollIntoView();
    });
  });
  function order(th, at) {
    var up = th.getAttribute("aria-sort") !== "ascending", worst = "nuxsc";
    heads.forEach(function (x) { x.removeAttribute("aria-sort"); });
    th.setAttribute("aria-sort", up ? "ascending" : "descending");
    rows.sort(function (a, b) {
      var by = th.dataset.key === "result" ? worst.indexOf(a.code) - worst.indexOf(b.code)
        : collator.compare(a.texts[at], b.texts[at]);
      return (up ? by : -by) || a.n - b.n;
    });
    var all = document.createDocumentFragment();
    rows.forEach(function (r) { all.appendChild(r.tr); });
    tbody.appendChild(all);
    filter();
  }
  heads.forEach(function (th, at) { th.firstElementChild.addEventListener("click", function () { order(th, at); }); });

  // ---- the pages of the hosts: in the file as they are, or packed and unpacked when they are asked for
  var pages = el("pages"), packs = Array.from(document.querySelectorAll("script.pack")), unpacked = [];
  var size = Number(pages.dataset.pack), ready = packs.length ? [] : Array.from(pages.children);
  async function unpack(at) {
    var raw = atob(packs[at].textContent.trim()), bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) { bytes[i] = raw.charCodeAt(i); }
    var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    var holder = document.createElement("template");
    holder.innerHTML = await new Response(stream).text();
    Array.from(holder.content.children).forEach(function (page, i) {
      ready[at * size + i] = page;
      pages.appendChild(page);
    });
  }
  async function pageOf(r) {
    if (!ready[r.n]) {
      var at = Math.floor(r.n / size);
      unpacked[at] = unpacked[at] || unpack(at);
      await unpacked[at];
    }
    remember(ready[r.n], r.host);
    return ready[r.n];
  }

  // ---- steps that are ticked off: kept by host and text, so a new step is never taken for done
  function digest(text) {
    var h = 5381;
    for (var i = 0; i < text.length; i++) { h = (h * 33 ^ text.charCodeAt(i)) >>> 0; }
    return h.toString(36);
  }
  function remember(page, host) {
    var boxes = Array.from(page.querySelectorAll(".steps input")), count = page.querySelector(".ticked");
    if (page.dataset.ready || !boxes.length) { return; }
    page.dataset.ready = "yes";
    function tell() { count.textContent = boxes.filter(function (b) { return b.checked; }).length + " of " + boxes.length + " done"; }
    boxes.forEach(function (box) {
      var key = "step/" + host + "/" + digest(box.nextElementSibling.textContent);
      box.checked = store.get(key) === "1";
      box.addEventListener("change", function () { store.set(key, box.checked ? "1" : ""); tell(); });
    });
    tell();
  }

  // ---- a page a host: #host/NAME, with the browser's own back button
  var open = null, at = 0, wanted = 0;
  function say(text) { el("said").textContent = text; }
  function step(by) {
    var next = shown[shown.indexOf(open) + by];
    return open && shown.indexOf(open) >= 0 ? next : undefined;
  }
  function go(r) { location.hash = "host/" + encodeURIComponent(r.host); }
  function close() {
    var was = open;
    open = null;
    root.classList.remove("one");
    el("nav").hidden = true;
    document.title = title;
    if (was) {
      window.scrollTo(0, at);
      was.tr.querySelector("a").focus({preventScroll: true});
    }
  }
  function present(r, page) {
    if (!open) { at = window.scrollY; }
    open = r;
    root.classList.add("one");
    page.classList.add("open");
    el("nav").hidden = false;
    el("previous").disabled = !step(-1);
    el("next").disabled = !step(1);
    document.title = r.host + " - " + title;
    window.scrollTo(0, 0);
    page.querySelector("h2").focus({preventScroll: true});
  }
  async function route() {
    var mine = ++wanted, name = null, page;
    if (location.hash.indexOf("#host/") === 0) {
      try { name = decodeURIComponent(location.hash.slice(6)); } catch (e) { name = location.hash.slice(6); }
    }
    var r = name === null ? null : byName.get(name);
    say(name !== null && !r ? "There is no host " + name + " in this report." : "");
    if (r) {
      try { page = await pageOf(r); } catch (e) {
        say("This browser cannot unpack the pages of hosts. Use a newer one, or report.md beside this file.");
      }
      if (mine !== wanted) { return; }
    }
    Array.from(pages.querySelectorAll(".open")).forEach(function (x) { x.classList.remove("open"); });
    if (r && page) { present(r, page); } else { close(); }
  }
  el("previous").addEventListener("click", function () { go(step(-1)); });
  el("next").addEventListener("click", function () { go(step(1)); });
  window.addEventListener("hashchange", route);

  // ---- on paper: what the filters show, the table first, then a page a host
  async function sheets() {
    var list = shown.slice(0, MOST_SHEETS), words = [];
    ["site", "vendor", "change", "aspect", "result"].forEach(function (key) {
      var select = el(key);
      if (select && select.value) {
        words.push(select.parentNode.firstChild.textContent.trim() + " " + select.selectedOptions[0].textContent);
      }
    });
    if (find.value) { words.push("\u201c" + find.value + "\u201d"); }
    el("printed").textContent = (words.length ? words.join(", ") + ": " : "") + shown.length + " hosts" +
      (list.length < shown.length ? ", the first " + list.length + " with their pages" : "");
    say("Preparing " + list.length + " pages");
    for (var i = 0; i < list.length; i++) { (await pageOf(list[i])).classList.add("sheet"); }
    root.classList.add("sheets");
    if (!whole) { shown.forEach(function (r) { r.tr.hidden = false; }); }
    say("");
    window.print();
  }
  window.addEventListener("afterprint", function () {
    root.classList.remove("sheets");
    Array.from(pages.querySelectorAll(".sheet")).forEach(function (x) { x.classList.remove("sheet"); });
    el("printed").textContent = "";
    filter();
  });
  el("print").addEventListener("click", sheets);
  el("print-host").addEventListener("click", function () { window.print(); });
  filter();
  route();
})();
"""

"use strict";
(() => {
  // ---- what the page knows; text from the data only ever becomes text, never markup ----
  const D = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const R = D.regions, P = D.parents, N = R.id.length, NOW = D.frames.length;
  const CAP = 50, INCIDENTS = 8, TOLL = ["killed", "wounded", "abducted"], BINS = [1, 2, 4, 8, 16];
  const S = { layer: D.headline, frame: NOW, region: -1, lang: D.language, theme: "auto",
    sort: "level", down: true, rows: CAP, query: "", marks: true, x: 0, y: 0, k: 1 };
  const T = () => D.texts[S.lang];
  const country = (code) => { const names = D.nations[S.lang]; return Object.hasOwn(names, code) ? names[code] : code; };
  const people = (codes) => {
    const names = D.people[S.lang], aimed = codes.startsWith("~");
    const told = codes.slice(aimed ? 1 : 0).split(";").map((code) => code.trim()).filter(Boolean);
    return told.length ? fill(T().sentences[aimed ? "aimed" : "hit"], { people: fill(T().nationals, { people: told.map((code) => (Object.hasOwn(names, code) ? names[code] : code)).join(", ") }) }) : "";
  };
  const parent = (j) => (country(P.id[j]) === P.id[j] ? P.name[j] : country(P.id[j])) || "";
  const at = new Map(R.id.map((id, i) => [id, i]));

  const make = (tag, text, cls) => {
    const e = document.createElement(tag);
    if (text !== undefined && text !== null) e.textContent = text;
    if (cls) e.className = cls;
    return e;
  };
  const draw = (tag, attributes, parent) => {
    const e = document.createElementNS(SVG, tag);
    for (const key in attributes) e.setAttribute(key, attributes[key]);
    if (parent) parent.append(e);
    return e;
  };
  const named = (i) => { const e = make("bdi", i < 0 ? T().told.outside : R.name[i]); e.dir = "auto"; return e; }; // a name of any script keeps its own direction
  const between = (parts, mark) => parts.filter(Boolean).flatMap((part, j) => { // texts side by side, none reordered by another
    const e = typeof part === "string" ? make("bdi", part) : part;
    return j ? [mark, e] : [e];
  });
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
  const percent = (p) => {
    if (p === null || p === undefined) return "–";
    if (p > 0.99) return "> 99 %";
    return p < 1e-4 ? "< 0.01 %" : Number((100 * p).toPrecision(2)) + " %";
  };
  const range = (least, most) => {
    const low = percent(least), high = percent(most);
    return low === high ? high : low.replace(/ %$/, "") + (/^[<>]/.test(high) ? " – " : "–") + high;
  };
  const number = (v, digits) => {
    if (v === null || v === undefined) return "–";
    return v > 0 && v < 5e-4 ? "< 0.001" : String(Number(v.toPrecision(digits || 2)));
  };
  const attacks = (v) => (Math.abs(v - Math.round(v)) < 0.01 ? Math.round(v) : v < 0.5 ? T().perhaps : fill(T().about, { n: Math.round(v) }));
  const victims = (v) => (v !== null && v !== undefined && v < 0.01 ? T().few_victims : number(v));
  const word = (p) => {
    if (p < 1e-4) return fill(T().likelihoods.rarest, { n: (1e4).toLocaleString("en") });
    const n = 1 / p;
    const keys = ["one_in", "two_in_five", "roughly_even", "likely", "very_likely", "almost_certain"];
    const i = [0.36, 0.45, 0.55, 0.8, 0.95, 1].findIndex((bound) => p <= bound);
    return fill(T().likelihoods[keys.at(i)], { n: (n < 10 ? Math.round(n) : Number(n.toPrecision(2))).toLocaleString("en") });
  };
  const day = (text) => String(text || "").slice(0, 10);
  const layer = () => D.layers[S.layer];

  // recorded incidents, region by window, from the sparse list [region, window, value, ...]
  const counts = {};
  for (const name in D.counts) {
    const dense = new Float32Array(N * NOW), flat = D.counts[name];
    for (let j = 0; j < flat.length; j += 3) dense[flat[j] * NOW + flat[j + 1]] = flat[j + 2];
    counts[name] = dense;
  }
  for (const name of D.counted) counts[name] ||= new Float32Array(N * NOW);
  const countsOf = () => counts[S.layer] || null; // of the layer itself, or of none
  const showsCounts = () => S.frame < NOW && Boolean(countsOf());
  const bin = (v) => { let b = 0; while (b < 5 && v >= BINS[b]) b += 1; return b; };
  const levels = () => layer().level;
  const flagged = (i, flag, l) => { const f = (l || layer()).flags; return Boolean(f && (f[i] >> D.codes.flags.indexOf(flag)) & 1); };
  const now = () => !showsCounts();
  const sign = (i, l) => { const v = (l || layer()).level[i]; return v === 0 ? "?" : v + (flagged(i, "at_least", l) ? "+" : ""); };
  const span = (i) => { const l = layer(); return l.level[i] && l.low && l.low[i] !== null && l.low[i] < l.high[i] ? `${l.low[i]}–${l.high[i]}` : ""; };
  const marked = (i) => now() && flagged(i, "attacked");
  const reasons = (i, l) => D.codes.reasons.filter((_, bit) => (((l || layer()).why || [])[i] >> bit) & 1).map((code) => T().reasons_short[code]);
  const uncovered = (i) => now() && layer().level[i] === 0 && Boolean(layer().why) && Boolean(layer().why[i] & 1);
  const told = (i, l_) => { // a level in words, with the span beside it
    const l = l_ || layer(), v = l.level[i], t = T();
    let text = `${v || "?"} ${t.levels[D.scale.levels[v].name]}`;
    if (v && flagged(i, "at_least", l)) text = fill(t.told.at_least, { level: text });
    if (v && l.low && l.low[i] !== null && l.low[i] < l.high[i]) text = fill(t.told.span, { level: text, low: l.low[i], high: l.high[i] });
    return flagged(i, "attacked", l) ? fill(t.told.attacked, { level: text }) : text;
  };
  const chances = () => layer().p;

  // ---- the drawing ----
  const [W, H] = D.view;
  const svg = $("svg"), scene = $("scene"), areas = $("areas"), labels = $("labels"), map = $("map");
  svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
  const shapes = R.path.map((d, i) => { const e = draw("path", { d, "fill-rule": "evenodd" }); e.i = i; return e; });
  areas.append(...shapes);
  $("outlines").append(...P.path.filter(Boolean).map((d) => draw("path", { d })));
  const spread = draw("g", { id: "spread" }), spots = draw("g", { id: "spots" }), ways = draw("g", { id: "ways" }), marks = draw("g", { id: "marks" });
  scene.insertBefore(spread, labels); scene.append(ways, spots, marks);
  const bySize = R.r.map((_, i) => i).sort((a, b) => R.r[b] - R.r[a]);

  let box = { left: 0, top: 0, width: W, height: H };
  function measure() { box = map.getBoundingClientRect(); }
  function pixels() { return Math.min(box.width / W, box.height / H) || 0.1; } // a map unit at zoom 1
  function paint() {
    const c = showsCounts(), values = c ? countsOf() : levels();
    for (let i = 0; i < N; i += 1) {
      const cls = c ? "n" + bin(values[i * NOW + S.frame]) : "l" + values[i] + (uncovered(i) ? " uncovered" : "") + (marked(i) ? " attacked" : "");
      if (shapes[i].cls !== cls) { shapes[i].cls = cls; shapes[i].setAttribute("class", cls); }
    }
    relabel(); mark(); seen(); legend(); moment();
  }
  function mark() { // a triangle over each region that was attacked, whatever its size
    const size = 11.5 / (pixels() * S.k), all = [];
    for (let i = 0; i < N; i += 1) if (marked(i)) {
      const y = R.y[i] - size * (over.get(i) ?? 0.6); // above its number, where there is one
      all.push(draw("path", { d: `M${R.x[i]} ${y - size}l${size * 0.65} ${size}h${-size * 1.3}z` }));
    }
    marks.replaceChildren(...all);
  }
  // ---- incidents as exactly as they are known, and the group's own sites ----
  const I = D.incidents, POINT = 1, PLACE = 2;
  I.exact = [...I.known].map((c) => Number.parseInt(c, 16) >> 2); I.about = [...I.known].map((c) => Number.parseInt(c, 16) & 3);
  const counted = (j) => S.layer === "violence" || Boolean(I.about[j] & (S.layer === "foreign" ? 1 : 2));
  const recent = (() => { const out = []; for (let j = 0; j < I.region.length; j += 1) if (I.day[j] >= I.since) out.push(j); return out; })();
  const placed = new Map(); // those that are drawn where they were
  for (let j = 0; j < I.at.length; j += 3) placed.set(I.at[j], [I.at[j + 1], I.at[j + 2]]);
  function seen() {
    const show = S.marks && now(), unit = pixels() * S.k, whole = new Map(), dots = [], lines = [];
    if (show) for (const j of recent) {
      const own = counted(j), at_ = placed.get(j);
      if (at_) dots.push([own, draw("circle", { cx: at_[0], cy: at_[1], r: (I.exact[j] === POINT ? 3.4 : 6) / unit, class: (I.exact[j] === POINT ? "point" : "place") + (own ? " own" : "") })]);
      else whole.set(I.region[j], whole.get(I.region[j]) || own);
    }
    const areas_ = show ? [...new Set(I.areas.filter((j) => j >= 0))].map((j) => draw("path", { d: P.path[j], class: "area" })) : [];
    const order_ = [...whole].sort((a, b) => a[1] - b[1]);
    const under = order_.map(([i]) => draw("path", { d: R.path[i], class: "under" }));
    spread.replaceChildren(...under, ...areas_, ...order_.map(([i, own]) => draw("path", { d: R.path[i], class: own ? "own" : "" })));
    spots.replaceChildren(...dots.sort((a, b) => a[0] - b[0]).map(([, e]) => e));
    if (S.marks) for (const [, ...xy] of D.ways) if (xy.length > 2) {
      const d = "M" + xy.map((v, j) => v + (j % 2 ? "L" : " ")).join("").slice(0, -1);
      lines.push(draw("path", { d, class: "under" }), draw("path", { d, class: "way" }));
    }
    if (S.marks) for (const [, ...xy] of D.ways) if (xy.length === 2) {
      const size = 5.5 / unit;
      lines.push(draw("path", { d: `M${xy[0]} ${xy[1] - size}l${size} ${size}l${-size} ${size}l${-size} ${-size}z`, class: "site" }));
    }
    for (const [name, x, y, anchor] of S.marks ? siteNames : []) {
      const text = draw("text", { x, y, "text-anchor": anchor, "font-size": 11.5 / unit });
      text.textContent = name;
      lines.push(text);
    }
    ways.replaceChildren(...lines);
  }
  // where labels stand: laid out when the view changes, the largest regions first, none over another
  let numbers = [], names = [], siteNames = [];
  const over = new Map();
  function layout() {
    const unit = pixels() * S.k, size = 11.5 / unit, [x0, y0, x1, y1] = visible(), taken = [];
    const fits = (x, y, w, h) => {
      if (x < x0 || x > x1 || y < y0 || y > y1) return false;
      for (const t of taken) if (Math.abs(t[0] - x) * 2 < t[2] + w && Math.abs(t[1] - y) * 2 < t[3] + h) return false;
      taken.push([x, y, w, h]);
      return true;
    };
    const wide = (text) => { let n = 0; for (const c of text) n += c > "\u2e80" ? 1 : 0.58; return n * size; };
    const put = (text, x, y, cls) => { const e = draw("text", { x, y, class: cls }); e.textContent = text; return e; };
    const provinces = [];
    numbers = []; names = []; siteNames = [];
    over.clear();
    if (S.marks) for (const [name, x, y, ...more] of D.ways) if (!more.length) { // to the right of the site, or to its left, or nowhere
      const w = wide(name), at_ = size * 0.8;
      if (fits(x + at_ + w / 2, y, w, size * 1.2)) siteNames.push([name, x + at_, y, "start"]);
      else if (fits(x - at_ - w / 2, y, w, size * 1.2)) siteNames.push([name, x - at_, y, "end"]);
    }
    if (S.k < 6) P.name.forEach((_, j) => {
      const name = parent(j);
      if (name && P.r[j] * unit > 15 && fits(P.x[j], P.y[j], wide(name) * 1.3, size * 1.2)) provinces.push(put(name, P.x[j], P.y[j], "parent"));
    });
    for (const i of bySize) {
      const reach = R.r[i] * unit;
      if (reach < 6.5 || numbers.length > 450) break;
      const w = wide(R.name[i]);
      const has = reach * 2.1 > w * unit && reach > 16 && fits(R.x[i], R.y[i], w, size * 2.3);
      const spans = Boolean(span(i)) && (has || (reach > 13 && fits(R.x[i], R.y[i], size * 3.2, size * 1.1)));
      if (!has && !spans && !fits(R.x[i], R.y[i], size * 1.1, size * 1.1)) continue;
      const e = put("", R.x[i], R.y[i] - (has ? size * 0.55 : 0), "");
      e.i = i; e.spans = spans; numbers.push(e); over.set(i, has ? 1.1 : 0.6);
      if (has) { const n = put(R.name[i], R.x[i], R.y[i] + size * 0.6, "name"); n.i = i; names.push(n); }
    }
    labels.setAttribute("font-size", size);
    labels.replaceChildren(...numbers, ...names, ...provinces);
    relabel(); mark(); seen();
  }
  function relabel() {
    const c = showsCounts(), values = c ? countsOf() : levels();
    const value = (i) => (c ? values[i * NOW + S.frame] : values[i]), shade = (v) => (v === 0 ? "plain" : (c ? bin(v) > 2 : v === 5) ? "light" : "");
    for (const e of numbers) {
      const v = value(e.i), low = !c && e.spans ? span(e.i) : "", text = c ? (v ? number(v) : "") : sign(e.i), cls = shade(v);
      if (e.text !== text + low) {
        e.text = text + low; e.textContent = text;
        if (low) draw("tspan", { class: "span", dx: ".3em" }, e).textContent = low;
      }
      if (e.cls !== cls) { e.cls = cls; e.setAttribute("class", cls); }
    }
    for (const e of names) e.setAttribute("class", "name " + shade(value(e.i)));
  }
  function visible() {
    const unit = pixels();
    const ox = (box.width - W * unit) / 2, oy = (box.height - H * unit) / 2;
    const to = (px, py) => [((px - ox) / unit - S.x) / S.k, ((py - oy) / unit - S.y) / S.k];
    return [...to(0, 0), ...to(box.width, box.height)];
  }
  function move(then) {
    S.k = Math.max(1, Math.min(60, S.k));
    S.x = Math.max(W * (1 - S.k) - W * 0.4, Math.min(W * 0.4, S.x));
    S.y = Math.max(H * (1 - S.k) - H * 0.4, Math.min(H * 0.4, S.y));
    const [x, y, k] = [S.x, S.y, S.k].map((v) => Number(v.toFixed(3)) || 0);
    scene.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
    for (const id of ["hatch", "cross"]) $(id).setAttribute("patternTransform", `rotate(45) scale(${1 / (pixels() * S.k)})`);
    if (then !== false) { layout(); link(); }
  }
  function zoom(factor, px, py) { // about a point of the screen, the middle by default
    const unit = pixels();
    const cx = ((px ?? box.width / 2) - (box.width - W * unit) / 2) / unit;
    const cy = ((py ?? box.height / 2) - (box.height - H * unit) / 2) / unit;
    const k = Math.max(1, Math.min(60, S.k * factor)), f = k / S.k;
    S.x = cx - f * (cx - S.x); S.y = cy - f * (cy - S.y); S.k = k;
    move();
  }
  function home() { S.x = 0; S.y = 0; S.k = 1; move(); }
  function show(i) { // bring a region into view
    const [x0, y0, x1, y1] = visible(), wide = (x1 - x0) * 0.12;
    if (R.r[i] * pixels() * S.k < 5) S.k = Math.min(14, 12 / (R.r[i] * pixels()));
    else if (R.x[i] > x0 + wide && R.x[i] < x1 - wide && R.y[i] > y0 && R.y[i] < y1) return;
    S.x = W / 2 - S.k * R.x[i]; S.y = H / 2 - S.k * R.y[i];
    move();
  }
  function choose() {
    const d = S.region < 0 ? "" : R.path[S.region];
    $("halo").setAttribute("d", d); $("chosen").setAttribute("d", d);
  }

  // ---- legend, time ----
  function swatch(cls) {
    const e = draw("svg", { viewBox: "0 0 24 17", "aria-hidden": "true" });
    draw("rect", { width: 24, height: 17, class: cls, rx: 3 }, e);
    return e;
  }
  function legend() {
    const t = T(), box = $("legend"), rows = [];
    if (showsCounts()) {
      const v = countsOf(), n = [0, 0, 0, 0, 0, 0];
      for (let i = 0; i < N; i += 1) n[bin(v[i * NOW + S.frame])] += 1;
      rows.push(make("b", t.page.recorded));
      ["0", "1", "2–3", "4–7", "8–15", "16+"].forEach((text, b) => rows.push(row("n" + b, text, n[b])));
    } else {
      const n = [0, 0, 0, 0, 0, 0];
      for (const v of levels()) n[v] += 1;
      rows.push(make("b", t.page.level_of));
      for (const v of [5, 4, 3, 2, 1]) rows.push(row("l" + v, v + " " + t.levels[D.scale.levels[v].name], n[v]));
      rows.push(...unassessed(n[0]));
      let plus = 0, hit = 0;
      for (let i = 0; i < N; i += 1) { plus += now() && flagged(i, "at_least") ? 1 : 0; hit += marked(i) ? 1 : 0; }
      if (plus) rows.push(line("3+", t.page.and_higher, plus));
      if (layer().low) { let n_ = 0; for (let i = 0; i < N; i += 1) n_ += span(i) ? 1 : 0; if (n_) rows.push(line("2–4", t.page.level_span.replace(/^[^:：]*[:：] */, ""), n_)); }
      if (hit) rows.push(line("▲", t.page.mark, hit));
    }
    rows.push(...known());
    if (NOW && !countsOf()) rows.push(make("span", t.page.no_counts, "n"));
    box.replaceChildren(...rows);
    function known() { // incidents by how exactly they are known, and the group's own
      const out = [], n = { point: 0, place: 0, district: 0 };
      if (!S.marks) return out;
      if (now()) {
        for (const j of recent) n[!placed.has(j) ? "district" : I.exact[j] === PLACE ? "place" : "point"] += 1;
        const area = I.areas.filter((j) => j >= 0).length, far = I.areas.length - area;
        const told_ = [["point", n.point], ["place", n.place], ["district", n.district], ["area", area]].filter(([, k]) => k);
        if (told_.length || far) {
          const head = make("b", fill(t.page.since, { date: new Date((I.first + I.since) * 864e5).toISOString().slice(0, 10) }));
          head.title = `${t.page.ours}; ${fill(t.page.newest, { n: INCIDENTS })}`;
          out.push(head, ...told_.map(([key, k]) => key_(key, t.page["known_" + key], k)));
          if (S.layer !== "violence") out.push(make("span", t.page.ours, "n"));
        }
        if (far) out.push(make("span", fill(t.page.known_country, { n: far })));
      }
      const sites = D.ways.filter((one) => one.length === 3).length;
      if (sites) out.push(key_("site", t.page.site, sites));
      if (D.ways.length > sites) out.push(key_("way", t.page.route, D.ways.length - sites));
      return out;
    }
    function key_(kind, text, n) {
      const e = make("div"), s = draw("svg", { viewBox: "0 0 24 17", "aria-hidden": "true", class: "sign" });
      if (kind === "point" || kind === "place") draw("circle", { cx: 12, cy: 8.5, r: kind === "point" ? 3.4 : 6, class: kind + " own" }, s);
      else if (kind === "district" || kind === "area") draw("rect", { x: 3, y: 2.5, width: 18, height: 12, class: kind + " own" }, s);
      else draw("path", { d: kind === "site" ? "M12 3l5.5 5.5l-5.5 5.5l-5.5 -5.5z" : "M1 13L9 5L15 11L23 3", class: kind }, s);
      e.append(s, make("span", text), make("span", n, "n"));
      return e;
    }
    function unassessed(n) { // by the first reason, where there are reasons
      const name = "? " + t.levels[D.scale.levels[0].name], first = new Map();
      for (let i = 0; i < N; i += 1) if (now() && layer().level[i] === 0) {
        const why = reasons(i).join(", ") || t.reasons_short.untold;
        first.set(why, [uncovered(i) ? "l0 uncovered" : "l0", (first.get(why) || [0, 0])[1] + 1]);
      }
      if (!first.size || !layer().why) return [row("l0", name, n)];
      return [...first].map(([why, [cls, k]]) => row(cls, `${name}: ${why}`, k));
    }
    function line(mark, text, n) {
      const e = make("div");
      e.append(make("b", mark), make("span", text), make("span", n, "n"));
      return e;
    }
    function row(cls, text, n) {
      const e = make("div");
      e.append(swatch(cls), make("span", text), make("span", n, "n"));
      return e;
    }
  }
  function moment() {
    const t = T(), out = $("moment"), f = D.frames[S.frame];
    document.querySelector(".time").hidden = !NOW || !countsOf();
    const text = now() ? `${day(D.validFrom)} – ${day(D.validUntil)}` : `${f.from} – ${f.last}`;
    const what = now() ? t.page.forecast : t.page.recorded;
    out.replaceChildren(text, make("small", what));
    $("slider").value = S.frame;
    $("slider").setAttribute("aria-valuetext", `${text}, ${what}`);
    for (const bar of $("totals").children) bar.classList.toggle("on", bar.f === S.frame);
  }
  function totals() {
    const box = $("totals"), v = countsOf(), sum = new Array(NOW).fill(0), bars = [];
    if (v) for (let i = 0; i < N; i += 1) for (let f = 0; f < NOW; f += 1) sum[f] += v[i * NOW + f];
    const top = Math.max(1, ...sum), n = NOW + 1;
    box.setAttribute("viewBox", `0 0 ${n * 10} 100`);
    for (let f = 0; f < n; f += 1) {
      const h = f === NOW ? 100 : Math.max(2, (100 * sum[f]) / top);
      const bar = draw("rect", { x: f * 10 + 1.5, width: 7, y: 100 - h, height: h });
      if (f === NOW) bar.classList.add("f");
      bar.f = f; bars.push(bar);
    }
    box.replaceChildren(...bars);
  }

  // ---- the ranked table ----
  const columns = [["level", "r"], ["name", ""], ["p", "r"], ["e", "r"]];
  // names as they are typed: no case, no marks, no dashes; Arabic letters as Persian ones
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\u064a\u0649]/g, "\u06cc").replace(/\u0643/g, "\u06a9").replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  const known = R.id.map((id, i) => [R.name[i], ...R.native[i].split(" | "), ...R.also[i].split(" | "), id].filter(Boolean).map((text) => [text, plain(text)]));
  const above = P.name.map((name, j) => plain(`${name} ${P.id[j]}`));
  function apart(a, b, most) { // letters that differ between a typed name and the beginning of another
    let row = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (let i = 1; i <= a.length; i += 1) {
      const next = [i];
      for (let j = 1; j <= b.length; j += 1) next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
      if (Math.min(...next) > most) return most + 1;
      row = next;
    }
    return a.length < 5 ? row[b.length] : Math.min(...row.slice(Math.max(0, a.length - 2)));
  }
  let asked = null, answer = null;
  function matches() { // [region, rank, the name that was met]; the nearest where none has the letters
    const q = plain(S.query);
    if (asked === q + S.lang) return answer;
    asked = q + S.lang; answer = null;
    if (!q) return answer;
    const out = [], rank = (name) => (name === q ? 0 : name.startsWith(q) ? 1 : (" " + name).includes(" " + q) ? 2 : name.includes(q) ? 3 : 9);
    for (let i = 0; i < N; i += 1) {
      let best = [9, ""];
      for (const [text, name] of known[i]) { const r = rank(name) + (text === R.name[i] ? 0 : 0.5); if (r < best[0] && r < 9) best = [r, text]; }
      if (best[0] === 9 && (above[R.parent[i]].includes(q) || plain(parent(R.parent[i])).includes(q))) best = [5, ""];
      if (best[0] < 9) out.push([i, best[0], best[1]]);
    }
    const most = q.length < 4 ? 0 : q.length < 8 ? 1.01 : 2.01;
    if (!out.length && most) for (let i = 0; i < N; i += 1) {
      let best = [9, ""];
      for (const [text, name] of known[i]) { const n = apart(q, name, most), r = n + (text === R.name[i] ? 0 : 0.5); if (n <= most && r < best[0]) best = [r, text]; }
      if (best[0] < 9) out.push([i, 6 + best[0], best[1]]);
    }
    answer = out.sort((a, b) => a[1] - b[1] || layer().level[b[0]] - layer().level[a[0]] || a[0] - b[0]);
    return answer;
  }
  let option = -1;
  function suggest(open) {
    const t = T(), list = $("suggestions"), found = (open && matches()) || [];
    const shown = found.slice(0, 8);
    option = Math.min(option, shown.length - 1);
    list.replaceChildren(...shown.map(([i, , met], k) => {
      const li = make("li"), name = make("span", null, "who");
      li.id = "option" + k; li.setAttribute("role", "option"); li.setAttribute("aria-selected", String(k === option));
      name.append(named(i));
      if (met && met !== R.name[i] && met !== R.id[i]) { const also = make("small"); also.append(...between([make("bdi", met), parent(R.parent[i])], " · ")); name.append(also); } else name.append(make("small", parent(R.parent[i])));
      li.append(badge(levels()[i], i), name);
      li.addEventListener("pointerdown", (e) => { e.preventDefault(); choose_(i); });
      return li;
    }));
    const none = open && plain(S.query) && !found.length;
    $("none").textContent = none ? t.page.none_found : open && found.length && found[0][1] >= 6 ? t.page.no_match : "";
    $("none").hidden = !$("none").textContent;
    $("found_box").hidden = !shown.length && !none;
    $("search").setAttribute("aria-expanded", String(Boolean(shown.length)));
    if (option >= 0) $("search").setAttribute("aria-activedescendant", "option" + option); else $("search").removeAttribute("aria-activedescendant");
  }
  function choose_(i) { suggest(false); pick(i, true); }
  function order() {
    const l = layer(), p = chances(), v = levels(), found = matches();
    const c = showsCounts() ? countsOf() : null;
    const keep = found ? found.map(([i]) => i) : R.id.map((_, i) => i);
    const value = { level: (i) => v[i] + (p[i] ?? 0), p: (i) => p[i] ?? -1, e: (i) => (c ? c[i * NOW + S.frame] : l.e[i] ?? -1) }[S.sort];
    keep.sort((a, b) => (S.sort === "name" ? R.name[b].localeCompare(R.name[a], S.lang) : value(b) - value(a)) * (S.down ? 1 : -1) || a - b);
    return keep;
  }
  function table() {
    const t = T(), l = layer(), p = chances(), v = levels(), c = showsCounts() ? countsOf() : null, found = order();
    const head = make("tr");
    for (const [key, cls] of columns) {
      const th = make("th", null, cls), b = make("button", key === "e" && c ? t.page.count_now : t.page["col_" + key]);
      th.scope = "col"; b.type = "button";
      if (S.sort === key) th.setAttribute("aria-sort", S.down ? "descending" : "ascending");
      b.addEventListener("click", () => { S.down = S.sort === key ? !S.down : key !== "name"; S.sort = key; table(); focusHead(key); });
      b.dataset.key = key;
      th.append(b); head.append(th);
    }
    const rows = found.slice(0, S.rows).map((i) => {
      const tr = make("tr", null, i === S.region ? "on" : ""), first = make("td", null, "r"), second = make("td"), go = make("button", null, "go");
      go.append(named(i)); go.type = "button"; go.addEventListener("click", () => pick(i, true));
      first.append(badge(v[i], i)); if (!c && span(i)) first.append(make("small", span(i)));
      second.append(go, make("small", parent(R.parent[i])));
      if (!c && !v[i] && reasons(i).length) second.append(make("small", reasons(i).join(", ")));
      tr.append(first, second, make("td", percent(p[i]), "r"), make("td", number(c ? c[i * NOW + S.frame] : l.e[i]), "r"));
      return tr;
    });
    $("table").tHead.replaceChildren(head);
    $("table").tBodies[0].replaceChildren(...rows);
    $("found").textContent = fill(t.page.found, { n: found.length, total: N });
    const more = $("more");
    more.hidden = found.length <= S.rows;
    more.textContent = fill(t.page.more, { n: Math.min(CAP, found.length - S.rows) });
  }
  function focusHead(key) { const b = $("table").tHead.querySelector(`[data-key="${key}"]`); if (b) b.focus(); }
  function badge(v, i) { // of a region: with its marks, where its level of today is shown
    const own = i !== undefined && now(), e = make("span", own ? sign(i) : v === 0 ? "?" : v, "badge b" + v + (own && uncovered(i) ? " uncovered" : ""));
    if (own && marked(i)) e.prepend(make("span", "▲ ", "hit"));
    e.append(make("span", " " + (own ? told(i) : T().levels[D.scale.levels[v].name]), "hidden"));
    return e;
  }

  // ---- the region panel ----
  function panel() {
    const box = $("panel"), i = S.region;
    box.hidden = i < 0;
    if (i < 0) return box.replaceChildren();
    const t = T(), l = layer(), level = l.level[i], p = l.p[i], parts = [];
    const top = make("div", null, "top"), names = make("div"), close = make("button", "✕"), h = make("h2");
    close.type = "button"; close.setAttribute("aria-label", t.page.close); close.addEventListener("click", () => { pick(-1); $("search").focus(); });
    h.append(named(i));
    const native = make("p", null, "quiet");
    native.append(...between([R.native[i], parent(R.parent[i]), R.id[i]], " · "));
    names.append(h, native); top.append(names, close); parts.push(top);
    const verdict = make("div", null, "verdict"), b = badge(level);
    b.firstChild.data = sign(i);
    verdict.append(b, make("span", told(i).replace(/^\? /, "")));
    const was = l.before ? l.before[i] : null, step = (v) => `${v || "?"} ${t.levels[D.scale.levels[v].name]}`;
    if (l.trend && l.trend[i] >= 0) verdict.append(make("span", t.trends[D.codes.trends[l.trend[i]]], "quiet"));
    if (was !== null) verdict.append(make("span", `(${t.page.before} ${step(was)}${l.pBefore && l.pBefore[i] !== null ? ", " + percent(l.pBefore[i]) : ""})`, "quiet"));
    if (flagged(i, "attacked")) parts.push(make("p", "▲ " + t.flags[flagged(i, "lifted") ? "lifted" : "attacked"], "warn alarm"));
    parts.push(verdict, make("p", D.meanings[S.lang][S.layer][level], "quiet"));
    const why = reasons(i);
    if (!level) parts.push(make("p", fill(t.page.reason, { why: why.join(", ") || t.reasons_short.untold }), "warn"));
    else if (why.length && !flagged(i, "at_least")) parts.push(make("p", fill(t.page.doubt, { why: why.join(", ") }), "warn"));
    if (l.asOf && l.asOf[i]) parts.push(make("p", fill(t.page.kept, { date: l.asOf[i] }), "warn"));
    if (p !== null) {
      parts.push(make("p", percent(p), "big"));
      parts.push(make("p", fill(t.page.chance, { words: word(p), about: t.layers[S.layer], days: D.days }), "quiet"));
      if (l.most && l.most[i] !== null) parts.push(make("p", fill(t.page.models, { range: range(l.least[i] / 100, l.most[i] / 100) }), "quiet"));
      parts.push(gauge(p));
    }
    if (l.gap[i]) parts.push(make("p", t.page.gap, "warn"));
    if (l.flags) D.codes.flags.forEach((flag, bit) => { if ((l.flags[i] >> bit) & 1 && !["attacked", "lifted", "kept"].includes(flag)) parts.push(make("p", t.flags[flag], "warn")); });
    const facts = make("dl");
    const fact = (key, value) => { if (value !== null && value !== undefined && value !== "") facts.append(make("dt", key), make("dd", value)); };
    if (p !== null) fact(t.page.expected, `${number(l.e[i])} (${t.page.interval} ${number(l.lo[i])} – ${number(l.hi[i])})`);
    if (p !== null && l.victims && l.victims[i] !== null) fact(t.consequence, `${victims(l.victims[i])} (${victims(l.severe ? l.severe[i] : null)})`);
    if (S.layer === "group" && l.told && l.told[i] !== null) fact(t.attacks_told, attacks(l.told[i]));
    const own_ = (l.sites || []).filter((site) => site[1] === i).map((site) => make("bdi", site[0]));
    if (own_.length) { const dd = make("dd"); dd.append(...between(own_, ", ")); facts.append(make("dt", t.site), dd); }
    fact(t.confidence, t.confidences[D.codes.confidences[l.conf[i]]]);
    fact(t.sufficiency, t.sufficiencies[D.codes.sufficiencies[l.suff[i]]]);
    for (const name in D.layers) if (name !== S.layer) fact(t.page["layer_" + name], [told(i, D.layers[name]), D.layers[name].level[i] ? percent(D.layers[name].p[i]) : reasons(i, D.layers[name]).join(", ")].filter(Boolean).join(" · "));
    parts.push(facts);
    if (p !== null) parts.push(...shift(p, level, l.moves ? l.moves[i] : []));
    parts.push(...changed(l.changes ? l.changes[i] : [], l.rules ? l.rules[i] : []));
    if (l.drivers[i] && l.drivers[i].length) parts.push(make("h3", t.page.drivers), waterfall(l.drivers[i]));
    if (NOW && countsOf()) parts.push(make("h3", t.page.history), bars(i));
    parts.push(...incidents(i));
    return box.replaceChildren(...parts);
  }
  function gauge(p) { // five equal bands, one a level; the marker stands where p lies within its band
    const bounds = [0, ...D.scale.bounds[S.layer], 1], box = make("div", null, "gauge");
    const e = draw("svg", { viewBox: "0 0 300 34", "aria-hidden": "true" }, box);
    for (let b = 0; b < 5; b += 1) {
      draw("rect", { x: b * 60, width: 59, y: 9, height: 10, class: "l" + (b + 1) }, e);
      if (b) draw("text", { x: b * 60, y: 30 }, e).textContent = percent(bounds[b]);
    }
    let b = 0;
    while (b < 4 && p >= bounds[b + 1]) b += 1;
    const x = 60 * (b + Math.min(0.97, Math.max(0.03, (p - bounds[b]) / (bounds[b + 1] - bounds[b]))));
    draw("path", { d: `M${x} 8l-5 -8h10z`, fill: "currentColor" }, e);
    return box;
  }
  function changed(flat, rules) { // what moved it since the issue before, the largest parts first
    const t = T(), ul = make("ul", null, "facts");
    for (let j = 0; j < flat.length; j += 2) {
      const cause = D.codes.causes[flat[j]], v = flat[j + 1];
      ul.append(make("li", `${t.causes[cause] || cause} ${v > 0 ? "+" : "-"}${number(Math.abs(v))}`));
    }
    for (const rule of rules) ul.append(make("li", t.rules[D.codes.rules[rule]] || D.codes.rules[rule]));
    return ul.children.length ? [make("h3", t.page.moved), ul] : [];
  }
  function shift(p, level, moves) { // what would move the level
    const t = T(), b = D.scale.bounds[S.layer], out = [];
    const name = (v) => `${v} ${t.levels[D.scale.levels[v].name]}`;
    if (level < 5 && level > 0) out.push(fill(t.page.rises, { level: name(level + 1), p: percent(b[level - 1]) }));
    if (level > 1) out.push(fill(t.page.falls, { level: name(level - 1), p: percent(b[level - 2]) }));
    for (let j = 0; j < moves.length; j += 4) {
      const kind = D.codes.moves[moves[j]], n = moves[j + 1];
      const v = moves[j + 2], q = moves[j + 3], said = percent(q);
      const close = v > 0 && v < 5 && q >= b[v - 1]; // as it is printed it would be of the next level
      out.push(fill(t.moves[kind === "more" && n === 1 ? "more_one" : kind], { n, level: name(v), p: close ? fill(t.moves.under, { p: said }) : said }));
    }
    return out.length ? [make("h3", t.page.moves), ...out.map((s) => make("p", s, "quiet"))] : [];
  }
  function waterfall(flat) {
    const t = T(), box = make("div", null, "fall"), list = [];
    let sum = 0;
    for (let j = 0; j < flat.length; j += 2) { list.push([D.drivers[flat[j]], flat[j + 1]]); sum += flat[j + 1]; }
    list.sort((a, b) => b[1] - a[1]);
    let from = 0;
    for (const [name, v] of list) { line(t.driver_names[name] || name, from, v, ""); from += v; }
    line(t.page.sum, 0, sum, "sum");
    return box;
    function line(name, start, v, cls) {
      const bar = make("div", null, "bar " + cls), i = make("i");
      i.style.left = (100 * start) / (sum || 1) + "%"; i.style.width = (100 * v) / (sum || 1) + "%";
      bar.append(i); box.append(make("span", name), bar, make("span", number(v), "v"));
    }
  }
  function bars(i) {
    const v = countsOf().subarray(i * NOW, i * NOW + NOW), top = Math.max(1, ...v), w = 300 / NOW;
    const e = draw("svg", { viewBox: "0 0 300 62", class: "bars", role: "img" });
    const total = v.reduce((a, b) => a + b, 0);
    e.setAttribute("aria-label", fill(T().page.history_text, { n: number(total, 3), windows: NOW, top: number(top) }));
    v.forEach((n, f) => { const h = (44 * n) / top; draw("rect", { x: f * w + w * 0.1, width: w * 0.8, y: 46 - h, height: h, class: f === S.frame ? "on" : "" }, e); });
    draw("line", { x1: 0, x2: 300, y1: 46.5, y2: 46.5 }, e);
    if (NOW) { draw("text", { x: 0, y: 59 }, e).textContent = D.frames[0].from; draw("text", { x: 300, y: 59, "text-anchor": "end" }, e).textContent = D.frames[NOW - 1].last; }
    draw("text", { x: 0, y: 9 }, e).textContent = number(top);
    return e;
  }
  function incidents(i) {
    const t = T(), out = [];
    for (let j = 0; j < I.region.length && out.length < INCIDENTS; j += 1) {
      if (I.region[j] !== i) continue;
      const li = make("li"), toll = [];
      for (const key of TOLL) if (I[key][j]) toll.push(fill(t.sentences[key], { n: I.bounds && (I.bounds[j] >> TOLL.indexOf(key)) & 1 ? fill(t.sentences.least, { n: I[key][j] }) : I[key][j] }));
      const type = I.types[I.type[j]];
      li.append(make("time", new Date((I.first + I.day[j]) * 864e5).toISOString().slice(0, 10)), [t.event_types[type] || type, toll.join(", "), people(I.nations[I.nation[j]] || ""), t.page["exact_" + I.exact[j]], I.source[j].replace(/^\d+/, (n) => I.feeds[n])].filter(Boolean).join(" · "));
      out.push(li);
    }
    if (!out.length) return [];
    const ul = make("ul", null, "facts");
    ul.append(...out);
    return [make("h3", t.page.incidents), ul];
  }

  // ---- beside the ranking: sites, and what counts for the group ----
  function context() {
    const t = T(), l = layer(), out = [];
    if (l.sites) {
      const level = (i, v, hit, part) => {
        if (v === l.level[i] && !part) return told(i);
        const text = `${v || "?"} ${t.levels[D.scale.levels[v].name]}`, least = v && part ? fill(t.told.at_least, { level: text }) : text;
        return hit ? fill(t.told.attacked, { level: least }) : least;
      };
      const door = (i, v, hit, metres) => { // the highest region near it
        if (i < 0) return "–";
        const far = metres < 1000 ? fill(t.metres, { n: metres }) : fill(t.kilometres, { n: metres / 1000 });
        const box = make("span"), text = `${v || "?"} ${t.levels[D.scale.levels[v].name]}`, [head, tail] = t.page.next_door.split("{place}");
        box.append(fill(head, { level: hit ? fill(t.told.attacked, { level: text }) : text, far }), named(i), fill(tail, { far }));
        return box;
      };
      const rows = l.sites.map(([name, i, v, p, hit, part, near, high, struck, far]) => [make("bdi", name), named(i), level(i, v, hit, part), percent(p), door(near, high, struck, far)]);
      out.push(folded(t.headings.sites, t.sentences.sites, [t.site, t.page.col_name, t.page.col_level, t.page.col_p, t.near], rows));
      out[0].open = true;
    }
    const rows = D.relevance[S.lang];
    if (rows.length) out.push(folded(t.headings.relevance, t.sentences.relevance, [t.grade, t.weight], rows));
    $("context").replaceChildren(...out);
  }
  function folded(title, said, heads, rows) {
    const box = make("details"), table_ = make("table"), scroll = make("div", null, "scroll"), head = make("tr");
    for (const text of heads) { const th = make("th", text); th.scope = "col"; head.append(th); }
    table_.createTHead().append(head);
    const body = table_.createTBody();
    for (const row of rows) { const tr = make("tr"); for (const x of row) { const td = make("td"); td.append(x); tr.append(td); } body.append(tr); }
    scroll.tabIndex = 0; scroll.setAttribute("role", "group"); scroll.setAttribute("aria-label", title); scroll.append(table_);
    box.append(make("summary", title), make("p", said, "quiet"), scroll);
    return box;
  }

  // ---- choices ----
  function pick(i, look) {
    S.region = i;
    document.body.classList.toggle("opened", i >= 0);
    choose(); panel(); table(); link();
    if (i >= 0) {
      $("status").textContent = `${R.name[i]}: ${told(i)}, ${percent(layer().p[i])}`;
      document.querySelector("aside").scrollTop = 0;
      $("panel").scrollTop = 0;
      if (look) {
        if (matchMedia("(max-width: 860px)").matches) document.querySelector(".stage").scrollIntoView(); // the panel lies over the map
        show(i); $("panel").focus({ preventScroll: true });
      }
    }
  }
  function setLayer(name) { if (D.layers[name]) { S.layer = name; totals(); all(); } }
  let later = 0;
  function setFrame(f) { // the map at once, the table and the panel when the slider rests
    S.frame = Math.max(0, Math.min(NOW, f));
    paint(); link();
    clearTimeout(later);
    later = setTimeout(() => { table(); panel(); }, 120);
  }
  let timer = 0;
  function play() {
    if (timer) { clearInterval(timer); timer = 0; } else {
      if (S.frame === NOW) S.frame = -1;
      timer = setInterval(() => { setFrame(S.frame + 1); if (S.frame === NOW) play(); }, 700);
    }
    $("play").textContent = timer ? "❚❚" : "▶";
    $("play").setAttribute("aria-label", T().page[timer ? "pause" : "play"]);
  }
  let waiting = 0;
  function link() { // the address always leads back to what is seen
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const q = new URLSearchParams({ l: S.layer, t: S.frame, lang: S.lang });
      if (S.region >= 0) q.set("r", R.id[S.region]);
      if (S.k > 1) q.set("z", [S.x, S.y, S.k].map((v) => Number(v.toFixed(2))).join("_"));
      try { history.replaceState(null, "", "#" + q); } catch { /* some viewers forbid it */ }
    }, 150);
  }
  function follow() {
    const q = new URLSearchParams(location.hash.slice(1));
    if (Object.hasOwn(D.layers, q.get("l"))) S.layer = q.get("l");
    if (Object.hasOwn(D.texts, q.get("lang"))) S.lang = q.get("lang");
    const f = Number.parseInt(q.get("t"), 10);
    if (f >= 0 && f <= NOW) S.frame = f;
    S.region = at.has(q.get("r")) ? at.get(q.get("r")) : -1;
    const z = (q.get("z") || "").split("_").map(Number);
    if (z.length === 3 && z.every(Number.isFinite)) [S.x, S.y, S.k] = z;
  }

  // ---- fixed texts ----
  function words() {
    const t = T();
    document.documentElement.lang = S.lang;
    for (const e of document.querySelectorAll("[data-t]")) e.textContent = t.page[e.dataset.t];
    for (const e of document.querySelectorAll("[data-label]")) e.setAttribute("aria-label", t.page[e.dataset.label]);
    $("search").placeholder = t.page.search;
    $("marks_on").setAttribute("aria-pressed", String(S.marks)); $("marks_on").hidden = !recent.length && !D.ways.length && !I.areas.length;
    $("title").textContent = `${t.page.title} · ${D.areas[S.lang]}`;
    document.title = $("title").textContent;
    $("validity").textContent = fill(t.page.validity, { as_of: day(D.asOf), from: day(D.validFrom), until: day(D.validUntil), days: D.days });
    const other = Object.keys(D.texts).find((code) => code !== S.lang);
    $("language").hidden = !other;
    if (other) { $("language").textContent = D.texts[other].page.language; $("language").lang = other; }
    const held = $("layers").contains(document.activeElement);
    $("layers").replaceChildren(...Object.keys(D.layers).map((name) => {
      const b = make("button", (name === "group" && D.groups[S.lang]) || t.page["layer_" + name]);
      b.type = "button"; b.setAttribute("role", "radio"); b.setAttribute("aria-checked", String(name === S.layer));
      b.tabIndex = name === S.layer ? 0 : -1; b.dataset.name = name;
      b.addEventListener("click", () => setLayer(name));
      return b;
    }));
    if (held) $("layers").querySelector('[aria-checked="true"]').focus();
    $("attacks").hidden = !D.attacks[S.lang].length;
    $("attacks").replaceChildren(...D.attacks[S.lang].map((text) => make("p", "▲ " + text)));
    $("notice").hidden = !D.notices[S.lang];
    $("notice").textContent = D.notices[S.lang];
    const gone = $("expired"), over = (text) => Date.now() >= Date.parse(text); // never when not told
    const late = over(D.validUntil) ? ["expired", D.validUntil] : over(D.staleAfter) ? ["stale", D.staleAfter] : null;
    gone.hidden = !late;
    gone.textContent = late ? fill(t.page[late[0]], { until: day(late[1]) }) : "";
    $("foot").replaceChildren(
      make("p", t.page.note),
      ...(Object.values(D.layers).some((l) => l.most) ? [make("p", t.limits.models)] : []),
      make("p", fill(t.page.origin, D.origin)),
      make("p", t.limits.boundaries),
      ...(D.towns ? [make("p", t.page.geonames)] : []));
  }
  function all() { words(); paint(); choose(); table(); context(); panel(); link(); }

  // ---- hands: mouse, touch, keys ----
  const fingers = new Map();
  let dragged = false;
  map.addEventListener("pointerdown", (e) => {
    if (e.button > 0) return;
    fingers.set(e.pointerId, [e.clientX, e.clientY]); dragged = false;
  });
  map.addEventListener("pointermove", (e) => {
    if (!fingers.has(e.pointerId)) return hover(e);
    const [px, py] = fingers.get(e.pointerId), unit = pixels();
    if (fingers.size === 1) {
      if (!dragged && Math.hypot(e.clientX - px, e.clientY - py) < 4) return;
      if (!dragged) { dragged = true; map.setPointerCapture(e.pointerId); map.classList.add("drag"); $("tip").hidden = true; }
      S.x += (e.clientX - px) / unit; S.y += (e.clientY - py) / unit; move(false);
    } else if (fingers.size === 2) {
      dragged = true;
      const [other] = [...fingers].filter(([id]) => id !== e.pointerId).map(([, at_]) => at_);
      const before = Math.hypot(px - other[0], py - other[1]), now = Math.hypot(e.clientX - other[0], e.clientY - other[1]);
      if (before > 0) zoom(now / before, (e.clientX + other[0]) / 2 - box.left, (e.clientY + other[1]) / 2 - box.top);
    }
    fingers.set(e.pointerId, [e.clientX, e.clientY]);
  });
  const lift = (e) => { fingers.delete(e.pointerId); map.classList.remove("drag"); if (dragged) { layout(); link(); } };
  map.addEventListener("pointerup", lift); map.addEventListener("pointercancel", lift);
  map.addEventListener("pointerleave", () => { $("tip").hidden = true; });
  map.addEventListener("click", (e) => { if (!dragged && e.target.i !== undefined) pick(e.target.i); });
  map.addEventListener("dblclick", (e) => { zoom(2, e.clientX - box.left, e.clientY - box.top); });
  map.addEventListener("wheel", (e) => {
    e.preventDefault();
    zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0016)), e.clientX - box.left, e.clientY - box.top);
  }, { passive: false });
  map.addEventListener("keydown", (e) => {
    const step = 0.12 / S.k, key = e.key;
    if (key === "ArrowLeft") S.x += W * step * S.k; else if (key === "ArrowRight") S.x -= W * step * S.k;
    else if (key === "ArrowUp") S.y += H * step * S.k; else if (key === "ArrowDown") S.y -= H * step * S.k;
    else if (key === "+" || key === "=") zoom(1.5); else if (key === "-") zoom(1 / 1.5); else if (key === "0") home();
    else if (key === "Escape") pick(-1); else return;
    e.preventDefault(); move();
  });
  function hover(e) {
    const tip = $("tip"), i = e.target.i;
    if (i === undefined || e.pointerType === "touch") { tip.hidden = true; return; }
    const v = levels()[i], c = showsCounts();
    const line = c ? `${T().page.recorded}: ${number(countsOf()[i * NOW + S.frame])}` : now() ? [told(i), v ? percent(chances()[i]) : reasons(i).join(", ")].filter(Boolean).join(" · ") : `${v || "?"} ${T().levels[D.scale.levels[v].name]} · ${percent(chances()[i])}`;
    const head = make("b"); head.append(named(i));
    tip.replaceChildren(head, line);
    tip.hidden = false;
    const x = e.clientX - box.left, y = e.clientY - box.top;
    tip.style.left = Math.min(x + 14, box.width - tip.offsetWidth - 6) + "px";
    tip.style.top = Math.max(4, y > box.height - 90 ? y - tip.offsetHeight - 10 : y + 16) + "px";
  }
  $("layers").addEventListener("keydown", (e) => {
    const names = Object.keys(D.layers), step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    setLayer(names[(names.indexOf(S.layer) + step + names.length) % names.length]);
  });
  $("in").addEventListener("click", () => zoom(1.6)); $("out").addEventListener("click", () => zoom(1 / 1.6)); $("home").addEventListener("click", home);
  $("slider").max = NOW;
  $("slider").addEventListener("input", (e) => setFrame(Number(e.target.value)));
  $("play").addEventListener("click", play);
  $("search").addEventListener("input", (e) => { S.query = e.target.value.trim(); S.rows = CAP; option = -1; table(); suggest(true); });
  $("search").addEventListener("focus", () => { if (S.query) suggest(true); });
  $("search").addEventListener("blur", () => suggest(false));
  $("search").addEventListener("keydown", (e) => {
    const found = matches() || [], n = Math.min(8, found.length), step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step && n) { e.preventDefault(); option = (Math.max(option, step < 0 ? 0 : -1) + step + n) % n; suggest(true); }
    if (e.key === "Enter" && n) choose_(found[Math.max(0, option)][0]);
    if (e.key === "Escape") suggest(false);
  });
  $("marks_on").addEventListener("click", () => { S.marks = !S.marks; layout(); legend(); words(); });
  $("more").addEventListener("click", () => { S.rows += CAP; table(); });
  $("language").addEventListener("click", () => { S.lang = $("language").lang; all(); layout(); });
  $("theme").addEventListener("click", () => {
    const dark = S.theme === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : S.theme === "dark";
    S.theme = dark ? "light" : "dark";
    document.documentElement.dataset.theme = S.theme;
  });
  addEventListener("hashchange", () => { follow(); document.body.classList.toggle("opened", S.region >= 0); all(); move(); });
  for (const event of ["resize", "beforeprint", "afterprint"]) addEventListener(event, () => { measure(); move(); });

  D.scale.levels.forEach((level, v) => { if (v) document.documentElement.style.setProperty("--c" + v, level.colour); });
  follow(); document.body.classList.toggle("opened", S.region >= 0); totals(); all(); measure(); move();
  document.documentElement.dataset.ready = "yes";
})();

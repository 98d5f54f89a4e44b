"use strict";
const D = JSON.parse(document.getElementById("data").textContent);
if (Date.now() >= Date.parse(D.until)) {
  const e = document.getElementById("expired");
  e.textContent = D.expired.replace("{until}", D.until.slice(0, 10));
  e.hidden = false;
}
maplibregl.addProtocol("pmtiles", new pmtiles.Protocol().tile);
const tiles = new URL("risk.pmtiles", location.href).href;
D.style.sources.risk.url = "pmtiles://" + tiles;
const [west, south, east, north] = D.bounds.length ? D.bounds : [-180, -80, 180, 80];
const map = new maplibregl.Map({
  container: "map", style: D.style, attributionControl: false, maxZoom: 12,
  bounds: [[west, south], [east < west ? east + 360 : east, north]], fitBoundsOptions: { padding: 24 },
});
window.servedMap = map;
map.addControl(new maplibregl.NavigationControl({ showCompass: false }));
map.on("load", () => map.addLayer({
  id: "risk-attacked", type: "line", source: "risk", "source-layer": "risk",
  filter: ["==", ["get", "attacked"], true], paint: { "line-color": "#111111", "line-width": 3 },
}));
function level(p) {
  const n = p.risk_level || 0;
  let text = (n || "?") + " " + D.levels[n];
  if (p.at_least && n) text = D.told.at_least.replace("{level}", text);
  if (p.level_low < p.level_high) text = D.told.span.replace("{level}", text).replace("{low}", p.level_low).replace("{high}", p.level_high);
  if (p.level_as_of) text = D.told.kept.replace("{level}", text).replace("{date}", String(p.level_as_of).slice(0, 10));
  return p.attacked ? D.told.attacked.replace("{level}", text) : text;
}
function told(p) {
  const box = document.createElement("div"), head = document.createElement("strong"), list = document.createElement("dl");
  head.textContent = [p.name || p.region_id, p.parent].filter(Boolean).join(", ");
  const reasons = (p.reasons || "").split(";").filter(Boolean).map((code) => D.reasons[code] || code).concat(p.reporting_gap ? [D.gap] : []).join("; ");
  const chance = typeof p.p_any === "number" ? (100 * p.p_any).toPrecision(2) + " %" : "";
  const rows = [[D.words.level, level(p)], [D.words.probability, chance], [D.words.confidence, D.values[p.confidence]], [D.words.sufficiency, D.values[p.data_sufficiency]], [D.words.because, reasons]];
  for (const [name, value] of rows) if (value) {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    list.append(dt, dd);
  }
  box.append(head, list);
  return box;
}
map.on("click", "risk-fill", (e) => new maplibregl.Popup({ maxWidth: "22rem" }).setLngLat(e.lngLat).setDOMContent(told(e.features[0].properties)).addTo(map));
map.on("mouseenter", "risk-fill", () => { map.getCanvas().style.cursor = "pointer"; });
map.on("mouseleave", "risk-fill", () => { map.getCanvas().style.cursor = ""; });

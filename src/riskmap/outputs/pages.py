"""Pages: the offline map and the advisory, HTML files that ask nobody; and a served one.

No drawing holds a name of a place or of people: what is written on it are numbers, levels and days,
and all of them stand in a table beside it. The served page wants a server that answers ranges of
files, as nearly all do; pygeoapi gets its configuration.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from markupsafe import Markup

from riskmap.outputs.catalogues import catalogue, languages, read_template, render_html
from riskmap.outputs.geofiles import maplibre_style, need_pmtiles
from riskmap.outputs.geometries import bounding_box
from riskmap.outputs.payloads import map_payload
from riskmap.outputs.reports import ANNEX, FIRST, SAID
from riskmap.outputs.senders import group_words
from riskmap.outputs.tables import (
    INCIDENTS,
    RISK,
    clean_plain,
)
from riskmap.outputs.wordings import day_words, display, is_told, level_in, level_sign, level_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.assessment.levels import LevelScale
    from riskmap.outputs.bundles import Bundle
    from riskmap.outputs.editions import Grid

#: Labels on a map at most; more would be a grey veil.
LABELS = 120
#: A number stands only where a circle of this radius, in units of the drawing, lies in the region.
_ROOM = 70
_DARK = 0.4
#: Texts of the catalogue that the page shows; the rest belongs to the advisory.
_SHOWN = (
    *("page", "levels", "layers", "rules", "site", "trends", "confidences", "sufficiencies"),
    *("event_types", "likelihoods", "driver_names", "confidence", "sufficiency", "consequence"),
    *("causes", "flags", "moves", "grade", "weight", "told", "reasons_short", "attacks_told"),
    *("few_victims", "about", "perhaps", "nationals", "near", "metres", "kilometres"),
)
#: The same of sections of which the page shows a part.
_SHOWN_OF = {
    "sentences": ("killed", "wounded", "abducted", "least", "hit", "aimed", "relevance", "sites"),
    "headings": ("relevance", "sites"),
    "limits": ("models", "boundaries"),
}


def map_page(bundle: Bundle, *, language: str = "en") -> str:
    """Return a layer as one HTML page with a map, for any browser, without a network.

    Parameters
    ----------
    bundle
        The layer.
    language
        The language that the page opens in; readers switch between all of them.

    Returns
    -------
    str
        A whole HTML document. Its policy lets nothing load, and only its own script run.
    """
    parts = (read_template(name) for name in ("map.js", "map.css"))
    script, style = (re.sub(r"^\s+", "", text, flags=re.MULTILINE) for text in parts)
    payload = map_payload(bundle) | {
        "language": language,
        "texts": {code: _texts(code) for code in languages()},
    }
    return render_html(
        "map.html",
        title=catalogue(language)["page"]["title"],
        policy=_policy(script, style),
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        data=embed_json(payload),
    )


def advisory_page(bundle: Bundle, *, language: str = "en") -> str:
    """Return the advisory on a layer as one HTML page with a map, without any script.

    Parameters
    ----------
    bundle
        The layer.
    language
        Code of a catalogue.

    Returns
    -------
    str
        A whole HTML document that prints on A4.
    """
    style = read_template("advisory.css") + _level_colours(bundle.layer.scale)
    report = bundle.report(language)
    return render_html(
        "advisory.html",
        report=report,
        sections={key: (heading, content) for key, heading, content in report.sections()},
        words=catalogue(language),
        first=FIRST,
        annex=ANNEX,
        said=SAID,
        level_in=level_in,
        policy=f"default-src 'none'; style-src '{digest(style)}'; base-uri 'none'",
        style=Markup(style),  # noqa: S704 - a file of this package, and checked colours
        drawing=map_drawing(bundle, language),
        chart=history_drawing(report["history"]),
    )


def ink(colour: str) -> str:
    """Return black or white, whichever is read better on a colour.

    Examples
    --------
    >>> ink("#ffffb2"), ink("#bd0026")
    ('#10161c', '#ffffff')
    """
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return "#10161c" if 0.299 * red + 0.587 * green + 0.114 * blue > _DARK else "#ffffff"


def map_drawing(bundle: Bundle, language: str) -> dict[str, Any]:
    """Return the map of an advisory: paths with their fills, numbers, and a legend with counts."""
    drawing = bundle.drawing
    fills = ["url(#hatch)", *(level.colour for level in bundle.layer.scale.levels[1:])]
    paths = zip(drawing.paths, bundle.levels, strict=True)
    x, y, _ = bundle.points
    return {
        "width": drawing.width,
        "height": drawing.height,
        "paths": [(path, fills[level]) for path, level in paths if path],
        "labels": [(x[i], y[i], text, colour) for i, text, colour in map_labels(bundle)],
        "marks": [(x[i], y[i]) for i in map_marks(bundle)],
        "legend": [
            (level and fills[level], text) for level, text in legend_texts(bundle, language)
        ],
    }


def map_labels(bundle: Bundle) -> list[tuple[int, str, str]]:
    """Return which regions have room for the number of their level, its text and its colour."""
    reach = bundle.points[2]
    levels, least = bundle.levels, [is_told(flag) for flag in bundle.table["at_least"]]
    inks = ["#10161c", *(ink(level.colour) for level in bundle.layer.scale.levels[1:])]
    largest = np.argsort(reach, kind="stable")[::-1][:LABELS].tolist()
    return [
        (i, level_sign(levels[i], at_least=least[i]), inks[levels[i]])
        for i in sorted(i for i in largest if reach[i] > _ROOM)
    ]


def map_marks(bundle: Bundle) -> list[int]:
    """Return which regions are marked as attacked, however small they are."""
    attacked = enumerate(bundle.table["attacked"])
    return [i for i, flag in attacked if is_told(flag) and bundle.drawing.paths[i]]


def legend_texts(bundle: Bundle, language: str) -> list[tuple[int, str]]:
    """Return each level, the highest first, with its name and how many regions have it."""
    words, levels = catalogue(language), bundle.levels
    names = [level_words(level.level, words) for level in bundle.layer.scale.levels]
    return [(k, f"{names[k]}: {levels.count(k)}") for k in reversed(range(len(names)))]


def history_drawing(history: Grid) -> dict[str, Any]:
    """Return the bars of a history: x, and the heights of all and of those with foreigners."""
    who = len(history.head) > 2  # noqa: PLR2004 - whether it tells who was hit
    counts = [(int(row[1]), int(row[2]) if who else 0) for row in history.rows]
    top = max((every for every, _ in counts), default=0) or 1
    return {
        "top": top,
        "bars": [
            {"x": 60 * k, "year": row[0][:7], "all": round(100 * every / top, 1)}
            | {"foreign": round(100 * theirs / top, 1), "n": every}
            for k, (row, (every, theirs)) in enumerate(zip(history.rows, counts, strict=True))
        ],
        "width": 60 * len(counts),
        "who": who,
    }


def _level_colours(scale: LevelScale) -> str:
    """Return rules that give each level its colour, black or white on it."""
    return "".join(
        f".b{level.level} {{ background: {level.colour}; color: {ink(level.colour)}; }}\n"
        for level in scale.levels[1:]
    )


def _texts(code: str) -> dict[str, object]:
    """Return what the page says in a language."""
    words = catalogue(code)
    parts = {key: {name: words[key][name] for name in names} for key, names in _SHOWN_OF.items()}
    return {key: words[key] for key in _SHOWN} | parts


def _policy(script: str, style: str) -> str:
    """Return a content security policy: nothing but this very script and this very style."""
    return (
        f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def digest(text: str) -> str:
    """Return the hash by which a policy names a script or a style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def embed_json(value: object) -> Markup:
    r"""Return JSON that can stand inside a ``<script>`` element: no ``<`` is left in it.

    Examples
    --------
    >>> print(embed_json(["</script><script>alert(1)"]))
    ["\u003c/script>\u003cscript>alert(1)"]
    """
    text = orjson.dumps(value).decode().replace("<", "\\u003c").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704 - no character of it can end the element


_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_WORDS = ("region", "level", "probability", "confidence", "sufficiency", "because", "valid")


def served_page(bundle: Bundle, *, language: str = "en") -> str:
    """Return a page with MapLibre over ``risk.pmtiles``, which stands beside it.

    Parameters
    ----------
    bundle
        The layer.
    language
        Code of a catalogue.

    Returns
    -------
    str
        A whole HTML document. It asks its own server alone, and runs no script but those beside it
        and its own.

    Raises
    ------
    MissingDependencyError
        When there can be no tiles.
    """
    need_pmtiles()
    layer, words = bundle.layer, catalogue(language)
    script = read_template("served.js")
    levels = list(reversed(layer.scale.levels))
    data = {
        "style": orjson.loads(maplibre_style(layer.scale)),
        "bounds": bounding_box(bundle.shapes),
        "until": str(layer.provenance["valid_until"]),
        "levels": {str(step.level): words["levels"][step.name] for step in levels},
        "words": {key: words[key] for key in _WORDS},
        "told": words["told"],
        "reasons": words["reasons_short"],
        "gap": words["flags"]["reporting_gap"],
        "values": words["confidences"] | words["sufficiencies"],
        "expired": words["page"]["expired"],
    }
    return render_html(
        "served.html",
        language=language,
        title=words["page"]["title"],
        who=group_words(layer, words),
        about=words["layers"][layer.headline],
        validity=_validity(bundle, words),
        notice=words["handling_values"]["public" if layer.context.is_public else "private"],
        demo=layer.provenance.get("notice") or "",
        note=words["served"]["note"].format(
            source=display(layer.provenance.get("boundary_source")),
            licence=display(layer.provenance.get("boundary_licence")),
        ),
        levels=[(step.level or "?", words["levels"][step.name], step.colour) for step in levels],
        policy=_served_policy(script),
        script=Markup(script),  # noqa: S704 - a file of this package
        data=embed_json(clean_plain(data)),
    )


def _served_policy(script: str) -> str:
    """Return a content security policy: its own server, its own script, MapLibre's worker."""
    return (
        f"default-src 'none'; script-src 'self' '{digest(script)}'; connect-src 'self'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _validity(bundle: Bundle, words: Mapping[str, Any]) -> str:
    known = bundle.layer.provenance
    return str(words["page"]["validity"]).format(
        as_of=day_words(known["as_of"], words),
        until=day_words(known["valid_until"], words),
        days=f"{bundle.layer.context.horizon_days:g}",
        **{"from": day_words(known["valid_from"], words)},
    )


def pygeoapi_config(bundle: Bundle) -> bytes:
    """Return a configuration of pygeoapi for the folder that it stands in, as JSON, which is YAML.

    Parameters
    ----------
    bundle
        The layer. Its regions are a collection, and so are its incidents where there are any.

    Returns
    -------
    bytes
        ``pygeoapi`` is started in the folder; ``server.url`` is where readers find it.
    """
    layer, sender, words = bundle.layer, bundle.sender, catalogue("en")
    who, handling = group_words(layer, words), words["handling_values"]
    title = words["alert"]["feed"].format(title=words["page"]["title"], who=who)
    name = sender.name if sender else words["served"]["unnamed"]
    collections = {RISK: (title, "risk.geojson", "region_id")}
    if len(layer.incidents):
        recorded = f"{words['page']['recorded']}: {who}"
        collections[INCIDENTS] = (recorded, "incidents.geojson", "id")
    about = handling["public" if layer.context.is_public else "private"]
    config = {
        "server": {
            "bind": {"host": "127.0.0.1", "port": 5000},
            "url": "http://localhost:5000",
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "gzip": False,
            "languages": ["en-US"],
            "pretty_print": False,
            "limits": {"default_items": 500, "max_items": 10_000, "on_exceed": "throttle"},
            "map": {"url": "", "attribution": ""},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": title,
                "description": about,
                "keywords": ["security", "risk"],
                "keywords_type": "theme",
                "terms_of_service": about,
                "url": "http://localhost:5000",
            },
            "license": {"name": str(layer.provenance.get("boundary_licence")), "url": ""},
            "provider": {"name": name, "url": ""},
            "contact": {
                "name": name,
                "email": sender.address if sender and "@" in sender.address else "",
                "phone": sender.contact if sender else "",
            },
        },
        "resources": {key: _collection(bundle, *one) for key, one in collections.items()},
    }
    return orjson.dumps(clean_plain(config), option=orjson.OPT_INDENT_2) + b"\n"


def _collection(bundle: Bundle, title: str, path: str, key: str) -> dict[str, Any]:
    """Return a collection over a GeoJSON file beside the configuration."""
    known = bundle.layer.provenance
    span = {"begin": known["valid_from"], "end": known["valid_until"]}
    return {
        "type": "collection",
        "title": title,
        "description": title,
        "keywords": ["risk"],
        "links": [],
        "extents": {
            "spatial": {"bbox": bounding_box(bundle.shapes) or [-180, -90, 180, 90], "crs": _CRS84},
            **({"temporal": span} if path == "risk.geojson" else {}),
        },
        "providers": [{"type": "feature", "name": "GeoJSON", "data": path, "id_field": key}],
    }

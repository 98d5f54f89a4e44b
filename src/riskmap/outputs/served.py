"""A served folder: a page over vector tiles, and a configuration of pygeoapi.

Neither is a server: the page wants one that answers ranges of files, as nearly all do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import shapely
from markupsafe import Markup

from riskmap.outputs.catalogues import catalogue, read_template, render_html
from riskmap.outputs.geofiles import maplibre_style, need_pmtiles
from riskmap.outputs.geometries import bounding_box
from riskmap.outputs.layer_tables import INCIDENTS, RISK, incident_points, layer_table
from riskmap.outputs.pages import digest, embed_json
from riskmap.outputs.senders import group_words
from riskmap.outputs.tables import clean_plain, plain_records
from riskmap.outputs.wordings import day_words, display
from riskmap.schema import DAY
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskmap.outputs.bundles import Bundle

_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_WORDS = ("region", "level", "probability", "confidence", "sufficiency", "because", "valid")


def library(name: str) -> bytes:
    """Return a file of what the page is drawn with."""
    return data_path(f"maplibre/{name}").read_bytes()


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
        policy=_policy(script),
        script=Markup(script),  # noqa: S704 - a file of this package
        data=embed_json(clean_plain(data)),
    )


def _policy(script: str) -> str:
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


def incident_chunks(bundle: Bundle) -> Iterator[bytes]:
    """Yield the incidents as GeoJSON: points where one is known, one feature a line."""
    table = layer_table(bundle.layer, INCIDENTS)
    days = {
        name: table[name].dt.strftime("%Y-%m-%d").astype("str")
        for name in table.columns
        if str(table[name].dtype) == DAY
    }
    shapes = incident_points(table)
    yield b'{"type":"FeatureCollection","features":['
    between = b"\n"
    for record, shape in zip(plain_records(table.assign(**days)), shapes, strict=True):
        feature = {
            "type": "Feature",
            "id": f"{record['incident_id']}@{record['region_id']}",
            "geometry": shape and orjson.Fragment(shapely.to_geojson(shape)),
            "properties": record,
        }
        yield between + orjson.dumps(feature)
        between = b",\n"
    yield b"\n]}\n"


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

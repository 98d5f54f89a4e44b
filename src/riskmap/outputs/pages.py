"""Pages: the offline map and the advisory, self-contained HTML files that ask nobody."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import orjson
from markupsafe import Markup

from riskmap.outputs.catalogues import catalogue, languages
from riskmap.outputs.charts import history_drawing, ink, map_drawing
from riskmap.outputs.payloads import map_payload
from riskmap.outputs.rendering import read_template, render_html
from riskmap.outputs.reports import FIRST, SAID
from riskmap.outputs.wordings import level_in

if TYPE_CHECKING:
    from riskmap.assessment.levels import LevelScale
    from riskmap.outputs.bundles import Bundle

#: Texts of the catalogue that the page shows; the rest belongs to the advisory.
_SHOWN = (
    "page",
    "levels",
    "layers",
    "trends",
    "confidences",
    "sufficiencies",
    "event_types",
    "likelihoods",
    "driver_names",
    "confidence",
    "sufficiency",
    "consequence",
    "causes",
    "rules",
    "flags",
    "moves",
    "consequences",
    "relevances",
    "group",
    "likelihood",
    "not_assessed",
    "grade",
    "weight",
    "told",
    "reasons_short",
    "attacks_told",
    "few_victims",
    "nationals",
)
_SENTENCES = ("killed", "wounded", "abducted", "matrix", "relevance", "least", "hit")


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
    script, style = (read_template(name) for name in ("map.js", "map.css"))
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
        said=SAID,
        level_in=level_in,
        policy=f"default-src 'none'; style-src '{_digest(style)}'; base-uri 'none'",
        style=Markup(style),  # noqa: S704 - a file of this package, and checked colours
        drawing=map_drawing(bundle, language),
        chart=history_drawing(report["history"]),
    )


def _level_colours(scale: LevelScale) -> str:
    """Return rules that give each level its colour, black or white on it."""
    return "".join(
        f".b{level.level} {{ background: {level.colour}; color: {ink(level.colour)}; }}\n"
        for level in scale.levels[1:]
    )


def _texts(code: str) -> dict[str, object]:
    words = catalogue(code)
    limits = {key: words["limits"][key] for key in ("models", "boundaries")}
    sentences = {key: words["sentences"][key] for key in _SENTENCES}
    page = {key: text for key, text in words["page"].items() if key != "meanings"}
    headings = {key: words["headings"][key] for key in ("matrix", "relevance")}
    return {key: words[key] for key in _SHOWN} | {
        "page": page,
        "limits": limits,
        "sentences": sentences,
        "headings": headings,
    }


def _policy(script: str, style: str) -> str:
    """Return a content security policy: nothing but this very script and this very style."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
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

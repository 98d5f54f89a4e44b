"""Publishing: a set of files that is complete and of one version, or is not there at all.

All files are written to a hidden folder, made durable, and the folder gets its final name; then the
pointer ``latest`` is swapped in one step. Whatever happens before the swap, the old set stands.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from riskmap.errors import InputError, MissingDependencyError, PublishError
from riskmap.outputs.advisories import to_markdown
from riskmap.outputs.alerts import atom_feed, cap_alert
from riskmap.outputs.archives import encode_layer
from riskmap.outputs.documents import advisory_docx, advisory_pdf
from riskmap.outputs.files import sync, told_why, write_chunks
from riskmap.outputs.frames import TABLE, write_geoparquet, write_pmtiles
from riskmap.outputs.geojson import geojson_chunks
from riskmap.outputs.geopackages import write_geopackage
from riskmap.outputs.pages import advisory_page, map_page
from riskmap.outputs.profiles import PROFILES, apply_profile
from riskmap.outputs.reports import build_report
from riskmap.outputs.sets import DIGITS, LAYER, MANIFEST, POINTER
from riskmap.outputs.styles import maplibre_style, qgis_style
from riskmap.outputs.tables import csv_chunks, hxl_tags, long_table, risk_table
from riskmap.settings import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from riskmap.assessment.layers import RiskLayer

    Writer = Callable[[RiskLayer, Path], None]

_LOCK, _PARTIAL, _NEXT_POINTER = ".lock", ".partial", ".latest"
_FAILED = "{out}: the set was not published"
_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_VERSIONS = ("geopandas", "numpy", "pandas", "pyogrio", "scikit-learn", "scipy", "shapely")


def publish(
    layer: RiskLayer,
    out: str | Path,
    *,
    formats: Sequence[str] | None = None,
    profile: str = "private",
) -> Path:
    """Write a layer as one complete set of files and point ``latest`` at it.

    Parameters
    ----------
    layer
        The risk layer.
    out
        The folder that holds the sets; it is made when absent.
    formats
        Which formats, such as ``["geojson", "csv"]``; all of them when None. The ledger, the
        manifest and the layer itself (for :func:`riskmap.read_layer`) are always written.
    profile
        ``"private"`` for the house: everything. ``"public"`` for everybody: no names below the
        region, no free text, no positions, no sources, no small numbers of victims; see
        :func:`riskmap.outputs.profiles.apply_profile`.

    Returns
    -------
    pathlib.Path
        The folder of the set, named by ``as_of`` and content: the same layer gives the same folder
        with the same bytes.

    Raises
    ------
    InputError
        When a format or the profile is unknown.
    PublishError
        When the set can't be written whole (a full disk, no permission) or another publisher is
        at work in `out`; the set before it is untouched.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, every="month", as_of="2025-01-01")
    >>> layer = rm.assess(rm.forecast(panel, horizon="90D"), districts)
    >>> with TemporaryDirectory() as out:
    ...     sorted(path.name for path in rm.publish(layer, out, formats=["csv"]).iterdir())
    ['layer.json', 'ledger.json', 'manifest.json', 'risk.csv', 'risk_long.csv']
    """
    chosen = choose_formats(formats, profile=profile)
    out, layer = Path(out), apply_profile(layer, profile)
    with told_why(_FAILED.format(out=out), out):
        out.mkdir(parents=True, exist_ok=True)
        with _alone_in(out):
            return _publish(layer, out, chosen)


def choose_formats(formats: Sequence[str] | None, *, profile: str) -> tuple[str, ...]:
    """Return the formats to write, all of them when None; refuse what isn't known.

    Examples
    --------
    >>> choose_formats(["csv", "map", "csv"], profile="public")
    ('csv', 'map')
    """
    if profile not in PROFILES:
        raise InputError(
            "an unknown profile", met=profile, expected="one of " + ", ".join(PROFILES)
        )
    chosen = tuple(WRITERS) if formats is None else tuple(dict.fromkeys(formats))
    unknown = [name for name in chosen if name not in WRITERS]
    if unknown:
        raise InputError(
            "an unknown format", met=unknown[0], expected="one of " + ", ".join(WRITERS)
        )
    return chosen


@contextlib.contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Hold the lock of an output folder; it ends with the process, so a kill leaves none behind."""
    with (out / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PublishError(f"{out} is in use: another publisher is writing there") from error
        yield


def _publish(layer: RiskLayer, out: Path, formats: Sequence[str]) -> Path:
    pointer = out / POINTER
    if pointer.exists() and not pointer.is_symlink():
        raise PublishError(f"{pointer} is not a pointer that riskmap made: move it away")
    partial = out / _PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with told_why(_FAILED.format(out=out), out):
            partial.mkdir()
            missing = _write_files(layer, partial, formats)
            manifest = _manifest(layer, partial, missing)
            (partial / MANIFEST).write_bytes(manifest)
            _sync_files(partial)
            target = _settle(partial, out, _set_name(layer, manifest))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _swap_pointer(pointer, target)
    return target


def _write_files(layer: RiskLayer, folder: Path, formats: Iterable[str]) -> dict[str, str]:
    """Write every format; return those that lack a dependency, with the sentence that says so."""
    (folder / "ledger.json").write_bytes(orjson.dumps(layer.ledger.as_list(), option=_PRETTY))
    (folder / LAYER).write_bytes(encode_layer(layer))
    missing = {}
    for name in formats:
        try:
            WRITERS[name](layer, folder)
        except MissingDependencyError as error:
            missing[name] = str(error)
    return missing


def _manifest(layer: RiskLayer, folder: Path, missing: dict[str, str]) -> bytes:
    """Return the manifest: what the set rests on and what it holds."""
    known = layer.provenance
    manifest = {
        "profile": "private",
        **known,
        "boundary": {key: known.get(f"boundary_{key}") for key in ("source", "version", "licence")},
        "inputs": known.get("inputs", []),
        "seed": known.get("seed"),
        "headline": layer.headline,
        "scale_id": layer.scale.scale_id,
        "versions": _versions(),
        "missing_formats": missing,
        "files": [
            {
                "name": path.name,
                "bytes": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path in sorted(folder.iterdir())
        ],
    }
    return orjson.dumps(manifest, option=_PRETTY | orjson.OPT_SORT_KEYS)


def _versions() -> dict[str, str]:
    return {"riskmap": VERSION, **{name: version(name) for name in _VERSIONS}}


def _set_name(layer: RiskLayer, manifest: bytes) -> str:
    day = str(layer.provenance.get("as_of", ""))[:10]
    digest = hashlib.sha256(manifest).hexdigest()[:DIGITS]
    return f"{day}-{digest}" if day else digest


def _sync_files(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        sync(path)
    sync(folder)


def _settle(partial: Path, out: Path, name: str) -> Path:
    """Give a finished folder its name; an equal set that stands already is kept instead.

    A set of that name that was changed by hand is left alone, and the new one gets a number.
    """
    target, number = out / name, 1
    while target.exists():
        if _same_files(partial, target):
            return target
        number += 1
        target = out / f"{name}.{number}"
    partial.rename(target)
    sync(out)
    return target


def _same_files(one: Path, other: Path) -> bool:
    first, second = ({path.name for path in folder.iterdir()} for folder in (one, other))
    return first == second and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in sorted(first)
    )


def _swap_pointer(pointer: Path, target: Path) -> None:
    following = pointer.with_name(_NEXT_POINTER)
    following.unlink(missing_ok=True)
    following.symlink_to(target.name, target_is_directory=True)
    os.replace(following, pointer)  # noqa: PTH105 - one atomic step, also over an existing pointer
    sync(pointer.parent)


def _geojson(layer: RiskLayer, folder: Path) -> None:
    write_chunks(folder / "risk.geojson", geojson_chunks(layer))
    write_chunks(folder / "risk.qml", [qgis_style(layer.scale)])


def _csv(layer: RiskLayer, folder: Path) -> None:
    write_chunks(folder / "risk.csv", csv_chunks(risk_table(layer)))
    write_chunks(folder / "risk_long.csv", csv_chunks(long_table(layer)))


def _hxl(layer: RiskLayer, folder: Path) -> None:
    levels = layer.regions["adm_level"].dropna().unique()
    level = int(levels[0]) if len(levels) == 1 else None
    for name, table in (("risk_hxl", risk_table(layer)), ("risk_long_hxl", long_table(layer))):
        chunks = csv_chunks(table, tags=hxl_tags(table, level=level))
        write_chunks(folder / f"{name}.csv", chunks)


def _parquet(layer: RiskLayer, folder: Path) -> None:
    write_geoparquet(layer, folder / "risk.parquet")


def _pmtiles(layer: RiskLayer, folder: Path) -> None:
    write_pmtiles(layer, folder / "risk.pmtiles")
    style = maplibre_style(layer.scale, tiles="pmtiles://risk.pmtiles", layer=TABLE)
    write_chunks(folder / "risk.style.json", [style])


def _advisory(layer: RiskLayer, folder: Path) -> None:
    text = to_markdown(build_report(layer))
    write_chunks(folder / "advisory.md", [text.encode()])


def _map(layer: RiskLayer, folder: Path) -> None:
    write_chunks(folder / "map.html", [map_page(layer).encode()])


def _advisory_html(layer: RiskLayer, folder: Path) -> None:
    write_chunks(folder / "advisory.html", [advisory_page(layer).encode()])


def _pdf(layer: RiskLayer, folder: Path) -> None:
    write_chunks(folder / "advisory.pdf", [advisory_pdf(layer)])


def _docx(layer: RiskLayer, folder: Path) -> None:
    write_chunks(folder / "advisory.docx", [advisory_docx(layer)])


def _gpkg(layer: RiskLayer, folder: Path) -> None:
    write_geopackage(layer, folder / "risk.gpkg")


def _cap(layer: RiskLayer, folder: Path) -> None:
    alert = cap_alert(layer)
    if alert is not None:
        write_chunks(folder / "alert.cap.xml", [alert])


def _atom(layer: RiskLayer, folder: Path) -> None:
    write_chunks(folder / "alerts.atom", [atom_feed(layer)])


#: Each format and what writes it; a writer adds its files to a folder.
WRITERS: dict[str, Writer] = {
    "geojson": _geojson,
    "csv": _csv,
    "hxl": _hxl,
    "gpkg": _gpkg,
    "parquet": _parquet,
    "pmtiles": _pmtiles,
    "advisory": _advisory,
    "map": _map,
    "advisory_html": _advisory_html,
    "pdf": _pdf,
    "docx": _docx,
    "cap": _cap,
    "atom": _atom,
}

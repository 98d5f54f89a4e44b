"""Publishing: a set of files that is complete and of one version, or is not there at all.

All files are written to a hidden folder, made durable, and the folder gets its final name; then the
pointer ``latest`` is swapped in one step. Whatever happens before the swap, the old set stands. A
single file is written beside its place likewise, and moved there whole.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import sqlite3
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import orjson
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from riskmap.errors import MissingDependencyError, PublishError
from riskmap.outputs.bundles import Bundle, apply_profile, check_profile
from riskmap.outputs.catalogues import choose_languages
from riskmap.outputs.formats import (
    FORMATS,
    NO_SENDER,
    check_sender,
    choose_formats,
    find_file,
    write_file,
)
from riskmap.outputs.geofiles import geojson_chunks
from riskmap.outputs.senders import Sender
from riskmap.outputs.sets import (
    DIGITS,
    LAYER,
    MANIFEST,
    POINTER,
    encode_layer,
    follow_pointer,
)
from riskmap.settings import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from riskmap.assessment.layers import RiskLayer

#: What the system, SQLite and GDAL raise when a file can't be written, as on a full disk.
WRITING_FAILED = (OSError, sqlite3.Error, DataSourceError, DataLayerError, FeatureError)

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
#: What a system or a file system answers that knows no links, or allows this user none.
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
#: Where less than this is free, a failure that names no reason is put down to the disk: by the time
#: it is told, GDAL has removed what it wrote. Else so much is written, to meet quotas and limits.
_ROOM, _TRIED = 64 * 2**20, 2**20
_LOCK, _PARTIAL, _NEXT_POINTER = ".lock", ".partial", ".latest"
_FAILED = "{out}: the set was not published"
_VERSIONS = ("geopandas", "numpy", "pandas", "pyogrio", "scikit-learn", "scipy", "shapely")
_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def publish(
    layer: RiskLayer,
    out: str | Path,
    *,
    formats: Sequence[str] | None = None,
    profile: str = "private",
    languages: Sequence[str] = ("en",),
    sender: str | Sender | None = None,
    contact: str | None = None,
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
        :func:`riskmap.outputs.bundles.apply_profile`.
    languages
        In which languages advisory, map page, alert and feed are written, such as ``("en",
        "zh")``. English files have plain names, others their language before the suffix:
        ``advisory.zh.html``; the alert is one file that speaks all of them.
    sender
        Whose the alert and the feed are, with an address or domain of your own, such as
        ``"Security desk <alerts@example.org>"``; without one neither is written. A
        :class:`riskmap.outputs.senders.Sender` has a link too, to where the newest set is read.
    contact
        Where a reader of the alert asks back, such as a number of telephone.

    Returns
    -------
    pathlib.Path
        The folder of the set, named by ``as_of`` and content: the same layer gives the same folder
        with the same bytes.

    Raises
    ------
    InputError
        When a format, the profile or a language is unknown, the sender is no address, or there is
        none and an alert is asked for.
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
    chosen, spoken = choose_formats(formats), choose_languages(languages)
    check_profile(profile)
    told = Sender.parse(sender, contact)
    check_sender(formats, told)
    out = Path(out)
    with _told_why(_FAILED.format(out=out), out):
        out.mkdir(parents=True, exist_ok=True)
        try:  # the lock ends with the process, so that a kill leaves none behind
            with filelock.FileLock(out / _LOCK, timeout=0):
                bundle = Bundle(
                    apply_profile(layer, profile),
                    sender=told,
                    out=out,
                    languages=spoken,
                )
                return _publish(bundle, out, chosen, spoken)
        except filelock.Timeout as error:
            raise PublishError(f"{out} is in use: another publisher is writing there") from error


def write_whole(path: Path, write: Callable[[Path], None]) -> Path:
    """Write one file beside its place, make it durable, and move it there when it is whole.

    Parameters
    ----------
    path
        The file.
    write
        What writes it, to a path that is not there yet.

    Raises
    ------
    PublishError
        When it can't be written; what stood there is untouched.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a", lambda path: path.write_bytes(b"ab")).read_bytes()
    b'ab'
    """
    why = f"{path} was not written"
    with _told_why(why, path.parent):
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        partial = folder / path.name
        try:
            with _told_why(why, path.parent):
                write(partial)
                _sync(partial)
                partial.replace(path)
                _sync(path.parent)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return path


def _publish(bundle: Bundle, out: Path, formats: Sequence[str], languages: Sequence[str]) -> Path:
    pointer = out / POINTER
    if pointer.exists() and not pointer.is_symlink() and follow_pointer(pointer) == pointer:
        raise PublishError(f"{pointer} is not a pointer that riskmap made: move it away")
    partial = out / _PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with _told_why(_FAILED.format(out=out), out):
            partial.mkdir()
            missing = _write_files(bundle, partial, formats, languages)
            manifest = _manifest(bundle.layer, partial, missing)
            (partial / MANIFEST).write_bytes(manifest)
            for path in (*sorted(partial.iterdir()), partial):
                _sync(path)
            target = _settle(partial, out, _set_name(bundle.layer, manifest))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _swap_pointer(pointer, target)
    return target


def _write_files(
    bundle: Bundle, folder: Path, formats: Iterable[str], languages: Sequence[str]
) -> dict[str, str]:
    """Write every format; return those that lack a dependency, with the sentence that says so."""
    ledger = bundle.layer.ledger.as_list()
    (folder / "ledger.json").write_bytes(orjson.dumps(ledger, option=_PRETTY))
    (folder / LAYER).write_bytes(encode_layer(bundle))
    missing = {}
    for name in formats:
        if FORMATS[name].sent and bundle.sender is None:
            missing[name] = f"{name} {NO_SENDER}"
            continue
        try:
            FORMATS[name].write(bundle, folder, languages=languages)
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
        "versions": {"riskmap": VERSION, **{name: version(name) for name in _VERSIONS}},
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


def _set_name(layer: RiskLayer, manifest: bytes) -> str:
    day = str(layer.provenance.get("as_of", ""))[:10]
    digest = hashlib.sha256(manifest).hexdigest()[:DIGITS]
    return f"{day}-{digest}" if day else digest


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
    _sync(out)
    return target


def _same_files(one: Path, other: Path) -> bool:
    first, second = ({path.name for path in folder.iterdir()} for folder in (one, other))
    return first == second and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in sorted(first)
    )


def _swap_pointer(pointer: Path, target: Path) -> None:
    """Let the pointer lead to a set: a link, or where there are none a file that names it."""
    following = pointer.with_name(_NEXT_POINTER)
    following.unlink(missing_ok=True)
    try:
        following.symlink_to(target.name, target_is_directory=True)
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LINKS:
            raise
        following.write_text(f"{target.name}\n", encoding="utf-8", newline="\n")
        _sync(following)
    os.replace(following, pointer)  # noqa: PTH105 - one atomic step, also over an existing pointer
    _sync(pointer.parent)


@contextlib.contextmanager
def _told_why(what: str, folder: Path) -> Iterator[None]:
    """Raise what fails to be written as a PublishError that says whether the disk is the reason.

    It must be left before what was written is removed, or the disk has room again. `what` was not
    written into `folder`; it begins the sentence.
    """
    try:
        yield
    except WRITING_FAILED as error:
        raise PublishError(f"{what}: {_reason(error, folder)}") from error


def _reason(error: Exception, folder: Path) -> str:
    """Return why a file can't be written: SQLite and GDAL don't say when the disk is full."""
    found = error.errno if isinstance(error, OSError) else _try_room(folder)
    if found in _FORBIDDEN:
        return f"{folder} can't be written: {error}"
    if found in _FULL:
        place = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
        free = shutil.disk_usage(place).free
        return f"the disk of {folder} is full or nearly so ({free:,} bytes free): {error}"
    if found is not None and not isinstance(error, OSError):
        return f"{folder} can't be written ({os.strerror(found)}): {error}"
    return str(error)


def _try_room(folder: Path) -> int | None:
    """Return the number of the system's error when a folder is written to, or None."""
    try:
        if shutil.disk_usage(folder).free < _ROOM:
            return errno.ENOSPC
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIED))
    except OSError as error:
        return error.errno
    return None


def _sync(path: Path) -> None:
    """Make a file or folder durable: what was written is on the disk when this returns."""
    is_folder = path.is_dir()
    if is_folder and not hasattr(os, "O_DIRECTORY"):
        return  # such systems open no folder
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_geojson(layer: RiskLayer) -> str:
    """Return a layer as GeoJSON text, as ``risk.geojson`` of a published set holds it."""
    return b"".join(geojson_chunks(Bundle(layer))).decode()


def geo_interface(layer: RiskLayer) -> dict[str, Any]:
    """Return a layer as the plain values of its GeoJSON."""
    values: dict[str, Any] = orjson.loads(to_geojson(layer))
    return values


def to_file(layer: RiskLayer, path: str | Path) -> Path:
    """Write a layer as one file of the kind that the path's suffix says.

    Raises
    ------
    InputError
        When the suffix is of no kind of file that holds a layer.
    MissingDependencyError
        When the kind needs a package that is not installed.
    PublishError
        When it can't be written; what stood there is untouched.
    """
    path = Path(path)
    name = find_file(path)
    return write_whole(path, lambda partial: write_file(name, Bundle(layer), partial))

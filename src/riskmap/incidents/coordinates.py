"""Coordinates as feeds write them: checked, and restored only where the country confirms them.

A spreadsheet set to a European language turns ``34.6912643`` into ``346.912.643`` or ``34,69``;
some results are still legal latitudes. The decimal point is put back when exactly one way of doing
so lies in the row's country; what is left is quarantined, never guessed. Numbers that are legal as
they stand are doubted only where asked, in feeds of which such copies go round.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from riskmap.countries import display_name
from riskmap.countries import table as country_table
from riskmap.errors import importing
from riskmap.incidents.dates import DIGITS
from riskmap.incidents.quarantines import describe
from riskmap.incidents.values import parse_numbers, to_number
from riskmap.incidents.words import read_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from riskmap.incidents.quarantines import Quarantine
    from riskmap.typing import FloatArray

LIMITS = (90, 180)
#: Degrees by which a point may lie outside its country's box: coasts, borders, boundary sources.
MARGIN = 1.0
#: What stands for unknown where both coordinates are it, and can be no latitude.
NO_DEGREES = (-99.0, -999.0, -9999.0, 999.0, 9999.0)
_DIGITS = re.compile(r"(-?)(\d{1,3}(?:[., ]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?)[., ]*")
_BROKEN = r"\s*-?\d{1,3}(?:(?:\.\d{3}){2,}|,\d+)\s*"

_COMMA = re.compile(r"-?\d{1,3},\d{2,}")
_AXIS = r"(-?\d{1,3}(?:[.,]\d+)?)"
_DEGREES = re.compile(
    r"[NSEW]?\s*-?\d{1,3}(?:[.,]\d+)?\s*°?\s*(?:\d{1,2}(?:[.,]\d+)?\s*['\u2032\u2019]?\s*)?"
    r"(?:\d{1,2}(?:[.,]\d+)?\s*(?:\"|''|\u2033|\u201d)?\s*)?[NSEW]?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Points:
    """Coordinates of many rows.

    Parameters
    ----------
    latitude, longitude
        Degrees, NaN where there are none or the row is quarantined for them.
    evidence
        For restored rows what stood there, None elsewhere.
    """

    latitude: FloatArray
    longitude: FloatArray
    evidence: NDArray[Any]


_PAIR = re.compile(rf"{_AXIS}\s*[,;|/\s]\s*{_AXIS}(?:[,;\s]+-?\d+(?:\.\d+)?){{0,2}}")
_WKT = re.compile(
    r"(?:srid=4326;)?\s*point\s*z?m?\s*\(\s*(-?[\d.]+)\s+(-?[\d.]+)[^()]*\)", re.IGNORECASE
)


#: A reference of the military grid: zone, square, and two to five digits for each axis. Military
#: dates look like one: 12MAY2031.
MGRS = re.compile(
    r"(?!\d+\s*(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\s*\d{4}$)"
    r"(\d{1,2}[C-HJ-NP-X])\s*([A-HJ-NP-Z]{2})\s*(?:(\d{4}(?:\d\d){0,3})|(\d{2,5})\s+(\d{2,5}))"
)


#: Where a link to a map says where its place is, the marked place before what the map shows.
_LINKS = tuple(
    re.compile(pattern.replace(",", r"(?:,|%2C)\s*").replace("#", r"(-?\d{1,3}(?:\.\d+)?)"))
    for pattern in (
        r"!3d#!4d#",
        r"[?&](?:q|query|destination|daddr|ll|sll|cp|where)=(?:loc:)?#,#",
        r"mlat=#&mlon=#",
        r"/place/#,#",
        r"@#,#",
        r"\x23map=\d+/#/#",
        r"^geo:#,#",
    )
)
_LINES = re.compile(
    r"(?:srid=4326;)?\s*((?:multi)?(?:linestring|point|polygon)\s*\(.*\))", re.IGNORECASE
)
#: Degrees that a line or an area may span whose middle is where something happened.
_SMALL = 0.15


def _in_letters(text: str) -> str:
    """Return a text with the letters of the compass for its words in other languages."""
    if text.isascii():
        return text
    for word, letter in sorted(read_words("compass").items(), key=lambda item: -len(item[0])):
        text = re.sub(re.escape(word), letter, text, flags=re.IGNORECASE)
    return text


def _middle(wkt: str) -> tuple[str, str]:
    """Return the middle of a line or an area of WKT; blank where it is large, or is none."""
    try:
        shape = shapely.from_wkt(wkt)
    except shapely.errors.GEOSException:
        return "", ""
    west, south, east, north = shape.bounds
    if not max(east - west, north - south) <= _SMALL:
        return "", ""
    is_line = shape.geom_type == "LineString"
    middle = shape.interpolate(0.5, normalized=True) if is_line else shape.centroid
    return f"{middle.y:.6f}", f"{middle.x:.6f}"


#: Two whole numbers, such as name a square of some map where a column is called so.
SQUARE = re.compile(r"\s*\d{1,3}[\s,;/]+\d{1,3}\s*")
#: A number of metres of UTM, of which two make no pair of degrees.
_METRES = re.compile(r"(?<![\d.,])\d{6,7}(?!\d)")


def split_pair(text: str) -> tuple[str, str]:
    r"""Return latitude and longitude of a text that holds both, as text; blank where it does not.

    Read are two numbers, the latitude first, with what a form adds of height and precision, degrees
    with minutes and seconds, the letters of the compass, the points of WKT and the middle of its
    short lines, links to maps, and references of the military grid (MGRS), which stand for the
    middle of their cell.

    Examples
    --------
    >>> split_pair("34.6, 69.0"), split_pair("POINT (69.0 34.6)")
    (('34.6', '69.0'), ('34.6', '69.0'))
    >>> split_pair("34.6000 69.0000 2300 4.5"), split_pair("34°36'00\"N 69°00'00\"E")
    (('34.6000', '69.0000'), ('34.6', '69.0'))
    >>> split_pair("https://maps.google.com/?q=34.6,69.0"), split_pair("34.6N 69.0E")
    (('34.6', '69.0'), ('34.6', '69.0'))
    >>> split_pair("near the bridge")
    ('', '')
    """
    if "://" in text or text.startswith("geo:"):
        linked = next(filter(None, (link.search(text) for link in _LINKS)), None)
        return (linked[1], linked[2]) if linked else ("", "")
    plain = _in_letters(text.strip().strip("()[]").strip())
    if len(_METRES.findall(plain)) > 1:
        return "", ""
    if (drawn := _LINES.fullmatch(text.strip())) and not _WKT.fullmatch(text.strip()):
        return _middle(drawn[1])
    if point := _WKT.fullmatch(text.strip()):
        return point[2], point[1]
    if grid := MGRS.fullmatch(plain.upper().removeprefix("MGRS").strip(" :")):
        return _read_grid("".join(grid.groups()[:2]), "".join(filter(None, grid.groups()[2:])))
    parts = [part.strip() for part in re.split(r"(?<=[NSEWnsew])\s*[,;/]?\s*(?=[\d-])", plain)]
    if len(parts) != 2:  # noqa: PLR2004 - latitude and longitude
        parts = re.split(r"(?<=[\d'\"°])\s*[,;/]?\s*(?=[NSEW]\s*\d)", plain)
    if len(parts) != 2:  # noqa: PLR2004 - latitude and longitude
        pair = _PAIR.fullmatch(plain)
        parts = [pair[1], pair[2]] if pair else []
    if len(parts) != 2:  # noqa: PLR2004
        return "", ""
    read = [to_degrees(part).replace(",", ".") for part in parts]
    if parts[0][-1:].upper() in ("E", "W") or parts[0][:1].upper() in ("E", "W"):
        read.reverse()
    return read[0], read[1]


def _read_grid(square: str, digits: str) -> tuple[str, str]:
    """Return the middle of a cell of the military grid; blank where there is no such square."""
    with importing("mgrs", extra="mgrs"):
        import mgrs
        from mgrs.core import MGRSError
    half = len(digits) // 2
    middle = [f"{axis}50000"[:5] for axis in (digits[:half], digits[half:])]
    try:
        latitude, longitude = mgrs.MGRS().toLatLon(square + "".join(middle))
    except MGRSError:
        return "", ""
    return f"{latitude:.6f}", f"{longitude:.6f}"


def to_degrees(text: str) -> str:
    r"""Return degrees, minutes and seconds as a decimal number; any other text as it stands.

    Examples
    --------
    >>> to_degrees("69°30'00\"W"), to_degrees("N 34 30.0"), to_degrees("34.69")
    ('-69.5', '34.5', '34.69')
    """
    plain = _in_letters(text.strip())
    letters = {sign for sign in plain.upper() if sign in "NSEW"}
    numbers = re.findall(r"\d+(?:[.,]\d+)?", plain)
    if not (letters or "°" in plain) or not _DEGREES.fullmatch(plain) or len(letters) > 1:
        return text
    parts = [float(number.replace(",", ".")) for number in numbers]
    if not parts or any(part >= 60 for part in parts[1:]):  # noqa: PLR2004 - minutes, seconds
        return text
    number = sum(part / 60**i for i, part in enumerate(parts[:3]))
    negative = plain.startswith("-") or bool(letters & {"S", "W"})
    return str(round(-number if negative else number, 7))


def read_points(
    texts: tuple[pd.Series, pd.Series],
    quarantine: Quarantine,
    *,
    names: tuple[str, str],
    countries: pd.Series,
    no_place: Iterable[str] = (),
    restore: bool = False,
) -> Points:
    """Return the coordinates of two columns of text, and set rows aside whose place is no place.

    Parameters
    ----------
    texts
        Latitudes and longitudes.
    quarantine
        Where rows that can't be used are noted.
    names
        The two columns' names, for details.
    countries
        Alpha-3 codes of the rows' countries, missing where unknown: what they are held against.
    no_place
        Values that stand for no coordinate, beside ``""``.
    restore
        Whether numbers too may have lost their decimal point, and not only what is no number.

    Examples
    --------
    >>> from riskmap.incidents.quarantines import Quarantine
    >>> pair = pd.Series(["346.912.643"], dtype=object), pd.Series(["69,17"], dtype=object)
    >>> found = read_points(pair, Quarantine(1), names=("lat", "lon"),
    ...                     countries=pd.Series(["AFG"]), restore=True)
    >>> found.latitude.tolist(), found.longitude.tolist()
    ([34.6912643], [69.17])
    """
    boxes = _boxes(countries)
    lat, lon, blank, evidence = _read_pairs(texts, boxes, no_place=no_place, restore=restore)

    def tell(row: int, expected: str) -> str:
        return describe(", ".join(names), ", ".join(text.iloc[row] for text in texts), expected)

    if restore:
        far = _is_far(lat, lon, texts, boxes) & ~blank
        lost = "in a file without decimal points"
        quarantine.add_details(
            far,
            "bad_coordinates",
            lambda row: tell(row, f"a place in {display_name(countries.iloc[row])}, {lost}"),
        )
    good = _in_range(lat, lon)
    swapped = _is_swapped(lat, lon, boxes)
    zero = (lat == 0) & (lon == 0)
    order = "latitude before longitude, in the row's country"
    quarantine.add_details(swapped, "swapped_coordinates", lambda row: tell(row, order))
    for text, name, number, limit in zip(texts, names, (lat, lon), LIMITS, strict=True):
        quarantine.add(
            ~(np.abs(number) <= limit) & ~blank,
            "bad_coordinates",
            column=name,
            met=text,
            expected=f"a number from -{limit} to {limit}",
        )
    quarantine.add_details(zero, "null_island", lambda row: tell(row, "the place of an incident"))
    keep = good & ~zero & ~swapped
    return Points(np.where(keep, lat, np.nan), np.where(keep, lon, np.nan), evidence)


def _read_pairs(
    texts: tuple[pd.Series, pd.Series],
    boxes: FloatArray,
    *,
    no_place: Iterable[str],
    restore: bool,
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_], NDArray[np.object_]]:
    """Return latitudes, longitudes, which rows have none, and the texts of those restored."""
    lat, lon = (parse_numbers(text) for text in texts)
    blank = np.isnan(lat) & np.isnan(lon)
    for text in texts:
        blank[blank] = text[blank].str.strip().isin(["", *no_place])
    blank |= (lat == lon) & np.isin(lat, NO_DEGREES)
    for row in np.flatnonzero(~blank & (np.isnan(lat) | np.isnan(lon))):
        pair = tuple(str(text.iloc[row]) for text in texts)
        lat[row], lon[row] = _read_signs(pair, lat[row], lon[row], known=~np.isnan(boxes[row, 0]))
    evidence = np.full(len(lat), None, object)
    wrong = ~blank & _is_outside(lat, lon, boxes)
    if not restore:
        wrong &= np.isnan(lat) | np.isnan(lon)
    for row in np.flatnonzero(wrong):
        written = [str(text.iloc[row]).strip() for text in texts]
        if point := _restored(written, boxes[row : row + 1]):
            (lat[row], lon[row]), evidence[row] = point, ", ".join(written)
    return lat, lon, blank, evidence


def _read_signs(
    pair: tuple[str, ...], lat: float, lon: float, *, known: bool
) -> tuple[float, float]:
    """Return a pair that is no two numbers, where degrees and minutes or two commas say it.

    Two numbers with a decimal comma are one where no country can confirm it.
    """
    marks = DIGITS | {0x66B: "."}  # the Arabic decimal mark
    pair = tuple(text.strip().lstrip("'\u2019").translate(marks) for text in pair)
    read = [to_number(to_degrees(text)) for text in pair]
    if not any(np.isnan(read)):
        return read[0], read[1]
    if not known and all(_COMMA.fullmatch(text.strip()) for text in pair):
        return to_number(pair[0].replace(",", ".")), to_number(pair[1].replace(",", "."))
    return lat, lon


def _boxes(countries: pd.Series) -> FloatArray:
    """Return west, south, east and north of each row's country, NaN where unknown."""
    known = country_table()
    codes, distinct = pd.factorize(countries, use_na_sentinel=False)
    nowhere = (np.nan,) * 4
    boxes = [(known[iso3].box or nowhere) if iso3 in known else nowhere for iso3 in distinct]
    return np.array(boxes, np.float64).reshape(-1, 4)[codes]


def _in_range(lat: FloatArray, lon: FloatArray) -> NDArray[np.bool_]:
    return (np.abs(lat) <= LIMITS[0]) & (np.abs(lon) <= LIMITS[1])


def _inside(
    lat: FloatArray, lon: FloatArray, boxes: FloatArray, margin: float = 0.0
) -> NDArray[np.bool_]:
    west, south, east, north = boxes.T
    in_width = (lon >= west - margin) & (lon <= east + margin)
    return in_width & (lat >= south - margin) & (lat <= north + margin)


def _is_outside(lat: FloatArray, lon: FloatArray, boxes: FloatArray) -> NDArray[np.bool_]:
    """Return what lies outside the row's country, where that is known."""
    return ~np.isnan(boxes[:, 0]) & ~_inside(lat, lon, boxes, MARGIN)


def _is_swapped(lat: FloatArray, lon: FloatArray, boxes: FloatArray) -> NDArray[np.bool_]:
    """Return where the two are in each other's place: by their range, or by the country."""
    by_range = ~(np.abs(lat) <= LIMITS[0]) & _in_range(lon, lat)
    return by_range | (_is_outside(lat, lon, boxes) & _inside(lon, lat, boxes))


def _restored(written: list[str], box: FloatArray) -> tuple[float, float] | None:
    """Return the one pair that lies in the row's country, once decimal points are put back."""
    found = {
        (lat, lon)
        for lat in readings(written[0], LIMITS[0])
        for lon in readings(written[1], LIMITS[1])
        if _inside(np.array([lat]), np.array([lon]), box)[0]
    }
    return found.pop() if len(found) == 1 else None


def readings(text: str, limit: float) -> list[float]:
    """Return the numbers that a text may have been before its decimal point moved.

    One comma is a decimal comma wherever that gives a legal number. Zeros may have been lost in
    front of the others, unless there is one.

    Examples
    --------
    >>> readings("346.912.643", 90), readings("34,69", 90)
    ([0.00346912643, 0.0346912643, 0.346912643, 3.46912643, 34.6912643], [34.69])
    """
    found = _DIGITS.fullmatch(text)
    if not found:
        return []
    sign, written = found[1], found[2]
    plain = to_number(sign + written.replace(",", "."))
    if "," in written and abs(plain) <= limit:
        return [plain]
    digits = re.sub(r"\D", "", written)
    places = range(1, 1 + min(len(digits), len(str(int(limit)))))
    numbers = [float(f"{sign}{digits[:place]}.{digits[place:]}") for place in places]
    if not digits.startswith("0"):
        numbers = [float(f"{sign}0.{zeros}{digits}") for zeros in ("00", "0", "")] + numbers
    return [number for number in numbers if abs(number) <= limit]


def _is_far(
    lat: FloatArray, lon: FloatArray, texts: tuple[pd.Series, pd.Series], boxes: FloatArray
) -> NDArray[np.bool_]:
    """Return which legal points lie outside their country, in a file that lost decimal points."""
    if not any(text.str.fullmatch(_BROKEN).any() for text in texts):
        return np.zeros(len(lat), bool)
    outside = _in_range(lat, lon) & _is_outside(lat, lon, boxes)
    return outside & ~_is_swapped(lat, lon, boxes)

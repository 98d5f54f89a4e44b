"""Whatever stands in a feed's columns, no row is lost or shifted and nothing untyped is raised.

Files of up to thousands of rows are drawn from a seed: golden cells and hostile ones, columns in
any order, missing, unknown and doubled, rows cut short or too long, every delimiter, encoding, line
end and format. What is known of the written table is compared with what is read.
"""

import csv
import json
import os
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import riskmap as rm
from riskmap.errors import InputError
from riskmap.incidents.feeds import every_feed
from riskmap.incidents.quarantines import REASONS
from riskmap.incidents.reading_options import ReadingOptions
from riskmap.incidents.tabular import open_tables
from riskmap.incidents.words import key, unique_names
from riskmap.schema import check_incidents

#: Rows over all feeds; RISKMAP_FUZZ=1000000 looks at a million.
ROWS = int(os.environ.get("RISKMAP_FUZZ", "3300"))
GOLDEN = Path(__file__).parent / "golden"
HOSTILE = [
    *("", " ", "NA", "null", "None", "-", "?", "#N/A", "-9", "-99", "-999", "0", "1", "7", "2.0"),
    *("1e400", "nan", "inf", "-1", "1_000", "1,000", "1 000", "3.5", "9" * 30, "0102", "1e3", "٣"),
    *("2024-05-06", "03/04/2024", "13/04/2024", "1399-12-14", "2024-05-06T22:30Z", "45123"),
    *("2024-02-30", "31 April 2024", "May 2024", "2024", "2567-01-01", "2024-W07", "2024-W60"),
    *("0001-01-01T00:00Z", "9999-12-31T23:59Z", "2024-05-06T25:00Z", "2024-05-06 00:00:00.000"),
    *("34.5", "69.2", "34,69", "346.912.643", "34°31'N", "190", "-0.0", "1e-320", "nan,nan"),
    *("AFG", "Chad", "Côte d'Ivoire", "CH", "AF", "#event+id", "#date", '"', '""', "'", ",", ";"),
    *("a\nb", "a\r\nb", "a\rb", "a|b", "x" * 300, "\x1e", "\x85", "\u2028", "\ufeff", "é", "你好"),
    *("=1+1", "<b>", "\\", "\\N", "true", "[]", "{}", "\u200f", "e\u0301", "\U0001f600"),
]
#: Cells beside golden ones where a feed has no golden file, or its file shows one value only.
PLAIN = {
    "decision": ["accept", "reject", "undecided"],
    "event_status": ["incident", "background"],
    "date_precision": ["day", "month"],
    "event_type": ["armed_attack", "explosion"],
    "event_date": ["2024-03-01", "2024-05-06"],
    "event_date_end": ["2024-05-06", ""],
    "reliability": ["A", "C"],
    "killed": ["0", "3"],
    "country": ["AFG", "TCD"],
    "latitude": ["34.5", "12.1"],
    "longitude": ["69.2", "15.0"],
}


def golden_cells(feed):
    """The cells of a feed's golden files by the name of their column, as compared."""
    cells = {name: list(values) for name, values in PLAIN.items()}
    for path in GOLDEN.glob(f"{feed.name}*"):
        if path.suffix != ".geojson" and not path.name.endswith(".expected.json"):
            raw = open_tables(path, ReadingOptions(feed=feed.name))[0][0]
            for name in raw.rows:
                cells.setdefault(key(name), []).extend(raw.rows[name])
    return cells


def columns_of(feed):
    named = {c for columns in feed.origins().values() for c in columns[:2]}
    named -= {"scope"}  # a word that is none of a scope refuses the file
    return sorted(named | feed.required | (feed.reads or set()))


@dataclass
class Drawn:
    """A table as it was written, and how."""

    header: list[str]
    rows: list[list[object]]
    form: str
    options: dict = field(default_factory=dict)
    ragged: dict[int, int] = field(default_factory=dict)
    has_nul: bool = False


def draw_table(feed, cells, rng, most):
    """Draw a header in any order and rows of golden and hostile cells."""
    header = [str(name) for name in rng.permutation(columns_of(feed))]
    optional = [name for name in header if name not in feed.required | set(feed.date_columns)]
    for name in rng.permutation(optional)[: rng.integers(0, 3) * len(optional) // 4]:
        header.remove(name)
    header += [f"extra {i}" for i in range(rng.integers(0, 3))]
    header += [str(rng.choice(header)), ""][: rng.integers(0, 3)]
    size = int(np.exp(rng.uniform(0, np.log(most + 1))))
    hostile = rng.choice([0.01, 0.1, 0.5, 1.0])
    columns = []
    for name in header:
        known = np.array([*cells.get(name, []), "x"], dtype=object)
        column = known[rng.integers(0, len(known), size)]
        where = rng.random(size) < hostile
        column[where] = np.array(HOSTILE, object)[rng.integers(0, len(HOSTILE), where.sum())]
        columns.append(column)
    if rng.random() < 0.7:
        for name in ("id", "incident_id", "event_id_cnty", "eventid", "globaleventid"):
            if name in header:
                columns[header.index(name)] = np.array([f"{n}" for n in range(1, size + 1)], object)
    written = [name.replace("_", " ") if rng.random() < 0.3 else name for name in header]
    written = [name.title() if rng.random() < 0.3 else name for name in written]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Drawn(written, rows, str(rng.choice(["csv"] * 6 + ["json", "geojson", "frame"])))


def quoted(cell, delimiter, *, always):
    """A field as it is written; the csv module leaves some line ends bare. Tabs quote nothing."""
    if delimiter == "\t" or not (always or re.search(rf'["\r\n{delimiter}]', cell)):
        return cell
    return '"' + cell.replace('"', '""') + '"'


def write_csv(drawn, rng, path):
    """Write delimited text in some dialect; the rows become what the dialect can hold."""
    delimiter = str(rng.choice([",", ",", ";", "\t", "|"]))
    encoding = str(rng.choice(["utf-8"] * 4 + ["utf-8-sig", "utf-16", "cp1252"]))
    end = str(rng.choice(["\n", "\n", "\r\n", "\r"]))
    if encoding == "cp1252":
        drawn.options["encoding"] = "cp1252"
        fit = [[c.encode("cp1252", "replace").decode("cp1252") for c in row] for row in drawn.rows]
        drawn.rows = fit
    if delimiter == "\t":  # nothing is quoted
        clean = str.maketrans("\t\r\n", "   ")
        drawn.rows = [[cell.translate(clean) for cell in row] for row in drawn.rows]
    rows = [list(row) for row in drawn.rows]
    if rng.random() < 0.5:
        for number in rng.integers(0, len(rows), max(1, len(rows) // 50)):
            width = int(rng.integers(2, len(drawn.header) + 4))
            rows[number] = (drawn.rows[number] + ["y"] * 4)[:width]
            drawn.ragged[int(number)] = width
    always = rng.random() < 0.3
    content = "".join(
        delimiter.join(quoted(cell, delimiter, always=always) for cell in row) + end
        for row in [drawn.header, *rows]
    )
    if rng.random() < 0.2:
        content = content.removesuffix(end)
    if rng.random() < 0.03:
        at = int(rng.integers(0, len(content)))
        content, drawn.has_nul = f"{content[:at]}\0{content[at:]}", True
    path.write_bytes(content.encode(encoding))


def write_json(drawn, rng, path):
    """Write an API's answer or a list of records; numbers may be numbers."""
    names = list(unique_names(drawn.header))
    drawn.header = names
    records = [dict(zip(names, row, strict=True)) for row in drawn.rows]
    path.write_text(json.dumps({"data": records} if rng.random() < 0.5 else records), "utf-8")


def write_geojson(drawn, rng, path):
    """Write features whose properties are the rows; half of them with points."""
    keep = [i for i, name in enumerate(drawn.header) if key(name)[:3] not in {"lat", "lon"}]
    drawn.header = [drawn.header[i] for i in keep]
    drawn.header = list(unique_names(drawn.header))
    drawn.rows = [[row[i] for i in keep] for row in drawn.rows]
    features = []
    for number, row in enumerate(drawn.rows):
        shapes = (None, {"type": "Point", "coordinates": [69.2, 34.5]}, {"type": "Polygon"}, 7, {})
        shape = shapes[int(rng.integers(0, len(shapes)))]
        properties = dict(zip(drawn.header, row, strict=True))
        features.append({"type": "Feature", "geometry": shape, "properties": properties})
        if rng.random() < 0.1:
            features[number]["properties"] = None if rng.random() < 0.1 else properties
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")


def as_frame(drawn, rng):
    """Return the rows as a frame, some columns in other types."""
    frame = pd.DataFrame(drawn.rows, columns=drawn.header, dtype=object)
    for i in range(frame.shape[1]):
        kind = rng.integers(0, 8)
        column = frame.iloc[:, i]
        if kind == 0:
            frame.isetitem(i, pd.to_numeric(column, errors="coerce"))
        elif kind == 1:
            frame.isetitem(i, pd.Categorical(column))
        elif kind == 2:
            mixed = (None, 3, 2.5, float("nan"), pd.NaT, pd.NA, date(2024, 5, 6), True, b"x", [1])
            mixed = pd.Series([*mixed, pd.Timestamp("2024-05-06T22:30", tz="UTC")], dtype=object)
            frame.isetitem(i, mixed.iloc[rng.integers(0, len(mixed), len(frame))].to_numpy())
    if rng.random() < 0.2:
        points = gpd.points_from_xy(rng.uniform(-180, 180, len(frame)), [1.0] * len(frame))
        frame = gpd.GeoDataFrame(frame, geometry=points, crs=4326)
    return frame


def check_table(table, size):
    """Nothing is lost, and what has no reason to be set aside can be used."""
    check_incidents(table)
    assert len(table) == size
    assert set(table["quarantine_reason"].dropna()) <= set(REASONS)
    assert (table["quarantine_reason"].isna() == table["quarantine_detail"].isna()).all()
    usable = table[table["quarantine_reason"].isna()]
    assert usable["event_date"].notna().all()
    assert usable["date_precision"].notna().all()
    assert (usable["event_date"] <= usable["event_date_end"]).all()
    x, y = usable.geometry.x.dropna(), usable.geometry.y.dropna()
    assert x.between(-180, 180).all()
    assert y.between(-90, 90).all()
    assert not ((x == 0) & (y == 0)).any()
    assert table["source_row"].is_monotonic_increasing
    assert table["source_row"].is_unique
    assert table["source_id"].notna().all()


def check_drawn(feed, drawn, path):
    """Read what was written: every row is there, whole rows say what a plain table says."""
    try:
        table = rm.read_incidents(path, feed=feed.name, **drawn.options)
    except InputError as error:
        assert drawn.has_nul, error  # noqa: PT017
        return
    assert not drawn.has_nul
    check_table(table, len(drawn.rows))
    ragged = np.flatnonzero(table["quarantine_reason"] == "ragged_row").tolist()
    width = len(drawn.header)
    assert ragged == sorted(row for row, found in drawn.ragged.items() if found != width)
    if drawn.form == "csv" and not ragged:
        plain = pd.DataFrame(drawn.rows, columns=drawn.header, dtype=object)
        same = rm.read_incidents(plain, feed=feed.name)
        # these hold the line, or the file's name where a row states no source
        apart = ["incident_id", "source", "source_file", "source_row", "quarantine_detail"]
        pd.testing.assert_frame_equal(table.drop(columns=apart), same.drop(columns=apart))


@pytest.mark.slow
@pytest.mark.parametrize("feed", every_feed(), ids=lambda feed: feed.name)
def test_no_row_of_a_drawn_file_is_lost(feed, tmp_path):
    share = ROWS // len(every_feed())
    cells, left, number = golden_cells(feed), share, 0
    while left > 0:
        rng = np.random.default_rng([every_feed().index(feed), number])
        drawn = draw_table(feed, cells, rng, min(4000, share))
        path = tmp_path / f"rows{number}.{'csv' if drawn.form == 'frame' else drawn.form}"
        if drawn.form == "frame":
            table = rm.read_incidents(as_frame(drawn, rng), feed=feed.name)
            check_table(table, len(drawn.rows))
        else:
            {"csv": write_csv, "json": write_json, "geojson": write_geojson}[drawn.form](
                drawn, rng, path
            )
            check_drawn(feed, drawn, path)
            path.unlink()
        left, number = left - len(drawn.rows), number + 1


hostile_cells = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.sampled_from(HOSTILE),
)


@pytest.mark.slow
@pytest.mark.parametrize("feed", every_feed(), ids=lambda feed: feed.name)
def test_no_row_is_lost(feed, tmp_path_factory):
    header = columns_of(feed)
    path = tmp_path_factory.mktemp("fuzz") / "rows.csv"
    row = st.lists(hostile_cells, min_size=len(header), max_size=len(header))

    @settings(max_examples=5)
    @given(st.lists(row, min_size=1, max_size=10))
    def check(rows):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        check_table(rm.read_incidents(path, feed=feed.name), len(rows))

    check()

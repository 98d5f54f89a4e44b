"""Authorities: what their steps mean, which of riskmap's levels come close, where the two disagree.

Only the definitions of their scales ship with riskmap, dated and with their source. What an
authority says of a place today is for the user to bring.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmap.errors import InputError
from riskmap.panels.windows import parse_day
from riskmap.schema import COUNT, DAY, FLAG, TEXT, Column, conform
from riskmap.settings import data_path

if TYPE_CHECKING:
    from riskmap.assessment.layers import RiskLayer

#: What an authority says of a place; `expires` and `indicators` may be left out.
STATEMENT_COLUMNS = (
    Column("authority", TEXT, "whose statement, such as 'us_state'"),
    Column("place", TEXT, "a region_id, the id of a region above, or a country's alpha-3 code"),
    Column("level", TEXT, "the step by its code or name, such as '3' or '橙色'"),
    Column("date", TEXT, "the day it was said, YYYY-MM-DD"),
    Column("expires", TEXT, "the first day it no longer holds, YYYY-MM-DD"),
    Column("indicators", TEXT, "letters that the authority sets beside it, such as 'T;K'"),
)

#: What the comparison says.
FINDINGS = ("agree", "riskmap higher", "riskmap lower", "not assessed")
COMPARISON_COLUMNS = (
    Column("region_id", TEXT, "the region"),
    Column("name", TEXT, "its name"),
    Column("authority", TEXT, "whose statement"),
    Column("place", TEXT, "the place it was made of: the region itself, or one above"),
    Column("stated", TEXT, "their step"),
    Column("indicators", TEXT, "the letters that they set beside it, joined by ';'"),
    Column("stated_date", DAY, "the day it was said"),
    Column("expired", FLAG, "past its own end, or overdue for the authority's review"),
    Column("risk_level", COUNT, "riskmap's level"),
    Column("ours", TEXT, "the step of theirs that comes closest to it"),
    Column("difference", COUNT, "steps of theirs by which riskmap stands higher"),
    Column("finding", TEXT, "whether the two agree", FINDINGS),
)


@cache
def _read(name: str) -> pd.DataFrame:
    """Return a table of ``data/authorities``: all text, but ranks and levels."""
    path = data_path(f"authorities/{name}.csv")
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    return table.astype({key: int for key in ("rank", "risk_level") if key in table})


def authority_scales() -> pd.DataFrame:
    """Return the scales of authorities: their steps, what these mean, source, date and licence.

    Examples
    --------
    >>> scales = authority_scales()
    >>> scales.loc[scales["authority"] == "cn_mfa", "native_name"].tolist()
    ['蓝色', '黄色', '橙色', '红色']
    """
    return _read("scales").copy()


def map_level(level: int, authority: str) -> str | None:
    """Return the step of an authority's scale that comes closest to one of riskmap's levels.

    The two measure different things: the step is the one whose advice is most alike, by
    ``data/authorities/crosswalk.csv``, and no authority has endorsed it.

    Parameters
    ----------
    level
        0 to 5.
    authority
        Such as ``"us_state"``, ``"uk_fcdo"``, ``"cn_mfa"`` or ``"commercial"``.

    Returns
    -------
    str or None
        The step's code; None for level 0, which no authority's scale has.

    Raises
    ------
    InputError
        When there is no such authority or level.

    Examples
    --------
    >>> map_level(4, "us_state"), map_level(4, "cn_mfa"), map_level(0, "uk_fcdo")
    ('3', 'orange', None)
    """
    table = _read("crosswalk")
    known = table["authority"].unique().tolist()
    if authority not in known:
        raise InputError("unknown authority", met=authority, expected=", ".join(known))
    if level == 0:
        return None
    found = table.loc[(table["authority"] == authority) & (table["risk_level"] == level), "code"]
    if found.empty:
        raise InputError("no such level", met=level, expected="0 to 5")
    return str(found.iloc[0])


def compare_authorities(
    layer: RiskLayer, statements: pd.DataFrame | str | Path, *, name: str | None = None
) -> pd.DataFrame:
    """Compare a layer's levels with what authorities say of the same places.

    Parameters
    ----------
    layer : RiskLayer
        The layer.
    statements : DataFrame or path
        Table or CSV file of :data:`STATEMENT_COLUMNS`. Of each authority the newest statement of
        the smallest place that holds a region is taken; one of after the layer's ``as_of`` is not.
    name
        ``"violence"``, ``"foreign"`` or ``"group"``; the headline when None.

    Returns
    -------
    DataFrame
        :data:`COMPARISON_COLUMNS`, one row a region and authority that says something of it. A
        statement has expired when its ``expires`` is past, or when the authority itself would have
        reviewed it by now.

    Raises
    ------
    InputError
        When a column is missing, an authority, step or date is unknown, or no statement is about
        any of the regions.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> found = rm.forecast(rm.count_incidents(located, districts, as_of="2025-01-01"))
    >>> said = pd.DataFrame({"authority": ["us_state"], "place": ["XQA"], "level": ["2"],
    ...                      "date": ["2024-11-01"]})
    >>> rm.compare_authorities(rm.assess(found, districts), said)["stated"].unique().tolist()
    ['2']
    """
    risks, as_of = layer.risks_of(name)[["region_id", "risk_level"]], layer.context.as_of
    said = _check_statements(statements)
    said = said[said["stated_date"] <= as_of]
    places = pd.DataFrame(layer.regions[["region_id", "name", "parent_id", "iso3"]])
    pairs = [
        places[["region_id", "name"]].assign(place=places[column], width=width)
        for width, column in enumerate(("region_id", "parent_id", "iso3"))
    ]
    about = pd.concat(pairs).dropna(subset="place").merge(said, on="place")
    if about.empty:
        raise InputError("no statement is about any of the regions as of the layer's day")
    about = about.sort_values(
        ["region_id", "authority", "width", "stated_date", "rank"],
        ascending=[True, True, True, False, False],
        kind="stable",
    ).drop_duplicates(["region_id", "authority"])
    return _compare(about.merge(risks, on="region_id"), as_of)


def _compare(about: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the comparison of stated steps with levels."""
    ours = [
        map_level(int(level), authority)
        for level, authority in zip(about["risk_level"], about["authority"], strict=True)
    ]
    ranks = _read("scales").set_index(["authority", "code"])["rank"].to_dict()
    difference = pd.array(
        [
            pd.NA if code is None else ranks[authority, code] - rank
            for code, authority, rank in zip(ours, about["authority"], about["rank"], strict=True)
        ],
        dtype="Int64",
    )
    sign = pd.Series(difference).map(lambda d: (d > 0) - (d < 0), na_action="ignore")
    words = {0: "agree", 1: "riskmap higher", -1: "riskmap lower"}
    found = about.assign(
        ours=ours,
        difference=difference,
        finding=sign.map(words).fillna("not assessed").to_numpy(),
        expired=(about["ends"] <= as_of).to_numpy(dtype=bool),
    )
    columns = [column.name for column in COMPARISON_COLUMNS]
    return conform(found[columns], COMPARISON_COLUMNS).reset_index(drop=True)


def _check_statements(statements: pd.DataFrame | str | Path) -> pd.DataFrame:
    """Return statements with code and rank of their step, their day, and the day they end."""
    file = Path(statements) if isinstance(statements, str | Path) else None
    table: Any = statements
    if file is not None:
        table = pd.read_csv(file, dtype="str", encoding="utf-8-sig", keep_default_na=False)
    for column in STATEMENT_COLUMNS[:4]:
        if column.name not in table:
            raise InputError(
                "statements lack a column", file=file, column=column.name, expected=column.meaning
            )
    rows = []
    for line, row in enumerate(table.to_dict("records"), start=2):
        try:
            rows.append(_check_statement(row))
        except InputError as error:
            raise InputError.of(error, file=file, row=line) from error
    names = ("authority", "place", "stated", "rank", "indicators", "stated_date", "ends")
    return pd.DataFrame(rows, columns=names).astype({"place": "str"})


def _check_statement(row: dict[object, object]) -> tuple[object, ...]:
    """Return one statement, checked."""
    scales = _read("scales")
    authority = str(row["authority"]).strip()
    steps = scales[scales["authority"] == authority]
    if steps.empty:
        raise InputError(
            "unknown authority", met=authority, expected=", ".join(scales["authority"].unique())
        )
    level = str(row["level"]).strip().casefold().removeprefix("level").strip()
    named = steps[["code", "name", "native_name"]].apply(lambda c: c.str.casefold() == level)
    step = steps[named.any(axis=1)]
    if not level or step.empty:
        raise InputError(
            f"not a step of {authority}",
            column="level",
            met=level,
            expected=", ".join(steps["code"]),
        )
    found = step.iloc[0]
    day = parse_day(str(row["date"]), what="the date of a statement")
    given = row.get("expires")
    if given is not None and not pd.isna(given) and str(given).strip():
        ends = parse_day(str(given), what="the end of a statement")
    elif found["review_months"]:
        ends = day + pd.DateOffset(months=int(found["review_months"]))
    else:
        ends = pd.Timestamp.max.as_unit("us")
    letters = _check_indicators(authority, row.get("indicators"))
    return (
        authority,
        str(row["place"]).strip(),
        found["code"],
        int(found["rank"]),
        letters,
        day,
        ends,
    )


def _check_indicators(authority: str, given: object) -> str | None:
    """Return an authority's letters, sorted and joined by ';'; None when there are none."""
    if given is None or pd.isna(given):
        return None
    letters = sorted({part.strip().upper() for part in str(given).split(";")} - {""})
    table = _read("indicators")
    known = table.loc[table["authority"] == authority, "code"].tolist()
    for letter in letters:
        if letter not in known:
            raise InputError(
                f"not an indicator of {authority}",
                column="indicators",
                met=letter,
                expected=", ".join(known) or "none",
            )
    return ";".join(letters) or None

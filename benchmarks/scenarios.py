"""One invented history as sources of different scope tell it, and the truth behind it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from riskmap.datasets import ISO3, PROVINCES, points_in, regions
from riskmap.schema import CRS, INCIDENT_COLUMNS, conform

#: The sources of :func:`scenario` and what each can see; nobody else reports from Qandara.
SCOPES = {
    "watch": "violence; reach=countries",
    "aidlog": "foreign; sectors=aid; reach=countries",
    "desk": "violence,foreign; reach=reports",
    "wires": "none",
}
_TELLS = {"watch": 0.85, "aidlog": 0.95, "desk": 0.9, "wires": 0.3}
_TYPES = ("armed_attack", "explosion", "abduction", "assault", "battle", "unrest", "arrest")
_ABROAD = ("CHN", "IND", "TUR")
_WORK = ("mining", "construction", "aid")
#: Share of what happens that is violence, where no foreigner is hit.
_VIOLENT = 7 / 8


def scenario(seed: int = 7) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Return what four sources of different scope tell of one invented history, and the truth.

    ``watch`` tells of violence everywhere and not of who was hit; ``aidlog`` of aid workers alone;
    ``desk`` of everything, with who was hit, and only from the first province: from the other two
    nobody sends it anything; ``wires`` is coded by a machine, often without type or district. What
    happened at one place is a row of each source that tells of it. Days are known to the day, week
    or month, places to the point, district, province or country, and rows become known days later.

    Parameters
    ----------
    seed
        Chooses one of many such histories.

    Returns
    -------
    incidents : GeoDataFrame
        An Incidents table from 2018 to 2024, sorted by date, with the column ``scope``.
    truth : DataFrame
        ``region_id, layer, rate``: the incidents that happen in 90 days on average. Layers are
        ``violence``, ``foreign``, ``CHN/mining`` (Chinese people or miners from abroad hit) and
        ``aid`` (aid workers from abroad hit).

    Examples
    --------
    >>> table, truth = scenario()
    >>> sorted(table["source"].unique()), truth.shape
    (['aidlog', 'desk', 'watch', 'wires'], (96, 3))
    """
    rng = np.random.default_rng(seed)
    districts = regions()
    happened, truth = _happen(districts, rng)
    told = [_tell(happened, source, rng) for source in SCOPES]
    table = pd.concat(told, ignore_index=True).sort_values(
        ["event_date", "incident_id"], ignore_index=True
    )
    frame = gpd.GeoDataFrame(table, geometry="geometry", crs=CRS)
    return gpd.GeoDataFrame(conform(frame, INCIDENT_COLUMNS), geometry="geometry", crs=CRS), truth


def _happen(
    districts: gpd.GeoDataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what happened, one row an incident, and how often it does on average.

    A third of the districts is quiet, and in a third there are hardly any foreigners.
    """
    days = pd.date_range("2018-01-01", "2024-12-31", freq="D", unit="us")
    size = len(districts)
    rates = rng.gamma(0.6, 1.0, size) * (rng.random(size) > 1 / 3) + 0.01
    rates *= 1500 / rates.sum() / len(days)
    share = rng.beta(1.0, 12.0, size) * (rng.random(size) > 1 / 3) + 0.002
    burst = 0.7 + 3.0 * rng.binomial(1, 0.1, (len(days) // 60 + 1, size))
    counts = rng.poisson(rates * np.repeat(burst, 60, axis=0)[: len(days)])
    day, where = np.repeat(np.argwhere(counts), counts[counts > 0], axis=0).T
    place = districts.iloc[where]
    happened = pd.DataFrame(
        {
            "event_date": days[day],
            "place": place["name"].to_numpy(dtype=object),
            "admin1": place["parent"].to_numpy(dtype=object),
            "geometry": points_in(place.geometry.to_numpy(), rng),
            **_hit(share[where], rng),
        }
    )
    layers = {"violence": _VIOLENT + (1 - _VIOLENT) * share}
    layers |= {"foreign": share, "CHN/mining": share * 5 / 9, "aid": share / 3}
    truth = pd.DataFrame({name: 90 * rates * part for name, part in layers.items()})
    truth["region_id"] = districts["region_id"]
    return happened, truth.melt("region_id", var_name="layer", value_name="rate")


def _hit(share: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return what was done and to whom; `share` of the incidents hit foreigners."""
    n = len(share)
    foreign = rng.random(n) < share
    staff = ~foreign & (rng.random(n) < 1 / 15)
    harmless = ~foreign & (rng.random(n) > _VIOLENT)
    kinds = np.where(harmless, rng.integers(5, 7, n), rng.integers(0, 5, n))
    abduction = kinds == _TYPES.index("abduction")
    nations = np.array(_ABROAD, dtype=object)[rng.integers(0, 3, n)]
    work = np.array(_WORK, dtype=object)[rng.integers(0, 3, n)]
    nobody = np.full(n, None, dtype=object)
    return {
        "event_type": np.array(_TYPES)[kinds],
        "killed": rng.poisson(1.0, n) * ~harmless,
        "wounded": rng.poisson(1.5, n) * ~harmless,
        "abducted": rng.poisson(1.5, n) * abduction,
        "foreign_victims": rng.integers(1, 4, n) * foreign,
        "nationality": np.select([foreign, staff], [nations, ISO3], nobody),
        "sector": np.where(foreign | staff, work, nobody),
        "staff_type": np.select([foreign, staff], ["international", "national"], nobody),
        "target": np.where(foreign & (rng.random(n) < 1 / 4), "foreigners", nobody),
    }


def _tell(happened: pd.DataFrame, source: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return the rows in which a source tells of what happened."""
    heard = rng.random(len(happened)) < _TELLS[source]
    if source == "aidlog":
        heard &= (happened["sector"] == "aid").to_numpy()
    elif source == "desk":
        heard &= (happened["admin1"] == PROVINCES[0]).to_numpy()
    table = happened[heard].reset_index(drop=True)
    n = len(table)
    if source in ("watch", "wires"):
        silent = ["foreign_victims", "nationality", "sector", "staff_type", "target"]
        table = table.drop(columns=silent)
    if source == "wires":
        table["event_type"] = table["event_type"].mask(
            rng.random(n) < 1 / 3, rng.choice(["other", "unknown"], n)
        )
    first, last, dates = _blur(table["event_date"], rng)
    ids = [str(i + 1) for i in range(n)]
    table = table.assign(
        source=source,
        source_id=ids,
        incident_id=[f"{source}:{i}" for i in ids],
        event_date=first,
        event_date_end=last,
        date_precision=dates,
        country=ISO3,
        reliability="E" if source == "wires" else "B",
        credibility=2,
        source_count=1,
        scope=SCOPES[source],
    )
    exact = rng.choice(["point", "admin2", "admin1", "country"], n, p=[0.7, 0.2, 0.08, 0.02])
    district, area = np.isin(exact, ["point", "admin2"]), exact != "country"
    late = pd.to_timedelta(rng.gamma(2.0, 3.0, n).round(2), unit="D")
    return table.assign(
        geo_precision=exact,
        admin2=table["place"].where(district),
        place=table["place"].where(district),
        admin1=table["admin1"].where(area),
        geometry=table["geometry"].where(exact == "point"),
        ingested_at=(last + pd.Timedelta(days=1) + late).dt.tz_localize("UTC"),
    )


def _blur(days: pd.Series, rng: np.random.Generator) -> tuple[pd.Series, pd.Series, np.ndarray]:
    """Return the first and last day that each day is known to, and how exactly it is known."""
    exact = rng.choice(["day", "week", "month"], len(days), p=[0.85, 0.1, 0.05])
    first, last = days.copy(), days.copy()
    for precision, unit in (("week", "W"), ("month", "M")):
        vague = exact == precision
        whole = days[vague].dt.to_period(unit)
        first[vague] = whole.dt.start_time.astype(days.dtype)
        last[vague] = whole.dt.end_time.dt.normalize().astype(days.dtype)
    return first, last, exact

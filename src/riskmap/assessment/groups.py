"""Worker groups: who it is about, which incidents concern them, and what their share of risk is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmap import countries
from riskmap.errors import InputError
from riskmap.models.distributions import NegativeBinomial
from riskmap.schema import SECTORS

if TYPE_CHECKING:
    from riskmap.models.forecasts import Forecast
    from riskmap.typing import FloatArray

#: How an incident bears on a group, from the closest on, and whether it counts as one of theirs.
#: The first that holds is taken. The table explains; the rate comes from the share.
RELEVANCE = {
    "same nationality and sector": True,
    "same nationality": True,
    "same sector, foreign": True,
    "other foreigners": False,
    "same sector, local": False,
    "no foreigners known": False,
}

#: What the rates of the area above are worth as evidence of a share, in incidents.
PRIOR_INCIDENTS = 5.0


@dataclass(frozen=True)
class WorkerGroup:
    """The people whose risk is asked for.

    Parameters
    ----------
    nationality
        ISO 3166-1 alpha-3 code, or several; none for any nationality.
    sector
        One of :data:`riskmap.schema.SECTORS`; none for any sector.

    Raises
    ------
    InputError
        When a nationality or the sector is unknown, or neither is given.

    Examples
    --------
    >>> str(WorkerGroup("CHN", sector="mining"))
    'CHN/mining'
    >>> WorkerGroup.parse("CHN,PAK/") == WorkerGroup(("CHN", "PAK"))
    True
    """

    nationality: str | tuple[str, ...] = ()
    sector: str | None = None

    def __post_init__(self) -> None:
        """Make the nationalities a sorted tuple and check every code."""
        given = (self.nationality,) if isinstance(self.nationality, str) else self.nationality
        object.__setattr__(self, "nationality", tuple(sorted(set(given))))
        for code in self.nationality:
            if code not in countries.table():
                raise InputError(
                    "unknown nationality", met=code, expected="an alpha-3 code such as 'CHN'"
                )
        if self.sector is not None and self.sector not in SECTORS:
            raise InputError("unknown sector", met=self.sector, expected=", ".join(SECTORS))
        if not self.nationality and self.sector is None:
            raise InputError("a group needs a nationality or a sector")

    @classmethod
    def parse(cls, text: str) -> WorkerGroup:
        """Return the group that ``"CHN/mining"``, ``"CHN,PAK"`` or ``"/aid"`` stands for."""
        nationality, _, sector = text.partition("/")
        codes = tuple(code.strip() for code in nationality.split(",") if code.strip())
        return cls(codes, sector.strip() or None)

    def __str__(self) -> str:
        """Return the group as the command line takes it."""
        return f"{','.join(self.nationality)}/{self.sector or ''}"

    def relevance(self, incidents: pd.DataFrame) -> pd.Series:
        """Return how each incident bears on the group, a key of :data:`RELEVANCE`.

        Parameters
        ----------
        incidents
            With ``nationality, sector, foreign_victims``; several nationalities are joined by
            ``;``.

        Examples
        --------
        >>> import riskmap as rm
        >>> found = WorkerGroup("CHN", sector="aid").relevance(rm.datasets.incidents())
        >>> set(found) <= set(RELEVANCE)
        True
        """
        told = incidents["nationality"].fillna("").str.split(";")
        ours = told.map(lambda codes: bool({c.strip() for c in codes} & set(self.nationality)))
        anyone = not self.nationality
        foreign = (incidents["foreign_victims"].fillna(0) > 0) | incidents["nationality"].notna()
        same_nation = (ours | anyone) & foreign
        same_sector = incidents["sector"] == self.sector
        if self.sector is None:
            same_sector = pd.Series(data=False, index=incidents.index)
        grades = np.select(
            [
                same_nation & same_sector,
                same_nation & (self.sector is None or not anyone),
                same_sector & foreign,
                foreign,
                same_sector,
            ],
            list(RELEVANCE)[:5],
            default="no foreigners known",
        )
        return pd.Series(grades, index=incidents.index, dtype="str")


def add_group(forecast: Forecast, group: WorkerGroup) -> Forecast:
    r"""Return a forecast with the layer ``group`` beside ``violence`` and ``foreign``.

    The group's rate is the foreign rate times the group's share of the foreign incidents, shrunk
    from region to parent to country to all:

    .. math:: s_u = \frac{k_u + m\, s_{\mathrm{above}(u)}}{n_u + m}, \qquad
              s_{\mathrm{all}} = \frac{k + 1/2}{n + 1}

    with :math:`k_u` of :math:`n_u` foreign incidents of the area that concern the group and the
    area above worth :math:`m = 5` incidents. Thinning a negative binomial count leaves its size.

    Parameters
    ----------
    forecast : Forecast
        With the layer ``foreign``.
    group : WorkerGroup
        Who it is about.

    Returns
    -------
    Forecast
        With one more row a region, and ``relevance`` beside each incident of its evidence.

    Examples
    --------
    >>> import riskmap as rm
    >>> districts = rm.datasets.regions()
    >>> located = rm.locate(rm.datasets.incidents(), districts)
    >>> panel = rm.count_incidents(located, districts, as_of="2025-01-01")
    >>> found = add_group(rm.forecast(panel), WorkerGroup("CHN", sector="mining"))
    >>> counts = found.frame.pivot(index="region_id", columns="layer", values="expected_count")
    >>> bool((counts["group"] <= counts["foreign"]).all())
    True
    """
    grades = group.relevance(forecast.evidence)
    evidence = forecast.evidence.assign(relevance=grades)
    foreign = forecast.frame[forecast.frame["layer"] == "foreign"].reset_index(drop=True)
    share = _shares(evidence, forecast.activity)
    mean = foreign["expected_count"].to_numpy() * share
    frame = foreign.assign(layer="group", expected_count=mean)
    if not np.isnan(mean).any():
        frame = _thinned(frame, foreign, mean)
    parts = forecast.components[forecast.components["layer"] == "foreign"]
    factor = pd.Series(share, index=forecast.activity["region_id"])
    ours = parts.assign(layer="group", value=parts["value"] * parts["region_id"].map(factor))
    return replace(
        forecast,
        frame=_interleave(forecast.frame, frame),
        components=_interleave(forecast.components, ours),
        evidence=evidence,
        provenance={**forecast.provenance, "group": str(group)},
    )


def _shares(evidence: pd.DataFrame, regions: pd.DataFrame) -> FloatArray:
    """Return the group's share of the foreign incidents of each region, shrunk."""
    foreign = evidence[~evidence["relevance"].isin(["same sector, local", "no foreigners known"])]
    ours = foreign["relevance"].map(RELEVANCE).astype(bool)
    n = foreign.groupby("region_id")["weight"].sum().reindex(regions["region_id"]).fillna(0.0)
    k = foreign[ours].groupby("region_id")["weight"].sum().reindex(regions["region_id"])
    table = pd.DataFrame({"k": k.fillna(0.0).to_numpy(), "n": n.to_numpy()})
    share = np.full(len(table), (table["k"].sum() + 0.5) / (table["n"].sum() + 1.0))
    units = (
        regions["iso3"].fillna("").to_numpy(),
        (regions["iso3"].fillna("") + "/" + regions["parent_id"].fillna("")).to_numpy(),
        regions["region_id"].to_numpy(),
    )
    for unit in units:
        sums = table.groupby(unit)[["k", "n"]].transform("sum")
        share = ((sums["k"] + PRIOR_INCIDENTS * share) / (sums["n"] + PRIOR_INCIDENTS)).to_numpy()
    return share


def _thinned(frame: pd.DataFrame, foreign: pd.DataFrame, mean: FloatArray) -> pd.DataFrame:
    """Return the group's frame with the probabilities of the thinned distribution."""
    excess = np.maximum(foreign["dispersion"].to_numpy() - 1.0, 0.0)
    whole = foreign["expected_count"].to_numpy()
    size = np.divide(whole, excess, out=np.full(len(mean), np.inf), where=excess > 0)
    found = NegativeBinomial(mean, size=size)
    return frame.assign(
        p_any=found.p_gt(0),
        p_gt1=found.p_gt(1),
        p_gt4=found.p_gt(4),
        q05=found.quantile(0.05),
        q50=found.quantile(0.5),
        q95=found.quantile(0.95),
        dispersion=1.0 + mean / size,
    )


def _interleave(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a narrower layer behind those of each region's wider ones."""
    both = pd.concat([table, rows], ignore_index=True)
    return both.sort_values("region_id", kind="stable", ignore_index=True)

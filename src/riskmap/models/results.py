"""What a forecast is: tables and plain values, so that it can be kept, copied and compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from riskmap.schema import Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from riskmap.ledgers import Ledger
    from riskmap.panels.groups import WorkerGroup


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(Tables):
    """How many incidents are expected in each region over a horizon, and with what probability.

    Two are equal when all their tables and values are. Nothing in it is a model, and nothing asks
    one: what explains the numbers was asked when they were made.

    Parameters
    ----------
    frame : DataFrame
        ``region_id, layer, expected_count, p_any, p_gt1, p_gt4, q05, q50, q95, dispersion``; one
        row a region and layer, missing where the layer can't be forecast. ``dispersion`` is
        variance over mean; ``p_least`` and ``p_most`` are the least and the greatest ``p_any`` of
        the model and of :data:`riskmap.models.forecasts.ENSEMBLE`; ``p_low``, ``p_high`` those of
        the span of the share of incidents that don't say who was hit; ``p_own`` is what the own
        reports give alone, and ``p_whole`` what it would be, had the rows counted that were set
        aside.
    components : DataFrame
        ``region_id, layer, component, value``; a region's values sum to its ``expected_count``.
    keys : DataFrame
        ``region_id, parent_id, iso3`` of the regions, in order.
    evidence : DataFrame
        The incidents that were counted, newest first.
    provenance : dict
        ``as_of, forecast_origin, horizon_days, every, windows, model, method_version`` as plain
        values.
    ledger : Ledger
        What became of every row so far.
    influences : DataFrame
        ``region_id, layer, kind, key, confirmed, expected_count, p_any, dispersion``: the forecast
        without one report (``kind`` is ``"incident"``, `key` its first ``incident_id``) or
        without what one source alone tells (``"source"``), the coefficients held.
    responses : DataFrame
        ``region_id, layer, kind, amount, expected_count, p_any, dispersion``: the forecast after
        `amount` more incidents (``"more"``), or after `amount` quiet days (``"quiet"``), the
        coefficients held.
    reports : DataFrame
        ``region_id, key, source, weight, age_days``: the reports of each region.
    measures : DataFrame
        ``violence, foreign, theirs``: what each row of `evidence` counts as.
    counts, neighbours : DataFrame
        The window counts of the panel, and ``region_id, neighbour_id, weight`` of neighbours.
    knowledge, shares, attacks : DataFrame
        As in :class:`riskmap.Panel`.
    fitted : mapping of str to dict
        What the models of violence and of foreign incidents have learnt, as plain values
        (:func:`riskmap.models.estimators.pack_model`); empty where these can't be told.
    group : WorkerGroup, optional
        Whose layer ``group`` is.

    See Also
    --------
    riskmap.models.explanations : What exactly is left out or added.
    """

    frame: pd.DataFrame
    components: pd.DataFrame
    keys: pd.DataFrame
    evidence: pd.DataFrame
    provenance: dict[str, Any]
    ledger: Ledger
    influences: pd.DataFrame
    responses: pd.DataFrame
    reports: pd.DataFrame
    measures: pd.DataFrame
    counts: pd.DataFrame
    neighbours: pd.DataFrame
    knowledge: pd.DataFrame
    shares: pd.DataFrame
    attacks: pd.DataFrame
    fitted: Mapping[str, Any] = field(default_factory=dict)
    group: WorkerGroup | None = None

    def plot(self, *, layer: str | None = None, limit: int = 20, ax: Any = None) -> Any:
        """Draw the highest probabilities, with the range over the models.

        Parameters
        ----------
        layer
            Whose; the group's, or that of foreigners without one, when None.
        limit
            How many regions.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure when None.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        MissingDependencyError
            When matplotlib is not installed (extra ``notebook``).
        """
        from riskmap.outputs import views

        return views.plot_forecast(self, layer=layer, limit=limit, ax=ax)

    def _summary(self) -> Mapping[str, object]:
        told, rows = self.provenance, len(self.evidence)
        return {
            "as of": f"{told['as_of']}, for {told['horizon_days']:g} days",
            "model": told["model"],
            "regions": f"{len(self.keys):,}, {rows:,} incidents counted",
            "layers": ", ".join(dict.fromkeys(self.frame["layer"])),
        }

    def _repr_html_(self) -> str:
        """Return a small table for notebooks: the highest probabilities."""
        from riskmap.outputs import views

        return views.html_forecast(self)

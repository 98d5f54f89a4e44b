"""Levels: published numeric thresholds on ``p_any``, with names, colours and wording.

And which steps of the scales of authorities come close to them: their definitions ship with
riskmap, dated and with their source; what an authority says of a place today does not.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmap.errors import InputError
from riskmap.schema import LAYERS, SECTORS
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.typing import FloatArray, IntArray

INSUFFICIENT = 0
LEVEL_NAMES = ("insufficient_data", "minimal", "low", "moderate", "high", "extreme")
#: The names of levels as an array, to be looked up by levels.
NAMES = np.array(LEVEL_NAMES, dtype=object)
_COLOUR = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True)
class Level:
    """One step of a scale.

    Parameters
    ----------
    level
        Its number: 0 for insufficient data, then 1 (minimal) to 5 (extreme).
    name
        Its name, one of ``LEVEL_NAMES``.
    colour
        Its colour as ``#rrggbb``.
    meaning
        What it means in plain words.
    advice
        What it asks of the reader, before an analyst completes it.
    by_sector
        What it asks of workers of one sector besides.

    Raises
    ------
    InputError
        When the colour is none, a text is empty, or a sector is unknown.
    """

    level: int
    name: str
    colour: str
    meaning: str
    advice: str
    by_sector: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a step that outputs could not show."""
        if not _COLOUR.fullmatch(self.colour):
            raise InputError("not a colour", column=self.name, met=self.colour, expected="#rrggbb")
        for text in (self.meaning, self.advice, *self.by_sector.values()):
            if not text.strip():
                raise InputError("a level lacks its wording", column=self.name)
        for sector in self.by_sector:
            if sector not in SECTORS:
                raise InputError(
                    "unknown sector", column=self.name, met=sector, expected=", ".join(SECTORS)
                )

    def advice_for(self, sector: str | None) -> str:
        """Return what the level asks of workers of a sector."""
        ours = self.by_sector.get(sector or "", "")
        return f"{self.advice} {ours}".strip()


@dataclass(frozen=True)
class LevelScale:
    """An ordered scale of levels with published thresholds on ``p_any``.

    Parameters
    ----------
    scale_id
        Versioned name that every output carries.
    horizon_days
        The horizon, in days, that the thresholds are meant for.
    levels
        Level 0 (insufficient data), then 1 to 5.
    thresholds
        For each layer the lower bounds of levels 2, 3, 4 and 5, as probabilities.
    lower_fraction, dwell_days
        A level falls when the probability has been under this fraction of its lower bound for this
        many days; 1 and 0 follow the thresholds at once.

    Raises
    ------
    InputError
        When levels are not 0 to 5 in order, thresholds are not strictly rising probabilities, or
        the fraction or the dwell is out of range.

    Examples
    --------
    >>> scale = LevelScale.default()
    >>> scale.level_of(np.array([0.01, 0.5]), layer="violence", horizon_days=90).tolist()
    [1, 4]
    """

    scale_id: str
    horizon_days: float
    levels: tuple[Level, ...]
    thresholds: Mapping[str, tuple[float, ...]]
    lower_fraction: float = 1.0
    dwell_days: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a scale that is incomplete or out of order."""
        met = tuple((level.level, level.name) for level in self.levels)
        if met != tuple(enumerate(LEVEL_NAMES)):
            raise InputError(
                "the levels of a scale are incomplete or out of order",
                met=[name for _, name in met],
                expected=", ".join(LEVEL_NAMES),
            )
        if not self.horizon_days > 0:
            raise InputError(
                "a horizon must be positive", column="horizon_days", met=self.horizon_days
            )
        _check_thresholds(self.thresholds)
        colours = [level.colour for level in self.levels]
        if len(set(colours)) < len(colours):
            raise InputError("two levels share a colour", met=colours)
        if not (0 < self.lower_fraction <= 1 and 0 <= self.dwell_days < np.inf):
            raise InputError(
                "a hysteresis is out of range",
                met=f"lower_fraction {self.lower_fraction:g}, dwell_days {self.dwell_days:g}",
                expected="a fraction in (0, 1] and days not below 0",
            )

    @classmethod
    @lru_cache(maxsize=1)
    def default(cls) -> LevelScale:
        """Return the scale that ships with riskmap."""
        return cls.from_file(data_path("levels/default.toml"))

    @classmethod
    def from_file(cls, path: str | Path) -> LevelScale:
        """Return the scale that a TOML file describes.

        Raises
        ------
        InputError
            When the file is not TOML or lacks a part of a scale.
        """
        path = Path(path)
        try:
            table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls.of(table)
        except InputError as error:
            raise InputError.of(error, file=path) from error
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            raise InputError("not a level scale", file=path, met=str(error)) from error

    @classmethod
    def of(cls, parts: Mapping[str, Any]) -> LevelScale:
        """Return the scale of plain values, such as a file of TOML or JSON holds them."""
        if parts.get("other_horizons"):
            raise InputError(
                "a scale has one horizon", column="other_horizons", expected="a file each"
            )
        flat = {name: parts[name] for name in ("lower_fraction", "dwell_days") if name in parts}
        return cls(
            scale_id=str(parts["scale_id"]),
            horizon_days=float(parts["horizon_days"]),
            levels=tuple(Level(**level) for level in parts["levels"]),
            thresholds={
                layer: tuple(float(bound) for bound in bounds)
                for layer, bounds in parts["thresholds"].items()
            },
            **{name: float(value) for name, value in parts.get("hysteresis", flat).items()},
        )

    def level_of(
        self, p_any: FloatArray, *, layer: str, horizon_days: float, fraction: float = 1.0
    ) -> IntArray:
        """Return the level of each probability.

        Parameters
        ----------
        p_any : ndarray
            Probability of at least one incident within `horizon_days`; NaN gives level 0.
        layer
            Which table of thresholds: ``"violence"``, ``"foreign"`` or ``"group"``.
        horizon_days
            What the probabilities are over. Those of another horizon than the scale's are carried
            over at a constant hazard: ``1 - (1 - p) ** (scale.horizon_days / horizon_days)``.
        fraction
            Times the thresholds; ``lower_fraction`` gives the levels that falling levels reach.

        Returns
        -------
        ndarray of int
            Levels 0 to 5.
        """
        if layer not in self.thresholds:
            raise InputError(
                f"scale {self.scale_id} has no thresholds for a layer",
                met=layer,
                expected="one of " + ", ".join(self.thresholds),
            )
        power = self.horizon_days / horizon_days
        carried = (
            p_any if power == 1.0 else -np.expm1(power * np.log1p(-np.minimum(p_any, 1 - 1e-16)))
        )
        limits = fraction * np.array(self.thresholds[layer])
        levels = 1 + np.searchsorted(limits, carried, side="right")
        return np.where(np.isnan(p_any), INSUFFICIENT, levels).astype(np.int64)

    def levels_of(
        self,
        table: pd.DataFrame,
        column: str = "p_any",
        *,
        horizon_days: float,
        fraction: float = 1.0,
    ) -> IntArray:
        """Return the level of each row of a table with a column ``layer``, as :meth:`level_of`."""
        found = np.zeros(len(table), dtype=np.int64)
        for layer in table["layer"].unique():
            rows = (table["layer"] == layer).to_numpy()
            p_any = table.loc[rows, column].to_numpy(dtype=float)
            found[rows] = self.level_of(
                p_any, layer=layer, horizon_days=horizon_days, fraction=fraction
            )
        return found


def _check_thresholds(thresholds: Mapping[str, tuple[float, ...]]) -> None:
    """Refuse thresholds that lack a layer or do not rise."""
    if set(thresholds) != {*LAYERS, "group"}:
        raise InputError(
            "thresholds are not those of the layers",
            met=sorted(thresholds),
            expected=", ".join((*LAYERS, "group")),
        )
    for layer, bounds in thresholds.items():
        steps = np.array([0.0, *bounds, 1.0])
        if len(bounds) != len(LEVEL_NAMES) - 2 or not (np.diff(steps) > 0).all():
            raise InputError(
                "thresholds are not four strictly rising probabilities",
                column=layer,
                met=list(bounds),
            )


@cache
def _read_authorities(name: str) -> pd.DataFrame:
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
    return _read_authorities("scales").copy()


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
    table = _read_authorities("crosswalk")
    known = table["authority"].unique().tolist()
    if authority not in known:
        raise InputError("unknown authority", met=authority, expected=", ".join(known))
    steps = table[table["authority"] == authority].set_index("risk_level")["code"].to_dict()
    if level != INSUFFICIENT and level not in steps:
        raise InputError("no such level", met=level, expected="0 to 5")
    return steps.get(level)

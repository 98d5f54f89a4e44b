"""Levels: published numeric thresholds on ``p_any``, with names, colours and wording."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from riskmap.errors import InputError
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.typing import FloatArray, IntArray

INSUFFICIENT = 0
LEVEL_NAMES = ("insufficient_data", "minimal", "low", "moderate", "high", "extreme")


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
    """

    level: int
    name: str
    colour: str
    meaning: str
    advice: str


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

    Raises
    ------
    InputError
        When levels are not 0 to 5 in order, or thresholds are not strictly rising probabilities.

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
        for layer, bounds in self.thresholds.items():
            steps = np.array([0.0, *bounds, 1.0])
            if len(bounds) != len(LEVEL_NAMES) - 2 or not (np.diff(steps) > 0).all():
                raise InputError(
                    "thresholds are not four strictly rising probabilities",
                    column=layer,
                    met=list(bounds),
                )

    @classmethod
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
            return cls(
                scale_id=str(table["scale_id"]),
                horizon_days=float(table["horizon_days"]),
                levels=tuple(Level(**level) for level in table["levels"]),
                thresholds={
                    layer: tuple(float(bound) for bound in bounds)
                    for layer, bounds in table["thresholds"].items()
                },
            )
        except InputError as error:
            raise InputError(
                error.message,
                file=path,
                column=error.column,
                met=error.met,
                expected=error.expected,
            ) from error
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            raise InputError("not a level scale", file=path, met=str(error)) from error

    def level_of(self, p_any: FloatArray, *, layer: str, horizon_days: float) -> IntArray:
        """Return the level of each probability.

        Parameters
        ----------
        p_any : ndarray
            Probability of at least one incident within `horizon_days`; NaN gives level 0.
        layer
            Which table of thresholds: ``"violence"``, ``"foreign"`` or ``"group"``.
        horizon_days
            What the probabilities are over. Another horizon than the scale's is carried over at a
            constant hazard: ``1 - (1 - p) ** (scale.horizon_days / horizon_days)``.

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
        levels = 1 + np.searchsorted(np.array(self.thresholds[layer]), carried, side="right")
        return np.where(np.isnan(p_any), INSUFFICIENT, levels).astype(np.int64)

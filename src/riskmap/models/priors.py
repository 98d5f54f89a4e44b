"""What other countries' histories taught: coefficients that a short history leans on."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from riskmap.errors import ModelError
from riskmap.models.drivers import BASE, DRIVERS
from riskmap.settings import data_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from riskmap.typing import FloatArray

#: What stands before the label of a driver whose geometric mean with the level is meant.
ROOT = "sqrt_"
#: The rates of all regions, and those of the country that stand for them where they are one.
_TWINS = {d.label: replace(d, unit="country").label for d in DRIVERS if d.unit == "all"}
#: With so many incidents to learn from, what others taught is worth a third.
INCIDENTS = 20.0


@dataclass(frozen=True)
class Prior:
    """Coefficients by driver, and the a and b of the size.

    Parameters
    ----------
    coefficients : mapping of str to float
        By the names of :class:`riskmap.EndemicEpidemic`.
    dispersion : tuple of float
        The a and b.
    """

    coefficients: Mapping[str, float]
    dispersion: tuple[float, float]

    def of(self, names: Sequence[str]) -> FloatArray:
        """Return the coefficients of the drivers that a history has.

        What others learnt of a driver that it lacks is given to the same term of ``base``, so that
        nothing is lost; of all regions, where they are one country, to that of the country.

        Examples
        --------
        >>> prior = Prior({"own_3m": 0.5, "all_3m": 0.2, "neighbours_3m": 0.1}, (0.0, 1.0))
        >>> prior.of(["own_3m", "country_3m", "base"]).tolist()
        [0.5, 0.2, 0.1]
        """
        place = {name: k for k, name in enumerate(names)}
        found = np.zeros(len(names))
        for name, value in self.coefficients.items():
            root = ROOT * name.startswith(ROOT)
            twin = _TWINS.get(name.removeprefix(ROOT), name)
            known = next(n for n in (name, root + twin, root + BASE.label) if n in place)
            found[place[known]] += value
        return found


def find_prior(prior: str | Mapping[str, object] | None) -> Prior | None:
    """Return the prior of a layer, or of a table; None for None and for an unnamed ``"layer"``.

    Raises
    ------
    ModelError
        When there is no such prior.

    Examples
    --------
    >>> find_prior("foreign").coefficients["level"] > 0
    True
    """
    if prior is None or prior == "layer":
        return None
    table: Any = _shipped().get(prior) if isinstance(prior, str) else prior
    try:
        a, b = table["dispersion"]
        coefficients = {str(k): float(v) for k, v in table["coefficients"].items()}
        return Prior(coefficients, (float(a), float(b)))
    except (TypeError, KeyError, ValueError, AttributeError):
        known = ", ".join(sorted(_shipped()))
        raise ModelError(
            f"prior must be one of {known}, or have coefficients and dispersion, met {prior!r}"
        ) from None


@cache
def _shipped() -> dict[str, dict[str, object]]:
    path = data_path("models/endemic_epidemic_prior.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def weight_of(incidents: float) -> float:
    r"""Return what a prior is worth beside so many incidents: :math:`e^{-n/m}`.

    Examples
    --------
    >>> [round(weight_of(n), 3) for n in (0.0, 3.0, 20.0, 200.0)]
    [1.0, 0.861, 0.368, 0.0]
    """
    return float(np.exp(-incidents / INCIDENTS))

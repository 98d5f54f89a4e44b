"""Models as files: versioned JSON, read without running anything."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from sklearn.utils.validation import check_is_fitted

from riskmap.errors import ModelError
from riskmap.models.estimators import CountEstimator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskmap.typing import CountModel

FORMAT = "riskmap-model"
VERSION = 1

#: The models that can be saved, and the module each lives in.
KNOWN = {
    "Boosting": "riskmap.models.ensembles",
    "Climatology": "riskmap.models.baselines",
    "Conflictology": "riskmap.models.baselines",
    "EmpiricalBayes": "riskmap.models.shrinkage",
    "EndemicEpidemic": "riskmap.models.endemic_epidemic",
    "ExponentialMean": "riskmap.models.baselines",
    "Hawkes": "riskmap.models.hawkes",
    "Persistence": "riskmap.models.baselines",
    "Seasonal": "riskmap.models.baselines",
    "Stack": "riskmap.models.ensembles",
    "Zero": "riskmap.models.baselines",
}


def save_model(model: CountEstimator, path: str | Path) -> None:
    """Write a fitted model to a JSON file.

    Parameters
    ----------
    model
        A fitted model of riskmap.
    path
        The file to write.

    Raises
    ------
    ModelError
        When the model is not one that riskmap knows how to save.
    sklearn.exceptions.NotFittedError
        When it is not fitted.

    Examples
    --------
    >>> import tempfile
    >>> import riskmap as rm
    >>> from riskmap.typing import CountHistory
    >>> history = CountHistory(np.ones((4, 2)), np.full(4, 7.0), np.zeros(2, int),
    ...                        np.zeros(2, int))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(rm.Climatology().fit(history, horizon_days=7), f"{folder}/model.json")
    ...     load_model(f"{folder}/model.json")
    Climatology()
    """
    check_is_fitted(model, "horizon_days_")
    head = {"format": FORMAT, "version": VERSION}
    Path(path).write_bytes(orjson.dumps(head | pack_model(model), option=orjson.OPT_INDENT_2))


def load_model(path: str | Path) -> CountEstimator:
    """Read a fitted model from a JSON file that :func:`save_model` wrote.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    CountEstimator
        The model, ready to forecast.

    Raises
    ------
    ModelError
        When the file is not such a file, is of another version, or names an unknown model.
    """
    name = Path(path).name
    try:
        table = orjson.loads(Path(path).read_bytes())
    except orjson.JSONDecodeError as error:
        raise ModelError(f"{name}: not JSON: {error}") from error
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise ModelError(f"{name}: not a model of riskmap")
    if table.get("version") != VERSION:
        raise ModelError(
            f"{name}: version {table.get('version')!r} of the format, expected {VERSION}"
        )
    try:
        return unpack_model(table)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{name}: damaged: {error!r}") from error


def pack_model(model: CountModel) -> dict[str, Any]:
    """Return a fitted model as plain values: its class by name, its parameters, what it learnt.

    Raises
    ------
    ModelError
        When it is, or holds, no model of riskmap.

    Examples
    --------
    >>> import riskmap as rm
    >>> history, _ = rm.datasets.simulate_counts(24, 3)
    >>> pack_model(rm.Climatology().fit(history, horizon_days=30))["fitted"]
    {'horizon_days_': 30.0, 'marks_': False}
    """
    if not isinstance(model, CountEstimator):
        raise ModelError(f"a model of type {type(model).__qualname__} can't be saved")
    packed: dict[str, Any] = _pack(model)
    return packed


def unpack_model(packed: Mapping[str, Any]) -> CountEstimator:
    """Return the model that :func:`pack_model` packed, ready to forecast.

    Raises
    ------
    ModelError
        When it is none.
    """
    model = _unpack(dict(packed))
    if not isinstance(model, CountEstimator):
        raise ModelError("damaged: holds no model")
    return model


def _pack(value: Any) -> Any:
    """Return a value as JSON can hold it; arrays and models are marked."""
    if isinstance(value, CountEstimator):
        name = type(value).__name__
        if KNOWN.get(name) != type(value).__module__:
            raise ModelError(f"a model of type {type(value).__qualname__} can't be saved")
        fitted = {k: v for k, v in vars(value).items() if k.endswith("_")}
        params = value.get_params(deep=False)
        return {"model": name, "params": _pack(params), "fitted": _pack(fitted)}
    if isinstance(value, np.ndarray):
        return {"array": value.ravel().tolist(), "shape": value.shape, "dtype": str(value.dtype)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): _pack(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ModelError(f"a {type(value).__name__} can't be saved as JSON")


def _unpack(value: Any) -> Any:
    """Return what :func:`_pack` packed; lists come back as tuples."""
    if isinstance(value, list):
        return tuple(_unpack(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        kind = {"float64": np.float64, "int64": np.int64, "bool": np.bool_}[value["dtype"]]
        return np.array(value["array"], dtype=kind).reshape(value["shape"])
    if not {"model", "params", "fitted"} <= value.keys():
        return {key: _unpack(item) for key, item in value.items()}
    if value["model"] not in KNOWN:
        raise ModelError(f"unknown model {value['model']!r}")
    kind = getattr(import_module(KNOWN[value["model"]]), value["model"])
    model = kind(**_unpack(value["params"]))
    for name, item in _unpack(value["fitted"]).items():
        setattr(model, name, item)
    return model

"""A published set comes back as it went out, or not at all."""

import dataclasses
import json
import shutil
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal

from riskmap.assessment.layers import RISK_COLUMNS
from riskmap.errors import InputError, PublishedSetError, RiskmapWarning
from riskmap.outputs.bundles import Bundle
from riskmap.outputs.documents import to_markdown
from riskmap.outputs.pages import map_page
from riskmap.outputs.publishing import publish
from riskmap.outputs.sets import decode_layer, encode_layer, read_layer
from riskmap.schema import conform

TODAY = "2025-02-01"


@pytest.fixture
def out(layer, tmp_path):
    publish(layer, tmp_path, formats=["csv"])
    return tmp_path


def assert_layers_equal(met, expected):
    """Every field is the same: tables with their types and order, everything else by value."""
    for field in dataclasses.fields(expected):
        one, other = getattr(met, field.name), getattr(expected, field.name)
        if isinstance(other, gpd.GeoDataFrame):
            assert_geodataframe_equal(one, other)
        elif isinstance(other, pd.DataFrame):
            assert_frame_equal(one, other.reset_index(drop=True))
        else:
            assert one == other, field.name


def test_the_layer_comes_back(layer, out):
    assert_layers_equal(read_layer(out, today=TODAY), layer)


def test_a_layer_read_and_published_again_is_the_same_set(out):
    first = (out / "latest").resolve()
    assert publish(read_layer(out, today=TODAY), out, formats=["csv"]) == first


@pytest.mark.slow
def test_the_pointer_the_folder_and_the_set_are_the_same(layer, out):
    for folder in (out, out / "latest", (out / "latest").resolve(), str(out)):
        assert_layers_equal(read_layer(folder, today=TODAY), layer)


def test_new_columns_and_tables_come_along(layers):
    layer = layers["layer"]()
    maybe = pd.array([True, None] * (len(layer.incidents) // 2), dtype="boolean")
    table = layer.incidents.assign(flag=True, maybe=maybe).reset_index(drop=True)
    assert_layers_equal(
        decode_layer(encode_layer(Bundle(dataclasses.replace(layer, incidents=table)))),
        dataclasses.replace(layer, incidents=table),
    )


LATER = {
    "risks": (
        *("p_least", "p_most", "reasons", "at_least", "attacked", "level_low", "level_high"),
        *("level_as_of", "attacks_told"),
    ),
    "incidents": ("toll", "target", "scope", "not_understood", "longitude", "latitude"),
}


@pytest.mark.slow
def test_an_older_set_is_read_with_what_it_lacks_missing(layer):
    changes = {name: getattr(layer, name).drop(columns=[*gone]) for name, gone in LATER.items()}
    whole = json.loads(encode_layer(Bundle(dataclasses.replace(layer, **changes))))
    for name in ("knowledge", "shares", "attacks"):
        del whole["fields"][name]
    back = decode_layer(json.dumps(whole).encode())
    assert_frame_equal(back.risks, conform(changes["risks"], RISK_COLUMNS), check_like=True)
    for name, gone in LATER.items():
        missing = getattr(back, name)[[*gone]]
        assert (missing.isna() | missing.eq(other=False)).all(axis=None)
    assert back.attacks.empty
    assert to_markdown(Bundle(back).report("en"))
    assert map_page(Bundle(back))


@pytest.mark.parametrize("name", ["p_any", "q95"])
def test_a_set_without_what_every_set_has_is_refused(layer, name):
    with pytest.raises(InputError, match="risks lack a column"):
        decode_layer(
            encode_layer(Bundle(dataclasses.replace(layer, risks=layer.risks.drop(columns=name))))
        )


@pytest.mark.slow
def test_what_is_known_of_levels_comes_back(told, tmp_path):
    publish(told, tmp_path, formats=["csv"])
    assert_layers_equal(read_layer(tmp_path, today=TODAY), told)
    publish(told, tmp_path, formats=["csv"], profile="public")
    public = read_layer(tmp_path, today=TODAY)
    assert len(public.attacks) == len(told.attacks)
    assert (
        public.attacks[["place", "source", "nationality", "sector", "cleared"]]
        .isna()
        .all(axis=None)
    )
    assert public.attacks["abducted"].isna().all()
    assert public.attacks["killed"].tolist()[0] == 4
    assert public.knowledge["sources"].isna().all()
    assert public.shares["source"].isna().all()


def test_what_no_file_can_hold_is_left_out(layers):
    layer = layers["layer"]()
    regions = layer.regions.assign(name=pd.Series(["\ud800"] * 24, dtype="object"))
    odd = layers["layer"](
        regions=regions,
        risks=layer.risks.assign(q95=np.inf),
        provenance=layer.provenance | {"inputs": ({"name": "\ud800"},)},
    )
    back = decode_layer(encode_layer(Bundle(odd)))
    assert back.risks["q95"].isna().all()
    assert back.regions["name"].unique().tolist() == ["?"]
    assert back.provenance["inputs"] == [{"name": "?"}]


def test_a_region_without_geometry_comes_back_without(layers):
    layer = layers["layer"]()
    shapes = layer.regions.geometry.to_numpy(copy=True)
    shapes[3] = None
    shapes[4] = shapely.transform(shapes[4], lambda xy: xy + 1e-9)
    back = decode_layer(
        encode_layer(Bundle(layers["layer"](regions=layer.regions.set_geometry(shapes))))
    )
    assert back.regions.geometry[3] is None
    assert back.regions.geometry[4].equals(layer.regions.geometry[4])


@pytest.mark.slow
def test_a_column_of_unknown_type_comes_back_as_text(layers):
    layer = layers["layer"]()
    risks = layer.risks.assign(odd=pd.Categorical(["a"] * len(layer.risks)))
    back = decode_layer(encode_layer(Bundle(layers["layer"](risks=risks))))
    assert back.risks["odd"].tolist() == ["a"] * len(risks)


@pytest.mark.parametrize("name", ["layer.json", "risk.csv", "manifest.json"])
def test_a_changed_file_is_refused(out, name):
    path = out / "latest" / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(PublishedSetError, match="changed since it was published"):
        read_layer(out, today=TODAY)


def test_a_missing_file_is_refused(out):
    (out / "latest" / "risk.csv").unlink()
    with pytest.raises(PublishedSetError, match=r"file of the set is missing: met 'risk\.csv'"):
        read_layer(out, today=TODAY)


def test_a_set_may_be_moved(layer, out, tmp_path):
    moved = shutil.copytree((out / "latest").resolve(), tmp_path / "elsewhere")
    assert_layers_equal(read_layer(moved, today=TODAY), layer)


def forged(out, **changes):
    """A set under another name, so that only the manifest speaks for it."""
    moved = shutil.copytree((out / "latest").resolve(), out / "forged")
    manifest = json.loads((moved / "manifest.json").read_bytes())
    (moved / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")
    return moved


@pytest.mark.parametrize("name", ["../latest/risk.csv", "/etc/hostname", "", ".", "link"])
def test_a_manifest_leads_nowhere_else(out, name):
    folder = forged(out, files=[{"name": name, "sha256": "0" * 64}])
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(PublishedSetError, match="is missing"):
        read_layer(folder, today=TODAY)


@pytest.mark.parametrize("files", [None, [{}], ["x"], 1])
def test_what_is_no_manifest_is_refused(out, files):
    with pytest.raises(PublishedSetError, match="not a manifest"):
        read_layer(forged(out, files=files), today=TODAY)


def test_a_set_without_a_layer_is_refused(out):
    folder = forged(out, files=[])
    (folder / "layer.json").unlink()
    with pytest.raises(PublishedSetError, match="holds no layer"):
        read_layer(folder, today=TODAY)


def test_a_folder_without_a_set_is_refused(tmp_path):
    with pytest.raises(PublishedSetError, match="no published set"):
        read_layer(tmp_path)


def broken(layer):
    """Layer files that are not whole, and what is said of them."""
    whole = json.loads(encode_layer(Bundle(layer)))
    yield b"{", "not a whole layer"
    yield b"[]", "known kind"
    yield json.dumps(whole | {"kind": "riskmap layer 99"}).encode(), "known kind"
    yield json.dumps(whole | {"fields": {}}).encode(), "not a whole layer"
    yield json.dumps(whole | {"fields": whole["fields"] | {"later": {"plain": 1}}}).encode(), "late"
    yield json.dumps(whole | {"fields": whole["fields"] | {"risks": {"pickle": ""}}}).encode(), "pi"
    table = [{"name": "a", "dtype": "category", "values": []}]
    yield (
        json.dumps(whole | {"fields": whole["fields"] | {"risks": {"table": table}}}).encode(),
        "type of column",
    )
    yield (
        json.dumps(whole | {"fields": whole["fields"] | {"risks": {"table": []}}}).encode(),
        "lack a column",
    )
    regions = whole["fields"]["regions"]["geotable"] | {"geometry": [{"type": "Nothing"}] * 24}
    yield (
        json.dumps(
            whole | {"fields": whole["fields"] | {"regions": {"geotable": regions}}}
        ).encode(),
        "not a whole layer",
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", range(9))
def test_a_layer_that_is_not_whole_is_refused(layer, out, case):
    data, said = list(broken(layer))[case]
    folder = forged(out, files=[])
    (folder / "layer.json").write_bytes(data)
    with pytest.raises(PublishedSetError, match=said):
        read_layer(folder, today=TODAY)


def test_an_expired_layer_warns_loudly(out):
    with pytest.warns(RiskmapWarning, match="EXPIRED: this layer was valid until 2025-04-01"):
        read_layer(out, today="2025-04-01")
    with pytest.warns(RiskmapWarning, match="EXPIRED"):
        read_layer(out)


def test_a_valid_layer_does_not_warn(out):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_layer(out, today="2025-03-31")


def test_a_layer_that_says_no_validity_does_not_warn(layer, layers, tmp_path):
    known = {k: v for k, v in layer.provenance.items() if k != "valid_until"}
    publish(layers["layer"](provenance=known), tmp_path, formats=["csv"])
    read_layer(tmp_path)

"""Groups and scales on the command line."""

import shutil

import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap import cli
from riskmap.desk import runs
from riskmap.errors import InputError
from riskmap.settings import data_path

pytestmark = pytest.mark.slow

RUN = CliRunner()
REGIONS = rm.datasets.regions()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of incidents, regions, a group and a scale."""
    folder = tmp_path_factory.mktemp("in")
    table = rm.datasets.incidents()
    table = table[table["event_date"] >= "2023-01-01"]
    table = table.assign(longitude=table.geometry.x, latitude=table.geometry.y)
    columns = ["source_id", "event_date", "event_type", "country", "longitude", "latitude"]
    columns += ["geo_precision", "killed", "foreign_victims", "nationality", "sector"]
    table[columns].to_csv(folder / "incidents.csv", index=False)
    regions = REGIONS.drop(columns=["names"]).to_json()
    (folder / "regions.geojson").write_text(regions, encoding="utf-8")
    group = 'nationality = "CHN"\n[[sites]]\nname = "camp"\nlon = 4.5\nlat = -6.5\n'
    (folder / "group.toml").write_text(group, encoding="utf-8")
    scale = data_path("levels/default.toml").read_text(encoding="utf-8")
    scale = scale.replace("riskmap-2026.1", "house-7")
    (folder / "scale.toml").write_text(scale, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def published(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    args = ["run", files / "incidents.csv", "--regions", files / "regions.geojson"]
    args += ["--as-of", "2025-01-01", "--group", files / "group.toml"]
    args += ["--scale", files / "scale.toml", "--formats", "csv", "--out", out]
    result = RUN.invoke(cli.app, [str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    return out


@pytest.mark.parametrize("large", [False, True], ids=["at once", "a part at a time"])
def test_an_attack_of_the_day_itself_is_printed_and_changes_no_level(
    files, tmp_path, monkeypatch, large
):
    monkeypatch.setattr(runs, "LARGE", 0 if large else runs.LARGE)
    args = ["--regions", files / "regions.geojson", "--as-of", "2024-12-01", "--group", "CHN"]
    text = (files / "incidents.csv").read_text(encoding="utf-8")
    printed = []
    for name, more in (("before", ""), ("now", "own,2024-12-01,armed_attack,XQA,,,,1,1,CHN,\n")):
        path = tmp_path / f"{name}.csv"
        path.write_text(text + more, encoding="utf-8")
        out = [*args, "--formats", "csv", "--out", tmp_path / name]
        result = RUN.invoke(cli.app, ["run", str(path), *map(str, out)])
        assert result.exit_code == 0, result.output
        (line,) = [one for one in result.stdout.splitlines() if "became known only then" in one]
        printed.append(line)
    assert printed[0] != printed[1]
    assert "Attacks on Chinese nationals among them: 2." in printed[1]
    assert "1 December 2024, XQA" in printed[1]
    assert " 1 December 2024, XQA" not in printed[0]
    tables = [tmp_path / name / "latest" / "risk.csv" for name in ("before", "now")]
    assert tables[0].read_bytes() == tables[1].read_bytes()


@pytest.mark.filterwarnings("ignore:EXPIRED")
def test_a_group_and_a_scale_from_files(published):
    layer = rm.read_layer(published)
    assert layer.headline == "group"
    assert layer.scale.scale_id == layer.provenance["scale_id"] == "house-7"
    assert layer.sites["site"].tolist() == ["camp"] * 3
    names = [row["name"] for row in layer.provenance["inputs"]]
    assert names == ["incidents.csv", "regions.geojson", "scale.toml", "group.toml"]


@pytest.mark.filterwarnings("ignore:EXPIRED")
def test_a_set_of_another_group_and_scale_is_waited_for_as_well(published, files, tmp_path):
    out = tmp_path / "both"
    shutil.copytree(published, out, symlinks=True)
    args = ["run", files / "incidents.csv", "--regions", files / "regions.geojson"]
    args += ["--as-of", "2025-02-01", "--group", "/aid", "--formats", "csv", "--out", out]
    result = RUN.invoke(cli.app, [str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    before, after = rm.read_layer(published), rm.read_layer(out)
    assert after.provenance["previous_as_of"] == "2025-01-01"
    was, now = (layer.risks.set_index(["region_id", "layer"]) for layer in (before, after))
    wide = now.index.get_level_values("layer") != "group"
    assert (
        now.loc[wide, "p_before"].dropna() == was["p_any"].reindex(now.index[wide]).dropna()
    ).all()
    assert now.loc[~wide, "level_before"].isna().all()


def test_a_group_that_is_none(files):
    args = ["run", files / "incidents.csv", "--regions", files / "regions.geojson"]
    args += ["--as-of", "2025-01-01", "--group", "CHN/alchemy"]
    result = RUN.invoke(cli.app, [str(arg) for arg in args])
    assert isinstance(result.exception, InputError)


def test_a_second_run_of_a_day_loses_no_attack_that_the_first_one_knew(files, tmp_path):
    """The row is deleted and the day run again; run once more whole, the first set comes back."""
    whole = (files / "incidents.csv").read_text(encoding="utf-8")
    attack = "new,2024-12-20,armed_attack,XQA,4.5,-6.5,point,1,1,CHN,mining"
    table = tmp_path / "log.csv"

    def run_day(text):
        table.write_text(text, encoding="utf-8")
        args = ["run", table, "--regions", files / "regions.geojson", "--group", "CHN/mining"]
        args += ["--as-of", "2025-01-01", "--scope", "violence,foreign; reach=countries"]
        args += ["--out", tmp_path / "out", "--formats", "csv"]
        assert RUN.invoke(cli.app, [str(arg) for arg in args]).exit_code == 0
        layer = rm.read_layer(tmp_path / "out", today="2025-01-01")
        risks = layer.risks.set_index(["layer", "region_id"])
        return risks.loc[("group", "XQA0203"), "attacked"], (tmp_path / "out/latest").resolve()

    marked, first = run_day(f"{whole.rstrip()}\n{attack}\n")
    assert marked
    for _ in range(2):
        assert run_day(whole)[0]
    assert run_day(f"{whole.rstrip()}\n{attack}\n") == (True, first)

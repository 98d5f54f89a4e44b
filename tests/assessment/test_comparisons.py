"""Two layers side by side: what moved, how surely, and why."""

import shutil
from dataclasses import replace

import numpy as np
import orjson
import pandas as pd
import pytest
from typer.testing import CliRunner

import riskmap as rm
from riskmap.assessment.layers import AUDIT_COLUMNS, RISK_COLUMNS
from riskmap.cli import app
from riskmap.errors import InputError
from riskmap.outputs.bundles import Bundle, apply_profile
from riskmap.outputs.documents import to_markdown
from riskmap.panels.attacks import ATTACK_COLUMNS
from riskmap.schema import conform

REGIONS = rm.datasets.regions()
LOCATED = rm.locate(rm.datasets.incidents(), REGIONS)
MODEL = rm.EmpiricalBayes()
RUN = CliRunner()


def assess(day, previous=None):
    panel = rm.count_incidents(LOCATED, REGIONS, as_of=day)
    return rm.assess(rm.forecast(panel, model=MODEL), REGIONS, previous=previous)


@pytest.fixture(scope="module")
def layers():
    old = assess("2024-10-01")
    return old, assess("2024-12-01", old)


@pytest.mark.slow
def test_a_comparison_says_what_the_layer_says(layers):
    old, new = layers
    table = rm.compare_layers(old, new)
    key = ["region_id", "layer"]
    one, two = table.set_index(key).sort_index(), new.risks.set_index(key).sort_index()
    for name in ("risk_level", "level_before", "p_any", "p_before", "trend", "p_change"):
        assert one[name].astype(object).where(one[name].notna(), None).tolist() == (
            two[name].astype(object).where(two[name].notna(), None).tolist()
        )


@pytest.mark.slow
def test_the_cause_is_the_greatest_part(layers):
    old, new = layers
    table = rm.compare_layers(old, new).set_index(["region_id", "layer"])
    parts = new.changes.set_index(["region_id", "layer"])
    row = table["cause"].dropna().index[0]
    values = parts.loc[[row]].set_index("cause")["value"]
    assert table.loc[row, "cause"] == (values * np.sign(values.sum())).idxmax()


@pytest.mark.slow
def test_layers_that_do_not_follow_on_one_another(layers):
    old, new = layers
    apart = assess("2024-12-01")
    assert rm.compare_layers(old, apart)["cause"].isna().all()
    other = replace(apart, provenance={**apart.provenance, "method_version": "other"})
    assert set(rm.compare_layers(old, other)["cause"]) == {"method"}
    with pytest.raises(InputError, match="not in order"):
        rm.compare_layers(new, old)


def test_regions_of_either_layer_are_told(layers):
    old, new = layers
    fewer = replace(new, risks=new.risks.iloc[2:].reset_index(drop=True))
    table = rm.compare_layers(old, fewer)
    assert len(table) == len(old.risks)
    assert table["risk_level"].isna().sum() == 2
    assert table["name"].notna().all()


@pytest.mark.slow
def test_diff_prints_what_moved(layers, tmp_path):
    folders = [rm.publish(layer, tmp_path, formats=["csv"]) for layer in layers]
    names = [str(folder) for folder in folders]
    found = RUN.invoke(app, ["diff", *names])
    assert found.exit_code == 0
    assert found.stdout.startswith("2024-10-01 to 2024-12-01")
    told = orjson.loads(RUN.invoke(app, ["diff", *names, "--json"]).stdout)
    assert len(told["changes"]) == len(layers[1].risks)


@pytest.mark.slow
def test_diff_tells_a_new_attack_that_marks_no_region(layers, tmp_path):
    old, new = layers
    attack = {"incident_id": "log:1", "event_date": "2024-11-20", "until": "2025-02-18"}
    attacks = pd.DataFrame([attack | {"area": "Velmar", "nationality": "CHN", "killed": 3}])
    told = replace(new, attacks=conform(attacks, ATTACK_COLUMNS))
    folders = [str(rm.publish(one, tmp_path, formats=["csv"])) for one in (old, told)]
    assert (
        "Velmar: an attack is known to have been here" in RUN.invoke(app, ["diff", *folders]).stdout
    )
    again = RUN.invoke(app, ["diff", folders[1], folders[1]]).stdout
    assert "Velmar: an attack" not in again


@pytest.mark.slow
def test_diff_says_causes_and_rules_in_words(layers, tmp_path):
    old, new = layers
    rules = new.risks[["region_id", "layer"]].assign(rule="at_least")
    spoken = replace(new, audit=conform(rules, AUDIT_COLUMNS))
    folders = [str(rm.publish(one, tmp_path, formats=["csv"])) for one in (old, spoken)]
    found = RUN.invoke(app, ["diff", *folders]).stdout
    assert "own reports give at least this" in found
    assert "at_least" not in found


@pytest.mark.slow
def test_diff_tells_nothing_of_what_neither_set_assesses(layers, tmp_path):
    def diff(*sets, options=("--all",)):
        folders = [rm.publish(one, tmp_path, formats=["csv"]) for one in sets]
        found = RUN.invoke(app, ["diff", *map(str, folders), *options])
        assert found.exit_code == 0, found.output
        return found.stdout

    old, new = (
        replace(
            one,
            risks=conform(
                one.risks.assign(risk_level=0, level_before=None, p_any=np.nan, trend=None),
                RISK_COLUMNS,
            ),
            audit=conform(
                one.risks[["region_id", "layer"]].assign(rule="unwatched"), AUDIT_COLUMNS
            ),
        )
        for one in layers
    )
    assert diff(old, new) == "2024-10-01 to 2024-12-01: nothing moved\n"
    found = diff(old, layers[1]).splitlines()
    known = layers[1].risks["risk_level"] > 0
    assert found[0].startswith(f"2024-10-01 to 2024-12-01: {known.sum()} levels moved")
    assert not any("nan" in line for line in found)
    assert sum("level 0 to " in line for line in found) == known.sum()
    screen = diff(old, layers[1], options=()).splitlines()
    assert screen[1:-1] == found[1:19]
    assert screen[-1] == f"{known.sum() - 18} more: --all shows them"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    REGIONS.to_file(folder / "regions.geojson")
    table = rm.datasets.incidents()
    table = table.assign(lon=table.geometry.x, lat=table.geometry.y).drop(columns="geometry")
    names = ["incident_id", "event_date", "event_type", "country", "lon", "lat", "killed"]
    table[[*names, "foreign_victims"]].to_csv(folder / "incidents.csv", index=False)
    return folder


def run(files, out, day, *options):
    inputs = [str(files / "incidents.csv"), "--regions", str(files / "regions.geojson")]
    found = RUN.invoke(
        app, ["run", *inputs, "--as-of", day, "--out", str(out), "--formats", "csv", *options]
    )
    assert found.exit_code == 0, found.output
    return rm.read_layer(out, today="2020-01-01")


@pytest.mark.slow
def test_run_compares_with_the_set_before(files, tmp_path):
    first = run(files, tmp_path, "2024-11-01")
    assert first.risks["level_before"].isna().all()
    second = run(files, tmp_path, "2024-12-01")
    assert second.provenance["previous_as_of"] == "2024-11-01"
    again = run(files, tmp_path, "2024-12-01")
    assert again.risks.equals(second.risks)
    alone = run(files, tmp_path, "2024-12-01", "--no-previous")
    assert "previous_as_of" not in alone.provenance
    assert first.provenance.get("passed_over") is None
    assert alone.provenance["passed_over"] == "2024-11-01"
    for layer, told in ((first, "first issue"), (alone, "there is one of 2024-11-01")):
        assert told in to_markdown(Bundle(apply_profile(layer, "public")).report("en"))
    other = run(files, tmp_path, "2024-12-01", "--group", "CHN")
    assert other.provenance["previous_as_of"] == "2024-11-01"
    before = other.risks.groupby("layer")["level_before"].count()
    assert before["violence"] > 0
    assert before["group"] == 0  # nothing was told of this group before
    stated = run(files, tmp_path / "b", "2024-12-01", "--previous", str(tmp_path))
    assert stated.provenance["previous_as_of"] == "2024-12-01"


@pytest.mark.slow
def test_run_compares_with_a_set_before_of_other_ids_and_of_no_other_level(files, tmp_path):
    first = run(files, tmp_path / "out", "2024-11-01")
    shutil.copy(files / "incidents.csv", tmp_path)
    renamed = REGIONS.assign(region_id="N" + REGIONS["region_id"])
    renamed.to_file(tmp_path / "regions.geojson")
    second = run(tmp_path, tmp_path / "out", "2024-12-01")
    assert second.provenance["previous_as_of"] == "2024-11-01"
    assert second.risks["level_before"].tolist() == first.risks["risk_level"].tolist()
    rm.datasets.regions(level=1).to_file(tmp_path / "regions.geojson")
    assert "previous_as_of" not in run(tmp_path, tmp_path / "out", "2024-12-02").provenance


@pytest.mark.slow
def test_replay_prints_its_tables(files):
    inputs = [str(files / "incidents.csv"), "--regions", str(files / "regions.geojson")]
    dates = ["--from", "2024-01-01", "--to", "2024-03-01"]
    found = RUN.invoke(app, ["replay", *inputs, *dates])
    assert found.exit_code == 0, found.output
    assert "policy" in found.stdout
    assert "frequencies" in found.stdout
    told = orjson.loads(RUN.invoke(app, ["replay", *inputs, *dates, "--json"]).stdout)
    assert set(told) == {"policy", "frequencies", "incidents"}
    assert RUN.invoke(app, ["replay", *inputs, *dates, "--every", "year"]).exit_code == 2

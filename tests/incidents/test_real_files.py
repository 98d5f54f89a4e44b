"""Every file of the shared folder is read whole, or refused with a typed error."""

import pytest

import riskmap as rm


@pytest.mark.slow
def test_real_incident_files_add_up_and_everything_else_is_refused(shared):
    """Every file of the folder: a ledger that adds up, or a typed refusal."""
    refused = set()
    for path in sorted(p for p in (shared / "incidents").rglob("*") if p.is_file()):
        try:
            table = rm.read_incidents(path)
        except rm.InputError:
            refused.add("satscan" if "satscan" in path.parts else path.name)
            continue
        stage = rm.locate(table, rm.datasets.regions()).ledger.stages[0]
        assert (stage.rows_in, stage.rows_out) == (
            len(table),
            int(table["quarantine_reason"].isna().sum()),
        )
    assert {name for name in refused if "Column_Labels" not in name} == {"satscan"}

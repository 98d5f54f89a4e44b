"""A published set is complete and of one version, or the one before is intact."""

import errno
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import filelock
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyogrio.errors import DataSourceError

import riskmap as rm
from riskmap.errors import InputError, MissingDependencyError, PublishError
from riskmap.outputs import publishing
from riskmap.outputs.formats import TABLES
from riskmap.outputs.publishing import publish, write_whole

FILES = {
    "advisory.html",
    "advisory.md",
    "alert.cap.xml",
    "alerts.atom",
    "layer.json",
    "ledger.json",
    "manifest.json",
    "map.html",
    "risk.csv",
    "risk.geojson",
    "risk.gpkg",
    "risk.qml",
    "risk.xlsx",
    "risk_long.csv",
}


#: What most of these tests write: enough to have several files, and quick.
FEW = ("csv", "geojson")

#: Two files more than every set has, for tests that publish again and again.
QUICK = ("geojson",)


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def check_whole(out):
    """The pointer leads to a set whose every file is as its manifest says; return the set."""
    folder = (out / "latest").resolve(strict=True)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    named = {entry["name"]: entry for entry in manifest["files"]}
    assert set(named) | {"manifest.json"} == {path.name for path in folder.iterdir()}
    for name, entry in named.items():
        data = (folder / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    return manifest


@pytest.fixture(scope="module")
def everything(layer, tmp_path_factory):
    """A set in all formats: it takes its time, so the tests that only look share one."""
    return publish(layer, tmp_path_factory.mktemp("everything"), sender="example.org")


@pytest.mark.slow
def test_a_set_is_whole_and_latest_leads_to_it(everything):
    found, out = everything, everything.parent
    assert found.name.startswith("2025-01-01-")
    assert (out / "latest").resolve() == found
    check_whole(out)
    optional = {"advisory.pdf", "advisory.docx"}
    optional |= {"risk.parquet", "risk.pmtiles", "risk.style.json"}
    optional |= {f"{name}.parquet" for name in TABLES}
    assert set(content(found)) - optional == FILES
    assert not list(out.glob(".partial*"))


def test_the_manifest_names_what_the_set_rests_on(layer, tmp_path):
    publish(layer, tmp_path, formats=FEW)
    manifest = check_whole(tmp_path)
    assert manifest["scale_id"] == layer.scale.scale_id
    assert manifest["inputs"] == [{"name": "incidents.csv", "sha256": "0" * 64}]
    assert manifest["boundary"]["licence"] == "Apache-2.0"
    assert {"riskmap", "numpy", "shapely"} <= set(manifest["versions"])
    assert {"as_of", "horizon", "seed", "method_version"} <= set(manifest)


def test_the_ledger_is_a_list_of_stages(layer, tmp_path):
    stages = json.loads((publish(layer, tmp_path, formats=FEW) / "ledger.json").read_bytes())
    assert stages == layer.ledger.as_list()


def test_same_layer_same_folder_same_bytes(layer, tmp_path):
    first = publish(layer, tmp_path / "a", formats=FEW)
    before = {path: path.stat().st_mtime_ns for path in first.iterdir()}
    assert publish(layer, tmp_path / "a", formats=FEW) == first
    assert {path: path.stat().st_mtime_ns for path in first.iterdir()} == before
    second = publish(layer, tmp_path / "b", formats=FEW)
    assert second.name == first.name
    assert content(second) == content(first)


@pytest.mark.slow
def test_bytes_do_not_hang_on_hash_seed_zone_or_locale(everything, tmp_path):
    here = Path(__file__).parent
    code = (
        f"import sys; sys.path.insert(0, {str(here)!r})\n"
        "from conftest import make_layer\n"
        "from riskmap.outputs.publishing import publish\n"
        "publish(make_layer(), sys.argv[1], sender='example.org')\n"
    )
    names = []
    for i, (seed, zone) in enumerate((("1", "Asia/Kabul"), ("2", "Pacific/Apia"))):
        out = tmp_path / str(i)
        env = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
        subprocess.run([sys.executable, "-c", code, str(out)], check=True, env=env)
        names.append((out / "latest").resolve().name)
    assert names == [everything.name] * 2


@pytest.mark.slow
def test_an_absolute_path_is_in_no_file(everything):
    for name, data in content(everything).items():
        assert str(everything.parent).encode() not in data, name


def test_only_the_chosen_formats(layer, tmp_path):
    found = publish(layer, tmp_path, formats=["csv"])
    assert set(content(found)) == {
        "risk.csv",
        "risk_long.csv",
        "layer.json",
        "ledger.json",
        "manifest.json",
    }


def test_an_unknown_format_is_refused_before_anything_is_written(layer, tmp_path):
    with pytest.raises(InputError, match="unknown format"):
        publish(layer, tmp_path / "out", formats=["docx2"])
    assert not (tmp_path / "out").exists()


def test_a_missing_dependency_leaves_out_one_format_and_says_so(layer, tmp_path, monkeypatch):
    def absent(*_):
        raise MissingDependencyError("weasyprint", extra="report")

    monkeypatch.setattr("riskmap.outputs.tables.csv_chunks", absent)
    found = publish(layer, tmp_path, formats=FEW)
    missing = check_whole(tmp_path)["missing_formats"]
    assert missing == {"csv": "weasyprint is not installed: pip install 'riskmap[report]'"}
    assert not (found / "risk.csv").exists()


def changed(layers, as_of="2025-02-01"):
    layer = layers["layer"]()
    return layers["layer"](provenance=layer.provenance | {"as_of": as_of})


class Faults:
    """Let the first calls of some functions of the system pass, then fail with an error."""

    def __init__(self, monkeypatch, number):
        self.left, self.calls, self.number = 10**9, 0, number
        for owner, name in (
            (Path, "mkdir"),
            (Path, "write_bytes"),
            (Path, "open"),
            (Path, "rename"),
            (Path, "symlink_to"),
            (os, "fsync"),
            (os, "replace"),
        ):
            monkeypatch.setattr(owner, name, self.guarded(getattr(owner, name)))

    def guarded(self, function):
        def call(*args, **kwargs):
            self.calls += 1
            if self.calls > self.left:
                raise OSError(self.number, os.strerror(self.number))
            return function(*args, **kwargs)

        return call

    def fail_after(self, calls):
        self.calls, self.left = 0, calls


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_fault_at_any_step_leaves_the_old_set_or_the_whole_new_one(
    layer, layers, tmp_path, monkeypatch, number
):
    publish(layer, tmp_path, formats=QUICK)
    old = check_whole(tmp_path)
    following = changed(layers)
    faults = Faults(monkeypatch, number)
    step = 0
    while True:
        faults.fail_after(step)
        try:
            publish(following, tmp_path, formats=QUICK)
        except PublishError:
            pass
        else:
            break
        finally:
            faults.fail_after(10**9)
        assert not (tmp_path / ".partial").exists()
        now = check_whole(tmp_path)
        assert now == old or now["as_of"] == "2025-02-01"
        step += 1
    assert step > 15
    assert check_whole(tmp_path)["as_of"] == "2025-02-01"


ATTEMPTS = st.lists(
    st.tuples(st.integers(1, 4), st.none() | st.integers(0, 25)), min_size=1, max_size=4
)


@pytest.mark.slow
@settings(max_examples=8)
@given(attempts=ATTEMPTS)
def test_law_9_after_any_attempts_latest_is_the_last_whole_set(layers, attempts):
    """Days published in any order, some cut short: latest is whole, of the last day or of this."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        out, last = Path(folder), None
        faults = Faults(patch, errno.ENOSPC)
        for month, step in attempts:
            day = f"2025-0{month}-01"
            layer = changed(layers, day)
            faults.fail_after(10**9 if step is None else step)
            try:
                publish(layer, out, formats=QUICK)
                allowed = {day}
            except PublishError:  # before the swap, or after it
                allowed = {last, day}
            finally:
                faults.fail_after(10**9)
            last = check_whole(out)["as_of"] if (out / "latest").exists() else None
            assert last in allowed


def publish_for_ever(out, started):
    sys.path.insert(0, str(Path(__file__).parent))
    from conftest import make_layer

    layers = [make_layer()]
    layers += [make_layer(provenance=layers[0].provenance | {"as_of": "2025-02-01"})]
    started.set()
    while True:
        for layer in layers:
            publish(layer, out, formats=QUICK)
            for path in out.glob("2025-*"):
                if path != (out / "latest").resolve():
                    shutil.rmtree(path)


FULL = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from conftest import make_layer
import riskmap as rm
from riskmap.outputs import publishing
from riskmap.outputs.formats import FORMATS
layer = make_layer()
later = make_layer(provenance=layer.provenance | {"as_of": "2025-02-01"})
formats = [name for name in FORMATS if name != "pdf"]
rm.publish(layer, sys.argv[2], formats=["csv"])
publishing.encode_layer = lambda bundle: b"{}"  # so that the formats get their turn
told = []
for size in map(int, sys.argv[3:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    for chosen in [[name] for name in formats] + [formats]:
        try:
            rm.publish(later, sys.argv[2], formats=chosen, sender="example.org")
        except rm.RiskmapError as error:
            told.append(type(error).__name__)
            assert "File too large" in str(error), error
        else:
            told.append("written")
print(told)
"""


@pytest.mark.slow
def test_a_disk_that_fills_up_in_any_format_leaves_the_old_set(tmp_path):
    """No file may grow past a size: what a full disk does, in Python, SQLite, GDAL and Arrow."""
    here = str(Path(__file__).parent)
    done = subprocess.run(
        # -B: what is compiled under the limit would be kept cut short, and read by the next program
        [sys.executable, "-B", "-c", FULL, here, tmp_path, "600", "20000"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.replace("'", '"'))
    small = len(told) // 2
    assert set(told[:small]) == {"PublishError"}
    assert told[-1] == "PublishError"
    check_whole(tmp_path)
    assert not (tmp_path / ".partial").exists()


@pytest.mark.parametrize(
    ("free", "text"),
    [
        (49_152, r"the disk of \S+ is full or nearly so \(49,152 bytes free\): Failed to commit"),
        (2**40, "published: Failed to commit"),
    ],
)
def test_gdal_names_no_disk_and_is_not_left_to_itself(layer, tmp_path, monkeypatch, free, text):
    def fail(*_):
        raise DataSourceError("Failed to commit transaction")

    monkeypatch.setattr("riskmap.outputs.table_files.write_geopackage", fail)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=free))
    with pytest.raises(PublishError, match=text):
        publish(layer, tmp_path, formats=["gpkg"])


def test_a_folder_that_can_not_be_written_is_named(tmp_path):
    def denied(_path):
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(PublishError, match=f"{tmp_path} can't be written: .* Permission denied"):
        write_whole(tmp_path / "a", denied)


@pytest.mark.slow
def test_a_killed_publisher_leaves_a_whole_set(layer, tmp_path):
    publish(layer, tmp_path, formats=QUICK)
    context = multiprocessing.get_context("fork")
    for i in range(12):
        started = context.Event()
        child = context.Process(target=publish_for_ever, args=(tmp_path, started))
        child.start()
        assert started.wait(30)
        time.sleep(0.011 * i)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        check_whole(tmp_path)
    publish(layer, tmp_path, formats=QUICK)
    assert not (tmp_path / ".partial").exists()


def test_a_second_publisher_is_told_that_the_folder_is_in_use(layer, tmp_path):
    publish(layer, tmp_path, formats=FEW)
    before = check_whole(tmp_path)
    lock = filelock.FileLock(tmp_path / publishing._LOCK)
    with lock, pytest.raises(PublishError, match="is in use"):
        publish(layer, tmp_path, formats=FEW)
    assert check_whole(tmp_path) == before


def test_a_set_changed_by_hand_is_left_alone(layer, tmp_path):
    first = publish(layer, tmp_path, formats=FEW)
    (first / "risk.csv").write_text("mine", encoding="utf-8")
    second = publish(layer, tmp_path, formats=FEW)
    assert second.name == f"{first.name}.2"
    assert (first / "risk.csv").read_text(encoding="utf-8") == "mine"
    check_whole(tmp_path)


def test_a_folder_named_latest_is_not_touched(layer, tmp_path):
    (tmp_path / "latest").mkdir()
    with pytest.raises(PublishError, match="move it away"):
        publish(layer, tmp_path, formats=FEW)
    assert list((tmp_path / "latest").iterdir()) == []


def test_an_output_folder_that_is_a_file(layer, tmp_path):
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(PublishError, match="not published"):
        publish(layer, tmp_path / "out", formats=FEW)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def half(partial):
        partial.write_bytes(b"ne")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(PublishError, match=f"the disk of {tmp_path} is full .* No space left"):
        write_whole(path, half)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


NO_LINKS = {
    "absent": None,
    "forbidden": OSError(errno.EPERM, "Operation not permitted"),
    "no privilege": OSError(errno.EINVAL, "A required privilege is not held by the client"),
}


@pytest.fixture(params=NO_LINKS)
def without_links(request, monkeypatch):
    """A system that has no links, or allows none."""
    error = NO_LINKS[request.param]

    def refuse(*_args, **_options):
        raise error

    if error is None:
        monkeypatch.delattr(os, "symlink")
    else:
        monkeypatch.setattr(os, "symlink", refuse)


@pytest.mark.slow
@pytest.mark.usefixtures("without_links")
def test_where_there_are_no_links_a_file_points_at_the_set(layer, layers, tmp_path):
    publish(layer, tmp_path, formats=FEW)
    following = publish(changed(layers), tmp_path, formats=FEW)
    assert (tmp_path / "latest").read_bytes() == f"{following.name}\n".encode()
    read = rm.read_layer(tmp_path, today="2025-02-02")
    assert read.provenance["as_of"] == "2025-02-01"


def test_a_link_takes_the_place_of_a_pointer_file(layer, layers, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(os, "symlink")
        publish(layer, tmp_path, formats=FEW)
    found = publish(changed(layers), tmp_path, formats=FEW)
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "latest").resolve() == found


@pytest.mark.parametrize("text", ["", "../elsewhere-0123456789ab", "my notes", "x" * 10**6])
def test_a_file_named_latest_that_is_no_pointer_is_not_touched(layer, tmp_path, text):
    (tmp_path / "latest").write_text(text, encoding="utf-8")
    with pytest.raises(PublishError, match="move it away"):
        publish(layer, tmp_path, formats=FEW)
    assert (tmp_path / "latest").read_text(encoding="utf-8") == text


PLAIN_SYSTEM = """
import os, sys
sys.modules["fcntl"] = None
sys.modules["resource"] = None
del os.symlink
del os.O_DIRECTORY
sys.path.insert(0, sys.argv[1])
from conftest import make_layer
import riskmap as rm
layer = make_layer()
rm.publish(layer, sys.argv[2], formats=["csv", "map", "advisory"], languages=["en", "zh"])
print(rm.publish(layer, sys.argv[2], formats=["csv"]).name)
print(rm.read_layer(sys.argv[2], today="2025-01-02").provenance["as_of"])
"""


@pytest.mark.slow
def test_a_set_is_published_and_read_where_the_system_is_not_posix(tmp_path):
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_SYSTEM, here, tmp_path],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "latest").read_text(encoding="utf-8").strip() == done.stdout.split()[0]
    assert done.stdout.split()[1] == "2025-01-01"

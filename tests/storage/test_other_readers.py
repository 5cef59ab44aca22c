"""What others' tools see in an exam file."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from npr_daq.calibration import MISSING
from npr_daq.storage.reader import ExamFile
from npr_daq.storage.table import Table
from npr_daq.storage.writer import write_exam

xr = pytest.importorskip("xarray")
STEP = "sweeps/01_conduction_left_buccal"
TABLES = {"conduction": Table({"side": np.array(["left"]), "peak_mv": np.array([1.5])}, {"peak_mv": "mV"})}


@pytest.fixture(scope="module")
def sealed(recording, tmp_path_factory):
    path = tmp_path_factory.mktemp("exam") / "exam.h5"
    write_exam(recording, TABLES, path, findings_json="{}")
    return path


@pytest.fixture(scope="module")
def bare(recording, tmp_path_factory):
    """No sweeps, no captures, nothing in any table."""
    path = tmp_path_factory.mktemp("bare") / "exam.h5"
    nothing = replace(recording, sweeps=(), captures=(), gaps=(), events=(), searches={}, impedances=())
    write_exam(nothing, {"conduction": Table({"side": np.array([], "U1"), "peak_mv": np.array([])})}, path)
    return path


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_shows_dims_units_coordinates_and_volts(sealed, recording, engine):
    with xr.open_datatree(sealed, engine=engine) as tree:
        emg = tree[f"{STEP}/emg"]
        assert emg.dims == ("sweep", "channel", "time")
        assert emg.attrs["units"] == "V"
        assert emg.sweep.values.tolist() == [1, 2, 4]
        assert emg.channel.values.tolist() == list(recording.montage.names)
        assert emg.time.attrs["units"] == "s"
        np.testing.assert_allclose(emg.time.values, (np.arange(40) - 10) / 20_000, atol=1e-12)
        counts = np.stack([recording.sweeps[i].counts for i in (0, 1, 3)])
        expected = np.where(counts == MISSING, np.nan, counts * (4.768 * 1e-9))
        np.testing.assert_array_equal(emg.values, expected)
        assert np.isnan(emg.values[1, :, 5:9]).all()
        node = tree[STEP]
        assert node["valid"].dtype == bool
        assert node["side"].values.tolist() == ["left"] * 3
        assert node["stim_amplitude"].attrs["units"] == "A"
        assert tree["continuous/noise_left_buccal/emg"].sizes == {"channel": 16, "time": 200}
        assert tree["findings/conduction/peak_mv"].attrs["units"] == "mV"
        assert str(tree["protocol/text"].values) == recording.header["protocol"]["text"]
        for group in tree.subtree:
            group.to_dataset().load()


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_may_open_what_is_open_here_already(sealed, recording, difference, engine):
    with ExamFile(sealed) as exam, xr.open_datatree(sealed, engine=engine) as tree:
        assert tree[STEP].sizes["sweep"] == 3
        assert difference(exam.recording(), recording) is None
        with ExamFile(sealed) as again:
            assert again.header == exam.header


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_empty_tables_open_too(bare, engine):
    with xr.open_datatree(bare, engine=engine) as tree:
        for group in tree.subtree:
            group.to_dataset().load()
        assert tree["audit"].sizes == {"record": 0}
        assert tree["gaps/onset"].attrs["units"] == "s"
        assert tree["gaps/text"].shape == (0,)


@pytest.mark.parametrize("which", ["sealed", "bare"])
def test_the_line_of_the_readme_prints_without_a_warning(request, which):
    code = "import sys, xarray as xr; print(xr.open_datatree(sys.argv[1]))"
    path = request.getfixturevalue(which)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Group: /sweeps" in ran.stdout
    if which == "sealed":
        assert "(sweep: 3, channel: 16, time: 40)" in ran.stdout


def test_a_group_alone_opens_as_a_dataset(sealed):
    with xr.open_dataset(sealed, group=STEP, engine="h5netcdf") as dataset:
        assert dataset.sel(channel="left.nasalis", sweep=4).emg.sizes == {"time": 40}


def test_netcdf4_opens_it_directly(sealed, recording):
    netcdf4 = pytest.importorskip("netCDF4")
    with netcdf4.Dataset(sealed) as file:
        emg = file[f"{STEP}/emg"]
        assert emg.dimensions == ("sweep", "channel", "time")
        assert emg.units == "V"
        raw = emg[:]
        assert np.ma.getmaskarray(raw)[1, :, 5:9].all()
        emg.set_auto_maskandscale(False)
        assert np.array_equal(emg[0], recording.sweeps[0].counts)
        assert file["channels/target_muscle"][:].tolist()[:2] == ["frontalis", "orbicularis_oculi"]
        assert file["sweeps/01_conduction_left_buccal"].dimensions["time"].size == 40
        assert file["continuous/noise_left_buccal"].dimensions["time"].size == 200
        assert not file["events"].dimensions["event"].isunlimited()


def test_pandas_takes_a_findings_table(sealed):
    with xr.open_dataset(sealed, group="findings/conduction", engine="h5netcdf") as dataset:
        frame = dataset.to_dataframe()
    assert frame.side.tolist() == ["left"]


def test_to_xarray_gives_corrected_volts_and_says_so(sealed, recording):
    with ExamFile(sealed) as exam:
        tree = exam.to_xarray()
    emg = tree[f"{STEP}/emg"]
    assert emg.attrs["units"] == "V"
    microvolts = recording.calibration.to_microvolts(recording.sweeps[0].counts)
    np.testing.assert_allclose(emg.sel(sweep=1).values * 1e6, microvolts, rtol=1e-9, atol=1e-9)
    assert np.isnan(emg.sel(sweep=2).values[:, 5:9]).all()
    np.testing.assert_allclose(emg.time.values, (np.arange(40) - 10 - 1.7) / 20_000, atol=1e-12)
    assert "shifted by" in emg.attrs["history"]
    assert "not resampled" in tree.attrs["history"]
    assert tree[STEP].attrs["history"] == emg.attrs["history"]
    assert "scale_factor" not in emg.attrs
    run = tree["continuous/noise_left_buccal"]
    np.testing.assert_allclose(run.time.values[:2], [100 / 2000 - 1.7 / 20_000, 101 / 2000 - 1.7 / 20_000])
    assert "delay_left" not in run.coords


def test_channels_with_other_delays_keep_the_rest_as_a_coordinate(recording, tmp_path):
    first, *others = recording.calibration.channels
    slow = replace(recording.calibration, channels=(replace(first, group_delay_samples=3.7), *others))
    write_exam(replace(recording, calibration=slow), {}, tmp_path / "exam.h5")
    with ExamFile(tmp_path / "exam.h5") as exam:
        node = exam.to_xarray()[STEP]
    np.testing.assert_allclose(node.delay_left.values, [2 / 20_000, *[0.0] * 15], atol=1e-12)
    assert "delay_left" in node.attrs["history"]


def test_to_xarray_of_an_empty_exam(bare):
    with ExamFile(bare) as exam:
        tree = exam.to_xarray()
    assert tree["gaps"].sizes == {"gap": 0}
    assert str(tree)


def test_a_calibration_full_of_nonsense_still_opens(recording, tmp_path):
    first, second, third, *others = recording.calibration.channels
    odd = (
        replace(first, lsb_nv=5e-324, offset_nv=float("inf"), group_delay_samples=float("nan")),
        replace(second, lsb_nv=1.7e308, group_delay_samples=float("-inf")),
        replace(third, lsb_nv=float("nan")),
        *others,
    )
    huge = ({"g1_kohm": 10**400},)
    strange = replace(recording, calibration=replace(recording.calibration, channels=odd), impedances=huge)
    write_exam(strange, {}, tmp_path / "exam.h5")
    with ExamFile(tmp_path / "exam.h5") as exam:
        node = exam.to_xarray()[STEP]
        assert exam.recording().impedances == huge
    assert np.isfinite(node.time.values).all()
    assert np.isnan(node.emg.sel(channel=recording.montage.names[2]).values).all()

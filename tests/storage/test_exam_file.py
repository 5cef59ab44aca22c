import os
import stat
from dataclasses import replace

import h5py
import numpy as np
import pytest

from npr_daq.calibration import Calibration
from npr_daq.errors import RecordingError
from npr_daq.recording import Recording
from npr_daq.storage import writer
from npr_daq.storage.digest import raw_sha256
from npr_daq.storage.reader import ExamFile
from npr_daq.storage.table import Table
from npr_daq.storage.writer import write_exam

TABLES = {
    "conduction": Table(
        {
            "side": np.array(["left", "right"]),
            "negative_peak_mv": np.array([1.5, np.nan]),
            "sweeps": np.array([10, 9]),
            "proved": np.array([True, False]),
            "ci95_percent": np.array([[1.0, 2.0], [3.0, 4.0]]),
            "withheld": [None, "not supramaximal"],
            "maybe": [None, 2.0],
        },
        {"negative_peak_mv": "mV", "ci95_percent": "%"},
    ),
    "symmetry": Table({"branch": np.array([], dtype="U1"), "percent": np.array([])}, {"percent": "%"}),
}


@pytest.fixture(scope="module")
def sealed(recording, tmp_path_factory):
    path = tmp_path_factory.mktemp("exam") / "exam.h5"
    digest = write_exam(recording, TABLES, path, attrs={"journal_sha256": "ab"}, findings_json='{"format": "ü"}')
    return path, digest


def test_the_root_says_what_it_is(sealed, header):
    path, digest = sealed
    with ExamFile(path) as exam:
        attrs = dict(exam.attrs)
        assert exam.header == header
        assert exam.findings_json == '{"format": "ü"}'
    expected = {
        "Conventions": "CF-1.11",
        "format_name": "npr-daq exam",
        "format_version": "1.0.0",
        "session_uuid": header["exam_id"],
        "subject_code": "P-0042",
        "simulated": 1,
        "recovered": 0,
        "dropped_tail_bytes": 0,
        "journal_sha256": "ab",
        "raw_sha256": digest,
        "software": "npr-daq 0.1.0",
    }
    assert {name: attrs[name] for name in expected} == expected
    assert "SIMULATED" in attrs["title"]
    assert len(attrs["config_sha256"]) == 64


def test_only_its_owner_may_read_it(sealed):
    assert stat.S_IMODE(sealed[0].stat().st_mode) == 0o600


def test_counts_are_compressed_checked_and_chunked_by_sweep(sealed):
    with h5py.File(sealed[0]) as file:
        emg = file["sweeps/01_conduction_left_buccal/emg"]
        assert (emg.dtype, emg.shape, emg.chunks) == (np.int32, (3, 16, 40), (1, 16, 40))
        assert (emg.shuffle, emg.compression, emg.compression_opts, emg.fletcher32) == (True, "gzip", 1, True)
        run = file["continuous/noise_left_buccal/emg"]
        assert (run.shape, run.chunks) == ((16, 200), (1, 200))
        assert (run.attrs["t0"], run.attrs["rate"]) == (0.05, 2000.0)


def test_no_library_newer_than_hdf5_1_10_is_needed(sealed):
    with h5py.File(sealed[0]) as file:
        assert file.id.get_create_plist().get_version()[0] <= 3


def test_stimulus_columns_are_si(sealed, recording):
    with h5py.File(sealed[0]) as file:
        group = file["sweeps/01_conduction_left_buccal"]
        sweeps = [s for s in recording.sweeps if s.step == "01_conduction_left_buccal"]
        assert group["sweep"][:].tolist() == [1, 2, 4]
        for name, unit, expected in (
            ("stim_amplitude", "A", [s.stimulus.current_ma / 1e3 for s in sweeps]),
            ("stim_delivered", "A", [s.report.measured_ma / 1e3 for s in sweeps]),
            ("stim_width", "s", [200e-6] * 3),
            ("stim_charge", "C", [s.report.charge_uc / 1e6 for s in sweeps]),
            ("stim_time", "s", [(s.first_sample + s.onset) / 20_000 for s in sweeps]),
        ):
            assert group[name].attrs["units"] == unit
            np.testing.assert_allclose(group[name][:], expected, rtol=1e-12)
        assert group["valid"][:].tolist() == [1, 0, 1]
        assert group["time"][10] == 0.0
        assert group["time"].attrs["units"] == "s"
        assert group["sample_index"].dtype == np.uint64
        assert group["stim_reason"].asstr()[0] == '{"rule":"grow","inputs":[1,2.5,null]}'
        assert group["stim_device_ack"].asstr()[0] == "ok"


def test_impedances_are_si_and_kept_as_read(sealed):
    with h5py.File(sealed[0]) as file:
        group = file["impedance"]
        assert group["g1"][0] == 3200.0
        assert group["g1"].attrs["units"] == "Ohm"
        assert np.isnan(group["g2"][0])
        assert group["row"].asstr()[0].startswith('{"channel":0')


def test_findings_lie_in_tables_with_units(sealed):
    with h5py.File(sealed[0]) as file:
        table = file["findings/conduction"]
        assert table["side"].asstr()[:].tolist() == ["left", "right"]
        assert table["withheld"].asstr()[:].tolist() == ["", "not supramaximal"]
        assert table["negative_peak_mv"].attrs["units"] == "mV"
        np.testing.assert_array_equal(table["maybe"][:], [np.nan, 2.0])
        assert table["ci95_percent"].shape == (2, 2)
        assert table["proved"][:].tolist() == [1, 0]
        assert file["findings/symmetry/percent"].shape == (0,)


def test_writing_again_gives_the_same_bytes_whatever_the_findings_change(recording, tmp_path):
    path = tmp_path / "exam.h5"
    first = write_exam(recording, TABLES, path)
    bytes_before = path.read_bytes()
    assert write_exam(recording, TABLES, path) == first
    assert path.read_bytes() == bytes_before
    assert write_exam(recording, {}, path) == first == raw_sha256(recording)
    assert os.listdir(tmp_path) == ["exam.h5"]


def test_another_exam_is_never_replaced(recording, header, tmp_path):
    path = tmp_path / "exam.h5"
    write_exam(replace(recording, header={**header, "exam_id": "another"}), {}, path)
    before = path.read_bytes()
    with pytest.raises(RecordingError, match="another exam"):
        write_exam(recording, {}, path)
    path.write_text("my notes")
    with pytest.raises(RecordingError, match="not an exam file"):
        write_exam(recording, {}, path)
    assert path.read_text() == "my notes"
    assert before != b""


def test_a_stale_partial_file_is_replaced(recording, tmp_path):
    (tmp_path / ".exam.h5.partial").write_bytes(b"torn")
    write_exam(recording, {}, tmp_path / "exam.h5")
    assert os.listdir(tmp_path) == ["exam.h5"]


@pytest.mark.parametrize(
    "victim", ["sweeps/01_conduction_left_buccal/emg", "gaps/missing", "findings/conduction/sweeps"]
)
def test_what_was_not_written_as_meant_never_takes_the_name(recording, tmp_path, monkeypatch, victim):
    real = writer._sync_file

    def spoil(path):
        with h5py.File(path, "r+", locking=False) as file:
            flat = file[victim][...]
            flat.flat[0] += 1
            file[victim][...] = flat
        real(path)

    monkeypatch.setattr(writer, "_sync_file", spoil)
    with pytest.raises(RecordingError, match="was not written as it is"):
        write_exam(recording, TABLES, tmp_path / "exam.h5")
    assert os.listdir(tmp_path) == []


def test_a_spoiled_attribute_is_found_by_the_checksum(recording, tmp_path, monkeypatch):
    real = writer._sync_file

    def spoil(path):
        with h5py.File(path, "r+", locking=False) as file:
            file["sweeps/01_conduction_left_buccal/emg"].attrs["scale_factor"] = 1.0
        real(path)

    monkeypatch.setattr(writer, "_sync_file", spoil)
    with pytest.raises(RecordingError, match="checksum"):
        write_exam(recording, {}, tmp_path / "exam.h5")
    assert os.listdir(tmp_path) == []


def test_a_failing_disk_leaves_what_was_there(recording, tmp_path, monkeypatch):
    path = tmp_path / "exam.h5"
    write_exam(recording, {}, path)
    before = path.read_bytes()

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "_sync_file", full)
    with pytest.raises(RecordingError, match=r"could not be written in .*: No space left on device; free space"):
        write_exam(recording, TABLES, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["exam.h5"]


@pytest.mark.parametrize(
    ("tables", "attrs", "message"),
    [
        ({"a/b": Table({})}, {}, "cannot be called"),
        ({"json": Table({})}, {}, "cannot be called"),
        ({"t": Table({"a": np.zeros(2), "b": np.zeros(3)})}, {}, "differ in length"),
        ({"t": Table({"a": [object()]})}, {}, "neither numbers nor texts"),
        ({"t": Table({"a": [1, "x"], "b": [{}, []]})}, {}, "neither numbers nor texts"),
        ({}, {"raw_sha256": "x"}, "is computed"),
        ({}, {"odd": object()}, "could not be written"),
    ],
)
def test_what_cannot_be_stored_is_refused(recording, tmp_path, tables, attrs, message):
    with pytest.raises(RecordingError, match=message):
        write_exam(recording, tables, tmp_path / "exam.h5", attrs=attrs)
    assert os.listdir(tmp_path) == []


def test_samples_that_do_not_fit_the_montage_are_refused(recording, sweep_of, tmp_path):
    odd = replace(recording, sweeps=(sweep_of(1, channels=3),))
    with pytest.raises(RecordingError, match="the montage has 16 channels"):
        write_exam(odd, {}, tmp_path / "exam.h5")


def test_an_empty_recording_can_be_sealed(header, recording, difference, tmp_path):
    empty = Recording(header=header, montage=recording.montage, calibration=recording.calibration)
    write_exam(empty, {}, tmp_path / "exam.h5")
    with ExamFile(tmp_path / "exam.h5") as exam:
        assert difference(exam.recording(), empty) is None
        assert exam.findings_json is None


def test_an_uncalibrated_exam_keeps_counts_and_says_so(recording, difference, tmp_path):
    torn = replace(recording, calibration=Calibration("?", 0, 0, (), (), b"\xff", valid=False))
    write_exam(torn, {}, tmp_path / "exam.h5")
    with ExamFile(tmp_path / "exam.h5") as exam:
        emg = exam.hdf["sweeps/01_conduction_left_buccal/emg"]
        assert (emg.attrs["units"], emg.attrs["scale_factor"]) == ("1", 1.0)
        assert "uncalibrated" in emg.attrs["long_name"]
        assert difference(exam.recording(), torn) is None


def test_steps_of_any_name_and_sweeps_of_any_length_find_a_place(recording, sweep_of, difference, tmp_path):
    names = ["a/b", "a_b", "../x", "", "ä", "a/b", "sweep"]
    sweeps = tuple(sweep_of(n + 1, step=name, times=20 + (n == 5)) for n, name in enumerate(names))
    odd = replace(recording, sweeps=sweeps)
    write_exam(odd, {}, tmp_path / "exam.h5")
    with ExamFile(tmp_path / "exam.h5") as exam:
        assert set(exam.hdf["sweeps"]) == {"a_b", "a_b_2", "_.._x", "_", "__2", "a_b_3", "sweep"}
        assert difference(exam.recording(), odd) is None


def test_a_long_protocol_text_fits(recording, header, difference, tmp_path):
    long = replace(recording, header={**header, "protocol": {"name": "p", "text": "# é\n" * 100_000}})
    write_exam(long, {}, tmp_path / "exam.h5")
    with ExamFile(tmp_path / "exam.h5") as exam:
        assert difference(exam.recording(), long) is None
        assert exam.hdf["protocol/text"].asstr()[()] == "# é\n" * 100_000


def test_the_checksum_changes_with_everything_raw(recording, sweep_of):
    changed = [
        replace(recording, sweeps=recording.sweeps[::-1]),
        replace(recording, sweeps=(replace(sweep_of(1), why={}), *recording.sweeps[1:])),
        replace(recording, captures=()),
        replace(recording, gaps=()),
        replace(recording, events=()),
        replace(recording, searches={}),
        replace(recording, impedances=()),
        replace(recording, header={**recording.header, "subject": "P-1"}),
        replace(recording, montage=replace(recording.montage, name="x")),
        replace(recording, calibration=replace(recording.calibration, raw=b"")),
    ]
    digests = [raw_sha256(item) for item in (recording, *changed)]
    assert len(set(digests)) == len(digests)

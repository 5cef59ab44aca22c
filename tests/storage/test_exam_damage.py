import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

from npr_daq.errors import RecordingError
from npr_daq.storage.reader import ExamFile
from npr_daq.storage.writer import write_exam


@pytest.fixture(scope="module")
def sealed(recording, tmp_path_factory):
    path = tmp_path_factory.mktemp("exam") / "exam.h5"
    write_exam(recording, {}, path)
    return path


@pytest.fixture
def copy(sealed, tmp_path):
    return shutil.copy(sealed, tmp_path / "copy.h5")


def one_sentence(error):
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 400
    return text


def test_a_missing_file_a_folder_and_a_foreign_file_are_told_apart(tmp_path):
    for path in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(RecordingError, match="there is no exam file") as error:
            ExamFile(path)
        one_sentence(error)
    for content in (b"", b"hello", bytes(5000)):
        (tmp_path / "x.h5").write_bytes(content)
        with pytest.raises(RecordingError, match="not an exam file") as error:
            ExamFile(tmp_path / "x.h5")
        one_sentence(error)


def test_a_foreign_hdf5_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["emg"] = np.zeros(3)
    with pytest.raises(RecordingError, match="an HDF5 file, but not an exam file"):
        ExamFile(tmp_path / "x.h5")


@pytest.mark.parametrize("version", ["2.0.0", "10.1", "", "x"])
def test_a_newer_format_is_refused(copy, version):
    with h5py.File(copy, "r+") as file:
        file.attrs["format_version"] = version
    with pytest.raises(RecordingError, match="Use a newer npr-daq"):
        ExamFile(copy)


def test_a_later_minor_format_is_read(copy, recording, difference):
    with h5py.File(copy, "r+") as file:
        file.attrs["format_version"] = "1.7.0"
        file["sweeps"].create_dataset("unknown", data=np.zeros(2))
    with ExamFile(copy) as exam:
        assert difference(exam.recording(), recording) is None


def test_cut_anywhere_it_is_refused(sealed, tmp_path):
    data = sealed.read_bytes()
    for length in [*range(1, 200), *range(200, len(data), 997), len(data) - 1]:
        (tmp_path / "cut.h5").write_bytes(data[:length])
        with pytest.raises(RecordingError, match=r"cut short|not an exam file") as error:
            ExamFile(tmp_path / "cut.h5")
        one_sentence(error)


_FLIPS = """
import sys, random
from pathlib import Path
from npr_daq.errors import RecordingError
from npr_daq.storage.digest import raw_sha256
from npr_daq.storage.reader import ExamFile
good, target = Path(sys.argv[1]), Path(sys.argv[2])
data = good.read_bytes()
with ExamFile(good) as exam:
    digest = exam.attrs["raw_sha256"]
seen = {"refused": 0, "found": 0, "harmless": 0}
for position in random.Random(1).sample(range(len(data)), 40):
    flipped = bytearray(data)
    flipped[position] ^= 1 << position % 8
    target.write_bytes(flipped)
    try:
        with ExamFile(target) as exam:
            stored, now = exam.attrs["raw_sha256"], exam.raw_sha256()
            if stored != now:
                seen["found"] += 1
            else:
                exam.findings_json
                assert raw_sha256(exam.recording()) == digest, position
                seen["harmless"] += 1
    except RecordingError as error:
        assert "\\n" not in str(error)
        seen["refused"] += 1
print(seen["refused"] + seen["found"], seen["harmless"])
"""


def test_a_flipped_bit_is_refused_or_found_by_the_checksum_or_harmless(sealed, tmp_path):
    # in a child: a damaged file may take the HDF5 library, and with it the process, down
    command = [sys.executable, "-W", "error", "-c", _FLIPS, str(sealed), str(tmp_path / "flipped.h5")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    noticed, _ = map(int, ran.stdout.split())
    assert noticed > 12


def spoil_external_link(file, folder):
    file["events/elsewhere"] = h5py.ExternalLink(str(folder / "other.h5"), "/secret")


def spoil_soft_link(file, folder):
    file["events/elsewhere"] = h5py.SoftLink("/gaps")


def spoil_external_storage(file, folder):
    (folder / "secret").write_bytes(bytes(8))
    file.create_dataset("events/x", (8,), "u1", external=[(str(folder / "secret"), 0, 8)])


def spoil_virtual(file, folder):
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "x", (8,))
    file.create_virtual_dataset("events/x", layout)


def spoil_reference(file, folder):
    file.create_dataset("events/x", (1,), h5py.ref_dtype)


def spoil_compound(file, folder):
    file.create_dataset("events/x", (1,), [("a", "i4")])


def spoil_type(file, folder):
    file["events/x"] = np.dtype("i4")


def spoil_cycle(file, folder):
    file["events/x"] = file["/"]


def spoil_bomb(file, folder):
    file.create_dataset("events/x", (2**40,), "i4", chunks=(1024,), compression="gzip")


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_external_link,
        spoil_soft_link,
        spoil_external_storage,
        spoil_virtual,
        spoil_reference,
        spoil_compound,
        spoil_type,
        spoil_cycle,
        spoil_bomb,
    ],
)
def test_what_an_exam_file_never_holds_is_refused(copy, tmp_path, spoil):
    with h5py.File(copy, "r+") as file:
        spoil(file, tmp_path)
    with pytest.raises(RecordingError, match="is refused") as error:
        ExamFile(copy)
    one_sentence(error)


@pytest.mark.parametrize("victim", ["gaps", "sweeps/01_conduction_left_buccal/onset", "channels", "findings"])
def test_a_missing_part_is_damage(copy, victim):
    with h5py.File(copy, "r+") as file:
        del file[victim]
    with ExamFile(copy) as exam, pytest.raises(RecordingError, match="is damaged") as error:
        exam.findings_json if victim == "findings" else exam.recording()
    one_sentence(error)


def test_changed_counts_are_found_by_the_checksum(copy):
    with h5py.File(copy, "r+") as file:
        file["sweeps/01_conduction_left_buccal/emg"][0, 0, 0] += 1
    with ExamFile(copy) as exam:
        assert exam.raw_sha256() != exam.attrs["raw_sha256"]


def test_a_closed_file_says_so(sealed):
    exam = ExamFile(sealed)
    exam.close()
    exam.close()
    with pytest.raises(RecordingError, match="is closed"):
        exam.recording()


def test_reading_never_modifies(sealed):
    before = sealed.read_bytes(), sealed.stat().st_mtime_ns
    with ExamFile(sealed) as exam:
        exam.recording()
        exam.raw_sha256()
    assert (sealed.read_bytes(), sealed.stat().st_mtime_ns) == before

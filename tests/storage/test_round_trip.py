from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npr_daq.storage.digest import raw_sha256
from npr_daq.storage.journal import Journal
from npr_daq.storage.journal_reader import read_journal
from npr_daq.storage.reader import ExamFile
from npr_daq.storage.recovery import recording_from
from npr_daq.storage.writer import write_exam

_SLOW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(_SLOW, max_examples=60)
@given(data=st.data())
def test_a_recording_survives_the_journal_unchanged(data, recordings, write_journal, difference, tmp_path_factory):
    recording = data.draw(recordings)
    path = tmp_path_factory.mktemp("journal") / "exam.jrn"
    journal = Journal.create(path, recording.header, sync=lambda _: None)
    write_journal(journal, recording)
    journal.close(clean=True)
    assert difference(recording_from(read_journal(path)), recording) is None


@_SLOW
@given(data=st.data())
def test_a_recording_survives_the_exam_file_unchanged(data, recordings, difference, tmp_path_factory):
    recording = data.draw(recordings)
    path = tmp_path_factory.mktemp("exam") / "exam.h5"
    digest = write_exam(recording, {}, path)
    assert digest == raw_sha256(recording)
    with ExamFile(path) as exam:
        assert exam.raw_sha256() == digest == exam.attrs["raw_sha256"]
        assert difference(exam.recording(), recording) is None


def test_what_recovery_found_survives_too(recording, difference, tmp_path):
    salvaged = replace(recording, recovered=True, dropped_tail_bytes=17)
    write_exam(salvaged, {}, tmp_path / "exam.h5")
    with ExamFile(tmp_path / "exam.h5") as exam:
        assert difference(exam.recording(), salvaged) is None
        assert (exam.attrs["recovered"], exam.attrs["dropped_tail_bytes"]) == (1, 17)


def test_nul_and_lone_surrogates_become_replacement_characters(recording, sweep_of, tmp_path, write_journal):
    dirty = replace(recording, sweeps=(replace(sweep_of(1), reject_reasons=("a\0b", "c\ud800")),))
    journal = Journal.create(tmp_path / "exam.jrn", dirty.header)
    write_journal(journal, dirty)
    journal.close(clean=True)
    assert recording_from(read_journal(tmp_path / "exam.jrn")).sweeps[0].reject_reasons == ("a�b", "c�")

import errno
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Side
from npr_daq.calibration import MISSING
from npr_daq.errors import RecordingError
from npr_daq.recording import Capture, Event, Role
from npr_daq.stimulus import Stimulus
from npr_daq.storage import durable
from npr_daq.storage import journal as journal_module
from npr_daq.storage.frames import MAX_PAYLOAD, OVERHEAD, FrameType
from npr_daq.storage.journal import Journal
from npr_daq.storage.journal_reader import read_journal
from npr_daq.storage.recovery import recording_from

SHOCK = Stimulus(Side.LEFT, Branch.BUCCAL, 10.0)


def intend(journal, stim_seq=1):
    journal.intent(stim_seq=stim_seq, boot_id=7, step="s", stimulus=SHOCK, role=Role.SEARCH, why={})


def test_only_its_owner_may_read_it_and_it_is_never_opened_twice(tmp_path, header):
    path = tmp_path / "exam.jrn"
    Journal.create(path, header).close(clean=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(RecordingError, match="exists already"):
        Journal.create(path, header)
    assert path.read_bytes() == before


def test_a_symbolic_link_is_not_followed(tmp_path, header):
    target = tmp_path / "elsewhere"
    (tmp_path / "exam.jrn").symlink_to(target)
    with pytest.raises(RecordingError):
        Journal.create(tmp_path / "exam.jrn", header)
    assert not target.exists()


@pytest.mark.parametrize("name", ["exam.h5", "exam"])
def test_a_name_that_recovery_would_not_find_is_refused(tmp_path, header, name):
    with pytest.raises(RecordingError, match=r"\.jrn"):
        Journal.create(tmp_path / name, header)


def test_a_missing_folder_is_said(tmp_path, header):
    with pytest.raises(RecordingError, match="choose another"):
        Journal.create(tmp_path / "no" / "exam.jrn", header)


def test_too_little_space_names_what_is_needed_and_what_is_free(tmp_path, header):
    with pytest.raises(RecordingError, match=r"needs 1000000000 MB .* MB are free"):
        Journal.create(tmp_path / "exam.jrn", header, need_bytes=10**15)
    assert not (tmp_path / "exam.jrn").exists()


def test_a_header_without_a_json_form_is_refused_before_a_file_exists(tmp_path):
    with pytest.raises(RecordingError, match="has no JSON form"):
        Journal.create(tmp_path / "exam.jrn", {"exam_id": object()})
    assert not (tmp_path / "exam.jrn").exists()


def test_intent_and_sweep_are_durable_on_return_and_the_rest_after_sync(tmp_path, header, sweep_of):
    synced = []
    journal = Journal.create(tmp_path / "exam.jrn", header, sync=synced.append)
    assert (journal.appended, journal.durable, len(synced)) == (1, 1, 1)
    intend(journal)
    assert (journal.appended, journal.durable, len(synced)) == (2, 2, 2)
    journal.event(Event("note", "x"))
    journal.outcome(stim_seq=1, boot_id=7, status="refused", report=None, text="late")
    assert (journal.appended, journal.durable) == (4, 2)
    journal.sweep(sweep_of(1))
    assert (journal.appended, journal.durable) == (5, 5)
    journal.judgement(n=1, role=Role.ACCEPT, reason="")
    journal.sync()
    journal.sync()
    assert (journal.durable, len(synced)) == (6, 4)
    journal.close(clean=True)


def test_the_folder_is_made_durable_after_the_file_is_made(tmp_path, header, monkeypatch):
    seen = []
    monkeypatch.setattr(journal_module, "sync_folder", lambda folder: seen.append((folder, os.listdir(folder))))
    Journal.create(tmp_path / "exam.jrn", header).close(clean=False)
    assert seen == [(tmp_path, ["exam.jrn"])]


def test_a_failed_sync_poisons_for_good_and_says_what_to_do(tmp_path, header):
    failing = []

    def sync(descriptor):
        if failing:
            failing.pop()
            raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "exam.jrn"
    journal = Journal.create(path, header, sync=sync)
    intend(journal)
    failing.append(True)
    with pytest.raises(RecordingError, match="Input/output error") as first:
        intend(journal, 2)
    assert isinstance(first.value.__cause__, OSError)
    assert "2 of 3 entries are safe" in str(first.value)
    assert "Stop stimulating" in str(first.value)
    assert "npr-daq recover" in str(first.value)
    size = path.stat().st_size
    for call in (
        journal.sync,
        lambda: intend(journal, 3),
        lambda: journal.event(Event("a", "b")),
        lambda: journal.samples(1, 0, np.zeros((16, 2), np.int32)),
        lambda: journal.close(clean=True),
    ):
        with pytest.raises(RecordingError, match="Input/output error"):
            call()
    assert path.stat().st_size == size, "nothing may be added behind what is not sure"
    assert journal.durable == 2
    journal.close(clean=False)
    assert not read_journal(path).clean


def test_closing_a_poisoned_journal_as_not_clean_raises_nothing_more(tmp_path, header):
    def sync(descriptor):
        if journal_made:
            raise OSError(errno.EIO, "Input/output error")

    journal_made = []
    journal = Journal.create(tmp_path / "exam.jrn", header, sync=sync)
    journal_made.append(True)
    with pytest.raises(RecordingError):
        intend(journal)
    journal.close(clean=False)
    journal.close(clean=True)


def test_a_full_disk_leaves_a_torn_tail_and_nothing_behind_it(tmp_path, header, monkeypatch, sweep_of):
    path = tmp_path / "exam.jrn"
    journal = Journal.create(path, header)
    intend(journal)
    intact = path.stat().st_size
    real, left = os.writev, [100]

    def short(descriptor, views):
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, [memoryview(b"".join(views))[: left.pop()]])

    monkeypatch.setattr(os, "writev", short)
    with pytest.raises(RecordingError, match="No space left"):
        journal.sweep(sweep_of(1))
    monkeypatch.undo()
    with pytest.raises(RecordingError, match="No space left"):
        journal.sweep(sweep_of(1))
    journal.close(clean=False)
    contents = read_journal(path)
    assert (contents.valid_bytes, contents.tail_bytes) == (intact, 100)
    assert contents.frames[-1].type is FrameType.INTENT


@pytest.mark.parametrize("most", [1, 7, 33])
def test_short_writes_go_on_where_they_stopped(tmp_path, header, monkeypatch, sweep_of, most):
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda d, views: real(d, [memoryview(b"".join(views))[:most]]))
    journal = Journal.create(tmp_path / "exam.jrn", header)
    journal.sweep(sweep_of(1, times=3))
    journal.close(clean=True)
    monkeypatch.undo()
    assert read_journal(tmp_path / "exam.jrn").clean


def test_an_interrupt_in_the_middle_of_a_write_poisons(tmp_path, header, monkeypatch):
    journal = Journal.create(tmp_path / "exam.jrn", header)
    real = os.writev

    def interrupted(descriptor, views):
        real(descriptor, views)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "writev", interrupted)
    with pytest.raises(KeyboardInterrupt):
        journal.event(Event("a", "b"))
    monkeypatch.undo()
    with pytest.raises(RecordingError, match="interrupted"):
        journal.event(Event("a", "b"))
    journal.close(clean=False)
    assert len(read_journal(tmp_path / "exam.jrn").frames) == 2


_CHILD = """
import sys
from npr_daq.storage.journal import Journal
from npr_daq.storage.journal_reader import read_journal
from npr_daq.storage.recovery import recording_from
source, target = sys.argv[1:]
contents = read_journal(source)
(sweep,) = recording_from(contents).sweeps
journal = Journal.create(target, contents.header)
from dataclasses import replace
for n in range(1, 100_000):
    stimulus = {"stim_seq": n, "boot_id": 7, "step": "s", "stimulus": sweep.stimulus, "role": sweep.role, "why": {}}
    journal.intent(**stimulus)
    journal.sweep(replace(sweep, n=n, stim_seq=n))
    print(n, flush=True)
"""


@pytest.mark.parametrize("after", [1, 7, 40])
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_at_any_moment_it_has_everything_that_was_acknowledged(tmp_path, header, sweep_of, after):
    source, target = tmp_path / "one.jrn", tmp_path / "killed.jrn"
    journal = Journal.create(source, header)
    journal.sweep(sweep_of(1, times=2400))
    journal.close(clean=True)
    command = [sys.executable, "-c", _CHILD, str(source), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(after):
            child.stdout.readline()
        child.kill()
        acknowledged = after + len(child.stdout.read().splitlines())
    found = recording_from(read_journal(target))
    stored = [sweep.n for sweep in found.sweeps]
    assert stored == list(range(1, len(stored) + 1))
    assert acknowledged <= len(stored) <= acknowledged + 1
    assert found.recovered
    untold = [event.detail["stim_seq"] for event in found.events]
    assert untold in ([], [len(stored) + 1])


def test_a_header_that_cannot_be_made_durable_gives_no_journal(tmp_path, header):
    def broken(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(RecordingError, match="Input/output error"):
        Journal.create(tmp_path / "exam.jrn", header, sync=broken)


def test_a_closed_journal_refuses_and_closing_twice_is_harmless(tmp_path, header):
    journal = Journal.create(tmp_path / "exam.jrn", header)
    journal.close(clean=True)
    journal.close(clean=True)
    with pytest.raises(RecordingError, match="is closed"):
        journal.event(Event("a", "b"))


def test_what_cannot_be_stored_is_refused_and_does_not_poison(tmp_path, header, sweep_of):
    journal = Journal.create(tmp_path / "exam.jrn", header)
    with pytest.raises(RecordingError, match="has no JSON form"):
        journal.event(Event("a", "b", detail={"x": object()}))
    with pytest.raises(RecordingError, match="above the journal's limit"):
        journal.samples(1, 0, np.zeros((1, MAX_PAYLOAD // 4), np.int32))
    with pytest.raises(RecordingError, match="float64"):
        journal.samples(1, 0, np.zeros((1, 4)))
    with pytest.raises(RecordingError, match="sample index -1"):
        journal.samples(1, -1, np.zeros((1, 4), np.int32))
    journal.sweep(sweep_of(1))
    journal.close(clean=True)
    contents = read_journal(tmp_path / "exam.jrn")
    assert [frame.type.name for frame in contents.frames] == ["HEADER", "SWEEP", "CLEAN_END"]


def test_numbers_without_a_json_form_become_null_and_numpy_becomes_plain(tmp_path, header):
    journal = Journal.create(tmp_path / "exam.jrn", header)
    journal.search(
        "s", {"growth": float("nan"), "n": np.int64(3), "currents": np.array([1.5, np.inf]), "side": Side.LEFT}
    )
    journal.close(clean=True)
    found = recording_from(read_journal(tmp_path / "exam.jrn")).searches["s"]
    assert found == {"growth": None, "n": 3, "currents": [1.5, None], "side": "left"}


def test_appends_from_many_threads_give_whole_frames(tmp_path, header):
    journal = Journal.create(tmp_path / "exam.jrn", header, sync=lambda _: None)

    def work(number):
        for index in range(50):
            journal.event(Event("thread", str(number), sample=index))
            if index % 10 == 0:
                journal.sync()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close(clean=True)
    events = recording_from(read_journal(tmp_path / "exam.jrn")).events
    for number in range(4):
        assert [e.sample for e in events if e.text == str(number)] == list(range(50))


def test_appends_go_on_while_another_thread_waits_for_the_disk(tmp_path, header):
    entered, release, slow = threading.Event(), threading.Event(), []

    def sync(descriptor):
        if slow:
            entered.set()
            release.wait(10)

    journal = Journal.create(tmp_path / "exam.jrn", header, sync=sync)
    slow.append(True)
    journal.event(Event("before", ""))
    waiting = threading.Thread(target=journal.sync)
    waiting.start()
    assert entered.wait(10)
    journal.event(Event("during", ""))
    assert (journal.appended, journal.durable) == (3, 1)
    release.set()
    waiting.join()
    assert journal.durable == 2, "what came during the sync is not known to be durable"
    journal.close(clean=False)
    assert journal.durable == 3


def test_a_long_capture_is_stored_in_parts_and_read_as_one(tmp_path, header, difference):
    counts = np.arange(16 * 300_000, dtype=np.int32).reshape(16, -1)
    capture = Capture("rest", "s", 1, 2_000.0, 5, counts)
    journal = Journal.create(tmp_path / "exam.jrn", header)
    journal.capture(capture)
    journal.close(clean=True)
    contents = read_journal(tmp_path / "exam.jrn")
    assert sum(frame.type is FrameType.CAPTURE for frame in contents.frames) == 3
    assert difference(recording_from(contents).captures, (capture,)) is None


def test_a_capture_that_breaks_off_keeps_its_parts_and_says_so(tmp_path, header):
    counts = np.arange(16 * 300_000, dtype=np.int32).reshape(16, -1)
    journal = Journal.create(tmp_path / "exam.jrn", header)
    journal.capture(Capture("rest", "s", 1, 2_000.0, 5, counts))
    journal.close(clean=False)
    path = tmp_path / "exam.jrn"
    path.write_bytes(path.read_bytes()[:-10])
    found = recording_from(read_journal(path))
    assert found.captures[0].counts.shape == (16, 262_144)
    assert [(e.kind, e.detail["samples"], e.detail["of"]) for e in found.events] == [
        ("capture incomplete", 262_144, 300_000)
    ]


def announced():
    return Capture("run", "s", 3, 100.0, 50, np.zeros((2, 0), np.int32))


@pytest.fixture
def two_channels(header):
    return {**header, "montage": {**header["montage"], "channels": header["montage"]["channels"][:2]}}


def test_samples_extend_the_announced_capture_and_holes_stay_holes(tmp_path, two_channels):
    journal = Journal.create(tmp_path / "exam.jrn", two_channels)
    journal.capture(announced())
    journal.samples(3, 50, np.array([[1, 2], [3, 4]], np.int32))
    journal.samples(3, 55, np.array([[5], [6]], np.int32))
    journal.samples(9, 0, np.zeros((2, 7), np.int32))
    journal.close(clean=True)
    found = recording_from(read_journal(tmp_path / "exam.jrn"))
    expected = [[1, 2, MISSING, MISSING, MISSING, 5], [3, 4, MISSING, MISSING, MISSING, 6]]
    assert found.captures[0].counts.tolist() == expected
    assert [(g.stream_id, g.first_sample, g.missing) for g in found.gaps] == [(3, 52, 3)]
    assert [e.kind for e in found.events] == ["samples without capture"]


def test_a_hole_that_the_engine_told_of_is_not_told_twice(tmp_path, two_channels, recording):
    gap = replace(recording.gaps[0], stream_id=3, first_sample=50, missing=20)
    journal = Journal.create(tmp_path / "exam.jrn", two_channels)
    journal.capture(announced())
    journal.gap(gap)
    journal.samples(3, 60, np.array([[5], [6]], np.int32))
    journal.close(clean=True)
    assert recording_from(read_journal(tmp_path / "exam.jrn")).gaps == (gap,)


def test_a_jump_of_hours_begins_a_new_capture_instead_of_filling_memory(tmp_path, two_channels):
    journal = Journal.create(tmp_path / "exam.jrn", two_channels)
    journal.capture(announced())
    journal.samples(3, 50, np.zeros((2, 4), np.int32))
    journal.samples(3, 2**60, np.zeros((2, 4), np.int32))
    journal.samples(3, 2**61, np.zeros((2, 4), np.int32))
    journal.close(clean=True)
    found = recording_from(read_journal(tmp_path / "exam.jrn"))
    assert [(c.name, c.first_sample, c.counts.shape) for c in found.captures] == [
        ("run", 50, (2, 4)),
        ("run_2", 2**60, (2, 4)),
        ("run_3", 2**61, (2, 4)),
    ]


def test_samples_are_not_copied_and_cost_little_beside_their_own_bytes(tmp_path, header):
    path = tmp_path / "exam.jrn"
    journal = Journal.create(path, header)
    before = path.stat().st_size
    journal.samples(1, 0, np.zeros((16, 2000), np.int32))
    assert path.stat().st_size - before - 16 * 2000 * 4 < OVERHEAD + 64
    journal.close(clean=False)


def test_folders_are_left_alone_where_they_cannot_be_opened(monkeypatch, tmp_path):
    monkeypatch.setattr(durable.os, "name", "nt")
    durable.sync_folder(tmp_path / "does not exist")

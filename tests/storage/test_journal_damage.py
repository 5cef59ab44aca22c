import struct
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npr_daq.anatomy import Branch, Side
from npr_daq.errors import RecordingError
from npr_daq.recording import Event, Gap, Role
from npr_daq.stimulus import Stimulus
from npr_daq.storage.frames import MAGIC, MAX_PAYLOAD, FrameType, decode_frame, encode_frame
from npr_daq.storage.journal import Journal
from npr_daq.storage.journal_reader import contents_of, read_journal
from npr_daq.storage.recovery import recording_from

NOWHERE = Path("x.jrn")
SHOCK = Stimulus(Side.LEFT, Branch.BUCCAL, 10.0)


@pytest.fixture(scope="module")
def small(tmp_path_factory, sweep_of):
    """A small journal: its bytes and the offset behind each frame. The header is bare, to keep it small."""
    path = tmp_path_factory.mktemp("small") / "exam.jrn"
    ends = []
    journal = Journal.create(
        path, {"exam_id": "e"}, clock_ns=lambda: 1, sync=lambda _: ends.append(path.stat().st_size)
    )
    journal.intent(stim_seq=1, boot_id=7, step="s", stimulus=SHOCK, role=Role.SEARCH, why={})
    journal.sweep(sweep_of(1, channels=2, times=2))
    journal.gap(Gap(1, 2, 3, "x"))
    journal.close(clean=True)
    data = path.read_bytes()
    frames = read_journal(path).frames
    assert [f.type.name for f in frames] == ["HEADER", "INTENT", "SWEEP", "GAP", "CLEAN_END"]
    ends, offset = [], 0
    for frame in frames:
        offset = decode_frame(
            memoryview(data), offset, sequence=frame.sequence, seed=frames[0].checksum if offset else 0
        )[1]
        ends.append(offset)
    assert ends[-1] == len(data)
    return path, data, ends


def intact_before(ends, position):
    """How many frames end at or before `position`."""
    return sum(end <= position for end in ends)


def test_cut_at_every_byte_the_whole_frames_remain_and_the_tail_is_counted(small, tmp_path):
    _, data, ends = small
    path = tmp_path / "cut.jrn"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        contents = read_journal(path)
        whole = intact_before(ends, length)
        assert len(contents.frames) == whole
        assert contents.valid_bytes == (ends[whole - 1] if whole else 0)
        assert contents.valid_bytes + contents.tail_bytes == length
        assert not contents.clean


def test_any_single_flipped_bit_stops_reading_before_its_frame(small):
    _, data, ends = small
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        contents = contents_of(bytes(flipped), NOWHERE)
        whole = intact_before(ends, bit // 8)
        assert len(contents.frames) == whole, bit
        assert contents.valid_bytes + contents.tail_bytes == len(data)
        assert not contents.clean


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_follows_the_valid_part_is_a_tail(small, data):
    _, good, ends = small
    keep = data.draw(st.sampled_from(ends[:-1]))
    junk = data.draw(st.binary(max_size=200) | st.just(good) | st.just(good[ends[0] : ends[1]]))
    contents = contents_of(good[:keep] + junk, NOWHERE)
    # by chance the junk may be the true continuation, whole or in part
    found = good[:keep] + junk
    continued = sum(good[:end] == found[:end] for end in ends)
    assert len(contents.frames) == continued
    assert contents.valid_bytes + contents.tail_bytes == keep + len(junk)


def test_any_single_flipped_bit_costs_one_entry_and_all_others_are_found(small):
    _, data, ends = small
    starts = [0, *ends[:-1]]
    for bit in range(ends[0] * 8, len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        contents = contents_of(bytes(flipped), NOWHERE)
        hit = intact_before(ends, bit // 8)
        found = [frame.sequence for frame in (*contents.frames, *contents.later)]
        assert found == [n for n in range(len(ends)) if n != hit], bit
        assert contents.lost_bytes == ends[hit] - starts[hit]
        assert contents.lost_entries == (1 if contents.later else 0)
        # a length that grew is the one thing that looks like an end that was cut off
        assert contents.damaged or (hit == len(ends) - 1 and contents.unfinished), bit


def test_a_damaged_header_shows_what_looks_intact_behind_it_and_is_not_called_empty(small):
    _, data, ends = small
    for bit in range(ends[0] * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        contents = contents_of(bytes(flipped), NOWHERE)
        assert [frame.type.name for frame in contents.later] == ["INTENT", "SWEEP", "GAP", "CLEAN_END"], bit
        assert not contents.nothing_recorded
        with pytest.raises(RecordingError, match=r"header .* is damaged; behind it 4 entries \(1 sweeps\) look intact"):
            recording_from(contents)


def test_a_zeroed_beginning_is_a_damaged_header_and_not_another_kind_of_file(small):
    _, data, ends = small
    contents = contents_of(bytes(ends[0]) + data[ends[0] :], NOWHERE)
    assert (contents.header, len(contents.later)) == ({}, 4)


def test_cut_inside_the_header_nothing_was_recorded(small):
    _, data, ends = small
    for length in range(ends[0]):
        contents = contents_of(data[:length], NOWHERE)
        assert contents.nothing_recorded
        assert not contents.damaged


def test_cut_anywhere_it_is_unfinished_and_not_damaged(small):
    _, data, ends = small
    for length in range(ends[0], len(data)):
        contents = contents_of(data[:length], NOWHERE)
        assert contents.unfinished == (length not in ends)
        assert not contents.damaged


def test_stale_frames_of_the_same_journal_behind_damage_do_not_pass(small):
    _, data, ends = small
    stale = data[ends[0] : ends[1]]
    contents = contents_of(data[: ends[2]] + b"damage" + stale + data[ends[2] :], NOWHERE)
    assert [frame.sequence for frame in contents.later] == [3, 4]
    assert (contents.lost_bytes, contents.lost_entries) == (6 + len(stale), 0)


def test_what_lies_behind_damage_is_part_of_the_recording(tmp_path, header, sweep_of, difference):
    path = tmp_path / "x.jrn"
    journal = Journal.create(path, header, clock_ns=lambda: 1)
    for n in (1, 2, 3):
        journal.sweep(sweep_of(n))
        journal.event(Event("note", str(n)))
    journal.close(clean=True)
    data = bytearray(path.read_bytes())
    data[data.index(sweep_of(2).counts.tobytes())] ^= 1
    found = recording_from(contents_of(bytes(data), path))
    assert difference(found.sweeps, (sweep_of(1), sweep_of(3))) is None
    assert [e.kind for e in found.events] == ["note", "journal damaged", "note", "note"]
    assert found.events[1].detail["later_entries"] == 4
    assert (found.recovered, found.dropped_tail_bytes) == (True, found.events[1].detail["lost_bytes"])


def test_bytes_behind_the_clean_end_make_it_unclean(small, tmp_path):
    _, data, _ = small
    (tmp_path / "more.jrn").write_bytes(data + b"\0")
    contents = read_journal(tmp_path / "more.jrn")
    assert (contents.clean, contents.tail_bytes, len(contents.frames)) == (False, 1, 5)


def test_a_zeroed_page_and_swapped_frames_end_the_valid_part(small, tmp_path):
    _, data, ends = small
    path = tmp_path / "page.jrn"
    path.write_bytes(data[: ends[1]] + bytes(ends[2] - ends[1]) + data[ends[2] :])
    assert len(read_journal(path).frames) == 2
    path.write_bytes(data[: ends[0]] + data[ends[1] : ends[2]] + data[ends[0] : ends[1]] + data[ends[2] :])
    assert len(read_journal(path).frames) == 1


def test_frames_of_another_session_never_pass(small, tmp_path):
    _, data, ends = small
    other = tmp_path / "other.jrn"
    journal = Journal.create(other, {"exam_id": "another"}, clock_ns=lambda: 1)
    journal.intent(stim_seq=1, boot_id=7, step="s", stimulus=SHOCK, role=Role.SEARCH, why={})
    journal.close(clean=False)
    foreign = other.read_bytes()
    behind_header = read_journal(other).frames[0]
    start = decode_frame(memoryview(foreign), 0, sequence=0, seed=0)[1]
    assert behind_header.sequence == 0
    (tmp_path / "mixed.jrn").write_bytes(data[: ends[0]] + foreign[start:])
    contents = read_journal(tmp_path / "mixed.jrn")
    assert (len(contents.frames), contents.tail_bytes) == (1, len(foreign) - start)


@pytest.mark.parametrize("content", [b"hello, world", b"\x89HDF\r\n\x1a\n", b"npr", bytes(100)])
def test_a_foreign_file_is_refused(tmp_path, content):
    (tmp_path / "x.jrn").write_bytes(content)
    with pytest.raises(RecordingError, match="is not a journal"):
        read_journal(tmp_path / "x.jrn")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.jrn"):
        with pytest.raises(RecordingError, match="cannot be read"):
            read_journal(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [(b'{"format":"npr-daq journal","version":2}', "newer npr-daq"), (b'{"format":"other"}', "another program")],
)
def test_a_newer_or_other_format_is_refused(tmp_path, text, message):
    (tmp_path / "x.jrn").write_bytes(b"".join(encode_frame(FrameType.HEADER, text, sequence=0, host_ns=0)))
    with pytest.raises(RecordingError, match=message):
        read_journal(tmp_path / "x.jrn")


def test_a_header_whose_own_checksum_is_wrong_or_missing_is_torn(tmp_path):
    for field in (b'"header_sha256":"00"', b'"more":1'):
        text = b'{"format":"npr-daq journal","version":1,"header":{"exam_id":"e"},' + field + b"}"
        (tmp_path / "x.jrn").write_bytes(b"".join(encode_frame(FrameType.HEADER, text, sequence=0, host_ns=0)))
        contents = read_journal(tmp_path / "x.jrn")
        assert (contents.header, contents.frames, contents.valid_bytes) == ({}, (), 0)


def test_a_length_that_lies_is_refused_before_anything_is_allocated():
    front, samples, check = encode_frame(FrameType.EVENT, b"{}", sequence=0, host_ns=0)
    for length in (0, 3, MAX_PAYLOAD + 1, 2**32 - 1):
        head = bytearray(front[:34])
        head[30:34] = struct.pack("<I", length)
        body = bytes(head) + front[34:] + samples
        lying = body + struct.pack("<I", crc32(body))
        assert decode_frame(memoryview(lying), 0, sequence=0, seed=0) is None
    assert decode_frame(memoryview(front + samples + check), 0, sequence=0, seed=0) is not None


@pytest.mark.parametrize("text", [b"", b"[1]", b"nonsense", b"[" * 100_000, b"\xff"])
def test_an_intact_frame_without_a_json_object_ends_the_valid_part(text):
    data = b"".join(encode_frame(FrameType.EVENT, text, sequence=0, host_ns=0))
    assert decode_frame(memoryview(data), 0, sequence=0, seed=0) is None


def test_golden_bytes_of_a_frame():
    data = b"".join(encode_frame(FrameType.SAMPLES, b"{}", sequence=1, host_ns=2, sample=3, samples=b"\x01\0\0\0"))
    body = bytes.fromhex(
        "4e50524a 04 00 0100000000000000 0200000000000000 0300000000000000 0a000000 02000000 7b7d 01000000"
    )
    assert data == body + struct.pack("<I", crc32(body))
    assert data.startswith(MAGIC)


def journal_of(path, header, build):
    journal = Journal.create(path, header, sync=lambda _: None)
    build(journal)
    journal.close(clean=False)
    return recording_from(read_journal(path))


def test_an_intent_without_outcome_becomes_an_event_and_is_never_repeated(tmp_path, header):
    found = journal_of(
        tmp_path / "x.jrn",
        header,
        lambda j: j.intent(stim_seq=5, boot_id=7, step="s", stimulus=SHOCK, role=Role.SEARCH, why={"rule": "grow"}),
    )
    (event,) = found.events
    assert event.kind == "intent without outcome"
    assert event.detail["stim_seq"] == 5
    assert event.detail["intent"]["why"] == {"rule": "grow"}
    assert "left buccal, 10 mA" in event.text
    assert (found.recovered, found.dropped_tail_bytes, found.sweeps) == (True, 0, ())


@pytest.mark.parametrize(
    ("status", "kind"),
    [("refused", "stimulus refused"), ("unknown", "outcome unknown"), ("delivered", "shock without sweep")],
)
def test_every_shock_without_a_sweep_is_told(tmp_path, header, sweep_of, status, kind):
    report = sweep_of(5).report if status == "delivered" else None

    def build(journal):
        journal.intent(stim_seq=5, boot_id=7, step="s", stimulus=SHOCK, role=Role.SEARCH, why={})
        journal.outcome(stim_seq=5, boot_id=7, status=status, report=report, text="said so")

    (event,) = journal_of(tmp_path / "x.jrn", header, build).events
    assert event.kind == kind
    assert event.text.endswith(": said so")
    assert (event.detail["report"] is not None) == (status == "delivered")


def test_the_same_number_in_another_boot_is_another_shock(tmp_path, header, sweep_of):
    def build(journal):
        journal.intent(stim_seq=1, boot_id=8, step="s", stimulus=SHOCK, role=Role.SEARCH, why={})
        journal.sweep(sweep_of(1))

    found = journal_of(tmp_path / "x.jrn", header, build)
    assert [e.detail["boot_id"] for e in found.events] == [8]


def test_judgements_are_applied_and_kept(tmp_path, header, sweep_of):
    def build(journal):
        for n in (1, 3):
            journal.sweep(sweep_of(n))
        journal.judgement(n=1, role=Role.REJECTED, reason="electrode touched")
        journal.judgement(n=3, role=Role.CONFIRM, reason="moved")
        journal.judgement(n=9, role=Role.REJECTED, reason="?")

    found = journal_of(tmp_path / "x.jrn", header, build)
    first, second = found.sweeps
    assert (first.role, first.reject_reasons, first.valid) == (Role.REJECTED, ("electrode touched",), False)
    assert (second.role, second.reject_reasons, second.valid) == (Role.CONFIRM, (), True)
    told = [e.detail for e in found.events if e.kind == "judgement"]
    assert [(d["n"], d["before"]) for d in told] == [(1, "accept"), (3, "accept"), (9, None)]


def test_an_intact_entry_that_makes_no_sense_does_not_take_the_others_with_it(tmp_path, header, sweep_of):
    def build(journal):
        journal.sweep(sweep_of(1))
        journal._store(FrameType.SWEEP, {"n": 2})
        journal._append(FrameType.SAMPLES, b'{"stream_id":1,"shape":[3,3]}', samples=b"1234")
        journal.sweep(sweep_of(3))
        journal.event(Event("a", "b"))

    found = journal_of(tmp_path / "x.jrn", header, build)
    assert [s.n for s in found.sweeps] == [1, 3]
    assert [e.kind for e in found.events] == ["unreadable entry", "unreadable entry", "a"]


def test_a_journal_torn_inside_its_header_has_no_recording(small, tmp_path):
    _, data, _ = small
    (tmp_path / "x.jrn").write_bytes(data[:50])
    with pytest.raises(RecordingError, match="nothing was recorded"):
        recording_from(read_journal(tmp_path / "x.jrn"))


def test_a_header_without_montage_is_explained(small):
    path, _, _ = small
    with pytest.raises(RecordingError, match="no montage or calibration"):
        recording_from(read_journal(path))

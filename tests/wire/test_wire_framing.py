"""Section 2 of the specification: frames survive any chunking, damage costs the damaged frame and nothing else."""

from dataclasses import replace
from itertools import pairwise
from zlib import crc32

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.errors import WireError
from npr_daq.wire.framing import MAX_ENCODED, MAX_PAYLOAD, Frame, FrameReader, encode_frame

frames = st.builds(
    Frame,
    type=st.integers(0, 255),
    flags=st.integers(0, 255),
    chan=st.integers(0, 255),
    seq=st.integers(0, 65535),
    payload=st.binary(max_size=300),
    version=st.integers(0, 255),
)


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(frames, max_size=6), st.lists(st.integers(0, 5000), max_size=20))
def test_any_chunking_gives_the_frames_that_were_sent(sent, cuts):
    stream = b"".join(map(encode_frame, sent))
    reader = FrameReader()
    got = [frame for chunk in chunks(stream, cuts) for frame in reader.feed(chunk)]
    assert got == sent
    assert (reader.bad_frames, reader.dropped_bytes) == (0, 0)


@given(st.lists(frames, min_size=1, max_size=3))
def test_one_byte_at_a_time(sent):
    reader = FrameReader()
    got = [frame for byte in b"".join(map(encode_frame, sent)) for frame in reader.feed(bytes([byte]))]
    assert got == sent


@given(frames)
def test_only_the_last_byte_of_a_frame_is_zero(frame):
    wire = encode_frame(frame)
    assert wire.index(0) == len(wire) - 1


@given(st.lists(frames, min_size=3, max_size=5), st.data())
def test_one_flipped_bit_is_counted_and_costs_only_the_frames_it_touches(sent, data):
    wires = [encode_frame(frame) for frame in sent]
    hit = data.draw(st.integers(0, len(wires) - 2))
    at = data.draw(st.integers(0, len(wires[hit]) - 1))
    damaged = bytearray(wires[hit])
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    reader = FrameReader()
    got = reader.feed(b"".join([*wires[:hit], bytes(damaged), *wires[hit + 1 :]]))
    # A flip in the closing 0x00 glues the next frame on; any other flip leaves the neighbours alone.
    lost = {hit, hit + 1} if at == len(damaged) - 1 else {hit}
    assert got == [frame for i, frame in enumerate(sent) if i not in lost]
    assert reader.bad_frames >= 1
    assert reader.dropped_bytes > 0


@given(st.lists(frames, min_size=2, max_size=4), st.data())
def test_a_truncated_frame_is_lost_with_the_one_it_runs_into(sent, data):
    wires = [encode_frame(frame) for frame in sent]
    keep = data.draw(st.integers(1, len(wires[0]) - 2))
    reader = FrameReader()
    got = reader.feed(wires[0][:keep] + b"".join(wires[1:]))
    assert got == sent[2:]
    assert reader.bad_frames == 1
    assert reader.dropped_bytes == keep + len(wires[1]) - 1


@given(st.lists(frames, min_size=2, max_size=4), st.data())
def test_a_truncated_frame_with_its_delimiter_costs_itself_alone(sent, data):
    wires = [encode_frame(frame) for frame in sent]
    keep = data.draw(st.integers(1, len(wires[0]) - 2))
    reader = FrameReader()
    assert reader.feed(wires[0][:keep] + b"\0" + b"".join(wires[1:])) == sent[1:]
    assert (reader.bad_frames, reader.dropped_bytes) == (1, keep)


@given(st.binary(max_size=2000), frames)
def test_after_any_garbage_and_a_zero_the_next_frame_is_read(garbage, frame):
    reader = FrameReader()
    assert reader.feed(garbage + b"\0" + encode_frame(frame))[-1:] == [frame]


@given(st.lists(st.binary(max_size=400), max_size=30))
def test_garbage_never_raises_and_is_accounted_for(pieces):
    reader = FrameReader()
    accepted = [frame for piece in pieces for frame in reader.feed(piece)]
    accepted += reader.feed(b"\0")
    assert sum(len(encode_frame(frame)) - 1 for frame in accepted) + reader.dropped_bytes == sum(
        len(piece) - piece.count(0) for piece in pieces
    )


def test_idle_zeros_are_neither_frames_nor_bad_frames():
    reader = FrameReader()
    frame = Frame(1, 0, 0, 1, b"abc")
    assert reader.feed(b"\0\0" + encode_frame(frame) + b"\0\0\0") == [frame]
    assert reader.bad_frames == 0


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_wrong_length_with_a_right_crc_is_rejected(wrong):
    body = b"\x10\x01\x00\x00\x01\x00" + (6 + wrong).to_bytes(2, "little") + b"abcdef"
    reader = FrameReader()
    assert reader.feed(cobs.encode(body + crc32(body).to_bytes(4, "little")) + b"\0") == []
    assert reader.bad_frames == 1


def test_a_line_without_zeros_does_not_fill_the_memory_and_recovers():
    reader = FrameReader()
    for _ in range(100):
        assert reader.feed(b"\x55" * 1000) == []
    assert len(reader._pending) <= MAX_ENCODED
    frame = Frame(1, 0, 0, 1, b"abc")
    assert reader.feed(b"\x55\0" + encode_frame(frame)) == [frame]
    assert (reader.bad_frames, reader.dropped_bytes) == (1, 100_001)


def test_the_largest_frame_passes_in_every_split_and_a_larger_one_is_refused():
    frame = Frame(0x11, 0, 1, 9, b"\x01" * MAX_PAYLOAD)
    wire = encode_frame(frame)
    assert len(wire) == MAX_ENCODED + 1
    for cut in (1, 4000, MAX_ENCODED):
        reader = FrameReader()
        assert [*reader.feed(wire[:cut]), *reader.feed(wire[cut:])] == [frame]
    with pytest.raises(WireError, match="4084 bytes"):
        encode_frame(replace(frame, payload=b"\x01" * (MAX_PAYLOAD + 1)))


def test_an_oversized_frame_in_one_chunk_is_rejected():
    body = b"\x10\x01\x00\x00\x01\x00" + (5000).to_bytes(2, "little") + b"\x01" * 5000
    reader = FrameReader()
    assert reader.feed(cobs.encode(body + crc32(body).to_bytes(4, "little")) + b"\0") == []
    assert reader.bad_frames == 1

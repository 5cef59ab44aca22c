"""Section 5.6 of the specification: sample blocks, to the last bit of every format."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npr_daq.errors import WireError
from npr_daq.wire.data import Data, DataMarker, largest_block, pack_data, unpack_data
from npr_daq.wire.framing import MAX_PAYLOAD, Frame, encode_frame
from npr_daq.wire.layout import BadMessage
from npr_daq.wire.tables import MarkerCode, SampleFormat

BITS = {SampleFormat.I16: 16, SampleFormat.I24: 24, SampleFormat.I32: 32}

markers = st.builds(
    DataMarker,
    sample_offset=st.integers(0, 65535),
    subsample_q16=st.integers(0, 65535),
    kind=st.integers(0, 255).map(lambda k: MarkerCode(k) if k in set(MarkerCode) else k),
    pulse=st.integers(0, 255),
    marker_id=st.integers(0, 65535),
    stim_seq=st.integers(0, 2**32 - 1),
    value=st.integers(-(2**31), 2**31 - 1),
)


@st.composite
def blocks(draw):
    fmt = draw(st.sampled_from(SampleFormat))
    shape = (draw(st.integers(0, 60)), draw(st.integers(1, 12)))
    top = 2 ** (BITS[fmt] - 1)
    counts = draw(hnp.arrays(np.int32, shape, elements=st.integers(-top, top - 1)))
    return fmt, counts


@given(
    blocks(),
    st.integers(0, 2**64 - 1),
    st.lists(markers, max_size=5),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)
def test_round_trip(block, first_sample, marks, over, leadoff):
    fmt, counts = block
    payload = pack_data(first_sample=first_sample, counts=counts, fmt=fmt, markers=marks, over=over, leadoff=leadoff)
    assert len(payload) == 20 + 16 * len(marks) + counts.size * fmt.width
    back = unpack_data(payload)
    assert back.counts.dtype == np.int32
    assert back.counts.flags.c_contiguous
    np.testing.assert_array_equal(back.counts, counts.T)
    assert (back.first_sample, back.over, back.leadoff) == (first_sample, over, leadoff)
    assert back.markers == tuple(marks)
    assert back.pack() == payload


EDGES = [-(2**23), -(2**23) + 1, -65537, -65536, -257, -256, -255, -1, 0, 1, 127, 128, 255, 256, 65535, 65536]
EDGES += [2**23 - 2, 2**23 - 1]


@pytest.mark.parametrize("value", EDGES)
def test_24_bit_edges_as_little_endian_two_s_complement(value):
    payload = pack_data(first_sample=0, counts=np.full((2, 3), value))
    assert payload[20:] == value.to_bytes(3, "little", signed=True) * 6
    np.testing.assert_array_equal(unpack_data(payload).counts, np.full((3, 2), value))


def test_neighbours_do_not_bleed_into_each_other():
    counts = np.array(EDGES).reshape(-1, 2)
    back = unpack_data(pack_data(first_sample=0, counts=counts)).counts
    np.testing.assert_array_equal(back, counts.T)


def test_sample_major_on_the_wire_channel_major_in_the_hand():
    payload = pack_data(first_sample=0, counts=np.array([[1, 2], [3, 4]]), fmt=SampleFormat.I16)
    assert payload[20:] == b"\x01\x00\x02\x00\x03\x00\x04\x00"
    assert unpack_data(payload).counts.tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize("fmt", [SampleFormat.I16, SampleFormat.I24])
@pytest.mark.parametrize("step", [-1, 1])
def test_a_count_beyond_its_format_is_refused_not_wrapped(fmt, step):
    top = 2 ** (BITS[fmt] - 1)
    value = top if step > 0 else -top - 1
    with pytest.raises(WireError, match="does not fit"):
        pack_data(first_sample=0, counts=np.array([[0, value]]), fmt=fmt)


def test_any_memory_layout_of_the_counts_packs_alike():
    counts = np.arange(-60, 60, dtype=np.int32).reshape(10, 12)
    plain = pack_data(first_sample=5, counts=counts)
    assert pack_data(first_sample=5, counts=np.asfortranarray(counts)) == plain
    assert pack_data(first_sample=5, counts=np.repeat(counts, 2, axis=1)[:, ::2]) == plain
    assert pack_data(first_sample=5, counts=counts.astype(np.int64)) == plain


def test_the_result_is_writable_and_owns_its_memory():
    back = unpack_data(pack_data(first_sample=0, counts=np.zeros((4, 2), np.int32)))
    back.counts[0, 0] = 7
    assert back.counts[0, 0] == 7


@given(st.binary(max_size=200))
def test_any_payload_is_a_block_or_a_bad_message(payload):
    try:
        block = Data.unpack(payload)
    except BadMessage:
        return
    assert block.pack() == payload


@pytest.mark.parametrize("change", [-1, 1])
def test_a_payload_of_the_wrong_length_is_refused(change):
    payload = pack_data(first_sample=0, counts=np.ones((3, 2), np.int32), markers=[DataMarker(0, 0, MarkerCode.NOTE)])
    with pytest.raises(BadMessage):
        unpack_data(payload[:-1] if change < 0 else payload + b"\0")


def test_a_block_too_large_for_a_frame_is_refused():
    with pytest.raises(WireError, match="limit is 4084"):
        pack_data(first_sample=0, counts=np.zeros((86, 16), np.int32))
    with pytest.raises(WireError):
        pack_data(first_sample=0, counts=np.zeros((256, 1), np.int32))


@pytest.mark.parametrize("fmt", SampleFormat)
@pytest.mark.parametrize("channels", [1, 2, 8, 16, 18, 32])
def test_the_largest_block_fits_and_one_sample_more_does_not(fmt, channels):
    marks = [DataMarker(0, 0, MarkerCode.STIMULUS)] * 4
    n = largest_block(channels=channels, fmt=fmt)
    payload = pack_data(first_sample=0, counts=np.zeros((n, channels), np.int32), fmt=fmt, markers=marks)
    assert len(encode_frame(Frame(0x11, 0, 1, 0, payload))) <= 4114
    assert n == 255 or len(payload) + channels * fmt.width > MAX_PAYLOAD


def test_the_block_of_the_first_exam_fits():
    assert largest_block(channels=16) == 83


def test_subsample_is_a_fraction():
    assert DataMarker(1, 49152, MarkerCode.STIMULUS).subsample == 0.75

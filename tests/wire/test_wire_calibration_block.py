"""Section 7 of the specification: the calibration block, and what is left of a damaged one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npr_daq.calibration import Calibration, ChannelCalibration, RangeCalibration
from npr_daq.errors import WireError
from npr_daq.wire.calibration_block import pack_calibration, unpack_calibration

f64 = st.floats(allow_nan=False, width=64)
f32 = st.floats(allow_nan=False, width=32)
u32 = st.integers(0, 2**32 - 1)
calibrations = st.builds(
    Calibration,
    serial=st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=16),
    version=st.integers(0, 65535),
    unix_time=st.integers(-(2**63), 2**63 - 1),
    channels=st.lists(st.builds(ChannelCalibration, f64, f64, f32, f32, u32), max_size=18).map(tuple),
    ranges=st.lists(st.builds(RangeCalibration, f64, f64, u32, u32), max_size=3).map(tuple),
    raw=st.just(b""),
)


@given(calibrations)
def test_round_trip(calibration):
    block = pack_calibration(calibration)
    back = unpack_calibration(block)
    assert back == replace(calibration, raw=block, valid=True)
    assert pack_calibration(back) == block


@given(calibrations, st.data())
def test_any_flipped_bit_makes_it_invalid_and_keeps_the_raw_bytes(calibration, data):
    block = bytearray(pack_calibration(calibration))
    block[data.draw(st.integers(0, len(block) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    back = unpack_calibration(bytes(block))
    assert not back.valid
    assert back.raw == bytes(block)


@given(calibrations, st.data())
def test_a_cut_or_longer_block_is_invalid(calibration, data):
    block = pack_calibration(calibration)
    assert not unpack_calibration(block[: data.draw(st.integers(0, len(block) - 1))]).valid
    assert not unpack_calibration(block + b"\0").valid


@given(st.binary(max_size=300))
def test_foreign_bytes_never_raise(block):
    back = unpack_calibration(block)
    assert (back.valid, back.raw) == (False, block)


def test_the_block_of_sixteen_channels():
    channel = ChannelCalibration(
        lsb_nv=40e6 / 2**23, offset_nv=0.0, gain_ppm_per_k=0.0, group_delay_samples=1.7, input_kohm=1
    )
    calibration = Calibration("EF-1", 1, 0, (channel,) * 16, (RangeCalibration(1.0, 0.0, 50_000, 0),), b"")
    block = pack_calibration(calibration)
    assert len(block) == 36 + 16 * 28 + 24 + 4
    back = unpack_calibration(block)
    assert back.lsb_uv()[3] == 40e3 / 2**23
    # The delay is an f32 in the block: 1.7 samples come back to 1e-7, far below a hundredth of a microsecond.
    np.testing.assert_allclose(back.delay_samples(), 1.7, rtol=1e-7)


@pytest.mark.parametrize(
    "wrong", [{"version": 65536}, {"channels": (ChannelCalibration(0, 0, 0, 0, -1),)}, {"unix_time": 2**63}]
)
def test_a_value_that_does_not_fit_is_our_error(wrong):
    good = Calibration("EF-1", 1, 0, (), (), b"")
    with pytest.raises(WireError):
        pack_calibration(replace(good, **wrong))


def test_a_serial_that_is_too_long_is_refused_not_cut():
    with pytest.raises(WireError, match="serial"):
        pack_calibration(Calibration("S" * 17, 1, 0, (), (), b""))

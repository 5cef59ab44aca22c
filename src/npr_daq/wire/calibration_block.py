"""The calibration block of a device (EEPROM): bytes to `Calibration` and back."""

from struct import Struct
from zlib import crc32

from npr_daq.calibration import Calibration, ChannelCalibration, RangeCalibration
from npr_daq.errors import WireError
from npr_daq.wire.layout import pack_values

MAGIC = b"ECAL"
SERIAL_BYTES = 16
_HEAD = Struct("<4sHH16sqBBH")
_CHANNEL = Struct("<ddffI")
_RANGE = Struct("<ddII")
_CRC = Struct("<I")


def pack_calibration(calibration: Calibration) -> bytes:
    """The block of a calibration; `raw` and `valid` are ignored. Raises WireError for a value that does not fit."""
    serial = calibration.serial.encode()
    if len(serial) > SERIAL_BYTES:
        raise WireError(f"serial {calibration.serial!r} has {len(serial)} bytes, the block holds {SERIAL_BYTES}")
    channels = b"".join(
        pack_values(_CHANNEL, (c.lsb_nv, c.offset_nv, c.gain_ppm_per_k, c.group_delay_samples, c.input_kohm))
        for c in calibration.channels
    )
    ranges = b"".join(
        pack_values(_RANGE, (r.ua_per_lsb, r.offset_ua, r.hard_limit_ua, r.trigger_to_output_ns))
        for r in calibration.ranges
    )
    length = _HEAD.size + len(channels) + len(ranges) + _CRC.size
    head = pack_values(
        _HEAD,
        (
            MAGIC,
            calibration.version,
            length,
            serial,
            calibration.unix_time,
            len(calibration.channels),
            len(calibration.ranges),
            0,
        ),
    )
    body = head + channels + ranges
    return body + _CRC.pack(crc32(body))


def unpack_calibration(block: bytes) -> Calibration:
    """The calibration of a block; with a wrong CRC, length or magic `valid` is False and it never raises.

    `raw` is the block byte for byte. A damaged block whose sizes disagree has no channels and no ranges.
    """
    empty = Calibration(serial="", version=0, unix_time=0, channels=(), ranges=(), raw=block, valid=False)
    if len(block) < _HEAD.size + _CRC.size:
        return empty
    magic, version, length, serial, unix_time, channel_count, range_count, _ = _HEAD.unpack_from(block)
    ranges_at = _HEAD.size + channel_count * _CHANNEL.size
    crc_at = ranges_at + range_count * _RANGE.size
    if magic != MAGIC or length != len(block) or length != crc_at + _CRC.size:
        return empty
    return Calibration(
        serial=serial.rstrip(b"\0").decode(errors="replace"),
        version=version,
        unix_time=unix_time,
        channels=tuple(ChannelCalibration(*row) for row in _CHANNEL.iter_unpack(block[_HEAD.size : ranges_at])),
        ranges=tuple(RangeCalibration(*row) for row in _RANGE.iter_unpack(block[ranges_at:crc_at])),
        raw=block,
        valid=_CRC.unpack_from(block, crc_at)[0] == crc32(block[:crc_at]),
    )

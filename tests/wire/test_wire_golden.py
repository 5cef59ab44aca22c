"""Golden bytes of an independent encoder (`tests/golden/make_emgstim_1.mjs`), both ways, and those of the documents."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from cobs import cobs

from npr_daq.calibration import Calibration, ChannelCalibration, RangeCalibration
from npr_daq.wire import messages
from npr_daq.wire.calibration_block import pack_calibration, unpack_calibration
from npr_daq.wire.framing import Frame, FrameReader, encode_frame
from npr_daq.wire.link import Link
from npr_daq.wire.messages import Data, DataMarker, HardLimits, Hello, Message, Phase, Reading, decode, limits_crc
from npr_daq.wire.tables import SampleFormat

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "emgstim-1.json").read_text(encoding="utf-8"))
FRAMES: list[dict[str, Any]] = GOLDEN["frames"]


def built(entry: Mapping[str, Any]) -> Message:
    """The message that the golden fields describe, built by our constructors."""
    values = {name: value(name, raw) for name, raw in entry["fields"].items()}
    kind: type[Message] = getattr(messages, entry["message"])
    return kind(**values)


def value(name: str, raw: Any) -> Any:
    match name, raw:
        case _, {"u64": digits}:
            return int(digits)
        case "counts", {"samples": n}:
            return np.empty((0, n), np.int32)
        case "counts", rows:
            return np.array(rows, np.int32)
        case "fmt", number:
            return SampleFormat(number)
        case "markers", rows:
            return tuple(DataMarker(**row) for row in rows)
        case "phases", rows:
            return tuple(Phase(**row) for row in rows)
        case "readings", rows:
            return tuple(Reading(**row) for row in rows)
        case "hard_limits", row:
            return HardLimits(**row)
        case "unknown", rows:
            return tuple((tag, bytes.fromhex(data)) for tag, data in rows)
        case "data", digits:
            return bytes.fromhex(digits)
        case _, list():
            return tuple(raw)
        case _:
            return raw


def same(one: Message, other: Message) -> bool:
    if isinstance(one, Data):
        assert isinstance(other, Data)
        for field in fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))
        return True
    return one == other


@pytest.mark.parametrize("entry", FRAMES, ids=lambda e: e["name"])
def test_our_encoder_writes_the_golden_bytes(entry):
    message = built(entry)
    assert message.pack().hex() == entry["payload"]
    assert Link(first_seq=entry["seq"]).send(message).hex() == entry["wire"]


@pytest.mark.parametrize("entry", FRAMES, ids=lambda e: e["name"])
def test_our_decoder_reads_the_golden_bytes(entry):
    (frame,) = FrameReader().feed(bytes.fromhex(entry["wire"]))
    assert frame == Frame(entry["type"], entry["flags"], entry["chan"], entry["seq"], bytes.fromhex(entry["payload"]))
    assert same(decode(frame), built(entry))
    (received,) = Link().receive(bytes.fromhex(entry["wire"]))
    assert received.message is not None
    assert same(received.message, built(entry))
    assert cobs.decode(bytes.fromhex(entry["wire"])[:-1]).hex() == entry["decoded"]


def test_every_message_has_golden_bytes():
    known = {kind.__name__ for kind in (*messages.REQUESTS, *messages.REPLIES, *messages.UNASKED)}
    assert {entry["message"] for entry in FRAMES} == known


@pytest.mark.parametrize("entry", GOLDEN["cobs"], ids=lambda e: str(len(e["plain"]) // 2))
def test_cobs_against_the_independent_one(entry):
    plain, encoded = bytes.fromhex(entry["plain"]), bytes.fromhex(entry["encoded"])
    assert cobs.encode(plain) == encoded
    assert cobs.decode(encoded) == plain


def test_crc_check_value():
    assert crc32(b"123456789") == GOLDEN["crc32_check"] == 0xCBF43926


def test_limits_crc():
    entry = dict(GOLDEN["limits_crc"])
    wanted, data = entry.pop("crc32"), entry.pop("bytes")
    assert limits_crc(**entry) == wanted == crc32(bytes.fromhex(data)) == 0x2BCB4F17


def test_hello_of_the_devices_reference():
    decoded = bytes.fromhex("10 01 00 00 01 00 06 00 01 00 78 56 34 12 fc 75 47 06")
    wire = bytes.fromhex("03 10 01 01 02 01 02 06 02 01 09 78 56 34 12 fc 75 47 06 00")
    hello = Hello(1, 0, 0x12345678)
    assert cobs.encode(decoded) + b"\0" == wire
    assert encode_frame(Frame(0x01, 0, 0, 1, hello.pack())) == wire
    assert Link().send(hello) == wire
    (received,) = Link().receive(wire)
    assert (received.message, received.seq) == (hello, 1)


def test_calibration_block():
    entry = GOLDEN["calibration"]
    block = bytes.fromhex(entry["block"])
    calibration = Calibration(
        serial=entry["serial"],
        version=entry["version"],
        unix_time=entry["unix_time"],
        channels=tuple(ChannelCalibration(*row) for row in entry["channels"]),
        ranges=tuple(RangeCalibration(*row) for row in entry["ranges"]),
        raw=block,
    )
    assert pack_calibration(calibration) == block
    assert unpack_calibration(block) == calibration

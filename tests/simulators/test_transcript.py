"""Every (state, message) pair of the simulated front-end against the table of the wire specification."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from npr_daq.wire.messages import (
    ArmChallenge,
    ArmConfirm,
    ArmRequest,
    ArmToken,
    CalData,
    CalRead,
    Clear,
    Cleared,
    DescData,
    DescRead,
    Disarm,
    Disarmed,
    EStop,
    FireAccepted,
    Heartbeat,
    Hello,
    Ident,
    ImpedanceReply,
    ImpedanceRequest,
    Message,
    Nak,
    RegRead,
    RegValue,
    RegWrite,
    Status,
    StimProgrammed,
    StreamStart,
    StreamStarted,
    StreamStop,
    StreamStopped,
)
from npr_daq.wire.tables import DeviceState, NakCode, Register, SampleFormat

SPECIFICATION = Path(__file__).parents[2] / "docs" / "wire" / "emgstim-1.md"
MARK = "<!-- state table: read by a test -->"


def table() -> list[tuple[str, DeviceState, str]]:
    """The cells of the state table: message, state, what the device does."""
    text = SPECIFICATION.read_text(encoding="utf-8").split(MARK)[1]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    block = [[cell.strip() for cell in row] for row in rows]
    states = [DeviceState[name] for name in block[0][1:]]
    cells = []
    for row in block[2:]:
        if len(row) != len(block[0]) or not re.fullmatch(r"[A-Z_]+", row[0]):
            break
        cells += [(row[0], state, said) for state, said in zip(states, row[1:], strict=True)]
    return cells


def confirm(rig: Any) -> Message:
    """The second step of arming where the first is possible, else one that nothing asked for."""
    if rig.state is DeviceState.CONFIGURED:
        found: Message = rig.confirmation(rig.challenge())
        return found
    return ArmConfirm(1, 2)


REQUESTS: dict[str, tuple[Callable[[Any], Message], type[Message]]] = {
    "HELLO": (lambda rig: Hello(1, 0, 9), Ident),
    "HEARTBEAT": (lambda rig: Heartbeat(1, rig.token), Status),
    "DESC_READ": (lambda rig: DescRead(0, 2048), DescData),
    "CAL_READ": (lambda rig: CalRead(0, 2048), CalData),
    "REG_READ": (lambda rig: RegRead(Register.MAX_CURRENT_UA), RegValue),
    "REG_WRITE": (lambda rig: RegWrite(Register.MAX_CURRENT_UA, 40_000), RegValue),
    "STREAM_START": (lambda rig: StreamStart(20_000, 0xFFFF, SampleFormat.I24, 80), StreamStarted),
    "STREAM_STOP": (lambda rig: StreamStop(), StreamStopped),
    "IMPEDANCE": (lambda rig: ImpedanceRequest(0xFFFF, 30), ImpedanceReply),
    "STIM_PROGRAM": (lambda rig: rig.pulse(10_000), StimProgrammed),
    "ARM_REQUEST": (lambda rig: ArmRequest(rig.program_id), ArmChallenge),
    "ARM_CONFIRM": (confirm, ArmToken),
    "DISARM": (lambda rig: Disarm(), Disarmed),
    "FIRE": (lambda rig: rig.shot(5, 5000), FireAccepted),
    "ESTOP": (lambda rig: EStop(), Status),
    "CLEAR": (lambda rig: Clear(), Cleared),
}
STREAMLESS = ("STREAM_START", "IMPEDANCE")
"""Their own checks refuse them while a stream runs."""


def test_the_table_is_whole() -> None:
    cells = table()
    assert {name for name, _, _ in cells} == set(REQUESTS)
    assert len(cells) == len(REQUESTS) * len(DeviceState)


@pytest.mark.parametrize(("name", "state", "said"), table(), ids=lambda cell: getattr(cell, "name", str(cell)))
def test_the_device_answers_as_the_specification_says(
    make_rig: Callable[..., Any], name: str, state: DeviceState, said: str
) -> None:
    rig = make_rig(started=state is not DeviceState.BOOT)
    rig.bring_to(state, streaming=name not in STREAMLESS)
    if name == "STREAM_START" and state is DeviceState.REFRACTORY:
        rig.ask(StreamStop(), StreamStopped)
    if name == "CLEAR" and state is DeviceState.FAULT:
        rig.device.act()
    make, reply = REQUESTS[name]
    message = make(rig)
    before = rig.device.stimulator.last_stim_seq, rig.device.streaming, rig.device.interlocks
    answer = rig.answer(message)
    if said.startswith("NAK "):
        assert isinstance(answer, Nak)
        assert answer.code is NakCode[said.removeprefix("NAK ").upper()]
        assert answer.text
        assert rig.state is state
        assert (rig.device.stimulator.last_stim_seq, rig.device.streaming) == before[:2]
    else:
        assert isinstance(answer, reply), answer
        after = said.removeprefix("ok").removeprefix(" -> ")
        assert rig.state is (DeviceState[after] if after else state)


@pytest.mark.parametrize("name", sorted(set(REQUESTS) - {"HELLO", "HEARTBEAT", "ESTOP"}))
def test_before_hello_nothing_else_is_answered(rig: Any, name: str) -> None:
    make, _ = REQUESTS[name]
    assert rig.refused(make(rig)).code is NakCode.STATE
    assert rig.state is DeviceState.SAFE

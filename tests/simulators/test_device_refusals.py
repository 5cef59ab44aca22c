"""What a refused request does besides being refused (wire document 5.4, 5.8, 5.9)."""

from typing import Any

import pytest

from npr_daq.wire.messages import ArmRequest, Phase, RegWrite, StimProgram
from npr_daq.wire.tables import DeviceState, NakCode, Register, ValueType


def refused_program() -> StimProgram:
    return StimProgram(7, 0, (Phase(10_000_000, 200),), 0, 1, 25_000)


def refused_request() -> ArmRequest:
    return ArmRequest(999)


def refused_write() -> RegWrite:
    return RegWrite(Register.MAX_CURRENT_UA, 2**31)


@pytest.mark.parametrize("refused", [refused_program, refused_request, refused_write])
def test_a_refused_request_voids_the_challenge_too(rig: Any, refused: Any) -> None:
    rig.bring_to(DeviceState.CONFIGURED)
    challenge = rig.challenge()
    rig.refused(refused())
    rig.refused(rig.confirmation(challenge))
    assert rig.state is DeviceState.CONFIGURED


def test_unknown_flags_of_a_program_are_a_wrong_value(rig: Any) -> None:
    rig.bring_to(DeviceState.SAFE)
    program = StimProgram(7, 0, (Phase(20_000, 200),), 0, 1, 25_000, 2)
    assert rig.refused(program).code == NakCode.VALUE


@pytest.mark.parametrize("address", [Register.TICKS_HZ, 0x7FFF])
def test_the_type_of_a_value_is_looked_at_first(rig: Any, address: Any) -> None:
    rig.bring_to(DeviceState.SAFE)
    assert rig.refused(RegWrite(address, 1, value_type=ValueType.U8)).code == NakCode.VALUE

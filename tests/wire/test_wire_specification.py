"""The specification and the code say the same numbers, and its state table is complete and safe."""

import json
import re
from enum import IntEnum
from pathlib import Path

import pytest

from npr_daq.wire import messages as m
from npr_daq.wire import tables
from npr_daq.wire.layout import Fixed
from npr_daq.wire.stimulation import NOT_MEASURED_UA
from npr_daq.wire.tables import DeviceState, Interlock, NakCode, Register

TESTS = Path(__file__).parents[1]
TEXT = (TESTS.parent / "docs" / "wire" / "emgstim-1.md").read_text(encoding="utf-8")
STATES = [state.name for state in DeviceState]
REQUESTS = [
    "HELLO",
    "HEARTBEAT",
    "DESC_READ",
    "CAL_READ",
    "REG_READ",
    "REG_WRITE",
    "STREAM_START",
    "STREAM_STOP",
    "IMPEDANCE",
    "STIM_PROGRAM",
    "ARM_REQUEST",
    "ARM_CONFIRM",
    "DISARM",
    "FIRE",
    "ESTOP",
    "CLEAR",
]


def rows_after(mark: str) -> list[list[str]]:
    """The rows, without heading and rule, of the first table behind `mark`."""
    lines = TEXT[TEXT.index(mark) :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return [table[0], *table[2:]]


def state_table() -> dict[str, dict[str, str]]:
    heading, *rows = rows_after("<!-- state table")
    assert heading == ["Message", *STATES]
    return {row[0]: dict(zip(STATES, row[1:], strict=True)) for row in rows}


TABLE = state_table()


def test_the_state_table_is_complete_and_every_cell_can_be_read():
    assert sorted(TABLE) == sorted(REQUESTS)
    codes = {code.name.lower() for code in NakCode}
    for message, row in TABLE.items():
        for state, cell in row.items():
            found = re.fullmatch(r"ok(?: -> (?P<state>[A-Z]+))?|NAK (?P<code>[a-z_]+)", cell)
            assert found, (message, state, cell)
            assert found["state"] is None or found["state"] in STATES
            assert found["code"] is None or found["code"] in codes


def into(state: str) -> set[tuple[str, str]]:
    return {(m, s) for m, row in TABLE.items() for s, cell in row.items() if cell == f"ok -> {state}"}


def test_only_a_confirmed_arming_arms_and_only_an_armed_device_fires():
    assert into("ARMED") == {("ARM_CONFIRM", "CONFIGURED")}
    assert into("FIRING") == {("FIRE", "ARMED")}
    assert into("REFRACTORY") == into("BOOT") == set()


def test_estop_and_heartbeat_are_answered_in_every_state():
    assert set(TABLE["ESTOP"].values()) == {"ok -> FAULT", "ok"}
    assert TABLE["ESTOP"]["FAULT"] == "ok"
    assert set(TABLE["HEARTBEAT"].values()) == {"ok"}


def test_fault_is_left_by_clear_alone():
    assert {m: cell for m, row in TABLE.items() if "->" in (cell := row["FAULT"])} == {"CLEAR": "ok -> SAFE"}


def test_disarm_and_hello_make_an_armed_device_harmless():
    for state in ("ARMED", "FIRING", "REFRACTORY"):
        assert TABLE["DISARM"][state] == "ok -> CONFIGURED"
        assert TABLE["HELLO"][state] == "ok -> SAFE"


def test_nothing_but_the_stimulus_is_done_while_armed():
    for message in ("REG_WRITE", "STREAM_START", "STREAM_STOP", "IMPEDANCE", "STIM_PROGRAM"):
        for state in ("ARMED", "FIRING"):
            assert TABLE[message][state] == "NAK state"


@pytest.mark.parametrize(
    ("mark", "words"), [("### 9.2", tables.NakCode), ("### 9.5", tables.EventCode)], ids=["nak", "event"]
)
def test_tabled_numbers(mark: str, words: type[IntEnum]):
    _, *rows = rows_after(mark)
    assert {int(row[0]): row[1] for row in rows} == {word.value: word.name.lower() for word in words}


def test_tags():
    _, *rows = rows_after("### 9.6")
    assert {int(row[0]): row[1].replace(" ", "_").upper() for row in rows} == {t.value: t.name for t in tables.Tlv}


def test_interlock_bits():
    _, *rows = rows_after("### 6.2")
    assert [1 << int(row[0]) for row in rows] == [bit.value for bit in Interlock]
    first_words = [re.split(r"[\s-]", row[1])[0].lower() for row in rows]
    for word, bit in zip(first_words, Interlock, strict=True):
        if word not in ("high", "isolation", "over"):
            assert bit.name is not None
            assert bit.name.lower().startswith(word), bit


def test_an_interlock_that_makes_safe_does_so_in_the_states_of_section_6():
    _, *rows = rows_after("### 6.2")
    moving = {int(row[0]): re.findall(r"([A-Z, ]+) -> SAFE", row[3]) for row in rows if "-> SAFE" in row[3]}
    named = re.search(r'"Interlock" is here bit ([\d, or]+) \(6\.2\)', TEXT)
    assert named is not None
    assert sorted(moving) == [int(bit) for bit in re.findall(r"\d+", named[1])]
    _, *states = rows_after("## 6. States and safety")
    leaving = [row[0] for row in states if re.search(r"interlock[^;]*-> SAFE", row[3])]
    assert {tuple(state.strip() for state in text.split(",")) for (text,) in moving.values()} == {tuple(leaving)}


def test_the_number_of_a_current_that_was_not_measured():
    assert f"{NOT_MEASURED_UA}: not measured" in TEXT


def test_registers():
    _, *rows = rows_after("| In force, read/write")
    for row in rows:
        register = Register(int(row[0], 16))
        assert register.name == row[2]
        assert register.hard == int(row[1], 16)
    _, *facts = rows_after("| Read only |")
    assert {int(row[0], 16): row[1] for row in facts} == {r.value: r.name for r in Register if r >= 0x0120}
    assert len(rows) * 2 + len(facts) == len(Register)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("9.3", tables.DeviceState),
        ("9.4", tables.Chan),
        ("9.7", tables.ValueType),
        ("9.8", tables.SampleFormat),
        ("9.9", tables.MarkerCode),
        ("9.10", tables.PulseCode),
        ("9.11", tables.ImpedanceCode),
    ],
)
def test_listed_numbers(section: str, words: type[IntEnum]):
    line = TEXT[TEXT.index(f"### {section} ") :].split("\n\n")[1].split(";")[0].split(". ")[0]
    numbers = [int(number) for number in re.findall(r"(?:^|, )(\d+) ", line)]
    assert numbers == [word.value for word in words]


def test_types():
    _, *rows = rows_after("### 9.1")
    assert [int(row[0], 16) for row in rows] == [kind.value for kind in tables.MessageType]


def test_the_quoted_golden_bytes_are_the_golden_bytes():
    golden = json.loads((TESTS / "golden" / "emgstim-1.json").read_text(encoding="utf-8"))
    wires = {frame["name"]: frame["wire"] for frame in golden["frames"]}
    _, *rows = rows_after("## 10. Golden bytes")
    assert len(rows) >= 15
    for name, _, quoted in rows:
        assert bytes.fromhex(quoted.strip("`")).hex() == wires[name], name


SIZES: list[tuple[str, type[Fixed]]] = [
    ("### 5.1 HELLO 0x01, host, {} bytes", m.Hello),
    ("### 5.2 HEARTBEAT 0x20, host, {} bytes", m.Heartbeat),
    ("reply STATUS 0x21, {} bytes", m.Status),
    ("CAL_READ 0x05, host, {} bytes", m.CalRead),
    ("CAL_READ 0x05, host, {} bytes", m.DescRead),
    ("READ ({} bytes)", m.RegRead),
    ("START ({} bytes)", m.StreamStart),
    ("Reply to START ({} bytes)", m.StreamStarted),
    ("STOP ({} byte)", m.StreamStop),
    ("Reply to STOP ({} bytes)", m.StreamStopped),
    ("### 5.7 IMPEDANCE 0x12, host, {} bytes", m.ImpedanceRequest),
    ("reply of the same type, {} bytes\n\n| Offset | Size | Request | | Offset | Size | Reply |\n"
     "|---|---|---|---|---|---|---|\n| 0 | u16 | `id`", m.StimProgrammed),
    ("REQUEST ({})", m.ArmRequest),
    ("CONFIRM ({})", m.ArmConfirm),
    ("DISARM ({})", m.Disarm),
    ("to REQUEST ({})", m.ArmChallenge),
    ("to CONFIRM ({})", m.ArmToken),
    ("to DISARM ({})", m.Disarmed),
    ("### 5.10 FIRE 0x32, host, {} bytes", m.Fire),
    ("reply of the same type, {} bytes\n\n| Offset | Size | Request | | Offset | Size | Reply |\n"
     "|---|---|---|---|---|---|---|\n| 0 | u32 | `arm_token`", m.FireAccepted),
    ("### 5.11 STIM_REPORT 0x33, device, chan 2, {} bytes", m.StimReport),
    ("`u16 re, u8 state` ({} bytes)", m.Cleared),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "kind"), SIZES, ids=[kind.__name__ for _, kind in SIZES])
def test_the_sizes_in_the_text_are_those_of_the_codec(phrase: str, kind: type[Fixed]):
    assert phrase.format(kind.layout.size) in TEXT

"""Recordings to store: one small and fixed, and a Hypothesis strategy for any."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from npr_daq.anatomy import Branch, Muscle, Side
from npr_daq.calibration import MISSING, Calibration, ChannelCalibration, RangeCalibration
from npr_daq.montage import Channel, Electrode, Montage, standard_montage
from npr_daq.recording import Capture, Event, Gap, PulseReport, PulseResult, Recording, Role, Sweep
from npr_daq.stimulus import Stimulus
from npr_daq.storage.codec import header_for
from npr_daq.storage.journal import Journal

EXAM_ID = "6f2c1b1e-5d0f-4b3c-9f53-0a4f3f1f7b10"


def _calibration(count: int) -> Calibration:
    channels = tuple(ChannelCalibration(4.768 + 0.01 * i, 10.0 * i, 5.0, 1.7, 10_000) for i in range(count))
    ranges = (RangeCalibration(10.0, 0.0, 50_000, 1_000),)
    return Calibration("NPR-0001", 1, 1_700_000_000, channels, ranges, bytes(range(256)))


def _header(montage: Montage, calibration: Calibration, **more: Any) -> dict[str, Any]:
    return header_for(
        exam_id=EXAM_ID,
        subject="P-0042",
        affected="left",
        protocol={"name": "conduction_trunk", "version": "1", "text": "title = 'Über'\n"},
        montage=montage,
        calibration=calibration,
        device={"model": "front-end", "simulated": True},
        simulated=True,
        software={"npr-daq": "0.1.0"},
        created="2026-01-02T03:04:05+00:00",
        **more,
    )


def _sweep(n: int, *, channels: int = 16, times: int = 40, step: str = "01_conduction_left_buccal") -> Sweep:
    counts = np.random.default_rng(n).integers(-(2**23), 2**23, (channels, times), np.int32)
    if n == 2:
        counts[:, 5:9] = MISSING
    stimulus = Stimulus(Side.LEFT, Branch.BUCCAL, 1.2 * n, 200.0)
    report = PulseReport(
        stim_seq=n,
        pulse=0,
        onset_sample=20_000 * n + 10,
        subsample=0.3,
        commanded_ma=stimulus.current_ma,
        measured_ma=stimulus.current_ma * 1.01,
        width_us=200.0,
        charge_uc=stimulus.charge_uc,
        compliance_v=31.0,
        load_ohm=float("inf"),
        result=PulseResult.OK,
    )
    return Sweep(
        n=n,
        step=step,
        role=Role.ACCEPT,
        stimulus=stimulus,
        stim_seq=n,
        boot_id=7,
        stream_id=1,
        rate_hz=20_000.0,
        first_sample=20_000 * n,
        onset=10.3,
        counts=counts,
        report=report,
        why={"rule": "grow", "inputs": [1, 2.5, None]},
        reject_reasons=("gap",) if n == 2 else (),
        clipped=("left.nasalis",) if n == 1 else (),
    )


@pytest.fixture(scope="session")
def sweep_of() -> Callable[..., Sweep]:
    return _sweep


@pytest.fixture(scope="session")
def header() -> dict[str, Any]:
    return _header(standard_montage(), _calibration(16), intake={"age_years": 52})


@pytest.fixture(scope="session")
def recording(header: dict[str, Any]) -> Recording:
    counts = np.random.default_rng(0).integers(-100, 100, (16, 200), np.int32)
    return Recording(
        header=header,
        montage=standard_montage(),
        calibration=_calibration(16),
        sweeps=(_sweep(1), _sweep(2), _sweep(3, step="02_conduction_right_trunk"), _sweep(4)),
        captures=(Capture("noise_left_buccal", "01_conduction_left_buccal", 1, 2_000.0, 100, counts),),
        gaps=(Gap(1, 40_005, 4, "overflow"),),
        events=(Event("prompt", "Elektrode prüfen", stream_id=1, sample=30, host_ns=5, detail={"side": "left"}),),
        searches={"01_conduction_left_buccal": {"proved": True, "currents_ma": [1.2, 2.4]}},
        impedances=({"channel": 0, "g1_kohm": 3.2, "g2_kohm": None, "frequency_hz": 30, "ok": True},),
    )


def _write_journal(journal: Journal, recording: Recording) -> None:
    for sweep in recording.sweeps:
        journal.intent(
            stim_seq=sweep.stim_seq,
            boot_id=sweep.boot_id,
            step=sweep.step,
            stimulus=sweep.stimulus,
            role=sweep.role,
            why=sweep.why,
        )
        journal.sweep(sweep)
    for capture in recording.captures:
        journal.capture(capture)
    for gap in recording.gaps:
        journal.gap(gap)
    for event in recording.events:
        journal.event(event)
    for step, evidence in recording.searches.items():
        journal.search(step, evidence)
    journal.impedance(recording.impedances)


@pytest.fixture(scope="session")
def write_journal() -> Callable[[Journal, Recording], None]:
    """Puts a recording into a journal as an exam would."""
    return _write_journal


def _difference(a: Any, b: Any, where: str = "recording") -> str | None:
    if isinstance(a, np.ndarray):
        same = isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)
        return None if same else where
    if isinstance(a, tuple) and isinstance(b, tuple):
        if len(a) != len(b):
            return f"{where}: {len(a)} and {len(b)} items"
        return next(
            (d for i, (x, y) in enumerate(zip(a, b, strict=True)) if (d := _difference(x, y, f"{where}[{i}]"))), None
        )
    if is_dataclass(a):
        if type(a) is not type(b):
            return where
        names = [f.name for f in fields(a)]
        return next((d for n in names if (d := _difference(getattr(a, n), getattr(b, n), f"{where}.{n}"))), None)
    if isinstance(a, float) and a != a:
        return None if isinstance(b, float) and b != b else where
    return None if a == b and type(a) is type(b) else f"{where}: {a!r} and {b!r}"


@pytest.fixture(scope="session")
def difference() -> Callable[[Any, Any], str | None]:
    """The first place where two recordings differ, or None; exact to the last bit, NaN equal to NaN."""
    return _difference


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_NUMBER = st.floats(allow_nan=True, allow_infinity=True)
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_I32 = st.integers(-(2**31), 2**31 - 1)
_U32 = st.integers(0, 2**32 - 1)
_U62 = st.integers(0, 2**62)
_JSON = st.recursive(
    st.none() | st.booleans() | _I32 | _FINITE | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_DETAIL = st.dictionaries(_TEXT, _JSON, max_size=3)
_STIMULUS = st.builds(
    Stimulus, st.sampled_from(Side), st.sampled_from(Branch), st.floats(0.01, 60.0), st.floats(10.0, 1000.0)
)
_RATE = st.sampled_from([20_000.0, 2_000.0, 20_000.0 * (1 + 3e-6)])


def _counts(channels: int, times: int) -> st.SearchStrategy[Any]:
    return arrays(np.int32, (channels, times), elements=_I32, fill=st.nothing() if times < 3 else st.just(0))


@st.composite
def _recordings(draw: st.DrawFn) -> Recording:
    count = draw(st.integers(1, 3))
    electrode = st.builds(Electrode, _TEXT, _TEXT)
    channels = tuple(
        Channel(i, draw(st.sampled_from(Side)), draw(st.sampled_from(Muscle)), draw(electrode), draw(electrode))
        for i in range(count)
    )
    montage = Montage(draw(_TEXT), channels)
    calibrated = st.builds(ChannelCalibration, _NUMBER, _NUMBER, _NUMBER, _NUMBER, _U32)
    calibration = Calibration(
        draw(_TEXT),
        draw(st.integers(0, 9)),
        draw(_U32),
        tuple(draw(st.lists(calibrated, max_size=4))),
        tuple(draw(st.lists(st.builds(RangeCalibration, _NUMBER, _NUMBER, _U32, _U32), max_size=2))),
        draw(st.binary(max_size=16)),
        draw(st.booleans()),
    )
    report = st.builds(
        PulseReport,
        _U32,
        _U32,
        _U62,
        st.floats(0, 1, exclude_max=True),
        *[_NUMBER] * 6,
        st.sampled_from(PulseResult),
    )
    times = draw(st.integers(1, 4))
    steps = draw(st.lists(_TEXT, min_size=1, max_size=3))
    sweep = st.builds(
        Sweep,
        n=_U32,
        step=st.sampled_from(steps),
        role=st.sampled_from(Role),
        stimulus=_STIMULUS,
        stim_seq=_U32,
        boot_id=_U32,
        stream_id=_U32,
        rate_hz=_RATE,
        first_sample=_U62,
        onset=st.floats(0, 3),
        counts=st.sampled_from([times, times + 1]).flatmap(lambda length: _counts(count, length)),
        report=report,
        why=_DETAIL,
        reject_reasons=st.lists(_TEXT, max_size=2).map(tuple),
        clipped=st.lists(_TEXT, max_size=2).map(tuple),
    )
    capture = st.builds(
        Capture, _TEXT, _TEXT, _U32, _RATE, _U62, st.integers(0, 4).flatmap(lambda length: _counts(count, length))
    )
    header = _header(montage, calibration, intake=draw(_DETAIL))
    return Recording(
        header=header,
        montage=montage,
        calibration=calibration,
        sweeps=tuple(draw(st.lists(sweep, max_size=4, unique_by=lambda s: (s.boot_id, s.stim_seq)))),
        captures=tuple(draw(st.lists(capture, max_size=2, unique_by=lambda c: (c.name, c.stream_id)))),
        gaps=tuple(draw(st.lists(st.builds(Gap, _U32, _U62, _U32, _TEXT), max_size=2))),
        events=tuple(draw(st.lists(st.builds(Event, _TEXT, _TEXT, _U32, _U62, _U62, _DETAIL), max_size=2))),
        searches=draw(st.dictionaries(_TEXT, _DETAIL, max_size=2)),
        impedances=tuple(draw(st.lists(_DETAIL, max_size=2))),
    )


@pytest.fixture(scope="session")
def recordings() -> st.SearchStrategy[Recording]:
    """Any recording that a journal can hold."""
    return _recordings()

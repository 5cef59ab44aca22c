"""A pulse that saturates the input is no reason to throw the answer away; an answer that does is."""

from dataclasses import replace

import numpy as np
import pytest

from npr_daq.anatomy import Branch, Side
from npr_daq.engine.clipping import clipped_in_window
from npr_daq.montage import standard_montage
from npr_daq.recording import PulseReport, PulseResult, Role, Sweep
from npr_daq.stimulus import Stimulus

MONTAGE = standard_montage()
NAME = MONTAGE.names[2]
LIMIT = 8_000_000


def sweep(*, answer: float, pulse: float = 1.0, sag: bool = False) -> Sweep:
    counts = np.random.default_rng(3).integers(-200, 200, (16, 2400)).astype(np.int32)
    counts[2, 401:406] = int(pulse * LIMIT)
    counts[2, 406:460] += (0.02 * LIMIT * np.exp(-np.arange(54) / 24)).astype(np.int32)
    counts[2, 470:480] -= int(answer * LIMIT)
    if sag:
        counts[2, 470:480] += (np.arange(10) * 0.002 * LIMIT).astype(np.int32)
    report = PulseReport(1, 0, 400, 0.0, 5.0, 5.0, 200.0, 1.0, 50.0, 1000.0, PulseResult.OK)
    return Sweep(
        n=1,
        step="s",
        role=Role.SEARCH,
        stimulus=Stimulus(Side.LEFT, Branch.TRUNK, 5.0),
        stim_seq=1,
        boot_id=1,
        stream_id=1,
        rate_hz=20_000.0,
        first_sample=0,
        onset=400.4,
        counts=counts,
        report=report,
        why={},
        clipped=(NAME,),
    )


@pytest.mark.parametrize(("answer", "clipped"), [(0.0, ()), (0.5, ()), (1.0, (NAME,))])
def test_only_what_is_at_the_limit_in_the_response_window_counts(answer: float, clipped: tuple[str, ...]) -> None:
    assert clipped_in_window(sweep(answer=answer), MONTAGE) == clipped


def test_a_limit_that_sags_behind_the_high_pass_is_still_one() -> None:
    assert clipped_in_window(sweep(answer=1.0, sag=True), MONTAGE) == (NAME,)


def test_an_answer_alone_that_clips_counts() -> None:
    assert clipped_in_window(sweep(answer=1.0, pulse=0.1), MONTAGE) == (NAME,)


def test_what_the_device_does_not_call_clipped_is_not() -> None:
    assert clipped_in_window(replace(sweep(answer=1.0), clipped=()), MONTAGE) == ()

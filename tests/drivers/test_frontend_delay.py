"""The rate that the calibration block's delays are counted at is the highest that IDENT lists."""

from dataclasses import replace

import pytest

from npr_daq.wire.messages import Hello


@pytest.mark.parametrize(("rates_hz", "fastest"), [((2000, 20_000), 20_000.0), ((40_000, 20_000, 2000), 40_000.0)])
def test_the_delay_rate_is_the_highest_of_ident(bench, rates_hz, fastest):
    ident = bench.fake.ANSWERS[Hello]
    bench.fake.script[Hello] = lambda m: replace(ident(bench.fake, m), rates_hz=rates_hz)
    device = bench.open()
    assert device.calibration.delay_rate_hz == fastest
    assert device.calibration.delay_ms((0,))[0] == pytest.approx(1.7e3 / fastest)

"""What every front-end must do, one small test a clause; subclass and give `open_bench`."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from npr_daq.device.contracts import Amplifier, Stimulator, Sync
from npr_daq.errors import Closed, NprError, PlanError, Refused, SafetyTrip
from npr_daq.recording import MarkerKind, PulseResult
from npr_daq.stimulus import StimulusLimits
from npr_daq.testing.bench import LIMITS, PULSE, Bench, BenchMaker, blocks, reports


class FrontEndContract:
    """The contract of `npr_daq.device.contracts.FrontEnd`.

    A subclass overrides the fixture `open_bench` to return a `BenchMaker`; every clause gets a fresh device.
    """

    @pytest.fixture
    def open_bench(self) -> BenchMaker:
        """The maker of open benches under test."""
        raise NotImplementedError

    @pytest.fixture
    def bench(self, open_bench: BenchMaker) -> Iterator[Bench]:
        """An open bench."""
        with open_bench() as opened:
            yield opened

    # Identity

    def test_says_who_it_is(self, bench: Bench) -> None:
        """Capabilities are complete."""
        told = bench.device.capabilities
        assert all((told.driver, told.model, told.serial, told.firmware, told.boot_id, told.ticks_hz))
        assert told.channel_count > 0
        assert told.rates_hz
        assert isinstance(told.simulated, bool)
        assert isinstance(told.sync, Sync)
        assert told.sync_uncertainty_ms >= 0.0
        assert isinstance(bench.device, Amplifier)
        assert isinstance(bench.device, Stimulator)

    def test_says_how_far_it_was_verified(self, bench: Bench) -> None:
        """A stimulator that was never tried on hardware is for the bench only."""
        told = bench.device.capabilities
        assert "L4" in told.verified
        assert told.bench_only or told.verified["L4"]

    def test_brings_its_calibration(self, bench: Bench) -> None:
        """One entry a channel, and the block byte for byte."""
        calibration = bench.device.calibration
        assert calibration.valid
        assert len(calibration.channels) == bench.device.capabilities.channel_count
        assert calibration.raw
        assert (calibration.lsb_uv() > 0).all()

    def test_status_is_the_devices_own(self, bench: Bench) -> None:
        """Nothing is armed after opening."""
        status = bench.device.status()
        assert status.state in {"SAFE", "CONFIGURED"}
        assert status.last_stim_seq == bench.device.last_stim_seq()

    # Samples

    def test_streams_without_gaps_from_sample_zero(self, bench: Bench) -> None:
        """Blocks follow one another and carry int32 counts, shape (channel, time)."""
        stream = bench.start()
        got = blocks(bench.run(stream, 100))
        assert got[0].first_sample == 0
        assert all(a.end_sample == b.first_sample for a, b in pairwise(got))
        assert {b.missing_before for b in got} == {0}
        assert {b.counts.dtype for b in got} == {np.dtype(np.int32)}
        assert {b.counts.shape[0] for b in got} == {bench.device.capabilities.channel_count}
        assert {b.stream_id for b in got} == {stream.stream_id}

    @pytest.mark.parametrize("channels", [(0,), (3, 5), (0, 1, 2, 15)])
    def test_streams_the_channels_asked_for(self, bench: Bench, channels: tuple[int, ...]) -> None:
        """One row a channel."""
        stream = bench.start(channels=channels)
        assert stream.channels == channels
        assert blocks(bench.run(stream, 20))[0].counts.shape[0] == len(channels)

    def test_every_rate_it_lists_can_be_started(self, bench: Bench) -> None:
        """The exact rate is within 0.1 % of the nominal one."""
        for rate_hz in bench.device.capabilities.rates_hz:
            stream = bench.start(rate_hz)
            assert stream.rate_hz == pytest.approx(rate_hz, rel=1e-3)
            assert blocks(bench.run(stream, 50))
            bench.device.stop()

    def test_a_rate_it_does_not_list_is_refused(self, bench: Bench) -> None:
        """And it goes on as before."""
        with pytest.raises(Refused):
            bench.start(max(bench.device.capabilities.rates_hz) + 1)
        assert blocks(bench.run(bench.start(), 20))

    @pytest.mark.parametrize("channels", [(), (99,), (1, 1), (2, 1)])
    def test_channels_it_does_not_have_are_refused(self, bench: Bench, channels: tuple[int, ...]) -> None:
        """Channels are an ascending choice."""
        with pytest.raises(Refused):
            bench.start(channels=channels)

    def test_stop_twice_is_harmless(self, bench: Bench) -> None:
        """Also before the first start."""
        bench.device.stop()
        bench.run(bench.start(), 20)
        bench.device.stop()
        bench.device.stop()

    def test_a_new_stream_has_a_new_number_and_begins_at_zero(self, bench: Bench) -> None:
        """No block of the old one comes after the first of the new one."""
        first = bench.start()
        bench.run(first, 30)
        second = bench.start()
        assert second.stream_id != first.stream_id
        got = blocks(bench.run(second, 30))
        of_second = [b for b in got if b.stream_id == second.stream_id]
        assert of_second[0].first_sample == 0
        assert [b.stream_id for b in got] == sorted(b.stream_id for b in got)

    def test_take_answers_nothing_when_nothing_comes(self, bench: Bench) -> None:
        """A time-out is an empty list."""
        bench.device.take(0.0)
        assert bench.device.take(0.02) == []

    def test_measures_the_electrodes(self, bench: Bench) -> None:
        """In the order asked for."""
        rows = bench.device.impedance((2, 0))
        assert [r.channel for r in rows] == [2, 0]
        assert all(r.g1_kohm > 0 and r.g2_kohm > 0 for r in rows)

    # Limits and programs

    def test_limits_read_back_are_never_looser(self, bench: Bench) -> None:
        """Not than asked, and not than the device's own."""
        for asked in (LIMITS, StimulusLimits(max_current_ma=1e4, max_charge_uc=1e4, max_width_us=1e5, max_rate_hz=1e3)):
            held = bench.device.set_limits(asked)
            assert held.tightened(asked) == held
            own = bench.device.capabilities.device_limits
            assert own is not None
            assert held.tightened(own) == held

    def test_limits_set_again_read_back_the_same(self, bench: Bench) -> None:
        """Reading back does not drift."""
        held = bench.device.set_limits(replace(LIMITS, max_current_ma=8.04, max_rate_hz=0.3))
        assert bench.device.set_limits(held) == held

    def test_a_pulse_above_a_limit_is_never_sent(self, bench: Bench) -> None:
        """PlanError names it; the device is as it was."""
        bench.device.set_limits(LIMITS)
        before = bench.device.status()
        with pytest.raises(PlanError, match=r"20\.5 mA is above the limit of 20 mA"):
            bench.device.configure(replace(PULSE, current_ma=20.5))
        after = bench.device.status()
        assert (after.state, after.last_stim_seq) == (before.state, before.last_stim_seq)

    # Arming and firing

    def test_a_shock_is_marked_and_reported_once(self, bench: Bench) -> None:
        """The marker and the report name the same number and the same instant."""
        limits = bench.device.set_limits(LIMITS)
        stream = bench.start()
        bench.run(stream, 20)
        seq = bench.device.last_stim_seq() + 1
        taken = bench.shock(stream, seq, PULSE, limits)
        taken += bench.run(stream, 20)
        (report,) = reports(taken)
        markers = [m for b in blocks(taken) for m in b.markers if m.kind is MarkerKind.STIMULUS]
        assert [m.stim_seq for m in markers] == [seq]
        assert (report.stim_seq, report.pulse) == (seq, 0)
        assert (markers[0].sample, markers[0].subsample) == (report.onset_sample, report.subsample)
        assert report.commanded_ma == PULSE.current_ma
        assert report.result in PulseResult
        assert bench.device.last_stim_seq() == seq
        assert bench.device.status().state in {"REFRACTORY", "CONFIGURED", "SAFE"}

    def test_arming_without_a_program_is_refused(self, bench: Bench) -> None:
        """And nothing is armed."""
        limits = bench.device.set_limits(LIMITS)
        with pytest.raises(NprError):
            bench.device.arm(limits)
        assert bench.device.status().state != "ARMED"

    def test_arming_with_other_limits_than_shown_trips(self, bench: Bench) -> None:
        """What the operator saw is what the device enforces, or there is no shock."""
        bench.device.set_limits(LIMITS)
        bench.device.configure(PULSE)
        with pytest.raises(SafetyTrip):
            bench.device.arm(replace(LIMITS, max_current_ma=19.0))
        assert bench.device.status().state != "ARMED"
        with pytest.raises(Refused):
            bench.device.fire(bench.device.last_stim_seq() + 1, 10_000)

    def test_fire_without_arming_is_refused(self, bench: Bench) -> None:
        """Nothing is delivered and the number is not spent by the device."""
        stream = bench.start()
        before = bench.device.last_stim_seq()
        with pytest.raises(Refused):
            bench.device.fire(before + 1, bench.ahead(stream))
        assert bench.device.last_stim_seq() == before
        assert reports(bench.run(stream, 100)) == []

    def test_an_arming_serves_one_fire(self, bench: Bench) -> None:
        """The next shock is armed anew."""
        limits = bench.device.set_limits(LIMITS)
        stream = bench.start()
        seq = bench.device.last_stim_seq() + 1
        bench.shock(stream, seq, PULSE, limits)
        with pytest.raises(Refused):
            bench.device.fire(seq + 1, bench.ahead(stream))

    def test_the_interval_between_shocks_is_kept(self, bench: Bench) -> None:
        """A second arming at once is refused by the device; after the interval it is not."""
        limits = bench.device.set_limits(LIMITS)
        stream = bench.start()
        seq = bench.device.last_stim_seq() + 1
        bench.shock(stream, seq, PULSE, limits)
        bench.device.configure(PULSE)
        with pytest.raises(Refused):
            bench.device.arm(limits)
        assert bench.device.status().state != "ARMED"
        bench.run(stream, 1000)
        assert len(reports(bench.shock(stream, seq + 1, PULSE, limits))) == 1

    def test_a_used_number_never_fires_again(self, bench: Bench) -> None:
        """Nor a lower one; armed or not."""
        limits = bench.device.set_limits(replace(LIMITS, max_rate_hz=10.0))
        stream = bench.start()
        seq = bench.device.last_stim_seq() + 5
        bench.shock(stream, seq, PULSE, limits)
        bench.run(stream, 300)
        bench.device.configure(PULSE)
        bench.device.arm(limits)
        for used in (seq, seq - 1):
            with pytest.raises(Refused):
                bench.device.fire(used, bench.ahead(stream))
        bench.device.disarm()
        assert reports(bench.run(stream, 100)) == []
        assert bench.device.last_stim_seq() == seq

    def test_a_sample_that_has_passed_is_refused(self, bench: Bench) -> None:
        """Late means that nothing is delivered."""
        limits = bench.device.set_limits(LIMITS)
        stream = bench.start()
        bench.run(stream, 50)
        bench.device.configure(PULSE)
        bench.device.arm(limits)
        with pytest.raises(Refused):
            bench.device.fire(bench.device.last_stim_seq() + 1, 1)
        bench.device.disarm()
        assert reports(bench.run(stream, 50)) == []

    def test_disarm_is_harmless_when_not_armed(self, bench: Bench) -> None:
        """And ends an arming."""
        bench.device.disarm()
        limits = bench.device.set_limits(LIMITS)
        bench.device.configure(PULSE)
        bench.device.arm(limits)
        assert bench.device.status().state == "ARMED"
        bench.device.disarm()
        bench.device.disarm()
        assert bench.device.status().state == "CONFIGURED"

    def test_impedance_is_refused_while_armed(self, bench: Bench) -> None:
        """It would put its current next to the stimulus."""
        limits = bench.device.set_limits(LIMITS)
        bench.device.configure(PULSE)
        bench.device.arm(limits)
        with pytest.raises(Refused):
            bench.device.impedance((0,))

    def test_make_safe_works_twice_and_in_every_state(self, bench: Bench) -> None:
        """Safe, configured, armed, with a shock due."""
        assert bench.device.make_safe()
        limits = bench.device.set_limits(LIMITS)
        bench.device.configure(PULSE)
        assert bench.device.make_safe()
        bench.device.configure(PULSE)
        bench.device.arm(limits)
        assert bench.device.make_safe()
        assert bench.device.make_safe()
        stream = bench.start()
        bench.device.configure(PULSE)
        bench.device.arm(limits)
        seq = bench.device.last_stim_seq() + 1
        bench.device.fire(seq, bench.ahead(stream))
        assert bench.device.make_safe()
        delivered = [r for r in reports(bench.run(stream, 100)) if r.result is not PulseResult.ABORTED]
        assert bench.clock.wall or delivered == []
        assert bench.device.last_stim_seq() == seq

    # Leaving

    def test_close_twice_is_harmless(self, bench: Bench) -> None:
        """Streaming and armed or not."""
        bench.run(bench.start(), 20)
        bench.device.close()
        bench.device.close()

    def test_use_after_close_raises_closed(self, bench: Bench) -> None:
        """Not a hang and not a foreign error; making safe still answers."""
        bench.device.close()
        with pytest.raises(Closed):
            bench.device.status()
        with pytest.raises(Closed):
            bench.start()
        assert bench.device.make_safe() is False

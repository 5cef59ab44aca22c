"""Truth of one shock on hand-made halves of a face whose every number is known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from npr_daq.anatomy import FACIAL_MUSCLES, Muscle, Side
from npr_daq.montage import standard_montage
from npr_simulators import analog
from npr_simulators.person import onsets, truth
from npr_simulators.person.bank import ACROSS, MUSCLES, ORIGINS, RATE_KHZ, REACH, TEMPLATE_SAMPLES, Bank, Spikes
from npr_simulators.person.evoked import Evoked
from npr_simulators.person.truth import Half, Supply

NAMES = standard_montage().names
PER_MUSCLE = 3
T_MS = onsets.instants_ms()
KEYS = {
    *("t_nmj", "t_theta", "t_clin", "t_ref", "first_ms", "t10uV", "t20uV", "t5pct", "peak_ms", "negdur_ms", "dur_ms"),
    *("own", "app", "clin", "recruited", "alive", "n_fired", "n_wrong", "misrouted", "crosstalk_uv", "masseter_uv"),
    *("lateral_uv", "lateral_ms", "f_uv", "f_ms", "r1_uv", "r1_ms", "r2_uv", "r2_ms"),
}


def potential(duration_ms=6.0, peak_uv=100.0):
    u = np.clip(np.arange(TEMPLATE_SAMPLES) / RATE_KHZ / duration_ms, 0, 1)
    wave = u**3 * (1 - u) ** 5 * (0.55 - u)
    return -peak_uv * wave / wave.max()


def bank(side=Side.LEFT, *, spill=0.1):
    """Three units a muscle, the last one of OOR and MEN across the midline; `spill` of each in every channel."""
    target = np.repeat(np.arange(len(MUSCLES)), PER_MUSCLE)
    n = target.size
    templates = np.repeat(potential()[None, None], n, 0).repeat(REACH, 1) * spill
    for row, muscle in enumerate(target):
        if MUSCLES[muscle] is not Muscle.MASSETER:
            templates[row, muscle] /= spill
    crossed = np.zeros(n, bool)
    for muscle in (Muscle.ORBICULARIS_ORIS, Muscle.MENTALIS):
        last = PER_MUSCLE * MUSCLES.index(muscle) + PER_MUSCLE - 1
        crossed[last] = True
        templates[last] = spill * potential()
        templates[last, len(FACIAL_MUSCLES) + ACROSS.index(muscle)] = potential()
    return Bank(
        side=side,
        axon=np.arange(n),
        pool=target.copy(),
        target=target,
        branch=np.where(target == len(MUSCLES) - 1, -1, 0),
        crossed=crossed,
        second=np.zeros(n, bool),
        rank=np.linspace(0, 1, n),
        velocity_m_s=np.full(n, 51.0),
        path_mm=np.full(n, 100.0),
        terminal=np.ones(n),
        junction_ms=np.full(n, 0.85),
        dispersion_ms=np.zeros(n),
        jitter_ms=np.zeros(n),
        theta=np.ones(n),
        chronaxie_ms=np.full(n, 0.28),
        state=np.ones(n, np.int8),
        blocked=np.zeros(n, bool),
        ephaptic=np.zeros(n, bool),
        healthy_units=np.bincount(target[~crossed], minlength=len(MUSCLES)),
        templates_uv=templates.astype(np.float32),
    )


def spikes(rows, times_ms, origin="direct"):
    rows = np.asarray(rows, np.intp)
    return Spikes(rows, np.broadcast_to(np.asarray(times_ms, float), rows.shape).copy(), origins(origin, rows.size))


def origins(origin, n):
    return np.full(n, ORIGINS.index(origin), np.int8)


def told(left, right=None, *, of=None):
    banks = {Side.LEFT: of or bank(), Side.RIGHT: bank(Side.RIGHT)}
    silence = Spikes.joined([])
    halves = {
        Side.LEFT: Half.of(banks[Side.LEFT], left),
        Side.RIGHT: Half.of(banks[Side.RIGHT], silence if right is None else right),
    }
    return truth.channel_truth(halves, {side: Supply.of(b) for side, b in banks.items()}, names=NAMES), halves


def rows_of(*muscles):
    return [PER_MUSCLE * MUSCLES.index(m) + k for m in muscles for k in range(PER_MUSCLE)]


NAS = rows_of(Muscle.NASALIS)


def test_a_line_is_json_with_exactly_the_promised_keys_for_every_channel():
    channels, _ = told(spikes(NAS, 3.0))
    assert json.loads(json.dumps(channels, allow_nan=False)) == channels
    assert tuple(channels) == NAMES
    for entry in channels.values():
        assert set(entry) == KEYS
        assert set(entry["app"]) == set(entry["clin"]) == {"neg_uv", "pp_uv", "area"}
        assert set(entry["own"]) == {"neg_uv", "pp_uv", "area", "t_theta", "negdur_ms", "dur_ms"}


def test_the_waves_are_those_of_the_units_at_their_times():
    _, halves = told(spikes(NAS, [3.0, 3.4321, 4.1]))
    expected = sum(
        np.interp(T_MS - t, np.arange(TEMPLATE_SAMPLES) / RATE_KHZ, potential(), 0, 0) for t in (3, 3.4321, 4.1)
    )
    seen = truth.apparent(halves, onsets.START_MS, onsets.SAMPLES, onsets.RATE_KHZ)
    # linear interpolation between samples errs by a few hundredths of a microvolt
    assert seen[NAMES.index("left.nasalis")] == pytest.approx(expected, abs=0.2)
    assert seen[NAMES.index("right.frontalis")] == pytest.approx(0, abs=1e-9)


def test_the_onsets_stand_in_their_order_and_counts_tell_who_fired():
    entry = told(spikes(NAS[:2], [3.2, 3.0]))[0]["left.nasalis"]
    assert entry["t_nmj"] == 3.0
    assert entry["t_nmj"] < entry["t_ref"] < entry["t_theta"] < entry["peak_ms"]
    assert entry["t_clin"] == pytest.approx(entry["t_theta"], abs=0.02)
    assert entry["first_ms"] == pytest.approx(entry["t_theta"], abs=1e-4)
    assert entry["t10uV"] == entry["t_theta"]
    assert entry["t10uV"] < entry["t20uV"]
    assert (entry["n_fired"], entry["n_wrong"]) == (2, 0)
    assert entry["recruited"] == pytest.approx(2 / 3, abs=1e-6)
    assert entry["alive"] == 1
    assert entry["dur_ms"] > entry["negdur_ms"] > 2


def test_what_is_not_there_is_null_or_nought():
    channels, _ = told(Spikes.joined([]))
    for entry in channels.values():
        assert all(entry[key] is None for key in KEYS if key.startswith("t_") or key.endswith("_ms"))
        assert entry["app"]["pp_uv"] == entry["own"]["pp_uv"] == entry["n_fired"] == 0


def test_own_is_the_channels_muscle_and_the_rest_is_crosstalk():
    channels, _ = told(spikes(NAS + rows_of(Muscle.FRONTALIS), 3.0))
    nasalis, silent = channels["left.nasalis"], channels["left.platysma"]
    assert nasalis["own"]["neg_uv"] == pytest.approx(300, abs=1)
    assert nasalis["app"]["neg_uv"] == pytest.approx(330, abs=1)
    assert nasalis["crosstalk_uv"] == pytest.approx(0.1 * nasalis["own"]["pp_uv"], rel=0.01)
    assert silent["own"]["pp_uv"] == 0
    assert silent["t_nmj"] is None
    assert silent["app"]["neg_uv"] == pytest.approx(60, abs=1)
    assert silent["t_theta"] is not None


def test_a_unit_across_the_midline_belongs_to_the_muscle_it_lies_in():
    mentalis = rows_of(Muscle.MENTALIS)
    channels, _ = told(spikes(mentalis, 3.0))
    near, far = channels["left.mentalis"], channels["right.mentalis"]
    assert near["own"]["neg_uv"] == pytest.approx(200, abs=1)
    assert near["app"]["neg_uv"] == pytest.approx(210, abs=1)
    assert far["own"]["neg_uv"] == pytest.approx(100, abs=1)
    assert far["app"]["neg_uv"] == pytest.approx(120, abs=1)
    assert (near["n_fired"], near["recruited"], near["alive"]) == (2, 1, 1)
    # the other half's nerve did nothing
    assert (far["n_fired"], far["t_nmj"]) == (0, None)


def test_both_halves_add_up():
    left, right = spikes(NAS, 3.0), spikes(rows_of(Muscle.ORBICULARIS_ORIS), 4.0)
    alone, together = told(left)[1], told(left, right)[1]
    grid = (onsets.START_MS, 500, 20.0)
    rest = truth.apparent({Side.RIGHT: together[Side.RIGHT]}, *grid)
    assert truth.apparent(together, *grid) == pytest.approx(truth.apparent(alone, *grid) + rest, abs=1e-9)
    assert np.ptp(rest[NAMES.index("left.orbicularis_oris")]) > 30


def test_the_wrong_pool_is_counted():
    mixed = bank()
    pool = mixed.pool.copy()
    pool[NAS[0]] = MUSCLES.index(Muscle.ORBICULARIS_OCULI)
    entry = told(spikes(NAS, 3.0), of=replace(mixed, pool=pool))[0]["left.nasalis"]
    assert (entry["n_fired"], entry["n_wrong"]) == (3, 1)
    assert entry["misrouted"] == pytest.approx(1 / 3, abs=1e-6)


def test_the_masseter_and_each_late_answer_stand_alone():
    parts = [
        spikes(NAS, 3.0),
        spikes(rows_of(Muscle.MASSETER), 1.4),
        spikes(rows_of(Muscle.ORBICULARIS_OCULI)[:1], 8.0, "axon_reflex"),
        spikes(rows_of(Muscle.ORBICULARIS_OCULI)[1:2], 8.0, "ephaptic"),
        spikes(NAS[:1], 9.0, "f_wave"),
        spikes(rows_of(Muscle.ORBICULARIS_OCULI)[2:], 11.0, "r1"),
        spikes(rows_of(Muscle.ORBICULARIS_OCULI)[2:], 60.0, "r2"),
    ]
    channels, _ = told(Spikes.joined(parts))
    size = float(np.ptp(potential()))
    eye, nose = channels["left.orbicularis_oculi"], channels["left.nasalis"]
    assert nose["masseter_uv"] == pytest.approx(0.3 * size, rel=0.01)
    assert eye["lateral_uv"] == pytest.approx(2 * size, rel=0.01)
    assert 8 < eye["lateral_ms"] < 9
    assert nose["lateral_uv"] == pytest.approx(0.2 * size, rel=0.01)
    assert nose["f_uv"] == pytest.approx(size, rel=0.01)
    assert eye["f_ms"] is None  # 10 uV at its peak at most
    assert eye["r1_uv"] == pytest.approx(size, rel=0.01)
    assert 11 < eye["r1_ms"] < 12
    assert 60 < eye["r2_ms"] < 61
    assert eye["t_nmj"] == 8.0


def test_the_linear_front_end_delays_nothing_and_droops_a_little():
    wave = -1000.0 * np.exp(-(((T_MS - 6) / 1.0) ** 2))
    seen = analog.linear(wave[None], 1e3 * onsets.RATE_KHZ)
    # the high-pass brings the peak forward by 2 pi 5 Hz half its width squared, 16 us
    assert T_MS[np.argmin(seen[0])] == pytest.approx(6 - 0.016, abs=0.004)
    assert seen.min() == pytest.approx(-1000, rel=0.05)
    # a first-order high-pass of 5 Hz leaves an undershoot of 2 pi 5 Hz times the area
    after = seen[0, np.searchsorted(T_MS, 10.0)]
    assert after == pytest.approx(2 * np.pi * 5e-3 * 1000 * np.sqrt(np.pi), rel=0.12)


def evoked():
    banks = {Side.LEFT: bank(), Side.RIGHT: bank(Side.RIGHT)}
    halves = {side: Half.of(b, spikes(NAS, 3.0)) for side, b in banks.items()}
    supplies = {side: Supply.of(b) for side, b in banks.items()}
    return Evoked(halves, supplies, NAMES, lambda t, width: np.full((16, t.size), width))


@pytest.mark.parametrize("rate_khz", [2.0, 20.0, 320.0])
def test_an_answer_is_rendered_on_any_even_grid_and_the_grids_agree(rate_khz):
    answer = evoked()
    t = np.arange(40) / rate_khz + 4.2037
    fine = answer.render(np.arange(320 * 21) / 320 + 4.2037)
    assert answer.render(t) == pytest.approx(fine[:, :: round(320 / rate_khz)][:, :40], abs=1e-6)
    assert answer.render(t[:1]) == pytest.approx(fine[:, :1], abs=1e-6)
    assert answer.render_artefact(t, 0.05).tolist() == np.full((16, 40), 0.05).tolist()


def test_instants_that_are_not_even_are_refused():
    with pytest.raises(ValueError, match="no even grid"):
        evoked().render(np.array([0.0, 0.05, 0.2]))
    with pytest.raises(ValueError, match="no even grid"):
        evoked().render(np.arange(30) * 0.07)

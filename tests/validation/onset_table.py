"""Print the tables of analysis reference 3d and 4 for this package, on synthetic responses with known truth.

    OPENBLAS_NUM_THREADS=1 python tests/validation/onset_table.py [--n 400] [--seed 2026]

A response is the sum of 60 motor-unit potentials of compact support, scaled to a negative peak of 1000 uV, onset 2.5 to
4.0 ms, 20 kHz, -10..40 ms. SNR: negative peak over the RMS of noise to 5 kHz, before any filter, plus hum of 50 and
150 Hz of 0.3 x noise. Errors of the onset are against the noise-free and artefact-free onset of the same shape by the
same definition. The artefact is a 0.2 ms pulse and two exponentials of one sign, either way up; strong: 2-6 mV with
0.1-0.4 ms and 0.2-0.6 mV with 1-3 ms at the pulse's end; mild: a tenth of that.

The tables of patients take the simulated persons' own noise-free waveforms of full recruitment (seeds 1 to 3, the side
of the lesion, every muscle at the trunk and at its branch), scaled to a negative peak of 1000 uV, with the same noise;
`--only patients` prints these alone.
"""

import argparse
import time

import numpy as np
from scipy import signal

from npr_daq.analysis import artefact, conditioning, definitions, evoked, onset_interval

RATE_HZ = 20_000.0
STIMULUS = 200
T_MS = (np.arange(1000) - STIMULUS) / RATE_HZ * 1e3
AT = {"rate_hz": RATE_HZ, "stimulus_sample": STIMULUS}
PULSE = {**AT, "pulse_width_us": 200}
SNRS_DB = (20, 26, 30, 34, 40, 50)
PATIENTS = ("healthy", "branch_loss", "synkinetic_12m", "demyelinating")
PATIENT_SEEDS = (1, 2, 3)
LEAST_UV = 50.0
"""A smaller negative peak is no response to time."""
NOISE_FILTER = signal.butter(4, 5000, fs=RATE_HZ, output="sos")


def responses(rng, count, *, dispersion=1.0, exponents=(2.0, 2.0)):
    out = np.empty((count, len(T_MS)))
    for row in out:
        start = rng.gamma(2.0, 0.25 * rng.uniform(min(dispersion, 1.0), dispersion), 60)
        start += 2.5 + rng.uniform(0, 1.5) - start.min()
        u = (T_MS - start[:, None]) / rng.uniform(3.5, 5.0, 60)[:, None]
        inside = np.where((u > 0) & (u < 1), u, 0.0)
        row[:] = -rng.lognormal(0, 0.6, 60) @ (inside ** rng.uniform(*exponents) * (1 - inside) ** 2 * (0.5 - inside))
        row *= 1000 / -row.min()
    return out


def simulated(name):
    """Waveforms of a simulated person (waveform, time), noise-free, as the electrodes see them."""
    from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch, Side
    from npr_simulators.person.axons import healthy_bank
    from npr_simulators.person.case_file import load_case
    from npr_simulators.person.lesions import lesioned
    from npr_simulators.person.shocked import plateau
    from npr_simulators.person.sites import Site
    from npr_simulators.person.superposition import superpose

    case, first_ms, last_ms = load_case(name), -1.0, 26.0
    out = []
    for seed in PATIENT_SEEDS:
        healthy = healthy_bank(case, seed=seed, side=Side.LEFT, lesion_side=Side.LEFT)
        bank = lesioned(healthy, case.lesion, seed=seed)
        for branch in Branch:
            count = round((last_ms - first_ms) * RATE_HZ / 1e3)
            waves = superpose(bank, plateau(bank, case, Site(branch.value))).rendered(first_ms, count, RATE_HZ / 1e3)
            for muscle in SUPPLIES[branch]:
                shape = np.zeros(len(T_MS))
                begin = STIMULUS + round(first_ms * RATE_HZ / 1e3)
                shape[begin : begin + count] = waves[FACIAL_MUSCLES.index(muscle)]
                if -shape.min() >= LEAST_UV:
                    out.append(shape * 1000 / -shape.min())
    return np.array(out)


def noise(rng, shape, snr_db):
    rms = 1000 * 10 ** (-snr_db / 20)
    white = signal.sosfiltfilt(NOISE_FILTER, rng.standard_normal(shape), axis=-1)
    phase = rng.uniform(0, 2 * np.pi, (2, *shape[:-1], 1))
    hum = np.sin(2 * np.pi * 0.05 * T_MS + phase[0]) + 0.5 * np.sin(2 * np.pi * 0.15 * T_MS + phase[1])
    return white * (rms / white.std()) + hum * (0.3 * rms / np.sqrt(0.625))


def artefacts(rng, count, size, *, opposite=False, third=False):
    after = T_MS - 0.2
    heights = rng.uniform((2000, 200), (6000, 600), (count, 2)) * size
    taus = rng.uniform((0.1, 1.0), (0.4, 3.0), (count, 2))
    parts = heights[..., None] * np.exp(-np.maximum(after, 0) / taus[..., None])
    tail = parts[:, 0] + (-parts[:, 1] if opposite else parts[:, 1])
    if third:
        tail += 0.15 * heights[:, 1:] * np.exp(-np.maximum(after, 0) / 8.0)
    pulse = np.where((T_MS >= 0) & (after < 0), 6000 * size, 0.0)
    return rng.choice([-1.0, 1.0], (count, 1)) * np.where(after >= 0, tail, pulse)


def errors(found, own):
    """Mean, SD, 95 % of the absolute error in ms and failures in percent."""
    error = found - own
    failed = ~(np.abs(error) <= 1)
    good = error[~failed]
    return good.mean(), good.std(), np.percentile(np.abs(good), 95), 100 * failed.mean()


def latency_table(rng, shapes, title):
    print(f"\n{title}, n = {len(shapes)} per row (ms; %)")
    print("| SNR dB | hinge mean | SD | 95 % abs | fail % | 10 % mean | SD | 3 SD back mean | SD | tangent mean | SD "
          "| neg-peak % mean/SD | p-p % mean/SD | disagree % |")  # fmt: skip
    print("|" + " --- |" * 14)
    own, read = evoked.measure(shapes, **AT), definitions.latencies(shapes, **AT)
    means = []
    for snr_db in SNRS_DB:
        sweeps = shapes + noise(rng, shapes.shape, snr_db)
        found, other = evoked.measure(sweeps, **AT), definitions.latencies(sweeps, **AT)
        mean, deviation, bound, failed = errors(found.onset_latency_ms, own.onset_latency_ms)
        means.append(mean)
        ten = errors(other.ten_percent_ms, read.ten_percent_ms)
        back = errors(other.three_sd_back_ms, own.onset_latency_ms)
        tangent = errors(other.tangent_ms, read.tangent_ms)
        flagged = definitions.disagrees(found.onset_latency_ms, other.ten_percent_ms, snr_db=found.snr_db)
        sizes = [100 * (getattr(found, k) / getattr(own, k) - 1) for k in ("negative_peak_mv", "peak_to_peak_mv")]
        print(f"| {snr_db} | {mean:+.3f} | {deviation:.3f} | {bound:.3f} | {failed:.1f} | {ten[0]:+.3f} | {ten[1]:.3f} "
              f"| {back[0]:+.3f} | {back[1]:.3f} | {tangent[0]:+.3f} | {tangent[1]:.3f} "
              f"| {' | '.join(f'{s.mean():+.1f}/{s.std():.1f}' for s in sizes)} | {100 * flagged.mean():.1f} |")  # fmt: skip
    print(
        f"change of the mean hinge, 26 to 50 dB: {means[-1] - means[1]:+.3f} ms (goal 0.02); 3 SD back is against the hinge"
    )


def row(name, sweeps, own, done=None):
    found = evoked.measure(sweeps, **AT)
    mean, deviation, bound, failed = errors(found.onset_latency_ms, own.onset_latency_ms)
    area = 100 * (found.negative_area_mv_ms / own.negative_area_mv_ms - 1)
    area = area[np.isfinite(area)]
    account = " | | |"
    if done is not None:
        share = ", ".join(
            f"{m} {100 * (done.method == m).mean():.0f}" for m in artefact.Method if (done.method == m).any()
        )
        ratio = np.median(done.residual_uv / done.noise_uv)
        account = f" {share} | {ratio:.2f} | {100 * done.clean.mean():.1f} |"
    print(
        f"| {name} | {mean:+.3f} | {deviation:.3f} | {bound:.3f} | {failed:.1f} | {area.mean():+.1f}/{area.std():.1f} |{account}"
    )


def artefact_table(rng, count):
    print(f"\n4  onset and negative area with an artefact, n = {count} per row (ms; %)")
    print(
        "| artefact, SNR, method | mean | SD | 95 % abs | fail % | area % mean/SD | method used % | residual/noise | clean % |"
    )
    print("|" + " --- |" * 9)
    shapes = responses(rng, count)
    own = evoked.measure(shapes, **AT)
    kinds = {
        "mild": {"size": 0.1},
        "strong": {"size": 1.0},
        "strong, opposite signs": {"size": 1.0, "opposite": True},
        "strong, third tail of 8 ms": {"size": 1.0, "third": True},
    }
    for snr_db in (26, 40):
        clean = shapes + noise(rng, shapes.shape, snr_db)
        row(f"no artefact, {snr_db}, untouched", clean, own)
        done = artefact.correct(clean, **PULSE)
        row(f"no artefact, {snr_db}, bi-exponential", done.corrected_uv, own, done)
        for name, keys in kinds.items():
            added = artefacts(rng, count, **keys)
            sweeps = clean + added
            row(f"{name}, {snr_db}, none", sweeps, own)
            done = artefact.correct(sweeps, **PULSE)
            row(f"{name}, {snr_db}, bi-exponential", done.corrected_uv, own, done)
            for repeats, ratio in ((10, 1), (3, 5)):
                under = added[:, None] / ratio + noise(rng, (count, repeats, len(T_MS)), snr_db)
                built = artefact.subthreshold_template(under, **PULSE, current_ma=20 / ratio).template_uv_per_ma
                for word, template in (("plain mean", under.mean(axis=1)), ("template", built)):
                    done = artefact.correct(sweeps, **PULSE, template_uv=template)
                    row(f"{name}, {snr_db}, {word} of {repeats} at I/{ratio}", done.corrected_uv, own, done)


def tolerance_table(seed, count):
    print(
        f"\ndisagreement of hinge and 10 % crossing: false flags in % over 20-50 dB, n = {count} per row and SNR; caught: at 34-50 dB"
    )
    kinds = {"exponent 2": {}, "1.2-3, dispersion 1-3": {"dispersion": 3.0, "exponents": (1.2, 3.0)},
             "dispersion up to 6": {"dispersion": 6.0, "exponents": (1.2, 3.0)}}  # fmt: skip
    used = definitions.TOLERANCE_MS
    for label, start in (("tuning", seed + 1000), ("report", seed + 2000)):
        print(
            f"{label} seed {start}\n| shapes | 0.15 ms | 0.20 | 0.25 | 0.30 | caught at {used:g}: hinge off by 0.5 | 1.0 ms |"
        )
        print("|" + " --- |" * 7)
        for name, keys in kinds.items():
            rng = np.random.default_rng(start)
            shapes = responses(rng, count, **keys)
            false, caught = np.zeros((len(SNRS_DB), 4)), np.zeros((len(SNRS_DB), 2))
            for index, snr_db in enumerate(SNRS_DB):
                sweeps = shapes + noise(rng, shapes.shape, snr_db)
                found, other = evoked.measure(sweeps, **AT), definitions.ten_percent(sweeps, **AT)
                onset, at_snr = found.onset_latency_ms, {"snr_db": found.snr_db}
                for column, tolerance in enumerate((0.15, 0.20, 0.25, 0.30)):
                    flags = definitions.disagrees(onset, other, **at_snr, tolerance_ms=tolerance)
                    false[index, column] = 100 * flags.mean()
                for column, off in enumerate((0.5, 1.0)):
                    moved = onset + rng.choice([-off, off], count)
                    caught[index, column] = 100 * definitions.disagrees(moved, other, **at_snr).mean()
            strong = caught[3:].mean(axis=0)
            print(
                f"| {name} | {' | '.join(f'{f:.2f}' for f in false.mean(axis=0))} | {strong[0]:.0f} | {strong[1]:.0f} |"
            )


def coverage_table(rng, count):
    print(f"\ncoverage of the 95 % interval of the onset, n = {count} series per row, 1000 resamples")
    print(
        "| SNR of a sweep dB | sweeps | covered % | median width ms | without interval % |\n| --- | --- | --- | --- | --- |"
    )
    for snr_db in (20, 26, 34):
        for repeats in (3, 5, 10):
            shapes = responses(rng, count)
            sweeps = shapes[:, None] + noise(rng, (count, repeats, len(T_MS)), snr_db)
            own = evoked.measure(shapes, **AT).onset_latency_ms
            found = onset_interval.bootstrap(sweeps, **AT, seed=1, resamples=1000)
            low, high = found.interval_ms.T
            known = np.isfinite(low)
            covered = 100 * ((low <= own) & (own <= high))[known].mean() if known.any() else np.nan
            print(
                f"| {snr_db} | {repeats} | {covered:.1f} | {np.nanmedian(high - low):.3f} | {100 * (~known).mean():.1f} |"
            )


def amplitude_table(rng, count):
    """Peak to peak: of one waveform, of the aligned average of sweeps, and of the readings that ratios are made of."""
    print(f"\npeak to peak over its noise-free value, mean/SD in %, n = {count} shapes per row; SNR of one sweep")
    print("| SNR dB | one sweep, maximum - minimum | the same where the 1.5 kHz path has its extremes | average of 5 "
          "| average of 10 | mean of leave-one-out, 5 | 10 |")  # fmt: skip
    print("|" + " --- |" * 7)
    shapes = responses(rng, count)
    own = evoked.measure(shapes, **AT).peak_to_peak_mv
    window = slice(STIMULUS + 30, STIMULUS + 400)
    for snr_db in SNRS_DB[1:]:
        cells = []
        sweeps = shapes[:, None] + noise(rng, (count, 10, len(T_MS)), snr_db)
        cells.append(evoked.measure(sweeps[:, 0], **AT).peak_to_peak_mv)
        smooth, wide = (
            conditioning.low_pass(sweeps[:, 0], rate_hz=RATE_HZ, corner_hz=c)[:, window] for c in (1500, 3000)
        )
        rows = np.arange(count)
        cells.append((wide[rows, smooth.argmax(axis=1)] - wide[rows, smooth.argmin(axis=1)]) / 1e3)
        for repeats in (5, 10):
            average, _ = evoked.align(sweeps[:, :repeats], **AT)
            cells.append(evoked.measure(average, **AT).peak_to_peak_mv)
        for repeats in (5, 10):
            cells.append(evoked.leave_one_out(sweeps[:, :repeats], **AT).peak_to_peak_mv.mean(axis=1))
        errors_ = [100 * (found / own - 1) for found in cells]
        print(f"| {snr_db} | {' | '.join(f'{e.mean():+.2f}/{e.std():.2f}' for e in errors_)} |")


def patients_table(rng, count):
    for name in PATIENTS:
        shapes = simulated(name)
        own = evoked.measure(shapes, **AT)
        threshold = (own.flags & evoked.Flag.ONSET_BY_THRESHOLD) > 0
        drawn = shapes[~threshold & np.isfinite(own.onset_latency_ms)]
        repeats = -(-count // len(drawn))
        title = f"{name}: {len(shapes)} waveforms, {len(shapes) - len(drawn)} without a hinge when noise-free"
        latency_table(rng, np.repeat(drawn, repeats, axis=0), title)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=400)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--only", choices=["synthetic", "patients"])
    asked = parser.parse_args()
    started = time.perf_counter()
    print(f"seed {asked.seed}, n {asked.n}, 20 kHz, SNR before the filter")
    if asked.only != "patients":
        rng = np.random.default_rng(asked.seed)
        latency_table(rng, responses(rng, asked.n), "3d  onset and size by SNR, no artefact")
        amplitude_table(np.random.default_rng(asked.seed + 4), asked.n)
        artefact_table(np.random.default_rng(asked.seed + 1), asked.n)
        tolerance_table(asked.seed, asked.n // 2)
        coverage_table(np.random.default_rng(asked.seed + 2), max(asked.n // 3, 10))
    if asked.only != "synthetic":
        patients_table(np.random.default_rng(asked.seed + 3), asked.n)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

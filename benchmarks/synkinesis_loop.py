"""The same measures with SciPy and NumPy as one would write them for one pair, in loops over pairs and repetitions."""

import time
from itertools import combinations

import numpy as np
from scipy import signal, stats

ENVELOPE_HZ = 100.0


def envelope(one: np.ndarray, rate_hz: float) -> np.ndarray:
    """RMS over 100 ms at every 10 ms."""
    half, step = round(0.05 * rate_hz), round(rate_hz / ENVELOPE_HZ)
    power = signal.fftconvolve(one.astype(np.float64) ** 2, np.ones(2 * half) / (2 * half), mode="full")
    return np.sqrt(np.maximum(power[half - 1 :: step][: len(one) // step], 0))


def burst(e: np.ndarray, threshold: float, cue: int, release: int) -> tuple[int, int] | None:
    """First and last frame of the burst with the most area that answers the cue."""
    above = np.flatnonzero(e > threshold)
    if not len(above):
        return None
    runs = [r for r in np.split(above, np.flatnonzero(np.diff(above) > 1) + 1) if len(r) >= 5]
    joined: list[list[int]] = []
    for run in runs:
        if joined and run[0] - joined[-1][1] <= 30:
            joined[-1][1] = int(run[-1])
        else:
            joined.append([int(run[0]), int(run[-1])])
    fitting = [j for j in joined if j[1] > cue and j[0] < release]
    if not fitting:
        return None
    first, last = max(fitting, key=lambda j: float((e[j[0] : j[1] + 1] - threshold).sum()))
    return first, last


def follow(x: np.ndarray, y: np.ndarray, first: int, last: int, ratio: float) -> tuple[float, float, int, float]:
    """Correlation at zero lag, its largest value, the lag in frames, and the Deming slope there."""
    best, at = -2.0, 0
    zero = np.nan
    for lag in range(-20, 21):
        a, b = x[first : last + 1], y[first + lag : last + 1 + lag]
        if first + lag < 0 or len(b) < len(a):
            continue
        r = float(np.corrcoef(a, b)[0, 1])
        zero = r if lag == 0 else zero
        if r > best:
            best, at = r, lag
    a, b = x[first : last + 1], y[first + at : last + 1 + at]
    c = np.cov(a, b)
    apart = c[1, 1] - ratio * c[0, 0]
    return zero, best, at, (apart + np.sqrt(apart**2 + 4 * ratio * c[0, 1] ** 2)) / (2 * c[0, 1])


def share(master: list[np.ndarray], slave: list[np.ndarray], rate_hz: float) -> float:
    """Coherence-weighted share of the slave's power that the master's raw signal predicts."""
    x, y = np.concatenate(master), np.concatenate(slave)
    f, c = signal.coherence(x, y, fs=rate_hz, nperseg=128)
    _, p = signal.welch(y, fs=rate_hz, nperseg=128)
    inside = (f >= 20) & (f <= 450)
    return float((c * p)[inside].sum() / p[inside].sum())


def examine(data, rate_hz, rest_s, tasks):
    """Everything of a recording (2, muscle, time); `tasks` are (master, ((cue, release), ...))."""
    sides, muscles, _ = data.shape
    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal clock
        seconds[name] = time.perf_counter() - clock
        clock = time.perf_counter()

    sos = signal.butter(2, (20, 450), "bandpass", fs=rate_hz, output="sos")
    filtered = [[signal.sosfiltfilt(sos, data[s, m]) for m in range(muscles)] for s in range(sides)]
    lap("band-pass")
    e = [[envelope(filtered[s][m], rate_hz) for m in range(muscles)] for s in range(sides)]
    quiet = slice(round(rest_s[0] * 100), round(rest_s[1] * 100))
    noise = np.array([[np.mean(e[s][m][quiet] ** 2) for m in range(muscles)] for s in range(sides)])
    limit = np.array([[e[s][m][quiet].mean() + 3 * e[s][m][quiet].std() for m in range(muscles)] for s in range(sides)])
    lap("envelopes, rest")
    count = len(tasks[0][1])
    power = np.full((sides, len(tasks), muscles, count), np.nan)
    r = np.full_like(power, np.nan)
    shares = np.full((sides, len(tasks), muscles), np.nan)
    for t, (master, cues) in enumerate(tasks):
        cut = [[[] for _ in range(muscles)] for _ in range(sides)]
        for j, (cue, release) in enumerate(cues):
            begin = round((cue - 1) * 100)
            window = slice(begin, round((release + 1.5) * 100))
            place = (100, round((release - cue + 1) * 100))
            both = [burst(e[s][master][window], limit[s, master], *place) for s in range(sides)]
            # The plateau is that of the side that stands out more.
            levels = [
                np.sqrt(np.mean(e[s][master][window][b[0] : b[1] + 1] ** 2) / noise[s, master]) if b else 0.0
                for s, b in enumerate(both)
            ]
            lead = both[int(np.argmax(levels))]
            if lead is None:
                continue
            middle, half = (lead[0] + lead[1]) / 2, min(200, lead[1] - lead[0]) / 2
            flat = slice(begin + round(middle - half), begin + round(middle + half) + 1)
            raw = slice(round(flat.start / 100 * rate_hz), round(flat.stop / 100 * rate_hz))
            for s in range(sides):
                x = np.sqrt(np.maximum(e[s][master][window] ** 2 - noise[s, master], 0))
                for m in range(muscles):
                    burst(e[s][m][window], limit[s, m], *place)
                    y = np.sqrt(np.maximum(e[s][m][window] ** 2 - noise[s, m], 0))
                    power[s, t, m, j] = np.mean(e[s][m][flat] ** 2) - noise[s, m]
                    own = both[s]
                    if own is not None:
                        span = max(0, own[0] - 50), min(len(x) - 1, own[1] + 50)
                        r[s, t, m, j] = follow(x, y, *span, noise[s, m] / noise[s, master])[1]
                    cut[s][m].append(filtered[s][m][raw])
        for s in range(sides):
            for m in range(muscles):
                shares[s, t, m] = share(cut[s][master], cut[s][m], rate_hz)
    lap("208 pairs x 5")
    d = 0.5 * np.log(np.maximum(power[0], noise[0][:, None]) / np.maximum(power[1], noise[1][:, None]))
    for t in range(len(tasks)):
        for m in range(muscles):
            stats.ttest_1samp(d[t, m], 0).confidence_interval(0.95)
            if np.ptp(d[t, m]) > 0:
                stats.bootstrap((d[t, m],), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(1))
    lap("intervals")
    flat_ = data.reshape(sides * muscles, -1)
    values = []
    for one, other in combinations(range(sides * muscles), 2):
        f, c = signal.coherence(flat_[one], flat_[other], fs=rate_hz, nperseg=round(rate_hz / 2))
        values.append(c[f <= 100])
    lap("coherence of 120 pairs")
    return {"q": np.exp(d.mean(axis=-1)), "r": r[1], "coherence": np.array(values), "share": shares, "seconds": seconds}

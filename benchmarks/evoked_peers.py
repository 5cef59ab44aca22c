"""What other packages offer towards the measures of `evoked.measure`, each called the way its documentation shows.

A peer gets sweeps (sweep, channel, time) in microvolts at `RATE_HZ`, with the stimulus at sample `STIMULUS`, and does
the same two low-pass filters, forward and back, where it can. What it has no function for is left out, in its favour;
`OFFERS` says what is done. None of them has a negative area, durations, the noise of the baseline or an SNR.
"""

import importlib
import warnings
from collections.abc import Callable

import numpy as np

RATE_HZ = 20_000.0
STIMULUS = 200
BASELINE = slice(40, 180)
WINDOW = slice(230, 600)
CORNERS_HZ = (1500.0, 3000.0)

OFFERS = {
    "pyemgpipeline": "one filter (from 1 Hz), no onset, peaks by NumPy",
    "MNE": "one filter, baseline, get_peak, no onset",
    "BioSPPy": "two filters, onset by Hodges and Bui, peaks by NumPy",
    "NeuroKit2": "two filters, envelope, onset by threshold, peaks by NumPy",
}
MODULES = {"pyemgpipeline": "pyemgpipeline", "MNE": "mne", "BioSPPy": "biosppy", "NeuroKit2": "neurokit2"}

Run = Callable[[np.ndarray], object]


def peaks(sweep: np.ndarray) -> tuple[float, float]:
    inside = sweep[..., WINDOW]
    return inside.argmin(axis=-1), np.ptp(inside, axis=-1)


def pyemgpipeline(sweeps: np.ndarray) -> object:
    """An object per sweep holds all its channels; the slower filter alone, as there is no onset to take it for."""
    from pyemgpipeline.wrappers import EMGMeasurement

    found = []
    for sweep in sweeps:
        measurement = EMGMeasurement(sweep.T.astype(np.float64), hz=RATE_HZ)
        measurement.apply_dc_offset_remover()
        measurement.apply_bandpass_filter(bf_order=2, bf_cutoff_fq_lo=1, bf_cutoff_fq_hi=CORNERS_HZ[1])
        found.append(peaks(measurement.data.T))
    return found


def mne(sweeps: np.ndarray) -> object:
    """One call filters everything; the peak is asked for sweep by sweep and channel by channel."""
    import mne as package

    channels = sweeps.shape[1]
    info = package.create_info(channels, RATE_HZ, "eeg", verbose="error")
    volts = sweeps.astype(np.float64) / 1e6
    filtered = package.filter.filter_data(
        volts, RATE_HZ, None, CORNERS_HZ[1], method="iir", iir_params={"order": 2, "ftype": "butter"}, verbose="error"
    )
    begin = -STIMULUS / RATE_HZ
    baseline = (begin + BASELINE.start / RATE_HZ, begin + BASELINE.stop / RATE_HZ)
    epochs = package.EpochsArray(filtered, info, tmin=begin, baseline=baseline, verbose="error")
    window = [begin + edge / RATE_HZ for edge in (WINDOW.start, WINDOW.stop)]
    found = []
    for evoked in epochs.iter_evoked():
        for channel in evoked.ch_names:
            one = evoked.copy().pick([channel], verbose="error")
            found.append(one.get_peak(tmin=window[0], tmax=window[1], mode="neg", return_amplitude=True, strict=False))
    return found


def biosppy(sweeps: np.ndarray) -> object:
    """Its detectors take one signal; the rest that they compare with is the baseline."""
    from biosppy.signals import emg, tools

    found = []
    for sweep in sweeps.reshape(-1, sweeps.shape[-1]).astype(np.float64):
        filtered = [
            tools.filter_signal(
                sweep, ftype="butter", band="lowpass", order=2, frequency=corner, sampling_rate=RATE_HZ
            )["signal"]
            for corner in CORNERS_HZ
        ]
        onsets = emg.hodges_bui_onset_detector(
            filtered[0], rest=filtered[0][BASELINE], sampling_rate=RATE_HZ, size=5, threshold=5
        )["onsets"]
        found.append((onsets, peaks(filtered[1])))
    return found


def neurokit2(sweeps: np.ndarray) -> object:
    """Its activation has a threshold of a tenth of the SD by default; that is kept, with 1 ms as least duration."""
    import neurokit2 as package

    found = []
    for sweep in sweeps.reshape(-1, sweeps.shape[-1]).astype(np.float64):
        filtered = [
            package.signal_filter(sweep, sampling_rate=RATE_HZ, highcut=corner, method="butterworth", order=2)
            for corner in CORNERS_HZ
        ]
        size = package.emg_amplitude(filtered[0])
        _, info = package.emg_activation(
            emg_amplitude=size, sampling_rate=RATE_HZ, method="threshold", duration_min=0.001
        )
        found.append((info["EMG_Onsets"], peaks(filtered[1])))
    return found


RUNS: dict[str, Run] = {"pyemgpipeline": pyemgpipeline, "MNE": mne, "BioSPPy": biosppy, "NeuroKit2": neurokit2}


def missing(name: str) -> str:
    """Why this peer cannot be run, nothing where it can."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module(MODULES[name])
        except ImportError as cause:
            return str(cause)
    return ""

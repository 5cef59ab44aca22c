"""The Synkinetic Correlation Test on arrays of your own, without an exam file or an instrument.

python examples/synkinesis_on_arrays.py

Two channels a side, five repetitions: the eye (master) closes, the mouth (slave) should stay silent. Here they are
made of noise: on the affected side the mouth follows the eye three times as strongly as on the healthy one.
"""

import numpy as np

import npr_daq as npr

RATE_HZ, SECONDS, REPETITIONS = 2000.0, 5.0, 5


def side(rng: np.random.Generator, slave_uv: float) -> "npr.analysis.synkinesis.Repetitions":
    """Repetitions of one side: 1 s of rest, 2.5 s of movement, 1.5 s of rest; cut them from your recording."""
    time_s = np.arange(round(RATE_HZ * SECONDS)) / RATE_HZ
    moving = np.clip(np.minimum(time_s - 1.2, 3.7 - time_s) / 0.05, 0, 1)

    def emg(level_uv: float) -> np.ndarray:
        """Noise of 1 uV, and `level_uv` of activity while the movement lasts."""
        shape = (REPETITIONS, time_s.size)
        strength = np.exp(rng.normal(0, 0.1, (REPETITIONS, 1)))
        return level_uv * strength * moving * rng.standard_normal(shape) + rng.standard_normal(shape)

    return npr.analysis.synkinesis.measure(
        emg(40.0),
        emg(slave_uv),
        rate_hz=RATE_HZ,
        rest_master_uv=rng.standard_normal(20_000),
        rest_slave_uv=rng.standard_normal(20_000),
        own_slave_uv=emg(60.0),  # the slave in the task in which it is meant to move
    )


def main() -> None:
    """Measure both sides, compare them, print what there is."""
    rng = np.random.default_rng(1)
    affected, healthy = side(rng, 18.0), side(rng, 6.0)
    found = npr.analysis.synkinesis.compare(affected, healthy, cutoff=npr.analysis.synkinesis.OCULAR_ORAL)
    low, high = found.q_ci95
    print(f"repetitions  {int(found.accepted)} of {int(found.total)}")
    print(f"Q            {found.q:.2f} [{low:.2f} to {high:.2f}]   normalised {found.normalised_q:.2f}")
    print(f"correlation  affected {affected.correlation.mean():.2f}, healthy {healthy.correlation.mean():.2f}")
    print(f"verdict      {found.verdict}: {'; '.join(found.reasons.item()) or 'no reservation'}")


if __name__ == "__main__":
    main()

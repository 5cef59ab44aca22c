"""What a simulated instrument may ask of the patient behind it."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Branch, Muscle, Side


class EvokedResponse(Protocol):
    """What one stimulus does to every channel, exact at any time after the cathodal edge."""

    def render(self, t_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Muscle response in microvolt G1 - G2, shape (channel, time), at `t_ms` from the cathodal edge."""
        ...

    def render_artefact(self, t_ms: NDArray[np.float64], width: float = 0.0) -> NDArray[np.float64]:
        """Stimulus artefact in microvolt, shape (channel, time), each sample a mean over `width` ms."""
        ...

    def truth(self) -> Mapping[str, Any]:
        """The `channels` object of a truth line, JSON-safe."""
        ...


class PatientFace(Protocol):
    """One face under sixteen channels and one stimulator."""

    def place(self, side: Side, site: Branch) -> None:
        """Put the stimulator on the skin at `side`, `site`."""
        ...

    def lift(self) -> None:
        """Take the stimulator off the skin."""
        ...

    def loosen(self, side: Side, muscle: Muscle) -> None:
        """Let an electrode come loose."""
        ...

    def fix(self, side: Side, muscle: Muscle) -> None:
        """Press an electrode on again."""
        ...

    @property
    def loose(self) -> frozenset[int]:
        """Channels whose electrode is loose."""
        ...

    @property
    def placed(self) -> tuple[Side, Branch] | None:
        """Where the stimulator is held; None when it is off the skin."""
        ...

    def impedance_kohm(self) -> NDArray[np.float64]:
        """Impedance of G1 and G2 of every channel, shape (channel, 2)."""
        ...

    def answers(self) -> Mapping[str, Any]:
        """The patient's own answers to the intake, JSON-safe."""
        ...

    def evoke(self, *, current_ma: float, width_us: float, ordinal: int) -> EvokedResponse | None:
        """The response to one pulse; None when the stimulator is not on the skin."""
        ...

    def background(self, stream_id: int, first_sample: int, n: int, rate_hz: float) -> NDArray[np.float32]:
        """What the electrodes see without a stimulus, microvolt, shape (channel, n); equal for any slicing."""
        ...

    def header(self) -> Mapping[str, Any]:
        """Patient, seed and hash, JSON-safe."""
        ...

    def plateau_truth(self) -> Mapping[str, Any]:
        """Amplitudes at full recruitment by site and muscle, JSON-safe."""
        ...

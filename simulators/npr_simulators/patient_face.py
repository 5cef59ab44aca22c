"""What a simulated instrument may ask of the patient behind it."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import Branch, Muscle, Side
from npr_simulators.person.sites import Site


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

    @property
    def name(self) -> str:
        """What the patient is called."""
        ...

    def wake(self) -> None:
        """Work out now whatever takes seconds; later calls answer within the time in which an instrument must."""
        ...

    @property
    def tasks(self) -> tuple[str, ...]:
        """The movements that can be asked for, by name; `rest` among them."""
        ...

    def place(
        self,
        side: Side,
        site: Site,
        *,
        offset_mm: float | None = None,
        anterior_mm: float | None = None,
        anode_first: bool | None = None,
    ) -> None:
        """Put the stimulator on the skin at `side`, `site`; what is None is as the patient's file has it.

        Raises UsageError for a place where this patient cannot be stimulated.
        """
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

    def disturb(self, *, hum: float) -> None:
        """Let the room hum `hum` times as much as the patient's file says, from now on."""
        ...

    def cough(self, stream_id: int, second: float) -> None:
        """Let the patient cough at `second` of a stream."""
        ...

    @property
    def loose(self) -> frozenset[int]:
        """Channels whose electrode is loose."""
        ...

    @property
    def placed(self) -> tuple[Side, Site | Branch] | None:
        """Where the stimulator is held; None when it is off the skin."""
        ...

    def impedance_kohm(self) -> NDArray[np.float64]:
        """Impedance of G1 and G2 of every channel, shape (channel, 2)."""
        ...

    def answers(self) -> Mapping[str, Any]:
        """The patient's own answers to the intake, JSON-safe."""
        ...

    def evoke(
        self, *, current_ma: float, width_us: float, ordinal: int, reversed: bool = False, at_s: float = 0.0
    ) -> EvokedResponse | None:
        """The response to one pulse; None when the stimulator is not on the skin.

        `reversed` has the anode where the cathode should be; `at_s` is the device's second of the pulse, from which
        the face knows how long ago the last one was.
        """
        ...

    def cue(
        self, *, task: str, effort: float, seconds: float, stream_id: int, sample: int, rate_hz: float
    ) -> Mapping[str, Any]:
        """Ask for a movement: what the patient makes of it begins after `sample` of `stream_id`.

        Gives the truth of it, JSON-safe; raises UsageError for a task that is not in `tasks`.
        """
        ...

    def voice(self) -> list[Mapping[str, Any]]:
        """What the patient has said since the last call: `said` ("hurts" or "stop"), `score` 0 to 10, `ordinal`."""
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

"""An exam file in the hand: stored findings, new analysis, waveforms; the file is never modified."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from npr_daq.errors import RecordingError, UsageError
from npr_daq.findings import DEFAULT, Findings, Parameters, compute
from npr_daq.recording import Recording, Sweep
from npr_daq.storage.reader import ExamFile

if TYPE_CHECKING:
    from xarray import DataTree


class Exam:
    """A sealed exam, read when asked for; a context manager."""

    def __init__(self, file: ExamFile) -> None:
        self._file = file

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._file.path

    @property
    def header(self) -> Mapping[str, Any]:
        """What was known before the first shock: exam id, subject, affected, protocol, device, intake, software."""
        return self._file.header

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Root attributes of the file: format, checksums, whether simulated, whether recovered."""
        return self._file.attrs

    @property
    def simulated(self) -> bool:
        """Whether any of it is simulated."""
        return bool(self.attrs.get("simulated"))

    @cached_property
    def recording(self) -> Recording:
        """Everything as it was recorded, all samples in memory."""
        return self._file.recording()

    @cached_property
    def findings(self) -> Findings:
        """The findings as sealed; computed now only where the file has none."""
        stored = self._file.findings_json
        return self.analyse() if stored is None else Findings.from_json(stored)

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters of the stored findings; those this program does not know any more are left out."""
        stored = self._file.findings_json
        if stored is None:
            return DEFAULT
        kept = Findings.from_json(stored).provenance.get("parameters") or {}
        known = DEFAULT.to_dict()
        try:
            return DEFAULT.with_overrides({key: value for key, value in kept.items() if key in known})
        except UsageError as cause:
            raise RecordingError(f"the parameters stored in {self.path} make no sense: {cause}") from cause

    def analyse(self, **overrides: Any) -> Findings:
        """New findings from the raw data, with the stored parameters except for `overrides`; the file is untouched.

        Raises UsageError for a parameter that does not exist, naming the nearest.
        """
        parameters = self.parameters.with_overrides(overrides) if overrides else self.parameters
        return compute(self.recording, parameters=parameters, raw_sha256=self.attrs.get("raw_sha256"))

    def sweeps(self, step: str) -> tuple[Sweep, ...]:
        """The sweeps of one step, in the order they were given; raises UsageError for an unknown step."""
        if step not in self.recording.steps:
            known = ", ".join(self.recording.steps) or "none"
            raise UsageError(f"{self.path.name} has no step {step!r}; it has {known}")
        return tuple(s for s in self.recording.sweeps if s.step == step)

    def to_xarray(self) -> "DataTree":
        """The whole file as a DataTree with dims, units and coordinates; needs the extra `xarray`."""
        return self._file.to_xarray()

    def close(self) -> None:
        """Give the file back; harmless twice. What was read before stays usable."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Exam {self.path.name}{' SIMULATED' if self.simulated else ''}>"


def open_exam(path: str | Path) -> Exam:
    """Open an exam file; raises RecordingError in one sentence for a foreign, newer or damaged file."""
    return Exam(ExamFile(path))

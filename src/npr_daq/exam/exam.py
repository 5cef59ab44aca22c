"""An exam file in the hand: stored findings, new analysis, waveforms, edits; the file is never modified."""

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from npr_daq.errors import RecordingError, UsageError
from npr_daq.exam import marking, verification
from npr_daq.exam.analysing import analysed
from npr_daq.findings import DEFAULT, Findings, Parameters
from npr_daq.findings.marks import Place, in_force, marks_of
from npr_daq.findings.norms import reference_of
from npr_daq.recording import Recording, Sweep
from npr_daq.reference import Norms, load_norms
from npr_daq.storage.edits import Edits, Entry, Owner
from npr_daq.storage.edits_file import edits_path, read_edits
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
    def file(self) -> ExamFile:
        """The open file, for those who check it."""
        return self._file

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

    @property
    def edits_path(self) -> Path:
        """Where the edits lie, beside the exam file; there is no such file before the first edit."""
        return edits_path(self.path)

    @property
    def owner(self) -> Owner:
        """What an edits file must name to belong to this exam."""
        return Owner(str(self.attrs.get("session_uuid")), str(self.attrs.get("raw_sha256")))

    @property
    def chain(self) -> Edits:
        """Every edit as it is on the disk now, and the head of the chain, every line proved; as `edits`."""
        return read_edits(self.edits_path, owner=self.owner)

    @property
    def edits(self) -> tuple[Entry, ...]:
        """Every edit since the exam was sealed, oldest first: markers moved by hand, saved analyses.

        Read from `<exam>.edits.jsonl` at every call and proved line by line. RecordingError in one sentence where that
        file is damaged, belongs to another exam or is of a newer version. An empty tuple where nothing was edited.
        """
        return self.chain.entries

    @cached_property
    def norms(self) -> Norms:
        """The reference values that the stored findings were put beside; the published ones where none are stored."""
        stored = self._file.findings_json
        return reference_of({} if stored is None else Findings.from_json(stored).provenance)

    def analyse(self, *, edits: bool = True, norms: Norms | str | Path | None = None, **overrides: Any) -> Findings:
        """New findings from the raw data, with the stored parameters except for `overrides`; the file is untouched.

        `norms` are reference values or the path of a TOML file of them; None: those stored with the findings.
        Markers moved by hand count: rows say what they changed (`edited`), the provenance says which edits; with
        `edits=False` everything is as measured, and the edits file is not opened.
        Raises UsageError for a parameter that does not exist, naming the nearest, and for a wrong file of reference
        values; RecordingError as `edits`.
        """
        parameters = self.parameters.with_overrides(overrides) if overrides else self.parameters
        beside = self.norms if norms is None else norms if isinstance(norms, Norms) else load_norms(norms)
        chain = self.chain if edits else Edits()
        return analysed(self.recording, parameters, self.attrs.get("raw_sha256"), chain, norms=beside)

    def save_analysis(self, findings: Findings, *, by: str, reason: str | None = None) -> Entry:
        """Append to the edits file that `by` has analysed: the parameters and the checksum of `findings`.

        The findings are not stored: the parameters give them again, and `verify` proves it. `findings` are those of
        `analyse`. Durable on return. RecordingError as `edits`, and when the disk fails; then nothing is changed.
        """
        return verification.save(self, findings, by=by, reason=reason)

    def mark(self, place: Place, at_ms: float | None, *, by: str, reason: str | None = None) -> Entry:
        """Move a marker to `at_ms` from the stimulus, or back to where it was measured (None).

        Appends who, when, from where and to where to the edits file; nothing is ever overwritten, the exam file is not
        touched. Durable on return. Raises AnalysisError, and nothing is written, where there is no response to mark,
        outside the response window, or out of order with the other markers; RecordingError as `edits`.
        """
        return marking.move(self, place, at_ms, by=by, reason=reason).entry

    def with_edits(self) -> "Exam":
        """The same exam, whose `findings` are those with the markers moved by hand; itself where none was moved."""
        if not in_force(marks_of(self.edits)):
            return self
        findings = self.analyse()
        edited = copy(self)
        # where cached_property keeps what it has
        vars(edited)["findings"] = findings
        return edited

    def verify(self) -> "verification.Verification":
        """Check everything that can be checked, and say what was found; nothing is raised for a difference.

        Every data set is read against its checksum; `config_sha256`, `raw_sha256`, root attributes and findings tables
        against their contents; the journal, where it lies beside the exam, against `journal_sha256`; the edits against
        their chain. Then the findings are computed again with the stored parameters: equal bit for bit with the same
        versions on the same class of CPU, otherwise every number within 1e-6 relative or 1e-4 of its last printed
        digit, verdicts and flags identical. `difference` is the first thing that does not hold, named by its path.
        """
        return verification.verify(self)

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

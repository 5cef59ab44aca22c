"""Prove an exam file: its checksums, its journal, its edits, and its findings computed once more."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import npr_daq
from npr_daq.errors import RecordingError, UsageError
from npr_daq.exam.analysing import analysed, findings_sha256
from npr_daq.findings import DEFAULT, Findings
from npr_daq.findings.agreement import Difference, agreement, software_of
from npr_daq.findings.marks import ANALYSIS, marks_of
from npr_daq.findings.norms import reference_of
from npr_daq.findings.unfinished import without_findings
from npr_daq.storage import checks
from npr_daq.storage.edits import Draft, Edits, Entry
from npr_daq.storage.edits_file import append
from npr_daq.storage.journal_reader import read_journal
from npr_daq.storage.recovery import recording_from

if TYPE_CHECKING:
    from npr_daq.exam.exam import Exam


_DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, IndexError, MemoryError)
"""What a file whose bytes were changed makes h5py, JSON and us raise, depending on which byte it is."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked: whether it holds, and what was found, in words."""

    name: str
    ok: bool
    said: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything that was checked, in order."""

    exam: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return all(check.ok for check in self.checks)

    @property
    def difference(self) -> str | None:
        """The first thing that does not hold, with its path in the file; None where everything does."""
        return next((check.said for check in self.checks if not check.ok), None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "exam": self.exam, "ok": self.ok, "difference": self.difference,
            "checks": [asdict(check) for check in self.checks],
        }  # fmt: skip


def verify(exam: "Exam") -> Verification:
    """As `Exam.verify`."""
    questions: tuple[tuple[str, Callable[[Exam], str]], ...] = (
        ("data sets", _data_sets),
        ("header", _header),
        ("raw data", _raw),
        ("journal", _journal),
        ("findings tables", _tables),
        ("edits", _edits),
        ("findings", _findings),
        ("saved analyses", _saved),
    )
    return Verification(str(exam.path), tuple(_check(name, question, exam) for name, question in questions))


def save(
    exam: "Exam", findings: Findings, *, by: str, reason: str | None = None, when: datetime | None = None
) -> Entry:
    """As `Exam.save_analysis`."""
    if findings.provenance.get("raw_sha256") != exam.attrs.get("raw_sha256"):
        raise UsageError(f"these findings are not of {exam.path.name}; save those that its `analyse` gave")
    after = {
        "edits": "edits" in findings.provenance,
        "findings_sha256": findings_sha256(findings),
        "parameters": findings.provenance["parameters"],
        "reference": findings.provenance.get("reference"),
        "software": software_of(findings.to_dict()),
    }
    return append(
        exam.edits_path,
        Draft(by, ANALYSIS, {}, None, after, reason),
        owner=exam.owner,
        when=when or datetime.now(UTC),
        software=f"npr-daq {npr_daq.__version__}",
    )


def _check(name: str, question: "Callable[[Exam], str]", exam: "Exam") -> Check:
    try:
        return Check(name, ok=True, said=question(exam))
    except RecordingError as cause:
        return Check(name, ok=False, said=" ".join(str(cause).split()))
    except _DAMAGE as cause:
        return Check(name, ok=False, said=f"{exam.path.name} is damaged: {' '.join(str(cause).split())}")


def _data_sets(exam: "Exam") -> str:
    return f"{checks.data_sets(exam.file)} data sets read against their checksums"


def _header(exam: "Exam") -> str:
    checks.header(exam.file)
    return "config_sha256 and the root attributes fit"


def _raw(exam: "Exam") -> str:
    return f"raw_sha256 {checks.raw(exam.file)} fits"


def _journal(exam: "Exam") -> str:
    said = exam.attrs.get("journal_sha256")
    if said is None:
        return "the file names no journal that it was made of"
    path = exam.path.with_suffix(".jrn.done")
    if not path.exists():
        return f"not checked: the journal {path.name} does not lie beside the exam"
    contents = read_journal(path)
    if contents.sha256 != said or len(contents.data) != exam.attrs.get("journal_bytes"):
        raise RecordingError(
            f"/journal_sha256: {path.name} is not the journal that the exam was made of "
            f"({len(contents.data)} bytes, {exam.attrs.get('journal_bytes')} were sealed)"
        )
    checks.against(exam.file, recording_from(contents))
    return f"journal_sha256 fits {path.name}, and every raw value is the journal's"


def _tables(exam: "Exam") -> str:
    stored = exam.file.findings_json
    if stored is None:
        return "no findings are stored"
    tables = Findings.from_json(stored).tables()
    return f"{checks.findings_tables(exam.file, tables)} tables are those of the findings' JSON"


def _edits(exam: "Exam") -> str:
    chain = exam.chain
    if chain.head is None:
        return "nothing was edited"
    marks_of(chain.entries)
    return f"{len(chain.entries)} entries, chain whole, head {chain.head}"


def _findings(exam: "Exam") -> str:
    text = exam.file.findings_json
    if text is None:
        return "no findings are stored"
    stored, computed = json.loads(text), _again(exam).to_dict()
    found = agreement(stored, computed)
    if found.difference is not None:
        raise RecordingError(_differ(found.difference, stored, computed, exact=found.exact))
    how = "bit for bit, same versions and class of CPU" if found.exact else f"within tolerance, {_versions(stored)}"
    added = f"; not in the file, so not compared: {', '.join(found.added)}" if found.added else ""
    return f"computed again and equal ({how}){added}"


def _again(exam: "Exam") -> Findings:
    try:
        return exam.analyse(edits=False)
    except RecordingError:
        raise
    except Exception as cause:  # noqa: BLE001  (as sealing does, so that what could not be computed compares equal)
        return without_findings(exam.recording, exam.attrs.get("raw_sha256"), cause)


def _saved(exam: "Exam") -> str:
    chain = exam.chain
    saved = [entry for entry in chain.entries if entry.what == ANALYSIS]
    if not saved:
        return "none"
    same = aside = 0
    for entry in saved:
        try:
            after: Mapping[str, Any] = entry.after
            known = DEFAULT.to_dict()
            parameters = DEFAULT.with_overrides({k: v for k, v in after["parameters"].items() if k in known})
            norms = reference_of(after)
            then = Edits(chain.entries[: entry.n - 1], entry.previous) if after["edits"] else Edits()
            digest, software = str(after["findings_sha256"]), after["software"]
        except (KeyError, TypeError, AttributeError, UsageError) as cause:
            raise RecordingError(f"{exam.edits_path.name}: entry {entry.n} is no analysis ({cause})") from cause
        computed = analysed(exam.recording, parameters, exam.attrs.get("raw_sha256"), then, norms=norms)
        if software_of(computed.to_dict()) != software:
            aside += 1
        elif findings_sha256(computed) != digest:
            raise RecordingError(
                f"{exam.edits_path.name}: entry {entry.n}: the findings have the checksum "
                f"{findings_sha256(computed)[:16]}... with these parameters, {digest[:16]}... was saved"
            )
        else:
            same += 1
    told = f"{same} of {len(saved)} computed again and equal bit for bit"
    return told + (f"; {aside} made with other versions, whose checksum says nothing here" if aside else "")


def _differ(difference: Difference, stored: Mapping[str, Any], computed: Mapping[str, Any], *, exact: bool) -> str:
    rows = [part for part in (_row(difference.path, stored), _row(difference.path, computed)) if part]
    where = f" ({rows[0]})" if rows else ""
    how = "same versions and class of CPU, so every bit counts" if exact else _versions(stored)
    return f"/findings/json: {difference}{where}; {how}"


def _row(path: str, findings: Mapping[str, Any]) -> str | None:
    """The row of a path in words: `conduction[3].onset_latency_ms` is of the left buccal nasalis."""
    table, _, rest = path.partition("[")
    try:
        row = findings[table][int(rest.partition("]")[0])]
        named = [row.get(key) for key in ("side", "branch", "stimulated", "muscle", "recorded", "site")]
    except (KeyError, ValueError, IndexError, TypeError, AttributeError):
        return None
    return " ".join(dict.fromkeys(str(word).replace("_", " ") for word in named if word)) or None


def _versions(stored: Mapping[str, Any]) -> str:
    made = ", ".join(f"{name} {value}" for name, value in software_of(stored).items() if value)
    return f"stored with {made or 'unknown versions'}"

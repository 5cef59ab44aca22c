"""Findings: everything that was measured in an exam, as tables and as one JSON object."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from npr_daq.errors import RecordingError
from npr_daq.findings.late_rows import ExcitabilityRow, LateRow, ReflexRow, SpreadMatrixRow, TrainRow
from npr_daq.findings.norms import NormRow
from npr_daq.findings.rows import Artefact, ConductionRow, DoseRow, Quality, SpreadRow, Supramaximal, SymmetryRow
from npr_daq.findings.summed import SummedRow
from npr_daq.findings.synkinesis import Synkinesis, following_row, tone_row
from npr_daq.findings.synkinesis_rows import FollowingRow, ToneRow
from npr_daq.findings.table import TableView, plain
from npr_daq.storage.table import Table

FORMAT = "npr-daq findings"
VERSION = 1

R = TypeVar("R")


@dataclass(frozen=True, eq=True)
class Findings:
    """Measurements of one exam with their provenance; never a diagnosis. Compare with `==`, print with `to_dict`."""

    exam: Mapping[str, Any]
    provenance: Mapping[str, Any]
    conduction: TableView[ConductionRow]
    symmetry: TableView[SymmetryRow]
    evoked_spread: TableView[SpreadRow]
    dose: TableView[DoseRow]
    quality: Mapping[str, Any]
    synkinesis: Synkinesis = field(default_factory=Synkinesis)
    tone: TableView[ToneRow] = field(default_factory=lambda: TableView(ToneRow))
    following: TableView[FollowingRow] = field(default_factory=lambda: TableView(FollowingRow))
    reflex: TableView[ReflexRow] = field(default_factory=lambda: TableView(ReflexRow))
    late: TableView[LateRow] = field(default_factory=lambda: TableView(LateRow))
    train: TableView[TrainRow] = field(default_factory=lambda: TableView(TrainRow))
    excitability: TableView[ExcitabilityRow] = field(default_factory=lambda: TableView(ExcitabilityRow))
    spread_matrix: TableView[SpreadMatrixRow] = field(default_factory=lambda: TableView(SpreadMatrixRow))
    summed: TableView[SummedRow] = field(default_factory=lambda: TableView(SummedRow))
    norms: TableView[NormRow] = field(default_factory=lambda: TableView(NormRow))

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `npr-daq analyse --json`: no NaN, no tuple, nothing that json.dumps refuses."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "exam": plain(self.exam),
            "provenance": plain(self.provenance),
            "conduction": self.conduction.to_dicts(),
            "symmetry": self.symmetry.to_dicts(),
            "summed": self.summed.to_dicts(),
            "norms": self.norms.to_dicts(),
            "evoked_spread": self.evoked_spread.to_dicts(),
            "synkinesis": self.synkinesis.to_dict(),
            "tone": self.tone.to_dicts(),
            "following": self.following.to_dicts(),
            "reflex": self.reflex.to_dicts(),
            "late": self.late.to_dicts(),
            "train": self.train.to_dicts(),
            "excitability": self.excitability.to_dicts(),
            "spread_matrix": self.spread_matrix.to_dicts(),
            "dose": self.dose.to_dicts(),
            "quality": plain(self.quality),
        }

    def to_json(self) -> str:
        """`to_dict` as text, two spaces of indent; refuses NaN."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False, ensure_ascii=False)

    def tables(self) -> dict[str, Table]:
        """Flat tables with units for the exam file's `/findings` group, by table name."""
        named: dict[str, TableView[Any]] = {
            "conduction": self.conduction,
            "symmetry": self.symmetry,
            "summed": self.summed,
            "norms": self.norms,
            "evoked_spread": self.evoked_spread,
            "spread_matrix": self.spread_matrix,
            "late": self.late,
            "reflex": self.reflex,
            "train": self.train,
            "excitability": self.excitability,
            "synkinesis": self.synkinesis.pairs,
            "synkinesis_index": self.synkinesis.index_table,
            "repetitions": self.synkinesis.repetitions,
            "tone": self.tone,
            "following": self.following,
            "dose": self.dose,
        }
        return {name: Table(columns=view.columns(), units=view.units()) for name, view in named.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; raises RecordingError for another format, version or shape."""
        if data.get("format") != FORMAT or data.get("version") != VERSION:
            raise RecordingError(
                f"these findings say format {data.get('format')!r} version {data.get('version')!r}; "
                f"this program reads {FORMAT!r} version {VERSION}"
            )
        try:
            return cls(
                exam=data["exam"],
                provenance=data["provenance"],
                conduction=TableView(ConductionRow, [_conduction(row) for row in data["conduction"]]),
                symmetry=TableView(SymmetryRow, [_symmetry(row) for row in data["symmetry"]]),
                evoked_spread=TableView(SpreadRow, [SpreadRow(**row) for row in data["evoked_spread"]]),
                dose=TableView(DoseRow, [DoseRow(**row) for row in data["dose"]]),
                quality=data["quality"],
                # Files of before have these empty, or do not have them.
                synkinesis=Synkinesis.from_dict(data["synkinesis"]),
                tone=TableView(ToneRow, [tone_row(row) for row in data["tone"]]),
                following=TableView(FollowingRow, [following_row(row) for row in data.get("following", ())]),
                reflex=TableView(ReflexRow, [_listed(ReflexRow, row) for row in data["reflex"]]),
                late=TableView(LateRow, [_listed(LateRow, row) for row in data["late"]]),
                train=TableView(TrainRow, [_train(row) for row in data["train"]]),
                excitability=TableView(
                    ExcitabilityRow, [_listed(ExcitabilityRow, row) for row in data.get("excitability", ())]
                ),
                spread_matrix=TableView(SpreadMatrixRow, [_cell(row) for row in data.get("spread_matrix", ())]),
                summed=TableView(SummedRow, [_summed(row) for row in data.get("summed", ())]),
                norms=TableView(NormRow, [NormRow(**row) for row in data.get("norms", ())]),
            )
        except (KeyError, TypeError) as cause:
            raise RecordingError(f"these findings are damaged: {cause}") from cause

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Findings from their JSON text; raises RecordingError where it is no JSON object of ours."""
        try:
            data = json.loads(text)
        except ValueError as cause:
            raise RecordingError(f"these findings are no JSON: {cause}") from cause
        if not isinstance(data, dict):
            raise RecordingError("these findings are not a JSON object")
        return cls.from_dict(data)


def _conduction(row: Mapping[str, Any]) -> ConductionRow:
    values = dict(row)
    supramaximal, quality = values.pop("supramaximal"), values.pop("quality")
    # Files of earlier versions have neither an interval of the onset nor an account of the artefact.
    interval, artefact = values.pop("onset_ci95_ms", None), values.pop("artefact", None)
    return ConductionRow(
        **values,
        onset_ci95_ms=None if interval is None else (interval[0], interval[1]),
        artefact=Artefact(**(artefact or {})),
        supramaximal=Supramaximal(**supramaximal),
        quality=Quality(accepted=quality["accepted"], reasons=tuple(quality["reasons"])),
    )


def _symmetry(row: Mapping[str, Any]) -> SymmetryRow:
    values = dict(row)
    values["ci95_percent"] = _pair(values["ci95_percent"])
    values["area_ci95_percent"] = _pair(values.get("area_ci95_percent"))
    return SymmetryRow(**values)


def _summed(row: Mapping[str, Any]) -> SummedRow:
    lists = {name: tuple(row[name]) for name in ("muscles", "silent", "left_out")}
    return SummedRow(**{**row, **lists, "ci95_percent": _pair(row["ci95_percent"])})


def _listed(row_type: Callable[..., R], row: Mapping[str, Any]) -> R:
    return row_type(**{**row, "reasons": tuple(row["reasons"])})


def _train(row: Mapping[str, Any]) -> TrainRow:
    quality = Quality(accepted=row["quality"]["accepted"], reasons=tuple(row["quality"]["reasons"]))
    return TrainRow(**{**row, "quality": quality, "amplitudes_mv": tuple(row["amplitudes_mv"])})


def _cell(row: Mapping[str, Any]) -> SpreadMatrixRow:
    pairs = {name: _pair(value) for name, value in row.items() if "_ci95_" in name or name.startswith("ci95_")}
    return _listed(SpreadMatrixRow, {**row, **pairs})


def _pair(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return None if ends is None else (ends[0], ends[1])

"""The header of an exam: everything that is known before anything is recorded."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from npr_daq import __version__
from npr_daq.intake import Affected, Intake
from npr_daq.operator import Operator
from npr_daq.session.bench import Bench

if TYPE_CHECKING:
    from npr_daq.protocol import Protocol


def header_for(
    exam_id: str,
    protocol: "Protocol",
    bench: Bench,
    *,
    subject: str,
    affected: Affected,
    intake: Intake,
    operator: Operator,
) -> dict[str, Any]:
    """JSON-safe; who conducts the exam adds limits, steps and what was confirmed."""
    from npr_daq.storage.codec import calibration_to_json, capabilities_to_json, montage_to_json

    return {
        "exam_id": exam_id,
        "subject": subject,
        "affected": affected,
        "protocol": protocol_record(protocol),
        "device": {"uri": _public(bench.uri), **capabilities_to_json(bench.device.capabilities)},
        "simulated": bench.simulated,
        "montage": montage_to_json(bench.montage),
        "calibration": calibration_to_json(bench.device.calibration),
        "intake": intake.stored(),
        "operator": operator.name,
        "software": {"npr-daq": __version__},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def protocol_record(protocol: "Protocol") -> dict[str, Any]:
    """What is kept of the protocol: its text, and that of every file it includes, so that nothing else is needed."""
    kept: dict[str, Any] = {
        "name": protocol.name,
        "title": protocol.title,
        "version": protocol.version,
        "text": protocol.text,
    }
    if protocol.included:
        kept["included"] = dict(protocol.included)
    return kept


def _public(uri: str) -> str:
    """The URI without the control endpoint, which names a private folder."""
    return uri.split("?", 1)[0]

"""Every error of npr-daq, in one tree.

```
NprError
 +- UsageError          the command line or the call asks for something that does not exist
 +- ProtocolFileError   a protocol or intake file is wrong: file, key path, what is allowed
 +- PlanError           outside limits, muscle not in montage; raised before anything moves
 +- IllegalTransition   the caller asked for a forbidden move
 +- TransportError
 |   +- OpenError       no such port, busy, no permission
 |   +- TimedOut        nothing came in time (also a TimeoutError)
 |   +- Closed          the far end has gone
 +- InstrumentError
 |   +- WireError       checksum, sequence, unknown message
 |   +- Refused         the instrument said no, with its code
 +- SafetyTrip          the interlock latched, or a contra-indication refuses stimulation
 +- RecordingError      damaged file, wrong layout version, disk full
 +- AnalysisError       a question the data cannot answer
```

A message is one sentence with the value, the limit, the unit and what to do next. Errors are raised `from` their
cause. `exit_code` is what the command line answers (interface: 2 usage, 3 refused, 4 device, 5 file).
"""

from typing import ClassVar


class NprError(Exception):
    """Root of the tree: something that npr-daq can explain in a sentence."""

    exit_code: ClassVar[int] = 1


class UsageError(NprError):
    """The command line or the call asks for something that does not exist.

    Example: a patient name that no simulator knows.
    """

    exit_code = 2


class ProtocolFileError(NprError):
    """A protocol or intake file is wrong; the message names file, key path and what is allowed."""

    exit_code = 2


class PlanError(NprError):
    """The plan cannot be run: a current outside a limit, a muscle that is not in the montage. Nothing has moved."""

    exit_code = 3


class IllegalTransition(NprError):
    """A forbidden move was asked of a state machine; its state is unchanged.

    Example: `FIRE while SAFE`.
    """

    exit_code = 3


class TransportError(NprError):
    """The line to the instrument failed."""

    exit_code = 4


class OpenError(TransportError):
    """The port or address could not be opened: absent, busy, no permission."""


class TimedOut(TransportError, TimeoutError):
    """Nothing came in time. What was sent may have arrived."""


class Closed(TransportError):
    """The far end has gone, or this end was closed."""


class InstrumentError(NprError):
    """The instrument answered, but not as its document says, or with a refusal."""

    exit_code = 4


class WireError(InstrumentError):
    """Bytes that break the wire specification: checksum, length, sequence, unknown message."""


class Refused(InstrumentError):
    """The instrument said no. `code` is the NAK code of its wire specification."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class SafetyTrip(NprError):
    """Stimulation is refused or the interlock latched; the message carries the first cause."""

    exit_code = 3


class RecordingError(NprError):
    """An exam file or journal is damaged, foreign, of another version, or cannot be written."""

    exit_code = 5


class AnalysisError(NprError):
    """A question that the data cannot answer: wrong shape, no baseline, sync too uncertain for a latency."""

    exit_code = 3

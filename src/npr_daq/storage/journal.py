"""The journal of a running exam: append-only, checked frame by frame, durable before anything is acknowledged."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from npr_daq.errors import RecordingError
from npr_daq.recording import Capture, Event, Gap, PulseReport, Role, Sweep
from npr_daq.stimulus import Stimulus
from npr_daq.storage.codec import event_to_json, gap_to_json, report_to_json, stimulus_to_json
from npr_daq.storage.durable import Sync, check_space, lock, sync_data, sync_folder
from npr_daq.storage.frames import FORMAT_VERSION, MAX_PAYLOAD, FrameType, encode_frame
from npr_daq.storage.text import canonical_json, clean, compact_json
from npr_daq.storage.waveforms import capture_to_json, sweep_to_json

Status = Literal["delivered", "refused", "unknown"]

_PART_BYTES = MAX_PAYLOAD // 2
"""A capture above this is stored in parts of this size, so that no frame comes near the limit."""


class Journal:
    """One segment of a running exam. Every method may be called from any thread.

    `intent` and `sweep` are durable when they return; everything else is durable after the next of those or after
    `sync`. A failed write or sync poisons the journal: it raises RecordingError then and from every later call,
    because the system may have dropped what it could not write and will not say so twice (storage study, 1.7.3).
    What `durable` counted before stays safe.
    """

    def __init__(self, descriptor: int, path: Path, *, sync: Sync, clock_ns: Callable[[], int]) -> None:
        self.path = path
        self._descriptor = descriptor
        self._sync = sync
        self._clock_ns = clock_ns
        self._append_lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._failure: str | None = None
        self._closed = False
        self._appended = 0
        self._durable = 0
        self._seed = 0

    @classmethod
    def create(
        cls,
        path: str | Path,
        header: Mapping[str, Any],
        *,
        need_bytes: int = 0,
        sync: Sync = sync_data,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> Self:
        """A new journal with `header` durable in it, readable by its owner alone; never an existing file.

        `need_bytes` is what the exam is expected to take, journal and exam file together; RecordingError when the
        folder has less. When it raises after the file was made, the file is an empty or torn journal that recovery
        knows as such. `sync` and `clock_ns` stand for the system's.
        """
        path = Path(path)
        if path.suffix != ".jrn":
            raise RecordingError(f"a journal ends in .jrn; {path.name!r} does not, and recovery would never find it")
        document = {"format": "npr-daq journal", "version": FORMAT_VERSION, "exam_id": header.get("exam_id", "")}
        text = canonical_json(header)
        document |= {"header": dict(header), "header_sha256": sha256(text.encode()).hexdigest()}
        encoded = canonical_json(document).encode()
        check_space(path.parent, need_bytes)
        flags = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY | getattr(os, "O_BINARY", 0)
        flags |= getattr(os, "O_CLOEXEC", 0)
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError as cause:
            raise RecordingError(f"the journal {path} exists already; seal it with `npr-daq recover`") from cause
        except OSError as cause:
            raise RecordingError(
                f"the journal {path} cannot be created: {cause.strerror}; choose another folder"
            ) from cause
        journal = cls(descriptor, path, sync=sync, clock_ns=clock_ns)
        try:
            # While the exam runs nobody else may seal it: recovery asks for this lock.
            lock(descriptor, path)
            journal._seed = journal._append(FrameType.HEADER, encoded)
            journal.sync()
            journal._sync_name()
        except RecordingError:
            os.close(descriptor)
            raise
        return journal

    @property
    def appended(self) -> int:
        """Frames written so far, the header included."""
        return self._appended

    @property
    def durable(self) -> int:
        """Frames that are known to survive a power cut."""
        return self._durable

    @property
    def failure(self) -> str | None:
        """What poisoned it: the first cause, how many entries are safe and what to do; None while it is sound."""
        return self._failure

    def intent(
        self, *, stim_seq: int, boot_id: int, step: str, stimulus: Stimulus, role: Role, why: Mapping[str, Any]
    ) -> None:
        """What is about to be fired and why; durable on return, so a shock is never given without a trace."""
        document = {
            "stim_seq": stim_seq,
            "boot_id": boot_id,
            "step": clean(step),
            "stimulus": stimulus_to_json(stimulus),
            "role": str(role),
            "why": dict(why),
        }
        self._store(FrameType.INTENT, document)
        self.sync()

    def outcome(
        self, *, stim_seq: int, boot_id: int, status: Status, report: PulseReport | None = None, text: str = ""
    ) -> None:
        """How an intent ended, where no sweep says it."""
        document = {
            "stim_seq": stim_seq,
            "boot_id": boot_id,
            "status": status,
            "report": None if report is None else report_to_json(report),
            "text": clean(text),
        }
        self._store(FrameType.OUTCOME, document, sample=0 if report is None else report.onset_sample)

    def sweep(self, sweep: Sweep) -> None:
        """A shock and what followed, with the device's report; durable on return."""
        self._store(FrameType.SWEEP, sweep_to_json(sweep), sample=sweep.first_sample, counts=sweep.counts)
        self.sync()

    def capture(self, capture: Capture) -> None:
        """A stretch of continuous recording; one without samples announces `samples` frames of its stream."""
        document = capture_to_json(capture)
        counts = capture.counts
        width = max(1, _PART_BYTES // (4 * max(1, counts.shape[0])))
        for start in range(0, max(1, counts.shape[1]), width):
            part = document | {"offset": start, "total": counts.shape[1]}
            self._store(
                FrameType.CAPTURE,
                part,
                sample=capture.first_sample + start,
                counts=counts[:, start : start + width],
            )

    def samples(self, stream_id: int, first_sample: int, counts: NDArray[np.int32]) -> None:
        """Consecutive samples of an announced capture, shape (channel, time): the fast path, never copied if int32."""
        data = _contiguous(counts)
        text = b'{"stream_id":%d,"shape":[%d,%d]}' % (stream_id, *data.shape)
        self._append(FrameType.SAMPLES, text, sample=first_sample, samples=_bytes_of(data))

    def event(self, event: Event) -> None:
        """Something that happened."""
        self._store(FrameType.EVENT, event_to_json(event), sample=event.sample)

    def gap(self, gap: Gap) -> None:
        """Samples that never arrived."""
        self._store(FrameType.GAP, gap_to_json(gap), sample=gap.first_sample)

    def search(self, step: str, evidence: Mapping[str, Any]) -> None:
        """The evidence of a step's search; the last one of a step counts."""
        self._store(FrameType.SEARCH, {"step": clean(step), "evidence": dict(evidence)})

    def impedance(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Electrode impedances as read, one JSON-safe mapping per electrode pair."""
        self._store(FrameType.IMPEDANCE, {"rows": [dict(row) for row in rows]})

    def judgement(self, *, n: int, role: Role, reason: str) -> None:
        """A later decision about sweep `n`: its role from now on, and why."""
        self._store(FrameType.JUDGEMENT, {"n": n, "role": str(role), "reason": clean(reason)})

    def sync(self) -> None:
        """Make everything appended so far durable; appends by other threads go on meanwhile."""
        with self._sync_lock:
            with self._append_lock:
                self._check()
                target = self._appended
            if target == self._durable:
                return
            try:
                self._sync(self._descriptor)
            except OSError as cause:
                raise self._poison(f"could not be made durable ({cause.strerror or cause})") from cause
            self._durable = target

    def close(self, *, clean: bool) -> None:
        """Give the file back; `clean` writes the end mark that tells recovery that nothing is missing.

        Harmless twice. The file is closed in any case; RecordingError says that the end is not durable, and a
        journal that was poisoned before and is closed as not clean raises nothing more.
        """
        if self._closed:
            return
        try:
            if clean:
                self._store(FrameType.CLEAN_END, {"frames": self._appended})
                self.sync()
            elif self._failure is None:
                self.sync()
        finally:
            with self._sync_lock, self._append_lock:
                self._closed = True
                os.close(self._descriptor)

    def _store(
        self,
        frame_type: FrameType,
        document: Mapping[str, Any],
        *,
        sample: int = 0,
        counts: NDArray[np.int32] | None = None,
    ) -> None:
        if counts is None:
            self._append(frame_type, compact_json(document).encode(), sample=sample)
            return
        data = _contiguous(counts)
        text = compact_json({**document, "shape": list(data.shape)}).encode()
        self._append(frame_type, text, sample=sample, samples=_bytes_of(data))

    def _append(self, frame_type: FrameType, text: bytes, *, sample: int = 0, samples: memoryview | bytes = b"") -> int:
        with self._append_lock:
            self._check()
            pieces = encode_frame(
                frame_type,
                text,
                sequence=self._appended,
                host_ns=self._clock_ns(),
                sample=sample,
                samples=samples,
                seed=self._seed,
            )
            try:
                _write_all(self._descriptor, pieces)
                self._appended += 1
            except OSError as cause:
                raise self._poison_locked(f"could not be written ({cause.strerror or cause})") from cause
            except BaseException:
                # a signal handler raised in between: how much of the frame is in the file is not known
                self._poison_locked("was interrupted while an entry was being written")
                raise
        return int.from_bytes(pieces[2], "little")

    def _sync_name(self) -> None:
        try:
            sync_folder(self.path.parent)
        except OSError as cause:
            raise self._poison(f"could not be made durable in its folder ({cause.strerror or cause})") from cause

    def _check(self) -> None:
        if self._failure is not None:
            raise RecordingError(self._failure)
        if self._closed:
            raise RecordingError(f"the journal {self.path} is closed; nothing more can be stored in it")

    def _poison(self, what: str) -> RecordingError:
        with self._append_lock:
            return self._poison_locked(what)

    def _poison_locked(self, what: str) -> RecordingError:
        if self._failure is None:
            self._failure = (
                f"the journal {self.path} {what}: {self._durable} of {self._appended} entries are safe, nothing later "
                "is sure. Stop stimulating, free or replace the disk, then run "
                f"`npr-daq recover {self.path.parent}`; a new exam starts a new journal"
            )
        return RecordingError(self._failure)


def _contiguous(counts: NDArray[np.int32]) -> NDArray[np.int32]:
    if counts.ndim != 2 or counts.dtype.kind != "i" or counts.dtype.itemsize > 4:
        raise RecordingError(
            f"samples are int32 of shape (channel, time); these are {counts.dtype} of shape {counts.shape}"
        )
    return np.ascontiguousarray(counts, "<i4")


def _bytes_of(data: NDArray[np.int32]) -> memoryview | bytes:
    # a memoryview cannot cast a shape that contains 0
    return data.data.cast("B") if data.size else b""


def _write_all(descriptor: int, pieces: Iterable[memoryview | bytes]) -> None:
    """Write every byte of `pieces`; a short write goes on where it stopped, so that the next one names its cause."""
    views = [memoryview(piece) for piece in pieces if len(piece)]
    while views:
        written = _writev(descriptor, views)
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if views:
            views[0] = views[0][written:]


def _writev(descriptor: int, views: list[memoryview]) -> int:
    if hasattr(os, "writev"):
        return os.writev(descriptor, views)
    return os.write(descriptor, views[0])

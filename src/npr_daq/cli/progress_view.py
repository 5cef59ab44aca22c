"""The running exam on the screen: what moves at its foot, and above it a line for each finished site or task."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from npr_daq.cli.cue_sound import CueSound
from npr_daq.cli.envelope_view import EnvelopeView
from npr_daq.cli.face_course import FaceCourse
from npr_daq.operator import Notice

_PRINTED = {"warning": "yellow", "trip": "bold red", "paused": "yellow", "resumed": "green", "fault": "bold red"}
KEYS = "P pause E end Esc stop"
MOVING_KEYS = "Backspace bad  P pause  E end task  Esc stop"
RESTING_KEYS = "P pause  E end  Esc stop"
NO_KEYS = "Ctrl-C stop"
LEAST_S = 0.04
"""Between two drawings of a face that moves in real time: every envelope is drawn, as it is told."""
FAST_S = 0.1
"""The same where device time runs ahead of the clock: nobody can follow, and the simulation must not wait."""
WORD_S = 1.5


@dataclass(slots=True)
class ProgressView:
    """Shows the newest shock or the moving face, how far the exam is, and the keys that count.

    Off when the console is no terminal: then every repetition is a line. `attended` says that a person answers the
    prompts, by the keys that are shown; a pause is then told by its prompt, and cues are heard by `sound`.
    `time_words` names the time to go: lock-step simulations run on a time of their own.
    """

    console: Console
    attended: bool = True
    time_words: str = "to go"
    affected: str = "none"
    sound: CueSound | None = None
    monotonic_s: Callable[[], float] = time.monotonic
    _live: Live | None = field(init=False, default=None)
    _here: str = field(init=False, default="")
    _shock: str = field(init=False, default="")
    _to_go: str = field(init=False, default="")
    _word: str = field(init=False, default="")
    _word_until: int = field(init=False, default=0)
    _shocks: int = field(init=False, default=0)
    _reading: str = field(init=False, default="")
    _ended: bool = field(init=False, default=False)
    _course: FaceCourse = field(init=False, default_factory=FaceCourse)
    _face: EnvelopeView = field(init=False)
    _word_until_s: float = field(init=False, default=0.0)
    _drawn_s: float = field(init=False, default=-1.0)
    _drawn_sample: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._face = EnvelopeView(self.affected)

    def __enter__(self) -> "ProgressView":
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a terminal that has gone wants nothing cleared
            self._stop()
        if self.sound is not None:
            self.sound.close()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Draw nothing that moves while a person answers a prompt; the newest shock stays above the question."""
        self._stop()
        if self._shock and self.console.is_terminal:
            self.console.print(self._shock, style="dim", markup=False, highlight=False)
        try:
            yield
        finally:
            self._word = ""
            self._start()

    def say(self, text: str) -> None:
        """Show a passing word in place of the keys: for one second at least, at one shock per second."""
        self._word, self._word_until = text, self._shocks + 2
        self._word_until_s = self.monotonic_s() + WORD_S
        self._draw()

    def show(self, notice: Notice) -> None:
        """Show one notice; of envelopes as many as an eye can follow."""
        detail = notice.detail
        if notice.kind == "envelope":
            self._face.take(detail["names"], detail["uv"])
            self._course.envelope(detail)
            if self._live is not None and self._due(detail["sample"], detail["rate_hz"]):
                self._draw()
            return
        self._course.take(notice)
        if self.sound is not None:
            self.sound.take(notice)
        match notice.kind:
            case "sweep":
                self._shocks += 1
                self._shock = self._line(detail)
                if self._shocks >= self._word_until:
                    self._word = ""
            case "progress":
                self._to_go = self._far(detail)
            case "step":
                self._impedance_done(detail)
                self._here, self._shock = notice.text, ""
                self._face.forget()
            case "repetition" if self._live is None:
                self._print(f"{str(detail['task']).replace('_', ' ')}, {self._course.judged}")
            case "impedance":
                self._reading = ""
                self._print(notice.text)
            case "train":
                self._print(notice.text)
            case "accepted":
                self._print(notice.text)
                self._shock = ""
            case "end":
                self._print(notice.text)
                self._ended = True
            case "paused" if self.attended:
                pass
            case kind if kind in _PRINTED:
                if detail.get("step") == self._reading:
                    self._reading = ""
                self._print(f"{kind}: {notice.text}", style=_PRINTED[kind])
        self._draw()

    def lines(self) -> Text:
        """What moves: the face, the newest shock or the step, and below it the keys and the time to go."""
        if self._ended:
            return Text("sealing the exam file ...")
        below = "   ".join(part for part in (self._word or self._keys(), self._to_go) if part)
        if self._course.recording and self._face.seen:
            return self._moving(below)
        return Text("\n".join((self._shock or self._here or "starting", below)), no_wrap=True, overflow="ellipsis")

    def _moving(self, below: str) -> Text:
        width, height = self.console.size
        if len(below) > width:
            below = f"{self._word or self._keys()}\n{self._to_go}"
        ascii_only = self.console.options.ascii_only
        face = self._face.lines(self._course, width=width, height=height - 4, ascii_only=ascii_only)
        return Text("\n", no_wrap=True, overflow="ellipsis").join([*face, Text(""), Text(below)])

    def _keys(self) -> str:
        if not self.attended:
            return NO_KEYS
        if not self._course.recording:
            return KEYS
        return RESTING_KEYS if self._course.resting else MOVING_KEYS

    def _due(self, sample: int, rate_hz: float) -> bool:
        """Whether the face is to be drawn now: never so often that what moves it is held up."""
        now_s = self.monotonic_s()
        passed_s = now_s - self._drawn_s
        ahead = (sample - self._drawn_sample) / rate_hz > 2.0 * passed_s
        if passed_s < (FAST_S if ahead else LEAST_S):
            return False
        self._drawn_s, self._drawn_sample = now_s, sample
        if now_s >= self._word_until_s:
            self._word = ""
        return True

    def _impedance_done(self, detail: Any) -> None:
        """The engine warns of every electrode above its limit: silence until the next step says that none is."""
        if self._reading:
            self._print("impedance: every channel within the limits")
        self._reading = "" if "site" in detail or "kind" in detail else str(detail.get("step", ""))

    def _line(self, detail: Any) -> str:
        place = f"{detail['side']} {str(detail['site']).replace('_', ' ')}"
        return f"{place:25}  shock {self._shocks:<3}  {_numbers(detail)}"

    def _far(self, detail: Any) -> str:
        parts = []
        repetitions = detail.get("repetitions_expected")
        if repetitions and (self._course.recording or not detail.get("shocks_expected")):
            parts.append(f"repetition {min(detail['repetitions'] + 1, repetitions)} of {repetitions}")
        elif expected := detail.get("shocks_expected"):
            parts.append(f"{detail.get('shocks', self._shocks)} of about {expected} shocks")
        if (left := detail.get("time_left_s")) is not None:
            parts.append(f"{_clock(left)} {self.time_words}")
        return ", ".join(parts)

    def _print(self, text: str, style: str = "") -> None:
        kind, colon, rest = text.partition(":") if style else ("", "", text)
        self.console.print(Text.assemble((kind + colon, style), rest))

    def _start(self) -> None:
        if self.console.is_terminal and not self.console.is_dumb_terminal and self._live is None:
            # The streams stay as they are: with --json, stdout must not be turned into lines of this console.
            self._live = Live(
                get_renderable=self.lines,
                console=self.console,
                transient=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def _stop(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def _draw(self) -> None:
        if self._live is not None:
            self._live.refresh()


def _numbers(detail: Any) -> str:
    parts = [f"{detail['current_ma']:.1f} mA"]
    amplitude, latency = detail.get("peak_to_peak_mv"), detail.get("onset_latency_ms")
    if amplitude is None and latency is None:
        parts.append("no response" if detail.get("valid", True) else "no evidence")
    if amplitude is not None:
        parts.append(f"{amplitude:.2f} mV")
    if latency is not None:
        parts.append(f"{latency:.2f} ms")
    return "  ".join(parts)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

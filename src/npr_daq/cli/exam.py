"""`npr-daq exam`: run a protocol with a technician."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from npr_daq.cli.options import JsonFlag, OutDir, ProtocolName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from npr_daq.cli.screen import ExamConsole
    from npr_daq.intake import Affected, Intake
    from npr_daq.montage import Montage
    from npr_daq.operators.keyboard import Keyboard
    from npr_daq.session import Bench, ExamResult, LastVisit, Resumption


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        "exam",
        epilog=(
            "Example: npr-daq exam conduction_extended --device sim:branch_loss --subject P-0042 "
            "--affected left --operator auto"
        ),
    )(exam)


def exam(
    protocol: ProtocolName,
    device: Annotated[
        str, typer.Option("--device", "-d", metavar="URI", help="e.g. frontend@serial:/dev/ttyACM0, or sim:PATIENT.")
    ],
    subject: Annotated[str, typer.Option("--subject", metavar="CODE", help="A code, never a name: P-0042.")],
    affected: Annotated[str, typer.Option("--affected", metavar="SIDE", help="left, right, both or none.")],
    intake: Annotated[
        Path | None, typer.Option("--intake", metavar="FILE.toml", help="Answers to the intake; asked for otherwise.")
    ] = None,
    out: OutDir = Path("exams"),
    operator: Annotated[
        str, typer.Option(metavar="terminal|auto", help="auto: the simulated operator; simulated devices only.")
    ] = "terminal",
    sites: Annotated[
        str | None,
        typer.Option(
            "--sites",
            metavar="TEXT",
            help="Electrodes that are not where the montage says: 'left nasalis 3 mm higher; ...'.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with this subject's newest exam in DIR that ended early.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Run a protocol: prompts, shocks, numbers after each shock; the exam file is sealed whatever happens.

    Keys: Enter accept, R redo, N no response, S skip, B back, P pause, E end the site, Esc stop. During movements:
    Backspace the repetition was bad, P pause, E end the task, Esc stop. Every cue rings the bell (NPR_DAQ_BELL=0:
    silent) and is spoken with NPR_DAQ_SPEAK=1 where spd-say, espeak or say is installed.

    With --json, stdout has one line per stored sweep or repetition and nothing else.

    --resume does only what is left, after a break of at most 12 hours; one file then holds both parts.

    Training: on sim:PATIENT a person at the terminal gets real time; ?speed=max gives lock-step.

    Exit codes: 0 done; 2 wrong command, protocol or intake file; 3 refused before or by a safety rule; 4 device;
    5 file; 6 stopped by the operator, a signal, or because nobody reads the output; 130 Ctrl-C.
    """
    from npr_daq.cli.checks import as_affected
    from npr_daq.cli.screen import ExamConsole, stopped_early
    from npr_daq.errors import UsageError
    from npr_daq.operators.keyboard import ESCAPE, Keyboard
    from npr_daq.protocol import load_protocol
    from npr_daq.session import check_subject, connect, find_unfinished, last_visit, parse_notes

    if operator not in ("terminal", "auto"):
        raise UsageError(f"--operator {operator!r} is not known; use terminal or auto")
    side = as_affected(affected)
    check_subject(subject)
    loaded = load_protocol(protocol)
    console = ExamConsole(on_stderr=json)
    earlier = find_unfinished(out, subject=subject, protocol=loaded, affected=side) if resume else None
    before = last_visit(out, subject)
    for line in (*(earlier.lines() if earlier else ()), *((str(before),) if before else ())):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    automatic = operator == "auto"
    uri = device if automatic else _in_real_time(device, console)
    with Keyboard() as keyboard:
        console.print(f"connecting to {device} ...", markup=False, highlight=False, soft_wrap=True)
        with connect(uri) as bench:
            if bench.simulated:
                console.print(
                    "[bold yellow]SIMULATED[/] patient and instrument; nothing here is a measurement of a person"
                )
            if not automatic and keyboard.forget() == ESCAPE:
                raise stopped_early()
            with keyboard.lines():
                answers = _intake(console, bench, intake, automatic=automatic, needed=loaded.stimulates)
                confirmed = _cautions(console, answers, automatic=automatic) if loaded.stimulates else {}
                placed = parse_notes(sites, bench.montage) if sites is not None else None
                if placed is None and not automatic:
                    placed = ask_sites(console, bench.montage, before)
            result = run(
                console,
                bench,
                protocol,
                subject=subject,
                affected=side,
                out=out,
                intake=answers,
                confirmed=confirmed,
                keyboard=None if automatic else keyboard,
                json=json,
                sites=placed,
                resume=earlier,
            )
    finish(console, result)


def run(
    console: "ExamConsole",
    bench: "Bench",
    protocol: str | Path,
    *,
    subject: str,
    affected: "Affected",
    out: Path,
    intake: "Intake | None",
    confirmed: dict[str, str],
    keyboard: "Keyboard | None",
    json: bool,
    sites: "Mapping[str, str] | None" = None,
    resume: "Resumption | None" = None,
) -> "ExamResult":
    """Conduct one exam with the screen that suits the console; the caller prints the end.

    `keyboard` is that of the person at the bench; None means the simulated operator.
    """
    from dataclasses import replace

    from npr_daq.cli.cue_sound import CueSound, bell_wanted, speech_program
    from npr_daq.cli.progress_view import ProgressView
    from npr_daq.engine.ports import StopRequest
    from npr_daq.errors import UsageError
    from npr_daq.operator import Operator
    from npr_daq.operators import auto
    from npr_daq.operators.terminal import TerminalOperator
    from npr_daq.operators.training import TrainedOperator
    from npr_daq.operators.watched import JsonLines, WatchedOperator
    from npr_daq.session import conduct

    stop = StopRequest()
    unread = False

    def lost() -> None:
        nonlocal unread
        unread = True
        stop.request("terminated")

    console.when_lost = lost
    words = "to go" if bench.clock.wall else "of simulated time to go"
    sound = CueSound(console.bell if bell_wanted() else None, speech_program()) if keyboard is not None else None
    with ProgressView(console, attended=keyboard is not None, time_words=words, affected=affected, sound=sound) as view:
        if keyboard is None:
            inner: Operator = auto(bench)
        elif not sys.stdin.isatty():
            raise UsageError("a person must answer the prompts, and stdin is no terminal; simulated: --operator auto")
        else:
            inner = TerminalOperator(console, keyboard, around=view.hidden, stopped=lambda: stop.cause, say=view.say)
            if bench.simulator is not None:
                inner = TrainedOperator(inner, bench.simulator.client, view.say)
        watched: Operator = WatchedOperator(inner, view, lost)
        if json:
            watched = WatchedOperator(watched, JsonLines(sys.stdout), lost)

        result = conduct(
            protocol,
            bench,
            subject=subject,
            affected=affected,
            operator=watched,
            out=out,
            intake=intake,
            confirmed_cautions=confirmed,
            stop=stop,
            sites=sites,
            resume=resume,
        )
    if unread and result.outcome.cause == "terminated":
        result = replace(result, outcome=replace(result.outcome, cause="unread"))
    return result


def finish(console: "ExamConsole", result: "ExamResult") -> None:
    """Print the table, the path and the next step, then leave with the documented exit code."""
    import shlex

    from npr_daq.exam.exam import open_exam
    from npr_daq.report.terminal import exam_table

    # What is sealed is sealed: a reader that goes away now changes nothing.
    console.when_lost = None
    if not console.stderr:
        with open_exam(result.path) as opened:
            console.print(exam_table(opened.findings, width=console.width))
    for label, text in (("exam", str(result.path)), ("next", f"npr-daq report {shlex.quote(str(result.path))}")):
        console.print(f"{label:8}{text}", soft_wrap=True, highlight=False, markup=False)
    leave(result)


def leave(result: "ExamResult") -> None:
    """Raise the outcome's error, or exit 6 (stopped) or 130 (interrupted); return when all is done."""
    from npr_daq.cli.screen import say_last

    outcome = result.outcome
    sealed = f"what was stored is sealed in {result.path}"
    if outcome.error is not None and outcome.cause != "interrupted":
        outcome.error.add_note(sealed)
        raise outcome.error
    if outcome.cause in ENDED:
        words, code = ENDED[outcome.cause]
        say_last(f"npr-daq: {words}; {sealed}")
        raise typer.Exit(code)


ENDED = {
    "interrupted": ("interrupted by Ctrl-C", 130),
    "operator": ("the exam was stopped by the operator", 6),
    "terminated": ("the exam was asked to end by a signal", 6),
    "unread": ("nobody reads the output any more, so the exam was ended", 6),
}
"""Causes that are no success, in words, with their exit code (interface: 6 stopped, 130 interrupted)."""


def _in_real_time(device: str, console: "ExamConsole") -> str:
    """A simulated patient under a person's hands runs in real time unless the URI says otherwise."""
    from dataclasses import replace

    from npr_daq.device.uri import SIM, parse_uri

    parsed = parse_uri(device)
    if parsed.transport != SIM or "speed" in parsed.options:
        return device
    console.print("training in real time (speed=1); without waiting: ?speed=max")
    return str(replace(parsed, options={**parsed.options, "speed": "1"}))


def ask_sites(console: "ExamConsole", montage: "Montage", before: "LastVisit | None") -> "dict[str, str] | None":
    """Where the electrodes are not as in the montage; asked before the first reading, None where nobody can answer."""
    from npr_daq.cli.intake_form import Form
    from npr_daq.errors import UsageError
    from npr_daq.session import parse_notes

    if not sys.stdin.isatty():
        return None
    form, again = Form(console), "="
    if before is not None:
        console.print(f"  {before}", markup=False, highlight=False, soft_wrap=True)
    choice = f"; {again} as at the last visit" if before is not None and before.notes else ""
    while True:
        said = form.line(f"Electrodes elsewhere than usual? E.g. left nasalis 3 mm higher; ... (Enter no{choice})")
        if said == again and before is not None:
            return dict(before.notes)
        try:
            return parse_notes(said, montage)
        except UsageError as refused:
            form.wrong(str(refused))


def _intake(
    console: "ExamConsole", bench: "Bench", path: Path | None, *, automatic: bool, needed: bool
) -> "Intake | None":
    """The answers of this visit; a protocol that stimulates nothing asks none."""
    from npr_daq.intake import load_intake

    if path is not None:
        return load_intake(path)
    if automatic and bench.simulator is not None:
        return bench.simulator.intake()
    if not needed or not sys.stdin.isatty():
        return None
    from npr_daq.cli.intake_form import ask_intake

    return ask_intake(console)


def _cautions(console: "ExamConsole", intake: "Intake | None", *, automatic: bool) -> dict[str, str]:
    """The operator confirms each caution by name; a simulated operator is never asked to take one over."""
    from npr_daq.cli.intake_form import Form
    from npr_daq.errors import SafetyTrip
    from npr_daq.intake import allowed_stimulation

    if intake is None:
        return {}
    confirmed: dict[str, str] = {}
    for caution in allowed_stimulation(intake).cautions:
        if automatic:
            confirmed[caution] = "simulated operator"
            continue
        if not sys.stdin.isatty() or not Form(console).yes(f"Caution: {caution}. Go on with stimulation?"):
            raise SafetyTrip(f"stimulation is refused: the caution {caution!r} was not confirmed by the operator")
        confirmed[caution] = "terminal"
    return confirmed

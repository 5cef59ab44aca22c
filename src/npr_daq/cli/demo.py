"""`npr-daq demo`: the whole session on a simulated patient, over the real wire."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("demo", epilog="Example: npr-daq demo --patient healthy --seed 3 --out demo-3")(demo)


def demo(
    patient: Annotated[str, typer.Option(metavar="NAME", help="See `npr-daq patients`.")] = "synkinetic_12m",
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the files go.")] = Path("npr-daq-demo"),
    protocol: Annotated[
        str | None, typer.Option(metavar="PROTOCOL", help="Another protocol than the short first visit.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="The whole of the first visit, a few minutes.")] = False,
) -> None:
    """Run a short first visit on a simulated patient, unattended: movements, conduction, blink reflex.

    Writes exam.h5, report.html, patient.html and truth.jsonl into DIR, and prints the tables. Needs no hardware.
    """
    import os
    from dataclasses import replace
    from urllib.parse import quote

    from npr_daq.cli.exam import leave, run
    from npr_daq.cli.screen import ExamConsole
    from npr_daq.errors import UsageError
    from npr_daq.exam.exam import open_exam
    from npr_daq.intake import allowed_stimulation
    from npr_daq.report.html import write_report
    from npr_daq.report.patient_page import write_patient_page
    from npr_daq.report.terminal import exam_table
    from npr_daq.session import connect, ensure_folder

    if full and protocol is not None:
        raise UsageError("--full runs first_visit, --protocol another one; give one of them")
    protocol = protocol or ("first_visit" if full else "first_visit_short")
    console = ExamConsole()
    exam, report, page, truth = (out / name for name in ("exam.h5", "report.html", "patient.html", "truth.jsonl"))
    ensure_folder(out)
    _refuse_to_replace(exam)
    console.print(
        f"[bold yellow]SIMULATED[/] patient {patient}, seed {seed}: {protocol}, over a serial line",
        highlight=False,
    )
    uri = f"sim:{patient}?seed={seed}&truth={quote(str(truth.absolute()))}"
    with connect(uri) as bench:
        assert bench.simulator is not None
        intake = bench.simulator.intake()
        result = run(
            console,
            bench,
            protocol,
            subject=f"DEMO-{seed}",
            affected=intake.affected or "left",
            out=out,
            intake=intake,
            confirmed=dict.fromkeys(allowed_stimulation(intake).cautions, "simulated operator"),
            keyboard=None,
            json=False,
        )
    console.when_lost = None
    os.replace(result.path, exam)
    with console.status("writing the report ..."):
        _drop_journal(result.path, exam)
        with open_exam(exam) as opened:
            write_report(opened, report)
            write_patient_page(opened, page)
            table = exam_table(opened.findings, width=console.width)
    console.print(table)
    for label, path in (("exam", exam), ("report", report), ("patient", page), ("truth", truth)):
        console.print(f"{label:8}{path}", soft_wrap=True, highlight=False)
    leave(replace(result, path=exam))


def _refuse_to_replace(exam: Path) -> None:
    """Only the exam of an earlier demo may be replaced: a simulated one."""
    from npr_daq.errors import RecordingError
    from npr_daq.exam.exam import open_exam

    if not exam.exists():
        return
    with open_exam(exam) as opened:
        if not opened.simulated:
            raise RecordingError(f"{exam} is the exam of a person; choose another folder with --out")


def _drop_journal(sealed: Path, exam: Path) -> None:
    """A demo keeps what it promises, no journal: that goes once the exam file is proved to hold everything."""
    from npr_daq.storage.journal_reader import read_journal
    from npr_daq.storage.reader import ExamFile

    journal = sealed.with_suffix(".jrn.done")
    if not journal.exists():
        return
    with ExamFile(exam) as file:
        same = file.attrs.get("journal_sha256") == read_journal(journal).sha256
        intact = file.raw_sha256() == file.attrs.get("raw_sha256")
    if same and intact:
        journal.unlink()

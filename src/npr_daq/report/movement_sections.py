"""The parts of the page that need no shock: the Synkinetic Correlation Test, resting tone, what kind of following."""

from dataclasses import dataclass

from markupsafe import Markup

from npr_daq.analysis import contraction
from npr_daq.findings.findings import Findings
from npr_daq.recording import Recording
from npr_daq.report.envelope_chart import envelopes
from npr_daq.report.following_sheets import following_sheet
from npr_daq.report.grouped import GroupedSheet
from npr_daq.report.paired import PairedSheet
from npr_daq.report.spread_map import SpreadMaps
from npr_daq.report.synkinesis_map import FULL_DB, synkinesis_maps
from npr_daq.report.synkinesis_sheets import (
    declared_sheet,
    further_sheet,
    other_sheet,
    rejected_sheet,
    repetition_words,
)
from npr_daq.report.synkinesis_tables import moved
from npr_daq.report.synkinesis_words import index_words, legend
from npr_daq.report.tone_sheets import tone_picture, tone_sheet

Figures = tuple[tuple[Markup, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page: heading, first line, tables, heat maps, folded tables, pictures with captions.

    `tables` come first, then maps, `folded` tables, `sheets`, figures, and `last` tables.
    """

    key: str
    title: str
    intro: str = ""
    lead: str = ""
    tables: tuple[GroupedSheet, ...] = ()
    maps: tuple[SpreadMaps, ...] = ()
    folded: tuple[GroupedSheet, ...] = ()
    sheets: tuple[PairedSheet, ...] = ()
    figures: Figures = ()
    last: tuple[GroupedSheet, ...] = ()


def synkinesis_section(findings: Findings, recording: Recording) -> Section | None:
    """The Synkinetic Correlation Test: index and declared pairs, heat maps, all other pairs, envelopes, rejections."""
    found = moved(findings)
    if not found:
        return None
    lead = index_words(found) if found.declared else "No declared pair was recorded: neither verdict nor index."
    drawn = envelopes(findings, found, recording)
    low, high = contraction.BAND_HZ
    caption = (
        f"RMS envelopes ({low:g}–{high:g} Hz, window {contraction.WINDOW_MS:g} ms) of the prime mover "
        "and, with →, of the slaves of the declared pairs; rest not taken off. Grey: every accepted repetition; "
        "thick: their mean. Same gain on both sides of a row. Dashed: cue; shaded: the time to hold. n: repetitions "
        "drawn of those made."
    )
    maps = synkinesis_maps(findings, found)
    shades = (
        f"Maps: both sides shaded at one scale, fully at the strongest slave; the difference fully at "
        f"± {FULL_DB:g} dB, in the colour of the stronger side."
    )
    return Section(
        "synkinesis",
        "Synkinetic Correlation Test",
        intro=" ".join(
            text for text in (repetition_words(found), legend(findings, found), shades if maps else "") if text
        ),
        lead=lead,
        tables=_there(declared_sheet(findings, found)),
        maps=maps,
        folded=_there(other_sheet(findings, found), further_sheet(findings, found)),
        figures=_figures(drawn, caption),
        last=_there(rejected_sheet(found)),
    )


def tone_section(findings: Findings) -> Section | None:
    """Resting tone as table and picture."""
    table = tone_sheet(findings)
    if table is None:
        return None
    caption = "Mean of the single seconds with its 95 % interval, both sides; further to the right is more activity."
    return Section("tone", "Resting tone", tables=(table,), figures=_figures(tone_picture(findings), caption))


def following_section(findings: Findings) -> Section | None:
    """The three kinds of following side by side."""
    table = following_sheet(findings)
    return None if table is None else Section("following", "What kind of following", tables=(table,))


def _there(*sheets: GroupedSheet | None) -> tuple[GroupedSheet, ...]:
    return tuple(sheet for sheet in sheets if sheet is not None)


def _figures(svg: str, text: str) -> Figures:
    # The figures are our own SVG; every text in them went through matplotlib's escaping.
    return ((Markup(svg), text),) if svg else ()

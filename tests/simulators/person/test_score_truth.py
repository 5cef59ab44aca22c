"""The worked example that scores a foreign analyser, on a truth file written from real answers."""

import csv
import json
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from npr_daq.anatomy import Side
from npr_daq.montage import standard_montage
from npr_simulators.person.axons import healthy_bank
from npr_simulators.person.case_file import load_case
from npr_simulators.person.evoked import Evoked
from npr_simulators.person.lesions import lesioned
from npr_simulators.person.sites import Shock, Site
from npr_simulators.person.standing_truth import person_truth, plateau_truth
from npr_simulators.person.truth import Supply
from npr_simulators.truth import TruthFile

SCRIPT = Path(__file__).parents[3] / "examples" / "score_truth.py"
MOVEMENT = {
    "ordinal": 1,
    "performed": "smile_open",
    "channels": {"left.zygomaticus": {"app": {"rms_uv": 40.0}}},
}


@pytest.fixture(scope="module")
def banks():
    case = load_case("branch_loss")
    half = {side: healthy_bank(case, seed=4, side=side, lesion_side=Side.LEFT) for side in Side}
    return case, {side: lesioned(bank, case.lesion_of(side, Side.LEFT), seed=4) for side, bank in half.items()}


@pytest.fixture(scope="module")
def truth_file(banks, tmp_path_factory):
    """Four shocks at the left trunk, four at the right one, one movement."""
    case, both = banks
    header = {**person_truth(both, case, seed=4, lesion_side=Side.LEFT), "plateau": plateau_truth(both, case)}
    path = tmp_path_factory.mktemp("truth") / "truth.jsonl"
    supplies = {side: Supply.of(bank) for side, bank in both.items()}
    with TruthFile(path, header) as sink:
        for n in range(1, 9):
            side = Side.LEFT if n <= 4 else Side.RIGHT
            channels = Evoked.of(
                both,
                case,
                side,
                Shock(Site.TRUNK, 30.0, 200.0, n),
                seed=4,
                lesion_side=Side.LEFT,
                supplies=supplies,
                names=standard_montage().names,
                artefact=lambda t_ms, width: np.zeros((16, t_ms.size)),
            ).truth()
            sink.write({"stim_seq": n, "pulse": 0, "side": str(side), "site": "trunk", "channels": channels})
        sink.write(MOVEMENT)
    return path, header


def results(path, rows, columns=("stim_seq", "channel", "onset_ms", "pp_uv")):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def run(capsys, *arguments):
    runpy.run_path(str(SCRIPT))["main"]([str(word) for word in arguments])
    return capsys.readouterr().out


def told(path, *keys, channel, shocks):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    values = []
    for line in lines:
        if line.get("stim_seq") in shocks:
            value = line["channels"][channel]
            for key in keys:
                value = value[key]
            values.append(value)
    return float(np.mean(values))


def test_a_perfect_analyser_has_no_error_and_sees_the_apparent_ratio(truth_file, tmp_path, capsys):
    path, _ = truth_file
    rows = []
    for muscle in ("nasalis", "orbicularis_oculi"):
        for side, shocks in (("left", (1, 2, 3, 4)), ("right", (5, 6, 7, 8))):
            channel = f"{side}.{muscle}"
            onset = told(path, "t_ref", channel=channel, shocks=shocks)
            pp = told(path, "clin", "pp_uv", channel=channel, shocks=shocks)
            rows.append((";".join(map(str, shocks)), channel, onset, pp))
    said = run(capsys, path, results(tmp_path / "r.csv", rows))
    by_name = {line.split("  ")[0].strip(): line for line in said.splitlines() if line.strip()}
    assert "mean    +0.000" in by_name["onset against t_ref"]
    assert "n    4" in by_name["onset against t_ref"]
    assert "mean    +0.000" in by_name["peak to peak against apparent"]
    assert "mean    +0.000" in by_name["side ratio against apparent"]
    assert by_name["responses missed / invented"].endswith("0 / 0")
    # the reference onset lies before the threshold and behind the junction, and the score says how far
    assert "mean    -0." in said.split("t_ref itself against t_theta")[1].splitlines()[0]
    assert "mean    +0." in said.split("t_ref itself against t_nmj")[1].splitlines()[0]


def test_errors_of_a_bad_analyser_are_told(truth_file, tmp_path, capsys):
    path, _ = truth_file
    onset = told(path, "t_ref", channel="left.nasalis", shocks=(1,))
    pp = told(path, "clin", "pp_uv", channel="left.nasalis", shocks=(1,))
    rows = [(1, "left.nasalis", onset + 0.25, 1.1 * pp), (2, "left.nasalis", "", ""), (3, "right.platysma", 4.0, 50.0)]
    moved = results(tmp_path / "m.csv", [(1, "left.zygomaticus", 50.0)], ("ordinal", "channel", "rms_uv"))
    said = run(capsys, path, results(tmp_path / "r.csv", rows), "--movements", moved)
    assert "mean    +0.250" in said
    assert "mean   +10.000" in said
    assert "1 / 1" in said
    assert "mean   +25.000" in said


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([(99, "left.nasalis", 3, 100)], "line 2: stimulus 99"),
        ([(1, "left.ear", 3, 100)], "channel 'left.ear' is not"),
        ([(1, "left.nasalis", "soon", 100)], "'soon' is not a number"),
    ],
)
def test_a_wrong_row_is_named(truth_file, tmp_path, capsys, rows, complaint):
    with pytest.raises(SystemExit, match=complaint):
        run(capsys, truth_file[0], results(tmp_path / "r.csv", rows))


def test_a_file_of_another_kind_is_refused(truth_file, tmp_path, capsys):
    other = tmp_path / "other.jsonl"
    shutil.copy(truth_file[0], other)
    other.write_text(other.read_text().replace('"version":1', '"version":9', 1))
    with pytest.raises(SystemExit, match="not 'npr-daq truth' 1"):
        run(capsys, other, results(tmp_path / "r.csv", []))
    with pytest.raises(SystemExit, match="column 'pp_uv' is missing"):
        run(capsys, truth_file[0], results(tmp_path / "r.csv", [], ("stim_seq", "channel", "onset_ms")))


def test_the_header_tells_the_lesion_by_muscle_and_the_plateau_by_site(truth_file):
    _, header = truth_file
    assert header["patient"] == "branch_loss"
    assert header["degeneration"]["right.mentalis"] == 0
    assert header["degeneration"]["left.mentalis"] > 0.5
    assert header["misrouting"]["right"]["nasalis"] == {"nasalis": 1.0}
    assert header["blocked"]["left.nasalis"] == 0
    assert header["units"]["left.nasalis"] == 80
    trunk = header["plateau"]["trunk"]
    assert trunk["left"]["mentalis"]["app"]["pp_uv"] < 0.6 * trunk["right"]["mentalis"]["app"]["pp_uv"]
    assert set(header["plateau"]) == {"trunk", "temporal", "zygomatic", "buccal", "marginal_mandibular", "cervical"}
    assert set(header["plateau"]["buccal"]["left"]) == {"nasalis", "zygomaticus", "orbicularis_oris"}


def test_the_plateau_is_what_a_supramaximal_shock_gives(truth_file):
    path, header = truth_file
    for side, shocks in (("left", (1, 2, 3, 4)), ("right", (5, 6, 7, 8))):
        for muscle in ("nasalis", "zygomaticus", "platysma"):
            seen = told(path, "app", "pp_uv", channel=f"{side}.{muscle}", shocks=shocks)
            full = header["plateau"]["trunk"][side][muscle]["app"]["pp_uv"]
            assert seen == pytest.approx(full, rel=0.03)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"stim_seq,channel,onset_ms,pp_uv\n1,left.nasalis,nan,1\n", "'nan' is not a number; leave the cell empty"),
        (b"stim_seq,channel,onset_ms,pp_uv\n,left.nasalis,1,1\n", "line 2: an empty stim_seq is not in the truth"),
        (b"stim_seq;channel;onset_ms;pp_uv\n1;left.nasalis;1;1\n", "with commas between them"),
        (b"\xa0\xff", "it is not UTF-8 text"),
        (None, "check the path"),
    ],
)
def test_a_table_that_is_none_is_one_sentence(truth_file, tmp_path, capsys, text, complaint):
    table = tmp_path / "r.csv"
    if text is not None:
        table.write_bytes(text)
    with pytest.raises(SystemExit, match=complaint):
        run(capsys, truth_file[0], table)


def test_a_spreadsheets_mark_and_cells_left_out_are_read(truth_file, tmp_path, capsys):
    table = tmp_path / "r.csv"
    table.write_bytes(b"\xef\xbb\xbfstim_seq,channel,onset_ms,pp_uv\n1,left.nasalis\n")
    assert "1 / 0" in run(capsys, truth_file[0], table)


def test_a_truth_file_cut_short_is_scored_and_a_spoilt_one_is_not(truth_file, tmp_path, capsys):
    whole = truth_file[0].read_bytes()
    table = results(tmp_path / "r.csv", [(1, "left.nasalis", "", "")])
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(whole + b'{"stim_seq": 9, "chan')
    run(capsys, cut, table)
    for content, complaint in (
        (whole[:500], "no truth file"),
        (b"[1]\n", "no JSON object"),
        (b"", "format and version"),
    ):
        cut.write_bytes(content)
        with pytest.raises(SystemExit, match=complaint):
            run(capsys, cut, table)
    cut.write_bytes(whole.replace(b"\n{", b"\n", 1))
    with pytest.raises(SystemExit, match="line 2: it is no JSON"):
        run(capsys, cut, table)

"""Runs of the survey with options of one's own: what they measure, and pages that claim no more than they show."""

import csv
import io
import json
from pathlib import Path

import pytest

from bench.survey import options as options_of_runs
from bench.survey import run as survey
from bench.survey.claims import claims, left_out
from bench.survey.exports import csv_text, notebook_text
from bench.survey.networks import FASHION_STEPS, NetworkMaker, rows_of
from bench.survey.options import QUICK, SEEDS, SurveyOptions, part_of, rows_named
from bench.survey.own_page import own_page
from bench.survey.page import page, table
from bench.survey.picture import picture
from bench.survey.shares import shares_of
from fewbit.hw.targets.part_list import PartsError
from fewbit.hw.targets.parts import Part
from fewbit.places import HOME

from .test_survey import no_data, result, row

SMALL = Part(name="SMALL", lut=2000, ff=10_000, dsp=5, bram18=100)


def quick_row(name, *_):
    """A made-up row as a quick run has it: of one seed, without parts that are synthesized alone."""
    float32 = name.startswith("float32")
    more = {"kind": "float", "nominal": (32, 32), "dsp": 10, "bits": 282_624} if float32 else {}
    made = row(name, 0.96 if float32 else 0.955, 4000 if float32 else 1500, spread=0.0, **more)
    made["hardware"] |= dict.fromkeys(("unit", "generators", "array", "array_lanes"))
    return made | {"accuracies": [made["accuracy"]]}


def quick_result(names=QUICK, **changed):
    """What a quick run of some rows gives."""
    options = SurveyOptions(quick=True, part=SMALL, **changed)
    return result() | {
        "seeds": [1], "rows": [quick_row(name) for name in names], "sensitivity": {}, "steps": [450], "missing": [],
        "run": options.to_dict(rows_of("digits")),
    }  # fmt: skip


# Which rows


def test_rows_by_names_and_patterns():
    assert rows_named(["lsq-*,ternary-w2a2", "float32"], "digits") == (
        "lsq-w2a2",
        "lsq-w4a4",
        "ternary-w2a2",
        "float32",
    )
    assert rows_named(["lsq-w2a2 lsq-w2a2,"], "digits") == ("lsq-w2a2",)
    assert rows_named(["*"], "digits") == tuple(r.name for r in rows_of("digits"))
    with pytest.raises(ValueError, match=r"no row 'lsq-w2b2' of digits; did you mean lsq-w2a2.*--list prints all"):
        rows_named(["lsq-w2b2"], "digits")
    with pytest.raises(ValueError, match="no row fits 'z.' of digits"):
        rows_named(["float32", "z?"], "digits")
    with pytest.raises(ValueError, match="no row 'xnor-w1a2' of fashion"):
        rows_named(["xnor-w1a2"], "fashion")
    with pytest.raises(ValueError, match="must name rows"):
        rows_named([" ,"], "digits")


def test_quick_rows_are_in_both_data_sets():
    for dataset in ("digits", "fashion"):
        assert set(QUICK) <= {r.name for r in rows_of(dataset)}


def test_what_a_run_is():
    whole, few = SurveyOptions(), SurveyOptions(names=("m5",))
    assert not whole.own and whole.wanted is None and whole.seeds == SEEDS and whole.trained_epochs is None
    assert not few.own and few.wanted == ("m5",)  # the page in docs keeps the others
    quick = SurveyOptions(quick=True)
    assert quick.own and quick.wanted == QUICK and quick.seeds == (1,) and quick.trained_epochs > 0
    assert SurveyOptions(epochs=3, names=("m5",)).wanted == ("float32", "m5")
    assert SurveyOptions(quick=True, epochs=7).trained_epochs == 7
    command = SurveyOptions(dataset="fashion", quick=True, epochs=2, part=SMALL, names=("m5",)).command
    assert command == "python -m bench.survey.run fashion --quick --epochs 2 --part small --formats m5"


def test_runs_that_train_in_other_ways_have_other_folders():
    def builds(**given):
        return SurveyOptions(**given).builds.name

    ways = [builds(), builds(quick=True), builds(epochs=3), builds(epochs=4), builds(quick=True, epochs=3)]
    assert len(set(ways)) == len(ways) and builds(part=SMALL) == builds() == builds(folder=Path("x"))
    assert SurveyOptions(part=SMALL).place.name == "digits-small" and SurveyOptions(folder=Path("x")).place == Path("x")


def test_own_pages_stay_out_of_docs():
    for folder in (HOME / "docs", HOME / "docs" / "x", HOME / "bench" / ".." / "docs"):
        with pytest.raises(ValueError, match="-o must be another folder"):
            SurveyOptions(folder=folder)


def test_epochs_are_steps(monkeypatch):
    no_data(monkeypatch)  # 600 images, in batches of 128
    for epochs, steps in ((1, 5), (2, 10), (16, 75)):
        rows = NetworkMaker("digits", (1,), epochs=epochs).rows
        assert {r.recipe.steps for r in rows.values() if r.recipe} == {steps}
    assert {r.recipe.steps for r in NetworkMaker("fashion", (1,)).rows.values() if r.recipe} == {FASHION_STEPS}


def test_what_a_row_is_kept_by_tells_runs_apart():
    given = [
        {}, {"quick": True}, {"epochs": 3}, {"quick": True, "epochs": 3}, {"dataset": "fashion"},
        {"dataset": "fashion", "quick": True},
    ]  # fmt: skip
    contents = [json.dumps(SurveyOptions(**one).maker().contents) for one in given]
    assert len(set(contents)) == len(contents)
    maker = SurveyOptions(quick=True).maker()
    function, arguments = maker.__reduce__()
    assert function(*arguments).contents == maker.contents and function(*arguments).folder == maker.folder


# The part


def test_shares_of_a_part_on_worked_values():
    shares, fullest = shares_of(SMALL, {"lut": 500, "ff": 100, "dsp": 4, "bram": 2.5})
    assert shares == {"LUTs": 0.25, "FFs": 0.01, "DSPs": 0.8, "BRAMs": 0.05} and fullest == "DSPs"


def test_a_part_is_of_the_series_that_rows_are_synthesized_for():
    assert part_of("xc7a35t").name == part_of("XC7A35T-1CSG324C").name
    with pytest.raises(PartsError, match="no part 'xc7a36t'; near to it: xc7a35t"):
        part_of("xc7a36t")
    with pytest.raises(ValueError, match="--part must be of the 7 series"):
        part_of("xczu3eg")


def test_the_table_has_a_column_for_the_part():
    text = table(quick_result())
    assert "of an SMALL: LUTs, FFs, DSPs, BRAMs |" in text
    assert "| 200.0 / 20.0 / 200.0 / 1.0 %; does not fit: LUTs |" in text
    assert "| 75.0 / 7.5 / 0.0 / 1.0 %; filled first by LUTs |" in text
    assert "of an" not in table(result())


# The page


def test_page_of_a_quick_run_says_what_it_cannot():
    text = own_page(quick_result())
    for wanted in ("5 of the 48 rows", "one seed each", "trained for 40 epochs (450 steps)",
                   "**One seed**", "**Other epochs**", "not with `docs/survey.md`", "**Few rows**: the other 43",
                   "of one seed (1, chosen before)", "± (1 seed)", "(one seed, so the noise is not known)",
                   "**SMALL**: 2,000 LUTs"):  # fmt: skip
        assert wanted in " ".join(text.split()), wanted
    for absent in ("None", "nan", "{", ": better", "Noise", "LUTs a lane", "5 seeds", "](quantizers.md)", "-luts"):
        assert absent not in text, absent
    assert all(len(line) <= 120 for line in text.splitlines() if not line.startswith("|"))


def test_one_seed_gives_no_verdicts():
    of_one = result() | {"seeds": [1], "sensitivity": {}}
    said = dict(claims(of_one))
    assert "Stochastic quantizers generalize better." not in said and "Random bits cost a generator." in said
    assert "Training beats quantizing afterwards." in left_out(of_one)
    assert "noise is not known" in said["Binary weights save 32 times the memory."]
    assert "whose accuracy, of one seed, is within" in said["What to take for a loss of at most 1 point."]
    assert left_out(result()) == []


@pytest.mark.parametrize(
    "names", [["float32"], ["float32", "stochastic-w1s1", "bnn-w1a1"], ["float32", "float32-luts"]]
)
def test_any_rows_are_a_page(names):
    found = quick_result(names)
    text = own_page(found)
    assert f"{len(names)} of the 48 rows" in text and "Random bits cost a generator." in text.split("**Left out**")[1]
    assert len(picture(found)) > 1000 and len(csv_text(found).splitlines()) == 1 + len(names)
    if names == ["float32"]:
        assert "None of the survey's claims can be judged by these rows." in text
    with pytest.raises(ValueError, match="float32 is not measured"):
        own_page(quick_result(names[1:] or ["m5"]))


def test_page_of_several_seeds_and_of_longer_training():
    several = result() | {"run": SurveyOptions(part=SMALL).to_dict(rows_of("digits")), "steps": [3000]}
    text = own_page(several)
    assert (
        "5 seeds each" in text and "trained for 3,000 steps" in text and "**Noise**" in text and "One seed" not in text
    )
    longer = result() | {"run": SurveyOptions(epochs=500).to_dict(rows_of("digits")), "steps": [5614]}
    assert "**Other epochs**" in own_page(longer) and "trained to the end" not in own_page(longer)


def test_the_page_in_docs_is_made_as_it_was():
    """From the records beside it, to the letter."""
    records = {name: json.loads((HOME / "docs" / f"survey-{name}.json").read_text()) for name in ("digits", "fashion")}
    assert page(records["digits"], records["fashion"]) == (HOME / "docs" / "survey.md").read_text()


# CSV and notebook


def test_csv_is_numbers():
    rows = list(csv.DictReader(io.StringIO(csv_text(result() | {"run": SurveyOptions(part=SMALL).to_dict([])}))))
    assert [r["row"] for r in rows] == [r["name"] for r in result()["rows"]]
    texts = {"row", "method", "kind", "products in", "SMALL: filled first by"}
    for r in rows:
        assert None not in r and all(value == "" or float(value) is not None for name, value in r.items()
                                     if name not in texts)  # fmt: skip
    lsq = next(r for r in rows if r["row"] == "lsq-w2a2")
    assert (lsq["accuracy, %"], lsq["against float32"], lsq["LUTs"], lsq["BRAMs"]) == ("97", "-2", "1300", "0.5")
    assert (lsq["SMALL: LUTs, %"], lsq["SMALL: filled first by"], lsq["seeds"]) == ("65", "LUTs", "5")
    assert rows[0]["against float32"] == rows[0]["SQNR activations, dB"] == ""
    heads = csv_text(quick_result()).splitlines()[0]
    assert len(set(heads.split(","))) > 20 and csv_text(result()).splitlines()[1].startswith(
        "float32,method of float32"
    )


def test_a_notebook_reads_and_draws_the_csv(tmp_path, monkeypatch):
    found = quick_result()
    notebook = json.loads(notebook_text(found))
    assert (notebook["nbformat"], [c["cell_type"] for c in notebook["cells"]]) == (4, ["markdown", "code", "code"])
    assert "| `lsq-w2a2` | method of lsq-w2a2 |" in "".join(notebook["cells"][0]["source"])
    (tmp_path / "survey.csv").write_text(csv_text(found))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, object] = {}
    for cell in notebook["cells"][1:]:
        exec("".join(cell["source"]), names)
    assert [r["row"] for r in names["known"]] == list(QUICK)


# The command line


@pytest.fixture
def own(scratch, monkeypatch):
    """The survey, with rows that are made up, and whatever it would write into docs in ``scratch``."""
    no_data(monkeypatch)
    monkeypatch.setattr(options_of_runs, "BUILD", scratch)
    monkeypatch.setattr(survey, "measure", lambda r, maker, *_: quick_row(r.name))
    monkeypatch.setattr(survey, "one_layer", lambda *_: {})
    records = {name: scratch / "docs" / f"{name}.json" for name in ("digits", "fashion")}
    for name, value in (
        ("RECORDS", records),
        ("PAGE", scratch / "docs" / "p.md"),
        ("PICTURE", scratch / "docs" / "p.svg"),
    ):
        monkeypatch.setattr(survey, name, value)
    return scratch


FILES = ["index.md", "survey.csv", "survey.ipynb", "survey.json", "survey.svg"]


def test_a_quick_run_writes_its_own_folder_alone(own, capsys):
    survey.main(["--quick", "--part", "xc7a35t"])
    place = own / "survey" / "digits-quick-xc7a35t"
    assert sorted(p.name for p in place.iterdir()) == FILES and not (own / "docs").exists()
    assert [r["row"] for r in csv.DictReader((place / "survey.csv").open())] == list(QUICK)
    text = (place / "index.md").read_text()
    assert "`python -m bench.survey.run --quick --part xc7a35t`" in text and "filled first by" in text
    survey.main(["--quick", "--part", "xc7a35t", "--page"])
    assert (place / "index.md").read_text() == text
    assert "index.md" in capsys.readouterr().err


def test_a_folder_of_ones_own_and_chosen_rows(own):
    survey.main(["fashion", "--formats", "lsq-*", "-o", str(own / "mine"), "--epochs", "2"])
    assert sorted(p.name for p in (own / "mine").iterdir()) == FILES and not (own / "docs").exists()
    rows = [r["row"] for r in csv.DictReader((own / "mine" / "survey.csv").open())]
    assert rows == ["float32", "lsq-w2a2", "lsq-w4a4"]
    kept = json.loads((own / "mine" / "survey.json").read_text())
    assert kept["steps"] == [10] and kept["run"]["epochs"] == 2  # of 600 images in batches of 128


def test_a_run_for_docs_writes_csv_and_notebook_beside_its_builds(own):
    survey.main(["--only", "float32", "m5"])
    assert sorted(p.name for p in (own / "docs").iterdir()) == ["digits.json", "p.md", "p.svg"]
    assert sorted(p.name for p in (own / "survey" / "digits").iterdir()) == ["survey.csv", "survey.ipynb"]
    assert "run" not in json.loads((own / "docs" / "digits.json").read_text())


def test_rows_are_listed(own, capsys):
    survey.main(["fashion", "--list"])
    shown = capsys.readouterr().out
    assert "lsq-w2a2" in shown and "LSQ" in shown and "xnor-w1a1" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--formats", "lsq-w2b2"], "did you mean lsq-w2a2"),
        (["--quick", "--part", "xc7a36t"], "near to it: xc7a35t"),
        (["--quick", "--part", "xczu3eg"], "7 series"),
        (["-o", str(HOME / "docs" / "mine")], "-o must be another folder"),
        (["-o", __file__], "cannot be made a folder"),
        (["--epochs", "0"], "whole number from 1"),
        (["--epochs", "x"], "whole number from 1"),
        (["--quick", "--page"], "nothing was measured here yet: python -m bench.survey.run --quick"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_one_line(own, words, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        survey.main(words)
    last = capsys.readouterr().err.splitlines()[-1]
    assert stopped.value.code == 2 and said in last and not (own / "docs").exists()


def test_data_that_are_not_there_are_one_line(scratch, monkeypatch, capsys):
    monkeypatch.setattr(options_of_runs, "BUILD", scratch)
    monkeypatch.setenv("FEWBIT_FASHION_MNIST", str(scratch))
    with pytest.raises(SystemExit) as stopped:
        survey.main(["fashion", "--quick"])
    assert stopped.value.code == 2 and "but there is no train-images" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.long
def test_a_quick_run_from_training_to_the_page(own, monkeypatch):
    """Two rows for two epochs, as fast as a real run can be."""
    monkeypatch.undo()
    monkeypatch.setattr(options_of_runs, "BUILD", own)
    monkeypatch.setattr("bench.survey.measure.BUILD", own)
    place = own / "page"
    survey.main(["--quick", "--epochs", "2", "--formats", "bnn-w1a1", "-o", str(place), "--part", "xc7a35t"])
    rows = list(csv.DictReader((place / "survey.csv").open()))
    assert [r["row"] for r in rows] == ["float32", "bnn-w1a1"]
    assert 3000 < float(rows[0]["LUTs"]) < 6000 and 500 < float(rows[1]["LUTs"]) < 2000
    assert float(rows[0]["accuracy, %"]) > 50 and float(rows[1]["interval"]) == 2048
    assert "trained for 2 epochs (23 steps)" in (place / "index.md").read_text()
    kept = json.loads((place / "survey.json").read_text())
    assert [r["hardware"]["frames"] for r in kept["rows"]] == [4, 4]

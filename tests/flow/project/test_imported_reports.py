"""What Vivado reports of a build stands beside its estimates, layer by layer; other designs' reports are refused."""

import json

import pytest

from fewbit.flow.eda.vivado_reports import ReportError
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.folding.search import estimate, estimate_all
from fewbit.flow.project.imported_reports import KEPT, ImportedReports, import_vivado_reports
from fewbit.flow.project.project import Project
from tests.support.small_network import SPEC, small
from tests.support.targets import XILINX
from tests.support.vivado_texts import EDITIONS, hierarchical, timing_summary, utilization

OWN = {"lut": 10, "ff": 20}


@pytest.fixture
def project(scratch):
    project = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch / "out", target=XILINX)
    project.generate()
    return project


def tree_of(project, around=()):
    """A hierarchy as of the build's Verilog: each stage takes 100 LUTs more than the one before it."""
    stages = [stage.name for stage in project.plan.stages]
    parts = [
        (name, f"accelerator_{name}", {"lut": 100 * n, "ff": n, "bram18": 1}, []) for n, name in enumerate(stages, 1)
    ]
    tree = ("accelerator", "accelerator_accelerator", OWN, parts)
    for name, more in around:
        tree = (name, f"{name}_module", OWN, [tree, ("other", "other", more, [])])
    return ("top", "(top)", OWN, [tree, ("marks", "fifo", {"lut": 5}, [])])


def written(project, *texts):
    for number, text in enumerate(texts):
        (project.directory / "verilog" / f"{number}.rpt").write_text(text)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("edition", EDITIONS.values(), ids=EDITIONS)
def test_layer_by_layer(project, edition):
    stages = [stage.name for stage in project.plan.stages]
    written(project, hierarchical(edition, "accelerator", tree_of(project)),
            timing_summary(edition, "accelerator", (0.5, 0.0, 0.1, 0.0), {"aclk": 5.0}))  # fmt: skip
    found = import_vivado_reports(project.directory)
    assert (found.vivado, found.device, found.state) == (edition.version, edition.device, edition.state)
    layers = layers_of(project.network)
    costs = estimate(layers, project.folding)
    assert {n: layer.estimate for n, layer in found.layers.items() if layer.estimate} == {
        n: cost.row for n, cost in costs.items()
    }
    assert found.estimate == estimate_all(layers, project.folding).row
    assert sum(layer.reported["lut"] for layer in found.layers.values()) == 100 * sum(range(1, len(stages) + 1))
    for name in costs:  # a gearbox in front counts with its layer, as in the estimate
        at = stages.index(name)
        front = at and stages[at - 1].startswith("gearbox")
        assert found.layers[name].reported["lut"] == 100 * (at + 1) + (100 * at if front else 0)
        assert found.layers[name].cycles == project.plan.layers[name].cycles
    assert found.reported["lut"] == 10 + (10 + 5) + 100 * sum(range(1, len(stages) + 1))  # the shell, too
    assert found.timing.met and (found.timing.period_ns, found.timing.fmax_mhz) == (5.0, round(1000 / 4.5, 2))
    kept = json.loads((project.directory / KEPT).read_text())
    assert ImportedReports.from_dict(kept) == found


def test_inside_a_larger_design(project, scratch):
    (scratch / "reports").mkdir()
    text = hierarchical(EDITIONS["2021.2"], "system", tree_of(project, [("core", {"lut": 999}), ("nn", {"lut": 1})]))
    (scratch / "reports" / "u.rpt").write_text(text)
    (scratch / "reports" / "drc.rpt").write_text("Report DRC\n\nno violations\n")
    found = import_vivado_reports(project.directory, [scratch / "reports"])
    assert found.reported["lut"] == 10 + 1009 + 100 * sum(range(1, len(project.plan.stages) + 1))
    assert found.timing is None
    assert found.files == [scratch / "reports" / "u.rpt"]


def test_what_has_come_farthest_is_taken(project):
    early, late = EDITIONS["2023.1"], EDITIONS["2021.2"]
    used = {"lut": 444, "ff": 333}
    written(project, utilization(late, "accelerator", used, {"lut": 53200, "ff": 106400}),
            utilization(early, "accelerator", {"lut": 1, "ff": 1}, {"lut": 53200}),
            timing_summary(late, "accelerator", (-0.5, -3.0, 0.1, 0.0), {"aclk": 5.0}, 7))  # fmt: skip
    found = import_vivado_reports(project.directory)
    assert (found.state, found.reported["lut"], found.available["lut"], found.layers) == ("Routed", 444, 53200, {})
    assert not found.timing.met and found.timing.failing == 7 and found.timing.fmax_mhz == round(1000 / 5.5, 2)


def test_refused(project, scratch):
    with pytest.raises(ReportError, match="no reports of Vivado: run `vivado -mode batch"):
        import_vivado_reports(project.directory)
    edition, foreign = EDITIONS["2023.1"], ("top", "(top)", OWN, [("dense9", "x", {"lut": 5}, [])])
    cases = {
        "in which nothing is named as the stages of this build": hierarchical(edition, "blinky", foreign),
        "is of design 'blinky', not of accelerator": utilization(edition, "blinky", {"lut": 4, "ff": 4}, {"lut": 9}),
        "is neither a report_utilization nor": "Report DRC\n",
    }
    for said, text in cases.items():
        (scratch / "x.rpt").write_text(text)
        with pytest.raises(ReportError, match=said):
            import_vivado_reports(project.directory, [scratch / "x.rpt"])
    assert not (project.directory / KEPT).exists()


def test_the_command(project, fewbit, scratch):
    edition = EDITIONS["2022.2 ultrascale"]
    written(project, hierarchical(edition, "accelerator", tree_of(project)),
            timing_summary(edition, "accelerator", (-0.5, -3.0, 0.1, 0.0), {"aclk": 5.0}, 7),
            utilization(edition, "accelerator", OWN, {"lut": 70560, "ff": 141120}))  # fmt: skip
    status, out, err = fewbit("import-reports", project.directory)
    assert (status, err) == (0, "") and "Vivado 2022.2, design accelerator on xczu3eg-sbva484-1-e: routed" in out
    assert "timing at 200 MHz: MISSED by 7 of 1000 endpoints, worst slack -0.5 ns; the worst path allows 181.82" in out
    assert max(map(len, out.splitlines())) <= 120
    status, out, _ = fewbit("import-reports", project.directory, "--json")
    assert status == 0 and json.loads(out) == json.loads((project.directory / KEPT).read_text())
    status, out, err = fewbit("import-reports", project.directory, "--reports", scratch / "none.rpt")
    assert (status, out, err.count("\n")) == (2, "", 1) and "none.rpt" in err
    status, out, err = fewbit("import-reports", scratch / "nobuild")
    assert (status, out, err.count("\n")) == (2, "", 1) and "make it with `fewbit build" in err

"""docs/ip.md has the register map as it is."""

import re

from fewbit.flow.ip.register_tables import markdown
from fewbit.flow.project.project import Project
from fewbit.hw.shell.registers import RegisterMap, register_map
from fewbit.places import HOME


def test_the_table_is_that_of_the_register_map():
    page = (HOME / "docs" / "ip.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- registers -->\n\n(.*?)\n<!-- end of registers -->", page, re.S)
    assert table == markdown(Project(HOME / "examples" / "digits" / "w1a1.onnx").registers)


def test_the_table_of_loadable_weights():
    page = (HOME / "docs" / "ip.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- registers of loading -->\n\n(.*?)\n<!-- end of registers of loading -->", page, re.S)
    given = dict(model="0" * 64, build="0" * 64, beats_in={"s_axis": 1}, beats_out=1, stages=["a"])
    usual = [r.name for r in register_map(**given).registers]
    more = register_map(**given, loading=(7, "0" * 64)).registers
    assert table == markdown(RegisterMap(r for r in more if r.name not in usual))


def test_the_table_of_external_weights():
    page = (HOME / "docs" / "ip.md").read_text(encoding="utf-8")
    (table,) = re.findall(
        r"<!-- registers of external weights -->\n\n(.*?)\n<!-- end of registers of external weights -->", page, re.S
    )
    given = dict(model="0" * 64, build="0" * 64, beats_in={"s_axis": 1}, beats_out=1, stages=["a"])
    usual = [r.name for r in register_map(**given).registers]
    more = register_map(**given, outside=(4096, "0" * 64, 128)).registers
    assert table == markdown(RegisterMap(r for r in more if r.name not in usual))

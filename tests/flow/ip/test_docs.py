"""docs/ip.md has the register map as it is."""

import re

from fewbit.flow.ip.register_tables import markdown
from fewbit.flow.project.project import Project
from fewbit.places import HOME


def test_the_table_is_that_of_the_register_map():
    page = (HOME / "docs" / "ip.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- registers -->\n\n(.*?)\n<!-- end of registers -->", page, re.S)
    assert table == markdown(Project(HOME / "examples" / "digits" / "w1a1.onnx").registers)

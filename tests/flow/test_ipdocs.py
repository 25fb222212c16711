"""docs/ip.md has the register map as it is."""

import re

from flow.cache import ROOT
from flow.ip.registertext import markdown
from flow.project import Project


def test_the_table_is_that_of_the_register_map():
    page = (ROOT / "docs" / "ip.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- registers -->\n\n(.*?)\n<!-- end of registers -->", page, re.S)
    assert table == markdown(Project(ROOT / "examples" / "digits" / "w1a1.onnx").registers)

"""Verilog whose memories come from files is the same Verilog."""

import pytest

from fewbit.flow.eda.read_verilog import read_verilog, with_files


def module(block):
    return (
        "module top(input [13:0] a, output [7:0] o);\n"
        f"  reg [7:0] memory [16383:0];\n{block}  assign o = memory[a];\nendmodule\n"
    )


def rom(words, name="memory"):
    lines = (f"    {name}[{n}] = 8'{'d' if n % 3 else 'h'}{n * 7 % 10};\n" for n in range(words))
    return "  initial begin\n" + "".join(lines) + "  end\n"


def test_a_memory_gets_its_words_from_a_file(tmp_path):
    text = module(rom(2000) + rom(3, name="\\other.words "))
    short = with_files(text, tmp_path)
    assert "initial begin" not in short and short.count("\n") == text.count("\n")
    assert short.count(", memory);") == 1 and short.count(", \\other.words );") == 1
    files = sorted(tmp_path.glob("*.hex"), key=lambda path: path.stat().st_size)
    assert [len(path.read_text().split()) for path in files] == [3, 2000]


@pytest.mark.parametrize(
    "lines",
    [
        "    memory[1] = 8'h07;\n",  # not from the first word on
        "    memory[0] = 8'h07;\n    memory[2] = 8'h07;\n",
        "    memory[0] = 8'h07;\n    other.words = 8'h07;\n",
        "    memory[0] = 8'h07;\n    state = 8'h07;\n",
        "    memory[0] = 8'b0000x111;\n",
        "    memory[0] = 8'hx;\n",
    ],
)
def test_other_blocks_are_left(tmp_path, lines):
    text = module(f"  initial begin\n{lines}  end\n")
    assert with_files(text, tmp_path) == text and not any(tmp_path.iterdir())


@pytest.mark.tools
def test_yosys_reads_the_same_words(tmp_path):
    from pyosys import libyosys

    text = module(
        "  initial begin\n" + "".join(f"    memory[{n}] = 8'd{n * 37 % 251};\n" for n in range(3000)) + "  end\n"
    )
    found = []
    for read in (read_verilog, lambda design, path: libyosys.run_pass(f'read_verilog "{path}"', design)):
        design, path = libyosys.Design(), tmp_path / "top.v"
        path.write_text(text)
        read(design, path)
        for command in ("proc", "memory_collect", f'write_rtlil -selected "{tmp_path}/out.il"'):
            libyosys.run_pass(command, design)
        text_of = (tmp_path / "out.il").read_text()
        found.append(next(line for line in text_of.splitlines() if "parameter \\INIT" in line))
    assert found[0] == found[1] and found[0].count("1") > 8000

"""Verilog in pieces is the same Verilog."""

import pytest

from flow.yosysread import PIECE, in_pieces, read_verilog

CUT = "  end\n  initial begin\n"


def rom(words):
    lines = "".join(f"    memory[{n}] = 8'h{n * 7 % 251:02x};\n" for n in range(words))
    return (
        "module top(input [13:0] a, output [7:0] o);\n"
        f"  reg [7:0] memory [{words - 1}:0];\n  initial begin\n{lines}  end\n  assign o = memory[a];\nendmodule\n"
    )


@pytest.mark.parametrize("words, cuts", [(PIECE, 0), (PIECE + 1, 1), (2 * PIECE, 1), (2 * PIECE + 1, 2)])
def test_only_long_lists_are_cut(words, cuts):
    text, cut = rom(words), in_pieces(rom(words))
    assert cut.count(CUT) == cuts and cut.replace(CUT, "") == text
    assert max(block.count("] = ") for block in cut.split(CUT)) <= PIECE + 1  # and the read


def test_yosys_reads_the_same_words(tmp_path):
    from pyosys import libyosys

    found = []
    for piece in (rom(PIECE + 5), in_pieces(rom(PIECE + 5), piece=100)):
        design, path = libyosys.Design(), tmp_path / f"{len(found)}.v"
        path.write_text(piece)
        read_verilog(design, path)
        for command in ("proc", "memory_collect", f'write_rtlil -selected "{tmp_path / "out.il"}"'):
            libyosys.run_pass(command, design)
        text = (tmp_path / "out.il").read_text()
        found.append(next(line for line in text.splitlines() if "parameter \\INIT" in line))
    assert found[0] == found[1] and found[0].count("1") > PIECE

"""Views: what they decode, of every format, and how they count frames and beats."""

import subprocess

import pytest

from fewbit.golden.numbers.format import kinds_of_format
from fewbit.golden.numbers.formats import Signed
from fewbit.hw.pipeline.flows import Flow
from fewbit.hw.pipeline.views import shown_signals, view_module

FORMATS = [fmt for kind in kinds_of_format() for fmt in kind.examples() if fmt.integral and fmt.bits <= 8]


def printed(scratch, text):
    """Return the lines that a bench prints in Icarus Verilog."""
    (scratch / "bench.v").write_text(text)
    subprocess.run(["iverilog", "-g2012", "-o", scratch / "bench", scratch / "bench.v"], check=True, timeout=60)
    done = subprocess.run([scratch / "bench"], check=True, timeout=60, capture_output=True, text=True)
    return done.stdout.splitlines()


@pytest.mark.tools
def test_every_format_is_decoded(scratch):
    modules, steps = [], []
    for k, fmt in enumerate([*FORMATS, Signed(40)]):
        modules.append(view_module(f"view{k}", Flow((0, 0), fmt, 1, 1, 1)))
        modules.append(f"module bench{k}; reg [{fmt.bits - 1}:0] code; view{k} v(.payload(code)); endmodule")
        steps += [f"    b{k}.code = {fmt.bits}'d{code}; #1 $display(\"%0d\", b{k}.v.value0);"
                  for code in (range(1 << fmt.bits) if fmt.bits <= 8 else (1, (1 << 40) - 1))]  # fmt: skip
    benches = "\n".join(f"  bench{k} b{k}();" for k in range(len(FORMATS) + 1))
    text = "\n".join([*modules, "module top;", benches, "  initial begin", *steps, "  end", "endmodule", ""])
    want = [int(v) for fmt in FORMATS for v in fmt.decode(range(1 << fmt.bits))] + [1, -1]
    assert len(FORMATS) > 8 and [int(line) for line in printed(scratch, text)] == want


@pytest.mark.tools
def test_frames_and_beats_are_counted(scratch):
    flow = Flow((0, 0), Signed(3), 2, 6, 6)
    assert flow.beats == 3 and list(shown_signals(flow)) == ["frame", "beat", "value0", "value1"]
    text = (
        view_module("view", flow)
        + """
module top;
  reg clk = 0, rst = 1, valid = 0, ready = 0;
  view v(clk, rst, valid, ready, 6'b111_010);
  integer k;
  initial begin
    #1 clk = 1; #1 clk = 0; rst = 0;
    for (k = 0; k < 24; k = k + 1) begin
      valid = k % 2; ready = k % 3 != 0;
      if (valid && ready) $display("%0d %0d %0d %0d", v.frame, v.beat, v.value0, v.value1);
      #1 clk = 1; #1 clk = 0;
    end
  end
endmodule
"""
    )
    assert printed(scratch, text) == [f"{k // 3} {k % 3} 2 -1" for k in range(8)]

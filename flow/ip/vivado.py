"""What lies beside the Verilog for the Xilinx tools: project script, clock constraint, description of the block."""

from typing import Any

import numpy as np

from fewbit.hw.memory.read_ports import ADDRESS_BITS, axi_read_ports
from fewbit.hw.shell.block_ports import WEIGHT_BUS

from .part_tcl import part_tcl
from .testbench import FoldedNetwork, bench_files, commands, vectors_of

__all__ = ["files"]


def files(project: FoldedNetwork, manifest: dict[str, Any]) -> dict[str, str]:
    """Return the text of every file beside the Verilog of the accelerator by its name."""
    vectors, where = vectors_of(project), project.destination
    return {
        "vivado.tcl": _tcl(where.top, where.part_for(project.target)),
        f"{where.top}.xdc": _xdc(where),
        "README.md": _readme(project, manifest, vectors),
        **bench_files(project.plan, manifest["cycles"], vectors, where.top),
    }


def _tcl(top, part):
    return f"""\
# Makes a Vivado project of the accelerator, synthesizes it out of context, and writes utilization and timing reports.
#   vivado -mode batch -source vivado.tcl [-tclargs PART]
set here [file dirname [file normalize [info script]]]
{part_tcl(part)}\
create_project -force {top} [file join $here project] -part $part
add_files [list [file join $here {top}.v]]
add_files -fileset constrs_1 [list [file join $here {top}.xdc]]
set_property top {top} [current_fileset]
set_property -name {{STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS}} -value {{-mode out_of_context}} -objects [get_runs synth_1]
update_compile_order -fileset sources_1
launch_runs synth_1 -jobs 4
wait_on_run synth_1
if {{[get_property PROGRESS [get_runs synth_1]] ne "100%"}} {{
    error "synthesis failed: see the log of run synth_1"
}}
open_run synth_1
report_utilization -hierarchical -file [file join $here utilization.rpt]
report_timing_summary -max_paths 10 -file [file join $here timing.rpt]
"""


def _xdc(where):
    return f"""\
# The one clock, {where.clock:g} MHz. Change the period to what the design around the block gives.
create_clock -name aclk -period {where.period} [get_ports aclk]
"""


_LOADING = (
    (
        "s_axis_weights_tdata",
        "in",
        32,
        "words of weights (`weights.npz` of `fewbit weights`); the last one their CRC-32",
    ),
    ("s_axis_weights_tvalid", "in", 1, "low where weights are never loaded"),
    ("s_axis_weights_tready", "out", 1, ""),
    ("s_axis_weights_tlast", "in", 1, "with the CRC-32"),
    ("weights_failed", "out", 1, "the last words were refused: no frame enters until whole ones have come"),
    ("weights_loaded", "out", 32, "the CRC-32 of the words that were loaded last; 0 before any"),
)


def _readme(project, manifest, vectors):
    plan, inputs, o, top = project.plan, manifest["inputs"], manifest["output"], project.destination.top
    cycles = manifest["cycles"]
    ports = [
        ("aclk", "in", 1, "clock"),
        ("aresetn", "in", 1, "reset, synchronous, active low"),
        *(port for i in inputs for port in _frame_ports(i, plan.link is not None)),
        ("m_axis_tdata", "out", 8 * o["bytes"], f"{o['lanes']} results of {o['bits']} bits"),
        ("m_axis_tvalid", "out", 1, ""),
        ("m_axis_tready", "in", 1, ""),
        ("m_axis_tlast", "out", 1, f"with beat {o['beats']} of a result"),
        ("m_axis_tuser", "out", 1, "high with the last beat of a result whose frame was too short or too long"),
        *_weight_ports(plan),
        ("frames", "out", 32, "results sent"),
        ("bad_frames", "out", 32, "results that were marked"),
        *(_LOADING if plan.memories else ()),
    ]
    table = "\n".join(f"| `{name}` | {way} | {width} | {what} |" for name, way, width, what in ports)
    streams = ", ".join(f"`{i['stream']}`" for i in inputs) + " and `m_axis`"
    packing = "\n\n".join(_packing(i, entry) for i, entry in zip(inputs, plan.entries, strict=True))
    if len(inputs) > 1:
        packing += "\n\nThe frames of all inputs that belong together have the same number since reset."
    return f"""\
# {top}: {manifest["model"]}

`{top}.v` is one self-contained Verilog-2005 file with top module `{top}`. Vivado groups its ports into the
AXI4-Stream interfaces {streams} by their names.
`vivado -mode batch -source vivado.tcl` makes a project, synthesizes it out of context and writes `utilization.rpt` and
`timing.rpt`.

| port | direction | bits | meaning |
| --- | --- | --- | --- |
{table}

A result leaves {cycles["latency"]} cycles after its frame's first beat; the next frame follows after
{cycles["interval"]} cycles.

## Simulation

`{top}_tb.v` sends {len(vectors.wanted)} frames twice, at full rate and with stalls, and compares every bit of the
results with the golden model's. It needs nothing but these files, and ends with a line that begins with PASS or FAIL.
In this folder:

```sh
{commands(top)}```

xsim takes the primitives from the vendor's library, the others from the end of `{top}.v`, which defines them
where `FEWBIT_MODELS` is (Icarus and Verilator: always). With that, xsim needs neither `-L unisims_ver` nor `glbl`.
After FAIL, Icarus's exit status is 1; others give one with `FEWBIT_FATAL` if they read the bench as SystemVerilog.

## Packing

{packing}

A result is {o["length"]} numbers of {o["bits"]} bits, {o["lanes"]} a beat in {o["beats"]} beats, packed alike, each
{plan.format.describe()}. {_meaning(o)}

{_example(inputs, vectors)}"""


def _frame_ports(i, linked):
    """Return the ports of an input's stream: name, direction, bits, meaning."""
    return [
        (f"{i['stream']}_tdata", "in", 8 * i["bytes"], f"{i['lanes']} codes of {i['bits']} bits"),
        (f"{i['stream']}_tvalid", "in", 1, ""),
        (f"{i['stream']}_tready", "out", 1, ""),
        (f"{i['stream']}_tlast", "in", 1, f"with beat {i['beats']} of a frame"),
    ] + ([(f"{i['stream']}_tuser", "in", 1, "high with that beat if the frame is damaged")] if linked else [])


def _weight_ports(plan):
    """Return the ports of external weights, if there are such."""
    port = plan.weight_port
    if port is None:
        return []
    return [
        *((f"{WEIGHT_BUS}_{name}", shape.direction, shape.bits, "")
          for name, shape in axi_read_ports(port.bus).items()),
        ("weights_image_valid", "in", 1, "the image `../weights.bin`, without its header, is in memory"),
        ("weights_image_base", "in", ADDRESS_BITS, "where it begins, a multiple of 4096"),
        ("weights_image_failed", "out", 1, "memory has answered with an error"),
    ]  # fmt: skip


def _packing(i, entry):
    """Say how the frames of an input stand in its stream."""
    return f"""\
A frame of `{i["stream"]}` (input `{i["name"]}`) is {int(np.prod(i["shape"]))} codes, the sample of shape
{tuple(i["shape"])}, {_order(i)}, {i["lanes"]} a beat in {i["beats"]} beats. Code k of a
beat is `tdata[{i["bits"]}*k +: {i["bits"]}]`; unused lanes of the last beat and the bits that fill the last byte are
ignored. A code is {entry.format.describe()}; input declaration: `{i["declaration"]}`."""


def _order(given):
    if given["size"]:
        return "pixel by pixel, row by row, each with its channels"
    return "in row-major order"


def _meaning(output):
    if output["meaning"] == "label":
        return "It is the index of the class."
    if "scale" in output:
        return "The model's output is `scale*value + offset`, with the figures in `../manifest.json`."
    return "See `../manifest.json`."


def _example(inputs, vectors):
    """Return one worked frame and its result, beat by beat."""
    got, shown = vectors.wanted[0], np.asarray(vectors.results[0]).tolist()
    frames = zip(inputs, vectors.codes, vectors.sent, strict=True)
    sent = "\n\n".join(_sent(i["stream"], codes[0], beats[0]) for i, codes, beats in frames)
    return f"""\
## A worked frame

{sent}

Result {shown if len(shown) <= 32 else f"of {len(shown)} numbers"}, as `m_axis_tdata`:

```
{_hex(got)}
```
"""


def _sent(stream, codes, beats):
    """Return a frame of one stream, beat by beat."""
    return f"""\
First codes of `{stream}`: {", ".join(str(v) for v in codes[:16].tolist())}{", …" if len(codes) > 16 else ""}

`{stream}_tdata`, one beat a line, TLAST with the last:

```
{_hex(beats)}
```"""


def _hex(beats):
    return "\n".join(beat[::-1].tobytes().hex() for beat in beats)

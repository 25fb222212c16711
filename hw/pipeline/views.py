"""What a waveform shows of a stage beside its signals: the values of its results, and which frame they are of.

A view is a module of plain Verilog for simulators alone, which drives nothing. Emitted designs have none, unless they
are emitted for waveforms.
"""

from fewbit.golden.numbers.format import Format

from .flows import Flow

__all__ = ["VIEW", "shown_signals", "view_module"]

VIEW = "view_"
"""Names of instances begin with it, and go on with that of the stage."""
_INTEGER_BITS = 31  # of a value that Verilog's integer holds, beside its sign


def shown_signals(flow: Flow) -> dict[str, int]:
    """Return the bits of the signals of a view that are worth showing, by name, the first of them first."""
    bits = _kind_of(flow.format)[1]
    return {"frame": 32, "beat": 32} | {f"value{lane}": bits for lane in range(flow.lanes)}


def view_module(name: str, flow: Flow) -> str:
    """Return the module ``name`` for the view of a stream.

    Its ports are ``clk``, ``rst``, and ``valid``, ``ready`` and ``payload`` of the stream. Its signals ``frame`` and
    ``beat`` are the numbers, from 0, of the frame and of the beat in it that the stream offers now, or offers next;
    ``value0`` and so on are what the codes of the lanes stand for. Floats stay bits.
    """
    bits, count = flow.format.bits, flow.beats
    lines = [
        f"module {name}(input clk, input rst, input valid, input ready, input [{bits * flow.lanes - 1}:0] payload);",
        "  integer frame = 0, beat = 0;",
        "  always @(posedge clk)",
        "    if (rst) begin frame <= 0; beat <= 0; end",
        "    else if (valid && ready) begin",
        f"      beat <= beat == {count - 1} ? 0 : beat + 1;",
        f"      if (beat == {count - 1}) frame <= frame + 1;",
        "    end",
    ]
    for lane in range(flow.lanes):
        code = f"payload[{bits * lane + bits - 1}:{bits * lane}]"
        lines += _decoded(f"value{lane}", code, flow.format)
    return "\n".join([*lines, "endmodule", ""])


def _kind_of(fmt: Format) -> tuple[str, int]:
    """Return the type in Verilog of the values of a format, and its bits."""
    if not fmt.integral:
        return f"reg [{fmt.bits - 1}:0]", fmt.bits
    small = max(abs(int(fmt.lo)), abs(int(fmt.hi))).bit_length() <= _INTEGER_BITS
    return ("integer", 32) if small else ("reg signed [63:0]", 64)


def _decoded(name: str, code: str, fmt: Format) -> list[str]:
    """Return the lines that declare a signal and give it the value of a code."""
    kind, _ = _kind_of(fmt)
    if not fmt.integral:
        return [f"  {kind} {name};", f"  always @* {name} = {code};"]
    if fmt.linear:
        number = f"$signed({code})" if fmt.signed else f"$signed({{1'b0, {code}}})"
        value = f"{number} * {fmt.spacing} + ({fmt.origin})"
        return [f"  {kind} {name};", f"  always @* {name} = {value};"]
    cases = [f"      {fmt.bits}'d{k}: {name} = {int(v)};" for k, v in enumerate(fmt.decode(range(1 << fmt.bits)))]
    return [f"  {kind} {name};", "  always @*", f"    case ({code})", *cases, f"      default: {name} = 'bx;",
            "    endcase"]  # fmt: skip

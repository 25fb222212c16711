"""The timing diagram of an accelerator's streams: WaveDrom's, of the waveform of a simulation of the digits."""

import json
import tempfile
from pathlib import Path
from typing import Any

from fewbit.flow.api.model import load
from fewbit.places import HOME

__all__ = ["NAME", "PORTS", "cycles_of", "draw", "waves"]

NAME = "timing"
MODEL = HOME / "examples" / "digits" / "w1a1.onnx"
CYCLES = 64  # a frame: few enough for a diagram
PORTS = ["s_axis_tvalid", "s_axis_tready", "s_axis_tdata", "s_axis_tlast", "m_axis_tvalid", "m_axis_tready",
         "m_axis_tdata", "m_axis_tlast"]  # fmt: skip
_AROUND = 2  # cycles that are shown before and behind what moves
_MOST = 3  # beats of a frame that are shown beside its last one


def draw() -> str:
    """Return the SVG of the first frame and its result; what lies between is left out."""
    import wavedrom

    with tempfile.TemporaryDirectory() as folder:
        build = load(MODEL).fold(max_cycles=CYCLES, file=Path(folder) / "fold.json").build(Path(folder) / "build")
        found = build.simulate(HOME / "examples" / "digits" / "test.npz", frames=1, waves=True)
        assert found.ok and found.waves is not None
        if found.waves.suffix != ".vcd":
            raise SystemExit(f"{found.waves.name}: the figure is read from VCD: try without zlib1g-dev")
        seen = cycles_of(found.waves)
    svg: str = wavedrom.render(waves(seen)).tostring()
    return svg + "\n"


def cycles_of(path: Path) -> list[dict[str, int]]:
    """Return the value of each of `PORTS` at every rising edge of the clock, from a waveform of the bench (VCD)."""
    names: dict[str, str] = {}
    now, found = dict.fromkeys([*PORTS, "aclk"], 0), []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] == ["$var"] and words[4] in now:
            names.setdefault(words[3], words[4])
        elif line[:1] in ("0", "1", "b"):
            value, mark = words if line[0] == "b" else (line[0], line[1:].strip())
            name = names.get(mark)
            if name is not None:
                level = int(value.removeprefix("b").replace("x", "0"), 2)
                if name == "aclk" and level and not now["aclk"]:
                    found.append({port: now[port] for port in PORTS})  # as they are before the edge
                now[name] = level
    return found


def _shown(seen: list[dict[str, int]]) -> list[int | None]:
    """Return the cycles that are shown, None for a gap: around the frame that enters, and around its result."""

    def moves(cycle: dict[str, int], side: str) -> bool:
        return bool(cycle[f"{side}_axis_tvalid"] and cycle[f"{side}_axis_tready"])

    entering = [k for k, cycle in enumerate(seen) if moves(cycle, "s")]
    leaving = [k for k, cycle in enumerate(seen) if moves(cycle, "m") and k > entering[0]]
    frame = entering[: next(n for n, k in enumerate(entering, 1) if seen[k]["s_axis_tlast"])]
    result = leaving[: next(n for n, k in enumerate(leaving, 1) if seen[k]["m_axis_tlast"])]
    shown: set[int] = set()
    for times in frame, result:
        for k in (*times[:_MOST], times[-1]):
            shown |= set(range(max(0, k - _AROUND), min(len(seen), k + _AROUND + 1)))
    rows: list[int | None] = []
    for k in sorted(shown):
        if rows and rows[-1] is not None and k != rows[-1] + 1:
            rows.append(None)
        rows.append(k)
    return rows


def waves(seen: list[dict[str, int]]) -> str:
    """Return WaveDrom's JSON of the cycles that are shown."""
    shown = _shown(seen)
    signals: list[dict[str, Any]] = [
        {"name": "aclk", "wave": "p" + "".join("|" if k is None else "." for k in shown[1:])}
    ]
    for port in PORTS:
        wide = port.endswith("tdata")
        valid = port.split("_axis_")[0] + "_axis_tvalid"
        values: list[Any] = []
        for k in shown:
            if k is None:
                values.append("|")
            elif wide:
                values.append(f"{seen[k][port]:x}" if seen[k][valid] else "x")
            else:
                values.append(seen[k][port])
        signals.append({"name": port, **_wave(values, wide)})
    first = next(k for k in shown if k is not None and seen[k]["s_axis_tvalid"])
    head = {"text": f"{MODEL.stem} of the digits, {CYCLES} cycles a frame: simulated by Verilator"}
    numbers = ["|" if k is None else str(k - first) for k in shown]
    signals.append({"name": "cycle", **_wave(numbers, wide=True)})
    return json.dumps({"signal": signals, "head": head})


def _wave(values: list[Any], wide: bool) -> dict[str, Any]:
    """Return the wave, and the data, of a signal; ``|`` is a gap."""
    wave, data, last = "", [], None
    for value in values:
        if value == "|":
            wave, last = wave + "|", None if wide and last != "x" else last
        elif value == last:
            wave += "."
        elif wide and value != "x":
            wave, last = wave + "=", value
            data.append(value if len(value) <= 6 else f"…{value[-5:]}")
        else:
            wave, last = wave + str(value), value
    return {"wave": wave, "data": data} if wide else {"wave": wave}

"""A mark of the Verilog that a simulator is of: a constant in the simulated design, which the bench reads and compares.

It is compiled with the design, so that no simulator of other Verilog passes for this one, whatever its files say.
"""

import hashlib
import json
import re
from pathlib import Path

__all__ = ["DESIGN", "NAME", "digest_of", "is_of_job", "marked"]

NAME = "fewbit_design"  # of the wire
DESIGN = "design.sha256"  # the file beside a simulator that has the digest of its Verilog


def digest_of(verilog: bytes) -> str:
    """Return what the simulator of a design says: the SHA-256 of its Verilog, in hexadecimal."""
    return hashlib.sha256(verilog).hexdigest()


def marked(verilog: bytes, top: str, digest: str | None = None) -> bytes:
    """Return the Verilog with a digest as a constant wire in module ``top``; no line gets another number.

    By default it is the digest of this Verilog. Verilog that stands for another design has that of the other one.

    Raises
    ------
    ValueError
        If there is no such module.
    """
    found = re.search(rb"^module %s\b.*?^(?=endmodule)" % top.encode(), verilog, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"there is no module {top}")
    wire = f"wire [255:0] {NAME} = 256'h{digest or digest_of(verilog)}; "
    return verilog[: found.end()] + wire.encode() + verilog[found.end() :]


async def is_of_job(dut, job: dict) -> bool:
    """Say, in a bench, whether the simulator is of the job's design.

    If it is not, the digest of its own design is written as what the bench found.
    """
    from cocotb.triggers import Timer  # there is a simulator only here

    await Timer(1, "ns")  # an event-driven simulator gives the wire its value in time 0
    design = f"{int(getattr(dut, NAME).value):064x}"
    if design == job["design"]:
        return True
    (Path(job["folder"]) / "found.json").write_text(json.dumps({"design": design}))
    return False

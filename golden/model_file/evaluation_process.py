"""Evaluates one node in a process of its own: ``python evaluation_process.py BYTES SECONDS``.

On standard input it takes a ``.npz`` of the ``model`` and of its inputs ``x0``, ``x1``, …; on standard output it gives
the arrays of its outputs, one after the other.

It imports nothing of ours, so that it starts quickly, and takes no memory or time beyond those that it is given.
"""

import io
import resource
import sys


def main() -> None:
    """Evaluate the node that standard input has, and write its outputs to standard output.

    Raises
    ------
    ValueError
        If an output is no tensor. This and every other error ends the process, and its last line tells the parent why.
    """
    most_bytes, most_seconds = int(sys.argv[1]), int(sys.argv[2])
    import numpy as np
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + most_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (most_seconds + 1,) * 2)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as given:
        content = given["model"].tobytes()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        found = session.run(None, {x.name: given[f"x{k}"] for k, x in enumerate(session.get_inputs())})
    if not all(isinstance(a, np.ndarray) for a in found):
        raise ValueError("its outputs are no tensors")
    result = io.BytesIO()
    for array in found:
        np.save(result, array, allow_pickle=False)
    sys.stdout.buffer.write(result.getbuffer())


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        sys.exit("std::bad_alloc")
    except Exception as error:  # onnxruntime's exceptions share no public base class
        sys.exit(" ".join(str(error).split()) or type(error).__name__)

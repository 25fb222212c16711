"""A connection that answers with the golden model, by the manifest's own words."""

import numpy as np

from fewbit.golden.network.execute import run
from fewbit.host.packing import pack_beats, unpack_beats
from fewbit.host.protocol import IDENTITY, MAGIC, VERSION, Identity


class GoldenConnection:
    """Frames as bytes to results as bytes, through codes and `golden.network.execute.run`."""

    def __init__(self, project):
        m = project.manifest()
        self._project, self._in, self._out = project, m["input"], m["output"]
        sizes = self._in["beats"], self._in["bytes"], self._out["beats"], self._out["bytes"]
        self.identity = Identity(IDENTITY.pack(MAGIC, VERSION, 4, bytes.fromhex(m["identity"])[:8], *sizes))
        self.closed = False

    def exchange(self, frames):
        i, o, network = self._in, self._out, self._project.network
        codes = unpack_beats(frames.reshape(len(frames), i["beats"], i["bytes"]), i["bits"], i["lanes"], self._size())
        values = self._project.plan.x_format.decode(codes)
        if network.input_order is not None:
            values = values[:, np.argsort(network.input_order)]
        result = run(network, values.reshape(len(frames), *network.input_shape))
        codes = self._project.plan.format.encode(self._project.hardware_values(result).reshape(len(frames), -1))
        return pack_beats(codes, o["bits"], o["lanes"]).reshape(len(frames), -1), {}

    def _size(self):
        return int(np.prod(self._in["shape"]))

    def close(self):
        self.closed = True

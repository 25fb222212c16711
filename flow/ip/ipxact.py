"""IP-XACT descriptions of the IP block: in IEEE 1685-2009, which Vivado reads and writes, and in IEEE 1685-2014."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import ClassVar

from fewbit.hw.shell.registers import Access, Register

from .block import ADDRESS_BLOCK, Block, Interface
from .gui import gui_name

__all__ = ["access_of", "component_2009", "component_2014"]

SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
IPXACT = "http://www.accellera.org/XMLSchema/IPXACT/1685-2014"
XILINX = "http://www.xilinx.com"
_VIEWS = {"synthesis": "xilinx_anylanguagesynthesis", "simulation": "xilinx_anylanguagebehavioralsimulation"}
_MODIFIED = {Access.W1C: "oneToClear", Access.W1S: "oneToSet"}


def component_2009(block: Block, files: Sequence[str]) -> str:
    """Return ``component.xml`` as Vivado takes it, in IEEE 1685-2009.

    It stands beside ``files``, the Verilog of the block, in a folder of an IP repository.
    """
    return _Writer2009(block, files).text()


def component_2014(block: Block, files: Sequence[str]) -> str:
    """Return the description of the same block in IEEE 1685-2014."""
    return _Writer2014(block, files).text()


class _Writer:
    """What both editions of the standard have in common.

    An edition says where it differs: its namespace, and how it writes attributes, vectors, interfaces, registers,
    models, and what it ends with.
    """

    namespace: ClassVar[str]
    prefixes: ClassVar[dict[str, str]]

    def __init__(self, block: Block, files: Sequence[str]):
        self.block, self.files = block, files

    def text(self) -> str:
        """Return the whole description as XML."""
        for prefix, uri in self.prefixes.items():
            ET.register_namespace(prefix, uri)
        root = ET.Element(self.tag("component"))
        self.vlnv(root)
        interfaces = self.add(root, "busInterfaces")
        for interface in self.block.interfaces:
            self.interface(self.add(interfaces, "busInterface"), interface)
        self.spaces(root)
        self.memory(root)
        model = self.add(root, "model")
        self.model(model)
        self.ports(self.add(model, "ports"))
        sets = self.add(root, "fileSets")
        for view in _VIEWS.values():
            self.file_set(self.add(sets, "fileSet"), f"{view}_view_fileset")
        self.gui(sets)
        self.add(root, "description", self.block.description)
        self.ending(root)
        ET.indent(root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"

    def tag(self, name):
        """Return the name of an element with its namespace."""
        return f"{{{self.namespace}}}{name}"

    def add(self, parent, name, text=None, /, **attributes):
        """Append an element to ``parent``, and return it."""
        element = ET.SubElement(parent, self.tag(name), {self.attribute(k): str(v) for k, v in attributes.items()})
        element.text = None if text is None else str(text)
        return element

    def attribute(self, name: str) -> str:
        """Return the name of an attribute."""
        raise NotImplementedError

    def vectors(self, wire: ET.Element) -> ET.Element:
        """Return the element that holds the vectors of a wire."""
        raise NotImplementedError

    def interface(self, parent: ET.Element, interface: Interface) -> None:
        """Describe an interface in the element ``parent``."""
        raise NotImplementedError

    def register(self, register: ET.Element, r: Register, reset: int) -> None:
        """Describe the fields of a register, and its value after a reset."""
        raise NotImplementedError

    def model(self, model: ET.Element) -> None:
        """Describe the views of the block."""
        raise NotImplementedError

    def gui(self, sets: ET.Element) -> None:
        """Name the file of the dialog among the sets of files, where the edition is read by a tool that has one."""

    def ending(self, root: ET.Element) -> None:
        """Describe what stands at the end."""
        raise NotImplementedError

    def vlnv(self, root):
        for name in ("vendor", "library", "name", "version"):
            self.add(root, name, getattr(self.block, name))

    def bus(self, parent, element, interface, suffix=""):
        """Append an element that names the bus of an interface."""
        library, name = interface.kind
        self.add(parent, element, vendor="xilinx.com", library=library, name=name + suffix, version="1.0")

    def mode(self, parent, interface):
        mode = self.add(parent, interface.mode)
        if interface is self.block.mapped:
            self.add(mode, "memoryMapRef", memoryMapRef=interface.name)
        elif interface in self.block.spaces:
            self.add(mode, "addressSpaceRef", addressSpaceRef=interface.name)

    def maps(self, parent, interface):
        """Append the ports of an interface, with what they are in its bus."""
        maps = self.add(parent, "portMaps")
        for logical, physical in interface.maps.items():
            pair = self.add(maps, "portMap")
            self.add(self.add(pair, "logicalPort"), "name", logical)
            self.add(self.add(pair, "physicalPort"), "name", physical)

    def spaces(self, root):
        """Append the address spaces of what reaches memory, where there is such."""
        if not self.block.spaces:
            return
        spaces = self.add(root, "addressSpaces")
        for interface in self.block.spaces:
            space, bits = self.add(spaces, "addressSpace"), int(interface.parameters["ADDR_WIDTH"])
            self.add(space, "name", interface.name)
            self.add(space, "range", 1 << bits if self.namespace == SPIRIT else f"'h{1 << bits:X}")
            self.add(space, "width", interface.parameters["DATA_WIDTH"])

    def memory(self, root):
        """Append the map of the registers."""
        memory = self.add(self.add(root, "memoryMaps"), "memoryMap")
        self.add(memory, "name", self.block.mapped.name)
        space = self.add(memory, "addressBlock")
        for name, value in (("name", ADDRESS_BLOCK), ("baseAddress", 0), ("range", self.block.registers.size),
                            ("width", 32), ("usage", "register"), ("access", "read-write")):  # fmt: skip
            self.add(space, name, value)
        for r in self.block.registers.registers:
            for k, (name, offset) in enumerate(r.words):
                register = self.add(space, "register")
                self.add(register, "name", name)
                label = f" {r.labels[k]}." if r.labels else ""
                self.add(register, "description", r.meaning + label)
                self.add(register, "addressOffset", f"0x{offset:X}" if self.namespace == SPIRIT else f"'h{offset:X}")
                self.add(register, "size", 32)
                self.add(register, "access", access_of(r))
                self.register(register, r, r.value[k] if r.value else r.reset)

    def field(self, register, r, name, bit, width, meaning, reset=None):
        field = self.add(register, "field")
        self.add(field, "name", name)
        self.add(field, "description", meaning)
        self.add(field, "bitOffset", bit)
        if reset is not None:
            self.add(self.add(self.add(field, "resets"), "reset"), "value", f"'h{reset:X}")
        self.add(field, "bitWidth", width)
        self.add(field, "access", access_of(r))
        if r.access in _MODIFIED:
            self.add(field, "modifiedWriteValue", _MODIFIED[r.access])

    def ports(self, ports):
        for port in self.block.ports:
            p = self.add(ports, "port")
            self.add(p, "name", port.name)
            wire = self.add(p, "wire")
            self.add(wire, "direction", port.direction)
            if port.bits > 1:
                vector = self.add(self.vectors(wire), "vector")
                self.add(vector, "left", port.bits - 1)
                self.add(vector, "right", 0)

    def file_set(self, parent, name):
        self.add(parent, "name", name)
        for path in self.files:
            file = self.add(parent, "file")
            self.add(file, "name", path)
            self.add(file, "fileType", "verilogSource")


class _Writer2009(_Writer):
    """The edition of 2009, in which attributes have the namespace too, and Vivado's extensions stand at the end."""

    namespace = SPIRIT
    prefixes = {"spirit": SPIRIT, "xilinx": XILINX}

    def attribute(self, name):
        return self.tag(name)

    def vectors(self, wire):
        return wire

    def interface(self, parent, interface):
        self.add(parent, "name", interface.name)
        self.bus(parent, "busType", interface)
        self.bus(parent, "abstractionType", interface, "_rtl")
        self.mode(parent, interface)
        self.maps(parent, interface)
        parameters = self.add(parent, "parameters")
        for name, value in interface.parameters.items():
            parameter = self.add(parameters, "parameter")
            self.add(parameter, "name", name)
            user = {"resolve": "user"} if name in interface.open else {}
            self.add(parameter, "value", value, id=f"BUSIFPARAM_VALUE.{interface.name.upper()}.{name}", **user)

    def register(self, register, r, reset):
        self.add(self.add(register, "reset"), "value", f"0x{reset:X}")
        for f in r.fields:
            self.field(register, r, f.name, f.bit, 1, f.meaning)

    def model(self, model):
        views = self.add(model, "views")
        for tool, view in _VIEWS.items():
            v = self.add(views, "view")
            self.add(v, "name", view)
            self.add(v, "envIdentifier", f":vivado.xilinx.com:{tool}")
            self.add(v, "language", "verilog")
            self.add(v, "modelName", self.block.top)
            self.add(self.add(v, "fileSetRef"), "localName", f"{view}_view_fileset")
        v = self.add(views, "view")
        self.add(v, "name", "xilinx_xpgui")
        self.add(v, "displayName", "UI Layout")
        self.add(v, "envIdentifier", ":vivado.xilinx.com:xgui.ui")
        self.add(self.add(v, "fileSetRef"), "localName", "xilinx_xpgui_view_fileset")

    def gui(self, sets):
        files = self.add(sets, "fileSet")
        self.add(files, "name", "xilinx_xpgui_view_fileset")
        file = self.add(files, "file")
        self.add(file, "name", gui_name(self.block))
        self.add(file, "fileType", "tclSource")

    def ending(self, root):
        parameters = self.add(root, "parameters")
        parameter = self.add(parameters, "parameter")
        self.add(parameter, "name", "Component_Name")
        self.add(parameter, "value", f"{self.block.name}_v1_0", id="PARAM_VALUE.Component_Name", order=1)
        core = ET.SubElement(self.add(root, "vendorExtensions"), f"{{{XILINX}}}coreExtensions")

        def add(parent, name, text=None, /, **attributes):
            element = ET.SubElement(
                parent, f"{{{XILINX}}}{name}", {f"{{{XILINX}}}{k}": v for k, v in attributes.items()}
            )
            element.text = text
            return element

        families = add(core, "supportedFamilies")
        for family in self.block.families:
            add(families, "family", family, lifeCycle="Production")
        add(add(core, "taxonomies"), "taxonomy", "/UserIP")
        add(core, "displayName", f"fewbit accelerator {self.block.name}")
        add(core, "coreRevision", "1")


class _Writer2014(_Writer):
    """The edition of 2014."""

    namespace = IPXACT
    prefixes = {"ipxact": IPXACT}

    def attribute(self, name):
        return name

    def vectors(self, wire):
        return self.add(wire, "vectors")

    def interface(self, parent, interface):
        self.add(parent, "name", interface.name)
        self.bus(parent, "busType", interface)
        abstraction = self.add(self.add(parent, "abstractionTypes"), "abstractionType")
        self.bus(abstraction, "abstractionRef", interface, "_rtl")
        self.maps(abstraction, interface)
        self.mode(parent, interface)
        parameters = self.add(parent, "parameters")
        for name, value in interface.parameters.items():
            parameter = self.add(parameters, "parameter", parameterId=f"{interface.name}_{name}")
            self.add(parameter, "name", name)
            self.add(parameter, "value", value if isinstance(value, int) else f'"{value}"')

    def register(self, register, r, reset):
        if r.fields:
            for f in r.fields:
                self.field(register, r, f.name, f.bit, 1, f.meaning, reset >> f.bit & 1)
        else:
            self.field(register, r, "VALUE", 0, 32, r.meaning, reset)

    def model(self, model):
        views, made = self.add(model, "views"), self.add(model, "instantiations")
        for tool, view in _VIEWS.items():
            v = self.add(views, "view")
            self.add(v, "name", view)
            self.add(v, "envIdentifier", f":vivado.xilinx.com:{tool}")
            self.add(v, "componentInstantiationRef", f"{view}_instance")
            instance = self.add(made, "componentInstantiation")
            self.add(instance, "name", f"{view}_instance")
            self.add(instance, "language", "verilog")
            self.add(instance, "moduleName", self.block.top)
            self.add(self.add(instance, "fileSetRef"), "localName", f"{view}_view_fileset")

    def ending(self, root):
        pass


def access_of(r: Register) -> str:
    """Return how software may use a register, in the words of IP-XACT."""
    return str(r.access) if r.access in (Access.RO, Access.WO) else "read-write"

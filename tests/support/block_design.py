"""Just enough of Vivado to check the script of a block design: cells, pins and connections.

A command that is not known is an error, as it is in Vivado, and so is a pin of a cell that was not made before.
"""

from tests.support import tcl

# What the commands give back, where a script uses it.
_STUBS = r"""
foreach command {create_project set_property add_files update_compile_order create_bd_design apply_bd_automation
    assign_bd_address validate_bd_design save_bd_design generate_target launch_runs wait_on_run open_run
    report_utilization report_timing_summary current_project current_fileset get_files make_wrapper get_runs
    create_bd_cell connect_bd_net connect_bd_intf_net create_bd_port create_bd_intf_port update_ip_catalog} {
    proc $command args "record $command {*}\$args; return \[result $command \$args\]"
}
proc result {command words} {
    global cells ports
    switch $command {
        create_bd_port - create_bd_intf_port { set ports([lindex $words end]) 1; return [lindex $words end] }
        create_bd_cell { set name [lindex $words end]; set cells($name) 1; return $name }
        make_wrapper { return system_wrapper.v }
        default { return [lindex $words 0] }
    }
}
proc get_bd_cells {name} { global cells; if {![info exists cells($name)]} { error "no cell $name" }; return $name }
proc get_bd_pins {path} { get_bd_cells [lindex [split $path /] 0]; return $path }
proc get_bd_intf_pins {path} { get_bd_cells [lindex [split $path /] 0]; return $path }
proc get_bd_ports {name} { global ports; if {![info exists ports($name)]} { error "no port $name" }; return $name }
proc get_bd_intf_ports {name} { return [get_bd_ports $name] }
proc get_parts {quiet pattern} { return $pattern }
proc get_board_parts args { global boards; return $boards }
proc get_property {name of} { global properties; return $properties($name) }
rename file _file
proc file {action args} {
    if {$action eq "copy"} { record file copy {*}$args; return }
    uplevel 1 [list _file $action {*}$args]
}
proc glob args { return [lindex $args end] }
"""


class BlockDesign:
    """Cells and connections that a script made, and its calls.

    Attributes
    ----------
    called : list of lists of str
    cells : dict
        IP, or module, by name of cell.
    nets, interfaces : list of (from, to)
    """

    def __init__(self, script, path, *, boards="", properties=(), argv=()):
        values = {"PROGRESS": "100%", "STATS.WNS": "0.5", "DIRECTORY": "run"} | dict(properties)
        known = "".join(f"set properties({name}) {{{value}}}\n" for name, value in values.items())
        self.called = tcl.records(f"{_STUBS}set boards {{{boards}}}\n{known}", script, path, argv)
        made = [call for call in self.called if call[0] == "create_bd_cell"]
        self.cells = {call[-1]: call[-2] for call in made}
        self.nets = [call[1:] for call in self.called if call[0] == "connect_bd_net"]
        self.interfaces = [call[1:] for call in self.called if call[0] == "connect_bd_intf_net"]

    @property
    def settings(self):
        """Return names and values of every ``set_property -dict``."""
        words = [word for call in self.called if call[:2] == ["set_property", "-dict"] for word in call[2].split()]
        return list(zip(words[::2], words[1::2], strict=True))

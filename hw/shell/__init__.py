"""What stands around the accelerator: AXI4-Stream, AXI4-Lite, registers, the IP block, and its Verilog."""

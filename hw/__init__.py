"""Hardware in Amaranth: processing elements, layers, the accelerator, its AXI4-Stream shell and Verilog emission."""

"""fewbit: from a quantized neural network to an FPGA accelerator in plain Verilog, exact to the bit.

The folders of the checkout are the rooms of this package: ``hw/`` is ``fewbit.hw``. Data flows through them in this
order:

- `fewbit.golden`: number formats, quantizers, the integer network and its execution, and the import of model files;
- `fewbit.ptq`, `fewbit.train`: quantization after training, and during it;
- `fewbit.host`: what runs beside the hardware: packing, protocol, drivers;
- `fewbit.hw`: the hardware, in Amaranth;
- `fewbit.sim`: the cycle model, and simulation in Verilator;
- `fewbit.flow`: folding, tools, projects and commands.
"""

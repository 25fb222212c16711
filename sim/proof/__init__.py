"""Proofs that an emitted module does what its behaviour says, and that behaviour as Verilog for simulators."""

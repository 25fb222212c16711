"""Processing elements on their own, for designs of other people's: Verilog, a bench, and what they take."""

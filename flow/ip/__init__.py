"""The block as IP for the Xilinx tools: its folder, its description, its package."""

"""The accelerator behind a serial port."""

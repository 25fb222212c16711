"""What people use: the command line ``fewbit``, and the work behind its commands."""

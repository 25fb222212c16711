"""The other stages of a pipeline: windows, pools, sums of branches, functions of single codes."""

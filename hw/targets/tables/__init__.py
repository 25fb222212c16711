"""Parts and their resources, a table for each series, as `hw.targets.part_list` reads them.

Figures are those of the data sheet that stands in the row. The overviews of the 7 series give LUTRAM as Kbit, of which
a LUT holds 64 bits; of the others it is what Vivado's `report_utilization` offers, and the cell is empty where that was
not confirmed. Versal is left out: its carry chains and DSPs are not those that the estimate counts.
"""

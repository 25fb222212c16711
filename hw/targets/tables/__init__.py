"""Parts and their resources, a table for each series, as `hw.targets.part_list` reads them.

Figures are those of the data sheet that stands in the row. The overview of the 7 series gives LUTRAM as Kbit, of which
a LUT holds 64 bits; of ECP5 it is half of the LUTs; of the others it is what Vivado's `report_utilization` offers, and
the cell is empty where that was not confirmed. A card has all of its device here, of which a shell takes its share.
ECP5's DSPs are multipliers of 18 by 18 bits. Versal is left out: its carry chains and DSPs are not those that the
estimate counts.
"""

"""The figures of the pages that explain: drawn from what fewbit plans, folds and simulates, a file each.

``python -m bench.figures.draw`` writes all of them to ``docs/explained``, or those that it is given by name.
"""

"""The PE x SIMD arrays, one for each way of making products, and what their parts cost."""

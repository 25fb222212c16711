"""The fixed words of ``docs/survey.md``; `bench.survey.page` puts in what was measured."""

__all__ = ["FASHION", "NOTES", "TEXT"]

TEXT = """# Quantization methods, trained and as hardware

Made by `make survey` (the last whole run: {took}): every figure but those of the last two tables comes from there,
the text's too, and is kept in [survey-digits.json](survey-digits.json). Each row is a
network {shape} trained with {seeds} seeds on the 8x8 digits ({train} images to train with, {test} to test), {steps}
steps, or quantized after training (PTQ), and the accelerator that its first seed becomes.

![accuracy against LUTs, a point a row](survey.svg)

## What the figures show

{claims}

## The digits

{table}

{gaps}

## How

{notes}

{fashion}

## Published figures, not ours

Top-1 accuracy in percent, as the named text has it (where it gives an error, 100 minus that); bits are
weights/activations, and most of these networks keep the first and the last layer in more bits. {missing} are left out,
as no text with their figures could be read for this table.

{literature}
"""

NOTES = """- **Accuracy**: the golden model on all test images, mean and standard deviation of {seeds} seeds ({first} to
  {last}; chosen before, none left out). *Against float32*: difference of the means in points.
- **Hardware**: seed {first} through import, generation and Verilator ({verilator}), {frames} frames: every bit equal
  to the golden model's and every cycle as predicted, or there is no row. One folding for all, PE x SIMD by layer:
  {folding}. Cycles are those of the simulation.
- **LUTs, FFs, DSPs, BRAMs**: Yosys (pyosys {pyosys}), `synth_xilinx -family xc7`, before place and route. DSPs are
  used where Yosys or the generator takes them; `float32-luts` has none. Weights lie in LUTs or in block RAM, as the
  generator finds cheaper: a row with BRAMs has fewer LUTs than one whose weights are in LUTs.
- **Weight bits**: of the codes. Scales, thresholds and levels are not counted: they are in the units and arrays,
  and so in their LUTs. Where that takes fewer of them, the hardware holds the integer that a code stands for.
- **Bit operations**: the sum over all multiplications of a frame of weight bits times activation bits (BOPs: van Baalen
  and others, "Bayesian Bits", NeurIPS 2020), by the bits of the codes.
- **SQNR**: 10 log10(|x|² / |x - g q|²), x what goes into a quantizer and q what comes out, g the factor of least
  squares, since a batch norm takes up any; mean over the layers, of seed {first}. Weights: the latent ones of training,
  or those of the float network.
- **Quantizing units**: what makes codes of the sums behind the two hidden layers, one lane each, with thresholds, and
  with the random generator where there is one; synthesized alone. *Of these generators*: those once more, without what
  finds probabilities and compares. **LUTs a lane**: a processing element of the second layer with {lanes} inputs a
  cycle ({float_lanes} of float32), products, sum and accumulator, divided by its inputs. **Products in**: what the
  generator took for products, of the ways in [quantizers.md](quantizers.md), layer by layer where they differ.
- **Noise** in the text is twice the standard error of a difference of two means."""

FASHION = """## Fashion-MNIST

A recorded run, kept in [survey-fashion.json](survey-fashion.json); `make survey ARGS=fashion` makes it again ({took}).
{rows} of the rows, each method in one of its forms, with a network {shape} on 28x28 pixels, {steps} steps only, so no
row is trained to the end: compare them with each other. {train:,} images to train with, {test:,} to test.

{table}

{gaps}

{claims}"""

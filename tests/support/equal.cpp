// Runs a bench of two forms of modules, which counts the cycles in which they differ: as many clock cycles as are asked for.
#include <cstdio>
#include "Vbench.h"
#include "shape.h"

int main() {
  VerilatedContext context;
  Vbench bench(&context);
  for (int cycle = 0; cycle < 2 * CYCLES; ++cycle) {
    bench.clk = cycle & 1;
    bench.eval();
  }
  std::printf("%d of %d\n", int(bench.errors), int(bench.compared));
  return 0;
}

/* The driver's way to a simulated block: driver_bench.cpp has the functions. */
#include <stddef.h>
#include <stdint.h>

extern uint32_t fewbit_read(uintptr_t address);
extern void fewbit_write(uintptr_t address, uint32_t value);
#define fewbit_flush(memory, bytes) ((void)(memory), (void)(bytes))
#define fewbit_invalidate(memory, bytes) ((void)(memory), (void)(bytes))

/* Driver of the IP block for programs without an operating system, and for any other that reaches its registers. C99.
 *
 * The block's streams are at AXI DMAs: one for each input, of which the first takes the results too. A transfer is a
 * frame: its beats lie one behind the other in memory, FEWBIT_IN0_FRAME_BYTES in all, and so do those of a result.
 *
 * How registers and caches are reached is the platform's: without FEWBIT_PORT, registers are memory and there is no
 * cache. Else FEWBIT_PORT names a header, as "my_port.h", with
 *     uint32_t fewbit_read(uintptr_t address);
 *     void fewbit_write(uintptr_t address, uint32_t value);
 *     void fewbit_flush(const void *memory, size_t bytes);       before a device reads what the processor wrote
 *     void fewbit_invalidate(void *memory, size_t bytes);        before the processor reads what a device wrote
 * as functions or macros. Buffers that the processor caches must begin and end at cache lines. */
#ifndef FEWBIT_DRIVER_H
#define FEWBIT_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "fewbit.h"

typedef enum {
    FEWBIT_OK = 0,
    FEWBIT_NO_BLOCK,      /* there is no block of fewbit at that address */
    FEWBIT_OTHER_VERSION, /* its registers are of another version */
    FEWBIT_OTHER_BUILD,   /* it is of another build than the header */
    FEWBIT_NO_END,        /* a transfer or a reset did not end in time */
    FEWBIT_DMA_FAULT,     /* a DMA reported an error */
    FEWBIT_BAD_FRAME,     /* results were marked as of frames that were too short or too long */
    FEWBIT_WRONG_MODE,    /* the DMA has no scatter-gather, or has nothing else */
    FEWBIT_WRONG_SIZE,    /* no frames, or a result of another size than the header's */
    FEWBIT_MISALIGNED     /* the descriptors do not begin at a multiple of 64 bytes */
} fewbit_status;

/* Return what a status means, in words. */
const char *fewbit_words(fewbit_status status);

/* A block and its DMAs. */
typedef struct {
    uintptr_t block;               /* address of the block's registers */
    uintptr_t dma[FEWBIT_INPUTS];  /* addresses of the DMAs' registers */
    uint32_t patience;             /* reads of a register after which what does not end is given up */
} fewbit_device;

/* What a DMA reads of a transfer in scatter-gather mode: 16 words at a multiple of 64 bytes. */
typedef struct {
    uint32_t word[16];
} fewbit_descriptor;

/* Descriptors that fewbit_infer_many needs for so many frames. */
#define FEWBIT_DESCRIPTORS(count) ((size_t)(count) * (FEWBIT_INPUTS + 1u))

typedef struct {
    uint32_t frames, bad_frames, latency, latency_min, latency_max, interval, interval_min, interval_max;
} fewbit_counters;

/* Fill in a device, see that the block is the one of the header, and reset it and its DMAs. */
fewbit_status fewbit_open(fewbit_device *device, uintptr_t block, const uintptr_t dma[FEWBIT_INPUTS]);

/* Reset the DMAs and empty the block, whatever was under way; registers and counters stay as they are. */
fewbit_status fewbit_reset(fewbit_device *device);

/* Send a frame to each input and wait for the result, by DMAs in simple mode. frames[k] is of input k. */
fewbit_status fewbit_infer(fewbit_device *device, const void *const frames[FEWBIT_INPUTS], void *result);

/* Send count frames, one behind the other at frames[k], and wait for all results, by DMAs in scatter-gather mode.
 * ring has FEWBIT_DESCRIPTORS(count) descriptors. The block works on several frames at once. */
fewbit_status fewbit_infer_many(fewbit_device *device, const void *const frames[FEWBIT_INPUTS], void *results,
                                size_t count, fewbit_descriptor *ring);

/* Put the codes of input `input`, each in the low bits of an element, into a frame; the other way for a result, whose
 * codes become values where the header says how (FEWBIT_OUT_SIGNED, FEWBIT_OUT_SPACING, FEWBIT_OUT_ORIGIN). */
void fewbit_pack(unsigned input, const int32_t *codes, uint8_t *frame);
void fewbit_unpack(const uint8_t *result, int32_t *values);

/* Which bits of FEWBIT_INTERRUPT_STATUS raise the interrupt; read those that are set, and clear them. */
void fewbit_enable_interrupts(const fewbit_device *device, uint32_t bits);
uint32_t fewbit_take_interrupts(const fewbit_device *device);

void fewbit_read_counters(const fewbit_device *device, fewbit_counters *counters);
void fewbit_clear_counters(const fewbit_device *device);

#endif

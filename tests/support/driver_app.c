/* A program for the driver, at the block of driver_bench.cpp: it sends the codes of a file, and prints what comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver_port.h"
#include "fewbit_driver.h"

int application(int scatter_gather, const char *job);

static const uintptr_t BLOCK = 0x43C00000u, DMAS = 0x40400000u, KNOBS = 0x50000000u;
enum { NONE, CUT, REFUSE, SWALLOW };

static size_t frame_size(unsigned k) {
    static const uint32_t streams[FEWBIT_INPUTS][5] = FEWBIT_STREAMS_IN;
    return (size_t)streams[k][0] * streams[k][1];
}

static uint32_t codes_of(unsigned k) {
    static const uint32_t streams[FEWBIT_INPUTS][5] = FEWBIT_STREAMS_IN;
    return streams[k][4];
}

static void show(const char *what, const uint8_t *results, size_t count) {
    int32_t values[FEWBIT_OUT_CODES];
    size_t n, k;
    for (n = 0; n < count; ++n) {
        printf("%s", what);
        fewbit_unpack(results + n * FEWBIT_OUT_FRAME_BYTES, values);
        for (k = 0; k < FEWBIT_OUT_CODES; ++k) printf(" %d", (int)values[k]);
        printf("\n");
    }
}

int application(int scatter_gather, const char *job) {
    FILE *file = fopen(job, "rb");
    uint32_t count, n;
    unsigned k;
    uintptr_t dma[FEWBIT_INPUTS];
    const void *frames[FEWBIT_INPUTS], *one[FEWBIT_INPUTS];
    uint8_t *memory[FEWBIT_INPUTS], *results;
    void *storage;
    fewbit_descriptor *ring;
    fewbit_device device;
    fewbit_counters counters;
    fewbit_status status;
    if (!file || fread(&count, 4, 1, file) != 1) return 2;
    for (k = 0; k < FEWBIT_INPUTS; ++k) {
        int32_t *codes = (int32_t *)malloc(codes_of(k) * sizeof *codes);
        dma[k] = DMAS + 0x10000u * k;
        frames[k] = memory[k] = (uint8_t *)malloc(count * frame_size(k));
        for (n = 0; n < count; ++n) {
            if (fread(codes, sizeof *codes, codes_of(k), file) != codes_of(k)) return 2;
            fewbit_pack(k, codes, memory[k] + n * frame_size(k));
        }
        free(codes);
    }
    fclose(file);
    results = (uint8_t *)calloc(count, FEWBIT_OUT_FRAME_BYTES);
    storage = malloc(FEWBIT_DESCRIPTORS(count) * sizeof *ring + 64);
    ring = (fewbit_descriptor *)(((uintptr_t)storage + 63) / 64 * 64);

    printf("elsewhere: %s\n", fewbit_words(fewbit_open(&device, BLOCK + FEWBIT_SCRATCH, dma)));
    status = fewbit_open(&device, BLOCK, dma);
    printf("opened: %s\n", fewbit_words(status));
    if (status != FEWBIT_OK) return 1;
    device.patience = 100000;
    fewbit_enable_interrupts(&device, FEWBIT_INTERRUPT_ENABLE_RESULT);
    printf("interrupt before: %d\n", (int)fewbit_read(KNOBS));

    if (scatter_gather) {
        printf("simple: %s\n", fewbit_words(fewbit_infer(&device, frames, results)));
        printf("none: %s\n", fewbit_words(fewbit_infer_many(&device, frames, results, 0, ring)));
        printf("misaligned: %s\n",
               fewbit_words(fewbit_infer_many(&device, frames, results, count, (void *)((uint8_t *)ring + 4))));
        for (n = 0; n < 2; ++n) { /* twice, so that the second chain begins where the first one did */
            memset(results, 0xAA, count * FEWBIT_OUT_FRAME_BYTES);
            printf("many: %s\n", fewbit_words(fewbit_infer_many(&device, frames, results, count, ring)));
            show("result", results, count);
        }
    } else {
        printf("scatter-gather: %s\n", fewbit_words(fewbit_infer_many(&device, frames, results, count, ring)));
        for (n = 0; n < count; ++n) {
            for (k = 0; k < FEWBIT_INPUTS; ++k) one[k] = memory[k] + n * frame_size(k);
            status = fewbit_infer(&device, one, results);
            if (status != FEWBIT_OK) printf("one: %s\n", fewbit_words(status));
            show("result", results, 1);
        }
    }
    printf("interrupt after: %d\n", (int)fewbit_read(KNOBS));
    printf("taken: %u\n", (unsigned)fewbit_take_interrupts(&device));
    printf("interrupt cleared: %d\n", (int)fewbit_read(KNOBS));
    fewbit_read_counters(&device, &counters);
    printf("frames %u bad %u latency %d interval %d\n", (unsigned)counters.frames, (unsigned)counters.bad_frames,
           counters.latency >= counters.latency_min && counters.latency <= counters.latency_max,
           counters.interval <= counters.interval_max);
    fewbit_clear_counters(&device);
    fewbit_read_counters(&device, &counters);
    printf("cleared: %u\n", (unsigned)counters.frames);

    for (n = CUT; n <= SWALLOW; ++n) { /* what goes wrong is said, and the next frame after a reset is right */
        fewbit_write(KNOBS, n);
        status = scatter_gather ? fewbit_infer_many(&device, frames, results, 1, ring)
                                : fewbit_infer(&device, frames, results);
        printf("fault: %s\n", fewbit_words(status));
        printf("reset: %s\n", fewbit_words(fewbit_reset(&device)));
        status = scatter_gather ? fewbit_infer_many(&device, frames, results, 1, ring)
                                : fewbit_infer(&device, frames, results);
        printf("again: %s\n", fewbit_words(status));
        show("result", results, 1);
    }
    for (k = 0; k < FEWBIT_INPUTS; ++k) free(memory[k]);
    free(results);
    free(storage);
    return 0;
}

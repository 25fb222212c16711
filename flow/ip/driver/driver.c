/* The driver that fewbit_driver.h describes. The DMA is AXI DMA 7.1 as its product guide, PG021, has it. */
#include "fewbit_driver.h"

#include <string.h>

#ifdef FEWBIT_PORT
#include FEWBIT_PORT
#else
static uint32_t fewbit_read(uintptr_t address) { return *(volatile uint32_t *)address; }
static void fewbit_write(uintptr_t address, uint32_t value) { *(volatile uint32_t *)address = value; }
static void fewbit_flush(const void *memory, size_t bytes) { (void)memory; (void)bytes; }
static void fewbit_invalidate(void *memory, size_t bytes) { (void)memory; (void)bytes; }
#endif

/* Registers of one direction of a DMA, from 0x00 (memory to stream) or 0x30 (stream to memory) on. */
enum {
    TO_STREAM = 0x00, TO_MEMORY = 0x30,
    DMACR = 0x00, DMASR = 0x04, CURDESC = 0x08, CURDESC_MSB = 0x0C, TAILDESC = 0x10, TAILDESC_MSB = 0x14,
    ADDRESS = 0x18, ADDRESS_MSB = 0x1C, LENGTH = 0x28
};
#define CR_RUN 0x1u
#define CR_RESET 0x4u
#define SR_HALTED 0x1u
#define SR_IDLE 0x2u
#define SR_HAS_SG 0x8u
#define SR_FAULTS 0x770u
#define SR_EVENTS 0x7000u
#define SR_DONE 0x1000u /* a transfer is complete */

/* Words of a descriptor, and bits of its control and status. */
enum { NEXT = 0, NEXT_MSB = 1, BUFFER = 2, BUFFER_MSB = 3, CONTROL = 6, STATUS = 7 };
#define FIRST_AND_LAST 0x0C000000u
#define COMPLETE 0x80000000u
#define DESCRIPTOR_FAULTS 0x70000000u
#define BYTES 0x03FFFFFFu

#if FEWBIT_LARGEST_TRANSFER > 0x03FFFFFF
#error "a frame or a result is larger than one transfer of AXI DMA, which has a length of 26 bits at most"
#endif

typedef struct {
    uint32_t beats, bytes, bits, lanes, codes;
} stream;

static const stream streams_in[FEWBIT_INPUTS] = FEWBIT_STREAMS_IN;
static const stream stream_out = FEWBIT_STREAM_OUT;

static size_t frame_bytes(const stream *s) { return (size_t)s->beats * s->bytes; }

const char *fewbit_words(fewbit_status status) {
    switch (status) {
        case FEWBIT_OK: return "all is well";
        case FEWBIT_NO_BLOCK: return "there is no block of fewbit at that address";
        case FEWBIT_OTHER_VERSION: return "the block's registers are of another version than the header";
        case FEWBIT_OTHER_BUILD: return "the block is of another build than the header";
        case FEWBIT_NO_END: return "a transfer or a reset did not end in time";
        case FEWBIT_DMA_FAULT: return "a DMA reported an error";
        case FEWBIT_BAD_FRAME: return "a result was marked: its frame was too short or too long";
        case FEWBIT_WRONG_MODE: return "the DMA was made without that mode";
        case FEWBIT_WRONG_SIZE: return "there are no frames, or a result has another size than the header says";
        case FEWBIT_MISALIGNED: return "descriptors must begin at a multiple of 64 bytes";
    }
    return "there is no such status";
}

static uint32_t high_half(uintptr_t address) { return (uint32_t)((uint64_t)address >> 32); }

/* Wait until the bits `mask` of a register are `wanted`. */
static fewbit_status await(const fewbit_device *device, uintptr_t address, uint32_t mask, uint32_t wanted) {
    uint32_t n;
    for (n = 0; n < device->patience; ++n)
        if ((fewbit_read(address) & mask) == wanted) return FEWBIT_OK;
    return FEWBIT_NO_END;
}

fewbit_status fewbit_reset(fewbit_device *device) {
    unsigned k;
    for (k = 0; k < FEWBIT_INPUTS; ++k) { /* one bit resets both directions of a DMA */
        fewbit_status status;
        fewbit_write(device->dma[k] + TO_STREAM + DMACR, CR_RESET);
        status = await(device, device->dma[k] + TO_STREAM + DMACR, CR_RESET, 0);
        if (status != FEWBIT_OK) return status;
    }
    fewbit_write(device->block + FEWBIT_CONTROL,
                 FEWBIT_CONTROL_SOFT_RESET | FEWBIT_CONTROL_SOURCE_RESET | FEWBIT_CONTROL_SINK_RESET);
    return await(device, device->block + FEWBIT_CONTROL, FEWBIT_CONTROL_SOFT_RESET, 0);
}

fewbit_status fewbit_open(fewbit_device *device, uintptr_t block, const uintptr_t dma[FEWBIT_INPUTS]) {
    unsigned k;
    device->block = block;
    for (k = 0; k < FEWBIT_INPUTS; ++k) device->dma[k] = dma[k];
    device->patience = 10000000u;
    if (fewbit_read(block + FEWBIT_MAGIC) != FEWBIT_MAGIC_VALUE) return FEWBIT_NO_BLOCK;
    if (fewbit_read(block + FEWBIT_VERSION) >> 16 != FEWBIT_VERSION_VALUE >> 16) return FEWBIT_OTHER_VERSION;
    if (fewbit_read(block + FEWBIT_BUILD) != FEWBIT_BUILD0_VALUE) return FEWBIT_OTHER_BUILD;
    if (fewbit_read(block + FEWBIT_BUILD + 4u) != FEWBIT_BUILD1_VALUE) return FEWBIT_OTHER_BUILD;
    return fewbit_reset(device);
}

/* Start one direction of a DMA on a piece of memory. */
static void start(uintptr_t channel, uintptr_t memory, size_t bytes) {
    fewbit_write(channel + DMACR, CR_RUN);
    fewbit_write(channel + ADDRESS, (uint32_t)memory);
    if (sizeof(uintptr_t) > 4) fewbit_write(channel + ADDRESS_MSB, high_half(memory));
    fewbit_write(channel + LENGTH, (uint32_t)bytes);
}

/* Say whether all DMAs have scatter-gather, or none has. */
static int all_with(const fewbit_device *device, uint32_t mode) {
    unsigned k;
    for (k = 0; k < FEWBIT_INPUTS; ++k)
        if ((fewbit_read(device->dma[k] + TO_STREAM + DMASR) & SR_HAS_SG) != mode) return 0;
    return 1;
}

/* Wait until all directions have done their transfers, or chains of them, and have nothing more to do. */
static fewbit_status finish_all(const fewbit_device *device) {
    uintptr_t channels[FEWBIT_INPUTS + 1];
    uint32_t n;
    unsigned k;
    channels[FEWBIT_INPUTS] = device->dma[0] + TO_MEMORY;
    for (k = 0; k < FEWBIT_INPUTS; ++k) channels[k] = device->dma[k] + TO_STREAM;
    for (n = 0; n < device->patience; ++n) {
        int pending = 0;
        for (k = 0; k <= FEWBIT_INPUTS; ++k) {
            const uint32_t seen = fewbit_read(channels[k] + DMASR);
            if (seen & SR_FAULTS) return FEWBIT_DMA_FAULT;
            if (!(seen & SR_DONE) || !(seen & SR_IDLE)) pending = 1;
        }
        if (!pending) {
            for (k = 0; k <= FEWBIT_INPUTS; ++k) fewbit_write(channels[k] + DMASR, SR_EVENTS); /* cleared by ones */
            return FEWBIT_OK;
        }
    }
    return FEWBIT_NO_END;
}

fewbit_status fewbit_infer(fewbit_device *device, const void *const frames[FEWBIT_INPUTS], void *result) {
    const size_t size = frame_bytes(&stream_out);
    const uint32_t bad = fewbit_read(device->block + FEWBIT_BAD_FRAMES);
    fewbit_status status;
    unsigned k;
    if (!all_with(device, 0)) return FEWBIT_WRONG_MODE;
    for (k = 0; k < FEWBIT_INPUTS; ++k) fewbit_flush(frames[k], frame_bytes(&streams_in[k]));
    fewbit_invalidate(result, size);
    start(device->dma[0] + TO_MEMORY, (uintptr_t)result, size); /* the sink before the sources */
    for (k = 0; k < FEWBIT_INPUTS; ++k)
        start(device->dma[k] + TO_STREAM, (uintptr_t)frames[k], frame_bytes(&streams_in[k]));
    status = finish_all(device);
    if (status != FEWBIT_OK) return status;
    if (fewbit_read(device->dma[0] + TO_MEMORY + LENGTH) != size) return FEWBIT_WRONG_SIZE;
    fewbit_invalidate(result, size);
    return fewbit_read(device->block + FEWBIT_BAD_FRAMES) == bad ? FEWBIT_OK : FEWBIT_BAD_FRAME;
}

/* Chain descriptors of transfers of `bytes` each from `memory` on. */
static void chain(fewbit_descriptor *ring, uintptr_t memory, size_t bytes, size_t count) {
    size_t n;
    memset(ring, 0, count * sizeof *ring);
    for (n = 0; n < count; ++n) {
        const uintptr_t next = (uintptr_t)&ring[n + 1 < count ? n + 1 : 0], at = memory + n * bytes;
        ring[n].word[NEXT] = (uint32_t)next;
        ring[n].word[NEXT_MSB] = high_half(next);
        ring[n].word[BUFFER] = (uint32_t)at;
        ring[n].word[BUFFER_MSB] = high_half(at);
        ring[n].word[CONTROL] = FIRST_AND_LAST | (uint32_t)bytes;
    }
    fewbit_flush(ring, count * sizeof *ring);
}

/* Start one direction of a DMA on a chain. */
static void follow(uintptr_t channel, const fewbit_descriptor *ring, size_t count) {
    const uintptr_t first = (uintptr_t)ring, last = (uintptr_t)&ring[count - 1];
    fewbit_write(channel + CURDESC, (uint32_t)first); /* only while it is halted */
    if (sizeof(uintptr_t) > 4) fewbit_write(channel + CURDESC_MSB, high_half(first));
    /* One event when the whole chain is done would need its length in 8 bits: the count is left at one, and the
     * channel is idle only at its end. */
    fewbit_write(channel + DMACR, CR_RUN | 0x00010000u);
    if (sizeof(uintptr_t) > 4) fewbit_write(channel + TAILDESC_MSB, high_half(last));
    fewbit_write(channel + TAILDESC, (uint32_t)last); /* this starts it */
}

/* Stop a channel, so that the next chain can begin anywhere. */
static fewbit_status halt(const fewbit_device *device, uintptr_t channel) {
    fewbit_write(channel + DMACR, 0);
    return await(device, channel + DMASR, SR_HALTED, SR_HALTED);
}

fewbit_status fewbit_infer_many(fewbit_device *device, const void *const frames[FEWBIT_INPUTS], void *results,
                                size_t count, fewbit_descriptor *ring) {
    const size_t size = frame_bytes(&stream_out);
    const uint32_t bad = fewbit_read(device->block + FEWBIT_BAD_FRAMES);
    fewbit_descriptor *const back = ring + FEWBIT_INPUTS * count;
    fewbit_status status;
    unsigned k;
    size_t n;
    if (count == 0) return FEWBIT_WRONG_SIZE;
    if ((uintptr_t)ring & 63u) return FEWBIT_MISALIGNED;
    if (!all_with(device, SR_HAS_SG)) return FEWBIT_WRONG_MODE;
    for (k = 0; k < FEWBIT_INPUTS; ++k) {
        fewbit_flush(frames[k], count * frame_bytes(&streams_in[k]));
        chain(ring + k * count, (uintptr_t)frames[k], frame_bytes(&streams_in[k]), count);
    }
    fewbit_invalidate(results, count * size);
    chain(back, (uintptr_t)results, size, count);
    follow(device->dma[0] + TO_MEMORY, back, count); /* the sink before the sources */
    for (k = 0; k < FEWBIT_INPUTS; ++k) follow(device->dma[k] + TO_STREAM, ring + k * count, count);
    status = finish_all(device);
    if (status != FEWBIT_OK) return status;
    status = halt(device, device->dma[0] + TO_MEMORY);
    for (k = 0; status == FEWBIT_OK && k < FEWBIT_INPUTS; ++k) status = halt(device, device->dma[k] + TO_STREAM);
    if (status != FEWBIT_OK) return status;
    fewbit_invalidate(back, count * sizeof *back);
    for (n = 0; n < count; ++n) {
        if (back[n].word[STATUS] & DESCRIPTOR_FAULTS) return FEWBIT_DMA_FAULT;
        if (!(back[n].word[STATUS] & COMPLETE)) return FEWBIT_NO_END;
        if ((back[n].word[STATUS] & BYTES) != size) return FEWBIT_WRONG_SIZE;
    }
    fewbit_invalidate(results, count * size);
    return fewbit_read(device->block + FEWBIT_BAD_FRAMES) == bad ? FEWBIT_OK : FEWBIT_BAD_FRAME;
}

/* Bit position of a code in a frame: lanes fill a beat from bit 0 on, and a beat is whole bytes. */
static size_t position(const stream *s, uint32_t code) {
    return (size_t)(code / s->lanes) * s->bytes * 8u + (size_t)(code % s->lanes) * s->bits;
}

void fewbit_pack(unsigned input, const int32_t *codes, uint8_t *frame) {
    const stream *const s = &streams_in[input];
    uint32_t k, bit;
    memset(frame, 0, frame_bytes(s));
    for (k = 0; k < s->codes; ++k)
        for (bit = 0; bit < s->bits; ++bit) {
            const size_t at = position(s, k) + bit;
            if ((uint32_t)codes[k] >> bit & 1u) frame[at / 8] = (uint8_t)(frame[at / 8] | 1u << at % 8);
        }
}

void fewbit_unpack(const uint8_t *result, int32_t *values) {
    uint32_t k, bit;
    for (k = 0; k < stream_out.codes; ++k) {
        uint32_t code = 0;
        int64_t value;
        for (bit = 0; bit < stream_out.bits; ++bit) {
            const size_t at = position(&stream_out, k) + bit;
            code |= (uint32_t)(result[at / 8] >> at % 8 & 1u) << bit;
        }
        value = (int64_t)code;
        if (FEWBIT_OUT_SIGNED && code >> (stream_out.bits - 1u)) value -= (int64_t)1 << stream_out.bits;
        values[k] = (int32_t)(FEWBIT_OUT_SPACING * value + FEWBIT_OUT_ORIGIN);
    }
}

void fewbit_enable_interrupts(const fewbit_device *device, uint32_t bits) {
    fewbit_write(device->block + FEWBIT_INTERRUPT_ENABLE, bits);
}

uint32_t fewbit_take_interrupts(const fewbit_device *device) {
    const uint32_t seen = fewbit_read(device->block + FEWBIT_INTERRUPT_STATUS);
    fewbit_write(device->block + FEWBIT_INTERRUPT_STATUS, seen);
    return seen;
}

void fewbit_read_counters(const fewbit_device *device, fewbit_counters *counters) {
    counters->frames = fewbit_read(device->block + FEWBIT_FRAMES);
    counters->bad_frames = fewbit_read(device->block + FEWBIT_BAD_FRAMES);
    counters->latency = fewbit_read(device->block + FEWBIT_LATENCY);
    counters->latency_min = fewbit_read(device->block + FEWBIT_LATENCY_MIN);
    counters->latency_max = fewbit_read(device->block + FEWBIT_LATENCY_MAX);
    counters->interval = fewbit_read(device->block + FEWBIT_INTERVAL);
    counters->interval_min = fewbit_read(device->block + FEWBIT_INTERVAL_MIN);
    counters->interval_max = fewbit_read(device->block + FEWBIT_INTERVAL_MAX);
}

void fewbit_clear_counters(const fewbit_device *device) {
    fewbit_write(device->block + FEWBIT_CONTROL, FEWBIT_CONTROL_CLEAR);
}

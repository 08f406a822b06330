/* rANS without the models: the backward pass, the flush, its opposite, and raw bits. */
#include <stdlib.h>

#include "ggc/rans.h"

int ggc_log_reserve(ggc_step_log *log, size_t more) {
    size_t wanted = log->size + more;
    if (wanted <= log->capacity)
        return 1;
    wanted = wanted > 2 * log->capacity ? wanted : 2 * log->capacity;
    wanted = wanted > 256 ? wanted : 256;
    uint32_t *grown = realloc(log->steps, wanted * sizeof *grown);
    if (!grown)
        return 0;
    log->steps = grown;
    log->capacity = wanted;
    return 1;
}

int ggc_log_bits(ggc_step_log *log, const uint32_t *values, const uint8_t *widths, size_t stride, size_t n) {
    if (!ggc_log_reserve(log, 3 * n)) /* of 32 bits at most */
        return 0;
    for (size_t i = 0; i < n; i++)
        for (int left = widths[i * stride]; left > 0;) {
            const int step = left < GGC_CDF_BITS ? left : GGC_CDF_BITS;
            left -= step;
            const uint32_t chunk = (values[i] >> left) & ((1u << step) - 1);
            log->steps[log->size++] = GGC_STEP(chunk << (GGC_CDF_BITS - step), 1u << (GGC_CDF_BITS - step));
        }
    return 1;
}

static inline uint8_t *put_word(uint8_t *next, uint32_t word) {
    next -= GGC_RANS_WORD_BYTES;
    ggc_store_word(next, word);
    return next;
}

static inline uint64_t put_step(uint64_t x, uint32_t step, uint8_t **next) {
    const uint32_t frequency = step & 0xffff;
    if (ggc_rans_full(x, frequency)) {
        *next = put_word(*next, (uint32_t)x);
        x >>= GGC_RANS_WORD_BITS;
    }
    return ggc_rans_put(x, step >> 16, frequency);
}

/* Raw bits, pushed in the reverse of the order in which take_bits pops them. */
static uint64_t put_bits(uint64_t x, uint32_t value, int width, uint8_t **next) {
    int last = width % GGC_CDF_BITS;
    for (int step = last ? last : GGC_CDF_BITS; width > 0; width -= step, value >>= step, step = GGC_CDF_BITS) {
        const uint32_t chunk = value & ((1u << step) - 1);
        x = put_step(x, GGC_STEP(chunk << (GGC_CDF_BITS - step), 1u << (GGC_CDF_BITS - step)), next);
    }
    return x;
}

/* Codes the steps backward into the bytes before `end`, which must hold 2 * num_steps + GGC_RANS_OVERHEAD;
 * returns how many it wrote. `state` receives the states as a decoder finds them before step 0. */
size_t ggc_rans_encode(const uint32_t *steps, size_t num_steps, uint8_t *end, uint64_t state[2]) {
    uint8_t *next = end;
    size_t k = num_steps;
    uint64_t x = GGC_RANS_INITIAL;
    while (k > 0 && !ggc_rans_full(x, steps[k - 1] & 0xffff)) {
        k--;
        x = ggc_rans_put(x, steps[k] >> 16, steps[k] & 0xffff);
    }
    state[0] = x, state[1] = 0;
    if (k > 0) {
        /* The fork: the state of step k - 1 keeps the upper half, the other one starts with the lower. */
        uint64_t odd = x >> GGC_RANS_WORD_BITS, even = GGC_RANS_LOWER | (uint32_t)x;
        if (k & 1) {
            const uint64_t upper = odd;
            odd = even, even = upper;
            even = put_step(even, steps[--k], &next);
        }
        for (; k > 0; k -= 2) {
            odd = put_step(odd, steps[k - 1], &next);
            even = put_step(even, steps[k - 2], &next);
        }
        state[0] = even, state[1] = odd;
        /* Fold the odd state into the even one: its lower half as a word, its upper half as raw bits. */
        const uint32_t upper = (uint32_t)(odd >> GGC_RANS_WORD_BITS);
        const int length = 31 - __builtin_clz(upper);
        next = put_word(next, (uint32_t)odd);
        x = put_bits(even, upper, length, &next);
        x = put_bits(x, (uint32_t)length, GGC_RANS_FOLD_BITS, &next);
    }
    for (uint64_t rest = x == GGC_RANS_INITIAL ? 0 : x; rest; rest >>= 8)
        *--next = (uint8_t)rest;
    return (size_t)(end - next);
}

/* `flip` is 1 where the steps alternate between the states, 0 where x[0] alone decodes them. */
static uint32_t take_bits(ggc_rans_reader *r, int width, uint32_t flip) {
    uint32_t value = 0;
    while (width > 0 && r->status == GGC_RANS_OK) {
        const int step = width < GGC_CDF_BITS ? width : GGC_CDF_BITS;
        uint64_t *x = ggc_rans_current(r);
        const uint32_t chunk = (uint32_t)(*x & (GGC_CDF_TOTAL - 1)) >> (GGC_CDF_BITS - step);
        *x = ggc_rans_pop(*x, chunk << (GGC_CDF_BITS - step), 1u << (GGC_CDF_BITS - step));
        ggc_rans_advance(r, x, flip);
        value = value << step | chunk;
        width -= step;
    }
    return value;
}

/* Reads the states: no bytes are the initial state; up to eight are one state; of a longer stream the first five
 * to eight are, so that whole words remain, and the second state is unfolded from the first. */
void ggc_rans_open(ggc_rans_reader *r, const uint8_t *data, size_t size) {
    const size_t head = size <= GGC_RANS_MAX_SINGLE ? size : 5 + (size - 5) % GGC_RANS_WORD_BYTES;
    *r = (ggc_rans_reader){.data = data, .next = data + head, .end = data + size};
    for (size_t i = 0; i < head; i++)
        r->x[0] = r->x[0] << 8 | data[i];
    if (size == 0)
        r->x[0] = GGC_RANS_INITIAL;
    else if (data[0] == 0 || r->x[0] <= GGC_RANS_INITIAL)
        r->status = GGC_RANS_BAD_STATE;
    if (head == size || r->status != GGC_RANS_OK)
        return;
    r->forked = 1;
    const int length = (int)take_bits(r, GGC_RANS_FOLD_BITS, 0);
    const uint32_t upper = 1u << length | take_bits(r, length, 0);
    if (r->next == r->end)
        r->status = GGC_RANS_TRUNCATED;
    if (r->status != GGC_RANS_OK)
        return;
    r->x[1] = (uint64_t)upper << GGC_RANS_WORD_BITS | ggc_load_word(r->next);
    r->next += GGC_RANS_WORD_BYTES;
}

int ggc_rans_pop_bits(ggc_rans_reader *r, const uint8_t *widths, size_t n, uint32_t *values) {
    for (size_t i = 0; i < n && r->status == GGC_RANS_OK; i++)
        values[i] = take_bits(r, widths[i], 1);
    return r->status;
}

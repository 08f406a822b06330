/* Integers beyond an alphabet: tokens under a model, extra bits as they are. */
#include <stdlib.h>

#include "ggc/rans.h"

/* The last token whose base is not above the value. */
static uint16_t token_of(const ggc_tokens *tokens, uint32_t value) {
    uint16_t token = 0;
    for (int t = 1; t < tokens->num_tokens; t++)
        token += tokens->bases[t] <= value;
    return token;
}

int ggc_log_integers(ggc_step_log *log, const ggc_model *m, const ggc_tokens *tokens, const ggc_view *values,
                     const ggc_view *contexts, size_t n) {
    uint32_t *extra = malloc(n * (sizeof *extra + 3) + 1);
    /* Room for a token and 32 extra bits each, so that nothing can fail once the model has adapted. */
    if (!extra || !ggc_log_reserve(log, 4 * n)) {
        free(extra);
        return 0;
    }
    uint16_t *symbols = (uint16_t *)(extra + n);
    uint8_t *widths = (uint8_t *)(symbols + n);
    ggc_view_read_u32(values, 0, n, UINT32_MAX, extra);
    for (size_t i = 0; i < n; i++) {
        symbols[i] = token_of(tokens, extra[i]);
        widths[i] = tokens->widths[symbols[i]];
        extra[i] -= tokens->bases[symbols[i]];
    }
    ggc_log_symbols(log, m, &(ggc_view){symbols, sizeof *symbols, 0, 1}, contexts, n);
    ggc_log_bits(log, &(ggc_view){extra, sizeof *extra, 0, 1}, &(ggc_view){widths, 1, 0, 1}, n);
    free(extra);
    return 1;
}

void ggc_decode_integers(ggc_rans_reader *r, const ggc_model *m, const ggc_tokens *tokens, const ggc_view *contexts,
                         size_t n, uint32_t *values) {
    uint32_t extra[GGC_CHUNK];
    uint8_t width[GGC_CHUNK];
    ggc_rans_pop(r, m, contexts, n, &(ggc_view){values, sizeof *values, 0, 1});
    for (size_t begin = 0; begin < n && r->status == GGC_RANS_OK; begin += GGC_CHUNK) {
        const size_t chunk = n - begin < GGC_CHUNK ? n - begin : GGC_CHUNK;
        for (size_t i = 0; i < chunk; i++)
            width[i] = tokens->widths[values[begin + i]];
        ggc_rans_pop_bits(r, &(ggc_view){width, sizeof *width, 0, 1}, chunk, extra);
        for (size_t i = 0; i < chunk; i++)
            values[begin + i] = tokens->bases[values[begin + i]] + extra[i];
    }
}

/* Integers beyond an alphabet: tokens under a model, extra bits as they are. */
#include <stdlib.h>

#include "ggc/rans.h"

/* The last token whose base is not above the value. */
static uint8_t token_of(const ggc_tokens *tokens, uint32_t value) {
    int token = 0;
    for (int t = 1; t < tokens->num_tokens; t++)
        token += tokens->bases[t] <= value;
    return (uint8_t)token;
}

int ggc_log_integers(ggc_step_log *log, const ggc_dyadic *m, const ggc_tokens *tokens, const uint32_t *values,
                     const uint32_t *contexts, size_t n) {
    uint32_t *extra = malloc(n * (sizeof *extra + 2) + 1);
    /* Room for a token and 32 extra bits each, so that nothing can fail once the model has adapted. */
    if (!extra || !ggc_log_reserve(log, 4 * n)) {
        free(extra);
        return 0;
    }
    uint8_t *symbols = (uint8_t *)(extra + n), *widths = symbols + n;
    for (size_t i = 0; i < n; i++) {
        symbols[i] = token_of(tokens, values[i]);
        widths[i] = tokens->widths[symbols[i]];
        extra[i] = values[i] - tokens->bases[symbols[i]];
    }
    ggc_log_symbols(log, m, symbols, contexts, n);
    ggc_log_bits(log, extra, widths, 1, n);
    free(extra);
    return 1;
}

int ggc_decode_integers(ggc_rans_reader *r, const ggc_dyadic *m, const ggc_tokens *tokens, const uint32_t *contexts,
                        size_t n, uint32_t *values) {
    uint8_t *symbols = calloc(2 * n + 1, 1), *widths = symbols + n;
    if (!symbols)
        return 0;
    ggc_decode(r, m, contexts, n, symbols);
    for (size_t i = 0; i < n && r->status == GGC_RANS_OK; i++)
        widths[i] = tokens->widths[symbols[i]];
    if (r->status == GGC_RANS_OK && ggc_rans_pop_bits(r, widths, n, values) == GGC_RANS_OK)
        for (size_t i = 0; i < n; i++)
            values[i] += tokens->bases[symbols[i]];
    free(symbols);
    return 1;
}

/* Sets of equal elements or not (multisets) on a stack of one state, at no cost for their order: bits-back coding.
 *
 * Severo, Townsend, Khisti, Makhzani and Ullrich, "Compressing multisets with large alphabets", 2021: which element is
 * coded next is not chosen but popped from the stack, and the decoder, who sees what was chosen, pushes it back.
 */
#ifndef GGC_SETS_H
#define GGC_SETS_H

#include "stack.h"

#define GGC_SET_MAX_COLUMNS 8

/* An element is a row of columns, each independent of the others. A key packs it: the number that has the columns as
 * its digits, the first the most significant. The product of the sizes is at most 2^64. */
typedef struct {
    uint64_t size[GGC_SET_MAX_COLUMNS];          /* alphabets, at most 2^32 */
    const ggc_model *model[GGC_SET_MAX_COLUMNS]; /* static, and its first context; NULL: uniform */
    int num_columns;
} ggc_set_rows;

/* src/stack_sets.c. Fewer than 2^32 sorted keys. Both return 0, and leave the stack as it was, where there is no
 * memory; whatever a stack holds can be popped as a set. */
int ggc_stack_push_set(ggc_rans_stack *s, const ggc_reciprocal *r, const ggc_set_rows *rows, const uint64_t *keys,
                       size_t n);
int ggc_stack_pop_set(ggc_rans_stack *s, const ggc_set_rows *rows, size_t n, uint64_t *keys);

#endif

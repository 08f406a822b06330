/* Points on the pixels of an image, coded as a tree of counts; docs/spec_compact.rst defines the stream.
 *
 * The image is halved again and again, and each time the number of points in the half that comes first is coded. A node
 * is named by the interleaved bits of its origin's column and row: a halving decides the next lower bit.
 */
#ifndef GGC_TREE_H
#define GGC_TREE_H

#include "rans.h"

/* Counts of up to so many points are coded as they are, larger ones as a sixteenth and the rest of it. */
#define GGC_TREE_DIRECT 15
/* Contexts 0 to 13 are counts of 2 to 15, 14 to 19 larger ones by their bit length. */
#define GGC_TREE_CONTEXTS 20

enum { GGC_TREE_OK, GGC_TREE_NO_MEMORY, GGC_TREE_STREAM, GGC_TREE_BAD_SPLIT };

/* Where each point's leaf lies: origin in pixels, and the sizes' logarithms to the base 2. `rank` is the point's place
 * in the order of the keys. The leaves are in the order of the levels, and within one in that of the nodes. */
typedef struct {
    int32_t *x, *y, *log_width, *log_height, *rank;
} ggc_leaves;

/* The interleaved bits of a column and a row below 2^31, the column's above the row's. */
uint64_t ggc_tree_key(uint32_t x, uint32_t y);

/* Codes sorted keys of points within width x height. GGC_TREE_OK or GGC_TREE_NO_MEMORY. */
int ggc_tree_encode(ggc_step_log *log, const ggc_model *model, int32_t width, int32_t height, const uint64_t *keys,
                    uint32_t count, const ggc_leaves *leaves);

/* The leaves alone, of sorted keys; nothing is coded. */
int ggc_tree_leaves(int32_t width, int32_t height, const uint64_t *keys, uint32_t count, const ggc_leaves *leaves);

/* GGC_TREE_STREAM: the reader's status says what is wrong. GGC_TREE_BAD_SPLIT: a half has more than the whole. */
int ggc_tree_decode(ggc_rans_reader *reader, const ggc_model *model, int32_t width, int32_t height, uint32_t count,
                    const ggc_leaves *leaves);

#endif

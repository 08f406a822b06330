/* The Walsh-Hadamard transform of 32 x 32, a block of more vectors than there are registers, in two halves: included by
 * transform_squares.h, as whose comments those here are.
 *
 * What needs the three lowest bits of a row is done on eight rows next to each other (near), what needs the other two
 * on rows eight apart (far): each for a long run of blocks, along rows, as processors prefetch them. Sixteen vectors at
 * a time have the numbers p, r0, r1, r2 (near), or p, r3, r4 and one more bit (far), which is r0 of 16 bits and c4 of
 * 32. Here p is what begins as the lowest bit of a vector's number along a row. The flow of two higher bits of rows is
 * made last by the first half and first by the second; the other flows, and all zips, take four vectors each.
 */

#define BLOCK_VECTORS (32 * 32 / LANES)

GGC_INLINE void W(wht_near_)(W(flow_) * flow, const int inverse, V *v) {
    if (!inverse) {
        W(exchanges_)(v, 4, 1); /* c0, r0 */
        flow(v);
        return;
    }
#if GGC_BITS == 16
    W(zips_)(v, 4, 2);
    W(zips_)(v, 4, 1);
    W(halves_)(v, 4, 1); /* r0, c0 */
    W(fours_)(flow, v, 4, 2, 1);
    W(zips_)(v, 4, 2); /* r0, c4 */
    W(swap_)(v + 1, v + 2);
#else
    W(zips_)(v, 4, 1); /* c0, r0 */
    flow(v);
    W(zips_)(v, 4, 1); /* c3, r0 */
#endif
}

GGC_INLINE void W(wht_far_)(W(flow_) * flow, const int inverse, V *v) {
#if GGC_BITS == 16
    if (inverse) {
        W(halves_)(v, 4, 2); /* c4, c3 */
        W(fours_)(flow, v, 4, 2, 1);
        W(zips_)(v, 4, 2);
        W(zips_)(v, 4, 1); /* c1, c2 */
        flow(v);
    } else {
        W(zips_)(v, 4, 2);
        W(zips_)(v, 4, 1); /* c1, c2 */
        flow(v);
        W(zips_32_)(v, 4, 2);
        W(zips_32_)(v, 4, 1);
        W(halves_)(v, 4, 1); /* c3, c4 */
        flow(v);
        W(halves_)(v, 4, 1); /* r0, c4 */
        W(swap_)(v + 1, v + 2);
    }
#else
    if (inverse) {
        flow(v);
        W(zips_)(v, 4, 1);
        W(halves_)(v, 4, 2); /* c1, c2 */
        flow(v);
        W(halves_)(v, 4, 2); /* c1, c4 */
    } else {
        W(zips_)(v, 4, 1);
        W(halves_)(v, 4, 2); /* c1, c2 */
        flow(v);
        W(zips_64_)(v, 4, 1);
        W(halves_)(v, 4, 2); /* c3, c4 */
        flow(v);
    }
#endif
}

/* Where a half has its vectors: in rows and columns, and between the halves, in the order p, r0, r1, r2, r3, r4, and of
 * 32 bits c4. */
typedef struct {
    int row, column, between;
} W(spot_);
typedef W(spot_) W(spots_)(int i);

GGC_INLINE W(spot_) W(near_spot_)(const int i) {
    return (W(spot_)){i / 2, i % 2 * LANES, i};
}

GGC_INLINE W(spot_) W(far_spot_)(const int i) {
    const int more = i / 2 % 2;
#if GGC_BITS == 16
    return (W(spot_)){i / 4 * 8 + more, i % 2 * LANES, i / 4 * 16 + i % 4};
#else
    return (W(spot_)){i / 4 * 8, (more * 2 + i % 2) * LANES, more * 64 + i / 4 * 16 + i % 2};
#endif
}

/* Hides from the compiler that a place moves on from where it was. It would else move a pointer for every row, in
 * registers that it does not have. */
#define HIDE(place) __asm__("" : "+r"(place))

/* Reads rows, and asks for what comes later in them, for one vector in two, a line of cache. */
GGC_INLINE void W(first_half_)(W(flow_) * flow, const int inverse, W(program_) * program, W(spots_) * spot,
                               const SAMPLE *from, ptrdiff_t row, V *between, W(extremes_) * all) {
    V v[16];
    HIDE(from);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        const SAMPLE *here = from + spot(i).row * row + spot(i).column;
        v[i] = W(load_)(here, inverse, all);
        if (i % 2)
            __builtin_prefetch((const char *)here + 512);
        if (i % 4 == 3)
            program(flow, inverse, v + i - 3);
    }
    W(fours_)(flow, v, 16, 4, 8);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        between[spot(i).between] = v[i];
}

/* Writes rows, likewise. */
GGC_INLINE void W(second_half_)(W(flow_) * flow, const int inverse, W(program_) * program, W(spots_) * spot,
                                const V *between, SAMPLE *to, ptrdiff_t row) {
    V v[16];
    HIDE(to);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        v[i] = between[spot(i).between];
    W(fours_)(flow, v, 16, 4, 8);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        SAMPLE *here = to + spot(i).row * row + spot(i).column;
        if (i % 4 == 0)
            program(flow, inverse, v + i);
        *(MEMORY *)here = v[i];
        if (i % 2)
            __builtin_prefetch((const char *)here + 512, 1);
    }
}

/* One of the halves, of all blocks of a run. */
GGC_INLINE void W(half_)(W(flow_) * flow, const int inverse, const int near, W(program_) * program, W(spots_) * spot,
                         const SAMPLE *from, ptrdiff_t from_row, SAMPLE *to, ptrdiff_t to_row, int columns, V *memory,
                         W(extremes_) * all) {
    for (int y = 0; y < (near ? 32 : 8); y += near ? 8 : LANES / 8)
        for (int x = 0; x < columns; x += near ? 2 * LANES : 32) {
            V *between = memory + x / 32 * BLOCK_VECTORS + x % 32 / (2 * LANES) * 64 + 2 * y;
            if (near != inverse)
                W(first_half_)(flow, inverse, program, spot, from + y * from_row + x, from_row, between, all);
            else
                W(second_half_)(flow, inverse, program, spot, between, to + y * to_row + x, to_row);
        }
}

#define HALF(near, name)                                                                                               \
    W(half_)(flow, inverse, near, W(wht_##name##_), W(name##_spot_), from, source_row, to, target_row, run, memory,    \
             &all)
GGC_INLINE int W(large_)(W(flow_) * flow, const int inverse, const int size, STAGE_PARAMETERS) {
    W(extremes_) all = {{0}, {0}};
    V memory[GGC_RUN / 32 * BLOCK_VECTORS];
    for (int y = 0; y < rows; y += size)
        for (int x = 0; x < columns; x += GGC_RUN) {
            const SAMPLE *from = (const SAMPLE *)source + y * source_row + x;
            SAMPLE *to = (SAMPLE *)target + y * target_row + x;
            const int run = columns - x < GGC_RUN ? columns - x : GGC_RUN;
            if (!inverse)
                HALF(1, near);
            HALF(0, far);
            if (inverse)
                HALF(1, near);
        }
    return W(bounded_)(&all, limit);
}

#undef BLOCK_VECTORS
#undef HIDE
#undef HALF

/* The fit's backward pass: a gather by each Gaussian over its own pixels, in a fixed order without atomics, and its
 * natural gradient at once. A warp has a Gaussian, or a part of a large one; the last part that is done adds them up.
 */
#include "ggc/cuda_gather.h"

/* What is gathered: a step's gradient, and its solution (of a gradient that is known, the solution alone); the gradient
 * alone, unless it is known; or the same sums of another image. */
enum { STEP, GRADE, OTHER };

/* Whether this warp's part was the last to arrive: then it adds up all, in their order. */
GGC_INLINE bool join(float (&sums)[GGC_COORDINATES], const float *first, const float *others, int32_t parts,
                     uint32_t *arrivals) {
    const int32_t lane = threadIdx.x % GGC_WARP;
    uint32_t before = 0;
    __threadfence();
    __syncwarp();
    if (lane == 0)
        before = atomicAdd(arrivals, 1u);
    if (__shfl_sync(GGC_ALL_LANES, before, 0) != (uint32_t)parts - 1)
        return false;
    __threadfence();
    float sum = 0.0f;
    if (lane < GGC_COORDINATES) {
        /* Written by other processors during this launch: not to be taken from a cache of this one. */
        sum = ((const volatile float *)first)[lane];
        for (int32_t part = 1; part < parts; part++)
            sum += ((const volatile float *)others)[(int64_t)(part - 1) * GGC_COORDINATES + lane];
    }
    for (int32_t k = 0; k < GGC_COORDINATES; k++)
        sums[k] = __shfl_sync(GGC_ALL_LANES, sum, k);
    if (lane == 0)
        *arrivals = 0;
    return true;
}

/* The Gaussian of a warp, and which of its parts; false if there is none. The first N warps have a Gaussian each, the
 * others a spare part of one, unless the sums are known. */
GGC_INLINE bool find_part(const ggc_fit_problem *p, const ggc_fit_control *control, const uint32_t *spares, bool known,
                          int64_t *i, int32_t *part) {
    *i = ((int64_t)blockIdx.x * BLOCK + threadIdx.x) / GGC_WARP;
    *part = 0;
    if (*i < p->count)
        return true;
    const int64_t spare = *i - p->count;
    const uint32_t asked = control->spares < (uint32_t)p->spare ? control->spares : (uint32_t)p->spare;
    const uint32_t *entry = spares + 2 * ((int64_t)blockIdx.y * p->spare + spare);
    if (known || spare >= asked || entry[0] == ~0u)
        return false;
    *i = entry[0];
    *part = (int32_t)entry[1];
    return true;
}

/* The sums of a part or, where the Gaussian has no spare ones, of all its parts, added up alike. */
GGC_INLINE void gather_parts(const ggc_fit_problem *p, const ggc_item &item, const float *image, int32_t part,
                             int32_t last, int32_t parts, float (&sums)[GGC_COORDINATES]) {
    const int32_t squares = ggc_squares_of(&item).count;
    for (int32_t k = part; k < last; k++) {
        float own[GGC_COORDINATES];
        ggc_gather(p, item, image, k * GGC_PART, k + 1 < parts ? (k + 1) * GGC_PART : squares, own);
        for (int32_t c = 0; c < GGC_COORDINATES; c++)
            sums[c] = k == part ? own[c] : sums[c] + own[c];
    }
}

/* From a gradient to the natural one; products: with it, and with the one before. */
GGC_INLINE void solve(const float *cholesky, const float *color, float penalty, float (&g)[GGC_COORDINATES],
                      float *natural, double *products) {
    float z[GGC_COORDINATES], previous[GGC_COORDINATES];
    for (int32_t k = 0; k < GGC_COORDINATES; k++)
        previous[k] = natural[k];
    ggc_fit_penalize(cholesky, color, CHANNELS, penalty, g);
    ggc_fit_solve(color, cholesky[0] * cholesky[1], g, CHANNELS, z);
    __syncwarp();
    ggc_store(z, natural);
    if (threadIdx.x % GGC_WARP == 0) {
        products[0] = ggc_dot(g, z, GGC_COORDINATES);
        products[1] = ggc_dot(g, previous, GGC_COORDINATES);
    }
}

/* spares, shares: as ggc_fit_retract leaves them. partial has room for the sums of every spare part; arrivals (N) are
 * zero, and are again at the end. products: of each Gaussian, those of the gradient with the natural gradient, and with
 * the one before. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_gather(const ggc_fit_problem *problem, const ggc_fit_control *controls, int32_t what, float *params,
                   const float *image, const uint32_t *spares, const int32_t *shares, float *partial,
                   uint32_t *arrivals, float *gradient, float *natural, double *products) {
    const ggc_fit_problem *p = problem;
    const ggc_fit_control *control = controls + blockIdx.y;
    const bool known = control->graded && what != OTHER;
    int64_t i;
    int32_t part;
    if (ggc_search_converged(control) || (known && what == GRADE) || !find_part(p, control, spares, known, &i, &part))
        return;
    const ggc_state state = ggc_state_of(p, params, control->current);
    const float *cholesky = state.cholesky + 3 * i, *color = state.colors + CHANNELS * i;
    const int64_t row = (int64_t)blockIdx.y * p->count + i;
    float *whole = gradient + row * GGC_COORDINATES, sums[GGC_COORDINATES];
    if (known) {
        for (int32_t k = 0; k < GGC_COORDINATES; k++)
            sums[k] = whole[k];
    } else {
        const ggc_item item = ggc_item_of_image(p, state.means + 2 * i, cholesky, color, CHANNELS);
        const int32_t place = shares[2 * row], parts = shares[2 * row + 1];
        float *others = partial + ((int64_t)blockIdx.y * p->spare + (place < 0 ? 0 : place)) * GGC_COORDINATES;
        gather_parts(p, item, image + ggc_plane_offset(p, CHANNELS), part, place < 0 ? parts : part + 1, parts, sums);
        ggc_store(sums, part ? others + (int64_t)(part - 1) * GGC_COORDINATES : whole);
        if (place >= 0 && parts > 1) {
            if (!join(sums, whole, others, parts, arrivals + row))
                return;
            ggc_store(sums, whole);
        }
    }
    if (what == STEP)
        solve(cholesky, color, (float)control->penalty, sums, natural + row * GGC_COORDINATES, products + 2 * row);
}

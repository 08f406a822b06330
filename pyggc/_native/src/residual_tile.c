/* A tile of samples to bytes and back.
 *
 * The bytes: the tools, the size of the rANS stream as a varint (seven bits a byte, the lowest first), that
 * stream, the raw bits.
 */
#include "ggc/residual_tile.h"

#include <math.h>
#include <stdlib.h>

#include "ggc/residual_image.h"
#include "ggc/threads.h"

/* Of a varint: 35 bits. */
#define MAX_VARINT 5

const ggc_residual_variant *ggc_residual_variant_at(int index) {
    const ggc_residual_variant *found[2] = {&ggc_residual_baseline, NULL};
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (ggc_run_wide())
        found[1] = &ggc_residual_avx2;
#endif
    return index >= 0 && index < 2 ? found[index] : NULL;
}

/* ------------------------------------------------------------------------------------------------------- decoding */

static int read_tile(ggc_residual_plan *plan, int variant, const ggc_tile *tile, const uint8_t *data, size_t size) {
    const ggc_residual_variant *loops = ggc_residual_variant_at(variant);
    size_t at = 1, rans_size = 0;
    int shift = 0;
    do {
        if (at >= size)
            return GGC_RESIDUAL_TRUNCATED;
        if (at > MAX_VARINT || (at > 1 && !data[at]))
            return GGC_RESIDUAL_BAD_SIZE;
        rans_size |= (size_t)(data[at] & 127) << shift;
        shift += 7;
    } while (data[at++] & 128);
    if (rans_size > size - at)
        return GGC_RESIDUAL_TRUNCATED;
    const ggc_smoothing smoothing = ggc_smoothing_of(plan, data[0]);
    plan->cross = (data[0] & GGC_TOOLS_CROSS) != 0;
    if ((plan->lossless && data[0]) || (plan->cross && plan->planes < 3))
        return GGC_RESIDUAL_BAD_TOOLS;
    return loops->decode(plan, ggc_transform_variant_at(variant), data + at, rans_size, data + at + rans_size,
                         size - at - rans_size, smoothing, tile);
}

int ggc_residual_read(ggc_residual_job *jobs, int count, int variant, int threads) {
    int bad = count;
    threads = ggc_threads(threads, count);
    /* Those after a bad one are left out; those before it are not, so that it is the first. */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1)
    for (int i = 0; i < count; i++) {
        int first;
#pragma omp atomic read
        first = bad;
        if (i > first)
            continue;
        jobs[i].status = read_tile(&jobs[i].plan, variant, &jobs[i].tile, jobs[i].data, jobs[i].size);
        if (jobs[i].status == GGC_RESIDUAL_OK)
            continue;
#pragma omp critical
        if (i < bad) {
#pragma omp atomic write
            bad = i;
        }
    }
    return bad;
}

/* ------------------------------------------------------------------------------------------------------- encoding */

/* The best gain of each reach by least squares; the byte of the one that takes most of the squared error away. */
static uint8_t choose_smoothing(const ggc_residual_plan *plan, const ggc_residual_variant *loops, const ggc_tile *tile,
                                const ggc_plane_rows *planes, const ggc_plane_rows *target, int32_t *room) {
    static const uint8_t reaches[] = {1, 2, 3, 5};
    const double unit = 1 << (GGC_GAIN_BITS + GGC_TAP_BITS);
    double best = 0.0;
    uint8_t byte = 0;
    for (size_t i = 0; i < sizeof reaches; i++) {
        const ggc_smoothing_sums sums =
            loops->try_smoothing(plan, tile, ggc_smoothing_of(plan, reaches[i]).reach, planes, target, room);
        double gain = sums.square > 0.0 ? rint(unit * sums.product / sums.square) : 0.0;
        gain = gain < 0.0 ? 0.0 : gain > 15.0 ? 15.0 : gain;
        const double less = (2.0 * sums.product - gain / unit * sums.square) * gain / unit;
        if (less > best)
            best = less, byte = (uint8_t)((int)gain << GGC_TOOLS_GAIN | reaches[i]);
    }
    return byte;
}

static double squared_error(const ggc_tile *one, const ggc_tile *other) {
    uint64_t total = 0;
    for (int y = 0; y < one->height; y++) {
        const ptrdiff_t n = (ptrdiff_t)one->width * one->channels;
        for (ptrdiff_t i = 0; i < n; i++) {
            const int64_t a = one->depth == 16 ? ((const uint16_t *)one->samples)[y * one->row + i]
                                               : ((const uint8_t *)one->samples)[y * one->row + i];
            const int64_t b = one->depth == 16 ? ((const uint16_t *)other->samples)[y * other->row + i]
                                               : ((const uint8_t *)other->samples)[y * other->row + i];
            total += (uint64_t)((a - b) * (a - b));
        }
    }
    return (double)total;
}

static int join(uint8_t tools, const ggc_residual_streams *streams, ggc_residual_bytes *out) {
    out->data = malloc(1 + MAX_VARINT + streams->rans_size + streams->raw_size);
    if (!out->data)
        return GGC_RESIDUAL_MEMORY;
    size_t at = 0, rest = streams->rans_size;
    out->data[at++] = tools;
    for (; rest > 127; rest >>= 7)
        out->data[at++] = (uint8_t)(rest & 127) | 128;
    out->data[at++] = (uint8_t)rest;
    memcpy(out->data + at, streams->rans, streams->rans_size);
    at += streams->rans_size;
    if (streams->raw_size)
        memcpy(out->data + at, streams->raw, streams->raw_size);
    out->size = at + streams->raw_size;
    return GGC_RESIDUAL_OK;
}

/* `target` receives what the luma plane should become. */
static int write_tile(const ggc_residual_plan *plan, int variant, const ggc_reciprocal *table, double lambda,
                      const ggc_tile *tile, const ggc_tile *decoded, ggc_plane_rows planes, ggc_plane_rows target,
                      ggc_residual_bytes *out) {
    const ggc_residual_variant *loops = ggc_residual_variant_at(variant);
    ggc_residual_streams streams;
    uint8_t smoothing = 0;
    loops->to_planes(plan, tile, &planes);
    memcpy(target.samples, planes.samples, (size_t)planes.rows * (size_t)planes.row * sizeof *planes.samples);
    int status = ggc_residual_encode(plan, ggc_transform_variant_at(variant), table, lambda, planes, &streams);
    if (status != GGC_RESIDUAL_OK)
        return status;
    int32_t *room = plan->lossless ? NULL : malloc(ggc_room_samples(&planes, tile) * sizeof *room);
    if (plan->lossless || room) {
        if (room)
            smoothing = choose_smoothing(plan, loops, tile, &planes, &target, room);
        loops->from_planes(plan, decoded, ggc_smoothing_of(plan, smoothing), &planes, room, 0, plan->height);
        out->squared_error = squared_error(tile, decoded);
        status = join((uint8_t)(smoothing | (plan->cross ? GGC_TOOLS_CROSS : 0)), &streams, out);
    } else {
        status = GGC_RESIDUAL_MEMORY;
    }
    free(room);
    free(streams.rans);
    free(streams.raw);
    return status;
}

int ggc_residual_write(const ggc_residual_plan *plan, int variant, const ggc_reciprocal *table, double lambda,
                       const ggc_tile *tile, const ggc_tile *decoded, ggc_residual_bytes *out) {
    ggc_plane_rows planes = {NULL, ggc_whole(plan->width), ggc_whole(plan->height), 0}, target = planes;
    const size_t samples = (size_t)planes.rows * (size_t)planes.row;
    planes.samples = malloc(((size_t)plan->planes + 1) * samples * sizeof *planes.samples);
    *out = (ggc_residual_bytes){0};
    if (!planes.samples)
        return GGC_RESIDUAL_MEMORY;
    target.samples = planes.samples + (size_t)plan->planes * samples;
    const int status = write_tile(plan, variant, table, lambda, tile, decoded, planes, target, out);
    free(planes.samples);
    return status;
}

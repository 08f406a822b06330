/* Enough of CUDA for g++ to run a kernel: one fiber a thread, one block after the other.
 *
 * A fiber runs until it waits for others, and then the next of its block does, in the order that the caller chose:
 * what a missing barrier leaves to chance differs between orders. No thread may leave a kernel before a barrier that
 * others wait at.
 */
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __shared__ static thread_local

struct dim3 {
    unsigned x, y, z;
};

namespace sim {
inline thread_local dim3 block, grid, size;
inline thread_local unsigned thread; /* the fiber that runs */

struct barrier {
    unsigned arrived, generation;
};
inline thread_local uint64_t events; /* arrivals at barriers and ends of threads: without any, nothing can go on */
inline thread_local barrier whole, warps[32];
inline thread_local uint64_t slots[1024];

void yield(); /* lets the next fiber run */

inline void wait(barrier &b, unsigned expected) {
    const unsigned generation = b.generation;
    events++;
    if (++b.arrived == expected) {
        b.arrived = 0;
        b.generation++;
        return;
    }
    while (b.generation == generation)
        yield();
}

inline unsigned lanes() { /* of the fiber's warp: the last may have fewer */
    const unsigned rest = size.x - thread / 32 * 32;
    return rest < 32 ? rest : 32;
}

/* Calls read(slot of a lane) once all lanes of the warp have left their value there. */
template <typename T, typename Read> auto exchange(T value, Read read) {
    std::memcpy(&slots[thread], &value, sizeof value);
    wait(warps[thread / 32], lanes());
    const auto result = read([](unsigned lane) {
        T other;
        std::memcpy(&other, &slots[thread / 32 * 32 + lane], sizeof other);
        return other;
    });
    wait(warps[thread / 32], lanes());
    return result;
}

template <typename T> T shuffle(T value, unsigned lane) {
    return exchange(value, [=](auto of) { return of(lane < lanes() ? lane : thread % 32); });
}
} // namespace sim

#define threadIdx (dim3{sim::thread, 0, 0})
#define blockIdx (sim::block)
#define blockDim (sim::size)
#define gridDim (sim::grid)

/* All lanes of a warp take part in every call, so the masks say nothing. */
inline void __syncthreads() {
    sim::wait(sim::whole, sim::size.x);
}
inline void __syncwarp(unsigned = ~0u) {
    sim::wait(sim::warps[sim::thread / 32], sim::lanes());
}
inline void __threadfence() {
}
template <typename T> T __shfl_sync(unsigned, T value, unsigned lane) {
    return sim::shuffle(value, lane % 32);
}
template <typename T> T __shfl_xor_sync(unsigned, T value, unsigned mask) {
    return sim::shuffle(value, sim::thread % 32 ^ mask);
}
template <typename T> T __shfl_up_sync(unsigned, T value, unsigned step) {
    return sim::shuffle(value, sim::thread % 32 - step);
}
template <typename T> T __shfl_down_sync(unsigned, T value, unsigned step) {
    return sim::shuffle(value, sim::thread % 32 + step);
}
inline unsigned __ballot_sync(unsigned, bool vote) {
    return sim::exchange(vote, [](auto of) {
        unsigned votes = 0;
        for (unsigned lane = 0; lane < sim::lanes(); lane++)
            votes |= (unsigned)of(lane) << lane;
        return votes;
    });
}

/* Fibers switch only where they wait. */
template <typename T> T atomicAdd(T *at, T value) {
    const T old = *at;
    *at = old + value;
    return old;
}
template <typename T> T atomicSub(T *at, T value) {
    const T old = *at;
    *at = old - value;
    return old;
}

inline int __ffs(int value) {
    return __builtin_ffs(value);
}

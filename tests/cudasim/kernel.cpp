/* One kernel as a function that Python calls. KERNEL_SOURCE and KERNEL_NAME say which; the source is included as it is.
 */
#include <ucontext.h>

#include <utility>
#include <vector>

#include "cudasim.h"

using std::fabs, std::sqrt;

#include KERNEL_SOURCE

namespace {
constexpr size_t STACK = 1 << 16;

ucontext_t scheduler;
std::vector<ucontext_t> fibers;
std::vector<char> finished;
void **arguments;

template <typename... A, size_t... I> void call(void (*kernel)(A...), std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_reference_t<A> *>(arguments[I])...);
}

template <typename... A> void call(void (*kernel)(A...)) {
    call(kernel, std::index_sequence_for<A...>());
}

template <typename... A> int describe(void (*)(A...), int *sizes) {
    ((*sizes++ = std::is_pointer_v<A> ? 0 : std::is_floating_point_v<A> ? -(int)sizeof(A) : (int)sizeof(A)), ...);
    return sizeof...(A);
}

void run_thread() {
    call(KERNEL_NAME);
    finished[sim::thread] = true;
    sim::events++;
}

/* Whether all threads of the block came to their end. */
bool run_block(const unsigned *order, std::vector<char> &stacks) {
    const unsigned threads = sim::size.x;
    sim::whole = {};
    for (sim::barrier &warp : sim::warps)
        warp = {};
    for (unsigned i = 0; i < threads; i++) {
        finished[i] = false;
        getcontext(&fibers[i]);
        fibers[i].uc_stack.ss_sp = stacks.data() + i * STACK;
        fibers[i].uc_stack.ss_size = STACK;
        fibers[i].uc_link = &scheduler;
        makecontext(&fibers[i], run_thread, 0);
    }
    for (uint64_t before = sim::events - 1; before != sim::events;) {
        before = sim::events;
        for (unsigned i = 0; i < threads; i++)
            if (!finished[order[i]]) {
                sim::thread = order[i];
                swapcontext(&scheduler, &fibers[sim::thread]);
            }
    }
    for (unsigned i = 0; i < threads; i++)
        if (!finished[i])
            return false;
    return true;
}
} // namespace

void sim::yield() {
    const unsigned self = thread;
    swapcontext(&fibers[self], &scheduler);
}

/* Sizes of the parameters: 0 for pointers, negative for floats. Returns how many there are. */
extern "C" int sim_describe(int *sizes) {
    return describe(KERNEL_NAME, sizes);
}

/* `blocks` and `threads` are permutations: the orders in which they run. Returns how many blocks got stuck. */
extern "C" int sim_launch(const unsigned *grid, unsigned block, const unsigned *blocks, const unsigned *threads,
                          void **args) {
    std::vector<char> stacks(block * STACK);
    fibers.resize(block);
    finished.resize(block);
    arguments = args;
    sim::grid = {grid[0], grid[1], grid[2]};
    sim::size = {block, 1, 1};
    int stuck = 0;
    for (unsigned i = 0; i < grid[0] * grid[1] * grid[2]; i++) {
        const unsigned b = blocks[i];
        sim::block = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
        stuck += !run_block(threads, stacks);
    }
    return stuck;
}

/* One kernel as a function that Python calls. KERNEL_SOURCE and KERNEL_NAME say which; the source is included as it is.
 */
#include <setjmp.h>
#include <ucontext.h>

#include <memory>
#include <utility>
#include <vector>

#include "cudasim.h"

using std::fabs, std::sqrt;

#include KERNEL_SOURCE

namespace {
constexpr size_t STACK = 1 << 16;

/* A thread's stack and where it waits. Contexts only start the fibers: changing between them by a jump is several times
 * faster, for it asks nothing of the system. */
struct fiber {
    ucontext_t start;
    jmp_buf at;
    bool finished;
};

std::vector<fiber> fibers;
jmp_buf scheduler;
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

void leave() {
    if (!_setjmp(fibers[sim::thread].at))
        _longjmp(scheduler, 1);
}

void run_thread() {
    for (;;) { /* a block each */
        leave();
        call(KERNEL_NAME);
        fibers[sim::thread].finished = true;
        sim::events++;
    }
}

void enter(unsigned thread, bool starts) {
    sim::thread = thread;
    if (_setjmp(scheduler))
        return;
    if (starts)
        setcontext(&fibers[thread].start);
    _longjmp(fibers[thread].at, 1);
}

void start_threads(unsigned count) {
    static std::unique_ptr<char[]> stacks;
    stacks.reset(new char[count * STACK]); /* pages that no thread reaches are never touched */
    fibers.resize(count);
    for (unsigned i = 0; i < count; i++) {
        ucontext_t &context = fibers[i].start;
        getcontext(&context);
        context.uc_stack.ss_sp = stacks.get() + i * STACK;
        context.uc_stack.ss_size = STACK;
        makecontext(&context, run_thread, 0);
        enter(i, true);
    }
}

/* Whether all threads of the block came to their end. */
bool run_block(const unsigned *order, unsigned threads) {
    sim::whole = {};
    for (sim::barrier &warp : sim::warps)
        warp = {};
    for (fiber &fiber : fibers)
        fiber.finished = false;
    for (uint64_t before = sim::events - 1; before != sim::events;) {
        before = sim::events;
        for (unsigned i = 0; i < threads; i++)
            if (!fibers[order[i]].finished)
                enter(order[i], false);
    }
    for (const fiber &fiber : fibers)
        if (!fiber.finished)
            return false;
    return true;
}
} // namespace

void sim::yield() {
    leave();
}

/* Sizes of the parameters: 0 for pointers, negative for floats. Returns how many there are. */
extern "C" int sim_describe(int *sizes) {
    return describe(KERNEL_NAME, sizes);
}

/* `blocks` and `threads` are permutations: the orders in which they run. Returns 0, or how many blocks there are up to
 * the first that got stuck. */
extern "C" int sim_launch(const unsigned *grid, unsigned block, const unsigned *blocks, const unsigned *threads,
                          void **args) {
    arguments = args;
    sim::grid = {grid[0], grid[1], grid[2]};
    sim::size = {block, 1, 1};
    start_threads(block);
    for (unsigned i = 0; i < grid[0] * grid[1] * grid[2]; i++) {
        const unsigned b = blocks[i];
        sim::block = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
        if (!run_block(threads, block))
            return (int)i + 1;
    }
    return 0;
}

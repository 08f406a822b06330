/* Kernels that do, and do not, what CUDA asks of them: for the tests of the simulator. */

/* Every block turns its part of the array around. */
extern "C" __global__ void turned(const int *in, int *out) {
    __shared__ int values[BLOCK];
    const int first = blockIdx.x * BLOCK;
    values[threadIdx.x] = in[first + threadIdx.x];
    __syncthreads();
    out[first + threadIdx.x] = values[BLOCK - 1 - threadIdx.x];
}

/* The same without the barrier. */
extern "C" __global__ void turned_too_soon(const int *in, int *out) {
    __shared__ int values[BLOCK];
    const int first = blockIdx.x * BLOCK;
    values[threadIdx.x] = in[first + threadIdx.x];
    out[first + threadIdx.x] = values[BLOCK - 1 - threadIdx.x];
}

/* A thread leaves before the others' barrier. */
extern "C" __global__ void left_alone(int *out) {
    if (threadIdx.x == 3)
        return;
    __syncthreads();
    out[threadIdx.x] = 1;
}

extern "C" __global__ void written_past(int *out, float value) {
    out[threadIdx.x + 1] = (int)value;
}

/* Each lane's neighbor on either side, its partner, the first lane's value and the warp's votes. */
extern "C" __global__ void talked(unsigned *out) {
    const unsigned lane = threadIdx.x % 32, value = threadIdx.x * 10;
    unsigned *own = out + threadIdx.x * 5;
    own[0] = __shfl_up_sync(0xffffffffu, value, 1);
    own[1] = __shfl_down_sync(0xffffffffu, value, 1);
    own[2] = __shfl_xor_sync(0xffffffffu, value, 4);
    own[3] = __shfl_sync(0xffffffffu, value, 0);
    own[4] = __ballot_sync(0xffffffffu, lane % 3 == 0);
}

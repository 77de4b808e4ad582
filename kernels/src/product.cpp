// The product of two vectors, in a file of its own: a product and a sum may be one instruction here.

#include "product.h"

#include <cstring>

// Compiled for several generations of processors; the loader chooses.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

namespace {

typedef float Eight __attribute__((vector_size(32)));

}  // namespace

FOR_EACH_PROCESSOR float product(const float *a, const float *b, int64_t size) {
    Eight sums[4] = {};  // four, so that an addition need not wait for the one before it
    Eight left, right;
    int64_t place = 0;
    for (; place + 32 <= size; place += 32)
        for (int part = 0; part < 4; part++) {
            std::memcpy(&left, a + place + 8 * part, sizeof left);
            std::memcpy(&right, b + place + 8 * part, sizeof right);
            sums[part] += left * right;
        }
    const Eight all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    float total = 0;
    for (int lane = 0; lane < 8; lane++) total += all[lane];
    for (; place < size; place++) total += a[place] * b[place];
    return total;
}

FOR_EACH_PROCESSOR void add_scaled(float *to, const float *from, float factor, int64_t size) {
    for (int64_t place = 0; place < size; place++) to[place] += factor * from[place];
}

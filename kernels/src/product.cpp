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
typedef float Sixteen __attribute__((vector_size(64)));

inline __attribute__((always_inline)) float summed(const Eight &all) {
    return ((all[0] + all[4]) + (all[2] + all[6])) + ((all[1] + all[5]) + (all[3] + all[7]));
}

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
    float total = summed((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; place < size; place++) total += a[place] * b[place];
    return total;
}

FOR_EACH_PROCESSOR void add_scaled(float *to, const float *from, float factor, int64_t size) {
    for (int64_t place = 0; place < size; place++) to[place] += factor * from[place];
}

FOR_EACH_PROCESSOR void lane_products(const float *lanes, const float *const *rows, int64_t size, float *found) {
    Sixteen sums[TOGETHER] = {}, part;
    for (int64_t place = 0; place < size; place++) {
        std::memcpy(&part, lanes + place * LANES, sizeof part);
        for (int row = 0; row < TOGETHER; row++) sums[row] += part * rows[row][place];
    }
    std::memcpy(found, sums, sizeof sums);
}

FOR_EACH_PROCESSOR float coarse_product(const float *a, const int8_t *b, int64_t size) {
    constexpr int WIDE = 32;
    float sums[WIDE] = {};  // a loop over lanes is what compilers turn into whole vectors of converted numbers
    int64_t place = 0;
    for (; place + WIDE <= size; place += WIDE)
        for (int lane = 0; lane < WIDE; lane++) sums[lane] += a[place + lane] * float(b[place + lane]);
    for (int half = WIDE / 2; half > 0; half /= 2)  // one after the other would wait for each addition
        for (int lane = 0; lane < half; lane++) sums[lane] += sums[lane + half];
    float total = sums[0];
    for (; place < size; place++) total += a[place] * float(b[place]);
    return total;
}

// The product of two vectors, in a file of its own: a product and a sum may be one instruction here.

#include "product.h"

#include <algorithm>
#include <cstring>

#include "processors.h"

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

FOR_EACH_PROCESSOR void products(const float *own, const float *const *others, int64_t count, int64_t size,
                                 float *found) {
    Sixteen mine, one;
    int64_t at = 0;
    for (; at + 4 <= count; at += 4) {  // four at once: each part of the first vector is read once for them
        Sixteen sums[4] = {};
        int64_t place = 0;
        for (; place + 16 <= size; place += 16) {
            std::memcpy(&mine, own + place, sizeof mine);
            for (int part = 0; part < 4; part++) {
                std::memcpy(&one, others[at + part] + place, sizeof one);
                sums[part] += mine * one;
            }
        }
        for (int part = 0; part < 4; part++) {
            Eight half[2];
            std::memcpy(half, &sums[part], sizeof half);
            float total = summed(half[0] + half[1]);
            for (int64_t rest = place; rest < size; rest++) total += own[rest] * others[at + part][rest];
            found[at + part] = total;
        }
    }
    for (; at < count; at++) found[at] = product(own, others[at], size);
}

void pack_sides(const std::vector<const float *> &sides, int64_t size, std::vector<float> &packs) {
    const int64_t count = int64_t(sides.size());
    packs.assign(size_t((count + LANES - 1) / LANES * LANES * size), 0);
    for (int64_t side = 0; side < count; side++) {
        float *lane = packs.data() + side / LANES * LANES * size + side % LANES;
        for (int64_t place = 0; place < size; place++) lane[place * LANES] = sides[size_t(side)][place];
    }
}

FOR_EACH_PROCESSOR void lane_products(const float *pack, const float *const *rows, int64_t size, float *found) {
    Sixteen sums[TOGETHER] = {}, sides;
    for (int64_t place = 0; place < size; place++) {
        std::memcpy(&sides, pack + place * LANES, sizeof sides);
        for (int64_t row = 0; row < TOGETHER; row++) sums[row] += sides * rows[row][place];
    }
    std::memcpy(found, sums, sizeof sums);
}

FOR_EACH_PROCESSOR void largest_of_lanes(const float *products, const float *factor, const float *floor,
                                         float *largest) {
    Sixteen factors, floors, own;
    std::memcpy(&factors, factor, sizeof factors);
    std::memcpy(&floors, floor, sizeof floors);
    for (int64_t row = 0; row < TOGETHER; row++) {
        std::memcpy(&own, products + row * LANES, sizeof own);
        own = own * factors + floors;
        Eight half[2];
        std::memcpy(half, &own, sizeof half);
        const Eight most = half[0] > half[1] ? half[0] : half[1];
        float four[4];
        for (int at = 0; at < 4; at++) four[at] = most[at] > most[at + 4] ? most[at] : most[at + 4];
        const float first = std::max(four[0], four[1]), second = std::max(four[2], four[3]);
        largest[row] = std::max(largest[row], std::max(first, second));
    }
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

FOR_EACH_PROCESSOR void eight_products(const float *rows, const int32_t *chosen, int64_t count, const float *sides,
                                       int64_t size, float *found) {
    for (int64_t at = 0; at < count; at++) {
        const float *own = rows + int64_t(chosen[at]) * size;
        Eight sums[4] = {}, side;  // a lane for each side
        int64_t place = 0;
        for (; place + 4 <= size; place += 4)
            for (int part = 0; part < 4; part++) {
                std::memcpy(&side, sides + 8 * (place + part), sizeof side);
                sums[part] += side * own[place + part];
            }
        for (; place < size; place++) {
            std::memcpy(&side, sides + 8 * place, sizeof side);
            sums[0] += side * own[place];
        }
        const Eight total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        std::memcpy(found + 8 * at, &total, sizeof total);
    }
}

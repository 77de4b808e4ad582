#pragma once

#include <cstdint>
#include <vector>

// The product of two vectors, to the precision of float32; unlike other sums not that of NumPy to the last bit.
float product(const float *a, const float *b, int64_t size);

// Adds factor times a vector to another one.
void add_scaled(float *to, const float *from, float factor, int64_t size);

// The products of a vector with several others of its size.
void products(const float *own, const float *const *others, int64_t count, int64_t size, float *found);

constexpr int64_t LANES = 16;    // sides whose products with a vector are summed side by side
constexpr int64_t TOGETHER = 6;  // vectors for each of which a part of all sides is used when it is read

// Vectors side by side, [packs][size][LANES], so that a number of another vector meets one of each; 0 pads.
void pack_sides(const std::vector<const float *> &sides, int64_t size, std::vector<float> &packs);

// The products of the sides of a pack, [size][LANES], with `TOGETHER` vectors: [TOGETHER][LANES].
void lane_products(const float *pack, const float *const *rows, int64_t size, float *found);

// The largest of the products of each vector, each times a factor and plus a floor, and of what `largest` holds.
void largest_of_lanes(const float *products, const float *factor, const float *floor, float *largest);

// The product of a vector with one of small whole numbers.
float coarse_product(const float *a, const int8_t *b, int64_t size);

// The products of some rows with eight vectors, number by number side by side: found[8 * place + vector].
void eight_products(const float *rows, const int32_t *chosen, int64_t count, const float *sides, int64_t size,
                    float *found);

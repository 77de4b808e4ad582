#pragma once

#include <cstdint>

// The product of two vectors, to the precision of float32; unlike other sums not that of NumPy to the last bit.
float product(const float *a, const float *b, int64_t size);

// Adds factor times a vector to another one.
void add_scaled(float *to, const float *from, float factor, int64_t size);

constexpr int LANES = 16, TOGETHER = 4;

// The products of `TOGETHER` vectors with `LANES` others: number `lane` of those has its part `place` at
// lanes[place * LANES + lane], and its product with rows[r] comes to found[r * LANES + lane].
void lane_products(const float *lanes, const float *const *rows, int64_t size, float *found);

// The product of a vector with one of small whole numbers.
float coarse_product(const float *a, const int8_t *b, int64_t size);

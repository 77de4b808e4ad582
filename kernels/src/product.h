#pragma once

#include <cstdint>

// The product of two vectors, to the precision of float32; unlike other sums not that of NumPy to the last bit.
float product(const float *a, const float *b, int64_t size);

// Adds factor times a vector to another one.
void add_scaled(float *to, const float *from, float factor, int64_t size);

// The products of a vector with several others of its size.
void products(const float *own, const float *const *others, int64_t count, int64_t size, float *found);

// The product of a vector with one of small whole numbers.
float coarse_product(const float *a, const int8_t *b, int64_t size);

// The products of some rows with eight vectors, number by number side by side: found[8 * place + vector].
void eight_products(const float *rows, const int32_t *chosen, int64_t count, const float *sides, int64_t size,
                    float *found);

#pragma once

#include <cstdint>

// The product of two vectors, to the precision of float32; unlike other sums not that of NumPy to the last bit.
float product(const float *a, const float *b, int64_t size);

// Adds factor times a vector to another one.
void add_scaled(float *to, const float *from, float factor, int64_t size);

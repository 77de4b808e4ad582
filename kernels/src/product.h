#pragma once

#include <cstdint>

// Compiled for several generations of processors; the loader chooses.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

// The product of two vectors, to the precision of float32; unlike other sums not that of NumPy to the last bit.
float product(const float *a, const float *b, int64_t size);

// Adds factor times a vector to another one.
void add_scaled(float *to, const float *from, float factor, int64_t size);

// The products of a vector with several others of its size.
void products(const float *own, const float *const *others, int64_t count, int64_t size, float *found);

// The product of a vector with one of small whole numbers.
float coarse_product(const float *a, const int8_t *b, int64_t size);

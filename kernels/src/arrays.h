// What the loops share: views of arrays, arrays that are handed out, memory of a thread.

#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

namespace nb = nanobind;

template <class T> using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T> using In2 = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T> using In3 = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T> using Out = nb::ndarray<nb::numpy, T, nb::ndim<1>>;
template <class T> using Out2 = nb::ndarray<nb::numpy, T, nb::ndim<2>>;
template <class T> using Out3 = nb::ndarray<nb::numpy, T, nb::ndim<3>>;

constexpr float MINUS_INFINITY = -std::numeric_limits<float>::infinity();

// A view of an array that checks its bounds in the build for AddressSanitizer.
template <class T> struct View {
    const T *data;
    int64_t size;

    View(const In<T> &array) : data(array.data()), size(int64_t(array.shape(0))) {}
    View(const T *first, int64_t count) : data(first), size(count) {}

    const T &operator[](int64_t place) const {
#ifdef TACIT_CHECKED
        if (place < 0 || place >= size) throw std::out_of_range("tacit_kernels: beyond the end of an array");
#endif
        return data[place];
    }
};

template <class T> Out<T> given(std::vector<T> &&values) {
    if (values.capacity() == 0) values.reserve(1);
    auto *kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void *gone) noexcept { delete static_cast<std::vector<T> *>(gone); });
    return Out<T>(kept->data(), {kept->size()}, owner);
}

template <class T> T *owned(std::vector<T> &&values, nb::capsule &owner) {
    if (values.capacity() == 0) values.reserve(1);
    auto *kept = new std::vector<T>(std::move(values));
    owner = nb::capsule(kept, [](void *gone) noexcept { delete static_cast<std::vector<T> *>(gone); });
    return kept->data();
}

inline void check(bool holds, const char *message) {
    if (!holds) throw std::invalid_argument(message);
}

inline void check_offsets(const View<int64_t> &offsets, int64_t entries) {
    check(offsets.size >= 1 && offsets[0] >= 0 && offsets[offsets.size - 1] <= entries, "offsets do not fit");
    for (int64_t n = 1; n < offsets.size; n++) check(offsets[n - 1] <= offsets[n], "offsets must not fall");
}

// Memory of a thread that is zero between calls.
template <class T, int ID> std::vector<T> &workspace(int64_t size) {
    thread_local std::vector<T> memory;
    if (int64_t(memory.size()) < size) memory.resize(size_t(size), T(0));
    return memory;
}

// Forgets a workspace unless the call went through: an exception must not leave marks for the next one.
template <class T> struct Guard {
    std::vector<T> &memory;
    bool whole = false;
    ~Guard() {
        if (!whole) memory.clear();
    }
};

// The order of floats as unsigned numbers: larger is better. -0 and 0 are equal, as in a comparison of floats.
inline uint32_t ordered(float value) {
    uint32_t bits;
    value += 0.0f;
    std::memcpy(&bits, &value, 4);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

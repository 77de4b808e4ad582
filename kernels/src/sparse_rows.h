// Weighted sums of sparse rows: the loop that most scorers spend their time in.
//
// Accumulators belong to a thread and are all zero between calls, so that a query pays for what it meets and not
// for the size of the catalogue. What was met is marked: a list of "touched" columns could name one twice after its
// sum had come back to 0, and run over its end.

#pragma once

#include "arrays.h"

// Memory that is used again and again, without a promise of what is in it.
template <class T> class Memory {
  public:
    T *of_size(int64_t size) {
        if (int64_t(own_.size()) < size) own_.resize(size_t(size));
        return own_.data();
    }
    T *data() { return own_.data(); }
    const T *data() const { return own_.data(); }

  private:
    std::vector<T> own_;
};

// A sparse row: distinct columns, ascending, and their values.
struct Row {
    Memory<int32_t> columns;
    Memory<float> values;
    int64_t count = 0;
};

// Rows of a matrix as plain arrays: see tacit.models.accumulate.Rows.
struct Rows {
    In<int64_t> offsets_;
    In<int32_t> columns_;
    In<float> values_;
    View<int64_t> offsets;
    View<int32_t> columns;
    View<float> values;
    int64_t width;

    Rows(const In<int64_t> &offsets, const In<int32_t> &columns, const In<float> &values, int64_t width)
        : offsets_(offsets), columns_(columns), values_(values), offsets(offsets_), columns(columns_), values(values_),
          width(width) {
        check(width >= 0, "a matrix without a width");
        check_offsets(this->offsets, std::min(this->columns.size, this->values.size));
    }
    int64_t size() const { return offsets.size - 1; }
};

// Writes the weighted sum of the rows that `weights` names, and returns whether any of them has an entry. A column
// whose sum is 0 is left out, unless `zeros` are wanted.
bool accumulate(const int32_t *rows, const float *weights, int64_t count, const Rows &matrix, bool zeros, Row &found);

struct Pair {
    int32_t item;
    float score;
};

// Larger is better: by score, then by the lower code.
inline uint64_t rank_of(const Pair &pair) {
    return uint64_t(ordered(pair.score)) << 32 | uint32_t(~uint32_t(pair.item));
}

inline Pair pair_of(uint64_t rank) {
    uint32_t bits = uint32_t(rank >> 32);
    bits = bits & 0x80000000u ? bits & 0x7fffffffu : ~bits;
    Pair pair{int32_t(~uint32_t(rank)), 0};
    std::memcpy(&pair.score, &bits, 4);
    return pair;
}

// Keeps the k best of the pairs, in their order; of equal scores those that come first (items ascend).
void keep_best(std::vector<Pair> &pairs, int64_t k);

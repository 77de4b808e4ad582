// Cosines of texts: a history is compared by the mean of its items and by each of its last liked events.

#pragma once

#include "history.h"
#include "product.h"

// Vectors of items of length 1, and which items have one.
struct Texts {
    In2<float> vectors_;
    In<bool> known_;
    View<bool> known;
    const float *vectors;
    int64_t n_items, width;

    Texts(const In2<float> &vectors, const In<bool> &known)
        : vectors_(vectors), known_(known), known(known_), vectors(vectors_.data()), n_items(int64_t(vectors_.shape(0))),
          width(int64_t(vectors_.shape(1))) {
        check(this->known.size == n_items, "arrays do not fit");
    }
    const float *of(int64_t item) const { return vectors + item * width; }
};

// What items are compared with: see tacit.models.near_texts.Sides.
struct Sides {
    std::vector<float> mean;
    std::vector<int32_t> events;
    std::vector<float> left;
};

// See tacit.models.content.Content._sides. A liked event is on an item with a vector.
void sides_of(const History &history, const Texts &texts, const Powers &powers, int64_t recent, Sides &sides);

// The sides of one history as lanes: its mean, then its last liked events.
class PackedSides {
  public:
    void take(const Texts &texts, const float *mean, const int32_t *events, const float *left, int64_t count);

    // Writes (1 - closest) * cosine to the mean + closest * (maximum over events of left * cosine) of items, each
    // `stride` places after the one before it.
    void score(const Texts &texts, float closest, const int32_t *items, int64_t count, float *scores, int64_t stride) const;

    int64_t size() const { return int64_t(sides_.size()); }
    const float *operator[](int64_t side) const { return sides_[size_t(side)]; }
    float left(int64_t side) const { return left_[size_t(side)]; }

  private:
    std::vector<const float *> sides_;
    std::vector<float> left_;   // 0 of the mean
    std::vector<float> floor_;  // 0 of an event, -infinity of all else
    std::vector<float> packs_;
};

inline void prefetch_row(const float *row, int64_t width) {
    for (int64_t place = 0; place < width; place += 16) __builtin_prefetch(row + place);
}

// The scores of items by their texts (see PackedSides), -infinity for an item without a vector, or of a history
// without events.
void text_scores(const Sides &sides, const Texts &texts, float closest, const int32_t *items, int64_t count, float *scores,
                 int64_t stride);

void define_texts(nb::module_ &m);

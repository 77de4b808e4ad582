// Features of the pairs of a history and a candidate, by family.
//
// Each family has a NumPy twin in tacit (tacit/features), which is its specification and the oracle of its tests.

#pragma once

#include <memory>

#include "arrays.h"
#include "lists.h"

// Columns of the pairs of one query.
struct Block {
    float *first;
    int64_t step;

    float *operator[](int64_t column) const { return first + column * step; }
};

// Some of the candidates of a query: their items, and their places among all of them.
struct Picked {
    std::vector<int32_t> items, places;

    void take(const int32_t *of_all, const bool *chosen, int64_t count) {
        items.clear();
        places.clear();
        for (int64_t at = 0; at < count; at++)
            if (chosen[at]) {
                items.push_back(of_all[at]);
                places.push_back(int32_t(at));
            }
    }
};

// A query: its history, oldest event first, and its pairs, whose items ascend.
struct Query {
    const int32_t *item;
    const float *weight;
    const double *at;
    const int16_t *kind;
    int64_t events;
    bool ordered;
    double now;
    const int64_t *traits;  // places among the known ones, -1 for an unknown one
    int64_t n_traits;

    const int32_t *items = nullptr, *places = nullptr;  // of each pair: its item, its place among the candidates
    int64_t pairs = 0;

    const Lists *lists = nullptr;

    // Takes the candidates and which of them are its pairs.
    void ask(const Lists &of_all, const Picked &picked) {
        lists = &of_all;
        items = picked.items.data();
        places = picked.places.data();
        pairs = int64_t(picked.items.size());
    }
    bool liked(int64_t event, int64_t n_items) const {
        return weight[event] > 0 && item[event] >= 0 && item[event] < n_items;
    }
};

// The histories of some queries: see tacit.data.queries.Queries.
class Histories {
  public:
    Histories(In<int64_t> offsets, In<int32_t> item, In<float> weight, In<double> at, In<int16_t> kind, In<double> now,
              In2<int64_t> traits, bool ordered);
    int64_t size() const { return int64_t(now.shape(0)); }
    Query query(int64_t place) const;

  private:
    In<int64_t> offsets;
    In<int32_t> item;
    In<float> weight;
    In<double> at;
    In<int16_t> kind;
    In<double> now;
    In2<int64_t> traits;
    bool ordered;
};

// A family of features.
class Family {
  public:
    virtual ~Family() = default;
    virtual int64_t columns(int64_t retrievers) const = 0;
    // All items must be below this.
    virtual int64_t items() const { return std::numeric_limits<int32_t>::max(); }
    virtual void compute(const Query &query, Block found) const = 0;
};

// Families, one after the other.
class Features {
  public:
    Features() = default;
    Features(const Features &) = delete;
    void add(std::unique_ptr<Family> family);
    int64_t columns(int64_t retrievers) const;
    void compute(const Query &query, Block found) const;

  private:
    std::vector<std::unique_ptr<Family>> families;
    int64_t items = std::numeric_limits<int32_t>::max();
};

// See tacit.features.normaliser.Normaliser, without quantiles.
class Normaliser {
  public:
    Normaliser(In<float> mean, In<float> factor, In<int64_t> gaps, In<int64_t> buckets, float limit);
    int64_t columns() const { return int64_t(mean.shape(0)); }
    // With a column for each feature that was unknown in training.
    int64_t width() const { return columns() + int64_t(gaps.shape(0)); }
    // In place.
    void transform(Block block, int64_t pairs) const;

  private:
    In<float> mean, factor;
    In<int64_t> gaps;
    std::vector<uint8_t> is_bucket;
    float limit;
};

void define_features(nb::module_ &m);

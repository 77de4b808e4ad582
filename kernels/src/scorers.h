// Models as compiled scorers: each lists the items that it has evidence for, one history at a time.
//
// Each is the compiled form of a model's sparse_scores (tacit.models.protocol.Sparse), which is its specification and
// the oracle of its tests. A scorer holds the arrays of its model and never changes.

#pragma once

#include "texts.h"

// The scores of all items that are not listed: see tacit.models.sparse_scores.Baseline. Empty where they have none.
struct Baseline {
    In<float> scores_;
    In<int32_t> order_;
    View<float> scores;
    View<int32_t> order;

    Baseline(const In<float> &scores, const In<int32_t> &order)
        : scores_(scores), order_(order), scores(scores_), order(order_) {}
};

// What an estimate has to list: so many of the items that are allowed.
struct Wanted {
    View<bool> allowed;
    int64_t count;
};

// What a scorer says of a history: items ascend. A scorer may keep here what its exact scores need.
struct Listed : Row {
    bool scored = true;  // whether it has scores for this history at all
    Sides sides;

    // Becomes a copy, in as little memory.
    void keep(const Listed &other) {
        count = other.count;
        std::copy_n(other.columns.data(), count, columns.of_size(count));
        std::copy_n(other.values.data(), count, values.of_size(count));
        scored = other.scored;
        sides = other.sides;
    }
};

class UserSearch;

// What scorers found for the history that is asked about, for others that search alike.
class Searches {
  public:
    void forget() { known_ = 0; }
    const Row &of(const UserSearch &search, const History &history);

  private:
    std::vector<std::pair<const UserSearch *, Row>> found_;
    size_t known_ = 0;
};

class Scorer {
  public:
    Baseline baseline;

    explicit Scorer(const Baseline &baseline) : baseline(baseline) {}
    virtual ~Scorer() = default;
    virtual void list(const History &history, const Wanted &wanted, Searches &searches, Listed &found) const = 0;
    // Whether what is listed are estimates, which choose candidates; `exact` gives the scores then.
    virtual bool estimates() const { return false; }
    virtual void exact(const Listed &, const int32_t *, int64_t, float *, int64_t) const {}
};

void define_scorers(nb::module_ &m);

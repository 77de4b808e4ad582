// The history of one query, and its rows of decayed weights.

#pragma once

#include <cmath>

#include "sparse_rows.h"

// Powers of a decay: a table, and what lies beyond its end.
struct Powers {
    In<double> table_;
    View<double> table;
    double base;

    Powers(const In<double> &table, double base) : table_(table), table(table_), base(base) {}
    double operator[](int64_t place) const { return place < table.size ? table.data[place] : std::pow(base, double(place)); }
};

struct History {
    const int32_t *item;
    const float *weight;
    int64_t count;
    int32_t user;
    bool ordered;
};

// The events of n queries as arrays: see tacit.data.queries.Queries.
struct Events {
    View<int64_t> offsets;
    View<int32_t> item;
    View<float> weight;
    View<int32_t> user;
    bool ordered;

    int64_t size() const { return offsets.size - 1; }
    void checked() const {
        check_offsets(offsets, std::min(item.size, weight.size));
        check(user.size >= size(), "one user for each query");
    }
    History of(int64_t query) const {
        const int64_t start = offsets[query];
        return {item.data + start, weight.data + start, offsets[query + 1] - start, user[query], ordered};
    }
};

// See tacit.models.accumulate.history_rows: only the `last` events are used, and items below `n_items`. The weights of
// a repeated item are added up; without an order only its strongest counts, unless `all` choices are wanted.
inline void history_row(const History &history, const Powers &powers, int64_t last, int64_t n_items, bool all,
                        Row &found) {
    thread_local std::vector<std::pair<int32_t, int32_t>> events;  // item, event
    events.clear();
    for (int64_t e = std::max<int64_t>(0, history.count - std::max<int64_t>(last, 0)); e < history.count; e++)
        if (history.item[e] >= 0 && history.item[e] < n_items) events.push_back({history.item[e], int32_t(e)});
    std::sort(events.begin(), events.end());
    int32_t *columns = found.columns.of_size(int64_t(events.size()));
    float *values = found.values.of_size(int64_t(events.size()));
    found.count = 0;
    for (size_t from = 0, upto; from < events.size(); from = upto) {
        double sum = 0;
        float strongest = 0;
        for (upto = from; upto < events.size() && events[upto].first == events[from].first; upto++) {
            const int64_t e = events[upto].second;
            const float liked = std::max(history.weight[e], 0.0f);
            strongest = std::max(strongest, liked);
            sum += double(float(double(liked) * (history.ordered ? powers[history.count - 1 - e] : 1)));
        }
        const float total = history.ordered || all ? float(sum) : strongest;
        if (total > 0) {
            columns[found.count] = events[from].first;
            values[found.count++] = total;
        }
    }
}

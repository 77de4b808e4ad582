// The loops over one query: weighted sums of sparse rows, the k best of a list, the union of several lists.
//
// Each function has a NumPy twin in tacit (tacit/models), which is its specification and the oracle of its tests.
// Accumulators belong to a thread and are all zero between calls, so that a query pays for what it meets and not
// for the size of the catalogue. What was met is marked by one byte a column: a list of "touched" columns could
// name one twice after its sum had come back to 0, and run over its end.

#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>

#include "arrays.h"
#include "features.h"
#include "product.h"
#include "reasons.h"
#include "scan.h"
#include "second_stage.h"

namespace {

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
// By a histogram of the first bits, so that only the bin with the k-th best is looked at closely.
void keep_best(std::vector<Pair> &pairs, int64_t k) {
    if (int64_t(pairs.size()) <= k) return;
    if (k <= 0) {
        pairs.clear();
        return;
    }
    constexpr int BITS = 12;
    thread_local std::vector<int32_t> bins;
    thread_local std::vector<uint64_t> close;
    bins.assign(size_t(1) << BITS, 0);
    for (const Pair &pair : pairs) bins[ordered(pair.score) >> (32 - BITS)]++;
    int64_t above = 0;
    int bin = (1 << BITS) - 1;
    while (above + bins[size_t(bin)] < k) above += bins[size_t(bin--)];
    close.clear();
    for (const Pair &pair : pairs)
        if (int(ordered(pair.score) >> (32 - BITS)) == bin) close.push_back(rank_of(pair));
    auto last = close.begin() + (k - above - 1);
    std::nth_element(close.begin(), last, close.end(), std::greater<uint64_t>());
    const uint64_t bar = *last;
    pairs.erase(std::remove_if(pairs.begin(), pairs.end(), [bar](const Pair &one) { return rank_of(one) < bar; }),
                pairs.end());
}

struct SparseRows {
    std::vector<int64_t> offsets;
    std::vector<int32_t> columns;
    std::vector<float> values;

    explicit SparseRows(int64_t n) {
        offsets.reserve(size_t(n) + 1);
        offsets.push_back(0);
    }
    void end_row() { offsets.push_back(int64_t(columns.size())); }
    nb::tuple arrays() {
        return nb::make_tuple(given(std::move(offsets)), given(std::move(columns)), given(std::move(values)));
    }
};

// See tacit.models.accumulate.history_rows. powers[p] is decay ** p.
nb::tuple history_rows(In<int64_t> offsets_, In<int32_t> item_, In<float> weight_, In<double> powers_, bool ordered_log,
                       int64_t last, int64_t n_items) {
    View<int64_t> offsets(offsets_);
    View<int32_t> item(item_);
    View<float> weight(weight_);
    View<double> powers(powers_);
    const int64_t n = offsets.size - 1;
    SparseRows found(std::max<int64_t>(n, 0));
    {
        nb::gil_scoped_release release;
        check_offsets(offsets, std::min(item.size, weight.size));
        std::vector<std::pair<int32_t, int32_t>> events;
        for (int64_t q = 0; q < n; q++) {
            const int64_t stop = offsets[q + 1], start = std::max(offsets[q], stop - std::max<int64_t>(last, 0));
            events.clear();
            for (int64_t e = start; e < stop; e++)
                if (item[e] >= 0 && item[e] < n_items) events.push_back({item[e], int32_t(e - offsets[q])});
            std::sort(events.begin(), events.end());
            for (size_t from = 0, upto; from < events.size(); from = upto) {
                double sum = 0;
                float strongest = 0;
                for (upto = from; upto < events.size() && events[upto].first == events[from].first; upto++) {
                    const int64_t e = offsets[q] + events[upto].second;
                    const float liked = std::max(weight[e], 0.0f);
                    strongest = std::max(strongest, liked);
                    if (ordered_log) sum += double(float(double(liked) * powers[stop - 1 - e]));
                }
                const float total = ordered_log ? float(sum) : strongest;
                if (total > 0) {
                    found.columns.push_back(events[from].first);
                    found.values.push_back(total);
                }
            }
            found.end_row();
        }
    }
    return found.arrays();
}

// Memory of a thread without a promise of what is in it.
template <class T, int ID> T *buffer(int64_t size) {
    thread_local std::vector<T> memory;
    if (int64_t(memory.size()) < size) memory.resize(size_t(size));
    return memory.data();
}

// A row is cold: ask for its first entries while another one is added.
inline void prefetch_entries(const View<int32_t> &columns, const View<float> &values, int64_t start, int64_t stop) {
    for (int64_t e = start, end = std::min(stop, start + 512); e < end; e += 16) {
        __builtin_prefetch(columns.data + e);
        __builtin_prefetch(values.data + e);
    }
}

constexpr int LINE = 4;  // 16 sums share a line of the cache, and a mark

// Adds weighted rows of a matrix. With marks of single columns, or of lines of sums, which are fewer.
template <bool EACH>
void add_row(const int32_t *__restrict columns, const float *__restrict values, int64_t count, float weight,
             float *__restrict total, uint8_t *__restrict seen, [[maybe_unused]] int64_t width) {
    for (int64_t e = 0; e < count; e++) {
        const int32_t column = columns[e];
#ifdef TACIT_CHECKED
        check(column >= 0 && column < width, "a column beyond the matrix");
#endif
        total[column] += values[e] * weight;
        seen[EACH ? column : column >> LINE] = 1;
    }
}

// Moves the sums at marked columns, ascending, to a list, and leaves zeros: how many there are.
int64_t drain_columns(float *__restrict total, uint8_t *__restrict seen, int64_t width, int32_t *__restrict columns,
                      float *__restrict values) {
    int64_t count = 0;
    for (int64_t block = 0; block < width; block += 8) {
        uint64_t any;
        std::memcpy(&any, seen + block, 8);
        if (!any) continue;
        std::memset(seen + block, 0, 8);
        for (; any; any &= any - 1) {
            const int64_t column = block + __builtin_ctzll(any) / 8;
            columns[count] = int32_t(column);
            values[count++] = total[column];
            total[column] = 0;
        }
    }
    return count;
}

// The same of marked lines, without sums of 0.
int64_t drain_lines(float *__restrict total, uint8_t *__restrict seen, int64_t width, int32_t *__restrict columns,
                    float *__restrict values) {
    const int64_t lines = (width >> LINE) + 1;
    int64_t count = 0;
    for (int64_t block = 0; block < lines; block += 8) {
        uint64_t any;
        std::memcpy(&any, seen + block, 8);
        if (!any) continue;
        std::memset(seen + block, 0, 8);
        for (; any; any &= any - 1) {
            const int64_t first = (block + __builtin_ctzll(any) / 8) << LINE;
            float *own = total + first;
            for (int64_t at = 0; at < 1 << LINE; at++) {
                columns[count] = int32_t(first + at);
                values[count] = own[at];
                count += own[at] != 0;
            }
            std::memset(own, 0, sizeof(float) << LINE);
        }
    }
    return count;
}

// See tacit.models.accumulate.accumulated.
nb::tuple accumulated(In<int64_t> row_offsets_, In<int32_t> row_columns_, In<float> row_values_, In<int64_t> offsets_,
                      In<int32_t> columns_, In<float> values_, int64_t width, bool zeros) {
    View<int64_t> row_offsets(row_offsets_), offsets(offsets_);
    View<int32_t> row_columns(row_columns_), columns(columns_);
    View<float> row_values(row_values_), values(values_);
    const int64_t n = row_offsets.size - 1, rows = offsets.size - 1;
    SparseRows found(std::max<int64_t>(n, 0));
    std::vector<uint8_t> met(size_t(std::max<int64_t>(n, 0)), 0);
    {
        nb::gil_scoped_release release;
        check_offsets(row_offsets, std::min(row_columns.size, row_values.size));
        check(rows >= 0 && offsets[rows] <= std::min(columns.size, values.size), "offsets do not fit");
        const int64_t line = int64_t(1) << LINE;
        std::vector<float> &total = workspace<float, 0>(width + line);
        std::vector<uint8_t> &seen = workspace<uint8_t, 1>(width + 8);
        Guard<float> guard_total{total};
        Guard<uint8_t> guard_seen{seen};
        int32_t *drained = buffer<int32_t, 11>(width + 2 * line);
        float *sums = buffer<float, 12>(width + 2 * line);
        for (int64_t q = 0; q < n; q++) {
            int64_t entries = 0;
            for (int64_t r = row_offsets[q]; r < row_offsets[q + 1]; r++) {
                const int32_t row = row_columns[r];
                check(row >= 0 && row < rows, "a row beyond the matrix");
                const int64_t start = offsets[row], count = offsets[row + 1] - start;
                const int32_t next = r + 1 < row_offsets[q + 1] ? row_columns[r + 1] : -1;
                if (next >= 0 && next < rows) prefetch_entries(columns, values, offsets[next], offsets[next + 1]);
                entries += count;
                const auto add = zeros ? add_row<true> : add_row<false>;
                add(columns.data + start, values.data + start, count, row_values[r], total.data(), seen.data(), width);
            }
            met[size_t(q)] = entries > 0;
            if (entries) {
                const auto drain = zeros ? drain_columns : drain_lines;
                const int64_t count = drain(total.data(), seen.data(), width, drained, sums);
                found.columns.insert(found.columns.end(), drained, drained + count);
                found.values.insert(found.values.end(), sums, sums + count);
            }
            found.end_row();
        }
        guard_total.whole = guard_seen.whole = true;
    }
    return nb::make_tuple(given(std::move(found.offsets)), given(std::move(found.columns)),
                          given(std::move(found.values)), given(std::move(met)));
}

// See tacit.models.accumulate.best_of_each.
nb::tuple best_of_each(In<int64_t> offsets_, In<int32_t> columns_, In<float> values_, int64_t k, In<int32_t> without_) {
    View<int64_t> offsets(offsets_);
    View<int32_t> columns(columns_), without(without_);
    View<float> values(values_);
    const int64_t n = offsets.size - 1;
    SparseRows found(std::max<int64_t>(n, 0));
    {
        nb::gil_scoped_release release;
        check_offsets(offsets, std::min(columns.size, values.size));
        check(without.size >= n, "one column to leave out for each row");
        std::vector<Pair> pairs;
        for (int64_t q = 0; q < n; q++) {
            pairs.clear();
            for (int64_t e = offsets[q]; e < offsets[q + 1]; e++)
                if (columns[e] != without[q]) pairs.push_back({columns[e], values[e]});
            keep_best(pairs, k);
            for (const Pair &pair : pairs) {
                found.columns.push_back(pair.item);
                found.values.push_back(pair.score);
            }
            found.end_row();
        }
    }
    return found.arrays();
}

// Sparse scores of n queries: see tacit.models.sparse_scores. The arrays of the baseline are empty where there is none.
struct Scores {
    View<int64_t> offsets;
    View<int32_t> items;
    View<float> scores;
    View<float> baseline;
    View<int32_t> order;
    View<bool> scored;  // empty: all

    bool has_baseline(int64_t query) const { return baseline.size > 0 && (scored.size == 0 || scored[query]); }
};

using Arrays = std::tuple<In<int64_t>, In<int32_t>, In<float>, In<float>, In<int32_t>, In<bool>>;

Scores scores_of(const Arrays &arrays) {
    return Scores{std::get<0>(arrays), std::get<1>(arrays), std::get<2>(arrays),
                  std::get<3>(arrays), std::get<4>(arrays), std::get<5>(arrays)};
}

void check_scores(const Scores &one, int64_t n, int64_t n_items) {
    check(one.offsets.size == n + 1, "scores of another number of queries");
    check_offsets(one.offsets, std::min(one.items.size, one.scores.size));
    check(one.baseline.size <= n_items, "a baseline of more items than there are");
    check(one.scored.size == 0 || one.scored.size == n, "scored of another number of queries");
}

// Marks of the items of a query that may not be recommended or are listed already; zero between calls.
struct Marks {
    std::vector<uint8_t> &marks;
    explicit Marks(int64_t n_items) : marks(workspace<uint8_t, 2>(n_items)) {}
    uint8_t &operator[](int64_t item) { return marks[size_t(item)]; }
};

constexpr uint8_t EXCLUDED = 1, LISTED = 2;

constexpr int TOP_BITS = 12;

// The k best listed items of a query that are allowed and not excluded, ascending. Each is one number, its rank;
// a histogram of the first bits finds the bin of the k-th best, and only that bin is looked at closely.
void best_of_listed(const Scores &one, int64_t start, int64_t stop, int64_t k, const View<bool> &allowed,
                    const uint8_t *__restrict marks, std::vector<Pair> &found) {
    thread_local std::vector<uint64_t> ranks, close;
    thread_local std::vector<int32_t> bins;
    if (int64_t(ranks.size()) < stop - start + 1) ranks.resize(size_t(stop - start + 1));
    bins.assign((size_t(1) << TOP_BITS) + 1, 0);  // the last one: of items that are not open
    uint64_t *__restrict own = ranks.data();
    int32_t *__restrict bin = bins.data();
    int64_t count = 0;
    for (int64_t e = start; e < stop; e++) {
        const int32_t item = one.items.data[e];
        check(item >= 0 && item < allowed.size, "an item beyond the catalogue");
        const bool open = allowed.data[item] && !(marks[item] & EXCLUDED);
        const uint64_t rank = rank_of({item, one.scores.data[e]});
        own[count] = rank;
        bin[open ? rank >> (64 - TOP_BITS) : uint64_t(1) << TOP_BITS]++;
        count += open;
    }
    if (count <= k) {
        for (int64_t at = 0; at < count; at++) found.push_back(pair_of(own[at]));
        return;
    }
    if (k <= 0) return;
    int64_t above = 0;
    uint64_t border = (uint64_t(1) << TOP_BITS) - 1;
    while (above + bin[border] < k) above += bin[border--];
    close.clear();
    for (int64_t at = 0; at < count; at++)
        if (own[at] >> (64 - TOP_BITS) == border) close.push_back(own[at]);
    const auto last = close.begin() + (k - above - 1);
    std::nth_element(close.begin(), last, close.end(), std::greater<uint64_t>());
    const uint64_t bar = *last;
    for (int64_t at = 0; at < count; at++)
        if (own[at] >= bar) found.push_back(pair_of(own[at]));
}

// The k best items of a query that are allowed and not excluded, ascending.
void best_listed(const Scores &one, int64_t query, int64_t k, const View<bool> &allowed, Marks &marks,
                 std::vector<Pair> &found) {
    found.clear();
    const int64_t start = one.offsets[query], stop = one.offsets[query + 1];
    best_of_listed(one, start, stop, k, allowed, marks.marks.data(), found);
    if (!one.has_baseline(query) || one.order.size == 0) return;
    const float most = one.baseline[one.order[0]];
    if (int64_t(found.size()) >= k) {
        float least = std::numeric_limits<float>::infinity();
        for (const Pair &pair : found) least = std::min(least, pair.score);
        if (least > most) return;  // nothing that is not listed can be among the best
    }
    for (int64_t e = start; e < stop; e++) marks[one.items[e]] |= LISTED;
    int64_t others = 0;
    for (int64_t place = 0; place < one.order.size && others < k; place++) {
        const int32_t item = one.order[place];
        if (allowed[item] && !marks[item]) {
            found.push_back({item, one.baseline[item]});
            others++;
        }
    }
    for (int64_t e = start; e < stop; e++) marks[one.items[e]] &= uint8_t(~LISTED);
    std::sort(found.begin(), found.end(), [](const Pair &a, const Pair &b) { return a.item < b.item; });
    keep_best(found, k);
}

void mark_excluded(Marks &marks, const View<int64_t> &offsets, const View<int32_t> &exclude, int64_t query,
                   int64_t n_items, uint8_t mark) {
    for (int64_t e = offsets[query]; e < offsets[query + 1]; e++)
        if (exclude[e] >= 0 && exclude[e] < n_items) marks[exclude[e]] = mark;
}

// See tacit.models.sparse_scores.best_allowed.
nb::tuple best_allowed(const Arrays &arrays, In<int64_t> exclude_offsets_, In<int32_t> exclude_, In<bool> allowed_,
                       int64_t k) {
    View<int64_t> exclude_offsets(exclude_offsets_);
    View<int32_t> exclude(exclude_);
    View<bool> allowed(allowed_);
    const Scores one = scores_of(arrays);
    const int64_t n = exclude_offsets.size - 1, n_items = allowed.size;
    check(n >= 0 && k >= 0, "k and the number of queries must not be negative");
    std::vector<int32_t> items(size_t(n * k), -1);
    std::vector<float> scores(size_t(n * k), MINUS_INFINITY);
    {
        nb::gil_scoped_release release;
        check_offsets(exclude_offsets, exclude.size);
        check_scores(one, n, n_items);
        Marks marks(n_items);
        Guard<uint8_t> guard{marks.marks};
        std::vector<Pair> best;
        for (int64_t q = 0; q < n; q++) {
            mark_excluded(marks, exclude_offsets, exclude, q, n_items, EXCLUDED);
            best_listed(one, q, k, allowed, marks, best);
            mark_excluded(marks, exclude_offsets, exclude, q, n_items, 0);
            std::sort(best.begin(), best.end(), [](const Pair &a, const Pair &b) { return rank_of(a) > rank_of(b); });
            for (size_t place = 0; place < best.size(); place++) {
                items[size_t(q * k) + place] = best[place].item;
                scores[size_t(q * k) + place] = best[place].score;
            }
        }
        guard.whole = true;
    }
    nb::capsule of_items, of_scores;
    int32_t *first = owned(std::move(items), of_items);
    float *second = owned(std::move(scores), of_scores);
    return nb::make_tuple(Out2<int32_t>(first, {size_t(n), size_t(k)}, of_items),
                          Out2<float>(second, {size_t(n), size_t(k)}, of_scores));
}

// The union of the items of one query, ascending, from marks of one bit an item.
void drain(std::vector<uint64_t> &bits, int64_t n_items, std::vector<int32_t> &found) {
    for (int64_t word = 0; word * 64 < n_items; word++) {
        uint64_t any = bits[size_t(word)];
        bits[size_t(word)] = 0;
        for (; any; any &= any - 1) found.push_back(int32_t(word * 64 + __builtin_ctzll(any)));
    }
}

// See tacit.models.sparse_scores.united.
nb::tuple united(const std::vector<Arrays> &parts, In2<int32_t> lists_, In<int64_t> exclude_offsets_,
                 In<int32_t> exclude_, In<bool> allowed_, int64_t k) {
    View<int64_t> exclude_offsets(exclude_offsets_);
    View<int32_t> exclude(exclude_);
    View<bool> allowed(allowed_);
    const int64_t n = exclude_offsets.size - 1, n_items = allowed.size, r = int64_t(parts.size());
    const int64_t listed = int64_t(lists_.shape(1));
    View<int32_t> lists(lists_.data(), int64_t(lists_.shape(0)) * listed);
    check(n >= 0 && int64_t(lists_.shape(0)) == n, "lists of another number of queries");
    std::vector<Scores> all;
    for (const Arrays &one : parts) all.push_back(scores_of(one));
    std::vector<int32_t> items, codes;
    std::vector<float> scores;
    std::vector<int64_t> ends;
    int64_t width = 1;
    {
        nb::gil_scoped_release release;
        check_offsets(exclude_offsets, exclude.size);
        for (const Scores &one : all) check_scores(one, n, n_items);
        Marks marks(n_items);
        Guard<uint8_t> guard{marks.marks};
        std::vector<uint64_t> &bits = workspace<uint64_t, 3>(n_items / 64 + 1);
        Guard<uint64_t> guard_bits{bits};
        std::vector<int32_t> &places = workspace<int32_t, 4>(n_items);  // 1 + place in the union, 0 for none
        Guard<int32_t> guard_places{places};
        std::vector<Pair> best;
        std::vector<float> table;  // of all queries, row after row: [sum of unions, r]
        for (int64_t q = 0; q < n; q++) {
            const size_t first = codes.size();
            mark_excluded(marks, exclude_offsets, exclude, q, n_items, EXCLUDED);
            for (const Scores &one : all) {
                best_listed(one, q, k, allowed, marks, best);
                for (const Pair &pair : best) bits[size_t(pair.item) >> 6] |= uint64_t(1) << (pair.item & 63);
            }
            mark_excluded(marks, exclude_offsets, exclude, q, n_items, 0);
            for (int64_t e = q * listed; e < (q + 1) * listed; e++) {
                if (lists[e] < 0) continue;
                check(lists[e] < n_items, "an item beyond the catalogue");
                bits[size_t(lists[e]) >> 6] |= uint64_t(1) << (lists[e] & 63);
            }
            drain(bits, n_items, codes);
            const int64_t count = int64_t(codes.size() - first);
            width = std::max(width, count);
            ends.push_back(int64_t(codes.size()));
            table.resize(first * size_t(r));  // without the last row of the query before, where places of 0 went
            table.resize((codes.size() + 1) * size_t(r), MINUS_INFINITY);
            float *__restrict rows = table.data() + first * size_t(r);
            for (int64_t place = 0; place < count; place++)
                places[size_t(codes[first + size_t(place)])] = int32_t(place + 1);
            for (int64_t part = 0; part < r; part++) {
                const Scores &one = all[size_t(part)];
                if (one.has_baseline(q))
                    for (int64_t place = 0; place < count; place++) {
                        const int32_t item = codes[first + size_t(place)];
                        if (item < one.baseline.size) rows[place * r + part] = one.baseline[item];
                    }
                // An item that is in no list is written to the row after the last one.
                float *__restrict column = rows + part;
                const int32_t *__restrict place = places.data(), *__restrict listed_items = one.items.data;
                for (int64_t e = one.offsets[q]; e < one.offsets[q + 1]; e++) {
                    const int64_t row = place[listed_items[e]];
                    column[(row ? row - 1 : count) * r] = one.scores.data[e];
                }
            }
            for (size_t place = first; place < codes.size(); place++) places[size_t(codes[place])] = 0;
        }
        if (n == 1) {
            table.resize(codes.size() * size_t(r));
            items = codes;
            scores = std::move(table);
        } else {
            items.assign(size_t(n * width), -1);
            scores.assign(size_t(n * width * r), MINUS_INFINITY);
            int64_t start = 0;
            for (int64_t q = 0; q < n; q++) {
                std::copy(codes.begin() + start, codes.begin() + ends[size_t(q)], items.begin() + q * width);
                std::copy(table.begin() + start * r, table.begin() + ends[size_t(q)] * r, scores.begin() + q * width * r);
                start = ends[size_t(q)];
            }
        }
        items.resize(size_t(n * width), -1);
        scores.resize(size_t(n * width * r), MINUS_INFINITY);
        guard.whole = guard_bits.whole = guard_places.whole = true;
    }
    nb::capsule of_items, of_scores;
    int32_t *first = owned(std::move(items), of_items);
    float *second = owned(std::move(scores), of_scores);
    return nb::make_tuple(Out2<int32_t>(first, {size_t(n), size_t(width)}, of_items),
                          Out3<float>(second, {size_t(n), size_t(width), size_t(r)}, of_scores));
}

// See tacit.models.content.Content._sides: of each history its mean vector, and its last liked events. A liked event
// is on an item with a vector; powers[p] is decay ** p, p the number of later liked events.
nb::tuple text_sides(In<int64_t> offsets_, In<int32_t> item_, In<float> weight_, In2<float> vectors_, In<bool> known_,
                     In<double> powers_, bool ordered_log, int64_t recent) {
    View<int64_t> offsets(offsets_);
    View<int32_t> item(item_);
    View<float> weight(weight_);
    View<bool> known(known_);
    View<double> powers(powers_);
    const int64_t n = offsets.size - 1, width = int64_t(vectors_.shape(1));
    const float *vectors = vectors_.data();
    std::vector<float> means(size_t(std::max<int64_t>(n, 0) * width), 0);
    SparseRows found(std::max<int64_t>(n, 0));
    {
        nb::gil_scoped_release release;
        check_offsets(offsets, std::min(item.size, weight.size));
        check(int64_t(vectors_.shape(0)) == known.size, "arrays do not fit");
        std::vector<int64_t> liked;
        std::vector<std::pair<int32_t, int32_t>> events;  // item, how many liked ones came later
        for (int64_t q = 0; q < n; q++) {
            liked.clear();
            for (int64_t e = offsets[q]; e < offsets[q + 1]; e++)
                if (weight[e] > 0 && item[e] >= 0 && item[e] < known.size && known[item[e]]) liked.push_back(e);
            const int64_t count = int64_t(liked.size());
            check(!ordered_log || powers.size >= count, "arrays do not fit");
            events.clear();
            for (int64_t at = 0; at < count; at++) events.push_back({item[liked[size_t(at)]], int32_t(at)});
            std::sort(events.begin(), events.end());
            float *mean = means.data() + q * width;
            for (size_t from = 0, upto; from < events.size(); from = upto) {
                double sum = 0;
                float strongest = 0;
                for (upto = from; upto < events.size() && events[upto].first == events[from].first; upto++) {
                    const int64_t at = events[upto].second;
                    const float own = weight[liked[size_t(at)]];
                    strongest = std::max(strongest, own);
                    if (ordered_log) sum += double(float(double(own) * powers[count - 1 - at]));
                }
                const float total = ordered_log ? float(sum) : strongest;
                if (total > 0) add_scaled(mean, vectors + int64_t(events[from].first) * width, total, width);
            }
            const float length = std::sqrt(product(mean, mean, width));
            for (int64_t d = 0; d < width; d++) mean[d] = length > 1e-9f ? mean[d] / length : 0;
            for (int64_t at = std::max<int64_t>(0, count - recent); at < count; at++) {
                found.columns.push_back(item[liked[size_t(at)]]);
                found.values.push_back(ordered_log ? float(powers[count - 1 - at]) : 1);
            }
            found.end_row();
        }
    }
    nb::capsule owner;
    float *first = owned(std::move(means), owner);
    return nb::make_tuple(Out2<float>(first, {size_t(std::max<int64_t>(n, 0)), size_t(width)}, owner),
                          given(std::move(found.offsets)), given(std::move(found.columns)), given(std::move(found.values)));
}

// See tacit.models.userknn._unit_rows.
Out<float> unit_values(In<int64_t> offsets_, In<int32_t> columns_, In<float> values_, In<float> scale_) {
    View<int64_t> offsets(offsets_);
    View<int32_t> columns(columns_);
    View<float> values(values_), scale(scale_);
    check_offsets(offsets, std::min(columns.size, values.size));
    std::vector<float> found(size_t(values.size), 0);
    for (int64_t row = 0; row + 1 < offsets.size; row++) {
        double square = 0;
        for (int64_t e = offsets[row]; e < offsets[row + 1]; e++) {
            check(columns[e] >= 0 && columns[e] < scale.size, "a column beyond the scale");
            found[size_t(e)] = values[e] * scale[columns[e]];
            square += double(found[size_t(e)]) * double(found[size_t(e)]);
        }
        const double length = std::sqrt(square), factor = length > 0 ? 1 / length : 0;
        for (int64_t e = offsets[row]; e < offsets[row + 1]; e++) found[size_t(e)] = float(found[size_t(e)] * factor);
    }
    return given(std::move(found));
}

// See tacit.models.decay.decayed, of a log with an order. powers[p] is decay ** p.
Out<float> decayed(In<int64_t> offsets_, In<float> weight_, In<double> powers_) {
    View<int64_t> offsets(offsets_);
    View<float> weight(weight_);
    View<double> powers(powers_);
    check_offsets(offsets, weight.size);
    std::vector<float> found(size_t(weight.size), 0);
    for (int64_t q = 0; q + 1 < offsets.size; q++) {
        check(offsets[q + 1] - offsets[q] <= powers.size, "arrays do not fit");
        for (int64_t e = offsets[q]; e < offsets[q + 1]; e++)
            found[size_t(e)] = float(double(std::max(weight[e], 0.0f)) * powers[offsets[q + 1] - 1 - e]);
    }
    return given(std::move(found));
}

struct Session {
    double similarity;
    int32_t session;
};

// See tacit.models.sessionknn.SessionKNN._neighbours. powers[p] is decay ** p, focused[p] that to the power of focus,
// evened[s] the number of items of a session to the power of evenness.
nb::tuple nearest_sessions(In<int64_t> offsets_, In<int32_t> item_, In<float> strength_, In<int32_t> user_,
                           In<double> focused_, int64_t last, In<int64_t> holder_offsets_, In<int32_t> holders_,
                           In<int32_t> session_user_, In<double> evened_, int64_t recent, int64_t k) {
    View<int64_t> offsets(offsets_), holder_offsets(holder_offsets_);
    View<int32_t> item(item_), user(user_), holders(holders_), session_user(session_user_);
    View<float> strength(strength_);
    View<double> focused(focused_), evened(evened_);
    const int64_t n = offsets.size - 1, n_items = holder_offsets.size - 1, n_sessions = session_user.size;
    SparseRows found(std::max<int64_t>(n, 0));
    {
        nb::gil_scoped_release release;
        check_offsets(offsets, std::min(item.size, strength.size));
        check_offsets(holder_offsets, holders.size);
        check(user.size >= n && evened.size >= n_sessions, "arrays of different lengths");
        std::vector<float> &total = workspace<float, 5>(n_sessions);
        Guard<float> guard_total{total};
        std::vector<double> &near = workspace<double, 6>(n_sessions);
        Guard<double> guard_near{near};
        std::vector<uint8_t> &seen = workspace<uint8_t, 7>(n_sessions);
        Guard<uint8_t> guard_seen{seen};
        // Stores of one byte may change any object, so pointers are kept in registers, not read from the vectors.
        float *__restrict sum = total.data();
        double *__restrict closest = near.data();
        uint8_t *__restrict known = seen.data();
        std::vector<int32_t> touched;
        std::vector<Session> alike;
        for (int64_t q = 0; q < n; q++) {
            const int64_t stop = offsets[q + 1], start = std::max(offsets[q], stop - std::max<int64_t>(last, 0));
            touched.clear();
            for (int64_t e = start; e < stop; e++) {
                if (!(strength[e] > 0) || item[e] < 0 || item[e] >= n_items) continue;
                const int64_t upto = holder_offsets[item[e] + 1];
                const double left = focused[stop - 1 - e];
                for (int64_t h = std::max(holder_offsets[item[e]], upto - recent); h < upto; h++) {
                    const int32_t session = holders[h];
                    check(session >= 0 && session < n_sessions, "a session beyond the index");
                    if (session_user[session] == user[q]) continue;
                    if (!known[session]) {
                        known[session] = 1;
                        touched.push_back(session);
                    }
                    sum[session] += strength[e];
                    closest[session] = std::max(closest[session], left);
                }
            }
            alike.clear();
            for (const int32_t session : touched) {
                alike.push_back({double(sum[session]) * closest[session] / evened[session], session});
                sum[session] = 0;
                closest[session] = 0;
                known[session] = 0;
            }
            auto better = [](const Session &a, const Session &b) {
                return a.similarity != b.similarity ? a.similarity > b.similarity : a.session > b.session;
            };
            if (int64_t(alike.size()) > k) {
                std::nth_element(alike.begin(), alike.begin() + k, alike.end(), better);
                alike.resize(size_t(k));
            }
            std::sort(alike.begin(), alike.end(), better);
            for (const Session &one : alike) {
                found.columns.push_back(one.session);
                found.values.push_back(float(one.similarity));
            }
            found.end_row();
        }
        guard_total.whole = guard_near.whole = guard_seen.whole = true;
    }
    return found.arrays();
}

template <class T> void prefetch_row(const T *row, int64_t size) {
    for (int64_t place = 0; place < size; place += int64_t(64 / sizeof(T))) __builtin_prefetch(row + place);
}

constexpr size_t AHEAD = 4;  // rows of vectors that are on their way while one is used

// See tacit.models.near_texts.NearTexts.estimates.
nb::tuple near_texts(In<float> mean_, In<int32_t> events_, In<float> left_, In2<int32_t> lists_, In2<int16_t> cosines_,
                     In2<int8_t> coarse_, In<float> steps_, In2<float> vectors_, In<int32_t> later_, float step,
                     float closest) {
    View<float> mean(mean_), left(left_);
    View<int32_t> events(events_), later(later_);
    const int64_t rows = int64_t(lists_.shape(0)), length = int64_t(lists_.shape(1));
    const int64_t n_items = int64_t(vectors_.shape(0)), width = int64_t(vectors_.shape(1));
    View<int32_t> lists(lists_.data(), rows * length);
    View<int16_t> cosines(cosines_.data(), int64_t(cosines_.shape(0)) * int64_t(cosines_.shape(1)));
    const float *vectors = vectors_.data();
    const int8_t *coarse = coarse_.data();
    View<float> steps(steps_);
    std::vector<int32_t> items;
    std::vector<float> scores;
    {
        nb::gil_scoped_release release;
        check(cosines.size == lists.size && mean.size == width && left.size >= events.size &&
                  int64_t(coarse_.shape(0)) == rows && int64_t(coarse_.shape(1)) == width && steps.size == rows,
              "arrays do not fit");
        std::vector<int32_t> exact(later.data, later.data + later.size);
        std::sort(exact.begin(), exact.end());
        std::vector<float> &close = workspace<float, 8>(n_items);
        std::vector<uint64_t> &bits = workspace<uint64_t, 9>(n_items / 64 + 1);
        Guard<uint64_t> guard{bits};
        auto meet = [&](int32_t item, float value) {
            uint64_t &word = bits[size_t(item) >> 6];
            const uint64_t bit = uint64_t(1) << (item & 63);
            close[size_t(item)] = word & bit ? std::max(close[size_t(item)], value) : value;
            word |= bit;
        };
        for (int64_t e = 0; e < events.size; e++) {
            check(events[e] >= 0 && events[e] < rows, "an event without a list");
            const float factor = step * left[e];
            for (int64_t place = events[e] * length; place < (events[e] + 1) * length; place++) {
                if (lists[place] < 0) continue;
                check(lists[place] < n_items, "an item beyond the vectors");
                meet(lists[place], float(cosines[place]) * factor);
            }
        }
        for (int64_t place = 0; place < later.size; place++) {
            check(later[place] >= 0 && later[place] < n_items, "an item beyond the vectors");
            const float *own = vectors + int64_t(later[place]) * width;
            for (int64_t e = 0; e < events.size; e++)
                meet(later[place], product(own, vectors + int64_t(events[e]) * width, width) * left[e]);
        }
        drain(bits, n_items, items);
        guard.whole = true;
        scores.resize(items.size());
        for (size_t place = 0; place < items.size(); place++) {
            const int64_t item = items[place];
            const float near = close[size_t(item)];
            float to_mean;
            if (item >= rows || (!exact.empty() && std::binary_search(exact.begin(), exact.end(), int32_t(item)))) {
                to_mean = product(mean.data, vectors + item * width, width);
            } else {
                if (place + AHEAD < items.size() && items[place + AHEAD] < rows)
                    prefetch_row(coarse + int64_t(items[place + AHEAD]) * width, width);
                to_mean = steps[item] * coarse_product(mean.data, coarse + item * width, width);
            }
            scores[place] = (1 - closest) * to_mean + closest * near;
        }
    }
    return nb::make_tuple(given(std::move(items)), given(std::move(scores)));
}

// See tacit.models.near_texts.exact_scores.
Out<float> text_scores(In2<float> means_, In<int64_t> offsets_, In<int32_t> events_, In<float> left_, In2<float> vectors_,
                       In<bool> known_, In<int64_t> row_, In<int32_t> items_, float closest) {
    View<int64_t> offsets(offsets_), row(row_);
    View<int32_t> events(events_), items(items_);
    View<float> left(left_);
    View<bool> known(known_);
    const int64_t n = offsets.size - 1, n_items = int64_t(vectors_.shape(0)), width = int64_t(vectors_.shape(1));
    const float *vectors = vectors_.data();
    std::vector<float> scores(size_t(items.size), MINUS_INFINITY);
    {
        nb::gil_scoped_release release;
        check_offsets(offsets, std::min(events.size, left.size));
        check(int64_t(means_.shape(0)) == n && int64_t(means_.shape(1)) == width && known.size == n_items &&
                  row.size == items.size,
              "arrays do not fit");
        for (int64_t e = 0; e < events.size; e++)
            check(events[e] >= 0 && events[e] < n_items, "an event beyond the vectors");
        std::vector<const float *> sides;
        std::vector<float> cosines;
        for (int64_t p = 0; p < items.size; p++) {
            check(items[p] >= 0 && items[p] < n_items && row[p] >= 0 && row[p] < n, "a pair beyond the arrays");
            if (p + int64_t(AHEAD) < items.size && items[p + int64_t(AHEAD)] >= 0 && items[p + int64_t(AHEAD)] < n_items)
                prefetch_row(vectors + int64_t(items[p + int64_t(AHEAD)]) * width, width);
            const int64_t start = offsets[row[p]], stop = offsets[row[p] + 1];
            if (start == stop || !known[items[p]]) continue;
            sides.clear();
            for (int64_t e = start; e < stop; e++) sides.push_back(vectors + int64_t(events[e]) * width);
            sides.push_back(means_.data() + row[p] * width);
            cosines.resize(sides.size());
            products(vectors + int64_t(items[p]) * width, sides.data(), int64_t(sides.size()), width, cosines.data());
            float near = MINUS_INFINITY;
            for (int64_t e = start; e < stop; e++) near = std::max(near, cosines[size_t(e - start)] * left[e]);
            scores[size_t(p)] = (1 - closest) * cosines.back() + closest * near;
        }
    }
    return given(std::move(scores));
}

}  // namespace

NB_MODULE(_kernels, m) {
    m.doc() = "Loops over one query; see tacit_kernels.";
    m.def("history_rows", &history_rows);
    m.def("accumulated", &accumulated);
    m.def("best_of_each", &best_of_each);
    m.def("best_allowed", &best_allowed);
    m.def("united", &united);
    m.def("nearest_sessions", &nearest_sessions);
    m.def("text_sides", &text_sides);
    m.def("unit_values", &unit_values);
    m.def("decayed", &decayed);
    m.def("near_texts", &near_texts);
    m.def("text_scores", &text_scores);
    define_features(m);
    define_second_stage(m);
    define_reasons(m);
    define_scan(m);
}

// What fits of models over pairs of items are made of. Each function has a NumPy twin in tacit, which is its
// specification and the oracle of its tests.

#include "fits.h"

#include <cmath>
#include <utility>

namespace {

template <class T> using InOut2 = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr int64_t DENSE = 16;  // a row with more than a column in so many is written out by looking at all columns

void check_columns(const View<int32_t> &columns, int64_t width) {
    for (int64_t e = 0; e < columns.size; e++) check(0 <= columns[e] && columns[e] < width, "a column is beyond the end");
}

// The entries of a matrix in the order of its columns, and of its rows within each of them.
struct ByColumn {
    std::vector<int64_t> offsets;
    std::vector<int64_t> entry;  // its place among the entries of the matrix
    std::vector<int32_t> row;

    ByColumn(const View<int64_t> &rows, const View<int32_t> &columns, int64_t width)
        : offsets(size_t(width + 1), 0), entry(size_t(columns.size)), row(size_t(columns.size)) {
        for (int64_t e = 0; e < columns.size; e++) offsets[size_t(columns[e]) + 1]++;
        for (int64_t c = 0; c < width; c++) offsets[size_t(c) + 1] += offsets[size_t(c)];
        std::vector<int64_t> next(offsets.begin(), offsets.end() - 1);
        for (int64_t r = 0; r + 1 < rows.size; r++)
            for (int64_t e = rows[r]; e < rows[r + 1]; e++) {
                const int64_t place = next[size_t(columns[e])]++;
                entry[size_t(place)] = e, row[size_t(place)] = int32_t(r);
            }
    }
};

// See tacit.models.gram.products: X'X of a matrix whose columns ascend in each row.
nb::tuple products_of_columns(In<int64_t> rows_, In<int32_t> columns_, In<float> values_, int64_t width) {
    View<int64_t> rows(rows_);
    View<int32_t> columns(columns_);
    View<float> values(values_);
    std::vector<int64_t> offsets(size_t(width + 1), 0);
    std::vector<int32_t> found_columns;
    std::vector<float> found;
    {
        nb::gil_scoped_release release;
        check(columns.size == values.size, "arrays do not fit");
        check_offsets(rows, columns.size);
        check_columns(columns, width);
        const ByColumn by_column(rows, columns, width);
        // The upper triangle first, row by row: a pair of columns has the same sum in both orders.
        std::vector<int64_t> upper_offsets(size_t(width + 1), 0);
        std::vector<int32_t> upper_columns, met;
        std::vector<float> upper, sums(size_t(width), 0);
        std::vector<char> is_met(size_t(width), 0);
        for (int64_t c = 0; c < width; c++) {
            met.clear();
            for (int64_t at = by_column.offsets[size_t(c)]; at < by_column.offsets[size_t(c) + 1]; at++) {
                const int64_t own = by_column.entry[size_t(at)], end = rows[by_column.row[size_t(at)] + 1];
                const float value = values[own];
                for (int64_t e = own; e < end; e++) {
                    const int32_t other = columns[e];
                    if (!is_met[size_t(other)]) is_met[size_t(other)] = 1, met.push_back(other);
                    sums[size_t(other)] += value * values[e];
                }
            }
            if (int64_t(met.size()) * DENSE < width - c) std::sort(met.begin(), met.end());
            else {
                met.clear();
                for (int64_t other = c; other < width; other++)
                    if (is_met[size_t(other)]) met.push_back(int32_t(other));
            }
            for (int32_t other : met) {
                if (sums[size_t(other)] == 0) {  // too small for a float: no entry
                    is_met[size_t(other)] = 0;
                    continue;
                }
                upper_columns.push_back(other), upper.push_back(sums[size_t(other)]);
                sums[size_t(other)] = 0, is_met[size_t(other)] = 0;
                offsets[size_t(c) + 1]++;
                if (other != c) offsets[size_t(other) + 1]++;
            }
            upper_offsets[size_t(c) + 1] = int64_t(upper.size());
        }
        for (int64_t c = 0; c < width; c++) offsets[size_t(c) + 1] += offsets[size_t(c)];
        std::vector<int64_t> next(offsets.begin(), offsets.end() - 1);
        found_columns.resize(size_t(offsets[size_t(width)]));
        found.resize(found_columns.size());
        for (int64_t c = 0; c < width; c++)
            for (int64_t e = upper_offsets[size_t(c)]; e < upper_offsets[size_t(c) + 1]; e++) {
                const int32_t other = upper_columns[size_t(e)];
                int64_t place = next[size_t(c)]++;
                found_columns[size_t(place)] = other, found[size_t(place)] = upper[size_t(e)];
                if (other == c) continue;
                place = next[size_t(other)]++;
                found_columns[size_t(place)] = int32_t(c), found[size_t(place)] = upper[size_t(e)];
            }
    }
    return nb::make_tuple(given(std::move(found)), given(std::move(found_columns)), given(std::move(offsets)));
}

// See tacit.models.csr.dense_among: some rows and columns of a square matrix.
Out2<float> dense_among(In<int64_t> rows_, In<int32_t> columns_, In<float> values_, In<int64_t> items_) {
    View<int64_t> rows(rows_), items(items_);
    View<int32_t> columns(columns_);
    View<float> values(values_);
    const int64_t width = rows.size - 1, count = items.size;
    std::vector<float> found(size_t(count * count), 0);
    {
        nb::gil_scoped_release release;
        check(columns.size == values.size, "arrays do not fit");
        check_offsets(rows, columns.size);
        check_columns(columns, width);
        std::vector<int64_t> place(size_t(width), -1);
        for (int64_t n = 0; n < count; n++) {
            check(0 <= items[n] && items[n] < width, "an item is beyond the end");
            place[size_t(items[n])] = n;
        }
        for (int64_t n = 0; n < count; n++)
            for (int64_t e = rows[items[n]]; e < rows[items[n] + 1]; e++) {
                const int64_t column = place[size_t(columns[e])];
                if (column >= 0) found[size_t(n * count + column)] += values[e];
            }
    }
    nb::capsule owner;
    float *data = owned(std::move(found), owner);
    return Out2<float>(data, {size_t(count), size_t(count)}, owner);
}

// See tacit.models.csr.best_of_rows: which entries are among the k largest of their rows, ties by the lower column.
Out<bool> largest_of_rows(In<int64_t> rows_, In<int32_t> columns_, In<float> values_, int64_t k) {
    View<int64_t> rows(rows_);
    View<int32_t> columns(columns_);
    View<float> values(values_);
    const int64_t entries = values.size;
    auto *kept = new bool[size_t(std::max(entries, int64_t(1)))]();
    nb::capsule owner(kept, [](void *gone) noexcept { delete[] static_cast<bool *>(gone); });
    {
        nb::gil_scoped_release release;
        check(columns.size == entries && k >= 0, "arrays do not fit");
        check_offsets(rows, entries);
        std::vector<std::pair<uint64_t, int64_t>> all;  // a larger value and a lower column are a larger number
        for (int64_t r = 0; r + 1 < rows.size; r++) {
            const int64_t start = rows[r], count = rows[r + 1] - start;
            if (count <= k) {
                std::fill(kept + start, kept + start + count, true);
                continue;
            }
            if (k == 0) continue;
            all.clear();
            for (int64_t e = start; e < start + count; e++)
                all.emplace_back(uint64_t(ordered(values[e])) << 32 | uint32_t(~uint32_t(columns[e])), e);
            std::nth_element(all.begin(), all.begin() + k - 1, all.end(), std::greater<>());
            for (int64_t n = 0; n < k; n++) kept[all[size_t(n)].second] = true;
        }
    }
    return Out<bool>(kept, {size_t(entries)}, owner);
}

// See tacit.models.gram.largest: the entries of each row that are no smaller in size than its k-th largest.
nb::tuple largest_by_size(In2<float> matrix, int64_t k) {
    const int64_t height = int64_t(matrix.shape(0)), width = int64_t(matrix.shape(1));
    std::vector<int64_t> rows, columns;
    std::vector<float> values;
    {
        nb::gil_scoped_release release;
        k = std::min(k, width);
        std::vector<float> sizes(size_t(width), 0);
        for (int64_t r = 0; r < height && k > 0; r++) {
            const float *row = matrix.data() + r * width;
            for (int64_t c = 0; c < width; c++) sizes[size_t(c)] = std::fabs(row[c]);
            std::nth_element(sizes.begin(), sizes.begin() + k - 1, sizes.end(), std::greater<>());
            const float bar = std::max(sizes[size_t(k - 1)], std::numeric_limits<float>::denorm_min());
            for (int64_t c = 0; c < width; c++)
                if (std::fabs(row[c]) >= bar) rows.push_back(r), columns.push_back(c), values.push_back(row[c]);
        }
    }
    return nb::make_tuple(given(std::move(values)), given(std::move(rows)), given(std::move(columns)));
}

// See tacit.models.sequential._add_steps: what the events of whole users add to S'S (its upper half) and to S'T.
void add_steps(InOut2<float> before_, InOut2<float> next_, In<int32_t> item_, In<double> liked_, In<double> step_,
               In<int64_t> remaining_, int64_t window, double decay) {
    View<int32_t> item(item_);
    View<double> liked(liked_), step(step_);
    View<int64_t> remaining(remaining_);
    const int64_t events = item.size, width = int64_t(before_.shape(0));
    nb::gil_scoped_release release;
    check(liked.size == events && step.size == events && remaining.size == events && window >= 1 &&
              int64_t(before_.shape(1)) == width && int64_t(next_.shape(0)) == width &&
              int64_t(next_.shape(1)) == width,
          "arrays do not fit");
    check_columns(item, width);
    std::vector<double> powers(size_t(window + 1), 1);
    for (int64_t lag = 1; lag <= window; lag++) powers[size_t(lag)] = std::pow(decay, double(lag));
    const double squared = decay * decay;
    // Event by event of an item, so that the sums of one row of the products stay in the cache.
    std::vector<int64_t> offsets(size_t(width + 1), 0), order(size_t(events), 0);
    for (int64_t e = 0; e < events; e++) offsets[size_t(item[e]) + 1]++;
    for (int64_t i = 0; i < width; i++) offsets[size_t(i) + 1] += offsets[size_t(i)];
    std::vector<int64_t> place(offsets.begin(), offsets.end() - 1);
    for (int64_t e = 0; e < events; e++) order[size_t(place[size_t(item[e])]++)] = e;
    std::vector<float> of_previous(size_t(width), 0), of_next(size_t(width), 0), added(size_t(window), 0);
    for (int64_t i = 0; i < width; i++) {
        for (int64_t at = offsets[size_t(i)]; at < offsets[size_t(i) + 1]; at++) {
            const int64_t e = order[size_t(at)];
            if (liked[e] == 0) continue;
            const int64_t most = std::min(window, remaining[e]);
            check(most >= 0 && e + most < events, "arrays do not fit");
            double steps = 0;  // see _Steps.of_previous
            for (int64_t lag = most - 1; lag >= 0; lag--) {
                steps = squared * steps + step[e + lag + 1];
                added[size_t(lag)] = float(liked[e] * liked[e + lag] * steps * powers[size_t(lag)]);
            }
            for (int64_t lag = 0; lag < most; lag++)
                of_previous[size_t(item[e + lag])] += lag == 0 ? added[0] / 2 : added[size_t(lag)];
            for (int64_t lag = 1; lag <= most; lag++)
                of_next[size_t(item[e + lag])] +=
                    float(liked[e] * (liked[e + lag] * step[e + lag]) * powers[size_t(lag - 1)]);
        }
        float *before = before_.data() + i * width, *next = next_.data() + i * width;
        for (int64_t j = 0; j < width; j++) {
            before[j] += of_previous[size_t(j)], next[j] += of_next[size_t(j)];
            of_previous[size_t(j)] = of_next[size_t(j)] = 0;
        }
    }
}

// See tacit.models.slim.nonnegative: the weights of some items over their neighbours (-1: none).
Out2<float> nonnegative(In2<float> gram, In<int64_t> items_, In2<int64_t> alike, float l1, float l2, int64_t sweeps,
                        float still) {
    View<int64_t> items(items_);
    const int64_t width = int64_t(gram.shape(0)), n = int64_t(alike.shape(0)), m = int64_t(alike.shape(1));
    std::vector<float> found(size_t(n * m), 0);
    {
        nb::gil_scoped_release release;
        check(int64_t(gram.shape(1)) == width && items.size == n, "arrays do not fit");
        std::vector<float> among(size_t(m * m), 0), rest(size_t(m), 0);
        std::vector<int64_t> own;
        std::vector<char> known;
        for (int64_t row = 0; row < n; row++) {
            const int64_t *neighbours = alike.data() + row * m;
            own.clear();
            for (int64_t k = 0; k < m; k++) {
                check(neighbours[k] < width, "a neighbour is beyond the end");
                if (neighbours[k] >= 0) own.push_back(neighbours[k]);
            }
            check(0 <= items[row] && items[row] < width, "an item is beyond the end");
            const int64_t count = int64_t(own.size());
            known.assign(size_t(count), 0);
            float *weights = found.data() + row * m;
            for (int64_t k = 0; k < count; k++) rest[size_t(k)] = gram.data()[own[size_t(k)] * width + items[row]] - l1;
            for (int64_t sweep = 0; sweep < sweeps; sweep++) {
                float moved = 0;
                for (int64_t k = 0; k < count; k++) {
                    const float *products = gram.data() + own[size_t(k)] * width;
                    const float self = products[own[size_t(k)]];
                    const float best = (rest[size_t(k)] + self * weights[k]) / (self + l2);
                    const float step = std::max(best, 0.0f) - weights[k];
                    if (step == 0) continue;
                    float *of_k = among.data() + k * count;
                    if (!known[size_t(k)]) {
                        for (int64_t other = 0; other < count; other++) of_k[other] = products[own[size_t(other)]];
                        known[size_t(k)] = 1;
                    }
                    weights[k] += step;
                    for (int64_t other = 0; other < count; other++) rest[size_t(other)] -= of_k[other] * step;
                    moved = std::max(moved, std::fabs(step));
                }
                if (moved < still) break;
            }
        }
        // A neighbour that is none lies after those that are: its weight stays 0.
    }
    nb::capsule owner;
    float *data = owned(std::move(found), owner);
    return Out2<float>(data, {size_t(n), size_t(m)}, owner);
}

// The k largest of the similarities of one item with others: see tacit.models.itemknn._similarities.
class Nearest {
  public:
    Nearest(View<double> lengths, double shrinkage, int64_t k) : lengths(lengths), shrinkage(shrinkage), k(k) {}

    void begin() { all.clear(), bar = 0; }

    void meet(int64_t item, int32_t other, float product) {
        if (item == other || product == 0) return;  // an item is not its own neighbour
        const float similarity = float(double(product) / (lengths[item] * lengths[other] + shrinkage));
        // A larger value and a lower column are a larger number.
        const uint64_t order = uint64_t(ordered(similarity)) << 32 | uint32_t(~uint32_t(other));
        if (similarity == 0 || order < bar) return;
        all.emplace_back(order, similarity);
        if (int64_t(all.size()) > HELD * (k + 1)) shorten();
    }

    void end() {
        shorten();
        std::sort(all.begin(), all.end(),
                  [](const auto &a, const auto &b) { return uint32_t(a.first) > uint32_t(b.first); });
        for (const auto &[order, similarity] : all)
            columns.push_back(int32_t(~uint32_t(order))), values.push_back(similarity);
        offsets.push_back(int64_t(values.size()));
    }

    nb::tuple given_all() {
        return nb::make_tuple(given(std::move(values)), given(std::move(columns)), given(std::move(offsets)));
    }

  private:
    static constexpr int64_t HELD = 4;  // times k: what is certainly not among the k largest is left out sooner

    void shorten() {
        if (int64_t(all.size()) <= k) return;
        std::nth_element(all.begin(), all.begin() + k, all.end(), std::greater<>());
        bar = all[size_t(k)].first;
        all.resize(size_t(k));
    }

    View<double> lengths;
    double shrinkage;
    int64_t k;
    uint64_t bar = 0;  // of the largest that was left out
    std::vector<std::pair<uint64_t, float>> all;
    std::vector<float> values;
    std::vector<int32_t> columns;
    std::vector<int64_t> offsets{0};
};

// See tacit.models.itemknn._neighbours, where the products of items are there: those of some items by rows.
nb::tuple nearest_by_products(In<int64_t> rows_, In<int32_t> columns_, In<float> values_, In<int32_t> items_,
                              In<double> lengths_, double shrinkage, int64_t k) {
    View<int64_t> rows(rows_);
    View<int32_t> columns(columns_), items(items_);
    View<float> values(values_);
    View<double> lengths(lengths_);
    Nearest nearest(lengths, shrinkage, k);
    {
        nb::gil_scoped_release release;
        check(columns.size == values.size && rows.size == lengths.size + 1 && k >= 0, "arrays do not fit");
        check_offsets(rows, columns.size);
        check_columns(columns, lengths.size);
        check_columns(items, lengths.size);
        for (int64_t n = 0; n < items.size; n++) {
            nearest.begin();
            for (int64_t e = rows[items[n]]; e < rows[items[n] + 1]; e++) nearest.meet(items[n], columns[e], values[e]);
            nearest.end();
        }
    }
    return nearest.given_all();
}

constexpr int64_t AHEAD = 8;  // users whose rows are on their way to the cache

void fetch(const View<int64_t> &rows, const View<int32_t> &columns, const View<float> &values, int32_t user) {
#ifdef __GNUC__
    const int64_t start = rows[user];
    if (start == rows[user + 1]) return;
    __builtin_prefetch(&columns[start]);
    __builtin_prefetch(&values[start]);
#endif
}

// The same from users x items, by users and by items.
nb::tuple nearest_by_users(In<int64_t> rows_, In<int32_t> columns_, In<float> values_, In<int64_t> of_items_,
                           In<int32_t> users_, In<float> weights_, In<int32_t> items_, In<double> lengths_,
                           double shrinkage, int64_t k) {
    View<int64_t> rows(rows_), of_items(of_items_);
    View<int32_t> columns(columns_), users(users_), items(items_);
    View<float> values(values_), weights(weights_);
    View<double> lengths(lengths_);
    Nearest nearest(lengths, shrinkage, k);
    {
        nb::gil_scoped_release release;
        check(columns.size == values.size && users.size == weights.size && of_items.size == lengths.size + 1 && k >= 0,
              "arrays do not fit");
        check_offsets(rows, columns.size);
        check_offsets(of_items, users.size);
        check_columns(columns, lengths.size);
        check_columns(users, rows.size - 1);
        check_columns(items, lengths.size);
        std::vector<float> sums(size_t(lengths.size), 0);
        std::vector<int32_t> met;  // those whose sum is 0 perhaps more than once: the second time there is nothing
        for (int64_t n = 0; n < items.size; n++) {
            met.clear();
            const int64_t end = of_items[items[n] + 1];
            for (int64_t at = of_items[items[n]]; at < end; at++) {
                if (at + AHEAD < end) fetch(rows, columns, values, users[at + AHEAD]);
                const float weight = weights[at];
                for (int64_t e = rows[users[at]]; e < rows[users[at] + 1]; e++) {
                    float &sum = sums[size_t(columns[e])];
                    if (sum == 0) met.push_back(columns[e]);
                    sum += weight * values[e];
                }
            }
            nearest.begin();
            for (const int32_t other : met) {
                nearest.meet(items[n], other, sums[size_t(other)]);
                sums[size_t(other)] = 0;
            }
            nearest.end();
        }
    }
    return nearest.given_all();
}

// See tacit.models.slim._most_alike: the neighbours of some items by cosine, the nearest first, -1 for none.
Out2<int64_t> most_alike(In2<float> gram, In<int64_t> items_, In<float> lengths_, int64_t k) {
    View<int64_t> items(items_);
    View<float> lengths(lengths_);
    const int64_t width = int64_t(gram.shape(0));
    std::vector<int64_t> found(size_t(items.size * k), -1);
    {
        nb::gil_scoped_release release;
        check(int64_t(gram.shape(1)) == width && lengths.size == width && k >= 0, "arrays do not fit");
        std::vector<uint64_t> all;
        for (int64_t n = 0; n < items.size; n++) {
            check(0 <= items[n] && items[n] < width, "an item is beyond the end");
            const float *row = gram.data() + items[n] * width, own = lengths[items[n]];
            all.clear();
            for (int64_t other = 0; other < width; other++) {
                // The length of an item whose events have faded away is 0 in float32.
                const float both = lengths[other] * own;
                if (other == items[n] || row[other] == 0) continue;
                const float cosine = both > 0 ? row[other] / both : 0;
                all.push_back(uint64_t(ordered(cosine)) << 32 | uint32_t(~uint32_t(other)));
            }
            const int64_t count = std::min(k, int64_t(all.size()));
            if (count < int64_t(all.size()))
                std::nth_element(all.begin(), all.begin() + count, all.end(), std::greater<>());
            std::sort(all.begin(), all.begin() + count, std::greater<>());
            for (int64_t at = 0; at < count; at++) found[size_t(n * k + at)] = int64_t(~uint32_t(all[size_t(at)]));
        }
    }
    nb::capsule owner;
    int64_t *data = owned(std::move(found), owner);
    return Out2<int64_t>(data, {size_t(items.size), size_t(k)}, owner);
}

// See tacit.models.covisitation.CoVisitation._forward_pairs: the summed values of pairs of events of one user by the
// items of the earlier and the later one, row by row.
nb::tuple pairs_within(In<int32_t> user_, In<int32_t> item_, In<float> weight_, In<double> at_, In<double> value_,
                       In<bool> is_new_, int64_t window, double distance, double gap, int64_t width) {
    View<int32_t> user(user_), item(item_);
    View<float> weight(weight_);
    View<double> at(at_), value(value_);
    View<bool> is_new(is_new_);
    const int64_t events = user.size;
    std::vector<int64_t> offsets(size_t(width + 1), 0);
    std::vector<int32_t> columns;
    std::vector<double> values;
    {
        nb::gil_scoped_release release;
        check(item.size == events && weight.size == events && at.size == events && value.size == events &&
                  is_new.size == events && window >= 1,
              "arrays do not fit");
        check_columns(item, width);
        std::vector<double> powers(size_t(window + 1), 1);
        for (int64_t lag = 1; lag <= window; lag++) powers[size_t(lag)] = std::pow(distance, double(lag - 1));
        // Event by event of the earlier item, so that the sums of one row stay in the cache.
        std::vector<int64_t> first(size_t(width + 1), 0), order(size_t(events), 0);
        for (int64_t e = 0; e < events; e++) first[size_t(item[e]) + 1]++;
        for (int64_t i = 0; i < width; i++) first[size_t(i) + 1] += first[size_t(i)];
        std::vector<int64_t> place(first.begin(), first.end() - 1);
        for (int64_t e = 0; e < events; e++) order[size_t(place[size_t(item[e])]++)] = e;
        std::vector<double> sums(size_t(width), 0);
        std::vector<char> is_met(size_t(width), 0);
        std::vector<int32_t> met;
        for (int64_t i = 0; i < width; i++) {
            met.clear();
            for (int64_t n = first[size_t(i)]; n < first[size_t(i) + 1]; n++) {
                const int64_t early = order[size_t(n)], end = std::min(events, early + window + 1);
                for (int64_t late = early + 1; late < end && user[late] == user[early]; late++) {
                    const int32_t other = item[late];
                    if (!is_new[late] || other == i || !(at[late] - at[early] <= gap)) continue;
                    if (!is_met[size_t(other)]) is_met[size_t(other)] = 1, met.push_back(other);
                    sums[size_t(other)] += std::sqrt(double(weight[late] * weight[early])) *
                                           powers[size_t(late - early)] * value[late];
                }
            }
            std::sort(met.begin(), met.end());
            for (const int32_t other : met) {
                columns.push_back(other), values.push_back(sums[size_t(other)]);
                sums[size_t(other)] = 0, is_met[size_t(other)] = 0;
            }
            offsets[size_t(i) + 1] = int64_t(columns.size());
        }
    }
    return nb::make_tuple(given(std::move(values)), given(std::move(columns)), given(std::move(offsets)));
}

}  // namespace

void define_fits(nb::module_ &m) {
    m.def("products_of_columns", &products_of_columns);
    m.def("dense_among", &dense_among);
    m.def("largest_of_rows", &largest_of_rows);
    m.def("largest_by_size", &largest_by_size);
    m.def("add_steps", &add_steps);
    m.def("nonnegative", &nonnegative);
    m.def("nearest_by_products", &nearest_by_products);
    m.def("nearest_by_users", &nearest_by_users);
    m.def("most_alike", &most_alike);
    m.def("pairs_within", &pairs_within);
}

// Features of pairs of a history and a candidate, by family: float32[columns, pairs].
//
// Each function has a NumPy twin in tacit (tacit/features), which is its specification and the oracle of its tests.
// The pairs of query q are starts[q]:starts[q + 1]; the items of a query ascend.

#include "features.h"

#include <cmath>

#include "product.h"

namespace {

constexpr float UNKNOWN = std::numeric_limits<float>::quiet_NaN();

// Columns of pairs, handed out as one array.
struct Columns {
    std::vector<float> values;
    int64_t count, pairs;

    Columns(int64_t count, int64_t pairs, float fill = 0)
        : values(size_t(count * pairs), fill), count(count), pairs(pairs) {}
    float *operator[](int64_t column) { return values.data() + column * pairs; }
    Out2<float> array() {
        nb::capsule owner;
        float *first = owned(std::move(values), owner);
        return Out2<float>(first, {size_t(count), size_t(pairs)}, owner);
    }
};

struct Histories {
    View<int64_t> offsets;
    View<int32_t> item;
    View<float> weight;

    Histories(const In<int64_t> &offsets_, const In<int32_t> &item_, const In<float> &weight_)
        : offsets(offsets_), item(item_), weight(weight_) {
        check_offsets(offsets, std::min(item.size, weight.size));
    }
    int64_t size() const { return offsets.size - 1; }
    bool liked(int64_t event, int64_t n_items) const {
        return weight[event] > 0 && item[event] >= 0 && item[event] < n_items;
    }
};

struct Candidates {
    View<int64_t> starts;
    View<int32_t> items;

    Candidates(const In<int64_t> &starts_, const In<int32_t> &items_, int64_t n, int64_t n_items)
        : starts(starts_), items(items_) {
        check_offsets(starts, items.size);
        check(starts.size == n + 1 && starts[n] == items.size, "pairs of another number of queries");
        for (int64_t p = 0; p < items.size; p++)
            check(items[p] >= 0 && items[p] < n_items, "an item beyond the catalogue");
    }
};

// Sparse rows: see tacit.models.accumulate.Rows.
struct Matrix {
    View<int64_t> offsets;
    View<int32_t> columns;
    View<float> values;

    Matrix(const In<int64_t> &offsets_, const In<int32_t> &columns_, const In<float> &values_)
        : offsets(offsets_), columns(columns_), values(values_) {
        check(offsets.size >= 1 && offsets[offsets.size - 1] <= std::min(columns.size, values.size),
              "offsets do not fit");
    }
    int64_t rows() const { return offsets.size - 1; }
};

// The rank of each score of a list, the best first, of equal ones the lower place: by a radix sort of the scores
// as unsigned numbers. A score of minus infinity has no rank.
struct Ranks {
    std::vector<uint64_t> keys, others;
    std::vector<int32_t> ranks;

    void of(const float *scores, int64_t count, int64_t step) {
        ranks.assign(size_t(count), 0);
        keys.clear();
        uint32_t bins[4][256] = {};
        for (int64_t c = 0; c < count; c++) {
            const float score = scores[c * step];
            if (score == MINUS_INFINITY) continue;
            const uint32_t key = ~ordered(score);
            keys.push_back(uint64_t(key) << 32 | uint64_t(c));
            for (int digit = 0; digit < 4; digit++) bins[digit][key >> (8 * digit) & 255]++;
        }
        others.resize(keys.size());
        for (int digit = 0; digit < 4 && !keys.empty(); digit++) {
            const int shift = 32 + 8 * digit;
            uint32_t *bin = bins[digit];
            if (bin[keys[0] >> shift & 255] == keys.size()) continue;  // all have the same digit
            uint32_t start = 0;
            for (int value = 0; value < 256; value++) {
                const uint32_t own = bin[value];
                bin[value] = start;
                start += own;
            }
            for (const uint64_t key : keys) others[bin[key >> shift & 255]++] = key;
            keys.swap(others);
        }
        for (size_t place = 0; place < keys.size(); place++) ranks[uint32_t(keys[place])] = int32_t(place);
    }
};

// See tacit.features.retrieval_scores.retrieval.
Out2<float> retrieval(In3<float> scores_, In3<float> standard_, In<int64_t> starts_, In<int64_t> place_, float silent,
                      float half) {
    const int64_t n = int64_t(scores_.shape(0)), c = int64_t(scores_.shape(1)), r = int64_t(scores_.shape(2));
    View<float> scores(scores_.data(), n * c * r), standard(standard_.data(), int64_t(standard_.size()));
    View<int64_t> starts(starts_), place(place_);
    Columns found(3 * r, place.size);
    {
        nb::gil_scoped_release release;
        check_offsets(starts, place.size);
        check(standard.size == scores.size && starts.size == n + 1 && starts[n] == place.size, "arrays do not fit");
        for (int64_t p = 0; p < place.size; p++) check(place[p] >= 0 && place[p] < c, "a place beyond the candidates");
        Ranks ranks;
        for (int64_t q = 0; q < n; q++) {
            if (starts[q] == starts[q + 1]) continue;
            for (int64_t part = 0; part < r; part++) {
                const int64_t first = q * c * r + part;
                ranks.of(scores.data + first, c, r);
                float *score = found[3 * part], *nearness = found[3 * part + 1], *there = found[3 * part + 2];
                for (int64_t p = starts[q]; p < starts[q + 1]; p++) {
                    const bool scored = std::isfinite(scores[first + place[p] * r]);
                    score[p] = scored ? standard[first + place[p] * r] : silent;
                    nearness[p] = scored ? half / (half + float(ranks.ranks[size_t(place[p])])) : 0;
                    there[p] = scored;
                }
            }
        }
    }
    return found.array();
}

// See tacit.features.neighbours.neighbours, for one matrix. powers[p] is decay ** p.
Out2<float> neighbours(In<int64_t> starts_, In<int32_t> items_, In<int64_t> offsets_, In<int32_t> item_,
                       In<float> weight_, In<int16_t> kind_, In<int64_t> m_offsets_, In<int32_t> m_columns_,
                       In<float> m_values_, int64_t width, In<double> powers_, bool ordered_log, int64_t n_kinds,
                       int64_t last) {
    enum { SUM, MOST, MEAN, LINKED, LAST, LAST_THREE, KINDS };
    const Matrix matrix(m_offsets_, m_columns_, m_values_);
    View<int16_t> kind(kind_);
    View<double> powers(powers_);
    Columns found(KINDS + n_kinds, int64_t(items_.shape(0)));
    {
        nb::gil_scoped_release release;
        const Histories histories(offsets_, item_, weight_);
        const int64_t n = histories.size(), columns = std::max(matrix.rows(), width);
        int64_t highest = 0;
        for (size_t p = 0; p < items_.shape(0); p++) highest = std::max<int64_t>(highest, items_.data()[p]);
        const Candidates pairs(starts_, items_, n, std::max(columns, highest + 1));
        check(kind.size == histories.item.size && (!ordered_log || powers.size >= last), "arrays do not fit");
        std::vector<int32_t> &places = workspace<int32_t, 10>(std::max(columns, highest + 1));  // 1 + place, 0: none
        Guard<int32_t> guard{places};
        std::vector<int64_t> events;
        std::vector<double> sums;  // of each factor: sum, mean, last, last three, then the kinds
        std::vector<float> most;
        std::vector<int32_t> linked;
        for (int64_t q = 0; q < n; q++) {
            const int64_t start = pairs.starts[q], count = pairs.starts[q + 1] - start;
            events.clear();  // the last one first
            for (int64_t e = histories.offsets[q + 1] - 1; e >= histories.offsets[q] && int64_t(events.size()) < last; e--)
                if (histories.liked(e, matrix.rows())) events.push_back(e);
            if (!count || events.empty()) continue;
            const int64_t factors = 4 + n_kinds;
            sums.assign(size_t(factors * count), 0);
            most.assign(size_t(count), 0);
            linked.assign(size_t(count), 0);
            for (int64_t p = 0; p < count; p++) places[size_t(pairs.items[start + p])] = int32_t(p + 1);
            for (int64_t at = int64_t(events.size()) - 1; at >= 0; at--) {
                const int64_t event = events[size_t(at)], row = histories.item[event];
                const double left = ordered_log ? powers[at] : 1;
                const int64_t own = kind[event] >= 0 && kind[event] < n_kinds ? 4 + kind[event] : -1;
                for (int64_t e = matrix.offsets[row]; e < matrix.offsets[row + 1]; e++) {
                    check(matrix.columns[e] >= 0 && matrix.columns[e] < columns, "a column beyond the matrix");
                    const int32_t place = places[size_t(matrix.columns[e])] - 1;
                    if (place < 0) continue;
                    const double link = matrix.values[e];
                    double *to = sums.data() + place * factors;
                    to[0] += left * link;
                    to[1] += link;
                    if (at == 0) to[2] += link;
                    if (at < 3) to[3] += link;
                    if (own >= 0) to[own] += left * link;
                    most[size_t(place)] = std::max(most[size_t(place)], matrix.values[e]);
                    linked[size_t(place)]++;
                }
            }
            const double length = double(events.size());
            for (int64_t p = 0; p < count; p++) {
                const double *own = sums.data() + p * factors;
                places[size_t(pairs.items[start + p])] = 0;
                found[SUM][start + p] = float(own[0]);
                found[MOST][start + p] = most[size_t(p)];
                found[MEAN][start + p] = float(own[1] / length);
                found[LINKED][start + p] = float(linked[size_t(p)] / length);
                found[LAST][start + p] = float(own[2]);
                found[LAST_THREE][start + p] = float(own[3]);
                for (int64_t k = 0; k < n_kinds; k++) found[KINDS + k][start + p] = float(own[4 + k]);
            }
        }
        guard.whole = true;
    }
    return found.array();
}

// See tacit.features.vectors.text. powers[p] is the decay of a profile to the power of p.
Out2<float> similarity(In<int64_t> starts_, In<int32_t> items_, In<int64_t> offsets_, In<int32_t> item_,
                       In<float> weight_, In2<float> vectors_, In<double> powers_, int64_t recent) {
    const int64_t n_items = int64_t(vectors_.shape(0)), width = int64_t(vectors_.shape(1));
    const float *vectors = vectors_.data();
    View<double> powers(powers_);
    Columns found(3, int64_t(items_.shape(0)));
    {
        nb::gil_scoped_release release;
        const Histories histories(offsets_, item_, weight_);
        const int64_t n = histories.size();
        const Candidates pairs(starts_, items_, n, n_items);
        const std::vector<float> nothing(size_t(width), 0);
        std::vector<float> user(size_t(width), 0);
        std::vector<const float *> sides;
        for (int64_t q = 0; q < n; q++) {
            if (pairs.starts[q] == pairs.starts[q + 1]) continue;
            const int64_t stop = histories.offsets[q + 1];
            std::fill(user.begin(), user.end(), 0.0f);
            sides.assign(size_t(recent), nothing.data());
            for (int64_t e = histories.offsets[q]; e < stop; e++) {
                if (histories.item[e] < 0 || histories.item[e] >= n_items) continue;
                const float *own = vectors + int64_t(histories.item[e]) * width;
                if (stop - 1 - e < recent) sides[size_t(stop - 1 - e)] = own;
                check(stop - 1 - e < powers.size, "arrays do not fit");
                const float factor = float(double(std::max(histories.weight[e], 0.0f)) * powers[stop - 1 - e]);
                if (factor > 0) add_scaled(user.data(), own, factor, width);
            }
            const float length = std::sqrt(product(user.data(), user.data(), width));
            for (float &value : user) value = length > 1e-9f ? value / length : 0;
            for (int64_t p = pairs.starts[q]; p < pairs.starts[q + 1]; p++) {
                const float *own = vectors + int64_t(pairs.items[p]) * width;
                found[0][p] = product(user.data(), own, width);
                float nearest = -1;
                for (const float *side : sides) nearest = std::max(nearest, product(side, own, width));
                found[1][p] = nearest;
                found[2][p] = product(sides[0], own, width);
            }
        }
    }
    return found.array();
}

// The logarithm of a time in parts of the span; unknown where a moment is.
inline float since(double now, double moment, double span) {
    if (std::isnan(moment) || std::isnan(now)) return UNKNOWN;
    return float(std::log1p(100 * std::max(now - moment, 0.0) / span));
}

// See tacit.features.popularity.popularity.
Out2<float> popularity(In<int64_t> starts_, In<int32_t> items_, In<double> now_, In2<float> popularity_,
                       In<double> born_, In<double> last_, double span) {
    const int64_t n_items = int64_t(popularity_.shape(0)), halves = int64_t(popularity_.shape(1));
    View<float> counts(popularity_.data(), n_items * halves);
    View<double> now(now_), born(born_), last(last_);
    Columns found(halves + 5, int64_t(items_.shape(0)));
    {
        nb::gil_scoped_release release;
        const int64_t n = now.size;
        const Candidates pairs(starts_, items_, n, n_items);
        check(halves >= 3 && born.size == n_items && last.size == n_items, "arrays do not fit");
        for (int64_t q = 0; q < n; q++)
            for (int64_t p = pairs.starts[q]; p < pairs.starts[q + 1]; p++) {
                const int64_t item = pairs.items[p];
                const float *own = &counts[item * halves];
                for (int64_t h = 0; h < halves; h++) found[h][p] = own[h];
                found[halves][p] = own[0] - own[1];
                found[halves + 1][p] = own[1] - own[2];
                found[halves + 2][p] = own[halves - 1] == 0;
                found[halves + 3][p] = since(now[q], born[item], span);
                found[halves + 4][p] = since(now[q], last[item], span);
            }
    }
    return found.array();
}

// See tacit.features.popularity.history.
Out2<float> history(In<int64_t> starts_, In<int64_t> offsets_, In<double> at_, In<double> now_, double span) {
    View<int64_t> starts(starts_), offsets(offsets_);
    View<double> at(at_), now(now_);
    const int64_t n = offsets.size - 1;
    check(starts.size == n + 1 && now.size == n, "arrays do not fit");
    check_offsets(offsets, at.size);
    check_offsets(starts, std::numeric_limits<int64_t>::max());
    Columns found(2, starts[n]);
    for (int64_t q = 0; q < n; q++) {
        const int64_t length = offsets[q + 1] - offsets[q];
        const float idle = length ? since(now[q], at[offsets[q + 1] - 1], span) : UNKNOWN;
        std::fill(found[0] + starts[q], found[0] + starts[q + 1], float(std::log1p(double(length))));
        std::fill(found[1] + starts[q], found[1] + starts[q + 1], idle);
    }
    return found.array();
}

// See tacit.features.attribute_crosses: the shares of the whole history and of its last events, by column.
Out2<float> labels(In<int64_t> starts_, In<int32_t> items_, In<int64_t> offsets_, In<int32_t> item_, In<float> weight_,
                   In<int64_t> m_offsets_, In<int32_t> m_columns_, In<float> m_values_, In<int64_t> column_,
                   int64_t n_columns, int64_t lately) {
    const Matrix matrix(m_offsets_, m_columns_, m_values_);
    View<int64_t> column(column_);
    Columns found(2 * n_columns, int64_t(items_.shape(0)));
    {
        nb::gil_scoped_release release;
        const Histories histories(offsets_, item_, weight_);
        const int64_t n = histories.size(), rows = matrix.rows(), width = column.size;
        const Candidates pairs(starts_, items_, n, rows);
        for (int64_t at = 0; at < width; at++) check(column[at] >= 0 && column[at] < n_columns, "arrays do not fit");
        std::vector<double> profile(size_t(2 * width), 0), shared(size_t(2 * n_columns), 0);
        for (int64_t q = 0; q < n; q++) {
            if (pairs.starts[q] == pairs.starts[q + 1]) continue;
            std::fill(profile.begin(), profile.end(), 0.0);
            double total[2] = {0, 0};
            const int64_t stop = histories.offsets[q + 1];
            for (int64_t e = histories.offsets[q]; e < stop; e++) {
                if (!histories.liked(e, rows)) continue;
                const bool late = stop - 1 - e < lately;
                const float weight = histories.weight[e];
                total[0] += weight;
                if (late) total[1] += weight;
                for (int64_t m = matrix.offsets[histories.item[e]]; m < matrix.offsets[histories.item[e] + 1]; m++) {
                    check(matrix.columns[m] >= 0 && matrix.columns[m] < width, "a column beyond the matrix");
                    const double part = weight * matrix.values[m];
                    profile[size_t(2 * matrix.columns[m])] += part;
                    if (late) profile[size_t(2 * matrix.columns[m] + 1)] += part;
                }
            }
            for (size_t at = 0; at < profile.size(); at++) profile[at] /= std::max(total[at & 1], 1e-9);
            for (int64_t p = pairs.starts[q]; p < pairs.starts[q + 1]; p++) {
                std::fill(shared.begin(), shared.end(), 0.0);
                for (int64_t m = matrix.offsets[pairs.items[p]]; m < matrix.offsets[pairs.items[p] + 1]; m++) {
                    const int32_t label = matrix.columns[m];
                    check(label >= 0 && label < width, "a column beyond the matrix");
                    for (int64_t part = 0; part < 2; part++)
                        shared[size_t(2 * column[label] + part)] += matrix.values[m] * profile[size_t(2 * label + part)];
                }
                for (int64_t at = 0; at < 2 * n_columns; at++) found[at][p] = float(shared[size_t(at)]);
            }
        }
    }
    return found.array();
}

// See tacit.features.attribute_crosses: the price, and its difference from the usual one of a history.
Out2<float> prices(In<int64_t> starts_, In<int32_t> items_, In<int64_t> offsets_, In<int32_t> item_, In<float> weight_,
                   In<float> log_price_) {
    View<float> log_price(log_price_);
    Columns found(3, int64_t(items_.shape(0)));
    {
        nb::gil_scoped_release release;
        const Histories histories(offsets_, item_, weight_);
        const int64_t n = histories.size();
        const Candidates pairs(starts_, items_, n, log_price.size);
        for (int64_t q = 0; q < n; q++) {
            double total = 0;
            int64_t count = 0;
            for (int64_t e = histories.offsets[q]; e < histories.offsets[q + 1]; e++) {
                if (!histories.liked(e, log_price.size) || std::isnan(log_price[histories.item[e]])) continue;
                total += log_price[histories.item[e]];
                count++;
            }
            const double usual = count ? total / double(count) : double(UNKNOWN);
            for (int64_t p = pairs.starts[q]; p < pairs.starts[q + 1]; p++) {
                const float price = log_price[pairs.items[p]], above = float(double(price) - usual);
                found[0][p] = price;
                found[1][p] = above;
                found[2][p] = std::fabs(above);
            }
        }
    }
    return found.array();
}

// The logarithm of how much more often than expected; see tacit.features.people.
inline float log_lift(float count, float expected, float prior) { return std::log((count + prior) / (expected + prior)); }

// The mean and the largest of the lifts that are known.
void summarise(const float *lifts, int64_t count, float &mean, float &most) {
    float total = 0, largest = MINUS_INFINITY;
    int64_t known = 0;
    for (int64_t t = 0; t < count; t++)
        if (!std::isnan(lifts[t])) {
            total += lifts[t];
            largest = std::max(largest, lifts[t]);
            known++;
        }
    mean = known ? total / float(known) : UNKNOWN;
    most = known ? largest : UNKNOWN;
}

// See tacit.features.crosses.people. rows are the known traits of each query, -1 for an unknown one.
Out2<float> people(In<int64_t> starts_, In<int32_t> items_, In2<int64_t> rows_, In<int64_t> m_offsets_,
                   In<int32_t> m_columns_, In<float> m_values_, In<float> total_, In<float> everybody_, float all,
                   float prior, In<int64_t> l_offsets_, In<int32_t> l_columns_, In<float> l_values_,
                   In2<float> by_label_) {
    const Matrix chosen(m_offsets_, m_columns_, m_values_), weights(l_offsets_, l_columns_, l_values_);
    const int64_t n = int64_t(rows_.shape(0)), traits = int64_t(rows_.shape(1));
    const int64_t n_labels = int64_t(by_label_.shape(1));
    View<int64_t> rows(rows_.data(), n * traits);
    View<float> total(total_), everybody(everybody_), by_label(by_label_.data(), int64_t(by_label_.shape(0)) * n_labels);
    const int64_t columns = traits + 2;
    Columns found(columns * (n_labels ? 2 : 1), int64_t(items_.shape(0)));
    {
        nb::gil_scoped_release release;
        const Candidates pairs(starts_, items_, n, everybody.size);
        const int64_t known = chosen.rows();
        check(total.size == known && by_label.size == known * n_labels && weights.rows() == everybody.size,
              "arrays do not fit");
        for (int64_t at = 0; at < rows.size; at++) check(rows[at] >= -1 && rows[at] < known, "a trait beyond the known ones");
        std::vector<float> lifts(size_t(traits), 0);
        for (int64_t q = 0; q < n; q++) {
            for (int64_t p = pairs.starts[q]; p < pairs.starts[q + 1]; p++) {
                const int32_t item = pairs.items[p];
                const float of_all = everybody[item] / all;
                for (int64_t t = 0; t < traits; t++) {
                    const int64_t row = rows[q * traits + t];
                    lifts[size_t(t)] = UNKNOWN;
                    if (row >= 0) {
                        const int32_t *stop = chosen.columns.data + chosen.offsets[row + 1];
                        const int32_t *place = std::lower_bound(chosen.columns.data + chosen.offsets[row], stop, item);
                        const bool there = place != stop && *place == item;
                        const float count = there ? chosen.values[place - chosen.columns.data] : 0;
                        lifts[size_t(t)] = log_lift(count, total[row] * of_all, prior);
                    }
                    found[t][p] = lifts[size_t(t)];
                }
                summarise(lifts.data(), traits, found[traits][p], found[traits + 1][p]);
                if (!n_labels) continue;
                const int64_t start = weights.offsets[item], stop = weights.offsets[item + 1];
                for (int64_t t = 0; t < traits; t++) {
                    const int64_t row = rows[q * traits + t];
                    double sum = 0;
                    for (int64_t m = start; row >= 0 && m < stop; m++) {
                        check(weights.columns[m] >= 0 && weights.columns[m] < n_labels, "a label beyond the known ones");
                        sum += weights.values[m] * by_label[row * n_labels + weights.columns[m]];
                    }
                    lifts[size_t(t)] = row >= 0 && start < stop ? float(sum) : UNKNOWN;
                    found[columns + t][p] = lifts[size_t(t)];
                }
                summarise(lifts.data(), traits, found[columns + traits][p], found[columns + traits + 1][p]);
            }
        }
    }
    return found.array();
}

// See tacit.features.normaliser.Normaliser.transform, without quantiles: float32[pairs, features + gaps].
Out2<float> normalised_features(In2<float> features_, In<float> mean_, In<float> factor_, In<int64_t> gaps_,
                                In<int64_t> buckets_, float limit) {
    const int64_t columns = int64_t(features_.shape(0)), pairs = int64_t(features_.shape(1));
    View<float> features(features_.data(), columns * pairs), mean(mean_), factor(factor_);
    View<int64_t> gaps(gaps_), buckets(buckets_);
    const int64_t width = columns + gaps.size;
    std::vector<float> found(size_t(pairs * width));
    {
        nb::gil_scoped_release release;
        check(mean.size == columns && factor.size == columns, "arrays do not fit");
        for (int64_t at = 0; at < gaps.size; at++) check(gaps[at] >= 0 && gaps[at] < columns, "a gap beyond the columns");
        for (int64_t at = 0; at < buckets.size; at++)
            check(buckets[at] >= 0 && buckets[at] < columns, "a bucket beyond the columns");
        constexpr int64_t BLOCK = 64;  // rows of the result that stay in the cache
        for (int64_t first = 0; first < pairs; first += BLOCK) {
            const int64_t stop = std::min(first + BLOCK, pairs);
            for (int64_t column = 0; column < columns; column++) {
                const float *own = features.data + column * pairs;
                for (int64_t p = first; p < stop; p++) {
                    const float value = (own[p] - mean[column]) * factor[column];
                    found[size_t(p * width + column)] = std::isnan(value) ? 0 : std::min(std::max(value, -limit), limit);
                }
            }
            for (int64_t at = 0; at < buckets.size; at++)
                for (int64_t p = first; p < stop; p++)
                    found[size_t(p * width + buckets[at])] = features[buckets[at] * pairs + p];
            for (int64_t at = 0; at < gaps.size; at++)
                for (int64_t p = first; p < stop; p++)
                    found[size_t(p * width + columns + at)] = !std::isfinite(features[gaps[at] * pairs + p]);
        }
    }
    nb::capsule owner;
    float *first = owned(std::move(found), owner);
    return Out2<float>(first, {size_t(pairs), size_t(width)}, owner);
}

}  // namespace

void define_features(nb::module_ &m) {
    m.def("retrieval_features", &retrieval);
    m.def("neighbour_features", &neighbours);
    m.def("similarity_features", &similarity);
    m.def("popularity_features", &popularity);
    m.def("history_features", &history);
    m.def("label_features", &labels);
    m.def("price_features", &prices);
    m.def("people_features", &people);
    m.def("normalised_features", &normalised_features);
}

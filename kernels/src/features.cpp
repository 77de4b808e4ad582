#include "features.h"

#include <cmath>
#include <utility>

#include "processors.h"
#include "product.h"

namespace {

constexpr float UNKNOWN = std::numeric_limits<float>::quiet_NaN();
constexpr float LARGEST = std::numeric_limits<float>::max();

// Sparse rows: see tacit.models.accumulate.Rows.
struct Matrix {
    const In<int64_t> offsets_;
    const In<int32_t> columns_;
    const In<float> values_;
    View<int64_t> offsets;
    View<int32_t> columns;
    View<float> values;

    struct Row {
        int64_t start, stop;
    };

    Matrix(In<int64_t> offsets, In<int32_t> columns, In<float> values)
        : offsets_(offsets), columns_(columns), values_(values), offsets(offsets_), columns(columns_), values(values_) {
        check(this->offsets.size >= 1, "offsets do not fit");
    }
    int64_t rows() const { return offsets.size - 1; }
    Row row(int64_t place) const {
        const Row found{offsets[place], offsets[place + 1]};
        check(found.start >= 0 && found.start <= found.stop && found.stop <= std::min(columns.size, values.size),
              "offsets do not fit");
        return found;
    }
};

// The rank of each score of a list, the best first, of equal ones the first.
class Ranks {
  public:
    // Takes scores, none of which is minus infinity. A radix sort by the first 16 bits in which they differ puts
    // nearly all in order.
    void take(const float *scores, int64_t count) {
        numbers.resize(size_t(count));
        others.resize(size_t(count));
        ranks.resize(size_t(count));
        uint32_t least = std::numeric_limits<uint32_t>::max(), most = 0;
        for (int64_t at = 0; at < count; at++) {
            const uint32_t key = ~ordered(scores[at]);  // the best has the least
            numbers[size_t(at)] = uint64_t(key) << 32 | uint64_t(at);
            least = std::min(least, key);
            most = std::max(most, key);
        }
        int shift = 32;
        while (count && (most - least) >> (shift - 32) >= 1 << 16) shift++;
        const uint64_t first = uint64_t(least) << 32;
        uint32_t low[256] = {}, high[256] = {};
        for (const uint64_t number : numbers) {
            const uint64_t part = (number - first) >> shift;
            low[part & 255]++;
            high[part >> 8]++;
        }
        uint32_t lower = 0, higher = 0;
        for (int value = 0; value < 256; value++) {
            lower += std::exchange(low[value], lower);
            higher += std::exchange(high[value], higher);
        }
        for (const uint64_t number : numbers) others[low[(number - first) >> shift & 255]++] = number;
        for (const uint64_t number : others) numbers[high[(number - first) >> shift >> 8]++] = number;
        order(first, shift);
        for (int64_t at = 0; at < count; at++) ranks[uint32_t(numbers[size_t(at)])] = int32_t(at);
    }

    int32_t operator[](int64_t place) const { return ranks[size_t(place)]; }

  private:
    std::vector<uint64_t> numbers, others;  // of each score: how bad it is, then its place
    std::vector<int32_t> ranks;

    // Orders numbers that are in the order of their parts.
    void order(uint64_t first, int shift) {
        for (size_t at = 1; at < numbers.size(); at++) {
            if (numbers[at - 1] < numbers[at]) continue;
            size_t start = at - 1, stop = at + 1;  // the whole part
            const uint64_t part = (numbers[at] - first) >> shift;
            while (start && (numbers[start - 1] - first) >> shift == part) start--;
            while (stop < numbers.size() && (numbers[stop] - first) >> shift == part) stop++;
            std::sort(numbers.begin() + int64_t(start), numbers.begin() + int64_t(stop));
            at = stop - 1;
        }
    }
};

// See tacit.features.retrieval_scores.retrieval.
class Retrieval : public Family {
  public:
    Retrieval(float silent, float half) : silent(silent), half(half) {}
    int64_t columns(int64_t retrievers) const override { return 3 * retrievers; }
    void compute(const Query &query, Block found) const override {
        thread_local Ranks ranks;
        thread_local std::vector<float> listed;
        thread_local std::vector<int32_t> places;
        const Lists &lists = *query.lists;
        listed.resize(size_t(lists.candidates));
        places.resize(size_t(lists.candidates));
        for (int64_t part = 0; part < lists.retrievers; part++) {
            const float *scores = lists.scores.data() + part * lists.step;
            const float *standard = lists.standard.data() + part * lists.step;
            int64_t count = 0;
            for (int64_t at = 0; at < lists.candidates; at++) {
                places[size_t(at)] = int32_t(count);
                listed[size_t(count)] = scores[at];
                count += scores[at] != MINUS_INFINITY;
            }
            ranks.take(listed.data(), count);
            float *score = found[3 * part], *nearness = found[3 * part + 1], *there = found[3 * part + 2];
            for (int64_t p = 0; p < query.pairs; p++) {
                const bool scored = std::fabs(scores[query.places[p]]) <= LARGEST;
                score[p] = scored ? standard[query.places[p]] : silent;
                nearness[p] = scored ? half / (half + float(ranks[places[size_t(query.places[p])]])) : 0;
                there[p] = scored;
            }
        }
    }

  private:
    float silent, half;
};

// See tacit.features.neighbours.neighbours, for one matrix. powers[p] is decay ** p.
class Neighbours : public Family {
  public:
    Neighbours(Matrix matrix, int64_t width, In<double> powers, int64_t n_kinds, int64_t last)
        : matrix(matrix), width(std::max(matrix.rows(), width)), powers_(powers), powers(powers_), n_kinds(n_kinds),
          last(last) {
        check(n_kinds >= 0 && last >= 0 && this->powers.size >= last, "arrays do not fit");
    }
    int64_t columns(int64_t) const override { return KINDS + n_kinds; }
    void compute(const Query &query, Block found) const override {
        for (int64_t column = 0; column < columns(0); column++)
            std::fill(found[column], found[column] + query.pairs, 0.0f);
        thread_local std::vector<int64_t> events;  // the last one first
        events.clear();
        for (int64_t e = query.events - 1; e >= 0 && int64_t(events.size()) < last; e--)
            if (query.liked(e, matrix.rows())) events.push_back(e);
        if (!query.pairs || events.empty()) return;
        const int64_t highest = *std::max_element(query.items, query.items + query.pairs);
        std::vector<int32_t> &places = workspace<int32_t, 10>(std::max(width, highest + 1));  // 1 + place, 0: none
        Guard<int32_t> guard{places};
        const int64_t factors = 4 + n_kinds;  // sum, mean, last, last three, then the kinds
        thread_local std::vector<double> sums;
        thread_local std::vector<float> most;
        thread_local std::vector<int32_t> linked;
        sums.assign(size_t(factors * query.pairs), 0);
        most.assign(size_t(query.pairs), 0);
        linked.assign(size_t(query.pairs), 0);
        for (int64_t p = 0; p < query.pairs; p++) places[size_t(query.items[p])] = int32_t(p + 1);
        for (int64_t at = int64_t(events.size()) - 1; at >= 0; at--) {
            const int64_t event = events[size_t(at)], kind = query.kind[event];
            const double left = query.ordered ? powers[at] : 1;
            const int64_t own = kind >= 0 && kind < n_kinds ? 4 + kind : -1;
            const std::vector<Hit> &met = hits(matrix.row(query.item[event]), places.data());
            for (int64_t h = 0; met[size_t(h)].place; h++) {
                const int64_t place = met[size_t(h)].place - 1;
                const double link = met[size_t(h)].value;
                double *to = sums.data() + place * factors;
                to[0] += left * link;
                to[1] += link;
                if (at == 0) to[2] += link;
                if (at < 3) to[3] += link;
                if (own >= 0) to[own] += left * link;
                most[size_t(place)] = std::max(most[size_t(place)], met[size_t(h)].value);
                linked[size_t(place)]++;
            }
        }
        const double length = double(events.size());
        for (int64_t p = 0; p < query.pairs; p++) {
            const double *own = sums.data() + p * factors;
            places[size_t(query.items[p])] = 0;
            found[SUM][p] = float(own[0]);
            found[MOST][p] = most[size_t(p)];
            found[MEAN][p] = float(own[1] / length);
            found[LINKED][p] = float(linked[size_t(p)] / length);
            found[LAST][p] = float(own[2]);
            found[LAST_THREE][p] = float(own[3]);
            for (int64_t k = 0; k < n_kinds; k++) found[KINDS + k][p] = float(own[4 + k]);
        }
        guard.whole = true;
    }

  private:
    enum { SUM, MOST, MEAN, LINKED, LAST, LAST_THREE, KINDS };
    struct Hit {
        int32_t place;  // 1 + place among the pairs
        float value;
    };
    Matrix matrix;
    int64_t width;
    const In<double> powers_;
    View<double> powers;
    int64_t n_kinds, last;

    // The entries of a row that are pairs, and one of place 0 as the end. No branch depends on an entry: which of them
    // are pairs cannot be predicted.
    const std::vector<Hit> &hits(Matrix::Row row, const int32_t *places) const {
        thread_local std::vector<Hit> found;
        const size_t length = size_t(row.stop - row.start);
        if (found.size() < length + 1) found.resize(length + 1);
        const int32_t *columns = matrix.columns.data + row.start;
        const float *values = matrix.values.data + row.start;
        Hit *to = found.data();
        const uint32_t last_column = uint32_t(width);
        bool beyond = false;
        for (size_t e = 0; e < length; e++) {
            const uint32_t column = uint32_t(columns[e]);
            beyond |= column >= last_column;
            *to = {places[column < last_column ? column : 0], values[e]};
            to += to->place != 0;
        }
        check(!beyond, "a column beyond the matrix");
        *to = {0, 0};
        return found;
    }
};

// See tacit.features.vectors.text. Each earlier event counts decay times as much in the profile.
class Similarity : public Family {
  public:
    Similarity(In2<float> vectors, double decay, int64_t recent) : vectors(vectors), decay(decay), recent(recent) {
        check(recent >= 1 && recent < SIDES, "arrays do not fit");
    }
    int64_t columns(int64_t) const override { return 3; }
    int64_t items() const override { return int64_t(vectors.shape(0)); }
    void compute(const Query &query, Block found) const override {
        const int64_t width = int64_t(vectors.shape(1));
        thread_local std::vector<float> user, sides, products;
        user.assign(size_t(width), 0);
        sides.assign(size_t(width * SIDES), 0);  // the mean, then the last events; those that are not there are 0
        double power = 1;
        for (int64_t left = 0; left < query.events; left++, power *= decay) {
            const int64_t e = query.events - 1 - left;
            if (query.item[e] < 0 || query.item[e] >= items()) continue;
            const float *own = vectors.data() + int64_t(query.item[e]) * width;
            for (int64_t at = 0; left < recent && at < width; at++) sides[size_t(at * SIDES + 1 + left)] = own[at];
            const float factor = float(double(std::max(query.weight[e], 0.0f)) * power);
            if (factor > 0) add_scaled(user.data(), own, factor, width);
        }
        const float length = std::sqrt(product(user.data(), user.data(), width));
        for (int64_t at = 0; at < width; at++)
            sides[size_t(at * SIDES)] = length > 1e-9f ? user[size_t(at)] / length : 0;
        products.resize(size_t(query.pairs * SIDES));
        eight_products(vectors.data(), query.items, query.pairs, sides.data(), width, products.data());
        for (int64_t p = 0; p < query.pairs; p++) {
            const float *own = products.data() + p * SIDES;
            float nearest = -1;
            for (int64_t side = 1; side <= recent; side++) nearest = std::max(nearest, own[side]);
            found[0][p] = own[0];
            found[1][p] = nearest;
            found[2][p] = own[1];
        }
    }

  private:
    static constexpr int64_t SIDES = 8;
    In2<float> vectors;
    double decay;
    int64_t recent;
};

// The logarithm of a time in parts of the span; unknown where a moment is.
inline float since(double now, double moment, double span) {
    if (std::isnan(moment) || std::isnan(now)) return UNKNOWN;
    return float(std::log(1 + 100 * std::max(now - moment, 0.0) / span));
}

// See tacit.features.popularity.popularity.
class Popularity : public Family {
  public:
    Popularity(In2<float> counts, In<double> born, In<double> last, double span)
        : counts(counts), born(born), last(last), span(span) {
        check(counts.shape(1) >= 3 && born.shape(0) == counts.shape(0) && last.shape(0) == counts.shape(0),
              "arrays do not fit");
    }
    int64_t columns(int64_t) const override { return int64_t(counts.shape(1)) + 5; }
    int64_t items() const override { return int64_t(counts.shape(0)); }
    void compute(const Query &query, Block found) const override {
        const int64_t halves = int64_t(counts.shape(1));
        for (int64_t p = 0; p < query.pairs; p++) {
            const int64_t item = query.items[p];
            const float *own = counts.data() + item * halves;
            for (int64_t h = 0; h < halves; h++) found[h][p] = own[h];
            found[halves][p] = own[0] - own[1];
            found[halves + 1][p] = own[1] - own[2];
            found[halves + 2][p] = own[halves - 1] == 0;
            found[halves + 3][p] = since(query.now, born.data()[item], span);
            found[halves + 4][p] = since(query.now, last.data()[item], span);
        }
    }

  private:
    In2<float> counts;
    In<double> born, last;
    double span;
};

// See tacit.features.popularity.liking. Of a log with one kind of event, its rate says nothing.
class Liking : public Family {
  public:
    Liking(In<float> liked, In2<float> kinds) : liked(liked), kinds(kinds) {
        check(kinds.shape(0) == liked.shape(0), "arrays do not fit");
    }
    int64_t columns(int64_t) const override { return 1 + shown(); }
    int64_t items() const override { return int64_t(liked.shape(0)); }
    void compute(const Query &query, Block found) const override {
        const int64_t width = int64_t(kinds.shape(1));
        for (int64_t p = 0; p < query.pairs; p++) found[0][p] = liked.data()[query.items[p]];
        for (int64_t p = 0; p < query.pairs; p++)
            for (int64_t k = 0; k < shown(); k++) found[1 + k][p] = kinds.data()[query.items[p] * width + k];
    }

  private:
    In<float> liked;
    In2<float> kinds;

    int64_t shown() const { return kinds.shape(1) > 1 ? int64_t(kinds.shape(1)) : 0; }
};

// See tacit.features.popularity.history.
class History : public Family {
  public:
    explicit History(double span) : span(span) {}
    int64_t columns(int64_t) const override { return 2; }
    void compute(const Query &query, Block found) const override {
        const float idle = query.events ? since(query.now, query.at[query.events - 1], span) : UNKNOWN;
        std::fill(found[0], found[0] + query.pairs, float(std::log1p(double(query.events))));
        std::fill(found[1], found[1] + query.pairs, idle);
    }

  private:
    double span;
};

// See tacit.features.attribute_crosses: the shares of the whole history and of its last events, by column.
class Labels : public Family {
  public:
    Labels(Matrix matrix, In<int64_t> column, int64_t n_columns, int64_t lately)
        : matrix(matrix), column_(column), column(column_), n_columns(n_columns), lately(lately) {
        for (int64_t at = 0; at < this->column.size; at++)
            check(this->column[at] >= 0 && this->column[at] < n_columns, "arrays do not fit");
    }
    int64_t columns(int64_t) const override { return 2 * n_columns; }
    int64_t items() const override { return matrix.rows(); }
    void compute(const Query &query, Block found) const override {
        const int64_t rows = matrix.rows(), width = column.size;
        thread_local std::vector<double> profile, shared;
        profile.assign(size_t(2 * width), 0);
        shared.resize(size_t(2 * n_columns));
        double total[2] = {0, 0};
        for (int64_t e = 0; e < query.events; e++) {
            if (!query.liked(e, rows)) continue;
            const bool late = query.events - 1 - e < lately;
            const float weight = query.weight[e];
            total[0] += weight;
            if (late) total[1] += weight;
            const Matrix::Row row = matrix.row(query.item[e]);
            for (int64_t m = row.start; m < row.stop; m++) {
                const int32_t label = matrix.columns[m];
                check(label >= 0 && label < width, "a column beyond the matrix");
                const double part = weight * matrix.values[m];
                profile[size_t(2 * label)] += part;
                if (late) profile[size_t(2 * label + 1)] += part;
            }
        }
        for (size_t at = 0; at < profile.size(); at++) profile[at] /= std::max(total[at & 1], 1e-9);
        for (int64_t p = 0; p < query.pairs; p++) {
            std::fill(shared.begin(), shared.end(), 0.0);
            const Matrix::Row row = matrix.row(query.items[p]);
            for (int64_t m = row.start; m < row.stop; m++) {
                const int32_t label = matrix.columns[m];
                check(label >= 0 && label < width, "a column beyond the matrix");
                for (int64_t part = 0; part < 2; part++)
                    shared[size_t(2 * column[label] + part)] += matrix.values[m] * profile[size_t(2 * label + part)];
            }
            for (int64_t at = 0; at < 2 * n_columns; at++) found[at][p] = float(shared[size_t(at)]);
        }
    }

  private:
    Matrix matrix;
    const In<int64_t> column_;
    View<int64_t> column;
    int64_t n_columns, lately;
};

// See tacit.features.attribute_crosses: the price, and its difference from the usual one of a history.
class Prices : public Family {
  public:
    explicit Prices(In<float> log_price) : log_price(log_price) {}
    int64_t columns(int64_t) const override { return 3; }
    int64_t items() const override { return int64_t(log_price.shape(0)); }
    void compute(const Query &query, Block found) const override {
        double total = 0;
        int64_t count = 0;
        for (int64_t e = 0; e < query.events; e++) {
            if (!query.liked(e, items()) || std::isnan(log_price.data()[query.item[e]])) continue;
            total += log_price.data()[query.item[e]];
            count++;
        }
        const double usual = count ? total / double(count) : double(UNKNOWN);
        for (int64_t p = 0; p < query.pairs; p++) {
            const float price = log_price.data()[query.items[p]], above = float(double(price) - usual);
            found[0][p] = price;
            found[1][p] = above;
            found[2][p] = std::fabs(above);
        }
    }

  private:
    In<float> log_price;
};

// The logarithm of how much more often than expected; see tacit.features.people.
inline float log_lift(float count, float expected, float prior) {
    return std::log((count + prior) / (expected + prior));
}

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

// See tacit.features.crosses.people: by the items that people with each trait chose, and by their labels.
class People : public Family {
  public:
    People(int64_t n_traits, Matrix chosen, In<float> total, In<float> everybody, float all, float prior,
           Matrix weights, In2<float> by_label)
        : n_traits(n_traits), chosen(chosen), weights(weights), total_(total), everybody_(everybody),
          by_label(by_label), total(total_), everybody(everybody_), all(all), prior(prior) {
        check(this->total.size == chosen.rows() && int64_t(by_label.shape(0)) == chosen.rows() &&
                  weights.rows() == this->everybody.size && n_traits >= 0,
              "arrays do not fit");
    }
    int64_t columns(int64_t) const override { return (n_traits + 2) * (n_labels() ? 2 : 1); }
    int64_t items() const override { return everybody.size; }
    void compute(const Query &query, Block found) const override {
        check(query.n_traits == n_traits, "other traits than those that are known");
        for (int64_t t = 0; t < n_traits; t++)
            check(query.traits[t] >= -1 && query.traits[t] < chosen.rows(), "a trait beyond the known ones");
        thread_local std::vector<float> lifts;
        lifts.resize(size_t(n_traits));
        const int64_t own = n_traits + 2;
        for (int64_t p = 0; p < query.pairs; p++) {
            of_item(query, p, found, lifts);
            summarise(lifts.data(), n_traits, found[n_traits][p], found[n_traits + 1][p]);
            if (!n_labels()) continue;
            of_labels(query, p, Block{found[own], found.step}, lifts);
            summarise(lifts.data(), n_traits, found[own + n_traits][p], found[own + n_traits + 1][p]);
        }
    }

  private:
    int64_t n_traits;
    Matrix chosen, weights;
    const In<float> total_, everybody_;
    In2<float> by_label;
    View<float> total, everybody;
    float all, prior;

    int64_t n_labels() const { return int64_t(by_label.shape(1)); }

    void of_item(const Query &query, int64_t p, Block found, std::vector<float> &lifts) const {
        const int32_t item = query.items[p];
        const float of_all = everybody[item] / all;
        for (int64_t t = 0; t < n_traits; t++) {
            lifts[size_t(t)] = UNKNOWN;
            if (query.traits[t] >= 0) {
                const Matrix::Row row = chosen.row(query.traits[t]);
                const int32_t *stop = chosen.columns.data + row.stop;
                const int32_t *place = std::lower_bound(chosen.columns.data + row.start, stop, item);
                const bool there = place != stop && *place == item;
                const float count = there ? chosen.values[place - chosen.columns.data] : 0;
                lifts[size_t(t)] = log_lift(count, total[query.traits[t]] * of_all, prior);
            }
            found[t][p] = lifts[size_t(t)];
        }
    }

    void of_labels(const Query &query, int64_t p, Block found, std::vector<float> &lifts) const {
        const Matrix::Row row = weights.row(query.items[p]);
        for (int64_t t = 0; t < n_traits; t++) {
            const int64_t trait = query.traits[t];
            double sum = 0;
            for (int64_t m = row.start; trait >= 0 && m < row.stop; m++) {
                const int32_t label = weights.columns[m];
                check(label >= 0 && label < n_labels(), "a label beyond the known ones");
                sum += weights.values[m] * by_label.data()[trait * n_labels() + label];
            }
            lifts[size_t(t)] = trait >= 0 && row.start < row.stop ? float(sum) : UNKNOWN;
            found[t][p] = lifts[size_t(t)];
        }
    }
};

FOR_EACH_PROCESSOR void mark_gaps(const float *values, int64_t count, float *gaps) {
    for (int64_t at = 0; at < count; at++) gaps[at] = std::fabs(values[at]) <= LARGEST ? 0.0f : 1.0f;
}

// In place; an unknown value becomes the mean, and no value is beyond the limit.
FOR_EACH_PROCESSOR void standardise(float *values, int64_t count, float mean, float factor, float limit) {
    for (int64_t at = 0; at < count; at++) {
        float value = (values[at] - mean) * factor;
        value = value == value ? value : 0.0f;
        value = value < limit ? value : limit;
        values[at] = value > -limit ? value : -limit;
    }
}

template <class F, class... Arguments> void add(Features &features, Arguments &&...arguments) {
    features.add(std::make_unique<F>(std::forward<Arguments>(arguments)...));
}

}  // namespace

// Mean 0 and deviation 1, see tacit.features.normaliser.Normaliser.
Normaliser::Normaliser(In<float> mean, In<float> factor, In<int64_t> gaps, In<int64_t> buckets, float limit)
    : mean(mean), factor(factor), gaps(gaps), is_bucket(mean.shape(0), 0), limit(limit) {
    check(factor.shape(0) == mean.shape(0), "arrays do not fit");
    for (size_t at = 0; at < gaps.shape(0); at++)
        check(gaps.data()[at] >= 0 && gaps.data()[at] < columns(), "a gap beyond the columns");
    for (size_t at = 0; at < buckets.shape(0); at++) {
        check(buckets.data()[at] >= 0 && buckets.data()[at] < columns(), "a bucket beyond the columns");
        is_bucket[size_t(buckets.data()[at])] = 1;
    }
}

void Normaliser::transform(Block block, int64_t pairs) const {
    for (size_t at = 0; at < gaps.shape(0); at++)
        mark_gaps(block[gaps.data()[at]], pairs, block[columns() + int64_t(at)]);
    for (int64_t column = 0; column < columns(); column++)
        if (!is_bucket[size_t(column)])
            standardise(block[column], pairs, mean.data()[column], factor.data()[column], limit);
}

Histories::Histories(In<int64_t> offsets, In<int32_t> item, In<float> weight, In<double> at, In<int16_t> kind,
                     In<double> now, In2<int64_t> traits, bool ordered)
    : offsets(offsets), item(item), weight(weight), at(at), kind(kind), now(now), traits(traits), ordered(ordered) {
    const size_t events = item.shape(0);
    check_offsets(View<int64_t>(offsets), int64_t(events));
    check(weight.shape(0) == events && at.shape(0) == events && kind.shape(0) == events &&
              offsets.shape(0) == now.shape(0) + 1 && traits.shape(0) == now.shape(0),
          "arrays do not fit");
}

Query Histories::query(int64_t place) const {
    const int64_t start = offsets.data()[place], stop = offsets.data()[place + 1];
    const int64_t n_traits = int64_t(traits.shape(1));
    Query found{};
    found.item = item.data() + start;
    found.weight = weight.data() + start;
    found.at = at.data() + start;
    found.kind = kind.data() + start;
    found.events = stop - start;
    found.ordered = ordered;
    found.now = now.data()[place];
    found.traits = traits.data() + place * n_traits;
    found.n_traits = n_traits;
    return found;
}

void Features::add(std::unique_ptr<Family> family) {
    items = std::min(items, family->items());
    families.push_back(std::move(family));
}

int64_t Features::columns(int64_t retrievers) const {
    int64_t found = 0;
    for (const auto &family : families) found += family->columns(retrievers);
    return found;
}

void Features::compute(const Query &query, Block found) const {
    bool known = true;
    for (int64_t p = 0; p < query.pairs; p++) known &= query.items[p] >= 0 && query.items[p] < items;
    check(known, "an item beyond the catalogue");
    for (const auto &family : families) {
        family->compute(query, found);
        found.first = found[family->columns(query.lists->retrievers)];
    }
}

namespace {

// The features of some candidates, one query after the other: float32[columns, pairs].
Out2<float> transformed(const Features &features, const Histories &histories, In2<int32_t> items_, In3<float> scores_,
                        In2<bool> chosen_) {
    const int64_t n = histories.size(), c = int64_t(scores_.shape(1)), r = int64_t(scores_.shape(2));
    check(int64_t(scores_.shape(0)) == n && int64_t(items_.size()) == n * c && int64_t(chosen_.size()) == n * c &&
              int64_t(items_.shape(0)) == n,
          "arrays do not fit");
    const int32_t *items = items_.data();
    const bool *chosen = chosen_.data();
    const int64_t pairs = std::count(chosen, chosen + n * c, true), columns = features.columns(r);
    std::vector<float> found(size_t(columns * pairs));
    {
        nb::gil_scoped_release release;
        Lists lists;
        Picked picked;
        int64_t start = 0;
        for (int64_t q = 0; q < n; q++) {
            Query query = histories.query(q);
            picked.take(items + q * c, chosen + q * c, c);
            if (picked.items.empty()) continue;
            lists.take(scores_.data() + q * c * r, c, r);
            query.ask(lists, picked);
            features.compute(query, Block{found.data() + start, pairs});
            start += query.pairs;
        }
    }
    nb::capsule owner;
    float *first = owned(std::move(found), owner);
    return Out2<float>(first, {size_t(columns), size_t(pairs)}, owner);
}

// See tacit.features.normaliser.Normaliser.transform, without quantiles: float32[pairs, features + gaps].
Out2<float> normalised_features(In2<float> features_, In<float> mean_, In<float> factor_, In<int64_t> gaps_,
                                In<int64_t> buckets_, float limit) {
    const int64_t columns = int64_t(features_.shape(0)), pairs = int64_t(features_.shape(1));
    const Normaliser normaliser(mean_, factor_, gaps_, buckets_, limit);
    check(normaliser.columns() == columns, "arrays do not fit");
    const int64_t width = normaliser.width();
    std::vector<float> found(size_t(pairs * width));
    {
        nb::gil_scoped_release release;
        constexpr int64_t BLOCK = 64;  // rows of the result that stay in the cache
        std::vector<float> block(size_t(width * BLOCK));
        for (int64_t first = 0; first < pairs; first += BLOCK) {
            const int64_t count = std::min(BLOCK, pairs - first);
            for (int64_t column = 0; column < columns; column++) {
                const float *own = features_.data() + column * pairs + first;
                std::copy(own, own + count, block.begin() + column * BLOCK);
            }
            normaliser.transform(Block{block.data(), BLOCK}, count);
            for (int64_t column = 0; column < width; column++)
                for (int64_t p = 0; p < count; p++)
                    found[size_t((first + p) * width + column)] = block[size_t(column * BLOCK + p)];
        }
    }
    nb::capsule owner;
    float *first = owned(std::move(found), owner);
    return Out2<float>(first, {size_t(pairs), size_t(width)}, owner);
}

}  // namespace

void define_features(nb::module_ &m) {
    nb::class_<Histories>(m, "Histories")
        .def(nb::init<In<int64_t>, In<int32_t>, In<float>, In<double>, In<int16_t>, In<double>, In2<int64_t>, bool>());
    nb::class_<Features>(m, "Features")
        .def(nb::init<>())
        .def("add_retrieval", [](Features &own, float silent, float half) { add<Retrieval>(own, silent, half); })
        .def("add_neighbours",
             [](Features &own, In<int64_t> offsets, In<int32_t> columns, In<float> values, int64_t width,
                In<double> powers, int64_t n_kinds, int64_t last) {
                 add<Neighbours>(own, Matrix(offsets, columns, values), width, powers, n_kinds, last);
             })
        .def("add_similarity", [](Features &own, In2<float> vectors, double decay,
                                  int64_t recent) { add<Similarity>(own, vectors, decay, recent); })
        .def("add_popularity", [](Features &own, In2<float> counts, In<double> born, In<double> last,
                                  double span) { add<Popularity>(own, counts, born, last, span); })
        .def("add_liking", [](Features &own, In<float> liked, In2<float> kinds) { add<Liking>(own, liked, kinds); })
        .def("add_history", [](Features &own, double span) { add<History>(own, span); })
        .def("add_labels",
             [](Features &own, In<int64_t> offsets, In<int32_t> columns, In<float> values, In<int64_t> column,
                int64_t n_columns, int64_t lately) {
                 add<Labels>(own, Matrix(offsets, columns, values), column, n_columns, lately);
             })
        .def("add_prices", [](Features &own, In<float> log_price) { add<Prices>(own, log_price); })
        .def("add_people",
             [](Features &own, int64_t n_traits, In<int64_t> offsets, In<int32_t> columns, In<float> values,
                In<float> total, In<float> everybody, float all, float prior, In<int64_t> l_offsets,
                In<int32_t> l_columns, In<float> l_values, In2<float> by_label) {
                 add<People>(own, n_traits, Matrix(offsets, columns, values), total, everybody, all, prior,
                             Matrix(l_offsets, l_columns, l_values), by_label);
             })
        .def("transform", &transformed);
    m.def("normalised_features", &normalised_features);
}

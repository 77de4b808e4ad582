// The items closest in text to a history: all are compared with its mean, and few of them with its events.
//
// Each function has a NumPy twin in tacit, which is its specification and the oracle of its tests. A product and a
// sum may be one instruction here, as in product.cpp.

#include "scan.h"

#include <cmath>

#include "product.h"

namespace {

constexpr int64_t LANES = 16;   // sides whose products with an item are summed side by side
constexpr int64_t AT_ONCE = 6;  // items for each of which a part of all sides is used when it is read
constexpr int64_t FEW = 7;      // means below which they are not compared side by side
constexpr int64_t BLOCK = 32;   // items among which one comparison looks for any that reach a bar
constexpr int64_t AHEAD = 6;    // rows of vectors that are on their way while others are used
constexpr int64_t GROUPS = 8;   // groups of items for each that is looked at first
constexpr double ROUNDING = 1e-5;  // see tacit.models.text_scan.ROUNDING
constexpr float LOWEST = std::numeric_limits<float>::lowest();

typedef float Eight __attribute__((vector_size(32)));
typedef float Sixteen __attribute__((vector_size(64)));

// The products of the sides of a pack, [width][LANES], with AT_ONCE vectors: [AT_ONCE][LANES].
FOR_EACH_PROCESSOR void lane_products(const float *pack, const float *const *rows, int64_t width, float *found) {
    Sixteen sums[AT_ONCE] = {}, sides;
    for (int64_t place = 0; place < width; place++) {
        std::memcpy(&sides, pack + place * LANES, sizeof sides);
        for (int64_t row = 0; row < AT_ONCE; row++) sums[row] += sides * rows[row][place];
    }
    std::memcpy(found, sums, sizeof sums);
}

// The largest of LANES products, each times a factor; those whose floor is -infinity do not count.
FOR_EACH_PROCESSOR void largest_of_lanes(const float *products, const float *factor, const float *floor,
                                         float *largest) {
    Sixteen factors, floors, own;
    std::memcpy(&factors, factor, sizeof factors);
    std::memcpy(&floors, floor, sizeof floors);
    for (int64_t row = 0; row < AT_ONCE; row++) {
        std::memcpy(&own, products + row * LANES, sizeof own);
        own = own * factors + floors;
        Eight half[2];
        std::memcpy(half, &own, sizeof half);
        const Eight most = half[0] > half[1] ? half[0] : half[1];
        float four[4];
        for (int at = 0; at < 4; at++) four[at] = most[at] > most[at + 4] ? most[at] : most[at + 4];
        const float first = std::max(four[0], four[1]), second = std::max(four[2], four[3]);
        largest[row] = std::max(largest[row], std::max(first, second));
    }
}

// Vectors side by side, [packs][width][LANES], so that a number of another vector meets one of each; 0 pads.
void pack_sides(const std::vector<const float *> &sides, int64_t width, std::vector<float> &packs) {
    const int64_t count = int64_t(sides.size());
    packs.assign(size_t((count + LANES - 1) / LANES * LANES * width), 0);
    for (int64_t side = 0; side < count; side++) {
        float *lane = packs.data() + side / LANES * LANES * width + side % LANES;
        for (int64_t place = 0; place < width; place++) lane[place * LANES] = sides[size_t(side)][place];
    }
}

inline void prefetch_row(const float *row, int64_t width) {
    for (int64_t place = 0; place < width; place += 16) __builtin_prefetch(row + place);
}

// See tacit.models.text_scan.TextScan.of.
Out2<float> text_cosines(In2<float> means_, In2<float> vectors_) {
    const int64_t n = int64_t(means_.shape(0)), n_items = int64_t(vectors_.shape(0));
    const int64_t width = int64_t(vectors_.shape(1));
    std::vector<float> cosines(size_t(n * n_items), 0);
    {
        nb::gil_scoped_release release;
        check(int64_t(means_.shape(1)) == width, "arrays do not fit");
        // A pack costs as much for one mean as for all: a few that would not fill one are compared one by one.
        const int64_t packed = n % LANES >= FEW ? n : n / LANES * LANES;
        std::vector<const float *> means, rest;
        for (int64_t row = 0; row < n; row++) (row < packed ? means : rest).push_back(means_.data() + row * width);
        std::vector<float> packs, others(rest.size(), 0);
        pack_sides(means, width, packs);
        const float *rows[AT_ONCE];
        float found[AT_ONCE * LANES];
        for (int64_t first = 0; first < n_items; first += AT_ONCE) {
            const int64_t count = std::min(AT_ONCE, n_items - first);
            for (int64_t at = 0; at < AT_ONCE; at++) {
                rows[at] = vectors_.data() + std::min(first + at, n_items - 1) * width;
                if (first + at + AT_ONCE < n_items) prefetch_row(rows[at] + AT_ONCE * width, width);
            }
            float *table = cosines.data() + first;  // the cosine of a mean and an item is at [mean][item]
            for (int64_t pack = 0; pack * LANES < packed; pack++) {
                lane_products(packs.data() + pack * LANES * width, rows, width, found);
                for (int64_t lane = 0; lane < std::min(LANES, packed - pack * LANES); lane++)
                    for (int64_t at = 0; at < count; at++)
                        table[(pack * LANES + lane) * n_items + at] = found[at * LANES + lane];
            }
            for (int64_t at = 0; at < count && !rest.empty(); at++) {
                products(rows[at], rest.data(), int64_t(rest.size()), width, others.data());
                for (int64_t row = packed; row < n; row++) table[row * n_items + at] = others[size_t(row - packed)];
            }
        }
    }
    nb::capsule owner;
    float *found = owned(std::move(cosines), owner);
    return Out2<float>(found, {size_t(n), size_t(n_items)}, owner);
}

// Cosines of items that may be recommended, -infinity for others.
FOR_EACH_PROCESSOR void mask(const float *__restrict to_mean, const uint8_t *__restrict open, int64_t n_items,
                             float *__restrict own) {
    for (int64_t item = 0; item < n_items; item++) {
        const float value = to_mean[item];
        own[item] = open[item] ? value : MINUS_INFINITY;
    }
}

// The largest of each of some groups; items that are left over are in none.
FOR_EACH_PROCESSOR void largest_of_groups(const float *own, int64_t groups, int64_t depth, float *largest) {
    for (int64_t group = 0; group < groups; group++) largest[group] = LOWEST;
    for (int64_t row = 0; row < depth; row++, own += groups)
        for (int64_t group = 0; group < groups; group++)
            largest[group] = own[group] > largest[group] ? own[group] : largest[group];
}

FOR_EACH_PROCESSOR bool any_reaches(const float *own, float bar) {
    int any = 0;
    for (int64_t at = 0; at < BLOCK; at++) any |= own[at] >= bar;
    return any;
}

void reaching(const std::vector<float> &own, float bar, std::vector<int32_t> &found) {
    found.clear();
    const int64_t n_items = int64_t(own.size());
    for (int64_t first = 0; first < n_items; first += BLOCK) {
        const int64_t stop = std::min(first + BLOCK, n_items);
        if (stop - first == BLOCK && !any_reaches(own.data() + first, bar)) continue;
        for (int64_t item = first; item < stop; item++)
            if (own[size_t(item)] >= bar) found.push_back(int32_t(item));
    }
}

// The k-th largest, or the lowest number where there are fewer. By the order of arrays.h, which NaN does not break.
float kth_largest(const std::vector<float> &values, int64_t k) {
    if (k <= 0 || int64_t(values.size()) < k) return LOWEST;
    thread_local std::vector<float> all;
    all = values;
    std::nth_element(all.begin(), all.begin() + (k - 1), all.end(),
                     [](float a, float b) { return ordered(a) > ordered(b); });
    return all[size_t(k - 1)];
}

void keep_reaching(std::vector<int32_t> &items, std::vector<float> &scores, float bar) {
    size_t kept = 0;
    for (size_t at = 0; at < items.size(); at++) {
        if (!(scores[at] >= bar)) continue;
        items[kept] = items[at];
        scores[kept++] = scores[at];
    }
    items.resize(kept);
    scores.resize(kept);
}

// What the items are compared with for one history: its mean, then its last liked events.
struct Sides {
    const float *vectors;
    int64_t width;
    float closest;
    std::vector<const float *> all = {};
    std::vector<float> left = {};
    std::vector<float> floor = {};  // 0 of an event, -infinity of all else
    std::vector<float> packs = {};

    void take(const float *mean, const int32_t *events, const float *left_of_events, int64_t count) {
        all.assign(1, mean);
        left.assign(1, 0);
        for (int64_t event = 0; event < count; event++) {
            all.push_back(vectors + int64_t(events[event]) * width);
            left.push_back(left_of_events[event]);
        }
        floor.assign(left.size(), 0);
        floor[0] = MINUS_INFINITY;
        const size_t lanes = (left.size() + size_t(LANES) - 1) / size_t(LANES) * size_t(LANES);
        left.resize(lanes, 0);
        floor.resize(lanes, MINUS_INFINITY);
        pack_sides(all, width, packs);
    }

    // See tacit.models.text_scan.lowest_to_mean.
    float lowest_to_mean(float score) const {
        const double least = double(score) - ROUNDING, radius = std::sqrt(1 + ROUNDING), pi = std::acos(-1.0);
        double found = std::numeric_limits<double>::infinity();
        for (size_t side = 1; side < all.size(); side++) {
            const double between = std::min(1.0, std::max(-1.0, double(product(all[0], all[side], width))));
            const double weight = double(closest) * double(left[side]);
            const double along = 1 - double(closest) + weight * between;
            const double across = weight * std::sqrt(1 - between * between + ROUNDING);
            const double most = std::hypot(along, across) * radius;
            if (least > most) continue;
            const double angle = std::atan2(across, along) + (most > 0 ? std::acos(std::max(-1.0, least / most)) : pi);
            found = std::min(found, radius * std::cos(std::min(pi, angle)));
        }
        return float(std::max(found - ROUNDING, double(LOWEST)));
    }

    void score(const std::vector<int32_t> &items, std::vector<float> &scores) const {
        const int64_t count = int64_t(items.size()), sides = int64_t(all.size());
        scores.resize(items.size());
        const float *rows[AT_ONCE];
        float found[AT_ONCE * LANES], near[AT_ONCE], to_mean[AT_ONCE];
        for (int64_t at = 0; at < count; at += AT_ONCE) {
            for (int64_t row = 0; row < AT_ONCE; row++) {
                rows[row] = vectors + int64_t(items[size_t(std::min(at + row, count - 1))]) * width;
                if (at + row + AHEAD >= count) continue;
                prefetch_row(vectors + int64_t(items[size_t(at + row + AHEAD)]) * width, width);
            }
            std::fill(near, near + AT_ONCE, MINUS_INFINITY);
            for (int64_t pack = 0; pack * LANES < sides; pack++) {
                lane_products(packs.data() + pack * LANES * width, rows, width, found);
                for (int64_t row = 0; row < AT_ONCE && !pack; row++) to_mean[row] = found[row * LANES];
                largest_of_lanes(found, left.data() + pack * LANES, floor.data() + pack * LANES, near);
            }
            for (int64_t row = 0; row < std::min(AT_ONCE, count - at); row++)
                scores[size_t(at + row)] = (1 - closest) * to_mean[row] + closest * near[row];
        }
    }
};

// See tacit.models.text_scan.TextScan.best.
nb::tuple text_scan(In2<float> to_mean_, In<int64_t> rows_, In2<float> means_, In<int64_t> offsets_,
                    In<int32_t> events_, In<float> left_, In2<float> vectors_, In<bool> open_,
                    In<int64_t> exclude_offsets_, In<int32_t> exclude_, int64_t k, int64_t first, float closest) {
    View<int64_t> rows(rows_), offsets(offsets_), exclude_offsets(exclude_offsets_);
    View<int32_t> events(events_), exclude(exclude_);
    View<float> left(left_);
    View<bool> open(open_);
    const int64_t n = int64_t(means_.shape(0)), n_items = int64_t(vectors_.shape(0));
    const int64_t width = int64_t(vectors_.shape(1));
    std::vector<int64_t> ends(1, 0);
    std::vector<int32_t> found_items;
    std::vector<float> found_scores;
    {
        nb::gil_scoped_release release;
        check(offsets.size == n + 1 && exclude_offsets.size == n + 1, "offsets of another number of queries");
        check_offsets(offsets, std::min(events.size, left.size));
        check_offsets(exclude_offsets, exclude.size);
        check(int64_t(means_.shape(1)) == width && open.size == n_items && int64_t(to_mean_.shape(0)) == rows.size &&
                  int64_t(to_mean_.shape(1)) == n_items && k >= 0 && first >= k,
              "arrays do not fit");
        for (int64_t e = 0; e < events.size; e++)
            check(events[e] >= 0 && events[e] < n_items, "an event beyond the vectors");
        const int64_t depth = std::max<int64_t>(n_items / std::max<int64_t>(GROUPS * first, 1), 1);
        const int64_t groups = n_items / depth;
        Sides sides{vectors_.data(), width, closest};
        std::vector<float> own(size_t(n_items), 0), largest(size_t(groups), 0), scores;
        std::vector<int32_t> items;
        for (int64_t row = 0; row < rows.size; row++) {
            const int64_t query = rows[row];
            check(query >= 0 && query < n, "a query beyond the histories");
            const int64_t start = offsets[query], stop = offsets[query + 1];
            if (start == stop || k == 0) {
                ends.push_back(int64_t(found_items.size()));
                continue;
            }
            mask(to_mean_.data() + row * n_items, reinterpret_cast<const uint8_t *>(open.data), n_items, own.data());
            for (int64_t e = exclude_offsets[query]; e < exclude_offsets[query + 1]; e++)
                if (exclude[e] >= 0 && exclude[e] < n_items) own[size_t(exclude[e])] = MINUS_INFINITY;
            sides.take(means_.data() + query * width, events.data + start, left.data + start, stop - start);
            largest_of_groups(own.data(), groups, depth, largest.data());
            const float bar = kth_largest(largest, first);
            reaching(own, bar, items);
            sides.score(items, scores);
            const float kth = kth_largest(scores, k);
            const float lowest = kth > LOWEST ? sides.lowest_to_mean(kth) : LOWEST;
            if (lowest < bar) {
                reaching(own, lowest, items);
                sides.score(items, scores);
            }
            keep_reaching(items, scores, kth);  // all but few, among which the k-th best is found sooner
            keep_reaching(items, scores, kth_largest(scores, k));
            found_items.insert(found_items.end(), items.begin(), items.end());
            found_scores.insert(found_scores.end(), scores.begin(), scores.end());
            ends.push_back(int64_t(found_items.size()));
        }
    }
    return nb::make_tuple(given(std::move(ends)), given(std::move(found_items)), given(std::move(found_scores)));
}

}  // namespace

void define_scan(nb::module_ &m) {
    m.def("text_cosines", &text_cosines);
    m.def("text_scan", &text_scan);
}

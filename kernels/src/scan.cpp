// The items closest in text to a history: all are compared with its mean, and few of them with its events.
//
// Each function has a NumPy twin in tacit, which is its specification and the oracle of its tests. A product and a
// sum may be one instruction here, as in product.cpp.

#include "scan.h"

#include <cmath>

#include "processors.h"
#include "texts.h"

namespace {

constexpr int64_t FEW = 7;      // means below which they are not compared side by side
constexpr int64_t BLOCK = 32;   // items among which one comparison looks for any that reach a bar
constexpr int64_t GROUPS = 8;   // groups of items for each that is looked at first
constexpr double ROUNDING = 1e-5;  // see tacit.models.text_scan.ROUNDING
constexpr float LOWEST = std::numeric_limits<float>::lowest();

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
        std::vector<float> packs;
        pack_sides(means, width, packs);
        const float *rows[TOGETHER];
        float found[TOGETHER * LANES];
        for (int64_t first = 0; first < n_items; first += TOGETHER) {
            const int64_t count = std::min(TOGETHER, n_items - first);
            for (int64_t at = 0; at < TOGETHER; at++) {
                rows[at] = vectors_.data() + std::min(first + at, n_items - 1) * width;
                if (first + at + TOGETHER < n_items) prefetch_row(rows[at] + TOGETHER * width, width);
            }
            float *table = cosines.data() + first;  // the cosine of a mean and an item is at [mean][item]
            for (int64_t pack = 0; pack * LANES < packed; pack++) {
                lane_products(packs.data() + pack * LANES * width, rows, width, found);
                for (int64_t lane = 0; lane < std::min(LANES, packed - pack * LANES); lane++)
                    for (int64_t at = 0; at < count; at++)
                        table[(pack * LANES + lane) * n_items + at] = found[at * LANES + lane];
            }
            for (int64_t at = 0; at < count && !rest.empty(); at++) {
                for (int64_t row = packed; row < n; row++)
                    table[row * n_items + at] = product(rows[at], rest[size_t(row - packed)], width);
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

// See tacit.models.text_scan.lowest_to_mean.
float lowest_to_mean(const PackedSides &sides, int64_t width, float closest, float score) {
    const double least = double(score) - ROUNDING, radius = std::sqrt(1 + ROUNDING), pi = std::acos(-1.0);
    double found = std::numeric_limits<double>::infinity();
    for (int64_t side = 1; side < sides.size(); side++) {
        const double between = std::min(1.0, std::max(-1.0, double(product(sides[0], sides[side], width))));
        const double weight = double(closest) * double(sides.left(side));
        const double along = 1 - double(closest) + weight * between;
        const double across = weight * std::sqrt(1 - between * between + ROUNDING);
        const double most = std::hypot(along, across) * radius;
        if (least > most) continue;
        const double angle = std::atan2(across, along) + (most > 0 ? std::acos(std::max(-1.0, least / most)) : pi);
        found = std::min(found, radius * std::cos(std::min(pi, angle)));
    }
    return float(std::max(found - ROUNDING, double(LOWEST)));
}

// See tacit.models.text_scan.TextScan.best.
nb::tuple text_scan(In2<float> to_mean_, In<int64_t> rows_, In2<float> means_, In<int64_t> offsets_,
                    In<int32_t> events_, In<float> left_, In2<float> vectors_, In<bool> open_,
                    In<int64_t> exclude_offsets_, In<int32_t> exclude_, int64_t k, int64_t first, float closest) {
    const Texts texts(vectors_, open_);
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
        PackedSides sides;
        auto score = [&](const std::vector<int32_t> &items, std::vector<float> &scores) {
            scores.resize(items.size());
            sides.score(texts, closest, items.data(), int64_t(items.size()), scores.data(), 1);
        };
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
            sides.take(texts, means_.data() + query * width, events.data + start, left.data + start, stop - start);
            largest_of_groups(own.data(), groups, depth, largest.data());
            const float bar = kth_largest(largest, first);
            reaching(own, bar, items);
            score(items, scores);
            const float kth = kth_largest(scores, k);
            const float lowest = kth > LOWEST ? lowest_to_mean(sides, width, closest, kth) : LOWEST;
            if (lowest < bar) {
                reaching(own, lowest, items);
                score(items, scores);
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

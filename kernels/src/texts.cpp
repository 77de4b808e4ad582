#include "texts.h"

constexpr int64_t AHEAD = 6;  // rows of vectors that are on their way while others are used

void PackedSides::take(const Texts &texts, const float *mean, const int32_t *events, const float *left, int64_t count) {
    sides_.assign(1, mean);
    left_.assign(1, 0);
    for (int64_t event = 0; event < count; event++) {
        sides_.push_back(texts.of(events[event]));
        left_.push_back(left[event]);
    }
    floor_.assign(left_.size(), 0);
    floor_[0] = MINUS_INFINITY;
    const size_t lanes = (left_.size() + size_t(LANES) - 1) / size_t(LANES) * size_t(LANES);
    left_.resize(lanes, 0);
    floor_.resize(lanes, MINUS_INFINITY);
    pack_sides(sides_, texts.width, packs_);
}

void PackedSides::score(const Texts &texts, float closest, const int32_t *items, int64_t count, float *scores,
                        int64_t stride) const {
    const int64_t width = texts.width;
    const float *rows[TOGETHER];
    float found[TOGETHER * LANES], near[TOGETHER], to_mean[TOGETHER] = {};
    for (int64_t at = 0; at < count; at += TOGETHER) {
        for (int64_t row = 0; row < TOGETHER; row++) {  // the last one again where there are fewer
            rows[row] = texts.of(items[std::min(at + row, count - 1)]);
            if (at + row + AHEAD < count) prefetch_row(texts.of(items[at + row + AHEAD]), width);
        }
        std::fill(near, near + TOGETHER, MINUS_INFINITY);
        for (int64_t pack = 0; pack * LANES < size(); pack++) {
            lane_products(packs_.data() + pack * LANES * width, rows, width, found);
            for (int64_t row = 0; row < TOGETHER && !pack; row++) to_mean[row] = found[row * LANES];
            largest_of_lanes(found, left_.data() + pack * LANES, floor_.data() + pack * LANES, near);
        }
        for (int64_t row = 0; row < std::min(TOGETHER, count - at); row++)
            scores[(at + row) * stride] = (1 - closest) * to_mean[row] + closest * near[row];
    }
}

void sides_of(const History &history, const Texts &texts, const Powers &powers, int64_t recent, Sides &sides) {
    thread_local std::vector<int64_t> liked;
    thread_local std::vector<std::pair<int32_t, int32_t>> events;  // item, how many liked ones came before
    liked.clear();
    events.clear();
    for (int64_t e = 0; e < history.count; e++) {
        const int32_t item = history.item[e];
        if (history.weight[e] > 0 && item >= 0 && item < texts.n_items && texts.known.data[item]) {
            events.push_back({item, int32_t(liked.size())});
            liked.push_back(e);
        }
    }
    const int64_t count = int64_t(liked.size()), width = texts.width;
    std::sort(events.begin(), events.end());
    sides.mean.assign(size_t(width), 0);
    float *mean = sides.mean.data();
    for (size_t from = 0, upto; from < events.size(); from = upto) {
        double sum = 0;
        float strongest = 0;
        for (upto = from; upto < events.size() && events[upto].first == events[from].first; upto++) {
            const int64_t at = events[upto].second;
            const float own = history.weight[liked[size_t(at)]];
            strongest = std::max(strongest, own);
            if (history.ordered) sum += double(float(double(own) * powers[count - 1 - at]));
        }
        const float total = history.ordered ? float(sum) : strongest;
        if (total > 0) add_scaled(mean, texts.of(events[from].first), total, width);
    }
    const float length = std::sqrt(product(mean, mean, width));
    for (int64_t d = 0; d < width; d++) mean[d] = length > 1e-9f ? mean[d] / length : 0;
    sides.events.clear();
    sides.left.clear();
    for (int64_t at = std::max<int64_t>(0, count - recent); at < count; at++) {
        sides.events.push_back(history.item[liked[size_t(at)]]);
        sides.left.push_back(history.ordered ? float(powers[count - 1 - at]) : 1);
    }
}

void text_scores(const Sides &sides, const Texts &texts, float closest, const int32_t *items, int64_t count, float *scores,
                 int64_t stride) {
    for (int64_t at = 0; at < count; at++) scores[at * stride] = MINUS_INFINITY;
    if (sides.events.empty()) return;
    thread_local PackedSides packed;
    thread_local std::vector<int32_t> known;
    thread_local std::vector<int64_t> places;
    thread_local std::vector<float> found;
    packed.take(texts, sides.mean.data(), sides.events.data(), sides.left.data(), int64_t(sides.events.size()));
    known.clear();
    places.clear();
    for (int64_t at = 0; at < count; at++) {
        check(items[at] >= 0 && items[at] < texts.n_items, "an item beyond the vectors");
        if (!texts.known.data[items[at]]) continue;
        known.push_back(items[at]);
        places.push_back(at);
    }
    found.resize(known.size());
    packed.score(texts, closest, known.data(), int64_t(known.size()), found.data(), 1);
    for (size_t at = 0; at < known.size(); at++) scores[places[at] * stride] = found[at];
}

namespace {

// See tacit.models.content.Content._sides.
nb::tuple text_sides(In<int64_t> offsets_, In<int32_t> item_, In<float> weight_, In2<float> vectors_, In<bool> known_,
                     In<double> powers_, double decay, bool ordered_log, int64_t recent) {
    const Texts texts(vectors_, known_);
    const Powers powers(powers_, decay);
    View<int64_t> offsets(offsets_);
    View<int32_t> item(item_);
    View<float> weight(weight_);
    const int64_t n = std::max<int64_t>(offsets.size - 1, 0);
    std::vector<float> means, left;
    std::vector<int64_t> ends{0};
    std::vector<int32_t> events;
    {
        nb::gil_scoped_release release;
        check_offsets(offsets, std::min(item.size, weight.size));
        Sides sides;
        for (int64_t q = 0; q < n; q++) {
            const int64_t start = offsets[q];
            sides_of({item.data + start, weight.data + start, offsets[q + 1] - start, -1, ordered_log}, texts, powers,
                     recent, sides);
            means.insert(means.end(), sides.mean.begin(), sides.mean.end());
            events.insert(events.end(), sides.events.begin(), sides.events.end());
            left.insert(left.end(), sides.left.begin(), sides.left.end());
            ends.push_back(int64_t(events.size()));
        }
    }
    nb::capsule owner;
    float *first = owned(std::move(means), owner);
    return nb::make_tuple(Out2<float>(first, {size_t(n), size_t(texts.width)}, owner), given(std::move(ends)),
                          given(std::move(events)), given(std::move(left)));
}

// See tacit.models.near_texts.exact_scores.
Out<float> exact_scores(In2<float> means_, In<int64_t> offsets_, In<int32_t> events_, In<float> left_, In2<float> vectors_,
                        In<bool> known_, In<int64_t> row_, In<int32_t> items_, float closest) {
    const Texts texts(vectors_, known_);
    View<int64_t> offsets(offsets_), row(row_);
    View<int32_t> events(events_), items(items_);
    View<float> left(left_);
    const int64_t n = offsets.size - 1;
    std::vector<float> scores(size_t(items.size), MINUS_INFINITY);
    {
        nb::gil_scoped_release release;
        check_offsets(offsets, std::min(events.size, left.size));
        check(int64_t(means_.shape(0)) == n && int64_t(means_.shape(1)) == texts.width && row.size == items.size,
              "arrays do not fit");
        for (int64_t e = 0; e < events.size; e++)
            check(events[e] >= 0 && events[e] < texts.n_items, "an event beyond the vectors");
        Sides sides;
        for (int64_t from = 0, upto; from < items.size; from = upto) {
            const int64_t query = row[from];
            check(query >= 0 && query < n, "a pair beyond the arrays");
            for (upto = from; upto < items.size && row[upto] == query; upto++) {
            }
            const float *mean = means_.data() + query * texts.width;
            sides.mean.assign(mean, mean + texts.width);
            sides.events.assign(events.data + offsets[query], events.data + offsets[query + 1]);
            sides.left.assign(left.data + offsets[query], left.data + offsets[query + 1]);
            text_scores(sides, texts, closest, items.data + from, upto - from, scores.data() + from, 1);
        }
    }
    return given(std::move(scores));
}

}  // namespace

void define_texts(nb::module_ &m) {
    m.def("text_sides", &text_sides);
    m.def("text_scores", &exact_scores);
}

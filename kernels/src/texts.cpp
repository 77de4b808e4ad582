#include "texts.h"

namespace {

template <class T> void prefetch_row(const T *row, int64_t size) {
    for (int64_t place = 0; place < size; place += int64_t(64 / sizeof(T))) __builtin_prefetch(row + place);
}

// The sides as lanes, the mean as the last one: see lane_products.
void lanes_of(const Sides &sides, const Texts &texts, std::vector<float> &lanes) {
    const int64_t count = int64_t(sides.events.size()) + 1, width = texts.width;
    lanes.assign(size_t((count + LANES - 1) / LANES * LANES * width), 0);
    for (int64_t side = 0; side < count; side++) {
        const float *own = side + 1 < count ? texts.of(sides.events[size_t(side)]) : sides.mean.data();
        float *to = lanes.data() + side / LANES * LANES * width + side % LANES;
        for (int64_t place = 0; place < width; place++) to[place * LANES] = own[place];
    }
}

}  // namespace

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
    const int64_t n_events = int64_t(sides.events.size()), width = texts.width;
    if (n_events == 0) return;
    thread_local std::vector<float> lanes, cosines;
    thread_local std::vector<int64_t> wanted;
    lanes_of(sides, texts, lanes);
    const int64_t groups = n_events / LANES + 1;
    cosines.resize(size_t(groups * TOGETHER * LANES));
    wanted.clear();
    for (int64_t at = 0; at < count; at++) {
        check(items[at] >= 0 && items[at] < texts.n_items, "an item beyond the vectors");
        if (texts.known.data[items[at]]) wanted.push_back(at);
    }
    const int64_t many = int64_t(wanted.size());
    for (int64_t first = 0; first < many; first += TOGETHER) {
        const int64_t own = std::min<int64_t>(TOGETHER, many - first);
        const float *rows[TOGETHER];  // the last one again where there are fewer: each is summed in the same order
        for (int64_t row = 0; row < TOGETHER; row++)
            rows[row] = texts.of(items[wanted[size_t(std::min(first + row, many - 1))]]);
        for (int64_t next = first + 2 * TOGETHER; next < std::min(first + 3 * TOGETHER, many); next++)
            prefetch_row(texts.of(items[wanted[size_t(next)]]), width);
        for (int64_t group = 0; group < groups; group++)
            lane_products(lanes.data() + group * LANES * width, rows, width, cosines.data() + group * TOGETHER * LANES);
        for (int64_t row = 0; row < own; row++) {
            const float *cosine = cosines.data() + row * LANES;
            float near = MINUS_INFINITY;
            for (int64_t e = 0; e < n_events; e += LANES, cosine += TOGETHER * LANES)
                for (int64_t lane = 0; lane < std::min<int64_t>(LANES, n_events - e); lane++)
                    near = std::max(near, cosine[lane] * sides.left[size_t(e + lane)]);
            const float to_mean = cosines[size_t((n_events / LANES * TOGETHER + row) * LANES + n_events % LANES)];
            scores[wanted[size_t(first + row)] * stride] = (1 - closest) * to_mean + closest * near;
        }
    }
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

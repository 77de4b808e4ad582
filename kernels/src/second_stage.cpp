// The sums over the candidates of a list: standardised scores, the blend, the best of them.
//
// Each function has a NumPy twin in tacit (tacit/pipeline), which is its specification and the oracle of its tests.

#include "second_stage.h"

#include <cmath>

namespace {

Out2<float> array2(std::vector<float> &&values, int64_t rows, int64_t columns) {
    nb::capsule owner;
    float *first = owned(std::move(values), owner);
    return Out2<float>(first, {size_t(rows), size_t(columns)}, owner);
}

Out3<float> array3(std::vector<float> &&values, int64_t n, int64_t c, int64_t r) {
    nb::capsule owner;
    float *first = owned(std::move(values), owner);
    return Out3<float>(first, {size_t(n), size_t(c), size_t(r)}, owner);
}

// See tacit.pipeline.retrieval.normalised.
nb::tuple standardised(In3<float> scores_) {
    const int64_t n = int64_t(scores_.shape(0)), c = int64_t(scores_.shape(1)), r = int64_t(scores_.shape(2));
    const float *scores = scores_.data();
    std::vector<float> standard(size_t(n * c * r)), worst(size_t(n * c * r));
    {
        nb::gil_scoped_release release;
        std::vector<double> sum(size_t(r), 0), square(size_t(r), 0), factor(size_t(r), 0);
        std::vector<int64_t> count(size_t(r), 0);
        std::vector<float> lowest(size_t(r), 0);
        for (int64_t q = 0; q < n; q++) {
            std::fill(sum.begin(), sum.end(), 0.0);
            std::fill(square.begin(), square.end(), 0.0);
            std::fill(count.begin(), count.end(), 0);
            const float *own = scores + q * c * r;
            for (int64_t at = 0; at < c; at++)
                for (int64_t part = 0; part < r; part++) {
                    const float score = own[at * r + part];
                    if (!std::isfinite(score)) continue;
                    sum[size_t(part)] += score;
                    count[size_t(part)]++;
                }
            for (int64_t part = 0; part < r; part++) sum[size_t(part)] /= double(std::max<int64_t>(count[size_t(part)], 1));
            for (int64_t at = 0; at < c; at++)
                for (int64_t part = 0; part < r; part++) {
                    const float score = own[at * r + part];
                    if (!std::isfinite(score)) continue;
                    const double away = score - sum[size_t(part)];
                    square[size_t(part)] += away * away;
                }
            for (int64_t part = 0; part < r; part++) {
                const double all = double(std::max<int64_t>(count[size_t(part)], 1));
                factor[size_t(part)] = 1 / std::max(std::sqrt(square[size_t(part)] / all), 1e-12);
                lowest[size_t(part)] = count[size_t(part)] < c ? 0 : std::numeric_limits<float>::infinity();
            }
            float *found = standard.data() + q * c * r, *missing = worst.data() + q * c * r;
            for (int64_t at = 0; at < c; at++)
                for (int64_t part = 0; part < r; part++) {
                    const float score = own[at * r + part];
                    const float value =
                        std::isfinite(score) ? float((score - sum[size_t(part)]) * factor[size_t(part)]) : 0;
                    found[at * r + part] = value;
                    lowest[size_t(part)] = std::min(lowest[size_t(part)], value);
                }
            for (int64_t at = 0; at < c; at++)
                for (int64_t part = 0; part < r; part++)
                    missing[at * r + part] = std::isfinite(own[at * r + part]) ? 0 : lowest[size_t(part)];
        }
    }
    return nb::make_tuple(array3(std::move(standard), n, c, r), array3(std::move(worst), n, c, r));
}

// See tacit.pipeline.blend.Blend.weights_for: learned is float32[4, r].
Out2<float> blend_weights(In<int64_t> lengths_, In<double> idle_times_, In2<float> learned_, double longest, double day,
                          double year) {
    View<int64_t> lengths(lengths_);
    View<double> idle(idle_times_);
    const int64_t n = lengths.size, r = int64_t(learned_.shape(1));
    check(idle.size == n && learned_.shape(0) == 4, "arrays do not fit");
    const float *learned = learned_.data();
    std::vector<float> found(size_t(n * r), 0);
    for (int64_t q = 0; q < n; q++) {
        const double length = std::min(std::max(double(lengths[q]), 1.0), longest);
        const float factors[4] = {float(lengths[q] <= 0), float(lengths[q] > 0), float(std::log(length) / std::log(longest)),
                                  float(std::log1p(std::min(idle[q] / day, year)) / std::log1p(year))};
        for (int64_t part = 0; part < r; part++)
            for (int64_t at = 0; at < 4; at++) found[size_t(q * r + part)] += factors[at] * learned[at * r + part];
    }
    return array2(std::move(found), n, r);
}

// See tacit.pipeline.blend.Blend.score.
Out2<float> blended(In2<int32_t> items_, In3<float> standard_, In3<float> missing_, In2<float> weights_,
                    In<float> penalty_, int64_t n_items) {
    const int64_t n = int64_t(standard_.shape(0)), c = int64_t(standard_.shape(1)), r = int64_t(standard_.shape(2));
    check(int64_t(items_.shape(0)) == n && int64_t(items_.shape(1)) == c && missing_.size() == standard_.size() &&
              int64_t(weights_.shape(0)) == n && int64_t(weights_.shape(1)) == r && int64_t(penalty_.shape(0)) == r,
          "arrays do not fit");
    const float *standard = standard_.data(), *missing = missing_.data();
    std::vector<float> found(size_t(n * c));
    {
        nb::gil_scoped_release release;
        for (int64_t q = 0; q < n; q++) {
            const float *weights = weights_.data() + q * r;
            for (int64_t at = q * c; at < (q + 1) * c; at++) {
                const int32_t item = items_.data()[at];
                float sum = 0, lost = 0;
                for (int64_t part = 0; part < r; part++) sum += standard[at * r + part] * weights[part];
                for (int64_t part = 0; part < r; part++) lost += missing[at * r + part] * penalty_.data()[part];
                found[size_t(at)] = item < 0 ? MINUS_INFINITY : item < n_items ? sum + lost : sum;
            }
        }
    }
    return array2(std::move(found), n, c);
}

// See tacit.pipeline.blend.log_softmax.
Out2<float> log_softmax(In2<float> scores_, float never) {
    const int64_t n = int64_t(scores_.shape(0)), c = int64_t(scores_.shape(1));
    std::vector<float> found(size_t(n * c));
    {
        nb::gil_scoped_release release;
        for (int64_t q = 0; q < n; q++) {
            const float *own = scores_.data() + q * c;
            float top = never, total = 0;
            for (int64_t at = 0; at < c; at++)
                if (std::isfinite(own[at])) top = std::max(top, own[at]);
            for (int64_t at = 0; at < c; at++)
                if (std::isfinite(own[at])) total += std::exp(own[at] - top);
            const float part = std::log(std::max(total, 1.0f));
            for (int64_t at = 0; at < c; at++) found[size_t(q * c + at)] = own[at] - top - part;
        }
    }
    return array2(std::move(found), n, c);
}

inline float rounded(float value, float unit) { return std::nearbyint(value * unit) / unit; }

struct Place {
    uint32_t score;
    int32_t place;
    bool operator<(const Place &other) const {  // the better one first
        return score != other.score ? score > other.score : place < other.place;
    }
};

// See tacit.pipeline.secondstage._best.
nb::object best_places(In2<float> scores_, int64_t count, float unit) {
    const int64_t n = int64_t(scores_.shape(0)), c = int64_t(scores_.shape(1));
    std::vector<uint8_t> found(size_t(n * c), 0);
    {
        nb::gil_scoped_release release;
        std::vector<Place> places;
        for (int64_t q = 0; q < n; q++) {
            places.clear();
            for (int64_t at = 0; at < c; at++)
                places.push_back({ordered(rounded(scores_.data()[q * c + at], unit)), int32_t(at)});
            const int64_t kept = std::min(std::max<int64_t>(count, 0), c);
            if (kept < c) std::nth_element(places.begin(), places.begin() + kept, places.end());
            for (int64_t at = 0; at < kept; at++) found[size_t(q * c + places[size_t(at)].place)] = 1;
        }
    }
    nb::capsule owner;
    uint8_t *first = owned(std::move(found), owner);
    return nb::cast(Out2<uint8_t>(first, {size_t(n), size_t(c)}, owner));
}

// See tacit.pipeline.twostage._best_listed.
nb::tuple best_listed(In2<int32_t> items_, In2<float> scores_, int64_t k, float unit) {
    const int64_t n = int64_t(scores_.shape(0)), c = int64_t(scores_.shape(1));
    check(items_.shape(0) == scores_.shape(0) && items_.shape(1) == scores_.shape(1) && k >= 0, "arrays do not fit");
    std::vector<int32_t> items(size_t(n * k), -1);
    std::vector<float> scores(size_t(n * k), MINUS_INFINITY);
    {
        nb::gil_scoped_release release;
        std::vector<Place> places;
        for (int64_t q = 0; q < n; q++) {
            const float *own = scores_.data() + q * c;
            places.clear();
            for (int64_t at = 0; at < c; at++)
                if (own[at] > MINUS_INFINITY) places.push_back({ordered(rounded(own[at], unit)), int32_t(at)});
            const int64_t kept = std::min<int64_t>(k, int64_t(places.size()));
            std::partial_sort(places.begin(), places.begin() + kept, places.end());
            float least = std::numeric_limits<float>::infinity();
            for (int64_t at = 0; at < kept; at++) {
                const int32_t place = places[size_t(at)].place;
                least = std::min(least, own[place]);  // within a tie scores may rise
                items[size_t(q * k + at)] = items_.data()[q * c + place];
                scores[size_t(q * k + at)] = least;
            }
        }
    }
    nb::capsule owner;
    int32_t *first = owned(std::move(items), owner);
    return nb::make_tuple(Out2<int32_t>(first, {size_t(n), size_t(k)}, owner), array2(std::move(scores), n, k));
}

// See tacit.pipeline.secondstage._below: scores of chosen candidates, the rest of each list below them.
Out2<float> rest_below(In2<float> base_, In2<bool> chosen_, In2<bool> rest_, In<float> own_, float step) {
    const int64_t n = int64_t(base_.shape(0)), c = int64_t(base_.shape(1));
    check(chosen_.size() == base_.size() && rest_.size() == base_.size(), "arrays do not fit");
    std::vector<float> found(base_.data(), base_.data() + n * c);
    int64_t used = 0;
    const int64_t given_scores = int64_t(own_.shape(0));
    for (int64_t q = 0; q < n; q++) {
        float lowest = std::numeric_limits<float>::infinity(), highest = MINUS_INFINITY;
        for (int64_t at = q * c; at < (q + 1) * c; at++) {
            if (chosen_.data()[at]) {
                check(used < given_scores, "arrays do not fit");
                found[size_t(at)] = own_.data()[used++];
                lowest = std::min(lowest, found[size_t(at)]);
            } else if (rest_.data()[at]) {
                highest = std::max(highest, found[size_t(at)]);
            }
        }
        const float too_high = std::max(highest - lowest + step, 0.0f);
        for (int64_t at = q * c; at < (q + 1) * c; at++)
            if (rest_.data()[at]) found[size_t(at)] -= too_high;
    }
    check(used == given_scores, "arrays do not fit");
    return array2(std::move(found), n, c);
}

// See tacit.pipeline.unseen.TextFit: the scores of items without events on the scale of a list.
std::vector<double> text_scores_of(const float *listed, const int32_t *items, int64_t c, int64_t r, int64_t place,
                                   const float *similarity, const int32_t *found, int64_t k, const View<int64_t> &events,
                                   const View<double> &weights) {
    double sum = 0, square = 0;
    int64_t count = 0;
    auto known = [&](int64_t at) {
        if (items[at] < 0 || !std::isfinite(listed[at * r + place])) return false;
        check(items[at] < events.size, "an item beyond the catalogue");
        return events[items[at]] > 0;
    };
    for (int64_t at = 0; at < c; at++)
        if (known(at)) {
            sum += listed[at * r + place];
            count++;
        }
    const double mean = sum / double(std::max<int64_t>(count, 1));
    for (int64_t at = 0; at < c; at++)
        if (known(at)) square += (listed[at * r + place] - mean) * (listed[at * r + place] - mean);
    const double deviation = std::sqrt(square / double(std::max<int64_t>(count, 1)));
    std::vector<double> scores(size_t(k), 0);
    for (int64_t at = 0; at < k; at++) {
        if (found[at] < 0) continue;
        check(found[at] < events.size, "an item beyond the catalogue");
        const double own = similarity[at], z = deviation > 0 ? (own - mean) / std::max(deviation, 1e-6) : 0;
        scores[size_t(at)] = weights[0] + weights[1] * (events[found[at]] == 0) + weights[2] * z + weights[3] * own;
    }
    return scores;
}

// See tacit.pipeline.unseen.TextFit.joined: candidates with the items found, their scores by retriever, and all scores.
nb::tuple with_unseen(In2<int32_t> items_, In3<float> by_retriever_, In2<float> scores_, In2<int32_t> found_,
                      In2<float> similarity_, int64_t place, In<int64_t> events_, In<double> weights_) {
    const int64_t n = int64_t(by_retriever_.shape(0)), c = int64_t(by_retriever_.shape(1));
    const int64_t r = int64_t(by_retriever_.shape(2)), k = int64_t(found_.shape(1)), width = c + k;
    View<int64_t> events(events_);
    View<double> weights(weights_);
    check(int64_t(items_.size()) == n * c && int64_t(scores_.size()) == n * c && int64_t(found_.size()) == n * k &&
              int64_t(similarity_.size()) == n * k && place >= 0 && place < r && weights.size == 4,
          "arrays do not fit");
    std::vector<int32_t> items(size_t(n * width), -1);
    std::vector<float> by_retriever(size_t(n * width * r), MINUS_INFINITY), scores(size_t(n * width), MINUS_INFINITY);
    {
        nb::gil_scoped_release release;
        std::vector<std::pair<int32_t, int64_t>> order;
        for (int64_t q = 0; q < n; q++) {
            const int32_t *own = items_.data() + q * c, *found = found_.data() + q * k;
            const float *listed = by_retriever_.data() + q * c * r, *before = scores_.data() + q * c;
            const float *similarity = similarity_.data() + q * k;
            double top = double(std::numeric_limits<float>::lowest()), total = 0;
            for (int64_t at = 0; at < c; at++)
                if (own[at] >= 0) top = std::max(top, double(before[at]));
            for (int64_t at = 0; at < c; at++)
                if (own[at] >= 0) total += std::exp(double(before[at]) - top);
            const double scale = top + std::log(std::max(total, 1e-12));
            const std::vector<double> text =
                text_scores_of(listed, own, c, r, place, similarity, found, k, events, weights);
            std::copy(own, own + c, items.begin() + q * width);
            std::copy(listed, listed + c * r, by_retriever.begin() + q * width * r);
            std::copy(before, before + c, scores.begin() + q * width);
            order.clear();
            for (int64_t at = 0; at < k; at++)
                if (found[at] >= 0) order.push_back({found[at], at});
            std::sort(order.begin(), order.end());
            std::vector<uint8_t> listed_already(size_t(k), 0);
            for (int64_t at = 0; at < c; at++) {  // a candidate keeps its best score
                if (own[at] < 0) continue;
                const auto one = std::lower_bound(order.begin(), order.end(), std::make_pair(own[at], int64_t(0)));
                if (one == order.end() || one->first != own[at]) continue;
                listed_already[size_t(one->second)] = 1;
                float &score = scores[size_t(q * width + at)];
                score = std::max(score, float(text[size_t(one->second)] + scale));
            }
            for (int64_t at = 0; at < k; at++) {
                if (found[at] < 0 || listed_already[size_t(at)]) continue;
                const int64_t to = q * width + c + at;
                items[size_t(to)] = found[at];
                scores[size_t(to)] = float(text[size_t(at)] + scale);
                by_retriever[size_t(to * r + place)] = similarity[at];
            }
        }
    }
    nb::capsule owner;
    int32_t *first = owned(std::move(items), owner);
    return nb::make_tuple(Out2<int32_t>(first, {size_t(n), size_t(width)}, owner),
                          array3(std::move(by_retriever), n, width, r), array2(std::move(scores), n, width));
}

}  // namespace

void define_second_stage(nb::module_ &m) {
    m.def("standardised", &standardised);
    m.def("blend_weights", &blend_weights);
    m.def("blended", &blended);
    m.def("log_softmax", &log_softmax);
    m.def("best_places", &best_places);
    m.def("best_listed", &best_listed);
    m.def("rest_below", &rest_below);
    m.def("with_unseen", &with_unseen);
}

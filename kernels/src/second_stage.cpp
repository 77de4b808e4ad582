// The sums over the candidates of a list: standardised scores, the blend, the best of them.
//
// Each function has a NumPy twin in tacit (tacit/pipeline), which is its specification and the oracle of its tests.

#include "second_stage.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <functional>

#include "features.h"
#include "lists.h"
#include "perceptron.h"
#include "processors.h"

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
    std::vector<float> standard(size_t(n * c * r)), missing(size_t(n * c * r));
    {
        nb::gil_scoped_release release;
        Lists lists;
        for (int64_t q = 0; q < n; q++) {
            lists.take(scores_.data() + q * c * r, c, r);
            for (int64_t at = 0; at < c; at++)
                for (int64_t part = 0; part < r; part++) {
                    standard[size_t((q * c + at) * r + part)] = lists.standard[size_t(part * lists.step + at)];
                    missing[size_t((q * c + at) * r + part)] = lists.missing[size_t(part * lists.step + at)];
                }
        }
    }
    return nb::make_tuple(array3(std::move(standard), n, c, r), array3(std::move(missing), n, c, r));
}

// Adds factor times a vector to a sum, and another factor times another vector to another sum.
FOR_EACH_PROCESSOR void add_both(float *sum, const float *values, float factor, float *other, const float *others,
                                 float other_factor, int64_t count) {
    for (int64_t at = 0; at < count; at++) {
        sum[at] += values[at] * factor;
        other[at] += others[at] * other_factor;
    }
}

// See tacit.pipeline.blend.
class Blend {
  public:
    // learned is float32[4, r].
    Blend(In2<float> learned, In<float> penalty, int64_t n_items, double longest, double day, double year)
        : learned(learned), penalty(penalty), n_items(n_items), longest(longest), day(day), year(year) {
        check(learned.shape(0) == 4 && penalty.shape(0) == learned.shape(1), "arrays do not fit");
    }
    int64_t retrievers() const { return int64_t(learned.shape(1)); }

    // The weight of each retriever for a history.
    void weights(int64_t length, double idle, float *found) const {
        const int64_t r = retrievers();
        const double counted = std::min(std::max(double(length), 1.0), longest);
        const float factors[4] = {float(length <= 0), float(length > 0), float(std::log(counted) / std::log(longest)),
                                  float(std::log1p(std::min(idle / day, year)) / std::log1p(year))};
        std::fill(found, found + r, 0.0f);
        for (int64_t at = 0; at < 4; at++)
            for (int64_t part = 0; part < r; part++) found[part] += factors[at] * learned.data()[at * r + part];
    }

    // Minus infinity on padding.
    void score(const Lists &lists, const int32_t *items, const float *weights, float *found) const {
        const int64_t c = lists.candidates;
        thread_local std::vector<float> lost;
        lost.assign(size_t(c), 0);
        std::fill(found, found + c, 0.0f);
        for (int64_t part = 0; part < lists.retrievers; part++)
            add_both(found, lists.standard.data() + part * lists.step, weights[part], lost.data(),
                     lists.missing.data() + part * lists.step, penalty.data()[part], c);
        for (int64_t at = 0; at < c; at++)
            found[at] = items[at] < 0 ? MINUS_INFINITY : items[at] < n_items ? found[at] + lost[size_t(at)] : found[at];
    }

  private:
    In2<float> learned;
    In<float> penalty;
    int64_t n_items;
    double longest, day, year;
};

// See tacit.pipeline.blend.Blend.weights_for.
Out2<float> blend_weights(const Blend &blend, In<int64_t> lengths, In<double> idle_times) {
    const int64_t n = int64_t(lengths.shape(0)), r = blend.retrievers();
    check(int64_t(idle_times.shape(0)) == n, "arrays do not fit");
    std::vector<float> found(size_t(n * r));
    for (int64_t q = 0; q < n; q++) blend.weights(lengths.data()[q], idle_times.data()[q], found.data() + q * r);
    return array2(std::move(found), n, r);
}

// See tacit.pipeline.blend.Blend.score.
Out2<float> blended(const Blend &blend, In2<int32_t> items, In3<float> scores, In<int64_t> lengths,
                    In<double> idle_times) {
    const int64_t n = int64_t(scores.shape(0)), c = int64_t(scores.shape(1)), r = int64_t(scores.shape(2));
    check(int64_t(items.shape(0)) == n && int64_t(items.shape(1)) == c && int64_t(lengths.shape(0)) == n &&
              int64_t(idle_times.shape(0)) == n && r == blend.retrievers(),
          "arrays do not fit");
    std::vector<float> found(size_t(n * c)), weights(size_t(r), 0);
    {
        nb::gil_scoped_release release;
        Lists lists;
        for (int64_t q = 0; q < n; q++) {
            lists.take(scores.data() + q * c * r, c, r);
            blend.weights(lengths.data()[q], idle_times.data()[q], weights.data());
            blend.score(lists, items.data() + q * c, weights.data(), found.data() + q * c);
        }
    }
    return array2(std::move(found), n, c);
}

// The logarithm of the softmax of a list, in place; see tacit.pipeline.blend.log_softmax.
void log_softmax(float *scores, int64_t count, float never) {
    float top = never, total = 0;
    for (int64_t at = 0; at < count; at++)
        if (std::isfinite(scores[at])) top = std::max(top, scores[at]);
    for (int64_t at = 0; at < count; at++)
        if (std::isfinite(scores[at])) total += std::exp(scores[at] - top);
    const float part = std::log(std::max(total, 1.0f));
    for (int64_t at = 0; at < count; at++) scores[at] = scores[at] - top - part;
}

// The places of a list as numbers in the order of their rounded scores: the greater the better, of ties the first.
FOR_EACH_PROCESSOR void order_places(const float *scores, int64_t count, float unit, uint64_t *found) {
    for (int64_t at = 0; at < count; at++)
        found[at] = uint64_t(ordered(std::nearbyint(scores[at] * unit) / unit)) << 32 | uint64_t(~uint32_t(at));
}

inline int64_t place_of(uint64_t number) { return int64_t(~uint32_t(number)); }

// Marks the best so many places of a list; see tacit.pipeline.secondstage._best.
void mark_best(const float *scores, int64_t count, int64_t best, float unit, bool *found) {
    thread_local std::vector<uint64_t> places;
    places.resize(size_t(count));
    order_places(scores, count, unit, places.data());
    const int64_t kept = std::min(std::max<int64_t>(best, 0), count);
    if (kept < count) std::nth_element(places.begin(), places.begin() + kept, places.end(), std::greater<uint64_t>());
    std::fill(found, found + count, false);
    for (int64_t at = 0; at < kept; at++) found[place_of(places[size_t(at)])] = true;
}

// Lowers the rest of a list below the chosen ones; see tacit.pipeline.secondstage._below.
void lower_rest(float *scores, const bool *chosen, const bool *rest, int64_t count, float step) {
    float lowest = std::numeric_limits<float>::infinity(), highest = MINUS_INFINITY;
    for (int64_t at = 0; at < count; at++) {
        if (chosen[at]) lowest = std::min(lowest, scores[at]);
        if (rest[at]) highest = std::max(highest, scores[at]);
    }
    const float too_high = std::max(highest - lowest + step, 0.0f);
    for (int64_t at = 0; at < count; at++)
        if (rest[at]) scores[at] -= too_high;
}

Out2<float> log_softmax_of(In2<float> scores, float never) {
    const int64_t n = int64_t(scores.shape(0)), c = int64_t(scores.shape(1));
    std::vector<float> found(scores.data(), scores.data() + n * c);
    for (int64_t q = 0; q < n; q++) log_softmax(found.data() + q * c, c, never);
    return array2(std::move(found), n, c);
}

nb::object best_places(In2<float> scores, int64_t best, float unit) {
    const int64_t n = int64_t(scores.shape(0)), c = int64_t(scores.shape(1));
    std::vector<uint8_t> found(size_t(n * c), 0);
    for (int64_t q = 0; q < n; q++)
        mark_best(scores.data() + q * c, c, best, unit, reinterpret_cast<bool *>(found.data()) + q * c);
    nb::capsule owner;
    uint8_t *first = owned(std::move(found), owner);
    return nb::cast(Out2<uint8_t>(first, {size_t(n), size_t(c)}, owner));
}

// Scores of chosen candidates in place of their own, the rest of each list below them.
Out2<float> rest_below(In2<float> base, In2<bool> chosen, In2<bool> rest, In<float> own, float step) {
    const int64_t n = int64_t(base.shape(0)), c = int64_t(base.shape(1));
    check(chosen.size() == base.size() && rest.size() == base.size(), "arrays do not fit");
    check(std::count(chosen.data(), chosen.data() + n * c, true) == int64_t(own.shape(0)), "arrays do not fit");
    std::vector<float> found(base.data(), base.data() + n * c);
    const float *next = own.data();
    for (int64_t at = 0; at < n * c; at++)
        if (chosen.data()[at]) found[size_t(at)] = *next++;
    for (int64_t q = 0; q < n; q++)
        lower_rest(found.data() + q * c, chosen.data() + q * c, rest.data() + q * c, c, step);
    return array2(std::move(found), n, c);
}

// The second stage with a ranker that is a set of perceptrons, or with none.
class SecondStage {
  public:
    // unit, step: see tacit.pipeline.secondstage. never: the least score of a list.
    SecondStage(nb::object blend_, float never, float unit, float step)
        : blend_(blend_), blend(nb::cast<const Blend &>(blend_)), never(never), unit(unit), step(step) {}

    // weights are [members, width before, width], biases [members, width]; last is [members * width].
    void rank(nb::object features, In<float> mean, In<float> factor, In<int64_t> gaps, In<int64_t> buckets, float limit,
              const std::vector<std::pair<In3<float>, In2<float>>> &layers, In<float> last, float bias, float weight,
              bool knows_new_users) {
        Ranking ranking{features, nb::cast<const Features *>(features),
                        Normaliser(mean, factor, gaps, buckets, limit), nullptr, weight, knows_new_users};
        const int64_t members = layers.empty() ? 1 : int64_t(layers[0].first.shape(0));
        int64_t width = ranking.normaliser.width();
        ranking.networks =
            std::make_unique<Perceptrons>(width, members, last.data(), int64_t(last.shape(0)), bias);
        for (const auto &[weights, biases] : layers) {
            check(int64_t(weights.shape(0)) == members && int64_t(weights.shape(1)) == width &&
                      biases.shape(0) == weights.shape(0) && biases.shape(1) == weights.shape(2),
                  "layers do not fit");
            width = int64_t(weights.shape(2));
            ranking.networks->add(weights.data(), biases.data(), width);
        }
        check(int64_t(last.shape(0)) == members * width, "layers do not fit");
        check(ranking.features->columns(blend.retrievers()) == ranking.normaliser.columns(), "features do not fit");
        ranking_ = std::make_unique<Ranking>(std::move(ranking));
    }

    // The final scores of candidates: float32[n, c]. So many of each list as ranked are scored by the ranker.
    Out2<float> score(const Histories &histories, In2<int32_t> queries_traits, In2<int32_t> items_, In3<float> scores_,
                      In<int64_t> lengths, In<double> idle_times, int64_t ranked) const {
        const int64_t n = int64_t(scores_.shape(0)), c = int64_t(scores_.shape(1)), r = int64_t(scores_.shape(2));
        const int64_t n_traits = int64_t(queries_traits.shape(1));
        check(int64_t(items_.shape(0)) == n && int64_t(items_.shape(1)) == c && int64_t(lengths.shape(0)) == n &&
                  int64_t(idle_times.shape(0)) == n && histories.size() == n && r == blend.retrievers() &&
                  int64_t(queries_traits.shape(0)) == n,
              "arrays do not fit");
        std::vector<float> found(size_t(n * c));
        {
            nb::gil_scoped_release release;
            thread_local Lists lists;
            thread_local std::vector<float> weights;
            weights.resize(size_t(r));
            for (int64_t q = 0; q < n; q++) {
                const int32_t *items = items_.data() + q * c, *traits = queries_traits.data() + q * n_traits;
                float *own = found.data() + q * c;
                lists.take(scores_.data() + q * c * r, c, r);
                blend.weights(lengths.data()[q], idle_times.data()[q], weights.data());
                blend.score(lists, items, weights.data(), own);
                log_softmax(own, c, never);
                if (!ranking_) continue;
                const bool known = lengths.data()[q] > 0 || std::any_of(traits, traits + n_traits, [](int32_t t) { return t != 0; });
                if (known || ranking_->knows_new_users) rerank(histories.query(q), lists, items, ranked, own);
            }
        }
        return array2(std::move(found), n, c);
    }

  private:
    struct Ranking {
        nb::object features_;
        const Features *features;
        Normaliser normaliser;
        std::unique_ptr<Perceptrons> networks;
        float weight;
        bool knows_new_users;
    };
    nb::object blend_;
    const Blend &blend;
    float never, unit, step;
    std::unique_ptr<Ranking> ranking_;

    // Replaces the scores of the best of a list by those of the ranker, and lowers the others below them.
    void rerank(Query query, const Lists &lists, const int32_t *items, int64_t ranked, float *scores) const {
        thread_local std::vector<uint8_t> chosen_, rest_;
        thread_local std::vector<float> block, added;
        thread_local Picked picked;
        const int64_t c = lists.candidates;
        chosen_.resize(size_t(c));
        rest_.assign(size_t(c), 0);
        bool *chosen = reinterpret_cast<bool *>(chosen_.data()), *rest = reinterpret_cast<bool *>(rest_.data());
        const bool some = ranked < c;
        if (some) mark_best(scores, c, ranked, unit, chosen);
        for (int64_t at = 0; at < c; at++) {
            rest[at] = some && items[at] >= 0 && !chosen[at];
            chosen[at] = items[at] >= 0 && (!some || chosen[at]);
        }
        picked.take(items, chosen, c);
        query.ask(lists, picked);
        if (!query.pairs) return;
        constexpr int64_t STEP = Perceptrons::STEP;
        const int64_t width = (query.pairs + STEP - 1) / STEP * STEP;
        block.resize(size_t(width * ranking_->normaliser.width()));
        added.resize(size_t(width));
        ranking_->features->compute(query, Block{block.data(), width});
        ranking_->normaliser.transform(Block{block.data(), width}, query.pairs);
        ranking_->networks->mean(block.data(), query.pairs, width, added.data());
        for (int64_t p = 0; p < query.pairs; p++) {
            float &own = scores[query.places[p]];
            const float by_ranker = added[size_t(p)] + own;
            own = own + ranking_->weight * (by_ranker - own);
        }
        if (some) lower_rest(scores, chosen, rest, c, step);
    }
};

// See tacit.pipeline.twostage._best_listed.
nb::tuple best_listed(In2<int32_t> items_, In2<float> scores_, int64_t k, float unit) {
    const int64_t n = int64_t(scores_.shape(0)), c = int64_t(scores_.shape(1));
    check(items_.shape(0) == scores_.shape(0) && items_.shape(1) == scores_.shape(1) && k >= 0, "arrays do not fit");
    std::vector<int32_t> items(size_t(n * k), -1);
    std::vector<float> scores(size_t(n * k), MINUS_INFINITY);
    {
        nb::gil_scoped_release release;
        std::vector<uint64_t> places(size_t(c), 0);
        for (int64_t q = 0; q < n; q++) {
            const float *own = scores_.data() + q * c;
            order_places(own, c, unit, places.data());
            const auto last = std::remove_if(places.begin(), places.end(), [&](uint64_t number) {
                return !(own[place_of(number)] > MINUS_INFINITY);
            });
            const int64_t kept = std::min<int64_t>(k, last - places.begin());
            std::partial_sort(places.begin(), places.begin() + kept, last, std::greater<uint64_t>());
            float least = std::numeric_limits<float>::infinity();
            for (int64_t at = 0; at < kept; at++) {
                const int64_t place = place_of(places[size_t(at)]);
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
    nb::class_<Blend>(m, "Blend")
        .def(nb::init<In2<float>, In<float>, int64_t, double, double, double>())
        .def("weights", &blend_weights)
        .def("score", &blended);
    m.def("log_softmax", &log_softmax_of);
    m.def("best_places", &best_places);
    m.def("rest_below", &rest_below);
    nb::class_<SecondStage>(m, "SecondStage")
        .def(nb::init<nb::object, float, float, float>())
        .def("rank", &SecondStage::rank)
        .def("score", &SecondStage::score);
    m.def("best_listed", &best_listed);
    m.def("with_unseen", &with_unseen);
}

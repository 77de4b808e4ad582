// From the candidates of a query to its list: standardised scores, the blend, the ranker, the best of them.
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
                const bool described = std::any_of(traits, traits + n_traits, [](int32_t trait) { return trait != 0; });
                const bool known = lengths.data()[q] > 0 || described;
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

// The best of a list by their rounded scores, of ties the first; see tacit.pipeline.twostage._best_listed.
void list_best(const int32_t *items, const float *scores, int64_t count, int64_t k, float unit, int32_t *found,
               float *found_scores) {
    thread_local std::vector<uint64_t> places;
    places.resize(size_t(count));
    order_places(scores, count, unit, places.data());
    const auto last = std::remove_if(places.begin(), places.end(), [&](uint64_t number) {
        return !(scores[place_of(number)] > MINUS_INFINITY);
    });
    const int64_t kept = std::min<int64_t>(k, last - places.begin());
    std::partial_sort(places.begin(), places.begin() + kept, last, std::greater<uint64_t>());
    std::fill(found + kept, found + k, -1);
    std::fill(found_scores + kept, found_scores + k, MINUS_INFINITY);
    float least = std::numeric_limits<float>::infinity();
    for (int64_t at = 0; at < kept; at++) {
        const int64_t place = place_of(places[size_t(at)]);
        least = std::min(least, scores[place]);  // within a tie scores may rise
        found[at] = items[place];
        found_scores[at] = least;
    }
}

// The best k of each of n lists, where list(q) gives the items, the scores and the length of one.
template <class List> nb::tuple best_of(int64_t n, int64_t k, float unit, List list) {
    check(k >= 0, "arrays do not fit");
    std::vector<int32_t> items(size_t(n * k), 0);
    std::vector<float> scores(size_t(n * k), 0);
    {
        nb::gil_scoped_release release;
        for (int64_t q = 0; q < n; q++) {
            const auto [own, of_own, count] = list(q);
            list_best(own, of_own, count, k, unit, items.data() + q * k, scores.data() + q * k);
        }
    }
    nb::capsule owner;
    int32_t *first = owned(std::move(items), owner);
    return nb::make_tuple(Out2<int32_t>(first, {size_t(n), size_t(k)}, owner), array2(std::move(scores), n, k));
}

struct List {
    const int32_t *items;
    const float *scores;
    int64_t count;
};

nb::tuple best_listed(In2<int32_t> items, In2<float> scores, int64_t k, float unit) {
    const int64_t n = int64_t(scores.shape(0)), c = int64_t(scores.shape(1));
    check(items.shape(0) == scores.shape(0) && items.shape(1) == scores.shape(1), "arrays do not fit");
    return best_of(n, k, unit, [&](int64_t q) { return List{items.data() + q * c, scores.data() + q * c, c}; });
}

// Candidates with the items without events that were found beside them; see tacit.pipeline.unseen.
class TextFit {
  public:
    // By what all candidates are joined: the retriever that reads texts, the events of items, and learned weights.
    TextFit(In3<float> by_retriever, In2<int32_t> items, In2<float> scores, In2<int32_t> found, In2<float> similarity,
            int64_t place, In<int64_t> events, In<double> weights)
        : n(int64_t(by_retriever.shape(0))), c(int64_t(by_retriever.shape(1))), r(int64_t(by_retriever.shape(2))),
          k(int64_t(found.shape(1))), place(place), by_retriever(by_retriever), items(items), scores(scores),
          found(found), similarity(similarity), events(events), weights(weights) {
        check(int64_t(items.size()) == n * c && int64_t(scores.size()) == n * c && int64_t(found.size()) == n * k &&
                  int64_t(similarity.size()) == n * k && place >= 0 && place < r && weights.shape(0) == 4,
              "arrays do not fit");
    }
    int64_t queries() const { return n; }
    int64_t retrievers() const { return r; }
    int64_t width() const { return c + k; }
    const float *listed(int64_t q) const { return by_retriever.data() + q * c * r; }

    // Fills the items of a query, their scores by text and their scores; each array is `width` long.
    void join(int64_t q, int32_t *to, float *by_text, float *to_scores) const {
        const int32_t *own = items.data() + q * c, *new_items = found.data() + q * k;
        const float *before = scores.data() + q * c, *similar = similarity.data() + q * k;
        const double scale = log_total(own, before);
        const std::vector<double> text = text_scores(q);
        std::copy(own, own + c, to);
        std::copy(before, before + c, to_scores);
        for (int64_t at = 0; at < c; at++) by_text[at] = listed(q)[at * r + place];
        std::vector<std::pair<int32_t, int64_t>> order;
        for (int64_t at = 0; at < k; at++)
            if (new_items[at] >= 0) order.push_back({new_items[at], at});
        std::sort(order.begin(), order.end());
        std::vector<uint8_t> listed_already(size_t(k), 0);
        for (int64_t at = 0; at < c && !order.empty(); at++) {  // a candidate keeps its best score
            if (own[at] < 0) continue;
            const auto one = std::lower_bound(order.begin(), order.end(), std::make_pair(own[at], int64_t(0)));
            if (one == order.end() || one->first != own[at]) continue;
            listed_already[size_t(one->second)] = 1;
            to_scores[at] = std::max(to_scores[at], float(text[size_t(one->second)] + scale));
        }
        for (int64_t at = 0; at < k; at++) {
            const bool fresh = new_items[at] >= 0 && !listed_already[size_t(at)];
            to[c + at] = fresh ? new_items[at] : -1;
            to_scores[c + at] = fresh ? float(text[size_t(at)] + scale) : MINUS_INFINITY;
            by_text[c + at] = fresh ? similar[at] : MINUS_INFINITY;
        }
    }

  private:
    int64_t n, c, r, k, place;
    In3<float> by_retriever;
    In2<int32_t> items;
    In2<float> scores;
    In2<int32_t> found;
    In2<float> similarity;
    In<int64_t> events;
    In<double> weights;

    // The logarithm of the summed exponentials of the scores of a list.
    double log_total(const int32_t *own, const float *before) const {
        double top = double(std::numeric_limits<float>::lowest()), total = 0;
        for (int64_t at = 0; at < c; at++)
            if (own[at] >= 0) top = std::max(top, double(before[at]));
        for (int64_t at = 0; at < c; at++)
            if (own[at] >= 0) total += std::exp(double(before[at]) - top);
        return top + std::log(std::max(total, 1e-12));
    }

    int64_t events_of(int32_t item) const {
        check(item < int64_t(events.shape(0)), "an item beyond the catalogue");
        return events.data()[item];
    }

    // The scores of items without events on the scale of a list.
    std::vector<double> text_scores(int64_t q) const {
        const int32_t *own = items.data() + q * c, *new_items = found.data() + q * k;
        double sum = 0, square = 0;
        std::vector<double> known;
        for (int64_t at = 0; at < c; at++) {
            const float score = listed(q)[at * r + place];
            if (own[at] < 0 || !std::isfinite(score) || events_of(own[at]) <= 0) continue;
            known.push_back(score);
            sum += score;
        }
        const double count = double(std::max<size_t>(known.size(), 1)), mean = sum / count;
        for (const double score : known) square += (score - mean) * (score - mean);
        const double deviation = std::sqrt(square / count);
        std::vector<double> by_text(size_t(k), 0);
        const double *w = weights.data();
        for (int64_t at = 0; at < k; at++) {
            if (new_items[at] < 0) continue;
            const double score = similarity.data()[q * k + at];
            const double z = deviation > 0 ? (score - mean) / std::max(deviation, 1e-6) : 0;
            by_text[size_t(at)] = w[0] + w[1] * (events_of(new_items[at]) == 0) + w[2] * z + w[3] * score;
        }
        return by_text;
    }
};

// See tacit.pipeline.unseen.TextFit.joined: candidates with the items found, their scores by retriever, and all scores.
nb::tuple with_unseen(In2<int32_t> items_, In3<float> by_retriever_, In2<float> scores_, In2<int32_t> found,
                      In2<float> similarity, int64_t place, In<int64_t> events, In<double> weights) {
    const TextFit fit(by_retriever_, items_, scores_, found, similarity, place, events, weights);
    const int64_t n = fit.queries(), r = fit.retrievers(), width = fit.width(), c = int64_t(items_.shape(1));
    std::vector<int32_t> items(size_t(n * width));
    std::vector<float> by_retriever(size_t(n * width * r), MINUS_INFINITY), scores(size_t(n * width));
    {
        nb::gil_scoped_release release;
        std::vector<float> by_text(size_t(width), 0);
        for (int64_t q = 0; q < n; q++) {
            fit.join(q, items.data() + q * width, by_text.data(), scores.data() + q * width);
            std::copy(fit.listed(q), fit.listed(q) + c * r, by_retriever.begin() + q * width * r);
            for (int64_t at = c; at < width; at++)
                by_retriever[size_t((q * width + at) * r + place)] = by_text[size_t(at)];
        }
    }
    nb::capsule owner;
    int32_t *first = owned(std::move(items), owner);
    return nb::make_tuple(Out2<int32_t>(first, {size_t(n), size_t(width)}, owner),
                          array3(std::move(by_retriever), n, width, r), array2(std::move(scores), n, width));
}

// The place-th largest of some numbers, from 1.
float largest(std::vector<float> values, int64_t place) {
    const auto at = values.begin() + (place - 1);
    std::nth_element(values.begin(), at, values.end(), std::greater<float>());
    return *at;
}

// Raises the closest new item, if it is among the `closest` ones by text, to the last of the first `length` places;
// see tacit.pipeline.unseen.with_new_item.
void raise_new_item(const std::vector<int32_t> &items, const std::vector<float> &by_text, std::vector<float> &scores,
                    int64_t known, int64_t closest, int64_t length, float step) {
    size_t best = items.size();
    for (size_t at = 0; at < items.size(); at++)
        if (items[at] >= known && std::isfinite(by_text[at]) && (best == items.size() || by_text[at] > by_text[best]))
            best = at;
    if (best == items.size() || int64_t(items.size()) <= length) return;
    std::vector<float> others = by_text;
    for (size_t at = 0; at < items.size(); at++)
        if (items[at] < 0) others[at] = MINUS_INFINITY;
    if (by_text[best] < largest(others, closest)) return;
    others = scores;
    others[best] = MINUS_INFINITY;
    const float last = largest(std::move(others), length);
    if (!std::isfinite(last)) return;
    scores[best] = std::max(scores[best], last + step * std::max(std::fabs(last), 1.0f));
}

// The best k of candidates and of the items without events found beside them, with a place for a new item.
nb::tuple best_with_unseen(In2<int32_t> items_, In3<float> by_retriever, In2<float> scores_, In2<int32_t> found,
                           In2<float> similarity, int64_t place, In<int64_t> events, In<double> weights, int64_t known,
                           int64_t closest, int64_t length, float step, int64_t k, float unit) {
    const TextFit fit(by_retriever, items_, scores_, found, similarity, place, events, weights);
    check(closest >= 1 && closest <= length, "a new item must be among fewer");
    std::vector<int32_t> items(size_t(fit.width()));
    std::vector<float> by_text(size_t(fit.width()), 0), scores(size_t(fit.width()), 0);
    return best_of(fit.queries(), k, unit, [&](int64_t q) {
        fit.join(q, items.data(), by_text.data(), scores.data());
        if (k >= length) raise_new_item(items, by_text, scores, known, closest, length, step);
        return List{items.data(), scores.data(), fit.width()};
    });
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
    m.def("best_with_unseen", &best_with_unseen);
}

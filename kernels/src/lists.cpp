#include "lists.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "processors.h"

namespace {

constexpr float LARGEST = std::numeric_limits<float>::max();
constexpr int64_t LANES = 8;  // sums side by side: one alone would wait for each addition

inline bool finite(float value) { return std::fabs(value) <= LARGEST; }

double summed(const double *lanes) {
    double total = 0;
    for (int64_t lane = 0; lane < LANES; lane++) total += lanes[lane];
    return total;
}

// Standardises the scores of one retriever; missing is 0 where there is a score, else the lowest standardised one.
FOR_EACH_PROCESSOR void standardise(const float *scores, int64_t count, float *standard, float *missing) {
    double sums[LANES] = {}, squares[LANES] = {};
    int64_t scored = 0;
    const int64_t whole = count - count % LANES;
    for (int64_t at = 0; at < whole; at += LANES)
        for (int64_t lane = 0; lane < LANES; lane++) sums[lane] += finite(scores[at + lane]) ? scores[at + lane] : 0;
    for (int64_t at = whole; at < count; at++) sums[0] += finite(scores[at]) ? scores[at] : 0;
    for (int64_t at = 0; at < count; at++) scored += finite(scores[at]);
    const double all = double(std::max<int64_t>(scored, 1)), mean = summed(sums) / all;
    for (int64_t at = 0; at < whole; at += LANES)
        for (int64_t lane = 0; lane < LANES; lane++) {
            const double away = finite(scores[at + lane]) ? double(scores[at + lane]) - mean : 0;
            squares[lane] += away * away;
        }
    for (int64_t at = whole; at < count; at++) {
        const double away = finite(scores[at]) ? double(scores[at]) - mean : 0;
        squares[0] += away * away;
    }
    const double factor = 1 / std::max(std::sqrt(summed(squares) / all), 1e-12);
    float least[LANES];
    std::fill(least, least + LANES, scored == count ? std::numeric_limits<float>::infinity() : 0);
    for (int64_t at = 0; at < count; at++) standard[at] = finite(scores[at]) ? float((double(scores[at]) - mean) * factor) : 0;
    for (int64_t at = 0; at < whole; at += LANES)
        for (int64_t lane = 0; lane < LANES; lane++)
            least[lane] = standard[at + lane] < least[lane] ? standard[at + lane] : least[lane];
    float lowest = *std::min_element(least, least + LANES);
    for (int64_t at = whole; at < count; at++) lowest = std::min(lowest, standard[at]);
    for (int64_t at = 0; at < count; at++) missing[at] = finite(scores[at]) ? 0 : lowest;
}

}  // namespace

void Lists::take(const float *given, int64_t candidates_, int64_t retrievers_) {
    candidates = candidates_;
    retrievers = retrievers_;
    const size_t size = size_t(candidates * retrievers);
    if (scores.size() < size) {
        scores.resize(size);
        standard.resize(size);
        missing.resize(size);
    }
    for (int64_t part = 0; part < retrievers; part++) {
        float *own = scores.data() + part * candidates;
        for (int64_t at = 0; at < candidates; at++) own[at] = given[at * retrievers + part];
        standardise(own, candidates, standard.data() + part * candidates, missing.data() + part * candidates);
    }
}

#include "lists.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "processors.h"

namespace {

typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Marks __attribute__((vector_size(32)));
typedef double Doubles __attribute__((vector_size(64)));
constexpr int64_t LANES = 8;

double summed(const Doubles &all) {
    return ((all[0] + all[4]) + (all[2] + all[6])) + ((all[1] + all[5]) + (all[3] + all[7]));
}

// Standardises the scores of one retriever, whose number is a multiple of 8; missing is 0 where there is a score, else
// the lowest standardised one.
FOR_EACH_PROCESSOR void standardise(const float *scores, int64_t count, float *standard, float *missing) {
    Doubles sums = {}, squares = {};
    Marks unscored = {}, marks;
    Floats values, lowest = {};
    auto read = [&](int64_t at) {
        std::memcpy(&values, scores + at, sizeof values);
        marks = values - values == 0;  // not so for infinity
        values = marks ? values : Floats{};
    };
    for (int64_t at = 0; at < count; at += LANES) {
        read(at);
        sums += __builtin_convertvector(values, Doubles);
        unscored += marks;  // -1 for a score
    }
    int64_t scored = 0;
    for (int64_t lane = 0; lane < LANES; lane++) scored -= unscored[lane];
    const double all = double(std::max<int64_t>(scored, 1)), mean = summed(sums) / all;
    for (int64_t at = 0; at < count; at += LANES) {
        read(at);
        const Doubles counted = __builtin_convertvector(marks, Doubles);  // -1 for a score
        const Doubles away = (__builtin_convertvector(values, Doubles) - mean) * counted;
        squares += away * away;
    }
    const double factor = 1 / std::max(std::sqrt(summed(squares) / all), 1e-12);
    for (int64_t at = 0; at < count; at += LANES) {
        read(at);
        values = __builtin_convertvector((__builtin_convertvector(values, Doubles) - mean) * factor, Floats);
        values = marks ? values : Floats{};
        lowest = values < lowest ? values : lowest;
        std::memcpy(standard + at, &values, sizeof values);
    }
    float least = 0;
    for (int64_t lane = 0; lane < LANES; lane++) least = std::min(least, lowest[lane]);
    for (int64_t at = 0; at < count; at += LANES) {
        read(at);
        values = marks ? Floats{} : Floats{} + least;
        std::memcpy(missing + at, &values, sizeof values);
    }
}

}  // namespace

void Lists::take(const float *given, int64_t candidates_, int64_t retrievers_) {
    candidates = candidates_;
    retrievers = retrievers_;
    step = (candidates + LANES - 1) / LANES * LANES;
    const size_t size = size_t(step * retrievers);
    if (scores.size() < size) {
        scores.resize(size);
        standard.resize(size);
        missing.resize(size);
    }
    for (int64_t part = 0; part < retrievers; part++) {
        float *own = scores.data() + part * step;
        for (int64_t at = 0; at < candidates; at++) own[at] = given[at * retrievers + part];
        std::fill(own + candidates, own + step, -std::numeric_limits<float>::infinity());
        standardise(own, step, standard.data() + part * step, missing.data() + part * step);
    }
}

// Perceptrons, in a file of its own: a product and a sum may be one instruction here.

#include "perceptron.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "processors.h"

namespace {

constexpr int64_t GROUP = 8;  // outputs whose weights lie side by side
constexpr int64_t MOST = 48;  // places that are computed at once, so that what is between layers stays in the cache

#define INLINE inline __attribute__((always_inline))

typedef float Four __attribute__((vector_size(16)));
typedef float Eight __attribute__((vector_size(32)));
typedef float Sixteen __attribute__((vector_size(64)));

// Inputs by column, of which some are used, and a layer for them.
struct Task {
    const float *values;
    int64_t step;
    const int32_t *used;
    int64_t count;
    const float *weights, *biases;
    int64_t before, groups;
    float *found;  // [groups * GROUP][MOST]
};

// Some outputs of a layer for some places: sums in registers, the larger of each and 0.
template <class Vector, int VECTORS, int OUTPUTS>
INLINE void tile(const Task &task, const float *values, const float *weights, const float *biases, float *found) {
    constexpr int LANES = sizeof(Vector) / sizeof(float);
    Vector sums[OUTPUTS][VECTORS], own[VECTORS];
#pragma GCC unroll 8
    for (int output = 0; output < OUTPUTS; output++)
#pragma GCC unroll 4
        for (int part = 0; part < VECTORS; part++) sums[output][part] = Vector{} + biases[output];
    for (int64_t at = 0; at < task.count; at++) {
        const int64_t input = task.used[at];
        const float *column = values + input * task.step, *weight = weights + input * GROUP;
#pragma GCC unroll 4
        for (int part = 0; part < VECTORS; part++) std::memcpy(&own[part], column + part * LANES, sizeof(Vector));
#pragma GCC unroll 8
        for (int output = 0; output < OUTPUTS; output++)
#pragma GCC unroll 4
            for (int part = 0; part < VECTORS; part++) sums[output][part] += own[part] * weight[output];
    }
#pragma GCC unroll 8
    for (int output = 0; output < OUTPUTS; output++)
#pragma GCC unroll 4
        for (int part = 0; part < VECTORS; part++) {
            const Vector kept = sums[output][part] > 0 ? sums[output][part] : Vector{};
            std::memcpy(found + output * MOST + part * LANES, &kept, sizeof(Vector));
        }
}

template <class Vector, int OUTPUTS> INLINE void layer(const Task &task, int64_t places) {
    constexpr int64_t LANES = sizeof(Vector) / sizeof(float);
    for (int64_t group = 0; group < task.groups; group++)
        for (int64_t output = 0; output < GROUP; output += OUTPUTS) {
            const float *weights = task.weights + group * task.before * GROUP + output;
            const float *biases = task.biases + group * GROUP + output;
            float *found = task.found + (group * GROUP + output) * MOST;
            int64_t place = 0;
            for (; place + 3 * LANES <= places; place += 3 * LANES)
                tile<Vector, 3, OUTPUTS>(task, task.values + place, weights, biases, found + place);
            if (place + 2 * LANES <= places) {
                tile<Vector, 2, OUTPUTS>(task, task.values + place, weights, biases, found + place);
                place += 2 * LANES;
            }
            if (place < places) tile<Vector, 1, OUTPUTS>(task, task.values + place, weights, biases, found + place);
        }
}

void layer_of_any(const Task &task, int64_t places) { layer<Four, 4>(task, places); }

#if PROCESSORS_DIFFER
__attribute__((target("arch=x86-64-v3"))) void layer_of_v3(const Task &task, int64_t places) {
    layer<Eight, 4>(task, places);
}
__attribute__((target("arch=x86-64-v4"))) void layer_of_v4(const Task &task, int64_t places) {
    layer<Sixteen, 8>(task, places);
}

void (*const LAYER)(const Task &, int64_t) = __builtin_cpu_supports("x86-64-v4")   ? layer_of_v4
                                             : __builtin_cpu_supports("x86-64-v3") ? layer_of_v3
                                                                                   : layer_of_any;
#else
void (*const LAYER)(const Task &, int64_t) = layer_of_any;
#endif

// Adds the inputs of a layer, each times its weight.
FOR_EACH_PROCESSOR void add_weighted(const float *values, int64_t step, int64_t inputs, const float *weights,
                                     int64_t places, float *found) {
    for (int64_t input = 0; input < inputs; input++)
        for (int64_t place = 0; place < places; place++) found[place] += values[input * step + place] * weights[input];
}

FOR_EACH_PROCESSOR bool constant(const float *values, int64_t count) {
    int32_t different = 0;
    for (int64_t at = 0; at < count; at++) different |= values[at] != values[0];
    return !different;
}

}  // namespace

Perceptrons::Perceptrons(int64_t inputs, int64_t members, const float *last, int64_t size, float bias)
    : inputs_(inputs), members(members), width(inputs), layers(size_t(members)), last(last, last + size), bias(bias) {}

void Perceptrons::add(const float *weights, const float *biases, int64_t next) {
    for (int64_t member = 0; member < members; member++) {
        Layer one{width, (next + GROUP - 1) / GROUP, {}, {}};
        one.weights.assign(size_t(one.groups * width * GROUP), 0);
        one.biases.assign(size_t(one.groups * GROUP), 0);
        for (int64_t output = 0; output < next; output++) {
            one.biases[size_t(output)] = biases[member * next + output];
            for (int64_t input = 0; input < width; input++)
                one.weights[size_t((output / GROUP * width + input) * GROUP + output % GROUP)] =
                    weights[(member * width + input) * next + output];
        }
        layers[size_t(member)].push_back(std::move(one));
    }
    width = next;
}

void Perceptrons::mean(const float *values, int64_t count, int64_t step, float *found) const {
    std::fill(found, found + step, bias);
    if (layers[0].empty()) return add_weighted(values, step, inputs_, last.data(), step, found);
    thread_local std::vector<int32_t> varying, all;
    thread_local std::vector<float> biases, states[2];
    varying.clear();
    std::vector<int32_t> same;
    for (int64_t input = 0; input < inputs_; input++)
        (constant(values + input * step, count) ? same : varying).push_back(int32_t(input));
    int64_t widest = 0;
    for (const Layer &one : layers[0]) widest = std::max(widest, one.groups * GROUP);
    if (int64_t(all.size()) < widest) {
        all.resize(size_t(widest));
        std::iota(all.begin(), all.end(), 0);
    }
    for (auto &state : states)
        if (int64_t(state.size()) < widest * MOST) state.resize(size_t(widest * MOST));
    for (int64_t member = 0; member < members; member++) {
        const std::vector<Layer> &own = layers[size_t(member)];
        // An input that is the same everywhere is a part of the bias.
        biases = own[0].biases;
        for (int64_t group = 0; group < own[0].groups; group++)
            for (const int32_t input : same)
                for (int64_t output = 0; output < GROUP; output++)
                    biases[size_t(group * GROUP + output)] +=
                        own[0].weights[size_t((group * own[0].before + input) * GROUP + output)] * values[input * step];
        for (int64_t start = 0; start < step; start += MOST) {
            const int64_t places = std::min(MOST, step - start);
            Task task{values + start, step, varying.data(), int64_t(varying.size()), own[0].weights.data(),
                      biases.data(), own[0].before, own[0].groups, states[0].data()};
            LAYER(task, places);
            for (size_t next = 1; next < own.size(); next++) {
                const Layer &one = own[next];
                task = Task{task.found, MOST, all.data(), one.before, one.weights.data(), one.biases.data(), one.before,
                            one.groups, states[next % 2].data()};
                LAYER(task, places);
            }
            add_weighted(task.found, MOST, width, last.data() + member * width, places, found + start);
        }
    }
}

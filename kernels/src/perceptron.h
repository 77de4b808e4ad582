// The mean output of perceptrons of one shape, each with layers of its own over the same inputs.

#pragma once

#include <cstdint>
#include <vector>

// See tacit.rankers.layers.Stacked.
class Perceptrons {
  public:
    // last is [members * width of the last layer]; all members read the inputs themselves where there are no layers.
    Perceptrons(int64_t inputs, int64_t members, const float *last, int64_t size, float bias);

    // Adds a layer: weights are [members, width before, width], biases [members, width].
    void add(const float *weights, const float *biases, int64_t width);

    int64_t inputs() const { return inputs_; }

    // The outputs for some inputs by column: values[column * step + place]. step is a multiple of STEP, and so much
    // memory of found is written; what is beyond count means nothing.
    void mean(const float *values, int64_t count, int64_t step, float *found) const;

    static constexpr int64_t STEP = 16;

  private:
    // Weights lie in groups of outputs: [groups][width before][GROUP].
    struct Layer {
        int64_t before, groups;
        std::vector<float> weights, biases;
    };
    int64_t inputs_, members, width;
    std::vector<std::vector<Layer>> layers;  // of each member
    std::vector<float> last;
    float bias;
};

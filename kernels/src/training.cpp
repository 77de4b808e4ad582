// The products of a perceptron while it learns. A product and a sum may be one instruction here. The NumPy twin,
// tacit.rankers.perceptrons.Layers, is the specification: the same numbers but for the order of sums.

#include "training.h"

#include "processors.h"

namespace {

#define INLINE inline __attribute__((always_inline))

typedef float Four __attribute__((vector_size(16)));
typedef float Eight __attribute__((vector_size(32)));
typedef float Sixteen __attribute__((vector_size(64)));

constexpr int64_t PAD = 16;  // columns are a multiple of it, so that no vector goes beyond a row

int64_t padded(int64_t width) { return (width + PAD - 1) / PAD * PAD; }

// found[r][c] = start[c] + sum over k of left(r, k) right[k][c], for padded columns; left(r, k) lies where the
// steps say, so that the same loop reads a matrix or its transpose.
struct Product {
    const float *left;
    int64_t row_step, inner_step;
    const float *right, *start;
    float *found;
    int64_t rows, inner, columns;
};

template <class Vector, int VECTORS, int ROWS> INLINE void tile(const Product &of, int64_t row, int64_t column) {
    constexpr int LANES = sizeof(Vector) / sizeof(float);
    Vector sums[ROWS][VECTORS], own[VECTORS];
#pragma GCC unroll 8
    for (int part = 0; part < VECTORS; part++) {
        std::memcpy(&own[part], of.start + column + part * LANES, sizeof(Vector));
#pragma GCC unroll 8
        for (int at = 0; at < ROWS; at++) sums[at][part] = own[part];
    }
    const float *left = of.left + row * of.row_step, *right = of.right + column;
    for (int64_t k = 0; k < of.inner; k++, left += of.inner_step, right += of.columns) {
#pragma GCC unroll 8
        for (int part = 0; part < VECTORS; part++) std::memcpy(&own[part], right + part * LANES, sizeof(Vector));
#pragma GCC unroll 8
        for (int at = 0; at < ROWS; at++) {
            const float factor = left[at * of.row_step];
#pragma GCC unroll 8
            for (int part = 0; part < VECTORS; part++) sums[at][part] += own[part] * factor;
        }
    }
#pragma GCC unroll 8
    for (int at = 0; at < ROWS; at++)
#pragma GCC unroll 8
        for (int part = 0; part < VECTORS; part++)
            std::memcpy(of.found + (row + at) * of.columns + column + part * LANES, &sums[at][part], sizeof(Vector));
}

template <class Vector, int VECTORS, int ROWS> INLINE void strip(const Product &of, int64_t row, int64_t column) {
    for (; row + ROWS <= of.rows; row += ROWS) tile<Vector, VECTORS, ROWS>(of, row, column);
    if constexpr (ROWS > 1) strip<Vector, VECTORS, ROWS / 2>(of, row, column);
}

template <class Vector, int VECTORS, int ROWS> INLINE void multiply(const Product &of, int64_t column = 0) {
    constexpr int LANES = sizeof(Vector) / sizeof(float);
    for (; column + VECTORS * LANES <= of.columns; column += VECTORS * LANES)
        strip<Vector, VECTORS, ROWS>(of, 0, column);
    if constexpr (VECTORS > 1) multiply<Vector, VECTORS / 2, ROWS>(of, column);
}

void multiply_of_any(const Product &of) { multiply<Four, 2, 4>(of); }

#if PROCESSORS_DIFFER
__attribute__((target("arch=x86-64-v3"))) void multiply_of_v3(const Product &of) { multiply<Eight, 2, 5>(of); }
__attribute__((target("arch=x86-64-v4"))) void multiply_of_v4(const Product &of) { multiply<Sixteen, 4, 6>(of); }

void (*const MULTIPLY)(const Product &) = __builtin_cpu_supports("x86-64-v4")   ? multiply_of_v4
                                          : __builtin_cpu_supports("x86-64-v3") ? multiply_of_v3
                                                                                : multiply_of_any;
#else
void (*const MULTIPLY)(const Product &) = multiply_of_any;
#endif

// The larger of each number and 0; 0 where a byte is below a limit.
FOR_EACH_PROCESSOR void kept(float *values, const uint8_t *draws, int limit, int64_t size) {
    if (limit == 0) {
        for (int64_t at = 0; at < size; at++) values[at] = values[at] > 0 ? values[at] : 0;
        return;
    }
    for (int64_t at = 0; at < size; at++) values[at] = (values[at] > 0) & (draws[at] >= limit) ? values[at] : 0;
}

// 0 where another number is.
FOR_EACH_PROCESSOR void masked(float *values, const float *others, int64_t size) {
    for (int64_t at = 0; at < size; at++) values[at] = others[at] > 0 ? values[at] : 0;
}

FOR_EACH_PROCESSOR void add(float *sums, const float *values, int64_t size) {
    for (int64_t at = 0; at < size; at++) sums[at] += values[at];
}

// A perceptron's layers with the states of the last call forward. Weights lie as in NumPy: for each layer
// [inputs + 1, outputs], what is added in the last row.
class Layers {
  public:
    explicit Layers(std::vector<int64_t> widths) : widths_(std::move(widths)) {
        check(widths_.size() >= 2, "a perceptron has an input and an output");
        for (const int64_t width : widths_) check(width >= 1, "a layer has a width");
        for (size_t layer = 0; layer + 1 < widths_.size(); layer++)
            size_ += (widths_[layer] + 1) * widths_[layer + 1];
        states_.resize(widths_.size());
    }

    Out2<float> forward(In2<float> features, In<int64_t> rows_, In<float> weights, In<uint8_t> draws, int limit) {
        View<int64_t> rows(rows_);
        std::vector<float> found(size_t(rows.size * widths_.back()));
        {
            nb::gil_scoped_release release;
            check(int64_t(features.shape(1)) == widths_[0] && int64_t(weights.shape(0)) == size_, "arrays do not fit");
            check(0 <= limit && limit < 256, "a limit is a byte");
            int64_t hidden = 0;
            for (size_t layer = 1; layer < last(); layer++) hidden += widths_[layer];
            check(limit == 0 || int64_t(draws.shape(0)) >= hidden * rows.size, "arrays do not fit");
            count_ = rows.size, limit_ = limit;
            gather(features.data(), int64_t(features.shape(0)), rows);
            const uint8_t *own = draws.data();
            const float *of_layer = weights.data();
            for (size_t layer = 1; layer <= last(); layer++) {
                affine(layer, of_layer);
                of_layer += (widths_[layer - 1] + 1) * widths_[layer];
                if (layer == last()) break;
                const int64_t width = widths_[layer], step = padded(width);
                for (int64_t row = 0; row < count_; row++)
                    kept(states_[layer].data() + row * step, limit ? own + row * width : nullptr, limit, width);
                if (limit) own += count_ * width;
            }
            const int64_t width = widths_.back(), step = padded(width);
            for (int64_t row = 0; row < count_; row++)
                std::copy_n(states_.back().data() + row * step, width, found.data() + row * width);
        }
        nb::capsule owner;
        float *data = owned(std::move(found), owner);
        return Out2<float>(data, {size_t(rows.size), size_t(widths_.back())}, owner);
    }

    void back(In<float> weights, In2<float> slope, nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu> slopes) {
        nb::gil_scoped_release release;
        check(int64_t(weights.shape(0)) == size_ && int64_t(slopes.shape(0)) == size_, "arrays do not fit");
        check(int64_t(slope.shape(0)) == count_ && int64_t(slope.shape(1)) == widths_.back(), "arrays do not fit");
        int64_t step = padded(widths_.back());
        slope_.assign(size_t(count_ * step), 0);
        for (int64_t row = 0; row < count_; row++)
            std::copy_n(slope.data() + row * widths_.back(), widths_.back(), slope_.data() + row * step);
        int64_t end = size_;
        for (size_t layer = last(); layer >= 1; layer--) {
            end -= (widths_[layer - 1] + 1) * widths_[layer];
            slopes_of(layer, slopes.data() + end);
            if (layer > 1) before(layer, weights.data() + end);
        }
    }

  private:
    size_t last() const { return widths_.size() - 1; }

    // Dropout scales up what it keeps; what is scaled is the weights that read it.
    float scale(size_t layer) const { return layer > 1 ? 256.0f / float(256 - limit_) : 1.0f; }

    const float *zeros(int64_t size) {
        if (int64_t(zeros_.size()) < size) zeros_.assign(size_t(size), 0);
        return zeros_.data();
    }

    void gather(const float *features, int64_t height, const View<int64_t> &rows) {
        const int64_t width = widths_[0];
        states_[0].resize(size_t(count_ * width));
        for (int64_t row = 0; row < count_; row++) {
            check(0 <= rows[row] && rows[row] < height, "a row is beyond the end");
            std::copy_n(features + rows[row] * width, width, states_[0].data() + row * width);
        }
    }

    // The input is as wide as it is; what is computed is padded.
    int64_t step(size_t layer) const { return layer ? padded(widths_[layer]) : widths_[0]; }

    void affine(size_t layer, const float *weights) {
        const int64_t inputs = widths_[layer - 1], outputs = widths_[layer], columns = padded(outputs);
        const float factor = scale(layer);
        packed_.assign(size_t((inputs + 1) * columns), 0);
        for (int64_t input = 0; input <= inputs; input++)
            for (int64_t output = 0; output < outputs; output++)
                packed_[size_t(input * columns + output)] =
                    weights[input * outputs + output] * (input < inputs ? factor : 1.0f);
        states_[layer].resize(size_t(count_ * columns));
        MULTIPLY({states_[layer - 1].data(), step(layer - 1), 1, packed_.data(), packed_.data() + inputs * columns,
                  states_[layer].data(), count_, inputs, columns});
    }

    // The slopes of the weights of a layer, given that of its output.
    void slopes_of(size_t layer, float *slopes) {
        const int64_t inputs = widths_[layer - 1], outputs = widths_[layer], columns = padded(outputs);
        const float factor = scale(layer);
        packed_.resize(size_t((inputs + 1) * columns));
        MULTIPLY({states_[layer - 1].data(), 1, step(layer - 1), slope_.data(), zeros(columns), packed_.data(), inputs,
                  count_, columns});
        float *sums = packed_.data() + inputs * columns;
        std::fill_n(sums, columns, 0.0f);
        for (int64_t row = 0; row < count_; row++) add(sums, slope_.data() + row * columns, columns);
        for (int64_t input = 0; input <= inputs; input++)
            for (int64_t output = 0; output < outputs; output++)
                slopes[input * outputs + output] =
                    packed_[size_t(input * columns + output)] * (input < inputs ? factor : 1.0f);
    }

    // The slope of the input of a layer, in place of that of its output.
    void before(size_t layer, const float *weights) {
        const int64_t inputs = widths_[layer - 1], outputs = widths_[layer], columns = padded(inputs);
        const float factor = scale(layer);
        packed_.assign(size_t(outputs * columns), 0);
        for (int64_t input = 0; input < inputs; input++)
            for (int64_t output = 0; output < outputs; output++)
                packed_[size_t(output * columns + input)] = weights[input * outputs + output] * factor;
        earlier_.resize(size_t(count_ * columns));
        MULTIPLY({slope_.data(), padded(outputs), 1, packed_.data(), zeros(columns), earlier_.data(), count_, outputs,
                  columns});
        masked(earlier_.data(), states_[layer - 1].data(), count_ * columns);
        slope_.swap(earlier_);
    }

    std::vector<int64_t> widths_;
    int64_t size_ = 0, count_ = 0;
    int limit_ = 0;
    std::vector<std::vector<float>> states_;
    std::vector<float> packed_, slope_, earlier_, zeros_;
};

}  // namespace

void define_training(nb::module_ &m) {
    nb::class_<Layers>(m, "Layers")
        .def(nb::init<std::vector<int64_t>>(), nb::arg("widths"))
        .def("forward", &Layers::forward, nb::arg("features"), nb::arg("rows"), nb::arg("weights"), nb::arg("draws"),
             nb::arg("limit"))
        .def("back", &Layers::back, nb::arg("weights"), nb::arg("slope"), nb::arg("slopes"));
}

// The compiled loops: each has a NumPy twin in tacit, which is its specification and the oracle of its tests.

#include "features.h"
#include "first_stage.h"
#include "fits.h"
#include "reasons.h"
#include "scan.h"
#include "scorers.h"
#include "second_stage.h"
#include "texts.h"
#include "training.h"

namespace {

// See tacit.models.decay.decayed, of a log with an order. powers[p] is decay ** p.
Out<float> decayed(In<int64_t> offsets_, In<float> weight_, In<double> powers_) {
    View<int64_t> offsets(offsets_);
    View<float> weight(weight_);
    View<double> powers(powers_);
    check_offsets(offsets, weight.size);
    std::vector<float> found(size_t(weight.size), 0);
    for (int64_t q = 0; q + 1 < offsets.size; q++) {
        check(offsets[q + 1] - offsets[q] <= powers.size, "arrays do not fit");
        for (int64_t e = offsets[q]; e < offsets[q + 1]; e++)
            found[size_t(e)] = float(double(std::max(weight[e], 0.0f)) * powers[offsets[q + 1] - 1 - e]);
    }
    return given(std::move(found));
}

}  // namespace

NB_MODULE(_kernels, m) {
    m.doc() = "Loops over one query; see tacit_kernels.";
    nb::set_leak_warnings(false);  // caches of Python hold scorers until the end of a process
    m.def("decayed", &decayed);
    define_scorers(m);
    define_first_stage(m);
    define_texts(m);
    define_features(m);
    define_second_stage(m);
    define_reasons(m);
    define_scan(m);
    define_fits(m);
    define_training(m);
}

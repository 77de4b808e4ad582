// The scores of the candidates of one query by all retrievers, one retriever after the other.

#pragma once

#include <cstdint>
#include <vector>

// See tacit.pipeline.retrieval.normalised.
struct Lists {
    std::vector<float> scores, standard, missing;  // minus infinity in scores: the retriever has none
    int64_t candidates = 0, retrievers = 0, step = 0;  // step: from one retriever to the next

    // Takes scores[candidate * retrievers + retriever] and standardises them.
    void take(const float *given, int64_t candidates, int64_t retrievers);
};

#include "sparse_rows.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace {

// A row is cold: ask for its first entries while another one is added.
inline void prefetch_entries(const Rows &matrix, int64_t row) {
    const int64_t start = matrix.offsets[row], stop = matrix.offsets[row + 1];
    for (int64_t e = start, end = std::min(stop, start + 512); e < end; e += 16) {
        __builtin_prefetch(matrix.columns.data + e);
        __builtin_prefetch(matrix.values.data + e);
    }
}

constexpr int LINE = 4;  // 16 sums share a line of the cache, and a mark

enum class Marks { none, lines, columns };  // none: where nearly every line is met

// Adds a weighted row of a matrix.
template <Marks MARKS>
void add_row(const int32_t *__restrict columns, const float *__restrict values, int64_t count, float weight,
             float *__restrict total, [[maybe_unused]] uint8_t *__restrict seen, [[maybe_unused]] int64_t width) {
    for (int64_t e = 0; e < count; e++) {
        const int32_t column = columns[e];
#ifdef TACIT_CHECKED
        check(column >= 0 && column < width, "a column beyond the matrix");
#endif
        total[column] += values[e] * weight;
        if constexpr (MARKS == Marks::columns) seen[column] = 1;
        if constexpr (MARKS == Marks::lines) seen[column >> LINE] = 1;
    }
}

// Moves the sums at marked columns, ascending, to a list, and leaves zeros: how many there are.
int64_t drain_columns(float *__restrict total, uint8_t *__restrict seen, int64_t width, int32_t *__restrict columns,
                      float *__restrict values) {
    int64_t count = 0;
    for (int64_t block = 0; block < width; block += 8) {
        uint64_t any;
        std::memcpy(&any, seen + block, 8);
        if (!any) continue;
        std::memset(seen + block, 0, 8);
        for (; any; any &= any - 1) {
            const int64_t column = block + __builtin_ctzll(any) / 8;
            columns[count] = int32_t(column);
            values[count++] = total[column];
            total[column] = 0;
        }
    }
    return count;
}

// Which sums of a line are not 0, as bits.
inline uint32_t not_zero(const float *line) {
    uint32_t found = 0;
#ifdef __SSE2__
    for (int part = 0; part < 4; part++)
        found |= uint32_t(_mm_movemask_ps(_mm_cmpneq_ps(_mm_loadu_ps(line + 4 * part), _mm_setzero_ps()))) << (4 * part);
#else
    for (int at = 0; at < 1 << LINE; at++) found |= uint32_t(line[at] != 0) << at;
#endif
    return found;
}

// Moves the sums of a line that are not 0 to the end of a list, and leaves zeros.
inline void drain_line(float *__restrict total, int64_t line, int32_t *__restrict columns, float *__restrict values,
                       int64_t &count) {
    const int64_t first = line << LINE;
    float *own = total + first;
    for (uint32_t any = not_zero(own); any; any &= any - 1) {
        const int at = __builtin_ctz(any);
        columns[count] = int32_t(first + at);
        values[count++] = own[at];
    }
    for (int at = 0; at < 1 << LINE; at++) own[at] = 0;
}

// The same of marked lines, or of all, without sums of 0.
template <bool MARKED>
int64_t drain_lines(float *__restrict total, uint8_t *__restrict seen, int64_t width, int32_t *__restrict columns,
                    float *__restrict values) {
    const int64_t lines = (width >> LINE) + 1;
    int64_t count = 0;
    if constexpr (!MARKED) {
        for (int64_t line = 0; line < lines; line++) drain_line(total, line, columns, values, count);
        return count;
    }
    for (int64_t block = 0; block < lines; block += 8) {
        uint64_t any;
        std::memcpy(&any, seen + block, 8);
        if (!any) continue;
        std::memset(seen + block, 0, 8);
        for (; any; any &= any - 1) drain_line(total, block + __builtin_ctzll(any) / 8, columns, values, count);
    }
    return count;
}

}  // namespace

bool accumulate(const int32_t *rows, const float *weights, int64_t count, const Rows &matrix, bool zeros, Row &found) {
    const int64_t line = int64_t(1) << LINE, size = matrix.size();
    std::vector<float> &total = workspace<float, 0>(matrix.width + line);
    std::vector<uint8_t> &seen = workspace<uint8_t, 1>(matrix.width + 8);
    Guard<float> guard_total{total};
    Guard<uint8_t> guard_seen{seen};
    int64_t entries = 0;
    for (int64_t r = 0; r < count; r++) {
        check(rows[r] >= 0 && rows[r] < size, "a row beyond the matrix");
        entries += matrix.offsets[rows[r] + 1] - matrix.offsets[rows[r]];
    }
    const bool all = entries > matrix.width;
    const auto add = zeros ? add_row<Marks::columns> : all ? add_row<Marks::none> : add_row<Marks::lines>;
    for (int64_t r = 0; r < count; r++) {
        if (r + 1 < count) prefetch_entries(matrix, rows[r + 1]);
        const int64_t start = matrix.offsets[rows[r]], own = matrix.offsets[rows[r] + 1] - start;
        add(matrix.columns.data + start, matrix.values.data + start, own, weights[r], total.data(), seen.data(),
            matrix.width);
    }
    found.count = 0;
    if (entries) {
        const auto drain = zeros ? drain_columns : all ? drain_lines<false> : drain_lines<true>;
        int32_t *columns = found.columns.of_size(matrix.width + 2 * line);
        float *values = found.values.of_size(matrix.width + 2 * line);
        found.count = drain(total.data(), seen.data(), matrix.width, columns, values);
    }
    guard_total.whole = guard_seen.whole = true;
    return entries > 0;
}

// By a histogram of the first bits, so that only the bin with the k-th best is looked at closely.
void keep_best(std::vector<Pair> &pairs, int64_t k) {
    if (int64_t(pairs.size()) <= k) return;
    if (k <= 0) {
        pairs.clear();
        return;
    }
    constexpr int BITS = 12;
    thread_local std::vector<int32_t> bins;
    thread_local std::vector<uint64_t> close;
    bins.assign(size_t(1) << BITS, 0);
    for (const Pair &pair : pairs) bins[ordered(pair.score) >> (32 - BITS)]++;
    int64_t above = 0;
    int bin = (1 << BITS) - 1;
    while (above + bins[size_t(bin)] < k) above += bins[size_t(bin--)];
    close.clear();
    for (const Pair &pair : pairs)
        if (int(ordered(pair.score) >> (32 - BITS)) == bin) close.push_back(rank_of(pair));
    auto last = close.begin() + (k - above - 1);
    std::nth_element(close.begin(), last, close.end(), std::greater<uint64_t>());
    const uint64_t bar = *last;
    pairs.erase(std::remove_if(pairs.begin(), pairs.end(), [bar](const Pair &one) { return rank_of(one) < bar; }),
                pairs.end());
}

// Why an item is in a list: what the events of one history add to the scores of a few items.
//
// Each function has a NumPy twin in tacit, which is its specification and the oracle of its tests.

#include "reasons.h"

#include <cmath>
#include <numeric>

#include "product.h"

namespace {

// See tacit.models.score_parts.between, for rows whose columns ascend.
Out2<float> entries_between(In<int64_t> offsets_, In<int32_t> columns_, In<float> values_, In<int32_t> rows_,
                            In<int32_t> wanted_) {
    View<int64_t> offsets(offsets_);
    View<int32_t> columns(columns_), rows(rows_), wanted(wanted_);
    View<float> values(values_);
    std::vector<float> found(size_t(rows.size * wanted.size), 0);
    {
        nb::gil_scoped_release release;
        const int64_t n = offsets.size - 1;
        check(n >= 0 && offsets[n] <= std::min(columns.size, values.size), "offsets do not fit");
        for (int64_t row = 0; row < rows.size; row++) {
            if (rows[row] < 0 || rows[row] >= n) continue;
            const int32_t *first = columns.data + offsets[rows[row]], *last = columns.data + offsets[rows[row] + 1];
            for (int64_t at = 0; at < wanted.size; at++) {
                const int32_t *place = std::lower_bound(first, last, wanted[at]);
                if (place != last && *place == wanted[at])
                    found[size_t(row * wanted.size + at)] = values[place - columns.data];
            }
        }
    }
    nb::capsule owner;
    float *first = owned(std::move(found), owner);
    return Out2<float>(first, {size_t(rows.size), size_t(wanted.size)}, owner);
}

// The events of one history by the item they are on, items ascending.
struct ByItem {
    std::vector<int32_t> codes;  // distinct, ascending
    std::vector<int32_t> place;  // of each event among them

    explicit ByItem(const View<int32_t> &item) : place(size_t(item.size), 0) {
        codes.assign(item.data, item.data + item.size);
        std::sort(codes.begin(), codes.end());
        codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
        for (int64_t e = 0; e < item.size; e++)
            place[size_t(e)] = int32_t(std::lower_bound(codes.begin(), codes.end(), item[e]) - codes.begin());
    }
};

// See tacit.pipeline.explain._strongest_by_parts of tacit.models.score_parts.Sums. powers[p] is decay ** p.
Out<int32_t> strongest_by_sums(In2<float> links_, In<float> weight_, In<double> powers_, bool fades, In<int32_t> item_,
                               In<bool> allowed_, double least_share, double rounding) {
    const int64_t events = int64_t(links_.shape(0)), m = int64_t(links_.shape(1));
    View<float> links(links_.data(), events * m), weight(weight_);
    View<double> powers(powers_);
    View<int32_t> item(item_);
    View<bool> allowed(allowed_);
    std::vector<int32_t> found(size_t(m), -1);
    {
        nb::gil_scoped_release release;
        check(weight.size == events && item.size == events && allowed.size == events &&
                  (!fades || powers.size >= events),
              "arrays do not fit");
        const ByItem by_item(item);
        const size_t codes = by_item.codes.size();
        const double bar = std::max(least_share, 1 / double(std::max<size_t>(codes, 1))) - rounding;
        std::vector<uint8_t> welcome(codes, 0);
        std::vector<double> parts(size_t(events), 0), share(codes, 0);
        for (int64_t e = 0; e < events; e++) welcome[size_t(by_item.place[size_t(e)])] |= allowed[e];
        auto faded = [&](int64_t e, int64_t later) {
            return fades ? float(double(weight[e]) * powers[later]) : weight[e];
        };
        for (int64_t at = 0; at < m && events; at++) {
            double total = 0, before = 0, after = 0;
            for (int64_t e = 0; e < events; e++) {
                parts[size_t(e)] = double(links[e * m + at]) * double(faded(e, events - 1 - e));
                total += std::fabs(parts[size_t(e)]);
                before += parts[size_t(e)];
            }
            if (!(total > 0)) continue;
            std::fill(share.begin(), share.end(), 0.0);
            for (int64_t e = 0; e < events; e++)
                share[size_t(by_item.place[size_t(e)])] += double(float(parts[size_t(e)] / total));
            size_t best = 0;
            for (size_t code = 0; code < codes; code++) {
                if (!welcome[code]) share[code] = -1;
                if (share[code] >= share[best]) best = code;  // of equal shares the last
            }
            if (share[best] < bar) continue;
            int64_t later = 0;  // without its events, earlier ones move up
            for (int64_t e = events - 1; e >= 0; e--) {
                if (size_t(by_item.place[size_t(e)]) == best) continue;
                after += double(links[e * m + at] * faded(e, later++));
            }
            if (after < before - rounding * std::fabs(before)) found[size_t(at)] = by_item.codes[best];
        }
    }
    return given(std::move(found));
}

// See tacit.pipeline.explain._strongest_by_parts of tacit.models.score_parts.Cosines. powers[p] is decay ** p.
Out<int32_t> strongest_by_cosines(In2<float> cosine_, In2<float> vectors_, In<float> weight_, In<int64_t> used_,
                                  In<bool> known_, In<double> powers_, bool fades, double closest, int64_t recent,
                                  In<int32_t> item_, In<bool> allowed_, double least_share, double rounding) {
    const int64_t events = int64_t(cosine_.shape(0)), m = int64_t(cosine_.shape(1));
    const int64_t width = int64_t(vectors_.shape(1));
    View<float> cosine(cosine_.data(), events * m), weight(weight_);
    View<int64_t> used(used_);
    View<double> powers(powers_);
    View<int32_t> item(item_);
    View<bool> known(known_), allowed(allowed_);
    const float *vectors = vectors_.data();
    std::vector<int32_t> found(size_t(m), -1);
    {
        nb::gil_scoped_release release;
        check(weight.size == events && used.size == events && int64_t(vectors_.shape(0)) == events && known.size == m &&
                  allowed.size == item.size && (!fades || powers.size >= events),
              "arrays do not fit");
        for (int64_t e = 0; e < events; e++) check(used[e] >= 0 && used[e] < item.size, "an event beyond the history");
        const ByItem by_item(item);
        const size_t codes = by_item.codes.size();
        const double bar = std::max(least_share, 1 / double(std::max<size_t>(codes, 1))) - rounding;
        std::vector<uint8_t> welcome(codes, 0);
        for (int64_t e = 0; e < item.size; e++) welcome[size_t(by_item.place[size_t(e)])] |= allowed[e];
        auto left = [&](int64_t later) { return fades ? float(powers[later]) : 1.0f; };
        auto faded = [&](int64_t e, int64_t later) {
            return fades ? float(double(weight[e]) * powers[later]) : weight[e];
        };
        std::vector<float> mean(size_t(width), 0);
        std::vector<double> parts(size_t(events), 0), share(codes, 0);
        // The score of an item by the events that are not on one of the history; all of them for none (codes).
        auto score = [&](int64_t at, size_t without, double known_length) {
            double total = 0, length = known_length;
            float near = MINUS_INFINITY;
            int64_t later = 0;
            if (without < codes) std::fill(mean.begin(), mean.end(), 0.0f);
            for (int64_t e = events - 1; e >= 0; e--) {
                if (size_t(by_item.place[size_t(used[e])]) == without) continue;
                const float factor = faded(e, later);
                total += factor * cosine[e * m + at];
                if (without < codes) add_scaled(mean.data(), vectors + e * width, factor, width);
                if (later < recent) near = std::max(near, left(later) * cosine[e * m + at]);
                later++;
            }
            if (near == MINUS_INFINITY) return double(MINUS_INFINITY);
            if (without < codes) length = std::sqrt(double(product(mean.data(), mean.data(), width)));
            return (1 - closest) * (length > 1e-9 ? total / length : 0) + closest * double(near);
        };
        for (int64_t e = 0; e < events; e++) add_scaled(mean.data(), vectors + e * width, faded(e, events - 1 - e), width);
        const double length = std::sqrt(double(product(mean.data(), mean.data(), width)));
        for (int64_t at = 0; at < m && events; at++) {
            if (!known[at]) continue;
            float near = MINUS_INFINITY;
            for (int64_t later = 0; later < std::min(recent, events); later++)
                near = std::max(near, left(later) * cosine[(events - 1 - later) * m + at]);
            double total = 0;
            for (int64_t e = 0; e < events; e++) {
                const int64_t later = events - 1 - e;
                parts[size_t(e)] =
                    (1 - closest) * (double(faded(e, later) * cosine[e * m + at]) / std::max(length, 1e-12));
                const float own = left(later) * cosine[e * m + at];
                if (later < recent && own == near) parts[size_t(e)] += closest * double(own);
                total += std::fabs(parts[size_t(e)]);
            }
            if (!(total > 0)) continue;
            std::fill(share.begin(), share.end(), 0.0);
            for (int64_t e = 0; e < events; e++)
                share[size_t(by_item.place[size_t(used[e])])] += double(float(parts[size_t(e)] / total));
            size_t best = 0;
            for (size_t code = 0; code < codes; code++) {
                if (!welcome[code]) share[code] = -1;
                if (share[code] >= share[best]) best = code;  // of equal shares the last
            }
            if (share[best] < bar) continue;
            const double before = score(at, codes, length), after = score(at, best, 0);
            if (after < before - rounding * std::fabs(before)) found[size_t(at)] = by_item.codes[best];
        }
    }
    return given(std::move(found));
}

// See tacit.pipeline.explain.nameable, of one history.
Out<uint8_t> nameable(In<int32_t> item_, In<int16_t> kind_, In<float> weight_, double rounding) {
    View<int32_t> item(item_);
    View<int16_t> kind(kind_);
    View<float> weight(weight_);
    std::vector<uint8_t> found(size_t(item.size), 0);
    {
        nb::gil_scoped_release release;
        check(kind.size == item.size && weight.size == item.size, "arrays do not fit");
        const ByItem by_item(item);
        std::vector<int32_t> order(size_t(item.size));
        std::iota(order.begin(), order.end(), 0);
        auto key = [&](int32_t e) { return std::make_pair(kind[e], by_item.place[size_t(e)]); };
        std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return key(a) < key(b); });
        std::vector<uint8_t> bad(by_item.codes.size(), 0);
        std::vector<std::pair<int32_t, float>> best;  // of a kind: the strongest event on each item
        for (size_t from = 0, upto; from < order.size(); from = upto) {
            best.clear();
            double sum = 0;
            for (upto = from; upto < order.size() && kind[order[upto]] == kind[order[from]]; upto++) {
                const int32_t place = by_item.place[size_t(order[upto])];
                const float own = weight[order[upto]];
                if (best.empty() || best.back().first != place) best.push_back({place, own});
                else best.back().second = std::max(best.back().second, own);
            }
            for (const auto &one : best) sum += one.second;
            const double mean = sum / double(best.size());
            for (const auto &one : best)
                if (one.second < mean - rounding) bad[size_t(one.first)] = 1;
        }
        for (int64_t e = 0; e < item.size; e++)
            if (weight[e] < 0) bad[size_t(by_item.place[size_t(e)])] = 1;
        for (int64_t e = 0; e < item.size; e++)
            found[size_t(e)] = weight[e] > 0 && !bad[size_t(by_item.place[size_t(e)])];
    }
    return given(std::move(found));
}

}  // namespace

void define_reasons(nb::module_ &m) {
    m.def("entries_between", &entries_between);
    m.def("strongest_by_sums", &strongest_by_sums);
    m.def("strongest_by_cosines", &strongest_by_cosines);
    m.def("nameable", &nameable);
}

// Why an item is in a list: what the events of one history add to the scores of a few items.
//
// Each function has a NumPy twin in tacit, which is its specification and the oracle of its tests.

#include "reasons.h"

#include <nanobind/stl/vector.h>

#include <cmath>
#include <memory>
#include <numeric>

#include "product.h"

namespace {

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

// What decides whether an event is a reason, apart from the scores.
struct Bars {
    double least_share, rounding;

    double share(size_t codes) const { return std::max(least_share, 1 / double(std::max<size_t>(codes, 1))) - rounding; }
    bool loses(double before, double after) const { return after < before - rounding * std::fabs(before); }
};

// The shares of the items of a history in one score, and the largest of those that may be named.
struct Shares {
    const ByItem &by_item;
    double bar;
    std::vector<uint8_t> welcome;
    std::vector<double> share;

    Shares(const ByItem &by_item_, const View<bool> &allowed, const Bars &bars)
        : by_item(by_item_), bar(bars.share(by_item_.codes.size())), welcome(by_item_.codes.size(), 0),
          share(by_item_.codes.size(), 0) {
        for (int64_t e = 0; e < allowed.size; e++) welcome[size_t(by_item.place[size_t(e)])] |= allowed[e];
    }

    void clear() { std::fill(share.begin(), share.end(), 0.0); }
    void add(int64_t event, float part) { share[size_t(by_item.place[size_t(event)])] += double(part); }

    // The place of the item with the largest share, of equal ones the last; -1 if it is too small.
    int64_t strongest() {
        size_t best = 0;
        for (size_t code = 0; code < share.size(); code++) {
            if (!welcome[code]) share[code] = -1;
            if (share[code] >= share[best]) best = code;
        }
        return share.empty() || share[best] < bar ? -1 : int64_t(best);
    }
};

// See tacit.pipeline.explain._strongest_by_parts of tacit.models.score_parts.Sums: for m items, whose links to the
// item of event e are links[e * m ...]. powers[p] is decay ** p.
void name_by_sums(const float *links, int64_t m, const View<float> &weight, const View<double> &powers, bool fades,
                  const View<int32_t> &item, const View<bool> &allowed, const Bars &bars, int32_t *found) {
    const int64_t events = item.size;
    const ByItem by_item(item);
    Shares shares(by_item, allowed, bars);
    std::vector<double> parts(size_t(events), 0);
    auto faded = [&](int64_t e, int64_t later) {
        return fades ? float(double(weight[e]) * powers[later]) : weight[e];
    };
    for (int64_t at = 0; at < m; at++) {
        double total = 0, before = 0, after = 0;
        for (int64_t e = 0; e < events; e++) {
            parts[size_t(e)] = double(links[e * m + at]) * double(faded(e, events - 1 - e));
            total += std::fabs(parts[size_t(e)]);
            before += parts[size_t(e)];
        }
        if (!(total > 0)) continue;
        shares.clear();
        for (int64_t e = 0; e < events; e++) shares.add(e, float(parts[size_t(e)] / total));
        const int64_t best = shares.strongest();
        if (best < 0) continue;
        int64_t later = 0;  // without its events, earlier ones move up
        for (int64_t e = events - 1; e >= 0; e--) {
            if (by_item.place[size_t(e)] == best) continue;
            after += double(links[e * m + at] * faded(e, later++));
        }
        if (bars.loses(before, after)) found[at] = by_item.codes[size_t(best)];
    }
}

Out<int32_t> strongest_by_sums(In2<float> links_, In<float> weight_, In<double> powers_, bool fades, In<int32_t> item_,
                               In<bool> allowed_, double least_share, double rounding) {
    const int64_t events = int64_t(links_.shape(0)), m = int64_t(links_.shape(1));
    View<float> weight(weight_);
    View<double> powers(powers_);
    View<int32_t> item(item_);
    View<bool> allowed(allowed_);
    std::vector<int32_t> found(size_t(m), -1);
    {
        nb::gil_scoped_release release;
        check(weight.size == events && item.size == events && allowed.size == events &&
                  (!fades || powers.size >= events),
              "arrays do not fit");
        name_by_sums(links_.data(), m, weight, powers, fades, item, allowed, {least_share, rounding}, found.data());
    }
    return given(std::move(found));
}

// The last events of one history, those on items that a model knows.
struct History {
    std::vector<int32_t> item;
    std::vector<float> weight, counted;  // as given; before decay, 0 for one that does not count
    std::unique_ptr<bool[]> allowed;
    bool ordered;

    View<int32_t> items() const { return {item.data(), int64_t(item.size())}; }
    View<bool> may() const { return {allowed.get(), int64_t(item.size())}; }
};

// A model's score as a sum over events, taken once for all histories; see tacit.models.score_parts.
class EventTables {
  public:
    EventTables(In<double> powers, double decay, int64_t reach) : powers_(powers), decay_(decay), reach_(reach) {}
    virtual ~EventTables() = default;

    int64_t reach() const { return reach_; }
    // Sets the item of the history that is the reason for each of m items, where there is one.
    virtual void name(const History &history, const int32_t *wanted, int64_t m, const Bars &bars,
                      int32_t *found) const = 0;

  protected:
    bool fades(const History &history) const { return history.ordered && decay_ != 1; }
    void check_length(const History &history) const {
        check(!fades(history) || int64_t(history.item.size()) <= int64_t(powers_.shape(0)), "too few powers");
    }

    In<double> powers_;
    double decay_;
    int64_t reach_;
};

class SumTables : public EventTables {
  public:
    SumTables(In<int64_t> offsets, In<int32_t> columns, In<float> values, In<double> powers, double decay,
              int64_t reach)
        : EventTables(powers, decay, reach), offsets_(offsets), columns_(columns), values_(values) {
        check_offsets(View<int64_t>(offsets), int64_t(std::min(columns.shape(0), values.shape(0))));
    }

    void name(const History &history, const int32_t *wanted, int64_t m, const Bars &bars,
              int32_t *found) const override {
        check_length(history);
        const View<int32_t> item = history.items();
        std::vector<float> links(size_t(item.size * m), 0), weight(history.counted);
        for (float &one : weight) one = std::max(one, 0.0f);
        std::vector<int64_t> places(size_t(item.size * m), -1);
        for (int64_t e = 0; e < item.size; e++) {
            if (e + 1 < item.size) fetch_row(item[e + 1]);
            find_row(item[e], wanted, m, places.data() + e * m);
        }
        for (size_t at = 0; at < places.size(); at++)
            if (places[at] >= 0) links[at] = values_.data()[places[at]];
        name_by_sums(links.data(), m, {weight.data(), item.size}, View<double>(powers_), fades(history), item,
                     history.may(), bars, found);
    }

  private:
    // Begins to load one row: memory is what a search waits for.
    void fetch_row(int32_t row) const {
        if (!inside(row)) return;
        const int64_t first = offsets_.data()[row], last = offsets_.data()[row + 1];
        const int64_t step = std::max<int64_t>((last - first) / MOST_LINES, LINE);
        for (int64_t at = first; at < last; at += step) __builtin_prefetch(columns_.data() + at);
    }

    // Sets the places of some columns in one row, whose columns ascend; what it does not have is left.
    void find_row(int32_t row, const int32_t *wanted, int64_t m, int64_t *found) const {
        if (!inside(row)) return;
        const int32_t *first = columns_.data() + offsets_.data()[row], *last = columns_.data() + offsets_.data()[row + 1];
        for (int64_t at = 0; at < m; at++) {
            const int32_t *place = first_from(first, last - first, wanted[at]);
            if (place == last || *place != wanted[at]) continue;
            found[at] = place - columns_.data();
            __builtin_prefetch(values_.data() + found[at]);
        }
    }

    // std::lower_bound without a branch that depends on the columns: where one lies is chance, so that every second
    // branch would be predicted wrong.
    static const int32_t *first_from(const int32_t *first, int64_t count, int32_t wanted) {
        if (!count) return first;
        for (; count > 1; count -= count / 2) {
            const int64_t half = count / 2;
            first += half * int64_t(first[half - 1] < wanted);
        }
        return first + (*first < wanted);
    }

    bool inside(int32_t row) const { return row >= 0 && size_t(row) + 1 < offsets_.shape(0); }

    static constexpr int64_t LINE = 16, MOST_LINES = 64;  // columns in one line of the cache

    In<int64_t> offsets_;
    In<int32_t> columns_;
    In<float> values_;
};

class CosineTables : public EventTables {
  public:
    CosineTables(In2<float> vectors, In<bool> known, In<double> powers, double decay, double closest, int64_t recent,
                 int64_t reach)
        : EventTables(powers, decay, reach), vectors_(vectors), known_(known), closest_(closest), recent_(recent) {
        check(vectors.shape(0) == known.shape(0), "arrays do not fit");
    }

    void name(const History &history, const int32_t *wanted, int64_t m, const Bars &bars,
              int32_t *found) const override {
        check_length(history);
        const View<int32_t> item = history.items();
        Used used{this, history, {}, {}, fades(history)};
        for (int64_t e = 0; e < item.size; e++)
            if (history.weight[size_t(e)] > 0 && has_text(item[e])) {
                used.event.push_back(e);
                used.weight.push_back(std::max(history.counted[size_t(e)], 0.0f));
            }
        if (used.event.empty()) return;
        const ByItem by_item(item);
        Shares shares(by_item, history.may(), bars);
        const double length = used.length(by_item, -1);
        std::vector<float> cosine(used.event.size());
        std::vector<double> parts(used.event.size()), lengths(by_item.codes.size(), -1);
        // Of each item once: a sum in another order would make two events on one item two.
        std::vector<const float *> vectors;
        std::vector<size_t> of_code(by_item.codes.size(), 0);
        for (size_t code = 0; code < by_item.codes.size(); code++)
            if (has_text(by_item.codes[code])) {
                of_code[code] = vectors.size();
                vectors.push_back(vector(by_item.codes[code]));
            }
        std::vector<float> each(vectors.size());
        for (int64_t at = 0; at < m; at++) {
            if (!has_text(wanted[at])) continue;
            products(vector(wanted[at]), vectors.data(), int64_t(vectors.size()), width(), each.data());
            for (size_t u = 0; u < cosine.size(); u++)
                cosine[u] = each[of_code[size_t(by_item.place[size_t(used.event[u])])]];
            const double total = used.set_parts(cosine, length, parts);
            if (!(total > 0)) continue;
            shares.clear();
            for (size_t u = 0; u < parts.size(); u++) shares.add(used.event[u], float(parts[u] / total));
            const int64_t best = shares.strongest();
            if (best < 0) continue;
            const double before = used.score(cosine, by_item, -1, length);
            double &rest = lengths[size_t(best)];  // one event is often the reason of several items
            if (rest < 0) rest = used.length(by_item, best);
            const double after = used.score(cosine, by_item, best, rest);
            if (bars.loses(before, after)) found[at] = by_item.codes[size_t(best)];
        }
    }

  private:
    // The events of a history that count for texts. Each function leaves out those on one item of `ByItem`, if one is
    // given; without them, earlier events move up.
    struct Used {
        const CosineTables *of;
        const History &history;
        std::vector<int64_t> event;
        std::vector<float> weight;
        bool fades;

        float left(int64_t later) const { return fades ? float(of->powers_.data()[later]) : 1.0f; }
        float faded(size_t u, int64_t later) const {
            return fades ? float(double(weight[u]) * of->powers_.data()[later]) : weight[u];
        }

        // Calls act(u, how many of the others came later), the last event first.
        template <class Act> void each(const ByItem &by_item, int64_t without, Act act) const {
            int64_t later = 0;
            for (size_t u = event.size(); u-- > 0;)
                if (by_item.place[size_t(event[u])] != without) act(u, later++);
        }

        // The length of the mean of their vectors.
        double length(const ByItem &by_item, int64_t without) const {
            std::vector<float> mean(size_t(of->width()), 0);
            each(by_item, without, [&](size_t u, int64_t later) {
                add_scaled(mean.data(), of->vector(history.item[size_t(event[u])]), faded(u, later), of->width());
            });
            return std::sqrt(double(product(mean.data(), mean.data(), of->width())));
        }

        double score(const std::vector<float> &cosine, const ByItem &by_item, int64_t without, double length) const {
            double total = 0;
            float near = MINUS_INFINITY;
            each(by_item, without, [&](size_t u, int64_t later) {
                total += faded(u, later) * cosine[u];
                if (later < of->recent_) near = std::max(near, left(later) * cosine[u]);
            });
            if (near == MINUS_INFINITY) return double(MINUS_INFINITY);
            return (1 - of->closest_) * (length > 1e-9 ? total / length : 0) + of->closest_ * double(near);
        }

        // Sets what each event adds to the score of an item; returns the sum of their sizes.
        double set_parts(const std::vector<float> &cosine, double length, std::vector<double> &parts) const {
            const int64_t count = int64_t(event.size());
            float near = MINUS_INFINITY;
            for (int64_t later = 0; later < std::min(of->recent_, count); later++)
                near = std::max(near, left(later) * cosine[size_t(count - 1 - later)]);
            double total = 0;
            for (int64_t u = 0; u < count; u++) {
                const int64_t later = count - 1 - u;
                double &part = parts[size_t(u)];
                part = (1 - of->closest_) * (double(faded(size_t(u), later) * cosine[size_t(u)]) / std::max(length, 1e-12));
                const float own = left(later) * cosine[size_t(u)];
                if (later < of->recent_ && own == near) part += of->closest_ * double(own);
                total += std::fabs(part);
            }
            return total;
        }
    };

    bool has_text(int32_t item) const {
        return item >= 0 && size_t(item) < known_.shape(0) && known_.data()[item];
    }
    int64_t width() const { return int64_t(vectors_.shape(1)); }
    const float *vector(int32_t item) const { return vectors_.data() + int64_t(item) * width(); }

    In2<float> vectors_;
    In<bool> known_;
    double closest_;
    int64_t recent_;
};

// Two rows: for each of m items the item of the history that is the reason, and the place of the source that names
// it; -1 for none. Sources are asked in their order, each about the items that have no reason yet.
Out2<int32_t> strongest_events(std::vector<const EventTables *> sources, In<int32_t> wanted_, In<int32_t> item_,
                               In<float> weight_, In<float> counted_, In<bool> allowed_, bool ordered,
                               double least_share, double rounding) {
    View<int32_t> wanted(wanted_), item(item_);
    View<float> weight(weight_), counted(counted_);
    View<bool> allowed(allowed_);
    const int64_t m = wanted.size;
    std::vector<int32_t> found(size_t(2 * m), -1);
    {
        nb::gil_scoped_release release;
        check(weight.size == item.size && counted.size == item.size && allowed.size == item.size, "arrays do not fit");
        const Bars bars{least_share, rounding};
        std::vector<int64_t> left;
        std::vector<int32_t> codes, named;
        for (size_t place = 0; place < sources.size(); place++) {
            const int64_t reach = sources[place]->reach();
            History history{{}, {}, {}, std::make_unique<bool[]>(size_t(item.size)), ordered};
            for (int64_t e = 0; e < item.size; e++) {
                if (item[e] >= reach) continue;
                history.allowed[history.item.size()] = allowed[e];
                history.item.push_back(item[e]);
                history.weight.push_back(weight[e]);
                history.counted.push_back(counted[e]);
            }
            left.clear(), codes.clear();
            for (int64_t at = 0; at < m; at++)
                if (found[size_t(at)] < 0 && wanted[at] >= 0 && wanted[at] < reach) {
                    left.push_back(at);
                    codes.push_back(wanted[at]);
                }
            if (history.item.empty() || left.empty()) continue;
            named.assign(left.size(), -1);
            sources[place]->name(history, codes.data(), int64_t(codes.size()), bars, named.data());
            for (size_t at = 0; at < left.size(); at++)
                if (named[at] >= 0) {
                    found[size_t(left[at])] = named[at];
                    found[size_t(m + left[at])] = int32_t(place);
                }
        }
    }
    nb::capsule owner;
    int32_t *first = owned(std::move(found), owner);
    return Out2<int32_t>(first, {2, size_t(m)}, owner);
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
    nb::class_<EventTables>(m, "EventTables");
    nb::class_<SumTables, EventTables>(m, "SumTables")
        .def(nb::init<In<int64_t>, In<int32_t>, In<float>, In<double>, double, int64_t>());
    nb::class_<CosineTables, EventTables>(m, "CosineTables")
        .def(nb::init<In2<float>, In<bool>, In<double>, double, double, int64_t, int64_t>());
    m.def("strongest_by_sums", &strongest_by_sums);
    m.def("strongest_events", &strongest_events);
    m.def("nameable", &nameable);
}

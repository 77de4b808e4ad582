// The first stage of a list: the best items of each model, their union, and the score of each by every model.

#include "first_stage.h"

#include <nanobind/stl/tuple.h>

#include <memory>

#include "scorers.h"

namespace {

// Which items may be recommended to a query.
struct Open {
    const View<bool> &allowed;
    const uint8_t *excluded;  // a mark for each item, not 0 where it is excluded

    bool operator[](int64_t item) const { return allowed.data[item] && !excluded[item]; }
};

// What one model says of one query.
struct Said {
    const int32_t *items;
    const float *scores;
    int64_t count;
    const Baseline *baseline;  // nullptr where items that are not listed have no score
};

// Sparse scores of n queries: see tacit.models.sparse_scores. The arrays of the baseline are empty where there is none.
class Given {
  public:
    using Arrays = std::tuple<In<int64_t>, In<int32_t>, In<float>, In<float>, In<int32_t>, In<bool>>;

    explicit Given(const Arrays &arrays)
        : offsets_(std::get<0>(arrays)), items_(std::get<1>(arrays)), scores_(std::get<2>(arrays)),
          baseline_(std::get<3>(arrays), std::get<4>(arrays)), scored_(std::get<5>(arrays)) {}

    void checked(int64_t n, int64_t n_items) const {
        check(offsets_.size == n + 1, "scores of another number of queries");
        check_offsets(offsets_, std::min(items_.size, scores_.size));
        check(baseline_.scores.size <= n_items, "a baseline of more items than there are");
        check(scored_.size == 0 || scored_.size == n, "scored of another number of queries");
    }

    Said of(int64_t query) const {
        const int64_t start = offsets_[query];
        const bool has_baseline = baseline_.scores.size > 0 && (scored_.size == 0 || scored_[query]);
        return {items_.data + start, scores_.data + start, offsets_[query + 1] - start, has_baseline ? &baseline_ : nullptr};
    }

  private:
    View<int64_t> offsets_;
    View<int32_t> items_;
    View<float> scores_;
    Baseline baseline_;
    View<bool> scored_;  // empty: all
};

constexpr int64_t BLOCK = 16;  // queries that a model is asked about before the next one: its arrays stay at hand

// A model: a scorer, or what it said of all queries already.
struct Part {
    const Scorer *scorer = nullptr;
    std::unique_ptr<Given> given;
    // What it said of each query of a block. That of a query alone is kept by the thread: memory as wide as the
    // catalogue for each model would cost more to get, request after request, than to fill.
    std::vector<Listed> own;
    Listed *listed = nullptr;

    // Makes room for the answers about so many queries at once.
    void ready(int64_t queries, std::vector<Listed> &of_thread, size_t place) {
        if (queries > 1) own.resize(size_t(std::min(queries, BLOCK)));
        listed = queries > 1 ? own.data() : &of_thread[place];
    }

    // Asks the scorer about the query at a place of its block.
    void ask(const History &history, const Wanted &wanted, Searches &searches, size_t place) {
        if (!scorer) return;
        if (own.empty()) {
            scorer->list(history, wanted, searches, *listed);
        } else {
            thread_local Listed scratch;  // as wide as the catalogue
            scorer->list(history, wanted, searches, scratch);
            listed[place].keep(scratch);
        }
    }
    Said said(int64_t query, size_t place) const {
        if (!scorer) return given->of(query);
        const Listed &found = listed[place];
        const bool has_baseline = scorer->baseline.scores.size > 0 && found.scored;
        return {found.columns.data(), found.values.data(), found.count, has_baseline ? &scorer->baseline : nullptr};
    }
    bool estimates() const { return scorer && scorer->estimates(); }
};

constexpr int TOP_BITS = 12;

// The k best listed items of a query that are open, ascending. Each is one number, its rank; a histogram of the first
// bits finds the bin of the k-th best, and only that bin is looked at closely.
void best_of_listed(const Said &said, int64_t k, const Open &open, std::vector<Pair> &found) {
    thread_local std::vector<uint64_t> ranks, close;
    thread_local std::vector<int32_t> bins;
    if (int64_t(ranks.size()) < said.count + 1) ranks.resize(size_t(said.count + 1));
    bins.assign((size_t(1) << TOP_BITS) + 1, 0);  // the last one: of items that are not open
    uint64_t *__restrict own = ranks.data();
    int32_t *__restrict bin = bins.data();
    int64_t count = 0;
    for (int64_t e = 0; e < said.count; e++) {
        const int32_t item = said.items[e];
        check(item >= 0 && item < open.allowed.size, "an item beyond the catalogue");
        const bool is_open = open[item];
        const uint64_t rank = rank_of({item, said.scores[e]});
        own[count] = rank;
        bin[is_open ? rank >> (64 - TOP_BITS) : uint64_t(1) << TOP_BITS]++;
        count += is_open;
    }
    if (count <= k) {
        for (int64_t at = 0; at < count; at++) found.push_back(pair_of(own[at]));
        return;
    }
    if (k <= 0) return;
    int64_t above = 0;
    uint64_t border = (uint64_t(1) << TOP_BITS) - 1;
    while (above + bin[border] < k) above += bin[border--];
    close.clear();
    for (int64_t at = 0; at < count; at++)
        if (own[at] >> (64 - TOP_BITS) == border) close.push_back(own[at]);
    const auto last = close.begin() + (k - above - 1);
    std::nth_element(close.begin(), last, close.end(), std::greater<uint64_t>());
    const uint64_t bar = *last;
    for (int64_t at = 0; at < count; at++)
        if (own[at] >= bar) found.push_back(pair_of(own[at]));
}

// The k best items of a query that are open, ascending.
void best_open(const Said &said, int64_t k, const Open &open, std::vector<Pair> &found) {
    found.clear();
    best_of_listed(said, k, open, found);
    if (!said.baseline || said.baseline->order.size == 0) return;
    const View<float> &scores = said.baseline->scores;
    const View<int32_t> &order = said.baseline->order;
    if (int64_t(found.size()) >= k) {
        float least = std::numeric_limits<float>::infinity();
        for (const Pair &pair : found) least = std::min(least, pair.score);
        if (least > scores[order[0]]) return;  // nothing that is not listed can be among the best
    }
    std::vector<uint8_t> &listed = workspace<uint8_t, 10>(open.allowed.size);
    Guard<uint8_t> guard{listed};
    for (int64_t e = 0; e < said.count; e++) listed[size_t(said.items[e])] = 1;
    int64_t others = 0;
    for (int64_t place = 0; place < order.size && others < k; place++) {
        const int32_t item = order[place];
        check(item >= 0 && item < open.allowed.size, "an item beyond the catalogue");
        if (open[item] && !listed[size_t(item)]) {
            found.push_back({item, scores[item]});
            others++;
        }
    }
    for (int64_t e = 0; e < said.count; e++) listed[size_t(said.items[e])] = 0;
    guard.whole = true;
    std::sort(found.begin(), found.end(), [](const Pair &a, const Pair &b) { return a.item < b.item; });
    keep_best(found, k);
}

// Marks of the excluded items of one query, gone at its end.
class Excluded {
  public:
    Excluded(const View<int64_t> &offsets, const View<int32_t> &items, int64_t query, int64_t n_items)
        : marks_(workspace<uint8_t, 2>(n_items)), items_(items), start_(offsets[query]), stop_(offsets[query + 1]),
          n_items_(n_items) {
        set(1);
    }
    ~Excluded() { set(0); }
    const uint8_t *marks() const { return marks_.data(); }

  private:
    std::vector<uint8_t> &marks_;
    const View<int32_t> &items_;
    int64_t start_, stop_, n_items_;

    void set(uint8_t mark) {
        for (int64_t e = start_; e < stop_; e++)
            if (items_.data[e] >= 0 && items_.data[e] < n_items_) marks_[size_t(items_.data[e])] = mark;
    }
};

// Items and scores of n queries, each of its own number; padded to the longest at the end.
struct Lists {
    std::vector<int32_t> items;
    std::vector<float> scores;
    std::vector<int64_t> ends;
};

template <class T>
std::vector<T> padded(std::vector<T> &&flat, const std::vector<int64_t> &ends, int64_t width, int64_t parts, T fill) {
    const int64_t n = int64_t(ends.size());
    if (n == 1) {
        flat.resize(size_t(width * parts), fill);
        return std::move(flat);
    }
    std::vector<T> found(size_t(n * width * parts), fill);
    int64_t start = 0;
    for (int64_t q = 0; q < n; q++) {
        std::copy(flat.begin() + start * parts, flat.begin() + ends[size_t(q)] * parts,
                  found.begin() + q * width * parts);
        start = ends[size_t(q)];
    }
    return found;
}

// Collects the union of items: one bit an item, all zero between queries.
class Union {
  public:
    explicit Union(int64_t n_items) : bits_(workspace<uint64_t, 3>(n_items / 64 + 1)), n_items_(n_items), guard_{bits_} {}
    void add(int32_t item) { bits_[size_t(item) >> 6] |= uint64_t(1) << (item & 63); }

    // Appends the items, ascending, and forgets them.
    void drain(std::vector<int32_t> &found) {
        for (int64_t word = 0; word * 64 < n_items_; word++) {
            uint64_t any = bits_[size_t(word)];
            bits_[size_t(word)] = 0;
            for (; any; any &= any - 1) found.push_back(int32_t(word * 64 + __builtin_ctzll(any)));
        }
    }
    void whole() { guard_.whole = true; }

  private:
    std::vector<uint64_t> &bits_;
    int64_t n_items_;
    Guard<uint64_t> guard_;
};

// Writes what a model says of the items of the union, every `stride` places. `place` holds 1 + the place of each item
// of the union, 0 for any other; an item that is in no union is written to the place after the last one.
void scores_at(const Said &said, const int32_t *items, int64_t count, const int32_t *__restrict place,
               float *__restrict column, int64_t stride) {
    if (said.baseline)
        for (int64_t at = 0; at < count; at++)
            if (items[at] < said.baseline->scores.size) column[at * stride] = said.baseline->scores[items[at]];
    for (int64_t e = 0; e < said.count; e++) {
        const int64_t row = place[said.items[e]];
        column[(row ? row - 1 : count) * stride] = said.scores[e];
    }
}

// The best items without events, by their exact scores: see tacit.pipeline.retrieval.candidates.
void closest_unseen(const Part &part, size_t place, const Said &said, const Open &open, int64_t k, int32_t *items,
                    float *scores) {
    thread_local std::vector<Pair> best;
    best_open(said, k, open, best);
    std::sort(best.begin(), best.end(), [](const Pair &a, const Pair &b) { return rank_of(a) > rank_of(b); });
    const int64_t count = int64_t(best.size());
    std::vector<int32_t> own;
    std::vector<float> exact(size_t(count), 0);
    for (const Pair &pair : best) own.push_back(pair.item);
    part.scorer->exact(part.listed[place], own.data(), count, exact.data(), 1);
    for (int64_t at = 0; at < count; at++) best[size_t(at)].score = exact[size_t(at)];
    std::stable_sort(best.begin(), best.end(), [](const Pair &a, const Pair &b) { return a.score > b.score; });
    for (int64_t at = 0; at < count; at++) {
        items[at] = best[size_t(at)].item;
        scores[at] = best[size_t(at)].score;
    }
}

// See tacit.pipeline.retrieval.candidates. `text` is the place of the scorer that proposes items of `unseen`, -1 where
// none does; it proposes `proposed` of them.
nb::tuple united(nb::list parts_, In2<int32_t> lists_, In<int64_t> offsets_, In<int32_t> item_, In<float> weight_,
                 In<int32_t> user_, bool ordered_log, In<int64_t> exclude_offsets_, In<int32_t> exclude_, In<bool> allowed_,
                 int64_t k, int64_t text, In<bool> unseen_, int64_t proposed) {
    const Events events{offsets_, item_, weight_, user_, ordered_log};
    View<int64_t> exclude_offsets(exclude_offsets_);
    View<int32_t> exclude(exclude_);
    View<bool> allowed(allowed_), unseen(unseen_);
    const int64_t n = events.size(), n_items = allowed.size, r = int64_t(parts_.size());
    const int64_t listed = int64_t(lists_.shape(1));
    View<int32_t> lists(lists_.data(), int64_t(lists_.shape(0)) * listed);
    check(n >= 0 && k >= 0 && proposed >= 0 && int64_t(lists_.shape(0)) == n, "lists of another number of queries");
    std::vector<Part> parts(static_cast<size_t>(r));
    for (int64_t place = 0; place < r; place++) {
        nb::object one = parts_[static_cast<size_t>(place)];
        Part &part = parts[size_t(place)];
        if (nb::isinstance<Scorer>(one))
            part.scorer = nb::cast<const Scorer *>(one);
        else
            part.given = std::make_unique<Given>(nb::cast<Given::Arrays>(one));
    }
    check(text < r && (text < 0 || (parts[size_t(text)].estimates() && unseen.size == n_items)), "no scorer of texts");
    const int64_t asked = text < 0 ? 0 : proposed;
    std::vector<int32_t> by_text(size_t(n * asked), -1);
    std::vector<float> by_text_scores(size_t(n * asked), MINUS_INFINITY);
    Lists found;
    int64_t width = 1;
    {
        nb::gil_scoped_release release;
        events.checked();
        check_offsets(exclude_offsets, exclude.size);
        check(exclude_offsets.size == n + 1, "excluded items of another number of queries");
        for (const Part &part : parts) {
            if (part.given) part.given->checked(n, n_items);
            check(!part.scorer || part.scorer->baseline.scores.size <= n_items, "a baseline of more items than there are");
        }
        Union open_items(n_items);
        std::vector<int32_t> &places = workspace<int32_t, 4>(n_items);
        Guard<int32_t> guard_places{places};
        thread_local std::vector<Listed> of_thread;
        if (of_thread.size() < parts.size()) of_thread.resize(parts.size());
        for (size_t place = 0; place < parts.size(); place++) parts[place].ready(n, of_thread, place);
        thread_local std::vector<Searches> searches;
        searches.resize(size_t(BLOCK));
        std::vector<Pair> best;
        std::vector<Said> said(parts.size());
        std::vector<int32_t> &items = found.items;
        for (int64_t q = 0; q < n; q++) {
            const size_t own_place = size_t(q % BLOCK);
            if (own_place == 0) {
                for (Searches &one : searches) one.forget();
                for (Part &part : parts)
                    for (int64_t asked_q = q; asked_q < std::min(q + BLOCK, n); asked_q++) {
                        const int64_t room = k + exclude_offsets[asked_q + 1] - exclude_offsets[asked_q];
                        const size_t place = size_t(asked_q - q);
                        part.ask(events.of(asked_q), {allowed, room}, searches[place], place);
                    }
            }
            const size_t first = items.size();
            const Excluded excluded(exclude_offsets, exclude, q, n_items);
            const Open open{allowed, excluded.marks()};
            for (size_t part = 0; part < parts.size(); part++) {
                said[part] = parts[part].said(q, own_place);
                best_open(said[part], k, open, best);
                for (const Pair &pair : best) open_items.add(pair.item);
            }
            for (int64_t e = q * listed; e < (q + 1) * listed; e++) {
                if (lists[e] < 0) continue;
                check(lists[e] < n_items, "an item beyond the catalogue");
                open_items.add(lists[e]);
            }
            open_items.drain(items);
            const int64_t count = int64_t(items.size() - first);
            width = std::max(width, count);
            found.ends.push_back(int64_t(items.size()));
            found.scores.resize(first * size_t(r));  // without the last row of the query before: see scores_at
            found.scores.resize((items.size() + 1) * size_t(r), MINUS_INFINITY);
            float *rows = found.scores.data() + first * size_t(r);
            const int32_t *own = items.data() + first;
            for (int64_t place = 0; place < count; place++) places[size_t(own[place])] = int32_t(place + 1);
            for (int64_t part = 0; part < r; part++) {
                const Part &model = parts[size_t(part)];
                if (model.estimates())
                    model.scorer->exact(model.listed[own_place], own, count, rows + part, r);
                else
                    scores_at(said[size_t(part)], own, count, places.data(), rows + part, r);
            }
            for (int64_t place = 0; place < count; place++) places[size_t(own[place])] = 0;
            if (asked > 0)
                closest_unseen(parts[size_t(text)], own_place, said[size_t(text)], {unseen, excluded.marks()}, asked,
                               by_text.data() + q * asked, by_text_scores.data() + q * asked);
        }
        found.scores.resize(items.size() * size_t(r));
        guard_places.whole = true;
        open_items.whole();
        found.items = padded(std::move(found.items), found.ends, width, 1, int32_t(-1));
        found.scores = padded(std::move(found.scores), found.ends, width, r, MINUS_INFINITY);
    }
    nb::capsule of_items, of_scores, of_text, of_text_scores;
    const size_t rows = size_t(n), wide = size_t(width), texts = size_t(asked);
    int32_t *first = owned(std::move(found.items), of_items);
    float *second = owned(std::move(found.scores), of_scores);
    int32_t *third = owned(std::move(by_text), of_text);
    float *fourth = owned(std::move(by_text_scores), of_text_scores);
    return nb::make_tuple(Out2<int32_t>(first, {rows, wide}, of_items),
                          Out3<float>(second, {rows, wide, size_t(r)}, of_scores),
                          Out2<int32_t>(third, {rows, texts}, of_text),
                          Out2<float>(fourth, {rows, texts}, of_text_scores));
}

// See tacit.models.sparse_scores.best_allowed.
nb::tuple best_allowed(const Given::Arrays &arrays, In<int64_t> exclude_offsets_, In<int32_t> exclude_, In<bool> allowed_,
                       int64_t k) {
    View<int64_t> exclude_offsets(exclude_offsets_);
    View<int32_t> exclude(exclude_);
    View<bool> allowed(allowed_);
    const Given given(arrays);
    const int64_t n = exclude_offsets.size - 1, n_items = allowed.size;
    check(n >= 0 && k >= 0, "k and the number of queries must not be negative");
    std::vector<int32_t> items(size_t(n * k), -1);
    std::vector<float> scores(size_t(n * k), MINUS_INFINITY);
    {
        nb::gil_scoped_release release;
        check_offsets(exclude_offsets, exclude.size);
        given.checked(n, n_items);
        std::vector<Pair> best;
        for (int64_t q = 0; q < n; q++) {
            const Excluded excluded(exclude_offsets, exclude, q, n_items);
            best_open(given.of(q), k, {allowed, excluded.marks()}, best);
            std::sort(best.begin(), best.end(), [](const Pair &a, const Pair &b) { return rank_of(a) > rank_of(b); });
            for (size_t place = 0; place < best.size(); place++) {
                items[size_t(q * k) + place] = best[place].item;
                scores[size_t(q * k) + place] = best[place].score;
            }
        }
    }
    nb::capsule of_items, of_scores;
    int32_t *first = owned(std::move(items), of_items);
    float *second = owned(std::move(scores), of_scores);
    return nb::make_tuple(Out2<int32_t>(first, {size_t(n), size_t(k)}, of_items),
                          Out2<float>(second, {size_t(n), size_t(k)}, of_scores));
}

}  // namespace

void define_first_stage(nb::module_ &m) {
    m.def("united", &united);
    m.def("best_allowed", &best_allowed);
}

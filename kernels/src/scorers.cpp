#include "scorers.h"

// The users whose histories are most like one: see tacit.models.userknn.UserKNN.search.
class UserSearch {
  public:
    UserSearch(const Rows &users_of, const In<float> &rarity, const Powers &powers, int64_t k)
        : users_of_(users_of), rarity_array_(rarity), rarity_(rarity_array_), powers_(powers), k_(k) {
        check(rarity_.size == users_of_.size(), "arrays do not fit");
    }

    void find(const History &history, Row &found) const {
        thread_local Row row, likeness;
        history_row(history, powers_, history.count, rarity_.size, false, row);
        scale_to_one(row);
        accumulate(row.columns.data(), row.values.data(), row.count, users_of_, false, likeness);
        thread_local std::vector<Pair> pairs;
        pairs.clear();
        for (int64_t at = 0; at < likeness.count; at++)
            if (likeness.columns.data()[at] != history.user)
                pairs.push_back({likeness.columns.data()[at], likeness.values.data()[at]});
        keep_best(pairs, k_);
        found.count = int64_t(pairs.size());
        int32_t *columns = found.columns.of_size(found.count);
        float *values = found.values.of_size(found.count);
        for (const Pair &pair : pairs) {
            *columns++ = pair.item;
            *values++ = pair.score;
        }
    }

  private:
    Rows users_of_;
    In<float> rarity_array_;
    View<float> rarity_;
    Powers powers_;
    int64_t k_;

    void scale_to_one(Row &row) const {
        float *values = row.values.data();
        double square = 0;
        for (int64_t at = 0; at < row.count; at++) {
            values[at] *= rarity_[row.columns.data()[at]];
            square += double(values[at]) * double(values[at]);
        }
        const double length = std::sqrt(square), factor = length > 0 ? 1 / length : 0;
        for (int64_t at = 0; at < row.count; at++) values[at] = float(values[at] * factor);
    }
};

const Row &Searches::of(const UserSearch &search, const History &history) {
    for (size_t place = 0; place < known_; place++)
        if (found_[place].first == &search) return found_[place].second;
    if (known_ == found_.size()) found_.emplace_back();
    found_[known_].first = &search;
    search.find(history, found_[known_].second);
    return found_[known_++].second;
}

namespace {

// See tacit.models.itemitem.ItemItem.
class ItemSums : public Scorer {
  public:
    ItemSums(const Rows &weights, const Powers &powers, int64_t last, const Baseline &baseline)
        : Scorer(baseline), weights_(weights), powers_(powers), last_(last) {}

    void list(const History &history, const Wanted &, Searches &, Listed &found) const override {
        thread_local Row row;
        history_row(history, powers_, last_, weights_.size(), false, row);
        found.scored = accumulate(row.columns.data(), row.values.data(), row.count, weights_, false, found);
    }

  private:
    Rows weights_;
    Powers powers_;
    int64_t last_;
};

// The same scores for every history.
class SameForAll : public Scorer {
  public:
    using Scorer::Scorer;
    void list(const History &, const Wanted &, Searches &, Listed &found) const override {
        found.count = 0;
        found.scored = true;
    }
};

// See tacit.models.repeats.Repeats.
class Chosen : public Scorer {
  public:
    Chosen(const Powers &powers, int64_t n_items, const Baseline &none)
        : Scorer(none), powers_(powers), n_items_(n_items) {}

    void list(const History &history, const Wanted &, Searches &, Listed &found) const override {
        history_row(history, powers_, history.count, n_items_, true, found);
        found.scored = true;
    }

  private:
    Powers powers_;
    int64_t n_items_;
};

// See tacit.models.userknn.UserKNN.
class UserSums : public Scorer {
  public:
    UserSums(const UserSearch &search, const Rows &wanted, const Baseline &none)
        : Scorer(none), search_(search), wanted_(wanted) {}

    void list(const History &history, const Wanted &, Searches &searches, Listed &found) const override {
        const Row &users = searches.of(search_, history);
        found.scored = accumulate(users.columns.data(), users.values.data(), users.count, wanted_, false, found);
    }

  private:
    const UserSearch &search_;  // Python keeps it
    Rows wanted_;
};

// See tacit.models.sessionknn.SessionKNN. focused[p] is decay ** p to the power of focus, evened[s] the number of
// items of a session to the power of evenness.
class SessionSums : public Scorer {
  public:
    SessionSums(const Rows &holders, const Rows &held, const In<int32_t> &session_user, const In<double> &evened,
                const In<float> &rarity, const Powers &powers, const In<double> &focused, int64_t last, int64_t recent,
                int64_t k, const Baseline &none)
        : Scorer(none), holders_(holders), held_(held), user_array_(session_user), evened_array_(evened),
          rarity_array_(rarity), focused_array_(focused), user_(user_array_), evened_(evened_array_),
          rarity_(rarity_array_), focused_(focused_array_), powers_(powers), last_(last), recent_(recent), k_(k) {
        check(user_.size >= held_.size() && evened_.size >= held_.size() && rarity_.size == held_.width &&
                  focused_.size >= last_,
              "arrays do not fit");
    }

    void list(const History &history, const Wanted &, Searches &, Listed &found) const override {
        thread_local std::vector<float> strength;
        thread_local std::vector<Session> alike;
        strengths(history, strength);
        nearest(history, strength, alike);
        thread_local std::vector<int32_t> sessions;
        thread_local std::vector<float> similarity;
        sessions.clear();
        similarity.clear();
        for (const Session &one : alike) {
            sessions.push_back(one.session);
            similarity.push_back(float(one.similarity));
        }
        found.scored = accumulate(sessions.data(), similarity.data(), int64_t(sessions.size()), held_, true, found);
        float *scores = found.values.data();
        for (int64_t at = 0; at < found.count; at++) scores[at] *= rarity_[found.columns.data()[at]];
    }

  private:
    struct Session {
        double similarity;
        int32_t session;
    };

    Rows holders_, held_;
    In<int32_t> user_array_;
    In<double> evened_array_;
    In<float> rarity_array_;
    In<double> focused_array_;
    View<int32_t> user_;
    View<double> evened_;
    View<float> rarity_;
    View<double> focused_;
    Powers powers_;
    int64_t last_, recent_, k_;

    // See tacit.models.decay.decayed.
    void strengths(const History &history, std::vector<float> &strength) const {
        strength.assign(size_t(history.count), 0);
        if (history.ordered) {
            for (int64_t e = std::max<int64_t>(0, history.count - last_); e < history.count; e++)
                strength[size_t(e)] = float(double(std::max(history.weight[e], 0.0f)) * powers_[history.count - 1 - e]);
            return;
        }
        thread_local std::vector<int32_t> order;
        order.resize(size_t(history.count));
        for (int64_t e = 0; e < history.count; e++) order[size_t(e)] = int32_t(e);
        std::stable_sort(order.begin(), order.end(), [&history](int32_t a, int32_t b) {
            return history.item[a] != history.item[b] ? history.item[a] < history.item[b]
                                                      : history.weight[a] < history.weight[b];
        });
        for (size_t at = 0; at < order.size(); at++)  // the strongest of each item is its last one
            if (at + 1 == order.size() || history.item[order[at]] != history.item[order[at + 1]])
                strength[size_t(order[at])] = std::max(history.weight[order[at]], 0.0f);
    }

    void nearest(const History &history, const std::vector<float> &strength, std::vector<Session> &alike) const {
        const int64_t n_sessions = held_.size(), n_items = holders_.size();
        std::vector<float> &total = workspace<float, 5>(n_sessions);
        Guard<float> guard_total{total};
        std::vector<double> &near = workspace<double, 6>(n_sessions);
        Guard<double> guard_near{near};
        std::vector<uint8_t> &seen = workspace<uint8_t, 7>(n_sessions);
        Guard<uint8_t> guard_seen{seen};
        // Stores of one byte may change any object, so pointers are kept in registers, not read from the vectors.
        float *__restrict sum = total.data();
        double *__restrict closest = near.data();
        uint8_t *__restrict known = seen.data();
        thread_local std::vector<int32_t> touched;
        touched.clear();
        for (int64_t e = std::max<int64_t>(0, history.count - last_); e < history.count; e++) {
            const int32_t item = history.item[e];
            const float own = strength[size_t(e)];
            if (!(own > 0) || item < 0 || item >= n_items) continue;
            const int64_t upto = holders_.offsets[item + 1];
            const double left = history.ordered ? focused_[history.count - 1 - e] : 1;
            for (int64_t h = std::max(holders_.offsets[item], upto - recent_); h < upto; h++) {
                const int32_t session = holders_.columns[h];
                check(session >= 0 && session < n_sessions, "a session beyond the index");
                if (user_[session] == history.user) continue;
                if (!known[session]) {
                    known[session] = 1;
                    touched.push_back(session);
                }
                sum[session] += own;
                closest[session] = std::max(closest[session], left);
            }
        }
        alike.clear();
        for (const int32_t session : touched) {
            alike.push_back({double(sum[session]) * closest[session] / evened_[session], session});
            sum[session] = 0;
            closest[session] = 0;
            known[session] = 0;
        }
        auto better = [](const Session &a, const Session &b) {
            return a.similarity != b.similarity ? a.similarity > b.similarity : a.session > b.session;
        };
        if (int64_t(alike.size()) > k_) {
            std::nth_element(alike.begin(), alike.begin() + k_, alike.end(), better);
            alike.resize(size_t(k_));
        }
        std::sort(alike.begin(), alike.end(), better);
        guard_total.whole = guard_near.whole = guard_seen.whole = true;
    }
};

constexpr int64_t AHEAD = 4;  // rows of vectors that are on their way while one is used

// See tacit.models.content.Content, with lists of near texts.
class NearTexts : public Scorer {
  public:
    NearTexts(const Texts &texts, const In2<int32_t> &lists, const In2<int16_t> &cosines, const In2<int8_t> &coarse,
              const In<float> &steps, const In<int32_t> &outdated, const In<int32_t> &unlisted, const Powers &powers,
              int64_t recent, float closest, float step, const Baseline &none)
        : Scorer(none), texts_(texts), lists_array_(lists), cosines_array_(cosines), coarse_array_(coarse),
          steps_array_(steps), outdated_array_(outdated), unlisted_array_(unlisted), steps_(steps_array_),
          outdated_(outdated_array_), unlisted_(unlisted_array_), rows_(int64_t(lists.shape(0))),
          length_(int64_t(lists.shape(1))), powers_(powers), recent_(recent), closest_(closest), step_(step) {
        check(int64_t(cosines.shape(0)) == rows_ && int64_t(cosines.shape(1)) == length_ &&
                  int64_t(coarse.shape(0)) == rows_ && int64_t(coarse.shape(1)) == texts_.width && steps_.size == rows_ &&
                  rows_ <= texts_.n_items,
              "arrays do not fit");
        for (int64_t at = 0; at < unlisted_.size; at++)
            check(unlisted_[at] >= 0 && unlisted_[at] < texts_.n_items, "an item beyond the vectors");
        check(std::is_sorted(outdated_.data, outdated_.data + outdated_.size), "codes must ascend");
        later_.assign(unlisted_.data, unlisted_.data + unlisted_.size);
        std::sort(later_.begin(), later_.end());
    }

    bool estimates() const override { return true; }

    void list(const History &history, const Wanted &wanted, Searches &, Listed &found) const override {
        Sides &sides = found.sides;
        sides_of(history, texts_, powers_, recent_, sides);
        found.scored = true;
        found.count = 0;
        if (sides.events.empty()) return;
        if (std::all_of(sides.events.begin(), sides.events.end(), [this](int32_t item) { return has_list(item); }))
            estimate(sides, found);
        int64_t room = wanted.count;
        for (int64_t at = 0; at < found.count && room > 0; at++) room -= wanted.allowed.data[found.columns.data()[at]];
        if (room > 0) scan(sides, wanted, found);
    }

    void exact(const Listed &listed, const int32_t *items, int64_t count, float *scores, int64_t stride) const override {
        text_scores(listed.sides, texts_, closest_, items, count, scores, stride);
    }

  private:
    Texts texts_;
    In2<int32_t> lists_array_;
    In2<int16_t> cosines_array_;
    In2<int8_t> coarse_array_;
    In<float> steps_array_;
    In<int32_t> outdated_array_, unlisted_array_;
    View<float> steps_;
    View<int32_t> outdated_, unlisted_;
    std::vector<int32_t> later_;  // the unlisted ones, ascending
    int64_t rows_, length_;
    Powers powers_;
    int64_t recent_;
    float closest_, step_;

    bool has_list(int32_t item) const {
        return item < rows_ && !std::binary_search(outdated_.data, outdated_.data + outdated_.size, item);
    }

    // See tacit.models.near_texts.NearTexts.estimates.
    void estimate(const Sides &sides, Row &found) const {
        const int64_t n_items = texts_.n_items, width = texts_.width;
        std::vector<float> &close = workspace<float, 8>(n_items);
        std::vector<uint64_t> &bits = workspace<uint64_t, 9>(n_items / 64 + 1);
        Guard<uint64_t> guard{bits};
        auto meet = [&](int32_t item, float value) {
            uint64_t &word = bits[size_t(item) >> 6];
            const uint64_t bit = uint64_t(1) << (item & 63);
            close[size_t(item)] = word & bit ? std::max(close[size_t(item)], value) : value;
            word |= bit;
        };
        const int32_t *lists = lists_array_.data();
        const int16_t *cosines = cosines_array_.data();
        for (size_t e = 0; e < sides.events.size(); e++) {
            const float factor = step_ * sides.left[e];
            const int64_t first = sides.events[e] * length_;
            meet(sides.events[e], sides.left[e]);  // no list holds the item itself, which may be chosen again
            for (int64_t place = first; place < first + length_; place++) {
                if (lists[place] < 0) continue;
                check(lists[place] < n_items, "an item beyond the vectors");
                meet(lists[place], float(cosines[place]) * factor);
            }
        }
        for (const int32_t item : later_)
            for (size_t e = 0; e < sides.events.size(); e++)
                meet(item, product(texts_.of(item), texts_.of(sides.events[e]), width) * sides.left[e]);
        int32_t *items = found.columns.of_size(n_items);
        for (int64_t word = 0; word * 64 < n_items; word++) {
            uint64_t any = bits[size_t(word)];
            bits[size_t(word)] = 0;
            for (; any; any &= any - 1) items[found.count++] = int32_t(word * 64 + __builtin_ctzll(any));
        }
        guard.whole = true;
        float *scores = found.values.of_size(n_items);
        const int8_t *coarse = coarse_array_.data();
        for (int64_t at = 0; at < found.count; at++) {
            const int64_t item = items[at];
            float to_mean;
            if (item >= rows_ || std::binary_search(later_.begin(), later_.end(), int32_t(item))) {
                to_mean = product(sides.mean.data(), texts_.of(item), width);
            } else {
                if (at + AHEAD < found.count && items[at + AHEAD] < rows_) {
                    const int8_t *next = coarse + int64_t(items[at + AHEAD]) * width;
                    for (int64_t place = 0; place < width; place += 64) __builtin_prefetch(next + place);
                }
                to_mean = steps_[item] * coarse_product(sides.mean.data(), coarse + item * width, width);
            }
            scores[at] = (1 - closest_) * to_mean + closest_ * close[size_t(item)];
        }
    }

    // The exact scores of all items that are allowed: where lists hold too few of them.
    void scan(const Sides &sides, const Wanted &wanted, Row &found) const {
        int32_t *items = found.columns.of_size(texts_.n_items);
        found.count = 0;
        for (int32_t item = 0; item < texts_.n_items; item++)
            if (texts_.known.data[item] && wanted.allowed.data[item]) items[found.count++] = item;
        text_scores(sides, texts_, closest_, items, found.count, found.values.of_size(found.count), 1);
    }
};

}  // namespace

void define_scorers(nb::module_ &m) {
    nb::class_<Rows>(m, "Rows").def(nb::init<const In<int64_t> &, const In<int32_t> &, const In<float> &, int64_t>());
    nb::class_<Powers>(m, "Powers").def(nb::init<const In<double> &, double>());
    nb::class_<Baseline>(m, "Baseline").def(nb::init<const In<float> &, const In<int32_t> &>());
    nb::class_<Texts>(m, "Texts").def(nb::init<const In2<float> &, const In<bool> &>());
    nb::class_<UserSearch>(m, "UserSearch")
        .def(nb::init<const Rows &, const In<float> &, const Powers &, int64_t>());
    nb::class_<Scorer>(m, "Scorer");
    nb::class_<ItemSums, Scorer>(m, "ItemSums")
        .def(nb::init<const Rows &, const Powers &, int64_t, const Baseline &>());
    nb::class_<SameForAll, Scorer>(m, "SameForAll").def(nb::init<const Baseline &>());
    nb::class_<Chosen, Scorer>(m, "Chosen").def(nb::init<const Powers &, int64_t, const Baseline &>());
    nb::class_<UserSums, Scorer>(m, "UserSums")
        .def(nb::init<const UserSearch &, const Rows &, const Baseline &>(), nb::keep_alive<1, 2>());
    nb::class_<SessionSums, Scorer>(m, "SessionSums")
        .def(nb::init<const Rows &, const Rows &, const In<int32_t> &, const In<double> &, const In<float> &, const Powers &,
                      const In<double> &, int64_t, int64_t, int64_t, const Baseline &>());
    nb::class_<NearTexts, Scorer>(m, "NearTexts")
        .def(nb::init<const Texts &, const In2<int32_t> &, const In2<int16_t> &, const In2<int8_t> &, const In<float> &,
                      const In<int32_t> &, const In<int32_t> &, const Powers &, int64_t, float, float, const Baseline &>());
}

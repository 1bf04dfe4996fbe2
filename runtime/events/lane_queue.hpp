// runtime/events/lane_queue.hpp
//
// Which row is next, in memory: the index that mailbox and outbox keep over their tables, one for each tenant
// (tenant_queue.hpp). Rows stand in lanes; a lane dispatches one row at a time, in order, and lanes run beside each
// other. A row that may not be taken yet holds its lane (order is kept per lane) without holding the others.
//
// Among lanes the best priority goes first, then the longest waiting. A lane counts as its most urgent row, so that an
// urgent row is not stuck behind its lane's slow ones. Waiting `ageing` longer makes up for one step of priority: so
// nothing starves.
//
// A lane may gather its rows for a while and dispatch them as one (gather.hpp). A row may be set aside: those behind it
// go on, and it joins its lane again when its time has come.
//
// Threads:   confined to its owner's thread.
// Ownership: borrows what lanes gather by, which outlives it.
// Invariant: queued + out + aside == rows; each lane is ready, waiting or out   (check_integrity)
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/events/gather.hpp"

namespace mnema {

class LaneQueue {
 public:
  using RowId = std::int64_t;
  static constexpr int kPriorities = 3;
  /// A row with this time waits until somebody calls `wake`.
  static constexpr Time kUntilWoken = Time::max();

  struct Row {
    RowId id = 0;
    int priority = 0;    // 0 is the most urgent; below kPriorities
    Time since{};        // when it began to wait
    Time not_before{};   // when it may be taken
    bool alone = false;  // not gathered with others: it was dispatched before
  };
  struct Taken {
    Row row;
    std::string lane;
    std::string tenant = {};  // filled in by the TenantQueue
    Gather::Kind gathered = Gather::Kind::kNone;
    /// By id. kNewest: what `row` supersedes. kAll: what is dispatched with it. None of them is in the queue any more.
    std::vector<Row> others = {};
  };

  explicit LaneQueue(Duration ageing) : ageing_(ageing) {}

  /// Puts `row` into its lane, in the order of ids; but never before a row that is out or has been. `gather`, if not
  /// null, is how the lane gathers, the same for all its rows.
  void add(const std::string& lane, Row row, const Gather* gather = nullptr);
  /// Sets `row` aside, until its `not_before`.
  void add_aside(const std::string& lane, Row row, const Gather* gather = nullptr);

  /// The head of the best lane that may be taken at `now`; the lane is out until the row is finished or put back.
  [[nodiscard]] std::optional<Taken> take(Time now);

  /// The row is gone for good; its lane goes on. Works for a row that is out or that waits at the head of its lane.
  /// False: no such row.
  bool finish(RowId id);
  [[nodiscard]] bool is_out(RowId id) const;
  /// The row stays at the head of its lane and may be taken again at `not_before` (Time{} = at once). False: the row is
  /// not out.
  bool put_back(RowId id, Time not_before);
  /// The row leaves its lane to those behind it, and joins it again at `not_before`, or when it is woken. False: the
  /// row is not out.
  bool set_aside(RowId id, Time not_before);
  /// A waiting row may be taken as soon as it is the head of its lane. False: no such row waits.
  bool wake(RowId id);
  /// Takes out a row that is not out, wherever it stands. None: no such row in this lane, or it is out.
  std::optional<Row> remove(const std::string& lane, RowId id);
  /// Of a lane that dispatches its newest row alone and holds more than `rows_kept_max`: takes out all but the first,
  /// which says since when it waits, and the newest. Returns what was taken out.
  [[nodiscard]] std::vector<RowId> thin(const std::string& lane);

  /// When the next waiting head becomes due; none if no time will make one.
  [[nodiscard]] std::optional<Time> next_at() const;
  /// Heads whose time has come are ready from here on. `take` does it too.
  void wake_due(Time now);
  /// Whether `take` has something to give without looking at the time.
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t out() const { return out_; }
  /// Heads that wait, for their time, for the end of a window or to be woken, and rows that were set aside.
  [[nodiscard]] std::int64_t waiting() const;
  [[nodiscard]] std::int64_t rows_in(const std::string& lane) const;
  [[nodiscard]] std::size_t lanes() const { return lanes_.size(); }
  /// When the row that waits longest of all lanes' heads began to wait.
  [[nodiscard]] std::optional<Time> oldest_since() const;
  void check_integrity() const;

 private:
  enum class LaneState { kIdle, kReady, kWaiting, kOut };
  struct Lane {
    std::string name;
    std::vector<Row> rows;  // from `first` on; sorted by id
    std::size_t first = 0;
    std::array<int, kPriorities> waiting_of{};  // rows per priority
    LaneState state = LaneState::kIdle;
    bool begun = false;  // the head has been out: it stays the head until it is finished
    Time rank{};         // of a ready lane: its place in ready_
    Time due{};          // of a waiting lane: its place in waiting_
    const Gather* gather = nullptr;
    bool gathered = false;  // the window is over
    [[nodiscard]] bool empty() const { return first == rows.size(); }
    [[nodiscard]] Row& head() { return rows[first]; }
    [[nodiscard]] const Row& head() const { return rows[first]; }
    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(rows.size() - first); }
  };
  struct ReadyLane {
    Time rank;
    RowId head;
    Lane* lane;
    bool operator<(const ReadyLane& other) const { return rank != other.rank ? rank < other.rank : head < other.head; }
  };
  struct Aside {
    Row row;
    std::string lane;
    const Gather* gather;
  };
  [[nodiscard]] Time rank_of(const Lane& lane) const;
  [[nodiscard]] static bool gathers(const Lane& lane);
  [[nodiscard]] static Time ready_at(const Lane& lane);
  void leave_state(Lane& lane);
  void enter_state(Lane& lane);
  void gather_rows(Lane& lane, Taken& taken);
  void erase_row(Lane& lane, std::vector<Row>::iterator row);
  void drop_head(Lane& lane);
  void rejoin(RowId id);

  const Duration ageing_;
  std::unordered_map<std::string, std::unique_ptr<Lane>> lanes_;
  std::set<ReadyLane> ready_;
  std::map<std::pair<Time, RowId>, Lane*> waiting_;
  std::unordered_map<RowId, Lane*> heads_;  // heads that are out or waiting
  std::unordered_map<RowId, Aside> aside_;
  std::set<std::pair<Time, RowId>> aside_due_;
  std::int64_t rows_ = 0;
  std::int64_t out_ = 0;
};

}  // namespace mnema

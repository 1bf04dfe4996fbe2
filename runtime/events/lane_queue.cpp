#include "runtime/events/lane_queue.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace mnema {

void LaneQueue::add(const std::string& name, Row row) {
  CHECK(row.priority >= 0 && row.priority < kPriorities, "a priority is one of those there are");
  std::unique_ptr<Lane>& slot = lanes_[name];
  if (!slot) {
    slot = std::make_unique<Lane>();
    slot->name = name;
  }
  Lane& lane = *slot;
  const bool was_empty = lane.empty();
  const auto from = lane.rows.begin() + static_cast<std::ptrdiff_t>(lane.first + (lane.begun ? 1 : 0));
  const auto place =
      std::upper_bound(from, lane.rows.end(), row.id, [](RowId id, const Row& other) { return id < other.id; });
  const bool is_head = !lane.begun && place == from;
  if (is_head && !was_empty) leave_state(lane);
  ++lane.waiting_of[static_cast<std::size_t>(row.priority)];
  lane.rows.insert(place, row);
  ++rows_;
  if (is_head) {
    enter_state(lane);
  } else if (lane.state == LaneState::kReady) {
    // A more urgent row lifts its whole lane.
    leave_state(lane);
    enter_state(lane);
  }
}

Time LaneQueue::rank_of(const Lane& lane) const {
  int best = 0;
  while (lane.waiting_of[static_cast<std::size_t>(best)] == 0) ++best;
  return lane.head().since + best * ageing_;
}

void LaneQueue::leave_state(Lane& lane) {
  if (lane.state == LaneState::kReady) {
    ready_.erase({lane.rank, lane.head().id, &lane});
  } else if (lane.state == LaneState::kWaiting) {
    waiting_.erase({lane.head().not_before, lane.head().id});
    heads_.erase(lane.head().id);
  } else if (lane.state == LaneState::kOut) {
    heads_.erase(lane.head().id);
    --out_;
  }
  lane.state = LaneState::kIdle;
}

// A head that has a time waits for it, even for one that is past: `take` moves it over when it is asked.
void LaneQueue::enter_state(Lane& lane) {
  if (lane.empty()) {
    lanes_.erase(std::string(lane.name));
    return;
  }
  const Row& head = lane.head();
  if (head.not_before > Time{}) {
    lane.state = LaneState::kWaiting;
    waiting_.emplace(std::pair(head.not_before, head.id), &lane);
    heads_[head.id] = &lane;
    return;
  }
  lane.state = LaneState::kReady;
  lane.rank = rank_of(lane);
  ready_.insert({lane.rank, head.id, &lane});
}

void LaneQueue::wake_due(Time now) {
  while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
    Lane& lane = *waiting_.begin()->second;
    leave_state(lane);
    lane.head().not_before = Time{};
    enter_state(lane);
  }
}

std::optional<LaneQueue::Taken> LaneQueue::take(Time now) {
  wake_due(now);
  if (ready_.empty()) return std::nullopt;
  Lane& lane = *ready_.begin()->lane;
  leave_state(lane);
  lane.state = LaneState::kOut;
  lane.begun = true;
  heads_[lane.head().id] = &lane;
  ++out_;
  return Taken{lane.head(), lane.name};
}

bool LaneQueue::finish(RowId id) {
  const auto found = heads_.find(id);
  if (found == heads_.end()) return false;
  Lane& lane = *found->second;
  leave_state(lane);
  lane.begun = false;
  --lane.waiting_of[static_cast<std::size_t>(lane.head().priority)];
  --rows_;
  ++lane.first;
  // The capacity before the head is released when it is the larger part.
  if (lane.first > 16 && lane.first > lane.rows.size() / 2) {
    lane.rows.erase(lane.rows.begin(), lane.rows.begin() + static_cast<std::ptrdiff_t>(lane.first));
    lane.first = 0;
  }
  enter_state(lane);
  return true;
}

bool LaneQueue::is_out(RowId id) const {
  const auto found = heads_.find(id);
  return found != heads_.end() && found->second->state == LaneState::kOut;
}

bool LaneQueue::put_back(RowId id, Time not_before) {
  const auto found = heads_.find(id);
  if (found == heads_.end() || found->second->state != LaneState::kOut) return false;
  Lane& lane = *found->second;
  leave_state(lane);
  lane.head().not_before = not_before;
  enter_state(lane);
  return true;
}

bool LaneQueue::wake(RowId id) {
  if (const auto found = heads_.find(id); found != heads_.end()) {
    Lane& lane = *found->second;
    if (lane.state != LaneState::kWaiting) return false;
    leave_state(lane);
    lane.head().not_before = Time{};
    enter_state(lane);
    return true;
  }
  // Behind another row stands a waiting one only where that was revived: seldom enough to look for it.
  for (const auto& [name, lane] : lanes_) {
    const auto place =
        std::lower_bound(lane->rows.begin() + static_cast<std::ptrdiff_t>(lane->first + 1), lane->rows.end(), id,
                         [](const Row& row, RowId wanted) { return row.id < wanted; });
    if (place == lane->rows.end() || place->id != id) continue;
    const bool waits = place->not_before > Time{};
    place->not_before = Time{};
    return waits;
  }
  return false;
}

std::optional<Time> LaneQueue::next_at() const {
  if (waiting_.empty() || waiting_.begin()->first.first == kUntilWoken) return std::nullopt;
  return waiting_.begin()->first.first;
}

std::int64_t LaneQueue::rows_in(const std::string& lane) const {
  const auto found = lanes_.find(lane);
  return found == lanes_.end() ? 0 : found->second->size();
}

std::int64_t LaneQueue::waiting() const { return static_cast<std::int64_t>(waiting_.size()); }

std::optional<Time> LaneQueue::oldest_since() const {
  std::optional<Time> oldest;
  for (const auto& [name, lane] : lanes_) {
    if (!oldest || lane->head().since < *oldest) oldest = lane->head().since;
  }
  return oldest;
}

void LaneQueue::check_integrity() const {
  std::int64_t rows = 0;
  std::int64_t out = 0;
  std::size_t ready = 0;
  std::size_t waiting = 0;
  for (const auto& [name, lane] : lanes_) {
    CHECK(!lane->empty(), "a lane without rows is forgotten");
    rows += lane->size();
    int counted = 0;
    for (const int count : lane->waiting_of) counted += count;
    CHECK(counted == lane->size(), "rows per priority add up to the lane");
    CHECK(std::is_sorted(lane->rows.begin() + static_cast<std::ptrdiff_t>(lane->first + 1), lane->rows.end(),
                         [](const Row& a, const Row& b) { return a.id < b.id; }),
          "rows behind the head of a lane stand in order");
    out += lane->state == LaneState::kOut ? 1 : 0;
    ready += lane->state == LaneState::kReady ? 1 : 0;
    waiting += lane->state == LaneState::kWaiting ? 1 : 0;
    CHECK(lane->state != LaneState::kIdle, "a lane with rows is ready, waiting or out");
  }
  CHECK(rows == rows_ && out == out_, "queued + out == rows");
  CHECK(ready == ready_.size() && waiting == waiting_.size(), "each lane stands in the one index of its state");
  CHECK(heads_.size() == waiting_.size() + static_cast<std::size_t>(out_), "heads are those out and waiting");
}

}  // namespace mnema

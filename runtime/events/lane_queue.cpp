#include "runtime/events/lane_queue.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace mnema {

void LaneQueue::add(const std::string& name, Row row, const Gather* gather) {
  CHECK(row.priority >= 0 && row.priority < kPriorities, "a priority is one of those there are");
  std::unique_ptr<Lane>& slot = lanes_[name];
  if (!slot) {
    slot = std::make_unique<Lane>();
    slot->name = name;
    slot->gather = gather;
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
  } else if (lane.state == LaneState::kReady || (lane.state == LaneState::kWaiting && gathers(lane))) {
    // A more urgent row lifts its whole lane; one more may end its window, or put the end off.
    leave_state(lane);
    enter_state(lane);
  }
}

void LaneQueue::add_aside(const std::string& lane, Row row, const Gather* gather) {
  row.alone = true;
  if (row.not_before != kUntilWoken) aside_due_.emplace(row.not_before, row.id);
  aside_.emplace(row.id, Aside{row, lane, gather});
  ++rows_;
}

/// Whether what stands first in the lane waits for the end of a window.
bool LaneQueue::gathers(const Lane& lane) {
  if (lane.gather == nullptr || lane.gather->kind == Gather::Kind::kNone) return false;
  return !lane.begun && !lane.head().alone && lane.head().not_before == Time{};
}

/// When the head may be taken; Time{}: at once.
Time LaneQueue::ready_at(const Lane& lane) {
  if (lane.gathered || !gathers(lane)) return lane.head().not_before;
  const Gather& gather = *lane.gather;
  if (gather.window == Duration{}) return Time{};
  if (gather.rows_max > 0 && static_cast<std::size_t>(lane.size()) >= gather.rows_max) return Time{};
  if (!gather.sliding) return lane.head().since + gather.window;
  return std::min(lane.rows.back().since + gather.window, lane.head().since + gather.wait_max);
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
    waiting_.erase({lane.due, lane.head().id});
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
  if (const Time at = ready_at(lane); at > Time{}) {
    lane.state = LaneState::kWaiting;
    lane.due = at;
    waiting_.emplace(std::pair(at, head.id), &lane);
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
    lane.gathered = gathers(lane);
    lane.head().not_before = Time{};
    enter_state(lane);
  }
  while (!aside_due_.empty() && aside_due_.begin()->first <= now) rejoin(aside_due_.begin()->second);
}

void LaneQueue::rejoin(RowId id) {
  const auto found = aside_.find(id);
  Aside aside = std::move(found->second);
  aside_due_.erase({aside.row.not_before, id});
  aside_.erase(found);
  --rows_;
  aside.row.not_before = Time{};
  add(aside.lane, aside.row, aside.gather);
}

/// What the lane has gathered leaves it, but for the row that is dispatched.
void LaneQueue::gather_rows(Lane& lane, Taken& taken) {
  if (!gathers(lane)) return;
  taken.gathered = lane.gather->kind;
  const bool newest = taken.gathered == Gather::Kind::kNewest;
  const auto begin = lane.rows.begin() + static_cast<std::ptrdiff_t>(lane.first);
  auto end = std::find_if(begin, lane.rows.end(), [](const Row& row) { return row.alone || row.not_before > Time{}; });
  if (!newest && lane.gather->rows_max > 0) {
    end = begin + std::min(end - begin, static_cast<std::ptrdiff_t>(lane.gather->rows_max));
  }
  const auto first = newest ? begin : begin + 1;
  const auto last = newest ? end - 1 : end;
  taken.others.assign(first, last);
  for (const Row& row : taken.others) --lane.waiting_of[static_cast<std::size_t>(row.priority)];
  rows_ -= last - first;
  lane.rows.erase(first, last);
}

std::optional<LaneQueue::Taken> LaneQueue::take(Time now) {
  wake_due(now);
  if (ready_.empty()) return std::nullopt;
  Lane& lane = *ready_.begin()->lane;
  leave_state(lane);
  Taken taken;
  taken.lane = lane.name;
  gather_rows(lane, taken);
  taken.row = lane.head();
  lane.state = LaneState::kOut;
  lane.begun = true;
  lane.head().alone = true;
  heads_[lane.head().id] = &lane;
  ++out_;
  return taken;
}

bool LaneQueue::finish(RowId id) {
  if (const auto aside = aside_.find(id); aside != aside_.end()) {
    aside_due_.erase({aside->second.row.not_before, id});
    aside_.erase(aside);
    --rows_;
    return true;
  }
  const auto found = heads_.find(id);
  if (found == heads_.end()) return false;
  Lane& lane = *found->second;  // leaving its state takes it out of what was found
  leave_state(lane);
  drop_head(lane);
  return true;
}

/// Of a lane that has left its state.
void LaneQueue::drop_head(Lane& lane) {
  lane.begun = false;
  lane.gathered = false;
  --lane.waiting_of[static_cast<std::size_t>(lane.head().priority)];
  --rows_;
  ++lane.first;
  // The capacity before the head is released when it is the larger part.
  if (lane.first > 16 && lane.first > lane.rows.size() / 2) {
    lane.rows.erase(lane.rows.begin(), lane.rows.begin() + static_cast<std::ptrdiff_t>(lane.first));
    lane.first = 0;
  }
  enter_state(lane);
}

bool LaneQueue::set_aside(RowId id, Time not_before) {
  if (!is_out(id)) return false;
  Lane& lane = *heads_.find(id)->second;
  Row row = lane.head();
  row.not_before = not_before;
  const std::string name = lane.name;
  const Gather* const gather = lane.gather;
  leave_state(lane);
  drop_head(lane);
  add_aside(name, row, gather);
  return true;
}

std::optional<LaneQueue::Row> LaneQueue::remove(const std::string& name, RowId id) {
  if (const auto aside = aside_.find(id); aside != aside_.end()) {
    const Row row = aside->second.row;
    finish(id);
    return row;
  }
  const auto found = lanes_.find(name);
  if (found == lanes_.end()) return std::nullopt;
  Lane& lane = *found->second;
  const auto head = lane.rows.begin() + static_cast<std::ptrdiff_t>(lane.first);
  if (head->id == id) {
    if (lane.state == LaneState::kOut) return std::nullopt;
    const Row removed = *head;
    leave_state(lane);
    const bool gathered = lane.gathered;
    lane.gathered = false;
    erase_row(lane, head);
    if (!lane.empty()) lane.gathered = gathered && gathers(lane);
    lane.begun = false;
    enter_state(lane);
    return removed;
  }
  const auto row = std::lower_bound(head + 1, lane.rows.end(), id, [](const Row& a, RowId b) { return a.id < b; });
  if (row == lane.rows.end() || row->id != id) return std::nullopt;
  const Row removed = *row;
  const bool is_out = lane.state == LaneState::kOut;
  if (!is_out) leave_state(lane);
  erase_row(lane, row);
  if (!is_out) enter_state(lane);
  return removed;
}

void LaneQueue::erase_row(Lane& lane, std::vector<Row>::iterator row) {
  --lane.waiting_of[static_cast<std::size_t>(row->priority)];
  --rows_;
  lane.rows.erase(row);
}

std::vector<LaneQueue::RowId> LaneQueue::thin(const std::string& name) {
  std::vector<RowId> thinned;
  const auto found = lanes_.find(name);
  if (found == lanes_.end()) return thinned;
  Lane& lane = *found->second;
  if (lane.gather == nullptr || lane.gather->kind != Gather::Kind::kNewest) return thinned;
  const std::size_t kept_max = std::max<std::size_t>(lane.gather->rows_kept_max, 2);
  const auto from = std::find_if(lane.rows.begin() + static_cast<std::ptrdiff_t>(lane.first), lane.rows.end(),
                                 [](const Row& row) { return !row.alone; });
  const auto end =
      std::find_if(from, lane.rows.end(), [](const Row& row) { return row.alone || row.not_before > Time{}; });
  if (static_cast<std::size_t>(end - from) <= kept_max) return thinned;
  const bool is_out = lane.state == LaneState::kOut;
  if (!is_out) leave_state(lane);
  for (auto row = from + 1; row != end - 1; ++row) {
    --lane.waiting_of[static_cast<std::size_t>(row->priority)];
    thinned.push_back(row->id);
  }
  rows_ -= static_cast<std::int64_t>(thinned.size());
  lane.rows.erase(from + 1, end - 1);
  if (!is_out) enter_state(lane);
  return thinned;
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
  if (aside_.contains(id)) return rejoin(id), true;
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
  Time next = kUntilWoken;
  if (!waiting_.empty()) next = waiting_.begin()->first.first;
  if (!aside_due_.empty()) next = std::min(next, aside_due_.begin()->first);
  if (next == kUntilWoken) return std::nullopt;
  return next;
}

std::int64_t LaneQueue::rows_in(const std::string& lane) const {
  const auto found = lanes_.find(lane);
  return found == lanes_.end() ? 0 : found->second->size();
}

std::int64_t LaneQueue::waiting() const { return static_cast<std::int64_t>(waiting_.size() + aside_.size()); }

std::optional<Time> LaneQueue::oldest_since() const {
  std::optional<Time> oldest;
  for (const auto& [name, lane] : lanes_) {
    if (!oldest || lane->head().since < *oldest) oldest = lane->head().since;
  }
  for (const auto& [id, aside] : aside_) {
    if (!oldest || aside.row.since < *oldest) oldest = aside.row.since;
  }
  return oldest;
}

void LaneQueue::check_integrity() const {
  auto rows = static_cast<std::int64_t>(aside_.size());
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
  for (const auto& [id, aside] : aside_) {
    const bool has_time = aside.row.not_before != kUntilWoken;
    CHECK(aside_due_.contains({aside.row.not_before, id}) == has_time, "a row that was set aside waits for its time");
  }
  CHECK(aside_due_.size() <= aside_.size(), "nobody else waits there");
  CHECK(rows == rows_ && out == out_, "queued + out + aside == rows");
  CHECK(ready == ready_.size() && waiting == waiting_.size(), "each lane stands in the one index of its state");
  CHECK(heads_.size() == waiting_.size() + static_cast<std::size_t>(out_), "heads are those out and waiting");
}

}  // namespace mnema

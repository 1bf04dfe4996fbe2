// runtime/events/tenant_queue.hpp
//
// Which row is next when rows belong to tenants: a LaneQueue for each tenant, and a round among the tenants that have a
// row to dispatch. Each take serves the next tenant of the round, so the burst of one delays another by one row a
// round, however long the burst is. Inside a tenant the LaneQueue decides (lanes, priority, age).
//
// A tenant with `out_per_tenant_max` rows out leaves the round until one of them ends.
//
// Threads:   confined to its owner's thread.
// Costs:     O(log n) an operation.
// Invariant: a tenant stands in the round exactly if it has a ready lane and may have one more row out; its time is in
//            the index exactly if it waits for one and may have one more row out   (check_integrity)
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/events/lane_queue.hpp"

namespace mnema {

/// Names a lane. The first part carries its length, so that no choice of names can meet in one lane.
[[nodiscard]] inline std::string lane_name(const std::string& first, const std::string& second) {
  return std::to_string(first.size()) + ":" + first + second;
}

class TenantQueue {
 public:
  using RowId = LaneQueue::RowId;  // unique over all tenants
  using Row = LaneQueue::Row;
  using Taken = LaneQueue::Taken;

  TenantQueue(Duration ageing, int out_per_tenant_max);

  /// As LaneQueue::add. Lanes of two tenants are two lanes, whatever their names.
  void add(const std::string& tenant, const std::string& lane, const Row& row, const Gather* gather = nullptr);
  void add_aside(const std::string& tenant, const std::string& lane, const Row& row, const Gather* gather = nullptr);
  /// The best row of the next tenant of the round, and what it was gathered with.
  [[nodiscard]] std::optional<Taken> take(Time now);

  // As those of LaneQueue.
  bool finish(RowId id);
  [[nodiscard]] bool is_out(RowId id) const;
  bool requeue(RowId id, Time not_before);
  bool set_aside(RowId id, Time not_before);
  bool wake(RowId id);
  std::optional<Row> remove(const std::string& tenant, const std::string& lane, RowId id);
  [[nodiscard]] std::vector<RowId> thin(const std::string& tenant, const std::string& lane);

  /// When the next row of a tenant that may have one more out becomes due; none if no time will make one.
  [[nodiscard]] std::optional<Time> next_at() const;
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t out() const { return out_; }
  [[nodiscard]] std::int64_t waiting() const { return waiting_; }
  [[nodiscard]] std::int64_t rows_of(const std::string& tenant) const;
  [[nodiscard]] std::int64_t rows_in(const std::string& tenant, const std::string& lane) const;
  [[nodiscard]] std::size_t lanes() const;
  [[nodiscard]] std::optional<Time> oldest_since() const;
  void check_integrity() const;

 private:
  struct Tenant {
    Tenant(std::string n, std::uint64_t ordinal, Duration ageing)
        : name(std::move(n)), number(ordinal), queue(ageing) {}
    const std::string name;
    const std::uint64_t number;  // tells apart what is due at the same time
    LaneQueue queue;
    bool in_round = false;
    std::list<Tenant*>::iterator place;           // of one in the round
    std::optional<Time> due;                      // its entry in due_
    std::int64_t rows = 0, out = 0, waiting = 0;  // its part of the sums
  };
  [[nodiscard]] Tenant* owner_of(RowId id) const;
  [[nodiscard]] Tenant& tenant_of(const std::string& name);
  void refresh(Tenant& tenant);

  const Duration ageing_;
  const int out_per_tenant_max_;
  std::unordered_map<std::string, std::unique_ptr<Tenant>> tenants_;
  std::list<Tenant*> round_;
  std::map<std::pair<Time, std::uint64_t>, Tenant*> due_;
  std::unordered_map<RowId, Tenant*> owners_;  // of rows that are or were out, or were added with a time
  std::uint64_t last_number_ = 0;
  std::int64_t rows_ = 0, out_ = 0, waiting_ = 0;
};

}  // namespace mnema

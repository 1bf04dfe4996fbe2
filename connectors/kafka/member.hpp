// connectors/kafka/member.hpp
//
// The seam between a consumer (consumer.hpp) and the group it is a member of: what is assigned, fetched, committed. In
// production librdkafka (client_member.hpp); in the simulation a broker on virtual time, so that the consumer itself
// runs there from a seed.
//
// Threads:   confined to the loop thread, except `committed`, `id`, `others`, `ends` and `offsets_at`, which wait,
//            and what says otherwise.
// Ownership: shared: what is asked off the loop holds it. What was fetched holds what it needs and may outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/record.hpp"
#include "connectors/kafka/start_position.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct KafkaPartitionName {
  std::string topic;
  std::int32_t number = 0;
  bool operator==(const KafkaPartitionName&) const = default;
};

/// A place in a partition. Beside offsets there are two places that have none.
struct KafkaPartitionOffset {
  static constexpr std::int64_t kBegin = -2;  // the first record that is there
  static constexpr std::int64_t kEnd = -1;    // what comes from now on
  KafkaPartitionName of;
  std::int64_t offset = kBegin;
};

/// Records that came together. The values of `record` are good as long as this is.
class KafkaFetch {
 public:
  virtual ~KafkaFetch() = default;
  [[nodiscard]] virtual std::size_t size() const = 0;
  /// With the first `headers_max` of its headers. From any thread.
  [[nodiscard]] virtual KafkaRecord record(std::size_t index, std::size_t headers_max) const = 0;
  /// Of key, value and all headers.
  [[nodiscard]] virtual std::int64_t bytes(std::size_t index) const = 0;
};

struct KafkaMemberEvent {
  enum class Kind {
    kFetched,    // `fetch`
    kAssigned,   // `partitions`, to be answered by `assign`
    kRevoked,    // `partitions`, to be answered by `unassign`
    kCommitted,  // `partitions`, those whose offset the broker has taken; or `error`
    kNotThere    // `partitions`: one, which has no record at the offset it was to be fetched from
  };
  Kind kind = Kind::kFetched;
  std::unique_ptr<KafkaFetch> fetch;
  std::vector<KafkaPartitionOffset> partitions;
  bool is_lost = false;  // revoked: they are somebody else's already
  std::string error;
};

struct KafkaGroupOffsets {
  std::string cluster;                    // its own id
  std::vector<KafkaCommitted> committed;  // in the order asked for
};

struct KafkaWatermarks {
  std::int64_t low = 0;   // the first offset that is there
  std::int64_t high = 0;  // behind the last one
};

class KafkaMember {
 public:
  virtual ~KafkaMember() = default;

  /// Joins the group. `on_ready` is called on the loop when there is something to poll, once per change from nothing to
  /// something: who stops polling early polls again by himself. Not on the loop: before it runs, or from another
  /// thread. Errors: `kInvalidArgument` (a topic's name), `kResourceExhausted`.
  [[nodiscard]] virtual Status join(const std::vector<std::string>& topics, std::function<void()> on_ready) = 0;
  /// Leaves the group, or joins it again. What is assigned is taken away first, as in any rebalance.
  virtual void leave() = 0;
  virtual void join_again() = 0;
  /// The next event; none: nothing is left. Never waits.
  [[nodiscard]] virtual std::optional<KafkaMemberEvent> poll() = 0;

  /// Whether partitions come and go one by one; else a rebalance assigns all anew.
  [[nodiscard]] virtual bool is_cooperative() const = 0;
  /// They are fetched from these offsets on. Cooperative: beside those there are; else they are all.
  virtual void assign(const std::vector<KafkaPartitionOffset>& partitions) = 0;
  /// Not cooperative: of all.
  virtual void unassign(const std::vector<KafkaPartitionName>& partitions) = 0;
  virtual void set_paused(const std::vector<KafkaPartitionName>& partitions, bool is_paused) = 0;
  /// With our mark (start_position.hpp); answered by kCommitted. False: it was not sent.
  [[nodiscard]] virtual bool commit(const std::vector<KafkaPartitionOffset>& partitions) = 0;
  /// Behind the partition's last record, as far as it is known without asking; -1: it is not.
  [[nodiscard]] virtual std::int64_t known_end(const KafkaPartitionName& of) const = 0;

  /// Errors: `kUnavailable` (the broker does not answer; retryable).
  [[nodiscard]] virtual Result<KafkaGroupOffsets> committed(const std::vector<KafkaPartitionName>& of) = 0;
  /// What the group knows it by: another one after it was taken for dead and has joined anew. "" = it is in none.
  [[nodiscard]] virtual std::string id() = 0;
  /// The hosts of the group's other members. Errors: `kUnavailable`, retryable.
  [[nodiscard]] virtual Result<std::vector<std::string>> others() = 0;
  /// Errors: `kUnavailable`, retryable.
  [[nodiscard]] virtual Result<KafkaWatermarks> ends(const KafkaPartitionName& of) = 0;

  /// Of each partition the first offset whose record is of `time` or later; without one, where the partition ends.
  /// Errors: `kUnavailable`, retryable.
  [[nodiscard]] virtual Result<std::vector<std::int64_t>> offsets_at(const std::vector<KafkaPartitionName>& of,
                                                                     Time time) = 0;

  /// For the log. From any thread.
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// What keeps it from working; none: nothing is known. A fatal one stays. From any thread.
  [[nodiscard]] virtual std::optional<std::string> problem() const = 0;
  virtual void set_problem(const std::string& problem) = 0;
  /// Something of it worked: a broker answers.
  virtual void note_working() = 0;
  [[nodiscard]] virtual bool is_fatal() const = 0;
  /// Once a second.
  virtual void tick() = 0;
  /// Leaves the group for good; nothing else is done then. To be called again until it is true: it has left.
  [[nodiscard]] virtual bool leave_for_good() = 0;
  /// Nothing is polled any more. On a thread that may wait, when the loop has ended.
  virtual void close() = 0;
};

}  // namespace mnema

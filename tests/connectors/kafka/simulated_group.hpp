// tests/connectors/kafka/simulated_group.hpp
//
// A topic and its consumer group on virtual time, from a seed: what a broker and another node of the group may do to a
// consumer, in any order. Records come late, in pieces, and interleaved over partitions; commits and questions fail;
// partitions are taken away, politely or because the group has given the member up, and given to another node, which
// reads on and commits; an operator resets offsets, retention deletes, a topic is created anew.
//
// Threads:   one: the simulation's.
// Ownership: the group outlives its members; a member outlives nothing but what was fetched.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "connectors/kafka/member.hpp"
#include "runtime/sim/simulation_executor.hpp"

namespace mnema::testing {

class SimulatedMember;

class SimulatedGroup {
 public:
  static constexpr int kPartitions = 3;
  static constexpr const char* kTopic = "orders";

  struct Record {
    int number = 0;  // of its own, over all partitions and topics of the name
    std::int64_t offset = 0;
    std::string value;
    Time time{};
  };
  enum class Owner { kNobody, kUs, kOther };
  struct Partition {
    std::vector<std::shared_ptr<const Record>> log;  // with gaps, as transactions leave them
    std::int64_t low = 0;
    std::int64_t high = 0;
    KafkaCommitted committed;
    bool is_committed_by_us = false;
    bool is_stale = false;  // that is of a topic that is no more
    Owner owner = Owner::kNobody;
    std::int64_t other_at = -1;  // where the other node reads
  };

  explicit SimulatedGroup(Simulation& simulation);

  [[nodiscard]] std::shared_ptr<SimulatedMember> make_member();
  /// The process of the member is gone: what it owned is nobody's.
  void forget_member();

  void produce(int partition, bool is_poison);
  /// Somebody's partitions change. False: not now (nobody is here, or one is under way).
  bool rebalance();
  /// While nobody reads: the offset of a partition is set, without our mark.
  bool reset_offset();
  /// While nobody reads: the topic is deleted and created again.
  bool create_anew();
  /// The oldest records of a partition are deleted.
  void retain();
  /// The other node reads a few records of what it owns, and commits sometimes.
  void let_other_read();
  /// No more trouble: everything is ours, and stays.
  void calm();

  [[nodiscard]] bool is_cooperative() const { return is_cooperative_; }
  [[nodiscard]] bool is_all_ours() const;
  [[nodiscard]] bool is_calm() const { return is_calm_; }
  /// Numbers of records that may be missing: deleted before they were read, skipped by an operator, or handled by the
  /// other node.
  [[nodiscard]] const std::set<int>& excused() const { return excused_; }
  [[nodiscard]] const std::map<int, int>& produced() const { return produced_; }  // number -> partition
  /// Where an operator's reset or a new topic has made offsets come again.
  [[nodiscard]] bool has_new_epochs() const { return has_new_epochs_; }

  /// Offsets without records, as transactions leave them.
  bool leaves_gaps = true;
  /// A topic never keeps its group's offsets when it is created anew.
  bool forgets_offsets = false;
  /// Called for each commit of ours before it counts, with a partition and the offset.
  std::function<void(int, std::int64_t)> on_commit;
  std::function<void(const char*)> hit = [](const char*) {};  // a rare branch
  std::function<void(const std::string&)> trace;              // what happens, line by line, for who looks at one seed

 private:
  friend class SimulatedMember;
  void plan(Duration delay);
  void assign_ours(const std::vector<int>& numbers);
  void released();
  template <class... Parts>
  void note(const Parts&... parts) const {
    if (!trace) return;
    std::ostringstream line;
    (line << ... << parts);
    trace(line.str());
  }
  void commit_of_other(Partition& partition);

  Simulation& simulation_;
  Executor& lane_;
  const bool is_cooperative_;
  std::array<Partition, kPartitions> partitions_;
  std::weak_ptr<SimulatedMember> member_;
  std::uint64_t generation_ = 0;  // of memberships and rebalances
  bool is_rebalancing_ = false;
  std::set<int> wanted_;  // ours after the rebalance
  int next_number_ = 1;
  bool is_calm_ = false;
  bool has_new_epochs_ = false;
  std::set<int> excused_;
  std::map<int, int> produced_;
};

class SimulatedMember final : public KafkaMember, public std::enable_shared_from_this<SimulatedMember> {
 public:
  explicit SimulatedMember(SimulatedGroup& group) : group_(group), lane_(group.lane_) {}

  [[nodiscard]] Status join(const std::vector<std::string>& topics, std::function<void()> on_ready) override;
  void leave() override {}  // no agent of the simulation has a state that must not move
  void join_again() override {}
  [[nodiscard]] std::optional<KafkaMemberEvent> poll() override;
  [[nodiscard]] bool is_cooperative() const override { return group_.is_cooperative(); }
  void assign(const std::vector<KafkaPartitionOffset>& partitions) override;
  void unassign(const std::vector<KafkaPartitionName>& partitions) override;
  void set_paused(const std::vector<KafkaPartitionName>& partitions, bool is_paused) override;
  [[nodiscard]] bool commit(const std::vector<KafkaPartitionOffset>& partitions) override;
  [[nodiscard]] std::int64_t known_end(const KafkaPartitionName& of) const override;
  [[nodiscard]] Result<KafkaGroupOffsets> committed(const std::vector<KafkaPartitionName>& of) override;
  [[nodiscard]] std::string id() override { return name_; }
  [[nodiscard]] Result<std::vector<std::string>> others() override { return std::vector<std::string>{}; }
  [[nodiscard]] Result<KafkaWatermarks> ends(const KafkaPartitionName& of) override;
  [[nodiscard]] Result<std::vector<std::int64_t>> offsets_at(const std::vector<KafkaPartitionName>& of,
                                                             Time time) override;
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::optional<std::string> problem() const override { return std::nullopt; }
  void set_problem(const std::string&) override {}
  void note_working() override {}
  [[nodiscard]] bool is_fatal() const override { return false; }
  void tick() override {}
  [[nodiscard]] bool leave_for_good() override { return true; }
  void close() override { is_closed_ = true; }

  [[nodiscard]] bool is_reading_positions() const { return is_told_; }
  [[nodiscard]] bool commit_is_out() const { return commit_is_out_; }

 private:
  friend class SimulatedGroup;
  struct Place {
    std::int64_t next = 0;
    bool is_paused = false;
    bool is_lost = false;  // has said that nothing is there
  };
  void push(KafkaMemberEvent event);
  void fetch();
  void drop_fetched(int number, bool rewinds);

  SimulatedGroup& group_;
  Executor& lane_;
  const std::string name_ = "simulated";
  std::function<void()> on_ready_;
  std::deque<KafkaMemberEvent> events_;
  std::map<int, Place> places_;
  bool is_armed_ = true;
  bool is_closed_ = false;
  bool is_told_ = false;  // of an assignment that it has not answered yet
  bool is_revoking_ = false;
  bool commit_is_out_ = false;
};

}  // namespace mnema::testing

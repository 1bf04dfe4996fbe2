// tests/memory/procedural/runs.hpp
//
// Task runs as turns would record them, and what becomes of them, over a disk that forgets what was not synced.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "memory/procedural/procedure_store.hpp"
#include "tests/memory/fixture.hpp"

namespace mnema::testing {

inline const std::vector<TaskStep> kRefund = {
    {"find_order", {{"order_id", ArgumentOrigin::kTask, ""}}},
    {"refund", {{"amount", ArgumentOrigin::kResult, "find_order"}, {"order_id", ArgumentOrigin::kTask, ""}}}};

inline TaskRun run_of(const std::string& text, std::vector<TaskStep> steps = kRefund, bool succeeded = true,
                      const std::string& user = "anna") {
  TaskRun run;
  run.owner = {"local", "clerk", user, "talk of " + user};
  run.thread = "local/clerk/" + user;
  run.event_type = "chat.message";
  run.text = text;
  run.trust = Trust::kUser;
  run.steps = std::move(steps);
  run.calls = static_cast<int>(run.steps.size());
  run.succeeded = succeeded;
  if (!succeeded) run.because = "the last call of refund failed";
  return run;
}
inline TaskRun run_by(const std::string& user, const std::string& text, std::vector<TaskStep> steps = kRefund) {
  return run_of(text, std::move(steps), true, user);
}

class Runs : public Opened {
 public:
  explicit Runs(std::uint64_t seed = 1) : Opened(seed) {}

  void record(const TaskRun& run) {
    const auto recorded = write<bool>([this, run](Transaction& transaction) -> Result<bool> {
      RETURN_IF_ERROR(memory->append_task_run(transaction, run));
      return true;
    });
    CHECK(recorded.ok(), recorded.ok() ? "" : recorded.error().text().c_str());
  }
  /// Records, and waits until it is learned from.
  void learn(const TaskRun& run) {
    record(run);
    const Status done = consolidated();
    CHECK(done.ok(), done.ok() ? "" : done.error().text().c_str());
  }
  /// Three people's.
  void learn_refund() {
    learn(run_by("anna", "Please refund order A-17."));
    learn(run_by("bert", "Refund order B-204 for me, please"));
    learn(run_by("carla", "could you refund my order C-3?"));
  }

  /// What somebody else's turn is shown.
  std::optional<Procedure> asked(const std::string& text, Trust trust = Trust::kUser,
                                 const std::string& type = "chat.message",
                                 const Scope& owner = {"local", "clerk", "dora", "talk of dora"}) {
    ProcedureQuery query;
    query.owner = owner;
    query.event_type = type;
    query.trust = trust;
    query.text = text;
    using Found = std::optional<Procedure>;
    return answered<Found>([&](std::function<void(Result<Found>)> on_done) {
             memory->procedure(query, simulation.lane("loop"), std::move(on_done));
           })
        .value();
  }
  std::optional<Procedure> asked_by(const std::string& user, const std::string& text) {
    return asked(text, Trust::kUser, "chat.message", {"local", "clerk", user, "another talk of " + user});
  }

  std::vector<Procedure> all(const std::string& tenant = "local") {
    return read<std::vector<Procedure>>(
               [&](Transaction& transaction) { return procedure_store::list(transaction, tenant, std::nullopt, 100); })
        .value();
  }
  Status change(const std::function<Status(Transaction&)>& unit) {
    const auto changed = write<bool>([unit](Transaction& transaction) -> Result<bool> {
      RETURN_IF_ERROR(unit(transaction));
      return true;
    });
    return changed.ok() ? Status() : Status(changed.error());
  }
  [[nodiscard]] Time now() { return simulation.clock().now(); }
};

}  // namespace mnema::testing

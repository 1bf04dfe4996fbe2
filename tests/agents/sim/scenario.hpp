// tests/agents/sim/scenario.hpp
//
// One course of events from a seed: two tenants send webhooks and chat, leave in the middle, come again; the disk
// fails, the network fails, somebody sets the wall clock, the process dies at any point and another takes over. Then
// the trouble ends, everything that was acknowledged is finished, and `check` compares what is there with what must be.
//
// Two kinds: patient ones try for ever, so that every event must be done; tight ones have bounds that are reached, so
// that events are refused and dead letters made, which an operator redrives in the end.
//
// Threads:   the simulation's one.
// Ownership: owns the process and what outlives it; borrows the table.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/agents/sim/agents.hpp"
#include "tests/agents/sim/process.hpp"
#include "tests/agents/sim/trace.hpp"

namespace mnema::testing {

/// Rare branches that a campaign must reach.
[[nodiscard]] std::vector<std::string> branches_to_reach();

class Scenario {
 public:
  Scenario(std::uint64_t seed, SometimesTable& sometimes);
  ~Scenario();

  void run();
  void check();

  [[nodiscard]] const std::string& trace() const { return trace_.text; }
  [[nodiscard]] int crashes() const { return crashes_; }

 private:
  struct Sent {
    std::string id;
    std::string tenant;
    std::string agent;
    std::string key;
    std::string kind;
  };
  struct Place {
    std::string tenant;
    std::string agent;
    std::string key;
    [[nodiscard]] std::string text() const { return tenant + "/" + agent + "/" + key; }
  };
  struct Chat {
    Place place;
    bool answered = false;
  };

  // scenario.cpp
  void boot();
  void act();
  void die();
  void restart();
  void finish();
  void redrive_dead_letters();
  void run_steps(std::uint64_t steps);
  void observe();
  void observe_dead_letters();
  void send_new_event();
  void send(const Sent& event);
  void on_webhook_answer(const std::string& id, const ClientAnswer& answer);
  void resend();
  void start_chat();
  void break_disk();
  void step_wall_clock();
  [[nodiscard]] bool one_in(std::uint64_t count) { return process_.simulation.random().below(count) == 0; }
  [[nodiscard]] std::vector<Sent> waiting() const;

  // damage.cpp
  void boot_over_damage(bool after_crash);
  [[nodiscard]] bool damage_database();
  [[nodiscard]] bool damage_log();
  [[nodiscard]] bool damage_snapshot();
  [[nodiscard]] std::string flip_a_bit(std::string bytes, std::size_t begin, std::size_t end);

  // checks.cpp
  void check_effects();
  void check_places();
  void check_order(const Place& place, const std::vector<std::string>& ledger);
  void check_memory(const Place& place, std::size_t remembered);
  void check_messages();
  void check_chats();
  void check_facts();
  void check_dead_letters();
  [[nodiscard]] bool said_thanks(const Sent& event);
  [[nodiscard]] std::vector<std::string> expected(const Place& place) const;
  [[nodiscard]] std::vector<std::string> ledger_of(const Place& place);
  [[nodiscard]] static std::vector<Place> places();

  const std::uint64_t seed_;
  const bool patient_;
  SometimesTable& sometimes_;
  Process process_;
  Trace trace_;
  std::vector<std::string> violations_;
  std::vector<Sent> sent_;
  std::map<std::string, Sequence> accepted_;  // by id
  std::map<std::string, Chat> chats_;         // by request id
  std::set<std::string> dead_;                // ids of events that are dead letters in the end
  std::set<std::string> redriven_;  // ids of events that were, or whose messages were: they come when they come
  std::map<std::string, Breaker::State> breakers_;
  int crashes_ = 0;
};

}  // namespace mnema::testing

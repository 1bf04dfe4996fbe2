#include "tests/agents/sim/scenario.hpp"

#include <gtest/gtest.h>

namespace mnema::testing {
namespace {

constexpr int kPhases = 12;
constexpr Duration kMinutes = std::chrono::minutes(1);

Limits limits_of(bool patient) {
  Limits limits;
  limits.turn_backoff_base_ms = limits.outbox_backoff_base_ms = 10;
  limits.turn_backoff_cap_ms = limits.outbox_backoff_cap_ms = 1'000;
  limits.journal_result_bytes_max = 64;  // some results go to the blobs
  if (patient) {
    limits.attempts_max = limits.crashes_max = limits.outbox_attempts_max = 1'000;
    limits.event_tries_max = limits.outbox_tries_max = 100'000;
    return limits;
  }
  limits.attempts_max = 2;
  limits.crashes_max = 1;
  limits.outbox_attempts_max = 1;
  limits.mailbox_rows_max = 9;
  limits.mailbox_rows_per_tenant_max = 6;
  limits.mailbox_rows_per_key_max = 4;
  limits.turns_running_max = 6;
  limits.turns_running_per_tenant_max = 4;
  limits.outbox_rows_per_tenant_max = 4;
  limits.outbox_in_flight_per_tenant_max = 2;
  limits.generations_waiting_max = 4;
  return limits;
}

ProcessOptions process_options(bool patient) {
  ProcessOptions options;
  options.limits = limits_of(patient);
  options.agents = simulated_agents();
  options.script = simulated_answer;
  return options;
}

}  // namespace

std::vector<std::string> branches_to_reach() {
  return {"duplicate",
          "mailbox full",
          "tenant bound reached",
          "in doubt, and asked about",
          "in doubt, dead letter",
          "attempts used up, dead letter",
          "crashes used up, dead letter",
          "message dead letter",
          "dead letter redriven",
          "revision conflict",
          "budget refused",
          "breaker opened",
          "breaker closed",
          "call cut by deadline",
          "retry-after honoured",
          "preempted sequence",
          "embedding refused",
          "wall clock went back",
          "wall clock went forward",
          "client left",
          "orderly restart",
          "database damage refused",
          "log damage refused",
          "snapshot damaged and rebuilt",
          "crash in mid-turn"};
}

Scenario::Scenario(std::uint64_t seed, SometimesTable& sometimes)
    : seed_(seed),
      patient_(seed % 2 == 0),
      sometimes_(sometimes),
      process_(seed, process_options(patient_), sometimes),
      trace_(process_.simulation.clock()) {
  sometimes_.begin_scenario();
  agent_watch() = {&violations_, &sometimes_};
}

Scenario::~Scenario() {
  if (process_.runs()) process_.stop();
  agent_watch() = {};
}

void Scenario::run() {
  process_.encoder_refuses_some = true;
  boot();
  for (int phase = 0; phase < kPhases && !::testing::Test::HasFatalFailure(); ++phase) act();
  finish();
}

void Scenario::boot() {
  const Status booted = process_.boot(&trace_);
  CHECK(booted.ok(), booted.ok() ? "" : booted.error().text().c_str());
  breakers_.clear();
}

void Scenario::act() {
  Random& random = process_.simulation.random();
  if (one_in(4)) resend();
  for (std::uint64_t count = random.below(patient_ ? 4 : 7); count > 0; --count) send_new_event();
  for (std::uint64_t count = random.below(3); count > 0; --count) start_chat();
  if (one_in(4)) break_disk();
  if (one_in(6)) step_wall_clock();
  if (one_in(12)) process_.network.fail_for(std::chrono::seconds(5 + random.below(60)));
  run_steps(random.below(800));
  observe_dead_letters();
  if (one_in(3)) {
    die();
  } else if (one_in(8)) {
    restart();
  }
}

void Scenario::run_steps(std::uint64_t steps) {
  process_.simulation.run_until(
      [&] {
        if (steps % 16 == 0) observe();
        return steps-- == 0;
      },
      std::chrono::seconds(30));
}

void Scenario::observe() {
  process_.connectors->each_upstream([&](const std::string& name, const UpstreamCounts& counts) {
    Breaker::State& before = breakers_[name];
    if (before == Breaker::State::kClosed && counts.breaker != before) sometimes_.hit("breaker opened");
    if (before != Breaker::State::kClosed && counts.breaker == Breaker::State::kClosed)
      sometimes_.hit("breaker closed");
    before = counts.breaker;
  });
}

void Scenario::observe_dead_letters() {
  for (const ModelStats& model : process_.engine->stats().models) {
    if (model.preemptions > 0) sometimes_.hit("preempted sequence");
  }
}

void Scenario::die() {
  ++crashes_;
  trace_.write("crash");
  process_.crash();
  process_.disk.heal();  // a new process finds a disk that works
  boot_over_damage(true);
  resend();
}

/// An orderly end, and the next process.
void Scenario::restart() {
  trace_.write("stop");
  sometimes_.hit("orderly restart");
  process_.disk.heal();
  process_.stop();
  boot_over_damage(false);
  resend();
}

void Scenario::break_disk() {
  Random& random = process_.simulation.random();
  using Operation = FaultVfs::Operation;
  const Operation operation = one_in(2) ? Operation::kWrite : Operation::kSync;
  process_.disk.fail(operation, static_cast<int>(random.below(30)), 1 + static_cast<int>(random.below(3)));
}

void Scenario::step_wall_clock() {
  Random& random = process_.simulation.random();
  const bool back = one_in(2);
  const Duration by = std::chrono::seconds(1 + random.below(one_in(3) ? 1'800 : 20));
  trace_.write(back ? "clock back" : "clock forward");
  process_.simulation.step_wall_clock(back ? -by : by);
  process_.network.forget_waits();
  sometimes_.hit(back ? "wall clock went back" : "wall clock went forward");
}

void Scenario::send_new_event() {
  Random& random = process_.simulation.random();
  const std::string_view kinds[] = {kPlain, kPlain, kThank, kThank, kRemind, kWire, kPoison, kCostly};
  Sent event;
  event.tenant = kTenants[random.below(3) == 0 ? 1 : 0];
  event.id = event.tenant + "-e" + std::to_string(100 + sent_.size());
  event.agent = one_in(3) ? "branch" : "shop";
  event.key = "k" + std::to_string(random.below(3));
  event.kind = kinds[random.below(8)];
  sent_.push_back(event);
  send(event);
}

void Scenario::send(const Sent& event) {
  const std::string body =
      R"({"type":"order","id":")" + event.id + R"(","key":")" + event.key + R"(","kind":")" + event.kind + R"("})";
  const auto client =
      process_.request("POST", "/hooks/" + event.tenant + "/" + event.agent, "webhook-id: " + event.id + "\r\n", body,
                       [this, id = event.id](const ClientAnswer& answer) { on_webhook_answer(id, answer); });
  if (!process_.network.trouble || !one_in(12)) return;
  process_.simulation.lane("clients").post_after(std::chrono::milliseconds(process_.simulation.random().below(3)),
                                                 [client, this] {
                                                   if (client->done()) return;
                                                   sometimes_.hit("client left");
                                                   client->leave();
                                                 });
}

void Scenario::on_webhook_answer(const std::string& id, const ClientAnswer& answer) {
  trace_.write("answer to " + id + ": " + std::to_string(answer.status));
  if (answer.status == 202 && answer.whole) {
    const std::size_t at = answer.bytes.find("\"sequence\":");
    const Sequence sequence = std::stoll(answer.bytes.substr(at + 11));
    if (answer.bytes.find("\"duplicate\":true") != std::string::npos) sometimes_.hit("duplicate");
    const auto [known, is_new] = accepted_.emplace(id, sequence);
    EXPECT_EQ(known->second, sequence) << id << " sent again has its first number";
  } else if (answer.status == 429) {
    const bool tenants = answer.bytes.find("the mailbox of tenant") != std::string::npos;
    if (tenants) sometimes_.hit("tenant bound reached");
    if (answer.bytes.find("the mailbox is full") != std::string::npos) sometimes_.hit("mailbox full");
    EXPECT_NE(answer.bytes.find("etry-"), std::string::npos) << "a refused source is told when to come again";
  } else {
    EXPECT_TRUE(answer.status == 0 || answer.status == 503) << answer.bytes;
  }
}

std::vector<Scenario::Sent> Scenario::waiting() const {
  std::vector<Sent> events;
  for (const Sent& event : sent_) {
    if (!accepted_.contains(event.id)) events.push_back(event);
  }
  return events;
}

/// As a source does that got no answer.
void Scenario::resend() {
  for (const Sent& event : waiting()) send(event);
}

/// Somebody who talks, and may go before the answer is there. Nothing is asked again: a chat is no accepted work.
void Scenario::start_chat() {
  Random& random = process_.simulation.random();
  Chat chat;
  chat.place = {kTenants[random.below(2)], one_in(3) ? "branch" : "shop", "k" + std::to_string(random.below(3))};
  const std::string id = chat.place.tenant + "-chat-" + std::to_string(chats_.size() + 1);
  chats_[id] = chat;
  const bool streams = one_in(2);
  const std::string body = R"({"model":")" + chat.place.agent +
                           R"(","max_tokens":80,"messages":[{"role":"user","content":"words of )" + id + R"("}],)" +
                           R"("stream":)" + (streams ? "true" : "false") + "}";
  const auto client =
      process_.request("POST", "/v1/chat/completions",
                       "Authorization: Bearer key-" + chat.place.tenant + "\r\nX-Mnema-Session: " + chat.place.key +
                           "\r\nx-request-id: " + id + "\r\n",
                       body, [this, id, streams](const ClientAnswer& answer) {
                         trace_.write("answer to " + id + ": " + std::to_string(answer.status));
                         if (answer.bytes.find("\"aborted\"") != std::string::npos) sometimes_.hit("revision conflict");
                         const bool ended = !streams || answer.bytes.find("[DONE]") != std::string::npos;
                         chats_[id].answered = answer.status == 200 && answer.whole && ended &&
                                               answer.bytes.find("\"error\"") == std::string::npos;
                       });
  if (!one_in(4)) return;
  process_.simulation.lane("clients").post_after(std::chrono::milliseconds(random.below(80)), [client, this] {
    if (client->done()) return;
    sometimes_.hit("client left");
    client->leave();
  });
}

void Scenario::finish() {
  process_.network.trouble = false;
  process_.encoder_refuses_some = false;
  process_.disk.heal();
  trace_.write("the trouble ends");
  // Retries wait by the wall clock: where it was set back they hold their capacity for so much longer.
  for (int round = 0; round < 400 && !waiting().empty(); ++round) {
    resend();
    process_.simulation.run_until([&] { return waiting().empty(); }, std::chrono::seconds(20 + round));
  }
  process_.simulation.run_until([&] { return process_.is_idle(); }, std::chrono::hours(6));
  redrive_dead_letters();
  process_.simulation.run_for(3 * kMinutes);
  observe();
  for (const Network::Arrival& arrival : process_.network.arrived) {
    trace_.write(arrival.path + " " + arrival.body + " " + arrival.key);
  }
}

/// As an operator does who looks at each. What cannot succeed stays.
void Scenario::redrive_dead_letters() {
  std::map<Sequence, const Sent*> by_sequence;
  for (const Sent& event : sent_) {
    if (const auto accepted = accepted_.find(event.id); accepted != accepted_.end())
      by_sequence[accepted->second] = &event;
  }
  std::string last;  // why one is dead
  for (int round = 0; round < 5; ++round) {
    bool again = false;
    dead_.clear();
    const auto letters = process_.runtime->runtime().dead_letters().list(1'000);
    ASSERT_TRUE(letters.ok()) << letters.error().text();
    for (const DeadLetterSummary& letter : *letters) {
      const bool is_message = letter.id.kind == DeadLetterId::Kind::kMessage;
      const auto found = by_sequence.find(letter.id.number);
      const Sent* event = is_message || found == by_sequence.end() ? nullptr : found->second;
      if (is_message) {
        sometimes_.hit("message dead letter");
      } else if (letter.error.code == ErrorCode::kInDoubt) {
        sometimes_.hit("in doubt, dead letter");
      } else if (letter.error.code == ErrorCode::kBudgetExceeded) {
        sometimes_.hit("budget refused");
      } else if (letter.error.message.find("the process ended") != std::string::npos) {
        sometimes_.hit("crashes used up, dead letter");
      } else if (letter.error.code != ErrorCode::kInvalidArgument) {
        sometimes_.hit("attempts used up, dead letter");
      }
      const ErrorCode code = letter.error.code;
      const bool stays = event != nullptr && ((event->kind == kPoison && code == ErrorCode::kInvalidArgument) ||
                                              (event->kind == kCostly && code == ErrorCode::kBudgetExceeded) ||
                                              (event->kind == kWire && code == ErrorCode::kInDoubt));
      if (stays) {
        dead_.insert(event->id);
        continue;
      }
      EXPECT_FALSE(patient_) << letter.id.text() << " is dead: " << letter.error.text();
      again = true;
      last = letter.id.text() + ": " + letter.error.text();
      if (event != nullptr) redriven_.insert(event->id);
      if (is_message) {
        const auto shown = process_.runtime->runtime().dead_letters().show(letter.id);
        ASSERT_TRUE(shown.ok()) << shown.error().text();
        const std::string& body = shown->message->body;
        const std::size_t begin = body.find(' ') + 1;
        redriven_.insert(body.substr(begin, body.find(' ', begin) - begin));
      }
      sometimes_.hit("dead letter redriven");
      process_.runtime->runtime().dead_letters().redrive(
          letter.id, {}, process_.simulation.lane("loop"),
          [](const Status& status) { EXPECT_TRUE(status.ok()) << status.error().text(); });
    }
    if (!again) return;
    process_.simulation.run_for(std::chrono::seconds(1));
    process_.simulation.run_until([&] { return process_.is_idle(); }, std::chrono::hours(6));
  }
  ADD_FAILURE() << "dead letters that come again and again: " << last;
}

}  // namespace mnema::testing

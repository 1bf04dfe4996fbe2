// The whole runtime on one thread, from a seed: mailbox, turns with steps, tools and a model, memory, outbox, timers,
// over a disk that forgets what was not synced and sometimes fails, in a process that dies at any point. A seed is a
// story; `MNEMA_CAMPAIGN=1` tells all of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <list>
#include <set>

#include "agents/agent_runtime.hpp"
#include "runtime/log.hpp"
#include "tests/agents/world.hpp"

namespace mnema {
namespace {

using testing::call;
using testing::say;
using testing::World;

/// What an agent keeps per key: the events that are done, in order.
struct Ledger {
  std::vector<std::string> done;
};
BOOST_DESCRIBE_STRUCT(Ledger, (), (done))
struct Order {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id))
struct Receipt {
  std::string number;
};
BOOST_DESCRIBE_STRUCT(Receipt, (), (number))

/// The world that tools act on. It knows nothing of crashes.
struct Outside {
  explicit Outside(Random& numbers) : random(numbers) {}

  /// Other sides do not answer now and then, as long as there is trouble.
  void may_fail() {
    if (trouble && random.below(8) == 0) throw Failure(fail_retryable(ErrorCode::kUnavailable, "no answer"));
  }
  Random& random;
  bool trouble = true;
  // What has been done, by tool and order: how often under which idempotency key.
  std::map<std::string, std::map<std::string, std::map<std::string, int>>> effects;
};
Outside* outside = nullptr;  // tools are free functions

/// Must not happen twice; whether it has happened can be asked.
task<Receipt> charge(ToolCtx& tool, Order order) {
  outside->may_fail();
  ++outside->effects["charge"][order.id][tool.key()];
  co_return Receipt{"C-" + order.id};
}
task<std::optional<Receipt>> find_charge(ToolCtx& tool, Order order) {
  std::optional<Receipt> found;
  if (outside->effects["charge"][order.id].contains(tool.key())) found = Receipt{"C-" + order.id};
  co_return found;
}

/// May be repeated under the same key; the answer may be lost after it has happened.
task<Receipt> ship(ToolCtx& tool, Order order) {
  outside->may_fail();
  ++outside->effects["ship"][order.id][tool.key()];
  outside->may_fail();
  co_return Receipt{"S-" + order.id};
}

/// What the model calls.
task<Receipt> thank(ToolCtx& tool, Order order) {
  ++outside->effects["thank"][order.id][tool.key()];
  co_return Receipt{"T-" + order.id};
}

Result<Completion> model(const GenerateRequest& request) {
  const Message& last = request.prompt.messages.back();
  if (last.role == Role::kTool) return say("thanks were sent");
  const std::string text = last.text();
  const std::string id = text.substr(text.rfind(' ') + 1);
  return call("thank", R"({"id":")" + id + R"("})");
}

constexpr std::string_view kPoison = "poison";

/// A foreground chat under the key of orders: it changes the same state.
task<Outcome> talk(Ctx& ctx, Event event) {
  PromptPlan plan = ctx.prompt().user(event.data);
  Reply answer = co_await ctx.think(plan);
  const std::string id = event.attributes.at("request_id");
  ctx.state<Ledger>().done.push_back(id);
  ctx.send("out", id, "text/plain");
  co_return reply(answer.text);
}

task<Outcome> fulfil(Ctx& ctx, Event event) {
  if (ctx.in_chat()) {
    task<Outcome> talking = talk(ctx, event);
    Outcome talked = co_await std::move(talking);
    co_return talked;
  }
  const bool reminder = event.type == "timer";
  const std::string id = reminder ? "reminder-" + event.data : event.id;
  if (event.subject == kPoison) throw Failure(fail(ErrorCode::kInvalidArgument, "the order makes no sense"));
  const Time began = ctx.now();
  Order order{id};
  if (!reminder) {
    co_await ctx.step("charge", charge, order, {.reconcile = find_charge});
    RecallQuery query;
    query.text = event.data;
    Recalled known = co_await ctx.recall(query);
    co_await ctx.step("ship", ship, order, {.repeatable = true});
    if (event.subject == "thank") {
      PromptPlan plan = ctx.prompt().with(known).user("please thank for " + id);
      Reply answer = co_await ctx.think(plan);
      ctx.send("mail", answer.text, "text/plain");
    }
    if (event.subject == "remind") ctx.wake_at("about " + id, began + std::chrono::seconds(20), id);
  }
  ctx.state<Ledger>().done.push_back(id);
  ctx.send("out", id, "text/plain");
  Episode episode;
  episode.text = "order " + id + " is fulfilled";
  ctx.remember(episode);
  co_return done();
}

/// Writes down every passage of every step: two stories are the same if these are.
class Chronicle final : public TurnObserver {
 public:
  explicit Chronicle(const Clock& clock) : clock_(clock) {}
  void on_step(const StepPassage& step) override {
    write(std::string(step.agent) + "/" + std::string(step.key) + " " + std::to_string(step.sequence) + " " +
          std::string(step.path) + " " + std::string(step.name) + " " + std::to_string(static_cast<int>(step.phase)));
  }
  void write(const std::string& line) { text += std::to_string(to_micros(clock_.now())) + " " + line + "\n"; }
  std::string text;

 private:
  const Clock& clock_;
};

Limits quick_limits() {
  Limits limits;
  limits.attempts_max = limits.outbox_attempts_max = 1'000;
  limits.turn_backoff_base_ms = limits.outbox_backoff_base_ms = 10;
  limits.turn_backoff_cap_ms = limits.outbox_backoff_cap_ms = 1'000;
  limits.journal_result_bytes_max = 64;  // some results go to the blobs
  return limits;
}

class Story {
 public:
  explicit Story(std::uint64_t seed)
      : world_(seed, model, quick_limits()),
        outside_(world_.simulation.random()),
        chronicle_(world_.simulation.clock()) {
    outside = &outside_;
    for (const char* name : {"shop", "branch"}) {
      world_.agent(name, fulfil)
          .state<Ledger>()
          .answers_chat()
          .tool("thank", "Thank a customer", thank, {.repeatable = true, .on_external_text = true});
    }
  }
  ~Story() {
    world_.stop();
    outside = nullptr;
  }

  void tell() {
    Random& random = world_.simulation.random();
    world_.sink.fails_one_in = 6;
    boot();
    for (int chapter = 0; chapter < 12; ++chapter) {
      if (random.below(4) == 0) resend();
      for (std::uint64_t count = random.below(4); count > 0; --count) send(new_event());
      for (std::uint64_t count = random.below(3); count > 0; --count) start_chat();
      if (random.below(4) == 0) break_disk();
      std::uint64_t steps = random.below(150);
      world_.simulation.run_until([&] { return steps-- == 0; }, std::chrono::seconds(30));
      if (!chats_.empty() && chats_.back().run && random.below(3) == 0) chats_.back().run->cancel();
      if (random.below(3) == 0) die();
    }
    outside_.trouble = false;
    world_.sink.fails_one_in = 0;
    world_.vfs.heal();
    resend();
    world_.simulation.run_until([&] { return waiting().empty(); });
    world_.settle();
    world_.simulation.run_until_idle(std::chrono::minutes(2));
    for (const OutboxMessage& message : world_.sink.arrived) {
      chronicle_.write(message.destination + " " + message.body + " " + message.idempotency_key);
    }
  }

  void check() {
    ASSERT_TRUE(waiting().empty()) << "every event is accepted in the end";
    check_effects();
    check_order();
    check_states_and_memory();
    check_chats();
    check_dead_letters();
    world_.runtime->check_integrity();
    world_.vfs.check_integrity();
    world_.simulation.check_integrity();
  }

  [[nodiscard]] const std::string& chronicle() const { return chronicle_.text; }
  [[nodiscard]] int deaths() const { return deaths_; }

 private:
  void boot() { world_.boot(&chronicle_); }

  void die() {
    ++deaths_;
    chronicle_.write("death");
    for (Chat& chat : chats_) chat.run.reset();
    world_.crash();
    world_.vfs.heal();  // a new process finds a disk that works
    boot();
    resend();
  }

  /// As a source does that got no answer.
  void resend() {
    for (const Event& event : waiting()) send(event);
  }

  void break_disk() {
    Random& random = world_.simulation.random();
    using Operation = FaultVfs::Operation;
    const Operation operation = random.below(2) == 0 ? Operation::kWrite : Operation::kSync;
    world_.vfs.fail(operation, static_cast<int>(random.below(30)), 1 + static_cast<int>(random.below(3)));
  }

  Event new_event() {
    Random& random = world_.simulation.random();
    Event event;
    event.id = "e" + std::to_string(100 + static_cast<int>(sent_.size()));
    event.source = "test";
    event.type = "order.placed";
    event.agent = random.below(3) == 0 ? "branch" : "shop";
    event.key = "k" + std::to_string(random.below(3));
    event.content_type = "text/plain";
    event.data = "an order " + event.id;
    event.trust = Trust::kUser;
    const char* subjects[] = {"", "", "thank", "remind", kPoison.data()};
    event.subject = subjects[random.below(5)];
    sent_.push_back(event);
    return event;
  }

  void send(const Event& event) {
    world_.runtime->acceptor()(event, [this, id = event.id](const Result<Accepted>& accepted) {
      if (!accepted.ok()) {
        EXPECT_TRUE(accepted.error().retryable) << accepted.error().text();
        return;
      }
      const auto [known, is_new] = accepted_.emplace(id, accepted->sequence);
      EXPECT_EQ(known->second, accepted->sequence) << id << " sent again has its first number";
    });
  }

  /// Somebody who talks, and may go before the answer is there. Nothing is asked again: a chat is no accepted work.
  void start_chat() {
    Random& random = world_.simulation.random();
    Chat& chat = chats_.emplace_back();
    chat.id = "chat-" + std::to_string(chats_.size());
    ChatRequest request;
    request.generate.model = random.below(3) == 0 ? "branch" : "shop";
    request.generate.prompt.messages = {message_of(Role::kUser, "words of " + chat.id)};
    request.session_hint = "k" + std::to_string(random.below(3));
    request.request_id = chat.id;
    ChatCallbacks callbacks;
    callbacks.on_done = [&chat](Result<Completion> completion) {
      chat.answer = completion.ok() && completion->finish_reason == FinishReason::kCancelled
                        ? fail(ErrorCode::kCancelled, "cancelled")
                        : std::move(completion);
    };
    chat.run = world_.chat->start_chat(std::move(request), world_.simulation.lane("rest"), std::move(callbacks));
  }

  void check_chats() {
    std::map<std::string, int> written, sent_out;
    for (const auto& [agent, key] : places()) {
      const auto stored = world_.state(agent, key);
      if (!stored) continue;
      const Ledger ledger = *from_json<Ledger>(*parse_bounded_json(stored->json, "the ledger"));
      for (const std::string& id : ledger.done) {
        if (id.starts_with("chat-")) ++written[id];
      }
    }
    for (const OutboxMessage& message : world_.sink.arrived) {
      if (message.body.starts_with("chat-")) ++sent_out[message.body];
    }
    EXPECT_EQ(written, sent_out) << "a chat's state and its messages commit together";
    for (const Chat& chat : chats_) {
      const int times = written.contains(chat.id) ? written.at(chat.id) : 0;
      EXPECT_LE(times, 1) << chat.id;
      if (!chat.answer) continue;  // the process died under it, before or after its commit
      if (chat.answer->ok()) {
        EXPECT_EQ(times, 1) << chat.id << " was answered";
      } else if (chat.answer->error().code == ErrorCode::kCancelled) {
        EXPECT_EQ(times, 0) << chat.id << " was cancelled and leaves nothing";
      }
    }
  }

  /// Sent and not acknowledged, in order.
  [[nodiscard]] std::vector<Event> waiting() const {
    std::vector<Event> events;
    for (const Event& event : sent_) {
      if (!accepted_.contains(event.id)) events.push_back(event);
    }
    return events;
  }

  /// What is to be done under a key, in the order of acceptance.
  [[nodiscard]] std::vector<std::string> expected(const std::string& agent, const std::string& key) const {
    std::map<Sequence, std::string> ids;
    for (const Event& event : sent_) {
      if (event.agent == agent && event.key == key && event.subject != kPoison) ids[accepted_.at(event.id)] = event.id;
    }
    std::vector<std::string> in_order;
    for (auto& [sequence, id] : ids) in_order.push_back(id);
    return in_order;
  }

  void check_effects() {
    for (const Event& event : sent_) {
      const bool poison = event.subject == kPoison;
      for (const std::string tool : {"charge", "ship", "thank"}) {
        const auto& keys = outside_.effects[tool][event.id];
        const bool wanted = !poison && (tool != "thank" || event.subject == "thank");
        ASSERT_EQ(keys.size(), wanted ? 1U : 0U) << tool << " of " << event.id << " has one key in all its attempts";
        if (tool != "charge" || !wanted) continue;
        EXPECT_EQ(keys.begin()->second, 1) << event.id << " is charged once";
      }
    }
  }

  void check_order() {
    std::map<std::string, std::vector<std::string>> bodies;  // by agent and key
    std::size_t letters = 0, chats = 0;
    for (const OutboxMessage& message : world_.sink.arrived) {
      if (message.destination == "mail") ++letters;
      if (message.destination == "out" && message.body.starts_with("chat-")) ++chats;
      if (message.destination == "out" && message.body.starts_with("e")) {
        bodies[message.agent + "/" + message.key].push_back(message.body);
      }
    }
    std::size_t done = 0;
    for (const auto& [agent, key] : places()) {
      EXPECT_EQ(bodies[agent + "/" + key], expected(agent, key)) << "out of " << agent << "/" << key;
      done += expected(agent, key).size();
    }
    const auto of = [&](std::string_view subject) {
      return static_cast<std::size_t>(
          std::count_if(sent_.begin(), sent_.end(), [&](const Event& event) { return event.subject == subject; }));
    };
    EXPECT_EQ(letters, of("thank"));
    EXPECT_EQ(world_.sink.arrived.size(), done + of("thank") + of("remind") + chats)
        << "one message under one key each";
  }

  void check_states_and_memory() {
    for (const auto& [agent, key] : places()) {
      std::vector<std::string> ledger;
      if (const auto stored = world_.state(agent, key)) {
        ledger = from_json<Ledger>(*parse_bounded_json(stored->json, "the ledger"))->done;
      }
      std::erase_if(ledger, [](const std::string& id) { return id.starts_with("chat-"); });
      const std::string thread = "local/" + agent + "/" + key;
      const auto episodes = world_.runtime->memory().thread({"local", agent, "", key}, thread, 1'000);
      ASSERT_TRUE(episodes.ok()) << episodes.error().text();
      EXPECT_EQ(episodes->size(), ledger.size()) << thread << " remembers each event once";
      if (ledger.empty()) continue;
      EXPECT_TRUE(world_.runtime->memory().verify_chain("local", thread).ok());

      std::vector<std::string> orders;
      std::set<std::string> reminders;
      for (const std::string& id : ledger) {
        if (id.starts_with("reminder-")) {
          EXPECT_TRUE(reminders.insert(id).second) << id << " was fired once";
        } else {
          orders.push_back(id);
        }
      }
      EXPECT_EQ(orders, expected(agent, key)) << "state of " << thread;
      for (const Event& event : sent_) {
        if (event.agent != agent || event.key != key || event.subject != "remind") continue;
        EXPECT_TRUE(reminders.contains("reminder-" + event.id)) << event.id;
      }
    }
    const auto statistics = world_.runtime->memory().statistics();
    ASSERT_TRUE(statistics.ok()) << statistics.error().text();
    EXPECT_EQ(statistics->vectors_pending, 0);
    EXPECT_EQ(statistics->vectors, statistics->episodes);
  }

  void check_dead_letters() {
    std::size_t poisoned = 0;
    for (const Event& event : sent_) poisoned += event.subject == kPoison ? 1 : 0;
    EXPECT_EQ(world_.dead().size(), poisoned);
    for (const DeadLetterSummary& letter : world_.dead()) EXPECT_EQ(letter.error.message, "the order makes no sense");
  }

  [[nodiscard]] static std::vector<std::pair<std::string, std::string>> places() {
    std::vector<std::pair<std::string, std::string>> all;
    for (const char* agent : {"shop", "branch"}) {
      for (const char* key : {"k0", "k1", "k2"}) all.emplace_back(agent, key);
    }
    return all;
  }

  World world_;
  Outside outside_;
  Chronicle chronicle_;
  struct Chat {
    std::string id;
    std::shared_ptr<ChatRun> run;
    std::optional<Result<Completion>> answer;
  };
  std::list<Chat> chats_;  // their answers come to where they stand
  std::vector<Event> sent_;
  std::map<std::string, Sequence> accepted_;
  int deaths_ = 0;
};

/// Disks fail here as a matter of course: nobody wants to read of it.
class SimulationOfAgents : public ::testing::Test {
 protected:
  void SetUp() override {
    LogOptions options;
    options.level = LogLevel::kOff;
    ASSERT_TRUE(configure_log(options).ok());
  }
  void TearDown() override { EXPECT_TRUE(configure_log({}).ok()); }
};

TEST_F(SimulationOfAgents, LosesNothingDoesNothingTwiceAndKeepsOrderWhateverDiesWhen) {
  const std::uint64_t seeds = std::getenv("MNEMA_CAMPAIGN") != nullptr ? 2'000 : 200;
  int deaths = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Story story(seed);
    story.tell();
    story.check();
    deaths += story.deaths();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ":\n" << story.chronicle();
  }
  EXPECT_GT(deaths, static_cast<int>(seeds)) << "the stories are about surviving";
}

TEST_F(SimulationOfAgents, TellsTheSameStoryForTheSameSeed) {
  std::set<std::string> stories;
  for (const std::uint64_t seed : {7U, 8U, 9U}) {
    std::string first;
    for (int time = 0; time < 2; ++time) {
      Story story(seed);
      story.tell();
      EXPECT_GT(story.chronicle().size(), 1'000U);
      if (time == 0) first = story.chronicle();
      EXPECT_EQ(story.chronicle(), first) << "seed " << seed;
    }
    stories.insert(first);
  }
  EXPECT_EQ(stories.size(), 3U);
}

}  // namespace
}  // namespace mnema

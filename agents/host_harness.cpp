#include "agents/host_harness.hpp"

#include <cstdlib>
#include <filesystem>
#include <set>

#include "agents/agent_chat.hpp"

namespace mnema::testing {
namespace {

std::string name_of_event(const Event& event) { return event.source + '\0' + event.id; }

Error too_late(const std::string& what) { return fail(ErrorCode::kDeadlineExceeded, what + " did not come in time"); }

}  // namespace

Event event_for(const std::string& agent, const std::string& key, const std::string& data) {
  static std::atomic<long long> drawn = 0;
  Event event;
  event.id = "test-" + std::to_string(++drawn) + "-" + SystemRandom().uuid();
  event.source = "test";
  event.type = "test.event";
  event.agent = agent;
  event.key = key;
  event.data = data;
  event.trust = Trust::kUser;
  return event;
}

/// Delayed work waits for the clock that is moved by hand.
class HostHarness::MovedDelays final : public Executor {
 public:
  MovedDelays(Executor& underneath, const Clock& clock) : underneath_(underneath), clock_(clock) {}

  void post(std::function<void()> work) override { underneath_.post(std::move(work)); }
  void post_after(Duration delay, std::function<void()> work) override {
    const std::scoped_lock lock(mutex_);
    if (delay <= Duration{}) return underneath_.post(std::move(work));
    delayed_.emplace(clock_.monotonic_now() + delay, std::move(work));
  }
  void release_due() {
    const std::scoped_lock lock(mutex_);
    while (!delayed_.empty() && delayed_.begin()->first <= clock_.monotonic_now()) {
      underneath_.post(std::move(delayed_.extract(delayed_.begin()).mapped()));
    }
  }

 private:
  Executor& underneath_;
  const Clock& clock_;
  std::mutex mutex_;  // guards delayed_
  std::multimap<MonotonicTime, std::function<void()>> delayed_;
};

class HostHarness::Recorder final : public Sink {
 public:
  explicit Recorder(HostHarness& harness) : harness_(harness) {}

  void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) override {
    {
      const std::scoped_lock lock(harness_.mutex_);
      // A repeat of what was delivered before a restart has no second effect, as with any good peer.
      if (keys_.insert(message.idempotency_key).second) delivered.push_back(std::move(message));
      harness_.changed_.notify_all();
    }
    reply_to.post([done = std::move(done)] { done({}); });
  }
  void stop() override {}

  std::vector<OutboxMessage> delivered;  // guarded by the harness's mutex_

 private:
  HostHarness& harness_;
  std::set<std::string> keys_;  // guarded by the harness's mutex_
};

HostHarness::HostHarness(Options options) : options_(std::move(options)), recorder_(std::make_unique<Recorder>(*this)) {
  std::string pattern = (std::filesystem::temp_directory_path() / "mnema-host-XXXXXX").string();
  CHECK(mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
  folder_ = pattern;
  options_.config.server.data = folder_ + "/data";
  options_.config.server.host = "127.0.0.1";
  options_.config.server.port = 0;
  if (!options_.script) options_.script = [](const GenerateRequest&) -> Result<Completion> { return say("ok"); };
}

HostHarness::~HostHarness() {
  if (serving_.joinable()) stop();
  host_.reset();
  replies_.stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Status HostHarness::start() {
  CHECK(!serving_.joinable(), "a harness that runs is not started again");
  HostOptions how;
  how.signals = false;
  how.log = false;
  if (options_.engine) {
    how.engine = options_.engine;
  } else if (!options_.models) {
    how.engine = [this](Executor& compute) {
      auto scripted = std::make_unique<ScriptedEngine>(compute, options_.script);
      scripted_ = scripted.get();
      return scripted;
    };
  }
  if (options_.virtual_time) {
    how.clock = &clock_;
    how.delays = [this](Executor& loop) {
      auto delays = std::make_unique<MovedDelays>(loop, clock_);
      delays_ = delays.get();
      return delays;
    };
  }
  how.sinks = [this](const std::string& name) -> Sink* {
    return options_.config.connectors.count(name) == 0 ? recorder_.get() : nullptr;
  };
  host_ = std::make_unique<Host>(std::move(how));
  if (options_.declare) options_.declare(*host_);
  if (const auto failed = host_->open(options_.config)) return failed->error;
  turns_done_ = 0;
  host_->runtime().dispatcher().on_turn_end(
      [this](const Event& event, Sequence sequence, TurnEnd end, const TurnReport&) {
        if (sequence == 0) return;
        const std::scoped_lock lock(mutex_);
        if (end == TurnEnd::kDone) ++turns_done_;
        const auto awaited = awaited_.find(name_of_event(event));
        if (awaited != awaited_.end() && (end == TurnEnd::kDone || end == TurnEnd::kDead)) awaited->second = end;
        changed_.notify_all();
      });
  serving_ = std::thread([this] { ended_ = host_->run(); });
  return {};
}

Host::Ended HostHarness::stop() {
  CHECK(serving_.joinable(), "a harness is stopped while it runs");
  host_->stop();
  serving_.join();
  delays_ = nullptr;
  return ended_;
}

Status HostHarness::restart() {
  stop();
  host_.reset();
  return start();
}

Result<Sequence> HostHarness::post(Event event) {
  const auto answer = std::make_shared<std::optional<Result<Sequence>>>();
  host_->runtime().acceptor()(std::move(event), [this, answer](const Result<Accepted>& accepted) {
    const std::scoped_lock lock(mutex_);
    *answer = accepted.ok() ? Result<Sequence>(accepted->sequence) : Result<Sequence>(accepted.error());
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  if (!wait(lock, [&] { return answer->has_value(); })) return too_late("the acceptance of an event");
  return **answer;
}

Result<TurnEnd> HostHarness::handle(Event event) {
  const std::string name = name_of_event(event);
  {
    const std::scoped_lock lock(mutex_);
    awaited_[name] = std::nullopt;
  }
  const Result<Sequence> posted = post(std::move(event));
  std::unique_lock lock(mutex_);
  const bool came = posted.ok() && wait(lock, [&] { return awaited_[name].has_value(); });
  const std::optional<TurnEnd> end = awaited_[name];
  awaited_.erase(name);
  if (!posted.ok()) return posted.error();
  if (!came) return too_late("the end of a turn");
  return *end;
}

Result<std::string> HostHarness::chat(const std::string& agent, const std::string& question,
                                      const std::string& session) {
  const auto found = host_->runtime().agents().find(agent);
  if (found == host_->runtime().agents().end() || !found->second.answers_chat) {
    return fail(ErrorCode::kNotFound, "there is no agent '" + agent + "' that answers chats");
  }
  AgentChat chats(host_->runtime());
  ChatRequest request;
  request.generate.model = agent;
  request.generate.prompt.messages.push_back(message_of(Role::kUser, question));
  request.generate.scope.tenant = request.identity.tenant;
  request.session_hint = session;
  const auto answer = std::make_shared<std::optional<Result<Completion>>>();
  ChatCallbacks callbacks;
  callbacks.on_done = [this, answer](Result<Completion> completion) {
    const std::scoped_lock lock(mutex_);
    *answer = std::move(completion);
    changed_.notify_all();
  };
  const auto run = chats.start_chat(std::move(request), replies_, std::move(callbacks));
  std::unique_lock lock(mutex_);
  if (!wait(lock, [&] { return answer->has_value(); })) return too_late("the answer to a chat");
  if (!(**answer).ok()) return (**answer).error();
  return (**answer)->text;
}

void HostHarness::advance(Duration by) {
  CHECK(delays_ != nullptr, "only a virtual clock is moved, while the host runs");
  clock_.advance(by);
  delays_->release_due();
}

Status HostHarness::wait_for_turns(long long count) {
  std::unique_lock lock(mutex_);
  if (wait(lock, [&] { return turns_done_ >= count; })) return {};
  return too_late(std::to_string(count) + " turns, after " + std::to_string(turns_done_) + " of them the next one");
}

std::vector<OutboxMessage> HostHarness::wait_for_deliveries(std::size_t count) {
  std::unique_lock lock(mutex_);
  (void)wait(lock, [&] { return recorder_->delivered.size() >= count; });
  return recorder_->delivered;
}

std::vector<DeadLetterSummary> HostHarness::dead_letters() {
  auto listed = host_->runtime().runtime().dead_letters().list(1'000);
  return listed.ok() ? std::move(*listed) : std::vector<DeadLetterSummary>{};
}

std::string HostHarness::state_json(const std::string& tenant, const std::string& agent, const std::string& key) {
  const auto stored = host_->runtime().runtime().database().read<std::optional<StoredState>>(
      [&](Transaction& transaction) { return find_state(transaction, tenant, agent, key); });
  return stored.ok() && *stored ? (*stored)->json : "";
}

}  // namespace mnema::testing

#include "cli/bench/counting_runtime.hpp"

#include <atomic>
#include <future>
#include <thread>

#include "agents/turn/session_store.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace {

struct Counter {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Counter, (), (count))

task<Outcome> count_event(Ctx& ctx, Event) {
  ++ctx.state<Counter>().count;
  co_return done();
}

task<std::int64_t> add_one(ToolCtx&, std::int64_t number) { co_return number + 1; }

task<Outcome> make_three_steps(Ctx& ctx, Event) {
  ToolOptions<std::int64_t, std::int64_t> acting;
  acting.acts_itself = true;  // `started` is on disk before each, `done` after it
  const std::int64_t none = 0;
  const std::int64_t reserved = co_await ctx.step("reserve", add_one, none, acting);
  const std::int64_t charged = co_await ctx.step("charge", add_one, reserved, acting);
  const std::int64_t shipped = co_await ctx.step("ship", add_one, charged, acting);
  ctx.state<Counter>().count += shipped - 2;
  co_return done();
}

Error no_model() { return fail(ErrorCode::kUnsupported, "the benchmark of events has no model"); }

}  // namespace

class CountingRuntime::SlowEmbedder final : public Embedder {
 public:
  explicit SlowEmbedder(Duration per_text) : per_text_(per_text) {}
  /// Takes no time from then on, so that nobody waits for what nobody wants any more.
  void hurry() { hurrying_ = true; }
  [[nodiscard]] std::string id() const override { return "slow/1"; }
  [[nodiscard]] int dimensions() const override { return 64; }
  void embed(std::vector<std::string> texts, Kind, bool, Executor& reply_to,
             std::function<void(Result<std::vector<std::vector<float>>>)> on_done) override {
    thread_.post([this, count = texts.size(), &reply_to, on_done = std::move(on_done)] {
      if (!hurrying_) std::this_thread::sleep_for(per_text_ * count);
      std::vector<float> vector(64);
      vector.front() = 1;
      reply_to.post([on_done, vectors = std::vector<std::vector<float>>(count, vector)] { on_done(vectors); });
    });
  }

 private:
  const Duration per_text_;
  std::atomic<bool> hurrying_ = false;
  ThreadPoolExecutor thread_{"encoder", 1};
};

CountingRuntime::CountingRuntime(const Clock& clock, Random& random)
    : clock_(clock), random_(random), turns_("turns", limits_.turn_threads) {}

Result<std::unique_ptr<CountingRuntime>> CountingRuntime::open(const Options& options, const Clock& clock,
                                                               Random& random) {
  std::unique_ptr<CountingRuntime> self(new CountingRuntime(clock, random));
  RETURN_IF_ERROR(self->open_runtime(options));
  return self;
}

Status CountingRuntime::open_runtime(const Options& given) {
  engine_ = std::make_unique<testing::ScriptedEngine>(
      background_, [](const GenerateRequest&) -> Result<Completion> { return no_model(); });
  embedder_ = std::make_unique<SlowEmbedder>(given.embedding);
  AgentRuntime::Options options;
  options.database.path = given.folder + "/mnema.db";
  options.database.checkpoint = &background_;
  options.migrations = given.migrations;
  for (const auto& [name, handler] : {std::pair(kCounter, &count_event), std::pair(kStepper, &make_three_steps)}) {
    AgentSpec& spec = options.agents[name];
    spec.name = name;
    spec.handler = told(handler);
    AgentBuilder(spec).key("{/key}").state<Counter>();
  }
  options.agents[kCounter].flow = given.flow;
  ASSIGN_OR_RETURN(runtime_, AgentRuntime::open(std::move(options),
                                                {loop_, store_, turns_, queries_, background_, blocking_, recall_},
                                                *engine_, *embedder_, clock_, random_, limits_));
  for (const std::string& tenant : given.tenants) runtime_->runtime().router().add_tenant(tenant);
  loop_.start();
  return {};
}

std::function<task<Outcome>(Ctx&, Event)> CountingRuntime::told(task<Outcome> (*handler)(Ctx&, Event)) const {
  return [this, handler](Ctx& ctx, Event event) {
    if (on_turn_begin_) on_turn_begin_(event);
    return handler(ctx, std::move(event));
  };
}

CountingRuntime::~CountingRuntime() {
  if (runtime_) {
    embedder_->hurry();
    std::promise<void> stopped;
    runtime_->stop(std::chrono::seconds(10), [&stopped] { stopped.set_value(); });
    stopped.get_future().wait();
    runtime_->close();
  }
  loop_.stop();
  loop_.join();
  for (ThreadPoolExecutor* pool : {&turns_, &blocking_, &queries_, &recall_, &background_, &store_}) pool->stop();
}

void CountingRuntime::on_turn_end(Listener listener) {
  runtime_->dispatcher().on_turn_end([listener = std::move(listener)](const Event& event, Sequence, TurnEnd end,
                                                                      const TurnReport&) { listener(event, end); });
}

void CountingRuntime::start() {
  loop_.post([this] { runtime_->start(); });
}

Event CountingRuntime::event_of(const std::string& tenant, const std::string& key, const std::string& id,
                                const std::string& agent) const {
  Event event;
  event.id = id;
  event.source = "bench";
  event.type = "bench.event";
  event.time = clock_.now();
  event.tenant = tenant;
  event.agent = agent;
  event.data = R"({"key":")" + key + R"(","text":"event )" + id + R"(, of the size that a small webhook has"})";
  return event;
}

void CountingRuntime::accept(const std::string& tenant, const std::string& key, const std::string& id, AcceptDone done,
                             const std::string& agent) {
  acceptor()(event_of(tenant, key, id, agent), std::move(done));
}

Database::Statistics CountingRuntime::statistics() const { return runtime_->runtime().database().statistics(); }

RuntimeCounts CountingRuntime::counts() const { return runtime_->runtime().counts(); }

Result<std::int64_t> CountingRuntime::counted(const std::string& tenant, const std::vector<std::string>& keys,
                                              const std::string& agent) const {
  return runtime_->runtime().database().read<std::int64_t>([&](Transaction& transaction) -> Result<std::int64_t> {
    std::int64_t sum = 0;
    for (const std::string& key : keys) {
      ASSIGN_OR_RETURN(const std::optional<StoredState> stored, find_state(transaction, tenant, agent, key));
      if (!stored) continue;
      ASSIGN_OR_RETURN(const boost::json::value json, parse_bounded_json(stored->json, "a counter", kWrittenByUs));
      ASSIGN_OR_RETURN(const Counter counter, from_json<Counter>(json));
      sum += counter.count;
    }
    return sum;
  });
}

Result<std::int64_t> CountingRuntime::number_of(const std::string& sql) const {
  return runtime_->runtime().database().read<std::int64_t>([&sql](Transaction& transaction) -> Result<std::int64_t> {
    ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
    ASSIGN_OR_RETURN(const bool found, statement.step());
    return found ? statement.integer(0) : 0;
  });
}

}  // namespace mnema

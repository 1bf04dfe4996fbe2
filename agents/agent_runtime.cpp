#include "agents/agent_runtime.hpp"

#include <algorithm>
#include <mutex>

#include "agents/erase/runtime_parts.hpp"
#include "agents/tool_arguments.hpp"
#include "agents/turn/session_store.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

/// Threads that read besides those of the turns: queries, recall, REST and background.
constexpr int kOtherReaders = 8;

/// Finds by name, and logs each name that nobody has once.
template <class T>
std::function<T*(const std::string&)> with_warning(std::function<T*(const std::string&)> find, const char* kind) {
  struct Unknown {
    std::mutex mutex;
    std::set<std::string> names;  // guarded by mutex
  };
  if (!find) find = [](const std::string&) { return nullptr; };
  return [find = std::move(find), kind, unknown = std::make_shared<Unknown>()](const std::string& name) -> T* {
    constexpr std::size_t kNamesMax = 100;
    T* found = find(name);
    if (found != nullptr) return found;
    const std::scoped_lock lock(unknown->mutex);
    if (unknown->names.size() < kNamesMax && unknown->names.insert(name).second) {
      log_warning("host", "an agent names a connector that this program does not have",
                  {{"connector", name}, {"used_as", kind}});
    }
    return nullptr;
  };
}

}  // namespace

/// Shared with deliveries in flight, which may end when the runtime is no more.
struct AgentRuntime::Deliveries {
  long long next = 0;             // of the loop
  std::function<void()> stopped;  // of the loop
  std::mutex mutex;               // guards what follows
  std::map<long long, std::string> destinations;
};

Result<std::unique_ptr<AgentRuntime>> AgentRuntime::open(Options options, Executors executors, Engine& engine,
                                                         Embedder& embedder, const Clock& clock, Random& random,
                                                         const Limits& limits) {
  for (auto& [name, agent] : options.agents) RETURN_IF_ERROR(compile_tools(agent));
  std::unique_ptr<AgentRuntime> self(new AgentRuntime(executors, std::move(options.agents)));
  Runtime::Options runtime_options;
  runtime_options.database = std::move(options.database);
  runtime_options.migrations = std::move(options.migrations);
  for (const auto& [name, agent] : self->agents_) runtime_options.flows.emplace(name, agent.flow);
  // One for every thread that reads, so that no turn waits for a recall's long one.
  runtime_options.database.read_connections_max =
      std::max(runtime_options.database.read_connections_max, limits.turn_threads + kOtherReaders);
  for (const auto& migrations : {memory_migrations(), agent_migrations()}) {
    runtime_options.migrations.insert(runtime_options.migrations.end(), migrations.begin(), migrations.end());
  }
  ASSIGN_OR_RETURN(self->runtime_,
                   Runtime::open(std::move(runtime_options), {executors.loop, executors.store}, clock, random, limits));
  MemoryStore::Options memory_options;
  memory_options.index_folder = std::move(options.index_folder);
  memory_options.limits = limits;
  memory_options.procedures = ProcedureLimits(limits);
  memory_options.blocks = BlockLimits(limits);
  ASSIGN_OR_RETURN(self->memory_,
                   MemoryStore::open(self->runtime_->database(), embedder, {executors.recall, executors.background},
                                     clock, random, std::move(memory_options)));

  self->deliveries_ = std::make_shared<Deliveries>();
  self->prestage_ = std::make_unique<EventPrestage>(
      self->agents_,
      EventPrestage::Parts{engine, *self->memory_, executors.loop, executors.recall, limits, options.default_model});
  Router& router = self->runtime_->router();
  for (const auto& [name, agent] : self->agents_) {
    router.add_agent(name, agent.key_template);
    for (const WebhookDeclaration& webhook : agent.webhooks) {
      const std::string source = "webhook:" + webhook.path();
      if (webhook.event_types().empty()) router.subscribe({name, "", source});
      for (const std::string& type : webhook.event_types()) router.subscribe({name, type, source});
    }
    for (const std::string& type : agent.event_types) router.subscribe({name, type, ""});
  }
  router.add_observer(*self->prestage_);

  engine.on_erase([weak = std::weak_ptr(self->prefixes_)](const Scope& scope) {
    if (const auto prefixes = weak.lock()) prefixes->erase(scope.tenant);
  });
  self->services_ = std::make_unique<TurnServices>(TurnServices{*self->runtime_,
                                                                *self->memory_,
                                                                engine,
                                                                *self->prefixes_,
                                                                executors.turns,
                                                                executors.queries,
                                                                executors.blocking,
                                                                clock,
                                                                random,
                                                                limits,
                                                                std::move(options.default_model),
                                                                {},
                                                                options.observer,
                                                                std::move(options.task_headers)});
  self->memory_->start_erasures(runtime_parts(*self->runtime_, engine));
  self->session_cleaner_ = std::make_unique<SessionCleaner>(self->runtime_->database(), executors.loop, clock, limits);
  self->dispatcher_ = std::make_unique<Dispatcher>(*self->services_, self->agents_, executors.loop);
  self->dispatcher_->on_turn_start(
      [prestage = self->prestage_.get()](const Event& event) { prestage->on_turn_start(event); });
  self->dispatcher_->on_turn_end(
      [prestage = self->prestage_.get()](const Event& event, Sequence, TurnEnd, const TurnReport& report) {
        prestage->on_turn_end(event.agent, report.recall > Duration{}, report.usage.prompt_tokens > 0);
      });
  return self;
}

AgentRuntime::~AgentRuntime() = default;

void AgentRuntime::connect(FindSink sinks, FindClient clients) {
  sinks_ = with_warning<Sink>(std::move(sinks), "sink");
  services_->http = with_warning<HttpClient>(std::move(clients), "client");
}

void AgentRuntime::start() {
  runtime_->outbox().start([this](OutboxRow row, std::function<void(Status)> done) {
    Sink* sink = sinks_ ? sinks_(row.message.destination) : nullptr;
    if (!sink) {
      return done(fail(ErrorCode::kNotFound, "there is no connector '" + row.message.destination + "'",
                       "declare it under [connectors." + row.message.destination + "], then redrive the message"));
    }
    const long long number = ++deliveries_->next;
    {
      const std::scoped_lock lock(deliveries_->mutex);
      deliveries_->destinations[number] = row.message.destination;
    }
    Executor& loop = executors_.loop;
    sink->deliver(std::move(row.message), loop,
                  [deliveries = deliveries_, number, &loop, done = std::move(done)](Status status) {
                    done(std::move(status));
                    // After what `done` posted: it is settled when nothing is in flight any more.
                    loop.post([deliveries, number] {
                      const std::scoped_lock lock(deliveries->mutex);
                      deliveries->destinations.erase(number);
                      if (deliveries->destinations.empty() && deliveries->stopped) {
                        std::exchange(deliveries->stopped, nullptr)();
                      }
                    });
                  });
  });
  dispatcher_->start();
  runtime_->start();
  session_cleaner_->start();
}

Accept AgentRuntime::acceptor() {
  return [this](EventBatch batch, BatchDone done) {
    runtime_->router().accept(std::move(batch), executors_.loop, std::move(done));
  };
}

void AgentRuntime::stop(Duration grace, std::function<void()> stopped) {
  dispatcher_->stop(grace, [this, stopped = std::move(stopped)] {
    runtime_->outbox().stop();
    stopped();
  });
}

void AgentRuntime::stop_deliveries(std::function<void()> stopped) {
  executors_.loop.post([this, stopped = std::move(stopped)] {
    runtime_->outbox().stop();
    if (deliveries().empty()) return stopped();
    deliveries_->stopped = stopped;
  });
}

std::vector<std::string> AgentRuntime::deliveries() const {
  const std::scoped_lock lock(deliveries_->mutex);
  std::vector<std::string> destinations;
  for (const auto& [number, destination] : deliveries_->destinations) destinations.push_back(destination);
  return destinations;
}

void AgentRuntime::close() {
  session_cleaner_->stop();
  memory_->close();
  runtime_->close();
}

void AgentRuntime::check_integrity() {
  runtime_->check_integrity();
  dispatcher_->check_integrity();
  prestage_->check_integrity();
  const Status memory = memory_->check_integrity();
  if (!memory.ok()) check_failed(__FILE__, __LINE__, "memory", memory.error().text().c_str());
}

}  // namespace mnema

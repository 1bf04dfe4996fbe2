#include "agents/agent_runtime.hpp"

#include "agents/session_store.hpp"

namespace mnema {

Result<std::unique_ptr<AgentRuntime>> AgentRuntime::open(Options options, Executors executors, Engine& engine,
                                                         Embedder& embedder, const Clock& clock, Random& random,
                                                         const Limits& limits) {
  std::unique_ptr<AgentRuntime> self(new AgentRuntime(executors, std::move(options.agents)));
  Runtime::Options runtime_options;
  runtime_options.database = std::move(options.database);
  runtime_options.migrations = std::move(options.migrations);
  for (const auto& migrations : {memory_migrations(), agent_migrations()}) {
    runtime_options.migrations.insert(runtime_options.migrations.end(), migrations.begin(), migrations.end());
  }
  ASSIGN_OR_RETURN(self->runtime_,
                   Runtime::open(std::move(runtime_options), {executors.loop, executors.store}, clock, random, limits));
  MemoryStore::Options memory_options;
  memory_options.index_folder = std::move(options.index_folder);
  memory_options.limits = limits;
  ASSIGN_OR_RETURN(self->memory_,
                   MemoryStore::open(self->runtime_->database(), embedder, {executors.queries, executors.background},
                                     clock, random, std::move(memory_options)));

  self->prestage_ =
      std::make_unique<EventPrestage>(self->agents_, engine, *self->memory_, executors.queries, options.default_model);
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

  self->services_ = std::make_unique<TurnServices>(TurnServices{*self->runtime_,
                                                                *self->memory_,
                                                                engine,
                                                                self->prefixes_,
                                                                executors.turns,
                                                                executors.queries,
                                                                executors.blocking,
                                                                clock,
                                                                random,
                                                                limits,
                                                                std::move(options.default_model),
                                                                {},
                                                                options.observer});
  self->dispatcher_ = std::make_unique<Dispatcher>(*self->services_, self->agents_, executors.loop);
  return self;
}

AgentRuntime::~AgentRuntime() = default;

void AgentRuntime::connect(FindSink sinks, FindClient clients) {
  sinks_ = std::move(sinks);
  services_->http = std::move(clients);
}

void AgentRuntime::start() {
  runtime_->outbox().start([this](OutboxRow row, std::function<void(Status)> done) {
    Sink* sink = sinks_ ? sinks_(row.message.destination) : nullptr;
    if (!sink) {
      return done(fail(ErrorCode::kNotFound, "there is no connector '" + row.message.destination + "'",
                       "declare it under [connectors." + row.message.destination + "], then redrive the message"));
    }
    sink->deliver(std::move(row.message), executors_.loop, std::move(done));
  });
  dispatcher_->start();
  runtime_->start();
}

Accept AgentRuntime::acceptor() {
  return [this](Event event, AcceptDone done) {
    runtime_->router().accept(std::move(event), executors_.loop, std::move(done));
  };
}

void AgentRuntime::stop(Duration grace, std::function<void()> stopped) {
  dispatcher_->stop(grace, [this, stopped = std::move(stopped)] {
    runtime_->outbox().stop();
    stopped();
  });
}

void AgentRuntime::close() {
  memory_->close();
  runtime_->close();
}

void AgentRuntime::check_integrity() {
  runtime_->check_integrity();
  dispatcher_->check_integrity();
  const Status memory = memory_->check_integrity();
  if (!memory.ok()) check_failed(__FILE__, __LINE__, "memory", memory.error().text().c_str());
}

}  // namespace mnema

#include "agents/host.hpp"

#include <algorithm>
#include <mutex>

#include "agents/agent_chat.hpp"
#include "agents/agent_runtime.hpp"
#include "agents/connectors.hpp"
#include "agents/host/configured_engine.hpp"
#include "agents/host/connector_kinds.hpp"
#include "agents/host/declared_agent.hpp"
#include "agents/host/declared_sources.hpp"
#include "agents/host/document_folders.hpp"
#include "agents/host/engine_embedder.hpp"
#include "agents/host/engine_metrics.hpp"
#include "agents/host/health_report.hpp"
#include "agents/host/host_metrics.hpp"
#include "agents/host/model_needs.hpp"
#include "agents/host/modelless_engine.hpp"
#include "agents/host/relevance_calibration.hpp"
#include "agents/host/shutdown.hpp"
#include "agents/host/stop_request.hpp"
#include "agents/host/stop_signals.hpp"
#include "agents/host/turn_metrics.hpp"
#include "agents/rest/admin_api.hpp"
#include "agents/rest/admin_events.hpp"
#include "agents/rest/admin_local.hpp"
#include "agents/rest/admin_memory.hpp"
#include "agents/rest/engine_chat.hpp"
#include "agents/rest/rest_api.hpp"
#include "agents/turn/used_connectors.hpp"
#include "connectors/connector_registry.hpp"
#include "connectors/http/curl_transport.hpp"
#include "connectors/http/host_check.hpp"
#include "connectors/http/routes.hpp"
#include "connectors/http/server.hpp"
#include "connectors/kafka/offset_store.hpp"
#include "inference/loading/catalogue.hpp"
#include "inference/local_engine.hpp"
#include "memory/no_embedder.hpp"
#include "runtime/base/log.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/store/private_folder.hpp"

namespace mnema {
namespace {

Status configure_log_of(const LogConfig& config) {
  LogOptions log;
  ASSIGN_OR_RETURN(log.level, parse_log_level(config.level));
  log.format = config.format == "json" ? LogFormat::kJson : LogFormat::kText;
  log.file = config.file;
  return configure_log(std::move(log));
}

/// Keeps for ever what threads that hang still use.
template <class T>
void leave_behind(std::unique_ptr<T> parts) {
  static std::mutex mutex;
  static auto* const kept = new std::vector<std::unique_ptr<T>>;  // never destroyed: reachable, so no leak
  const std::scoped_lock lock(mutex);
  kept->push_back(std::move(parts));
}

/// How long the destructor of a host that was opened and never run lets things close.
constexpr Duration kUnopenTime = std::chrono::seconds(2);

}  // namespace

/// Declared in the order in which they are needed; destroyed in the reverse one, after the threads have ended.
struct Host::Parts {
  Parts(Config given, const HostOptions& how)
      : config(std::move(given)),
        limits(config.limits),
        host_options(how),
        clock(how.clock != nullptr ? *how.clock : system_clock),
        secrets(clock),
        delays(how.delays ? how.delays(loop) : nullptr),
        home(delays ? *delays : loop),
        turns("turns", limits.turn_threads) {}

  /// Ends everything, and says what could not be ended. Idempotent.
  std::vector<std::string> end(Duration grace, bool serving);

  const Config config;
  const Limits limits;
  const HostOptions& host_options;
  SystemClock system_clock;
  const Clock& clock;
  SystemRandom random;
  std::unique_ptr<StopSignals> signals;
  SecretsStore secrets;
  Metrics metrics{limits.metric_label_sets_max};
  Loop loop;
  std::unique_ptr<Executor> delays;  // null: those of the loop
  Executor& home;                    // of mailbox, outbox and timers: runs on the loop
  ThreadPoolExecutor store{"store", 1};
  ThreadPoolExecutor compute{"compute", 1};
  ThreadPoolExecutor prepare{"prepare", 2};
  ThreadPoolExecutor background{"background", 1};
  ThreadPoolExecutor queries{"queries", 2};
  ThreadPoolExecutor recall{"recall", 2};
  ThreadPoolExecutor blocking{"blocking", limits.blocking_threads};
  ThreadPoolExecutor turns;
  ThreadPoolExecutor workers{"rest", 2};
  std::unique_ptr<Engine> inner_engine;  // behind `engine`, if it stands alone
  std::unique_ptr<Engine> engine;
  std::unique_ptr<EngineChat> models;
  std::unique_ptr<Embedder> embedder;
  std::unique_ptr<AgentRuntime> runtime;
  std::unique_ptr<CurlTransport> transport;
  std::unique_ptr<Connectors> connectors;
  std::unique_ptr<AgentChat> chat;
  std::unique_ptr<RestApi> api;
  std::unique_ptr<LocalAdmin> local_admin;
  EventFeed feed{clock, limits};
  HttpRoutes routes;
  ConnectorRegistry registry;
  std::unique_ptr<HttpServer> server;
  std::string address;
  std::string default_model;
  std::vector<std::string> stateful_agents;
  bool has_ended = false;

  Status open_engine(const std::map<std::string, AgentSpec>& agents, const std::shared_ptr<StopRequest>& stop);
  Status open_embedder(const std::string& model, const std::shared_ptr<StopRequest>& stop);
  Status open_runtime(std::map<std::string, AgentSpec> agents);
  Status open_connectors();
  Result<ApiKeys> api_keys();
  AdminEvents admin_events(const ApiKeys& keys);
  Status mount_api();
  Status open_sources();
  Status listen();
};

Status Host::Parts::open_engine(const std::map<std::string, AgentSpec>& agents,
                                const std::shared_ptr<StopRequest>& stop) {
  const ModelNeeds needs = model_needs(config, agents);
  default_model = needs.model;
  if (host_options.engine) {
    engine = host_options.engine(compute);
    models = std::make_unique<EngineChat>(*engine);
    return open_embedder(needs.embedding_model.empty() ? "" : "default", stop);
  }
  if (!needs.model.empty() || !needs.embedding_model.empty()) {
    const EngineOptions engine_settings = engine_options_of(config.inference, needs);
    engine = std::make_unique<LocalEngine>(engine_settings, LocalEngine::Executors{compute, prepare},
                                           cpu_model_loader(engine_settings, limits), clock, random, limits);
    engine->on_violation([](const std::string& report) { log_error("engine", "KV audit: " + report); });
  }
  if (needs.model.empty()) {
    log_info("host", "no language model is loaded: none is configured, and no agent declares that it thinks");
    inner_engine = std::move(engine);
    engine = std::make_unique<ModellessEngine>(inner_engine.get());
  }
  models = std::make_unique<EngineChat>(*engine);
  if (!needs.model.empty()) {
    const Result<bool> loaded = StopRequest::await<bool>(stop, [this](std::function<void(Result<bool>)> answer) {
      engine->load("default", prepare, [answer = std::move(answer)](const Status& status) {
        answer(status.ok() ? Result<bool>(true) : Result<bool>(status.error()));
      });
    });
    if (!loaded.ok()) return loaded.error();
  }
  return open_embedder(needs.embedding_model, stop);
}

Status Host::Parts::open_embedder(const std::string& model, const std::shared_ptr<StopRequest>& stop) {
  if (model.empty()) {
    embedder = std::make_unique<NoEmbedder>();
    return {};
  }
  // The length of its vectors is the encoder's own business: ask it.
  const Result<Embeddings> made =
      StopRequest::await<Embeddings>(stop, [&](std::function<void(Result<Embeddings>)> answer) {
        engine->embed(model, {"probe"}, Priority::kInteractive, prepare, std::move(answer));
      });
  if (!made.ok()) return made.error();
  if (made->vectors.empty() || made->vectors.front().empty()) {
    return fail(ErrorCode::kInternal, "embedding model '" + model + "' gives no vectors");
  }
  embedder = std::make_unique<EngineEmbedder>(*engine, model, embedding_id(model),
                                              static_cast<int>(made->vectors.front().size()));
  warn_unless_calibrated(embedder->id());
  return {};
}

Status Host::Parts::open_runtime(std::map<std::string, AgentSpec> agents) {
  RETURN_IF_ERROR(make_private_folder(config.server.data));
  AgentRuntime::Options options;
  options.database.path = config.server.data + "/mnema.db";
  options.database.checkpoint = &background;
  options.migrations = Connectors::migrations();
  for (Migration& migration : kafka_offset_store::migrations()) options.migrations.push_back(std::move(migration));
  options.index_folder = config.server.data + "/indexes";
  options.default_model = default_model;
  options.agents = std::move(agents);
  options.task_headers = config.memory.task_headers;
  ASSIGN_OR_RETURN(runtime,
                   AgentRuntime::open(std::move(options), {home, store, turns, queries, background, blocking, recall},
                                      *engine, *embedder, clock, random, limits));
  return {};
}

Status Host::Parts::open_connectors() {
  ASSIGN_OR_RETURN(transport, CurlTransport::open(CurlTransportOptions::from_environment(), clock));
  connectors = std::make_unique<Connectors>(
      Connectors::Parts{runtime->runtime().database(), secrets, *transport, blocking, clock, random});
  add_connector_kinds(registry, {*connectors, runtime->runtime().database(), runtime->runtime().mailbox(), secrets,
                                 routes, is_loopback_host(config.server.host), stateful_agents, home, loop, workers,
                                 blocking, clock, random, limits});
  RETURN_IF_ERROR(registry.open_sinks(config.connectors));
  runtime->connect(
      [this](const std::string& name) {
        Sink* own = host_options.sinks ? host_options.sinks(name) : nullptr;
        return own != nullptr ? own : registry.sink(name);
      },
      [this](const std::string& name) { return connectors->client(name); });
  return {};
}

Result<ApiKeys> Host::Parts::api_keys() {
  std::vector<ApiKey> keys;
  for (const auto& [name, key] : config.server.keys) {
    ASSIGN_OR_RETURN(const SecretReference reference, SecretReference::parse(key.key));
    Result<Secret> secret = secrets.get(reference);
    if (!secret.ok()) {
      Error error = secret.error();
      error.message = (key.place.empty() ? "" : key.place + ": ") + "[server.keys." + name + "]: " + error.message;
      return error;
    }
    const auto has = [&roles = key.roles](std::string_view role) {
      return std::find(roles.begin(), roles.end(), role) != roles.end();
    };
    keys.push_back({name, std::move(*secret), key.tenant, key.may_assert_users, {has("read"), has("operate")}});
    if (key.tenant != kAllTenants) runtime->runtime().router().add_tenant(key.tenant);
  }
  if (keys.empty() && !is_loopback_host(config.server.host)) {
    return fail(ErrorCode::kPermissionDenied, "without keys only loopback is served, not " + config.server.host,
                "add [server.keys.NAME], or listen on 127.0.0.1");
  }
  return ApiKeys(std::move(keys));
}

AdminEvents Host::Parts::admin_events(const ApiKeys& keys) {
  return AdminEvents({runtime->acceptor(), feed, registry, *connectors, queries, clock, random, limits, keys});
}

Status Host::Parts::mount_api() {
  RestApi::Parts parts{*engine, {}, "", workers, clock, random, limits, {}, {}, {}, {}};
  chat = std::make_unique<AgentChat>(*runtime);
  parts.backends = {chat.get(), models.get()};
  ASSIGN_OR_RETURN(parts.keys, api_keys());
  parts.sampling_default = default_sampling();
  parts.status = &queries;  // counting what memory holds reads the database
  parts.metrics_text = [this] { return metrics.render(); };
  metrics.on_scrape([this](MetricsReport& shown) {
    report(shown, engine->stats());
    report(shown, runtime->runtime().counts());
    if (const auto statistics = runtime->memory().statistics(); statistics.ok()) report(shown, *statistics);
    connectors->each_upstream(
        [&shown](const std::string& name, const UpstreamCounts& counts) { report(shown, name, counts); });
    connectors->each_watch(
        [&shown](const std::string& name, const ResponseWatch::Counts& counts) { report(shown, name, counts); });
    report(shown, server->counts());
    registry.report(shown);
  });
  runtime->dispatcher().on_turn_end([turns = std::make_shared<TurnMetrics>(metrics)](
                                        const Event& event, Sequence, TurnEnd end, const TurnReport& report) {
    turns->on_turn_end(event, end, report);
  });
  parts.health = [this](const Identity& identity) {
    HealthFacts facts{runtime->runtime().counts(), {}, {}, {}, engine->stats(), 0};
    connectors->each_upstream([&facts](const std::string& name, const UpstreamCounts& counts) {
      if (counts.breaker != Breaker::State::kClosed) facts.open_breakers.push_back(name);
    });
    const std::optional<std::string> tenant = identity.all_tenants ? std::nullopt : std::optional(identity.tenant);
    facts.paused_sources = registry.paused(tenant);
    facts.connector_problems = registry.problems(tenant);
    if (const auto refused = runtime->memory().vectors_refused(); refused.ok()) facts.vectors_refused = *refused;
    return health_report(facts);
  };
  DeadLetters& letters = runtime->runtime().dead_letters();
  AdminApi({letters, queries, limits, parts.keys}).mount(routes);
  admin_events(parts.keys).mount(routes);
  AdminMemory({runtime->memory(), queries, limits, parts.keys}).mount(routes);
  runtime->runtime().router().add_observer(feed);
  runtime->dispatcher().on_turn_end([this](const Event& event, Sequence sequence, TurnEnd end, const TurnReport&) {
    if (sequence != 0) feed.note(std::string(name_of(end)), event, sequence);
  });
  api = std::make_unique<RestApi>(std::move(parts));
  api->mount(routes);
  return {};
}

/// After the API, whose routes no source may take.
Status Host::Parts::open_sources() {
  RETURN_IF_ERROR(registry.open_sources(config.sources));
  for (const std::string& tenant : registry.tenants()) runtime->runtime().router().add_tenant(tenant);
  runtime->runtime().mailbox().on_pressure(
      [this](const std::optional<std::string>& tenant, bool is_high) { registry.set_pressure(tenant, is_high); });
  return registry.start(runtime->acceptor());
}

Status Host::Parts::listen() {
  HttpServerOptions options;
  options.host = config.server.host;
  options.port = config.server.port;
  options.cors_origin = config.server.cors_origin;
  options.foreign_hosts = !config.server.keys.empty();
  options.tls_certificate_file = config.server.tls_certificate;
  options.tls_key_file = config.server.tls_key;
  server = std::make_unique<HttpServer>(loop, clock, random, limits, options,
                                        [this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
                                          routes.handle(std::move(request), std::move(exchange));
                                        });
  RETURN_IF_ERROR(server->start());
  address = config.server.host + ":" + std::to_string(server->port());
  local_admin = std::make_unique<LocalAdmin>(
      LocalAdmin::Parts{runtime->runtime().dead_letters(), queries, loop, clock, random, limits, config.server.data,
                        [this](HttpRoutes& to, const ApiKeys& keys) {
                          admin_events(keys).mount(to);
                          AdminMemory({runtime->memory(), queries, limits, keys}).mount(to);
                        }});
  local_admin->start();
  return {};
}

std::vector<std::string> Host::Parts::end(Duration grace, bool serving) {
  if (std::exchange(has_ended, true)) return {};
  if (local_admin) local_admin->stop();
  std::unique_ptr<Engine> none;
  if (!engine) none = std::make_unique<ModellessEngine>(nullptr);
  ShutdownParts all{loop, engine ? *engine : *none, runtime.get(), server.get(), &registry, {}, {}, serving};
  if (connectors) all.cancel_calls = [this] { connectors->stop(); };
  all.pools = {&workers, &turns, &blocking, &queries, &recall, &background, &prepare, &compute, &store};
  std::vector<std::string> left_behind = shut_down(all, grace);
  // Calls that ended use their upstreams until the transport's thread has.
  if (connectors) connectors->stop();
  if (transport) transport->stop();
  return left_behind;
}

Host::Host(HostOptions options) : options_(std::move(options)), stop_(std::make_shared<StopRequest>()) {}

Host::~Host() {
  if (!parts_) return;
  parts_->signals.reset();
  if (!parts_->end(kUnopenTime, false).empty()) leave_behind(std::move(parts_));
}

AgentBuilder Host::agent(const std::string& name, Handler handler) {
  AgentSpec& spec = agents_[name];
  spec.name = name;
  spec.handler = handler;
  return AgentBuilder(spec);
}

void Host::stop() { stop_->request(0); }

std::optional<Host::Failed> Host::open(Config config) {
  CHECK(!parts_, "a host is opened once");
  if (options_.log) {
    if (const Status status = configure_log_of(config.log); !status.ok()) return Failed{Part::kConfig, status.error()};
  }
  for (const auto& [name, declared] : config.agents) {
    AgentSpec& spec = agents_[name];
    if (spec.name.empty()) spec.recall_tokens = config.memory.recall_tokens;
    spec.name = name;
    apply(declared, spec);
  }
  std::map<std::string, EventFlow> flows;
  for (const auto& [name, agent] : agents_) flows.emplace(name, agent.flow);
  if (const auto usable = EventFlows::make(flows, config.limits); !usable.ok()) {
    return Failed{Part::kConfig, usable.error()};
  }
  if (const Status added = add_declared_sources(agents_, config); !added.ok()) {
    return Failed{Part::kConfig, added.error()};
  }
  for (const auto& [name, source] : config.sources) {
    if (source.agent.empty() || agents_.count(source.agent) != 0) continue;
    return Failed{Part::kConfig, fail(ErrorCode::kInvalidArgument,
                                      "source '" + name + "' wakes agent '" + source.agent + "', which nobody declares",
                                      "add [agents." + source.agent + "], or declare the agent in the program")};
  }
  const auto is_own = [this](const std::string& name) { return options_.sinks && options_.sinks(name) != nullptr; };
  if (const Status status = check_used_connectors(agents_, config, is_own); !status.ok()) {
    return Failed{Part::kConfig, status.error()};
  }
  parts_ = std::make_unique<Parts>(std::move(config), options_);
  stop_->begin_opening();
  if (options_.signals) {
    parts_->signals = std::make_unique<StopSignals>([stop = stop_](int signal) { stop->request(signal); });
  }
  std::optional<Failed> failed = open_parts();
  if (!stop_->end_opening()) failed = Failed{Part::kStopped, fail(ErrorCode::kCancelled, "stopped while it opened")};
  if (failed) parts_->signals.reset();
  return failed;
}

std::optional<Host::Failed> Host::open_parts() {
  for (const auto& [name, agent] : agents_) {
    if (keeps_state(agent)) parts_->stateful_agents.push_back(name);
  }
  if (Status status = parts_->open_engine(agents_, stop_); !status.ok()) return Failed{Part::kModel, status.error()};
  if (Status status = parts_->open_runtime(agents_); !status.ok()) return Failed{Part::kData, status.error()};
  if (Status status = parts_->open_connectors(); !status.ok()) return Failed{Part::kConnectors, status.error()};
  if (Status status = parts_->mount_api(); !status.ok()) return Failed{Part::kConfig, status.error()};
  if (Status status = parts_->open_sources(); !status.ok()) {
    return Failed{status.error().code == ErrorCode::kUnavailable ? Part::kConnectors : Part::kConfig, status.error()};
  }
  if (Status status = parts_->listen(); !status.ok()) {
    return Failed{status.error().code == ErrorCode::kUnavailable ? Part::kAddress : Part::kConfig, status.error()};
  }
  return {};
}

const std::string& Host::address() const { return parts_->address; }
AgentRuntime& Host::runtime() { return *parts_->runtime; }

Host::Ended Host::run() {
  CHECK(parts_ && parts_->server, "a host is run after it was opened");
  const std::string scheme = parts_->config.server.tls_certificate.empty() ? "http://" : "https://";
  log_info("host", "serving", {{"address", scheme + parts_->address}, {"data", parts_->config.server.data}});
  parts_->runtime->start();
  read_document_folders(parts_->runtime->memory(), parts_->config, parts_->background);
  parts_->loop.start();
  Ended ended;
  ended.signal = stop_->wait();
  log_info("host", "stopping", {{"signal", ended.signal}});
  ended.left_behind = parts_->end(std::chrono::milliseconds(parts_->limits.shutdown_grace_ms), true);
  if (ended.left_behind.empty()) {
    log_info("host", "stopped");
  } else if (ended.signal != 0) {
    end_process(0);
  }
  parts_->signals.reset();
  if (!ended.left_behind.empty()) leave_behind(std::move(parts_));
  return ended;
}

}  // namespace mnema

#include "agents/host.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>
#include <future>

#include "agents/agent_chat.hpp"
#include "agents/agent_runtime.hpp"
#include "agents/connectors.hpp"
#include "agents/declared_agent.hpp"
#include "agents/declared_sources.hpp"
#include "agents/engine_embedder.hpp"
#include "agents/engine_metrics.hpp"
#include "agents/health_report.hpp"
#include "agents/host_metrics.hpp"
#include "agents/rest/engine_chat.hpp"
#include "agents/rest/rest_door.hpp"
#include "agents/turn_metrics.hpp"
#include "connectors/http/curl_transport.hpp"
#include "connectors/http/host_check.hpp"
#include "connectors/http/routes.hpp"
#include "connectors/http/server.hpp"
#include "connectors/webhook.hpp"
#include "inference/local_engine.hpp"
#include "runtime/key_template.hpp"
#include "runtime/log.hpp"
#include "runtime/loop.hpp"
#include "runtime/thread_pool_executor.hpp"

namespace mnema {
namespace {

EngineOptions engine_options(const InferenceConfig& config) {
  EngineOptions options;
  options.models_folder = config.models_directory;
  options.model = config.model;
  options.embedding_model = config.embedding_model;
  options.pinned = {config.model, config.embedding_model};
  options.threads = config.threads;
  options.backend = config.backend;
  options.kv_type = config.kv_type == "int8" ? KvType::kInt8 : KvType::kF16;
  options.kv_memory_bytes = config.kv_memory_bytes;
  options.context_length = config.context_length;
  options.max_sequences = config.max_sequences;
  options.max_batched_tokens = config.max_batched_tokens;
  options.speculation_tokens_max = config.speculation_tokens_max;
  options.keep_alive_ms = config.keep_alive_ms;
  options.memory_bytes_max = config.memory_bytes_max;
  return options;
}

Result<WebhookOptions::Scheme> scheme_of(const std::string& name) {
  if (name == "github") return WebhookOptions::Scheme::kGithub;
  if (name == "standard") return WebhookOptions::Scheme::kStandardWebhooks;
  if (name == "unsigned") return WebhookOptions::Scheme::kUnsigned;
  return fail(ErrorCode::kInvalidArgument, "there is no webhook scheme '" + name + "'", "github, standard, unsigned");
}

}  // namespace

/// Declared in the order in which they are needed; they go in the reverse one, after the threads have ended.
struct Host::Parts {
  explicit Parts(Config given)
      : config(std::move(given)),
        limits(config.limits),
        secrets(clock),
        turns("turns", limits.turn_threads),
        engine(engine_options(config.inference), {compute, prepare},
               cpu_model_loader(engine_options(config.inference), limits), clock, random, limits),
        models(engine) {}
  ~Parts() {
    if (connectors) connectors->stop();
    if (transport) transport->stop();
    loop.stop();
    for (ThreadPoolExecutor* pool : {&workers, &turns, &blocking, &queries, &background, &prepare, &compute, &store}) {
      pool->stop();
    }
  }

  const Config config;
  const Limits limits;
  SystemClock clock;
  SystemRandom random;
  SecretsStore secrets;
  Metrics metrics{limits.metric_label_sets_max};
  Loop loop;
  ThreadPoolExecutor store{"store", 1};
  ThreadPoolExecutor compute{"compute", 1};
  ThreadPoolExecutor prepare{"prepare", 2};
  ThreadPoolExecutor background{"background", 1};
  ThreadPoolExecutor queries{"queries", 2};
  ThreadPoolExecutor blocking{"blocking", limits.blocking_threads};
  ThreadPoolExecutor turns;
  ThreadPoolExecutor workers{"rest", 2};
  LocalEngine engine;
  EngineChat models;
  std::unique_ptr<EngineEmbedder> embedder;
  std::unique_ptr<AgentRuntime> runtime;
  std::unique_ptr<CurlTransport> transport;
  std::unique_ptr<Connectors> connectors;
  std::unique_ptr<AgentChat> chat;
  std::unique_ptr<RestDoor> door;
  std::vector<std::unique_ptr<WebhookSource>> webhooks;
  HttpRoutes routes;
  std::unique_ptr<HttpServer> server;
  std::string address;

  Status load_models();
  Status open_runtime(std::map<std::string, AgentSpec> agents);
  Status open_connectors();
  Status open_sources();
  Result<ApiKeys> api_keys();
  Status listen();
  void read_documents();
  void read_folder(std::string folder, Scope scope);
};

Status Host::Parts::load_models() {
  std::promise<Status> loaded;
  engine.load("default", prepare, [&loaded](Status status) { loaded.set_value(std::move(status)); });
  RETURN_IF_ERROR(loaded.get_future().get());
  // The length of its vectors is the encoder's own business: ask it.
  std::promise<Result<std::vector<std::vector<float>>>> probed;
  engine.embed(config.inference.embedding_model, {"probe"}, Priority::kInteractive, prepare,
               [&probed](auto vectors) { probed.set_value(std::move(vectors)); });
  auto vectors = probed.get_future().get();
  if (!vectors.ok()) return vectors.error();
  const std::string& name = config.inference.embedding_model;
  embedder =
      std::make_unique<EngineEmbedder>(engine, name, name + "/mean/1", static_cast<int>(vectors->front().size()));
  engine.on_violation([](const std::string& report) { log_error("engine", "KV audit: " + report); });
  return {};
}

Status Host::Parts::open_runtime(std::map<std::string, AgentSpec> agents) {
  std::error_code error;
  std::filesystem::create_directories(config.server.data, error);
  if (error) {
    return fail(ErrorCode::kStorage, "cannot make the data folder '" + config.server.data + "': " + error.message(),
                "choose another with --data DIR");
  }
  AgentRuntime::Options options;
  options.database.path = config.server.data + "/mnema.db";
  options.database.checkpoint = &background;
  options.migrations = PermitStore::migrations();
  options.index_folder = config.server.data + "/indexes";
  options.default_model = config.inference.model;
  options.agents = std::move(agents);
  ASSIGN_OR_RETURN(runtime, AgentRuntime::open(std::move(options), {loop, store, turns, queries, background, blocking},
                                               engine, *embedder, clock, random, limits));
  return {};
}

Status Host::Parts::open_connectors() {
  ASSIGN_OR_RETURN(transport, CurlTransport::open(CurlTransportOptions::from_environment(), clock));
  connectors = std::make_unique<Connectors>(
      Connectors::Parts{runtime->runtime().database(), secrets, *transport, blocking, clock, random});
  RETURN_IF_ERROR(connectors->open(config.connectors));
  runtime->connect([this](const std::string& name) { return connectors->sink(name); },
                   [this](const std::string& name) { return connectors->client(name); });
  return {};
}

Status Host::Parts::open_sources() {
  for (const auto& [name, source] : config.sources) {
    if (source.scheme == "unsigned" && !is_loopback_host(config.server.host)) {
      return fail(ErrorCode::kPermissionDenied,
                  "source '" + name + "' takes unsigned webhooks, and the server listens on " + config.server.host,
                  "sign them, or listen on 127.0.0.1");
    }
    WebhookOptions options;
    options.path = source.path;
    ASSIGN_OR_RETURN(options.scheme, scheme_of(source.scheme));
    for (const std::string& secret : source.secrets) {
      ASSIGN_OR_RETURN(SecretReference reference, SecretReference::parse(secret));
      options.secrets.push_back(std::move(reference));
    }
    options.tenant = source.tenant;
    options.agent = source.agent;
    if (Status readable = check_key_template(source.key); !readable.ok()) {
      Error error = readable.error();
      error.message = "the key of source '" + name + "': " + error.message;
      return error;
    }
    options.key_template = source.key;
    options.type_prefix = source.type_prefix;
    runtime->runtime().router().add_tenant(source.tenant);
    auto webhook = std::make_unique<WebhookSource>(std::move(options), secrets, workers, clock, random, limits);
    if (Status started = webhook->start(runtime->acceptor()); !started.ok()) {
      Error error = started.error();
      error.message = "source '" + name + "': " + error.message;
      return error;
    }
    webhooks.push_back(std::move(webhook));
  }
  return {};
}

Result<ApiKeys> Host::Parts::api_keys() {
  std::vector<ApiKey> keys;
  for (const auto& [name, key] : config.server.keys) {
    ASSIGN_OR_RETURN(const SecretReference reference, SecretReference::parse(key.key));
    ASSIGN_OR_RETURN(Secret secret, secrets.get(reference));
    keys.push_back({name, std::move(secret), key.tenant, key.may_assert_users});
    runtime->runtime().router().add_tenant(key.tenant);
  }
  if (keys.empty() && !is_loopback_host(config.server.host)) {
    return fail(ErrorCode::kPermissionDenied, "without keys only loopback is served, not " + config.server.host,
                "add [server.keys.NAME], or listen on 127.0.0.1");
  }
  return ApiKeys(std::move(keys));
}

Status Host::Parts::listen() {
  RestDoor::Parts parts{engine, {}, "", workers, clock, random, limits, {}, {}, {}, {}};
  chat = std::make_unique<AgentChat>(*runtime);
  parts.backends = {chat.get(), &models};
  ASSIGN_OR_RETURN(parts.keys, api_keys());
  parts.sampling_default = default_sampling();
  parts.status = &queries;  // counting what memory holds reads the database
  parts.metrics_text = [this] { return metrics.render(); };
  metrics.on_scrape([this](MetricsReport& shown) {
    report(shown, engine.stats());
    report(shown, runtime->runtime().counts());
    if (const auto statistics = runtime->memory().statistics(); statistics.ok()) report(shown, *statistics);
    connectors->each_upstream(
        [&shown](const std::string& name, const UpstreamCounts& counts) { report(shown, name, counts); });
    report(shown, server->counts());
    for (const auto& webhook : webhooks) report(shown, webhook->counts());
  });
  runtime->dispatcher().on_turn_end([turns = std::make_shared<TurnMetrics>(metrics)](
                                        const Event& event, Sequence, TurnEnd end, const TurnReport& report) {
    turns->on_turn_end(event, end, report);
  });
  parts.health = [this](const Identity& identity) {
    HealthFacts facts{runtime->runtime().counts(), {}, {}, engine.stats()};
    connectors->each_upstream([&facts](const std::string& name, const UpstreamCounts& counts) {
      if (counts.breaker != Breaker::State::kClosed) facts.open_breakers.push_back(name);
    });
    for (const auto& webhook : webhooks) {
      if (webhook->is_paused() && webhook->tenant() == identity.tenant) facts.paused_sources.push_back(webhook->name());
    }
    return health_report(facts);
  };
  door = std::make_unique<RestDoor>(std::move(parts));
  door->mount(routes);
  for (const auto& webhook : webhooks) {
    if (Status free = routes.check("POST", webhook->path()); !free.ok()) {
      Error error = free.error();
      error.message = "[sources]: " + error.message;
      return error;
    }
    routes.add("POST", webhook->path(), webhook->handler());
  }
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
  return {};
}

void Host::Parts::read_folder(std::string folder, Scope scope) {
  FolderSource source;
  source.scope = std::move(scope);
  source.path = folder;
  runtime->memory().ingest_folder(std::move(source), background, {}, [folder](const Result<IngestReport>& report) {
    if (!report.ok()) return log_error("memory", "documents not read: " + report.error().text(), {{"folder", folder}});
    for (const std::string& note : report->notes) log_warning("memory", note);
    log_info("memory", "documents read",
             {{"folder", folder},
              {"added", report->added},
              {"changed", report->changed},
              {"unchanged", report->unchanged},
              {"retired", report->retired}});
  });
}

void Host::Parts::read_documents() {
  for (const std::string& folder : config.memory.documents) read_folder(folder, {"local", "", "", ""});
  for (const auto& [name, agent] : config.agents) {
    for (const std::string& folder : agent.documents) read_folder(folder, {"local", name, "", ""});
  }
}

Host::Host() = default;

Host::~Host() {
  if (!parts_) return;
  if (parts_->runtime) parts_->runtime->close();
}

AgentBuilder Host::agent(const std::string& name, Handler handler) {
  AgentSpec& spec = agents_[name];
  spec.name = name;
  spec.handler = handler;
  return AgentBuilder(spec);
}

std::optional<Host::Failed> Host::open(Config config) {
  for (const auto& [name, declared] : config.agents) {
    AgentSpec& spec = agents_[name];
    if (spec.name.empty()) spec.recall_tokens = config.memory.recall_tokens;
    spec.name = name;
    apply(declared, spec);
  }
  add_declared_sources(agents_, config);
  parts_ = std::make_unique<Parts>(std::move(config));
  if (Status status = parts_->load_models(); !status.ok()) return Failed{Part::kModel, status.error()};
  if (Status status = parts_->open_runtime(agents_); !status.ok()) return Failed{Part::kData, status.error()};
  if (Status status = parts_->open_connectors(); !status.ok()) return Failed{Part::kConnectors, status.error()};
  if (Status status = parts_->open_sources(); !status.ok()) return Failed{Part::kConfig, status.error()};
  if (Status status = parts_->listen(); !status.ok()) {
    return Failed{status.error().code == ErrorCode::kUnavailable ? Part::kAddress : Part::kConfig, status.error()};
  }
  return {};
}

const std::string& Host::address() const { return parts_->address; }
AgentRuntime& Host::runtime() { return *parts_->runtime; }

void Host::run() {
  boost::asio::signal_set signals(parts_->loop.io_context(), SIGINT, SIGTERM);
  signals.async_wait([this](const boost::system::error_code& error, int) {
    if (error) return;
    log_info("host", "stopping");
    const Duration grace = std::chrono::milliseconds(parts_->limits.shutdown_grace_ms);
    for (auto& webhook : parts_->webhooks) webhook->stop();
    parts_->server->stop(grace, [this, grace] { parts_->runtime->stop(grace, [this] { parts_->loop.stop(); }); });
  });
  parts_->runtime->start();
  parts_->read_documents();
  parts_->loop.run();
}

}  // namespace mnema

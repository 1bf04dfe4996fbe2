#include "tests/agents/sim/process.hpp"

#include <unistd.h>

#include <atomic>

namespace mnema::testing {
namespace {

using LaneKind = Simulation::LaneKind;

constexpr Duration kStepsEndWithin = std::chrono::milliseconds(100);

std::string new_folder() {
  static std::atomic<int> count = 0;
  return (std::filesystem::temp_directory_path() /
          ("mnema-simulation-" + std::to_string(::getpid()) + "-" + std::to_string(++count)))
      .string();
}

std::map<std::string, ConnectorConfig> connector_configs() {
  std::map<std::string, ConnectorConfig> configs;
  for (const char* name : {"shop", "out", "mail"}) {
    ConnectorConfig& config = configs[name];
    config.kind = "http";
    config.url = "http://fixture.example";
    config.timeout_ms = 6'000;
    if (std::string(name) != "shop") config.path = std::string("/") + name;
  }
  configs["mail"].calls_per_hour = 400;
  configs["out"].calls_per_second = 200;
  return configs;
}

/// A crash leaves calls and deliveries that nobody ends, and they hold their client, their sink and the outbox. Kept
/// for ever and never used, so that a search for leaks finds them.
struct DeadProcess {
  std::unique_ptr<Connectors> connectors;
  std::map<std::string, std::unique_ptr<Sink>> sinks;
};
std::vector<DeadProcess>& dead_processes() {
  static auto* const all = new std::vector<DeadProcess>;
  return *all;
}

}  // namespace

/// Chats whose callers go with the process: breaks what a caller and its chat hold of each other.
class Process::Chats final : public ChatBackend {
 public:
  explicit Chats(ChatBackend& inner) : inner_(inner) {}
  ~Chats() override {
    for (const std::weak_ptr<ChatCallbacks>& held : callbacks_) {
      if (const auto callbacks = held.lock()) {
        const ChatCallbacks dropped = std::exchange(*callbacks, {});
      }
    }
  }
  [[nodiscard]] std::vector<ServedModel> models() const override { return inner_.models(); }
  std::shared_ptr<ChatRun> start_chat(ChatRequest request, Executor& reply_to, ChatCallbacks callbacks) override {
    auto held = std::make_shared<ChatCallbacks>(std::move(callbacks));
    callbacks_.push_back(held);
    ChatCallbacks outer;
    outer.on_delta = [held](Delta delta) {
      if (held->on_delta) held->on_delta(std::move(delta));
    };
    outer.on_done = [held](Result<Completion> completion) {
      if (held->on_done) held->on_done(std::move(completion));
    };
    return inner_.start_chat(std::move(request), reply_to, std::move(outer));
  }

 private:
  ChatBackend& inner_;
  std::vector<std::weak_ptr<ChatCallbacks>> callbacks_;
};

Process::Process(std::uint64_t seed, ProcessOptions options, SometimesTable& sometimes)
    : simulation(seed),
      disk(seed),
      network(simulation, sometimes),
      index_folder(new_folder()),
      options_(std::move(options)),
      sometimes_(sometimes) {}

Process::~Process() {
  if (runs()) crash();
  std::error_code ignored;
  std::filesystem::remove_all(index_folder, ignored);
}

void Process::open_engine() {
  EngineOptions engine_options;
  engine_options.model = "scripted";
  engine_options.embedding_model = "bags";
  engine_options.max_sequences = 6;
  engine_options.max_batched_tokens = 256;
  engine_options.decode_reserved_tokens = 32;
  auto models = std::make_shared<SimulatedModels>(simulation, options_.script, options_.kv_pages, [this] {
    if (!encoder_refuses_some || simulation.random().below(5) != 0) return false;
    sometimes_.hit("embedding refused");
    return true;
  });
  engine = std::make_unique<LocalEngine>(
      std::move(engine_options),
      LocalEngine::Executors{simulation.lane("compute"), simulation.lane("prepare", LaneKind::kAnyOrder)},
      std::move(models), simulation.clock(), simulation.random(), options_.limits);
  engine->on_violation([this](const std::string& report) { network.violations.push_back("engine: " + report); });
  embedder_ = std::make_unique<EngineEmbedder>(*engine, "bags", "bags/1", static_cast<int>(WordBags::kDimensions));
}

Status Process::boot(TurnObserver* observer) {
  open_engine();
  AgentRuntime::Options opening;
  opening.database.path = kDatabase;
  opening.database.vfs = disk.name();
  opening.database.checkpoint = &simulation.lane("background");
  opening.migrations = Connectors::migrations();
  opening.index_folder = index_folder;
  opening.default_model = "scripted";
  opening.agents = options_.agents;
  opening.observer = observer;
  AgentRuntime::Executors executors{simulation.lane("loop"),
                                    simulation.lane("store"),
                                    simulation.lane("turns", LaneKind::kAnyOrder),
                                    simulation.lane("queries", LaneKind::kAnyOrder),
                                    simulation.lane("background"),
                                    simulation.lane("blocking", LaneKind::kAnyOrder),
                                    simulation.lane("recall", LaneKind::kAnyOrder)};
  auto opened = AgentRuntime::open(std::move(opening), executors, *engine, *embedder_, simulation.clock(),
                                   simulation.random(), options_.limits);
  if (!opened.ok()) {
    drop_parts();
    simulation.crash();
    return opened.error();
  }
  runtime = std::move(*opened);
  connectors = std::make_unique<Connectors>(Connectors::Parts{runtime->runtime().database(), secrets_, network,
                                                              simulation.lane("blocking"), simulation.clock(),
                                                              simulation.random()});
  for (const auto& [name, config] : connector_configs()) {
    Result<std::unique_ptr<Sink>> sink = connectors->open(name, config);
    if (!sink.ok()) {
      crash();
      return sink.error();
    }
    sinks_[name] = std::move(*sink);
  }
  runtime->connect(
      [this](const std::string& name) {
        const auto found = sinks_.find(name);
        return found == sinks_.end() ? nullptr : found->second.get();
      },
      [this](const std::string& name) { return connectors->client(name); });
  open_apis();
  runtime->start();
  return {};
}

void Process::open_apis() {
  routes_ = {};
  std::vector<ApiKey> keys;
  for (const std::string tenant : kTenants) {
    runtime->runtime().router().add_tenant(tenant);
    keys.push_back({tenant, Secret("key-" + tenant), tenant, true});
    for (const auto& [agent, spec] : options_.agents) {
      WebhookOptions webhook;
      webhook.path = "/hooks/" + tenant + "/" + agent;
      webhook.scheme = WebhookScheme::kUnsigned;
      webhook.tenant = tenant;
      webhook.agent = agent;
      webhook.key_template = "{/key}";
      webhooks_.push_back(std::make_unique<WebhookSource>(std::move(webhook), secrets_,
                                                          simulation.lane("workers", LaneKind::kAnyOrder),
                                                          simulation.clock(), simulation.random(), options_.limits));
      const Status started = webhooks_.back()->start(runtime->acceptor());
      CHECK(started.ok(), started.ok() ? "" : started.error().text().c_str());
      routes_.add("POST", webhooks_.back()->path(), webhooks_.back()->handler());
    }
  }
  chat_ = std::make_unique<AgentChat>(*runtime);
  chats_ = std::make_unique<Chats>(*chat_);
  rest_ = std::make_unique<RestApi>(RestApi::Parts{.engine = *engine,
                                                   .backends = {chats_.get()},
                                                   .default_model = "",
                                                   .workers = simulation.lane("workers", LaneKind::kAnyOrder),
                                                   .clock = simulation.clock(),
                                                   .random = simulation.random(),
                                                   .limits = options_.limits,
                                                   .keys = ApiKeys(std::move(keys)),
                                                   .metrics_text = {},
                                                   .health = {}});
  rest_->mount(routes_);
  HttpServerOptions server;
  server.foreign_hosts = true;
  http_ = std::shared_ptr<HttpConnectionContext>(new HttpConnectionContext{
      simulation.lane("loop"), simulation.clock(), simulation.random(), options_.limits, server,
      [this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
        routes_.handle(std::move(request), std::move(exchange));
      },
      [](HttpConnection&) {}});
}

std::shared_ptr<HttpTestClient> Process::request(const std::string& method, const std::string& path,
                                                 const std::string& headers, const std::string& body,
                                                 std::function<void(const ClientAnswer&)> on_answer) {
  auto [ours, theirs] = make_memory_streams(simulation.lane("loop"), 512);
  auto connection = std::make_shared<HttpConnection>(http_, std::move(theirs));
  std::erase_if(connections_, [](const auto& gone) { return gone.expired(); });
  std::erase_if(clients_, [](const auto& client) { return client->done(); });
  connections_.push_back(connection);
  connection->start();
  std::string bytes = method + " " + path + " HTTP/1.1\r\nHost: mnema.example\r\nConnection: close\r\n" + headers +
                      "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                      body;
  auto client = std::make_shared<HttpTestClient>(simulation, std::move(ours), std::move(bytes), std::move(on_answer));
  clients_.push_back(client);
  client->start();
  return client;
}

void Process::drop_clients() {
  for (const auto& client : clients_) client->leave();
  clients_.clear();
  for (const auto& held : connections_) {
    if (const auto connection = held.lock()) connection->close();
  }
  connections_.clear();
}

void Process::drop_parts() {
  rest_.reset();
  routes_ = {};
  http_.reset();
  webhooks_.clear();
  chats_.reset();
  chat_.reset();
  runtime.reset();
  sinks_.clear();
  connectors.reset();
  embedder_.reset();
  engine.reset();
}

void Process::crash() {
  if (runtime && runtime->dispatcher().running() > 0) sometimes_.hit("crash in mid-turn");
  simulation.begin_crash({"compute", "device", "prepare"});
  disk.crash(simulation.random());
  drop_clients();
  network.begin_teardown();
  if (connectors) connectors->stop();
  network.end_teardown();
  // Nobody hears its answers any more; but a step that is under way holds what it computes on.
  engine->stop();
  simulation.run_until_idle(kStepsEndWithin);
  dead_processes().push_back({std::move(connectors), std::exchange(sinks_, {})});
  drop_parts();
  simulation.run_until_idle(kStepsEndWithin);
  simulation.end_crash();
}

void Process::stop() {
  drop_clients();
  for (const auto& webhook : webhooks_) webhook->stop();
  bool stopped = false;
  runtime->stop(std::chrono::seconds(10), [&] { stopped = true; });
  simulation.run_until([&] { return stopped; });
  connectors->stop();
  engine->stop();
  simulation.run_until_idle(std::chrono::seconds(20));
  runtime->close();
  simulation.run_ready();
  network.begin_teardown();
  network.end_teardown();
  drop_parts();
  simulation.crash();
}

bool Process::is_idle() {
  const auto events = runtime->runtime().mailbox().depths();
  const auto messages = runtime->runtime().outbox().depths();
  return events.ready + events.leased + events.waiting == 0 && messages.waiting + messages.in_flight == 0 &&
         runtime->dispatcher().running() == 0 && runtime->runtime().timers().pending() == 0;
}

void Process::check_integrity() {
  runtime->check_integrity();
  connectors->each_upstream([](const std::string&, const UpstreamCounts& counts) {
    CHECK(counts.in_flight == 0 && counts.waiting == 0, "an idle process has no call in flight");
  });
  disk.check_integrity();
  simulation.check_integrity();
}

}  // namespace mnema::testing

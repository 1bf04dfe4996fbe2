#include "agents/host/model_server.hpp"

#include <atomic>
#include <future>

#include "agents/host/engine_metrics.hpp"
#include "agents/host/shutdown.hpp"
#include "agents/host/stop_signals.hpp"
#include "agents/rest/engine_chat.hpp"
#include "agents/rest/rest_api.hpp"
#include "connectors/http/host_check.hpp"
#include "connectors/http/routes.hpp"
#include "connectors/http/server.hpp"
#include "inference/loading/catalogue.hpp"
#include "inference/local_engine.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/metrics.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {

struct ModelServer::Parts {
  ModelServerOptions options;
  SystemClock clock;
  SystemRandom random;
  Loop loop;
  ThreadPoolExecutor compute{"compute", 1};
  ThreadPoolExecutor background{"prepare", 2};
  ThreadPoolExecutor workers{"rest", 2};
  Metrics metrics{options.limits.metric_label_sets_max};
  LocalEngine engine;
  EngineChat chat;
  RestApi api;
  HttpRoutes routes;
  HttpServer server;
  std::unique_ptr<StopSignals> signals;
  std::atomic<bool> serving = false;
  std::promise<void> stop;  // by the first signal while it serves

  explicit Parts(ModelServerOptions given)
      : options(std::move(given)),
        engine(options.engine, {compute, background}, cpu_model_loader(options.engine, options.limits), clock, random,
               options.limits),
        chat(engine),
        api(api_parts()),
        server(loop, clock, random, options.limits, server_options(),
               [this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
                 routes.handle(std::move(request), std::move(exchange));
               }) {
    metrics.on_scrape([this](MetricsReport& shown) { report(shown, engine.stats()); });
    api.mount(routes);
    engine.on_violation([](const std::string& report) { log_error("engine", "KV audit: " + report); });
  }

  std::vector<ThreadPoolExecutor*> pools() { return {&workers, &background, &compute}; }

  RestApi::Parts api_parts() {
    RestApi::Parts parts{
        engine, {&chat}, client_name(options.engine.model), workers, clock, random, options.limits, {}, {}, {}, {}};
    parts.sampling_default = default_sampling();
    parts.metrics_text = [this] { return metrics.render(); };
    parts.status = &loop;  // all of it is in memory
    return parts;
  }

  [[nodiscard]] HttpServerOptions server_options() const {
    HttpServerOptions made;
    made.host = options.host;
    made.port = options.port;
    made.cors_origin = options.cors_origin;
    return made;
  }
};

ModelServer::ModelServer(ModelServerOptions options) : parts_(std::make_unique<Parts>(std::move(options))) {}

ModelServer::~ModelServer() {
  // Nothing may run on what is about to be destroyed.
  parts_->signals.reset();
  parts_->engine.stop();
  parts_->loop.stop();
  for (ThreadPoolExecutor* pool : parts_->pools()) (void)pool->stop_by(MonotonicTime::max());
}

Status ModelServer::open() {
  parts_->signals = std::make_unique<StopSignals>([parts = parts_.get()](int signal) {
    // Until it serves, nothing has begun that could be left half done.
    if (!parts->serving.exchange(true)) end_process(0);
    log_info("server", "stopping", {{"signal", signal}});
    parts->stop.set_value();
  });
  std::promise<Status> loaded;
  parts_->engine.load("default", parts_->background, [&loaded](Status status) { loaded.set_value(std::move(status)); });
  return loaded.get_future().get();
}

Status ModelServer::listen() {
  if (!is_loopback_host(parts_->options.host)) {
    return fail(ErrorCode::kPermissionDenied,
                "a bare model has no keys, and without keys only loopback is served, not " + parts_->options.host,
                "listen on 127.0.0.1, or serve a configuration with [server.keys.NAME]");
  }
  return parts_->server.start();
}
int ModelServer::port() const { return parts_->server.port(); }

void ModelServer::run() {
  if (parts_->serving.exchange(true)) end_process(0);
  parts_->loop.start();
  parts_->stop.get_future().wait();
  const Duration grace = std::chrono::milliseconds(parts_->options.limits.shutdown_grace_ms);
  if (!shut_down({parts_->loop, parts_->engine, nullptr, &parts_->server, {}, {}, parts_->pools()}, grace).empty()) {
    end_process(0);
  }
}

}  // namespace mnema

#include "cli/memory/owned_folder.hpp"

#include <future>

#include "agents/connectors.hpp"
#include "agents/host/configured_engine.hpp"
#include "agents/host/engine_embedder.hpp"
#include "agents/host/modelless_engine.hpp"
#include "agents/rest/admin_memory.hpp"
#include "cli/dlq/admin_connection.hpp"
#include "connectors/kafka/offset_store.hpp"
#include "inference/loading/catalogue.hpp"
#include "inference/loading/model_loader.hpp"
#include "memory/no_embedder.hpp"
#include "memory/vector_store.hpp"
#include "runtime/base/log.hpp"
#include "runtime/store/read_pool.hpp"

namespace mnema {
namespace {

/// Waits for a whole answer.
class WaitingExchange final : public HttpExchange {
 public:
  std::future<HttpResponse> response() { return answered_.get_future(); }
  void respond(HttpResponse response) override { answered_.set_value(std::move(response)); }
  void begin_stream(int status, HttpHeaders headers) override { streamed_ = {status, std::move(headers), ""}; }
  void write(std::string bytes, std::function<void(bool)> written) override {
    streamed_.body += bytes;
    if (written) written(true);
  }
  void end_stream() override { answered_.set_value(std::move(streamed_)); }
  void on_disconnect(std::function<void()>) override {}
  bool disconnected() const override { return false; }

 private:
  std::promise<HttpResponse> answered_;
  HttpResponse streamed_;
};

/// "all-minilm-l6-v2/mean/2" -> "all-minilm-l6-v2": what the file calls an embedder begins with its model.
std::string model_of(const std::string& embedder) {
  std::string model = embedder;
  for (int parts = 0; parts < 2 && model.find('/') != std::string::npos; ++parts) model.resize(model.rfind('/'));
  return model;
}

}  // namespace

Result<std::unique_ptr<OwnedFolder>> OwnedFolder::open(const MemoryRoutesNeed& need) {
  std::unique_ptr<OwnedFolder> folder(new OwnedFolder(need));
  if (need.for_vectors) folder->open_encoder();
  RETURN_IF_ERROR(folder->open_runtime());
  return folder;
}

OwnedFolder::~OwnedFolder() {
  if (runtime_) runtime_->close();
  if (encoder_) encoder_->stop();
  for (ThreadPoolExecutor* pool : {&loop_, &queries_, &background_, &prepare_, &compute_, &store_}) pool->stop();
}

/// The embedder that the folder's vectors are of, if its model is on this disk: words and time do without.
void OwnedFolder::open_encoder() {
  std::string name;
  ReadPool readers(need_.folder + "/mnema.db", "", 1);
  const Status read = readers.read([&](Transaction& transaction) -> Status {
    ASSIGN_OR_RETURN(name, vector_store::present_embedder(transaction));
    return {};
  });
  if (!read.ok() || name.empty()) return;
  const std::string model = model_of(name);
  if (embedding_id(model) != name) {
    log_warning("memory",
                "this folder's vectors were made another way than this program makes them; searching by words and time "
                "alone until `mnema serve` has embedded all again",
                {{"vectors", name}, {"now", embedding_id(model)}});
    return;
  }
  const EngineOptions options = engine_options_of(need_.config.inference, {"", model});
  auto engine = std::make_unique<LocalEngine>(options, LocalEngine::Executors{compute_, prepare_},
                                              cpu_model_loader(options, limits_), clock_, random_, limits_);
  std::promise<Result<Embeddings>> made;
  engine->embed(model, {"probe"}, Priority::kInteractive, prepare_,
                [&made](Result<Embeddings> vectors) { made.set_value(std::move(vectors)); });
  const Result<Embeddings> probe = made.get_future().get();
  if (!probe.ok() || probe->vectors.empty()) {
    engine->stop();
    return;
  }
  const auto dimensions = static_cast<int>(probe->vectors.front().size());
  embedder_ = std::make_unique<EngineEmbedder>(*engine, model, name, dimensions);
  encoder_ = std::move(engine);
}

Status OwnedFolder::open_runtime() {
  engine_ = std::make_unique<ModellessEngine>(encoder_.get());
  if (!embedder_) embedder_ = std::make_unique<NoEmbedder>();
  AgentRuntime::Options options;
  options.database.path = need_.folder + "/mnema.db";
  options.database.checkpoint = &background_;
  options.migrations = Connectors::migrations();
  for (Migration& migration : kafka_offset_store::migrations()) options.migrations.push_back(std::move(migration));
  options.index_folder = need_.folder + "/indexes";
  ASSIGN_OR_RETURN(runtime_, AgentRuntime::open(std::move(options),
                                                {loop_, store_, queries_, queries_, background_, queries_, queries_},
                                                *engine_, *embedder_, clock_, random_, limits_));
  AdminMemory({runtime_->memory(), queries_, limits_, {}}).mount(routes_);
  return {};
}

Result<std::string> OwnedFolder::exchange(const std::string& method, const std::string& target, const std::string& body,
                                          const std::string&) {
  HttpRequest request;
  request.method = method;
  request.target = target;
  const std::size_t query = target.find('?');
  request.path = percent_decode(target.substr(0, query), false).value_or("");
  if (query != std::string::npos) request.query = target.substr(query + 1);
  request.body = body;
  request.id = "mnema memory";
  const auto exchange = std::make_shared<WaitingExchange>();
  auto answered = exchange->response();
  routes_.handle(std::move(request), exchange);
  HttpResponse response = answered.get();
  if (response.status >= 200 && response.status < 300) return std::move(response.body);
  return refusal_of(response.status, response.body, "this folder");
}

}  // namespace mnema

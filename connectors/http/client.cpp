#include "connectors/http/client.hpp"

#include <utility>

#include "connectors/http/client_shared.hpp"
#include "connectors/http/running_call.hpp"

namespace mnema {

HttpClient::HttpClient(HttpClientOptions options, Upstream& upstream, SecretsStore& secrets, HttpTransport& transport,
                       Executor& blocking, const Clock& clock, Random& random)
    : shared_(std::make_shared<HttpClientShared>(std::move(options), upstream, secrets, transport, blocking, clock,
                                                 random)) {}

HttpClient::~HttpClient() = default;

std::shared_ptr<HttpClient::Call> HttpClient::send(HttpCall call, Executor& reply_to,
                                                   std::function<void(Result<HttpReply>)> done) {
  auto running = std::make_shared<RunningCall>(shared_, std::move(call), reply_to, std::move(done));
  if (shared_->stopped.load(std::memory_order_acquire)) {
    running->refuse();  // here: the transport's thread may have ended
  } else {
    shared_->home.post([running] { running->start(); });
  }
  return running;
}

ResponseWatch* HttpClient::watch() const { return shared_->options.watch; }

void HttpClient::stop() {
  if (shared_->stopped.exchange(true)) return;
  shared_->home.post([shared = shared_] { shared->cancel_all(); });
}

}  // namespace mnema

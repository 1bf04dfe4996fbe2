// connectors/http_sink.hpp
//
// Delivers outbox rows by POST, with the row's idempotency key in `Idempotency-Key`, so that the receiver can drop a
// repeat. Short retries happen in the client; what is still retryable afterwards goes back to the outbox with its time.
//
// Threads:   `deliver`, `stop` from any thread; `done` on `reply_to`.
// Ownership: borrows the client, which outlives it. A delivery that runs outlives the sink.
// Invariant: a delivery is in the list of those that `stop` cancels until its `done` runs.
#pragma once

#include <memory>
#include <string>

#include "connectors/connector.hpp"
#include "connectors/http/client.hpp"

namespace mnema {

class HttpSink final : public Sink {
 public:
  /// `path` is appended to the client's base URL.
  HttpSink(HttpClient& client, std::string path);
  ~HttpSink() override;
  void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) override;
  void stop() override;

 private:
  struct Running;
  HttpClient& client_;
  const std::string path_;
  const std::shared_ptr<Running> running_;
};

}  // namespace mnema

// connectors/http_sink.hpp
//
// Delivers outbox rows by POST, with the row's idempotency key in `Idempotency-Key`, so that the receiver can drop a
// repeat. Short retries happen in the client; what is still retryable afterwards goes back to the outbox with its time.
//
// Threads:   `deliver` from any thread; `done` on `reply_to`.
// Ownership: borrows the client, which outlives it.
#pragma once

#include <string>

#include "connectors/connector.hpp"
#include "connectors/http/client.hpp"

namespace mnema {

class HttpSink final : public Sink {
 public:
  /// `path` is appended to the client's base URL.
  HttpSink(HttpClient& client, std::string path) : client_(client), path_(std::move(path)) {}
  void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) override;

 private:
  HttpClient& client_;
  std::string path_;
};

}  // namespace mnema

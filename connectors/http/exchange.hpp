// connectors/http/exchange.hpp
//
// One request being answered. A handler keeps the shared pointer as long as it works, and answers either whole
// (`respond`) or as a stream (`begin_stream`, `write`..., `end_stream`). Dropping the last pointer unanswered sends
// 500, so no client ever waits for a forgotten request.
//
// The server implements it over a socket; tests and the simulation over memory.
//
// Threads: every method from any thread. Callbacks run on the loop thread and must be short.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "connectors/http/message.hpp"

namespace mnema {

class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  /// The whole answer. Ignored after the first answer and after the client has gone.
  virtual void respond(HttpResponse response) = 0;

  /// Status and headers now, the body piece by piece. Ignored after the first answer.
  virtual void begin_stream(int status, HttpHeaders headers) = 0;

  /// Appends to the stream. `written(true)` when the bytes have left for the socket: a producer that can wait, waits
  /// for it. One that cannot is cut off (as a disconnect) when more than `http_stream_buffer_bytes_max` are queued.
  /// `written(false)` when the client has gone. Precondition: between `begin_stream` and `end_stream`.
  virtual void write(std::string bytes, std::function<void(bool)> written = {}) = 0;
  virtual void end_stream() = 0;

  /// `callback` runs once if the client goes (closes, resets, half-closes, reads too slowly) before the answer is
  /// complete, also while nothing is being written; at once if it has already gone. Never after a complete answer.
  virtual void on_disconnect(std::function<void()> callback) = 0;
  [[nodiscard]] virtual bool disconnected() const = 0;
};

/// What the server calls for each request, on the loop thread: must return quickly and hand work to an executor.
using HttpHandler = std::function<void(HttpRequest request, std::shared_ptr<HttpExchange> exchange)>;

}  // namespace mnema

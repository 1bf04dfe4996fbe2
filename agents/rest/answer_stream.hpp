// agents/rest/answer_stream.hpp
//
// The SSE side of an answer that is streamed: begins when there is something to say or when the client has waited long
// enough to wonder, keeps a silent stream alive with comments, and ends it with [DONE] or an error event. Until it has
// begun, an error is still an ordinary HTTP answer with its status.
//
// Threads:   confined to the answer's strand.
// Ownership: shared by the answer and its keep-alive timer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "agents/rest/json_fields.hpp"
#include "connectors/http/exchange.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class AnswerStream final : public std::enable_shared_from_this<AnswerStream> {
 public:
  /// `opening` gives the events that stand first (the role chunks).
  AnswerStream(std::shared_ptr<HttpExchange> exchange, Executor& strand, Duration keepalive,
               std::function<std::vector<std::string>()> opening)
      : exchange_(std::move(exchange)), strand_(strand), keepalive_(keepalive), opening_(std::move(opening)) {}

  /// Starts the keep-alive.
  void start();

  /// One event with this JSON text; "" is none.
  void event(std::string_view json);
  /// [DONE], and the end.
  void done();
  /// The error as the HTTP answer, or as the last event if the stream has begun. Nothing after `done`.
  void fail(const RequestError& error);

 private:
  void begin();
  void tick();

  const std::shared_ptr<HttpExchange> exchange_;
  Executor& strand_;
  const Duration keepalive_;
  std::function<std::vector<std::string>()> opening_;
  bool begun_ = false;
  bool ended_ = false;
  bool spoke_ = false;  // since the last tick
};

}  // namespace mnema

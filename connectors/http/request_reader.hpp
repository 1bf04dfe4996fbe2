// connectors/http/request_reader.hpp
//
// HTTP/1.x requests out of bytes, one after the other, within the limits. Pure: it is fed what a socket gave and never
// waits. Beast does the parsing; what it accepts is narrowed to what a server should: one Host, a
// decodable path, and one way of saying where the body ends (two are how requests are smuggled past a proxy).
//
// Threads: confined to its connection.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/http/message.hpp"
#include "runtime/limits.hpp"
#include "runtime/result.hpp"

namespace mnema {

class HttpRequestReader {
 public:
  explicit HttpRequestReader(const Limits& limits);
  ~HttpRequestReader();

  enum class Step {
    kNeedMore,  // feed again when there are more bytes
    kRequest,   // `request()` is complete; bytes after it are left in `input`
    kRefused,   // `refusal()` says why; the connection is of no more use
  };
  /// Takes bytes off the front of `input`. After kRequest, `next` must be called before feeding again.
  [[nodiscard]] Step feed(std::string& input);
  void next();

  /// The header of the current request is complete, its body perhaps not.
  [[nodiscard]] bool header_done() const;
  /// The client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const;

  /// Preconditions: the last `feed` returned kRequest. `id` and `peer` are left empty.
  [[nodiscard]] HttpRequest take_request();
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool is_http_1_0() const;

  struct Refusal {
    int status;
    Error error;
  };
  /// Precondition: the last `feed` returned kRefused.
  [[nodiscard]] const Refusal& refusal() const { return *refusal_; }

 private:
  struct Parser;
  Step refuse(int status, ErrorCode code, std::string message, std::string hint);
  Step check_framing();
  Step check_request();

  const Limits& limits_;
  std::unique_ptr<Parser> parser_;
  std::optional<HttpRequest> request_;
  std::optional<Refusal> refusal_;
  bool framing_checked_ = false;  // of the request in hand
};

}  // namespace mnema

// connectors/http/request_reader.hpp
//
// HTTP/1.x requests out of bytes, one after the other, within the limits. Pure: it is fed what a socket gave and never
// waits. Beast does the parsing; what it accepts is narrowed to what a server should: one Host, a decodable path, one
// way of saying where the body ends (two are how requests are smuggled past a proxy), no body in a coding but gzip and
// deflate (what a handler sees is decoded), no CONNECT. The authority of an absolute target replaces Host (RFC 9112
// section 3.2.2), so that whoever looks at Host sees what the client asked for.
//
// Threads:   confined to its connection.
// Ownership: borrows the limits and the budget, which outlive it and the leases it gave away.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/http/body_budget.hpp"
#include "connectors/http/message.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class HttpRequestReader {
 public:
  HttpRequestReader(const Limits& limits, BodyBudget& budget);
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
  /// The lease on the request's body, to be kept as long as the body; none if there was no body. Once, with
  /// `take_request`.
  [[nodiscard]] std::unique_ptr<BodyBudget::Lease> take_lease();
  /// The request in hand will not be answered by a handler: its body is not needed any more.
  void drop_body();
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
  Step check_target(HttpRequest& request);

  const Limits& limits_;
  BodyBudget& budget_;
  std::unique_ptr<Parser> parser_;
  std::optional<HttpRequest> request_;
  std::optional<Refusal> refusal_;
  bool framing_checked_ = false;  // of the request in hand
};

}  // namespace mnema

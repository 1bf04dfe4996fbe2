// connectors/http/curl_exchange.hpp
//
// One exchange of CurlTransport: its request as a curl handle, and what curl says about it as events.
//
// Threads:   confined to the transport's thread, except `cancel`.
// Ownership: owns the curl handle; what `prepare` is given outlives it.
// Invariant: `on_end` is posted once, and nothing after it.
#pragma once

#include <curl/curl.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/http/resolver.hpp"
#include "connectors/http/transport.hpp"
#include "connectors/http/trust_store.hpp"

namespace mnema {

class CurlExchange final : public HttpTransport::Exchange, public std::enable_shared_from_this<CurlExchange> {
 public:
  using Cut = std::function<void(std::shared_ptr<CurlExchange>)>;

  /// `cut` brings a wish to cancel to the transport's thread.
  CurlExchange(TransportRequest request, Executor& reply_to, TransportEvents events, const Clock& clock, Cut cut);
  ~CurlExchange() override;

  void cancel() override { cut_(shared_from_this()); }

  /// The handle, ready to be added to a multi handle; null: curl has no memory. `proxy` may be none.
  [[nodiscard]] CURL* prepare(const Addresses& addresses, const std::optional<HttpUrl>& proxy, const TrustStore& trust,
                              Duration idle_connection_time);
  /// What curl's `result` means: none is a whole answer.
  [[nodiscard]] std::optional<TransportFailure> outcome(CURLcode result) const;
  /// The last event; releases the handle, which no multi handle holds any more.
  void end(std::optional<TransportFailure> failure);

  /// When it has waited too long for what it waits for now, unless something happens.
  [[nodiscard]] MonotonicTime expires() const;
  [[nodiscard]] TransportFailure expiry() const;
  /// The peer may have seen a byte of the request.
  [[nodiscard]] bool has_left() const { return left_; }
  [[nodiscard]] bool has_ended() const { return ended_; }
  [[nodiscard]] CURL* handle() const { return handle_; }
  [[nodiscard]] const HttpUrl& url() const { return request_.url; }

  std::uint64_t resolving = 0;  // what Resolver::forget takes

 private:
  struct Callbacks;
  void set_request();
  void on_header_line(std::string_view line);

  TransportRequest request_;
  Executor& reply_to_;
  const std::shared_ptr<const TransportEvents> events_;
  const Clock& clock_;
  const Cut cut_;
  const MonotonicTime started_;

  CURL* handle_ = nullptr;
  curl_slist* lines_ = nullptr;    // request headers
  curl_slist* resolve_ = nullptr;  // "host:port:address,address"
  std::array<char, CURL_ERROR_SIZE> error_text_{};

  bool left_ = false;
  bool too_late_ = false;
  bool too_large_ = false;
  bool head_told_ = false;
  bool is_whole_ = false;  // nothing follows the head
  bool ended_ = false;
  int status_ = 0;
  HttpHeaders headers_;
  std::int64_t header_bytes_ = 0;
  std::int64_t body_bytes_ = 0;
  curl_off_t moved_ = 0;  // bytes up and down, as curl counts them
  MonotonicTime active_at_;
};

}  // namespace mnema

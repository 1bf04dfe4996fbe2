#include "connectors/http/curl_exchange.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace mnema {
namespace {

// All header lines of an exchange in sum: interim answers, head and trailers.
constexpr std::int64_t kHeaderBytesMax = 256 << 10;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r' || text.back() == '\n')) {
    text.remove_suffix(1);
  }
  return text;
}

/// Where the connection goes, as curl writes it: "example.com:443:192.0.2.1,[2001:db8::1]".
std::string resolve_entry(const HttpUrl& peer, const Addresses& addresses) {
  std::string entry = peer.host + ":" + std::to_string(peer.port) + ":";
  for (const std::string& address : addresses) {
    if (!entry.ends_with(':')) entry += ',';
    entry += address.find(':') == std::string::npos ? address : "[" + address + "]";
  }
  return entry;
}

}  // namespace

/// curl's side of the exchange; all run inside curl_multi_perform.
struct CurlExchange::Callbacks {
  static CurlExchange& of(void* self) { return *static_cast<CurlExchange*>(self); }

  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
    CurlExchange& exchange = of(self);
    const std::string_view line(bytes, size * count);
    exchange.active_at_ = exchange.clock_.monotonic_now();
    exchange.header_bytes_ += static_cast<std::int64_t>(line.size());
    if (exchange.header_bytes_ > kHeaderBytesMax) {
      exchange.too_large_ = true;
      return 0;
    }
    exchange.on_header_line(line);
    return exchange.is_whole_ ? 0 : line.size();
  }

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    CurlExchange& exchange = of(self);
    const std::string_view piece(bytes, size * count);
    exchange.active_at_ = exchange.clock_.monotonic_now();
    exchange.body_bytes_ += static_cast<std::int64_t>(piece.size());
    if (exchange.body_bytes_ > exchange.request_.body_bytes_max) {
      exchange.too_large_ = true;
      return 0;
    }
    exchange.reply_to_.post([events = exchange.events_, bytes = std::string(piece)]() mutable {
      if (events->on_body) events->on_body(std::move(bytes));
    });
    return piece.size();
  }

  /// Connected, and about to write the request.
  static int before_request(void* self, char*, char*, int, int) {
    CurlExchange& exchange = of(self);
    const MonotonicTime now = exchange.clock_.monotonic_now();
    if (exchange.request_.leave_by && now > *exchange.request_.leave_by) {
      exchange.too_late_ = true;
      return CURL_PREREQFUNC_ABORT;
    }
    exchange.left_ = true;
    exchange.active_at_ = now;
    return CURL_PREREQFUNC_OK;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
    CurlExchange& exchange = of(self);
    if (std::exchange(exchange.moved_, down + up) != down + up) exchange.active_at_ = exchange.clock_.monotonic_now();
    return 0;
  }

  /// curl 7.88 opens sockets that child processes inherit, which would keep a connection open that we have closed.
  static curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  static CURLcode on_tls_context(CURL*, void* context, void* trust) {
    static_cast<const TrustStore*>(trust)->use_for(static_cast<SSL_CTX*>(context));
    return CURLE_OK;
  }
};

CurlExchange::CurlExchange(TransportRequest request, Executor& reply_to, TransportEvents events, const Clock& clock,
                           Cut cut)
    : request_(std::move(request)),
      reply_to_(reply_to),
      events_(std::make_shared<const TransportEvents>(std::move(events))),
      clock_(clock),
      cut_(std::move(cut)),
      started_(clock.monotonic_now()),
      active_at_(started_) {}

CurlExchange::~CurlExchange() {
  curl_easy_cleanup(handle_);
  curl_slist_free_all(lines_);
  curl_slist_free_all(resolve_);
}

CURL* CurlExchange::prepare(const Addresses& addresses, const std::optional<HttpUrl>& proxy, const TrustStore& trust,
                            Duration idle_connection_time) {
  handle_ = curl_easy_init();
  if (handle_ == nullptr) return nullptr;
  auto set = [this](CURLoption option, auto value) { curl_easy_setopt(handle_, option, value); };
  set(CURLOPT_ERRORBUFFER, error_text_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PATH_AS_IS, 1L);
  const std::string url = request_.url.origin() + (request_.url.path.empty() ? "/" : request_.url.path);
  set(CURLOPT_URL, url.c_str());
  // curl reads the environment for both unless told otherwise.
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_PROXY, proxy ? proxy->origin().c_str() : "");
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  // With its entry for the peer curl never starts a resolver of its own, whose thread it would wait for at a cancel.
  resolve_ = curl_slist_append(nullptr, resolve_entry(proxy ? *proxy : request_.url, addresses).c_str());
  set(CURLOPT_RESOLVE, resolve_);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(request_.connect_timeout).count()));
  set(CURLOPT_FRESH_CONNECT, request_.fresh_connection ? 1L : 0L);
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(idle_connection_time).count()));
  set(CURLOPT_OPENSOCKETFUNCTION, &Callbacks::open_socket);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
  set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  set(CURLOPT_SSL_CTX_FUNCTION, &Callbacks::on_tls_context);
  set(CURLOPT_SSL_CTX_DATA, &trust);
  set(CURLOPT_ACCEPT_ENCODING, "");  // all that it can decode
  set(CURLOPT_HEADERFUNCTION, &Callbacks::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Callbacks::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &Callbacks::before_request);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Callbacks::on_progress);
  set(CURLOPT_XFERINFODATA, this);
  set_request();
  return handle_;
}

void CurlExchange::set_request() {
  auto set = [this](CURLoption option, auto value) { curl_easy_setopt(handle_, option, value); };
  auto add = [this](const std::string& line) { lines_ = curl_slist_append(lines_, line.c_str()); };
  for (const auto& [name, value] : request_.headers) add(trimmed(value).empty() ? name + ";" : name + ": " + value);
  // Without these curl adds fields of its own, and waits a second for "100 Continue" before a large body.
  add("Expect:");
  if (!request_.headers.has("content-type")) add("Content-Type:");
  set(CURLOPT_HTTPHEADER, lines_);
  const bool has_body = !request_.body.empty() || (request_.method != "GET" && request_.method != "HEAD" &&
                                                   request_.method != "OPTIONS" && request_.method != "DELETE");
  if (has_body) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, request_.body.data());
  }
  if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

void CurlExchange::on_header_line(std::string_view line) {
  if (head_told_) return;  // trailers
  if (line.starts_with("HTTP/")) {
    headers_ = {};
    status_ = 0;
    const std::string_view rest = trimmed(line.substr(std::min(line.size(), line.find(' '))));
    std::from_chars(rest.data(), rest.data() + rest.size(), status_);
    return;
  }
  const std::string_view text = trimmed(line);
  if (text.empty()) {
    if (status_ < 200) return;  // interim: the answer is still to come
    head_told_ = true;
    is_whole_ = status_ == 205;  // curl would read its absent body until the peer closes
    reply_to_.post([events = events_, status = status_, headers = std::move(headers_)]() mutable {
      if (events->on_head) events->on_head(status, std::move(headers));
    });
    return;
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return;
  headers_.add(std::string(trimmed(text.substr(0, colon))), std::string(trimmed(text.substr(colon + 1))));
}

std::optional<TransportFailure> CurlExchange::outcome(CURLcode result) const {
  using Kind = TransportFailure::Kind;
  if (is_whole_ || (result == CURLE_OK && head_told_)) return std::nullopt;
  if (too_large_) return TransportFailure{Kind::kTooLarge, left_, "the answer is too large"};
  if (too_late_) {
    return TransportFailure{left_ ? Kind::kBroken : Kind::kNotSent, left_,
                            "the connection took longer than the permit"};
  }
  std::string text = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(result);
  if (result == CURLE_OK) text = "the answer has no final status";
  if (left_) return TransportFailure{Kind::kBroken, true, "the answer did not come whole: " + text};
  const bool is_untrusted = result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_ISSUER_ERROR;
  return TransportFailure{is_untrusted ? Kind::kUntrusted : Kind::kNotSent, false, std::move(text)};
}

void CurlExchange::end(std::optional<TransportFailure> failure) {
  if (std::exchange(ended_, true)) return;
  // Here, and not wherever the last owner happens to be: the handle belongs to this thread.
  curl_easy_cleanup(std::exchange(handle_, nullptr));
  reply_to_.post([events = events_, failure = std::move(failure)]() mutable {
    if (events->on_end) events->on_end(std::move(failure));
  });
}

MonotonicTime CurlExchange::expires() const {
  return left_ ? active_at_ + request_.idle_timeout : started_ + request_.connect_timeout;
}

TransportFailure CurlExchange::expiry() const {
  if (left_) return {TransportFailure::Kind::kBroken, true, "the answer did not come whole: silence for too long"};
  return {TransportFailure::Kind::kNotSent, false,
          handle_ == nullptr ? "the name '" + request_.url.host + "' was not resolved in time"
                             : "no connection to " + request_.url.host + " in time"};
}

}  // namespace mnema

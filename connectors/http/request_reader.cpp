#include "connectors/http/request_reader.hpp"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include "connectors/http/request_body.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace http = boost::beast::http;
namespace {

constexpr long kRetryAfterMs = 1'000;

/// The authority of an absolute target and what follows it, or none for another form of target.
struct AbsoluteTarget {
  std::string_view authority;
  std::string_view rest;  // "/path?query", or "?query", or ""
};
std::optional<AbsoluteTarget> absolute(std::string_view target) {
  const std::size_t colon = target.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = target.substr(0, colon);
  if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) return std::nullopt;
  target.remove_prefix(colon + 3);
  const std::size_t end = std::min(target.size(), target.find_first_of("/?#"));
  return AbsoluteTarget{target.substr(0, end), target.substr(end)};
}

}  // namespace

struct HttpRequestReader::Parser {
  http::request_parser<RequestBody> beast;
};

HttpRequestReader::HttpRequestReader(const Limits& limits, BodyBudget& budget) : limits_(limits), budget_(budget) {
  next();
}
HttpRequestReader::~HttpRequestReader() = default;

void HttpRequestReader::next() {
  parser_ = std::make_unique<Parser>();
  parser_->beast.header_limit(static_cast<std::uint32_t>(limits_.http_header_bytes_max));
  parser_->beast.body_limit(static_cast<std::uint64_t>(limits_.http_body_bytes_max));
  parser_->beast.eager(true);
  parser_->beast.get().body().budget = &budget_;
  parser_->beast.get().body().bytes_max = static_cast<std::size_t>(limits_.http_body_bytes_max);
  framing_checked_ = false;
  request_.reset();
}

bool HttpRequestReader::header_done() const { return parser_->beast.is_header_done(); }
bool HttpRequestReader::keep_alive() const { return parser_->beast.keep_alive(); }
bool HttpRequestReader::is_http_1_0() const { return parser_->beast.get().version() < 11; }

bool HttpRequestReader::expects_continue() const {
  return header_done() && !is_http_1_0() &&
         equal_ignoring_case(parser_->beast.get()[http::field::expect], "100-continue");
}

HttpRequestReader::Step HttpRequestReader::refuse(int status, ErrorCode code, std::string message, std::string hint) {
  refusal_ = Refusal{status, fail(code, std::move(message), std::move(hint))};
  drop_body();
  return Step::kRefused;
}

void HttpRequestReader::drop_body() {
  RequestBody::value_type& body = parser_->beast.get().body();
  std::string().swap(body.bytes);
  body.lease.reset();
}

HttpRequestReader::Step HttpRequestReader::feed(std::string& input) {
  CHECK(!request_.has_value(), "the last request was taken and next() called");
  if (refusal_) return Step::kRefused;
  // Blank lines before a request line are skipped, as RFC 9112 §2.2 asks.
  if (!parser_->beast.got_some() && !header_done()) {
    std::size_t start = input.find_first_not_of("\r\n");
    input.erase(0, start == std::string::npos ? input.size() : start);
  }
  boost::system::error_code error;
  std::size_t used = 0;
  while (used < input.size() && !parser_->beast.is_done()) {
    std::size_t taken = parser_->beast.put(boost::asio::buffer(input.data() + used, input.size() - used), error);
    used += taken;
    if (error || taken == 0) break;
  }
  input.erase(0, used);
  if (error && error != http::error::need_more) {
    if (error == http::error::header_limit) {
      return refuse(431, ErrorCode::kInvalidArgument,
                    "the request header is larger than " + std::to_string(limits_.http_header_bytes_max) + " bytes",
                    "send fewer or shorter header fields");
    }
    if (parser_->beast.get().body().over_budget) {
      refusal_ = Refusal{
          503, fail_retryable(ErrorCode::kResourceExhausted,
                              "the requests being received hold all the memory that bodies may take",
                              "send it again later; [limits] http_bodies_bytes_max is the bound", kRetryAfterMs)};
      drop_body();
      return Step::kRefused;
    }
    if (parser_->beast.get().body().broken) {
      return refuse(400, ErrorCode::kInvalidArgument,
                    "the request body is not what its Content-Encoding '" +
                        std::string(parser_->beast.get()[http::field::content_encoding]) + "' says, or ends too early",
                    "compress it again, or send it as it is");
    }
    if (parser_->beast.get().body().too_large) {
      return refuse(413, ErrorCode::kInvalidArgument,
                    "the request body is larger than " + std::to_string(limits_.http_body_bytes_max) +
                        " bytes when it is decompressed",
                    "send less, or raise http_body_bytes_max");
    }
    if (error == http::error::body_limit) {
      return refuse(413, ErrorCode::kInvalidArgument,
                    "the request body is larger than " + std::to_string(limits_.http_body_bytes_max) + " bytes",
                    "send less, or raise http_body_bytes_max");
    }
    if (error == http::error::bad_version) {
      return refuse(505, ErrorCode::kUnsupported, "the request is not HTTP/1.0 or HTTP/1.1", "");
    }
    return refuse(400, ErrorCode::kInvalidArgument, "the request is not valid HTTP: " + error.message(), "");
  }
  if (header_done() && !framing_checked_) {
    framing_checked_ = true;
    if (check_framing() == Step::kRefused) return Step::kRefused;
  }
  if (parser_->beast.is_done()) return check_request();
  // Beast takes a chunk's line and the trailers only whole, and bounds neither.
  if (input.size() > static_cast<std::size_t>(limits_.http_header_bytes_max)) {
    return refuse(431, ErrorCode::kInvalidArgument,
                  "a chunk's line or the trailers of the request are larger than " +
                      std::to_string(limits_.http_header_bytes_max) + " bytes",
                  "send no chunk extensions and fewer trailers");
  }
  return Step::kNeedMore;
}

HttpRequestReader::Step HttpRequestReader::check_framing() {
  const auto& message = parser_->beast.get();
  const std::string_view content_coding = message[http::field::content_encoding];
  const bool is_coded = !content_coding.empty() && !equal_ignoring_case(content_coding, "identity");
  const bool is_known = message.count(http::field::content_encoding) < 2 && ContentDecoder::knows(content_coding);
  if (is_coded && !is_known) {
    return refuse(415, ErrorCode::kUnsupported,
                  "the request body has Content-Encoding '" + std::string(content_coding) + "'",
                  "send it as gzip, as deflate, or as it is");
  }
  int codings = 0;
  bool chunked = false;
  for (const auto& field : message) {
    if (field.name() != http::field::transfer_encoding) continue;
    ++codings;
    chunked = equal_ignoring_case(field.value(), "chunked");
  }
  if (codings == 0) return Step::kNeedMore;
  if (codings == 1 && chunked && !is_http_1_0() && message.count(http::field::content_length) == 0) {
    return Step::kNeedMore;
  }
  return refuse(400, ErrorCode::kInvalidArgument,
                "the request does not say clearly where its body ends: Transfer-Encoding is something else than "
                "'chunked', or comes with Content-Length or HTTP/1.0",
                "send either Content-Length or 'Transfer-Encoding: chunked'");
}

HttpRequestReader::Step HttpRequestReader::check_target(HttpRequest& request) {
  if (request.method == "CONNECT") {
    return refuse(501, ErrorCode::kUnsupported, "CONNECT is for proxies, and this server is none",
                  "check the client's proxy settings");
  }
  std::string_view target = request.target;
  const auto whole = absolute(target);
  if (whole) {
    if (whole->authority.empty() || whole->authority.find('@') != std::string_view::npos) {
      return refuse(400, ErrorCode::kInvalidArgument, "the request target has no host, or a user before it",
                    "send http://HOST/PATH, or the path alone");
    }
    request.headers.set("host", std::string(whole->authority));
    target = whole->rest;
  }
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  if (question != std::string_view::npos) request.query = std::string(target.substr(question + 1));
  std::string_view raw = target.substr(0, question);
  if (whole && raw.empty()) raw = "/";
  const auto path = percent_decode(raw, false);
  const bool is_asterisk = path && *path == "*" && request.method == "OPTIONS";
  if (!path || path->empty() || ((*path)[0] != '/' && !is_asterisk)) {
    return refuse(400, ErrorCode::kInvalidArgument, "the request target is not a path", "begin it with '/'");
  }
  request.path = *path;
  return Step::kRequest;
}

HttpRequestReader::Step HttpRequestReader::check_request() {
  auto& message = parser_->beast.get();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  int hosts = 0;
  for (const auto& field : message) {
    // Whoever reads them next to the decoded body would decode it again.
    const bool of_coded = message.body().decoder && (field.name() == http::field::content_encoding ||
                                                     field.name() == http::field::content_length);
    if (!of_coded) request.headers.add(std::string(field.name_string()), std::string(field.value()));
    if (field.name() == http::field::host) ++hosts;
  }
  if (hosts > 1 || (hosts == 0 && !is_http_1_0())) {
    return refuse(400, ErrorCode::kInvalidArgument, "the request has not exactly one Host header", "");
  }
  if (check_target(request) == Step::kRefused) return Step::kRefused;
  request.body = std::move(message.body().bytes);
  request_ = std::move(request);
  return Step::kRequest;
}

std::unique_ptr<BodyBudget::Lease> HttpRequestReader::take_lease() {
  return std::move(parser_->beast.get().body().lease);
}

HttpRequest HttpRequestReader::take_request() {
  CHECK(request_.has_value(), "a request is complete");
  HttpRequest request = std::move(*request_);
  request_.reset();
  return request;
}

}  // namespace mnema

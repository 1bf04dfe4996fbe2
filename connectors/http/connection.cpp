#include "connectors/http/connection.hpp"

#include <algorithm>
#include <cctype>
#include <exception>
#include <span>

#include "connectors/http/cors.hpp"
#include "connectors/http/date.hpp"
#include "connectors/http/error_body.hpp"
#include "connectors/http/host_check.hpp"
#include "connectors/http/wire.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr int kDrainMs = 2'000;
constexpr std::size_t kDrainBytesMax = 16 << 20;
constexpr std::size_t kPiecesMax = 16;

/// A client's own request id is echoed if it can stand in a log line. It is a label, never anybody's identity.
bool is_usable_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

}  // namespace

/// The handler's end of one request; everything it is told, it tells the connection on the loop thread.
class HttpConnection::Exchange final : public HttpExchange {
 public:
  Exchange(std::shared_ptr<HttpConnection> connection, std::uint64_t number, std::shared_ptr<std::atomic<bool>> gone,
           std::unique_ptr<BodyBudget::Lease> body)
      : connection_(std::move(connection)), number_(number), gone_(std::move(gone)), body_(std::move(body)) {}

  ~Exchange() override {
    if (ended_) return;
    tell([number = number_](HttpConnection& connection) { connection.abandon(number); });
  }

  void respond(HttpResponse response) override {
    if (begun_.exchange(true)) return;
    ended_ = true;
    tell([number = number_, response = std::move(response)](HttpConnection& connection) mutable {
      connection.respond(number, std::move(response));
    });
  }

  void begin_stream(int status, HttpHeaders headers) override {
    if (begun_.exchange(true)) return;
    streaming_ = true;
    tell([number = number_, status, headers = std::move(headers)](HttpConnection& connection) mutable {
      connection.begin_stream(number, status, std::move(headers));
    });
  }

  void write(std::string bytes, std::function<void(bool)> written) override {
    CHECK(streaming_ && !ended_, "write stands between begin_stream and end_stream");
    tell([number = number_, bytes = std::move(bytes), written = std::move(written)](
             HttpConnection& connection) mutable { connection.write(number, std::move(bytes), std::move(written)); });
  }

  void end_stream() override {
    CHECK(streaming_, "end_stream follows begin_stream");
    if (ended_.exchange(true)) return;
    tell([number = number_](HttpConnection& connection) { connection.end_stream(number); });
  }

  void on_disconnect(std::function<void()> callback) override {
    tell([number = number_, callback = std::move(callback)](HttpConnection& connection) mutable {
      connection.watch(number, std::move(callback));
    });
  }

  bool disconnected() const override { return gone_->load(std::memory_order_acquire); }

 private:
  template <class Work>
  void tell(Work work) {
    connection_->context_->loop.post(
        [connection = connection_, work = std::move(work)]() mutable { work(*connection); });
  }

  const std::shared_ptr<HttpConnection> connection_;
  const std::uint64_t number_;
  const std::shared_ptr<std::atomic<bool>> gone_;
  const std::unique_ptr<BodyBudget::Lease> body_;  // the handler may hold the body as long as the exchange
  std::atomic<bool> begun_{false};
  std::atomic<bool> streaming_{false};
  std::atomic<bool> ended_{false};
};

HttpConnection::HttpConnection(std::shared_ptr<HttpConnectionContext> context, std::unique_ptr<Stream> stream)
    : context_(std::move(context)), stream_(std::move(stream)), reader_(context_->limits, context_->bodies) {}

void HttpConnection::start() {
  set_read_deadline(context_->limits.http_header_timeout_ms);
  stream_->open([self = shared_from_this()](long result) {
    if (self->phase_ != Phase::kOpening) return;
    if (result <= 0) return self->close();
    self->phase_ = Phase::kIdle;
    self->read();
  });
}

void HttpConnection::close_when_idle() {
  close_after_answer_ = true;
  if (phase_ == Phase::kIdle || phase_ == Phase::kOpening) close();
}

void HttpConnection::close() {
  if (phase_ == Phase::kClosed) return;
  if (phase_ == Phase::kAnswering && !ending_) {
    context_->disconnects.fetch_add(1, std::memory_order_relaxed);
    gone_->store(true, std::memory_order_release);
  }
  auto callbacks = std::move(on_disconnect_);  // empty once the answer is complete
  on_disconnect_.clear();
  phase_ = Phase::kClosed;
  reader_.drop_body();
  read_deadline_.reset();
  write_deadline_.reset();
  stream_->close();
  auto dropped = std::move(outgoing_);
  outgoing_.clear();
  outgoing_bytes_ = 0;
  auto self = shared_from_this();
  context_->on_closed(*this);
  for (Outgoing& outgoing : dropped) {
    if (outgoing.written) outgoing.written(false);
  }
  for (auto& callback : callbacks) callback();
}

// ---- in

void HttpConnection::read() {
  // While an answer is made, pipelined requests are taken in only so far.
  bool full = input_.size() >= static_cast<std::size_t>(context_->limits.http_header_bytes_max);
  if (reading_ || phase_ == Phase::kClosed || (phase_ == Phase::kAnswering && full)) return;
  reading_ = true;
  stream_->read_some(read_buffer_, [self = shared_from_this()](long result) {
    self->reading_ = false;
    self->on_read(result);
  });
}

void HttpConnection::on_read(long result) {
  if (phase_ == Phase::kClosed) return;
  if (result <= 0) return client_gone();
  if (phase_ == Phase::kDraining) {
    drained_bytes_ += static_cast<std::size_t>(result);
    if (drained_bytes_ > kDrainBytesMax) return close();
    return read();
  }
  input_.append(read_buffer_.data(), static_cast<std::size_t>(result));
  if (phase_ != Phase::kAnswering) receive();
  read();
}

void HttpConnection::receive() {
  if (phase_ == Phase::kIdle && !input_.empty()) {
    phase_ = Phase::kReceiving;
    continue_sent_ = false;
    set_read_deadline(context_->limits.http_header_timeout_ms);
  }
  if (phase_ != Phase::kReceiving) return;
  bool header_was_done = reader_.header_done();
  switch (reader_.feed(input_)) {
    case HttpRequestReader::Step::kNeedMore:
      if (!reader_.header_done()) return;
      if (!header_was_done) set_read_deadline(context_->limits.http_body_timeout_ms);
      if (reader_.expects_continue() && !continue_sent_) {
        continue_sent_ = true;
        send("HTTP/1.1 100 Continue\r\n\r\n", {});
      }
      return;
    case HttpRequestReader::Step::kRefused:
      return refuse(reader_.refusal());
    case HttpRequestReader::Step::kRequest:
      return answer(reader_.take_request());
  }
}

void HttpConnection::answer(HttpRequest request) {
  phase_ = Phase::kAnswering;
  set_read_deadline(std::nullopt);
  context_->requests.fetch_add(1, std::memory_order_relaxed);
  ++exchange_number_;
  streaming_ = false;
  ending_ = false;
  head_only_ = request.method == "HEAD";
  gone_ = std::make_shared<std::atomic<bool>>(false);
  if (!reader_.keep_alive()) close_after_answer_ = true;

  std::string_view id = request.headers.get("x-request-id");
  request_id_ = is_usable_request_id(id) ? std::string(id) : "req_" + context_->random.uuid();
  request.id = request_id_;
  request.peer = stream_->peer();

  auto exchange = std::make_shared<Exchange>(shared_from_this(), exchange_number_, gone_, reader_.take_lease());
  const HttpServerOptions& options = context_->options;
  if (is_loopback_host(options.host) && !options.foreign_hosts) {
    if (Status ours = check_loopback_host(request); !ours.ok()) return exchange->respond(error_response(ours.error()));
  }
  if (Status allowed = check_origin(request, options.cors_origin); !allowed.ok()) {
    return exchange->respond(error_response(allowed.error()));
  }
  if (is_preflight(request)) return exchange->respond(preflight_response(request));
  try {
    context_->handler(std::move(request), exchange);
  } catch (const std::exception& exception) {
    exchange->respond(
        error_response(fail(ErrorCode::kInternal, std::string("the handler failed: ") + exception.what())));
  }
}

void HttpConnection::refuse(const HttpRequestReader::Refusal& refusal) {
  phase_ = Phase::kAnswering;
  context_->refusals.fetch_add(1, std::memory_order_relaxed);
  reader_.drop_body();
  set_read_deadline(std::nullopt);
  ++exchange_number_;
  streaming_ = false;
  ending_ = false;
  head_only_ = false;
  close_after_answer_ = true;
  input_.clear();
  gone_ = std::make_shared<std::atomic<bool>>(false);
  request_id_ = "req_" + context_->random.uuid();
  respond(exchange_number_, error_response(refusal.status, refusal.error));
}

// ---- out

void HttpConnection::complete_headers(HttpHeaders& headers) const {
  headers.set("date", http_date(context_->clock.now()));
  headers.set("server", context_->options.server_name);
  headers.set("x-request-id", request_id_);
  add_cors_headers(headers, context_->options.cors_origin);
}

void HttpConnection::respond(std::uint64_t number, HttpResponse response) {
  if (number != exchange_number_ || phase_ != Phase::kAnswering || streaming_ || ending_) return;
  ending_ = true;
  on_disconnect_.clear();
  complete_headers(response.headers);
  ResponseFraming framing;
  framing.http_1_0 = reader_.is_http_1_0();
  framing.close = close_after_answer_;
  framing.body_bytes = response.body.size();
  std::string head = response_head(response.status, response.headers, framing);
  bool has_body = !head_only_ && !response.body.empty() && response.status != 204 && response.status != 304;
  send(std::move(head), {});
  if (has_body) send(std::move(response.body), {});
}

void HttpConnection::begin_stream(std::uint64_t number, int status, HttpHeaders headers) {
  if (number != exchange_number_ || phase_ != Phase::kAnswering || streaming_ || ending_) return;
  streaming_ = true;
  complete_headers(headers);
  ResponseFraming framing;
  framing.http_1_0 = reader_.is_http_1_0();
  chunked_ = !framing.http_1_0;
  if (!chunked_) close_after_answer_ = true;
  framing.close = close_after_answer_;
  send(response_head(status, headers, framing), {});
}

void HttpConnection::write(std::uint64_t number, std::string bytes, std::function<void(bool)> written) {
  if (number != exchange_number_ || phase_ != Phase::kAnswering || !streaming_ || ending_) {
    if (written) written(false);
    return;
  }
  if (bytes.empty() || head_only_) {
    if (written) written(true);
    return;
  }
  if (outgoing_bytes_ + bytes.size() > static_cast<std::size_t>(context_->limits.http_stream_buffer_bytes_max)) {
    if (written) written(false);
    return close();
  }
  send(chunked_ ? chunk(bytes) : std::move(bytes), std::move(written));
}

void HttpConnection::end_stream(std::uint64_t number) {
  if (number != exchange_number_ || phase_ != Phase::kAnswering || !streaming_ || ending_) return;
  ending_ = true;
  on_disconnect_.clear();
  if (chunked_ && !head_only_) {
    send(std::string(kLastChunk), {});
  } else if (outgoing_.empty()) {
    answered();
  }
}

void HttpConnection::watch(std::uint64_t number, std::function<void()> callback) {
  if (number != exchange_number_) return;
  if (phase_ == Phase::kAnswering && !ending_) {
    on_disconnect_.push_back(std::move(callback));
  } else if (phase_ == Phase::kClosed && gone_->load(std::memory_order_acquire)) {
    callback();
  }
}

void HttpConnection::abandon(std::uint64_t number) {
  if (number != exchange_number_ || phase_ != Phase::kAnswering || ending_) return;
  // A stream that was begun cannot be turned into an error any more; cutting it tells the client that it is not whole.
  if (streaming_) return close();
  respond(number, error_response(fail(ErrorCode::kInternal, "the request was dropped without an answer",
                                      "this is a bug of the handler; see the log for " + request_id_)));
}

void HttpConnection::send(std::string bytes, std::function<void(bool)> written) {
  outgoing_bytes_ += bytes.size();
  outgoing_.push_back(Outgoing{std::move(bytes), 0, std::move(written)});
  flush();
}

void HttpConnection::flush() {
  if (writing_ || outgoing_.empty() || phase_ == Phase::kClosed) return;
  writing_ = true;
  std::array<std::string_view, kPiecesMax> pieces;
  std::size_t count = std::min(outgoing_.size(), pieces.size());
  for (std::size_t i = 0; i < count; ++i) pieces[i] = std::string_view(outgoing_[i].bytes).substr(outgoing_[i].sent);
  write_deadline_ = context_->clock.monotonic_now() + std::chrono::milliseconds(context_->limits.http_write_timeout_ms);
  watch_deadlines();
  stream_->write_some(std::span(pieces).first(count), [self = shared_from_this()](long result) {
    self->writing_ = false;
    self->on_written(result);
  });
}

void HttpConnection::on_written(long result) {
  if (phase_ == Phase::kClosed) return;
  write_deadline_.reset();
  if (result <= 0) return close();
  auto bytes = static_cast<std::size_t>(result);
  outgoing_bytes_ -= bytes;
  while (bytes > 0) {
    Outgoing& front = outgoing_.front();
    std::size_t taken = std::min(bytes, front.bytes.size() - front.sent);
    front.sent += taken;
    bytes -= taken;
    if (front.sent < front.bytes.size()) break;
    auto written = std::move(front.written);
    outgoing_.pop_front();
    if (written) written(true);
    if (phase_ == Phase::kClosed) return;
  }
  if (!outgoing_.empty()) return flush();
  if (ending_ && phase_ == Phase::kAnswering) answered();
}

void HttpConnection::answered() {
  if (close_after_answer_) return drain();
  phase_ = Phase::kIdle;
  ending_ = false;
  streaming_ = false;
  reader_.next();
  set_read_deadline(context_->limits.http_idle_timeout_ms);
  receive();
  read();
}

void HttpConnection::drain() {
  phase_ = Phase::kDraining;
  input_.clear();
  stream_->finish_sending();
  set_read_deadline(kDrainMs);
  read();
}

void HttpConnection::client_gone() {
  // The whole answer is on its way: a client that has finished sending may still read it.
  if (phase_ == Phase::kAnswering && ending_) {
    close_after_answer_ = true;
    return;
  }
  close();
}

// ---- deadlines: one lazy wake-up for both, so that a busy stream re-arms no timer per token

void HttpConnection::set_read_deadline(std::optional<int> milliseconds) {
  read_deadline_.reset();
  if (!milliseconds) return;
  read_deadline_ = context_->clock.monotonic_now() + std::chrono::milliseconds(*milliseconds);
  watch_deadlines();
}

void HttpConnection::watch_deadlines() {
  std::optional<MonotonicTime> next = read_deadline_;
  if (write_deadline_ && (!next || *write_deadline_ < *next)) next = write_deadline_;
  if (!next || (wake_at_ && *wake_at_ <= *next)) return;
  wake_at_ = next;
  Duration delay = std::max(Duration::zero(), *next - context_->clock.monotonic_now());
  context_->loop.post_after(delay, [weak = weak_from_this(), at = *next] {
    auto self = weak.lock();
    if (!self || self->phase_ == Phase::kClosed) return;
    if (self->wake_at_ == at) self->wake_at_.reset();
    self->check_deadlines();
  });
}

void HttpConnection::check_deadlines() {
  MonotonicTime now = context_->clock.monotonic_now();
  if ((read_deadline_ && *read_deadline_ <= now) || (write_deadline_ && *write_deadline_ <= now)) {
    if (phase_ == Phase::kReceiving && reader_.header_done() && read_deadline_ && *read_deadline_ <= now) {
      read_deadline_.reset();
      HttpRequestReader::Refusal refusal{408,
                                         fail(ErrorCode::kDeadlineExceeded, "the request body did not come in time",
                                              "send it faster, or raise http_body_timeout_ms in [limits]")};
      return refuse(refusal);
    }
    return close();
  }
  watch_deadlines();
}

}  // namespace mnema

// connectors/http/connection.hpp
//
// One client's connection: requests in, answers out, in order, over a byte stream. It names neither sockets nor Asio,
// so that the same code runs over memory under the simulation executor.
//
//   opening → idle → receiving → answering → idle ...        a request at a time; pipelined ones wait in the buffer
//                        ↓ refused    ↓ close
//                     draining → closed                      reads on for a moment, so that the answer is not lost to
//                                                            a reset by bytes the client was still sending
//
// One read is always outstanding (unless the buffer of pipelined bytes is full), so that a client that goes while its
// answer is being made is noticed at once.
//
// Threads:   everything on the loop executor; exchanges post themselves there.
// Ownership: kept alive by outstanding reads, writes and exchanges.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/http/body_budget.hpp"
#include "connectors/http/exchange.hpp"
#include "connectors/http/request_reader.hpp"
#include "connectors/http/server.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/stream.hpp"

namespace mnema {

/// What the connections of one server share.
struct HttpConnectionContext {
  Executor& loop;
  const Clock& clock;
  Random& random;  // used on the loop thread only
  const Limits limits;
  HttpServerOptions options;
  HttpHandler handler;
  std::function<void(class HttpConnection&)> on_closed;
  BodyBudget bodies{limits};
  std::atomic<long long> requests{0};
  std::atomic<long long> refusals{0};
  std::atomic<long long> disconnects{0};
};

class HttpConnection final : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<HttpConnectionContext> context, std::unique_ptr<Stream> stream);

  void start();
  /// Closes now if idle, else after the answer in hand.
  void close_when_idle();
  void close();

 private:
  class Exchange;
  enum class Phase { kOpening, kIdle, kReceiving, kAnswering, kDraining, kClosed };

  void read();
  void on_read(long result);
  void receive();
  void answer(HttpRequest request);
  void refuse(const HttpRequestReader::Refusal& refusal);

  // Calls of exchange `number`; those of an earlier one come too late and are ignored.
  void respond(std::uint64_t number, HttpResponse response);
  void begin_stream(std::uint64_t number, int status, HttpHeaders headers);
  void write(std::uint64_t number, std::string bytes, std::function<void(bool)> written);
  void end_stream(std::uint64_t number);
  void watch(std::uint64_t number, std::function<void()> callback);
  void abandon(std::uint64_t number);

  void complete_headers(HttpHeaders& headers) const;
  void send(std::string bytes, std::function<void(bool)> written);
  void flush();
  void on_written(long result);
  void answered();
  void client_gone();
  void drain();

  void set_read_deadline(std::optional<int> milliseconds);
  void watch_deadlines();
  void check_deadlines();

  struct Outgoing {
    std::string bytes;
    std::size_t sent = 0;
    std::function<void(bool)> written;
  };

  const std::shared_ptr<HttpConnectionContext> context_;
  const std::unique_ptr<Stream> stream_;
  Phase phase_ = Phase::kOpening;
  bool close_after_answer_ = false;

  HttpRequestReader reader_;
  std::array<char, 4096> read_buffer_;
  std::string input_;  // bytes that were read and not yet parsed
  bool reading_ = false;
  bool continue_sent_ = false;
  std::size_t drained_bytes_ = 0;

  std::uint64_t exchange_number_ = 0;  // of the request in hand
  std::string request_id_;
  bool head_only_ = false;  // HEAD: no body
  bool streaming_ = false;
  bool chunked_ = false;
  bool ending_ = false;                               // the answer's last byte is queued
  std::vector<std::function<void()>> on_disconnect_;  // of the request in hand
  std::shared_ptr<std::atomic<bool>> gone_;           // shared with its exchange

  std::deque<Outgoing> outgoing_;
  std::size_t outgoing_bytes_ = 0;
  bool writing_ = false;

  std::optional<MonotonicTime> read_deadline_;
  std::optional<MonotonicTime> write_deadline_;
  std::optional<MonotonicTime> wake_at_;  // the earliest pending wake-up of check_deadlines
};

}  // namespace mnema

// runtime/exec/stream.hpp
//
// The seam below every protocol: bytes to and from one other side, over a socket, TLS, or memory in tests and the
// simulation.
//
// Threads:   every method and every callback on the executor the stream was made for. At most one read and one write
//            outstanding.
// Ownership: the user owns its stream; callbacks that are outstanding at `close` run later with `kClosed`.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/exec/executor.hpp"

namespace mnema {

class Stream {
 public:
  /// Bytes moved (> 0), `kEnd` when the other side has finished sending, `kClosed` when the stream is broken or closed.
  using Done = std::function<void(long result)>;
  static constexpr long kEnd = 0;
  static constexpr long kClosed = -1;

  virtual ~Stream() = default;

  /// Whatever must happen before bytes flow (the TLS handshake). `done(1)` or `done(kClosed)`.
  virtual void open(Done done) = 0;
  /// Reads at least one byte into `into`, which stays valid until `done`.
  virtual void read_some(std::span<char> into, Done done) = 0;
  /// Writes at least one byte of `pieces`, which stay valid until `done`. Precondition: not all are empty.
  virtual void write_some(std::span<const std::string_view> pieces, Done done) = 0;
  /// No byte will follow ours; reading goes on.
  virtual void finish_sending() = 0;
  /// Idempotent.
  virtual void close() = 0;
  [[nodiscard]] virtual std::string peer() const = 0;
};

/// Two ends of one connection in memory, on `executor`. Each direction holds at most `buffer_bytes`; a write into a
/// full one waits for the reader.
[[nodiscard]] std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_memory_streams(
    Executor& executor, std::size_t buffer_bytes = 4096);

}  // namespace mnema

// tests/agents/sim/http_client.hpp
//
// A client of our HTTP server over a memory stream: one request, in pieces, sometimes left in the middle; one answer,
// read until the server closes.
//
// Threads:   the simulation's one; stream callbacks on its "loop".
// Ownership: keeps itself alive while it reads or writes; `leave` ends that.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "runtime/exec/stream.hpp"
#include "runtime/sim/simulation_executor.hpp"

namespace mnema::testing {

struct ClientAnswer {
  int status = 0;     // 0: none came
  std::string bytes;  // with its head, as it came
  bool whole = false;
};

class HttpTestClient final : public std::enable_shared_from_this<HttpTestClient> {
 public:
  HttpTestClient(Simulation& simulation, std::unique_ptr<Stream> stream, std::string request,
                 std::function<void(const ClientAnswer&)> on_answer)
      : simulation_(simulation),
        stream_(std::move(stream)),
        request_(std::move(request)),
        on_answer_(std::move(on_answer)) {}

  void start() {
    write();
    read();
  }

  /// Closes the connection, whatever is under way.
  void leave() {
    on_answer_ = nullptr;
    if (!stream_) return;
    stream_->close();
    left_ = true;
  }
  [[nodiscard]] bool done() const { return left_ || !on_answer_; }

 private:
  void write() {
    if (left_ || sent_ == request_.size()) return;
    // A client whose packets come one by one.
    const std::size_t most = simulation_.random().below(4) == 0 ? 40 : 4096;
    const std::array<std::string_view, 1> pieces = {std::string_view(request_).substr(sent_, most)};
    stream_->write_some(pieces, [self = shared_from_this()](long result) {
      if (result <= 0) return;
      self->sent_ += static_cast<std::size_t>(result);
      self->write();
    });
  }

  void read() {
    if (left_) return;
    stream_->read_some(buffer_, [self = shared_from_this()](long count) {
      if (count > 0) {
        self->answer_.bytes.append(self->buffer_.data(), static_cast<std::size_t>(count));
        return self->read();
      }
      self->finish();
    });
  }

  void finish() {
    if (!on_answer_) return;
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    if (answer_.bytes.starts_with(kVersion)) answer_.status = std::stoi(answer_.bytes.substr(kVersion.size(), 3));
    const std::size_t body = answer_.bytes.find("\r\n\r\n");
    if (body != std::string::npos) {
      const std::size_t length = answer_.bytes.find("ontent-length: ");
      const std::size_t length_end = answer_.bytes.find("ontent-Length: ");
      const std::size_t at = std::min(length, length_end);
      answer_.whole = at < body ? answer_.bytes.size() - body - 4 == std::stoul(answer_.bytes.substr(at + 15))
                                : answer_.bytes.ends_with("\r\n0\r\n\r\n");
    }
    std::exchange(on_answer_, nullptr)(answer_);
  }

  Simulation& simulation_;
  const std::unique_ptr<Stream> stream_;
  const std::string request_;
  std::function<void(const ClientAnswer&)> on_answer_;
  std::size_t sent_ = 0;
  std::array<char, 4096> buffer_{};
  ClientAnswer answer_;
  bool left_ = false;
};

}  // namespace mnema::testing

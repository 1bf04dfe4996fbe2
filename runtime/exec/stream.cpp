#include "runtime/exec/stream.hpp"

#include <algorithm>
#include <vector>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

/// One direction of the connection, shared by both ends.
struct Pipe {
  std::string buffer;
  bool ended = false;   // the writer has finished
  bool broken = false;  // one of the ends is closed
  std::span<char> reading_into;
  Stream::Done read_done;
  std::vector<std::string_view> writing;
  Stream::Done write_done;
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(Executor& executor, std::size_t buffer_bytes, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
      : executor_(executor), buffer_bytes_(buffer_bytes), in_(std::move(in)), out_(std::move(out)) {}
  ~MemoryStream() override { close(); }

  void open(Done done) override { finish(std::move(done), closed_ ? kClosed : 1); }

  void read_some(std::span<char> into, Done done) override {
    CHECK(!in_->read_done, "at most one read is outstanding");
    CHECK(!into.empty(), "a read has capacity for a byte");
    in_->reading_into = into;
    in_->read_done = std::move(done);
    pump(*in_);
  }

  void write_some(std::span<const std::string_view> pieces, Done done) override {
    CHECK(!out_->write_done, "at most one write is outstanding");
    CHECK(std::any_of(pieces.begin(), pieces.end(), [](std::string_view piece) { return !piece.empty(); }),
          "a write has at least one byte");
    out_->writing.assign(pieces.begin(), pieces.end());
    out_->write_done = std::move(done);
    pump(*out_);
  }

  void finish_sending() override {
    out_->ended = true;
    pump(*out_);
  }

  void close() override {
    if (std::exchange(closed_, true)) return;
    // What was sent before may still be read by the other end; what it sends from now on is lost.
    out_->ended = true;
    in_->broken = true;
    if (out_->write_done) finish(std::exchange(out_->write_done, nullptr), kClosed);
    pump(*in_);
    pump(*out_);
  }

  std::string peer() const override { return "memory"; }

 private:
  void finish(Done done, long result) {
    executor_.post([done = std::move(done), result] { done(result); });
  }

  void pump(Pipe& pipe) {
    if (pipe.write_done) {
      if (pipe.broken) {
        finish(std::exchange(pipe.write_done, nullptr), kClosed);
      } else if (pipe.buffer.size() < buffer_bytes_) {
        long written = 0;
        for (const std::string_view piece : pipe.writing) {
          const std::string_view fits = piece.substr(0, buffer_bytes_ - pipe.buffer.size());
          pipe.buffer += fits;
          written += static_cast<long>(fits.size());
        }
        finish(std::exchange(pipe.write_done, nullptr), written);
      }
    }
    if (pipe.read_done) {
      if (pipe.broken) {
        finish(std::exchange(pipe.read_done, nullptr), kClosed);
      } else if (!pipe.buffer.empty()) {
        const std::size_t bytes = std::min(pipe.reading_into.size(), pipe.buffer.size());
        std::copy_n(pipe.buffer.begin(), bytes, pipe.reading_into.begin());
        pipe.buffer.erase(0, bytes);
        finish(std::exchange(pipe.read_done, nullptr), static_cast<long>(bytes));
        if (pipe.write_done) pump(pipe);
      } else if (pipe.ended) {
        finish(std::exchange(pipe.read_done, nullptr), kEnd);
      }
    }
  }

  Executor& executor_;
  const std::size_t buffer_bytes_;
  const std::shared_ptr<Pipe> in_;
  const std::shared_ptr<Pipe> out_;
  bool closed_ = false;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> make_memory_streams(Executor& executor,
                                                                                std::size_t buffer_bytes) {
  CHECK(buffer_bytes > 0, "a connection carries at least one byte");
  auto there = std::make_shared<Pipe>();
  auto back = std::make_shared<Pipe>();
  return {std::make_unique<MemoryStream>(executor, buffer_bytes, back, there),
          std::make_unique<MemoryStream>(executor, buffer_bytes, there, back)};
}

}  // namespace mnema

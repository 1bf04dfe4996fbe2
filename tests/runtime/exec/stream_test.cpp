#include "runtime/exec/stream.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <tuple>

#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

class MemoryStreams : public ::testing::Test {
 protected:
  void make(std::size_t buffer_bytes = 4096) {
    std::tie(here, there) = make_memory_streams(simulation.lane("loop"), buffer_bytes);
  }
  /// What one read gives: bytes, or "end", "closed", "waits".
  std::string read(Stream& stream, std::size_t capacity = 100) {
    into.assign(capacity, '\0');
    read_result.reset();
    stream.read_some(into, [this](long result) { read_result = result; });
    simulation.run_ready();
    return read_so_far();
  }
  std::string read_so_far() {
    if (!read_result) return "waits";
    if (*read_result == Stream::kEnd) return "end";
    if (*read_result == Stream::kClosed) return "closed";
    return into.substr(0, static_cast<std::size_t>(*read_result));
  }
  /// What one write moved; none if it waits.
  std::optional<long> write(Stream& stream, std::vector<std::string_view> pieces) {
    written.reset();
    writing = std::move(pieces);
    stream.write_some(writing, [this](long result) { written = result; });
    simulation.run_ready();
    return written;
  }

  Simulation simulation{1};
  std::unique_ptr<Stream> here;
  std::unique_ptr<Stream> there;
  std::string into;
  std::vector<std::string_view> writing;
  std::optional<long> read_result;
  std::optional<long> written;
};

TEST_F(MemoryStreams, CarryBytesBothWays) {
  make();
  EXPECT_EQ(write(*here, {"hel", "", "lo"}), 5);
  EXPECT_EQ(read(*there, 2), "he");
  EXPECT_EQ(read(*there), "llo");
  EXPECT_EQ(read(*there), "waits");
  EXPECT_EQ(write(*there, {"answer"}), 6) << "the other way is free";
  EXPECT_EQ(write(*here, {"!"}), 1);
  EXPECT_EQ(read_so_far(), "!") << "the read that waited";
  EXPECT_EQ(read(*here), "answer");
}

TEST_F(MemoryStreams, HoldUpAWriterUntilTheReaderCatchesUp) {
  make(4);
  EXPECT_EQ(write(*here, {"abc", "def"}), 4) << "some of it";
  EXPECT_EQ(write(*here, {"ef"}), std::nullopt);
  EXPECT_EQ(read(*there), "abcd");
  EXPECT_EQ(written, 2);
  EXPECT_EQ(read(*there), "ef");
}

TEST_F(MemoryStreams, EndOneWayWhileTheOtherGoesOn) {
  make();
  EXPECT_EQ(write(*here, {"last"}), 4);
  here->finish_sending();
  EXPECT_EQ(read(*there), "last") << "what was sent before the end arrives";
  EXPECT_EQ(read(*there), "end");
  EXPECT_EQ(write(*there, {"reply"}), 5);
  EXPECT_EQ(read(*here), "reply");
}

TEST_F(MemoryStreams, TellWhoWaitsThatTheStreamIsClosed) {
  make(4);
  EXPECT_EQ(read(*here), "waits");
  EXPECT_EQ(write(*here, {"abcdef"}), 4);
  EXPECT_EQ(write(*here, {"ef"}), std::nullopt);
  here->close();
  simulation.run_ready();
  EXPECT_EQ(read_so_far(), "closed");
  EXPECT_EQ(written, Stream::kClosed);
  EXPECT_EQ(read(*there), "abcd") << "sent is sent";
  EXPECT_EQ(read(*there), "end");
  EXPECT_EQ(write(*there, {"too late"}), Stream::kClosed);
  here->close();
}

TEST_F(MemoryStreams, AnswerAlsoWhenAnEndGoesAway) {
  make();
  EXPECT_EQ(read(*there), "waits");
  here.reset();
  simulation.run_ready();
  EXPECT_EQ(read_so_far(), "end");
  std::optional<long> opened;
  there->open([&](long result) { opened = result; });
  EXPECT_FALSE(opened) << "never from inside the call";
  simulation.run_ready();
  EXPECT_EQ(opened, 1);
}

}  // namespace
}  // namespace mnema

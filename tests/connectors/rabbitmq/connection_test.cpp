#include "connectors/rabbitmq/connection.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "runtime/base/random.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/connectors/rabbitmq/amqp_script.hpp"

// A connection whose broker is a script over a stream in memory: what no real one would send.

namespace mnema {
namespace {

using testing::add;
using testing::greeting;

struct Told : RabbitmqConnection::User {
  void on_open() override { ++opened; }
  void on_method(const AmqpMethod&) override { ++methods; }
  void on_content(RabbitmqContent content) override { contents.push_back(std::move(content)); }
  void on_read_end() override {}
  void on_closed(const Error& why) override { closed.set_value(why); }
  int opened = 0;
  int methods = 0;
  std::vector<RabbitmqContent> contents;
  std::promise<Error> closed;
};

std::string delivery(const std::string& body) {
  std::string out;
  amqp_basic_deliver_t deliver{};
  deliver.consumer_tag = amqp_cstring_bytes("c");
  deliver.delivery_tag = 1;
  deliver.routing_key = amqp_cstring_bytes("q");
  add(out, 1, AMQP_BASIC_DELIVER_METHOD, deliver);
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_MESSAGE_ID_FLAG;
  properties.message_id = amqp_cstring_bytes("m-1");
  EXPECT_TRUE(append_amqp_content(out, 1, properties, body, 4'096).ok());
  return out;
}

class RabbitmqConnectionTest : public ::testing::Test {
 protected:
  ~RabbitmqConnectionTest() override {
    loop_.stop();
    loop_.join();
  }
  /// Tells `bytes` to a connection, and ends. The error that it ends with.
  Error say(const std::string& bytes) {
    told_ = std::make_shared<Told>();
    std::future<Error> closed = told_->closed.get_future();
    std::promise<void> begun;
    loop_.post([&] {
      auto [near, far] = make_memory_streams(loop_, 1 << 20);
      far_ = std::move(far);
      RabbitmqClientOptions options;
      options.username = "u";
      connection_ = std::make_shared<RabbitmqConnection>(
          std::move(near), std::make_shared<const RabbitmqClientOptions>(options), Secret("p"), 1'000,
          RabbitmqClientParts{loop_, blocking_, secrets_, clock_, random_, limits_}, told_);
      connection_->start();
      sent_ = bytes;
      const std::string_view pieces[] = {sent_};
      if (sent_.empty()) {
        far_->finish_sending();
      } else {
        far_->write_some(pieces, [this](long) { far_->finish_sending(); });
      }
      begun.set_value();
    });
    begun.get_future().get();
    if (closed.wait_for(std::chrono::seconds(20)) != std::future_status::ready) return {};
    const Error why = closed.get();
    std::promise<void> ended;
    loop_.post([&] {
      connection_.reset();
      ended.set_value();
    });
    ended.get_future().get();
    return why;
  }

  SystemClock clock_;
  SeededRandom random_{1};
  Limits limits_;
  SecretsStore secrets_{clock_};
  ThreadPoolExecutor blocking_{"blocking", 1};
  Loop loop_;
  std::unique_ptr<Stream> far_;
  std::string sent_;
  std::shared_ptr<Told> told_;
  std::shared_ptr<RabbitmqConnection> connection_;
};

TEST_F(RabbitmqConnectionTest, KeepsTheBeginningOfABodyAndCountsAll) {
  loop_.start();
  EXPECT_EQ(say(greeting() + delivery("short") + delivery(std::string(10'000, 'x')) + delivery("")).message,
            "the connection to RabbitMQ is lost");
  EXPECT_EQ(told_->opened, 1);
  ASSERT_EQ(told_->contents.size(), 3U);
  EXPECT_EQ(told_->contents[0].body, "short");
  EXPECT_EQ(told_->contents[1].body.size(), 1'000U);
  EXPECT_EQ(told_->contents[1].body_bytes, 10'000U);
  EXPECT_EQ(told_->contents[2].body_bytes, 0U);
  EXPECT_EQ(told_->contents[2].properties->message_id, "m-1");
}

TEST_F(RabbitmqConnectionTest, SaysWhyTheBrokerHasClosedIt) {
  loop_.start();
  std::string closes = greeting();
  amqp_channel_close_t close{};
  close.reply_code = AMQP_NOT_FOUND;
  close.reply_text = amqp_cstring_bytes("NOT_FOUND - no queue 'q' in vhost '/'\xff");
  add(closes, 1, AMQP_CHANNEL_CLOSE_METHOD, close);
  const Error absent = say(closes);
  EXPECT_EQ(absent.code, ErrorCode::kNotFound);
  EXPECT_NE(absent.message.find("no queue 'q'"), std::string::npos) << absent.text();
  EXPECT_EQ(say("").message, "RabbitMQ has closed the connection before it was open");
  EXPECT_EQ(say(std::string("AMQP\0\0\1\0", 8)).code, ErrorCode::kFailedPrecondition);
}

TEST_F(RabbitmqConnectionTest, EndsWhereABrokerDoesNotKeepToTheProtocol) {
  loop_.start();
  const std::string whole = delivery("body");
  AmqpFrameReader reader;
  reader.append(whole);
  const std::size_t method = (*reader.next())->payload.size() + kAmqpFrameOverhead;
  const std::size_t header = (*reader.next())->payload.size() + kAmqpFrameOverhead;
  const auto problem = [&](const std::string& bytes) { return say(greeting() + bytes).code; };
  EXPECT_EQ(problem(whole.substr(method)), ErrorCode::kCorrupt) << "a header without a message";
  EXPECT_EQ(problem(whole.substr(method + header)), ErrorCode::kCorrupt) << "a body without a message";
  EXPECT_EQ(problem(whole.substr(0, method) + whole.substr(method + header)), ErrorCode::kCorrupt);
  EXPECT_EQ(problem(whole.substr(0, method) + whole), ErrorCode::kCorrupt) << "a method inside a message";
  EXPECT_EQ(problem(whole.substr(0, method + header) + whole.substr(method)), ErrorCode::kCorrupt);
  EXPECT_EQ(problem(greeting()), ErrorCode::kCorrupt) << "a second greeting";
  EXPECT_EQ(say(whole).code, ErrorCode::kCorrupt) << "a message before the channel is open";
}

/// Is as late as it is told to be.
class LateClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return clock_.now(); }
  [[nodiscard]] MonotonicTime monotonic_now() const override { return clock_.monotonic_now() + late_.load(); }
  std::atomic<Duration> late_{};

 private:
  SystemClock clock_;
};

TEST_F(RabbitmqConnectionTest, EndsWhereABrokerIsThereAndLeavesAMethodWithoutItsAnswer) {
  LateClock clock;
  loop_.start();
  for (const bool answers : {true, false}) {
    const auto told = std::make_shared<Told>();
    std::future<Error> closed = told->closed.get_future();
    std::promise<void> asked;
    sent_ = greeting();
    std::string answer;
    add(answer, 1, AMQP_BASIC_CONSUME_OK_METHOD, amqp_basic_consume_ok_t{});
    loop_.post([&] {
      auto [near, far] = make_memory_streams(loop_, 1 << 20);
      far_ = std::move(far);
      RabbitmqClientOptions options;
      options.heartbeat_s = 20;  // it is looked after four times as often
      connection_ = std::make_shared<RabbitmqConnection>(
          std::move(near), std::make_shared<const RabbitmqClientOptions>(options), Secret("p"), 1'000,
          RabbitmqClientParts{loop_, blocking_, secrets_, clock, random_, limits_}, told);
      connection_->start();
      const std::string_view pieces[] = {sent_};
      far_->write_some(pieces, [&](long) {
        // A pass later it is read.
        loop_.post_after(std::chrono::milliseconds(100), [&] {
          connection_->send(AMQP_BASIC_CONSUME_METHOD, amqp_basic_consume_t{});
          const std::string_view reply[] = {answer};
          if (!answers) return asked.set_value();
          far_->write_some(reply, [&](long) { asked.set_value(); });
        });
      });
    });
    asked.get_future().get();
    if (answers) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    clock.late_ = clock.late_.load() + std::chrono::seconds(31);  // heartbeats are missed after 40
    const bool has_ended = closed.wait_for(std::chrono::seconds(7)) == std::future_status::ready;
    EXPECT_EQ(has_ended, !answers);
    if (has_ended) EXPECT_EQ(closed.get().code, ErrorCode::kDeadlineExceeded);
    std::promise<void> ended;
    loop_.post([&] {
      connection_->close();
      connection_.reset();
      ended.set_value();
    });
    ended.get_future().get();
  }
}

TEST_F(RabbitmqConnectionTest, OutlivesWhateverABrokerSends) {
  loop_.start();
  const std::string good = greeting() + delivery("body") + delivery(std::string(5'000, 'y'));
  SeededRandom random(7);
  for (int round = 0; round < 400; ++round) {
    std::string damaged = good;
    for (std::uint64_t i = random.below(6) + 1; i > 0; --i) {
      damaged[random.below(damaged.size())] = static_cast<char>(random.next_u64());
    }
    if (random.below(4) == 0) damaged.resize(random.below(damaged.size()) + 1);
    EXPECT_FALSE(say(damaged).message.empty()) << "round " << round << ": it ends, with a reason";
  }
}

}  // namespace
}  // namespace mnema

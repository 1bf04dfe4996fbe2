#include "connectors/rabbitmq/sink.hpp"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <map>

#include "connectors/rabbitmq/publication.hpp"
#include "tests/connectors/rabbitmq/amqp_script.hpp"
#include "tests/connectors/rabbitmq/rabbitmq_fixture.hpp"

namespace mnema {
namespace {

using testing::RabbitmqReadMessage;

OutboxMessage message(int number) {
  OutboxMessage message;
  message.agent = "worker";
  message.destination = "out";
  message.key = "key-" + std::to_string(number % 4);
  message.idempotency_key = "idem-" + std::to_string(number);
  message.body = "{\"number\":" + std::to_string(number) + ",\"kind\":\"paid\"}";
  message.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  return message;
}

class RabbitmqSinkTest : public testing::RabbitmqTest {
 protected:
  [[nodiscard]] Error refused(OutboxMessage of) {
    const Status status = process->deliver(std::move(of)).get();
    EXPECT_FALSE(status.ok());
    return status.ok() ? Error{} : status.error();
  }
};

TEST_F(RabbitmqSinkTest, WritesPersistentMessagesThatTheBrokerHasConfirmed) {
  const std::string queue = broker->create_queue();
  boot(sink_options(queue));
  std::vector<std::future<Status>> answers;
  for (int number = 0; number < 2'000; ++number) answers.push_back(process->deliver(message(number)));
  for (auto& answer : answers) {
    const Status status = answer.get();
    EXPECT_TRUE(status.ok()) << status.error().text();
  }
  const std::vector<RabbitmqReadMessage> read = broker->read(queue);
  ASSERT_EQ(read.size(), 2'000U);
  for (int number = 0; number < 2'000; ++number) {
    EXPECT_EQ(read[static_cast<std::size_t>(number)].id, "idem-" + std::to_string(number)) << "in their order";
  }
  EXPECT_EQ(read[5].body, message(5).body);
  EXPECT_EQ(read[5].content_type, "application/json");
  EXPECT_EQ(read[5].delivery_mode, 2);
  EXPECT_EQ(read[5].headers.at("mnema-agent"), "worker");
  EXPECT_EQ(read[5].headers.at("mnema-key"), "key-1");
  EXPECT_EQ(read[5].headers.at("traceparent"), message(5).traceparent);
}

TEST_F(RabbitmqSinkTest, MakesTheRoutingKeyOfTheMessage) {
  const std::string exchange = "exchange-" + broker->create_queue();
  broker->create_exchange(exchange, "topic");
  const std::string queue = broker->create_queue();
  broker->bind(queue, exchange, "worker.#");
  RabbitmqSinkOptions routed = sink_options("{agent}.{/kind}.{key}");
  routed.exchange = exchange;
  boot(routed);
  EXPECT_TRUE(process->deliver(message(1)).get().ok());
  EXPECT_EQ(broker->read(queue).at(0).routing_key, "worker.paid.key-1");
  OutboxMessage without = message(2);
  without.body = "{}";
  EXPECT_EQ(refused(without).code, ErrorCode::kInvalidArgument);
  OutboxMessage long_key = message(3);
  long_key.key = std::string(300, 'k');
  EXPECT_EQ(refused(long_key).code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(process->deliver(message(4)).get().ok());
}

TEST_F(RabbitmqSinkTest, SaysThatNoQueueTakesAMessage) {
  const std::string exchange = "exchange-" + broker->create_queue();
  broker->create_exchange(exchange, "direct");
  RabbitmqSinkOptions unroutable = sink_options("nowhere");
  unroutable.exchange = exchange;
  boot(unroutable);
  const Error error = refused(message(1));
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_TRUE(error.retryable) << "a queue may come";
  EXPECT_FALSE(error.never_left);
  EXPECT_NE(error.message.find("312 NO_ROUTE, exchange '" + exchange + "', routing key 'nowhere'"), std::string::npos)
      << error.text();
  EXPECT_TRUE(process->sink->problem());
  const std::string queue = broker->create_queue();
  broker->bind(queue, exchange, "nowhere");
  EXPECT_TRUE(process->deliver(message(1)).get().ok());
  EXPECT_FALSE(process->sink->problem());
  EXPECT_EQ(broker->read(queue).size(), 1U);
}

TEST_F(RabbitmqSinkTest, SendsAgainWhatAFullQueueDoesNotTake) {
  const std::string queue = broker->create_queue({{"x-max-length", "1"}, {"x-overflow", "reject-publish"}});
  boot(sink_options(queue));
  EXPECT_TRUE(process->deliver(message(1)).get().ok());
  // A queue finds out that it is full a little later.
  wait_until("it is full", [&] {
    const Status status = process->deliver(message(2)).get();
    if (status.ok()) return false;
    EXPECT_EQ(status.error().code, ErrorCode::kUnavailable) << status.error().text();
    EXPECT_TRUE(status.error().retryable);
    return true;
  });
  static_cast<void>(broker->read(queue));
  EXPECT_TRUE(process->deliver(message(3)).get().ok());
}

TEST_F(RabbitmqSinkTest, GivesUpOnWhatIsNotConfirmedAndNeverBlocksTheLoop) {
  const std::string queue = broker->create_queue();
  RabbitmqSinkOptions impatient = sink_options(queue);
  impatient.timeout_ms = 1'500;
  boot(impatient);
  EXPECT_TRUE(process->deliver(message(0)).get().ok());
  broker->freeze();
  std::vector<std::future<Status>> answers;
  // More than the socket takes.
  for (int number = 1; number <= 30; ++number) {
    OutboxMessage large = message(number);
    large.body = "\"" + std::string(4 << 20, 'x') + "\"";
    answers.push_back(process->deliver(std::move(large)));
  }
  for (int i = 0; i < 100; ++i) {
    std::promise<void> ran;
    process->loop.post([&ran] { ran.set_value(); });
    ASSERT_EQ(ran.get_future().wait_for(std::chrono::seconds(1)), std::future_status::ready) << "the loop runs";
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  int never_left = 0;
  for (auto& answer : answers) {
    const Status status = answer.get();
    ASSERT_FALSE(status.ok());
    EXPECT_TRUE(status.error().retryable) << status.error().text();
    never_left += status.error().never_left ? 1 : 0;
  }
  EXPECT_GT(never_left, 0) << "the unsent bytes have a bound";
  EXPECT_LT(never_left, 30);
  broker->thaw();
  wait_until("it writes again", [&] { return process->deliver(message(100)).get().ok(); });
}

TEST_F(RabbitmqSinkTest, WaitsForAnExchangeThatIsAbsent) {
  const std::string exchange = "late-" + broker->create_queue();
  RabbitmqSinkOptions late = sink_options("key");
  late.exchange = exchange;
  late.timeout_ms = 300;
  boot(late);
  const Error error = refused(message(1));
  EXPECT_TRUE(error.retryable);
  EXPECT_TRUE(error.never_left) << "it counts against nothing";
  EXPECT_NE(error.message.find("404 NOT_FOUND"), std::string::npos) << error.text();
  broker->create_exchange(exchange, "direct");
  const std::string queue = broker->create_queue();
  broker->bind(queue, exchange, "key");
  wait_until("it writes", [&] { return process->deliver(message(1)).get().ok(); });
}

TEST_F(RabbitmqSinkTest, KeepsNoMessageWhileTheBrokerIsAway) {
  const std::string queue = broker->create_queue();
  broker->sync_declared();
  RabbitmqSinkOptions patient = sink_options(queue);
  patient.timeout_ms = 600'000;
  boot(patient);
  EXPECT_TRUE(process->deliver(message(1)).get().ok());
  broker->kill();
  wait_until("it says so", [&] { return process->sink->problem().has_value(); });
  const Error error = refused(message(2));
  EXPECT_TRUE(error.retryable);
  EXPECT_TRUE(error.never_left) << "it goes back to the outbox, where others of its tenant may pass it";
  broker->start();
  wait_until("it writes again", [&] { return process->deliver(message(2)).get().ok(); });
}

TEST_F(RabbitmqSinkTest, AnswersEachDeliveryWhileTheBrokerIsKilled) {
  const std::string queue = broker->create_queue();
  broker->sync_declared();
  boot(sink_options(queue));
  std::map<std::string, int> confirmed;
  std::vector<std::pair<std::string, std::future<Status>>> answers;
  for (int number = 0; number < 3'000; ++number) {
    answers.emplace_back(message(number).idempotency_key, process->deliver(message(number)));
    if (number == 1'500) broker->kill();
  }
  broker->start();
  for (auto& [key, answer] : answers) {
    const Status status = answer.get();
    if (status.ok()) {
      ++confirmed[key];
    } else {
      EXPECT_TRUE(status.error().retryable) << status.error().text();
    }
  }
  std::map<std::string, int> written;
  for (const RabbitmqReadMessage& read : broker->read(queue)) ++written[read.id];
  for (const auto& [key, times] : confirmed) EXPECT_EQ(written[key], 1) << key << " was confirmed";
}

TEST_F(RabbitmqSinkTest, WaitsForABrokerThatHasNoMemory) {
  const std::string queue = broker->create_queue();
  RabbitmqSinkOptions patient = sink_options(queue);
  patient.client.heartbeat_s = 2;
  boot(patient);
  EXPECT_TRUE(process->deliver(message(1)).get().ok());
  broker->control("set_vm_memory_high_watermark absolute 1MB");
  auto first = process->deliver(message(2));  // a broker says so to whom it hears from
  wait_until("it says so", [&] {
    const std::optional<std::string> problem = process->sink->problem();
    return problem && problem->find("takes no messages for now") != std::string::npos;
  });
  auto second = process->deliver(message(3));
  EXPECT_EQ(second.wait_for(std::chrono::seconds(5)), std::future_status::timeout) << "nor does a heartbeat end it";
  broker->control("set_vm_memory_high_watermark absolute 1GB");
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  EXPECT_FALSE(process->sink->problem());
  EXPECT_EQ(broker->read(queue).size(), 3U);
}

TEST(RabbitmqSink, SaysThatABlockedBrokerTakesNothingAlsoWhenItConfirmsWhatItHad) {
  namespace asio = boost::asio;
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  std::thread broker([&] {
    asio::ip::tcp::socket socket = acceptor.accept();
    std::string says = testing::greeting();
    testing::add(says, 1, AMQP_CONFIRM_SELECT_OK_METHOD, amqp_confirm_select_ok_t{});
    asio::write(socket, asio::buffer(says));
    boost::system::error_code gone;
    std::string heard;
    char piece[4'096];
    while (!gone && heard.find("idem-1") == std::string::npos) {
      heard.append(piece, socket.read_some(asio::buffer(piece), gone));
    }
    says.clear();
    amqp_connection_blocked_t blocked{};
    blocked.reason = amqp_cstring_bytes("low on memory");
    testing::add(says, 0, AMQP_CONNECTION_BLOCKED_METHOD, blocked);
    amqp_basic_ack_t ack{};
    ack.delivery_tag = 1;
    testing::add(says, 1, AMQP_BASIC_ACK_METHOD, ack);
    asio::write(socket, asio::buffer(says), gone);
    while (!gone) socket.read_some(asio::buffer(piece), gone);
  });
  const std::string folder = ::testing::TempDir() + "mnema-rabbitmq-sink-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  {
    testing::RabbitmqProcess process(folder, Limits{});
    RabbitmqSinkOptions options;
    options.name = "out";
    options.client.brokers =
        *parse_rabbitmq_brokers("127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()), false);
    options.routing_key = "q";
    process.open_sink(options);
    process.run();
    EXPECT_TRUE(process.deliver(message(1)).get().ok());
    EXPECT_TRUE(process.sink->problem()) << "it takes no more";
    EXPECT_NE(process.sink->problem().value_or("").find("low on memory"), std::string::npos);
  }
  broker.join();
  std::filesystem::remove_all(folder);
}

TEST_F(RabbitmqSinkTest, CancelsWhatWaitsWhenItStops) {
  const std::string queue = broker->create_queue();
  boot(sink_options(queue));
  EXPECT_TRUE(process->deliver(message(1)).get().ok());
  broker->freeze();
  auto waiting = process->deliver(message(2));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  process->sink->stop();
  const Status status = waiting.get();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(status.error().never_left);
  const Error late = refused(message(3));
  EXPECT_EQ(late.code, ErrorCode::kCancelled);
  EXPECT_TRUE(late.never_left);
  broker->thaw();
}

TEST_F(RabbitmqSinkTest, RefusesAMessageThatIsLargerThanTheBrokerTakes) {
  const std::string queue = broker->create_queue();
  RabbitmqSinkOptions small = sink_options(queue);
  small.message_bytes_max = 100;
  boot(small);
  OutboxMessage large = message(1);
  large.body = std::string(101, 'x');
  const Error error = refused(large);
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(error.retryable);
  OutboxMessage many = message(2);
  many.body = "\"" + std::string(90, 'x') + "\"";
  many.traceparent = std::string(200'000, 't');  // a header that fits no frame
  EXPECT_EQ(refused(many).code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(process->deliver(message(3)).get().ok()) << "the channel is as it was";
}

TEST(RabbitmqPublication, MakesALongIdempotencyKeyAnIdThatAmqpTakes) {
  OutboxMessage of = message(1);
  EXPECT_EQ(message_id_of(of), "idem-1");
  of.idempotency_key = std::string(300, 'k');
  EXPECT_EQ(message_id_of(of).size(), 64U);
  OutboxMessage other = of;
  other.idempotency_key += "l";
  EXPECT_NE(message_id_of(of), message_id_of(other));
}

}  // namespace
}  // namespace mnema

#include "connectors/rabbitmq/consumer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>

#include "tests/connectors/rabbitmq/rabbitmq_fixture.hpp"
#include "tests/support/child_program.hpp"

// RabbitMQ to RabbitMQ while the program is killed with -9 and the broker is killed and started again: each message in
// is one event, counted once, and one id at the other end. (Publishing is at least once: an id may be there twice.) The
// program is this one, run again as a child.

namespace mnema {
namespace {

using testing::ChildProgram;
using testing::RabbitmqBroker;
using testing::RabbitmqProcess;
using testing::RabbitmqReadMessage;
using testing::RabbitmqTest;

constexpr const char* kFolder = "MNEMA_RABBITMQ_FOLDER";
constexpr const char* kBroker = "MNEMA_RABBITMQ_BROKER";
constexpr const char* kQueue = "MNEMA_RABBITMQ_QUEUE";

/// Counts each event and answers it with one message, in the transaction that ends it.
class Echo {
 public:
  explicit Echo(RabbitmqProcess& process) : process_(process) {
    const Status made = process.runtime->database().write_and_wait<void>([](Transaction& t) -> Status {
      return t.connection().execute(
          "CREATE TABLE IF NOT EXISTS counts (id TEXT PRIMARY KEY, times INTEGER NOT NULL) STRICT");
    });
    CHECK(made.ok(), "there is a table of counts");
  }

  void take() {
    process_.runtime->mailbox().take(process_.loop, [this](Delivery delivery) {
      const auto held = std::make_shared<Delivery>(std::move(delivery));
      process_.runtime->database().write<void>(
          WritePriority::kForeground, [this, held](Transaction& transaction) { return handle(transaction, *held); },
          process_.loop, [this, held](const Status&) { take(); });
    });
  }

 private:
  Status handle(Transaction& transaction, const Delivery& delivery) {
    const Event& event = delivery.event();
    ASSIGN_OR_RETURN(Statement count, transaction.prepare("INSERT INTO counts (id, times) VALUES (?, 1)"
                                                          " ON CONFLICT (id) DO UPDATE SET times = times + 1"));
    RETURN_IF_ERROR(count.bind(1, std::string_view(event.id)).run());
    OutboxMessage message;
    message.agent = "worker";
    message.destination = "out";
    message.key = event.key;
    message.idempotency_key = event.id;
    message.body = event.data;
    RETURN_IF_ERROR(process_.runtime->mailbox().complete(transaction, delivery));
    ASSIGN_OR_RETURN(const std::int64_t row, process_.runtime->outbox().append(transaction, message));
    return row > 0 ? Status() : fail(ErrorCode::kInternal, "a row has a number");
  }

  RabbitmqProcess& process_;
};

TEST(RabbitmqExactlyOnceChild, DISABLED_RunsUntilItIsKilled) {
  const std::string folder = std::getenv(kFolder);
  const std::string broker = std::getenv(kBroker);
  const std::string queue = std::getenv(kQueue);
  RabbitmqProcess process(folder, Limits{});
  RabbitmqSourceOptions source;
  source.name = "orders";
  source.client.brokers = *parse_rabbitmq_brokers(broker, false);
  source.client.username = RabbitmqBroker::kUser;
  source.client.password = *SecretReference::parse("env:MNEMA_TEST_RABBITMQ_PASSWORD");
  source.consumer.queue = queue;
  source.consumer.prefetch_max = 20;  // many small batches: a kill is likely between a commit and what follows it
  source.mapping.agent = "worker";
  source.key_template = "{key}";
  RabbitmqSinkOptions sink;
  sink.name = "out";
  sink.client = source.client;
  sink.routing_key = queue + "-out";
  Echo echo(process);
  process.start(std::move(source));
  process.open_sink(std::move(sink));
  process.runtime->outbox().start([&process](OutboxRow row, std::function<void(Status)> done) {
    process.sink->deliver(std::move(row.message), process.loop, std::move(done));
  });
  for (int i = 0; i < 32; ++i) echo.take();
  process.run();
  for (;;) ::pause();
}

/// Runs nothing: no connection is dialled.
struct Idle final : Executor {
  void post(std::function<void()>) override {}
  void post_after(Duration, std::function<void()>) override {}
};

TEST(RabbitmqConsumer, CountsTheHeadersOfAMessageAgainstABatchsBytes) {
  const std::string folder = ::testing::TempDir() + "mnema-rabbitmq-consumer-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  {
    Limits limits;
    limits.broker_batch_bytes_max = 1 << 20;
    RabbitmqProcess process(folder, limits);
    Idle idle;
    RabbitmqClientOptions client;
    client.brokers = *parse_rabbitmq_brokers("127.0.0.1:1", false);
    RabbitmqConsumerOptions options;
    options.queue = "q";
    const auto consumer = std::make_shared<RabbitmqConsumer>(
        options, RabbitmqBatchRules{},
        std::make_shared<RabbitmqLink>(
            "orders", client, 1 << 20,
            RabbitmqClientParts{process.loop, idle, process.secrets, process.clock, process.random, process.limits_}),
        RabbitmqConsumerParts{process.loop, process.workers, process.runtime->mailbox(), process.clock, process.random,
                              process.limits_});
    std::promise<std::size_t> sent;
    consumer->start([&](const EventBatch& batch, const BatchDone&) { sent.set_value(batch.events.size()); });
    RabbitmqLink::User& user = *consumer;
    for (int i = 0; i < 50; ++i) {
      RabbitmqContent content;
      content.properties->message_id = "id-" + std::to_string(i);
      content.properties->headers = {{"large", std::string(128 << 10, 'h')}};
      user.on_content(std::move(content));
    }
    user.on_read_end();
    EXPECT_EQ(sent.get_future().get(), 8U) << "of 128 KiB each";
  }
  std::filesystem::remove_all(folder);
}

class RabbitmqExactlyOnceTest : public RabbitmqTest {
 protected:
  [[nodiscard]] ChildProgram begin(const std::string& queue) const {
    return ChildProgram("RabbitmqExactlyOnceChild.DISABLED_RunsUntilItIsKilled",
                        {{kFolder, folder_}, {kBroker, broker->address()}, {kQueue, queue}});
  }
  /// How often each event was counted.
  [[nodiscard]] std::map<std::string, int> counts() const {
    RabbitmqProcess reader(folder_, Limits{});
    const auto read = reader.runtime->database().read<std::map<std::string, int>>(
        [](Transaction& t) -> Result<std::map<std::string, int>> {
          std::map<std::string, int> all;
          ASSIGN_OR_RETURN(Statement select, t.prepare("SELECT id, times FROM counts"));
          for (;;) {
            ASSIGN_OR_RETURN(const bool row, select.step());
            if (!row) return all;
            all[std::string(select.text(0))] = static_cast<int>(select.integer(1));
          }
        });
    CHECK(read.ok(), "the counts are read");
    return *read;
  }
};

TEST_F(RabbitmqExactlyOnceTest, IsOneEventAndOneIdOutForOneMessageInWhileAllIsKilled) {
  const bool is_campaign = std::getenv("MNEMA_CAMPAIGN") != nullptr;
  const int messages = is_campaign ? 5'000 : 500;
  const int kills = is_campaign ? 25 : 5;
  const int broker_kills = is_campaign ? 5 : 1;
  const std::string queue = broker->create_queue();
  broker->create_queue(queue + "-out");
  broker->sync_declared();
  SystemRandom random;
  int published = 0;
  const auto publish = [&](int count) {
    broker->publish(queue, numbered(published, count, 16));
    published += count;
  };
  int broker_killed = 0;
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    publish(messages / kills);
    ChildProgram child = begin(queue);
    const int before = broker->waiting(queue);
    wait_until("it has begun", [&] { return broker->waiting(queue) < before; });
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(40)));
    if (kill_number % (kills / broker_kills) == 1) {
      broker->kill();
      broker->start();
      ++broker_killed;
      std::this_thread::sleep_for(std::chrono::milliseconds(random.below(400)));
    }
    child.kill();
  }
  publish(messages - published);
  ChildProgram child = begin(queue);
  std::map<std::string, int> out;
  std::map<std::string, int> last;
  int out_of_order = 0;
  const auto read = [&] {
    for (const RabbitmqReadMessage& message : broker->read(queue + "-out")) {
      if (++out[message.id] > 1) continue;
      const int number = std::stoi(message.body.substr(10));
      const auto [before, is_first] = last.try_emplace(message.headers.at("mnema-key"), -1);
      out_of_order += number < before->second ? 1 : 0;
      before->second = number;
    }
    return out.size() >= static_cast<std::size_t>(messages);
  };
  wait_until("all are at the other end", read, 120);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  static_cast<void>(read());
  child.kill();
  const std::map<std::string, int> counted = counts();
  EXPECT_EQ(out.size(), static_cast<std::size_t>(messages));
  EXPECT_EQ(counted.size(), static_cast<std::size_t>(messages));
  for (const auto& [id, times] : counted) EXPECT_EQ(times, 1) << id;
  EXPECT_EQ(broker->waiting(queue), 0) << "all is acknowledged";
  EXPECT_EQ(out_of_order, 0) << "of a key";
  int repeats = 0;
  for (const auto& [id, times] : out) repeats += times - 1;
  std::printf(
      "%d messages, %zu counted once each, %zu ids out (%d repeats), %d kills of the program, %d of the broker\n",
      messages, counted.size(), out.size(), repeats, kills + 1, broker_killed);
}

}  // namespace
}  // namespace mnema

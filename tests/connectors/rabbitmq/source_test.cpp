#include "connectors/rabbitmq/source.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "tests/connectors/rabbitmq/rabbitmq_fixture.hpp"

namespace mnema {
namespace {

using testing::RabbitmqTestMessage;

class RabbitmqSourceTest : public testing::RabbitmqTest {
 protected:
  void wait_until_empty(const std::string& queue) {
    wait_until("the broker has no more", [&] {
      return broker->waiting(queue) == 0 && process->source->counts().unfinished == 0 &&
             process->source->counts().acknowledged > 0;
    });
  }
};

TEST_F(RabbitmqSourceTest, MakesEachMessageAnEventInTheOrderOfTheQueue) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 3'000, 16));
  boot(options(queue));
  wait_for_accepted(3'000);
  const std::vector<Event> events = process->ready();
  ASSERT_EQ(events.size(), 3'000U);
  std::map<std::string, int> last;
  for (const Event& event : events) {
    const int number = std::stoi(event.data.substr(10));
    const auto [before, is_first] = last.try_emplace(event.key, -1);
    EXPECT_LT(before->second, number) << event.key;
    before->second = number;
  }
  EXPECT_EQ(last.size(), 16U);
  const Event& first = events.front();
  EXPECT_EQ(first.id, "id-0");
  EXPECT_EQ(first.type, queue);
  EXPECT_EQ(first.source, "rabbitmq:orders/" + queue);
  EXPECT_EQ(first.trust, Trust::kExternal);
  EXPECT_EQ(first.attributes.at("rabbitmq_routing_key"), queue);
  EXPECT_EQ(first.attributes.at("rabbitmq_redelivered"), "false");
  wait_until("all are acknowledged", [&] { return process->source->counts().acknowledged == 3'000; });
  kill();
  EXPECT_EQ(broker->waiting(queue), 0) << "none comes again";
}

TEST_F(RabbitmqSourceTest, KnowsAMessageThatComesAgainByItsId) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 20));
  broker->publish(queue, numbered(10, 20));  // a sender that did not hear of its success
  boot(options(queue));
  wait_for_accepted(30);
  EXPECT_EQ(process->source->counts().duplicates, 10);
  EXPECT_EQ(process->ready().size(), 30U);
  wait_until_empty(queue);
}

TEST_F(RabbitmqSourceTest, TakesAnIdFromThePayloadOfAMessageWithoutOne) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, {{"{\"order\":1}"}, {"{\"order\":2}"}, {"{\"order\":1}"}, {"{\"order\":3}", "own"}, {"{}"}});
  RabbitmqSourceOptions by_path = options(queue);
  by_path.mapping.id = "{/order}";
  by_path.key_template = "one";
  by_path.key_template.clear();
  boot(by_path);
  wait_for_accepted(3);
  EXPECT_EQ(process->source->counts().duplicates, 1);
  EXPECT_EQ(process->ready().at(2).id, "own") << "the message's own id is the better one";
  wait_until("one has no place for it", [&] { return process->source->counts().dead == 1; });
}

TEST_F(RabbitmqSourceTest, MakesAnIdWhereThereIsNoneAndSaysWhatThatMeans) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, {{"{\"a\":1}"}, {"{\"a\":1}"}});
  RabbitmqSourceOptions without = options(queue);
  without.key_template.clear();
  boot(without);
  wait_for_accepted(2);
  EXPECT_NE(log().find("messages have no message_id"), std::string::npos);
}

TEST_F(RabbitmqSourceTest, ReadsCloudEvents) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, {{"{\"a\":1}",
                           "m-1",
                           {{"cloudEvents:specversion", "1.0"},
                            {"cloudEvents:id", "e-1"},
                            {"cloudEvents:type", "order.failed"},
                            {"cloudEvents:source", "/shop"}}},
                          {"{\"specversion\":\"1.0\",\"id\":\"e-2\",\"type\":\"order.paid\",\"source\":\"/shop\","
                           "\"data\":{\"a\":2}}",
                           "m-2",
                           {},
                           "application/cloudevents+json"}});
  RabbitmqSourceOptions cloud = options(queue);
  cloud.key_template.clear();
  boot(cloud);
  wait_for_accepted(2);
  const std::vector<Event> events = process->ready();
  EXPECT_EQ(events[0].id, "e-1");
  EXPECT_EQ(events[0].type, "order.failed");
  EXPECT_EQ(events[0].source, "rabbitmq:orders//shop");
  EXPECT_FALSE(events[0].attributes.contains("cloudEvents:id"));
  EXPECT_EQ(events[1].id, "e-2");
  EXPECT_EQ(events[1].data, "{\"a\":2}");
}

TEST_F(RabbitmqSourceTest, GoesOnBehindMessagesThatNobodyShouldSend) {
  const std::string queue = broker->create_queue();
  std::vector<RabbitmqTestMessage> messages;
  messages.push_back({"\"" + std::string(64 << 20, 'x') + "\"", "large"});
  messages.push_back({"", "empty"});
  messages.push_back({"{\"half\":", "half"});
  messages.push_back({"\xff\xfe", "bytes", {{"trace", "t1"}}});
  messages.push_back({"{\"a\":" + std::string(100'000, '['), "poison"});
  RabbitmqTestMessage headers{"{}", "headers"};
  for (int i = 0; i < 1'000; ++i) headers.headers.emplace_back("h" + std::to_string(i), "v");
  messages.push_back(headers);
  RabbitmqTestMessage nested{"{}", "nested"};
  nested.nested_headers = 10'000;
  messages.push_back(nested);
  messages.push_back({"{}", "long key", {{"key", std::string(2'000, 'k')}}});
  messages.push_back({"{\"a\":1}", "id-0", {{"key", "k"}}});
  for (const RabbitmqTestMessage& message : numbered(0, 3)) messages.push_back(message);
  broker->publish(queue, messages);
  boot(options(queue));
  wait_for_accepted(3);
  wait_until("the others are dead", [&] { return process->source->counts().dead == 9; });
  std::map<std::string, Event> dead;
  for (const Event& event : process->dead()) dead[event.id] = event;
  EXPECT_EQ(static_cast<std::int64_t>(dead.at("large").data.size()), Limits{}.event_bytes_max);
  EXPECT_EQ(dead.at("large").attributes.at("rabbitmq_body_bytes"), std::to_string((64 << 20) + 2));
  EXPECT_EQ(dead.at("bytes").data, "\xff\xfe") << "the bytes as they came";
  EXPECT_EQ(dead.at("bytes").attributes.at("header_trace"), "t1");
  EXPECT_EQ(dead.at("half").data, "{\"half\":");
  EXPECT_TRUE(dead.contains("empty"));
  EXPECT_TRUE(dead.contains("headers"));
  EXPECT_EQ(dead.at("id-0").data, "{\"number\":0}") << "its id was taken by another message";
  const auto letters = process->runtime->dead_letters().list(20);
  ASSERT_TRUE(letters.ok());
  for (const DeadLetterSummary& letter : *letters) EXPECT_NE(letter.error.message, "");
  wait_until_empty(queue);
  kill();
  EXPECT_EQ(broker->waiting(queue), 0);
}

TEST_F(RabbitmqSourceTest, TakesAnythingAsBytesIfToldTo) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, {{"", "empty", {}, "text/plain"}, {"no json", "text", {}, "text/plain"}});
  RabbitmqSourceOptions bytes = options(queue);
  bytes.mapping.format = MessageMapping::Format::kBytes;
  bytes.key_template.clear();
  boot(bytes);
  wait_for_accepted(2);
  EXPECT_EQ(process->ready()[1].data, "no json");
  EXPECT_EQ(process->ready()[1].content_type, "text/plain");
}

TEST_F(RabbitmqSourceTest, PassesOverWhatNoAgentAsksFor) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 5));
  RabbitmqSourceOptions unrouted = options(queue);
  unrouted.mapping.agent.clear();
  boot(unrouted);
  wait_until("all are passed over", [&] { return process->source->counts().unrouted == 5; });
  EXPECT_TRUE(process->ready().empty());
  EXPECT_TRUE(process->dead().empty());
  wait_until_empty(queue);
}

TEST_F(RabbitmqSourceTest, LeavesMessagesAtTheBrokerWhileItIsPaused) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 10));
  boot(options(queue));
  wait_for_accepted(10);
  process->source->pause();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  broker->publish(queue, numbered(10, 1'000));
  EXPECT_EQ(broker->waiting(queue), 1'000);
  EXPECT_EQ(process->source->counts().accepted, 10);
  process->source->resume();
  wait_for_accepted(1'010);
  EXPECT_EQ(data_of(process->ready()).size(), 1'010U);
  EXPECT_EQ(process->source->counts().pauses, 1);
  EXPECT_EQ(process->source->counts().connections, 1);
}

TEST_F(RabbitmqSourceTest, TakesNoMoreThanItsPrefetchBeforeTheFirstIsDone) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 20, 20));
  RabbitmqSourceOptions few = options(queue);
  few.consumer.prefetch_max = 5;
  few.consumer.acknowledges_done = true;
  boot(few);
  wait_for_accepted(5);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(process->source->counts().accepted, 5);
  EXPECT_EQ(broker->waiting(queue), 15);
  for (int i = 0; i < 20; ++i) process->handle_one();
  wait_until_empty(queue);
}

TEST_F(RabbitmqSourceTest, WaitsForAFullMailboxAndLosesNothing) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 30, 30));
  Limits tiny;
  tiny.mailbox_rows_max = tiny.mailbox_rows_per_tenant_max = 12;
  tiny.accept_batch_events_max = 5;
  boot(options(queue), tiny);
  wait_until("it is full", [&] { return log().find("messages are not stored for now") != std::string::npos; });
  EXPECT_LE(process->source->counts().accepted, 12);
  EXPECT_GE(broker->waiting(queue), 30 - 12 - 12) << "no more is fetched than there was capacity for";
  for (int i = 0; i < 30; ++i) process->handle_one();
  EXPECT_EQ(process->source->counts().accepted, 30);
  EXPECT_TRUE(process->ready().empty());
  wait_until_empty(queue);
}

TEST_F(RabbitmqSourceTest, AcknowledgesWhatIsDoneAndNotWhatIsStored) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 10, 1));
  RabbitmqSourceOptions done = options(queue);
  done.consumer.acknowledges_done = true;
  boot(done);
  wait_for_accepted(10);
  EXPECT_EQ(process->source->counts().acknowledged, 0) << "none is done";
  for (int i = 0; i < 3; ++i) process->handle_one();
  wait_until("three are done", [&] { return process->source->counts().acknowledged == 3; });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  kill();
  wait_until("the others are there again", [&] { return broker->waiting(queue) == 7; });
  boot(done);
  wait_until("they are known", [&] { return process->source->counts().duplicates == 7; });
  EXPECT_EQ(process->source->counts().redelivered, 7);
  EXPECT_EQ(process->source->counts().accepted, 0) << "what is in the mailbox does not come again";
  EXPECT_EQ(process->source->counts().unfinished, 7);
  for (int i = 0; i < 3; ++i) process->handle_one();
  wait_until("three more are done", [&] { return process->source->counts().acknowledged == 3; });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  kill();
  std::filesystem::remove_all(folder_);  // the disk is lost
  std::filesystem::create_directories(folder_);
  boot(done);
  wait_for_accepted(4);
  EXPECT_EQ(process->ready().front().data, "{\"number\":6}");
  EXPECT_EQ(process->ready().front().attributes.at("rabbitmq_redelivered"), "true");
  for (int i = 0; i < 4; ++i) process->handle_one();
  wait_until("all are done", [&] { return process->source->counts().acknowledged == 4; });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  kill();
  EXPECT_EQ(broker->waiting(queue), 0);
}

TEST_F(RabbitmqSourceTest, GoesOnWhenTheBrokerWasKilled) {
  for (const std::string type : {"classic", "quorum"}) {
    const std::string queue = broker->create_queue({{"x-queue-type", type}});
    broker->sync_declared();
    // RabbitMQ 3.10 forgets a quorum queue that it was given just before it is killed: its directory is written later.
    if (type == "quorum") std::this_thread::sleep_for(std::chrono::seconds(12));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    broker->publish(queue, numbered(0, 50));
    boot(options(queue));
    wait_for_accepted(50);
    broker->kill();
    wait_until("it says so", [&] { return process->source->problem().has_value(); });
    broker->start();
    broker->publish(queue, numbered(50, 50));
    wait_for_accepted(100);
    EXPECT_EQ(data_of(process->ready()).size(), 100U);
    EXPECT_FALSE(process->source->problem());
    kill();
  }
}

TEST_F(RabbitmqSourceTest, HasNoProblemWhenTheBrokerIsBackWhileItIsPaused) {
  const std::string queue = broker->create_queue();
  broker->sync_declared();
  boot(options(queue));
  wait_until("it consumes", [&] { return process->source->counts().connections == 1; });
  process->source->pause();
  broker->kill();
  wait_until("it says so", [&] { return process->source->problem().has_value(); });
  broker->start();
  wait_until("it is there again", [&] { return process->source->counts().connections == 2; }, 60);
  wait_until("it says so no more", [&] { return !process->source->problem(); });
}

TEST_F(RabbitmqSourceTest, NoticesABrokerThatIsSilent) {
  const std::string queue = broker->create_queue();
  RabbitmqSourceOptions quick = options(queue);
  quick.client.heartbeat_s = 1;
  boot(quick);
  wait_until("it consumes", [&] { return process->source->counts().connections == 1; });
  broker->freeze();
  wait_for_problem("silent");
  broker->thaw();
  broker->publish(queue, numbered(0, 10));
  wait_for_accepted(10);
}

TEST_F(RabbitmqSourceTest, SaysThatAQueueIsAbsentAndGoesOnWhenItIsThere) {
  const std::string queue = "absent-" + broker->create_queue();
  boot(options(queue));
  wait_for_problem("404 NOT_FOUND - no queue '" + queue + "' in vhost '/'");
  broker->create_queue(queue);
  broker->publish(queue, numbered(0, 5));
  wait_for_accepted(5);
  EXPECT_FALSE(process->source->problem());
}

TEST_F(RabbitmqSourceTest, SaysThatItsQueueWasDeleted) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 5));
  boot(options(queue));
  wait_for_accepted(5);
  broker->delete_queue(queue);
  wait_until("it says so", [&] { return log().find("cancelled the consumer of queue") != std::string::npos; });
  broker->create_queue(queue);
  broker->publish(queue, numbered(5, 5));
  wait_for_accepted(10);
}

TEST_F(RabbitmqSourceTest, DeclaresAndBindsItsQueueIfToldTo) {
  const std::string exchange = "exchange-" + broker->create_queue();
  broker->create_exchange(exchange, "topic");
  RabbitmqSourceOptions declared = options("declared-" + exchange);
  declared.consumer.declare_type = "quorum";
  declared.consumer.exchange = exchange;
  declared.consumer.routing_keys = {"order.*", "refund.#"};
  declared.mapping.type = "{rabbitmq_routing_key}";
  boot(declared);
  wait_until("it consumes", [&] { return log().find("a queue is consumed") != std::string::npos; });
  broker->publish("order.failed", numbered(0, 1), exchange);
  broker->publish("refund.eu.paid", numbered(1, 1), exchange);
  broker->publish("chat.message", numbered(2, 1), exchange);
  wait_for_accepted(2);
  EXPECT_EQ(process->ready()[0].type, "order.failed");
  EXPECT_EQ(process->ready()[1].type, "refund.eu.paid");
  kill();
  declared.consumer.declare_type = "classic";
  boot(declared);
  wait_for_problem("406 PRECONDITION_FAILED");
}

TEST_F(RabbitmqSourceTest, SaysThatItsPasswordIsRefusedAndTakesTheNextOne) {
  const std::string queue = broker->create_queue();
  const std::string file = folder_ + "/password";
  std::ofstream(file) << "yesterday's";
  RabbitmqSourceOptions rotated = options(queue);
  rotated.client.password = *SecretReference::parse("file:" + file);
  boot(rotated);
  wait_for_problem("403 ACCESS_REFUSED");
  EXPECT_EQ(log().find("yesterday"), std::string::npos) << "no secret is in the log";
  std::ofstream(file) << testing::RabbitmqBroker::kPassword;
  broker->publish(queue, numbered(0, 5));
  wait_for_accepted(5);
}

TEST_F(RabbitmqSourceTest, SaysThatItMayNotEnterAVhostOrReadAQueue) {
  const std::string queue = broker->create_queue();
  RabbitmqSourceOptions elsewhere = options(queue);
  elsewhere.client.vhost = "nowhere";
  boot(elsewhere);
  wait_for_problem("530 NOT_ALLOWED");
  broker->control("add_user weak weak-secret");
  broker->control("set_permissions -p / weak ^$ ^$ ^$");
  ::setenv("MNEMA_TEST_RABBITMQ_WEAK", "weak-secret", 1);
  RabbitmqSourceOptions weak = options(queue);
  weak.client.username = "weak";
  weak.client.password = *SecretReference::parse("env:MNEMA_TEST_RABBITMQ_WEAK");
  boot(weak);
  wait_for_problem("403 ACCESS_REFUSED");
}

TEST_F(RabbitmqSourceTest, AcknowledgesWhatItHasTakenWhenItIsDrained) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 2'000));
  Limits small_batches;  // so that the one on its way is soon done
  small_batches.accept_batch_events_max = 20;
  boot(options(queue), small_batches);
  wait_until("it has begun", [&] { return process->source->counts().accepted > 0; });
  process->source->drain();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  process->source->stop();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const long long accepted = process->source->counts().accepted;
  EXPECT_EQ(process->source->counts().acknowledged, accepted);
  EXPECT_EQ(broker->waiting(queue), 2'000 - accepted);
  kill();
  boot(options(queue));
  wait_for_accepted(2'000 - accepted);
  EXPECT_EQ(process->source->counts().duplicates, 0) << "what was acknowledged does not come again";
}

TEST_F(RabbitmqSourceTest, TrustsACertificateOfTheBrokersHostAndNoOther) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 5));
  const std::string files = broker->certificates();
  RabbitmqSourceOptions trusted = options(queue);
  trusted.client = client(broker->tls_address(), true);
  trusted.client.ca_file = files + "/ca.pem";
  trusted.client.certificate_file = files + "/client.pem";
  trusted.client.key_file = files + "/client.key";
  boot(trusted);
  wait_for_accepted(5);

  RabbitmqSourceOptions other_authority = trusted;
  other_authority.client.ca_file = files + "/other.pem";
  boot(other_authority);
  wait_for_problem("is not trusted: ");

  RabbitmqSourceOptions other_host = trusted;
  other_host.client.brokers.at(0).host = "127.0.0.1";  // the certificate is localhost's
  boot(other_host);
  wait_for_problem("IP address mismatch");

  RabbitmqSourceOptions scoped = trusted;
  scoped.client.brokers.at(0).host = "::ffff:127.0.0.1%1";  // that with the number of an interface
  boot(scoped);
  wait_for_problem("IP address mismatch");

  RabbitmqSourceOptions anonymous = trusted;
  anonymous.client.certificate_file.clear();
  anonymous.client.key_file.clear();
  boot(anonymous);
  wait_until("the broker wants our certificate", [&] { return process->source->problem().has_value(); });

  RabbitmqSourceOptions plain = trusted;
  plain.client.tls = false;
  boot(plain);
  wait_until("it is no place for plain text", [&] { return process->source->problem().has_value(); });
  EXPECT_EQ(process->source->counts().connections, 0);
}

TEST_F(RabbitmqSourceTest, TriesTheNextBrokerWhereOneDoesNotAnswer) {
  const std::string queue = broker->create_queue();
  broker->publish(queue, numbered(0, 5));
  RabbitmqSourceOptions several = options(queue);
  several.client.brokers = *parse_rabbitmq_brokers("127.0.0.1:1," + broker->address(), false);
  boot(several);
  wait_for_accepted(5);
}

}  // namespace
}  // namespace mnema

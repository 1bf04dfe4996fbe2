#include "connectors/kafka/client.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdlib>

#include "connectors/base64.hpp"
#include "runtime/base/check.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {
namespace {

TEST(KafkaClient, PassesOnlySettingsThroughThatBreakNoPromise) {
  for (const char* ours : {"group.id", "enable.auto.commit", "transactional.id", "isolation.level", "sasl.password",
                           "sasl.oauthbearer.config", "ssl.key.password", "plugin.library.paths", "security.protocol",
                           "auto.offset.reset", "test.mock.num.brokers", "bootstrap.servers"}) {
    EXPECT_NE(problem_of_kafka_setting(ours), "") << ours;
  }
  for (const char* free : {"fetch.max.bytes", "compression.type", "session.timeout.ms", "socket.keepalive.enable"}) {
    EXPECT_EQ(problem_of_kafka_setting(free), "") << free;
  }
}

TEST(KafkaClient, NamesASettingThatLibrdkafkaDoesNotTakeAndNoSecret) {
  ThreadPoolExecutor blocking("blocking", 1);
  SystemClock clock;
  SecretsStore secrets(clock);
  const Limits limits;
  KafkaClientOptions options;
  options.brokers = "127.0.0.1:1";
  const auto problem = [&] {
    const auto opened =
        KafkaClient::open(RD_KAFKA_PRODUCER, "test", options, {}, 0, {secrets, blocking, clock, limits});
    return opened.ok() ? std::string() : opened.error().text();
  };
  options.options = {{"fetch.max.bytez", "1"}};
  EXPECT_NE(problem().find("fetch.max.bytez"), std::string::npos) << problem();
  options.options = {{"sasl.password", "hunter2"}};
  EXPECT_EQ(problem().find("hunter2"), std::string::npos) << problem();
  options.options = {};
  options.sasl = "plain";
  options.username = "u";
  options.secret = *SecretReference::parse("env:MNEMA_TEST_NO_SUCH_VARIABLE");
  EXPECT_NE(problem().find("MNEMA_TEST_NO_SUCH_VARIABLE"), std::string::npos) << problem();
  options.secret.reset();
  options.sasl = "";
  EXPECT_EQ(problem(), "") << "a broker that is not there is no mistake of the configuration";
}

/// Whether a client that nobody polls comes to a broker within the time.
bool connects(KafkaClientOptions options) {
  ThreadPoolExecutor blocking("blocking", 1);
  SystemClock clock;
  SecretsStore secrets(clock);
  const Limits limits;
  boost::asio::io_context context;
  using boost::asio::ip::tcp;
  tcp::acceptor acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  options.brokers = "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  const auto opened = KafkaClient::open(RD_KAFKA_PRODUCER, "test", options, {}, 0, {secrets, blocking, clock, limits});
  CHECK(opened.ok(), "the settings are good");
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_metadata((*opened)->get(), 1, nullptr, &metadata, 500);  // wants a broker, and hears of none
  pollfd waiting{acceptor.native_handle(), POLLIN, 0};
  return ::poll(&waiting, 1, 1'500) == 1;
}

TEST(KafkaClient, HasItsTokenBeforeAnybodyHandlesItsEvents) {
  ::setenv("MNEMA_TEST_KAFKA_TOKEN", "an-opaque-token", 1);
  KafkaClientOptions options;
  options.sasl = "oauthbearer";
  EXPECT_FALSE(connects(options)) << "without a token there is no login to try";
  options.secret = *SecretReference::parse("env:MNEMA_TEST_KAFKA_TOKEN");
  EXPECT_TRUE(connects(options));
}

TEST(KafkaClient, ReadsUntilWhenATokenIsGood) {
  const auto token = [](const std::string& claims) {
    std::string text = base64_encode(claims);
    while (text.ends_with('=')) text.pop_back();
    return "e30." + text + ".sig";
  };
  EXPECT_EQ(expiry_of_token(token(R"({"sub":"a","exp":1700000000})")), Time{std::chrono::seconds(1'700'000'000)});
  for (const std::string& none :
       {token("{}"), token("[]"), token(R"({"exp":"soon"})"), token(R"({"exp":-1})"), token(R"({"exp":9e99})"),
        std::string("opaque"), std::string("a.b"), std::string("..")}) {
    EXPECT_FALSE(expiry_of_token(none)) << none;
  }
}

}  // namespace
}  // namespace mnema

#include "connectors/rabbitmq/dial.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <future>

#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {
namespace {

std::string parsed(const std::string& brokers, bool is_tls = false) {
  const Result<std::vector<RabbitmqAddress>> addresses = parse_rabbitmq_brokers(brokers, is_tls);
  if (!addresses.ok()) return "none";
  std::string all;
  for (const RabbitmqAddress& address : *addresses) all += address.text() + " ";
  return all;
}

TEST(RabbitmqDial, ReadsWhereBrokersAre) {
  EXPECT_EQ(parsed("a"), "a:5672 ");
  EXPECT_EQ(parsed("a", true), "a:5671 ");
  EXPECT_EQ(parsed("a:1, b.example.com:65535"), "a:1 b.example.com:65535 ");
  EXPECT_EQ(parsed("[::1]:7,[::2]"), "[::1]:7 [::2]:5672 ");
  for (const std::string wrong :
       {"", ":5672", "a:", "a:0", "a:65536", "a:b", "a:1x", "[::1", "[::1]7", "amqp://a", ","}) {
    EXPECT_EQ(parsed(wrong), "none") << wrong;
  }
}

TEST(RabbitmqDial, DoesNotRepeatAPasswordThatStandsInAnAddress) {
  for (const std::string wrong : {"amqp://mnema:geheim@a:5672/", "mnema:geheim@a", "mnema:gehe,im@a"}) {
    const Result<std::vector<RabbitmqAddress>> addresses = parse_rabbitmq_brokers(wrong, false);
    ASSERT_FALSE(addresses.ok());
    EXPECT_EQ(addresses.error().text().find("gehe"), std::string::npos) << addresses.error().text();
    EXPECT_NE(addresses.error().text().find("username"), std::string::npos) << "it says where they belong";
  }
}

TEST(RabbitmqDial, AsksNobodyForThePassphraseOfAKey) {
  const std::string folder = ::testing::TempDir() + "mnema-rabbitmq-dial-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  const std::string make = "cd '" + folder +
                           "' && openssl req -x509 -newkey rsa:2048 -days 2 -passout pass:geheim -keyout key.pem"
                           " -out own.pem -subj /CN=own 2>openssl.log";
  ASSERT_EQ(std::system(make.c_str()), 0);
  int silent[2];
  ASSERT_EQ(::pipe(silent), 0);
  const int own_input = ::dup(STDIN_FILENO);
  ::dup2(silent[0], STDIN_FILENO);
  {
    SystemClock clock;
    SystemRandom random;
    const Limits limits;
    SecretsStore secrets(clock);
    Loop loop;
    ThreadPoolExecutor blocking("blocking", 1);
    RabbitmqClientOptions options;
    options.brokers = *parse_rabbitmq_brokers("127.0.0.1:1", true);
    options.tls = true;
    options.ca_file = options.certificate_file = folder + "/own.pem";
    options.key_file = folder + "/key.pem";
    std::promise<Result<RabbitmqDialled>> dialled;
    std::future<Result<RabbitmqDialled>> answer = dialled.get_future();
    dial_rabbitmq(std::make_shared<const RabbitmqClientOptions>(options), 0,
                  {loop, blocking, secrets, clock, random, limits}, std::chrono::seconds(10),
                  [&](Result<RabbitmqDialled> result) { dialled.set_value(std::move(result)); });
    loop.start();
    EXPECT_EQ(answer.wait_for(std::chrono::seconds(10)), std::future_status::ready) << "it waits for somebody";
    ::close(silent[1]);  // so that it ends
    const Result<RabbitmqDialled> result = answer.get();
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(result.error().hint, "it must be PEM without a passphrase");
    loop.stop();
    loop.join();
  }
  ::dup2(own_input, STDIN_FILENO);
  ::close(own_input);
  ::close(silent[0]);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mnema

#include "connectors/http/resolver.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "tests/connectors/http/peer.hpp"

namespace mnema {
namespace {

using testing::NameServer;

class ResolverTest : public ::testing::Test {
 protected:
  void serve(Resolver& resolver, const std::function<bool()>& done) {
    const MonotonicTime until = clock_.monotonic_now() + std::chrono::seconds(10);
    while (!done() && clock_.monotonic_now() < until) {
      std::vector<pollfd> descriptors;
      resolver.add_descriptors(descriptors);
      const Duration patience = resolver.patience().value_or(std::chrono::milliseconds(10));
      poll(descriptors.data(), descriptors.size(), static_cast<int>(patience.count() / 1000) + 1);
      resolver.process(descriptors);
      resolver.check_integrity();
    }
  }
  Resolver::Options options(const NameServer& server) {
    Resolver::Options options;
    options.servers = server.address();
    options.try_time = std::chrono::milliseconds(20);
    options.tries = 2;
    return options;
  }

  SystemClock clock_;
};

TEST_F(ResolverTest, KnowsAddressesAndLocalhostWithoutAsking) {
  NameServer server(false);
  Resolver resolver(options(server), clock_);
  for (std::string host : {"127.0.0.1", "::1", "localhost", "LocalHost"}) {
    std::optional<Result<Addresses>> found;
    EXPECT_EQ(resolver.resolve(host, [&](Result<Addresses> answer) { found = std::move(answer); }), 0U);
    ASSERT_TRUE(found && found->ok()) << host;
    EXPECT_FALSE((*found)->empty());
  }
  EXPECT_EQ(server.questions(), 0);
}

TEST_F(ResolverTest, AsksOnceForAllWhoWantTheSameNameAndKeepsTheAnswer) {
  NameServer server(true);
  Resolver resolver(options(server), clock_);
  int answered = 0;
  for (int i = 0; i < 10; ++i) {
    EXPECT_NE(resolver.resolve("api.example",
                               [&](const Result<Addresses>& answer) {
                                 ASSERT_TRUE(answer.ok()) << answer.error().text();
                                 EXPECT_EQ(answer->front(), "127.0.0.1");
                                 ++answered;
                               }),
              0U);
  }
  serve(resolver, [&] { return answered == 10; });
  EXPECT_EQ(answered, 10);
  EXPECT_EQ(server.questions(), 2);  // A and AAAA
  EXPECT_EQ(resolver.resolve("api.example", [&](const Result<Addresses>&) { ++answered; }), 0U);
  EXPECT_EQ(answered, 11);
}

TEST_F(ResolverTest, SaysThatANameServerIsSilentAndForgetsWhoWaitsNoLonger) {
  NameServer server(false);
  Resolver resolver(options(server), clock_);
  std::optional<Result<Addresses>> found;
  bool forgotten_ran = false;
  const std::uint64_t caller = resolver.resolve("api.example", [&](const Result<Addresses>&) { forgotten_ran = true; });
  resolver.resolve("api.example", [&](Result<Addresses> answer) { found = std::move(answer); });
  resolver.forget(caller);
  serve(resolver, [&] { return found.has_value(); });
  ASSERT_TRUE(found && !found->ok());
  EXPECT_TRUE(found->error().retryable);
  EXPECT_NE(found->error().text().find("api.example"), std::string::npos);
  EXPECT_FALSE(forgotten_ran);
}

TEST_F(ResolverTest, RefusesServersThatAreNoAddresses) {
  Resolver::Options bad;
  bad.servers = "not an address";
  Resolver resolver(bad, clock_);
  std::optional<Result<Addresses>> found;
  EXPECT_EQ(resolver.resolve("api.example", [&](Result<Addresses> answer) { found = std::move(answer); }), 0U);
  EXPECT_FALSE(found->ok());
}

TEST_F(ResolverTest, MayGoWhileAQuestionIsOut) {
  NameServer server(false);
  Resolver resolver(options(server), clock_);
  resolver.resolve("api.example", [](const Result<Addresses>&) { FAIL() << "nobody is there to answer"; });
}

}  // namespace
}  // namespace mnema

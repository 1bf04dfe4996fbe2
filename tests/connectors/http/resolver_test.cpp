#include "connectors/http/resolver.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <optional>

#include "tests/connectors/http/peer.hpp"

namespace mnema {
namespace {

using testing::NameServer;

class ResolverTest : public ::testing::Test {
 protected:
  Resolver::Watch watch() {
    return [this](int descriptor, short events) {
      if (events == 0) {
        watched_.erase(descriptor);
      } else {
        watched_[descriptor] = events;
      }
    };
  }
  void serve(Resolver& resolver, const std::function<bool()>& done) {
    const MonotonicTime until = clock_.monotonic_now() + std::chrono::seconds(10);
    while (!done() && clock_.monotonic_now() < until) {
      std::vector<pollfd> descriptors;
      for (const auto& [descriptor, events] : watched_) descriptors.push_back({descriptor, events, 0});
      const Duration patience = resolver.patience().value_or(std::chrono::milliseconds(10));
      poll(descriptors.data(), descriptors.size(), static_cast<int>(patience.count() / 1000) + 1);
      for (const pollfd& ready : descriptors) {
        if (ready.revents != 0) resolver.on_ready(ready.fd, ready.revents);
      }
      resolver.on_time();
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
  std::map<int, short> watched_;
};

TEST_F(ResolverTest, KnowsAddressesAndLocalhostWithoutAsking) {
  NameServer server(false);
  Resolver resolver(options(server), clock_, watch());
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
  Resolver resolver(options(server), clock_, watch());
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
  Resolver resolver(options(server), clock_, watch());
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
  Resolver resolver(bad, clock_, watch());
  std::optional<Result<Addresses>> found;
  EXPECT_EQ(resolver.resolve("api.example", [&](Result<Addresses> answer) { found = std::move(answer); }), 0U);
  EXPECT_FALSE(found->ok());
}

TEST_F(ResolverTest, FollowsItsConfigurationAsItIsNow) {
  NameServer server(true);
  Resolver::Options from_file = options(server);
  from_file.configuration = "/tmp/mnema_resolv_" + std::to_string(getpid());
  std::ofstream(from_file.configuration) << "search office.example\n";
  Resolver resolver(from_file, clock_, watch());
  auto resolve = [&](const std::string& name) {
    std::optional<Result<Addresses>> found;
    resolver.resolve(name, [&](Result<Addresses> answer) { found = std::move(answer); });
    serve(resolver, [&] { return found.has_value(); });
    EXPECT_TRUE(found && found->ok()) << name;
    return server.last_name();
  };
  EXPECT_EQ(resolve("printer"), "printer.office.example");
  std::ofstream(from_file.configuration) << "search home.example  # another network\n";
  EXPECT_EQ(resolve("scanner"), "scanner.home.example");
  std::remove(from_file.configuration.c_str());
}

TEST_F(ResolverTest, MayGoWhileAQuestionIsOut) {
  NameServer server(false);
  Resolver resolver(options(server), clock_, watch());
  resolver.resolve("api.example", [](const Result<Addresses>&) { FAIL() << "nobody is there to answer"; });
}

}  // namespace
}  // namespace mnema

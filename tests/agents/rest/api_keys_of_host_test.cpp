#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "agents/host_harness.hpp"

// Keys and roles of a configuration, on a whole program.

namespace mnema {
namespace {

using testing::event_for;
using testing::HostHarness;

task<Outcome> failing(Ctx&, Event) {
  throw std::runtime_error("no such account");
  co_return done();
}

/// One request over a socket of its own, and the whole answer.
std::string http(const std::string& address, const std::string& line, const std::string& key) {
  const std::string request = line + " HTTP/1.1\r\nHost: " + address +
                              "\r\nConnection: close\r\nContent-Length: 0\r\n" +
                              (key.empty() ? "" : "Authorization: Bearer " + key + "\r\n") + "\r\n";
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      ::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(descriptor, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(got));
    }
  }
  ::close(descriptor);
  return answer;
}

HostHarness::Options with_keys(const std::string& keys) {
  HostHarness::Options options;
  options.declare = [](Host& host) { host.agent("failing", failing); };
  options.config = parse_config(keys, "mnema.toml").value();
  options.config.limits.attempts_max = 1;
  return options;
}

TEST(ApiKeysOfHost, OpenTheRoutesOfTheirRolesForTheirTenant) {
  ::setenv("MNEMA_TEST_KEY_A", "key-a", 1);
  ::setenv("MNEMA_TEST_KEY_B", "key-b", 1);
  ::setenv("MNEMA_TEST_KEY_ALL", "key-all", 1);
  HostHarness harness(with_keys(R"(
[server.keys.a]
key = {env = "MNEMA_TEST_KEY_A"}
tenant = "a"
roles = ["read"]
[server.keys.b]
key = {env = "MNEMA_TEST_KEY_B"}
tenant = "b"
[server.keys.all]
key = {env = "MNEMA_TEST_KEY_ALL"}
tenant = "*"
roles = ["read", "operate"]
)"));
  ASSERT_TRUE(harness.start().ok());
  Event event = event_for("failing", "k", "{}");
  event.tenant = "a";
  ASSERT_EQ(*harness.handle(event), TurnEnd::kDead);

  const auto status = [&](const std::string& line, const std::string& key) {
    const std::string answer = http(harness.address(), line, key);
    return answer.size() > 12 ? answer.substr(9, 3) : answer;
  };
  const std::string letters = "/admin/v1/dead-letters";
  EXPECT_EQ(status("GET " + letters, ""), "401");
  EXPECT_EQ(status("GET " + letters, "key-b"), "403");
  EXPECT_EQ(status("GET /metrics", "key-b"), "403");
  EXPECT_EQ(status("GET /health", ""), "200");
  EXPECT_EQ(status("GET /metrics", "key-a"), "200");
  EXPECT_EQ(status("POST " + letters + "/event:1/drop", "key-a"), "403");
  EXPECT_NE(http(harness.address(), "GET " + letters, "key-a").find("\"event:1\""), std::string::npos);
  EXPECT_EQ(status("GET /v1/models", "key-all"), "403");
  EXPECT_EQ(status("POST " + letters + "/event:1/drop", "key-all"), "200");
  EXPECT_EQ(status("GET " + letters + "/event:1", "key-a"), "404");
}

TEST(ApiKeysOfHost, AreNamedWithTheirLineWhenTheyCannotBeRead) {
  ::unsetenv("MNEMA_TEST_KEY_NONE");
  HostHarness harness(with_keys("[server.keys.shop]\nkey = {env = \"MNEMA_TEST_KEY_NONE\"}\n"));
  const Status started = harness.start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message.find("mnema.toml:2:"), std::string::npos) << started.error().text();
  EXPECT_NE(started.error().message.find("[server.keys.shop]"), std::string::npos) << started.error().text();
  EXPECT_NE(started.error().message.find("MNEMA_TEST_KEY_NONE"), std::string::npos) << started.error().text();
}

}  // namespace
}  // namespace mnema

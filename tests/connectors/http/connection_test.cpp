#include "connectors/http/connection.hpp"

#include <gtest/gtest.h>

#include "runtime/simulation_executor.hpp"

namespace mnema {
namespace {

/// A connection over memory; its handler answers "ok".
class ConnectionTest : public ::testing::Test {
 protected:
  /// Everything the server sends until it closes or falls silent.
  std::string answer_to(const std::string& request, const HttpServerOptions& options = {}) {
    auto context = std::shared_ptr<HttpConnectionContext>(new HttpConnectionContext{
        loop_, simulation_.clock(), simulation_.random(), limits_, options,
        [](HttpRequest, std::shared_ptr<HttpExchange> exchange) { exchange->respond(text_response(200, "ok")); },
        [](HttpConnection&) {}});
    auto [ours, theirs] = make_memory_streams(loop_);
    std::make_shared<HttpConnection>(context, std::move(theirs))->start();
    const std::array<std::string_view, 1> pieces = {request};
    ours->write_some(pieces, [](long) {});
    std::string answer;
    std::array<char, 4096> buffer{};
    for (bool more = true; more;) {
      more = false;
      ours->read_some(buffer, [&](long count) {
        if (count <= 0) return;
        answer.append(buffer.data(), static_cast<std::size_t>(count));
        more = true;
      });
      simulation_.run_ready();
    }
    ours->close();
    simulation_.run_until_idle();
    return answer;
  }

  Simulation simulation_{1};
  Executor& loop_ = simulation_.lane("loop");
  const Limits limits_;
};

TEST_F(ConnectionTest, AnswersOnLoopbackOnlyAsLoopback) {
  EXPECT_TRUE(answer_to("GET / HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n\r\n").starts_with("HTTP/1.1 200"));
  // A page whose name was made to point here: to its browser this is its own origin.
  const std::string rebound =
      answer_to("GET / HTTP/1.1\r\nHost: evil.example:7070\r\nOrigin: http://evil.example:7070\r\n\r\n");
  EXPECT_TRUE(rebound.starts_with("HTTP/1.1 403")) << rebound;
  EXPECT_NE(rebound.find("\"error\""), std::string::npos) << "as OpenAI's clients read it";
  EXPECT_NE(rebound.find("evil.example"), std::string::npos);
}

TEST_F(ConnectionTest, AnswersToAnyHostOnOtherAddressesAndBehindAProxy) {
  const std::string request = "GET / HTTP/1.1\r\nHost: agents.example\r\n\r\n";
  HttpServerOptions open;
  open.host = "0.0.0.0";
  EXPECT_TRUE(answer_to(request, open).starts_with("HTTP/1.1 200"));
  HttpServerOptions proxied;
  proxied.foreign_hosts = true;
  EXPECT_TRUE(answer_to(request, proxied).starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace mnema

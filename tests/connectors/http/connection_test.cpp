#include "connectors/http/connection.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

/// A client over memory: sends what it is given and collects what comes.
class Client {
 public:
  Client(Simulation& simulation, std::unique_ptr<Stream> stream)
      : simulation_(simulation), stream_(std::move(stream)) {}
  ~Client() {
    stream_->close();
    simulation_.run_ready();  // outstanding callbacks name this
  }

  void send(std::string bytes) {
    outgoing_ = std::move(bytes);
    for (std::size_t at = 0; at < outgoing_.size() && !closed; at += static_cast<std::size_t>(sent_)) {
      sent_ = 0;
      const std::array<std::string_view, 1> pieces = {std::string_view(outgoing_).substr(at)};
      stream_->write_some(pieces, [this](long result) { sent_ = result; });
      simulation_.run_ready();
      read();
      if (sent_ <= 0) return;
    }
  }

  void read() {
    while (!closed) {
      if (!reading_) {
        reading_ = true;
        stream_->read_some(buffer_, [this](long count) {
          reading_ = false;
          closed = count <= 0;
          if (count > 0) got.append(buffer_.data(), static_cast<std::size_t>(count));
        });
      }
      simulation_.run_ready();
      if (reading_) return;
    }
  }

  std::string got;
  bool closed = false;

 private:
  Simulation& simulation_;
  std::unique_ptr<Stream> stream_;
  std::string outgoing_;
  long sent_ = 0;
  std::array<char, 4096> buffer_{};
  bool reading_ = false;
};

/// Connections over memory; their handler answers "ok", unless a test has another.
class ConnectionTest : public ::testing::Test {
 protected:
  ~ConnectionTest() override { simulation_.run_until_idle(); }

  std::unique_ptr<Client> connect(const HttpServerOptions& options = {}) {
    if (!context_) {
      context_ = std::shared_ptr<HttpConnectionContext>(
          new HttpConnectionContext{loop_, simulation_.clock(), simulation_.random(), limits_, options,
                                    [this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
                                      handler_(std::move(request), std::move(exchange));
                                    },
                                    [](HttpConnection&) {}});
    }
    auto [ours, theirs] = make_memory_streams(loop_);
    std::make_shared<HttpConnection>(context_, std::move(theirs))->start();
    return std::make_unique<Client>(simulation_, std::move(ours));
  }

  /// Everything the server sends until it closes or falls silent.
  std::string answer_to(const std::string& request, const HttpServerOptions& options = {}) {
    context_.reset();
    const auto client = connect(options);
    client->send(request);
    client->read();
    return client->got;
  }

  Simulation simulation_{1};
  Executor& loop_ = simulation_.lane("loop");
  Limits limits_;
  HttpHandler handler_ = [](const HttpRequest&, const std::shared_ptr<HttpExchange>& exchange) {
    exchange->respond(text_response(200, "ok"));
  };
  std::shared_ptr<HttpConnectionContext> context_;
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

TEST_F(ConnectionTest, LooksAtTheHostOfAnAbsoluteTargetNotAtTheHeader) {
  const auto get = [this](const std::string& target) {
    return answer_to("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n\r\n").substr(0, 12);
  };
  EXPECT_EQ(get("http://other.example/health"), "HTTP/1.1 403");
  EXPECT_EQ(get("HTTPS://other.example:7070/health"), "HTTP/1.1 403");
  EXPECT_EQ(get("http://127.0.0.1:7070/health"), "HTTP/1.1 200");
  EXPECT_EQ(get("HTTP://localhost/health"), "HTTP/1.1 200");
  EXPECT_TRUE(answer_to("GET http://other.example/ HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 403"));
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

TEST_F(ConnectionTest, EchoesTheClientsRequestIdOrDrawsOne) {
  const std::string named = answer_to("GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: proxy-1\r\n\r\n");
  EXPECT_NE(named.find("x-request-id: proxy-1\r\n"), std::string::npos);
  const std::string drawn = answer_to("GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: <script>\r\n\r\n");
  EXPECT_NE(drawn.find("x-request-id: req_"), std::string::npos);
}

TEST_F(ConnectionTest, AnswersHealthAndSmallRequestsBesideAHundredHalfSentBodies) {
  constexpr int kClients = 100;
  constexpr std::size_t kBody = 256 << 10;
  limits_.http_body_bytes_max = kBody;
  limits_.http_bodies_bytes_max = 4 << 20;
  const std::string head = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: ";
  std::vector<std::unique_ptr<Client>> half;
  int refused = 0;
  for (int i = 0; i < kClients; ++i) {
    half.push_back(connect());
    half.back()->send(head + std::to_string(kBody) + "\r\n\r\n" + std::string(kBody - 1, 'x'));
    half.back()->read();
    context_->bodies.check_integrity();
    if (half.back()->got.empty()) continue;
    ++refused;
    EXPECT_TRUE(half.back()->got.starts_with("HTTP/1.1 503")) << half.back()->got;
    EXPECT_NE(half.back()->got.find("retry-after: 1\r\n"), std::string::npos);
    EXPECT_NE(half.back()->got.find("connection: close\r\n"), std::string::npos);
  }
  EXPECT_GT(refused, kClients / 2);
  EXPECT_GT(context_->bodies.bytes_used(), 3 << 20) << "what fits is received";

  const auto other = connect();
  other->send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  other->send(head + "5\r\n\r\nsmall");
  other->read();
  EXPECT_NE(other->got.find("ok"), other->got.rfind("ok")) << "two answers: " << other->got;

  simulation_.run_for(std::chrono::milliseconds(limits_.http_body_timeout_ms + 10'000));
  EXPECT_EQ(context_->bodies.bytes_used(), 0) << "nobody holds memory for longer than the body timeout";
}

TEST_F(ConnectionTest, CountsABodyUntilItsHandlerLetsGo) {
  std::shared_ptr<HttpExchange> held;
  handler_ = [&held](const HttpRequest&, std::shared_ptr<HttpExchange> exchange) { held = std::move(exchange); };
  {
    const auto client = connect();
    client->send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
    EXPECT_GE(context_->bodies.bytes_used(), 1000);
  }
  simulation_.run_ready();
  EXPECT_TRUE(held->disconnected());
  EXPECT_GE(context_->bodies.bytes_used(), 1000) << "the client has gone, its body is still in memory";
  held.reset();
  simulation_.run_ready();
  EXPECT_EQ(context_->bodies.bytes_used(), 0);
}

}  // namespace
}  // namespace mnema

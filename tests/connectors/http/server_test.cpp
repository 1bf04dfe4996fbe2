#include "connectors/http/server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>
#include <thread>

namespace mnema {
namespace {

/// A socket on loopback, closed when it goes.
class Peer {
 public:
  explicit Peer(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Peer() { ::close(socket_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(std::string_view bytes) const {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// What comes until `end` is in it, or the server closes.
  [[nodiscard]] std::string read_until(std::string_view end) const {
    std::string got;
    std::array<char, 4096> buffer{};
    while (got.find(end) == std::string::npos) {
      const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (count <= 0) break;
      got.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return got;
  }
  [[nodiscard]] std::string read_to_end() const { return read_until("\x01 never sent"); }

 private:
  const int socket_;
};

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start().ok());
    loop_.start();
  }
  void TearDown() override {
    stop(Duration::zero());
    on_loop([this] { server_.check_integrity(); });
    EXPECT_EQ(server_.counts().connections_opened, server_.counts().connections_closed);
    EXPECT_EQ(server_.counts().body_bytes, 0);
    loop_.stop();
    loop_.join();
  }
  void stop(Duration grace) {
    std::promise<void> stopped;
    server_.stop(grace, [&] { stopped.set_value(); });
    stopped.get_future().wait();
  }
  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  SystemClock clock_;
  SystemRandom random_;
  Limits limits_ = [] {
    Limits limits;
    limits.http_body_bytes_max = 1 << 20;
    limits.http_bodies_bytes_max = 2 << 20;
    return limits;
  }();
  Loop loop_;
  std::shared_ptr<HttpExchange> held_;  // of requests for /held
  HttpServer server_{loop_,
                     clock_,
                     random_,
                     limits_,
                     HttpServerOptions{},
                     [this](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
                       if (request.path == "/held") {
                         held_ = std::move(exchange);
                       } else {
                         exchange->respond(text_response(200, "ok"));
                       }
                     }};
};

constexpr std::string_view kHealth = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(HttpServerTest, AnswersHealthWhileHalfSentBodiesHoldAllTheMemoryTheyMay) {
  std::vector<std::unique_ptr<Peer>> half;
  for (int i = 0; i < 10; ++i) {
    half.push_back(std::make_unique<Peer>(server_.port()));
    half.back()->send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" +
                      std::string(600'000, 'x'));
  }
  while (server_.counts().refusals == 0) std::this_thread::yield();  // they are received meanwhile
  const Peer probe(server_.port());
  probe.send(kHealth);
  EXPECT_TRUE(probe.read_until("ok").starts_with("HTTP/1.1 200"));
  on_loop([this] { server_.check_integrity(); });
  EXPECT_LE(server_.counts().body_bytes, limits_.http_bodies_bytes_max);
  EXPECT_GT(server_.counts().body_bytes, 0);
}

TEST_F(HttpServerTest, LetsAnAnswerInHandFinishWhenItStops) {
  auto busy = std::make_unique<Peer>(server_.port());
  busy->send("GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Peer idle(server_.port());
  idle.send(kHealth);
  EXPECT_TRUE(idle.read_until("ok").ends_with("ok"));
  for (bool is_there = false; !is_there;) on_loop([&] { is_there = held_ != nullptr; });
  std::promise<void> stopped;
  server_.stop(std::chrono::minutes(1), [&] { stopped.set_value(); });
  EXPECT_EQ(idle.read_to_end(), "") << "an idle connection is closed at once";
  held_->respond(text_response(200, "late"));
  held_.reset();
  EXPECT_TRUE(busy->read_to_end().ends_with("late"));
  busy.reset();  // or its last bytes are waited for
  stopped.get_future().wait();
}

TEST_F(HttpServerTest, SaysWhichPortIsTakenAndWhichAddressIsNone) {
  HttpServerOptions options;
  options.port = server_.port();
  HttpServer second(loop_, clock_, random_, limits_, options, [](HttpRequest, const std::shared_ptr<HttpExchange>&) {});
  const Status taken = second.start();
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(taken.error().message.find(std::to_string(server_.port())), std::string::npos);
  options.host = "not an address";
  HttpServer third(loop_, clock_, random_, limits_, options, [](HttpRequest, const std::shared_ptr<HttpExchange>&) {});
  EXPECT_EQ(third.start().error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace mnema

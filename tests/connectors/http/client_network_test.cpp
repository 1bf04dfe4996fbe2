// HttpClient over CurlTransport, against peers on loopback: what the two do together, and races between them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <future>

#include "connectors/http/client.hpp"
#include "connectors/http/curl_transport.hpp"
#include "connectors/http/date.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/connectors/http/peer.hpp"

namespace mnema {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::always;
using testing::NameServer;
using testing::Peer;
using testing::PeerConnection;

class HttpClientNetworkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CurlTransportOptions options;
    options.dns_servers = names_.address();
    transport_ = std::move(*CurlTransport::open(options, clock_));
    upstream_options_.name = "shop";
  }
  void TearDown() override {
    if (client_) client_->stop();
    transport_->stop();
    blocking_.stop();
    replies_.stop();
    if (upstream_) {
      upstream_->check_integrity();
      EXPECT_EQ(upstream_->counts().in_flight, 0);
    }
  }
  HttpClient& client(const std::string& url) {
    options_.base_url = url;
    upstream_ = std::make_unique<Upstream>(upstream_options_, clock_);
    client_ = std::make_unique<HttpClient>(options_, *upstream_, secrets_, *transport_, blocking_, clock_, random_);
    return *client_;
  }
  Result<HttpReply> send(HttpCall call) {
    std::promise<Result<HttpReply>> done;
    client_->send(std::move(call), replies_, [&](Result<HttpReply> reply) { done.set_value(std::move(reply)); });
    return done.get_future().get();
  }
  static HttpCall post() {
    HttpCall call;
    call.method = "POST";
    call.path = "/hook";
    call.body = "{}";
    call.repeatable = true;
    return call;
  }

  SystemClock clock_;
  SystemRandom random_;
  NameServer names_{false};
  ThreadPoolExecutor replies_{"replies", 2};
  ThreadPoolExecutor blocking_{"blocking", 2};
  SecretsStore secrets_{clock_};
  UpstreamOptions upstream_options_;
  HttpClientOptions options_;
  std::unique_ptr<CurlTransport> transport_;
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientNetworkTest, DoesNotTurnAPostIntoAGet) {
  std::atomic<int> gets{0};
  Peer peer([&](PeerConnection& connection) {
    for (std::string request = connection.read_request(); !request.empty(); request = connection.read_request()) {
      if (request.starts_with("GET")) ++gets;
      connection.write(request.starts_with("POST /hook ")
                           ? "HTTP/1.1 301 Moved Permanently\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"
                           : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
  });
  client(peer.url());
  const auto reply = send(post());
  ASSERT_FALSE(reply.ok());
  EXPECT_NE(reply.error().text().find("'/other'"), std::string::npos) << reply.error().text();
  EXPECT_EQ(gets, 0);
}

TEST_F(HttpClientNetworkTest, DeliversOnceThroughTrailersAndInterimAnswers) {
  for (const std::string answer :
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 204 No Content\r\n\r\n"}) {
    std::atomic<int> requests{0};
    Peer peer([&](PeerConnection& connection) {
      while (!connection.read_request().empty()) {
        ++requests;
        connection.write(answer);
      }
    });
    client(peer.url());
    EXPECT_TRUE(send(post()).ok()) << answer;
    EXPECT_EQ(requests, 1);
  }
}

TEST_F(HttpClientNetworkTest, SaysThatNothingLeftWhereverItFailsBeforeTheRequest) {
  upstream_options_.retry.attempts_max = 1;
  options_.connect_timeout = milliseconds(100);
  Peer silent([](PeerConnection& connection) { connection.wait_until_closed(); });
  for (const std::string& url :
       {"http://127.0.0.1:" + std::to_string(testing::closed_port()), std::string("http://black.hole.example"),
        "https://127.0.0.1:" + std::to_string(silent.port())}) {
    client(url);
    const auto reply = send(post());
    ASSERT_FALSE(reply.ok());
    EXPECT_TRUE(reply.error().never_left) << reply.error().text();
    EXPECT_TRUE(reply.error().retryable) << reply.error().text();
    EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  }
  options_.read_timeout = milliseconds(100);
  client(silent.url());
  EXPECT_FALSE(send(post()).error().never_left);
}

TEST_F(HttpClientNetworkTest, GivesEveryCallItsEndThoughTheyHangAreCancelledAndStoppedAtOnce) {
  upstream_options_.calls_in_flight_max = 20;
  upstream_options_.breaker.failure_ratio = 2;
  Peer stopping([](PeerConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of");
    connection.wait_until_closed();
  });
  client(stopping.url());
  std::atomic<int> ended{0};
  std::vector<std::thread> callers;
  for (int thread = 0; thread < 4; ++thread) {
    callers.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) {
        HttpCall call = post();
        call.deadline = clock_.monotonic_now() + milliseconds(i % 10 * 10);
        auto running = client_->send(call, replies_, [&](const Result<HttpReply>& reply) {
          EXPECT_FALSE(reply.ok());
          ++ended;
        });
        if (i % 3 == thread % 3) running->cancel();
        if (i == 40 && thread == 0) client_->stop();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  const MonotonicTime until = clock_.monotonic_now() + seconds(10);
  while (ended < 200 && clock_.monotonic_now() < until) std::this_thread::yield();
  EXPECT_EQ(ended, 200);
}

TEST_F(HttpClientNetworkTest, HoldsUpNobodyButTheCallsThatNeedASecretThatHangs) {
  const std::string pipe = "/tmp/mnema_secret_pipe_" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  Peer healthy(always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  options_.bearer = *SecretReference::parse("command:exec cat " + pipe);
  client(healthy.url());
  std::atomic<int> ended{0};
  for (int i = 0; i < 5; ++i) {
    HttpCall call = post();
    call.deadline = clock_.monotonic_now() + milliseconds(100);
    client_->send(call, replies_, [&](const Result<HttpReply>& reply) {
      EXPECT_TRUE(!reply.ok() && reply.error().never_left);
      ++ended;
    });
  }
  Upstream other(upstream_options_, clock_);
  HttpClientOptions open_to_all;
  open_to_all.base_url = healthy.url();
  HttpClient unhindered(open_to_all, other, secrets_, *transport_, blocking_, clock_, random_);
  std::promise<bool> ok;
  unhindered.send(post(), replies_, [&](const Result<HttpReply>& reply) { ok.set_value(reply.ok()); });
  EXPECT_TRUE(ok.get_future().get());
  while (ended < 5) std::this_thread::yield();
  // The command ends when its pipe does.
  close(open(pipe.c_str(), O_WRONLY | O_NONBLOCK));
  unlink(pipe.c_str());
}

}  // namespace
}  // namespace mnema

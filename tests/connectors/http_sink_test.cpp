#include "connectors/http_sink.hpp"

#include <gtest/gtest.h>

#include <future>

#include "connectors/http/curl_transport.hpp"
#include "connectors/http/server.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/connectors/http/scripted_transport.hpp"

namespace mnema {
namespace {

/// A disk that takes no permit.
struct FullDisk final : PermitLog {
  void append(const std::string&, Time, Executor& reply_to, std::function<void(Status)> done) override {
    reply_to.post([done = std::move(done)] { done(fail(ErrorCode::kStorage, "no space for a permit")); });
  }
};

/// A sink that posts to 127.0.0.1, and a receiver that answers 503 when it is up.
class HttpSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start().ok());
    loop_.start();
    auto transport = CurlTransport::open({}, clock_);
    ASSERT_TRUE(transport.ok());
    transport_ = std::move(*transport);
    UpstreamOptions upstream;
    upstream.name = "mail";
    upstream.retry.attempts_max = 1;
    upstream_ = std::make_unique<Upstream>(upstream, clock_);
  }
  void TearDown() override {
    stop_server();
    transport_->stop();
    blocking_.stop();
    loop_.stop();
    loop_.join();
  }
  void stop_server() {
    std::promise<void> stopped;
    server_.stop(Duration{}, [&] { stopped.set_value(); });
    stopped.get_future().wait();
  }
  Status deliver() {
    HttpClientOptions options;
    options.base_url = "http://127.0.0.1:" + std::to_string(server_.port());
    HttpClient client(options, *upstream_, secrets_, *transport_, blocking_, clock_, random_);
    HttpSink sink(client, "/");
    OutboxMessage message;
    message.idempotency_key = "k";
    message.body = "1";
    std::promise<Status> answer;
    sink.deliver(message, blocking_, [&](Status status) { answer.set_value(std::move(status)); });
    return answer.get_future().get();
  }

  SystemClock clock_;
  SystemRandom random_;
  Limits limits_;
  Loop loop_;
  HttpServer server_{
      loop_, clock_, random_, limits_, HttpServerOptions{}, [](HttpRequest, std::shared_ptr<HttpExchange> exchange) {
        exchange->respond(text_response(503, "later"));
      }};
  ThreadPoolExecutor blocking_{"blocking", 2};
  SecretsStore secrets_{clock_};
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<CurlTransport> transport_;
};

TEST_F(HttpSinkTest, SaysWhetherTheMessageHasLeft) {
  const Status refused = deliver();
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_FALSE(refused.error().never_left) << "the receiver has seen it";
  stop_server();
  const Status unreachable = deliver();
  ASSERT_FALSE(unreachable.ok());
  EXPECT_TRUE(unreachable.error().retryable);
  EXPECT_TRUE(unreachable.error().never_left);
}

TEST_F(HttpSinkTest, LetsTheMessageBeTriedAgainIfItsPermitCouldNotBeStored) {
  FullDisk disk;
  UpstreamOptions hourly;
  hourly.name = "mail";
  hourly.calls_per_window = 100;
  upstream_ = std::make_unique<Upstream>(hourly, clock_, &disk);
  const Status refused = deliver();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kStorage);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_TRUE(refused.error().never_left);
}

TEST(HttpSink, AnswersWhatIsInFlightWhenItStopsAndLeavesOtherCallsOfItsClientAlone) {
  Simulation simulation(1);
  testing::ScriptedTransport transport(simulation);
  SecretsStore secrets(simulation.clock());
  UpstreamOptions options;
  options.name = "mail";
  Upstream upstream(options, simulation.clock());
  HttpClientOptions at;
  at.base_url = "http://mail.example";
  HttpClient client(at, upstream, secrets, transport, simulation.lane("blocking"), simulation.clock(),
                    simulation.random());
  HttpSink sink(client, "/");
  transport.hang(true);
  transport.hang(true);
  std::vector<Status> answers;
  bool other_ended = false;
  OutboxMessage message;
  message.idempotency_key = "k";
  sink.deliver(message, simulation.lane("loop"), [&](const Status& status) { answers.push_back(status); });
  client.send({}, simulation.lane("loop"), [&](const Result<HttpReply>&) { other_ended = true; });
  simulation.run_ready();
  sink.stop();
  sink.deliver(message, simulation.lane("loop"), [&](const Status& status) { answers.push_back(status); });
  simulation.run_ready();
  ASSERT_EQ(answers.size(), 2U);
  for (const Status& answer : answers) EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(answers[0].error().never_left != answers[1].error().never_left) << "only one of them had left";
  EXPECT_FALSE(other_ended);
  client.stop();
  simulation.run_ready();
  EXPECT_TRUE(other_ended);
}

}  // namespace
}  // namespace mnema

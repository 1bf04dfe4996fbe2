#include "connectors/http/client.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "connectors/http/date.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/connectors/http/scripted_transport.hpp"

namespace mnema {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ScriptedAnswer;
using testing::ScriptedTransport;
using Kind = TransportFailure::Kind;

class HttpClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    upstream_options_.name = "stripe";
    options_.base_url = "https://api.example/base/";
  }
  void TearDown() override {
    if (client_) client_->stop();
    simulation_.run_until_idle();
    if (upstream_) {
      upstream_->check_integrity();
      EXPECT_EQ(upstream_->counts().in_flight, 0) << "every call gave its leave back";
      EXPECT_EQ(upstream_->counts().waiting, 0);
    }
  }
  HttpClient& client() {
    if (!client_) {
      upstream_ = std::make_unique<Upstream>(upstream_options_, simulation_.clock(), permits_);
      client_ = std::make_unique<HttpClient>(options_, *upstream_, secrets_, transport_, simulation_.lane("blocking"),
                                             simulation_.clock(), simulation_.random());
    }
    return *client_;
  }
  struct Sent {
    std::shared_ptr<HttpClient::Call> call;
    std::shared_ptr<std::optional<Result<HttpReply>>> result = std::make_shared<std::optional<Result<HttpReply>>>();
    [[nodiscard]] bool done() const { return result->has_value(); }
    [[nodiscard]] const Error& error() const { return (*result)->error(); }
  };
  Sent send(HttpCall call) {
    Sent sent;
    sent.call =
        client().send(std::move(call), simulation_.lane("reply"), [result = sent.result](Result<HttpReply> reply) {
          EXPECT_FALSE(result->has_value()) << "a call ends once";
          *result = std::move(reply);
        });
    return sent;
  }
  Result<HttpReply> finish(HttpCall call) {
    Sent sent = send(std::move(call));
    simulation_.run_until([&] { return sent.done(); });
    if (!sent.done()) return fail(ErrorCode::kInternal, "the call does not end");
    return **sent.result;
  }
  static HttpCall call(std::string method, std::string path = "/v1/refunds") {
    HttpCall call;
    call.method = std::move(method);
    call.path = std::move(path);
    if (call.method == "POST") call.body = "{}";
    return call;
  }

  Simulation simulation_{3};
  ScriptedTransport transport_{simulation_};
  SecretsStore secrets_{simulation_.clock()};
  UpstreamOptions upstream_options_;
  HttpClientOptions options_;
  PermitLog* permits_ = nullptr;
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsACallWithItsHeadersAndItsKey) {
  setenv("MNEMA_CLIENT_TEST", "hunter2", 1);
  options_.bearer = *SecretReference::parse("env:MNEMA_CLIENT_TEST");
  options_.headers = {{"X-Version", "1"}, {"X-Mode", "live"}};
  transport_.answer(201, {}, "made");
  HttpCall post = call("POST", "/v1/refunds?limit=1");
  post.idempotency_key = "k1";
  post.headers = {{"x-mode", "test"}};
  const auto reply = finish(post);
  ASSERT_TRUE(reply.ok()) << reply.error().text();
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "made");
  EXPECT_EQ(reply->attempts, 1);
  const TransportRequest& sent = transport_.requests.at(0);
  EXPECT_EQ(sent.url.origin() + sent.url.path, "https://api.example:443/base/v1/refunds?limit=1");
  EXPECT_EQ(sent.headers.get("authorization"), "Bearer hunter2");
  EXPECT_EQ(sent.headers.get("idempotency-key"), "k1");
  EXPECT_EQ(sent.headers.get("x-version"), "1");
  EXPECT_EQ(sent.headers.get("x-mode"), "test");
  EXPECT_EQ(sent.headers.get("content-type"), "application/json");
  EXPECT_TRUE(sent.fresh_connection) << "a lost unsafe call would be in doubt";
}

TEST_F(HttpClientTest, IsDoneOnlyByA2xxOfTheResourceItself) {
  for (const int status : {300, 301, 302, 303, 304, 305, 306, 310}) {
    transport_.answer(status, {{"Location", "https://api.example/other"}});
    const auto reply = finish(call("POST"));
    ASSERT_FALSE(reply.ok()) << status;
    EXPECT_EQ(reply.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_FALSE(reply.error().retryable) << status;
    EXPECT_FALSE(reply.error().never_left);
    EXPECT_NE(reply.error().text().find("https://api.example/other"), std::string::npos) << reply.error().text();
  }
  for (const std::string method : {"PUT", "DELETE", "PATCH"}) {
    transport_.answer(303, {{"Location", "/other"}});
    EXPECT_FALSE(finish(call(method)).ok()) << method;
  }
  transport_.answer(302);
  EXPECT_FALSE(finish(call("GET")).ok()) << "without a target";
  transport_.answer(304);
  EXPECT_TRUE(finish(call("GET")).ok()) << "the answer to a conditional GET";
  EXPECT_EQ(transport_.requests.size(), 13U) << "nothing was followed";
}

TEST_F(HttpClientTest, FollowsWhatKeepsMethodAndBodyWithinItsOrigin) {
  transport_.answer(307, {{"Location", "/v2/refunds?x=1"}});
  transport_.answer(308, {{"Location", "https://API.example:443/v3/refunds"}});
  transport_.answer(200);
  ASSERT_TRUE(finish(call("POST")).ok());
  ASSERT_EQ(transport_.requests.size(), 3U);
  EXPECT_EQ(transport_.requests[1].url.path, "/v2/refunds?x=1");
  EXPECT_EQ(transport_.requests[2].url.path, "/v3/refunds");
  EXPECT_EQ(transport_.requests[2].method, "POST");
  EXPECT_EQ(transport_.requests[2].body, "{}");
  transport_.answer(302, {{"Location", "other"}});
  transport_.answer(200);
  ASSERT_TRUE(finish(call("GET", "/v1/x")).ok());
  EXPECT_EQ(transport_.requests[4].url.path, "/base/v1/other");
}

TEST_F(HttpClientTest, LeavesItsOriginForNobodyAndNoLoop) {
  for (const std::string target :
       {"https://evil.example/", "http://api.example/", "https://api.example:8443/", "//evil.example",
        "https://me:pw@api.example/", "ftp://api.example/", "/a b", "https://[x/"}) {
    transport_.answer(308, {{"Location", target}});
    const auto reply = finish(call("GET"));
    ASSERT_FALSE(reply.ok()) << target;
    EXPECT_FALSE(reply.error().retryable);
  }
  const std::size_t before = transport_.requests.size();
  for (int i = 0; i < 6; ++i) transport_.answer(307, {{"Location", "/loop"}});
  EXPECT_FALSE(finish(call("POST")).ok());
  EXPECT_EQ(transport_.requests.size() - before, 6U);
}

TEST_F(HttpClientTest, SendsNoPathHeaderOrMethodThatCouldBecomeASecondRequest) {
  std::vector<HttpCall> bad = {
      call("GET", "/a HTTP/1.1\r\nX: y"), call("GET", "/a b"),      call("GET", "v1"),   call("GET", "/../admin"),
      call("GET", "/a%2e%2e/%2E%2E/x"),   call("GET", "/\xc3\xa4"), call("GET /x", "/"), call("", "/")};
  HttpCall header = call("POST");
  header.headers.add("X", "a\r\nY: b");
  HttpCall framing = call("POST");
  framing.headers.add("Content-Length", "0");
  HttpCall key = call("POST");
  key.idempotency_key = "k\n";
  HttpCall type = call("POST");
  type.content_type = "text/plain\r\nX: y";
  bad.insert(bad.end(), {header, framing, key, type});
  for (const HttpCall& refused : bad) {
    const auto reply = finish(refused);
    ASSERT_FALSE(reply.ok()) << refused.path;
    EXPECT_EQ(reply.error().code, ErrorCode::kInvalidArgument) << refused.path;
    EXPECT_TRUE(reply.error().never_left);
    EXPECT_FALSE(reply.error().retryable);
    EXPECT_EQ(reply.error().text().find('\r'), std::string::npos);
  }
  EXPECT_TRUE(transport_.requests.empty());
}

TEST_F(HttpClientTest, WaitsAsLongAsItIsTold) {
  const Time later = simulation_.clock().now() + seconds(6);
  transport_.answer(429, {{"Retry-After", http_date(later)}});
  transport_.answer(503, {{"Retry-After", "2"}});
  transport_.answer(200);
  const auto reply = finish(call("POST"));
  ASSERT_TRUE(reply.ok()) << reply.error().text();
  EXPECT_EQ(reply->attempts, 3);
  EXPECT_GE(transport_.started_at[1], later - seconds(1));
  EXPECT_GE(transport_.started_at[2] - transport_.started_at[1], seconds(2));
  EXPECT_EQ(upstream_->counts().retries_total, 2);
}

TEST_F(HttpClientTest, SaysWhetherAnythingLeft) {
  upstream_options_.retry.attempts_max = 1;
  for (const Kind kind : {Kind::kNotSent, Kind::kUntrusted, Kind::kNoCapacity, Kind::kCancelled}) {
    transport_.fail_with(kind, false);
    const auto reply = finish(call("POST"));
    ASSERT_FALSE(reply.ok());
    EXPECT_TRUE(reply.error().never_left) << reply.error().text();
    EXPECT_NE(reply.error().code, ErrorCode::kInDoubt);
  }
  transport_.fail_with(Kind::kBroken, true);
  const auto broken = finish(call("POST"));
  EXPECT_EQ(broken.error().code, ErrorCode::kInDoubt);
  EXPECT_FALSE(broken.error().never_left);
  transport_.fail_with(Kind::kTooLarge, true);
  EXPECT_FALSE(finish(call("GET")).error().never_left);
  transport_.answer(400);
  EXPECT_FALSE(finish(call("GET")).error().never_left);
}

TEST_F(HttpClientTest, RemembersThatAnEarlierAttemptLeft) {
  transport_.answer(503, {{"Retry-After", "1"}});
  for (int i = 0; i < 3; ++i) transport_.fail_with(Kind::kNotSent, false);
  const auto reply = finish(call("POST"));
  ASSERT_FALSE(reply.ok());
  EXPECT_FALSE(reply.error().never_left);
}

TEST_F(HttpClientTest, SaysThatNothingLeftWhileTheBreakerIsOpen) {
  upstream_options_.retry.attempts_max = 1;
  for (int i = 0; i < 10; ++i) {
    transport_.answer(500);
    EXPECT_FALSE(finish(call("GET")).ok());
  }
  EXPECT_EQ(upstream_->breaker_state(), Breaker::State::kOpen);
  const auto refused = finish(call("GET"));
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().never_left);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(transport_.requests.size(), 10U);
}

TEST_F(HttpClientTest, EndsByItsDeadlineWhereverItIs) {
  upstream_options_.calls_in_flight_max = 1;
  transport_.hang(false);
  HttpCall connecting = call("POST");
  connecting.deadline = simulation_.clock().monotonic_now() + seconds(3);
  Sent first = send(connecting);
  HttpCall queued = call("POST");
  queued.deadline = simulation_.clock().monotonic_now() + seconds(1);
  Sent second = send(queued);
  simulation_.run_for(milliseconds(1001));
  ASSERT_TRUE(second.done()) << "it leaves the queue at its deadline, not when the call before it ends";
  EXPECT_EQ(second.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(second.error().never_left);
  EXPECT_TRUE(second.error().retryable);
  EXPECT_EQ(upstream_->counts().waiting, 0);
  EXPECT_FALSE(first.done());
  simulation_.run_for(seconds(2));
  ASSERT_TRUE(first.done());
  EXPECT_EQ(first.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(first.error().never_left);

  transport_.hang(true);
  HttpCall unsafe = call("POST");
  unsafe.deadline = simulation_.clock().monotonic_now() + seconds(1);
  const auto in_doubt = finish(unsafe);
  EXPECT_EQ(in_doubt.error().code, ErrorCode::kInDoubt);
  EXPECT_FALSE(in_doubt.error().never_left);
  EXPECT_FALSE(in_doubt.error().retryable);

  transport_.hang(true);
  HttpCall repeatable = call("POST");
  repeatable.repeatable = true;
  repeatable.deadline = simulation_.clock().monotonic_now() + seconds(1);
  const auto late = finish(repeatable);
  EXPECT_EQ(late.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(late.error().retryable);
  EXPECT_FALSE(late.error().never_left);
}

TEST_F(HttpClientTest, KeepsAnAnswerThatComesWithItsDeadline) {
  ScriptedAnswer late;
  late.after = seconds(1);
  transport_.answer(late);
  HttpCall get = call("GET");
  get.deadline = simulation_.clock().monotonic_now() + seconds(1);
  const auto reply = finish(get);
  EXPECT_TRUE(reply.ok() || reply.error().code == ErrorCode::kDeadlineExceeded);
}

TEST_F(HttpClientTest, IsCancelledWhereverItIs) {
  upstream_options_.calls_in_flight_max = 1;
  upstream_options_.calls_per_second = 0.1;
  upstream_options_.burst = 2;
  transport_.hang(true);
  Sent in_flight = send(call("POST"));
  simulation_.run_ready();
  Sent queued = send(call("POST"));
  simulation_.run_ready();
  queued.call->cancel();
  queued.call->cancel();
  simulation_.run_ready();
  ASSERT_TRUE(queued.done());
  EXPECT_EQ(queued.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(queued.error().never_left);
  EXPECT_FALSE(in_flight.done());
  in_flight.call->cancel();
  simulation_.run_ready();
  ASSERT_TRUE(in_flight.done());
  EXPECT_EQ(in_flight.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(in_flight.error().never_left);
  EXPECT_EQ(transport_.cancelled, 1);

  transport_.answer(503, {{"Retry-After", "9"}});
  Sent between = send(call("POST"));
  simulation_.run_ready();
  between.call->cancel();
  simulation_.run_ready();
  ASSERT_TRUE(between.done()) << "while it waits for its next attempt";
  Sent limited = send(call("POST"));
  simulation_.run_ready();
  limited.call->cancel();
  simulation_.run_ready();
  ASSERT_TRUE(limited.done()) << "while it waits for its time";
  EXPECT_TRUE(limited.error().never_left);
  limited.call->cancel();
  simulation_.run_until_idle();
  EXPECT_EQ(transport_.requests.size(), 2U);
}

TEST_F(HttpClientTest, StopsEveryCallAndTakesNoMore) {
  upstream_options_.calls_in_flight_max = 2;
  transport_.hang(true);
  transport_.hang(false);
  std::vector<Sent> sent;
  for (int i = 0; i < 5; ++i) sent.push_back(send(call("POST")));
  simulation_.run_ready();
  client().stop();
  simulation_.run_ready();
  for (const Sent& stopped : sent) {
    ASSERT_TRUE(stopped.done());
    EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  }
  EXPECT_FALSE(sent[0].error().never_left);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_TRUE(sent[i].error().never_left) << i;
  const auto refused = finish(call("GET"));
  EXPECT_EQ(refused.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(refused.error().never_left);
}

TEST_F(HttpClientTest, LetsItsCallsFinishWhenItIsDropped) {
  ScriptedAnswer late;
  late.after = seconds(5);
  transport_.answer(late);
  Sent sent = send(call("GET"));
  simulation_.run_ready();
  client_.reset();
  simulation_.run_until_idle();
  ASSERT_TRUE(sent.done());
  EXPECT_TRUE((*sent.result)->ok());
}

TEST_F(HttpClientTest, TellsOnceThatACallIsAboutToLeaveAfterAllItsWaits) {
  upstream_options_.calls_per_second = 1;
  transport_.answer(503, {{"Retry-After", "1"}});
  transport_.fail_with(Kind::kNotSent, false);
  transport_.answer(200);
  transport_.answer(200);
  ASSERT_TRUE(finish(call("GET")).ok());
  int told = 0;
  std::function<void(Status)> go;
  HttpCall post = call("POST");
  post.before_leaving = [&](std::function<void(Status)> answer) {
    ++told;
    go = std::move(answer);
  };
  const std::size_t before = transport_.requests.size();
  Sent sent = send(post);
  simulation_.run_ready();
  EXPECT_EQ(told, 0) << "it still waits for its permit";
  simulation_.run_for(seconds(1));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(transport_.requests.size(), before) << "not a byte before the answer";
  go({});
  go({});
  simulation_.run_until_idle();
  ASSERT_TRUE(sent.done() && (*sent.result)->ok());
  EXPECT_EQ(told, 1);
  EXPECT_EQ(transport_.requests.size(), before + 1);
}

TEST_F(HttpClientTest, TellsAboutLeavingUntilAByteHasLeftAndThenNoMore) {
  int told = 0;
  int stayed = 0;
  HttpCall post = call("POST");
  post.did_not_leave = [&] { ++stayed; };
  post.before_leaving = [&](const std::function<void(Status)>& answer) {
    ++told;
    answer({});
  };
  transport_.fail_with(Kind::kNotSent, false);
  transport_.answer(429);
  transport_.answer(307, {{"Location", "/there"}});
  transport_.answer(200);
  ASSERT_TRUE(finish(post).ok());
  EXPECT_EQ(told, 2) << "before the attempt that found no connection, and before the first that left";
  EXPECT_EQ(stayed, 1);
}

TEST_F(HttpClientTest, EndsWithTheErrorOfWhoeverHadToWriteDownThatItLeaves) {
  HttpCall post = call("POST");
  post.before_leaving = [](const std::function<void(Status)>& answer) {
    answer(fail(ErrorCode::kStorage, "disk full"));
  };
  const auto reply = finish(post);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, ErrorCode::kStorage);
  EXPECT_TRUE(reply.error().never_left);
  HttpCall silent = call("POST");
  silent.before_leaving = [](const std::function<void(Status)>&) {};
  silent.deadline = simulation_.clock().monotonic_now() + seconds(1);
  EXPECT_TRUE(finish(silent).error().never_left);
  EXPECT_TRUE(transport_.requests.empty());
}

TEST_F(HttpClientTest, DoesNotLeaveWithAPermitThatHasGoneStaleMeanwhile) {
  struct SlowDisk final : PermitLog {
    void append(const std::string&, Time, Executor& reply_to, std::function<void(Status)> done) override {
      reply_to.post_after(++appended == 1 ? minutes(1) : Duration::zero(), [done = std::move(done)] { done({}); });
    }
    int appended = 0;
  } disk;
  permits_ = &disk;
  upstream_options_.calls_per_window = 100;
  options_.total_timeout = minutes(5);
  transport_.answer(200);
  ASSERT_TRUE(finish(call("POST")).ok());
  EXPECT_EQ(disk.appended, 2) << "the first permit was for a minute ago";
  ASSERT_TRUE(transport_.requests[0].leave_by.has_value());
}

TEST_F(HttpClientTest, NeverLetsMoreCallsLeaveInAWindowThanItsPermits) {
  upstream_options_.calls_per_window = 5;
  upstream_options_.window = seconds(60);
  upstream_options_.calls_per_second = 0.5;
  upstream_options_.burst = 3;
  upstream_options_.calls_in_flight_max = 50;
  options_.total_timeout = minutes(50);
  std::vector<Sent> sent;
  for (int i = 0; i < 40; ++i) {
    transport_.answer(i % 5 == 4 ? 429 : 200);
    if (i % 5 != 4) sent.push_back(send(call("POST")));
  }
  simulation_.run_until_idle();
  for (const Sent& done : sent) EXPECT_TRUE(done.done());
  const std::vector<Time>& left = transport_.started_at;
  for (std::size_t i = 5; i < left.size(); ++i) EXPECT_GE(left[i] - left[i - 5], seconds(60)) << i;
}

TEST_F(HttpClientTest, ReadsASecretOnceForAllWhoWaitAndSaysWhichIsMissing) {
  unsetenv("MNEMA_CLIENT_UNSET");
  options_.bearer = *SecretReference::parse("env:MNEMA_CLIENT_UNSET");
  const auto missing = finish(call("POST"));
  ASSERT_FALSE(missing.ok());
  EXPECT_TRUE(missing.error().never_left);
  EXPECT_TRUE(missing.error().retryable);
  EXPECT_NE(missing.error().text().find("MNEMA_CLIENT_UNSET"), std::string::npos);
  EXPECT_NE(missing.error().text().find("stripe"), std::string::npos);
  setenv("MNEMA_CLIENT_UNSET", "there\nby now", 1);
  simulation_.run_for(seconds(6));
  const auto unusable = finish(call("POST"));
  ASSERT_FALSE(unusable.ok());
  EXPECT_EQ(unusable.error().text().find("by now"), std::string::npos);
  EXPECT_TRUE(transport_.requests.empty());
}

TEST_F(HttpClientTest, TriesOnceMoreWithANewSecretAfterA401) {
  setenv("MNEMA_CLIENT_ROTATED", "old", 1);
  options_.bearer = *SecretReference::parse("env:MNEMA_CLIENT_ROTATED");
  transport_.answer(200);
  ASSERT_TRUE(finish(call("POST")).ok());
  setenv("MNEMA_CLIENT_ROTATED", "new", 1);
  transport_.answer(401);
  transport_.answer(200);
  ASSERT_TRUE(finish(call("POST")).ok());
  EXPECT_EQ(transport_.requests[2].headers.get("authorization"), "Bearer new");
  transport_.answer(401);
  EXPECT_EQ(finish(call("POST")).error().code, ErrorCode::kUnauthenticated) << "there is no newer one";
}

TEST_F(HttpClientTest, ShowsForeignBytesAsTextOnOneLineAndNeverTheSecret) {
  upstream_options_.retry.attempts_max = 1;
  for (const std::string secret : {"hunter2", "*", "***", "\xff\xfe", "a"}) {
    setenv("MNEMA_CLIENT_MASKED", secret.c_str(), 1);
    SecretsStore fresh(simulation_.clock());
    HttpClientOptions options = options_;
    options.bearer = *SecretReference::parse("env:MNEMA_CLIENT_MASKED");
    Upstream upstream(upstream_options_, simulation_.clock());
    HttpClient client(options, upstream, fresh, transport_, simulation_.lane("blocking"), simulation_.clock(),
                      simulation_.random());
    transport_.answer(400, {}, "bad\r\n\xff\xfe " + secret + secret + " " + std::string(500, '*'));
    std::optional<Result<HttpReply>> result;
    client.send(call("GET"), simulation_.lane("reply"), [&](Result<HttpReply> reply) { result = std::move(reply); });
    simulation_.run_until([&] { return result.has_value(); });
    ASSERT_TRUE(result && !result->ok());
    const std::string text = result->error().text();
    EXPECT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(text.find('\n'), std::string::npos);
    if (secret.size() > 3) {
      EXPECT_EQ(text.find(secret), std::string::npos) << text;
    }
    EXPECT_EQ(text.find("*"), secret[0] == '*' ? std::string::npos : text.find("*"));
    EXPECT_LT(text.size(), 600U);
    simulation_.run_until_idle();
  }
}

}  // namespace
}  // namespace mnema

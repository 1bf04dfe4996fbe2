#include "connectors/webhook.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <deque>
#include <utility>

#include "connectors/base64.hpp"
#include "runtime/base/sha256.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/connectors/support.hpp"

namespace mnema {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::MemoryExchange;

// The shape of GitHub's `issues` event, with the fields that matter and a good part of those that do not.
constexpr std::string_view kIssueOpened = R"({
  "action": "opened",
  "issue": {
    "url": "https://api.github.com/repos/octo-org/kettle/issues/42",
    "html_url": "https://github.com/octo-org/kettle/issues/42",
    "id": 1873402611, "node_id": "I_kwDOKJ8Fxs5vqg9z", "number": 42,
    "title": "Boils over when the lid is open — “E-17” on the display",
    "user": {"login": "mona", "id": 583231, "type": "User", "site_admin": false},
    "labels": [{"id": 6, "name": "hardware", "color": "d73a4a", "default": false}],
    "state": "open", "locked": false, "assignee": null, "assignees": [], "milestone": null, "comments": 0,
    "created_at": "2024-05-01T09:12:44Z", "updated_at": "2024-05-01T09:12:44Z", "closed_at": null,
    "author_association": "NONE", "active_lock_reason": null,
    "body": "Steps:\r\n1. Open the lid\r\n2. Press start\r\n\r\nExpected: it refuses.",
    "reactions": {"total_count": 0, "+1": 0, "-1": 0}
  },
  "repository": {
    "id": 681510342, "name": "kettle", "full_name": "octo-org/kettle", "private": false,
    "owner": {"login": "octo-org", "id": 9919, "type": "Organization"},
    "html_url": "https://github.com/octo-org/kettle", "default_branch": "main"
  },
  "organization": {"login": "octo-org", "id": 9919},
  "sender": {"login": "mona", "id": 583231, "type": "User"}
})";

Secret secret(const char* text) { return Secret(text); }

HttpRequest github_request(std::string_view body, std::string_view key) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/hooks/github";
  request.body = std::string(body);
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "GitHub-Hookshot/044aadd"},
                     {"X-GitHub-Event", "issues"},
                     {"X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"},
                     {"X-Hub-Signature-256", "sha256=" + to_hex(hmac_sha256(key, body))}};
  return request;
}

HttpRequest standard_request(std::string_view body, std::string_view key, Time sent) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/hooks/pay";
  request.body = std::string(body);
  std::string timestamp = std::to_string(to_micros(sent) / 1'000'000);
  Sha256Digest digest = hmac_sha256(key, "msg_1." + timestamp + "." + std::string(body));
  request.headers = {
      {"webhook-id", "msg_1"},
      {"webhook-timestamp", timestamp},
      {"webhook-signature", "v1,AAAA v1," + base64_encode({reinterpret_cast<const char*>(digest.data()), 32})}};
  return request;
}

WebhookOptions github_options() {
  WebhookOptions options;
  options.path = "/hooks/github";
  options.secrets = {*SecretReference::parse("env:MNEMA_TEST_HOOK")};
  options.key_template = "{/repository/full_name}#{/issue/number}";
  return options;
}

class WebhookEventTest : public ::testing::Test {
 protected:
  static Result<Event> webhook_event(const WebhookOptions& options, const std::vector<Secret>& secrets,
                                     const HttpRequest& request, Time now, const Limits& limits) {
    Result<WebhookDelivery> delivery = read_webhook(options, secrets, request, now, limits);
    if (!delivery.ok()) return delivery.error();
    return std::move(delivery->event);
  }
  Limits limits_;
  Time now_ = from_micros(1'714'554'764'000'000);
};

TEST_F(WebhookEventTest, TurnsASignedGithubIssueIntoAnEvent) {
  auto event =
      webhook_event(github_options(), {secret("s3cret")}, github_request(kIssueOpened, "s3cret"), now_, limits_);
  ASSERT_TRUE(event.ok()) << event.error().text();
  EXPECT_EQ(event->id, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
  EXPECT_EQ(event->source, "webhook:/hooks/github");
  EXPECT_EQ(event->type, "github.issues.opened");
  EXPECT_EQ(event->data, kIssueOpened);
  EXPECT_EQ(event->trust, Trust::kExternal);
}

TEST_F(WebhookEventTest, KnowsTheSignatureOfGithubsOwnExample) {
  // From GitHub's documentation, "Validating webhook deliveries".
  HttpRequest request = github_request("Hello, World!", "It's a Secret to Everybody");
  EXPECT_EQ(request.headers.get("x-hub-signature-256"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
}

TEST_F(WebhookEventTest, RefusesAWrongSignatureWhateverIsWrong) {
  HttpRequest altered = github_request(kIssueOpened, "s3cret");
  altered.body[20] = 'x';
  HttpRequest unsigned_request = github_request(kIssueOpened, "s3cret");
  unsigned_request.headers.remove("X-Hub-Signature-256");
  HttpRequest garbage = github_request(kIssueOpened, "s3cret");
  garbage.headers.set("X-Hub-Signature-256", "sha256=zz");
  for (const HttpRequest& request : {altered, unsigned_request, garbage, github_request(kIssueOpened, "other")}) {
    auto event = webhook_event(github_options(), {secret("s3cret")}, request, now_, limits_);
    ASSERT_FALSE(event.ok());
    EXPECT_EQ(event.error().code, ErrorCode::kUnauthenticated);
  }
}

TEST_F(WebhookEventTest, AcceptsTheOldAndTheNewSecretWhileTheyAreRotated) {
  for (const char* key : {"old", "new"}) {
    auto event = webhook_event(github_options(), {secret("new"), secret("old")}, github_request(kIssueOpened, key),
                               now_, limits_);
    EXPECT_TRUE(event.ok()) << key;
  }
}

TEST_F(WebhookEventTest, RefusesABodyThatIsNotJson) {
  auto event = webhook_event(github_options(), {secret("s")}, github_request("payload=%7B%7D", "s"), now_, limits_);
  ASSERT_FALSE(event.ok());
  EXPECT_EQ(event.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(WebhookEventTest, NamesTheContentTypeOfABodyThatIsNoJson) {
  for (const char* type :
       {"multipart/form-data; boundary=x", "application/xml", "text/plain", "application/x-ndjson+x"}) {
    HttpRequest request = github_request("<a/>", "s");
    request.headers.set("Content-Type", type);
    const auto refused = webhook_event(github_options(), {secret("s")}, request, now_, limits_);
    ASSERT_FALSE(refused.ok()) << type;
    EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported) << type;
    const std::string name = std::string(type).substr(0, std::string(type).find(';'));
    EXPECT_NE(refused.error().message.find("'" + name + "'"), std::string::npos) << refused.error().message;
    HttpRequest mislabelled = github_request(kIssueOpened, "s");
    mislabelled.headers.set("Content-Type", type);
    EXPECT_TRUE(webhook_event(github_options(), {secret("s")}, mislabelled, now_, limits_).ok()) << type;
  }
  for (const char* type : {"application/json", "application/cloudevents+json; charset=utf-8"}) {
    HttpRequest request = github_request("<a/>", "s");
    request.headers.set("Content-Type", type);
    const auto refused = webhook_event(github_options(), {secret("s")}, request, now_, limits_);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << type << ": it is the body that is wrong";
  }
}

TEST_F(WebhookEventTest, ReadsGithubsFormEncodedPayload) {
  const std::string form =
      "payload=%7B%22action%22%3A%22opened%22%2C%22issue%22%3A%7B%22number%22%3A1%2C%22title%22%3A"
      "%22a+b%22%7D%2C%22repository%22%3A%7B%22full_name%22%3A%22o%2Fr%22%7D%7D";
  HttpRequest request = github_request(form, "s");
  request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  auto event = webhook_event(github_options(), {secret("s")}, request, now_, limits_);
  ASSERT_TRUE(event.ok()) << event.error().text();
  EXPECT_EQ(event->data, R"({"action":"opened","issue":{"number":1,"title":"a b"},"repository":{"full_name":"o/r"}})");

  HttpRequest unlabelled = github_request(kIssueOpened, "s");
  unlabelled.headers.set("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_TRUE(webhook_event(github_options(), {secret("s")}, unlabelled, now_, limits_).ok()) << "as curl -d sends it";

  WebhookOptions unsigned_options;
  unsigned_options.scheme = WebhookScheme::kUnsigned;
  auto refused = webhook_event(unsigned_options, {}, request, now_, limits_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().message.find("application/x-www-form-urlencoded"), std::string::npos);
}

TEST_F(WebhookEventTest, TakesTheKindFromTheSignedBody) {
  HttpRequest relabelled = github_request(kIssueOpened, "s3cret");
  relabelled.headers.set("X-GitHub-Event", "repository_dispatch");
  auto event = webhook_event(github_options(), {secret("s3cret")}, relabelled, now_, limits_);
  ASSERT_TRUE(event.ok()) << event.error().text();
  EXPECT_EQ(event->type, "github.issues.opened");
  EXPECT_EQ(event->attributes.at("github_event"), "issues");
}

TEST_F(WebhookEventTest, RefusesAGithubDeliveryWithoutItsId) {
  HttpRequest unnamed = github_request(kIssueOpened, "s3cret");
  unnamed.headers.remove("X-GitHub-Delivery");
  EXPECT_FALSE(webhook_event(github_options(), {secret("s3cret")}, unnamed, now_, limits_).ok());
}

TEST_F(WebhookEventTest, ReadsATypeThatEndsInPingAsAnEvent) {
  WebhookOptions options;
  options.scheme = WebhookScheme::kStandardWebhooks;
  auto event = webhook_event(options, {secret("k")},
                             standard_request(R"({"type":"order.ping","order":"o-7"})", "k", now_), now_, limits_);
  ASSERT_TRUE(event.ok()) << event.error().text();
  EXPECT_EQ(event->type, "webhook.order.ping");
}

TEST_F(WebhookEventTest, ChecksStandardWebhooksWithTheirTime) {
  WebhookOptions options;
  options.path = "/hooks/pay";
  options.scheme = WebhookScheme::kStandardWebhooks;
  options.type_prefix = "pay";
  std::string body = R"({"type":"invoice.paid","data":{}})";
  auto check = [&](Time sent, const char* key) {
    return webhook_event(options, {secret("whsec_c2VjcmV0LWtleQ==")}, standard_request(body, key, sent), now_, limits_);
  };
  auto event = check(now_ - minutes(4), "secret-key");
  ASSERT_TRUE(event.ok()) << event.error().text();
  EXPECT_EQ(event->id, "msg_1");
  EXPECT_EQ(event->type, "pay.invoice.paid");
  EXPECT_FALSE(check(now_ - minutes(6), "secret-key").ok());
  EXPECT_FALSE(check(now_ + minutes(6), "secret-key").ok());
  EXPECT_FALSE(check(now_, "other-key").ok());
}

TEST_F(WebhookEventTest, KnowsTheExampleOfTheStandardWebhooksSpecification) {
  WebhookOptions options;
  options.scheme = WebhookScheme::kStandardWebhooks;
  HttpRequest request;
  request.body = R"({"test": 2432232314})";
  request.headers = {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                     {"webhook-timestamp", "1614265330"},
                     {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}};
  auto event = webhook_event(options, {secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}, request,
                             from_micros(1'614'265'330'000'000), limits_);
  EXPECT_TRUE(event.ok()) << event.error().text();
}

TEST_F(WebhookEventTest, TakesTheIdThatAnUnsignedSenderNames) {
  WebhookOptions options;
  options.scheme = WebhookScheme::kUnsigned;
  HttpRequest request;
  request.body = "{}";
  request.headers.set("X-Request-Id", "constant");
  EXPECT_EQ(webhook_event(options, {}, request, now_, limits_)->id, "") << "a proxy's id names nothing";
  request.headers.set("Idempotency-Key", "key-1");
  EXPECT_EQ(webhook_event(options, {}, request, now_, limits_)->id, "key-1");
  request.headers.set("webhook-id", "msg_1");
  EXPECT_EQ(webhook_event(options, {}, request, now_, limits_)->id, "msg_1");
}

class WebhookSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(setenv("MNEMA_TEST_HOOK", "s3cret", 1), 0);
    ASSERT_TRUE(source_
                    .start([this](EventBatch batch, BatchDone done) {
                      EXPECT_EQ(batch.dedupe, Dedupe::kById);
                      EXPECT_EQ(batch.key_template, github_options().key_template);
                      for (Result<Event>& event : batch.events) events_.push_back(std::move(*event));
                      pending_.push_back(std::move(done));
                    })
                    .ok());
  }
  std::shared_ptr<MemoryExchange> post(HttpRequest request) {
    auto exchange = std::make_shared<MemoryExchange>();
    source_.handler()(std::move(request), exchange);
    simulation_.run_ready();
    return exchange;
  }
  void answer(const Result<Accepted>& result) {
    pending_.front()(AcceptResults{result});
    pending_.pop_front();
  }

  Simulation simulation_{1};
  Limits limits_;
  SecretsStore secrets_{simulation_.clock()};
  WebhookSource source_{github_options(),     secrets_, simulation_.lane("workers"), simulation_.clock(),
                        simulation_.random(), limits_};
  std::vector<Event> events_;
  std::deque<BatchDone> pending_;
};

TEST_F(WebhookSourceTest, AcknowledgesOnlyWhenTheMailboxHasTheEvent) {
  auto exchange = post(github_request(kIssueOpened, "s3cret"));
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(exchange->status(), 0);
  answer(Accepted{.sequence = 17});
  EXPECT_EQ(exchange->status(), 202);
  EXPECT_EQ(exchange->json().at("sequence"), 17);
}

TEST_F(WebhookSourceTest, PassesBackPressureOn) {
  auto full = post(github_request(kIssueOpened, "s3cret"));
  answer(fail_retryable(ErrorCode::kMailboxFull, "full", "", 3000));
  EXPECT_EQ(full->status(), 429);
  EXPECT_EQ(full->answer->headers.get("retry-after"), "3");
  source_.pause();
  const auto paused = post(github_request(kIssueOpened, "s3cret"));
  EXPECT_EQ(paused->status(), 429);
  EXPECT_EQ(paused->answer->headers.get("retry-after"), "1");
  source_.resume();
  post(github_request(kIssueOpened, "s3cret"));
  EXPECT_EQ(events_.size(), 2U);
}

TEST_F(WebhookSourceTest, AsksTheSenderToComeAgainWhenTheDiskFails) {
  auto exchange = post(github_request(kIssueOpened, "s3cret"));
  answer(fail_retryable(ErrorCode::kStorage, "disk full"));
  EXPECT_EQ(exchange->status(), 503);
}

TEST_F(WebhookSourceTest, AnswersEachKindOfBadRequestInItsOwnWay) {
  EXPECT_EQ(post(github_request(kIssueOpened, "wrong"))->status(), 401);
  EXPECT_EQ(post(github_request("{", "s3cret"))->status(), 400);
  EXPECT_EQ(post(github_request(std::string(5 << 20, ' '), "s3cret"))->status(), 413);
  EXPECT_TRUE(events_.empty());
}

TEST_F(WebhookSourceTest, AnswersGithubsPingWithoutWakingAnybody) {
  HttpRequest ping = github_request(R"({"zen":"Keep it logically awesome.","hook_id":1})", "s3cret");
  ping.headers.set("X-GitHub-Event", "ping");
  EXPECT_EQ(post(ping)->status(), 200);
  EXPECT_TRUE(events_.empty());
}

TEST_F(WebhookSourceTest, TakesEveryOtherPingForTheEventItIs) {
  const std::string body =
      R"({"action":"db.ping","branch":"main","client_payload":{},"repository":{"full_name":"o/r"},"issue":{"number":1}})";
  HttpRequest dispatch = github_request(body, "s3cret");
  dispatch.headers.set("X-GitHub-Event", "repository_dispatch");
  const auto exchange = post(dispatch);
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].type, "github.repository_dispatch.db.ping");
  answer(Accepted{.sequence = 1});
  EXPECT_EQ(exchange->status(), 202);
}

TEST_F(WebhookSourceTest, SaysThatARepeatIsOneAndThatAnIdWasUsedForAnotherBody) {
  const auto repeat = post(github_request(kIssueOpened, "s3cret"));
  answer(Accepted{.sequence = 17, .duplicate = true});
  EXPECT_EQ(repeat->status(), 202);
  EXPECT_EQ(repeat->json().at("duplicate"), true);
  EXPECT_EQ(repeat->json().at("sequence"), 17);

  const auto other = post(github_request(kIssueOpened, "s3cret"));
  answer(Accepted{.sequence = 17, .duplicate = true, .differs = true});
  EXPECT_EQ(other->status(), 409);
  EXPECT_NE(other->answer->body.find("72d3162e-cc78-11e3-81ab-4c9367dc0958"), std::string::npos);
  EXPECT_EQ(other->answer->headers.get("x-should-retry"), "false");
  EXPECT_EQ(source_.counts().duplicates, 1);
  EXPECT_EQ(source_.counts().conflicts, 1);
}

TEST_F(WebhookSourceTest, MakesNoSecondEventOfACapturedBodyUnderANewId) {
  const HttpRequest original = github_request(kIssueOpened, "s3cret");
  post(original);
  answer(Accepted{.sequence = 1});
  HttpRequest replay = original;
  replay.headers.set("X-GitHub-Delivery", "00000000-0000-0000-0000-000000000000");
  replay.headers.set("X-GitHub-Event", "deployment");
  const auto exchange = post(replay);
  EXPECT_EQ(exchange->status(), 202);
  EXPECT_EQ(exchange->json().at("duplicate"), true);
  EXPECT_EQ(events_.size(), 1U);
  EXPECT_EQ(source_.counts().replays, 1);
  post(original);
  EXPECT_EQ(events_.size(), 2U) << "a redelivery keeps its id, by which the mailbox knows it";
}

TEST_F(WebhookSourceTest, TakesABodyUnderAnotherIdIfTheFirstWasRefused) {
  const HttpRequest original = github_request(kIssueOpened, "s3cret");
  post(original);
  HttpRequest second = original;
  second.headers.set("X-GitHub-Delivery", "second");
  EXPECT_EQ(post(second)->status(), 503) << "the first is not settled";
  answer(fail_retryable(ErrorCode::kMailboxFull, "full", "", 3000));
  post(second);
  EXPECT_EQ(events_.size(), 2U);
}

TEST_F(WebhookSourceTest, MakesTwoEventsOfTwoEqualDispatches) {
  HttpRequest deploy = github_request(
      R"({"action":"deploy","branch":"main","client_payload":{},"repository":{"full_name":"o/r"},"issue":{"number":1}})",
      "s3cret");
  deploy.headers.set("X-GitHub-Event", "repository_dispatch");
  post(deploy);
  answer(Accepted{.sequence = 1});
  deploy.headers.set("X-GitHub-Delivery", "second");
  post(deploy);
  EXPECT_EQ(events_.size(), 2U);
}

TEST_F(WebhookSourceTest, AcknowledgesWhatNobodySubscribesTo) {
  const auto exchange = post(github_request(kIssueOpened, "s3cret"));
  answer(unrouted("no agent subscribes to events of type 'github.issues.opened'", ""));
  EXPECT_EQ(exchange->status(), 200);
  EXPECT_EQ(exchange->json().at("accepted"), false);
  EXPECT_EQ(source_.counts().unrouted, 1);
}

TEST_F(WebhookSourceTest, CountsInMetricsWhatBecameOfItsRequestsWithoutItsPath) {
  post(github_request(kIssueOpened, "s3cret"));
  answer(Accepted{.sequence = 1});
  post(github_request(kIssueOpened, "wrong"));
  Metrics metrics;
  metrics.on_scrape([this](MetricsReport& shown) {
    source_.report(shown);
    source_.report(shown);  // as a second one would
  });
  const std::string text = metrics.render();
  EXPECT_NE(text.find("mnema_webhook_deliveries_total{result=\"accepted\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("mnema_webhook_deliveries_total{result=\"unauthenticated\"} 2\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("/hooks/github"), std::string::npos) << text;
}

TEST_F(WebhookSourceTest, DrawsAnIdForEachRequestThatNamesNone) {
  WebhookOptions options;
  options.path = "/hooks/deploy";
  options.scheme = WebhookScheme::kUnsigned;
  WebhookSource source(options, secrets_, simulation_.lane("workers"), simulation_.clock(), simulation_.random(),
                       limits_);
  ASSERT_TRUE(
      source.start([this](EventBatch batch, const BatchDone&) { events_.push_back(*batch.events.front()); }).ok());
  HttpRequest request;
  request.body = R"({"type":"deploy"})";
  request.headers.set("X-Request-Id", "constant");
  request.id = "constant";
  for (int i = 0; i < 2; ++i) source.handler()(request, std::make_shared<MemoryExchange>());
  simulation_.run_ready();
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_NE(events_[0].id, events_[1].id) << "two equal triggers are two events";
  EXPECT_NE(events_[0].id, "constant");
}

TEST_F(WebhookSourceTest, TakesNothingMoreOnceDrainedAndStillAcknowledgesWhatItTook) {
  const auto taken = post(github_request(kIssueOpened, "s3cret"));
  source_.drain();
  EXPECT_EQ(post(github_request(kIssueOpened, "s3cret"))->status(), 503);
  EXPECT_EQ(events_.size(), 1U);
  answer(Accepted{.sequence = 1});
  EXPECT_EQ(taken->status(), 202);
}

TEST_F(WebhookSourceTest, TakesNothingAfterItWasStopped) {
  source_.stop();
  EXPECT_EQ(post(github_request(kIssueOpened, "s3cret"))->status(), 503);
  EXPECT_TRUE(events_.empty());
}

TEST_F(WebhookSourceTest, DoesNotStartWithABrokenSecret) {
  WebhookOptions options = github_options();
  options.scheme = WebhookScheme::kStandardWebhooks;
  for (const auto& [value, is_usable] : std::vector<std::pair<const char*, bool>>{{"whsec_%%s3cr3t", false},
                                                                                  {"whsec_c2VjcmV0LWtleQ", false},
                                                                                  {"whsec_c2VjcmV0LWtleQ==", true},
                                                                                  {"plain text", true}}) {
    ASSERT_EQ(setenv("MNEMA_TEST_STANDARD", value, 1), 0);
    options.secrets = {*SecretReference::parse("env:MNEMA_TEST_STANDARD")};
    SecretsStore secrets(simulation_.clock());
    WebhookSource source(options, secrets, simulation_.lane("workers"), simulation_.clock(), simulation_.random(),
                         limits_);
    const Status started = source.start([](const EventBatch&, const BatchDone&) {});
    EXPECT_EQ(started.ok(), is_usable) << value;
    if (started.ok()) continue;
    EXPECT_EQ(started.error().text().find(value + 6), std::string::npos) << "shows no secret";
  }
}

TEST_F(WebhookSourceTest, DoesNotStartWithoutASecret) {
  WebhookOptions options = github_options();
  options.secrets.clear();
  WebhookSource source(options, secrets_, simulation_.lane("workers"), simulation_.clock(), simulation_.random(),
                       limits_);
  EXPECT_FALSE(source.start([](const EventBatch&, const BatchDone&) {}).ok());
}

TEST(ReadWebhook, TakesAnExpiryTimeOfTheHeaderOrOfAStructuredBody) {
  WebhookOptions options;
  options.path = "/hooks/shop";
  options.scheme = WebhookScheme::kUnsigned;
  HttpRequest request;
  request.body = R"({"type": "order", "expirytime": "2026-11-26T11:00:00Z"})";
  request.headers = {{"Content-Type", "application/json"}};
  EXPECT_TRUE(read_webhook(options, {}, request, Time{}, {})->event.attributes.empty())
      << "a member of a body that is no CloudEvents envelope is the sender's own";
  request.headers = {{"Content-Type", "application/json"}, {"ce-expirytime", "2026-11-26T10:00:00Z"}};
  EXPECT_EQ(read_webhook(options, {}, request, Time{}, {})->event.attributes.at("expirytime"), "2026-11-26T10:00:00Z");
  request.headers = {{"Content-Type", "application/cloudevents+json; charset=utf-8"}};
  EXPECT_EQ(read_webhook(options, {}, request, Time{}, {})->event.attributes.at("expirytime"), "2026-11-26T11:00:00Z");
}

}  // namespace
}  // namespace mnema

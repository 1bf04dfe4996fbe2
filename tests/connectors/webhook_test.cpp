#include "connectors/webhook.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <deque>

#include "connectors/base64.hpp"
#include "runtime/sha256.hpp"
#include "runtime/simulation_executor.hpp"
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
  EXPECT_EQ(event->key, "octo-org/kettle#42");
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

TEST_F(WebhookEventTest, SaysWhichPartOfTheKeyIsMissing) {
  auto event =
      webhook_event(github_options(), {secret("s")}, github_request(R"({"action":"opened"})", "s"), now_, limits_);
  ASSERT_FALSE(event.ok());
  EXPECT_EQ(event.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(event.error().message.find("/repository/full_name"), std::string::npos);
}

TEST_F(WebhookEventTest, RefusesABodyThatIsNotJson) {
  auto event = webhook_event(github_options(), {secret("s")}, github_request("payload=%7B%7D", "s"), now_, limits_);
  ASSERT_FALSE(event.ok());
  EXPECT_EQ(event.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(WebhookEventTest, ChecksStandardWebhooksWithTheirTime) {
  WebhookOptions options;
  options.path = "/hooks/pay";
  options.scheme = WebhookOptions::Scheme::kStandardWebhooks;
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
  options.scheme = WebhookOptions::Scheme::kStandardWebhooks;
  HttpRequest request;
  request.body = R"({"test": 2432232314})";
  request.headers = {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                     {"webhook-timestamp", "1614265330"},
                     {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}};
  auto event = webhook_event(options, {secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}, request,
                             from_micros(1'614'265'330'000'000), limits_);
  EXPECT_TRUE(event.ok()) << event.error().text();
}

TEST_F(WebhookEventTest, RecognisesARepeatWithoutAnIdByItsBody) {
  WebhookOptions options;
  options.scheme = WebhookOptions::Scheme::kUnsigned;
  HttpRequest request;
  request.body = "{}";
  auto first = webhook_event(options, {}, request, now_, limits_);
  auto second = webhook_event(options, {}, request, now_ + seconds(9), limits_);
  EXPECT_EQ(first->id, second->id);
  request.body = "{ }";
  EXPECT_NE(webhook_event(options, {}, request, now_, limits_)->id, first->id);
}

class WebhookSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(setenv("MNEMA_TEST_HOOK", "s3cret", 1), 0);
    ASSERT_TRUE(source_
                    .start([this](Event event, AcceptDone done) {
                      events_.push_back(std::move(event));
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
  void answer(Result<Sequence> result) {
    pending_.front()(std::move(result));
    pending_.pop_front();
  }

  Simulation simulation_{1};
  Limits limits_;
  SecretsStore secrets_{simulation_.clock()};
  WebhookSource source_{github_options(), secrets_, simulation_.lane("workers"), simulation_.clock(), limits_};
  std::vector<Event> events_;
  std::deque<AcceptDone> pending_;
};

TEST_F(WebhookSourceTest, AcknowledgesOnlyWhenTheMailboxHasTheEvent) {
  auto exchange = post(github_request(kIssueOpened, "s3cret"));
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(exchange->status(), 0);
  answer(Sequence{17});
  EXPECT_EQ(exchange->status(), 202);
  EXPECT_EQ(exchange->json().at("sequence"), 17);
}

TEST_F(WebhookSourceTest, PassesBackPressureOn) {
  auto full = post(github_request(kIssueOpened, "s3cret"));
  answer(fail_retryable(ErrorCode::kMailboxFull, "full", "", 3000));
  EXPECT_EQ(full->status(), 429);
  EXPECT_EQ(full->answer->headers.get("retry-after"), "3");
  source_.pause();
  EXPECT_EQ(post(github_request(kIssueOpened, "s3cret"))->status(), 429);
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

TEST_F(WebhookSourceTest, TakesNothingAfterItWasStopped) {
  source_.stop();
  EXPECT_EQ(post(github_request(kIssueOpened, "s3cret"))->status(), 503);
  EXPECT_TRUE(events_.empty());
}

TEST_F(WebhookSourceTest, DoesNotStartWithoutASecret) {
  WebhookOptions options = github_options();
  options.secrets.clear();
  WebhookSource source(options, secrets_, simulation_.lane("workers"), simulation_.clock(), limits_);
  EXPECT_FALSE(source.start([](Event, AcceptDone) {}).ok());
}

}  // namespace
}  // namespace mnema

#include "cli/demo/scenario.hpp"

#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>

#include "cli/demo/outside_services.hpp"
#include "cli/demo/runtime_process.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

constexpr const char* kSecret = "demo";
constexpr const char* kQuestion = "What does the mailbox do with an event?";

std::string config_text(const DemoOptions& options, int outside_port) {
  return fmt::format(R"([server]
listen = "127.0.0.1:0"
data = "{0}/data"
[log]
file = "{0}/mnema.log"
[inference]
model = "qwen2.5-coder-0.5b"
[memory]
documents = ["{1}"]
[agents.assistant]
[agents.triage]
[agents.refunds]
[connectors.replies]
kind = "http"
url = "http://127.0.0.1:{2}"
path = "/replies"
[connectors.payments]
kind = "http"
url = "http://127.0.0.1:{2}"
[sources.github]
kind = "webhook"
path = "/hooks/github"
secrets = [{{file = "{0}/webhook-secret"}}]
[sources.orders]
kind = "webhook"
path = "/hooks/orders"
scheme = "unsigned"
agent = "refunds"
)",
                     options.folder, options.documents, outside_port);
}

std::string hex(const Sha256Digest& digest) {
  std::string text;
  for (const auto byte : digest) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

/// Whether `holds` came true within `patience`.
bool eventually(const std::function<bool()>& holds, int tries = 6000) {
  for (; tries > 0; --tries) {
    if (holds()) return true;
    ::usleep(10'000);
  }
  return false;
}

class Scenario {
 public:
  explicit Scenario(const DemoOptions& options) : runtime_(options.folder + "/mnema.toml"), options_(options) {
    std::ofstream(options.folder + "/webhook-secret") << kSecret;
    std::ofstream(options.folder + "/mnema.toml") << config_text(options, outside_.port());
  }

  Result<DemoResult> run() {
    RETURN_IF_ERROR(runtime_.start());
    first_issue();
    chat();
    RETURN_IF_ERROR(kill_during_tool_call());
    RETURN_IF_ERROR(kill_during_decode());
    after_all();
    return std::move(result_);
  }

 private:
  void first_issue() {
    deliver_issue(1, "Crash when saving a file", "The program crashes with a segfault when I press save.");
    result_.rows.push_back(issue_row("issue #1 by webhook", 1));
    check("the issue was labelled and its draft delivered", [this] { return reply_about("acme/shop#1"); });
    deliver_issue(1, "Crash when saving a file", "The program crashes with a segfault when I press save.");
  }

  void chat() {
    const auto cites = [](const DemoRow& row) { return row.reply.find(".md") != std::string::npos; };
    DemoRow answered = ask("chat, from the documents", kQuestion);
    // The documents are read in the background; a question may come before them.
    for (int tries = 0; tries < 30 && !cites(answered); ++tries) {
      ::usleep(500'000);
      answered = ask("chat, from the documents", kQuestion);
    }
    check("the chat cited its documents", [&] { return cites(answered); });
    result_.rows.push_back(std::move(answered));
    result_.rows.push_back(ask("another chat, same instructions", "How are the pages of the KV cache shared?"));
  }

  Status kill_during_tool_call() {
    post("/hooks/orders", R"({"order": "4711", "cents": 1999})", {{"webhook-id", "order-4711"}});
    check("a refund was under way at kill -9", [this] { return outside_.refunds() == 1; });
    runtime_.kill();
    RETURN_IF_ERROR(runtime_.start());
    result_.rows.push_back(turn_row("refund, killed in the call", "order-4711"));
    check("the refund was called again and paid once",
          [this] { return outside_.refund_calls() >= 2 && outside_.refunds() == 1; });
    return {};
  }

  Status kill_during_decode() {
    const double before = metric("mnema_generated_tokens_total");
    deliver_issue(2, "It crashes again when saving", "Since the update saving crashes with a segfault again.");
    bool decoding = false;
    for (int i = 0; i < 20'000 && !decoding; ++i) {
      decoding = metric("mnema_sequences_running") > 0 && metric("mnema_generated_tokens_total") > before;
    }
    check("a reply was being decoded at kill -9", [decoding] { return decoding; });
    runtime_.kill();
    check("no draft had left before", [this] { return !reply_about("acme/shop#2"); });
    RETURN_IF_ERROR(runtime_.start());
    result_.rows.push_back(issue_row("issue #2, killed in the decode", 2));
    check("the mailbox came back: issue #2 has its draft", [this] { return reply_about("acme/shop#2"); });
    check("memory came back: issue #1 was recalled for it", [this] {
      const auto reply = reply_of("acme/shop#2");
      return reply && reply->at("similar").as_int64() >= 1;
    });
    return {};
  }

  void after_all() {
    result_.rows.push_back(ask("chat, after two crashes", kQuestion));
    ::usleep(500'000);
    const bool exact = outside_.replies().size() == 3;
    check("three replies, none lost and none doubled", [exact] { return exact; });
    const int code = runtime_.stop();
    check("it stopped in order", [code] { return code == 0; });
  }

  // ---- what the scenario does ----

  std::string post(const std::string& path, const std::string& body, const httplib::Headers& headers = {}) {
    httplib::Client client("127.0.0.1", runtime_.port());
    client.set_read_timeout(120);
    const auto answer = client.Post(path, headers, body, "application/json");
    return answer ? answer->body : "";
  }

  void deliver_issue(int number, const std::string& title, const std::string& text) {
    const std::string body = json::serialize(json::object{
        {"action", "opened"},
        {"issue", {{"number", number}, {"title", title}, {"body", text}}},
        {"repository", {{"full_name", "acme/shop"}}},
    });
    post("/hooks/github", body,
         {{"X-GitHub-Event", "issues"},
          {"X-GitHub-Delivery", "demo-" + std::to_string(number)},
          {"X-Hub-Signature-256", "sha256=" + hex(hmac_sha256(kSecret, body))}});
  }

  DemoRow ask(const std::string& what, const std::string& question) {
    const json::object request{{"model", "assistant"},
                               {"messages", json::array{json::object{{"role", "user"}, {"content", question}}}}};
    const std::string id = "demo-chat-" + std::to_string(++chats_);
    boost::system::error_code error;
    const json::value answer =
        json::parse(post("/v1/chat/completions", json::serialize(request), {{"X-Request-Id", id}}), error);
    DemoRow row = turn_row(what, id);
    if (!error && answer.is_object() && answer.as_object().contains("choices")) {
      const json::object& message = answer.at("choices").at(0).at("message").as_object();
      row.reply = message.at("content").as_string().c_str();
      if (const json::value* sources = message.if_contains("annotations")) {
        for (const json::value& source : sources->as_array()) {
          row.reply += fmt::format(" ({})", source.at("url_citation").at("url").as_string().c_str());
        }
      }
    }
    return row;
  }

  double metric(const std::string& name) {
    httplib::Client client("127.0.0.1", runtime_.port());
    const auto answer = client.Get("/metrics");
    if (!answer) return 0;
    const std::size_t at = answer->body.find("\n" + name + "{");
    if (at == std::string::npos) return 0;
    const std::size_t value = answer->body.find("} ", at);
    return std::strtod(answer->body.c_str() + value + 2, nullptr);
  }

  // ---- what it looks at ----

  std::optional<json::object> reply_of(const std::string& issue) {
    for (const auto& [key, body] : outside_.replies()) {
      const json::object reply = json::parse(body).as_object();
      if (reply.contains("issue") && reply.at("issue") == json::value(issue)) return reply;
    }
    return {};
  }
  bool reply_about(const std::string& issue) { return reply_of(issue).has_value(); }

  DemoRow issue_row(const std::string& what, int number) {
    const std::string issue = "acme/shop#" + std::to_string(number);
    DemoRow row = turn_row(what, "demo-" + std::to_string(number));
    eventually([&] { return reply_about(issue); }, 500);
    if (const auto reply = reply_of(issue)) {
      row.reply =
          fmt::format("[{}] {}", reply->at("label").as_string().c_str(), reply->at("reply").as_string().c_str());
    }
    return row;
  }

  DemoRow turn_row(const std::string& what, const std::string& event) {
    const auto turn = runtime_.wait_for_turn(event);
    DemoRow row;
    row.what = what;
    if (!turn) {
      check(what + ": the turn ended", [] { return false; });
      return row;
    }
    const auto number = [&](const char* name) { return turn->at(name).to_number<double>(); };
    row.wake_ms = number("wake_us") / 1e3;
    row.recall_ms = number("recall_us") / 1e3;
    row.prompt_tokens = static_cast<int>(number("prompt_tokens"));
    row.cached_tokens = static_cast<int>(number("cached_tokens"));
    if (number("decode_us") > 0) row.decode_tokens_per_s = number("completion_tokens") / number("decode_us") * 1e6;
    return row;
  }

  void check(const std::string& what, const std::function<bool()>& holds) {
    // A claim that something is absent is true at once; one that something comes gets its time.
    result_.checks.push_back({what, eventually(holds, 1000)});
  }

  OutsideServices outside_;
  RuntimeProcess runtime_;
  const DemoOptions options_;
  DemoResult result_;
  int chats_ = 0;
};

}  // namespace

bool DemoResult::held() const {
  return std::all_of(checks.begin(), checks.end(), [](const DemoCheck& check) { return check.held; });
}

Result<DemoResult> run_demo_scenario(const DemoOptions& options) { return Scenario(options).run(); }

}  // namespace mnema

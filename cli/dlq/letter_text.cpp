#include "cli/dlq/letter_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/json.hpp>

#include "runtime/json.hpp"
#include "runtime/utf8.hpp"

namespace mnema {
namespace {

/// The payload as JSON if it is, else its text.
boost::json::value payload_json(const std::string& bytes) {
  if (const Result<boost::json::value> parsed = parse_bounded_json(bytes, "payload"); parsed.ok()) return *parsed;
  if (is_valid_utf8(bytes)) return boost::json::value(bytes);
  return boost::json::value(fmt::format("({} bytes that are not text)", bytes.size()));
}

/// Without what moves a terminal's cursor or colours.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

std::string payload_text(const std::string& bytes) {
  return is_valid_utf8(bytes) ? printable(bytes) : fmt::format("({} bytes that are not text)", bytes.size());
}

boost::json::object error_json(const Error& error) {
  boost::json::object json{{"code", name_of(error.code)}, {"message", error.message}};
  if (!error.hint.empty()) json["hint"] = error.hint;
  return json;
}

}  // namespace

std::string utc_text(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

boost::json::object to_json(const DeadLetterSummary& summary) {
  return {{"id", summary.id.text()},
          {"tenant", summary.tenant},
          {"agent", summary.agent},
          {"key", summary.key},
          {"about", summary.about},
          {"attempts", summary.attempts},
          {"tries", summary.tries},
          {"generation", summary.generation},
          {"died_at", utc_text(summary.died_at)},
          {"error", error_json(summary.error)}};
}

boost::json::object to_json(const DeadLetter& letter) {
  boost::json::object json = to_json(letter.summary);
  boost::json::array errors;
  for (const mailbox_store::AttemptError& failed : letter.errors) {
    boost::json::object row = error_json(failed.error);
    row["attempt"] = failed.attempt;
    row["at"] = utc_text(failed.at);
    errors.push_back(std::move(row));
  }
  json["errors"] = std::move(errors);
  if (letter.event) {
    const Event& event = *letter.event;
    json["event"] = {{"id", event.id},
                     {"source", event.source},
                     {"type", event.type},
                     {"subject", event.subject},
                     {"time", utc_text(event.time)},
                     {"user", event.user},
                     {"content_type", event.content_type},
                     {"data", payload_json(event.data)}};
  }
  if (letter.message) {
    const OutboxMessage& message = *letter.message;
    json["message"] = {{"destination", message.destination},
                       {"turn", message.turn},
                       {"idempotency_key", message.idempotency_key},
                       {"content_type", message.content_type},
                       {"body", payload_json(message.body)}};
  }
  if (letter.journal) {
    boost::json::array steps;
    for (const auto& [path, step] : letter.journal->steps) {
      boost::json::object row{{"path", path},
                              {"name", step.start.name},
                              {"state", name_of(step.state)},
                              {"attempts", step.attempts},
                              {"started_at", utc_text(step.started_at)}};
      if (step.state == StepState::kDone) row["result"] = payload_json(step.result);
      if (step.error) row["error"] = error_json(*step.error);
      steps.push_back(std::move(row));
    }
    json["steps"] = std::move(steps);
  }
  return json;
}

std::string line_of(const DeadLetterSummary& summary) {
  return printable(fmt::format("{:<14} {}  {:<12} {:<28} {:>2} attempts  {}", summary.id.text(),
                               utc_text(summary.died_at), summary.agent, summary.about, summary.attempts,
                               summary.error.text()));
}

std::string story_of(const DeadLetter& letter) {
  const DeadLetterSummary& summary = letter.summary;
  std::string text = fmt::format("{}  {}\n", summary.id.text(), printable(summary.about));
  const auto line = [&text](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<16} {}\n", name, printable(value));
  };
  line("tenant", summary.tenant);
  line("agent", summary.agent);
  line("key", summary.key);
  if (summary.tries != summary.attempts) {
    line("tries",
         fmt::format("{}, of which {} never left the process", summary.tries, summary.tries - summary.attempts));
  }
  if (summary.generation > 0) line("edited", fmt::format("{} times", summary.generation));
  if (letter.event) {
    line("event", letter.event->id + " from " + letter.event->source + ", " + utc_text(letter.event->time));
    line("user", letter.event->user);
    line("payload", payload_text(letter.event->data));
  }
  if (letter.message) {
    line("of turn", std::to_string(letter.message->turn));
    line("idempotency key", letter.message->idempotency_key);
    line("body", payload_text(letter.message->body));
  }
  for (const mailbox_store::AttemptError& failed : letter.errors) {
    line(fmt::format("try {}", failed.attempt), utc_text(failed.at) + "  " + failed.error.text());
  }
  if (!letter.journal) return text;
  for (const auto& [path, step] : letter.journal->steps) {
    std::string outcome{name_of(step.state)};
    if (step.state == StepState::kDone) outcome += "  " + payload_text(step.result);
    if (step.error) outcome += "  " + step.error->text();
    line("step " + path, step.start.name + "  " + outcome);
  }
  return text;
}

}  // namespace mnema

#include "cli/dlq/letter_text.hpp"

#include <fmt/format.h>

#include "agents/rest/dead_letter_json.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

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

}  // namespace

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
    if (letter.event->deadline) line("deadline", utc_text(*letter.event->deadline));
    if (letter.batch > 0) line("batch", fmt::format("of {} events", letter.batch + 1));
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

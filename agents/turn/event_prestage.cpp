#include "agents/turn/event_prestage.hpp"

#include <algorithm>
#include <atomic>

#include "agents/turn/event_text.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr int kAtOnceMax = 2;
/// So many turns in a row without a recall (a decode), and the agent is one that does none.
constexpr int kTurnsRemembered = 64;

std::string session_of(const Event& event) {
  return event.tenant + '\0' + event.agent + '\0' + event.user + '\0' + event.key;
}

Prompt prefix_of(const AgentSpec& agent) {
  Prompt prefix;
  prefix.add_generation_prompt = false;
  Message system = message_of(Role::kSystem, agent.system, Sharing::kPublic);
  system.content.front().trust = Trust::kSystem;
  prefix.messages.push_back(std::move(system));
  for (const ToolSpec& tool : agent.tools) prefix.tools.push_back(tool.definition);
  return prefix;
}

}  // namespace

/// Lives as long as work that may still call back. Confined to the home executor.
struct EventPrestage::State : std::enable_shared_from_this<State> {
  explicit State(Parts borrowed) : parts(std::move(borrowed)) {}

  struct Habit {
    const AgentSpec* agent = nullptr;
    int turns_without_recall = 0;
    int turns_without_decode = 0;
    [[nodiscard]] bool recalls() const { return turns_without_recall < kTurnsRemembered; }
    [[nodiscard]] bool decodes() const { return turns_without_decode < kTurnsRemembered && !agent->system.empty(); }
  };
  struct Waiting {
    std::string session;
    std::shared_ptr<const Event> event;
  };

  void pump() {
    while (in_flight < kAtOnceMax && !waiting.empty()) {
      const std::shared_ptr<const Event> event = std::move(waiting.front().event);
      by_session.erase(waiting.front().session);
      waiting.pop_front();
      begin(event, habits.at(event->agent));
    }
  }

  void begin(const std::shared_ptr<const Event>& event, const Habit& habit) {
    ++in_flight;
    auto finished = [self = shared_from_this()] {
      self->parts.home.post([self] {
        --self->in_flight;
        self->pump();
      });
    };
    parts.workers.post([self = shared_from_this(), event, agent = habit.agent, recalls = habit.recalls(),
                        decodes = habit.decodes(), finished = std::move(finished)] {
      if (self->closed) return;
      if (decodes) {
        const std::string& model = agent->model.empty() ? self->parts.default_model : agent->model;
        self->parts.engine.prestage(model, {event->tenant, event->agent, event->user, event->key}, prefix_of(*agent));
      }
      if (!recalls) return finished();
      self->parts.memory.prestage(text_of(*event), finished);
    });
  }

  const Parts parts;
  std::map<std::string, Habit> habits;  // by agent
  std::list<Waiting> waiting;           // oldest first
  std::unordered_map<std::string, std::list<Waiting>::iterator> by_session;
  int in_flight = 0;
  std::atomic<bool> closed = false;  // read by workers: what is borrowed may be destroyed
};

EventPrestage::EventPrestage(const std::map<std::string, AgentSpec>& agents, Parts parts)
    : state_(std::make_shared<State>(std::move(parts))) {
  for (const auto& [name, agent] : agents) {
    State::Habit& habit = state_->habits[name];
    habit.agent = &agent;
    if (!may_recall(agent)) habit.turns_without_recall = kTurnsRemembered;
    if (!may_think(agent)) habit.turns_without_decode = kTurnsRemembered;
  }
}

EventPrestage::~EventPrestage() { state_->closed = true; }

void EventPrestage::on_event_accepted(Sequence, const std::shared_ptr<const Event>& event) {
  State& state = *state_;
  const auto habit = state.habits.find(event->agent);
  if (habit == state.habits.end() || !(habit->second.recalls() || habit->second.decodes())) return;
  if (state.waiting.size() >= static_cast<std::size_t>(state.parts.limits.prestage_waiting_max)) return;
  std::string session = session_of(*event);
  // The one that waits is of the session's next turn; later ones of it are prestaged when it is their turn, or not.
  if (state.by_session.contains(session)) return;
  state.waiting.push_back({session, event});
  state.by_session.emplace(std::move(session), std::prev(state.waiting.end()));
  state.pump();
}

void EventPrestage::on_turn_start(const Event& event) {
  if (state_->waiting.empty()) return;
  const auto found = state_->by_session.find(session_of(event));
  if (found == state_->by_session.end() || found->second->event->id != event.id) return;
  state_->waiting.erase(found->second);
  state_->by_session.erase(found);
}

void EventPrestage::on_turn_end(const std::string& agent, bool recalled, bool decoded) {
  const auto found = state_->habits.find(agent);
  if (found == state_->habits.end()) return;
  const auto count = [](int& turns, bool did) { turns = did ? 0 : std::min(turns + 1, kTurnsRemembered); };
  count(found->second.turns_without_recall, recalled);
  count(found->second.turns_without_decode, decoded);
}

int EventPrestage::waiting() const { return static_cast<int>(state_->waiting.size()); }

void EventPrestage::check_integrity() const {
  CHECK(state_->waiting.size() == state_->by_session.size(), "one event waits per session");
  CHECK(waiting() <= state_->parts.limits.prestage_waiting_max, "waiting <= prestage_waiting_max");
}

}  // namespace mnema

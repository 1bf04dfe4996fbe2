#include "agents/turn/dispatcher.hpp"

#include <atomic>
#include <mutex>

#include "runtime/base/log.hpp"
#include "runtime/events/event_deadline.hpp"
#include "runtime/events/lane_queue.hpp"
#include "runtime/runtime.hpp"

namespace mnema {
namespace {

Error shutdown_error() { return fail_retryable(ErrorCode::kCancelled, "the runtime is shutting down"); }

std::string lane_of(const Event& event) { return event.tenant + '\0' + event.agent + '\0' + event.key; }

constexpr int kNamesLogged = 8;

}  // namespace

/// Lives as long as anything that may still call back. Confined to the home executor, except where it says otherwise.
struct Dispatcher::State : std::enable_shared_from_this<State> {
  State(const TurnServices& s, const std::map<std::string, AgentSpec>& a, Executor& h)
      : services(s), agents(a), home(h) {}

  struct Running {
    std::shared_ptr<Turn> turn;
    std::shared_ptr<const Event> event;
    Sequence sequence = 0;  // 0: a chat
  };

  void take() {
    services.runtime.mailbox().take(
        home, [self = shared_from_this()](Delivery delivery) { self->on_delivery(std::move(delivery)); });
  }

  void take_next() {
    if (!is_stopping()) take();
  }

  void on_delivery(Delivery delivery) {
    if (is_stopping()) return services.runtime.mailbox().release(std::move(delivery));
    const auto agent = agents.find(delivery.event().agent);
    if (agent == agents.end()) {
      const Error unknown =
          fail(ErrorCode::kFailedPrecondition,
               "the event is for agent '" + delivery.event().agent + "', which this program does not have",
               "start the program that has it, or drop the event with 'mnema dlq drop'");
      services.runtime.mailbox().dead_letter(std::move(delivery), unknown, home,
                                             [self = shared_from_this()](const Status&) { self->take_next(); });
      return;
    }
    // One that passed on the way here was told of before there was a turn.
    if (const auto deadline = delivery.deadline(); deadline && *deadline <= services.clock.now()) {
      services.runtime.mailbox().dead_letter(std::move(delivery), deadline_passed(*deadline, false), home,
                                             [self = shared_from_this()](const Status&) { self->take_next(); });
      return;
    }
    TurnRequest request;
    request.agent = &agent->second;
    request.event = delivery.shared_event();
    request.batch = delivery.batch();
    request.delivery = std::move(delivery);
    // `stop` comes by this executor too: it is not between the question above and this.
    launch(std::move(request), [self = shared_from_this()](TurnEnd, const Result<Outcome>&, const TurnReport&) {
      self->home.post([self] { self->take_next(); });
    });
  }

  /// Any thread. Null: stopping; nothing was counted, and `on_end` is not called.
  std::shared_ptr<Turn> launch(TurnRequest request, Turn::OnEnd on_end) {
    const Sequence sequence = request.chat ? 0 : request.delivery.sequence();
    const auto event = request.event;
    const bool is_chat = request.chat.has_value();
    long long number = 0;
    std::shared_ptr<Turn> turn;
    {
      // Whoever is counted here is waited for; whoever comes after `stop` is not counted.
      const std::scoped_lock lock(mutex);
      if (stopping) return nullptr;
      number = ++started;
      turn = std::make_shared<Turn>(services, std::move(request),
                                    [self = shared_from_this(), number, event, sequence, on_end = std::move(on_end)](
                                        TurnEnd end, Result<Outcome> outcome, const TurnReport& report) {
                                      on_end(end, std::move(outcome), report);
                                      self->home.post([self, number, event, sequence, end, report] {
                                        for (const Listener& listener : self->listeners) {
                                          listener(*event, sequence, end, report);
                                        }
                                        self->forget(number);
                                      });
                                    });
      running[number] = {turn, event, sequence};
    }
    home.post([self = shared_from_this(), turn, event, number, is_chat] {
      if (self->grace_over) turn->cancel(shutdown_error());
      for (const StartListener& listener : self->start_listeners) listener(*event);
      if (!is_chat) return turn->start();
      self->chats.add(lane_of(*event), {.id = number});
      self->start_chats();
    });
    return turn;
  }

  /// Begins the first chat of every lane that is free. One that was cancelled while it waited only ends.
  void start_chats() {
    while (const auto next = chats.take(Time{})) {
      if (const auto turn = find(next->row.id)) {
        turn->start();
      } else {
        chats.finish(next->row.id);
      }
    }
  }

  [[nodiscard]] std::shared_ptr<Turn> find(long long number) {
    const std::scoped_lock lock(mutex);
    const auto found = running.find(number);
    return found == running.end() ? nullptr : found->second.turn;
  }

  void forget(long long number) {
    std::map<long long, Running>::node_type turn;  // goes outside the lock
    bool was_last = false;
    {
      const std::scoped_lock lock(mutex);
      turn = running.extract(number);
      ++ended;
      was_last = stopping && running.empty();
    }
    if (chats.finish(number)) start_chats();
    if (!was_last) return;
    for (std::function<void()>& on_stopped : std::exchange(stopped, {})) home.post(std::move(on_stopped));
  }

  void stop(Duration grace, std::function<void()> on_stopped) {
    bool none_left = false;
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
      none_left = running.empty();
    }
    services.runtime.mailbox().stop_taking();
    if (none_left) return on_stopped();
    stopped.push_back(std::move(on_stopped));
    home.post_after(grace, [self = shared_from_this()] { self->end_grace(); });
  }

  void end_grace() {
    if (grace_over) return;
    grace_over = true;
    const std::vector<Running> late = running_turns();
    if (late.empty()) return;
    std::string names;
    for (const std::string& name : names_of(late, kNamesLogged)) names += (names.empty() ? "" : ", ") + name;
    log_warning("dispatcher", "the grace time is over; turns are parked", {{"turns", late.size()}, {"of", names}});
    for (const Running& running_turn : late) running_turn.turn->cancel(shutdown_error());
  }

  void expire(Sequence sequence) {
    for (const Running& turn : running_turns()) {
      if (turn.sequence == sequence) turn.turn->expire();
    }
  }

  [[nodiscard]] bool is_stopping() {
    const std::scoped_lock lock(mutex);
    return stopping;
  }

  [[nodiscard]] std::vector<Running> running_turns() {
    const std::scoped_lock lock(mutex);
    std::vector<Running> turns;
    for (const auto& [number, turn] : running) turns.push_back(turn);
    return turns;
  }

  static std::vector<std::string> names_of(const std::vector<Running>& turns, int count_max) {
    std::vector<std::string> names;
    for (const Running& turn : turns) {
      if (static_cast<int>(names.size()) == count_max) break;
      names.push_back(turn.event->agent + "/" + turn.event->key);
    }
    return names;
  }

  const TurnServices& services;
  const std::map<std::string, AgentSpec>& agents;
  Executor& home;
  LaneQueue chats{Duration::max()};  // by number; those that are out run
  std::vector<Listener> listeners;
  std::vector<StartListener> start_listeners;
  std::vector<std::function<void()>> stopped;
  bool grace_over = false;
  std::mutex mutex;                      // guards all below
  std::map<long long, Running> running;  // by the number of their start
  bool stopping = false;
  long long started = 0;
  long long ended = 0;
};

Dispatcher::Dispatcher(const TurnServices& services, const std::map<std::string, AgentSpec>& agents, Executor& home)
    : state_(std::make_shared<State>(services, agents, home)) {
  services.runtime.mailbox().on_deadline([weak = std::weak_ptr(state_)](Sequence sequence) {
    if (const auto state = weak.lock()) state->expire(sequence);
  });
}

// After a crash in simulation there are still turns, and the answers they wait for will not come: they hold each other.
Dispatcher::~Dispatcher() {
  for (const State::Running& running : state_->running_turns()) running.turn->abandon();
  std::map<long long, State::Running> dropped;  // goes outside the lock
  const std::scoped_lock lock(state_->mutex);
  state_->ended += static_cast<long long>(state_->running.size());
  dropped.swap(state_->running);
}

void Dispatcher::on_turn_end(Listener listener) { state_->listeners.push_back(std::move(listener)); }
void Dispatcher::on_turn_start(StartListener listener) { state_->start_listeners.push_back(std::move(listener)); }

void Dispatcher::start() {
  state_->home.post([state = state_] {
    for (int i = 0; i < state->services.limits.turns_running_max; ++i) state->take();
  });
}

std::shared_ptr<Turn> Dispatcher::start_chat(TurnRequest request, Turn::OnEnd on_end) {
  if (auto turn = state_->launch(std::move(request), on_end)) return turn;
  state_->home.post([on_end = std::move(on_end)] { on_end(TurnEnd::kCancelled, shutdown_error(), {}); });
  return nullptr;
}

void Dispatcher::stop(Duration grace, std::function<void()> stopped) {
  state_->home.post(
      [state = state_, grace, stopped = std::move(stopped)]() mutable { state->stop(grace, std::move(stopped)); });
}

void Dispatcher::cancel_running() {
  state_->home.post([state = state_] { state->end_grace(); });
}

int Dispatcher::running() const {
  const std::scoped_lock lock(state_->mutex);
  return static_cast<int>(state_->running.size());
}

std::vector<std::string> Dispatcher::running_names(int count_max) const {
  return State::names_of(state_->running_turns(), count_max);
}

void Dispatcher::check_integrity() const {
  {
    const std::scoped_lock lock(state_->mutex);
    CHECK(state_->started == state_->ended + static_cast<long long>(state_->running.size()),
          "started == ended + running");
  }
  state_->chats.check_integrity();
}

}  // namespace mnema

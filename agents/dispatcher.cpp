#include "agents/dispatcher.hpp"

#include <atomic>
#include <mutex>
#include <vector>

#include "runtime/lane_queue.hpp"
#include "runtime/log.hpp"
#include "runtime/runtime.hpp"

namespace mnema {

/// Lives as long as anything that may still call back. Confined to the home executor, except where it says otherwise.
struct Dispatcher::State : std::enable_shared_from_this<State> {
  State(const TurnServices& s, const std::map<std::string, AgentSpec>& a, Executor& h)
      : services(s), agents(a), home(h) {}

  void take() {
    services.runtime.mailbox().take(
        home, [self = shared_from_this()](Delivery delivery) { self->on_delivery(std::move(delivery)); });
  }

  void on_delivery(Delivery delivery) {
    if (stopping) return services.runtime.mailbox().release(std::move(delivery));
    const auto agent = agents.find(delivery.event().agent);
    if (agent == agents.end()) {
      const Error unknown =
          fail(ErrorCode::kFailedPrecondition,
               "the event is for agent '" + delivery.event().agent + "', which this program does not have",
               "start the program that has it, or drop the event with 'mnema dlq drop'");
      services.runtime.mailbox().dead_letter(std::move(delivery), unknown, home,
                                             [self = shared_from_this()](const Status&) {
                                               if (!self->stopping) self->take();
                                             });
      return;
    }
    TurnRequest request;
    request.agent = &agent->second;
    request.event = delivery.shared_event();
    request.delivery = std::move(delivery);
    launch(std::move(request), [self = shared_from_this()](TurnEnd, const Result<Outcome>&, const TurnReport&) {
      self->home.post([self] {
        if (!self->stopping) self->take();
      });
    });
  }

  std::shared_ptr<Turn> launch(TurnRequest request, Turn::OnEnd on_end) {
    const long long number = ++started;
    ++running_count;
    const Sequence sequence = request.chat ? 0 : request.delivery.sequence();
    const auto event = request.event;
    const bool is_chat = request.chat.has_value();
    auto turn = std::make_shared<Turn>(services, std::move(request),
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
    {
      const std::scoped_lock lock(mutex);
      running[number] = turn;
    }
    home.post([self = shared_from_this(), turn, event, number, is_chat] {
      if (self->grace_over) turn->cancel(shutdown_error());
      if (!is_chat) return turn->start();
      self->chats.add(lane_of(*event), {.id = number});
      self->start_chats();
    });
    return turn;
  }

  /// Begins the first chat of every lane that is free. One that was cancelled while it waited only goes.
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
    return found == running.end() ? nullptr : found->second;
  }

  void forget(long long number) {
    std::map<long long, std::shared_ptr<Turn>>::node_type turn;  // goes outside the lock
    {
      const std::scoped_lock lock(mutex);
      turn = running.extract(number);
    }
    ++ended;
    --running_count;
    if (chats.finish(number)) start_chats();
    if (stopping && running_count == 0 && stopped) home.post(std::exchange(stopped, nullptr));
  }

  [[nodiscard]] std::vector<std::shared_ptr<Turn>> running_turns() {
    const std::scoped_lock lock(mutex);
    std::vector<std::shared_ptr<Turn>> turns;
    for (const auto& [number, turn] : running) turns.push_back(turn);
    return turns;
  }

  static Error shutdown_error() { return fail_retryable(ErrorCode::kCancelled, "the runtime is shutting down"); }

  static std::string lane_of(const Event& event) { return event.tenant + '\0' + event.agent + '\0' + event.key; }

  const TurnServices& services;
  const std::map<std::string, AgentSpec>& agents;
  Executor& home;
  LaneQueue chats{Duration::max()};  // by number; those that are out run
  std::vector<Listener> listeners;
  std::mutex mutex;                                    // guards running
  std::map<long long, std::shared_ptr<Turn>> running;  // by the number of their start
  std::function<void()> stopped;
  bool grace_over = false;
  std::atomic<bool> stopping = false;
  std::atomic<long long> started = 0;
  std::atomic<long long> ended = 0;
  std::atomic<int> running_count = 0;
};

Dispatcher::Dispatcher(const TurnServices& services, const std::map<std::string, AgentSpec>& agents, Executor& home)
    : state_(std::make_shared<State>(services, agents, home)) {}

// After a crash in simulation there are still turns, and the answers they wait for will not come: they hold each other.
Dispatcher::~Dispatcher() {
  for (const auto& turn : state_->running_turns()) turn->abandon();
  const std::scoped_lock lock(state_->mutex);
  state_->running.clear();
}

void Dispatcher::on_turn_end(Listener listener) { state_->listeners.push_back(std::move(listener)); }

void Dispatcher::start() {
  state_->home.post([state = state_] {
    for (int i = 0; i < state->services.limits.turns_running_max; ++i) state->take();
  });
}

std::shared_ptr<Turn> Dispatcher::start_chat(TurnRequest request, Turn::OnEnd on_end) {
  if (state_->stopping) {
    state_->home.post([on_end = std::move(on_end)] { on_end(TurnEnd::kCancelled, State::shutdown_error(), {}); });
    return nullptr;
  }
  return state_->launch(std::move(request), std::move(on_end));
}

void Dispatcher::stop(Duration grace, std::function<void()> stopped) {
  state_->home.post([state = state_, grace, stopped = std::move(stopped)]() mutable {
    CHECK(!state->stopping, "a dispatcher is stopped once");
    state->stopping = true;
    if (state->running_count == 0) return stopped();
    state->stopped = std::move(stopped);
    state->home.post_after(grace, [state] {
      state->grace_over = true;
      const std::vector<std::shared_ptr<Turn>> late = state->running_turns();
      if (late.empty()) return;
      log_warning("dispatcher", "the grace time is over; turns are parked", {{"turns", late.size()}});
      for (const auto& turn : late) turn->cancel(State::shutdown_error());
    });
  });
}

int Dispatcher::running() const { return state_->running_count; }

void Dispatcher::check_integrity() const {
  CHECK(state_->started == state_->ended + state_->running_count, "started == ended + running");
  state_->chats.check_integrity();
}

}  // namespace mnema

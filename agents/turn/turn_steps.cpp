#include "agents/turn/turn_steps.hpp"

namespace mnema {

/// What callbacks hold instead of a pointer to the turn's steps.
struct TurnSteps::Shared {
  TurnSteps* steps;
};

TurnSteps::TurnSteps(TurnRecord record, Parts parts)
    : record_(std::move(record)),
      parts_(std::move(parts)),
      journal_begun_(record_.started_at != Time{}),
      shared_(std::make_shared<Shared>(Shared{this})) {}

TurnSteps::~TurnSteps() {
  // Late callbacks look at this on the strand, so an abandoned turn is not touched from elsewhere.
  if (shared_->steps) abandon();
}

void TurnSteps::observe(const StepStart& step, StepPhase phase) const {
  if (!parts_.observer) return;
  parts_.observer->on_step(
      {record_.identity.agent, record_.identity.key, record_.identity.turn, step.path, step.name, phase});
}

Result<const JournalStep*> TurnSteps::match(const StepStart& step) {
  observe(step, StepPhase::kCreated);
  ++created_;
  failed_path_.clear();  // the handler went on after that failure
  if (fatal_) return *fatal_;
  if (created_ > parts_.limits.turn_steps_max) {
    fatal_ = fail(ErrorCode::kResourceExhausted,
                  "the turn has taken " + std::to_string(parts_.limits.turn_steps_max) + " steps",
                  "end the handler's loop, or raise limits.turn_steps_max");
  } else {
    Result<const JournalStep*> recorded = record_.match(step);
    if (recorded.ok()) return recorded;
    fatal_ = recorded.error();
  }
  return *fatal_;
}

TurnSteps::Operation TurnSteps::finished(const StepStart& step, Result<std::string> result) {
  ++done_;
  auto operation = std::make_shared<StepOperation>();
  operation->path = step.path;
  operation->outcome = std::move(result);
  return operation;
}

void TurnSteps::complete(const Operation& operation, Result<std::string> result) {
  --in_flight_;
  ++done_;
  operation->outcome = std::move(result);
  if (operation->waiter) parts_.resume(std::exchange(operation->waiter, {}));
}

/// Most turns of a counting agent take no step, and a row for each would be a third of what they write.
void TurnSteps::begin_journal() {
  if (std::exchange(journal_begun_, true)) return;
  parts_.journal->begin(record_.identity, *parts_.strand,
                        [shared = shared_, strand = parts_.strand](const Status& status) {
                          if (shared->steps && !status.ok()) shared->steps->fatal_ = status.error();
                        });
}

std::string TurnSteps::value(const StepStart& step, const std::function<std::string()>& draw) {
  const Result<const JournalStep*> recorded = match(step);
  ++done_;
  if (const JournalStep* known = value_or_throw(recorded)) {
    ++replayed_;
    observe(step, StepPhase::kReplayed);
    return known->result;
  }
  std::string drawn = draw();
  if (parts_.journal) {
    begin_journal();
    parts_.journal->record_step(record_.identity.turn, step, drawn, *parts_.strand,
                                [shared = shared_, strand = parts_.strand](const Status& status) {
                                  if (shared->steps && !status.ok()) shared->steps->fatal_ = status.error();
                                });
  }
  observe(step, StepPhase::kDone);
  return drawn;
}

TurnSteps::Operation TurnSteps::query(const StepStart& step, const std::function<void(Finish)>& start) {
  Result<const JournalStep*> recorded = match(step);
  if (!recorded.ok()) return finished(step, recorded.error());
  if (*recorded && (*recorded)->state != StepState::kStarted) {
    ++replayed_;
    observe(step, StepPhase::kReplayed);
    if ((*recorded)->error) {
      failed_path_ = step.path;
      return finished(step, *(*recorded)->error);
    }
    return finished(step, (*recorded)->result);
  }
  auto operation = std::make_shared<StepOperation>();
  operation->path = step.path;
  ++in_flight_;
  start([shared = shared_, operation, step](Result<std::string> result) {
    TurnSteps* self = shared->steps;
    if (!self) return;
    if (self->parts_.journal) {
      self->begin_journal();
      self->parts_.journal->record_step(self->record_.identity.turn, step, result, *self->parts_.strand,
                                        [shared, strand = self->parts_.strand](const Status& status) {
                                          if (shared->steps && !status.ok()) shared->steps->fatal_ = status.error();
                                        });
    }
    self->observe(step, StepPhase::kDone);
    if (!result.ok()) self->failed_path_ = step.path;
    self->complete(operation, std::move(result));
  });
  return operation;
}

TurnSteps::Operation TurnSteps::begin_effect(const StepStart& step, bool repeatable, EffectStart start) {
  Result<const JournalStep*> recorded = match(step);
  if (!recorded.ok()) return finished(step, recorded.error());
  BegunEffect begun;
  const JournalStep* known = *recorded;
  if (known && known->state != StepState::kStarted) {
    ++replayed_;
    observe(step, StepPhase::kReplayed);
    if (known->error) {
      failed_path_ = step.path;
      return finished(step, *known->error);
    }
    begun.known = true;
    begun.value = known->result;
    return finished(step, boost::json::serialize(to_json(begun)));
  }
  begun.uncertain = known && !repeatable;
  const std::string answer = boost::json::serialize(to_json(begun));
  Effect& effect = effects_[step.path] = Effect{};
  effect.start = step;
  effect.is_new = !known;
  if (effect.is_new && start == EffectStart::kWithCall) {
    effect.body_runs = effect.acts_by_calls = true;
    return finished(step, answer);
  }
  // A row of an earlier run says that something left then: it stays.
  effect.acts_by_calls = effect.is_new && start == EffectStart::kUntilCall;
  // An uncertain effect is on disk as started already; what happens to it is decided by its caller.
  if (begun.uncertain || !parts_.journal) {
    effect.started = Effect::Started::kYes;
    effect.body_runs = true;
    observe(step, StepPhase::kStarted);
    return finished(step, answer);
  }
  effect.started = Effect::Started::kOnTheWay;
  auto operation = std::make_shared<StepOperation>();
  operation->path = step.path;
  ++in_flight_;
  begin_journal();
  parts_.journal->begin_step(record_.identity.turn, step, *parts_.strand,
                             [shared = shared_, strand = parts_.strand, operation, step, answer](const Status& status) {
                               TurnSteps* self = shared->steps;
                               if (!self) return;
                               if (!status.ok()) {
                                 self->fatal_ = status.error();
                                 return self->complete(operation, status.error());
                               }
                               Effect& mine = self->effects_[step.path];
                               mine.started = Effect::Started::kYes;
                               mine.body_runs = self->stopped_ == nullptr;
                               self->observe(step, StepPhase::kStarted);
                               self->complete(operation, answer);
                             });
  return operation;
}

EffectCall TurnSteps::begin_call(const std::string& path) {
  const auto found = effects_.find(path);
  CHECK(found != effects_.end(), "calls are made inside a begun effect");
  ++calls_in_flight_;
  found->second.called = true;
  take_back(path, found->second);
  EffectCall call;
  call.before_leaving = [shared = shared_, strand = parts_.strand, path](std::function<void(Status)> go) {
    strand->post([shared, path, go = std::move(go)]() mutable {
      if (shared->steps) return shared->steps->leave(path, std::move(go));
      go(fail(ErrorCode::kCancelled, "the turn ended before its call left"));
    });
  };
  call.did_not_leave = [shared = shared_, strand = parts_.strand, path] {
    strand->post([shared, path] {
      if (!shared->steps) return;
      const auto effect = shared->steps->effects_.find(path);
      if (effect != shared->steps->effects_.end()) shared->steps->take_back(path, effect->second);
    });
  };
  call.ended = [shared = shared_, path](bool left) {
    if (shared->steps) shared->steps->call_ended(path, left);
  };
  return call;
}

void TurnSteps::take_back(const std::string& path, Effect& effect) {
  if (!effect.acts_by_calls || effect.left || effect.started != Effect::Started::kYes) return;
  // Not waited for: `leave` writes behind it. If it cannot be written, the step is only called doubtful in vain.
  if (parts_.journal) {
    parts_.journal->forget_step(record_.identity.turn, path, *parts_.strand,
                                [strand = parts_.strand](const Status&) {});
  }
  effect.started = Effect::Started::kNo;
}

void TurnSteps::leave(const std::string& path, std::function<void(Status)> go) {
  const auto found = effects_.find(path);
  if (found == effects_.end() || stopped_) {
    return go(fail(ErrorCode::kCancelled, "the step ended before its call left"));
  }
  if (fatal_) return go(*fatal_);
  Effect& effect = found->second;
  if (!parts_.journal) effect.started = Effect::Started::kYes;
  if (effect.started == Effect::Started::kYes) return go({});
  effect.leaving.push_back(std::move(go));
  if (effect.started == Effect::Started::kOnTheWay) return;
  effect.started = Effect::Started::kOnTheWay;
  begin_journal();
  parts_.journal->begin_step(record_.identity.turn, effect.start, *parts_.strand,
                             [shared = shared_, strand = parts_.strand, path](const Status& status) {
                               if (shared->steps) shared->steps->started(path, status);
                             });
}

void TurnSteps::started(const std::string& path, const Status& status) {
  const auto found = effects_.find(path);
  if (found == effects_.end()) return;  // its body did not wait for the call
  Effect& effect = found->second;
  if (status.ok()) {
    effect.started = Effect::Started::kYes;
    observe(effect.start, StepPhase::kStarted);
  } else {
    effect.started = Effect::Started::kNo;
    fatal_ = status.error();
  }
  const bool may_leave = status.ok() && !stopped_;
  const Error refused = status.ok() ? fail(ErrorCode::kCancelled, "the turn ended before its call left") : *fatal_;
  for (const auto& go : std::exchange(effect.leaving, {})) go(may_leave ? Status() : refused);
}

void TurnSteps::call_ended(const std::string& path, bool left) {
  --calls_in_flight_;
  const auto found = effects_.find(path);
  if (left && found != effects_.end()) found->second.left = true;
  if (stopped_ && calls_in_flight_ == 0) stop(std::exchange(stopped_, nullptr));
}

bool TurnSteps::has_left(const std::string& path) const {
  const auto found = effects_.find(path);
  return found != effects_.end() && found->second.left;
}

void TurnSteps::stop(std::function<void()> stopped) {
  if (calls_in_flight_ > 0) {
    stopped_ = std::move(stopped);
    return;
  }
  for (auto& [path, effect] : effects_) {
    // A row on its way is written before this, and forgotten by it.
    const bool on_disk = effect.started != Effect::Started::kNo;
    const bool acted = effect.body_runs && (!effect.acts_by_calls || effect.left || !effect.called);
    if (!parts_.journal || !effect.is_new || !on_disk || acted) continue;
    parts_.journal->forget_step(record_.identity.turn, path, *parts_.strand,
                                [strand = parts_.strand](const Status&) {});
  }
  abandon();
  stopped();
}

TurnSteps::Operation TurnSteps::end_effect(const StepStart& step, Result<std::string> result) {
  ++created_;
  observe(step, StepPhase::kEffectDone);
  if (!result.ok()) failed_path_ = step.path;
  const auto effect = effects_.find(step.path);
  const bool on_disk = effect == effects_.end() || effect->second.started != Effect::Started::kNo;
  if (effect != effects_.end()) {
    for (const auto& go : std::exchange(effect->second.leaving, {})) {
      go(fail(ErrorCode::kCancelled, "the step ended before its call left"));
    }
    effects_.erase(effect);
  }
  if (!parts_.journal) {
    observe(step, StepPhase::kDone);
    return finished(step, std::move(result));
  }
  auto operation = std::make_shared<StepOperation>();
  operation->path = step.path;
  ++in_flight_;
  auto written = [shared = shared_, strand = parts_.strand, operation, step, result](const Status& status) {
    TurnSteps* self = shared->steps;
    if (!self) return;
    if (!status.ok()) {
      self->fatal_ = status.error();
      return self->complete(operation, status.error());
    }
    self->observe(step, StepPhase::kDone);
    self->complete(operation, result);
  };
  if (on_disk) {
    parts_.journal->finish_step(record_.identity.turn, step.path, result, *parts_.strand, std::move(written));
  } else {
    begin_journal();
    parts_.journal->record_step(record_.identity.turn, step, result, *parts_.strand, std::move(written));
  }
  return operation;
}

TurnSteps::Operation TurnSteps::external(const std::string& path, const std::function<void(Finish)>& start) {
  ++created_;
  auto operation = std::make_shared<StepOperation>();
  operation->path = path;
  ++in_flight_;
  start([shared = shared_, operation](Result<std::string> result) {
    if (shared->steps) shared->steps->complete(operation, std::move(result));
  });
  return operation;
}

void TurnSteps::abandon() {
  shared_->steps = nullptr;
  for (auto& [path, effect] : effects_) {
    for (const auto& go : std::exchange(effect.leaving, {})) {
      go(fail(ErrorCode::kCancelled, "the turn ended before its call left"));
    }
  }
}

void TurnSteps::check_integrity() const {
  CHECK(created_ == done_ + in_flight_, "steps created == steps done + steps in flight");
}

}  // namespace mnema

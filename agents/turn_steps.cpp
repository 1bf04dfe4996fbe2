#include "agents/turn_steps.hpp"

namespace mnema {

/// What callbacks hold instead of a pointer to the turn's steps.
struct TurnSteps::Shared {
  TurnSteps* steps;
};

TurnSteps::TurnSteps(TurnRecord record, Parts parts)
    : record_(std::move(record)), parts_(std::move(parts)), shared_(std::make_shared<Shared>(Shared{this})) {}

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

TurnSteps::Operation TurnSteps::begin_effect(const StepStart& step, bool repeatable) {
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
  // An uncertain effect is on disk as started already; what happens to it is decided by its caller.
  if (begun.uncertain || !parts_.journal) {
    observe(step, StepPhase::kStarted);
    return finished(step, answer);
  }
  auto operation = std::make_shared<StepOperation>();
  operation->path = step.path;
  ++in_flight_;
  parts_.journal->begin_step(record_.identity.turn, step, *parts_.strand,
                             [shared = shared_, strand = parts_.strand, operation, step, answer](const Status& status) {
                               TurnSteps* self = shared->steps;
                               if (!self) return;
                               if (!status.ok()) {
                                 self->fatal_ = status.error();
                                 return self->complete(operation, status.error());
                               }
                               self->observe(step, StepPhase::kStarted);
                               self->complete(operation, answer);
                             });
  return operation;
}

TurnSteps::Operation TurnSteps::end_effect(const StepStart& step, Result<std::string> result) {
  ++created_;
  observe(step, StepPhase::kEffectDone);
  if (!result.ok()) failed_path_ = step.path;
  if (!parts_.journal) {
    observe(step, StepPhase::kDone);
    return finished(step, std::move(result));
  }
  auto operation = std::make_shared<StepOperation>();
  operation->path = step.path;
  ++in_flight_;
  parts_.journal->finish_step(
      record_.identity.turn, step.path, result, *parts_.strand,
      [shared = shared_, strand = parts_.strand, operation, step, result](const Status& status) {
        TurnSteps* self = shared->steps;
        if (!self) return;
        if (!status.ok()) {
          self->fatal_ = status.error();
          return self->complete(operation, status.error());
        }
        self->observe(step, StepPhase::kDone);
        self->complete(operation, result);
      });
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

void TurnSteps::abandon() { shared_->steps = nullptr; }

void TurnSteps::check_integrity() const {
  CHECK(created_ == done_ + in_flight_, "steps created == steps done + steps in flight");
}

}  // namespace mnema

#include "runtime/runtime.hpp"

#include "runtime/runtime_schema.hpp"

namespace mnema {

Result<std::unique_ptr<Runtime>> Runtime::open(Options options, Executors executors, const Clock& clock, Random& random,
                                               const Limits& limits) {
  std::vector<Migration> migrations = runtime_migrations();
  migrations.insert(migrations.end(), options.migrations.begin(), options.migrations.end());
  std::unique_ptr<Runtime> made(new Runtime);
  ASSIGN_OR_RETURN(EventFlows flows, EventFlows::make(options.flows, limits));
  options.database.statements_cached_max = limits.statements_cached_max;
  ASSIGN_OR_RETURN(made->database_,
                   Database::open(std::move(options.database), std::move(migrations), executors.store, clock));
  Database& database = *made->database_;
  made->mailbox_ = std::make_unique<Mailbox>(database, executors.loop, clock, limits, std::move(flows));
  RETURN_IF_ERROR(made->mailbox_->recover());
  made->router_ = std::make_unique<Router>(*made->mailbox_, limits);
  made->journal_ = std::make_unique<TurnJournal>(database, clock, limits);
  made->outbox_ = std::make_unique<Outbox>(database, executors.loop, clock, random, limits);
  RETURN_IF_ERROR(made->outbox_->recover());
  made->timers_ = std::make_unique<Timers>(database, *made->mailbox_, executors.loop, clock, limits);
  RETURN_IF_ERROR(made->timers_->recover());
  made->dead_letters_ = std::make_unique<DeadLetters>(database, *made->mailbox_, *made->outbox_, clock, limits);
  made->journal_cleaner_ = std::make_unique<RetentionCleaner>(
      RetentionCleaner::What{"journal", "journals of turns", LogLevel::kDebug},
      [journal = made->journal_.get()](int turns_max, Executor& reply_to, auto on_done) {
        journal->purge(turns_max, reply_to, std::move(on_done));
      },
      executors.loop, limits);
  made->dead_letter_cleaner_ = std::make_unique<RetentionCleaner>(
      RetentionCleaner::What{"dead_letters", "dead letters", LogLevel::kWarning},
      [letters = made->dead_letters_.get()](int letters_max, Executor& reply_to, auto on_done) {
        letters->purge(letters_max, reply_to, std::move(on_done));
      },
      executors.loop, limits);
  return made;
}

Runtime::~Runtime() = default;

void Runtime::start() {
  journal_cleaner_->start();
  dead_letter_cleaner_->start();
}

void Runtime::close() {
  mailbox_->stop_taking();
  outbox_->stop();
  journal_cleaner_->stop();
  dead_letter_cleaner_->stop();
  database_->close();
}

RuntimeCounts Runtime::counts() const {
  RuntimeCounts counts;
  mailbox_->count(counts);
  outbox_->count(counts);
  return counts;
}

void Runtime::check_integrity() {
  mailbox_->check_integrity();
  outbox_->check_integrity();
  timers_->check_integrity();
  journal_->check_integrity();
  database_->check_integrity();
}

}  // namespace mnema

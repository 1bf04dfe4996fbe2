#include "runtime/runtime.hpp"

#include "runtime/runtime_schema.hpp"

namespace mnema {

Result<std::unique_ptr<Runtime>> Runtime::open(Options options, Executors executors, const Clock& clock, Random& random,
                                               const Limits& limits) {
  std::vector<Migration> migrations = runtime_migrations();
  migrations.insert(migrations.end(), options.migrations.begin(), options.migrations.end());
  std::unique_ptr<Runtime> made(new Runtime);
  ASSIGN_OR_RETURN(made->database_,
                   Database::open(std::move(options.database), std::move(migrations), executors.store, clock));
  Database& database = *made->database_;
  made->mailbox_ = std::make_unique<Mailbox>(database, executors.loop, clock, limits);
  RETURN_IF_ERROR(made->mailbox_->recover());
  made->router_ = std::make_unique<Router>(*made->mailbox_, limits);
  made->journal_ = std::make_unique<TurnJournal>(database, clock, limits);
  made->journal_cleaner_ = std::make_unique<JournalCleaner>(*made->journal_, executors.loop, limits);
  made->outbox_ = std::make_unique<Outbox>(database, executors.loop, clock, random, limits);
  RETURN_IF_ERROR(made->outbox_->recover());
  made->timers_ = std::make_unique<Timers>(database, *made->mailbox_, executors.loop, clock, limits);
  RETURN_IF_ERROR(made->timers_->recover());
  made->dead_letters_ = std::make_unique<DeadLetters>(database, *made->mailbox_, *made->outbox_);
  return made;
}

Runtime::~Runtime() = default;

void Runtime::close() {
  outbox_->stop();
  journal_cleaner_->stop();
  database_->close();
}

void Runtime::check_integrity() {
  mailbox_->check_integrity();
  outbox_->check_integrity();
  timers_->check_integrity();
  journal_->check_integrity();
  database_->check_integrity();
}

}  // namespace mnema

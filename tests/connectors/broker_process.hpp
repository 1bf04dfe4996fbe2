// tests/connectors/broker_process.hpp
//
// The runtime on a disk of the machine, with real threads, for tests with a real broker: what a program is made of,
// without agents. It can be killed (what is in memory is gone) and started again over its file.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/connector.hpp"
#include "connectors/secrets_store.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/runtime.hpp"

namespace mnema::testing {

/// One process, as far as its memory goes. Who derives from it ends it.
class BrokerProcess {
 public:
  BrokerProcess(const std::string& folder, const Limits& limits, std::vector<Migration> migrations) : limits_(limits) {
    Runtime::Options options;
    options.database.path = folder + "/mnema.db";
    options.migrations = std::move(migrations);
    Result<std::unique_ptr<Runtime>> opened = Runtime::open(std::move(options), {loop, store}, clock, random, limits_);
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    runtime = std::move(*opened);
    runtime->router().add_agent("worker");
    runtime->router().add_tenant("local");
    runtime->router().add_tenant("acme");
  }

  [[nodiscard]] Accept accept() {
    return
        [this](EventBatch batch, BatchDone done) { runtime->router().accept(std::move(batch), loop, std::move(done)); };
  }
  void run() { loop.start(); }
  /// What the sink answers.
  [[nodiscard]] std::future<Status> deliver(OutboxMessage message) {
    auto answer = std::make_shared<std::promise<Status>>();
    sink->deliver(std::move(message), loop, [answer](const Status& status) { answer->set_value(status); });
    return answer->get_future();
  }
  void stop_threads() {
    loop.stop();
    loop.join();
    for (ThreadPoolExecutor* pool : {&workers, &blocking, &store}) {
      pool->drop_queued();
      pool->stop();
    }
  }

  template <class T>
  [[nodiscard]] T on_loop(const std::function<T()>& work) {
    std::promise<T> answer;
    loop.post([&] { answer.set_value(work()); });
    return answer.get_future().get();
  }
  [[nodiscard]] std::vector<Event> events(int state) {
    const auto read = runtime->database().read<std::vector<Event>>([&](Transaction& t) -> Result<std::vector<Event>> {
      std::vector<Event> all;
      ASSIGN_OR_RETURN(Statement select, t.prepare("SELECT sequence FROM mailbox WHERE state = ? ORDER BY sequence"));
      ASSIGN_OR_RETURN(const std::vector<std::int64_t> numbers, select.bind(1, state).integers());
      for (const std::int64_t number : numbers) {
        ASSIGN_OR_RETURN(mailbox_store::Row row, mailbox_store::load(t, number));
        all.push_back(std::move(row.event));
      }
      return all;
    });
    CHECK(read.ok(), "the mailbox is read");
    return *read;
  }
  [[nodiscard]] std::vector<Event> ready() { return events(0); }
  [[nodiscard]] std::vector<Event> dead() { return events(3); }
  /// Takes and completes an event, as a turn does.
  void handle_one() {
    std::promise<void> handled;
    runtime->mailbox().take(loop, [&](Delivery delivery) {
      auto held = std::make_shared<Delivery>(std::move(delivery));
      runtime->database().write<void>(
          WritePriority::kForeground, [this, held](Transaction& t) { return runtime->mailbox().complete(t, *held); },
          loop,
          [&handled, held](const Status& status) {
            EXPECT_TRUE(status.ok());
            handled.set_value();
          });
    });
    handled.get_future().get();
  }

  const Limits limits_;
  SystemClock clock;
  SystemRandom random;
  SecretsStore secrets{clock};
  Loop loop;
  ThreadPoolExecutor store{"store", 1};
  ThreadPoolExecutor workers{"workers", 2};
  ThreadPoolExecutor blocking{"blocking", 4};
  std::unique_ptr<Runtime> runtime;
  std::unique_ptr<Sink> sink;
};

}  // namespace mnema::testing

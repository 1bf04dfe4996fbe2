// cli/bench/events_bench.hpp
//
// What an event costs here: how many a second are accepted and handled, how long one takes at a steady rate, how much
// memory stays behind, how long one tenant waits for another, and what the disk could do at best.
//
//   burst    events as fast as they are acknowledged, to a handler that only counts
//   backlog  the same events already waiting when turns begin: turns alone
//   batches  events in batches with their source's offset, beside the same ones singly; no turns (batch_load.hpp)
//   coalesce many events of each key at a steady rate, the newest of which has a turn (coalesce_load.hpp)
//   paced    a steady rate to a handler that counts, then to one that makes three durable steps; with a model, the
//            first again beside texts that it decodes (paced_load.hpp, decoding_streams.hpp)
//   idle     what agents cost that have nothing to do (idle_load.hpp)
//   growth   resident memory after more and more bursts
//   tenants  one tenant bursts, another sends single events
//
// Threads: blocks the caller.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/bench/batch_load.hpp"
#include "cli/bench/coalesce_load.hpp"
#include "cli/bench/disk_limit.hpp"
#include "cli/bench/idle_load.hpp"
#include "cli/bench/latency.hpp"
#include "cli/bench/paced_load.hpp"
#include "runtime/base/random.hpp"

namespace mnema {

struct EventsBenchOptions {
  std::string folder;  // exists; data files are made in it
  int events = 20'000;
  double rate = 1'000;
  double rate_s = 5;
  double step_rate = 100;    // turns of three steps a second; 0 leaves that phase out
  std::string model;         // decodes beside; empty leaves that phase out
  int streams = 4;           // texts that it decodes
  int idle_agents = 10'000;  // 0 leaves that phase out
  double idle_s = 10;
  int tenants = 2;  // 1 leaves that phase out
  int keys = 1'000;
  int in_flight = 1'000;
  int batched_events = 50'000;                          // of the phase of batches
  int batch_events = 500;                               // in one batch
  double coalesce_rate = 10'000;                        // events a second; 0 leaves that phase out
  double coalesce_s = 5;                                // its length
  int growth_events = 200'000;                          // 0 leaves that phase out
  Duration disk_each = std::chrono::milliseconds(500);  // of each loop that measures the disk alone
  Duration embedding = std::chrono::milliseconds(5);    // that a text would take to embed, were it asked for
};

struct EventsBenchResult {
  DiskLimit disk;

  struct Burst {
    double accepted_per_s = 0;
    double turns_per_s = 0;     // from the first event sent to the last commit
    double drain_s = 0;         // from the last acknowledgement to the last commit
    double units_per_turn = 0;  // of work for the store
    double units_per_commit = 0;
    double commits_per_s = 0;
    std::map<std::string, double> cpu_us_per_turn;  // by thread
  };
  Burst burst;
  Burst backlog;  // accepted_per_s: with no turn running

  BatchRates batches;
  CoalesceRates coalesce;

  PacedWaits paced;
  PacedWaits steps;

  struct BesideStreams {
    PacedWaits paced;
    double tokens_per_s = 0;  // of all streams
  };
  BesideStreams beside_streams;
  IdleCost idle;

  struct Resident {
    int events = 0;
    double mib = 0;
  };
  std::vector<Resident> growth;

  struct Tenants {
    Latency alone;   // a single event's commit while nothing else happens
    Latency beside;  // while another tenant bursts
    double burst_s = 0;
  };
  Tenants tenants;
};

/// Errors: `kStorage`, `kUnavailable` (events were lost or took too long), `kInternal` (counted otherwise than sent).
[[nodiscard]] Result<EventsBenchResult> run_events_bench(const EventsBenchOptions& options, const Clock& clock,
                                                         Random& random);

}  // namespace mnema

// agents/host/document_folders.hpp
//
// The documents that a configuration names, read into memory: those of [memory] for all agents, those of an agent for
// it alone. Each is read again when its time is over ([memory] documents_reread_minutes). What came of a reading is in
// the log.
//
// Threads:   returns at once; the reading is on `background`.
// Ownership: borrows memory and executor, which outlive the reading.
#pragma once

#include "memory/store.hpp"
#include "runtime/config/config.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

void read_document_folders(MemoryStore& memory, const Config& config, Executor& background);

}  // namespace mnema

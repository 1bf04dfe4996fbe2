// mnema/connectors.hpp
//
// What a program implements to bring events from, or messages to, a system of its own: `Source` and `Sink`
// (`HostOptions::sinks`). For HTTP APIs, files and webhooks the configuration is enough.
//
// Threads: as the header below says.
#pragma once

#include "connectors/connector.hpp"

// connectors/http/socket_stream.hpp
//
// Byte streams over an accepted socket: plain, or TLS on top. Included by server.cpp only; it brings Asio with it.
//
// Threads and ownership: as runtime/exec/stream.hpp. A TLS stream borrows its context.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "runtime/exec/stream.hpp"

namespace mnema {

[[nodiscard]] std::unique_ptr<Stream> plain_stream(boost::asio::ip::tcp::socket socket);
[[nodiscard]] std::unique_ptr<Stream> tls_stream(boost::asio::ip::tcp::socket socket,
                                                 boost::asio::ssl::context& context);

}  // namespace mnema

// connectors/http/socket_stream.hpp
//
// Byte streams over a socket: plain, or TLS on top. Included by files that make connections; it brings Asio with it.
//
// Threads and ownership: as runtime/exec/stream.hpp. A TLS stream borrows its context.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>

#include "runtime/exec/stream.hpp"

namespace mnema {

[[nodiscard]] std::unique_ptr<Stream> plain_stream(boost::asio::ip::tcp::socket socket);
/// Of a server: its `open` is the handshake.
[[nodiscard]] std::unique_ptr<Stream> tls_stream(boost::asio::ip::tcp::socket socket,
                                                 boost::asio::ssl::context& context);
using TlsSocket = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;
/// After the handshake.
[[nodiscard]] std::unique_ptr<Stream> open_tls_stream(std::unique_ptr<TlsSocket> socket);

}  // namespace mnema

// connectors/http/content_decoder.hpp
//
// A request body's Content-Encoding (RFC 9110 section 8.4.1) taken off as bytes come: gzip (RFC 1952; also several
// members in a row) and deflate (RFC 1950; RFC 1951 alone, as some clients send it). What comes out is handed on in
// pieces of a few kilobytes, so that whoever takes them can stop before a small body has become a large one.
//
// Threads: confined to one body.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

struct z_stream_s;

namespace mnema {

class ContentDecoder {
 public:
  [[nodiscard]] static bool knows(std::string_view coding);
  /// Null where the coding is none, or not known.
  [[nodiscard]] static std::unique_ptr<ContentDecoder> for_coding(std::string_view coding);
  ~ContentDecoder();
  ContentDecoder(const ContentDecoder&) = delete;
  ContentDecoder& operator=(const ContentDecoder&) = delete;

  /// More of the body. `take` gets what comes out and returns false to stop. False: the bytes are not of this coding.
  template <class Take>
  [[nodiscard]] bool decode(std::string_view coded, Take take) {
    Piece piece{coded, {}, false};
    do {
      if (!next(piece)) return false;
      if (!piece.decoded.empty() && !take(piece.decoded)) return true;
    } while (piece.more);
    return true;
  }

  /// The coded bytes have come to their own end, or there were none.
  [[nodiscard]] bool is_complete() const { return complete_ || !begun_; }

 private:
  struct Piece {
    std::string_view coded;    // what is left of it
    std::string_view decoded;  // valid until the next piece
    bool more;                 // another piece may come out without more coded bytes, or some are left
  };
  explicit ContentDecoder(bool gzip);
  [[nodiscard]] bool next(Piece& piece);
  [[nodiscard]] bool begin(unsigned char first);

  const bool gzip_;
  std::unique_ptr<z_stream_s> stream_;
  std::unique_ptr<char[]> output_;
  bool begun_ = false;
  bool complete_ = false;
};

}  // namespace mnema

#include "connectors/http/content_decoder.hpp"

#include <zlib.h>

#include "connectors/http/message.hpp"

namespace mnema {
namespace {

constexpr std::size_t kPieceBytes = 16 << 10;
// How zlib names the formats (zlib.h, inflateInit2): the window's size, and what stands around the deflated bytes.
constexpr int kWindowBits = 15, kGzip = 16 + kWindowBits, kZlib = kWindowBits, kRaw = -kWindowBits;

bool is_gzip(std::string_view coding) {
  return equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip");
}

}  // namespace

bool ContentDecoder::knows(std::string_view coding) {
  return is_gzip(coding) || equal_ignoring_case(coding, "deflate");
}

std::unique_ptr<ContentDecoder> ContentDecoder::for_coding(std::string_view coding) {
  if (!knows(coding)) return nullptr;
  return std::unique_ptr<ContentDecoder>(new ContentDecoder(is_gzip(coding)));
}

ContentDecoder::ContentDecoder(bool gzip) : gzip_(gzip), stream_(std::make_unique<z_stream>()) {}

ContentDecoder::~ContentDecoder() {
  if (begun_) inflateEnd(stream_.get());
}

bool ContentDecoder::begin(unsigned char first) {
  output_ = std::make_unique<char[]>(kPieceBytes);
  // RFC 1950 begins with method 8 in the low bits; as raw deflate that would be a stored block with a bad length, or
  // one that no encoder begins with.
  const int format = gzip_ ? kGzip : (first & 0x0F) == Z_DEFLATED ? kZlib : kRaw;
  begun_ = inflateInit2(stream_.get(), format) == Z_OK;
  return begun_;
}

bool ContentDecoder::next(Piece& piece) {
  piece.more = false;
  piece.decoded = {};
  if (complete_ && !piece.coded.empty()) {
    // Another member; deflate has none.
    if (!gzip_ || inflateReset(stream_.get()) != Z_OK) return false;
    complete_ = false;
  }
  if (!begun_) {
    if (piece.coded.empty()) return true;
    if (!begin(static_cast<unsigned char>(piece.coded[0]))) return false;
  }
  if (complete_) return true;
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.coded.data()));
  stream_->avail_in = static_cast<uInt>(piece.coded.size());
  stream_->next_out = reinterpret_cast<Bytef*>(output_.get());
  stream_->avail_out = kPieceBytes;
  const int result = inflate(stream_.get(), Z_NO_FLUSH);
  piece.coded.remove_prefix(piece.coded.size() - stream_->avail_in);
  piece.decoded = {output_.get(), kPieceBytes - stream_->avail_out};
  complete_ = result == Z_STREAM_END;
  piece.more = !piece.coded.empty() || (result == Z_OK && stream_->avail_out == 0);
  // Z_BUF_ERROR: nothing could be done without more bytes.
  return result == Z_OK || result == Z_STREAM_END || (result == Z_BUF_ERROR && piece.coded.empty());
}

}  // namespace mnema
